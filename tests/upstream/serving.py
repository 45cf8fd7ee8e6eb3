"""A server at the far end of a transport, played step by step, and a clock that it can move."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Final

import anyio
import anyio.lowlevel
import httpx2

from agent.schema import Failure, ImageOptions
from agent.traffic import Dialect, Ended, Failed, Message, Outgoing, Profile, Received
from agent.upstream.responses import ResponsesUpstream

NOW: Final = datetime(2026, 11, 20, 12, tzinfo=UTC)
KEY: Final = "sk-test-0123456789"
FOREVER: Final = "forever"


@dataclass
class Standing:
    """Time passes only when a test says so."""

    seconds: float = 1000.0

    def now(self) -> datetime:
        return NOW + timedelta(seconds=self.seconds - 1000.0)

    def monotonic(self) -> float:
        return self.seconds


Step = bytes | Exception | float | str
"""Bytes are sent, an exception breaks the line, a number lets seconds pass, ``FOREVER`` hangs."""


@dataclass
class Server(httpx2.AsyncBaseTransport):
    """Answers every request with the same steps and writes down what it was asked."""

    steps: tuple[Step, ...] = ()
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    at_once: Exception | None = None
    clock: Standing = field(default_factory=Standing)
    requests: list[httpx2.Request] = field(default_factory=list)
    sent: int = 0
    closed: int = 0

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        await request.aread()
        self.requests.append(request)
        if self.at_once is not None:
            raise self.at_once
        if self.steps[:1] == (FOREVER,):
            await anyio.sleep_forever()
        return httpx2.Response(self.status, headers=self.headers, stream=Body(self))


class Body(httpx2.AsyncByteStream):
    def __init__(self, server: Server) -> None:
        self.server = server

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for step in self.server.steps:
            if isinstance(step, Exception):
                raise step
            if isinstance(step, float):
                self.server.clock.seconds += step
                await anyio.lowlevel.checkpoint()  # where a wait that is over ends
            elif isinstance(step, str):
                await anyio.sleep_forever()
            else:
                self.server.sent += 1
                yield step

    async def aclose(self) -> None:
        self.server.closed += 1


GENERIC = Dialect(name="generic")
PROFILE = Profile(
    name="test", base_url="https://gateway.example/v1", api_key=KEY, dialect=GENERIC, silence_s=60.0
)
OUTGOING = Outgoing(
    kind="generate",
    model="gpt-5.5",
    instructions="Draw.",
    messages=(Message("user", "a red kite"),),
    options=ImageOptions(partial_images=1),
)


def upstream_on(server: Server, profile: Profile = PROFILE) -> ResponsesUpstream:
    return ResponsesUpstream(profile, clock=server.clock, transport=server)


async def ask(
    server: Server, profile: Profile = PROFILE, outgoing: Outgoing = OUTGOING
) -> list[Received]:
    """Everything that comes back; the client is closed again."""
    upstream = upstream_on(server, profile)
    received: list[Received] = []
    with anyio.fail_after(5):
        async with aclosing(upstream.send(upstream.encode(outgoing), outgoing)) as items:
            received = [item async for item in items]
        await upstream.aclose()
    ends = [item for item in received if isinstance(item, Ended | Failed)]
    assert ends == received[-1:], "one end, and it stands last"
    return received


async def failure_of(
    server: Server, profile: Profile = PROFILE, outgoing: Outgoing = OUTGOING
) -> Failure:
    last = (await ask(server, profile, outgoing))[-1]
    assert isinstance(last, Failed), last
    return last.failure


def event(kind: str, **fields: object) -> bytes:
    return b"data: %s\n\n" % json.dumps({"type": f"response.{kind}", **fields}).encode()


def image(data: bytes, id_: str = "ig_1") -> dict[str, object]:
    result = base64.b64encode(data).decode()
    return {"id": id_, "type": "image_generation_call", "status": "generating", "result": result}


def done(data: bytes) -> bytes:
    return event("output_item.done", output_index=0, item=image(data))


CREATED = event("created", response={"id": "resp_1", "status": "in_progress"})
COMPLETED = event("completed", response={"id": "resp_1", "status": "completed", "output": []})


def with_dialect(**facts: object) -> Profile:
    return replace(PROFILE, dialect=replace(GENERIC, **facts))  # type: ignore[arg-type]
