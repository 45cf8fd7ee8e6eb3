"""A wood in layers of mist, with a lit cabin in its clearing."""

from __future__ import annotations

import math

from ....typeset.boxes import Box
from ..canvas import Canvas, Point, glow, mist, ridge, slab, soft_shape
from ..colour import RGB, lift, mix, rgb, shade
from ..layout import fit_box, plan_of
from ..scene import Scene
from ..sky import orb, sky
from .trees import broadleaf, grass, pine

_GROUND = 0.768


def focal(scene: Scene, size: tuple[int, int]) -> Box:
    """The cabin."""
    subject = plan_of(size, lettered=scene.lettered, middle=scene.middle).subject
    room = Box(subject.x0, subject.y0 + subject.height * 0.50, subject.x1, 0.825)
    return fit_box(room, size, 1.12, 0.40 + 0.1 * (scene.seed % 3))


def draw(c: Canvas) -> None:
    """Light through the trees, rows of them, the clearing, the cabin, trunks at the sides."""
    look, box = c.look, focal(c.scene, (c.w, c.h))
    sky(c, 0.78, cloudy=0.3)
    haze = mix(look.horizon, look.paper, 0.3 if look.lit > 0.9 else 0.08)
    x = box.middle[0] * c.w
    sun = (c.plan.subject.y0 + c.plan.subject.height * 0.17) * c.h
    if c.bare is None:
        orb(c, x + 0.10 * c.w, sun, 60 * c.k)
    for depth in range(4):
        _row(c, depth, haze, box)
        mist(c, (0.60 + 0.065 * depth) * c.h, 0.17 * c.h, haze, 0.62 - 0.1 * depth, f"wood{depth}")
    _shafts(c, x + 0.10 * c.w, sun)
    _clearing(c, box)
    _cabin(c, box)
    _frame(c)


def _leaf(c: Canvas, depth: int, i: int) -> RGB:
    """The leaf colour of a row, paler with distance."""
    look = c.look
    base = look.leaf[i % 3] if c.scene.season in ("autumn", "spring") else look.leaf[(i % 2) * 2]
    glad = c.scene.season in ("autumn", "spring")
    near = mix(shade(base, 0.08 if glad else 0.45), look.near, 0.06 if glad else 0.35)
    if c.scene.season == "winter":
        near = mix(look.near, look.leaf[0], 0.25)
    return mix(
        mix(look.horizon, look.middle, 0.5),
        near,
        (0.25, 0.48, 0.72, 0.95)[depth] if not glad else (0.45, 0.68, 0.86, 1.0)[depth],
    )


def _row(c: Canvas, depth: int, haze: RGB, box: Box) -> None:
    """One row of trees along a low ridge; the last rows part for the cabin."""
    rng = c.rng(f"trees{depth}")
    base = 0.60 + 0.060 * depth
    line = ridge(c.rng(f"ground{depth}"), base, 0.012, 0.5, 5)
    tone = _leaf(c, depth, 0)
    slab(c, line, tone, mix(tone, haze, 0.45), 0.12)
    count = round((34, 26, 20, 16)[depth] * max(1.0, c.w / c.h))
    snow = 0.75 * c.look.lit + 0.1 if c.scene.season == "winter" else 0.0
    for i in range(count):
        u = (i + rng.uniform(0.1, 0.9)) / count
        tall = (
            (150, 190, 235, 285)[depth]
            * c.k
            * rng.uniform(0.65, 1.18)
            * min(1.25, max(1.0, c.h / c.w))
        )
        kind, pick = rng.random(), rng.randrange(6)
        if depth >= 2 and box.x0 - 0.03 < u < box.x1 + 0.05:
            continue
        x, y = u * c.w, (base + 0.02) * c.h
        if c.scene.season in ("autumn", "spring") and kind < 0.62:
            broadleaf(c, x, y, tall * 0.86, _leaf(c, depth, pick), shade(tone, 0.3))
        else:
            pine(
                c,
                x,
                y,
                tall,
                shade(_leaf(c, depth, pick if c.scene.season != "autumn" else 0), 0.12),
                snow=snow * (0.3 + 0.22 * depth),
            )


def _shafts(c: Canvas, x: float, y: float) -> None:
    """Beams of light falling between the trees."""
    if c.scene.night or c.bare is not None:
        return
    rng = c.rng("shafts")
    for i in range(7):
        a = math.pi / 2 + (i - 3) * 0.21 + rng.uniform(-0.05, 0.05)
        far, spread = 0.62 * c.h, rng.uniform(0.018, 0.04)
        ends = [(x + math.cos(a + s) * far, y + math.sin(a + s) * far) for s in (-spread, spread)]
        start = [
            (x + math.cos(a + s) * 60 * c.k, y + math.sin(a + s) * 60 * c.k)
            for s in (-spread, spread)
        ]
        soft_shape(
            c,
            [start[0], ends[0], ends[1], start[1]],
            lift(c.look.glow, 0.4),
            0.17 * c.look.lit,
            16 * c.k,
        )


def _clearing(c: Canvas, box: Box) -> None:
    """Meadow or snow in front, with a path to the door."""
    look, rng = c.look, c.rng("clearing")
    green = mix(look.ground, shade(look.leaf[0], 0.2), 0.4 if c.scene.season != "winter" else 0.05)
    line = [
        (i / 60, _GROUND + 0.014 * math.sin(i / 60 * 5 + rng.random() * 0.02 + c.scene.seed % 5))
        for i in range(61)
    ]
    slab(c, line, lift(green, 0.10), mix(shade(green, 0.55), look.near, 0.35), 0.22)
    x, y = box.middle[0] * c.w, (box.y1 - 0.012) * c.h
    path = (
        mix(rgb("#d8bd8d"), green, 0.25)
        if c.scene.season != "winter"
        else mix(look.leaf[2], green, 0.3)
    )
    path = mix(path, look.near, (1 - look.lit) * 0.65)
    bend = 0.07 * c.w
    left = [
        (x - 12 * c.k, y),
        (x - 26 * c.k - bend * 0.3, y + 0.06 * c.h),
        (x - 70 * c.k + bend * 0.6, y + 0.13 * c.h),
        (x - 150 * c.k, c.h),
    ]
    right = [
        (x + 12 * c.k, y),
        (x + 12 * c.k - bend * 0.2, y + 0.06 * c.h),
        (x + 20 * c.k + bend, y + 0.13 * c.h),
        (x + 90 * c.k, c.h),
    ]
    soft_shape(c, [*left, *right[::-1]], path, 0.85, 3 * c.k)
    field: list[Point] = [
        (rng.random() * c.w, (0.86 + 0.16 * rng.random()) * c.h) for _ in range(90)
    ]
    if c.scene.season != "winter":
        grass(c, field, 240, 34 * c.k, shade(green, 0.35), "meadow")
    if c.scene.season in (None, "spring", "summer"):
        for px, py in field[:46]:
            c.disc(
                px,
                py,
                rng.uniform(2.5, 5) * c.k,
                mix(
                    look.paper,
                    look.leaf[1] if c.scene.season == "spring" else look.glow,
                    rng.random(),
                ),
            )


def _cabin(c: Canvas, box: Box) -> None:
    """A small log house: gable, door, warm windows, a chimney with smoke."""
    look = c.look
    x0, y0, x1, y1 = c.box(box)
    w, h = x1 - x0, y1 - y0
    log = mix(rgb("#7b4f34"), shade(look.deep, 0.35), (1 - look.lit) * 0.62)
    roof = mix(rgb("#4a3a3a"), shade(look.deep, 0.3), 0.3 + (1 - look.lit) * 0.4)

    def at(u: float, v: float) -> Point:
        return x0 + u * w, y0 + v * h

    for i in range(5):
        t = i / 5
        px, py = at(0.705 + 0.03 * math.sin(i * 1.3) + 0.05 * t, 0.16 - 0.15 * t)
        glow(c, px, py, (16 + 16 * t) * c.k, lift(look.horizon, 0.4), 0.42 - 0.06 * i, 1.6)
    c.pen.rectangle(
        (*at(0.66, 0.17), *at(0.75, 0.5)), fill=shade(mix(log, rgb("#8a8078"), 0.6), 0.2)
    )
    c.pen.rectangle((*at(0.14, 0.52), *at(0.86, 1.0)), fill=log)
    for i in range(9):
        v = 0.52 + 0.48 * (i + 1) / 9
        c.pen.line((*at(0.14, v), *at(0.86, v)), fill=shade(log, 0.28), width=c.width(2.2))
    c.pen.polygon((at(0.22, 0.53), at(0.5, 0.24), at(0.78, 0.53)), fill=shade(log, 0.12))
    c.pen.polygon(
        (
            at(0.5, 0.16),
            at(0.02, 0.60),
            at(0.07, 0.65),
            at(0.5, 0.27),
            at(0.93, 0.65),
            at(0.98, 0.60),
        ),
        fill=roof,
    )
    if c.scene.season == "winter":
        c.pen.polygon(
            (
                at(0.5, 0.13),
                at(0.0, 0.59),
                at(0.03, 0.62),
                at(0.5, 0.215),
                at(0.97, 0.62),
                at(1.0, 0.59),
            ),
            fill=mix(look.paper, look.middle, (1 - look.lit) * 0.4),
        )
    c.pen.rounded_rectangle((*at(0.43, 0.66), *at(0.57, 1.0)), 4 * c.k, fill=shade(log, 0.5))
    pane = mix(look.glow, rgb("#ffb347"), 0.45)
    for u in (0.21, 0.65):
        c.pen.rectangle((*at(u - 0.012, 0.648), *at(u + 0.152, 0.852)), fill=shade(log, 0.45))
        c.pen.rectangle((*at(u, 0.66), *at(u + 0.14, 0.84)), fill=lift(pane, 0.2))
        c.pen.line(
            (*at(u + 0.07, 0.66), *at(u + 0.07, 0.84)), fill=shade(log, 0.45), width=c.width(2.5)
        )
        c.pen.line((*at(u, 0.75), *at(u + 0.14, 0.75)), fill=shade(log, 0.45), width=c.width(2.5))
        glow(
            c,
            *at(u + 0.07, 0.76),
            w * (0.32 if look.lit < 0.9 else 0.16),
            pane,
            0.75 if look.lit < 0.9 else 0.35,
        )
    if look.lit < 0.9:
        soft_shape(
            c, [at(0.2, 1.0), at(0.8, 1.0), at(0.95, 1.16), at(0.05, 1.16)], pane, 0.26, 10 * c.k
        )


def _frame(c: Canvas) -> None:
    """Great dark spruces close to us at both edges."""
    look = c.look
    dark = shade(look.near, 0.35)
    snow = 0.5 * look.lit + 0.1 if c.scene.season == "winter" else 0.0
    tall = 0.92 * c.h if not c.scene.lettered else 0.70 * c.h
    for u, share, width in (
        (-0.045, 1.0, 1.0),
        (0.075, 0.62, 0.8),
        (0.945, 0.70, 0.8),
        (1.05, 1.08, 1.0),
    ):
        if c.scene.lettered and c.plan.stacked and u < 0.5 and c.family != "tall":
            continue
        pine(c, u * c.w, 1.13 * c.h, min(tall * share, 1150 * c.k * width), dark, snow=snow)
