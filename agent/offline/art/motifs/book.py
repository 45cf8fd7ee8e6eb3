"""An open book, its pages full of light, stars and paper birds rising from it."""

from __future__ import annotations

import math

from ....typeset.boxes import Box
from ..canvas import Canvas, Point, curve, glow, soft_disc, soft_shape
from ..colour import RGB, lift, mix, shade
from ..layout import plan_of
from ..scene import Scene
from ..sky import stars
from .shapes import centred, points, wash


def focal(scene: Scene, size: tuple[int, int]) -> Box:
    """Book and what rises from it."""
    return centred(plan_of(size, lettered=scene.lettered, middle=scene.middle).subject, size, 1.06)


def draw(c: Canvas) -> None:
    """A sky of evening colours, the light, the birds, the book."""
    box = focal(c.scene, (c.w, c.h))
    x, y = c.at(*box.inside(0.5, 0.62))
    r = box.height * c.h
    wash(c, x, y, r * 1.2, strength=0.85)
    if c.bare is None:
        if c.scene.light != "day":
            stars(c, 120, 0.9)
        _beam(c, box)
    _birds(c, box)
    _book(c, box)


def _beam(c: Canvas, box: Box) -> None:
    """Light out of the fold."""
    light = mix(c.look.glow, c.look.paper, 0.3)
    for spread, opacity in ((0.95, 0.13), (0.62, 0.16), (0.33, 0.20)):
        shape = points(
            c, box, ((0.5 - spread, -0.8), (0.5 + spread, -0.8), (0.54, 0.76), (0.46, 0.76))
        )
        soft_shape(c, shape, light, opacity, 26 * c.k)
    x, y = c.at(*box.inside(0.5, 0.70))
    glow(c, x, y, box.height * c.h * 0.5, lift(light, 0.3), 0.8, 1.8)
    rng = c.rng("motes")
    for _ in range(64):
        u, v = rng.uniform(0.12, 0.88), rng.uniform(0.02, 0.66)
        px, py = c.at(*box.inside(u, v))
        s = rng.uniform(2.5, 8.5) * c.k
        if rng.random() < 0.3:
            _spark(c, px, py, s * 1.9, lift(light, 0.6))
        else:
            c.disc(px, py, s * 0.55, mix(light, c.look.paper, rng.random()))


def _spark(c: Canvas, x: float, y: float, r: float, tone: RGB) -> None:
    """A four-pointed star."""
    row: list[Point] = []
    for i in range(8):
        a, far = math.tau * i / 8, r if i % 2 == 0 else r * 0.26
        row.append((x + far * math.cos(a), y + far * math.sin(a)))
    c.pen.polygon(row, fill=tone)


def _birds(c: Canvas, box: Box) -> None:
    """Folded paper birds on their way up."""
    paper = lift(c.look.paper, 0.3)
    for u, v, s, flip in (
        (0.30, 0.40, 0.125, 1),
        (0.66, 0.27, 0.150, -1),
        (0.44, 0.13, 0.095, 1),
        (0.80, 0.47, 0.080, 1),
    ):
        x, y = c.at(*box.inside(u, v))
        k = s * box.height * c.h * flip
        t = abs(k)
        c.pen.polygon(
            ((x - k * 0.1, y), (x - k * 0.75, y - t * 0.85), (x + k * 0.22, y - t * 0.1)),
            fill=shade(paper, 0.18),
        )
        c.pen.polygon(
            (
                (x - k * 1.0, y + t * 0.22),
                (x, y - t * 0.12),
                (x + k * 0.5, y + t * 0.10),
                (x, y + t * 0.28),
            ),
            fill=shade(paper, 0.10),
        )
        c.pen.polygon(
            (
                (x + k * 0.5, y + t * 0.10),
                (x + k * 1.05, y - t * 0.32),
                (x + k * 0.98, y - t * 0.08),
            ),
            fill=shade(paper, 0.22),
        )
        c.pen.polygon(
            (
                (x - k * 0.15, y + t * 0.03),
                (x + k * 0.10, y - t * 1.02),
                (x + k * 0.42, y + t * 0.08),
            ),
            fill=paper,
        )


def _leaf(side: int, lift_by: float) -> list[Point]:
    """One page in fractions of the box: from the fold out, over its bulge, and back below."""
    rise = lift_by
    top = curve(
        [
            (0.5, 0.735),
            (0.5 + side * 0.10, 0.665 - rise),
            (0.5 + side * 0.27, 0.655 - rise),
            (0.5 + side * 0.455, 0.715 - rise * 0.4),
        ],
        8,
    )
    low = curve(
        [
            (0.5 + side * 0.475, 0.895 - rise * 0.4),
            (0.5 + side * 0.28, 0.845 - rise),
            (0.5 + side * 0.10, 0.86 - rise),
            (0.5, 0.935),
        ],
        8,
    )
    return [*top, *low]


def _book(c: Canvas, box: Box) -> None:
    """Cover, a block of pages, the two open pages with their lines, a ribbon."""
    look = c.look
    cover = mix(look.accent, look.deep, 0.12)
    x, y = c.at(*box.inside(0.5, 0.955))
    if c.bare is None:
        soft_disc(c, x, y, box.width * c.w * 0.56, box.height * c.h * 0.055, look.ink, 0.6)
    for side in (-1, 1):
        back = [(0.5, 0.965), (0.5 + side * 0.50, 0.925), (0.5 + side * 0.485, 0.705), (0.5, 0.76)]
        c.pen.polygon(points(c, box, back), fill=cover)
        c.pen.polygon(
            points(
                c,
                box,
                [
                    (0.5, 0.985),
                    (0.5 + side * 0.50, 0.942),
                    (0.5 + side * 0.50, 0.925),
                    (0.5, 0.965),
                ],
            ),
            fill=shade(cover, 0.35),
        )
    page = mix(lift(look.paper, 0.35), look.glow, 0.06)
    for i in range(5):
        tone = shade(page, 0.20) if i % 2 else shade(page, 0.06)
        for side in (-1, 1):
            c.pen.polygon(
                points(c, box, [(u, v + 0.022 - 0.0055 * i) for u, v in _leaf(side, 0.0)]),
                fill=tone,
            )
    for side in (-1, 1):
        c.pen.polygon(
            points(c, box, _leaf(side, 0.004)), fill=shade(page, 0.05 if side < 0 else 0.0)
        )
        for i in range(6):
            row = curve(
                [
                    (0.5 + side * 0.055, 0.752 + 0.026 * i - 0.028),
                    (0.5 + side * 0.16, 0.715 + 0.026 * i - 0.02),
                    (0.5 + side * 0.28, 0.708 + 0.026 * i - 0.02),
                    (0.5 + side * (0.42 - 0.05 * (i % 3)), 0.735 + 0.026 * i - 0.02),
                ],
                6,
            )
            c.pen.line(
                points(c, box, row),
                fill=mix(page, look.deep, 0.34),
                width=c.width(4),
                joint="curve",
            )
    fold = points(c, box, ((0.488, 0.72), (0.512, 0.72), (0.506, 0.935), (0.494, 0.935)))
    soft_shape(c, fold, look.ink, 0.42, 8 * c.k)
    tail = curve([(0.512, 0.93), (0.53, 0.975), (0.515, 1.0)], 6)
    c.pen.line(points(c, box, tail), fill=shade(cover, 0.2), width=c.width(11), joint="curve")
