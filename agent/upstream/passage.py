"""Somebody else's request, carried to the same server with our key and nothing else of ours.

Its bytes go as they are and the answer's bytes come back as they are, also those of an error. A
reader looks over the shoulder for what the ledger needs: usage, an id, an end.
"""

from __future__ import annotations

import json
import math
from collections.abc import AsyncGenerator, Iterator
from dataclasses import replace

import httpx2

from ..schema import Failure
from ..traffic import Ended, Failed, Opened, Received, WireBytes, WireHead
from ..wire.answers import Answer, AnswerReader
from ..wire.faults import Fault, fault_of_body
from . import failures
from .connection import Connection, Dispatch

_SILENCE_S = 300.0
"""Between two pieces of an answer; what coding agents themselves wait for (clients.md 2)."""
_MOST_TOLD = 64 * 1024
"""Bytes of an error that are read to say what it means."""
_KEPT = ("content-type", "retry-after", "retry-after-ms", "x-should-retry", "openai-processing-ms")
_FAMILIES = ("x-ratelimit-", "x-codex-")


class Passage:
    """The way of untouched requests to one profile's ``/responses``."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def carry(self, body: bytes) -> AsyncGenerator[Received, None]:
        """Send once: ``WireHead``, ``WireBytes`` as they come, then one ``Ended`` or ``Failed``."""
        incoming = await self._connection.post(
            Dispatch(
                path="/responses",
                body=body,
                accept="text/event-stream, application/json",
                silence_s=self._connection.profile.silence_s or _SILENCE_S,
                total_s=math.inf,
            )
        )
        if isinstance(incoming, Failure):
            yield Failed(incoming)
            return
        try:
            yield WireHead(status=incoming.status, headers=_headers(incoming.headers))
            tap = _Tap() if incoming.ok else _ErrorTap(incoming.status)
            broken: Failure | None = None
            while (chunk := await incoming.chunk()) is not None:
                if isinstance(chunk, Failure):
                    broken = chunk
                    break
                incoming.heard()
                yield WireBytes(chunk)
                tap.see(chunk)
            if broken is not None and _is_stream(incoming.headers):
                yield WireBytes(_broken_off(broken))
            for item in tap.told(broken):
                yield self._judged(item)
        finally:
            await incoming.aclose()

    def _judged(self, item: Opened | Ended | Fault | Failure) -> Received:
        if isinstance(item, Failure):
            return Failed(item)
        if isinstance(item, Fault):
            dialect, clock = self._connection.profile.dialect, self._connection.clock
            streamed = item.status is None
            return Failed(failures.judge(item, dialect, clock=clock, streamed=streamed))
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
