"""A skyline on the water: three depths of towers, lit by the hour."""

from __future__ import annotations

import random
from typing import Literal

from ....typeset.boxes import Box
from ..canvas import Canvas, glow, mist
from ..colour import RGB, lift, mix, shade
from ..layout import fit_box, plan_of
from ..scene import Scene
from ..sky import orb, reflect, sky, water

_SHORE = 0.815
Roof = Literal["flat", "step", "spire", "slant", "mast", "tank", "round"]
_ROOFS: tuple[Roof, ...] = (
    "flat",
    "flat",
    "step",
    "step",
    "spire",
    "slant",
    "mast",
    "tank",
    "round",
)


def focal(scene: Scene, size: tuple[int, int]) -> Box:
    """The tallest tower."""
    subject = plan_of(size, lettered=scene.lettered, middle=scene.middle).subject
    room = Box(subject.x0, subject.y0, subject.x1, _SHORE)
    return fit_box(room, size, 0.30, 0.34 + 0.08 * (scene.seed % 5))


def draw(c: Canvas) -> None:
    """Sky, disc, three rows of buildings, the landmark, and all of it in the water."""
    look, box = c.look, focal(c.scene, (c.w, c.h))
    sky(c, 0.80, cloudy=0.7)
    side = -1 if box.middle[0] > c.plan.subject.middle[0] else 1
    if c.bare is None:
        x = box.middle[0] + side * (0.16 if c.w < c.h * 1.17 else 0.13)
        orb(c, x * c.w, (c.plan.subject.y0 + 0.16 * c.plan.subject.height + 0.04) * c.h, 78 * c.k)
    haze = mix(look.horizon, look.glow, 0.15)
    for depth in range(3):
        _row(c, depth, box, haze)
        if depth < 2:
            mist(c, (_SHORE - 0.02) * c.h, 0.20 * c.h, haze, 0.5 - 0.12 * depth, f"row{depth}")
        if depth == 1:
            _landmark(c, box)
    water(c, _SHORE, shade(look.deep, 0.4), mix(look.middle, look.horizon, 0.35))
    reflect(c, _SHORE, 0.8, shade(look.deep, 0.15))
    c.pen.rectangle(
        (0, (_SHORE - 0.004) * c.h, c.w, (_SHORE + 0.003) * c.h), fill=shade(look.near, 0.3)
    )
    _quay_lamps(c)


def _tone(c: Canvas, depth: int) -> RGB:
    """The body colour of a row."""
    near = mix(c.look.near, c.look.middle, 0.10)
    return mix(mix(c.look.horizon, c.look.middle, 0.62), near, (0.22, 0.58, 0.95)[depth])


def _row(c: Canvas, depth: int, box: Box, haze: RGB) -> None:
    """One row of towers across the picture; the nearest leaves the landmark's foot free."""
    rng = c.rng(f"row{depth}")
    body, x = _tone(c, depth), -0.02
    unit = min(1.0, c.h / c.w * 1.1)
    while x < 1.02:
        wide = rng.uniform(0.045, 0.10) * unit * (1.0, 1.05, 1.25)[depth]
        tall = (0.10 + 0.24 * rng.random() ** 1.7) * (1.22, 0.95, 0.52)[depth]
        roof, lamps = rng.choice(_ROOFS), random.Random(rng.random())
        if depth == 1 and box.x0 - 0.01 < x + wide / 2 < box.x1 + 0.01:
            tall *= 0.55
        tone = mix(body, haze, rng.uniform(0, 0.10))
        _tower(c, (x, x + wide), tall, tone, roof, lamps, depth)
        x += wide + rng.uniform(-0.008, 0.010) * unit


def _tower(
    c: Canvas,
    span: tuple[float, float],
    tall: float,
    tone: RGB,
    roof: Roof,
    rng: random.Random,
    depth: int,
) -> None:
    """One building: body with a lit and a shaded side, its roof, its windows."""
    x0, x1 = span[0] * c.w, span[1] * c.w
    base, top = _SHORE * c.h, (_SHORE - tall) * c.h
    c.pen.rectangle((x0, top, x1, base), fill=tone)
    c.pen.rectangle((x0 + (x1 - x0) * 0.72, top, x1, base), fill=shade(tone, 0.14))
    _roof(c, x0, x1, top, tone, roof)
    if depth:
        _windows(c, (x0, top, x1, base), tone, rng, 11.5 if depth == 1 else 15.0)


def _roof(c: Canvas, x0: float, x1: float, top: float, tone: RGB, roof: Roof) -> None:
    """What stands on a flat top."""
    w, x = x1 - x0, (x0 + x1) / 2
    match roof:
        case "step":
            c.pen.rectangle((x0 + w * 0.16, top - w * 0.26, x1 - w * 0.16, top), fill=tone)
            c.pen.rectangle(
                (x0 + w * 0.32, top - w * 0.48, x1 - w * 0.32, top), fill=shade(tone, 0.06)
            )
        case "spire":
            c.pen.polygon(((x0, top), (x, top - w * 0.75), (x1, top)), fill=tone)
            c.pen.line((x, top - w * 1.25, x, top), fill=tone, width=c.width(3))
        case "slant":
            c.pen.polygon(((x0, top), (x1, top), (x1, top - w * 0.42)), fill=tone)
        case "mast":
            c.pen.line((x, top - w * 0.9, x, top), fill=tone, width=c.width(3))
            c.pen.rectangle((x - w * 0.2, top - w * 0.12, x + w * 0.2, top), fill=tone)
        case "tank":
            c.pen.rectangle((x - w * 0.14, top - w * 0.42, x + w * 0.14, top - w * 0.14), fill=tone)
            c.pen.polygon(
                (
                    (x - w * 0.17, top - w * 0.42),
                    (x, top - w * 0.56),
                    (x + w * 0.17, top - w * 0.42),
                ),
                fill=tone,
            )
            for side in (-0.12, 0.12):
                c.pen.line(
                    (x + w * side, top - w * 0.16, x + w * side, top), fill=tone, width=c.width(2)
                )
        case "round":
            c.pen.pieslice((x0, top - w * 0.36, x1, top + w * 0.36), 180, 360, fill=tone)
        case "flat":
            c.pen.rectangle((x0 + w * 0.1, top - w * 0.06, x1 - w * 0.1, top), fill=tone)


def _windows(
    c: Canvas, area: tuple[float, float, float, float], tone: RGB, rng: random.Random, unit: float
) -> None:
    """A grid of panes; by day they catch the sky, by night some are lit."""
    look, (x0, top, x1, base) = c.look, area
    columns = max(2, int((x1 - x0) / (unit * 1.55 * c.k)))
    rows = max(2, int((base - top) / (unit * 2.1 * c.k)))
    share = {"day": 0.0, "dusk": 0.30, "night": 0.42}[c.scene.light]
    pane = mix(tone, look.horizon, 0.24) if c.scene.light == "day" else shade(tone, 0.16)
    sx, sy = (x1 - x0) / (columns + 0.6), (base - top) / (rows + 0.4)
    for i in range(columns):
        for j in range(rows):
            px, py = x0 + sx * (i + 0.55), top + sy * (j + 0.5)
            colour = pane
            if rng.random() < share:
                colour = mix(
                    look.glow, mix(look.horizon, look.paper, rng.random()), rng.uniform(0.0, 0.45)
                )
            c.pen.rectangle((px, py, px + sx * 0.52, py + sy * 0.48), fill=colour)


def _landmark(c: Canvas, box: Box) -> None:
    """A stepped tower of the old school with a spire, floodlit when it is dark."""
    look = c.look
    x0, y0, x1, _ = c.box(box)
    base, x, w = _SHORE * c.h, (x0 + x1) / 2, x1 - x0
    tall = base - y0
    tone = mix(_tone(c, 2), mix(look.horizon, look.glow, 0.3), 0.16 if look.lit < 0.9 else 0.30)
    rng = c.rng("landmark")
    if look.lit < 0.9:
        glow(c, x, y0 + tall * 0.30, w * 1.5, look.glow, 0.42)
    tiers = ((0.50, 0.48), (0.41, 0.34), (0.31, 0.22), (0.20, 0.15))
    for half, top in tiers:
        left, right, roof = x - w * half, x + w * half, y0 + tall * top
        c.pen.rectangle((left, roof, right, base), fill=tone)
        c.pen.rectangle((right - (right - left) * 0.27, roof, right, base), fill=shade(tone, 0.16))
        c.pen.rectangle((left, roof, right, roof + tall * 0.010), fill=lift(tone, 0.25))
    for (half, top), low in zip(tiers, (1.0, 0.48, 0.34, 0.22), strict=True):
        area = (
            x - w * half * 0.94,
            y0 + tall * top + tall * 0.02,
            x + w * half * 0.94,
            y0 + tall * low - tall * 0.004,
        )
        _windows(c, area, tone, rng, 11.0)
    crown = [
        (x - w * 0.15, y0 + tall * 0.15),
        (x, y0 + tall * 0.035),
        (x + w * 0.15, y0 + tall * 0.15),
    ]
    c.pen.polygon(crown, fill=lift(tone, 0.12))
    c.pen.line((x, y0, x, y0 + tall * 0.1), fill=lift(tone, 0.2), width=c.width(4))
    if look.lit < 0.9:
        glow(c, x, y0 + tall * 0.004, w * 0.3, (255, 96, 80), 0.9)


def _quay_lamps(c: Canvas) -> None:
    """A string of lamps along the water when it is dark."""
    if c.look.lit > 0.9:
        return
    for i in range(25):
        x, y = (i + 0.5) / 25 * c.w, (_SHORE - 0.006) * c.h
        glow(c, x, y, 15 * c.k, c.look.glow, 0.85, 1.8)
        glow(c, x, y + 14 * c.k, 20 * c.k, c.look.glow, 0.3, 1.8)
