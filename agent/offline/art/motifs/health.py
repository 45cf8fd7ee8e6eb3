"""A heart with a plaster on it, among small crosses."""

from __future__ import annotations

import math

from ....typeset.boxes import Box
from ..canvas import Canvas, Point, glow
from ..colour import RGB, lift, mix, rgb, shade
from ..layout import plan_of
from ..scene import Scene
from .shapes import apart, centred, drop, ground_of, pill, plain, turned


def focal(scene: Scene, size: tuple[int, int]) -> Box:
    """The heart."""
    return centred(plan_of(size, lettered=scene.lettered, middle=scene.middle).subject, size, 1.10)


def draw(c: Canvas) -> None:
    """A pale field with crosses, rings of light, the heart, the plaster."""
    box = focal(c.scene, (c.w, c.h))
    x, y = c.at(*box.middle)
    r = box.height * c.h / 2
    ground = ground_of(c)
    ground = mix(ground, c.look.middle, 0.22)
    if c.bare is None:
        plain(c, ground)
        _crosses(c, mix(ground, c.look.middle, 0.34))
        for share, amount in ((1.42, 0.22), (1.16, 0.38)):
            c.disc(x, y, r * share, mix(ground, lift(c.look.paper, 0.4), amount))
    heart = apart(c.look.accent, ground)
    outline = heart_at(x, y - r * 0.02, r * 0.98)
    drop(c, outline, 30 * c.k)
    c.pen.polygon(outline, fill=heart)
    c.pen.polygon(heart_at(x - r * 0.05, y - r * 0.07, r * 0.84), fill=lift(heart, 0.07))
    glow(c, x - r * 0.42, y - r * 0.42, r * 0.42, (255, 255, 255), 0.42, 1.7)
    _pulse(c, x, y + r * 0.26, r, lift(c.look.paper, 0.5))
    _plaster(c, x + r * 0.10, y - r * 0.22, r)


def heart_at(x: float, y: float, r: float) -> list[Point]:
    """A heart of about 2r across and tall around a point, in pixels."""
    row: list[Point] = []
    for i in range(96):
        t = math.tau * i / 96
        px = 16 * math.sin(t) ** 3
        py = 13 * math.cos(t) - 5 * math.cos(2 * t) - 2 * math.cos(3 * t) - math.cos(4 * t)
        row.append((x + px * r * 1.08 / 16, y - (py + 2.6) * r / 14.6))
    return row


def _crosses(c: Canvas, tone: RGB) -> None:
    """A loose grid of plus signs."""
    rng, step = c.rng("crosses"), 132 * c.k
    for j in range(int(c.h / step) + 2):
        for i in range(int(c.w / step) + 2):
            x = (i + (j % 2) / 2) * step + rng.uniform(-0.06, 0.06) * step
            y = j * step
            arm = rng.choice((13, 17, 22)) * c.k
            for wide, tall in ((arm * 2, arm * 0.66), (arm * 0.66, arm * 2)):
                c.pen.polygon(pill(x, y, wide, tall, arm * 0.22), fill=tone)


def _pulse(c: Canvas, x: float, y: float, r: float, tone: RGB) -> None:
    """A heartbeat across the heart."""
    row = ((-0.62, 0), (-0.30, 0), (-0.21, -0.12), (-0.11, 0.20), (0.02, -0.30), (0.13, 0.14),
           (0.20, 0), (0.56, 0))  # fmt: skip
    c.pen.line(
        [(x + u * r, y + v * r) for u, v in row], fill=tone, width=c.width(13), joint="curve"
    )
    for u in (-0.62, 0.56):
        c.disc(x + u * r, y, 6.5 * c.k, tone)


def _plaster(c: Canvas, x: float, y: float, r: float) -> None:
    """Skin-coloured tape with a gauze pad and breathing holes."""
    tape = mix(rgb("#f0c49a"), c.look.paper, 0.15)
    wide, tall, tilt = r * 1.06, r * 0.36, -33
    outline = turned(pill(x, y, wide, tall, tall / 2), (x, y), tilt)
    drop(c, outline, 14 * c.k, 0.3)
    c.pen.polygon(outline, fill=tape)
    pad = turned(pill(x, y, wide * 0.36, tall * 0.999, 2), (x, y), tilt)
    c.pen.polygon(pad, fill=lift(tape, 0.42))
    holes: list[Point] = [
        (x + side * wide * (0.27 + 0.075 * i), y + tall * v)
        for side in (-1, 1)
        for i in range(3)
        for v in (-0.2, 0.0, 0.2)
    ]
    for px, py in turned(holes, (x, y), tilt):
        c.disc(px, py, tall * 0.038, shade(tape, 0.25))
    dots: list[Point] = [
        (x + u * wide * 0.10, y + v * tall * 0.26) for u in (-1, 0, 1) for v in (-1, 0, 1)
    ]
    for px, py in turned(dots, (x, y), tilt):
        c.disc(px, py, tall * 0.03, shade(tape, 0.08))
