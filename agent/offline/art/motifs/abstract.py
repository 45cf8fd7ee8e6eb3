"""The fallback for words without a picture: ribbons of light, always in the asked colours."""

from __future__ import annotations

import math

from PIL import Image, ImageDraw

from ....typeset.boxes import Box
from ..canvas import Canvas, Point, glow, slab, vertical
from ..colour import lift, mix, shade
from ..layout import fit_box, plan_of
from ..scene import Scene


def focal(scene: Scene, size: tuple[int, int]) -> Box:
    """The disc behind the ribbons."""
    subject = plan_of(size, lettered=scene.lettered, middle=scene.middle).subject
    core = subject._replace(y1=subject.y0 + subject.height * 0.62)
    return fit_box(core, size, 1.0, 0.3 + 0.1 * (scene.seed % 5))


def draw(c: Canvas) -> None:
    """A gradient, one disc, and layered ribbons that cross in front of it."""
    look = c.look
    if c.bare is None:
        c.image.paste(
            vertical((c.w, c.h), ((0, look.deep), (0.55, look.middle), (1, look.horizon)))
        )
    box = focal(c.scene, (c.w, c.h))
    x, y = c.at(*box.middle)
    r = box.width * c.w / 2
    glow(c, x, y, r * 2.6, look.glow, 0.6, 2.0)
    side = round(r * 2)
    disc = vertical(
        (side, side), ((0, lift(look.glow, 0.35)), (1, mix(look.horizon, look.glow, 0.35)))
    )
    _paste_disc(c, disc, x - r, y - r)
    rng = c.rng("ribbons")
    hues = (look.horizon, look.glow, look.middle, look.accent, look.deep, shade(look.deep, 0.35))
    for i, hue in enumerate(hues):
        t = i / (len(hues) - 1)
        base = c.plan.subject.y0 + c.plan.subject.height * (0.52 + 0.62 * t)
        line = _ribbon(base, 0.055 - 0.018 * t, rng.uniform(0.7, 1.6), rng.random() * 6.3)
        slab(c, line, lift(hue, 0.22), mix(hue, shade(look.deep, 0.15), 0.45), 0.16)
        edge: list[Point] = [(px * c.w, py * c.h) for px, py in line]
        c.pen.line(edge, fill=lift(hue, 0.4), width=c.width(2), joint="curve")


def _paste_disc(c: Canvas, disc: Image.Image, x: float, y: float) -> None:
    """Paste a square image as a circle."""
    mask = Image.new("L", disc.size)
    ImageDraw.Draw(mask).ellipse((0, 0, disc.width - 1, disc.height - 1), fill=255)
    c.image.paste(disc, (round(x), round(y)), mask)


def _ribbon(base: float, amp: float, waves: float, phase: float) -> list[Point]:
    """A slow wave across the picture, as fractions."""
    return [
        (
            i / 80,
            base
            + amp * math.sin(i / 80 * math.tau * waves + phase)
            + amp * 0.5 * math.sin(i / 80 * math.tau * waves * 1.7 + phase * 1.9),
        )
        for i in range(81)
    ]
