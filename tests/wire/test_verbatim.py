"""A relayed answer is told twice: what it means, then the event as it came."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping

from agent.traffic import Ended, Opened, Picture, TextPiece, WireEvent
from agent.wire.answers import Answer, AnswerReader
from agent.wire.faults import Fault
from agent.wire.spliced import dumped
from agent.wire.values import obj

PNG = base64.b64encode(b"\x89PNG" * 400).decode()
ITEM = {"id": "ig_1", "type": "image_generation_call", "result": PNG}


def sse(event: Mapping[str, object]) -> bytes:
    return b"data: " + json.dumps(event).encode() + b"\n\n"


def read(body: bytes, *, verbatim: bool = True) -> list[Answer]:
    reader = AnswerReader(partials=False, verbatim=verbatim)
    return [*reader.feed(body), *reader.close()]


def as_they_came(told: list[Answer]) -> list[object]:
    """The events, with their pictures in their places again."""
    return [
        json.loads(dumped(obj(one.value), one.strings))
        for one in told
        if isinstance(one, WireEvent)
    ]


def test_an_event_follows_what_it_meant_and_the_end_follows_the_last_event() -> None:
    events = (
        {"type": "response.created", "response": {"id": "resp_1", "output": []}},
        {"type": "response.output_item.done", "output_index": 0, "item": ITEM},
        {"type": "response.output_text.delta", "delta": "hi"},
        {"type": "response.completed", "response": {"status": "completed", "output": [ITEM]}},
    )

    told = read(b"".join(sse(event) for event in events))

    kinds = [type(one) for one in told]
    assert kinds == [
        *(Opened, WireEvent, Picture, WireEvent, TextPiece, WireEvent),
        *(Opened, WireEvent, Ended),
    ]
    assert as_they_came(told) == list(events)


def test_a_whole_answer_is_one_event() -> None:
    whole = json.dumps({"object": "response", "status": "completed", "output": [ITEM]}).encode()

    told = read(whole)

    assert as_they_came(told) == [json.loads(whole)]
    assert isinstance(told[-1], Ended)


def test_a_response_object_in_a_stream_is_an_event() -> None:
    whole = {"object": "response", "status": "completed", "output": []}

    assert as_they_came(read(sse(whole))) == [whole]


def test_an_end_that_comes_as_json_is_an_event() -> None:
    event = {"type": "response.completed", "response": {"status": "completed", "output": []}}
    told = read(json.dumps(event).encode())

    assert as_they_came(told) == [event]


def test_pings_and_pages_are_no_events() -> None:
    told = read(sse({"type": "ping"}) + b"data: oops\n\n")

    assert not [one for one in told if isinstance(one, WireEvent)]
    assert isinstance(told[-1], Fault)


def test_nobody_is_told_who_has_not_asked() -> None:
    told = read(sse({"type": "response.output_text.delta", "delta": "hi"}), verbatim=False)

    assert not [one for one in told if isinstance(one, WireEvent)]
