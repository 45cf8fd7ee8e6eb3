"""A warning sign on a field with a band of hazard stripes."""

from __future__ import annotations

from ....typeset.boxes import Box
from ..canvas import Canvas, Point, glow
from ..colour import RGB, lift, mix, rgb, shade
from ..layout import plan_of
from ..scene import Scene
from .shapes import centred, drop, pill, points


def focal(scene: Scene, size: tuple[int, int]) -> Box:
    """The sign."""
    return centred(plan_of(size, lettered=scene.lettered, middle=scene.middle).subject, size, 1.12)


def draw(c: Canvas) -> None:
    """The field, the stripes behind, the triangle with its mark."""
    box = focal(c.scene, (c.w, c.h))
    amber = mix(c.look.accent, rgb("#ffc400"), 0.5)
    coal = shade(c.look.deep, 0.6)
    field = coal if c.scene.night else lift(amber, 0.06)
    sign, ink = (amber, coal)
    if c.bare is None:
        c.pen.rectangle((0, 0, c.w, c.h), fill=field)
        x, y = c.at(*box.middle)
        glow(c, x, y, box.height * c.h, lift(field, 0.4), 0.6, 1.6)
        _stripes(c, box, (amber, coal))
    _sign(c, box, sign, ink)


def _stripes(c: Canvas, box: Box, tones: tuple[RGB, RGB]) -> None:
    """A slanted band across the sheet behind the foot of the sign."""
    y = (box.y0 + box.height * 0.72) * c.h
    tall = box.height * c.h * 0.20
    c.pen.rectangle((0, y - tall / 2, c.w, y + tall / 2), fill=tones[0])
    step = tall * 1.25
    for i in range(-2, int(c.w / step) + 3):
        x = i * step
        c.pen.polygon(
            (
                (x, y + tall / 2),
                (x + step / 2, y + tall / 2),
                (x + step / 2 + tall, y - tall / 2),
                (x + tall, y - tall / 2),
            ),
            fill=tones[1],
        )
    for edge in (y - tall / 2, y + tall / 2):
        c.pen.line((0, edge, c.w, edge), fill=tones[1], width=c.width(9))


def _triangle(c: Canvas, box: Box, inset: float) -> list[Point]:
    """A triangle with round corners, smaller by a share of its box."""
    a, b, d = (
        (0.5, 0.03 + inset * 1.25),
        (0.985 - inset * 1.08, 0.97 - inset * 0.62),
        (0.015 + inset * 1.08, 0.97 - inset * 0.62),
    )
    row: list[Point] = []
    for before, at, after in ((d, a, b), (a, b, d), (b, d, a)):
        row += [_towards(at, before, t) for t in (0.13, 0.09, 0.05)]
        row.append(_towards(_towards(at, before, 0.03), _towards(at, after, 0.03), 0.5))
        row += [_towards(at, after, t) for t in (0.05, 0.09, 0.13)]
    return points(c, box, row)


def _towards(a: Point, b: Point, t: float) -> Point:
    return a[0] + (b[0] - a[0]) * t, a[1] + (b[1] - a[1]) * t


def _sign(c: Canvas, box: Box, sign: RGB, ink: RGB) -> None:
    """Dark rim, bright face, dark frame inside, and the mark: a wedge over a dot."""
    outer = _triangle(c, box, 0.0)
    drop(c, outer, 26 * c.k)
    c.pen.polygon(outer, fill=lift(sign, 0.75))
    c.pen.polygon(_triangle(c, box, 0.022), fill=ink)
    c.pen.polygon(_triangle(c, box, 0.082), fill=sign)
    shine = points(c, box, ((0.5, 0.16), (0.5, 0.88), (0.16, 0.88)))
    c.pen.polygon(shine, fill=lift(sign, 0.10))
    wedge = points(c, box, ((0.455, 0.36), (0.545, 0.36), (0.528, 0.665), (0.472, 0.665)))
    c.pen.polygon(wedge, fill=ink)
    x, y = c.at(*box.inside(0.5, 0.36))
    c.disc(x, y, 0.045 * box.width * c.w, ink)
    x, y = c.at(*box.inside(0.5, 0.665))
    c.disc(x, y, 0.028 * box.width * c.w, ink)
    x, y = c.at(*box.inside(0.5, 0.775))
    r = 0.047 * box.width * c.w
    c.pen.polygon(pill(x, y, 2 * r, 2 * r, r), fill=ink)
