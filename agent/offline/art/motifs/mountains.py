"""Ridges in haze under a sun or a moon; every second seed has a lake at their feet."""

from __future__ import annotations

import math
import random

from ....typeset.boxes import Box
from ..canvas import Canvas, Point, mist, ridge, slab, veil
from ..colour import RGB, lift, mix, shade
from ..layout import plan_of
from ..scene import Scene
from ..sky import birds, orb, reflect, sky, water
from .trees import pine

_RIDGES = 6


def _orb(scene: Scene, size: tuple[int, int]) -> tuple[float, float, float]:
    """Centre (fractions) and radius (pixels) of the sun or moon."""
    subject = plan_of(size, lettered=scene.lettered, middle=scene.middle).subject
    x, y = subject.inside(0.30 + 0.06 * (scene.seed % 7), 0.28)
    return x, y, 0.145 * min(size[0], size[1] * 1.1)


def focal(scene: Scene, size: tuple[int, int]) -> Box:
    """The disc of the sun or moon."""
    x, y, r = _orb(scene, size)
    return Box(x - r / size[0], y - r / size[1], x + r / size[0], y + r / size[1])


def _lake(scene: Scene) -> bool:
    """True when the range stands on water."""
    return "lake" in scene.props or scene.seed % 2 == 1


def draw(c: Canvas) -> None:
    """Sky, disc, six ridges with mist between them, pines or a lake in front."""
    look, plan = c.look, c.plan
    sky(c, plan.horizon + 0.02)
    x, y, r = _orb(c.scene, (c.w, c.h))
    if c.bare is None:
        orb(c, x * c.w, y * c.h, r)
    haze = mix(look.horizon, look.paper, 0.25 if c.scene.light == "day" else 0.06)
    lake = _lake(c.scene)
    shore = 0.84 if lake else 1.0
    for i in range(_RIDGES):
        _ridge(c, i, haze, shore)
    if lake:
        water(c, shore, shade(look.deep, 0.35), mix(look.middle, look.horizon, 0.4))
        reflect(c, shore, 0.85, shade(look.deep, 0.2))
        mist(c, shore * c.h, 0.05 * c.h, haze, 0.5, "lake")
    if not c.scene.props:
        birds(c, _flock(c, x), 7, mix(look.near, look.deep, 0.4))


def _flock(c: Canvas, x: float) -> Box:
    """Where the birds fly: in the subject's own ground, on the freer side of the disc."""
    subject = c.plan.subject
    left = subject.x0 if x > subject.middle[0] else subject.middle[0] + subject.width * 0.2
    return Box(left, subject.y0 + 0.03, left + subject.width * 0.3, subject.y0 + 0.14)


def _ridge(c: Canvas, i: int, haze: RGB, shore: float) -> None:
    """One range: far ones pale and jagged, near ones dark and wooded."""
    look, t = c.look, i / (_RIDGES - 1)
    top = c.plan.horizon - 0.095
    base = top + (min(shore, 0.97) - 0.045 - top) * t**1.05
    wide = min(1.0, c.w / c.h * 1.3)
    line = ridge(c.rng(f"ridge{i}"), base, (0.075 - 0.035 * t) * wide, 0.55)
    body = mix(mix(look.far, look.middle, 0.25), look.near, t**0.85)
    if c.scene.season in ("autumn", "spring") and i >= 2:
        body = mix(body, look.leaf[i % 3], 0.55 - 0.05 * i)
    foot = mix(body, haze, 0.62 - 0.38 * t)
    if i < 2:
        _peaks(c, i, base, body, foot)
    else:
        slab(c, line, lift(body, 0.10 * (1 - t)), foot, 0.13, shore)
    if c.scene.season == "winter" and i >= 2:
        _snow(c, line, mix(body, look.paper, 0.45 + 0.4 * look.lit), i)
    if i < _RIDGES - 1:
        mist(c, (base + 0.07) * c.h, 0.085 * c.h, haze, 0.50 - 0.28 * t, f"ridge{i}")
    if i >= _RIDGES - 2:
        _wood(c, line, i, body)


def _peaks(c: Canvas, i: int, base: float, body: RGB, foot: RGB) -> None:
    """Steep summits with a lit and a shaded face and snow on their heads."""
    rng, look = c.rng(f"peaks{i}"), c.look
    count = round((5 if i == 0 else 4) * max(1.0, c.w / c.h / 1.2))
    white = mix(look.paper, body, 0.12 + 0.5 * (1 - look.lit))
    floor = (base + 0.16) * c.h
    order = sorted(range(count), key=lambda n: math.sin(n * 2.4 + c.scene.seed % 9))
    for n in order:
        x = (n + rng.uniform(0.15, 0.85)) / count * c.w
        tall = rng.uniform(0.55, 1.0) * (0.155, 0.105)[i] * c.h
        half = tall * rng.uniform(1.5, 2.0) + 0.16 * c.h
        peak = base * c.h - tall + 0.025 * c.h
        left = _flank(rng, (x, peak), (x - half, floor))
        right = _flank(rng, (x, peak), (x + half, floor))
        spine = _flank(rng, (x, peak), (x + half * rng.uniform(-0.10, 0.22), floor), 0.05)
        lit = mix(body, look.glow, 0.16 * look.lit)
        c.pen.polygon([*left, *spine[::-1]], fill=lift(lit, 0.10))
        c.pen.polygon([*right, *spine[::-1]], fill=mix(body, look.deep, 0.20))
        depth = 0.30 if c.scene.season != "winter" else 0.62
        _cap(c, rng, (left, spine), peak + tall * depth, white)
        _cap(
            c,
            rng,
            (spine, right),
            peak + tall * depth,
            mix(white, mix(body, look.middle, 0.5), 0.42),
        )
    veil(c, (base - 0.02) * c.h, floor + 0.02 * c.h, foot, ((0, 0), (0.55, 0.85), (1, 1)))
    c.pen.rectangle((0, floor, c.w, c.h), fill=foot)


def _flank(rng: random.Random, top: Point, low: Point, bend: float = 0.035) -> list[Point]:
    """A rough line down from a summit."""
    reach = abs(low[1] - top[1])
    line = [top]
    for j in range(1, 15):
        t = j / 15
        jag = rng.uniform(-1, 1) * bend * reach
        line.append((top[0] + (low[0] - top[0]) * t**1.12 + jag, top[1] + reach * t))
    return [*line, low]


def _cap(
    c: Canvas, rng: random.Random, sides: tuple[list[Point], list[Point]], low: float, white: RGB
) -> None:
    """Snow between two lines of a summit down to a height in pixels, its edge torn."""
    left = [p for p in sides[0] if p[1] <= low]
    right = [p for p in sides[1] if p[1] <= low]
    if len(left) < 2 or len(right) < 2:
        return
    x0, x1, drop = left[-1][0], right[-1][0], left[-1][1] - left[0][1]
    teeth = [
        (
            x0 + (x1 - x0) * j / 5,
            low + (drop * rng.uniform(0.05, 0.38) if j % 2 else -drop * rng.uniform(0.0, 0.2)),
        )
        for j in range(1, 5)
    ]
    c.pen.polygon([*left, *teeth, *right[::-1]], fill=white)


def _snow(c: Canvas, line: list[Point], white: RGB, i: int) -> None:
    """Snow lying along a crest."""
    rng = c.rng(f"snow{i}")
    crest = [(x * c.w, y * c.h) for x, y in line]
    under = [(x * c.w, (y + rng.uniform(0.004, 0.016)) * c.h) for x, y in line[::-1]]
    c.pen.polygon(crest + under, fill=white)


def _wood(c: Canvas, line: list[Point], i: int, body: RGB) -> None:
    """Spruces along the two nearest crests."""
    rng = c.rng(f"wood{i}")
    near = i == _RIDGES - 1
    count = round((46 if near else 90) * max(1.0, c.w / c.h))
    colour = shade(body, 0.35)
    if c.scene.season == "autumn":
        colour = mix(colour, c.look.leaf[1], 0.3)
    snow = 0.55 * c.look.lit + 0.15 if c.scene.season == "winter" else 0.0
    for _ in range(count):
        x, y = line[rng.randrange(len(line))]
        tall = rng.uniform(0.5, 1.15) * (74 if near else 34) * c.k
        if (rng.random() < 0.75) == (0.2 < (x * 3.1) % 1.0 < 0.85):
            pine(c, x * c.w, y * c.h + 0.12 * tall, tall, colour, snow=snow)
