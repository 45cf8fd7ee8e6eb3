"""A kite in a wide sky over dunes and the sea."""

from __future__ import annotations

import math

from ....typeset.boxes import Box
from ..canvas import Canvas, Point, clouds, curve, slab
from ..colour import RGB, lift, mix, rgb, shade, turn
from ..layout import fit_box, plan_of
from ..scene import Scene
from ..sky import birds, glitter, orb, sky, water
from .trees import grass

_SEA = 0.735


def focal(scene: Scene, size: tuple[int, int]) -> Box:
    """The kite itself, without its tail."""
    subject = plan_of(size, lettered=scene.lettered, middle=scene.middle).subject
    room = Box(subject.x0, subject.y0, subject.x1, subject.y0 + subject.height * 0.56)
    return fit_box(room, size, 0.92, 0.62 + 0.08 * (scene.seed % 4))


def draw(c: Canvas) -> None:
    """Sky with piled clouds, the sea, the dunes, then the kite on its string."""
    look, box = c.look, focal(c.scene, (c.w, c.h))
    sky(c, _SEA, cloudy=0.25)
    sun = max(0.10, box.x0 - 0.20) if box.x0 > 0.32 else min(0.9, box.x1 + 0.14)
    if c.bare is None:
        white = lift(look.paper, 0.6) if look.lit > 0.9 else mix(look.horizon, look.glow, 0.35)
        orb(c, sun * c.w, (_SEA - 0.13) * c.h, 58 * c.k)
        tone = white if not c.scene.night else mix(look.middle, look.horizon, 0.6)
        clouds(c, Box(0, _SEA - 0.36, 1, _SEA - 0.06), tone, 0.75, "far", (3, 4), 0.46)
        clouds(c, Box(0, _SEA - 0.20, 1, _SEA + 0.03), tone, 0.9, "bank", (5, 3), 0.58)
    water(c, _SEA, mix(look.deep, look.middle, 0.4), mix(look.middle, look.horizon, 0.35))
    glitter(c, sun * c.w, _SEA * c.h, (_SEA + 0.09) * c.h, 60 * c.k, lift(look.glow, 0.4))
    _dunes(c)
    _string(c, box)
    _kite(c, box)
    if not c.scene.night:
        birds(
            c,
            Box(*c.plan.subject.inside(0.0, 0.3), *c.plan.subject.inside(0.3, 0.48)),
            5,
            mix(look.near, look.paper, 0.2),
        )


def _sand(c: Canvas) -> RGB:
    """The colour of the dunes in this light and season."""
    sand = rgb("#e9cf9c") if c.scene.season != "winter" else rgb("#e8eef2")
    return mix(sand, shade(mix(c.look.deep, c.look.horizon, 0.2), 0.3), (1 - c.look.lit) * 0.78)


def _dunes(c: Canvas) -> None:
    """Three dunes with wind ripples and marram grass."""
    rng, sand = c.rng("dunes"), _sand(c)
    for i in range(3):
        base = 0.80 + 0.075 * i
        phase, waves = rng.uniform(0, 6), rng.uniform(0.5, 0.9)
        line = [
            (
                x / 80,
                base
                + 0.030 * math.sin(x / 80 * math.tau * waves + phase)
                - 0.012 * math.sin(x / 80 * 9 + phase),
            )
            for x in range(81)
        ]
        tone = mix(sand, c.look.horizon, 0.25 - 0.12 * i)
        slab(c, line, lift(tone, 0.20), shade(tone, 0.10 + 0.10 * i), 0.13)
        pixels: list[Point] = [(x * c.w, y * c.h) for x, y in line]
        green = mix(c.look.leaf[0], shade(sand, 0.4), 0.55)
        span = pixels[8:30] if i == 1 else pixels[50:78]
        grass(c, span, 70 + 40 * i, (34 + 22 * i) * c.k, shade(green, 0.12 * i), f"marram{i}")


def _string(c: Canvas, box: Box) -> None:
    """The line from the kite down to a stick in the dune."""
    x, y = c.at(*box.inside(0.45, 0.66))
    side = -1 if box.middle[0] > 0.45 else 1
    foot = (
        min(0.92, max(0.08, box.middle[0] + side * (0.42 if c.w <= c.h * 1.17 else 0.30))) * c.w,
        0.875 * c.h,
    )
    middle = (x + (foot[0] - x) * 0.42, y + (foot[1] - y) * 0.66)
    c.pen.line(
        curve([(x, y), middle, foot]), fill=mix(c.look.paper, c.look.near, 0.25), width=c.width(2.0)
    )
    wood = shade(mix(_sand(c), rgb("#6b4a30"), 0.75), 0.15)
    c.pen.line(
        (foot[0] - 4 * c.k, foot[1] + 42 * c.k, foot[0] + 3 * c.k, foot[1] - 16 * c.k),
        fill=wood,
        width=c.width(9),
    )


def _kite(c: Canvas, box: Box) -> None:
    """Four cloth panels on crossed spars, with a tail of bows."""
    look = c.look
    cx, cy = c.at(*box.inside(0.5, 0.42))
    r = box.width * c.w * 0.50
    lean = math.radians(24)

    def at(u: float, v: float) -> Point:
        return cx + r * (u * math.cos(lean) - v * math.sin(lean)), cy + r * (
            u * math.sin(lean) + v * math.cos(lean)
        )

    top, right, low, left, middle = (
        at(0, -0.82),
        at(0.60, -0.20),
        at(0, 0.98),
        at(-0.60, -0.20),
        at(0, -0.20),
    )
    red, other = look.accent, turn(look.accent, 34, light=1.12)
    warm = mix(other, look.glow, 0.35)
    _tail(c, low, red, warm)
    shadow = 0.16
    c.pen.polygon((top, right, middle), fill=lift(red, 0.08))
    c.pen.polygon((top, left, middle), fill=warm)
    c.pen.polygon((left, low, middle), fill=shade(red, shadow))
    c.pen.polygon((right, low, middle), fill=shade(warm, shadow))
    stripe = lift(look.paper, 0.4)
    for a, b, t in ((left, right, 0.45), (left, right, 0.52)):
        p, q = _between(a, low, t), _between(b, low, t)
        c.pen.line((*p, *q), fill=mix(stripe, red, 0.15), width=c.width(7))
    spar = shade(look.near, 0.2)
    c.pen.line((*top, *low), fill=spar, width=c.width(4))
    c.pen.line(curve([left, (middle[0], middle[1] - r * 0.03), right]), fill=spar, width=c.width(4))
    c.pen.line(
        (*top, *right, *low, *left, *top),
        fill=mix(red, spar, 0.35),
        width=c.width(3),
        joint="curve",
    )


def _between(a: Point, b: Point, t: float) -> Point:
    """The point at t on the way from a to b."""
    return a[0] + (b[0] - a[0]) * t, a[1] + (b[1] - a[1]) * t


def _tail(c: Canvas, start: Point, red: RGB, warm: RGB) -> None:
    """A ribbon that swings in the wind, with six bows."""
    k, x, y = c.k, *start
    floor = min(y + 250 * k, 0.80 * c.h)
    drop = (floor - y) / 4
    side = -1 if x > 0.5 * c.w else 1
    path = curve(
        [
            (x, y),
            (x + side * 46 * k, y + drop),
            (x + side * 4 * k, y + drop * 2),
            (x + side * 66 * k, y + drop * 3),
            (x + side * 30 * k, y + drop * 4),
        ]
    )
    c.pen.line(path, fill=mix(red, c.look.paper, 0.4), width=c.width(4), joint="curve")
    for i in range(6):
        px, py = path[min(len(path) - 1, round((i + 0.9) / 6.2 * len(path)))]
        s, tone = (19 - 1.3 * i) * k, (red, warm)[i % 2]
        tilt = math.sin(i * 1.7) * 0.35 * s
        c.pen.polygon(
            ((px, py), (px - s, py - s * 0.55 + tilt), (px - s, py + s * 0.55 + tilt)), fill=tone
        )
        c.pen.polygon(
            ((px, py), (px + s, py - s * 0.55 - tilt), (px + s, py + s * 0.55 - tilt)),
            fill=shade(tone, 0.14),
        )
