"""Where each word stands: the title as large as it can be, the rest in rows, the subject left free.

One layout serves every locale of a brief, so the largest need counts. Boxes are fractions of the
trim, and all of them lie inside its safe area.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from math import ceil, floor
from typing import Final

from ..typeset.blocks import Align, Direction, Laid, lay, lay_down
from ..typeset.boxes import Box, union
from ..typeset.setting import Type
from .brief import Brief, Line, Locale, Problem, Role
from .ground import safe_area
from .sizes import SizeSpec
from .styles import least_em, points, style_of
from .words import capitals
from .zones import Arranged, arranged

__all__ = ["Box", "Layout", "Placed", "layout_for", "overfull", "setting_of", "words_of"]


@dataclass(frozen=True, slots=True)
class Placed:
    """One text, or one column (``part``) of it, in its box."""

    line_id: str
    role: Role
    box: Box
    align: Align
    kind: Type
    part: int = 0
    em: float = 0.0
    """The largest type size, as a fraction of the trim's height."""
    most: int = 8
    """Lines at most."""
    direction: Direction = "across"
    caps: bool = False
    """Set in capitals by the design; comparing folds that."""
    snug: bool = False
    """From ink to ink, as ``typeset.blocks.lay`` has it."""
    low: bool = False
    """On the foot of its box: a title that is shorter in one locale stays with its subtitle."""


@dataclass(frozen=True, slots=True)
class Layout:
    """A poster of one size, for all its locales."""

    size: SizeSpec
    lines: tuple[Placed, ...]
    focal: Box
    """Where the subject belongs; no text lies in it."""
    logo: Box | None = None
    qr: Box | None = None
    """With its quiet zone."""
    quiet: tuple[Box, ...] = ()
    """What a picture must leave calm: all that is set or laid on, gathered."""
    safe: Box = field(default_factory=lambda: Box(0, 0, 1, 1))

    def placed(self, line_id: str) -> tuple[Placed, ...]:
        """Every column of a line."""
        return tuple(one for one in self.lines if one.line_id == line_id)


_LEAST_FREE: Final = 0.06
GRID: Final = 0.05
"""Of each side: where calm areas and the subject's ground begin and end."""
_LEFT: Final = 0.85
"""Of the subject's ground, for the sake of the grid."""
_WORST: Final = 3
"""Lines named in a problem."""


def layout_for(brief: Brief, spec: SizeSpec) -> Layout:
    """Never raises: what does not fit gets too small, and :func:`overfull` says so."""
    made = arranged(brief, spec)
    height = spec.trim[1]
    under = any(cell.line.role == "subtitle" and cell.line.box is None for cell in made.cells)
    placed = tuple(
        Placed(
            line_id=cell.line.id,
            role=cell.line.role,
            box=_box(spec, cell.x, cell.y, cell.width, cell.height),
            align=cell.align,
            kind=style_of(cell.line.role, brief.type).kind,
            part=cell.part,
            em=cell.em / height,
            most=made.title_lines if cell.line.role == "title" else 12,
            direction="down" if cell.line.id in made.upright else "across",
            caps=style_of(cell.line.role, brief.type).caps,
            snug=cell.line.role == "title",
            low=cell.line.role == "title" and under,
        )
        for cell in made.cells
    )
    logo = _box(spec, *made.logo) if made.logo else None
    qr = _box(spec, *made.qr) if made.qr else None
    return Layout(
        size=spec,
        lines=placed,
        focal=_inner(_box(spec, *made.focal)),
        logo=logo,
        qr=qr,
        quiet=_quiet(brief, placed, [mark for mark in (logo, qr) if mark], made, spec),
        safe=safe_area(spec),
    )


def _box(spec: SizeSpec, x: float, y: float, wide: float, tall: float) -> Box:
    width, height = spec.trim
    return Box(x / width, y / height, (x + wide) / width, (y + tall) / height)


def _quiet(
    brief: Brief, placed: Sequence[Placed], marks: list[Box], made: Arranged, spec: SizeSpec
) -> tuple[Box, ...]:
    """Set texts that stand together are one calm area, unless painted words stand between them."""
    by_id = {line.id: line for line in brief.lines}
    painted = [p.box for p in placed if brief.lettering_of(by_id[p.line_id]) == "painted"]
    still = [p for p in placed if brief.lettering_of(by_id[p.line_id]) == "set"]
    floor = made.focal[1] / spec.trim[1]
    head = [p.box for p in still if p.box.y1 <= floor + 1e-6]
    rest = [p.box for p in still if p.box.y1 > floor + 1e-6] + marks
    found: list[Box] = []
    for boxes in (head, rest):
        if boxes:
            whole = union(boxes)
            focal = _box(spec, *made.focal)
            crossed = any(whole.meets(other) for other in [*painted, focal])
            others = [*painted, _inner(focal)]
            found.extend(_snapped(box, others) for box in (boxes if crossed else [whole]))
    return tuple(found)


def _snapped(box: Box, others: Sequence[Box]) -> Box:
    """Out to the lines of a grid, where nothing is in the way.

    So a word more or less in one locale asks for the same picture, which need not be bought again.
    """
    for edge, way in enumerate((floor, floor, ceil, ceil)):
        line = min(1.0, max(0.0, way(round(box[edge] / GRID, 6)) * GRID))
        tried = Box(*(line if i == edge else value for i, value in enumerate(box)))
        if not any(tried.meets(other) for other in others):
            box = tried
    return box


def _inner(box: Box) -> Box:
    """In to the lines of the same grid, unless too little would be left."""
    x0, y0 = (ceil(round(edge / GRID, 6)) * GRID for edge in box[:2])
    x1, y1 = (floor(round(edge / GRID, 6)) * GRID for edge in box[2:])
    if x1 - x0 < _LEFT * box.width or y1 - y0 < _LEFT * box.height:
        return box
    return Box(x0, y0, x1, y1)


# ── what is set in a box ─────────────────────────────────────────────────────────────────────


def words_of(brief: Brief, placed: Placed, locale: Locale) -> str:
    """The words of a box as they are set; empty where a locale has fewer columns."""
    line = next(line for line in brief.lines if line.id == placed.line_id)
    cells = line.cells(locale)
    if placed.part >= len(cells):
        return ""
    return capitals(cells[placed.part], locale) if placed.caps else cells[placed.part]


def setting_of(brief: Brief, placed: Placed, locale: Locale, layout: Layout) -> Laid:
    """Size, breaks and baselines of a box's words, in pixels of the trim from its top left."""
    width, height = layout.size.trim
    box = placed.box.width * width, placed.box.height * height
    words, largest = words_of(brief, placed, locale), placed.em * height
    if placed.direction == "down":
        return lay_down(words, box, largest=largest)
    laid = lay(words, placed.kind, box, largest=largest, most=placed.most, snug=placed.snug)
    drop = box[1] - laid.height if placed.low else 0.0
    return laid._replace(baselines=tuple(y + drop for y in laid.baselines))


# ── what does not fit ────────────────────────────────────────────────────────────────────────


def overfull(brief: Brief, layout: Layout) -> tuple[Problem, ...]:
    """Texts that would be too small to read, or that a box of the brief's own brings into another's way."""
    return (*_too_small(brief, layout), *_crossed(brief, layout), *_hidden(layout))


def _too_small(brief: Brief, layout: Layout) -> Iterator[Problem]:
    spec, by_id = layout.size, {line.id: line for line in brief.lines}
    found: dict[str, float] = {}
    for placed in layout.lines:
        for locale in brief.locales:
            size = setting_of(brief, placed, locale, layout).size
            least = least_em(placed.role, spec)
            if words_of(brief, placed, locale) and size < least * 0.985:
                found[placed.line_id] = min(found.get(placed.line_id, size), size)
    if not found:
        return
    worst = sorted(found, key=lambda one: -_length(by_id[one]))[:_WORST]
    line = by_id[worst[0]]
    told = ", ".join(f"{one} ({_length(by_id[one])} characters)" for one in worst)
    yield Problem(
        field=f"{line.id} on {spec.name}",
        line=line.source_line,
        message=f"{len(found)} of {len(layout.lines)} texts do not fit {spec.name}: type would be "
        f"{_told(found[worst[0]], spec)}, at least {_told(least_em(line.role, spec), spec)} is "
        f"needed; the longest are {told}",
        hint="shorten them, or leave them off this size with only: [...]",
    )


def _hidden(layout: Layout) -> Iterator[Problem]:
    """Texts so many that nothing can be seen of the picture."""
    free = layout.focal.width * layout.focal.height
    if free < _LEAST_FREE:
        yield Problem(
            field=f"lines on {layout.size.name}",
            message=f"leave {max(0.0, free):.0%} of the poster to its subject",
            hint="shorten them, or leave some off this size with only: [...]",
        )


def _told(size: float, spec: SizeSpec) -> str:
    return f"{points(size, spec):.1f} pt" if spec.printed else f"{size:.0f} pixels"


def _length(line: Line) -> int:
    return max(len(text) for text in line.text.values())


def _crossed(brief: Brief, layout: Layout) -> Iterator[Problem]:
    """Only boxes that a brief gives can be in the way of others."""
    given = {line.id: line for line in brief.lines if line.box is not None}
    for placed in layout.lines:
        line = given.get(placed.line_id)
        if line is None:
            continue
        for other in layout.lines:
            if other.line_id != line.id and other.box.meets(placed.box):
                yield Problem(
                    field=f"{line.id}.box on {layout.size.name}",
                    line=line.source_line,
                    message=f"lies over {other.line_id}",
                    hint="move it, or leave the box out",
                )
                break
        if not layout.safe.holds(placed.box):
            yield Problem(
                field=f"{line.id}.box on {layout.size.name}",
                line=line.source_line,
                message="leaves the safe area, where cutting may take it",
                hint=f"stay from {layout.safe.x0:.0%} to {layout.safe.x1:.0%} across and "
                f"{layout.safe.y0:.0%} to {layout.safe.y1:.0%} down",
            )
