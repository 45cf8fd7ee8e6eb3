"""Pictures inside the terminal: kitty, iTerm2, sixel where reported, else half blocks in truecolor.

What is shown is a small copy, so a 30 MB picture costs a terminal over SSH a few hundred kB. Data
travels inside the sequences (no file names: the terminal may be on another machine), in chunks of
4,096 characters. Inside tmux the variables of the outer terminal may be stale and pictures need
``allow-passthrough``, so there half blocks are the default and anything else has to be asked for.
"""

from __future__ import annotations

import base64
import io
import os
import re
import select
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final, Literal, get_args

from PIL import Image

Way = Literal["kitty", "iterm2", "sixel", "blocks"]
WAYS: Final[tuple[Way, ...]] = get_args(Way)
CHUNK: Final = 4096
COLUMNS: Final = 40
"""Of the terminal, at most; a cell is about twice as high as wide."""
PIXELS: Final = {"kitty": 640, "iterm2": 640, "sixel": 320}
"""Longest edge of what is sent."""


def way_for(wanted: str, env: Mapping[str, str], *, tty: bool) -> Way | None:
    """How to show pictures; ``None``: not at all. ``wanted``: a way, ``auto`` or ``none``."""
    if not tty or wanted == "none":
        return None
    for way in WAYS:
        if way == wanted:
            return way
    return _detected(env)


def _detected(env: Mapping[str, str]) -> Way | None:
    term, program = env.get("TERM", ""), env.get("TERM_PROGRAM", "")
    if term == "dumb":
        return None
    multiplexed = bool(env.get("TMUX") or env.get("STY")) or term.startswith(("screen", "tmux"))
    if not multiplexed:
        if "KITTY_WINDOW_ID" in env or term in ("xterm-kitty", "xterm-ghostty"):
            return "kitty"
        if program in ("iTerm.app", "WezTerm", "mintty") or env.get("LC_TERMINAL") == "iTerm2":
            return "iterm2"
        if _reports_sixel():
            return "sixel"
    truecolor = env.get("COLORTERM", "") in ("truecolor", "24bit") or "direct" in term
    return "blocks" if truecolor and not env.get("NO_COLOR") else None


def picture(path: Path, way: Way, env: Mapping[str, str]) -> bytes:
    """The sequence that shows the file; empty for one that cannot be read."""
    try:
        with Image.open(path) as opened:
            if way == "blocks":
                return _blocks(opened.convert("RGB"))
            small = opened.convert("RGBA" if way != "sixel" else "RGB")
            small.thumbnail((PIXELS[way], PIXELS[way]))
    except (OSError, ValueError, SyntaxError):
        return b""
    if way == "sixel":
        return _through(_sixel(small), env) + b"\n"
    data = base64.b64encode(_png(small))
    if way == "iterm2":
        head = f"\x1b]1337;File=inline=1;width={COLUMNS};preserveAspectRatio=1;size={len(data)}:"
        return _through(head.encode() + data + b"\a", env) + b"\n"
    return b"".join(_through(part, env) for part in _kitty(data)) + b"\n"


def shower(wanted: str) -> Callable[[Path], None] | None:
    """What puts pictures into this terminal; ``None`` where it cannot, or is none."""
    way = way_for(wanted, os.environ, tty=sys.stdout.isatty())
    return (lambda path: put(picture(path, way, os.environ))) if way else None


def put(data: bytes) -> None:
    """Straight to the terminal, past whatever stands before it."""
    out = sys.__stdout__
    if data and out is not None:
        out.flush()
        out.buffer.write(data)
        out.buffer.flush()


def _png(image: Image.Image) -> bytes:
    made = io.BytesIO()
    image.save(made, "PNG", compress_level=1)
    return made.getvalue()


def _through(sequence: bytes, env: Mapping[str, str]) -> bytes:
    """Tmux passes a sequence on when it is wrapped and its escapes are doubled."""
    if not env.get("TMUX"):
        return sequence
    return b"\x1bPtmux;" + sequence.replace(b"\x1b", b"\x1b\x1b") + b"\x1b\\"


def _kitty(data: bytes) -> list[bytes]:
    """``q=2``: no answer, which would land in the prompt."""
    parts = [data[at : at + CHUNK] for at in range(0, len(data), CHUNK)]
    sequences = []
    for number, part in enumerate(parts):
        first = f"a=T,f=100,t=d,q=2,c={COLUMNS}," if number == 0 else "q=2,"
        more = int(number < len(parts) - 1)
        sequences.append(f"\x1b_G{first}m={more};".encode() + part + b"\x1b\\")
    return sequences


def _blocks(image: Image.Image) -> bytes:
    """Two pixels a cell: the upper half in the foreground colour, the lower in the background."""
    columns = max(8, min(COLUMNS, _terminal_columns() - 1))
    rows = max(1, round(image.height * columns / image.width / 2))
    small = image.resize((columns, rows * 2))
    pixels = list(small.get_flattened_data())
    lines = []
    for row in range(rows):
        top = pixels[row * 2 * columns : (row * 2 + 1) * columns]
        bottom = pixels[(row * 2 + 1) * columns : (row * 2 + 2) * columns]
        cells = "".join(
            f"\x1b[38;2;{a[0]};{a[1]};{a[2]};48;2;{b[0]};{b[1]};{b[2]}m▀"
            for a, b in zip(top, bottom, strict=True)
            if isinstance(a, tuple) and isinstance(b, tuple)
        )
        lines.append(f"{cells}\x1b[0m\n")
    return "".join(lines).encode()


def _terminal_columns() -> int:
    with suppress(OSError, ValueError):
        return os.get_terminal_size(sys.__stdout__.fileno() if sys.__stdout__ else 1).columns
    return 80


# ── sixel ────────────────────────────────────────────────────────────────────────────────────


def _sixel(image: Image.Image) -> bytes:
    """Bands of six rows; in each, every colour draws its pixels over the others'."""
    small = image.quantize(64)
    width, height = small.size
    palette = small.getpalette() or []
    pixels = small.tobytes()
    head = [f'\x1bPq"1;1;{width};{height}'.encode()]
    for colour in range(len(palette) // 3):
        red, green, blue = (round(c / 255 * 100) for c in palette[colour * 3 : colour * 3 + 3])
        head.append(f"#{colour};2;{red};{green};{blue}".encode())
    bands = []
    for top in range(0, height, 6):
        rows = [pixels[y * width : (y + 1) * width] for y in range(top, min(top + 6, height))]
        drawn = [b"#%d%s" % (colour, _band(rows, colour)) for colour in sorted(set(b"".join(rows)))]
        bands.append(b"$".join(drawn))
    return b"".join(head) + b"-".join(bands) + b"\x1b\\"


def _band(rows: list[bytes], colour: int) -> bytes:
    """One bit per row, offset by 63, runs shortened; the rows are or-ed as whole numbers."""
    bits = 0
    for place, row in enumerate(rows):
        table = bytes((1 << place) if value == colour else 0 for value in range(256))
        bits |= int.from_bytes(row.translate(table), "big")
    line = bits.to_bytes(len(rows[0]), "big").translate(_SHIFTED)
    return _RUN.sub(lambda run: b"!%d%s" % (len(run[0]), run[0][:1]), line)


_SHIFTED: Final = bytes((value + 63) & 0xFF for value in range(256))
_RUN: Final = re.compile(rb"(.)\1{3,}", re.DOTALL)


def _reports_sixel() -> bool:
    """Ask the terminal for its attributes (DA1); 4 among them means sixel."""
    if not (sys.stdin.isatty() and sys.stdout.isatty()) or sys.platform == "win32":
        return False
    import termios
    import tty

    handle = sys.stdin.fileno()
    try:
        before = termios.tcgetattr(handle)
    except termios.error:
        return False
    try:
        tty.setcbreak(handle)
        sys.stdout.write("\x1b[c")
        sys.stdout.flush()
        answer = _answer(handle)
    finally:
        termios.tcsetattr(handle, termios.TCSANOW, before)
    found = re.search(rb"\x1b\[\?([\d;]+)c", answer)
    return found is not None and b"4" in found[1].split(b";")[1:]


def _answer(handle: int, *, wait_s: float = 0.2) -> bytes:
    answer = b""
    while b"c" not in answer and select.select([handle], [], [], wait_s)[0]:
        piece = os.read(handle, 64)
        if not piece:
            break
        answer += piece
    return answer
