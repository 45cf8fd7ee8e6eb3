"""The stream of a turn as a contract: names, order, one end, no bytes."""

from __future__ import annotations

import re
from dataclasses import replace
from decimal import Decimal
from typing import get_args

import pytest
from pydantic import TypeAdapter, ValidationError

from agent import EVENT, Cost, Event, ImageAgent, ImageOptions, TurnRequest
from agent.events import Terminal, TurnNotice
from agent.offline import Offline, Reply
from agent.offline.exchange import Body, Incoming
from tests.conftest import Opener, OpenOn, Serve

KITE = "a red kite over the sea"
TERMINALS = {"turn.completed", "turn.refused", "turn.failed"}


async def told(agent: ImageAgent, request: TurnRequest) -> list[Event]:
    return [event async for event in agent.stream(request)]


def test_the_names_of_events_are_these() -> None:
    names = {kind.model_fields["type"].default for kind in get_args(Event)}

    assert names == TERMINALS | {
        "turn.started",
        "turn.notice",
        "turn.degraded",
        "attempt.sent",
        "attempt.retrying",
        "text.delta",
        "image.progress",
        "image.partial",
        "image.completed",
    }


def test_the_codes_of_notices_are_these() -> None:
    assert set(get_args(TurnNotice.model_fields["code"].annotation)) == {
        "context_trimmed",
        "branched",
        "size_changed",
        "quality_changed",
        "format_changed",
        "model_changed",
        "tool_missing",
        "image_undecodable",
        "acknowledged",
        "offline_range",
        "fewer_images",
        "estimate",
        "detached",
        "revised_prompt",
        "unpriced",
        "server_narrowed",
        "profile_changed",
        "enlarged",
        "output_held",
        "picture_flagged",
        "not_examined",
    }


async def test_a_picture_is_told_in_this_order(open_offline: Opener) -> None:
    async with open_offline() as agent:
        events = await told(agent, TurnRequest(text=KITE))

    assert [e.type for e in events if e.type != "text.delta"] == [
        "turn.started",
        "attempt.sent",
        "image.progress",
        "image.progress",
        "image.progress",
        "image.completed",
        "turn.completed",
    ]
    pieces = [e.text for e in events if e.type == "text.delta"]
    assert len(pieces) > 1
    assert isinstance(events[-1], Terminal)
    assert "".join(pieces) == events[-1].text


CASES = {
    "picture": ((), TurnRequest(text=KITE, options=ImageOptions(partial_images=2))),
    "retried": (("429:first=1",), TurnRequest(text=KITE)),
    "refused": (("moderation-400",), TurnRequest(text=KITE)),
    "broken": (("truncate",), TurnRequest(text=KITE)),
    "empty": (("no-image",), TurnRequest(text=KITE)),
    "misuse": ((), TurnRequest(text="  ")),
    "unknown session": ((), TurnRequest(text=KITE, session="nowhere")),
}


@pytest.mark.parametrize("case", CASES)
async def test_one_terminal_event_ends_every_turn_and_it_is_the_last(
    open_offline: Opener, case: str
) -> None:
    faults, request = CASES[case]
    async with open_offline(*faults) as agent:
        events = await told(agent, request)

    assert [event.type for event in events if event.type in TERMINALS] == [events[-1].type]


@pytest.mark.parametrize("case", CASES)
async def test_every_event_survives_json_and_carries_no_bytes(
    open_offline: Opener, case: str
) -> None:
    faults, request = CASES[case]
    async with open_offline(*faults) as agent:
        events = await told(agent, request)

    lines = [event.model_dump_json() for event in events]
    assert [EVENT.validate_json(line) for line in lines] == events
    assert max(map(len, lines)) < 5000
    assert not [value for event in events for value in _values(event) if isinstance(value, bytes)]


def _values(event: Event) -> list[object]:
    """Everything inside, at any depth."""
    found: list[object] = [event.model_dump()]
    for value in found:
        if isinstance(value, dict):
            found.extend(value.values())
        elif isinstance(value, list | tuple):
            found.extend(value)
    return found


async def test_run_returns_the_terminal_event_of_the_same_stream(open_offline: Opener) -> None:
    async with open_offline() as agent:
        ended = await agent.run(TurnRequest(text=KITE))

    as_json = ended.model_dump_json()
    assert TypeAdapter(Terminal).validate_json(as_json) == ended
    assert '"v":1' in as_json


async def test_drafts_are_whole_pictures_that_are_gone_when_the_turn_is_over(
    open_offline: Opener,
) -> None:
    drafts: list[tuple[int, bytes]] = []
    path = ""
    async with open_offline() as agent:
        request = TurnRequest(text=KITE, options=ImageOptions(partial_images=2))
        async for event in agent.stream(request):
            if event.type == "image.partial":
                drafts.append((event.index, _content(event.path)))
                path = event.path

    assert [index for index, _ in drafts] == [0, 1, 2]
    assert all(data.startswith(b"\x89PNG") for _, data in drafts)
    assert not _exists(path)


def _content(path: str) -> bytes:
    with open(path, "rb") as file:  # noqa: PTH123 - a path as a door gets it
        return file.read()


def _exists(path: str) -> bool:
    try:
        return bool(_content(path))
    except FileNotFoundError:
        return False


async def test_the_first_draft_is_told_before_the_last_is_drawn(
    serve: Serve, open_on: OpenOn
) -> None:
    """Through the in-process transport; one that buffers the answer would show 4 and 1 here."""
    server = serve()
    drawn: list[tuple[object, object]] = []
    async with open_on(server) as agent:
        request = TurnRequest(text=KITE, options=ImageOptions(partial_images=3))
        async for event in agent.stream(request):
            if event.type == "image.partial":
                counts = server.counters
                drawn.append((counts.get("partials", 0), counts.get("generations", 0)))

    assert len(drawn) == 4
    assert drawn[0] < (3, 1)
    assert drawn[0][1] == 0


class Scribbling(Offline):
    """Drafts that are no pictures."""

    async def handle(self, request: Incoming) -> Reply:
        reply = await super().handle(request)
        return replace(reply, body=_scribbled(reply.body))


async def _scribbled(body: Body) -> Body:
    async for chunk in body:
        yield re.sub(rb'("partial_image_b64":")[^"]+', rb"\1aGVsbG8=", chunk)


async def test_a_draft_that_is_no_picture_is_not_shown(serve: Serve, open_on: OpenOn) -> None:
    async with open_on(Scribbling(serve().options)) as agent:
        request = TurnRequest(text=KITE, options=ImageOptions(partial_images=2))
        events = await told(agent, request)

    kinds = [event.type for event in events]
    assert "image.partial" not in kinds
    assert "image.completed" in kinds


def test_an_unknown_event_cannot_be_read_as_another() -> None:
    with pytest.raises(ValidationError, match="does not match any"):
        EVENT.validate_json('{"type": "turn.exploded"}')


async def test_the_start_tells_what_will_be_edited_and_what_it_may_cost(
    open_offline: Opener,
) -> None:
    async with open_offline() as agent:
        first = await agent.run(TurnRequest(text=KITE))
        events = await told(
            agent, TurnRequest(text="make it night", intent="edit", session=first.session)
        )

    started = events[0]
    assert started.type == "turn.started"
    assert started.editing == (first.images[0].id,)
    assert started.editing_numbers == (1,)
    assert started.estimate == Cost(amount=Decimal(0), basis="estimate")
    sent = events[1]
    assert sent.type == "attempt.sent"
    assert sent.bytes > first.images[0].bytes
