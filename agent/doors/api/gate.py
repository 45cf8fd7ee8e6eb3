"""Around every request: who may call at all, a request id, and nothing but OpenAI's shape out.

A page in a browser can be made to call loopback under a name of its own (DNS rebinding): the
``Host`` it was called by and the ``Origin`` it was called from are therefore looked at first.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any
from urllib.parse import urlsplit

import anyio
from starlette.requests import ClientDisconnect

from ...errors import StoreError
from ...hosts import LOOPBACK, Host
from ...logs import get_logger
from .desk import Desk
from .errors import NO_RETRY, ApiError

Message = MutableMapping[str, Any]
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]
HEARD_OUT_S = 10.0
"""For the rest of a body whose answer is given already."""
TIMEOUT = 408
"""Answered to who has stopped sending: there is nothing to hear out."""
REQUEST_ID = "request_id"
"""Its name in ``request.state``."""

log = get_logger("limner.serve")


class Gate:
    """ASGI middleware; the outermost of ours."""

    def __init__(self, app: App, desk: Desk) -> None:
        self._app = app
        self._desk = desk

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        request_id = self._desk.kit.ids.new("req")
        scope.setdefault("state", {})[REQUEST_ID] = request_id
        body, started, refused = _Body(scope, receive), False, False

        async def named(message: Message) -> None:
            nonlocal started, refused
            if message["type"] == "http.response.start":
                started, refused = True, message["status"] >= 400 and message["status"] != TIMEOUT
                message["headers"] = [*message["headers"], (b"x-request-id", request_id.encode())]
            try:
                last = message["type"] == "http.response.body" and not message.get("more_body")
                if refused and last and body.comes:
                    await body.hear_out(message, send)
                else:
                    await send(message)
            except OSError as error:  # how newer servers say that the client has left (ASGI 2.4)
                raise ClientDisconnect from error

        try:
            check_caller(scope, self._desk)
            await self._app(scope, body.receive, named)
        except ClientDisconnect:
            log.info("request.left", request=request_id)
        except Exception as error:  # a traceback is for the log, never for a client
            if started:
                log.exception("request.cut_short", request=request_id)
                raise
            answer = answer_for(error, request_id).response()
            await answer(scope, receive, named)


class _Body:
    """What a client sends, heard out also where it is refused before its end.

    Cut off in mid-sentence it would read no answer, but see a broken connection, and ask again.
    """

    def __init__(self, scope: Scope, receive: Receive) -> None:
        headers = dict(scope["headers"])
        sends = headers.get(b"content-length", b"0") != b"0" or b"transfer-encoding" in headers
        self.comes = sends and b"expect" not in headers  # else it waits to be told before it sends
        """More of it may come."""
        self._receive = receive

    async def receive(self) -> Message:
        message = await self._receive()
        self.comes = self.comes and message.get("more_body", False)
        return message

    async def hear_out(self, last: Message, send: Send) -> None:
        """Answer at once, and end only when the body has: nothing of it is kept."""
        await send({**last, "more_body": True})
        with anyio.move_on_after(HEARD_OUT_S):
            while self.comes:
                await self.receive()
        await send({"type": "http.response.body", "body": b""})


def answer_for(error: Exception, request_id: str) -> ApiError:
    """What a client is told of an exception; anything unexpected goes to the log with its id."""
    if isinstance(error, ApiError):
        return error
    log.error("request.bug", request=request_id, exc_info=error)
    store = isinstance(error, StoreError)
    what = "The server's store cannot be used right now" if store else "The server made a mistake"
    return ApiError(
        500,
        f"{what} (request {request_id}); its log says more.",
        type="server_error",
        code="store" if store else "internal_error",
        headers=NO_RETRY,
    )


def check_caller(scope: Scope, desk: Desk) -> None:
    """Raises ``ApiError`` 421 for a Host that is not ours, 403 for an Origin that may not call."""
    hosts = [value.decode("latin-1") for name, value in scope["headers"] if name == b"host"]
    host = hosts[0] if len(hosts) == 1 else ", ".join(hosts)
    if not _is_ours(host, desk):
        raise ApiError(
            421,
            f"This server is not {host[:80]!r}. Call it by its own name, or start it with "
            "--allow-host.",
            code="wrong_host",
            headers=NO_RETRY,
        )
    origins = [value.decode("latin-1") for name, value in scope["headers"] if name == b"origin"]
    origin = next((one for one in origins if not _may_call(one, host, desk)), None)
    if origin is not None:
        raise ApiError(
            403,
            f"Pages of {origin[:80]!r} may not call this server; --allow-origin lets one in.",
            type="permission_error",
            code="wrong_origin",
            headers=NO_RETRY,
        )


def _is_ours(text: str, desk: Desk) -> bool:
    host = Host.read(text)
    if host is None:
        return False
    options = desk.options
    public = Host.read(urlsplit(options.public_url or "").netloc)
    if host.name in LOOPBACK or host.among(options.allow_hosts):
        return True
    if public is not None and host.name == public.name:
        return True
    # off loopback every request needs a key, which no page that was lured here has
    return not options.on_loopback and not options.allow_hosts


def _may_call(origin: str, host: str, desk: Desk) -> bool:
    """Its own pages, and those that were let in."""
    own = (f"http://{host}", f"https://{host}")
    return origin in own or origin in desk.options.allow_origins
