"""Setting type: measuring with kerning, fitting, breaking lines, drawing."""

from __future__ import annotations

from functools import lru_cache
from typing import Literal, NamedTuple

from PIL import ImageDraw

from .faces import Face, font_for, is_cjk

RGB = tuple[int, int, int]
"""Three numbers of 0-255."""
Anchor = Literal["left", "middle", "right"]
_BASE = 160


class Type(NamedTuple):
    """How a text is set. `track` is extra space between letters, in ems."""

    face: Face
    weight: int = 400
    track: float = 0.0


class Setting(NamedTuple):
    """A text broken into lines at a size in pixels."""

    size: int
    lines: tuple[str, ...]


@lru_cache(maxsize=32_768)
def _advance(char: str, following: str, kind: Type, size: int) -> float:
    """How far the pen moves after a character, kerning with the next one included.

    Kept: arranging a text measures its letters hundreds of times, and asking the font is slow.
    """
    font = font_for(char, kind.face, size, kind.weight)
    if not following or is_cjk(char) or is_cjk(following):
        return font.getlength(char)
    if font_for(following, kind.face, size, kind.weight) is not font:
        return font.getlength(char)
    return font.getlength(char + following) - font.getlength(following)


def measure(text: str, kind: Type, size: int) -> float:
    """The width of one line in pixels."""
    total = sum(
        _advance(char, text[i + 1 : i + 2], kind, size) + kind.track * size
        for i, char in enumerate(text)
    )
    return total - kind.track * size if text else 0.0


def fit(text: str, kind: Type, width: float, largest: float) -> int:
    """The largest pixel size at which one line is no wider than `width`."""
    natural = measure(text, kind, _BASE)
    return max(6, int(min(largest, _BASE * width / max(1.0, natural))))


def _tokens(text: str) -> tuple[list[str], str]:
    """What may stand on a line of its own, and what joins two of them."""
    if " " in text:
        return text.split(), " "
    if any(is_cjk(char) for char in text):
        return list(text), ""
    return [text], ""


def balanced(text: str, count: int) -> tuple[str, ...]:
    """The text in at most `count` lines of about the same length."""
    words, joint = _tokens(text)
    count = min(count, len(words))
    goal = sum(map(len, words)) / count
    lines: list[str] = []
    line: list[str] = []
    for word in words:
        filled = sum(map(len, line))
        if line and filled + len(word) / 2 > goal and len(lines) < count - 1:
            lines.append(joint.join(line))
            line = []
        line.append(word)
    return (*lines, joint.join(line))


def set_in(
    text: str, kind: Type, width: float, height: float, *, leading: float, most: int = 4
) -> Setting:
    """The break that gives the largest type inside width x height pixels."""
    best = Setting(0, (text,))
    for count in range(1, most + 1):
        lines = balanced(text, count)
        size = min(fit(line, kind, width, height) for line in lines)
        size = int(min(size, height / (leading * (len(lines) - 1) + 0.86)))
        if size > best.size * 1.08:
            best = Setting(size, lines)
    return best


def draw_line(
    pen: ImageDraw.ImageDraw,
    xy: tuple[float, float],
    text: str,
    kind: Type,
    size: int,
    ink: RGB,
    anchor: Anchor = "left",
) -> None:
    """One line, its baseline at xy (pixels)."""
    x, y = xy
    if anchor != "left":
        x -= measure(text, kind, size) / (2 if anchor == "middle" else 1)
    for i, char in enumerate(text):
        font = font_for(char, kind.face, size, kind.weight)
        pen.text((x, y), char, font=font, fill=ink, anchor="ls")
        x += _advance(char, text[i + 1 : i + 2], kind, size) + kind.track * size


def draw_column(
    pen: ImageDraw.ImageDraw, xy: tuple[float, float], text: str, kind: Type, size: int, ink: RGB
) -> None:
    """Upright characters under each other, the first one's top middle at xy (pixels)."""
    x, y = xy
    for char in text:
        font = font_for(char, kind.face, size, kind.weight)
        pen.text((x, y + size * 0.5), char, font=font, fill=ink, anchor="mm")
        y += size * 1.1
