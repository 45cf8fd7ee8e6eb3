"""The texts below the title, flowed into rows at a scale: facts, lists, paragraphs, marks.

Everything here is in pixels from the top left of the block. The scale is found by ``layout``.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Final, Literal, NamedTuple

from ..typeset.blocks import ROOM, Align, ems, leading_of, wrapped
from ..typeset.setting import Type
from .brief import Brief, Line, Role
from .glyphs import level_ems
from .styles import Style, style_of
from .words import as_set

_FACTS: Final[frozenset[Role]] = frozenset({"date", "time", "place"})
_FOOT: Final[frozenset[Role]] = frozenset({"contact", "credit", "legal"})
_ORDER: Final[tuple[frozenset[Role], ...]] = (
    frozenset({"subtitle"}),
    _FACTS,
    frozenset({"speaker", "price", "line"}),
    frozenset({"cta"}),
    _FOOT,
)
_GAP: Final = 0.9
"""Units between groups."""
_SLACK: Final = 1.004
"""Boxes are a hair wider than what was measured, so that rounding never breaks a line."""

_NEARLY: Final = 1.14


class Cell(NamedTuple):
    """One text, or one column of it, in its place. ``most`` lines at ``em`` pixels or smaller."""

    line: Line
    part: int
    x: float
    y: float
    width: float
    height: float
    em: float
    align: Align = "left"

    def moved(self, x: float, y: float) -> Cell:
        """The same, further right and down."""
        return self._replace(x=self.x + x, y=self.y + y)


@dataclass(frozen=True, slots=True)
class Rows:
    """Cells and the height that they take."""

    height: float
    cells: tuple[Cell, ...] = ()


@dataclass(frozen=True, slots=True)
class Texts:
    """What is to be flowed: the brief, one unit in pixels, the scale of this try."""

    brief: Brief
    unit: float
    scale: float = 1.0

    def at(self, scale: float) -> Texts:
        """The same at another scale."""
        return replace(self, scale=scale)

    def style(self, line: Line) -> Style:
        """Of its role."""
        return style_of(line.role, self.brief.type)

    def em(self, line: Line) -> float:
        """Pixels."""
        return self.style(line).em * self.unit * self.scale

    @property
    def gap(self) -> float:
        """Pixels between groups."""
        return _GAP * self.unit * max(self.scale, 0.4)

    def words(self, line: Line, part: int | None = None) -> list[str]:
        """In every locale, as it is set."""
        found = []
        for locale in self.brief.locales:
            cells = line.cells(locale)
            chosen = " ".join(cells) if part is None else cells[part] if part < len(cells) else ""
            found.append(as_set(chosen, line.role, self.brief.type, locale))
        return found

    def natural(self, line: Line, part: int | None = None) -> float:
        """The widest of the locales in one line, in pixels; of a column, with digits of one width."""
        kind, em = self.style(line).kind, self.em(line)
        wide = ems if part is None else _level
        return max(wide(words, kind) for words in self.words(line, part)) * em * _SLACK

    def columns(self, line: Line) -> int:
        """The most that it has in any locale."""
        return max(len(line.cells(locale)) for locale in self.brief.locales)

    def tall(self, line: Line, width: float, em: float) -> float:
        """Pixels that it needs at a width: the most of the locales."""
        kind = self.style(line).kind
        return max(
            em * (sum(ROOM) + leading_of(words, kind) * (max(1, count) - 1))
            for words in self.words(line)
            for count in (len(wrapped(words, kind, width / em)),)
        )

    def narrowed(self, line: Line, width: float) -> float:
        """The em at which even the longest word fits the width.

        A text that is a little too long for one line gets a little smaller instead of a second one.
        """
        kind, em = self.style(line).kind, self.em(line)
        if width < (natural := self.natural(line)) <= _NEARLY * width:
            return em * width / natural
        longest = max(
            (ems(piece, kind) for words in self.words(line) for piece in wrapped(words, kind, 0.1)),
            default=1.0,
        )
        return min(em, width / (longest * _SLACK)) if longest else em


def _level(words: str, kind: Type) -> float:
    return max(ems(words, kind), level_ems(words, kind))


Kind = Literal["facts", "list", "paragraph"]


class Group(NamedTuple):
    """Lines that are set together."""

    kind: Kind
    lines: tuple[Line, ...]


def groups_of(lines: Sequence[Line]) -> tuple[Group, ...]:
    """In the order in which a poster is read: facts, lists, call, small print."""
    ordered = [line for roles in _ORDER for line in lines if line.role in roles]
    found: list[Group] = []
    for key, run in groupby(ordered, key=_key):
        together = tuple(run)
        if (key == "facts" and len(together) > 3) or any("|" in _any(x) for x in together):
            found.append(Group("list", together))
        elif key == "facts":
            found.append(Group("facts", together))
        elif len(together) > 1 and together[0].role in ("speaker", "price", "line"):
            found.append(Group("list", together))
        else:
            found.extend(Group("paragraph", (line,)) for line in together)
    return tuple(found)


def _key(line: Line) -> str:
    """Facts stand together; a table of dates apart from the one date beside it."""
    if line.role in _FACTS:
        return "facts" if "|" not in _any(line) else "table"
    return line.role


def _any(line: Line) -> str:
    return "".join(line.text.values())


def set_groups(groups: Sequence[Group], texts: Texts, width: float) -> tuple[Rows, ...]:
    """Each group by itself."""
    return tuple(_SETTERS[group.kind](group.lines, texts, width) for group in groups)


def piled(rows: Sequence[Rows], gap: float) -> Rows:
    """Under each other, a gap between them."""
    y, cells = 0.0, list[Cell]()
    for number, one in enumerate(rows):
        y += gap if number else 0.0
        cells.extend(cell.moved(0, y) for cell in one.cells)
        y += one.height
    return Rows(y, tuple(cells))


def flowed(groups: Sequence[Group], texts: Texts, width: float) -> Rows:
    """Groups under each other."""
    return piled(set_groups(groups, texts, width), texts.gap)


# ── one group ────────────────────────────────────────────────────────────────────────────────


def _paragraph(lines: Sequence[Line], texts: Texts, width: float) -> Rows:
    """One text over the whole width."""
    y, cells = 0.0, list[Cell]()
    for line in lines:
        em = texts.narrowed(line, width)
        tall = texts.tall(line, width, em)
        cells.append(Cell(line, 0, 0, y, width, tall, em))
        y += tall
    return Rows(y, tuple(cells))


def _facts(lines: Sequence[Line], texts: Texts, width: float) -> Rows:
    """Date, time and place beside each other as long as there is room."""
    gap, x, y, tall = 1.4 * texts.unit * texts.scale, 0.0, 0.0, 0.0
    cells: list[Cell] = []
    for line in lines:
        wide = texts.natural(line)
        if x and x + wide > width:
            x, y = 0.0, y + tall
        if wide > width:
            em = texts.narrowed(line, width)
            tall = texts.tall(line, width, em)
            cells.append(Cell(line, 0, 0.0, y, width, tall, em))
            x = width
            continue
        tall = texts.em(line) * sum(ROOM)
        cells.append(Cell(line, 0, x, y, wide, tall, texts.em(line)))
        x += wide + gap
    return Rows(y + tall, tuple(cells))


def _list(lines: Sequence[Line], texts: Texts, width: float) -> Rows:
    """Rows of a table, in as many columns of rows as the width allows."""
    if max(texts.columns(line) for line in lines) == 1:
        return _plain_list(lines, texts, width)
    em, count = texts.em(lines[0]), max(texts.columns(line) for line in lines)
    wide = [_part_width(lines, texts, part) for part in range(count)]
    gap = 1.3 * em
    natural = sum(wide) + gap * (count - 1)
    shrunk = min(1.0, width / natural)
    columns = max(1, min(int((width + 3 * em) / (natural + 3 * em)), _most_columns(len(lines))))
    step = em * shrunk * max(sum(ROOM), 1.3)
    # a table gets no wider than a third more than it needs: the eye must find the end of its row
    table = min((width - 3 * em * (columns - 1)) / columns, natural * 1.34)
    spread = gap * shrunk + max(0.0, table - natural) / max(1, count - 1)
    places = _places(len(lines), columns, table + 3 * em, step)
    cells = [
        cell.moved(*place)
        for line, place in zip(lines, places, strict=True)
        for cell in _row(line, texts, [one * shrunk for one in wide], spread, em * shrunk)
    ]
    return Rows(step * -(-len(lines) // columns), tuple(cells))


def _row(line: Line, texts: Texts, wide: Sequence[float], gap: float, em: float) -> Iterator[Cell]:
    """The columns of one row; figures in the last one end at the right."""
    x = 0.0
    for part in range(texts.columns(line)):
        last = part == len(wide) - 1
        figures = last and all(_is_figure(words) for words in texts.words(line, part))
        align: Align = "right" if figures else "left"
        yield Cell(line, part, x, 0.0, wide[part], em * sum(ROOM), em, align)
        x += wide[part] + gap


def _is_figure(text: str) -> bool:
    """A price or an hour: begins or ends with a digit once its currency is taken off."""
    bare = text.strip("€$£¥￥元 ")
    return bool(bare) and (bare[0].isdigit() or bare[-1].isdigit())


def _part_width(lines: Sequence[Line], texts: Texts, part: int) -> float:
    return max(texts.natural(line, part) for line in lines)


def _most_columns(count: int) -> int:
    """Two names in two columns are no list."""
    return 1 if count < 4 else 2 if count < 9 else 3


def _plain_list(lines: Sequence[Line], texts: Texts, width: float) -> Rows:
    """Items in columns, down each column first; items longer than the width are broken."""
    em = max(texts.em(line) for line in lines)
    natural = max(texts.natural(line) for line in lines)
    if natural > width:
        return _paragraph(lines, texts, width)
    gap = 1.6 * em
    columns = max(1, min(int((width + gap) / (natural + gap)), _most_columns(len(lines))))
    pitch, step = (width + gap) / columns, em * max(sum(ROOM), 1.3)
    places = _places(len(lines), columns, pitch, step)
    cells = [
        Cell(line, 0, *place, pitch - gap, em * sum(ROOM), texts.em(line))
        for line, place in zip(lines, places, strict=True)
    ]
    return Rows(step * -(-len(lines) // columns), tuple(cells))


def _places(count: int, columns: int, pitch: float, step: float) -> list[tuple[float, float]]:
    """(x, y) of each item, down each column first."""
    rows = -(-count // columns)
    return [((i // rows) * pitch, (i % rows) * step) for i in range(count)]


_SETTERS: Final = {"facts": _facts, "list": _list, "paragraph": _paragraph}
