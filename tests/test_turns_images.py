"""The same sessions over both APIs: who is whose parent, what is sent, what it is booked as."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from agent import (
    ImageAgent,
    ImageOptions,
    TurnCompleted,
    TurnFailed,
    TurnRefused,
    TurnRequest,
    load_settings,
    open_agent,
)
from agent.events import ImagePartial
from agent.factory import open_upstream
from agent.ids import Ulids
from agent.offline import Offline
from agent.schema import Via
from agent.settings import ProfileSettings
from agent.traffic import Profile
from agent.turn import prompts
from agent.turn.lineage import tree
from agent.upstream.dialects import DIALECTS
from tests.conftest import Serve, Ticking, bytes_of, png, sent_to

KITE = "a red kite over the sea"
Over = Callable[[Via, Offline], AbstractAsyncContextManager[ImageAgent]]


@pytest.fixture
def over(tmp_path: Path, clock: Ticking) -> Over:
    """An agent over one API; all of a test share a store."""
    home = tmp_path / "home"
    home.mkdir()
    ids = Ulids(clock, entropy=lambda n: b"\0" * n)

    def opener(via: Via, server: Offline) -> AbstractAsyncContextManager[ImageAgent]:
        settings = load_settings(
            flags={"via": via},
            env={"HOME": str(home), "LIMNER_HOME": str(home / "data")},
            cwd=home,
            config_dir=home / "config",
        )
        return open_agent(settings, profile="offline", offline=server, clock=clock, ids=ids)

    return opener


def paths(server: Offline) -> list[str]:
    entries = server.state.journal.log()
    return [str(entry["path"]) for entry in entries if isinstance(entry, dict)]


async def test_a_session_goes_on_over_the_other_api(serve: Serve, over: Over) -> None:
    server = serve()
    async with over("responses", server) as agent:
        day = await agent.run(TurnRequest(text="a lighthouse by day"))
    async with over("images", server) as agent:
        night = await agent.run(
            TurnRequest(text="make it night", intent="edit", session=day.session)
        )
        draft = await agent.run(
            TurnRequest(text="make it autumn", intent="edit", session=day.session, edit=("@1",))
        )
    async with over("responses", server) as agent:
        last = await agent.run(TurnRequest(text="make it snow", intent="edit", session=day.session))
        assert day.session is not None
        images = await agent.store.images(day.session)
        turns = await agent.store.turns(day.session)

    assert paths(server) == ["/v1/responses", *["/v1/images/edits"] * 2, "/v1/responses"]
    assert [image.number for image in images] == [1, 2, 3, 4]
    parents = {image.number: image.parents for image in images}
    ids = {image.number: image.id for image in images}
    assert parents == {1: (), 2: (ids[1],), 3: (ids[1],), 4: (ids[3],)}
    [root] = tree(images)
    assert [node.image.number for node in root.children] == [2, 3]
    assert [turn.outcome for turn in turns] == ["image"] * 4
    assert all(isinstance(end, TurnCompleted) for end in (day, night, draft, last))


async def test_only_the_picture_and_this_turns_words_are_sent(serve: Serve, over: Over) -> None:
    server = serve(dialect="hingnet")
    async with over("images", server) as agent:
        first = await agent.run(TurnRequest(text="a lighthouse by day"))
        await agent.run(TurnRequest(text="make it night", intent="edit", session=first.session))

    made, edited = sent_to(server)
    preamble, _ = prompts.text("preamble/standard")
    assert made["prompt"] == f"{preamble}\n\na lighthouse by day"
    assert edited["prompt"] == f"{preamble}\n\nmake it night"
    assert len(edited["images"]) == 1


@pytest.mark.parametrize("variant", ["standard", "family", "no-people"])
def test_every_preamble_is_one_paragraph(variant: str) -> None:
    """The Images API takes the first paragraph of the instructions for the preamble."""
    for name in (f"preamble/{variant}", f"preamble/{variant}-plain"):
        text, _ = prompts.text(name)
        assert text.strip()
        assert "\n\n" not in text.strip()


async def test_the_ledger_books_it_like_any_other(serve: Serve, over: Over) -> None:
    async with over("images", serve()) as agent:
        ended = await agent.run(TurnRequest(text=KITE, user="ada", stream=False))

        assert ended.turn is not None
        [attempt] = await agent.store.attempts(turn=ended.turn)
    assert (attempt.state, attempt.billed, attempt.images) == ("completed", "yes", 1)
    assert (attempt.actual.model, attempt.actual.size) == ("limner-offline", "1024x1024")
    assert attempt.usage.image is not None
    assert attempt.usage.image.output == 1756
    assert attempt.cost.amount == Decimal(0)
    assert attempt.request_id
    assert attempt.prompts[0].id == "preamble/standard"


async def test_a_file_a_reference_and_a_mask_go_along(serve: Serve, over: Over) -> None:
    server = serve()
    async with over("images", server) as agent:
        ended = await agent.run(
            TurnRequest(
                text="make it night",
                intent="edit",
                edit=(png(1024, 640),),
                references=(png(64, 64),),
                mask_box=(0, 0, 100, 100),
            )
        )

        [image] = ended.images
        assert len(image.parents) == 2
        assert bytes_of(image).startswith(b"\x89PNG")
    [sent] = sent_to(server)
    assert (len(sent["image[]"]), len(sent["mask"])) == (2, 1)


async def test_drafts_are_told_where_the_server_streams_them(serve: Serve, over: Over) -> None:
    async with over("images", serve()) as agent:
        request = TurnRequest(text=KITE, options=ImageOptions(partial_images=2))
        told = [event async for event in agent.stream(request)]

    assert len([event for event in told if isinstance(event, ImagePartial)]) == 3


@pytest.mark.parametrize(
    "dialect", ["openai", "sub2api", "new-api", "litellm", "hingnet", "3hei", "generic"]
)
async def test_edits_through_every_dialect_are_each_drawn_once(
    dialect: str, serve: Serve, over: Over
) -> None:
    server = serve(dialect=dialect)
    async with over("images", server) as agent:
        first = await agent.run(TurnRequest(text="a lighthouse by day"))
        for words in ("make it night", "make it autumn", "make it snow"):
            await agent.run(TurnRequest(text=words, intent="edit", session=first.session))
        assert first.session is not None
        images = await agent.store.images(first.session)

    assert server.counters["generations"] == 4
    line = [image.id for image in images]
    assert [image.parents for image in images] == [(), *[(parent,) for parent in line[:-1]]]


async def test_a_question_ends_where_it_begins(serve: Serve, over: Over) -> None:
    server = serve()
    async with over("images", server) as agent:
        answered = await agent.ask("What is it?", schema=ImageOptions)

    assert answered.value is None
    assert answered.failure is not None
    assert answered.failure.code == "not_implemented"
    assert answered.cost.amount == Decimal(0)
    assert paths(server) == []


@pytest.mark.parametrize(
    ("fault", "end", "generations"),
    [
        ("moderation-400", (TurnRefused, "refused"), 0),
        ("refusal-text", (TurnRefused, "refused"), 0),
        ("drop-after", (TurnFailed, "unknown"), 1),
        ("truncate", (TurnFailed, "unknown"), 1),
        ("502", (TurnFailed, "unknown"), 0),
        ("two-images", (TurnCompleted, "image"), 2),
    ],
)
async def test_a_fault_ends_a_turn_rightly_and_nothing_is_drawn_twice(
    fault: str, end: tuple[type[object], str], generations: int, serve: Serve, over: Over
) -> None:
    server = serve(fault)
    async with over("images", server) as agent:
        ended = await agent.run(TurnRequest(text=KITE))

    assert (type(ended), ended.outcome) == end
    assert server.counters.get("generations", 0) == generations


@pytest.mark.parametrize(
    ("via", "responses", "expected"),
    [
        ("auto", True, "responses"),
        ("auto", False, "images"),
        ("images", True, "images"),
        ("responses", False, "responses"),
    ],
)
async def test_the_api_is_chosen_by_what_was_asked_and_what_is_there(
    via: Via, responses: bool, expected: str, clock: Ticking, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(DIALECTS, "generic", replace(DIALECTS["generic"], responses=responses))
    chosen = ProfileSettings(name="near", base_url="https://near.example/v1", via=via)

    upstream = open_upstream(chosen, clock=clock)

    profile: Profile = upstream.profile
    assert profile.via == expected
    await upstream.aclose()
