"""The Responses API: our bytes out, raw bytes in; the SDK carries them (auth, transport, errors).

The SDK's own parsing says nothing about an HTML 200, JSON on a stream, a truncation or an error in
a 200, and costs 2.5 × more (wire.md 5), so the body is ours and the answer goes to ``wire``.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from dataclasses import replace

import anyio
import httpx2
import openai
import structlog
from openai import AsyncOpenAI, AsyncStream

from ..errors import UsageError
from ..protocols import (
    Clock,
    Ended,
    Failed,
    Opened,
    Outgoing,
    PictureFailed,
    Profile,
    Received,
)
from ..schema import Failure
from ..wire.answers import Answer, AnswerReader, ItemFault
from ..wire.faults import Fault, fault_of_body
from ..wire.writer import responses_body
from . import failures
from .retry import delay_before_retry

log = structlog.get_logger("limner.upstream")

_SLOW_PIXELS = 2560 * 1440


class ResponsesUpstream:
    """One profile's Responses endpoint. ``transport`` replaces the network (offline, tests)."""

    def __init__(
        self,
        profile: Profile,
        *,
        clock: Clock,
        transport: httpx2.AsyncBaseTransport | None = None,
    ) -> None:
        self._profile = profile
        self._clock = clock
        timeout = httpx2.Timeout(None, connect=profile.connect_s, pool=profile.connect_s)
        # never across a redirect: the key belongs to one origin (section 5)
        http = httpx2.AsyncClient(transport=transport, timeout=timeout, follow_redirects=False)
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

    def encode(self, outgoing: Outgoing) -> bytes:
        """The body for this dialect; ``UsageError`` when the server would cut or refuse it."""
        dialect = self._profile.dialect
        if not dialect.safety_identifier:
            outgoing = replace(outgoing, user=None)
        body = responses_body(outgoing)
        if dialect.body_cap is not None and len(body) > dialect.body_cap:
            raise UsageError(
                f"The request is {len(body):,} bytes; {dialect.name} takes {dialect.body_cap:,}.",
                hint="Edit a smaller picture, or a JPEG or WebP of it; nothing was sent.",
            )
        return body

    def retry_delay(self, failure: Failure, *, tries: int, elapsed_s: float) -> float | None:
        return delay_before_retry(failure, tries=tries, elapsed_s=elapsed_s, clock=self._clock)

    async def aclose(self) -> None:
        await self._client.close()

    async def send(self, body: bytes, outgoing: Outgoing) -> AsyncGenerator[Received, None]:
        """Send once; yield what comes back, ending with one ``Ended`` or ``Failed``."""
        started = self._clock.monotonic()
        try:
            with anyio.fail_after(self._profile.total_s):
                response = await self._post(body)
        except openai.APIStatusError as error:
            yield Failed(self._judge_status(error))
            return
        except (openai.OpenAIError, httpx2.HTTPError, httpx2.InvalidURL) as error:
            yield Failed(
                failures.judge_exception(error, clock=self._clock, dialect=self._profile.dialect)
            )
            return
        except TimeoutError:
            yield Failed(failures.silent(self._profile.total_s, total=True))
            return
        request_id = _request_id(response.headers)
        yield Opened(request_id=request_id)
        try:
            async with aclosing(self._read(response, outgoing, started)) as received:
                async for item in received:
                    yield _with_request_id(item, request_id)
        finally:
            with anyio.CancelScope(shield=True):
                await response.aclose()

    async def _post(self, body: bytes) -> httpx2.Response:
        response: object = await self._client.post(
            "/responses",
            content=body,
            cast_to=httpx2.Response,
            options={"headers": {"Content-Type": "application/json"}},
            stream=True,
            stream_cls=AsyncStream[object],
        )
        # the SDK types this as a stream, yet ``cast_to`` gives the raw response (tried on 3.51.0)
        assert isinstance(response, httpx2.Response)
        return response

    async def _read(
        self, response: httpx2.Response, outgoing: Outgoing, started: float
    ) -> AsyncGenerator[Received, None]:
        reader = AnswerReader(partials=bool(outgoing.options and outgoing.options.partial_images))
        silence = self._silence(outgoing)
        deadline = started + self._profile.total_s
        chunks = response.aiter_bytes()
        heard = self._clock.monotonic()
        while True:
            now = self._clock.monotonic()
            wait = min(heard + silence, deadline) - now
            try:
                with anyio.fail_after(max(wait, 0)):
                    chunk = await _next(chunks)
            except TimeoutError:
                total = deadline <= heard + silence
                yield Failed(
                    failures.silent(self._profile.total_s if total else silence, total=total)
                )
                return
            except (httpx2.HTTPError, httpx2.StreamError) as error:
                for answer in reader.close():  # what had arrived whole is not lost
                    if not isinstance(answer, Fault | Ended):
                        yield self._received(answer)
                yield Failed(
                    failures.judge_exception(
                        error, clock=self._clock, dialect=self._profile.dialect
                    )
                )
                return
            for answer in reader.feed(chunk) if chunk is not None else reader.close():
                heard = self._clock.monotonic()
                received = self._received(answer)
                yield received
                if isinstance(received, Ended | Failed):
                    return
            if chunk is None:
                return

    def _silence(self, outgoing: Outgoing) -> float:
        """Seconds without a data event; comments and pings do not count (D15)."""
        if self._profile.silence_s is not None:
            return self._profile.silence_s
        options = outgoing.options
        if options is None:
            return 180.0
        width, _, height = options.size.partition("x")
        known = width.isdigit() and height.isdigit()
        large = known and int(width) * int(height) > _SLOW_PIXELS
        slow = large or options.quality in ("high", "xhigh", "max") or not outgoing.stream
        return 300.0 if slow else 180.0

    def _received(self, answer: Answer) -> Received:
        if isinstance(answer, Fault):
            return Failed(self._judge(answer, streamed=True))
        if isinstance(answer, ItemFault):
            failure = self._judge(answer.fault, streamed=True)
            return PictureFailed(item_id=answer.item_id, failure=failure)
        return answer

    def _judge(self, fault: Fault, *, streamed: bool) -> Failure:
        return failures.judge(fault, self._profile.dialect, clock=self._clock, streamed=streamed)

    def _judge_status(self, error: openai.APIStatusError) -> Failure:
        fault = fault_of_body(error.response.content, status=error.status_code)
        fault = replace(
            fault,
            request_id=_request_id(error.response.headers),
            retry_after=_retry_after(error.response.headers),
        )
        if 300 <= error.status_code < 400:
            where = error.response.headers.get("location", "elsewhere")
            fault = replace(fault, message=f"a redirect to {where}, which is not followed")
        log.warning("upstream.status", status=error.status_code, code=fault.code)
        return self._judge(fault, streamed=False)


async def _next(chunks: AsyncIterator[bytes]) -> bytes | None:
    return await anext(chunks, None)


def _request_id(headers: httpx2.Headers) -> str | None:
    for name in ("x-request-id", "x-litellm-call-id", "x-oai-request-id"):
        value = headers.get(name)
        if value:
            return str(value)[:200]
    return None


def _retry_after(headers: httpx2.Headers) -> float | None:
    for name, scale in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        try:
            return float(headers[name]) * scale
        except (KeyError, ValueError):
            continue
    return None


def _with_request_id(item: Received, request_id: str | None) -> Received:
    if isinstance(item, Opened) and item.request_id is None:
        return replace(item, request_id=request_id)
    if isinstance(item, Failed | PictureFailed) and item.failure.request_id is None:
        failure = item.failure.model_copy(update={"request_id": request_id})
        return replace(item, failure=failure)
    return item
