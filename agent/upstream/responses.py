"""The Responses API as an upstream: which body goes out and which reader takes the answer.

How it travels is ``carrier``'s affair.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import replace

import httpx2

from ..protocols import Clock
from ..schema import Failure
from ..traffic import Outgoing, Profile, Received
from ..wire.answers import AnswerReader
from ..wire.writer import responses_body
from .carrier import Carrier, Dispatch
from .fetch import PictureFetcher


class ResponsesUpstream:
    """One profile's Responses endpoint. ``transport`` replaces the network (offline, tests)."""

    def __init__(
        self,
        profile: Profile,
        *,
        clock: Clock,
        transport: httpx2.AsyncBaseTransport | None = None,
        fetcher: PictureFetcher | None = None,
    ) -> None:
        self._carrier = Carrier(profile, clock=clock, transport=transport, fetcher=fetcher)

    @property
    def profile(self) -> Profile:
        return self._carrier.profile

    def encode(self, outgoing: Outgoing) -> bytes:
        """The body for this dialect; ``UsageError`` when the server would cut or refuse it."""
        self._carrier.check_mask(outgoing)
        if not self.profile.dialect.safety_identifier:
            outgoing = replace(outgoing, user=None)
        return self._carrier.within_cap(responses_body(outgoing))

    def retry_delay(self, failure: Failure, *, tries: int, elapsed_s: float) -> float | None:
        return self._carrier.retry_delay(failure, tries=tries, elapsed_s=elapsed_s)

    async def aclose(self) -> None:
        await self._carrier.aclose()

    async def send(self, body: bytes, outgoing: Outgoing) -> AsyncGenerator[Received, None]:
        """Send once; yield what comes back, ending with one ``Ended`` or ``Failed``."""
        drafts = bool(outgoing.options and outgoing.options.partial_images)
        dispatch = Dispatch(
            path="/responses",
            body=body,
            silence_s=self._carrier.silence(outgoing, streamed=outgoing.stream),
        )
        async with aclosing(
            self._carrier.carry(dispatch, AnswerReader(partials=drafts))
        ) as received:
            async for item in received:
                yield item
