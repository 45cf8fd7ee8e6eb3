"""The Responses API as an upstream: which body goes out and which reader takes the answer.

How it travels is ``carrier``'s affair.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from dataclasses import replace

import httpx2

from ..protocols import Clock
from ..schema import Failure
from ..traffic import Outgoing, Profile, Received
from ..wire.answers import AnswerReader
from ..wire.writer import moderation_body, responses_body
from .carrier import Carrier
from .connection import Connection, Dispatch
from .fetch import PictureFetcher
from .moderation import scored
from .passage import Passage

_MODERATION = frozenset({"moderation"})


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
        self._connection = Connection(profile, clock=clock, transport=transport)
        self._carrier = Carrier(self._connection, fetcher=fetcher)
        self._passage = Passage(self._connection)

    @property
    def profile(self) -> Profile:
        return self._carrier.profile

    def encode(self, outgoing: Outgoing) -> bytes:
        """The body for this dialect; ``UsageError`` when the server would cut or refuse it."""
        if outgoing.moderation:
            return self._carrier.within_cap(moderation_body(outgoing))
        if outgoing.relayed is not None:
            return self._carrier.within_cap(outgoing.relayed)
        self._carrier.check_mask(outgoing)
        if not self.profile.dialect.safety_identifier:
            outgoing = replace(outgoing, user=None)
        unproved = frozenset[str]() if self.profile.dialect.moderation_param else _MODERATION
        return self._carrier.within_cap(responses_body(outgoing, leave_out=unproved))

    def retry_delay(self, failure: Failure, *, tries: int, elapsed_s: float) -> float | None:
        return self._carrier.retry_delay(failure, tries=tries, elapsed_s=elapsed_s)

    async def aclose(self) -> None:
        await self._connection.aclose()

    def send(self, body: bytes, outgoing: Outgoing) -> AsyncGenerator[Received, None]:
        """Send once; yield what comes back, ending with one ``Ended`` or ``Failed``."""
        if outgoing.untouched:
            return self._passage.carry(body)
        if outgoing.moderation:
            return scored(self._carrier, body)
        return self._drawn(body, outgoing)

    def _drawn(self, body: bytes, outgoing: Outgoing) -> AsyncGenerator[Received, None]:
        relayed = outgoing.relayed is not None
        drafts = bool(outgoing.options and outgoing.options.partial_images) and not relayed
        dispatch = Dispatch(
            path="/responses",
            body=body,
            silence_s=self._carrier.silence(outgoing, streamed=outgoing.stream),
            total_s=self.profile.total_s,
        )
        reader = AnswerReader(partials=drafts, verbatim=relayed)
        return self._carrier.carry(dispatch, reader)
