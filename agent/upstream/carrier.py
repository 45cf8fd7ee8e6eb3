"""One request to one server, judged: our bytes out, what a reader makes of the answer back.

Which API it is, only the path and the reader know.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing
from dataclasses import replace
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Final, Protocol

import httpx2

from ..errors import UsageError
from ..logs import get_logger
from ..protocols import Clock
from ..schema import Cost, Failure
from ..traffic import (
    Ended,
    Failed,
    Opened,
    Outgoing,
    PartialPicture,
    Picture,
    PictureFailed,
    PictureUrl,
    Profile,
    Received,
    TextPiece,
    ToolStage,
)
from ..wire.answers import Answer, ItemFault
from ..wire.faults import Fault, fault_of_body, tidy
from ..wire.parts import dollars
from . import failures
from .connection import Connection, Dispatch, Incoming
from .fetch import PictureFetcher
from .retry import delay_before_retry

log = get_logger("limner.upstream")

MOST_ANSWER: Final = 256 * 1024 * 1024
"""Bytes: ten pictures of 4K with drafts fit; it counts what was unpacked."""
_SLOW_PIXELS = 2560 * 1440


class Reader(Protocol):
    """What reads an answer: ``wire.answers`` and ``wire.image_answers``."""

    @property
    def events(self) -> int:
        """Events so far: pings and comments are none."""
        ...

    @property
    def arriving(self) -> bool:
        """Whether something long has begun and not ended."""
        ...

    def feed(self, chunk: bytes, /) -> Iterator[Answer]: ...

    def close(self) -> Iterator[Answer]: ...


class Carrier:
    """Over one profile's connection. ``fetcher`` replaces the web."""

    def __init__(self, connection: Connection, *, fetcher: PictureFetcher | None = None) -> None:
        self._connection = connection
        self._profile = connection.profile
        self._clock = connection.clock
        self._fetcher = fetcher or PictureFetcher(allow_private=self._profile.fetch_private)

    @property
    def profile(self) -> Profile:
        return self._profile

    def check_mask(self, outgoing: Outgoing) -> None:
        """``UsageError`` where a mask would be lost, and the whole picture redrawn."""
        if outgoing.mask is not None and not self._profile.dialect.mask:
            raise UsageError(
                f"Masks do not arrive at the server of profile {self._profile.name}.",
                hint="Describe the part to change in words, or use another profile; nothing was sent.",
            )

    def within_cap(self, body: bytes) -> bytes:
        """The same body; ``UsageError`` when the server would cut or refuse it."""
        dialect = self._profile.dialect
        if dialect.body_cap is not None and len(body) > dialect.body_cap:
            raise UsageError(
                f"The request is {len(body):,} bytes; {dialect.name} takes {dialect.body_cap:,}.",
                hint="Edit a smaller picture, or a JPEG or WebP of it; nothing was sent.",
            )
        return body

    def retry_delay(self, failure: Failure, *, tries: int, elapsed_s: float) -> float | None:
        """``Upstream.retry_delay``."""
        return delay_before_retry(failure, tries=tries, elapsed_s=elapsed_s, clock=self._clock)

    def silence(self, outgoing: Outgoing, *, streamed: bool) -> float:
        """Seconds without a data event; comments and pings do not count (D15)."""
        if self._profile.silence_s is not None:
            return self._profile.silence_s
        options = outgoing.options
        if options is None:
            return 180.0
        width, _, height = options.size.partition("x")
        known = width.isdecimal() and height.isdecimal()
        large = known and int(width) * int(height) > _SLOW_PIXELS
        slow = large or options.quality in ("high", "xhigh", "max") or not streamed
        return 300.0 if slow else 180.0

    async def carry(self, dispatch: Dispatch, reader: Reader) -> AsyncGenerator[Received, None]:
        """Send once; yield what comes back, ending with one ``Ended`` or ``Failed``."""
        incoming = await self._connection.post(dispatch)
        if isinstance(incoming, Failure):
            yield Failed(incoming)
            return
        request_id, cost = _request_id(incoming.headers), _reported_cost(incoming.headers)
        try:
            if not incoming.ok:
                yield Failed(await self._judge_status(incoming))
                return
            yield Opened(request_id=request_id, streamed=_streamed(incoming.headers))
            async with aclosing(self._read(incoming, reader)) as received:
                async for item in received:
                    yield _completed(item, request_id, cost)
        finally:
            await incoming.aclose()

    async def _read(self, incoming: Incoming, reader: Reader) -> AsyncGenerator[Received, None]:
        over = worked = False
        left = MOST_ANSWER
        while not over:
            events = reader.events
            chunk = await incoming.chunk()
            over = not isinstance(chunk, bytes)
            left -= len(chunk) if isinstance(chunk, bytes) else 0
            if left < 0:
                yield Failed(failures.too_long(MOST_ANSWER))
                return
            for answer in reader.feed(chunk) if isinstance(chunk, bytes) else _left(reader, chunk):
                received = self._received(answer, worked=worked)
                worked = worked or isinstance(received, _WORK)
                if isinstance(received, PictureUrl) and self._profile.fetch_urls:
                    received = await self._fetcher.picture(received)
                    incoming.heard()
                yield received
                if isinstance(received, Ended | Failed):
                    return
            if reader.arriving or reader.events > events:
                incoming.heard()

    def _received(self, answer: Answer | Failed, *, worked: bool) -> Received:
        if isinstance(answer, Fault):
            return Failed(self._judge(answer, streamed=True, worked=worked))
        if isinstance(answer, ItemFault):
            failure = self._judge(answer.fault, streamed=True)
            return PictureFailed(item_id=answer.item_id, failure=failure)
        return answer

    def _judge(self, fault: Fault, *, streamed: bool, worked: bool = False) -> Failure:
        key = self._profile.api_key
        if len(key) >= 8 and key in fault.message:
            fault = replace(fault, message=fault.message.replace(key, "<secret>"))
        if fault.param and fault.param not in fault.message:
            fault = replace(fault, message=f"{fault.message} (parameter {fault.param})".strip())
        return failures.judge(
            fault, self._profile.dialect, clock=self._clock, streamed=streamed, worked=worked
        )

    async def _judge_status(self, incoming: Incoming) -> Failure:
        status, text = incoming.status, await incoming.error_text()
        if text is None:
            fault = Fault(status=status, message="its error text broke off")
        else:
            fault = fault_of_body(text, status=status)
        wait = _retry_after(incoming.headers, self._clock)
        fault = replace(
            fault,
            request_id=_request_id(incoming.headers),
            retry_after=fault.retry_after if wait is None else wait,
        )
        if 300 <= status < 400:
            where = tidy(incoming.headers.get("location", "elsewhere"))
            fault = replace(fault, message=f"a redirect to {where}, which is not followed")
        log.warning("upstream.status", status=status, code=fault.code)
        return self._judge(fault, streamed=False)


_WORK = TextPiece | ToolStage | PartialPicture | Picture | PictureUrl | PictureFailed
"""After one of these the server has worked, and an error is no longer free."""


def _left(reader: Reader, failure: Failure | None) -> Iterator[Answer | Failed]:
    """What had arrived whole is not lost, and an end or error that had arrived is the truth."""
    for answer in reader.close():
        unexplained = isinstance(answer, Fault) and answer.kind not in ("error", "html")
        yield Failed(failure) if failure and unexplained else answer


def _streamed(headers: httpx2.Headers) -> bool | None:
    """Whether the answer says that it is a stream, or that it is none."""
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    return {"text/event-stream": True, "application/json": False}.get(kind)


def _request_id(headers: httpx2.Headers) -> str | None:
    for name in ("x-request-id", "x-litellm-call-id", "x-oai-request-id"):
        value = headers.get(name)
        if value:
            return tidy(value)[:200]
    return None


def _retry_after(headers: httpx2.Headers, clock: Clock) -> float | None:
    """Seconds; the header holds them, or a date. LiteLLM renames what its upstream said."""
    names = (("retry-after-ms", 0.001), ("retry-after", 1.0), ("llm_provider-retry-after", 1.0))
    for name, scale in names:
        value = headers.get(name, "")
        try:
            return float(value) * scale
        except ValueError:
            pass
        try:
            when = parsedate_to_datetime(value).astimezone(UTC)
        except (ValueError, OverflowError):  # the last day of the year 9999 is another one in UTC
            continue
        return (when - clock.now()).total_seconds()
    return None


def _reported_cost(headers: httpx2.Headers) -> Cost | None:
    """LiteLLM's header (L13); a 0 on a stream means that it does not know yet."""
    try:
        cost = float(headers.get("x-litellm-response-cost", ""))
    except ValueError:
        return None
    return dollars(cost or None)


def _completed(item: Received, request_id: str | None, cost: Cost | None) -> Received:
    """With what only the headers say."""
    if isinstance(item, Opened) and item.request_id is None:
        return replace(item, request_id=request_id)
    if isinstance(item, Failed | PictureFailed) and item.failure.request_id is None:
        failure = item.failure.model_copy(update={"request_id": request_id})
        return replace(item, failure=failure)
    if isinstance(item, Ended) and item.reported_cost is None:
        return replace(item, reported_cost=cost)
    return item
