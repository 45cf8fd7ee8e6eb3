"""A megaphone calling out, with a briefcase beneath it."""

from __future__ import annotations

import math

from ....typeset.boxes import Box
from ..canvas import Canvas, Point
from ..colour import RGB, lift, mix, rgb, shade
from ..layout import plan_of
from ..scene import Scene
from .shapes import apart, centred, drop, ground_of, pill, plain, points, turned


def focal(scene: Scene, size: tuple[int, int]) -> Box:
    """Megaphone and case."""
    return centred(plan_of(size, lettered=scene.lettered, middle=scene.middle).subject, size, 1.16)


def draw(c: Canvas) -> None:
    """A flat field with a big disc, sound, the two things."""
    box, look = focal(c.scene, (c.w, c.h)), c.look
    ground = ground_of(c)
    disc = apart(mix(look.glow, look.horizon, 0.2), ground)
    if c.bare is None:
        plain(c, ground)
        _dots(c, mix(ground, look.middle, 0.30))
        x, y = c.at(*box.inside(0.50, 0.50))
        c.disc(x, y, box.height * c.h * 0.56, disc)
        _sound(c, box, apart(look.middle, disc))
    _case(c, box, disc)
    _horn(c, box, apart(look.accent, disc))


def _dots(c: Canvas, tone: RGB) -> None:
    """Halftone dots, larger towards one corner."""
    step = 46 * c.k
    for j in range(int(c.h / step) + 2):
        for i in range(int(c.w / step) + 2):
            x, y = (i + (j % 2) / 2) * step, j * step
            near = (x / c.w + 1 - y / c.h) / 2
            r = step * 0.40 * max(0.0, near - 0.42)
            if r > 0.8:
                c.disc(x, y, r, tone)


def _sound(c: Canvas, box: Box, tone: RGB) -> None:
    """Three thick arcs out of the horn."""
    x, y = c.at(*box.inside(0.60, 0.30))
    for i, share in enumerate((0.24, 0.33, 0.42)):
        r = share * box.width * c.w
        c.pen.arc(
            (x - r, y - r, x + r, y + r), -52, 18, fill=mix(tone, c.look.paper, 0.12 * i),
            width=c.width(20),
        )  # fmt: skip
        for a in (-52, 18):
            px, py = (
                x + (r - 10 * c.k) * math.cos(math.radians(a)),
                y + (r - 10 * c.k) * math.sin(math.radians(a)),
            )
            c.disc(px, py, 10 * c.k, mix(tone, c.look.paper, 0.12 * i))


def _horn(c: Canvas, box: Box, tone: RGB) -> None:
    """The cone with its rim, grip and trigger, raised to the right."""
    at, tilt = c.at(*box.inside(0.42, 0.40)), -17.0

    def laid(row: list[Point]) -> list[Point]:
        return turned(points(c, box, row), at, tilt)

    grip = laid([(0.305, 0.46), (0.375, 0.46), (0.365, 0.70), (0.285, 0.68)])
    c.pen.polygon(grip, fill=shade(c.look.deep, 0.35))
    cone = laid([(0.24, 0.325), (0.62, 0.115), (0.62, 0.685), (0.24, 0.475)])
    drop(c, cone, 22 * c.k)
    c.pen.polygon(cone, fill=tone)
    c.pen.polygon(
        laid([(0.24, 0.40), (0.62, 0.40), (0.62, 0.685), (0.24, 0.475)]), fill=shade(tone, 0.18)
    )
    c.pen.polygon(
        laid([(0.30, 0.355), (0.585, 0.20), (0.585, 0.245), (0.30, 0.38)]), fill=lift(tone, 0.35)
    )
    back = laid([(0.14, 0.33), (0.245, 0.32), (0.245, 0.48), (0.14, 0.47)])
    c.pen.polygon(back, fill=mix(c.look.paper, tone, 0.12))
    rim = laid([(0.605, 0.09), (0.655, 0.09), (0.655, 0.71), (0.605, 0.71)])
    x, y = (rim[0][0] + rim[2][0]) / 2, (rim[0][1] + rim[2][1]) / 2
    tall = math.dist(rim[1], rim[2])
    c.pen.polygon(
        turned(pill(x, y, tall * 0.085, tall, tall * 0.05), (x, y), tilt), fill=lift(tone, 0.72)
    )


def _case(c: Canvas, box: Box, ground: RGB) -> None:
    """A leather case with handle, straps and lock."""
    leather = apart(mix(rgb("#8a5531"), c.look.deep, 0.15 + (1 - c.look.lit) * 0.3), ground)
    x, y = c.at(*box.inside(0.60, 0.80))
    wide, tall = box.width * c.w * 0.50, box.height * c.h * 0.36
    handle = (x - wide * 0.17, y - tall * 0.68, x + wide * 0.17, y - tall * 0.30)
    c.pen.rounded_rectangle(handle, tall * 0.12, outline=shade(leather, 0.45), width=c.width(15))
    body = pill(x, y, wide, tall, tall * 0.13)
    drop(c, body, 22 * c.k)
    c.pen.polygon(body, fill=leather)
    lid = pill(x, y - tall * 0.20, wide, tall * 0.60, tall * 0.13)
    c.pen.polygon(lid, fill=lift(leather, 0.10))
    c.pen.line(
        (x - wide / 2, y + tall * 0.10, x + wide / 2, y + tall * 0.10),
        fill=shade(leather, 0.4),
        width=c.width(5),
    )
    for side in (-1, 1):
        strap = pill(x + side * wide * 0.28, y, wide * 0.075, tall * 0.995, 2)
        c.pen.polygon(strap, fill=shade(leather, 0.32))
        buckle = pill(x + side * wide * 0.28, y + tall * 0.12, wide * 0.10, tall * 0.13, 5 * c.k)
        c.pen.polygon(buckle, fill=mix(c.look.glow, c.look.paper, 0.3))
    lock = pill(x, y + tall * 0.10, wide * 0.12, tall * 0.15, 6 * c.k)
    c.pen.polygon(lock, fill=mix(c.look.glow, c.look.paper, 0.3))
