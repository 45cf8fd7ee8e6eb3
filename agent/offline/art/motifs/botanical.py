"""A bouquet in a vase: poppies, daisies, tulips and sprigs."""

from __future__ import annotations

import math
import random

from ....typeset.boxes import Box
from ..canvas import Canvas, Point, clouds, curve, petal, soft_disc, vertical
from ..colour import RGB, lift, mix, rgb, shade, turn
from ..layout import fit_box, plan_of
from ..scene import Scene
from .trees import sprig

_TABLE = 0.80


def focal(scene: Scene, size: tuple[int, int]) -> Box:
    """Vase and flowers."""
    return fit_box(
        plan_of(size, lettered=scene.lettered, middle=scene.middle).subject, size, 0.98, 0.5
    )


def _inks(c: Canvas) -> tuple[RGB, RGB, RGB, RGB]:
    """Three petal colours and the green."""
    look = c.look
    named = [rgb(tone) for tone in c.scene.palette]
    first = look.accent
    second, third = mix(named[3], look.glow, 0.3), mix(named[2], turn(first, 24), 0.45)
    if c.scene.season == "spring":
        second, third = rgb("#f6b3c6"), rgb("#f7dfe6")
    elif c.scene.season == "autumn":
        first, second, third = rgb("#c8502e"), rgb("#e2a23b"), rgb("#8f3a3a")
    elif c.scene.season == "winter":
        first, second, third = rgb("#b3273a"), rgb("#e9eef2"), rgb("#9db8c9")
    green = mix(look.leaf[0], look.deep, 0.28)
    dim = (1 - look.lit) * 0.30
    tone = look.deep
    return mix(first, tone, dim), mix(second, tone, dim), mix(third, tone, dim), green


def draw(c: Canvas) -> None:
    """A washed wall, a table, then stems, leaves, heads from the back to the front, the vase."""
    box = focal(c.scene, (c.w, c.h))
    if c.bare is None:
        _wall(c, box)
    x, mouth = box.middle[0] * c.w, (box.y0 + box.height * 0.66) * c.h
    first, second, third, green = _inks(c)
    reach = box.height * c.h * 0.60
    heads = _heads(c, reach)
    for i, (angle, length, _, _) in enumerate(heads):
        tip = (x + math.cos(angle) * length, mouth + math.sin(angle) * length)
        bow = (x + math.cos(angle) * length * 0.5 * 0.75, mouth + math.sin(angle) * length * 0.5)
        c.pen.line(
            curve([(x, mouth + 10 * c.k), bow, tip]),
            fill=shade(green, 0.1 + 0.02 * i),
            width=c.width(5),
        )
    for i, spread in enumerate((-2.62, -0.52, -2.25, -0.9, -1.95, -1.2)):
        sprig(
            c,
            (x, mouth),
            spread,
            reach * (0.92 if i < 2 else 1.06),
            (shade(green, 0.05), lift(green, 0.14)),
            7,
            f"sprig{i}",
        )
    for angle, length, size, kind in heads:
        at = (x + math.cos(angle) * length, mouth + math.sin(angle) * length)
        tint = (first, second, third)[kind % 3]
        _HEADS[kind % 4](c, at, size * reach, tint, angle)
    _vase(c, x, mouth, box)
    fallen = c.rng("fallen")
    for i in range(3):
        px = x + fallen.uniform(-0.45, 0.45) * box.width * c.w
        c.pen.polygon(
            petal(
                px,
                (box.y1 - 0.006 - 0.01 * i) * c.h,
                fallen.uniform(-0.4, 0.4),
                26 * c.k,
                12 * c.k,
            ),
            fill=shade(first, 0.06 * i),
        )


def _wall(c: Canvas, box: Box) -> None:
    """A painted wall with a pale arch behind the flowers, and the table."""
    look = c.look
    night = c.scene.light != "day"
    wall = mix(look.deep, look.middle, 0.35) if night else look.paper
    low = mix(look.deep, look.middle, 0.75) if night else look.horizon
    c.image.paste(vertical((c.w, c.h), ((0, wall), (1, low))))
    clouds(
        c,
        Box(0, 0, 1, _TABLE),
        mix(low, look.paper, 0.15 if night else 0.6),
        0.5,
        "wash",
        (3, 3),
        0.5,
    )
    tone = mix(low, look.horizon, 0.45) if night else mix(look.horizon, look.middle, 0.30)
    half = box.width * c.w * 0.50
    x, top = box.middle[0] * c.w, (box.y0 - 0.012) * c.h
    c.pen.pieslice((x - half, top, x + half, top + half * 2), 180, 360, fill=tone)
    c.pen.rectangle((x - half, top + half, x + half, _TABLE * c.h), fill=tone)
    table = (
        mix(shade(look.deep, 0.3), low, 0.2)
        if night
        else mix(look.horizon, shade(look.middle, 0.25), 0.55)
    )
    y = _TABLE * c.h
    c.image.paste(
        vertical((c.w, c.h - round(y)), ((0, lift(table, 0.08)), (1, shade(table, 0.22)))),
        (0, round(y)),
    )


def _heads(c: Canvas, reach: float) -> list[tuple[float, float, float, int]]:
    """(angle, length in pixels, size share, kind) of each flower, the far ones first."""
    rng = c.rng("heads")
    places = ((-2.42, 0.80), (-0.72, 0.80), (-1.57, 1.0), (-2.02, 0.96), (-1.12, 0.96), (-2.30, 0.52), (-0.84, 0.52),
              (-1.86, 0.66), (-1.26, 0.68), (-1.56, 0.42))  # fmt: skip
    kinds = [0, 1, 2, 3, 0, 1, 0, 2, 1, 0]
    rng.shuffle(kinds)
    return [
        (
            a + rng.uniform(-0.07, 0.07),
            reach * d * rng.uniform(0.9, 1.0),
            rng.uniform(0.155, 0.20),
            k,
        )
        for (a, d), k in zip(places, kinds, strict=True)
    ]


def _poppy(c: Canvas, at: Point, size: float, tint: RGB, angle: float) -> None:
    """Broad crumpled petals around a dark heart."""
    rng = random.Random(f"{c.scene.seed}:{angle:.3f}")
    x, y = at
    for ring, (scale, tone) in enumerate(
        ((1.0, shade(tint, 0.16)), (0.80, tint), (0.56, lift(tint, 0.14)))
    ):
        for i in range(6):
            a = i / 6 * math.tau + ring * 0.5 + rng.uniform(-0.15, 0.15)
            px, py = x + math.cos(a) * size * 0.42 * scale, y + math.sin(a) * size * 0.40 * scale
            r = size * 0.42 * scale * rng.uniform(0.9, 1.1)
            c.pen.ellipse(
                (px - r, py - r * 0.94, px + r, py + r * 0.94),
                fill=mix(tone, shade(tint, 0.2), 0.28 * (i % 2)),
            )
    c.disc(x, y, size * 0.20, shade(mix(tint, c.look.ink, 0.75), 0.3))
    for i in range(16):
        a = i / 16 * math.tau
        c.disc(
            x + math.cos(a) * size * 0.27,
            y + math.sin(a) * size * 0.27,
            size * 0.026,
            mix(c.look.glow, c.look.paper, 0.4),
        )


def _daisy(c: Canvas, at: Point, size: float, tint: RGB, angle: float) -> None:
    """Many narrow petals around a yellow eye."""
    x, y = at
    pale = lift(tint, 0.45)
    for layer, (count, length, tone) in enumerate(
        ((16, 0.86, mix(pale, tint, 0.5)), (16, 0.78, pale))
    ):
        for i in range(count):
            a = angle + (i + layer * 0.5) / count * math.tau
            c.pen.polygon(
                petal(x, y, a, size * length, size * 0.24), fill=shade(tone, 0.07 * (i % 2))
            )
    c.disc(x, y, size * 0.24, shade(rgb("#e8a93a"), 0.1 + 0.4 * (1 - c.look.lit)))
    c.disc(
        x - size * 0.04,
        y - size * 0.05,
        size * 0.15,
        mix(rgb("#f6c75b"), c.look.deep, 0.3 * (1 - c.look.lit)),
    )


def _tulip(c: Canvas, at: Point, size: float, tint: RGB, angle: float) -> None:
    """A closed cup of petals pointing away from the stem."""
    x, y = at
    root = (x - math.cos(angle) * size * 0.55, y - math.sin(angle) * size * 0.55)
    for spread, tone, wide in (
        (-0.34, shade(tint, 0.18), 0.62),
        (0.34, shade(tint, 0.10), 0.62),
        (0.0, tint, 0.72),
    ):
        c.pen.polygon(petal(*root, angle + spread, size * 1.35, size * wide), fill=tone)
    c.pen.polygon(petal(*root, angle, size * 1.05, size * 0.26), fill=lift(tint, 0.16))


def _spray(c: Canvas, at: Point, size: float, tint: RGB, angle: float) -> None:
    """A spike of small round blossoms."""
    rng = random.Random(f"{angle:.3f}:spray")
    for i in range(26):
        t = i / 26
        along = size * (0.95 - 1.9 * t)
        px = at[0] + math.cos(angle) * along + rng.uniform(-1, 1) * size * (0.10 + 0.30 * t)
        py = at[1] + math.sin(angle) * along + rng.uniform(-1, 1) * size * (0.10 + 0.22 * t)
        c.disc(px, py, size * rng.uniform(0.08, 0.14), mix(tint, lift(tint, 0.5), rng.random()))


_HEADS = (_poppy, _daisy, _tulip, _spray)


def _vase(c: Canvas, x: float, mouth: float, box: Box) -> None:
    """A glazed jug with a band, its light from the left and its shadow on the table."""
    look = c.look
    foot = (box.y1 - 0.018) * c.h
    tall, w = foot - mouth, box.width * c.w * 0.145
    glaze = (
        mix(lift(look.middle, 0.35), look.paper, 0.25)
        if c.scene.light == "day"
        else mix(look.middle, look.horizon, 0.4)
    )
    soft_disc(c, x + w * 0.5, foot, w * 2.1, tall * 0.13, look.ink, 0.5)
    profile = [(0.62, 0.0), (0.50, 0.10), (0.92, 0.40), (1.0, 0.62), (0.80, 0.88), (0.60, 1.0)]
    right = curve([(x + w * u, mouth + tall * v) for u, v in profile])
    left = [(2 * x - px, py) for px, py in right]
    c.pen.polygon([*right, *left[::-1]], fill=glaze)
    inner = [(x + (px - x) * 0.20, py) for px, py in right]
    c.pen.polygon([*right, *inner[::-1]], fill=shade(glaze, 0.13))
    edge = [(x + (px - x) * 0.68, py) for px, py in right]
    c.pen.polygon([*right, *edge[::-1]], fill=shade(glaze, 0.26))
    c.pen.ellipse(
        (x - w * 0.62, mouth - tall * 0.035, x + w * 0.62, mouth + tall * 0.035),
        fill=shade(glaze, 0.42),
    )
    light = [(x - (px - x) * 0.74, py) for px, py in right[14:52]]
    c.pen.line(light, fill=lift(glaze, 0.5), width=c.width(7), joint="curve")
