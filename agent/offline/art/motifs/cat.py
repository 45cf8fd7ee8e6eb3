"""A cat on a windowsill, looking out at the weather."""

from __future__ import annotations

import math

from ....typeset.boxes import Box
from ..canvas import (
    Canvas,
    Point,
    clouds,
    curve,
    glow,
    petal,
    ridge,
    soft_disc,
    soft_shape,
    vertical,
)
from ..colour import RGB, lift, mix, rgb, shade
from ..layout import fit_box, plan_of
from ..scene import Scene
from ..sky import moon_face, sky_stops
from .cat_face import front
from .trees import broadleaf


def focal(scene: Scene, size: tuple[int, int]) -> Box:
    """The window with the cat in it."""
    return fit_box(
        plan_of(size, lettered=scene.lettered, middle=scene.middle).subject, size, 1.02, 0.5
    )


def draw(c: Canvas) -> None:
    """The wall, the view, the frame and curtains, the sill with a plant, the cat."""
    box = focal(c.scene, (c.w, c.h))
    view = Box(
        box.x0 + box.width * 0.10,
        box.y0 + box.height * 0.02,
        box.x1 - box.width * 0.10,
        box.y0 + box.height * 0.86,
    )
    if c.bare is None:
        _wall(c, view)
        _view(c, view)
        _frame(c, view)
        _curtains(c, view)
    _sill(c, box, view)
    _plant(c, *c.at(*box.inside(0.79, 0.868)), 1.0)
    _cat(c, box)


def _wall(c: Canvas, view: Box) -> None:
    """A papered wall, dim at the rim, with the window's light on it."""
    look = c.look
    day = c.scene.light == "day"
    tone = (
        mix(mix(look.paper, look.horizon, 0.7), look.middle, 0.18)
        if day
        else mix(look.deep, look.middle, 0.42)
    )
    if not day:
        tone = mix(lift(tone, 0.05), rgb("#a5654a"), 0.30)
    c.image.paste(
        vertical((c.w, c.h), ((0, shade(tone, 0.10)), (0.6, tone), (1, shade(tone, 0.26))))
    )
    step = 54 * c.k
    for i in range(int(c.w / step) + 2):
        x = i * step
        c.pen.line(
            (x, 0, x, c.h),
            fill=mix(c.image_colour(x, c.h * 0.4), lift(tone, 0.2), 0.35),
            width=c.width(3),
        )
    x, y = c.at(*view.middle)
    glow(
        c,
        x,
        y,
        view.width * c.w * 1.05,
        mix(look.glow, look.horizon, 0.4),
        0.42 if day else 0.3,
        1.8,
    )


def _view(c: Canvas, view: Box) -> None:
    """Sky, sun or moon, far hills and a tree, all inside the panes."""
    look = c.look
    x0, y0, x1, y1 = (round(v) for v in c.box(view))
    span = (x1 - x0, y1 - y0)
    c.image.paste(vertical(span, sky_stops(c, 0.86)), (x0, y0))
    if not c.scene.night:
        clouds(
            c,
            Box(view.x0, view.y0, view.x1, view.y0 + view.height * 0.7),
            lift(look.horizon, 0.55),
            0.7,
            "window",
            (3, 5),
            0.5,
        )
    # Clouds are laid in whole boxes of the sheet, so the frame covers their straight ends.
    rng = c.rng("panes")
    mx, my = x0 + span[0] * 0.72, y0 + span[1] * 0.24
    r = span[0] * 0.088
    if c.scene.night:
        for _ in range(70):
            sx, sy = x0 + rng.random() * span[0], y0 + rng.random() ** 1.4 * span[1] * 0.7
            c.disc(
                sx,
                sy,
                rng.uniform(0.8, 1.9) * c.k,
                mix(look.middle, look.paper, rng.uniform(0.3, 1)),
            )
        glow(c, mx, my, r * 3.6, look.glow, 0.55)
        moon_face(c, mx, my, r)
    else:
        sun = (mx, my) if c.scene.light == "day" else (mx, y0 + span[1] * 0.62)
        glow(c, *sun, r * 4, look.glow, 0.75)
        c.disc(*sun, r, lift(look.glow, 0.55))
    for i in range(3):
        line = ridge(c.rng(f"hill{i}"), 0.72 + 0.085 * i, 0.05, 0.45, 5)
        tone = mix(
            mix(look.horizon, look.middle, 0.5),
            mix(look.near, look.leaf[0], 0.4 if c.scene.season != "winter" else 0.85),
            0.25 + 0.3 * i,
        )
        hill = [(x0 + u * span[0], min(y1, y0 + v * span[1])) for u, v in line]
        c.pen.polygon([*hill, (x1, y1), (x0, y1)], fill=tone)
    broadleaf(
        c,
        x0 + span[0] * 0.20,
        y1 - span[1] * 0.03,
        span[1] * 0.46,
        look.leaf[1] if c.scene.season in ("spring", "autumn", "winter") else look.leaf[0],
        shade(look.near, 0.2),
    )
    _weather(c, x0, y0, span)


def _weather(c: Canvas, x0: int, y0: int, span: tuple[int, int]) -> None:
    """Snow, leaves or petals outside."""
    rng, look = c.rng("weather"), c.look
    if c.scene.season == "winter":
        for _ in range(120):
            r = rng.uniform(1.5, 4.6) * c.k
            c.disc(
                x0 + rng.uniform(0.01, 0.99) * span[0],
                y0 + rng.uniform(0.01, 0.99) * span[1],
                r,
                lift(look.paper, 0.4),
            )
    elif c.scene.season in ("autumn", "spring"):
        for _ in range(34):
            x, y = x0 + rng.uniform(0.06, 0.94) * span[0], y0 + rng.uniform(0.06, 0.94) * span[1]
            c.pen.polygon(
                petal(x, y, rng.uniform(0, 6.2), 15 * c.k, 7 * c.k),
                fill=look.leaf[rng.randrange(3)],
            )


def _frame(c: Canvas, view: Box) -> None:
    """White joinery: outer frame, a cross of bars, with light and shade on its edges."""
    look = c.look
    x0, y0, x1, y1 = c.box(view)
    wood = mix(lift(look.paper, 0.2), shade(look.deep, 0.25), (1 - look.lit) * 0.55)
    b = view.width * c.w * 0.032
    bars = ((x0 - b, y0 - b, x0 + b * 0.4, y1), (x1 - b * 0.4, y0 - b, x1 + b, y1), (x0 - b, y0 - b, x1 + b, y0 + b * 0.4),
            ((x0 + x1) / 2 - b * 0.45, y0, (x0 + x1) / 2 + b * 0.45, y1), (x0, y0 + (y1 - y0) * 0.36, x1, y0 + (y1 - y0) * 0.36 + b * 0.7))  # fmt: skip
    for bar in bars:
        c.pen.rectangle(bar, fill=wood)
        c.pen.line((bar[0], bar[3], bar[2], bar[3]), fill=shade(wood, 0.25), width=c.width(3))
        c.pen.line((bar[2], bar[1], bar[2], bar[3]), fill=shade(wood, 0.18), width=c.width(3))


def _curtains(c: Canvas, view: Box) -> None:
    """Two curtains gathered at the sides, hanging from a rod."""
    look = c.look
    x0, y0, x1, y1 = c.box(view)
    w, top = (x1 - x0) * 0.15, y0 - (y1 - y0) * 0.045
    cloth = mix(
        mix(look.horizon, rgb("#c9725c"), 0.55),
        shade(look.deep, 0.2),
        (1 - look.lit) * 0.55,
    )
    folds = 6
    for side in (-1, 1):
        edge = x0 - w * 0.55 if side < 0 else x1 + w * 0.55
        for i in range(folds):
            a, d = i / folds, (i + 1) / folds
            tone = mix(shade(cloth, 0.24), lift(cloth, 0.16), (0.2, 0.7, 1.0, 0.5, 0.25, 0.65)[i])
            pull = 0.55
            shape = [(edge - side * w * a, top), (edge - side * w * d, top)]
            shape += curve(
                [
                    (edge - side * w * d, top),
                    (edge - side * w * d * 0.92, y0 + (y1 - y0) * 0.4),
                    (edge - side * w * d * pull, y0 + (y1 - y0) * 0.72),
                    (edge - side * w * d * 0.75, y1),
                ],
                6,
            )
            shape += curve(
                [
                    (edge - side * w * a * 0.75, y1),
                    (edge - side * w * a * pull, y0 + (y1 - y0) * 0.72),
                    (edge - side * w * a * 0.92, y0 + (y1 - y0) * 0.4),
                    (edge - side * w * a, top),
                ],
                6,
            )
            c.pen.polygon(shape, fill=tone)
        tie = y0 + (y1 - y0) * 0.72
        c.pen.rounded_rectangle(
            (
                min(edge, edge - side * w * 0.58),
                tie - 7 * c.k,
                max(edge, edge - side * w * 0.58),
                tie + 7 * c.k,
            ),
            6 * c.k,
            fill=shade(cloth, 0.4),
        )
    rod = mix(rgb("#6b4a30"), shade(look.deep, 0.3), 0.3 + (1 - look.lit) * 0.4)
    c.pen.line((x0 - w * 0.85, top, x1 + w * 0.85, top), fill=rod, width=c.width(11))
    for x in (x0 - w * 0.85, x1 + w * 0.85):
        c.disc(x, top, 12 * c.k, rod)


def _sill(c: Canvas, box: Box, view: Box) -> None:
    """The sill's top and face, catching the light."""
    look = c.look
    x0, x1 = c.box(box)[0], c.box(box)[2]
    y, deep = view.y1 * c.h, box.height * c.h * 0.055
    wood = mix(lift(look.paper, 0.1), shade(look.deep, 0.25), 0.10 + (1 - look.lit) * 0.52)
    c.pen.polygon(
        ((x0 + deep, y - 2), (x1 - deep, y - 2), (x1, y + deep), (x0, y + deep)),
        fill=lift(wood, 0.2),
    )
    c.pen.rectangle((x0, y + deep, x1, y + deep * 1.75), fill=shade(wood, 0.14))
    if c.bare is None:
        soft_shape(
            c,
            [
                (x0, y + deep * 1.75),
                (x1, y + deep * 1.75),
                (x1 - deep, y + deep * 2.8),
                (x0 + deep, y + deep * 2.8),
            ],
            look.ink,
            0.30,
            9 * c.k,
        )


def _plant(c: Canvas, x: float, y: float, scale: float) -> None:
    """A pot of upright leaves."""
    look, s = c.look, 78 * c.k * scale
    dim = (1 - look.lit) * 0.42
    for i in range(9):
        a = -math.pi / 2 + (i - 4) * 0.21
        tone = mix(
            shade(look.leaf[0 if c.scene.season != "autumn" else i % 3], 0.10 * (i % 3)),
            shade(look.deep, 0.2),
            dim,
        )
        c.pen.polygon(petal(x, y - s * 0.85, a, s * (1.5 - 0.09 * abs(i - 4)), s * 0.34), fill=tone)
    pot = mix(rgb("#c4684a"), shade(look.deep, 0.2), dim)
    soft_disc(c, x, y, s * 0.8, s * 0.16, look.ink, 0.4)
    c.pen.polygon(
        (
            (x - s * 0.5, y - s * 0.9),
            (x + s * 0.5, y - s * 0.9),
            (x + s * 0.38, y),
            (x - s * 0.38, y),
        ),
        fill=pot,
    )
    c.pen.polygon(
        (
            (x + s * 0.12, y - s * 0.9),
            (x + s * 0.5, y - s * 0.9),
            (x + s * 0.38, y),
            (x + s * 0.08, y),
        ),
        fill=shade(pot, 0.2),
    )
    c.pen.rectangle((x - s * 0.56, y - s * 1.02, x + s * 0.56, y - s * 0.82), fill=lift(pot, 0.1))


_BODY = ((0.0, -1.02), (0.17, -0.98), (0.26, -0.84), (0.32, -0.62), (0.43, -0.36), (0.47, -0.14), (0.40, 0.0), (0.0, 0.03))  # fmt: skip
_HEAD = ((0.0, -1.27), (0.13, -1.26), (0.23, -1.36), (0.275, -1.52), (0.30, -1.30), (0.315, -1.10), (0.25, -0.95), (0.12, -0.88), (0.0, -0.87))  # fmt: skip


def _cat(c: Canvas, box: Box) -> None:
    """A sitting cat, a rim of light around it, its tail over the sill; its back, or its face."""
    look = c.look
    x, y = c.at(*box.inside(0.43, 0.895))
    s = box.height * c.h * 0.335
    coat = mix(look.accent, shade(look.deep, 0.45), 0.10 + (1 - look.lit) * 0.35)
    rim = mix(coat, lift(look.glow, 0.3), 0.66)
    soft_disc(c, x, y, s * 0.72, s * 0.10, look.ink, 0.55)
    tail: list[Point] = curve(
        [
            (x + s * 0.30, y - s * 0.06),
            (x + s * 0.58, y - s * 0.02),
            (x + s * 0.66, y + s * 0.16),
            (x + s * 0.54, y + s * 0.30),
            (x + s * 0.62, y + s * 0.40),
        ]
    )
    _tail(c, tail, s, rim, 1.16)
    _tail(c, tail, s, coat, 1.0)
    for grow, tone in ((0.028, rim), (0.0, coat)):
        _shape(c, x, y, s, _BODY, tone, grow)
        _shape(c, x, y, s, _HEAD, tone, grow)
    if "gaze" in c.scene.props:
        _shape(c, x, y - s * 0.02, s * 0.52, _BODY, lift(coat, 0.28), 0.0)
        front(c, x, y, s, coat)
        return
    dark = shade(coat, 0.35)
    for side in (-1, 1):
        hip = curve(
            [
                (x + side * s * 0.40, y - s * 0.03),
                (x + side * s * 0.36, y - s * 0.26),
                (x + side * s * 0.20, y - s * 0.34),
            ]
        )
        c.pen.line(hip, fill=dark, width=c.width(3.5), joint="curve")
        ear = [
            (x + side * s * 0.155, y - s * 1.30),
            (x + side * s * 0.245, y - s * 1.44),
            (x + side * s * 0.27, y - s * 1.27),
        ]
        c.pen.polygon(ear, fill=mix(coat, dark, 0.7))
    for i, v in enumerate((-0.80, -0.66, -0.52, -0.39)):
        w = s * (0.10 + 0.030 * i)
        stripe = curve(
            [(x - w, y + s * (v - 0.015)), (x, y + s * (v + 0.03)), (x + w, y + s * (v - 0.015))], 6
        )
        c.pen.line(stripe, fill=mix(coat, dark, 0.75), width=c.width(7), joint="curve")
    for side in (-1, 1):
        for dy in (-0.02, 0.03):
            start = (x + side * s * 0.30, y - s * (1.05 + dy))
            c.pen.line(
                (*start, start[0] + side * s * 0.20, start[1] - s * (0.02 + dy)),
                fill=mix(rim, coat, 0.3),
                width=c.width(1.6),
            )


def _shape(
    c: Canvas, x: float, y: float, s: float, half: tuple[Point, ...], tone: RGB, grow: float
) -> None:
    """A symmetric outline given by its right half, from the middle of the top to that of the foot."""
    right = curve(
        [
            (x + (u + (grow if u else 0)) * s, y + (v - grow * (1 if v < -0.2 else 0)) * s)
            for u, v in half
        ],
        10,
    )
    left = [(2 * x - px, py) for px, py in right[::-1]]
    c.pen.polygon([*right, *left], fill=tone)


def _tail(c: Canvas, path: list[Point], s: float, tone: RGB, scale: float) -> None:
    """A tail of discs along a path, thinner at its tip."""
    for i, (px, py) in enumerate(path):
        c.disc(px, py, s * 0.066 * scale * (1 - 0.35 * i / len(path)), tone)
