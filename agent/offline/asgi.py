"""The offline server over a real socket: a small ASGI application, and uvicorn to run it."""

from __future__ import annotations

import socket
from collections.abc import Awaitable, Callable, MutableMapping
from contextlib import aclosing
from typing import Any

import anyio

from .exchange import Drop, Request
from .server import Offline

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]


def app(offline: Offline) -> App:
    """ASGI 3. A cut connection leaves it as ``Drop``; ``serve`` turns that into a real cut."""

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        reply = await offline.handle(await _request(scope, receive))
        async with aclosing(reply.body) as body:
            headers = [(k.encode("latin-1"), v.encode("latin-1")) for k, v in reply.headers.items()]
            start = {"type": "http.response.start", "status": reply.status, "headers": headers}
            await send(start)
            async for chunk in body:
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
            await send({"type": "http.response.body", "body": b"", "more_body": False})

    return application


async def _request(scope: Scope, receive: Receive) -> Request:
    body = bytearray()
    more = True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    headers = {k.decode("latin-1").lower(): v.decode("latin-1") for k, v in scope["headers"]}
    query = scope.get("query_string", b"").decode("latin-1")
    return Request(scope["method"], scope["path"], query, headers, bytes(body))


async def serve(
    offline: Offline,
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    ready: Callable[[str], object] = lambda _: None,
) -> None:
    """Until cancelled or interrupted. ``ready`` gets the base URL, with the port that was free."""
    import uvicorn

    listener = socket.create_server((host, port), family=_family(host))
    config = uvicorn.Config(
        app(offline),
        http=_protocol(),
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=1,
    )
    server = uvicorn.Server(config)
    with listener:
        ready(f"http://{_bracketed(host)}:{listener.getsockname()[1]}/v1")
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(_until_cancelled, server)
            with anyio.CancelScope(shield=True):
                await server.serve(sockets=[listener])
            tasks.cancel_scope.cancel()


async def _until_cancelled(server: Any) -> None:
    """Lets uvicorn close its connections instead of being torn out of its loop."""
    try:
        await anyio.sleep_forever()
    finally:
        server.should_exit = True


def _family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _protocol() -> Any:
    """h11, plus what ASGI has no word for: cutting the connection."""
    from uvicorn.protocols.http.h11_impl import H11Protocol

    class Cuttable(H11Protocol):
        def connection_made(self, transport: Any) -> None:
            super().connection_made(transport)
            self.app = _cutting(self.app, transport)

    return Cuttable


def _cutting(inner: Any, transport: Any) -> Any:
    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await inner(scope, receive, send)
        except Drop:
            transport.abort()
            while (await receive())["type"] != "http.disconnect":
                pass

    return application
