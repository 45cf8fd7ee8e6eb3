"""The sea, and a boat under sail on it."""

from __future__ import annotations

import math

from ....typeset.boxes import Box
from ..canvas import Canvas, Point, clouds, ridge, slab, soft_shape
from ..colour import lift, mix, shade
from ..layout import fit_box, plan_of
from ..scene import Scene
from ..sky import birds, glitter, orb, sky, water

SEA = 0.70


def focal(scene: Scene, size: tuple[int, int]) -> Box:
    """The boat with its sails."""
    subject = plan_of(size, lettered=scene.lettered, middle=scene.middle).subject
    base = subject._replace(y0=subject.y0 + subject.height * 0.12, y1=subject.y1 - 0.02)
    return fit_box(base, size, 0.80, 0.42 + 0.1 * (scene.seed % 3))


def islands(c: Canvas) -> None:
    """Faint land on the horizon."""
    line = ridge(c.rng("isle"), SEA - 0.012, 0.02, 0.5)
    far = mix(c.look.horizon, c.look.middle, 0.45)
    slab(c, [(x, min(y, SEA)) for x, y in line], far, mix(far, c.look.horizon, 0.5), 0.03, SEA)


def open_sea(c: Canvas, sun: float) -> None:
    """Water with the light's path and three swells coming in."""
    look = c.look
    far = mix(look.middle, look.horizon, 0.42)
    near = shade(mix(look.deep, look.middle, 0.25), 0.30)
    water(c, SEA, near, far)
    glitter(c, sun * c.w, SEA * c.h, c.h * 0.99, 95 * c.k, lift(look.glow, 0.25))
    rng = c.rng("swell")
    for i in range(4):
        t = (i + 1) / 5
        base = SEA + 0.02 + (1 - SEA) * t**1.35
        line = _swell(base, 0.004 + 0.007 * t, rng.uniform(2.0, 3.4) / (0.5 + t), rng.random() * 6)
        body = mix(far, near, 0.35 + 0.6 * t)
        slab(c, line, lift(body, 0.13), body, 0.035, min(1.0, base + 0.09))
        foam = [(x * c.w, y * c.h) for x, y in line]
        c.pen.line(
            foam, fill=mix(body, look.paper, 0.34), width=c.width(1.5 + 1.5 * t), joint="curve"
        )


def _swell(base: float, amp: float, waves: float, phase: float) -> list[Point]:
    """A wave line across the picture."""
    return [
        (
            i / 90,
            base
            + amp
            * (
                math.sin(i / 90 * math.tau * waves + phase)
                + 0.45 * math.sin(i / 90 * math.tau * waves * 2.3 + phase * 2)
            ),
        )
        for i in range(91)
    ]


def draw(c: Canvas) -> None:
    """A sailing boat on the light's path, clouds piled on the horizon."""
    box = focal(c.scene, (c.w, c.h))
    look = c.look
    sky(c, SEA - 0.02, cloudy=0.6)
    aside = box.x0 > 0.3 and not (c.plan.stacked and c.scene.lettered)
    sun = box.x0 - 0.02 if aside else box.x1 - 0.04
    height = SEA - (0.20 if c.scene.light != "dusk" else 0.06)
    if c.bare is None:
        pale = lift(look.horizon, 0.6) if look.lit > 0.9 else mix(look.horizon, look.glow, 0.25)
        orb(c, sun * c.w, height * c.h, 84 * c.k)
        clouds(c, Box(0, SEA - 0.24, 1, SEA + 0.02), pale, 0.8 * look.lit, "bank", (5, 3), 0.55)
        islands(c)
    open_sea(c, sun)
    _boat(c, box)
    if c.scene.light != "night":
        area = Box(*c.plan.subject.inside(0.05, 0.02), *c.plan.subject.inside(0.5, 0.16))
        birds(c, area, 6, mix(look.near, look.paper, 0.15))


def _boat(c: Canvas, box: Box) -> None:
    """Hull, two sails with seams, mast and pennant, and its shadow in the water."""
    look = c.look
    x0, y0, x1, y1 = c.box(box)
    w, h = x1 - x0, y1 - y0

    def at(u: float, v: float) -> Point:
        return x0 + u * w, y0 + v * h

    cloth = mix(lift(look.paper, 0.4), look.middle, (1 - look.lit) * 0.42)
    dim = mix(cloth, mix(look.middle, look.horizon, 0.5), 0.38)
    soft_shape(
        c,
        [at(0.05, 0.93), at(0.98, 0.93), at(0.72, 1.12), at(0.3, 1.12)],
        shade(look.deep, 0.5),
        0.5,
        9 * c.k,
    )
    c.pen.polygon(
        [at(0.47, 0.06), *_belly(at(0.47, 0.06), at(0.97, 0.74), 0.10 * w), at(0.49, 0.78)],
        fill=cloth,
    )
    c.pen.polygon(
        [at(0.43, 0.12), at(0.43, 0.77), *_belly(at(0.03, 0.74), at(0.43, 0.12), -0.09 * w)],
        fill=dim,
    )
    for v in (0.28, 0.46, 0.62):
        c.pen.line(
            (at(0.485, v), at(0.49 + v * 0.62, v + 0.015)),
            fill=mix(cloth, dim, 0.7),
            width=c.width(2),
        )
    c.pen.line((at(0.455, 0.0), at(0.455, 0.84)), fill=shade(look.near, 0.1), width=c.width(6))
    c.pen.polygon((at(0.455, 0.0), at(0.60, 0.03), at(0.455, 0.06)), fill=look.accent)
    hull = [
        at(0.0, 0.80),
        at(1.0, 0.79),
        at(0.86, 0.93),
        at(0.80, 0.955),
        at(0.22, 0.955),
        at(0.12, 0.92),
    ]
    c.pen.polygon(hull, fill=mix(look.accent, shade(look.deep, 0.4), 0.2 + 0.4 * (1 - look.lit)))
    c.pen.polygon([at(0.0, 0.80), at(1.0, 0.79), at(0.975, 0.825), at(0.03, 0.832)], fill=cloth)
    c.pen.line(
        (at(0.1, 0.955), at(0.92, 0.955)), fill=mix(look.middle, look.paper, 0.6), width=c.width(4)
    )
    _shimmer(c, box)


def _shimmer(c: Canvas, box: Box) -> None:
    """Broken reflections under the hull."""
    rng, look = c.rng("hull"), c.look
    x0, _, x1, y1 = c.box(box)
    for i in range(16):
        t = i / 16
        y = y1 + (0.11 * t - 0.028) * c.h
        half = (x1 - x0) * rng.uniform(0.1, 0.42) * (1 - 0.6 * t)
        x = (x0 + x1) / 2 + rng.uniform(-0.1, 0.1) * (x1 - x0)
        tint = mix(
            c.image_colour(x, y),
            look.paper if i % 3 else look.accent,
            0.5 * (1 - t) * (0.4 + 0.6 * look.lit),
        )
        c.pen.line((x - half, y, x + half, y), fill=tint, width=c.width(3.5 - 2 * t))


def _belly(start: Point, end: Point, out: float) -> list[Point]:
    """A line from start to end that swells to the right by `out` pixels."""
    points = []
    for i in range(13):
        t = i / 12
        bulge = math.sin(math.pi * t) * out
        points.append(
            (
                start[0] + (end[0] - start[0]) * t + bulge,
                start[1] + (end[1] - start[1]) * t - abs(bulge) * 0.2,
            )
        )
    return points
