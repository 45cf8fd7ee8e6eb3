"""A chat's lines from a keyboard, without a terminal."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from prompt_toolkit.application import create_app_session
from prompt_toolkit.completion import CompleteEvent
from prompt_toolkit.document import Document
from prompt_toolkit.input import PipeInput, create_pipe_input
from prompt_toolkit.output import DummyOutput

from agent.doors.cli.reading import Piped, Slashes, Typed, lines


@pytest.fixture
def keyboard(monkeypatch: pytest.MonkeyPatch) -> Iterator[PipeInput]:
    monkeypatch.setenv("PROMPT_TOOLKIT_NO_CPR", "1")
    with create_pipe_input() as keys, create_app_session(input=keys, output=DummyOutput()):
        yield keys


async def test_a_line_ends_with_return_and_the_lines_with_ctrl_d(
    keyboard: PipeInput, tmp_path: Path
) -> None:
    typed = Typed(tmp_path / "history")

    keyboard.send_text("a kite\r")
    assert await typed.next("new picture") == "a kite"
    keyboard.send_text("\x04")
    assert await typed.next("editing @1") is None


async def test_ctrl_c_clears_the_line(keyboard: PipeInput, tmp_path: Path) -> None:
    typed = Typed(tmp_path / "history")

    keyboard.send_text("rubbish\x03a kite\r")

    assert await typed.next("new picture") == "a kite"


async def test_history_is_kept_and_comes_back(keyboard: PipeInput, tmp_path: Path) -> None:
    keyboard.send_text("a kite\r")
    await Typed(tmp_path / "history").next("new picture")

    keyboard.send_text("\x1b[A\r")

    assert await Typed(tmp_path / "history").next("new picture") == "a kite"
    assert (tmp_path / "history").stat().st_mode & 0o077 == 0


async def test_without_a_place_for_the_history_lines_are_read_all_the_same(
    keyboard: PipeInput, tmp_path: Path
) -> None:
    (tmp_path / "file").write_bytes(b"")
    keyboard.send_text("a kite\r")

    assert await Typed(tmp_path / "file" / "history").next("new picture") == "a kite"


@pytest.mark.parametrize(
    ("keys", "agreed"),
    [("y\r", True), ("Yes\r", True), ("n\r", False), ("\r", False), ("\x03", False)],
)
async def test_only_a_yes_is_a_yes(
    keyboard: PipeInput, tmp_path: Path, keys: str, agreed: bool
) -> None:
    keyboard.send_text(keys)

    assert await Typed(tmp_path / "history").agrees("Go on?") is agreed


async def test_nobody_behind_a_pipe_agrees_to_anything() -> None:
    assert not await Piped().agrees("Go on?")


def test_a_pipe_is_no_person(tmp_path: Path) -> None:
    assert not lines(lambda: tmp_path / "history").person


def completed(text: str) -> list[str]:
    found = Slashes().get_completions(Document(text, len(text)), CompleteEvent())
    return [completion.text for completion in found]


def test_commands_are_completed_at_the_start_of_a_line_only() -> None:
    assert completed("/un") == ["/undo"]
    assert completed("") == []
    assert completed("draw /un") == []


def test_files_are_completed_after_commands_that_take_one(work: Path) -> None:
    (work / "cat.png").write_bytes(b"")

    assert completed("/mask ca") == ["t.png"]
    assert completed("/undo ca") == []
