"""An electric guitar before a burst of stage light."""

from __future__ import annotations

import math

from ....typeset.boxes import Box
from ..canvas import Canvas, Point, curve, glow, soft_shape
from ..colour import lift, mix, rgb, shade
from ..layout import plan_of
from ..scene import Scene
from .shapes import burst, centred, pill, turned

_TILT = 32.0


def focal(scene: Scene, size: tuple[int, int]) -> Box:
    """The guitar."""
    return centred(plan_of(size, lettered=scene.lettered, middle=scene.middle).subject, size, 0.82)


def draw(c: Canvas) -> None:
    """Rays, light, sparks, the guitar."""
    box, look = focal(c.scene, (c.w, c.h)), c.look
    x, y = c.at(*box.inside(0.44, 0.62))
    r = box.height * c.h
    dark = mix(look.deep, look.middle, 0.35)
    burst(c, x, y, (shade(dark, 0.1), mix(dark, look.middle, 0.6)), 22)
    if c.bare is None:
        glow(c, x, y, r * 0.95, mix(look.horizon, look.glow, 0.45), 0.9, 1.7)
        _sparks(c, x, y, r)
    _guitar(c, box)


def _sparks(c: Canvas, x: float, y: float, r: float) -> None:
    """Specks of light flying off."""
    rng = c.rng("sparks")
    for _ in range(90):
        a, far = rng.uniform(0, math.tau), r * (0.35 + 0.9 * rng.random())
        px, py = x + far * math.cos(a), y + far * math.sin(a)
        c.disc(px, py, rng.uniform(1.5, 6) * c.k, mix(c.look.glow, c.look.paper, rng.random()))


_BODY: tuple[Point, ...] = (
    (-0.05, -0.10), (-0.145, -0.175), (-0.225, -0.30), (-0.295, -0.27), (-0.285, -0.12), (-0.215, 0.03), (-0.255, 0.20), (-0.24, 0.36), (-0.13, 0.455),
    (0.02, 0.47), (0.17, 0.445), (0.265, 0.35), (0.27, 0.20), (0.215, 0.06), (0.235, -0.06), (0.225, -0.185), (0.165, -0.205), (0.10, -0.115), (0.05, -0.085),
    (-0.05, -0.10),
)  # fmt: skip
_GUARD: tuple[Point, ...] = ((0.04, -0.08), (0.135, -0.05), (0.155, 0.06), (0.10, 0.15), (0.165, 0.27), (0.09, 0.34), (0.0, 0.17), (-0.075, 0.12), (-0.085, -0.03), (0.04, -0.08))  # fmt: skip


def _guitar(c: Canvas, box: Box) -> None:
    """Body, guard, neck with frets, head with pegs, pickups, bridge, strings."""
    at = c.at(*box.inside(0.47, 0.515))
    s = box.height * c.h * 0.86
    foot = (at[0], at[1] + s * 0.13)

    def laid(row: list[Point]) -> list[Point]:
        return turned([(foot[0] + u * s, foot[1] + v * s) for u, v in row], at, _TILT)

    paint = c.look.accent
    body = laid(curve(_BODY, 8))
    soft_shape(c, [(x + s * 0.02, y + s * 0.03) for x, y in body], c.look.ink, 0.55, s * 0.03)
    c.pen.polygon(body, fill=shade(paint, 0.42))
    c.pen.polygon(laid([(u * 0.965, v * 0.965 - 0.008) for u, v in curve(_BODY, 8)]), fill=paint)
    c.pen.polygon(laid(curve(_GUARD, 8)), fill=lift(c.look.paper, 0.4))
    shine = laid(
        curve(
            [
                (-0.215, 0.20),
                (-0.20, 0.33),
                (-0.11, 0.415),
                (-0.15, 0.34),
                (-0.185, 0.22),
                (-0.215, 0.20),
            ],
            6,
        )
    )
    c.pen.polygon(shine, fill=lift(paint, 0.38))
    _neck(c, s, laid)
    steel, coal = rgb("#d7dde2"), shade(c.look.deep, 0.6)
    for v in (0.0, 0.085, 0.17):
        c.pen.polygon(laid(pill(0.0, v, 0.125, 0.036, 0.017)), fill=coal)
        for i in range(6):
            ((px, py),) = laid([((i - 2.5) * 0.0155, v)])
            c.disc(px, py, max(1.0, s * 0.0052), steel)
    c.pen.polygon(laid(pill(0.0, 0.275, 0.145, 0.055, 0.008)), fill=steel)
    for u, v in ((0.135, 0.20), (0.155, 0.275)):
        ((px, py),) = laid([(u, v)])
        c.disc(px, py, s * 0.021, coal)
        c.disc(px, py, s * 0.012, steel)
    for i in range(6):
        off = i - 2.5
        line = laid([(off * 0.0155, 0.275), (off * 0.0088, -0.655)])
        c.pen.line(line, fill=mix(steel, (255, 255, 255), 0.3), width=c.width(1.6))


def _neck(c: Canvas, s: float, laid: object) -> None:
    """Maple, rosewood, frets, dots, the head and its pegs."""
    assert callable(laid)
    wood, board = rgb("#d9a866"), mix(rgb("#4a2c1d"), c.look.deep, 0.2)
    c.pen.polygon(
        laid([(-0.046, 0.03), (0.046, 0.03), (0.034, -0.66), (-0.034, -0.66)]), fill=board
    )
    c.pen.polygon(
        laid([(-0.046, 0.03), (-0.036, 0.03), (-0.027, -0.66), (-0.034, -0.66)]), fill=wood
    )
    for i in range(17):
        v = -0.66 + 0.66 * (1 - 0.5 ** (i / 11.5)) * 1.55
        if v < 0.02:
            half = 0.034 + 0.012 * (v + 0.66) / 0.69
            c.pen.line(laid([(-half, v), (half, v)]), fill=rgb("#cfd3d6"), width=c.width(2.2))
            if i in (3, 5, 7, 9, 12, 15):
                ((px, py),) = laid([(0.0, v - 0.018)])
                c.disc(px, py, s * 0.0075, c.look.paper)
    head = [
        (-0.034, -0.655),
        (0.036, -0.655),
        (0.052, -0.70),
        (0.085, -0.86),
        (0.055, -0.895),
        (-0.005, -0.865),
        (-0.040, -0.885),
        (-0.062, -0.845),
        (-0.045, -0.72),
    ]
    c.pen.polygon(laid(head), fill=wood)
    for i in range(6):
        v = -0.70 - 0.027 * i
        peg = laid([(-0.050 - 0.002 * i, v), (-0.088 - 0.002 * i, v)])
        c.pen.line(peg, fill=rgb("#d7dde2"), width=c.width(7))
        ((px, py),) = laid([(-0.022, v)])
        c.disc(px, py, s * 0.0085, rgb("#d7dde2"))
