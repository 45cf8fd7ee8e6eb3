"""A small gateway on a real socket: it passes requests on, and may change what it passes."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import anyio
import httpx2
import pytest
import uvicorn.server

from agent.offline import Offline
from agent.offline.asgi import serve

Json = dict[str, Any]


@dataclass
class Habits:
    """What the gateway does on the way; the defaults pass everything on."""

    upstream: str = ""
    request: Callable[[Json], Json] = lambda body: body
    form: Callable[[bytes], bytes] = lambda body: body
    status: Callable[[int], int] = lambda status: status
    chunk: Callable[[bytes], bytes] = lambda chunk: chunk
    tries: int = 1
    """How often an answer of 500 and more is asked for again."""
    keys: tuple[str, ...] = ()
    """Where not empty, any other key is refused here."""
    most_bytes: int = 10**9
    headers: tuple[str, ...] = ("content-type", "x-request-id", "retry-after")
    paths: list[str] = field(default_factory=list)


class Gateway(Offline):
    """Served by our own adapter; nothing of the artist is used."""

    def __init__(self, habits: Habits) -> None:
        super().__init__()
        self.habits = habits

    async def handle(self, request: Any) -> Any:
        from agent.offline.exchange import Reply, json_reply, reply

        habits = self.habits
        habits.paths.append(request.path)
        key = request.headers.get("authorization", "").removeprefix("Bearer ")
        if habits.keys and key not in habits.keys:
            bare: Json = {"code": "INVALID_API_KEY", "message": "Invalid API key"}
            return reply(401, json.dumps(bare).encode(), "application/json")
        if len(request.body) > habits.most_bytes:
            return json_reply({"error": {"message": "too large"}}, status=413)
        kind = request.headers.get("content-type", "application/json")
        if "json" in kind:
            body = json.dumps(habits.request(json.loads(request.body))).encode()
        else:
            body = habits.form(request.body)
        client = httpx2.AsyncClient(base_url=habits.upstream, timeout=30)
        try:
            response = await self._called(client, request.path.removeprefix("/v1"), body, kind)
        except httpx2.HTTPError:
            await client.aclose()
            return json_reply({"error": {"message": "upstream failed"}}, status=502)
        told = {k: v for k, v in response.headers.items() if k in habits.headers}
        return Reply(habits.status(response.status_code), told, self._passed(client, response))

    async def _called(
        self, client: httpx2.AsyncClient, path: str, body: bytes, kind: str
    ) -> httpx2.Response:
        headers = {"authorization": "Bearer sk-upstream", "content-type": kind}
        for left in reversed(range(self.habits.tries)):
            sent = client.build_request("POST", path, content=body, headers=headers)
            response = await client.send(sent, stream=True)
            if response.status_code < 500 or not left:
                return response
            await response.aclose()
        raise AssertionError

    async def _passed(self, client: httpx2.AsyncClient, response: httpx2.Response) -> Any:
        try:
            async for chunk in response.aiter_raw():
                yield self.habits.chunk(chunk)
        finally:
            await response.aclose()
            await client.aclose()


class _Hurrying:
    """asyncio for uvicorn, which looks every tenth of a second whether it is to end."""

    def __getattr__(self, name: str) -> Any:
        return getattr(asyncio, name)

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds / 20)


@asynccontextmanager
async def served(server: Offline) -> AsyncIterator[str]:
    """The base URL of a server on a real socket."""
    address: list[str] = []
    listening = anyio.Event()

    def ready(url: str) -> None:
        address.append(url)
        listening.set()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(uvicorn.server, "asyncio", _Hurrying())
        async with anyio.create_task_group() as tasks:

            async def run() -> None:
                await serve(server, ready=ready)

            tasks.start_soon(run)
            with anyio.fail_after(10):
                await listening.wait()
            yield address[0]
            tasks.cancel_scope.cancel()
