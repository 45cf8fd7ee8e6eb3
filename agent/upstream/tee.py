"""A transport that passes everything on and keeps what went over the wire, for ``doctor``."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import httpx2


@dataclass(kw_only=True)
class Exchanged:
    """One request and its answer, byte for byte. ``status`` is ``None`` without an answer."""

    path: str
    body: bytes = field(repr=False)
    status: int | None = None
    headers: dict[str, str] = field(default_factory=dict)
    answer: bytearray = field(default_factory=bytearray, repr=False)


class Tee(httpx2.AsyncBaseTransport):
    """Give it to an upstream as its ``transport``; ``last`` is the newest exchange."""

    def __init__(self, inner: httpx2.AsyncBaseTransport | None = None) -> None:
        self._inner = inner or httpx2.AsyncHTTPTransport()
        self.last: Exchanged | None = None

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        self.last = kept = Exchanged(path=request.url.path, body=await request.aread())
        response = await self._inner.handle_async_request(request)
        kept.status, kept.headers = response.status_code, dict(response.headers)
        assert isinstance(response.stream, httpx2.AsyncByteStream)
        return httpx2.Response(
            response.status_code,
            headers=response.headers,
            stream=_Kept(response.stream, kept),
            request=request,
            extensions=response.extensions,
        )

    async def aclose(self) -> None:
        await self._inner.aclose()


class _Kept(httpx2.AsyncByteStream):
    """As it was sent: what was compressed stays compressed."""

    def __init__(self, inner: httpx2.AsyncByteStream, kept: Exchanged) -> None:
        self._inner = inner
        self._kept = kept

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for chunk in self._inner:
            self._kept.answer += chunk
            yield chunk

    async def aclose(self) -> None:
        await self._inner.aclose()
