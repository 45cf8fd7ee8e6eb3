"""Servers that keep nothing, drop things, fill things in: a session goes through all of them."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from agent import Image, ImageAgent, ImageOptions, TurnRequest, open_agent
from agent.events import Event, Terminal, TurnNotice
from agent.offline import Offline, OfflineOptions, Reply, Request
from agent.offline.exchange import Incoming, json_reply
from agent.turn import prompts
from agent.turn.request import preamble
from agent.upstream.dialects import DIALECTS

from .conftest import OpenOn, Serve, sent_to, settings_in
from .gateway import served

CHANGES = (
    "make it night",
    "add a red boat",
    "make it autumn",
    "add lanterns",
    "make the sky green",
    "make it dusk",
    "add a moon",
    "make it spring",
    "add a cat",
    "make it day",
)
SMALL = ImageOptions(size="1024x640", quality="low")
Body = dict[str, Any]


async def ten_edits(agent: ImageAgent) -> list[Image]:
    """A picture and ten changes, each of the one before."""
    pictures: list[Image] = []
    for text in ("a lighthouse by the sea", *CHANGES):
        ended = await agent.run(
            TurnRequest(
                text=text,
                intent="edit" if pictures else "generate",
                session=pictures[0].session if pictures else None,
                options=SMALL,
            )
        )
        assert ended.outcome == "image", (text, ended.error)
        pictures += ended.images
    return pictures


def assert_nothing_is_left_to_the_server(bodies: list[Body]) -> None:
    """No id anywhere, our instructions every time, one picture in an edit and none before."""
    for number, body in enumerate(bodies):
        told = str(body)
        assert "previous_response_id" not in body
        assert body["store"] is False
        assert "image_generation_call" not in told
        assert "item_reference" not in told
        assert "resp_" not in told
        assert body["instructions"].strip()
        assert body["tools"][0]["model"] == "gpt-image-2"
        assert body["tools"][0]["action"] == ("edit" if number else "generate")
        assert told.count("'input_image'") == min(number, 1)


@pytest.mark.parametrize("dialect", sorted(DIALECTS))
async def test_ten_edits_through_each_dialect_are_ten_pictures_with_ten_right_parents(
    dialect: str, serve: Serve, open_on: OpenOn
) -> None:
    server = serve(dialect=dialect)

    async with open_on(server) as agent:
        assert agent.offline
        pictures = await ten_edits(agent)

    assert server.counters["generations"] == 11
    assert [p.parents for p in pictures] == [(), *((p.id,) for p in pictures[:-1])]
    assert_nothing_is_left_to_the_server(sent_to(server))


async def test_ten_edits_through_a_server_nobody_knows_work_the_same(
    serve: Serve, tmp_path: Path
) -> None:
    server = serve(dialect="sub2api")

    async with served(server) as url:
        settings = settings_in(tmp_path, OPENAI_BASE_URL=url, OPENAI_API_KEY="sk-test")
        async with open_agent(settings) as agent:
            pictures = await ten_edits(agent)
            [attempt] = (await agent.store.attempts(turn=pictures[-1].turn))[-1:]

    assert attempt.dialect == "generic"
    assert server.counters["generations"] == 11
    assert [p.parents for p in pictures] == [(), *((p.id,) for p in pictures[:-1])]
    bodies = sent_to(server)
    assert_nothing_is_left_to_the_server(bodies)
    assert not any("tool_choice" in body for body in bodies), "nothing unproved is tried"


# ── what a gateway in between does ───────────────────────────────────────────────────────────


class Between(Offline):
    """The artist behind a gateway that looks into each body: it may refuse it, or change it."""

    def __init__(self, rule: Callable[[Body], Body | None], **options: object) -> None:
        told = {"draw": "tiny", "salt": "test"} | options
        super().__init__(OfflineOptions(**told))  # type: ignore[arg-type]
        self.rule = rule
        self.refused = 0

    async def handle(self, request: Incoming) -> Reply:
        body = self.rule(json.loads(request.body))
        if body is None:
            self.refused += 1
            return json_reply({"error": dict(REFUSAL)}, status=400)
        passed = json.dumps(body).encode()
        return await super().handle(
            Request(request.method, request.path, "", request.headers, passed)
        )


REFUSAL = {
    "message": "Unsupported parameter: 'tool_choice' is not supported with this account.",
    "type": "invalid_request_error",
    "param": "tool_choice",
    "code": "unsupported_parameter",
}


def no_tool_choice(body: Body) -> Body | None:
    return None if "tool_choice" in body else body


async def told(agent: ImageAgent, request: TurnRequest) -> tuple[Terminal, list[str]]:
    """How it ended, and the codes of its notices."""
    events: list[Event] = []
    async with aclosing(agent.stream(request)) as stream:
        events = [event async for event in stream]
    assert isinstance(events[-1], Terminal)
    return events[-1], [event.code for event in events if isinstance(event, TurnNotice)]


async def test_a_rejected_tool_choice_is_left_out_and_the_turn_goes_again_once_for_free(
    open_on: OpenOn,
) -> None:
    server = Between(no_tool_choice, dialect="openai")

    async with open_on(server) as agent:
        ended, notices = await told(agent, TurnRequest(text="a kite", options=SMALL))
        first, second = await agent.store.attempts(turn=ended.turn)
        later, quiet = await told(agent, TurnRequest(text="a boat", options=SMALL))

    assert (ended.outcome, later.outcome) == ("image", "image")
    assert (first.state, first.billed, first.number) == ("failed", "no", 1)
    assert (second.state, second.billed, second.number) == ("completed", "yes", 2)
    assert notices.count("server_narrowed") == 1
    assert "server_narrowed" not in quiet
    assert server.refused == 1, "the second turn knows already"
    assert server.counters["generations"] == 2
    force, _ = prompts.text("edit/force")
    assert all(force in body["instructions"] for body in sent_to(server))


async def test_a_server_that_goes_on_refusing_is_asked_twice_and_no_more(open_on: OpenOn) -> None:
    server = Between(lambda _: None, dialect="openai")

    async with open_on(server) as agent:
        ended, _ = await told(agent, TurnRequest(text="a kite", options=SMALL))

    assert ended.error is not None
    assert (ended.outcome, ended.error.code) == ("failed", "invalid_parameter")
    assert server.refused == 2
    assert len(ended.attempts) == 2


async def test_what_was_learned_of_a_server_is_known_to_the_next_process(tmp_path: Path) -> None:
    server = Between(no_tool_choice)

    async with served(server) as url:
        env = {"OPENAI_BASE_URL": url, "OPENAI_API_KEY": "sk-test", "LIMNER_DIALECT": "openai"}
        settings = settings_in(tmp_path, **env)
        for _ in range(2):
            async with open_agent(settings) as agent:
                ended = await agent.run(TurnRequest(text="a kite", options=SMALL))
                assert ended.outcome == "image", ended.error

    assert server.refused == 1
    memory = json.loads((settings.data_dir / "servers.json").read_text())
    assert list(memory["servers"]) == [url]
    assert list(memory["servers"][url]) == ["tool_choice_rejected"]


async def test_a_tool_that_was_taken_out_is_told_and_auto_takes_the_images_api_from_then_on(
    serve: Serve, tmp_path: Path
) -> None:
    server = serve("tool-stripped:on=responses")

    async with served(server) as url:
        settings = settings_in(tmp_path, OPENAI_BASE_URL=url, OPENAI_API_KEY="sk-test")
        async with open_agent(settings) as agent:
            ended, notices = await told(agent, TurnRequest(text="a kite", options=SMALL))
        assert ended.error is not None
        assert (ended.outcome, ended.error.code) == ("failed", "capability_missing")
        assert "server_narrowed" in notices
        assert server.counters.get("generations", 0) == 0

        async with open_agent(settings) as agent:
            ended = await agent.run(TurnRequest(text="a kite", options=SMALL))

    assert ended.outcome == "image", ended.error
    paths = [str(entry["path"]) for entry in log_of(server)]
    assert paths == ["/v1/responses", "/v1/images/generations"]


async def test_a_server_that_answers_whole_is_not_asked_to_stream_again(
    serve: Serve, open_on: OpenOn
) -> None:
    server = serve("json-on-stream")

    async with open_on(server) as agent:
        first, notices = await told(agent, TurnRequest(text="a kite", options=SMALL))
        second, quiet = await told(agent, TurnRequest(text="a boat", options=SMALL))

    assert (first.outcome, second.outcome) == ("image", "image")
    assert "server_narrowed" in notices
    assert "server_narrowed" not in quiet
    assert [body["stream"] for body in sent_to(server)] == [True, False]


async def test_an_ignored_schema_is_not_sent_again(open_on: OpenOn) -> None:
    class Seen(BaseModel):
        main_subject: str

    server = Between(lambda body: {k: v for k, v in body.items() if k != "text"}, dialect="openai")
    bodies: list[Body] = []
    plain = server.rule

    def noting(body: Body) -> Body | None:
        bodies.append(body)
        return plain(body)

    server.rule = noting
    async with open_on(server) as agent:
        await agent.ask("What is it?", schema=Seen)

    assert ["text" in body for body in bodies] == [True, False]


# ── what a server does to an answer ──────────────────────────────────────────────────────────


async def test_blanks_and_a_late_error_in_a_200_are_an_unknown_end_and_not_a_picture(
    open_on: OpenOn, serve: Serve
) -> None:
    server = serve("error-in-200", dialect="sub2api")

    async with open_on(server) as agent:
        ended = await agent.run(TurnRequest(text="a kite", options=SMALL, stream=False))

    assert (ended.outcome, ended.exit_code) == ("unknown", 7)
    assert [attempt.billed for attempt in ended.attempts] == ["possibly"]
    assert server.counters["requests"] == 1, "never sent again by itself"


async def test_a_size_that_was_silently_lowered_is_told(open_on: OpenOn, serve: Serve) -> None:
    async with open_on(serve("size-lowered", dialect="sub2api")) as agent:
        ended, notices = await told(agent, TurnRequest(text="a kite"))

    [image] = ended.images
    assert "size_changed" in notices
    assert (image.requested.size, image.actual.size) == ("1024x1024", "512x512")


@pytest.mark.parametrize("dialect", ["sub2api", "new-api"])
async def test_our_instructions_arrive_where_empty_ones_are_filled_in(
    dialect: str, open_on: OpenOn, serve: Serve
) -> None:
    server = serve(dialect=dialect)

    async with open_on(server) as agent:
        await agent.run(TurnRequest(text="a kite", options=SMALL))

    [body] = sent_to(server)
    safety, _ = preamble("standard", DIALECTS[dialect])
    assert body["instructions"].startswith(safety.strip())
    assert "coding assistant" not in body["instructions"]


def log_of(server: Offline) -> list[dict[str, Any]]:
    entries: list[Any] = server.state.journal.log()
    return entries
