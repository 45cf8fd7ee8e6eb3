"""Server-sent events that keep the line open while a picture is drawn."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing

import anyio
from fastapi.responses import Response, StreamingResponse
from pydantic import JsonValue
from starlette.types import Receive, Scope, Send

from ...relay.line import Line

KEEPALIVE_S = 10.0
KEEPALIVE = b": keepalive\n\n"
HEADERS = {"cache-control": "no-cache, no-transform", "x-accel-buffering": "no"}


def sse(event: str, data: Mapping[str, JsonValue]) -> bytes:
    """One event: its name, and its data as JSON on one line."""
    return b"event: %b\ndata: %b\n\n" % (event.encode(), compact(data))


def compact(data: Mapping[str, JsonValue]) -> bytes:
    """JSON in ASCII: half a character of somebody's text must not break an answer."""
    return json.dumps(data, separators=(",", ":")).encode()


class LineStream(Response):
    """A ``Line`` as ``text/event-stream``; closes it also when the client leaves."""

    media_type = "text/event-stream"

    def __init__(self, line: Line, headers: Mapping[str, str], *, every_s: float) -> None:
        self.status_code = 200
        self.background = None
        self.init_headers({**HEADERS, **headers})
        self._line = line
        self._every_s = every_s

    async def __call__(self, _: Scope, receive: Receive, send: Send) -> None:
        raised: list[Exception] = []
        async with self._line, anyio.create_task_group() as tasks:
            tasks.start_soon(_left, receive, tasks.cancel_scope)
            try:
                await self._tell(send)
            except Exception as error:  # noqa: BLE001  a group would wrap it
                raised.append(error)
            tasks.cancel_scope.cancel()
        if raised:
            raise raised[0]

    async def _tell(self, send: Send) -> None:
        start = {"type": "http.response.start", "status": 200, "headers": self.raw_headers}
        await send(start)
        while (chunk := await self._next()) is not None:
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _next(self) -> bytes | None:
        """What there is, or a comment when nothing came for so long; ``None`` at the end."""
        if self._line.waits:
            with anyio.move_on_after(self._every_s):
                await self._line.more()
            if self._line.waits:
                return KEEPALIVE
        return self._line.take()


async def _left(receive: Receive, telling: anyio.CancelScope) -> None:
    """Stop telling when the client has gone."""
    while (await receive())["type"] != "http.disconnect":
        pass
    telling.cancel()


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
