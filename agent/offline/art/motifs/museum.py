"""A gallery: a painting in a gold frame under its lamp, an amphora on a plinth beside it."""

from __future__ import annotations

import math

from ....typeset.boxes import Box
from ..canvas import Canvas, Point, curve, glow, ridge, soft_disc, soft_shape, vertical
from ..colour import RGB, lift, mix, rgb, shade
from ..layout import plan_of
from ..scene import Scene
from .shapes import centred, drop, points


def focal(scene: Scene, size: tuple[int, int]) -> Box:
    """Frame and plinth."""
    return centred(plan_of(size, lettered=scene.lettered, middle=scene.middle).subject, size, 1.08)


def draw(c: Canvas) -> None:
    """Wall and floor, the light on them, the painting, the plinth."""
    box = focal(c.scene, (c.w, c.h))
    if c.bare is None:
        _room(c, box)
    _frame(c, box)
    _plinth(c, box)


def _room(c: Canvas, box: Box) -> None:
    """A painted wall with a rail and a parquet floor that the wall's light reaches."""
    look = c.look
    wall = mix(look.deep, look.middle, 0.45 if c.scene.light == "day" else 0.22)
    c.image.paste(
        vertical((c.w, c.h), ((0, shade(wall, 0.30)), (0.55, wall), (1, shade(wall, 0.18))))
    )
    x, y = c.at(*box.inside(0.40, 0.40))
    r = box.height * c.h
    light = mix(look.glow, look.paper, 0.45)
    glow(c, x, y, r * 1.05, light, 0.62, 1.7)
    floor = min(0.97, box.y1 - 0.022)
    y0 = round(floor * c.h)
    wood = mix(rgb("#7d5233"), shade(look.deep, 0.3), 0.35 + (1 - look.lit) * 0.2)
    c.image.paste(vertical((c.w, max(1, c.h - y0)), ((0, shade(wood, 0.35)), (1, wood))), (0, y0))
    c.pen.rectangle((0, y0 - 30 * c.k, c.w, y0), fill=mix(wall, look.paper, 0.16))
    c.pen.line((0, y0 - 30 * c.k, c.w, y0 - 30 * c.k), fill=shade(wall, 0.35), width=c.width(3))
    soft_disc(c, x, y0 + 26 * c.k, r * 0.8, 40 * c.k, light, 0.3)


def _frame(c: Canvas, box: Box) -> None:
    """A profiled gold frame with its shadow, lamp above, landscape inside."""
    gold = mix(rgb("#d3a24a"), c.look.glow, 0.25)
    outer = Box(*box.inside(0.02, 0.10), *box.inside(0.665, 0.83))
    drop(c, points(c, outer, ((0, 0), (1, 0), (1, 1), (0, 1))), 34 * c.k, 0.5)
    x0, y0, x1, y1 = c.box(outer)
    rim = (x1 - x0) * 0.105
    steps = (
        (0.0, gold),
        (0.14, shade(gold, 0.42)),
        (0.24, lift(gold, 0.32)),
        (0.52, gold),
        (0.72, shade(gold, 0.30)),
        (0.88, lift(gold, 0.18)),
    )
    for share, tone in steps:
        d = rim * share
        c.pen.rectangle((x0 + d, y0 + d, x1 - d, y1 - d), fill=tone)
    _bevel(c, (x0, y0, x1, y1), rim, gold)
    _painting(c, (round(x0 + rim), round(y0 + rim), round(x1 - rim), round(y1 - rim)))
    mid = (x0 + x1) / 2
    brass = shade(gold, 0.25)
    c.pen.line((mid, y0, mid, y0 - 34 * c.k), fill=brass, width=c.width(7))
    c.pen.rounded_rectangle(
        (mid - (x1 - x0) * 0.22, y0 - 50 * c.k, mid + (x1 - x0) * 0.22, y0 - 30 * c.k),
        10 * c.k,
        fill=brass,
    )
    if c.bare is None:
        glow(c, mid, y0 - 24 * c.k, (x1 - x0) * 0.5, lift(c.look.glow, 0.3), 0.6, 2.2)


def _bevel(c: Canvas, at: tuple[float, float, float, float], rim: float, gold: RGB) -> None:
    """Light on the upper left mitres, shade on the lower right, and carved corners."""
    x0, y0, x1, y1 = at
    for a, b in (
        ((x0, y0), (x0 + rim, y0 + rim)),
        ((x1, y0), (x1 - rim, y0 + rim)),
        ((x0, y1), (x0 + rim, y1 - rim)),
        ((x1, y1), (x1 - rim, y1 - rim)),
    ):
        c.pen.line((*a, *b), fill=shade(gold, 0.45), width=c.width(3))
        mx, my = a[0] + (b[0] - a[0]) * 0.40, a[1] + (b[1] - a[1]) * 0.40
        for i in range(6):
            t = math.tau * i / 6
            c.disc(
                mx + rim * 0.17 * math.cos(t),
                my + rim * 0.17 * math.sin(t),
                rim * 0.11,
                lift(gold, 0.22),
            )
        c.disc(mx, my, rim * 0.13, shade(gold, 0.22))


def _painting(c: Canvas, at: tuple[int, int, int, int]) -> None:
    """Hills under a low sun, laid on in broad strokes."""
    look, rng = c.look, c.rng("painting")
    x0, y0, x1, y1 = at
    w, h = x1 - x0, y1 - y0
    warm = mix(look.horizon, rgb("#f2a25c"), 0.35)
    c.image.paste(
        vertical(
            (w, h),
            ((0, mix(look.middle, rgb("#5d8fb0"), 0.4)), (0.62, lift(warm, 0.25)), (1, warm)),
        ),
        (x0, y0),
    )
    sx, sy, sr = x0 + w * 0.62, y0 + h * 0.40, w * 0.13
    c.disc(sx, sy, sr * 1.35, mix(lift(warm, 0.25), lift(look.glow, 0.3), 0.5))
    c.disc(sx, sy, sr, lift(look.glow, 0.25))
    tones = (
        mix(look.middle, warm, 0.45),
        mix(rgb("#6f8a5a"), look.middle, 0.35),
        mix(rgb("#4f6f4a"), look.deep, 0.35),
        shade(mix(rgb("#3f5a43"), look.deep, 0.5), 0.2),
    )
    for i, tone in enumerate(tones):
        line = ridge(c.rng(f"hill{i}"), 0.54 + 0.13 * i, 0.07, 0.45, 4)
        row: list[Point] = [(x0 + u * w, min(y1, max(y0, y0 + v * h))) for u, v in line]
        c.pen.polygon([*row, (x1, y1), (x0, y1)], fill=tone)
    for _ in range(150):
        px, py = x0 + w * rng.uniform(0.03, 0.92), y0 + h * rng.uniform(0.03, 0.97)
        tone = lift(c.image_colour(px, py), rng.uniform(0.02, 0.16))
        c.pen.line((px, py, px + w * rng.uniform(0.02, 0.07), py), fill=tone, width=c.width(5))


_VASE: tuple[Point, ...] = ((0.0, -1.0), (0.26, -1.0), (0.27, -0.94), (0.155, -0.90), (0.145, -0.70), (0.44, -0.50), (0.50, -0.26), (0.36, 0.28),
                            (0.155, 0.78), (0.25, 0.88), (0.25, 0.98), (0.0, 0.98))  # fmt: skip


def _plinth(c: Canvas, box: Box) -> None:
    """A pale block with a terracotta amphora on it."""
    look = c.look
    stone = mix(lift(look.paper, 0.2), shade(look.deep, 0.2), 0.10 + (1 - look.lit) * 0.35)
    left, top = c.at(*box.inside(0.735, 0.66))
    right, foot = c.at(*box.inside(0.985, 1.0))
    split = left + (right - left) * 0.64
    if c.bare is None:
        soft_shape(
            c,
            [
                (left, foot),
                (right + 70 * c.k, foot),
                (right + 20 * c.k, foot - 14 * c.k),
                (left, foot - 20 * c.k),
            ],
            look.ink,
            0.55,
            10 * c.k,
        )
    c.pen.rectangle((left, top, split, foot), fill=stone)
    c.pen.rectangle((split, top, right, foot), fill=shade(stone, 0.30))
    c.pen.polygon(
        (
            (left - 8 * c.k, top),
            (right + 8 * c.k, top),
            (right, top - 13 * c.k),
            (left, top - 13 * c.k),
        ),
        fill=lift(stone, 0.25),
    )
    x, s = (left + right) / 2, box.height * c.h * 0.205
    _amphora(c, x, top - 12 * c.k - s * 0.97, s)


def _amphora(c: Canvas, x: float, y: float, s: float) -> None:
    """Terracotta with two handles and dark bands."""
    clay = mix(rgb("#c1693c"), c.look.deep, 0.06 + (1 - c.look.lit) * 0.25)
    dark = shade(mix(rgb("#3a2018"), c.look.deep, 0.3), 0.2)
    for side in (-1, 1):
        ear = curve(
            [
                (x + side * s * 0.16, y - s * 0.84),
                (x + side * s * 0.50, y - s * 0.86),
                (x + side * s * 0.54, y - s * 0.62),
                (x + side * s * 0.38, y - s * 0.47),
            ],
            10,
        )
        c.pen.line(ear, fill=shade(clay, 0.25), width=max(1, round(s * 0.085)), joint="curve")
    half = curve(_VASE, 8)
    right = [(x + u * s, y + v * s) for u, v in half]
    left = [(2 * x - px, py) for px, py in right[::-1]]
    c.pen.polygon([*right, *left], fill=clay)
    c.pen.polygon(
        [*right, *[(x + s * 0.10 + (px - x) * 0.34, py) for px, py in right[::-1]]],
        fill=shade(clay, 0.22),
    )
    for v, thick in ((-0.30, 0.10), (-0.12, 0.03), (0.24, 0.05), (0.90, 0.09)):
        wide = (
            max(u for u, w in half if abs(w - v) < 0.07)
            if any(abs(w - v) < 0.07 for _, w in half)
            else 0.4
        )
        c.pen.rectangle(
            (x - s * wide, y + s * (v - thick / 2), x + s * wide, y + s * (v + thick / 2)),
            fill=dark,
        )
    for i in range(7):
        u = (i - 3) * 0.125
        c.pen.polygon(
            (
                (x + s * (u - 0.055), y + s * 0.10),
                (x + s * u, y - s * 0.03),
                (x + s * (u + 0.055), y + s * 0.10),
            ),
            fill=dark,
        )
