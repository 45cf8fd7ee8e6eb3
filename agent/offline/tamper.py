"""Changes to an answer on its way out, step by step: to the row of events, to the bytes.

Each takes what it wraps apart lazily and closes it, so that a cut answer ends the work behind it.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing

import anyio

from ..wire.fields import JsonObject
from .exchange import Body, Drop

Events = AsyncGenerator[JsonObject, None]
TERMINAL = ("response.completed", "response.failed", "response.incomplete")
FINALS = ("response.output_item.done", "image_generation.completed", "image_edit.completed")


def each(change: Callable[[JsonObject], list[JsonObject]]) -> Callable[[Events], Events]:
    async def changed(events: Events) -> Events:
        async with aclosing(events):
            async for event in events:
                for new in change(event):
                    yield new

    return changed


def _is_picture(event: JsonObject) -> bool:
    item = event.get("item")
    return isinstance(item, dict) and item.get("type") == "image_generation_call"


def _is_final(event: JsonObject) -> bool:
    """It brings the finished picture."""
    done = event["type"] == FINALS[0] and _is_picture(event)
    return done or event["type"] in FINALS[1:]


def _terminal_output(event: JsonObject, times: int) -> JsonObject:
    """The terminal event with its pictures repeated so many times (0: an empty output)."""
    response = event["response"]
    assert isinstance(response, dict)
    output = response.get("output")
    assert isinstance(output, list)
    return {**event, "response": {**response, "output": output * times}}


def done_only(event: JsonObject) -> list[JsonObject]:
    return [_terminal_output(event, 0) if event["type"] == "response.completed" else event]


def repeat(event: JsonObject) -> list[JsonObject]:
    if event["type"] == "response.output_item.done" and _is_picture(event):
        return [event, event]
    if event["type"] == "response.completed":
        return [_terminal_output(event, 2)]
    return [event, event] if event["type"] in FINALS and "b64_json" in event else [event]


def generating(event: JsonObject) -> list[JsonObject]:
    return [] if event["type"] == "response.image_generation_call.completed" else [event]


def endless(event: JsonObject) -> list[JsonObject]:
    return [] if event["type"] in (*TERMINAL, *FINALS[1:]) else [event]


def pings(event: JsonObject) -> list[JsonObject]:
    return [{"type": "ping"}, event]


def strange(event: JsonObject) -> list[JsonObject]:
    before: JsonObject = {"type": "response.weather_report", "outlook": ["fair", None, 3]}
    return [before, event, {"type": "keepalive"}]


async def drop_at_final(events: Events) -> Events:
    """Everything was drawn; the connection goes before the picture does."""
    async with aclosing(events):
        async for event in events:
            if event["type"] in FINALS or event["type"] in TERMINAL:
                raise Drop
            yield event


async def drop_behind_final(events: Events) -> Events:
    """The picture was sent; the connection goes before anything says that this was all."""
    async with aclosing(events):
        async for event in events:
            yield event
            if _is_final(event):
                raise Drop


# ── in the bytes ─────────────────────────────────────────────────────────────────────────────


async def truncated(body: Body) -> Body:
    """Ends, without any error, half way through the picture."""
    heads = tuple(f"event: {kind}".encode() for kind in FINALS)
    async with aclosing(body):
        async for chunk in body:
            if chunk.startswith((*heads, b"{")):
                yield chunk[: len(chunk) // 2]
                return
            yield chunk


async def commented(body: Body) -> Body:
    async with aclosing(body):
        async for chunk in body:
            if chunk.startswith(b"event:"):
                yield b": still drawing\n\n:\n\n"
            yield chunk


async def slow(body: Body) -> Body:
    async with aclosing(body):
        async for chunk in body:
            await anyio.sleep(0.5)
            yield chunk


async def trickle(body: Body) -> Body:
    """Comments for ever: alive to a socket, dead to whoever waits for data."""
    async with aclosing(body):
        async for chunk in body:
            yield chunk
            break
    while True:
        await anyio.sleep(1.0)
        yield b": PING\n\n"
