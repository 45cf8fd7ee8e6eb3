"""A stage: red curtains drawn aside, a spotlight, and the two masks of the theatre."""

from __future__ import annotations

import math

from ....typeset.boxes import Box
from ..canvas import Canvas, Point, curve, glow, soft_disc, soft_shape, vertical
from ..colour import RGB, lift, mix, rgb, shade
from ..layout import plan_of
from ..scene import Scene
from .shapes import centred, turned

_FLOOR = 0.86


def focal(scene: Scene, size: tuple[int, int]) -> Box:
    """The masks."""
    return centred(plan_of(size, lettered=scene.lettered, middle=scene.middle).subject, size, 1.18)


def draw(c: Canvas) -> None:
    """The back of the stage, light, boards, masks, curtains, the frill above."""
    box = focal(c.scene, (c.w, c.h))
    cloth = mix(c.look.accent, c.look.deep, 0.06 + (1 - c.look.lit) * 0.20)
    if c.bare is None:
        _back(c, box, cloth)
        for side in (-1, 1):
            _curtain(c, side, cloth)
        _frill(c, cloth)
    _mask(c, c.at(*box.inside(0.645, 0.40)), box.height * c.h * 0.355, sad=True)
    _mask(c, c.at(*box.inside(0.335, 0.565)), box.height * c.h * 0.395, sad=False)


def _back(c: Canvas, box: Box, cloth: RGB) -> None:
    """Darkness behind, two beams, boards in perspective."""
    look = c.look
    deep = shade(mix(look.deep, cloth, 0.22), 0.45)
    c.image.paste(
        vertical((c.w, c.h), ((0, shade(deep, 0.35)), (0.7, mix(deep, cloth, 0.28)), (1, deep)))
    )
    x, y = c.at(*box.middle)
    r = box.height * c.h
    light = mix(look.glow, look.paper, 0.35)
    for u in (0.16, 0.84):
        top = u * c.w
        soft_shape(
            c,
            [
                (top - 16 * c.k, -20),
                (top + 16 * c.k, -20),
                (x + r * 0.66, c.h * 0.93),
                (x - r * 0.66, c.h * 0.93),
            ],
            light,
            0.20,
            30 * c.k,
        )
    glow(c, x, y, r * 1.1, mix(look.glow, cloth, 0.25), 0.6, 1.9)
    _boards(c, x, cloth)
    soft_disc(c, x, min(c.h * 0.95, (box.y1 + 0.02) * c.h), r * 0.95, r * 0.13, light, 0.62)


def _boards(c: Canvas, x: float, cloth: RGB) -> None:
    """The floor, its boards running together behind the middle."""
    y0 = round(_FLOOR * c.h)
    wood = mix(rgb("#8a5632"), shade(c.look.deep, 0.3), 0.35)
    c.image.paste(vertical((c.w, c.h - y0), ((0, shade(wood, 0.45)), (1, wood))), (0, y0))
    for i in range(-14, 15):
        c.pen.line(
            (x + i * c.w * 0.07, y0, x + i * c.w * 0.15, c.h),
            fill=shade(wood, 0.5),
            width=c.width(3),
        )
    c.pen.rectangle((0, y0 - 5 * c.k, c.w, y0), fill=shade(cloth, 0.55))


_FACE: tuple[Point, ...] = ((-0.86, -0.84), (-0.42, -0.93), (0.0, -0.90), (0.42, -0.93), (0.86, -0.84), (0.90, -0.20),
                            (0.70, 0.52), (0.32, 0.92), (0.0, 1.02), (-0.32, 0.92), (-0.70, 0.52), (-0.90, -0.20), (-0.86, -0.84))  # fmt: skip


def _mask(c: Canvas, at: Point, s: float, *, sad: bool) -> None:
    """One mask: laughing gold in front, weeping silver behind."""
    tilt = 11.0 if sad else -11.0
    gold = mix(c.look.glow, rgb("#f3c65b"), 0.5)
    face = mix(c.look.middle, lift(c.look.paper, 0.2), 0.72) if sad else gold

    def laid(row: list[Point]) -> list[Point]:
        return turned([(at[0] + u * s, at[1] + v * s) for u, v in row], at, tilt)

    outline = laid(curve(_FACE, 6))
    soft_shape(c, [(x + s * 0.07, y + s * 0.12) for x, y in outline], c.look.ink, 0.5, s * 0.10)
    c.pen.polygon(outline, fill=shade(face, 0.20))
    c.pen.polygon(
        laid([(u * 0.955 - 0.025, v * 0.955 - 0.03) for u, v in curve(_FACE, 6)]), fill=face
    )
    dark = shade(c.look.deep, 0.55)
    cheek = laid([(0.92 * u, v) for u, v in curve(_FACE, 6) if u > -0.02])
    c.pen.polygon([*cheek, *laid([(0.12, 0.5), (0.10, -0.4)])], fill=shade(face, 0.09))
    for side in (-1, 1):
        c.pen.polygon(laid(_eye(side, sad=sad)), fill=dark)
        brow = curve(
            [
                (side * 0.66, -0.50 if sad else -0.48),
                (side * 0.42, -0.62 if not sad else -0.56),
                (side * 0.16, -0.50 if not sad else -0.70),
            ],
            8,
        )
        c.pen.line(laid(brow), fill=shade(face, 0.42), width=max(1, round(s * 0.05)), joint="curve")
    nose = laid(curve([(0.0, -0.30), (0.02, 0.02), (0.13, 0.16), (-0.02, 0.19)], 6))
    c.pen.line(nose, fill=shade(face, 0.34), width=max(1, round(s * 0.035)), joint="curve")
    c.pen.polygon(laid(_mouth(sad=sad)), fill=dark)


def _eye(side: int, *, sad: bool) -> list[Point]:
    """A crescent, up for laughing, down for weeping."""
    sign = -1 if not sad else 1
    upper = curve(
        [(side * 0.66, -0.24), (side * 0.41, -0.24 + sign * 0.17), (side * 0.17, -0.24)], 8
    )
    lower = curve(
        [(side * 0.17, -0.24), (side * 0.41, -0.24 + sign * 0.015 + 0.03), (side * 0.66, -0.24)], 8
    )
    return [*upper, *lower]


def _mouth(*, sad: bool) -> list[Point]:
    """An open mouth, laughing or weeping."""
    if sad:
        over = curve([(-0.44, 0.70), (-0.26, 0.42), (0.0, 0.34), (0.26, 0.42), (0.44, 0.70)], 8)
        under = curve([(0.44, 0.70), (0.20, 0.58), (0.0, 0.55), (-0.20, 0.58), (-0.44, 0.70)], 8)
    else:
        over = curve([(-0.56, 0.26), (-0.26, 0.36), (0.0, 0.38), (0.26, 0.36), (0.56, 0.26)], 8)
        under = curve([(0.56, 0.26), (0.40, 0.60), (0.0, 0.78), (-0.40, 0.60), (-0.56, 0.26)], 8)
    return [*over, *under]


def _curtain(c: Canvas, side: int, cloth: RGB) -> None:
    """Folds from the top to a tie and on to the floor; `side` is -1 left, 1 right."""
    wide = min(0.20 * c.w, 0.26 * c.h)
    edge = 0.0 if side < 0 else float(c.w)
    folds = 7
    for i in range(folds):
        a, b = i / folds, (i + 1) / folds
        glint = (0.25, 0.75, 0.45, 0.95, 0.35, 0.8, 0.55)[i]
        tone = mix(shade(cloth, 0.52), lift(cloth, 0.16), glint)
        c.pen.polygon(
            [*_fold(c, edge, side, wide, b), *_fold(c, edge, side, wide, a)[::-1]], fill=tone
        )
        line = _fold(c, edge, side, wide, b)
        c.pen.line(line, fill=shade(cloth, 0.62), width=c.width(3), joint="curve")
    y = c.h * 0.62
    reach = wide * 0.66
    c.pen.rounded_rectangle(
        (
            min(edge, edge - side * reach),
            y - 11 * c.k,
            max(edge, edge - side * reach),
            y + 11 * c.k,
        ),
        9 * c.k,
        fill=mix(c.look.glow, rgb("#d9a441"), 0.5),
    )


def _fold(c: Canvas, edge: float, side: int, wide: float, t: float) -> list[Point]:
    """The line of one fold, t of the way from the wall to the opening."""
    pulls = ((0.0, 1.18), (0.22, 1.06), (0.45, 0.82), (0.62, 0.62), (0.78, 0.74), (1.0, 0.88))
    return curve([(edge - side * wide * t * pull, v * c.h) for v, pull in pulls], 8)


def _frill(c: Canvas, cloth: RGB) -> None:
    """Scallops of cloth across the top, with a gold hem."""
    count = max(4, round(c.w / (150 * c.k)))
    wide, tall = c.w / count, 66 * c.k
    c.pen.rectangle((0, 0, c.w, tall * 0.62), fill=shade(cloth, 0.18))
    hem = mix(c.look.glow, rgb("#d9a441"), 0.5)
    for i in range(count):
        x = i * wide
        c.pen.pieslice((x, -tall * 0.02, x + wide, tall * 1.36), 0, 180, fill=hem)
        c.pen.pieslice(
            (x, -tall * 0.10, x + wide, tall * 1.24),
            0,
            180,
            fill=mix(cloth, shade(cloth, 0.3), (i % 2) * 0.5),
        )
    for i in range(count * 4):
        u = (i + 0.5) / (count * 4) * c.w
        c.pen.line(
            (u, 0, u, tall * (0.62 + 0.3 * math.sin(math.pi * ((u / wide) % 1)))),
            fill=shade(cloth, 0.30),
            width=c.width(3),
        )
