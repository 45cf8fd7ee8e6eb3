"""The same commands with a person in front of them: everything is a terminal."""

from __future__ import annotations

import os
import re
import select
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.forked import python

from .conftest import Limner

if sys.platform == "win32":
    pytest.skip("needs a pseudo terminal", allow_module_level=True)

ROOT = Path(__file__).resolve().parents[2]
CODE = "from agent.doors.cli import main; main()"


@dataclass
class Terminal:
    """The other end of the line that a command believes to be a person."""

    handle: int
    process: subprocess.Popen[bytes]
    seen: str = ""

    def type(self, text: str) -> None:
        os.write(self.handle, text.encode())

    def until(self, pattern: str) -> str:
        """Everything up to the pattern; what is read before a key goes down is not waited for."""
        while (found := re.search(pattern, self.seen)) is None:
            if not select.select([self.handle], [], [], 30)[0]:
                raise AssertionError(f"{pattern!r} never came; there was {self.seen!r}")
            try:
                piece = os.read(self.handle, 65_536)
            except OSError:
                piece = b""
            if not piece:
                raise AssertionError(f"{pattern!r} never came; there was {self.seen!r}")
            self.seen += piece.decode("utf-8", "replace")
        before, self.seen = self.seen[: found.end()], self.seen[found.end() :]
        return before

    def prompt(self, words: str) -> str:
        """Everything up to that prompt of a chat, once it takes keys: before, Ctrl-D is lost."""
        return self.until(rf"(?s)\x1b\[\?2004h.*?{words}")

    def code(self) -> int:
        return self.process.wait(timeout=30)


@contextmanager
def at_terminal(*args: str, **env: str) -> Iterator[Terminal]:
    here, there = os.openpty()
    process = subprocess.Popen(
        [python(), "-c", CODE, *args],
        stdin=there,
        stdout=there,
        stderr=there,
        env={
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "TERM": "xterm",
            "PROMPT_TOOLKIT_NO_CPR": "1",
            **env,
        },
        start_new_session=True,
    )
    os.close(there)
    deadline = threading.Timer(60, process.kill)
    deadline.start()
    try:
        yield Terminal(here, process)
    finally:
        deadline.cancel()
        process.kill()
        process.wait()
        os.close(here)


def test_the_prompt_of_a_chat_names_the_picture_that_the_next_sentence_edits(
    limner: Limner,
) -> None:
    with at_terminal("chat", "--draw", "tiny", "--images", "blocks") as terminal:
        terminal.prompt("new picture ›")
        terminal.type("a kite\r")
        shown = terminal.prompt("editing @1 ›")
        terminal.type("make it night\r")
        terminal.prompt("editing @2 ›")
        terminal.type("/undo\r")
        terminal.prompt("editing @1 ›")
        terminal.type("\x03")
        terminal.prompt("editing @1 ›")
        terminal.type("\x04")

        assert terminal.code() == 0

    assert "▀" in shown
    assert "limner-out/kite-1.png" in shown
    assert limner("tree").out.count("@") == 2


def test_a_chat_asks_a_person_about_a_rule_under_review_and_keeps_its_history_private(
    limner: Limner, house_policy: None, tmp_path: Path
) -> None:
    del house_policy
    with at_terminal("chat", "--draw", "tiny", "--images", "none") as terminal:
        terminal.prompt("new picture ›")
        terminal.type("an umbrella\r")
        terminal.until(r"Acknowledge umbrellas and go on\? \[y/N\]")
        terminal.type("n\r")
        terminal.prompt("new picture ›")
        terminal.type("an umbrella\r")
        terminal.until(r"Acknowledge umbrellas and go on\? \[y/N\]")
        terminal.type("y\r")
        terminal.prompt("editing @1 ›")
        terminal.type("/quit\r")

        assert terminal.code() == 0

    assert "acknowledged umbrellas" in limner("show", "@1").out
    history = tmp_path / "home" / "data" / "chat_history"
    assert "an umbrella" in history.read_text()
    assert history.stat().st_mode & 0o077 == 0


def test_progress_at_a_terminal_moves_and_leaves_the_receipt(limner: Limner) -> None:
    del limner
    with at_terminal("generate", "a kite", "--draw", "tiny", "--latency", "0.3") as terminal:
        terminal.until(r"drawing.*0 s")
        terminal.until("limner-out/kite-1.png")
        terminal.until(r"@1 \(kite/1\) 1024x1024.*free \(offline\)")

        assert terminal.code() == 0


def test_forget_asks_a_person(limner: Limner, draw: Limner) -> None:
    draw("generate", "a kite")

    with at_terminal("forget", "kite") as terminal:
        terminal.until(r"Forget it\? \[y/N\]")
        terminal.type("y\r")
        assert terminal.code() == 0
    assert limner("sessions").out == ""


def test_a_key_is_typed_unseen(limner: Limner) -> None:
    key = "sk-" + "k" * 40
    with at_terminal("keys", "set", "openai") as terminal:
        terminal.until("Key of openai for https://api.openai.com/v1: ")
        terminal.type(f"{key}\r")
        told = terminal.until("it is sent to https://api.openai.com/v1 alone")

        assert terminal.code() == 0

    assert key not in told
    assert "sk-…kkkk" in limner("config", "show").out


def test_the_demo_asks_a_person_before_a_server_bills(
    limner: Limner, monkeypatch: pytest.MonkeyPatch
) -> None:
    del limner
    monkeypatch.setenv("OPENAI_API_KEY", "sk-" + "k" * 40)
    with at_terminal("demo") as terminal:
        terminal.until("Three pictures, drawn and billed by openai")
        terminal.until(r"Go on\? \[Y/n\]")
        terminal.type("n\r")

        assert terminal.code() == 130


def test_the_paths_of_a_batch_stay_on_the_screen_above_the_table_that_moves(
    limner: Limner, tmp_path: Path
) -> None:
    """Regression: the table was drawn over the paths, and left pieces of itself behind."""
    brief = tmp_path / "fair.yaml"
    brief.write_text("title: A fair\nsizes: [square, story, a4]\n", encoding="utf-8")
    assert limner("brief", "check", str(brief)).code == 0

    with at_terminal("batch", str(brief), "-p", "offline", "--draw", "tiny", "--yes") as terminal:
        shown = terminal.until(r"report\.html")

        assert terminal.code() == 0

    stays = re.findall(r"\x1b\[2K(/[^\r\n\x1b]*/1\.png)\r\n", shown)
    wiped = re.findall(r"/1\.[a-z.]*\r\n\x1b\[\?25l\r\x1b\[2K\x1b\[1A", shown)
    assert len(stays) == 3
    assert not wiped
    assert re.search(r"proved +\d", shown)
