"""Pictures in the terminal: which way, and whether the bytes are what that way means."""

from __future__ import annotations

import base64
import io
import os
import re
import sys
import threading
from pathlib import Path

import pytest
from PIL import Image

from agent.doors.cli import show
from agent.doors.cli.show import Way


@pytest.fixture
def flag(tmp_path: Path) -> Path:
    """Red above, blue below, 60 x 90."""
    image = Image.new("RGB", (60, 90), (255, 0, 0))
    image.paste((0, 0, 255), (0, 48, 60, 90))
    path = tmp_path / "flag.png"
    image.save(path)
    return path


@pytest.mark.parametrize(
    ("env", "way"),
    [
        ({"TERM": "xterm-kitty"}, "kitty"),
        ({"TERM": "xterm-256color", "KITTY_WINDOW_ID": "1"}, "kitty"),
        ({"TERM": "xterm-ghostty"}, "kitty"),
        ({"TERM_PROGRAM": "iTerm.app"}, "iterm2"),
        ({"TERM_PROGRAM": "WezTerm"}, "iterm2"),
        ({"LC_TERMINAL": "iTerm2", "TERM": "xterm"}, "iterm2"),
        ({"TERM": "xterm-256color", "COLORTERM": "truecolor"}, "blocks"),
        ({"TERM": "xterm-256color", "COLORTERM": "truecolor", "NO_COLOR": "1"}, None),
        ({"TERM": "xterm-256color"}, None),
        ({"TERM": "dumb", "COLORTERM": "truecolor"}, None),
        ({"TERM": "tmux-256color", "TMUX": "x", "KITTY_WINDOW_ID": "1"}, None),
        ({"TERM": "screen", "COLORTERM": "24bit", "TERM_PROGRAM": "iTerm.app"}, "blocks"),
    ],
)
def test_the_way_follows_what_the_terminal_says_of_itself(
    env: dict[str, str], way: Way | None
) -> None:
    assert show.way_for("auto", env, tty=True) == way


@pytest.mark.parametrize("wanted", ["auto", "kitty", "blocks", "none"])
def test_nothing_is_shown_where_there_is_no_terminal(wanted: str) -> None:
    assert show.way_for(wanted, {"TERM": "xterm-kitty"}, tty=False) is None


def test_a_way_that_was_asked_for_is_taken() -> None:
    assert show.way_for("sixel", {"TERM": "dumb"}, tty=True) == "sixel"
    assert show.way_for("none", {"TERM": "xterm-kitty"}, tty=True) is None


def test_kitty_gets_a_whole_png_in_chunks_and_is_told_not_to_answer(tmp_path: Path) -> None:
    path = tmp_path / "noise.png"
    Image.effect_noise((1200, 900), 90).save(path)

    parts = re.findall(rb"\x1b_G([^;]*);([^\x1b]*)\x1b\\", show.picture(path, "kitty", {}))

    assert len(parts) > 2
    assert all(len(data) <= show.CHUNK and b"q=2" in keys for keys, data in parts)
    assert [b"m=1" in keys for keys, _ in parts] == [True] * (len(parts) - 1) + [False]
    image = Image.open(io.BytesIO(base64.b64decode(b"".join(data for _, data in parts))))
    assert image.size == (640, 480)


def test_iterm2_gets_a_png_and_a_width(flag: Path) -> None:
    shown = show.picture(flag, "iterm2", {})

    found = re.fullmatch(rb"\x1b\]1337;File=inline=1;width=40;[^:]*:([^\a]*)\a\n", shown)
    assert found is not None
    assert Image.open(io.BytesIO(base64.b64decode(found[1]))).size == (60, 90)


def test_tmux_passes_a_wrapped_sequence_on(flag: Path) -> None:
    shown = show.picture(flag, "kitty", {"TMUX": "/tmp/tmux"})

    assert shown.startswith(b"\x1bPtmux;\x1b\x1b_G")
    assert shown.rstrip().endswith(b"\x1b\x1b\\\x1b\\")


def test_half_blocks_show_the_upper_pixel_before_the_lower(flag: Path) -> None:
    lines = show.picture(flag, "blocks", {}).decode().splitlines()

    assert "38;2;255;0;0;48;2;255;0;0m▀" in lines[0]
    assert "38;2;0;0;255;48;2;0;0;255m▀" in lines[-1]
    assert all(line.count("▀") == 40 and line.endswith("\x1b[0m") for line in lines)


def test_sixel_draws_every_pixel_in_its_colour(flag: Path) -> None:
    shown = show.picture(flag, "sixel", {})

    assert shown.startswith(b'\x1bPq"1;1;60;90')
    assert shown.endswith(b"\x1b\\\n")
    pixels = undrawn(shown)
    assert {pixels[x, 0] for x in range(60)} == {(100, 0, 0)}
    assert {pixels[x, 89] for x in range(60)} == {(0, 0, 100)}
    assert len(pixels) == 60 * 90


def test_what_is_no_picture_shows_nothing(tmp_path: Path) -> None:
    path = tmp_path / "text.png"
    path.write_text("hello")

    assert show.picture(path, "blocks", {}) == b""
    assert show.picture(tmp_path / "gone.png", "kitty", {}) == b""


@pytest.mark.skipif(sys.platform == "win32", reason="needs a pseudo terminal")
@pytest.mark.parametrize(
    ("answer", "way"), [(b"\x1b[?62;4;22c", "sixel"), (b"\x1b[?64;22c", None), (b"\x1b[?4c", None)]
)
def test_sixel_is_used_where_the_terminal_reports_it(
    answer: bytes, way: Way | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    here, there = os.openpty()

    def terminal() -> None:
        asked = b""
        while not asked.endswith(b"\x1b[c"):
            asked += os.read(here, 16)
        os.write(here, answer)

    answering = threading.Thread(target=terminal)
    answering.start()
    with io.TextIOWrapper(io.FileIO(there, "r+"), write_through=True) as both:
        monkeypatch.setattr(sys, "stdin", both)
        monkeypatch.setattr(sys, "stdout", both)
        found = show.way_for("auto", {"TERM": "xterm"}, tty=True)
        monkeypatch.undo()
    answering.join()
    os.close(here)

    assert found == way


def undrawn(sequence: bytes) -> dict[tuple[int, int], tuple[int, ...]]:
    """A sixel picture as pixels, by the rules of the VT340's manual."""
    body = sequence.split(b"q", 1)[1].rpartition(b"\x1b\\")[0].decode()
    colours: dict[int, tuple[int, ...]] = {}
    pixels: dict[tuple[int, int], tuple[int, ...]] = {}
    x = top = now = 0
    repeat = 1
    for size, defined, chosen, run, mark, sixel in re.findall(
        r'("[\d;]+)|#(\d+;2;[\d;]+)|#(\d+)|!(\d+)(?=.)|([$-])|([?-~])', body
    ):
        if defined:
            number, _, *rgb = (int(part) for part in defined.split(";"))
            colours[number] = tuple(rgb)
        elif chosen:
            now = int(chosen)
        elif run:
            repeat = int(run)
            continue
        elif mark:
            x, top = 0, top + (6 if mark == "-" else 0)
        elif sixel:
            for x_now in range(x, x + repeat):
                for bit in range(6):
                    if (ord(sixel) - 63) >> bit & 1:
                        pixels[x_now, top + bit] = colours[now]
            x += repeat
        repeat = 1
        del size
    return pixels
