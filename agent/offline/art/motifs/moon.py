"""Mid-autumn: a great moon over water, curled clouds, a pavilion and osmanthus."""

from __future__ import annotations

import math

from ....typeset.boxes import Box
from ..canvas import Canvas, Point, curve, glow, mist, petal, ridge, slab
from ..colour import RGB, lift, mix, rgb, shade
from ..layout import plan_of
from ..scene import Scene
from ..sky import glitter, moon_face, sky, stars, water

_WATER = 0.80


def _disc(scene: Scene, size: tuple[int, int]) -> tuple[float, float, float]:
    """Centre (fractions) and radius (pixels) of the moon."""
    subject = plan_of(size, lettered=scene.lettered, middle=scene.middle).subject
    r = 0.215 * min(size[0], size[1] * 1.02)
    x, y = subject.inside(0.42, 0.40)
    return x, max(y, subject.y0 + r / size[1]), r


def focal(scene: Scene, size: tuple[int, int]) -> Box:
    """The moon."""
    x, y, r = _disc(scene, size)
    return Box(x - r / size[0], y - r / size[1], x + r / size[0], y + r / size[1])


def draw(c: Canvas) -> None:
    """Sky, moon, hills, clouds across its foot, the lake with lanterns, the pavilion, a branch."""
    look = c.look
    sky(c, _WATER, cloudy=0.4)
    u, v, r = _disc(c.scene, (c.w, c.h))
    x, y = c.at(u, v)
    if not c.scene.night and c.bare is None:
        stars(c, 30, 0.3)
    glow(c, x, y, r * 3.0, mix(look.horizon, look.glow, 0.55), 0.65, 2.0)
    glow(c, x, y, r * 1.5, look.glow, 0.55, 1.6)
    moon_face(c, x, y, r)
    _hills(c)
    for i, (du, dv, s) in enumerate(((-0.95, 0.62, 1.0), (0.92, 0.30, 0.82), (0.15, 0.93, 1.12))):
        _cloud(c, x + du * r, y + dv * r, s * r * 0.62, i)
    water(
        c, _WATER, shade(mix(look.deep, look.middle, 0.3), 0.3), mix(look.middle, look.horizon, 0.5)
    )
    glitter(c, x, _WATER * c.h, c.h, r * 0.7, look.glow)
    mist(c, _WATER * c.h, 0.10 * c.h, mix(look.horizon, look.paper, 0.2), 0.5, "shore")
    _float(c)
    _pavilion(c)
    _branch(c)


def _hills(c: Canvas) -> None:
    """Two soft ranges on the far shore."""
    look = c.look
    for i in range(3):
        line = ridge(c.rng(f"hills{i}"), _WATER - 0.085 + 0.030 * i, 0.045 - 0.008 * i, 0.5)
        tone = mix(mix(look.horizon, look.middle, 0.55), look.near, 0.16 + 0.24 * i)
        if c.scene.season == "autumn" and i:
            tone = mix(tone, shade(rgb("#a8542a"), 0.3), 0.22)
        slab(
            c,
            [(px, min(py, _WATER)) for px, py in line],
            tone,
            mix(tone, look.horizon, 0.5),
            0.09,
            _WATER,
        )


def _cloud(c: Canvas, x: float, y: float, s: float, index: int) -> None:
    """A cloud in the old manner: lobes with inner curls and a flowing tail."""
    look = c.look
    pale = mix(mix(look.horizon, look.paper, 0.42), look.middle, 0.12)
    line = mix(pale, look.middle, 0.45)
    flip = -1 if index % 2 else 1
    lobes = (
        (-0.95, 0.10, 0.34),
        (-0.50, -0.12, 0.46),
        (0.05, -0.24, 0.56),
        (0.58, -0.04, 0.44),
        (1.0, 0.12, 0.30),
    )
    c.pen.rounded_rectangle(
        (x - s * 1.75, y + s * 0.16, x + s * 1.75, y + s * 0.40),
        s * 0.12,
        fill=mix(pale, look.middle, 0.22),
    )
    for u, v, r in lobes:
        c.disc(x + flip * u * s, y + v * s, r * s, pale)
    c.pen.rounded_rectangle(
        (x - s * 1.42, y + s * 0.05, x + s * 1.42, y + s * 0.44), s * 0.19, fill=pale
    )
    for u, v, r in lobes[1:4]:
        spiral: list[Point] = []
        for i in range(34):
            t = i / 33
            a = math.pi * (0.9 + 2.5 * t)
            spiral.append(
                (
                    x + flip * (u * s + math.cos(a) * r * s * (0.80 - 0.56 * t)),
                    y + v * s + math.sin(a) * r * s * (0.80 - 0.56 * t),
                )
            )
        c.pen.line(spiral, fill=line, width=c.width(3.5), joint="curve")
    for dy, reach in ((0.24, 1.28), (0.36, 0.95)):
        c.pen.line(
            (x - s * reach, y + dy * s, x + s * reach * 0.8, y + dy * s),
            fill=line,
            width=c.width(3),
        )


def _float(c: Canvas) -> None:
    """Lotus lanterns drifting on the water."""
    rng = c.rng("lotus")
    for i in range(9):
        v = 0.15 + 0.75 * (i / 9)
        x, y = c.at(rng.uniform(0.06, 0.94), _WATER + (0.985 - _WATER) * v)
        if c.scene.lettered and v > 0.38:
            continue
        s = (9 + 15 * v) * c.k
        warm = rgb("#ffb55a")
        glow(c, x, y - s * 0.3, s * 4.2, rgb("#ff9a4a"), 0.75)
        glow(c, x, y + s * 1.6, s * 2.6, rgb("#ff9a4a"), 0.3)
        for j in range(5):
            a = -math.pi / 2 + (j - 2) * 0.50
            c.pen.polygon(
                petal(x, y + s * 0.35, a, s * 1.35, s * 0.72),
                fill=mix(rgb("#ef7d8a"), warm, 0.2 * j),
            )
        c.disc(x, y - s * 0.15, s * 0.28, lift(warm, 0.6))


def _pavilion(c: Canvas) -> None:
    """A two-roofed pavilion on a spit of land, on the side away from the moon."""
    look = c.look
    dark = mix(shade(look.near, 0.35), look.deep, 0.2)
    x, y, s = 0.83 * c.w, (_WATER + 0.012) * c.h, 84 * c.k
    spit = curve(
        [
            (x - s * 2.6, y + s * 0.22),
            (x - s * 1.2, y - s * 0.05),
            (x + s * 0.6, y - s * 0.14),
            (c.w + s, y - s * 0.5),
        ]
    )
    c.pen.polygon([*spit, (c.w + s, y + s * 0.55), (x - s * 1.4, y + s * 0.34)], fill=dark)
    glow(c, x, y - s * 0.7, s * 1.6, rgb("#ffb55a"), 0.55 if look.lit < 0.9 else 0.2)
    for u in (-0.62, -0.22, 0.22, 0.62):
        c.pen.line((x + u * s, y - s * 1.15, x + u * s, y - s * 0.05), fill=dark, width=c.width(7))
    c.pen.rectangle((x - s * 0.78, y - s * 0.22, x + s * 0.78, y - s * 0.02), fill=dark)
    c.pen.line(
        (x - s * 0.66, y - s * 0.42, x + s * 0.66, y - s * 0.42), fill=dark, width=c.width(4)
    )
    for low, half, rise in ((1.08, 1.12, 0.46), (1.62, 0.74, 0.52)):
        eave = y - s * low
        roof = curve(
            [
                (x - s * half, eave - s * 0.12),
                (x - s * half * 0.62, eave + s * 0.02),
                (x, eave + s * 0.03),
                (x + s * half * 0.62, eave + s * 0.02),
                (x + s * half, eave - s * 0.12),
            ],
            8,
        )
        ridge_ = curve(
            [
                (x + s * half, eave - s * 0.12),
                (x + s * half * 0.45, eave - s * 0.20),
                (x + s * 0.08, eave - s * rise),
                (x - s * 0.08, eave - s * rise),
                (x - s * half * 0.45, eave - s * 0.20),
                (x - s * half, eave - s * 0.12),
            ],
            8,
        )
        c.pen.polygon([*roof, *ridge_], fill=dark)
    c.pen.rectangle(
        (x - s * 0.42, y - s * 1.64, x + s * 0.42, y - s * 1.2),
        fill=mix(dark, rgb("#ffb55a"), 0.45 if look.lit < 0.9 else 0.15),
    )
    c.disc(x, y - s * 2.18, s * 0.07, dark)
    for side in (-1, 1):
        lx, ly = x + side * s * 1.05, y - s * 1.02
        glow(c, lx, ly, s * 0.55, rgb("#ff7a4a"), 0.8)
        c.pen.ellipse(
            (lx - s * 0.09, ly - s * 0.11, lx + s * 0.09, ly + s * 0.11), fill=rgb("#ff6b42")
        )


def _branch(c: Canvas) -> None:
    """Osmanthus leaning in from the left edge, level with the moon's foot."""
    look, rng = c.look, c.rng("branch")
    top = c.plan.subject.y0 + 0.03 if c.w <= c.h * 1.17 else 0.58
    dark = shade(look.near, 0.2)
    start = (-0.02 * c.w, top * c.h)
    path = curve(
        [
            start,
            (0.06 * c.w, (top + 0.035) * c.h),
            (0.06 * c.w + 90 * c.k, (top + 0.03) * c.h + 40 * c.k),
            (0.06 * c.w + 150 * c.k, (top + 0.03) * c.h + 120 * c.k),
        ]
    )
    if c.plan.stacked and c.family != "tall" and c.scene.lettered:
        return
    for i, (px, py) in enumerate(path):
        c.disc(px, py, (7.5 - 5.0 * i / len(path)) * c.k, dark)
    for _ in range(44):
        px, py = path[rng.randrange(4, len(path))]
        a, s = rng.uniform(0, math.tau), rng.uniform(26, 46) * c.k
        tone: RGB = mix(mix(look.leaf[0], dark, 0.66), look.leaf[2], 0.2 * rng.random())
        c.pen.polygon(petal(px, py, a, s, s * 0.36), fill=tone)
    for _ in range(40):
        px, py = path[rng.randrange(6, len(path))]
        bx, by = px + rng.uniform(-30, 30) * c.k, py + rng.uniform(-30, 30) * c.k
        c.disc(
            bx, by, rng.uniform(3.0, 5.6) * c.k, mix(rgb("#ffc861"), rgb("#ff9d3c"), rng.random())
        )
