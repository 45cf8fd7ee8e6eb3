"""The server on a socket in this process, and the command that starts it."""

from __future__ import annotations

import asyncio
import errno
import json
import signal
import socket
import subprocess
import sys
from contextlib import closing
from functools import partial
from pathlib import Path

import anyio
import anyio.lowlevel
import pytest
from anyio import to_thread

from agent import Settings
from agent.doors.api import running
from agent.doors.api.crowd import tell_once
from agent.doors.api.desk import OpenDesk, ServeOptions, parts_of
from agent.errors import UsageError
from agent.factory import open_kit
from agent.tenants import TENANTS_FILE
from tests.conftest import Serve
from tests.doors.conftest import Limner
from tests.forked import python

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")


async def opened(settings: Settings, serve: Serve, options: ServeOptions, *faults: str) -> OpenDesk:
    chosen = settings.resolve("offline", allow_offline=False)
    kit = await open_kit(settings, chosen, offline=serve(*faults))
    return OpenDesk(await parts_of(kit, settings, chosen), settings, options)


class Address:
    """Where it listens, once it does."""

    def __init__(self) -> None:
        self.known = anyio.Event()
        self.url = ""

    def __call__(self, url: str) -> None:
        self.url = url
        self.known.set()

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2].removesuffix("/v1"))


def exchange(port: int, sent: bytes) -> bytes:
    """Everything that comes back until the server closes the line."""
    with socket.create_connection(("127.0.0.1", port), timeout=20) as line:
        line.sendall(sent)
        return b"".join(iter(lambda: line.recv(65_536), b""))


async def test_a_request_that_never_ends_is_ended(
    settings: Settings, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(running, "HEADERS_S", 0.05)
    options, address = ServeOptions(body_idle_s=0.05), Address()
    opening = await opened(settings, serve, options)

    async def work() -> None:
        await running.serve(opening, port=0, ready=address, options=options)

    head = b"POST /v1/images/generations HTTP/1.1\r\nHost: localhost\r\n"
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(work)
        await address.known.wait()
        silent = await to_thread.run_sync(exchange, address.port, b"")
        slow = await to_thread.run_sync(exchange, address.port, head)
        stalled = await to_thread.run_sync(
            exchange, address.port, head + b"Connection: close\r\nContent-Length: 9\r\n\r\n{"
        )
        twice = await to_thread.run_sync(
            exchange,
            address.port,
            b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\nGET /health HTTP/1.1\r\n",
        )
        tasks.cancel_scope.cancel()

    assert (silent, slow) == (b"", b"")
    assert stalled.startswith(b"HTTP/1.1 408 ")
    assert b'"code":"timeout"' in stalled
    assert twice.count(b"HTTP/1.1 200 ") == 1


async def test_what_is_no_http_is_told_in_the_shape_of_every_other_error(
    settings: Settings, serve: Serve
) -> None:
    options, address = ServeOptions(), Address()
    opening = await opened(settings, serve, options)
    head = b"POST /v1/images/generations HTTP/1.1\r\nHost: localhost\r\n"
    chunked = head + b"Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
    spoken = [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 hello\r\n\r\n",
        b"GET /health HTTP/1.1\r\n no colon\r\n\r\n",
        head + b"Content-Length: 3\r\nContent-Length: 4\r\n\r\n",
        head + b"X-Long: " + b"x" * running.LONGEST_HEADERS,
        chunked + b"zz\r\n{}\r\n",
    ]

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(partial(running.serve, opening, port=0, ready=address, options=options))
        await address.known.wait()
        told = [await to_thread.run_sync(exchange, address.port, sent) for sent in spoken]
        tasks.cancel_scope.cancel()

    for answer in told:
        start, _, body = answer.partition(b"\r\n\r\n")
        assert start.startswith(b"HTTP/1.1 400 ")
        assert b"content-type: application/json" in start
        assert json.loads(body)["error"]["code"] == "malformed_request"


async def test_more_connections_than_there_are_files_for_are_told_to_come_again(
    settings: Settings, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(running, "most_connections", lambda: 2)
    options, address = ServeOptions(), Address()
    opening = await opened(settings, serve, options)
    request = b"GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(partial(running.serve, opening, port=0, ready=address, options=options))
        await address.known.wait()
        streams = [await anyio.connect_tcp("127.0.0.1", address.port) for _ in range(2)]
        third = await anyio.connect_tcp("127.0.0.1", address.port)
        turned_away = await third.receive()
        await third.aclose()
        for stream in streams:
            await stream.send(request)
            served = await stream.receive()
            assert served.startswith(b"HTTP/1.1 200 ")
            await stream.aclose()
        let_in = await to_thread.run_sync(exchange, address.port, request)
        tasks.cancel_scope.cancel()

    start, _, body = turned_away.partition(b"\r\n\r\n")
    assert start.startswith(b"HTTP/1.1 503 ")
    assert b"x-should-retry: true" in start
    assert json.loads(body)["error"]["code"] == "too_many_connections"
    assert let_in.startswith(b"HTTP/1.1 200 ")


def test_files_are_left_for_pictures_and_for_the_server_behind() -> None:
    """In a process of its own: what it may open is its own affair from then on."""
    look = (
        "import resource as r; from agent.doors.api.crowd import most_connections as most;"
        "r.setrlimit(r.RLIMIT_NOFILE, (300, 1000)); print(most(), r.getrlimit(r.RLIMIT_NOFILE)[0]);"
        "r.setrlimit(r.RLIMIT_NOFILE, (100, 100)); print(most())"
    )

    run = subprocess.run([python(), "-c", look], capture_output=True, text=True, check=True)

    assert run.stdout.split() == ["372", "1000", "64"]


def test_files_that_run_out_are_told_once_and_other_mistakes_as_ever(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with closing(asyncio.new_event_loop()) as loop:
        tell_once(loop)
        for _ in range(3):
            no_files = OSError(errno.EMFILE, "Too many open files")
            loop.call_exception_handler({"message": "accept", "exception": no_files})
        loop.call_exception_handler({"message": "another"})

    told = [record.getMessage() for record in caplog.records]
    assert len(told) == 2, told
    assert "serve.no_more_files" in told[0]
    assert told[1] == "another"


async def test_a_second_signal_gives_up_what_is_under_way(settings: Settings, serve: Serve) -> None:
    options, address = ServeOptions(), Address()
    artist = serve("stall")
    chosen = settings.resolve("offline", allow_offline=False)
    kit = await open_kit(settings, chosen, offline=artist)
    opening = OpenDesk(await parts_of(kit, settings, chosen), settings, options)
    body = b'{"prompt": "a kite"}'
    head = (
        "POST /v1/images/generations HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
        f"Content-Length: {len(body)}"
    )
    answers: list[bytes] = []

    async def ask() -> None:
        sent = head.encode() + b"\r\n\r\n" + body
        answers.append(await to_thread.run_sync(exchange, address.port, sent))

    async def work() -> None:
        await running.serve(opening, port=0, ready=address, options=options)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(work)
        await address.known.wait()
        tasks.start_soon(ask)
        while not artist.counters.get("requests"):
            await anyio.lowlevel.checkpoint()
        signal.raise_signal(signal.SIGTERM)
        await anyio.lowlevel.checkpoint()  # tasks that poll are never all blocked at once
        signal.raise_signal(signal.SIGTERM)

    assert len(answers) == 1


async def test_a_taken_port_is_named(settings: Settings, serve: Serve) -> None:
    options = ServeOptions()
    opening = await opened(settings, serve, options)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(UsageError, match="cannot be listened on"):
            await running.serve(opening, port=port, ready=print, options=options)


# ── the command ──────────────────────────────────────────────────────────────────────────────


def test_without_a_server_it_wants_the_artist_by_name(limner: Limner) -> None:
    ran = limner("serve")

    assert ran.code == 4
    assert "--profile offline" in ran.err


def test_it_lets_nobody_in_from_elsewhere_without_a_key(limner: Limner) -> None:
    ran = limner("serve", "--profile", "offline", "--host", "0.0.0.0")

    assert ran.code == 2
    assert "limner serve key" in ran.err


@pytest.mark.parametrize(
    "flags",
    [
        ("--public-url", "ftp://x"),
        ("--public-url", "https://"),
        ("--public-url", "https://x/?a=1"),
        ("--public-url", "http://[x"),
        ("--allow-origin", "studio.example"),
        ("--allow-host", "https://studio.example"),
        ("--allow-host", "box.lan:x"),
        ("--allow-origin", "https://studio.example/page"),
        ("--max-body", "0"),
        ("--fault", "nonsense"),
    ],
)
def test_bad_flags_are_told_before_it_listens(limner: Limner, flags: tuple[str, ...]) -> None:
    ran = limner("serve", "--profile", "offline", *flags)

    assert ran.code == 2
    assert ran.out == ""


def test_a_key_is_told_once_and_kept_as_a_hash(limner: Limner, tmp_path: Path) -> None:
    ran = limner("serve", "key", "studio")

    [key] = ran.out.split()
    assert ran.code == 0
    assert key.startswith("sk-limner-")
    [file] = tmp_path.rglob(TENANTS_FILE)
    assert key not in file.read_text()
    assert "tenants.studio" in limner("config", "show").out
