"""The server as a process on stdin and stdout, and on a socket: who may talk to it, how it ends."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import httpx2
import pytest
from mcp import Client, StdioServerParameters

from agent import Settings, UsageError
from agent.doors.mcp.guard import Guard
from agent.doors.mcp.serving import Address, address_of, over_http
from agent.doors.mcp.workroom import Options, Workroom
from agent.errors import KeyMissing
from tests.conftest import OpenOn, Serve
from tests.doors.conftest import Limner
from tests.doors.mcp.conftest import Answer
from tests.doors.test_startup import modules_after
from tests.forked import python

ROOT = Path(__file__).resolve().parents[3]
START = ["-c", "from agent.doors.cli import main; main()", "mcp"]
HELLO = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {
        "protocolVersion": "2025-06-18",
        "capabilities": {},
        "clientInfo": {"name": "test", "version": "0"},
    },
}


@pytest.fixture
def env(settings: Settings) -> dict[str, str]:
    """Of a process that shares the store of this test."""
    return {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(ROOT),
        "HOME": str(settings.data_dir.parent),
        "LIMNER_HOME": str(settings.data_dir),
    }


# ── stdio ────────────────────────────────────────────────────────────────────────────────────


async def test_a_host_starts_the_command_and_draws(env: dict[str, str], work: Path) -> None:
    command = StdioServerParameters(
        command=sys.executable,
        args=[*START, "-p", "offline", "--draw", "tiny"],
        env=env,
        cwd=work,
    )
    with anyio.fail_after(60):
        async with Client(command, mode="legacy") as client:
            drawn = Answer(await client.call_tool("generate_image", {"prompt": "a red kite"}))
            edited = Answer(await client.call_tool("edit_image", {"prompt": "make it blue"}))

    assert drawn.path == work / "limner-out" / "red-kite-1.png"
    assert edited.image["parents"] == [drawn.image["id"]]


@pytest.fixture
def started(env: dict[str, str], work: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A process that has answered ``initialize`` and waits."""
    process = subprocess.Popen(
        [python(), *START, "-p", "offline"],
        env=env,
        cwd=work,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    with process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(json.dumps(HELLO).encode() + b"\n")
        process.stdin.flush()
        answer = json.loads(process.stdout.readline())
        assert answer["result"]["serverInfo"]["name"] == "limner"
        yield process
        process.kill()


def test_it_ends_when_the_host_closes_its_input(started: subprocess.Popen[bytes]) -> None:
    assert started.stdin is not None
    started.stdin.close()

    assert started.wait(timeout=30) == 0


def test_it_ends_when_it_is_told_to_though_its_input_stays_open(
    started: subprocess.Popen[bytes],
) -> None:
    started.send_signal(signal.SIGTERM)

    assert started.wait(timeout=30) == 143


def die_in_mid_turn(env: dict[str, str], work: Path) -> None:
    """A host that starts a picture and closes both pipes as soon as it was sent."""
    arguments = {"prompt": "a red kite"}
    call = {"name": "generate_image", "arguments": arguments, "_meta": {"progressToken": 1}}
    messages = [
        HELLO,
        {"jsonrpc": "2.0", "method": "notifications/initialized"},
        {"jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": call},
    ]
    with subprocess.Popen(
        [python(), *START, "-p", "offline", "--draw", "tiny", "--latency", "0.5"],
        env=env,
        cwd=work,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(b"".join(json.dumps(one).encode() + b"\n" for one in messages))
        process.stdin.flush()
        assert any(b"waiting for the picture" in line for line in process.stdout)
        process.stdout.close()
        process.stdin.close()
        process.wait(timeout=30)


async def test_a_host_that_dies_loses_no_picture(
    env: dict[str, str], work: Path, open_on: OpenOn, serve: Serve
) -> None:
    die_in_mid_turn(env, work)
    async with open_on(serve()) as agent:
        [session] = await agent.store.sessions()
        [attempt] = await agent.store.attempts()

    assert session.images == 1
    assert attempt.state == "completed"
    assert (work / "limner-out" / "red-kite-1.png").exists()


def test_a_line_that_is_no_message_ends_nothing(started: subprocess.Popen[bytes]) -> None:
    assert started.stdin is not None
    assert started.stdout is not None
    started.stdin.write(b'this is no JSON\n\xff\xfe\n{"id": 7}\n')
    started.stdin.write(b'{"jsonrpc": "2.0", "id": 8, "method": "ping"}\n')
    started.stdin.flush()

    answers = iter(started.stdout.readline, b"")
    assert any(json.loads(line).get("id") == 8 for line in answers)


@pytest.mark.parametrize("prompt", [r"a kite \ud83d", r"\ude00 \\ud83d \ud83e\udd16"])
def test_half_a_character_in_a_prompt_is_still_answered(
    started: subprocess.Popen[bytes], prompt: str
) -> None:
    assert started.stdin is not None
    assert started.stdout is not None
    params = {"name": "check_prompt", "arguments": {"prompt": "PROMPT"}}
    call = json.dumps({"jsonrpc": "2.0", "id": 9, "method": "tools/call", "params": params})
    started.stdin.write(b'{"jsonrpc": "2.0", "method": "notifications/initialized"}\n')
    started.stdin.write(call.replace("PROMPT", prompt).encode() + b"\n")
    started.stdin.flush()

    told = json.loads(started.stdout.readline())
    assert told["id"] == 9
    assert told["result"]["structuredContent"]["decision"] == "allow"


def test_without_a_server_it_wants_to_be_told(limner: Limner) -> None:
    ran = limner("mcp")

    assert ran.code == 4
    assert "--profile offline" in ran.err
    assert ran.out == ""


@pytest.mark.parametrize(
    ("args", "code", "said"),
    [
        (("--root", "no-such-folder"), 2, "no-such-folder"),
        (("--max-cost", "much"), 2, "much"),
        (("--key-file", "x"), 2, "--http"),
        (("--http", "0.0.0.0:0"), 4, "--key-file"),
        (("--http", "127.0.0.1:99999"), 2, "HOST:PORT"),
        (("--http", "127.0.0.1:0", "--key-file", "no-such-file"), 2, "no-such-file"),
        (("--http", "192.0.2.1:0", "--key-file", __file__), 2, "cannot be listened on"),
    ],
)
def test_what_cannot_be_served_is_told_before_a_client_comes(
    limner: Limner, args: tuple[str, ...], code: int, said: str
) -> None:
    ran = limner("mcp", "-p", "offline", *args)

    assert ran.code == code
    assert said in ran.err


def test_the_artists_manners_need_the_artist(
    limner: Limner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test-0000000000000000")
    ran = limner("mcp", "--draw", "tiny")

    assert ran.code == 2
    assert "--profile offline" in ran.err


# ── HTTP ─────────────────────────────────────────────────────────────────────────────────────

KEY = "a-key-of-some-length"


@asynccontextmanager
async def listening(room: Workroom, address: Address) -> AsyncIterator[str]:
    """The URL of a server on a free port."""
    urls: list[str] = []
    up = anyio.Event()

    def ready(url: str) -> None:
        urls.append(url)
        up.set()

    async def serve() -> None:
        await over_http(room, address, ready=ready)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(serve)
        await up.wait()
        yield urls[0]
        tasks.cancel_scope.cancel()


@pytest.fixture
def room(settings: Settings, open_on: OpenOn, serve: Serve, work: Path) -> Workroom:
    artist = serve()
    profile = settings.resolve("offline", allow_offline=True)
    return Workroom(settings, profile, Options(working=work), opening=lambda: open_on(artist))


async def status(url: str, **headers: str) -> int:
    """Of an ``initialize`` with these headers."""
    accept = {"accept": "application/json, text/event-stream"}
    async with httpx2.AsyncClient(trust_env=False) as client:
        answer = await client.post(url, json=HELLO, headers=accept | headers, timeout=20)
        return answer.status_code


async def test_over_http_the_same_tools_draw(room: Workroom, work: Path) -> None:
    async with listening(room, Address(host="127.0.0.1", port=0)) as url:
        for mode in ("legacy", "auto"):
            async with Client(url, mode=mode) as client:
                drawn = Answer(await client.call_tool("generate_image", {"prompt": "a kite"}))
                assert drawn.path.is_relative_to(work)


async def test_a_remote_client_does_not_choose_the_roots(room: Workroom, tmp_path: Path) -> None:
    async def roots(context: Any) -> Any:
        del context
        raise AssertionError("it was asked for its roots")

    async with (
        listening(room, Address(host="127.0.0.1", port=0)) as url,
        Client(url, mode="legacy", list_roots_callback=roots) as client,
    ):
        path = str(tmp_path / "x.png")
        given = {"prompt": "a kite", "output_path": path}
        refused = Answer(await client.call_tool("generate_image", given))

    assert "the working directory" in refused.text


async def test_a_web_page_elsewhere_cannot_talk_to_it(room: Workroom) -> None:
    async with listening(room, Address(host="127.0.0.1", port=0)) as url:
        page = url.removesuffix("/mcp")
        assert await status(url) == 200
        assert await status(url, host="evil.example") == 421
        assert await status(url, origin="http://evil.example") == 403
        assert await status(url, origin="http://localhost:3000") == 403
        assert await status(url, origin=page) == 200


def refused(guard: Guard, host: str | None, origin: str | None = None) -> int | None:
    said = [(b"host", host), (b"origin", origin)]
    found = guard.refusal([(name, text.encode("latin-1")) for name, text in said if text])
    return found[0] if found else None


LOOPBACK = Guard(own=("127.0.0.1", "localhost", "[::1]"))


@pytest.mark.parametrize(
    "host",
    [
        "localhost.evil.example",
        "127.0.0.1.evil.example",
        "localhost:evil.example",
        "localhost:80.evil.example",
        "127.0.0.1:8642@evil.example",
        "localhost@evil.example",
        "evil.example:localhost",
        "evil-localhost",
        "localhost:",
        "localhost:123456",
        "[::1].evil.example",
        "[::1]evil",
        "localhost/",
        "localhost evil.example",
        "localhost\t",
        "l\xf6calhost",
        "",
        None,
    ],
)
def test_a_name_that_only_looks_like_ours_is_not_ours(host: str | None) -> None:
    assert refused(LOOPBACK, host) == 421


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:8642", "127.0.0.1:9", "[::1]", "[::1]:1"])
def test_our_names_are_ours_on_whatever_port_they_are_forwarded_from(host: str) -> None:
    assert refused(LOOPBACK, host) is None


def test_of_two_names_neither_is_believed() -> None:
    assert LOOPBACK.refusal([(b"host", b"localhost"), (b"host", b"evil.example")]) is not None
    assert LOOPBACK.refusal([(b"Host", b"localhost"), (b"host", b"localhost")]) is not None


@pytest.mark.parametrize(
    "origin",
    [
        "http://localhost:8642.evil.example",
        "http://localhost.evil.example:8642",
        "http://localhost:8642@evil.example",
        "http://evil.example/localhost:8642",
        "http://localhost:3000",
        "http://localhost",
        "file://localhost:8642",
        "localhost:8642",
        "null",
    ],
)
def test_a_page_that_only_looks_like_ours_may_not_call(origin: str) -> None:
    assert refused(LOOPBACK, "localhost:8642", origin) == 403


def test_pages_of_ours_and_of_the_proxy_in_front_may_call() -> None:
    proxied = Guard(own=("127.0.0.1", "localhost"), added=("studio.example", "box.lan:444"))

    assert refused(LOOPBACK, "localhost:8642", "http://localhost:8642") is None
    assert refused(LOOPBACK, "localhost:8642", "https://127.0.0.1:8642") is None
    assert refused(proxied, "127.0.0.1:8642", "https://studio.example") is None
    assert refused(proxied, "studio.example", "https://studio.example:8443") is None
    assert refused(proxied, "box.lan:444", "https://box.lan:444") is None
    assert refused(proxied, "box.lan:445") == 421
    assert refused(proxied, "studio.example.evil.example") == 421
    both = [(b"host", b"localhost"), (b"origin", b"http://localhost")]
    assert LOOPBACK.refusal([*both, (b"origin", b"http://evil.example")]) is not None


@pytest.mark.parametrize("name", ["https://studio.example", "a b", "", "studio.example:x"])
def test_what_can_be_no_name_is_told_at_the_start(name: str) -> None:
    with pytest.raises(UsageError, match="--allow-host"):
        address_of("127.0.0.1:0", key=None, names=(name,))


async def test_a_key_is_asked_for_where_there_is_one(room: Workroom) -> None:
    address = Address(host="127.0.0.1", port=0, key=KEY, names=("studio.example",))
    async with listening(room, address) as url:
        assert await status(url) == 401
        assert await status(url, authorization="Bearer wrong") == 401
        assert await status(url, authorization=f"Bearer {KEY}") == 200
        assert await status(url, authorization=f"Bearer {KEY}", host="studio.example") == 200


async def test_a_body_beyond_the_limit_is_refused(room: Workroom) -> None:
    headers = {"content-type": "application/json", "accept": "application/json"}
    async with (
        listening(room, Address(host="127.0.0.1", port=0)) as url,
        httpx2.AsyncClient(trust_env=False) as client,
    ):
        answer = await client.post(url, content=b"x" * 5_000_000, headers=headers)

    assert answer.status_code == 413


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("127.0.0.1:8000", "127.0.0.1", 8000),
        ("8000", "127.0.0.1", 8000),
        (":8000", "127.0.0.1", 8000),
        ("localhost:0", "localhost", 0),
        ("[::1]:80", "::1", 80),
        ("127.0.0.1", "127.0.0.1", 0),
        ("::1", "::1", 0),
    ],
)
def test_an_address_is_read_as_it_is_written(text: str, host: str, port: int) -> None:
    found = address_of(text, key=None, names=())

    assert (found.host, found.port) == (host, port)


@pytest.mark.parametrize("text", ["0.0.0.0:80", "192.0.2.1:80", "[::]:80", "studio.example:80"])
def test_off_loopback_a_key_is_needed(text: str) -> None:
    with pytest.raises(KeyMissing, match="no key"):
        address_of(text, key=None, names=())

    assert address_of(text, key=KEY, names=()).key == KEY


def test_a_short_key_is_no_key() -> None:
    with pytest.raises(UsageError, match="at least 16"):
        address_of("0.0.0.0:80", key="short", names=())


def test_the_names_of_this_machine_are_allowed_and_no_others() -> None:
    everywhere = Address(host="0.0.0.0", port=80, key=KEY, names=("studio.example",))
    here = Address(host="192.0.2.1", port=80, key=KEY)

    assert set(everywhere.own) == {"127.0.0.1", "localhost", "[::1]"}
    assert everywhere.names == ("studio.example",)
    assert set(here.own) == {"192.0.2.1"}


# ── how light it is ──────────────────────────────────────────────────────────────────────────


def test_its_help_imports_click_and_nothing_else() -> None:
    packages, _ = modules_after("mcp", "--help")

    assert packages == {"agent", "click"}


def test_it_is_ready_without_the_network_the_disk_or_the_runner(env: dict[str, str]) -> None:
    """A host that waits for ``initialize`` is impatient; those are loaded by the first call."""
    probe = (
        "import sys; from agent.doors.mcp import serving; "
        "print([n for n in ('openai', 'sqlalchemy', 'PIL', 'agent.runner', 'agent.factory',"
        " 'agent.store', 'agent.upstream', 'agent.offline') if n in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", probe], env=env, capture_output=True, check=True)

    assert done.stdout.strip() == b"[]"
