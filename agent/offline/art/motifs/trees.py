"""Trees and plants that several motifs stand in their land."""

from __future__ import annotations

import math
import random

from ..canvas import Canvas, Point, petal
from ..colour import RGB, lift, mix, shade


def pine(c: Canvas, x: float, y: float, height: float, colour: RGB, *, snow: float = 0.0) -> None:
    """A spruce standing at pixel (x, y), ragged tiers narrowing to the top."""
    rng = random.Random(f"{x:.0f}:{height:.0f}")
    half = height * 0.235
    tiers = 6
    c.pen.rectangle((x - height * 0.02, y - height * 0.12, x + height * 0.02, y), fill=colour)
    for i in range(tiers):
        t = i / tiers
        top = y - height * (1.0 - 0.80 * t * 0.92)
        low = y - height * (0.76 - 0.74 * t)
        wide = half * (0.26 + 0.80 * t) * rng.uniform(0.9, 1.08)
        shape = [(x, top - height * 0.02), (x + wide, low), (x + wide * 0.45, low - height * 0.02),
                 (x, low + height * 0.012), (x - wide * 0.45, low - height * 0.02), (x - wide, low)]  # fmt: skip
        c.pen.polygon(shape, fill=colour)
        if snow:
            cap = [(x, top), (x + wide * 0.62, low - height * 0.035), (x + wide * 0.1, low - height * 0.06),
                   (x - wide * 0.72, low - height * 0.028)]  # fmt: skip
            c.pen.polygon(cap, fill=mix(colour, c.look.paper, snow))


def broadleaf(c: Canvas, x: float, y: float, height: float, leaf: RGB, wood: RGB) -> None:
    """A round tree: a forked trunk under clumps of leaves lit from above."""
    rng = random.Random(f"{x:.0f}:{height:.0f}:b")
    w = height * 0.045
    c.pen.polygon(
        ((x - w, y), (x - w * 0.5, y - height * 0.6), (x + w * 0.5, y - height * 0.6), (x + w, y)),
        fill=wood,
    )
    clumps = []
    for i in range(15):
        a = i / 15 * math.tau
        d = rng.uniform(0.1, 0.95)
        cx, cy = (
            x + math.cos(a) * d * height * 0.27,
            y - height * 0.66 + math.sin(a) * d * height * 0.26,
        )
        clumps.append((cy, cx, rng.uniform(0.11, 0.17) * height))
    for cy, cx, r in sorted(clumps, reverse=True):
        up = (y - cy) / height
        c.disc(
            cx, cy, r, mix(shade(leaf, 0.42), lift(leaf, 0.16), min(1.0, max(0.0, up * 1.5 - 0.45)))
        )


def grass(c: Canvas, line: list[Point], count: int, height: float, colour: RGB, name: str) -> None:
    """Blades along a line in pixels, leaning with one wind."""
    rng = c.rng(name)
    lean = rng.uniform(0.15, 0.5)
    for _ in range(count):
        x, y = line[rng.randrange(len(line))]
        x += rng.uniform(-6, 6) * c.k
        tall = height * rng.uniform(0.4, 1.0)
        tip = x + tall * lean * rng.uniform(0.5, 1.5)
        bend = (x + (tip - x) * 0.3, y - tall * 0.6)
        c.pen.line(
            [(x, y + 2), bend, (tip, y - tall)], fill=colour, width=c.width(2), joint="curve"
        )


def sprig(
    c: Canvas,
    start: Point,
    angle: float,
    length: float,
    colours: tuple[RGB, RGB],
    leaves: int,
    name: str,
) -> Point:
    """A curved stem with leaves on both sides; returns its tip."""
    rng = c.rng(name)
    x, y = start
    step, bend = length / leaves, rng.uniform(-0.06, 0.06)
    stem = [(x, y)]
    for i in range(leaves):
        angle += bend
        x, y = x + math.cos(angle) * step, y + math.sin(angle) * step
        stem.append((x, y))
        size = step * (2.4 - 1.3 * i / leaves)
        for side in (-1, 1):
            tint = colours[0] if side < 0 else colours[1]
            turned = angle + side * rng.uniform(0.6, 0.95)
            c.pen.polygon(petal(x, y, turned, size, size * 0.38), fill=tint)
    c.pen.line(stem, fill=shade(colours[0], 0.3), width=c.width(3), joint="curve")
    return x, y
