"""Where each character of a set text stands: one reckoning, drawn as pixels and as PDF text."""

from __future__ import annotations

from functools import lru_cache
from typing import Final, NamedTuple

from PIL import Image, ImageDraw

from ..typeset.blocks import Align, Laid
from ..typeset.faces import font_for
from ..typeset.setting import Type, measure
from .contrast import RGB, PixelBox

_PITCH: Final = 1.08
"""Ems from one upright character to the next below, as ``typeset.blocks.lay_down`` reckons."""
_DIGITS: Final = "0123456789"
_BASE: Final = 200
_ROUNDED: Final = 1.02
"""Pixels are rounded at every size; one row of a column must not be set otherwise for that."""


class Glyph(NamedTuple):
    """One character with its pen at the left end of its baseline, in pixels of the canvas."""

    char: str
    x: float
    y: float


class Run(NamedTuple):
    """One line of a text, or one upright column."""

    text: str
    glyphs: tuple[Glyph, ...]


@lru_cache(maxsize=4096)
def _ink(char: str, kind: Type, size: int) -> PixelBox:
    """The ink of a character around its pen."""
    box = font_for(char, kind.face, size, kind.weight).getbbox(char, anchor="ls")
    x0, y0, x1, y1 = (round(edge) for edge in box)
    return x0, y0, x1, y1


def runs_of(
    laid: Laid,
    corner: tuple[float, float],
    width: float,
    kind: Type,
    *,
    align: Align = "left",
    tabular: bool = False,
) -> tuple[Run, ...]:
    """The characters of a laid text whose box begins at ``corner`` and is ``width`` pixels wide.

    The ink of the first letter stands on the edge, not its side bearing. ``tabular``: digits take
    equal room, so that figures under each other line up.
    """
    if laid.direction == "down":
        return tuple(_column(text, laid, corner, width, kind) for text in laid.lines)
    size = int(laid.size)
    made = []
    for text, baseline in zip(laid.lines, laid.baselines, strict=True):
        offsets, wide = _offsets(text, kind, size)
        if tabular:
            level = _level(text, kind, size)
            if level[1] <= width * _ROUNDED:
                offsets, wide = level
        x = corner[0] + {"left": 0.0, "middle": (width - wide) / 2, "right": width - wide}[align]
        x += _hang(text, kind, size, align, offsets=offsets, wide=wide)
        y = corner[1] + baseline
        glyphs = (Glyph(char, x + off, y) for char, off in zip(text, offsets, strict=True))
        made.append(Run(text, tuple(glyphs)))
    return tuple(made)


def _offsets(text: str, kind: Type, size: int) -> tuple[list[float], float]:
    """The pen of each character, kerning included, and the width."""
    offsets = [
        measure(text[: i + 1], kind, size) - measure(char, kind, size)
        for i, char in enumerate(text)
    ]
    return offsets, measure(text, kind, size)


def _level(text: str, kind: Type, size: int) -> tuple[list[float], float]:
    """The same with every digit as wide as the widest, and nothing kerned against a digit."""
    cell = max(measure(digit, kind, size) for digit in _DIGITS)
    offsets, pen = [], 0.0
    for i, char in enumerate(text):
        own = measure(char, kind, size)
        following = text[i + 1 : i + 2]
        if char in _DIGITS:
            offsets.append(pen + (cell - own) / 2)
            pen += cell
        else:
            offsets.append(pen)
            joined = measure(char + following, kind, size) - measure(following, kind, size)
            pen += own if not following or following in _DIGITS else joined
        pen += kind.track * size if following and char in _DIGITS else 0.0
    return offsets, pen


@lru_cache(maxsize=4096)
def level_ems(text: str, kind: Type) -> float:
    """The width in ems of a line whose digits take equal room."""
    return _level(text, kind, _BASE)[1] / _BASE


def _hang(
    text: str, kind: Type, size: int, align: Align, *, offsets: list[float], wide: float
) -> float:
    """How far a line is moved so that its ink meets the edge it is aligned to."""
    if not text or align == "middle":
        return 0.0
    if align == "left":
        return -_ink(text[0], kind, size)[0] - offsets[0]
    return wide - (offsets[-1] + _ink(text[-1], kind, size)[2])


def _column(text: str, laid: Laid, corner: tuple[float, float], width: float, kind: Type) -> Run:
    """Upright characters, each in the middle of its square."""
    size, glyphs = int(laid.size), []
    for i, char in enumerate(text):
        _, y0, _, y1 = _ink(char, kind, size)
        middle = corner[1] + laid.size * (_PITCH * i + 0.5)
        font = font_for(char, kind.face, size, kind.weight)
        x = corner[0] + width / 2 - font.getlength(char) / 2
        across = char in "，。、；：！？"
        y = middle - (y0 + y1) / 2 if not across else middle + laid.size * 0.36
        glyphs.append(Glyph(char, x, y))
    return Run(text, tuple(glyphs))


def ink_box(runs: tuple[Run, ...], kind: Type, size: int) -> PixelBox:
    """The smallest box around what is drawn; there is at least one character that shows."""
    found = [
        (glyph.x + box[0], glyph.y + box[1], glyph.x + box[2], glyph.y + box[3])
        for run in runs
        for glyph in run.glyphs
        if not glyph.char.isspace()
        for box in (_ink(glyph.char, kind, size),)
    ]
    x0, y0, x1, y1 = zip(*found, strict=True)
    return int(min(x0)), int(min(y0)), int(max(x1) + 1), int(max(y1) + 1)


def draw(image: Image.Image, runs: tuple[Run, ...], kind: Type, size: int, ink: RGB) -> None:
    """Draw the characters, in place."""
    pen = ImageDraw.Draw(image)
    for run in runs:
        for glyph in run.glyphs:
            if not glyph.char.isspace():
                font = font_for(glyph.char, kind.face, size, kind.weight)
                pen.text((glyph.x, glyph.y), glyph.char, font=font, fill=ink, anchor="ls")
