"""How a row of events leaves: as a stream, as one JSON object, or as a fault would have it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import aclosing

from ..wire.fields import JsonObject, RequestFault
from .dialects import ServerDialect
from .exchange import Body, Drop, Reply, json_reply, reply, sse, stream_reply
from .mischief import Mischief
from .shaping import error_reply
from .tamper import Events

Gather = Callable[[list[JsonObject]], JsonObject | None]
"""The JSON answer that a whole row of events amounts to; ``None`` when it has no end."""


def refused_early(
    faults: Sequence[Mischief], dialect: ServerDialect, request_id: str
) -> Reply | None:
    """The answer of the first fault that takes the place of one; raises ``Drop`` for a cut."""
    for fault in faults:
        if fault.cut:
            raise Drop
        if fault.late:
            continue
        if fault.page is not None:
            return fault.page()
        if fault.error is not None:
            return error_reply(
                fault.error(), dialect, by="upstream", request_id=request_id, headers=fault.headers
            )
    return None


async def answer(
    events: Events,
    *,
    stream: bool,
    faults: Sequence[Mischief],
    gather: Gather,
    numbered: bool,
    dialect: ServerDialect,
    done_marker: bool = False,
) -> Reply:
    """Lazy where a stream was asked for; else everything is worked out before the first byte."""
    for fault in faults:
        events = fault.events(events) if fault.events else events
    if numbered:
        events = _numbered(events)
    form = next((f.form for f in faults if f.form), "sse" if stream else "json")
    late = next((f.page for f in faults if f.late and f.page), None)
    if form == "sse" and late is None:
        made = stream_reply(_encoded(events, dialect.comment, done_marker))
    else:
        row = await _collected(events)
        made = late() if late else _json(row, gather)
    return _tampered(made, faults)


def _tampered(made: Reply, faults: Sequence[Mischief]) -> Reply:
    body = made.body
    for fault in faults:
        body = fault.body(body) if fault.body else body
    return Reply(made.status, made.headers, body)


def _json(row: list[JsonObject], gather: Gather) -> Reply:
    last = row[-1] if row else {}
    if last.get("type") == "error":
        raise _as_fault(last)
    value = gather(row)
    return reply(200, b"", "application/json") if value is None else json_reply(value)


def _as_fault(event: JsonObject) -> RequestFault:
    """An error event as the status a gateway gives it (D23)."""
    nested = event.get("error")
    error = nested if isinstance(nested, dict) else event
    code = str(error.get("code"))
    refused = "moderation" in code or "policy" in code
    return RequestFault(
        str(error.get("message")),
        status=400 if refused else 500,
        code=code,
        type="image_generation_user_error" if refused else "server_error",
    )


async def _collected(events: Events) -> list[JsonObject]:
    async with aclosing(events):
        return [event async for event in events]


async def _numbered(events: Events) -> Events:
    """``sequence_number`` 0..n without gaps, on everything but pings and the like."""
    number = 0
    async with aclosing(events):
        async for event in events:
            kind = str(event["type"])
            if kind.startswith("response.") or kind == "error":
                yield {**event, "sequence_number": number}
                number += 1
            else:
                yield event


async def _encoded(events: Events, comment: bytes, done_marker: bool) -> Body:
    if comment:
        yield comment
    async with aclosing(events):
        async for event in events:
            yield sse(event)
    if done_marker:
        yield b"data: [DONE]\n\n"
