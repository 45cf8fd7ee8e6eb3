"""Pictures that are held until the model's own wording of them was checked."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from agent import ImageOptions, TurnRequest
from agent.offline import Offline, OfflineOptions, Reply
from agent.offline.exchange import Incoming
from agent.schema import ScreenOutput
from agent.upstream.dialects import DIALECTS
from tests.conftest import png
from tests.test_bad_answers import OTHER, PICTURE, Canned, b64, events, item, response
from tests.watched import blobs, notices, story, verdicts, watched, written

KITE = TurnRequest(text="a red kite over the sea", stream=False)
LOW = TurnRequest(text="a red kite over the sea", options=ImageOptions(quality="low"))
BAD = "A plumbus on a beach"
A_QUARTER_EACH = 'kind = "per_image"\ncurrency = "USD"\n[per_image."*"]\n"*" = 0.25\n'
USAGE = {"input_tokens": 50, "output_tokens": 20, "total_tokens": 70}


class Heard(Canned):
    """The same, and remembers what it was asked."""

    def __init__(self, body: dict[str, object]) -> None:
        super().__init__(body)
        self.bodies: list[str] = []

    async def handle(self, request: Incoming) -> Reply:
        self.bodies.append(request.body.decode())
        return await super().handle(request)


def drew(words: str | None, *more: dict[str, object]) -> Canned:
    told = {"revised_prompt": words} if words else {}
    return Canned(response(item(b64(PICTURE), **told), *more, usage=USAGE))


@pytest.mark.parametrize("way", ["the agent", "the request"])
async def test_what_the_wording_refuses_is_not_kept_and_not_shown_and_is_billed(
    tmp_path: Path, way: str
) -> None:
    screens: ScreenOutput = "hold" if way == "the agent" else "tell"
    request = KITE if way == "the agent" else replace(KITE, screen_output="hold")
    async with watched(tmp_path, drew(BAD), screen_output=screens) as agent:
        told, ended = await story(agent, request)
        [attempt] = await agent.store.attempts(turn=ended.turn)
        found = await verdicts(agent, ended.session)

        assert (ended.outcome, ended.exit_code, ended.images) == ("refused", 3, ())
        assert ended.error is not None
        assert (ended.error.code, ended.error.stage) == ("policy", "policy")
        assert (ended.error.rule, ended.error.billed) == ("house-no", "yes")
        assert "drawn and is billed" in ended.error.message
        assert ended.error.hint == "Say dinglebop."
        assert (attempt.state, attempt.billed, attempt.images) == ("refused", "yes", 0)
        assert ended.cost.amount
        assert [v.subject for v in found] == ["prompt", "revised_prompt"]
        assert (found[1].decision, found[1].rule) == ("refuse", "house-no")
        assert not [e for e in told if e.type.startswith("image.")]
        assert blobs(tmp_path) == []


async def test_the_same_is_only_told_where_nothing_is_held(tmp_path: Path) -> None:
    async with watched(tmp_path, drew(BAD)) as agent:
        told, ended = await story(agent, KITE)

    assert ended.outcome == "image"
    assert notices(told, "revised_prompt") == ["the model's own wording: No plumbus here."]
    assert len(blobs(tmp_path)) == 1


async def test_a_wording_that_is_refused_goes_to_no_later_request(tmp_path: Path) -> None:
    server = Heard(response(item(b64(PICTURE), revised_prompt=BAD), usage=USAGE))
    async with watched(tmp_path, server) as agent:
        first = await agent.run(KITE)
        again = TurnRequest(text="at night", intent="edit", session=first.session, stream=False)
        ended = await agent.run(again)
        found = await verdicts(agent, first.session)

    assert (first.outcome, ended.outcome) == ("image", "image")
    assert first.images[0].revised_prompt is None
    assert "a red kite over the sea" in server.bodies[1]
    assert "plumbus" not in server.bodies[1]
    assert ("revised_prompt", "refuse") in [(v.subject, v.decision) for v in found]


@pytest.mark.parametrize("words", [None, "A red kite", "A gromlet on a beach"])
async def test_a_picture_is_released_without_a_wording_and_with_one_that_is_not_refused(
    tmp_path: Path, words: str | None
) -> None:
    async with watched(tmp_path, drew(words), screen_output="hold") as agent:
        told, ended = await story(agent, KITE)

    assert ended.outcome == "image"
    assert [e.type for e in told if e.type.startswith("image.")] == ["image.completed"]
    assert len(blobs(tmp_path)) == 1
    assert bool(notices(told, "revised_prompt")) == ("gromlet" in (words or ""))


async def test_of_two_pictures_the_harmless_one_is_kept_and_both_are_billed(tmp_path: Path) -> None:
    second = item(b64(OTHER), "ig_2", revised_prompt="A red kite")
    server = Canned(response(item(b64(PICTURE), revised_prompt=BAD), second, usage=USAGE))
    async with watched(tmp_path, server, screen_output="hold", prices=A_QUARTER_EACH) as agent:
        told, ended = await story(agent, KITE)
        [attempt] = await agent.store.attempts(turn=ended.turn)

    assert (ended.outcome, len(ended.images)) == ("image", 1)
    assert [failure.rule for failure in ended.failures] == ["house-no"]
    assert [e.type for e in told if e.type.startswith("image.")] == ["image.completed"]
    assert len(blobs(tmp_path)) == 1
    assert (attempt.state, attempt.billed) == ("completed", "yes")
    assert ended.cost.amount == Decimal("0.50")


async def test_a_picture_that_is_not_kept_costs_what_it_costs(tmp_path: Path) -> None:
    held, told = tmp_path / "held", tmp_path / "told"
    held.mkdir()
    told.mkdir()
    async with watched(held, drew(BAD), screen_output="hold", prices=A_QUARTER_EACH) as agent:
        withheld = await agent.run(KITE)
    async with watched(told, drew(BAD), prices=A_QUARTER_EACH) as agent:
        kept = await agent.run(KITE)

    assert withheld.outcome == "refused"
    assert withheld.cost == kept.cost
    assert kept.cost.amount == Decimal("0.25")


async def test_no_draft_is_asked_for_kept_or_told_while_pictures_are_held(tmp_path: Path) -> None:
    server = Offline(OfflineOptions(draw="tiny", salt="test"))
    asked = replace(LOW, options=ImageOptions(quality="low", partial_images=2))
    async with watched(tmp_path, server, screen_output="hold") as agent:
        told, ended = await story(agent, asked)
        [turn] = await agent.store.turns(ended.session or "")  # type: ignore[arg-type]

    assert ended.outcome == "image"
    assert not [e for e in told if e.type == "image.partial"]
    assert "partials" not in server.counters
    assert turn.options.partial_images == 0
    assert len(notices(told, "output_held")) == 1


async def test_a_draft_that_comes_unasked_is_dropped_while_pictures_are_held(
    tmp_path: Path,
) -> None:
    draft = {
        "type": "response.image_generation_call.partial_image",
        "partial_image_index": 0,
        "partial_image_b64": b64(OTHER),
    }
    done = {
        "type": "response.output_item.done",
        "item": item(b64(PICTURE), revised_prompt=BAD),
    }
    end = {"type": "response.completed", "response": response(usage=USAGE)}
    server = Canned(events(draft, done, end))
    async with watched(tmp_path, server, screen_output="hold") as agent:
        told, ended = await story(agent, replace(LOW, options=ImageOptions(partial_images=1)))

    assert ended.outcome == "refused"
    assert not [e for e in told if e.type.startswith("image.")]
    assert blobs(tmp_path) == []


async def test_damaged_bytes_with_a_harmless_wording_are_kept_as_they_came(tmp_path: Path) -> None:
    server = Canned(response(item(b64(PICTURE[:-40]), revised_prompt="A red kite")))
    async with watched(tmp_path, server, screen_output="hold") as agent:
        _, ended = await story(agent, KITE)

    assert ended.outcome == "failed"
    assert ended.error is not None
    assert ended.error.code == "malformed"


async def test_damaged_bytes_with_a_refused_wording_are_not_kept(tmp_path: Path) -> None:
    server = Canned(response(item(b64(PICTURE[:-40]), revised_prompt=BAD)))
    async with watched(tmp_path, server, screen_output="hold") as agent:
        _, ended = await story(agent, KITE)

    assert ended.outcome == "refused"
    assert blobs(tmp_path) == []


async def test_neither_a_refused_turn_nor_a_refused_text_enters_what_is_sent_later(
    tmp_path: Path,
) -> None:
    """Over undo and a branch: the refused ones are on no path that goes out."""
    said: list[str] = []

    class Listening(Canned):
        async def handle(self, request: Incoming) -> Reply:
            said.append(request.body.decode())
            return await super().handle(request)

    kite = Listening(response(item(b64(PICTURE), revised_prompt="A red kite")))
    async with watched(tmp_path, kite, screen_output="hold") as agent:
        first = await agent.run(TurnRequest(text="a red kite", intent="chat"))
        kite._body = drew(BAD)._body
        withheld = await agent.run(
            TurnRequest(text="paint it wistful", intent="chat", session=first.session)
        )
        refused = await agent.run(
            TurnRequest(text="add a plumbus", intent="chat", session=first.session)
        )
        kite._body = Listening(response(item(b64(OTHER), revised_prompt="A blue kite")))._body
        second = await agent.run(
            TurnRequest(text="make it blue", intent="chat", session=first.session)
        )
        session = await agent.store.session(first.session or "")
        await agent.store.move_head(session.id, expected=session.head, to=first.turn)
        branch = await agent.run(
            TurnRequest(text="make it green", intent="chat", session=first.session)
        )
        turns = {t.id: t for t in await agent.store.turns(session.id)}

    assert [withheld.outcome, refused.outcome] == ["refused", "refused"]
    assert [second.outcome, branch.outcome] == ["image", "image"]
    assert second.turn is not None
    assert branch.turn is not None
    assert turns[second.turn].parent == turns[branch.turn].parent == first.turn
    assert len(said) == 4
    for body in said[2:]:
        assert "a red kite" in body
        assert "wistful" not in body
        assert "plumbus" not in body


async def test_every_screened_text_leaves_a_verdict_also_when_nothing_is_sent(
    tmp_path: Path,
) -> None:
    async with watched(tmp_path, drew("A red kite")) as agent:
        await agent.run(TurnRequest(text="a plumbus"))
        await agent.run(TurnRequest(text="a gromlet"))
        await agent.run(KITE)
        found = await written(agent)

    told = [(v.subject, v.decision, v.session is not None) for v in reversed(found)]
    assert told == [
        ("prompt", "refuse", False),
        ("prompt", "review", False),
        ("prompt", "allow", True),
        ("revised_prompt", "allow", True),
    ]


async def test_a_screened_text_leaves_a_verdict_also_when_something_else_stops_the_turn(
    tmp_path: Path,
) -> None:
    narrow = replace(DIALECTS["offline"], body_cap=100)
    async with watched(tmp_path, drew("A kite"), dialect=narrow) as agent:
        stopped = await agent.run(KITE)
        found = await written(agent)
    open_house = tmp_path / "taken"
    open_house.mkdir()
    async with watched(open_house, drew("A kite")) as agent:
        await agent.run(replace(KITE, session_name="kite"))
        taken = await agent.run(replace(KITE, session_name="kite"))
        later = await written(agent)

    assert [stopped.exit_code, taken.exit_code] == [2, 2]
    assert [v.subject for v in found] == ["prompt"]
    assert [v.session for v in later[:2]] == [None, None]
    assert {v.subject for v in later[:2]} == {"prompt", "file_name"}


# ── names ────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("how", ["edit", "reference", "mask", "session"])
async def test_a_name_that_is_refused_stops_the_turn(tmp_path: Path, how: str) -> None:
    good, bad = tmp_path / "kite.png", tmp_path / "my-plumbus.png"
    good.write_bytes(png(1024, 1024))
    bad.write_bytes(png(1024, 1024, mode="L", colour="black"))
    base = TurnRequest(text="make it night", intent="edit", edit=(good,))
    request = {
        "edit": replace(base, edit=(bad,)),
        "reference": replace(base, references=(bad,)),
        "mask": replace(base, mask=bad, mask_mode="black"),
        "session": replace(KITE, session_name="my plumbus"),
    }[how]
    server = drew("A kite")
    async with watched(tmp_path, server) as agent:
        ended = await agent.run(request)
        found = await written(agent)

    assert (ended.outcome, server.asked) == ("refused", 0)
    assert ended.error is not None
    assert ended.error.rule == "house-no"
    assert "file_name" in [v.subject for v in found]


async def test_a_doubtful_name_is_written_down_and_stops_nothing(tmp_path: Path) -> None:
    async with watched(tmp_path, drew("A kite")) as agent:
        ended = await agent.run(replace(KITE, session_name="my gromlet"))
        found = await verdicts(agent, ended.session)

    assert ended.outcome == "image"
    assert ("file_name", "review") in [(v.subject, v.decision) for v in found]


async def test_a_name_is_judged_together_with_the_text(tmp_path: Path) -> None:
    async with watched(tmp_path, drew("A kite")) as agent:
        ended = await agent.run(replace(KITE, text="a rightish kite", session_name="leftish"))

    assert ended.error is not None
    assert ended.error.rule == "house-halves"


async def test_the_folders_of_a_file_are_nobodys_business(tmp_path: Path) -> None:
    folder = tmp_path / "plumbus"
    folder.mkdir()
    (folder / "kite.png").write_bytes(png(1024, 1024))
    request = TurnRequest(text="make it night", intent="edit", edit=(folder / "kite.png",))
    async with watched(tmp_path, drew("A kite")) as agent:
        assert (await agent.run(request)).outcome == "image"
