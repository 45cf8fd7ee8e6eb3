"""Server-sent events that keep the line open while a picture is drawn."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing

import anyio
from anyio.abc import ObjectReceiveStream
from fastapi.responses import StreamingResponse
from pydantic import JsonValue

KEEPALIVE_S = 10.0
KEEPALIVE = b": keepalive\n\n"
HEADERS = {"cache-control": "no-cache, no-transform", "x-accel-buffering": "no"}


def sse(event: str, data: Mapping[str, JsonValue]) -> bytes:
    """One event: its name, and its data as JSON on one line."""
    return b"event: %b\ndata: %b\n\n" % (event.encode(), compact(data))


def compact(data: Mapping[str, JsonValue]) -> bytes:
    """JSON in ASCII: half a character of somebody's text must not break an answer."""
    return json.dumps(data, separators=(",", ":")).encode()


async def kept_alive(
    chunks: ObjectReceiveStream[bytes], *, every_s: float = KEEPALIVE_S
) -> AsyncGenerator[bytes, None]:
    """The chunks as they come, and a comment whenever nothing came for ``every_s``."""
    async with chunks:
        while True:
            chunk: bytes | None = KEEPALIVE
            with anyio.move_on_after(every_s):
                try:
                    chunk = await chunks.receive()
                except anyio.EndOfStream:
                    chunk = None
            if chunk is None:
                return
            yield chunk


class EventStream(StreamingResponse):
    """A ``text/event-stream`` answer; closes its source also when the client leaves."""

    def __init__(
        self, source: AsyncGenerator[bytes, None], headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(
            _closing(source), media_type="text/event-stream", headers={**HEADERS, **(headers or {})}
        )


async def _closing(source: AsyncGenerator[bytes, None]) -> AsyncIterator[bytes]:
    async with aclosing(source):
        async for chunk in source:
            yield chunk
