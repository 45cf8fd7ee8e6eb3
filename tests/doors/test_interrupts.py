"""Ctrl-C and SIGTERM, in a process of their own; each wait is for a line of its output."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import pytest

from tests.forked import python

from .conftest import Limner

ROOT = Path(__file__).resolve().parents[2]
CODE = "from agent.doors.cli import main; main()"

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")


@contextmanager
def running(*args: str) -> Iterator[subprocess.Popen[str]]:
    """A command in a process of its own, killed after a minute whatever happens."""
    process = subprocess.Popen(
        [python(), "-c", CODE, *args],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    deadline = threading.Timer(60, process.kill)
    deadline.start()
    try:
        yield process
    finally:
        deadline.cancel()
        process.kill()
        process.communicate()


def until(stream: IO[str] | None, found: Callable[[str], bool]) -> list[str]:
    """Read lines up to the one that is looked for."""
    assert stream is not None
    seen: list[str] = []
    for line in stream:
        seen.append(line)
        if found(line):
            return seen
    raise AssertionError(f"never came; there was {seen}")


def sent(line: str) -> bool:
    return '"type": "attempt.sent"' in line


def test_the_first_ctrl_c_warns_and_the_second_abandons_with_130(
    limner: Limner, work: Path
) -> None:
    del work
    with running("generate", "a kite", "--fault", "stall", "--draw", "tiny", "--json") as process:
        until(process.stdout, sent)
        process.send_signal(signal.SIGINT)
        until(process.stderr, lambda line: "already sent, may be billed" in line)
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=20)

    assert process.returncode == 130
    last = json.loads(out.splitlines()[-1])
    assert (last["type"], last["outcome"]) == ("turn.failed", "unknown")
    assert last["error"]["code"] == "interrupted"
    assert last["attempts"][0]["billed"] == "possibly"
    records = limner("show", "--json").records
    assert [(r["state"], r["billed"]) for r in records if r["type"] == "attempt"] == [
        ("unknown", "possibly")
    ]


def test_sigterm_settles_the_attempt_and_ends_with_143(limner: Limner, work: Path) -> None:
    del work
    with running("generate", "a kite", "--fault", "stall", "--draw", "tiny", "--json") as process:
        until(process.stdout, sent)
        process.send_signal(signal.SIGTERM)
        out, _ = process.communicate(timeout=20)

    assert process.returncode == 143
    assert json.loads(out.splitlines()[-1])["outcome"] == "unknown"
    [attempt] = [r for r in limner("show", "--json").records if r["type"] == "attempt"]
    assert attempt["state"] == "unknown"


def test_ctrl_c_in_a_chat_returns_to_the_prompt_and_leaving_waits_for_what_was_sent(
    limner: Limner, work: Path
) -> None:
    del work
    with running("chat", "--fault", "stall:first=1", "--draw", "tiny") as process:
        assert process.stdin is not None
        process.stdin.write("a kite\n")
        process.stdin.flush()
        until(process.stderr, lambda line: "drawing" in line)
        process.send_signal(signal.SIGINT)
        until(process.stderr, lambda line: "already sent, may be billed" in line)
        process.send_signal(signal.SIGINT)
        until(process.stderr, lambda line: "goes on by itself" in line)
        process.stdin.write("a cat\n")
        process.stdin.flush()
        until(process.stdout, lambda line: line.startswith("limner-out/"))
        process.stdin.close()
        process.stdin = None
        until(process.stderr, lambda line: "Waiting for what was sent" in line)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=20)

    assert process.returncode == 130
    attempts = [r for r in limner("show", "kite", "--json").records if r["type"] == "attempt"]
    assert [attempt["state"] for attempt in attempts] == ["unknown", "completed"]


def test_a_reader_that_leaves_does_not_stop_a_turn(limner: Limner, work: Path) -> None:
    del work
    with running("generate", "a kite", "--draw", "tiny", "--json") as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.stdout.close()
        process.stdout = None
        _, err = process.communicate(timeout=30)

    assert "Traceback" not in err
    assert Path("limner-out/kite-1.png").is_file()
    assert "image" in limner("show").out


def test_the_artist_serves_until_it_is_interrupted(
    limner: Limner, work: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    del work
    with running("offline", "serve", "--draw", "tiny") as process:
        [url] = until(process.stdout, lambda line: line.startswith("http://127.0.0.1:"))
        told = until(process.stderr, lambda line: "OPENAI_API_KEY" in line)
        assert f"OPENAI_BASE_URL={url.strip()}" in "".join(told)
        monkeypatch.setenv("OPENAI_BASE_URL", url.strip())
        monkeypatch.setenv("OPENAI_API_KEY", "offline")

        ran = limner("generate", "a kite", "--json")

        process.send_signal(signal.SIGINT)
        process.communicate(timeout=20)

    assert ran.code == 0
    assert ran.records[-1]["offline"] is True
    assert process.returncode == 0


def test_a_port_that_is_taken_ends_with_2(limner: Limner, work: Path) -> None:
    del work
    with running("offline", "serve", "--draw", "tiny") as process:
        [url] = until(process.stdout, lambda line: line.startswith("http://127.0.0.1:"))
        port = url.strip().removesuffix("/v1").rpartition(":")[2]

        ran = limner("offline", "serve", "--port", port)

    assert ran.code == 2
    assert "--port" in ran.err
