"""The two transports: stdin and stdout for a host that starts us, HTTP for one that connects."""

from __future__ import annotations

import ipaddress
import os
import re
import socket
import threading
from collections.abc import AsyncIterator, Callable, Iterable
from concurrent.futures import CancelledError as Cancelled
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final, cast

import anyio
from anyio.from_thread import BlockingPortal
from mcp.server.stdio import stdio_server

from ...errors import KeyMissing, UsageError
from ...hosts import Host
from .guard import App, Guard
from .server import server
from .workroom import Workroom

PATH: Final = "/mcp"
SHORTEST_KEY: Final = 16
_BLOCK: Final = 65_536
_LOOPBACK: Final = ("127.0.0.1", "localhost", "[::1]")
_ANY: Final = ("0.0.0.0", "::", "")  # noqa: S104  compared with, not listened on


async def over_stdio(room: Workroom) -> None:
    """Until stdin ends; then what was sent is still received and stored. Cancelling gives it up."""
    async with (
        room,
        _lines_of(0) as lines,
        stdio_server(stdin=cast("anyio.AsyncFile[str]", lines)) as (read, write),
    ):
        made = server(room)
        await made.run(read, write, made.create_initialization_options())


@asynccontextmanager
async def _lines_of(handle: int) -> AsyncIterator[AsyncIterator[str]]:
    """Lines of a pipe, read where cancelling need not wait for the next one.

    A thread of the usual kind would keep the process alive until its client says something.
    """
    send, receive = anyio.create_memory_object_stream[str](16)
    async with BlockingPortal() as portal, receive:

        def pump() -> None:
            rest = bytearray()
            while block := _read(handle):
                rest += block
                if b"\n" in block:
                    *whole, rest = rest.split(b"\n")
                    for line in whole:
                        portal.call(send.send, _sound(line))
            if rest:
                portal.call(send.send, _sound(rest))
            portal.call(send.aclose)

        def pumping() -> None:
            try:
                pump()
            except (RuntimeError, Cancelled, anyio.BrokenResourceError, anyio.ClosedResourceError):
                return  # nobody reads any more

        threading.Thread(target=pumping, name="stdin", daemon=True).start()
        yield receive
        await portal.stop(cancel_remaining=True)


_HEX: Final = "[0-9a-fA-F]{2}"
_ESCAPE: Final = re.compile(
    rf"\\(?:u[dD][89abAB]{_HEX}\\u[dD][c-fC-F]{_HEX}|(?P<half>u[dD][89a-fA-F]{_HEX})|.)", re.DOTALL
)


def _sound(line: bytes | bytearray) -> str:
    """As text; half a character, as is left of words that were cut, would make it no JSON at all.

    Such a request could not even be refused: its id would be lost with it.
    """
    text = line.decode("utf-8", "replace")
    if "\\ud" not in text and "\\uD" not in text:
        return text
    return _ESCAPE.sub(lambda found: "\\ufffd" if found["half"] else found[0], text)


def _read(handle: int) -> bytes:
    """The next bytes; none at the end, or where there is no such stream."""
    try:
        return os.read(handle, _BLOCK)
    except OSError:
        return b""


# ── HTTP ─────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Where to listen and who may come."""

    host: str
    port: int
    key: str | None = None
    """The bearer key; needed off loopback."""
    names: tuple[str, ...] = ()
    """What else this machine is called in ``Host`` and ``Origin``."""

    @property
    def loopback(self) -> bool:
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False

    @property
    def own(self) -> tuple[str, ...]:
        """Names of this machine itself, IPv6 in brackets."""
        own = () if self.host in _ANY else (_bracketed(self.host),)
        local = _LOOPBACK if self.loopback or self.host in _ANY else ()
        return tuple(dict.fromkeys((*own, *local)))

    def check(self) -> None:
        """Raises ``KeyMissing`` for a server that anybody could use, ``UsageError`` for a weak key.

        And for what can be no name.
        """
        strange = next((name for name in self.names if Host.read(name) is None), None)
        if strange is not None:
            raise UsageError(
                f"--allow-host {strange!r}: is no name.", hint="As studio.example, or with :PORT."
            )
        if self.key is not None and len(self.key) < SHORTEST_KEY:
            raise UsageError(
                f"The key has {len(self.key)} characters; it needs at least {SHORTEST_KEY}.",
                hint="For example: openssl rand -hex 32 > mcp.key",
            )
        if self.key is None and not self.loopback:
            raise KeyMissing(
                f"{self.host} can be reached from other machines, and there is no key.",
                hint="Give --key-file FILE, or listen on 127.0.0.1.",
            )


def address_of(text: str, *, key: str | None, names: Iterable[str]) -> Address:
    """``8000``, ``HOST:8000``, ``[::1]:8000``; raises ``UsageError``, ``KeyMissing``."""
    host, colon, port = text.rpartition(":")
    if not colon or (host.count(":") and not host.startswith("[")):
        host, port = (text, "0") if not text.isdecimal() else ("", text)
    if not port.isdecimal() or int(port) > 65_535:
        raise UsageError(f"--http {text!r}: write HOST:PORT.", hint="As 127.0.0.1:8642")
    found = Address(
        host=host.strip("[]") or "127.0.0.1", port=int(port), key=key, names=tuple(names)
    )
    found.check()
    return found


async def over_http(room: Workroom, address: Address, *, ready: Callable[[str], object]) -> None:
    """Until cancelled or interrupted. ``ready`` gets the URL, with the port that was free."""
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    listener = socket.create_server((address.host, address.port), family=family)
    with listener:
        async with room:
            port = listener.getsockname()[1]
            await _listen(
                application(room, address),
                listener,
                lambda: ready(f"http://{_bracketed(address.host)}:{port}{PATH}"),
            )


def application(room: Workroom, address: Address) -> App:
    """ASGI 3: key, Host and Origin are checked before anything is read."""
    from mcp.server.transport_security import TransportSecuritySettings

    made = server(room).streamable_http_app(
        streamable_http_path=PATH,
        host=address.host,
        # compares by how a name begins; ours compares it whole
        transport_security=TransportSecuritySettings(enable_dns_rebinding_protection=False),
    )
    guard = Guard(own=address.own, added=address.names, key=address.key)
    return guard.around(cast("App", made))


async def _listen(app: App, listener: socket.socket, ready: Callable[[], object]) -> None:
    import uvicorn

    config = uvicorn.Config(
        app,
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=1,
    )
    serving = uvicorn.Server(config)

    async def until_cancelled() -> None:
        """Lets uvicorn close its connections instead of being torn out of its loop."""
        try:
            await anyio.sleep_forever()
        finally:
            serving.should_exit = True

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(until_cancelled)
        ready()
        with anyio.CancelScope(shield=True):
            await serving.serve(sockets=[listener])
        tasks.cancel_scope.cancel()


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host
