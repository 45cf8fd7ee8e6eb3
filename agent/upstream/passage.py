"""Somebody else's request, carried to the same server with our key and nothing else of ours.

Its bytes go as they are and the answer's bytes come back as they are, also those of an error. A
reader looks over the shoulder for what the ledger needs: usage, an id, an end.
"""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Iterator
from dataclasses import replace

import anyio
import httpx2

from ..protocols import Clock
from ..schema import Failure
from ..traffic import Ended, Failed, Opened, Profile, Received, WireBytes, WireHead
from ..wire.answers import Answer, AnswerReader
from ..wire.faults import Fault, fault_of_body
from . import failures

_SILENCE_S = 300.0
"""Between two pieces of an answer; what coding agents themselves wait for (clients.md 2)."""
_CLOSING_S = 5.0
_MOST_TOLD = 64 * 1024
"""Bytes of an error that are read to say what it means."""
_BROKEN = (
    httpx2.HTTPError,
    httpx2.StreamError,
    OSError,
    anyio.EndOfStream,
    anyio.BrokenResourceError,
    anyio.ClosedResourceError,
)
_KEPT = ("content-type", "retry-after", "retry-after-ms", "x-should-retry", "openai-processing-ms")
_FAMILIES = ("x-ratelimit-", "x-codex-")


class Passage:
    """The way of untouched requests to one profile's ``/responses``."""

    def __init__(
        self,
        profile: Profile,
        *,
        clock: Clock,
        transport: httpx2.AsyncBaseTransport | None = None,
    ) -> None:
        self._profile = profile
        self._clock = clock
        self._transport = transport
        self._client: httpx2.AsyncClient | None = None

    async def aclose(self) -> None:
        if self._client is not None:
            await self._client.aclose()

    def _opened(self) -> httpx2.AsyncClient:
        """On first use: most processes never pass anything on, and certificates take long to load."""
        if self._client is None:
            wait = self._profile.connect_s
            # never across a redirect: the key belongs to one origin (DESIGN section 5)
            self._client = httpx2.AsyncClient(
                transport=self._transport,
                timeout=httpx2.Timeout(None, connect=wait, pool=wait),
                follow_redirects=False,
            )
        return self._client

    async def carry(self, body: bytes) -> AsyncGenerator[Received, None]:
        """Send once: ``WireHead``, ``WireBytes`` as they come, then one ``Ended`` or ``Failed``."""
        response = await self._open(body)
        if isinstance(response, Failed):
            yield response
            return
        try:
            yield WireHead(status=response.status_code, headers=_headers(response.headers))
            bad = not response.is_success
            tap = _ErrorTap(response.status_code) if bad else _Tap()
            broken: Failure | None = None
            chunks = response.aiter_bytes()
            while broken is None:
                chunk = await self._chunk(chunks)
                if chunk is None:
                    break
                if isinstance(chunk, Failure):
                    broken = chunk
                    break
                yield WireBytes(chunk)
                tap.see(chunk)
            if broken is not None and _is_stream(response.headers):
                yield WireBytes(_broken_off(broken))
            for item in tap.told(broken):
                yield self._judged(item)
        finally:
            with anyio.move_on_after(_CLOSING_S, shield=True):
                await response.aclose()

    async def _open(self, body: bytes) -> httpx2.Response | Failed:
        profile = self._profile
        headers = {
            "authorization": f"Bearer {profile.api_key or 'none'}",
            "content-type": "application/json",
            "accept": "text/event-stream, application/json",
        }
        url = f"{profile.base_url.rstrip('/')}/responses"
        try:
            with anyio.fail_after(profile.silence_s or _SILENCE_S):
                client = self._opened()
                request = client.build_request("POST", url, content=body, headers=headers)
                return await client.send(request, stream=True)
        except TimeoutError:
            return Failed(failures.silent(profile.silence_s or _SILENCE_S, total=False))
        except (httpx2.InvalidURL, UnicodeError, *_BROKEN) as error:
            return Failed(self._broken(error))

    async def _chunk(self, chunks: AsyncGenerator[bytes, None]) -> bytes | Failure | None:
        waits = self._profile.silence_s or _SILENCE_S
        try:
            with anyio.fail_after(waits):
                return await anext(chunks, None)
        except TimeoutError:
            return failures.silent(waits, total=False)
        except _BROKEN as error:
            return self._broken(error)

    def _broken(self, error: Exception) -> Failure:
        return failures.judge_exception(error, clock=self._clock, dialect=self._profile.dialect)

    def _judged(self, item: Opened | Ended | Fault | Failure) -> Received:
        if isinstance(item, Failure):
            return Failed(item)
        if isinstance(item, Fault):
            dialect = self._profile.dialect
            streamed = item.status is None
            return Failed(failures.judge(item, dialect, clock=self._clock, streamed=streamed))
        return item


class _Tap:
    """What a good answer says that the ledger keeps; told at its end, when it can delay nothing."""

    def __init__(self) -> None:
        self._reader = AnswerReader(partials=False)
        self._told: list[Opened | Ended | Fault] = []

    def see(self, chunk: bytes) -> None:
        self._keep(self._reader.feed(chunk))

    def _keep(self, answers: Iterator[Answer]) -> None:
        self._told += [a for a in answers if isinstance(a, Opened | Ended | Fault)]

    def told(self, broken: Failure | None) -> Iterator[Opened | Ended | Fault | Failure]:
        """The last is an end; an error that had arrived whole outweighs the break after it."""
        self._keep(self._reader.close())
        for item in self._told:
            lost = isinstance(item, Fault) and item.kind not in ("error", "html")
            yield broken if broken is not None and lost else item


class _ErrorTap:
    """The beginning of an error."""

    def __init__(self, status: int) -> None:
        self._status = status
        self._body = b""

    def see(self, chunk: bytes) -> None:
        self._body += chunk[: max(_MOST_TOLD - len(self._body), 0)]

    def told(self, _broken: Failure | None) -> Iterator[Fault]:
        fault = fault_of_body(self._body, status=self._status)
        yield replace(fault, status=self._status)


def _is_stream(headers: httpx2.Headers) -> bool:
    return bool(headers.get("content-type", "").startswith("text/event-stream"))


def _broken_off(failure: Failure) -> bytes:
    """An end that a client understands, where the server's own can no longer come."""
    told = {"type": "error", "code": "outcome_unknown", "message": failure.message, "param": None}
    return f"\n\nevent: error\ndata: {json.dumps(told)}\n\n".encode()


def _headers(headers: httpx2.Headers) -> tuple[tuple[str, str], ...]:
    """Those a client of the API reads; ours say where it came from and how long it is."""
    return tuple(
        (name.lower(), value)
        for name, value in headers.items()
        if name.lower() in _KEPT or name.lower().startswith(_FAMILIES)
    )
