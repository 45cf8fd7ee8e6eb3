"""Rectangles in fractions of an area, top left to bottom right."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

Pixels = tuple[int, int]
"""Width and height."""


class Box(NamedTuple):
    """A rectangle in fractions: of the picture or of the trim."""

    x0: float
    y0: float
    x1: float
    y1: float

    @property
    def width(self) -> float:
        """Fraction of the area's width."""
        return self.x1 - self.x0

    @property
    def height(self) -> float:
        """Fraction of the area's height."""
        return self.y1 - self.y0

    @property
    def middle(self) -> tuple[float, float]:
        """The centre point."""
        return (self.x0 + self.x1) / 2, (self.y0 + self.y1) / 2

    def meets(self, other: Box) -> bool:
        """True when the two share ground; touching edges do not count."""
        return (
            self.x0 < other.x1 and other.x0 < self.x1 and self.y0 < other.y1 and other.y0 < self.y1
        )

    def holds(self, other: Box, slack: float = 1e-6) -> bool:
        """True when the other lies inside, up to ``slack``."""
        return (
            self.x0 <= other.x0 + slack
            and self.y0 <= other.y0 + slack
            and other.x1 <= self.x1 + slack
            and other.y1 <= self.y1 + slack
        )

    def pixels(self, size: Pixels) -> tuple[int, int, int, int]:
        """Left, top, right, bottom in whole pixels of an area of that size."""
        width, height = size
        return (
            round(self.x0 * width),
            round(self.y0 * height),
            round(self.x1 * width),
            round(self.y1 * height),
        )

    def inside(self, u: float, v: float) -> tuple[float, float]:
        """The point at fractions (u, v) of this box."""
        return self.x0 + u * self.width, self.y0 + v * self.height

    def within(self, outer: Box) -> Box:
        """From fractions of ``outer`` to fractions of what ``outer`` itself lies in."""
        return Box(
            outer.x0 + self.x0 * outer.width,
            outer.y0 + self.y0 * outer.height,
            outer.x0 + self.x1 * outer.width,
            outer.y0 + self.y1 * outer.height,
        )

    def grown(self, across: float, down: float) -> Box:
        """Larger on every side, never beyond the area."""
        return Box(
            max(0.0, self.x0 - across),
            max(0.0, self.y0 - down),
            min(1.0, self.x1 + across),
            min(1.0, self.y1 + down),
        )


WHOLE = Box(0.0, 0.0, 1.0, 1.0)


def union(boxes: Iterable[Box]) -> Box:
    """The smallest box around all of them; there is at least one."""
    x0, y0, x1, y1 = zip(*boxes, strict=True)
    return Box(min(x0), min(y0), max(x1), max(y1))


MARGIN: Final = 0.02
"""Around the box of a painted text: accents and tails stick out of it."""


def around(box: Box, others: Sequence[Box], margin: float = MARGIN) -> Box:
    """The box of a text and a margin, less where another text's box begins."""
    x0, y0, x1, y1 = box.grown(margin, margin)
    for other in others:
        if not other.meets(Box(x0, y0, x1, y1)):
            continue
        if other.y0 >= box.y1:
            y1 = min(y1, other.y0)
        elif other.y1 <= box.y0:
            y0 = max(y0, other.y1)
        elif other.x0 >= box.x1:
            x1 = min(x1, other.x0)
        elif other.x1 <= box.x0:
            x0 = max(x0, other.x1)
    return Box(x0, y0, x1, y1)
