"""The zones of a poster: several arrangements of one size are tried, and the best one is kept.

Stacked: title above, subject in the middle, the rest below. Upright: a Chinese title down the right.
Beside: texts in a column on the left, the subject at their right. All in pixels of the trim.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from statistics import median
from typing import Final, NamedTuple

from ..typeset.blocks import lay, lay_down
from ..typeset.faces import is_cjk
from .brief import Brief
from .ground import Block, Ground, Rect, marked
from .rows import Cell, Rows, flowed
from .sizes import SizeSpec
from .styles import Family, least_em, style_of

_TITLE_SHARES: Final[dict[Family, tuple[float, ...]]] = {
    "tall": (0.27, 0.21, 0.16, 0.11),
    "portrait": (0.31, 0.25, 0.19, 0.13),
    "square": (0.30, 0.24, 0.18, 0.12),
    "landscape": (0.46, 0.36, 0.26, 0.16),
    "wide": (0.56, 0.44, 0.32, 0.2),
}
_FOCAL_SHARES: Final = (0.40, 0.32, 0.24, 0.17)
"""Of the height, for stacked arrangements."""
_COLUMNS: Final = ((0.46, 0.0), (0.54, 0.0), (0.62, 0.0), (0.36, 0.30), (0.34, 0.40))
"""Widths of the first and second column of text, for arrangements beside the subject."""
_LEAD: Final = 0.17
"""Of the title's type size, at least."""
_SCALES: Final = tuple(1.35 * 0.972**step for step in range(170))
"""From a third above the ordinary size down to nothing; the same ones in every try, so that what was
set once is set."""


class Arranged(NamedTuple):
    """Cells, marks and what is left for the subject. ``upright``: ids of lines set in a column."""

    cells: tuple[Cell, ...]
    focal: Rect
    logo: Rect | None = None
    qr: Rect | None = None
    title_lines: int = 4
    upright: frozenset[str] = frozenset()


def arranged(brief: Brief, spec: SizeSpec) -> Arranged:
    """The arrangement in which type and subject come off best."""
    ground = Ground(brief, spec)
    tried = list(_tries(ground))
    best = max(tried, key=lambda made: _worth(made, ground))
    return _with_given(best, ground)


def _tries(ground: Ground) -> Iterator[Arranged]:
    beside = ground.family in ("landscape", "wide")
    shares = _TITLE_SHARES[ground.family]
    for share in shares:
        if beside:
            for first, second in _COLUMNS:
                yield _beside(ground, share, first, second)
        else:
            titled = _titled(ground, ground.safe[2], share * ground.safe[3])
            for focal in _FOCAL_SHARES:
                yield _stacked(ground, titled, focal)
    if not beside and _stands_upright(ground):
        for focal in _FOCAL_SHARES:
            yield _upright(ground, focal)


def _worth(made: Arranged, ground: Ground) -> float:
    """Legible first; then large type, a large title, a large subject."""
    _, _, wide, tall = ground.safe
    free = made.focal[2] * made.focal[3] / (wide * tall)
    title = max((c.em for c in made.cells if c.line.role == "title"), default=0.0)
    ratios = [
        cell.em / least_em(cell.line.role, ground.spec)
        for cell in made.cells
        if cell.line.role != "title"
    ]
    scales = [
        c.em / (ground.texts.em(c.line) or c.em) for c in made.cells if c.line.role != "title"
    ]
    scale = median(scales) if scales else 1.0  # one text that is narrowed makes no small poster
    ratio = min(ratios, default=2.0)
    want_title, want_free = 7.5 * ground.texts.unit, 0.42
    return (
        30 * min(1.0, ratio)
        + 1.5 * min(1.0, ratio / 2)
        + 2.6 * min(1.0, scale / 1.15)
        + 1.6 * min(1.0, title / want_title)
        + 3.0 * min(1.0, free / want_free)
        + 0.4 * free
        + (1.2 if made.upright else 0.0)
    )


# ── title and scale ──────────────────────────────────────────────────────────────────────────


Titled = tuple[Cell | None, float, int]
"""The title's cell at the origin, its height, and its lines at most."""


def _titled(ground: Ground, width: float, height: float) -> Titled:
    line = ground.title
    if line is None:
        return None, 0.0, 1
    kind = style_of("title", ground.brief.type).kind
    most = 3 if ground.family in ("portrait", "square") else 4
    laid = [
        lay(words, kind, (width, height), largest=height * 1.3, most=most, snug=True)
        for words in ground.texts.words(line)
    ]
    tall = max(one.height for one in laid) + 1.0
    em = max(one.size for one in laid)
    return Cell(line, 0, 0.0, 0.0, width, tall, em), tall, most


def _lead(title: Cell | None, ground: Ground, units: float) -> float:
    """Pixels between title and subtitle: the larger the title, the more."""
    if title is None or not ground.subtitle:
        return 0.0
    return max(units * ground.texts.unit, _LEAD * title.em)


def _scale(fits: Callable[[float], bool]) -> float:
    """The largest of the scales at which everything fits, by halving."""
    if fits(_SCALES[0]):
        return _SCALES[0]
    too_large, small = 0, len(_SCALES) - 1
    while small - too_large > 1:
        middle = (too_large + small) // 2
        too_large, small = (too_large, middle) if fits(_SCALES[middle]) else (middle, small)
    return _SCALES[small]


def _shift(rect: Rect | None, x: float, y: float) -> Rect | None:
    return (rect[0] + x, rect[1] + y, rect[2], rect[3]) if rect else None


# ── arrangements ─────────────────────────────────────────────────────────────────────────────


def _stacked(ground: Ground, titled: Titled, focal: float) -> Arranged:
    x, y, wide, tall = ground.safe
    title, title_tall, most = titled
    lead = _lead(title, ground, 0.8)

    def parts(scale: float) -> tuple[Rows, Block]:
        texts = ground.texts.at(scale)
        return flowed(ground.subtitle, texts, wide), marked(ground, ground.below, texts, wide)

    def fits(scale: float) -> bool:
        under, block = parts(scale)
        used = title_tall + lead + under.height + block.rows.height
        return used + 2 * ground.air + focal * tall <= tall

    under, block = parts(_scale(fits))
    head = title_tall + lead + under.height
    foot = tall - block.rows.height
    cells = (
        *([title.moved(x, y)] if title else []),
        *(cell.moved(x, y + title_tall + lead) for cell in under.cells),
        *(cell.moved(x, y + foot) for cell in block.rows.cells),
    )
    top = head + (ground.air if head else 0.0)
    floor = foot - (ground.air if block.rows.height else 0.0)
    return Arranged(
        cells,
        (x, y + top, wide, max(1.0, floor - top)),
        _shift(block.logo, x, y + foot),
        _shift(block.qr, x, y + foot),
        most,
    )


def _stands_upright(ground: Ground) -> bool:
    """A short Chinese title in every locale of the brief."""
    line = ground.title
    return line is not None and all(
        2 <= len(words) <= 8 and all(is_cjk(char) for char in words)
        for words in ground.texts.words(line)
    )


def _upright(ground: Ground, focal: float) -> Arranged:
    x, y, wide, tall = ground.safe
    title = ground.title
    assert title is not None
    groups = (*ground.subtitle, *ground.below)

    def block_at(scale: float) -> Block:
        return marked(ground, groups, ground.texts.at(scale), wide)

    reserved = max(focal, 0.5)
    block = block_at(
        _scale(lambda scale: block_at(scale).rows.height + ground.air + reserved * tall <= tall)
    )
    foot = tall - block.rows.height
    room = (wide * 0.24, min(foot - ground.air, tall * 0.72))
    laid = [lay_down(words, room, largest=room[0]) for words in ground.texts.words(title)]
    column, high = max(one.width for one in laid), max(one.height for one in laid)
    em = max(one.size for one in laid)
    cell = Cell(title, 0, x + wide - column, y, column, high, em)
    free = wide - column - ground.air
    return Arranged(
        (cell, *(one.moved(x, y + foot) for one in block.rows.cells)),
        (x, y, free, max(1.0, foot - (ground.air if block.rows.height else 0.0))),
        _shift(block.logo, x, y + foot),
        _shift(block.qr, x, y + foot),
        1,
        frozenset({title.id}),
    )


def _beside(ground: Ground, share: float, first: float, second: float) -> Arranged:
    """Title and texts in one column, or the texts in a second one beside the title."""
    x, y, wide, tall = ground.safe
    column = first * wide
    title, title_tall, most = _titled(ground, column, share * tall)
    lead = _lead(title, ground, 0.6)
    gutter = 1.6 * ground.texts.unit
    width = second * wide if second else column

    def parts(scale: float) -> tuple[Rows, Block]:
        texts = ground.texts.at(scale)
        return flowed(ground.subtitle, texts, column), marked(ground, ground.below, texts, width)

    def fits(scale: float) -> bool:
        under, block = parts(scale)
        head = title_tall + lead + under.height
        if second:
            return max(head, block.rows.height) <= tall
        return head + ground.air + block.rows.height <= tall

    under, block = parts(_scale(fits))
    foot = tall - block.rows.height
    left = x + (column + gutter if second else 0.0)
    cells = (
        *([title.moved(x, y)] if title else []),
        *(cell.moved(x, y + title_tall + lead) for cell in under.cells),
        *(cell.moved(left, y + foot) for cell in block.rows.cells),
    )
    edge = left + width + ground.air * 1.2
    return Arranged(
        cells,
        (edge, y, max(1.0, x + wide - edge), tall),
        _shift(block.logo, left, y + foot),
        _shift(block.qr, left, y + foot),
        most,
    )


# ── boxes that the brief gives ───────────────────────────────────────────────────────────────


def _with_given(made: Arranged, ground: Ground) -> Arranged:
    """Lines with a box of their own stand there, and the subject makes room for them."""
    width, height = ground.spec.trim
    focal, cells = made.focal, list(made.cells)
    for line in ground.brief.lines_on(ground.spec.name):
        if line.box is None:
            continue
        box = line.box
        rect = (box.x0 * width, box.y0 * height, box.width * width, box.height * height)
        cells.append(Cell(line, 0, *rect, em=rect[3]))
        focal = _beyond(focal, rect)
    return made._replace(cells=tuple(cells), focal=focal)


def _beyond(focal: Rect, taken: Rect) -> Rect:
    """The largest part of the subject's ground that the other does not touch."""
    x, y, wide, tall = focal
    left, top, across, down = taken
    if left >= x + wide or left + across <= x or top >= y + tall or top + down <= y:
        return focal
    parts = (
        (x, y, left - x, tall),
        (left + across, y, x + wide - left - across, tall),
        (x, y, wide, top - y),
        (x, top + down, wide, y + tall - top - down),
    )
    return max(parts, key=lambda rect: max(0.0, rect[2]) * max(0.0, rect[3]))
