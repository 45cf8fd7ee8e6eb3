"""A server behind a word of ours: whether a request may still go out, right before it does."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing

from ..protocols import Upstream
from ..schema import Failure
from ..traffic import Failed, Outgoing, Profile, Received

Word = Callable[[Outgoing], Awaitable[Failure | None]]
"""Waits as long as it has to; a failure means that nothing is sent."""


class Watched:
    """An ``Upstream`` that asks, after the attempt is marked as sent and before it goes out."""

    def __init__(
        self, upstream: Upstream, word: Word, *, lost: Callable[[], bool] = lambda: False
    ) -> None:
        """``lost``: nothing will be sent again, so nothing is waited for."""
        self._upstream = upstream
        self._word = word
        self._lost = lost

    @property
    def profile(self) -> Profile:
        return self._upstream.profile

    def encode(self, outgoing: Outgoing) -> bytes:
        return self._upstream.encode(outgoing)

    def retry_delay(self, failure: Failure, *, tries: int, elapsed_s: float) -> float | None:
        if self._lost():
            return None
        return self._upstream.retry_delay(failure, tries=tries, elapsed_s=elapsed_s)

    async def send(self, body: bytes, outgoing: Outgoing) -> AsyncGenerator[Received, None]:
        failure = await self._word(outgoing)
        if failure is not None:
            yield Failed(failure)
            return
        async with aclosing(self._upstream.send(body, outgoing)) as received:
            async for item in received:
                yield item

    async def aclose(self) -> None:
        await self._upstream.aclose()
