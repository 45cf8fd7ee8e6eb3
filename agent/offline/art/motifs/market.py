"""A street market: lantern strings over striped stalls, houses behind."""

from __future__ import annotations

import math
import random

from ....typeset.boxes import Box
from ..canvas import Canvas, Point, glow, mist, soft_disc
from ..colour import RGB, lift, mix, rgb, shade
from ..layout import plan_of
from ..scene import Scene
from ..sky import orb, sky

_FLOOR = 0.845


def focal(scene: Scene, size: tuple[int, int]) -> Box:
    """Lanterns and stalls."""
    subject = plan_of(size, lettered=scene.lettered, middle=scene.middle).subject
    return subject._replace(y1=min(subject.y1, _FLOOR))


def _stage(c: Canvas) -> tuple[float, float]:
    """How far the strings and stalls reach; a lettered landscape keeps its left half quiet."""
    if c.plan.stacked and c.family != "tall" and c.scene.lettered:
        return c.plan.subject.x0, 1.04
    return -0.04, 1.04


def draw(c: Canvas) -> None:
    """Sky, houses in three depths, lantern strings, stalls, and the light on the ground."""
    look = c.look
    sky(c, 0.86, cloudy=0.35)
    if c.bare is None:
        x = c.plan.subject.inside(0.82, 0)[0]
        y = (
            c.plan.subject.y0 - 0.10
            if c.plan.stacked and c.family != "tall"
            else c.plan.subject.y0 + 0.03
        )
        if not c.scene.lettered or c.w > c.h * 1.17:
            orb(c, x * c.w, max(0.15, y - (0.12 if not c.scene.lettered else 0)) * c.h, 52 * c.k)
    for depth in range(3):
        _houses(c, depth)
        mist(
            c,
            0.80 * c.h,
            0.22 * c.h,
            mix(look.horizon, look.glow, 0.2),
            0.42 - 0.1 * depth,
            f"h{depth}",
        )
    _ground(c)
    _strings(c)
    _stalls(c)


def _houses(c: Canvas, depth: int) -> None:
    """A row of gabled roofs with lit windows."""
    rng, look = c.rng(f"houses{depth}"), c.look
    tone = mix(mix(look.middle, look.horizon, 0.5), look.near, (0.34, 0.62, 0.92)[depth])
    unit = min(1.0, c.h / c.w * 1.2)
    x = -0.03
    while x < 1.03:
        wide, tall = rng.uniform(0.07, 0.13) * unit, rng.uniform(0.09, 0.26) * (1.15 - 0.2 * depth)
        lamps = random.Random(rng.random())
        x0, x1, top, base = x * c.w, (x + wide) * c.w, (0.80 - tall) * c.h, _FLOOR * c.h
        c.pen.rectangle((x0, top, x1, base), fill=tone)
        eave = (x1 - x0) * 0.08
        peak = top - (x1 - x0) * rng.uniform(0.22, 0.48)
        c.pen.polygon(
            ((x0 - eave, top), ((x0 + x1) / 2, peak), (x1 + eave, top)), fill=shade(tone, 0.18)
        )
        if depth:
            _panes(c, (x0, top, x1, base), tone, lamps)
        x += wide + rng.uniform(-0.004, 0.012) * unit


def _panes(
    c: Canvas, area: tuple[float, float, float, float], tone: RGB, rng: random.Random
) -> None:
    """House windows, more of them lit the darker it is."""
    x0, top, x1, base = area
    cols = max(2, int((x1 - x0) / (30 * c.k)))
    for i in range(cols):
        for j in range(int((base - top) / (38 * c.k))):
            px, py = x0 + (x1 - x0) * (i + 0.5) / cols, top + (18 + 38 * j) * c.k
            on = rng.random() < (0.40 if c.look.lit < 0.9 else 0.0)
            colour = (
                mix(c.look.glow, c.look.horizon, rng.uniform(0, 0.5)) if on else shade(tone, 0.22)
            )
            c.pen.rectangle((px - 5 * c.k, py, px + 5 * c.k, py + 15 * c.k), fill=colour)


def _ground(c: Canvas) -> None:
    """Paving that mirrors the lights."""
    look, y = c.look, _FLOOR * c.h
    stone = shade(
        mix(look.deep, look.horizon, 0.12 if look.lit < 0.9 else 0.4),
        0.35 if look.lit < 0.9 else 0.1,
    )
    c.pen.rectangle((0, y, c.w, c.h), fill=stone)
    rng = c.rng("paving")
    for i in range(9):
        t = (i + 1) / 9
        row = y + (c.h - y) * t**1.5
        c.pen.line((0, row, c.w, row), fill=shade(stone, 0.18), width=c.width(1 + 2 * t))
    for _ in range(60):
        v = rng.random()
        px, py = rng.random() * c.w, y + v * (c.h - y)
        c.pen.line((px, py, px + 40 * c.k, py), fill=mix(stone, look.glow, 0.12), width=c.width(2))


def _strings(c: Canvas) -> None:
    """Four sagging strings, their lanterns spaced so that none touch."""
    left, right = _stage(c)
    subject, look = c.plan.subject, c.look
    rows = 4
    gap = (0.665 - subject.y0) / rows
    colours = (look.accent, mix(look.accent, look.glow, 0.5), look.glow)
    for row in range(rows):
        rng = c.rng(f"string{row}")
        r = min((19 + 5.0 * row) * c.k, gap * c.h * 0.27)
        y0 = (subject.y0 + gap * (row + 0.04)) * c.h
        sag, tilt = gap * c.h * 0.34, (-1 if row % 2 else 1) * gap * c.h * 0.34
        count = max(3, int((right - left) * c.w / (r * 5.2)))
        if row == 0 and c.w > c.h * 2:
            count = max(3, int(count * 0.8))

        def point(t: float, y0: float = y0, sag: float = sag, tilt: float = tilt) -> Point:
            return (left + (right - left) * t) * c.w, y0 + math.sin(math.pi * t) * sag + (
                t - 0.5
            ) * tilt

        c.pen.line(
            [point(i / 60) for i in range(61)], fill=shade(look.near, 0.3), width=c.width(2.2)
        )
        for i in range(count):
            t = (i + 0.5 + (0.25 if row % 2 else -0.05)) / count
            x, y = point(t)
            colour = colours[rng.randrange(3)]
            if 0 < t < 1:
                _lantern(c, x, y, r * rng.uniform(0.9, 1.06), colour)


def _lantern(c: Canvas, x: float, y: float, r: float, colour: RGB) -> None:
    """A ribbed paper lantern with caps and a tassel, glowing when it is dark."""
    look = c.look
    dark, bright = shade(look.near, 0.4), look.lit < 0.9
    top, low = y + r * 0.5, y + r * 2.15
    middle = (top + low) / 2
    if bright:
        glow(c, x, middle, r * 4.2, colour, 0.60, 2.0)
    c.pen.line((x, y, x, top), fill=dark, width=c.width(2))
    c.pen.ellipse((x - r, top, x + r, low), fill=shade(colour, 0.1))
    c.pen.ellipse((x - r * 0.82, top + r * 0.04, x + r * 0.82, low - r * 0.04), fill=colour)
    if bright:
        c.pen.ellipse(
            (x - r * 0.5, top + r * 0.22, x + r * 0.5, low - r * 0.14),
            fill=mix(colour, lift(look.glow, 0.35), 0.5),
        )
    for q in (0.66, 0.3):
        c.pen.ellipse(
            (x - r * q, top, x + r * q, low), outline=shade(colour, 0.28), width=c.width(1.4)
        )
    for cap in (top, low):
        c.pen.rounded_rectangle(
            (x - r * 0.4, cap - r * 0.12, x + r * 0.4, cap + r * 0.1),
            r * 0.06,
            fill=shade(colour, 0.62),
        )
    c.pen.line((x, low, x, low + r * 0.62), fill=look.glow, width=c.width(2.2))


_CLOTH = ("#d94f3d", "#2f7f86", "#e0a23a", "#7a4a86", "#3f6fa8")


def _stalls(c: Canvas) -> None:
    """A row of stalls along the street."""
    left, right = _stage(c)
    rng, y = c.rng("stalls"), _FLOOR * c.h
    width = 0.245 * min(c.w, c.h)
    count = max(2, int((right - left) * c.w / (width * 1.12)))
    step = (right - left) * c.w / count
    for i in range(count):
        x = left * c.w + step * (i + 0.5)
        tone = rgb(_CLOTH[rng.randrange(len(_CLOTH))])
        _stall(c, x, y, width, mix(tone, shade(c.look.deep, 0.2), (1 - c.look.lit) * 0.32), rng)


def _stall(c: Canvas, x: float, y: float, w: float, cloth: RGB, rng: random.Random) -> None:
    """Posts, a warm inside with goods, a counter and a scalloped awning."""
    look = c.look
    tall, half = w * 0.80, w / 2
    wood = shade(mix(rgb("#7a5032"), look.deep, (1 - look.lit) * 0.5), 0.2)
    inside = mix(look.glow, rgb("#ff8f3f"), 0.35) if look.lit < 0.9 else shade(rgb("#c99a63"), 0.3)
    if look.lit < 0.9:
        glow(c, x, y - tall * 0.42, w * 0.95, inside, 0.65, 1.8)
    c.pen.rectangle(
        (x - half * 0.9, y - tall * 0.72, x + half * 0.9, y - tall * 0.2),
        fill=mix(inside, wood, 0.34),
    )
    shelf = y - tall * 0.50
    c.pen.rectangle((x - half * 0.9, shelf, x + half * 0.9, shelf + w * 0.018), fill=wood)
    for i in range(7):
        _goods(c, x - half * 0.78 + i * half * 0.26, shelf, w * 0.052, rng)
    if look.lit < 0.9:
        for side in (-0.45, 0.45):
            glow(c, x + half * side, y - tall * 0.66, w * 0.26, lift(inside, 0.5), 0.95, 1.7)
    c.pen.rectangle((x - half, y - tall * 0.26, x + half, y), fill=wood)
    c.pen.rectangle(
        (x - half * 1.06, y - tall * 0.29, x + half * 1.06, y - tall * 0.235), fill=lift(wood, 0.14)
    )
    for i in range(6):
        _goods(c, x - half * 0.74 + i * half * 0.3, y - tall * 0.29, w * 0.06, rng)
    for i in range(5):
        px = x - half + w * (i + 0.5) / 5
        c.pen.line((px, y - tall * 0.2, px, y), fill=shade(wood, 0.25), width=c.width(2))
    _awning(c, x, y - tall, w, cloth)
    soft_disc(
        c,
        x,
        y + w * 0.05,
        w * 0.62,
        w * 0.10,
        inside if look.lit < 0.9 else look.ink,
        0.55 if look.lit < 0.9 else 0.3,
    )


def _goods(c: Canvas, x: float, y: float, s: float, rng: random.Random) -> None:
    """Something for sale, standing at (x, y)."""
    tone = mix(
        rgb(rng.choice(("#e4572e", "#f2b134", "#7fa650", "#f3e2c0", "#b5523b"))),
        c.look.deep,
        (1 - c.look.lit) * 0.28,
    )
    if rng.random() < 0.5:
        c.disc(x, y - s * 0.55, s * 0.55, tone)
    else:
        c.pen.rounded_rectangle(
            (x - s * 0.5, y - s * rng.uniform(1.0, 1.6), x + s * 0.5, y), s * 0.2, fill=tone
        )


def _awning(c: Canvas, x: float, y: float, w: float, cloth: RGB) -> None:
    """A striped cloth roof with a scalloped hem."""
    pale = mix(lift(c.look.paper, 0.1), shade(c.look.deep, 0.2), (1 - c.look.lit) * 0.36)
    n, drop = 8, w * 0.25
    for i in range(n):
        tone = cloth if i % 2 == 0 else pale
        a, b = i / n, (i + 1) / n
        top0, top1 = x + (a - 0.5) * w * 0.84, x + (b - 0.5) * w * 0.84
        low0, low1 = x + (a - 0.5) * w * 1.14, x + (b - 0.5) * w * 1.14
        c.pen.polygon(((top0, y), (top1, y), (low1, y + drop), (low0, y + drop)), fill=tone)
        r = (low1 - low0) / 2
        c.pen.pieslice((low0, y + drop - r, low1, y + drop + r), 0, 180, fill=shade(tone, 0.14))
    c.pen.rectangle(
        (x - w * 0.42, y - w * 0.02, x + w * 0.42, y + w * 0.012), fill=shade(cloth, 0.35)
    )
