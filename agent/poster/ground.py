"""What all arrangements of a brief on one size share: its safe area, its unit, its marks, its rows."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Final, NamedTuple

from ..typeset.boxes import Box
from .brief import Brief, Line
from .rows import Group, Rows, Texts, groups_of, piled, set_groups
from .sizes import SizeSpec
from .styles import Family, family_of, millimetres, unit_of

Rect = tuple[float, float, float, float]
"""Left, top, width, height in pixels."""

_MODULE_MM: Final = 0.5
_MODULE_PX: Final = 3.0
"""The least that phones read reliably from a wall, and from a screen."""
_QR_SHARE: Final[dict[Family, float]] = {
    "tall": 0.20,
    "portrait": 0.16,
    "square": 0.18,
    "landscape": 0.21,
    "wide": 0.32,
}
"""Of the short edge."""


def safe_area(spec: SizeSpec) -> Box:
    """Where texts may stand: 4 % and more from each edge; a story's ends lie under its buttons."""
    width, height = spec.trim
    least = 0.055 * min(width, height)
    across, down = max(0.04, least / width), max(0.04, least / height)
    if family_of(spec.trim) == "tall" and not spec.printed:
        down = 0.065
    return Box(across, down, 1 - across, 1 - down)


class Block(NamedTuple):
    """Rows with the marks beside their last ones; rectangles from the block's own top left."""

    rows: Rows
    logo: Rect | None = None
    qr: Rect | None = None


@dataclass(frozen=True)
class Ground:
    """What all arrangements of a brief on one size share."""

    brief: Brief
    spec: SizeSpec
    blocks: dict[tuple[int, float, float], Block] = field(default_factory=dict, compare=False)
    """Set already: number of groups, scale, width."""

    @cached_property
    def family(self) -> Family:
        return family_of(self.spec.trim)

    @cached_property
    def safe(self) -> Rect:
        x0, y0, x1, y1 = safe_area(self.spec)
        width, height = self.spec.trim
        return x0 * width, y0 * height, (x1 - x0) * width, (y1 - y0) * height

    @cached_property
    def texts(self) -> Texts:
        return Texts(self.brief, unit_of(self.spec))

    @cached_property
    def lines(self) -> tuple[Line, ...]:
        """Without those that the brief places itself."""
        return tuple(one for one in self.brief.lines_on(self.spec.name) if one.box is None)

    @cached_property
    def title(self) -> Line | None:
        return next((one for one in self.lines if one.role == "title"), None)

    @cached_property
    def below(self) -> tuple[Group, ...]:
        return groups_of([one for one in self.lines if one.role not in ("title", "subtitle")])

    @cached_property
    def subtitle(self) -> tuple[Group, ...]:
        return groups_of([one for one in self.lines if one.role == "subtitle"])

    @cached_property
    def air(self) -> float:
        """Pixels between texts and the subject."""
        return 1.1 * self.texts.unit

    @cached_property
    def qr_side(self) -> float:
        """With the quiet zone; 0 without a code."""
        if self.brief.qr is None:
            return 0.0
        least = millimetres(_MODULE_MM, self.spec) if self.spec.printed else _MODULE_PX
        share = _QR_SHARE[self.family] * min(self.spec.trim)
        return max(self.brief.qr.modules * least, share)

    @cached_property
    def logo_size(self) -> tuple[float, float]:
        """Aspect kept; as tall as three lines of text, a quarter of the width at most."""
        if self.brief.logo is None:
            return 0.0, 0.0
        wide, tall = self.brief.logo.size
        share = 0.2 if self.family in ("landscape", "wide") else 0.26
        factor = min(
            3.0 * self.texts.unit / tall,
            share * self.safe[2] / wide,
            (self.qr_side or self.safe[3]) / tall,
        )
        return wide * factor, tall * factor


def marked(ground: Ground, groups: tuple[Group, ...], texts: Texts, width: float) -> Block:
    """Texts over the whole width, and at the foot beside the logo and the QR code."""
    key = (len(groups), texts.scale, width)
    if key not in ground.blocks:
        ground.blocks[key] = _beside_marks(ground, groups, texts, width)
    return ground.blocks[key]


def _beside_marks(ground: Ground, groups: tuple[Group, ...], texts: Texts, width: float) -> Block:
    side, (logo_wide, logo_tall) = ground.qr_side, ground.logo_size
    gap = 0.9 * ground.texts.unit
    taken = side + logo_wide + (gap if side and logo_wide else 0.0)
    broad = set_groups(groups, texts, width)
    if not taken:
        return Block(piled(broad, texts.gap))
    narrow = width - taken - 1.4 * gap
    slim = set_groups(groups, texts, narrow) if narrow > width * 0.3 else ()
    tall, found = max(side, logo_tall), list[tuple[float, int]]()
    for split in range(len(groups), -1 if slim else len(groups) - 1, -1):
        upper, lower = piled(broad[:split], texts.gap), piled(slim[split:], texts.gap)
        start = upper.height + (texts.gap if upper.cells else 0.0)
        found.append((start + max(lower.height, tall), split))
    height, split = min(found, key=lambda one: one[0])
    upper, lower = piled(broad[:split], texts.gap), piled(slim[split:], texts.gap)
    drop = height - lower.height
    cells = (*upper.cells, *(cell.moved(0, drop) for cell in lower.cells))
    qr = (width - side, height - side, side, side) if side else None
    right = width - side - (gap if side else 0.0)
    logo = (right - logo_wide, height - logo_tall, logo_wide, logo_tall) if logo_wide else None
    return Block(Rows(height, cells), logo, qr)
