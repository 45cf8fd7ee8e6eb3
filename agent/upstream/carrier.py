"""One request to one server: our bytes out, raw bytes in; the SDK carries them (auth, errors).

The SDK's own parsing says nothing about an HTML 200, JSON on a stream, a truncation or an error in
a 200, and costs 2.5 × more (wire.md 5), so the body is ours and the answer goes to ``wire``. Which
API it is, only the path and the reader know.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Protocol

import anyio
import httpx2
import openai
from openai import AsyncOpenAI, AsyncStream

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
from .bounds import MOST_ANSWER, shorten_errors, too_long
from .fetch import PictureFetcher
from .retry import delay_before_retry

log = get_logger("limner.upstream")

_SLOW_PIXELS = 2560 * 1440
_UPLOAD_BYTES_PER_S = 125_000
"""Silence is counted from the end of the upload, which nobody tells us: one megabit is assumed."""
_CLOSING_S = 5.0
_OURS = {
    "host",
    "connection",
    "accept",
    "accept-encoding",
    "content-length",
    "content-type",
    "transfer-encoding",
    "user-agent",
}
_CONTENT_TYPE = "x-limner-content-type"
"""Under its own name the SDK refuses a form that is not its own (3.51.0); it never goes out."""
_OPENAI_ONLY = {"openai-organization", "openai-project"}
_BROKEN = (
    httpx2.HTTPError,
    httpx2.StreamError,
    OSError,
    anyio.EndOfStream,
    anyio.BrokenResourceError,
    anyio.ClosedResourceError,
)
"""How a read fails; those besides httpx2's own slip through it unmapped over TLS."""


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Dispatch:
    """One request as it goes out, and how long a silence after it means that nobody answers."""

    path: str
    body: bytes = field(repr=False)
    content_type: str = "application/json"
    silence_s: float


class Carrier:
    """One profile's connection. ``transport`` replaces the network, ``fetcher`` the web."""

    def __init__(
        self,
        profile: Profile,
        *,
        clock: Clock,
        transport: httpx2.AsyncBaseTransport | None = None,
        fetcher: PictureFetcher | None = None,
    ) -> None:
        self._profile = profile
        self._clock = clock
        self._fetcher = fetcher or PictureFetcher(allow_private=profile.fetch_private)
        timeout = httpx2.Timeout(None, connect=profile.connect_s, pool=profile.connect_s)
        # never across a redirect: the key belongs to one origin (section 5)
        http = httpx2.AsyncClient(
            transport=transport,
            timeout=timeout,
            follow_redirects=False,
            event_hooks={"request": [self._only_ours], "response": [shorten_errors]},
        )
        self._client = AsyncOpenAI(
            api_key=profile.api_key or "none",
            base_url=profile.base_url,
            max_retries=0,
            timeout=timeout,
            http_client=http,
        )

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

    async def aclose(self) -> None:
        await self._client.close()

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
        started = self._clock.monotonic()
        response = await self._open(dispatch)
        if isinstance(response, Failed):
            yield response
            return
        request_id, cost = _request_id(response.headers), _reported_cost(response.headers)
        try:
            yield Opened(request_id=request_id, streamed=_streamed(response.headers))
            async with aclosing(self._read(response, reader, dispatch, started)) as received:
                async for item in received:
                    yield _completed(item, request_id, cost)
        finally:
            with anyio.move_on_after(_CLOSING_S, shield=True):
                await response.aclose()

    async def _only_ours(self, request: httpx2.Request) -> None:
        """Only what belongs to this profile leaves the machine.

        The SDK adds ``OPENAI_CUSTOM_HEADERS`` (which may replace the key), ``OPENAI_ORG_ID`` and
        ``OPENAI_PROJECT_ID`` of the environment to every request, to whomever it goes.
        """
        request.headers["content-type"] = request.headers[_CONTENT_TYPE]
        openai_itself = self._profile.dialect.name == "openai"
        for name in list(request.headers):
            ours = name in _OURS or name.startswith("x-stainless-")
            if not ours and not (openai_itself and name in _OPENAI_ONLY):
                del request.headers[name]
        request.headers["authorization"] = f"Bearer {self._profile.api_key or 'none'}"

    async def _open(self, dispatch: Dispatch) -> httpx2.Response | Failed:
        """Until the headers are there; an answer that is not streamed sends them when it is done."""
        total = self._profile.total_s
        wait = min(total, dispatch.silence_s + len(dispatch.body) / _UPLOAD_BYTES_PER_S)
        try:
            with anyio.fail_after(wait):
                return await self._post(dispatch)
        except openai.APIStatusError as error:
            return Failed(self._judge_status(error.response))
        except TimeoutError:
            return Failed(failures.silent(wait, total=wait >= total))
        except (openai.OpenAIError, httpx2.InvalidURL, UnicodeError, *_BROKEN) as error:
            refused = _refusal_behind(error)
            judged = self._judge_status(refused) if refused else self._judge_exception(error)
            return Failed(judged)

    async def _post(self, dispatch: Dispatch) -> httpx2.Response:
        headers = {"Content-Type": "application/json", _CONTENT_TYPE: dispatch.content_type}
        response: object = await self._client.post(
            dispatch.path,
            content=dispatch.body,
            cast_to=httpx2.Response,
            options={"headers": headers},
            stream=True,
            stream_cls=AsyncStream[object],
        )
        # the SDK types this as a stream, yet ``cast_to`` gives the raw response (tried on 3.51.0)
        assert isinstance(response, httpx2.Response)
        return response

    async def _read(
        self, response: httpx2.Response, reader: Reader, dispatch: Dispatch, started: float
    ) -> AsyncGenerator[Received, None]:
        silence = dispatch.silence_s
        deadline = started + self._profile.total_s
        chunks = response.aiter_bytes()
        heard = self._clock.monotonic()
        over = worked = False
        left = MOST_ANSWER
        while not over:
            events = reader.events
            limit = min(heard + silence, deadline)
            chunk = await self._chunk(chunks, limit, total=limit == deadline, silence=silence)
            over = not isinstance(chunk, bytes)
            left -= len(chunk) if isinstance(chunk, bytes) else 0
            if left < 0:
                yield Failed(too_long(MOST_ANSWER))
                return
            for answer in reader.feed(chunk) if isinstance(chunk, bytes) else _left(reader, chunk):
                received = self._received(answer, worked=worked)
                worked = worked or isinstance(received, _WORK)
                if isinstance(received, PictureUrl) and self._profile.fetch_urls:
                    received = await self._fetcher.picture(received)
                    heard = self._clock.monotonic()
                yield received
                if isinstance(received, Ended | Failed):
                    return
            if reader.arriving or reader.events > events:
                heard = self._clock.monotonic()

    async def _chunk(
        self, chunks: AsyncIterator[bytes], limit: float, *, total: bool, silence: float
    ) -> bytes | Failure | None:
        """The next bytes until ``limit``; ``None`` at the end; or why there are no more."""
        try:
            with anyio.fail_after(max(limit - self._clock.monotonic(), 0)):
                return await anext(chunks, None)
        except TimeoutError:
            waited = self._profile.total_s if total else silence
            return failures.silent(waited, total=total)
        except _BROKEN as error:
            return self._judge_exception(error)

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

    def _judge_exception(self, error: Exception) -> Failure:
        return failures.judge_exception(error, clock=self._clock, dialect=self._profile.dialect)

    def _judge_status(self, response: httpx2.Response) -> Failure:
        status = response.status_code
        try:
            fault = fault_of_body(response.content, status=status)
        except httpx2.ResponseNotRead:
            fault = Fault(status=status, message="its error text broke off")
        wait = _retry_after(response.headers, self._clock)
        fault = replace(
            fault,
            request_id=_request_id(response.headers),
            retry_after=fault.retry_after if wait is None else wait,
        )
        if 300 <= status < 400:
            where = tidy(response.headers.get("location", "elsewhere"))
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


def _refusal_behind(error: BaseException) -> httpx2.Response | None:
    """The answer whose status had come when its body broke off."""
    behind = error.__context__
    while behind is not None and not isinstance(behind, httpx2.HTTPStatusError):
        behind = behind.__context__
    return behind.response if behind else None


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
            when = parsedate_to_datetime(value)
        except ValueError:
            continue
        return (when.astimezone(UTC) - clock.now()).total_seconds()
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
