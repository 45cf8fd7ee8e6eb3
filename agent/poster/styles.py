"""How each role of a poster is set: its face, its size in units, and below what it is unreadable.

A **unit** is the size of running text on a poster: larger, for its area, on a screen that is held
in a hand than on paper that hangs on a wall.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt
from typing import Final, Literal

from ..typeset.boxes import Pixels
from ..typeset.setting import Type
from .brief import Role, TypeFeel
from .sizes import MM_PER_INCH, SizeSpec

Family = Literal["tall", "portrait", "square", "landscape", "wide"]

_UNIT: Final[dict[Family, float]] = {
    "tall": 0.0265,
    "portrait": 0.0225,
    "square": 0.0275,
    "landscape": 0.0245,
    "wide": 0.037,
}
"""Of the root of the area."""
_TITLES: Final[dict[TypeFeel, Type]] = {
    "poster": Type("display", 800, 0.012),
    "bold": Type("black", 800, -0.012),
    "classic": Type("serif", 640, -0.012),
    "plain": Type("sans", 800, -0.022),
}
POINTS: Final = 72
_LEAST_PT: Final = 7.0
_LEAST_SMALL_PT: Final = 5.5
"""Printers ask for 5 pt and more of dark type on light paper; a little is kept in hand."""
_SMALL: Final[frozenset[Role]] = frozenset({"legal", "credit"})


@dataclass(frozen=True, slots=True)
class Style:
    """``em`` in units; a title has none, it is as large as it can be."""

    kind: Type
    em: float
    caps: bool = False
    """The design sets capitals whatever is written; comparing folds that."""


_STYLES: Final[dict[Role, Style]] = {
    "subtitle": Style(Type("sans", 560), 1.6),
    "date": Style(Type("sans", 720), 1.7),
    "time": Style(Type("sans", 720), 1.7),
    "place": Style(Type("sans", 720), 1.7),
    "cta": Style(Type("sans", 760), 1.65),
    "price": Style(Type("sans", 640), 1.25),
    "speaker": Style(Type("sans", 600), 1.15),
    "line": Style(Type("sans", 500), 1.15),
    "contact": Style(Type("sans", 600), 1.2),
    "credit": Style(Type("sans", 460), 0.7),
    "legal": Style(Type("sans", 440), 0.66),
}


def style_of(role: Role, feel: TypeFeel) -> Style:
    """The style of a role; only display type follows the feel."""
    if role == "title":
        return Style(_TITLES[feel], 0.0, caps=feel == "poster")
    return _STYLES[role]


def family_of(trim: Pixels) -> Family:
    """The aspect family of a trim in pixels."""
    ratio = trim[0] / trim[1]
    if ratio < 0.62:
        return "tall"
    if ratio < 0.88:
        return "portrait"
    if ratio < 1.2:
        return "square"
    return "landscape" if ratio < 2.1 else "wide"


def unit_of(spec: SizeSpec) -> float:
    """Pixels of one unit."""
    width, height = spec.trim
    return _UNIT[family_of(spec.trim)] * sqrt(width * height)


def least_em(role: Role, spec: SizeSpec) -> float:
    """Pixels below which a role cannot be read: points on paper, a share of the picture on a screen."""
    small = role in _SMALL
    if spec.printed:
        return (_LEAST_SMALL_PT if small else _LEAST_PT) / POINTS * spec.dpi
    short = min(spec.trim)
    return max(10.0, 0.0125 * short) if small else max(12.0, 0.0175 * short)


def points(pixels: float, spec: SizeSpec) -> float:
    """Of type on paper."""
    return pixels / spec.dpi * POINTS


def millimetres(mm: float, spec: SizeSpec) -> float:
    """Pixels of a length on paper."""
    return mm / MM_PER_INCH * spec.dpi
