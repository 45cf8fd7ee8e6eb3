"""What the flat motifs share: placing a shape in its box, bursts of rays, plates, soft shadows."""

from __future__ import annotations

import math
from collections.abc import Sequence

from ....typeset.boxes import Box
from ..canvas import Canvas, Point, glow, soft_shape, vertical
from ..colour import RGB, lift, luminance, mix, shade


def centred(box: Box, size: tuple[int, int], ratio: float) -> Box:
    """The largest box of width/height `ratio` (in pixels) in the middle of `box`."""
    width, height = box.width * size[0], box.height * size[1]
    wide = min(width, height * ratio)
    u, v = wide / size[0], wide / ratio / size[1]
    x, y = box.middle
    return Box(x - u / 2, y - v / 2, x + u / 2, y + v / 2)


def points(c: Canvas, box: Box, row: Sequence[Point]) -> list[Point]:
    """Fractions of a box as pixels."""
    return [c.at(*box.inside(u, v)) for u, v in row]


def turned(row: Sequence[Point], about: Point, degrees: float) -> list[Point]:
    """Points (pixels) turned clockwise about one of them."""
    a = math.radians(degrees)
    ca, sa = math.cos(a), math.sin(a)
    return [
        (
            about[0] + (x - about[0]) * ca - (y - about[1]) * sa,
            about[1] + (x - about[0]) * sa + (y - about[1]) * ca,
        )
        for x, y in row
    ]


def pill(x: float, y: float, wide: float, tall: float, r: float) -> list[Point]:
    """The outline of a rounded rectangle around a point, in pixels."""
    r = min(r, wide / 2, tall / 2)
    outline: list[Point] = []
    corners = ((1, -1, -90), (1, 1, 0), (-1, 1, 90), (-1, -1, 180))
    for sx, sy, start in corners:
        cx, cy = x + sx * (wide / 2 - r), y + sy * (tall / 2 - r)
        for step in range(9):
            a = math.radians(start + 90 * step / 8)
            outline.append((cx + r * math.cos(a), cy + r * math.sin(a)))
    return outline


def burst(c: Canvas, x: float, y: float, tones: tuple[RGB, RGB], count: int = 18) -> None:
    """Rays of two colours from a point to every edge."""
    if c.bare is not None:
        return
    c.pen.rectangle((0, 0, c.w, c.h), fill=tones[0])
    far = 2.0 * (c.w + c.h)
    start = c.rng("burst").random()
    for i in range(count):
        a = math.tau * (i + start) / count
        b = a + math.tau / count / 2
        c.pen.polygon(
            (
                (x, y),
                (x + far * math.cos(a), y + far * math.sin(a)),
                (x + far * math.cos(b), y + far * math.sin(b)),
            ),
            fill=tones[1],
        )


def wash(c: Canvas, x: float, y: float, r: float, *, strength: float = 0.6) -> None:
    """A gradient of the scene's sky with light around a point."""
    if c.bare is not None:
        return
    look = c.look
    c.image.paste(
        vertical(
            (c.w, c.h), ((0, look.deep), (0.6, look.middle), (1, mix(look.middle, look.deep, 0.4)))
        )
    )
    glow(c, x, y, r, mix(look.glow, look.horizon, 0.4), strength, 1.9)


def plain(c: Canvas, tone: RGB) -> None:
    """One flat colour, a breath lighter at the top."""
    if c.bare is None:
        c.image.paste(vertical((c.w, c.h), ((0, lift(tone, 0.07)), (1, shade(tone, 0.06)))))


def drop(c: Canvas, outline: Sequence[Point], depth: float, opacity: float = 0.34) -> None:
    """The shadow a flat thing throws; `depth` in pixels."""
    if c.bare is None:
        moved = [(x + depth * 0.6, y + depth) for x, y in outline]
        soft_shape(c, moved, c.look.ink, opacity, max(2.0, depth * 0.8))


def ground_of(c: Canvas) -> RGB:
    """The flat colour behind: paper by day, the deepest colour by night."""
    look = c.look
    return look.deep if c.scene.night else mix(look.paper, look.horizon, 0.10)


def apart(tone: RGB, ground: RGB) -> RGB:
    """The tone, moved away from a ground it would vanish on."""
    gap = abs(luminance(tone) - luminance(ground))
    if gap > 0.12:
        return tone
    return shade(tone, 0.55) if luminance(ground) > 0.3 else lift(tone, 0.6)
