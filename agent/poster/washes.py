"""Soft grounds for type: nested shapes of small alpha, so that pixels and PDF show the same edge."""

from __future__ import annotations

from typing import Final, NamedTuple

from PIL import Image, ImageDraw

from .contrast import RGB, PixelBox

_STEPS: Final = 40
"""Enough that no step of the edge is seen; more would add up the rounding of 8-bit viewers."""


class Wash(NamedTuple):
    """Colour over a part of a poster, whole inside ``box``, running out over ``reach`` around it."""

    box: PixelBox
    reach: tuple[int, int, int, int]
    """Pixels on the left, top, right and bottom; a side that leaves the canvas may be 0."""
    colour: RGB
    alpha: float
    radius: int = 0
    """Of the corners of ``box``; it grows with the reach."""


class Layer(NamedTuple):
    """One shape of a wash: laid over each other in order, they make it."""

    box: PixelBox
    radius: int
    alpha: float
    """Of this shape alone."""
    covered: float
    """Of all shapes up to this one, where it lies."""


def layers(wash: Wash) -> tuple[Layer, ...]:
    """The shapes from the outside in; one for a wash with hard edges."""
    if not any(wash.reach):
        return (Layer(wash.box, wash.radius, wash.alpha, wash.alpha),)
    made, before = [], 0.0
    for step in range(1, _STEPS + 1):
        covered = wash.alpha * step / _STEPS
        own = (covered - before) / (1 - before)
        made.append(_layer(wash, 1 - _eased(step / _STEPS), own, covered))
        before = covered
    return tuple(made)


def _eased(part: float) -> float:
    """Where an edge that eases in and out has come to a part of its height (inverse smoothstep)."""
    low, high = 0.0, 1.0
    for _ in range(24):
        middle = (low + high) / 2
        low, high = (middle, high) if middle * middle * (3 - 2 * middle) < part else (low, middle)
    return (low + high) / 2


def _layer(wash: Wash, out: float, own: float, covered: float) -> Layer:
    left, top, right, bottom = (round(reach * out) for reach in wash.reach)
    x0, y0, x1, y1 = wash.box
    radius = wash.radius + (min(left, top, right, bottom) if wash.radius else 0)
    return Layer((x0 - left, y0 - top, x1 + right, y1 + bottom), radius, own, covered)


def lay(image: Image.Image, wash: Wash) -> None:
    """Lay a wash on a picture, in place; pixels outside its reach stay as they are."""
    shapes = layers(wash)
    x0, y0, x1, y1 = shapes[0].box
    area = (max(0, x0), max(0, y0), min(image.width, x1), min(image.height, y1))
    if area[0] >= area[2] or area[1] >= area[3]:
        return
    mask = Image.new("L", (area[2] - area[0], area[3] - area[1]))
    pen = ImageDraw.Draw(mask)
    for shape in shapes:
        a, b, c, d = shape.box
        moved = (a - area[0], b - area[1], c - area[0] - 1, d - area[1] - 1)
        level = round(255 * shape.covered)
        if shape.radius:
            pen.rounded_rectangle(moved, shape.radius, fill=level)
        else:
            pen.rectangle(moved, fill=level)
    image.paste(wash.colour, area, mask)
