"""A full shopping bag with swing tags and confetti."""

from __future__ import annotations

import math

from ....typeset.boxes import Box
from ..canvas import Canvas, Point, curve
from ..colour import RGB, lift, mix, shade
from ..layout import plan_of
from ..scene import Scene
from .health import heart_at
from .shapes import apart, burst, centred, drop, pill, points, turned


def focal(scene: Scene, size: tuple[int, int]) -> Box:
    """Bag and tags."""
    return centred(plan_of(size, lettered=scene.lettered, middle=scene.middle).subject, size, 1.06)


def draw(c: Canvas) -> None:
    """Rays, confetti, the bag with what sticks out of it, the tags."""
    box, look = focal(c.scene, (c.w, c.h)), c.look
    base = mix(look.glow, look.paper, 0.18)
    if c.scene.night:
        base = look.deep
    x, y = c.at(*box.middle)
    burst(c, x, y, (base, mix(base, look.paper if not c.scene.night else look.middle, 0.42)), 20)
    tones = (
        apart(look.accent, base),
        apart(look.middle, base),
        apart(look.horizon, base),
        lift(look.paper, 0.4),
    )
    if c.bare is None:
        _confetti(c, tones)
    _bag(c, box, tones)
    _tag(c, box, (0.20, 0.42), -22, tones[1], 1.0)
    _tag(c, box, (0.80, 0.36), 16, tones[2], 0.86)


def _confetti(c: Canvas, tones: tuple[RGB, ...]) -> None:
    """Paper strips and dots in the air."""
    rng = c.rng("confetti")
    for _ in range(round(90 * (c.w * c.h / min(c.w, c.h) ** 2) ** 0.8)):
        x, y = rng.random() * c.w, rng.random() * c.h
        s, tone = rng.uniform(7, 17) * c.k, tones[rng.randrange(len(tones))]
        if rng.random() < 0.4:
            c.disc(x, y, s * 0.55, tone)
        else:
            strip = pill(x, y, s * 2.1, s * 0.7, 1)
            c.pen.polygon(turned(strip, (x, y), rng.uniform(0, 180)), fill=tone)


def _bag(c: Canvas, box: Box, tones: tuple[RGB, ...]) -> None:
    """A paper bag with a side fold and two handles, boxes and tissue in its mouth."""
    paper = tones[0]
    _contents(c, box, tones)
    face = points(c, box, ((0.27, 0.37), (0.66, 0.37), (0.685, 0.97), (0.245, 0.97)))
    side = points(c, box, ((0.66, 0.37), (0.77, 0.34), (0.80, 0.92), (0.685, 0.97)))
    drop(c, [*face[:1], side[1], side[2], *face[2:]], 28 * c.k)
    c.pen.polygon(face, fill=paper)
    c.pen.polygon(side, fill=shade(paper, 0.24))
    c.pen.polygon([side[0], points(c, box, ((0.725, 0.62),))[0], side[3]], fill=shade(paper, 0.14))
    c.pen.polygon(
        points(c, box, ((0.27, 0.37), (0.66, 0.37), (0.662, 0.42), (0.268, 0.42))),
        fill=lift(paper, 0.14),
    )
    rope = curve(
        points(c, box, ((0.37, 0.41), (0.38, 0.22), (0.465, 0.15), (0.55, 0.22), (0.56, 0.41)))
    )
    c.pen.line(rope, fill=shade(c.look.deep, 0.3), width=c.width(12), joint="curve")
    for u in (0.37, 0.56):
        x, y = c.at(*box.inside(u, 0.41))
        c.disc(x, y, 11 * c.k, shade(c.look.deep, 0.3))
    x, y = c.at(*box.inside(0.465, 0.70))
    c.pen.polygon(heart_at(x, y, 0.105 * box.height * c.h), fill=lift(c.look.paper, 0.5))


def _contents(c: Canvas, box: Box, tones: tuple[RGB, ...]) -> None:
    """Two wrapped boxes and a fan of tissue behind the bag's front."""
    for u, v, w, h, tone, ribbon in (
        (0.34, 0.28, 0.17, 0.26, tones[1], tones[3]),
        (0.60, 0.27, 0.20, 0.24, tones[2], tones[0]),
    ):
        x, y = c.at(*box.inside(u, v + 0.06))
        wide, tall = w * box.width * c.w, h * box.height * c.h
        tilt = -6 if u < 0.5 else 8
        for piece, fill in (
            (pill(x, y, wide, tall, 4 * c.k), tone),
            (pill(x, y, wide * 0.18, tall, 1), ribbon),
        ):
            c.pen.polygon(turned(piece, (x, y), tilt), fill=fill)
        for side in (-1, 1):
            bow: list[Point] = [
                (x, y - tall * 0.5),
                (x + side * wide * 0.24, y - tall * 0.70),
                (x + side * wide * 0.28, y - tall * 0.46),
            ]
            c.pen.polygon(turned(bow, (x, y), tilt), fill=ribbon)
    for i in range(6):
        a = 0.29 + 0.062 * i
        leaf = points(c, box, ((a, 0.40), (a + 0.02, 0.27 + 0.03 * (i % 2)), (a + 0.075, 0.40)))
        c.pen.polygon(leaf, fill=mix(lift(c.look.paper, 0.5), tones[1], 0.12 * (i % 3)))


def _tag(c: Canvas, box: Box, at: Point, tilt: float, tone: RGB, scale: float) -> None:
    """A cardboard tag on a string, with a star punched out of its middle."""
    x, y = c.at(*box.inside(*at))
    s = box.height * c.h * 0.15 * scale
    outline = turned(
        [(x - s * 0.62, y - s * 0.72), (x - s * 0.30, y - s * 1.12), (x + s * 0.30, y - s * 1.12), (x + s * 0.62, y - s * 0.72),
         (x + s * 0.62, y + s * 1.12), (x - s * 0.62, y + s * 1.12)], (x, y), tilt)  # fmt: skip
    drop(c, outline, 15 * c.k)
    c.pen.polygon(outline, fill=tone)
    (hx, hy), (sx, sy) = turned([(x, y - s * 0.78), (x, y + s * 0.22)], (x, y), tilt)
    string = curve([(hx, hy), (hx + s * 0.25, hy - s * 0.9), (hx + s * 0.05, hy - s * 1.5)])
    c.pen.line(string, fill=shade(c.look.deep, 0.3), width=c.width(5), joint="curve")
    c.disc(hx, hy, s * 0.13, lift(c.look.paper, 0.6))
    star: list[Point] = []
    for i in range(10):
        a, r = math.tau * i / 10 - math.pi / 2, s * (0.46 if i % 2 == 0 else 0.20)
        star.append((sx + r * math.cos(a), sy + r * math.sin(a)))
    c.pen.polygon(turned(star, (sx, sy), tilt), fill=lift(c.look.paper, 0.5))
