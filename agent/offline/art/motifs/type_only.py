"""No subject at all: a sheet with a few big shapes, for a poster whose words are the picture."""

from __future__ import annotations

from ....typeset.boxes import Box
from ..canvas import Canvas, vertical
from ..colour import RGB, lift, mix, shade
from ..layout import plan_of
from ..scene import Scene
from .shapes import apart, centred, ground_of, pill, turned


def focal(scene: Scene, size: tuple[int, int]) -> Box:
    """Where the largest shape stands."""
    return centred(plan_of(size, lettered=scene.lettered, middle=scene.middle).subject, size, 1.0)


def draw(c: Canvas) -> None:
    """Paper, one great disc cut by a bar, quarter rings, a column of dots."""
    look, box = c.look, focal(c.scene, (c.w, c.h))
    ground = ground_of(c)
    if c.bare is None:
        c.image.paste(
            vertical((c.w, c.h), ((0, lift(ground, 0.03)), (1, mix(ground, look.horizon, 0.06))))
        )
    first, second = apart(look.accent, ground), apart(look.middle, ground)
    third = apart(look.deep if not c.scene.night else look.glow, ground)
    x, y = c.at(*box.middle)
    r = box.height * c.h / 2
    flip = -1 if c.scene.seed % 2 else 1
    _bar(c, x, y, r, third, flip)
    _disc(c, x, y, r * 0.78, first, shade(first, 0.16))
    _rings(c, x + flip * r, y + r, r * 0.72, (second, ground), flip)
    _dots(c, x - flip * r * 0.86, y + r * 0.52, r, third)


def _disc(c: Canvas, x: float, y: float, r: float, tone: RGB, dark: RGB) -> None:
    """The great disc, its lower half a shade darker."""
    c.disc(x, y, r, tone)
    c.pen.pieslice((x - r, y - r, x + r, y + r), 0, 180, fill=dark)


def _rings(c: Canvas, x: float, y: float, r: float, tones: tuple[RGB, RGB], flip: int) -> None:
    """Quarter rings standing on the corner of the disc's square."""
    start = 180 if flip > 0 else 270
    for i in range(5):
        q = r * (1 - 0.2 * i)
        c.pen.pieslice((x - q, y - q, x + q, y + q), start, start + 90, fill=tones[i % 2])


def _bar(c: Canvas, x: float, y: float, r: float, tone: RGB, flip: int) -> None:
    """A slanted bar through the disc, from one side of its square to the other."""
    long, thick = r * 1.12, r * 0.17
    bar = turned(pill(x, y, long * 2, thick * 2, 0.5), (x, y), -38.0 * flip)
    c.pen.polygon(bar, fill=tone)


def _dots(c: Canvas, x: float, y: float, r: float, tone: RGB) -> None:
    """Four by four dots."""
    for i in range(4):
        for j in range(4):
            c.disc(x + (i - 1.5) * r * 0.13, y + j * r * 0.13, r * 0.032, tone)
