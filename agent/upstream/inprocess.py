"""The wire without a socket: an httpx2 transport that asks a function instead of a network.

Pull-based: each piece of the answer is made when it is read, and closing the response closes
what makes it (``httpx2.ASGITransport`` buffers the whole answer, which would hide every partial).
A cut connection (``ConnectionError``) and a silence longer than the client's read timeout look
as they do over a socket.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

import anyio
import httpx2


@dataclass(frozen=True, slots=True)
class InProcessRequest:
    """What the function is asked with; header names are lower case."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes = field(repr=False)


class InProcessReply(Protocol):
    """What it answers with; ``body`` is pulled step by step and always closed."""

    @property
    def status(self) -> int: ...
    @property
    def headers(self) -> Mapping[str, str]: ...
    @property
    def body(self) -> AsyncGenerator[bytes, None]: ...


Handle = Callable[[InProcessRequest], Awaitable[InProcessReply]]
"""Raises ``ConnectionError`` to cut the connection before any header."""


class InProcessTransport(httpx2.AsyncBaseTransport):
    """Give it to ``httpx2.AsyncClient(transport=…)``; the host of the URL does not matter."""

    def __init__(self, handle: Handle) -> None:
        self._handle = handle

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        asked = InProcessRequest(
            request.method,
            request.url.path,
            request.url.query.decode("ascii"),
            {name.lower(): value for name, value in request.headers.items()},
            await request.aread(),
        )
        patience = _read_timeout(request)
        try:
            with anyio.fail_after(patience):
                reply = await self._handle(asked)
        except ConnectionError as cut:
            raise httpx2.RemoteProtocolError(
                "Server disconnected without sending a response.", request=request
            ) from cut
        except TimeoutError as late:
            raise httpx2.ReadTimeout("No answer in time.", request=request) from late
        stream = _Stream(reply.body, request, patience)
        return httpx2.Response(
            reply.status, headers=dict(reply.headers), stream=stream, request=request
        )


def _read_timeout(request: httpx2.Request) -> float | None:
    timeout = request.extensions.get("timeout")
    value = timeout.get("read") if isinstance(timeout, dict) else None
    return float(value) if isinstance(value, int | float) else None


class _Stream(httpx2.AsyncByteStream):
    """One pull per piece; no cancel scope outlives a pull."""

    def __init__(
        self, body: AsyncGenerator[bytes, None], request: httpx2.Request, patience: float | None
    ) -> None:
        self._body = body
        self._request = request
        self._patience = patience

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        try:
            if self._patience is None:
                return await anext(self._body)
            with anyio.fail_after(self._patience):
                return await anext(self._body)
        except ConnectionError as cut:
            raise httpx2.RemoteProtocolError(
                "peer closed connection without sending complete message body "
                "(incomplete chunked read)",
                request=self._request,
            ) from cut
        except TimeoutError as late:
            raise httpx2.ReadTimeout("No data in time.", request=self._request) from late

    async def aclose(self) -> None:
        await self._body.aclose()
