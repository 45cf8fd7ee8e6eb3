"""Blocks of type: the largest size at which a text fits a box, its breaks and its baselines.

Widths are reckoned in ems, which is the same at every size, so that looking for a size is cheap;
the size that is chosen is measured once more in pixels.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Final, Literal, NamedTuple

from PIL import ImageDraw

from .faces import Face, font_for, is_cjk
from .setting import RGB, Type, draw_line, measure

Align = Literal["left", "middle", "right"]
Direction = Literal["across", "down"]

_BASE: Final = 200
_PITCH: Final = 1.08
"""Ems from one upright character to the next below."""
_NOT_FIRST: Final = frozenset("，。、；：！？）》」』】〉”’％,.;:!?)]}%…·")
_NOT_LAST: Final = frozenset("（《「『【〈“‘([{￥$€£")
ROOM: Final = (0.95, 0.25)
"""Ems kept over and under the baseline where several texts must share one: accents, and tails."""
_WHOLE: Final = 24
"""Pixels from which on type is set in whole ones."""
LEADING: Final[dict[Face, float]] = {"display": 0.92, "black": 1.06, "serif": 1.06, "sans": 1.24}
"""Ems between baselines: capitals sit close, lower case needs air."""
_RATHER: Final = (0.97, 0.7)
"""Of its size, what a text and a title give up to break at blanks alone."""
_TIGHT: Final = 1.02
"""The most in a title, whose size holds its lines together."""


class Laid(NamedTuple):
    """A text laid into a box, in pixels. ``baselines`` count from the top of the box.

    Set ``down``, ``lines`` are columns from right to left and ``baselines`` their middles from
    the right edge.
    """

    size: float
    lines: tuple[str, ...]
    baselines: tuple[float, ...]
    width: float
    height: float
    direction: Direction = "across"


class Extent(NamedTuple):
    """Ink above and below the baseline, in ems."""

    above: float
    below: float


@lru_cache(maxsize=65536)
def ems(text: str, kind: Type) -> float:
    """The width of one line in ems."""
    return measure(text, kind, _BASE) / _BASE


@lru_cache(maxsize=8192)
def extent(text: str, kind: Type) -> Extent:
    """How far the ink of a line reaches over and under its baseline, in ems."""
    found = [_reach(char, kind) for char in set(text)]
    return Extent(
        max((one.above for one in found), default=0.0),
        max((one.below for one in found), default=0.0),
    )


@lru_cache(maxsize=8192)
def _reach(char: str, kind: Type) -> Extent:
    """Of one character; nothing is below zero, so that a dash reaches as far as a blank."""
    font = font_for(char, kind.face, _BASE, kind.weight)
    _, top, _, bottom = font.getbbox(char, anchor="ls")
    return Extent(max(0.0, -top / _BASE), max(0.0, bottom / _BASE))


def leading_of(text: str, kind: Type, *, snug: bool = False) -> float:
    """Ems between two baselines of this text; Chinese has no small letters and needs more."""
    step = min(LEADING[kind.face], _TIGHT) if snug else LEADING[kind.face]
    return max(step, 1.14) if is_cjk(max(text, default=" ")) else step


@lru_cache(maxsize=4096)
def pieces(text: str) -> tuple[str, ...]:
    """What may not be broken, in order; a trailing blank says that a blank may stand there.

    Latin words are whole; Chinese breaks anywhere but before a closing and after an opening mark.
    """
    found: list[str] = []
    for word in text.split():
        found.extend(_parts(word))
        found[-1] += " "
    return (*found[:-1], found[-1].rstrip()) if found else ()


def _parts(word: str) -> Iterator[str]:
    held = ""
    for i, char in enumerate(word):
        held += char
        following = word[i + 1 : i + 2]
        breaks = following and (is_cjk(char) or is_cjk(following))
        if breaks and char not in _NOT_LAST and following not in _NOT_FIRST:
            yield held
            held = ""
    if held:
        yield held


def _phrases(text: str) -> tuple[str, ...]:
    """The same, broken at blanks alone: in Chinese, where nobody needs them, they part what is read."""
    words = text.split()
    return (*(f"{word} " for word in words[:-1]), *words[-1:])


def wrapped(text: str, kind: Type, width: float, *, whole: bool = False) -> tuple[str, ...]:
    """Broken into lines of at most ``width`` ems, as few as can be; a word too long stands alone.

    ``whole``: at blanks alone, in Chinese too.
    """
    lines, line = [], ""
    for piece in _phrases(text) if whole else pieces(text):
        if line and ems((line + piece).rstrip(), kind) > width:
            lines.append(line.rstrip())
            line = ""
        line += piece
    return (*lines, line.rstrip()) if line else tuple(lines)


def evened(text: str, kind: Type, width: float, *, whole: bool = False) -> tuple[str, ...]:
    """As few lines as can be, and these about equally long."""
    lines = wrapped(text, kind, width, whole=whole)
    if len(lines) < 2:
        return lines
    low, high = width / 2, width
    for _ in range(8):
        middle = (low + high) / 2
        tried = wrapped(text, kind, middle, whole=whole)
        fits = len(tried) == len(lines) and all(ems(line, kind) <= middle for line in tried)
        low, high = (low, middle) if fits else (middle, high)
    return wrapped(text, kind, high, whole=whole)


def height_of(lines: tuple[str, ...], kind: Type, *, snug: bool = False) -> float:
    """The height of a block in ems.

    ``snug``: from the top of the first line's ink to the foot of the last's, as a title is placed;
    else with ``ROOM``, so that texts side by side share their baselines.
    """
    if not lines:
        return 0.0
    above, below = _room(lines, kind, snug=snug)
    return above + leading_of("".join(lines), kind, snug=snug) * (len(lines) - 1) + below


def _room(lines: tuple[str, ...], kind: Type, *, snug: bool) -> Extent:
    if not snug:
        return Extent(*ROOM)
    return Extent(extent(lines[0], kind).above, extent(lines[-1], kind).below)


@lru_cache(maxsize=8192)
def lay(
    text: str,
    kind: Type,
    box: tuple[float, float],
    *,
    largest: float,
    most: int = 8,
    snug: bool = False,
) -> Laid:
    """The text as large as ``largest`` or the box (width, height in pixels) allow.

    ``most`` lines at most; ``snug`` as in :func:`height_of`. A text that is too long for any size
    gets smaller, never longer than its box: whether that can still be read is for the caller to say.
    Chinese with blanks is broken at these where that costs little of its size.
    """
    free = _laid(text, kind, box, largest, most, snug=snug, whole=False)
    if len(free.lines) < 2 or " " not in text or not any(map(is_cjk, text)):
        return free
    kept = _laid(text, kind, box, largest, most, snug=snug, whole=True)
    return kept if kept.size >= _RATHER[snug] * free.size else free


def _laid(
    text: str,
    kind: Type,
    box: tuple[float, float],
    largest: float,
    most: int,
    *,
    snug: bool,
    whole: bool,
) -> Laid:
    width, height = box

    def fits(size: float) -> bool:
        lines = wrapped(text, kind, width / size, whole=whole)
        if len(lines) > most or any(ems(line, kind) * size > width for line in lines):
            return False
        return height_of(lines, kind, snug=snug) * size <= height

    size = largest if fits(largest) else _largest(fits, largest)
    size = size if size < _WHOLE else float(int(size))
    lines = evened(text, kind, width / size, whole=whole)
    widest = max((ems(line, kind) for line in lines), default=0.0) * size
    above = _room(lines, kind, snug=snug).above if lines else 0.0
    step = leading_of(text, kind, snug=snug)
    baselines = tuple((above + step * i) * size for i in range(len(lines)))
    return Laid(size, lines, baselines, widest, height_of(lines, kind, snug=snug) * size)


def _largest(fits: Callable[[float], bool], most: float) -> float:
    """By halving; every smaller size fits too. From ``_WHOLE`` on only whole pixels count."""
    low, high = most / 4096, most
    for _ in range(20):
        if low >= _WHOLE and int(low) == int(high):
            break
        middle = (low + high) / 2
        low, high = (middle, high) if fits(middle) else (low, middle)
    return low


def lay_down(text: str, box: tuple[float, float], *, largest: float) -> Laid:
    """Upright characters under each other in one column, as large as the box allows."""
    width, height = box
    count = max(1, len(text))
    size = min(largest, width / 1.02, height / (_PITCH * (count - 1) + 1.0))
    tall = (_PITCH * (count - 1) + 1.0) * size
    return Laid(size, (text,), (size * 0.51,), size * 1.02, tall, "down")


def draw_laid(
    pen: ImageDraw.ImageDraw,
    box: tuple[float, float, float, float],
    laid: Laid,
    kind: Type,
    ink: RGB,
    align: Align = "left",
) -> None:
    """Draw it from the top of its box (pixels); a column stands in the middle of its box."""
    x0, y0, x1, _ = box
    if laid.direction == "down":
        middle = (x0 + x1) / 2
        for i, char in enumerate(laid.lines[0]):
            font = font_for(char, kind.face, int(laid.size), kind.weight)
            y = y0 + laid.size * (_PITCH * i + 0.5)
            pen.text((middle, y), char, font=font, fill=ink, anchor="mm")
        return
    x = {"left": x0, "middle": (x0 + x1) / 2, "right": x1}[align]
    for line, baseline in zip(laid.lines, laid.baselines, strict=True):
        draw_line(pen, (x, y0 + baseline), line, kind, int(laid.size), ink, align)
