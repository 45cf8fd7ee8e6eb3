"""A cup of coffee on a table in window light."""

from __future__ import annotations

import math

from PIL import Image, ImageDraw, ImageFilter

from ....typeset.boxes import Box
from ..canvas import (
    Canvas,
    Point,
    Stops,
    clouds,
    curve,
    glow,
    petal,
    soft_disc,
    soft_shape,
    vertical,
)
from ..colour import RGB, lift, mix, rgb, shade
from ..layout import fit_box, plan_of
from ..scene import Scene
from ..sky import moon_face, sky_stops

_TABLE = 0.665


def focal(scene: Scene, size: tuple[int, int]) -> Box:
    """The cup with its saucer and steam."""
    subject = plan_of(size, lettered=scene.lettered, middle=scene.middle).subject
    return fit_box(subject, size, 0.94, 0.5)


def draw(c: Canvas) -> None:
    """Wall with light, a window at the side, the table, then the cup."""
    box = focal(c.scene, (c.w, c.h))
    if c.bare is None:
        _room(c, box)
    _book(c, box)
    _saucer(c, box)
    _cup(c, box)
    _steam(c, box)


def _room(c: Canvas, box: Box) -> None:
    """The wall, light falling across it, and the table top."""
    look = c.look
    night = c.scene.light != "day"
    top = shade(look.deep, 0.15) if night else mix(look.middle, look.horizon, 0.45)
    low = mix(look.deep, look.middle, 0.7) if night else look.horizon
    c.image.paste(vertical((c.w, c.h), ((0, top), (0.7, low), (1, low))))
    clouds(c, Box(0, 0, 1, _TABLE), lift(low, 0.12), 0.4, "plaster", (4, 4), 0.5)
    if night:
        x, y = c.at(box.x0 + box.width * 0.10, box.y0 + box.height * 0.06)
        glow(c, x, y, 620 * c.k, look.glow, 0.50, 2.2)
    else:
        _light(c, box)
    _window(c, box)
    _table(c)


def _light(c: Canvas, box: Box) -> None:
    """Sun through a four-paned window, slanted over the wall."""
    x0, y0 = c.at(box.x0 + box.width * 0.02, box.y0 - box.height * 0.02)
    w, h = 150 * c.k, 175 * c.k
    warm = lift(c.look.glow, 0.55)
    for i in range(2):
        for j in range(2):
            x, y = x0 + i * (w + 18 * c.k) + j * 50 * c.k, y0 + j * (h + 16 * c.k) + i * 26 * c.k
            pane = [
                (x, y),
                (x + w, y + 26 * c.k),
                (x + w + 46 * c.k, y + h + 26 * c.k),
                (x + 46 * c.k, y + h),
            ]
            soft_shape(c, pane, warm, 0.55 if c.scene.light == "day" else 0.3, 5 * c.k)


def _outside(c: Canvas) -> Stops:
    """The sky in the window; by day a plain blue one, for the room's palette is brown."""
    if c.scene.light != "day":
        return sky_stops(c, 0.9)
    blue = mix(rgb("#5fa8cf"), c.look.middle, 0.25)
    return (0, blue), (0.7, lift(blue, 0.45)), (1, mix(lift(blue, 0.6), c.look.glow, 0.3))


def _window(c: Canvas, box: Box) -> None:
    """A tall window on the right edge of the subject's ground; the season is outside."""
    look = c.look
    x0, x1 = box.x0 + box.width * 0.70, min(0.985, box.x0 + box.width * 1.02 + 0.05)
    y0, y1 = box.y0 - box.height * 0.04, _TABLE - 0.05
    if c.scene.lettered and c.plan.subject.y0 > 0.3:
        y0 = max(y0, c.plan.subject.y0 - 0.01)
    px = c.box(Box(x0, y0, x1, y1))
    span = (max(2, round(px[2] - px[0])), max(2, round(px[3] - px[1])))
    view = vertical(span, _outside(c))
    pen = ImageDraw.Draw(view)
    rng = c.rng("outside")
    for i in range(16):
        bx, bw, bt = i / 15 * span[0], span[0] * 0.11, span[1] * rng.uniform(0.55, 0.8)
        pen.rectangle(
            (bx - bw, bt, bx, span[1]), fill=mix(look.middle, look.near, 0.35 + 0.3 * rng.random())
        )
        for _ in range(4 if c.scene.light != "day" else 0):
            wx, wy = bx - bw * rng.random(), bt + (span[1] - bt) * rng.random()
            pen.rectangle((wx, wy, wx + 6 * c.k, wy + 8 * c.k), fill=look.glow)
    for _ in range(46 if c.scene.season == "winter" else 0):
        fx, fy, fr = rng.random() * span[0], rng.random() * span[1], rng.uniform(1.5, 4) * c.k
        pen.ellipse((fx - fr, fy - fr, fx + fr, fy + fr), fill=lift(look.paper, 0.4))
    leaves = {"autumn": look.leaf, "spring": look.leaf, "summer": look.leaf}.get(
        c.scene.season or "", ()
    )
    for _ in range(120 if leaves else 0):
        fx, fy, fr = (
            span[0] * (0.35 + 0.7 * rng.random()),
            span[1] * 0.42 * rng.random(),
            rng.uniform(7, 17) * c.k,
        )
        pen.ellipse((fx - fr, fy - fr, fx + fr, fy + fr), fill=leaves[rng.randrange(3)])
    c.image.paste(view, (round(px[0]), round(px[1])))
    if c.scene.night:
        moon_face(c, px[0] + span[0] * 0.34, px[1] + span[1] * 0.24, min(span[0] * 0.16, 34 * c.k))
    frame = mix(look.paper, shade(look.deep, 0.3), 0.15 + (1 - look.lit) * 0.62)
    bar = 13 * c.k
    for fx in (px[0], (px[0] + px[2]) / 2, px[2]):
        c.pen.rectangle((fx - bar, px[1] - bar, fx + bar, px[3]), fill=frame)
        c.pen.rectangle((fx + bar * 0.4, px[1] - bar, fx + bar, px[3]), fill=shade(frame, 0.12))
    for fy in (px[1], px[1] + span[1] * 0.46, px[3]):
        c.pen.rectangle((px[0] - bar, fy - bar, px[2] + bar, fy + bar), fill=frame)
    c.pen.rectangle(
        (px[0] - bar * 2.4, px[3], px[2] + bar * 2.4, px[3] + bar * 2), fill=shade(frame, 0.08)
    )


def _table(c: Canvas) -> None:
    """Wooden boards in perspective."""
    look = c.look
    wood = mix(rgb("#a9693f"), look.deep, 0.18 + (1 - look.lit) * 0.5)
    y = round(_TABLE * c.h)
    c.image.paste(
        vertical((c.w, c.h - y), ((0, lift(wood, 0.16)), (0.5, wood), (1, shade(wood, 0.38)))),
        (0, y),
    )
    rng, cx = c.rng("boards"), c.w / 2
    for i in range(-7, 8):
        a, b = cx + i * 0.11 * c.w, cx + i * 0.24 * c.w
        c.pen.line((a, y, b, c.h), fill=shade(wood, 0.26), width=c.width(3))
    for _ in range(130):
        t = rng.random()
        py = y + (c.h - y) * t
        px = rng.random() * c.w
        length = rng.uniform(20, 90) * c.k
        slope = (px - cx) / c.w * 1.1
        c.pen.line(
            (px, py, px + slope * length, py + length * 0.5),
            fill=mix(c.image_colour(px, py), shade(wood, 0.4), 0.3),
            width=c.width(1.5),
        )
    c.pen.rectangle((0, y - 2 * c.k, c.w, y + 3 * c.k), fill=lift(wood, 0.25))


def _book(c: Canvas, box: Box) -> None:
    """Two books lying behind, and a sprig in a small glass."""
    look = c.look
    x0, _, x1, _ = c.box(box)
    w = x1 - x0
    base = (box.y0 + box.height * 0.70) * c.h
    dim = (1 - look.lit) * 0.5
    for i, (tone, off) in enumerate(
        ((look.middle, 0.0), (mix(look.deep, look.accent, 0.3), 0.035))
    ):
        top = base - (i + 1) * 0.058 * w
        cover = mix(shade(tone, 0.1), shade(look.deep, 0.4), dim)
        c.pen.rounded_rectangle(
            (x0 + w * (0.005 + off), top, x0 + w * (0.37 - off), top + 0.058 * w),
            5 * c.k,
            fill=cover,
        )
        c.pen.rectangle(
            (x0 + w * (0.03 + off), top + 0.012 * w, x0 + w * (0.375 - off), top + 0.044 * w),
            fill=mix(look.paper, look.deep, 0.12 + dim),
        )
        c.pen.rectangle(
            (x0 + w * (0.005 + off), top, x0 + w * (0.04 + off), top + 0.058 * w), fill=cover
        )
    gx, gy = x0 + w * 0.17, base - 0.116 * w
    for i in range(9):
        a = -math.pi / 2 + (i - 4) * 0.24
        c.pen.polygon(
            petal(gx, gy - 0.07 * w, a, w * (0.20 - 0.014 * abs(i - 4)), w * 0.062),
            fill=mix(shade(look.leaf[i % 3], 0.12 + 0.05 * (i % 2)), look.deep, dim * 0.5),
        )
    pot = mix(rgb("#c9714a"), look.deep, 0.1 + dim)
    c.pen.polygon(
        (
            (gx - 0.075 * w, gy - 0.09 * w),
            (gx + 0.075 * w, gy - 0.09 * w),
            (gx + 0.055 * w, gy),
            (gx - 0.055 * w, gy),
        ),
        fill=pot,
    )
    c.pen.polygon(
        (
            (gx + 0.02 * w, gy - 0.09 * w),
            (gx + 0.075 * w, gy - 0.09 * w),
            (gx + 0.055 * w, gy),
            (gx + 0.015 * w, gy),
        ),
        fill=shade(pot, 0.18),
    )


def _china(c: Canvas) -> RGB:
    """The glaze of the cup in this light."""
    cool = mix(c.look.accent, mix(c.look.middle, c.look.deep, 0.4), (1 - c.look.lit) * 0.40)
    return mix(cool, c.look.glow, (1 - c.look.lit) * 0.30)


def _saucer(c: Canvas, box: Box) -> None:
    """A plate with a rim, its shadow, and a spoon on it."""
    x, y = c.at(*box.inside(0.54, 0.885))
    r, flat, china = box.width * c.w * 0.42, 0.24, _china(c)
    soft_disc(c, x + r * 0.12, y + r * 0.13, r * 1.32, r * 0.42, c.look.ink, 0.62)
    for scale, tone in (
        (1.0, shade(china, 0.20)),
        (0.985, lift(china, 0.22)),
        (0.90, china),
        (0.60, shade(china, 0.13)),
        (0.56, shade(china, 0.05)),
    ):
        dy = -r * 0.03 if scale < 1 else 0.0
        c.pen.ellipse(
            (x - r * scale, y - r * flat * scale + dy, x + r * scale, y + r * flat * scale + dy),
            fill=tone,
        )
    soft_disc(c, x, y - r * 0.02, r * 0.60, r * 0.15, c.look.ink, 0.40)
    steel = mix(rgb("#c9ced6"), c.look.deep, (1 - c.look.lit) * 0.5)
    c.pen.line(
        (x + r * 0.46, y + r * 0.10, x + r * 1.10, y - r * 0.02), fill=steel, width=c.width(9)
    )
    c.pen.ellipse((x + r * 0.30, y + r * 0.055, x + r * 0.56, y + r * 0.155), fill=lift(steel, 0.2))


def _cup(c: Canvas, box: Box) -> None:
    """A round cup: handle, body shaded left to right, rim, coffee with a heart poured in milk."""
    china = _china(c)
    cx, foot = c.at(*box.inside(0.54, 0.875))
    r, top = box.width * c.w * 0.275, (box.y0 + box.height * 0.49) * c.h
    tall = foot - top
    hx, hy = cx + r * 0.98, top + tall * 0.40
    for size, tone in ((1.0, shade(china, 0.16)), (0.94, shade(china, 0.05))):
        c.pen.ellipse(
            (
                hx - r * 0.40 * size,
                hy - tall * 0.32 * size,
                hx + r * 0.46 * size,
                hy + tall * 0.32 * size,
            ),
            outline=tone,
            width=c.width(36 * size * box.width * c.w / (760 * c.k)),
        )
    profile: list[Point] = [
        (1.0, 0.0),
        (0.985, 0.25),
        (0.90, 0.55),
        (0.68, 0.84),
        (0.46, 0.955),
        (0.40, 1.0),
    ]
    right = curve([(cx + r * u, top + tall * v) for u, v in profile])
    left = [(2 * cx - px, py) for px, py in right]
    sole = [math.pi * i / 16 for i in range(17)]
    under = [(cx + math.cos(a) * r * 0.40, foot + math.sin(a) * r * 0.075) for a in sole]
    _turned(c, [*right, *under, *left[::-1]], china)
    for rim, tone in (
        (1.0, lift(china, 0.45)),
        (0.945, shade(china, 0.20)),
        (0.90, rgb("#3b2115")),
    ):
        c.pen.ellipse(
            (cx - r * rim, top - r * 0.27 * rim, cx + r * rim, top + r * 0.27 * rim), fill=tone
        )
    _coffee(c, cx, top + r * 0.02, r * 0.87)


def _turned(c: Canvas, shape: list[Point], china: RGB) -> None:
    """Fill a turned shape with light from the left."""
    xs, ys = [p[0] for p in shape], [p[1] for p in shape]
    x0, y0 = int(min(xs)), int(min(ys))
    span = (max(2, int(max(xs)) - x0 + 1), max(2, int(max(ys)) - y0 + 1))
    row = Image.new("RGB", (64, 1))
    for i in range(64):
        u = i / 63
        light = math.exp(-((u - 0.24) ** 2) / 0.05) * 0.42
        row.putpixel((i, 0), lift(shade(china, min(0.5, max(0.0, (u - 0.32) * 0.62))), light))
    mask = Image.new("L", span)
    ImageDraw.Draw(mask).polygon([(x - x0, y - y0) for x, y in shape], fill=255)
    c.image.paste(row.resize(span, Image.Resampling.BICUBIC), (x0, y0), mask)


def _coffee(c: Canvas, x: float, y: float, r: float) -> None:
    """The coffee's surface and a heart of milk on it."""
    flat = 0.27
    brew, milk = rgb("#5a3018"), mix(rgb("#f3dfc0"), c.look.deep, (1 - c.look.lit) * 0.25)
    c.pen.ellipse((x - r, y - r * flat, x + r, y + r * flat), fill=brew)
    c.pen.ellipse(
        (x - r * 0.93, y - r * flat * 0.90, x + r * 0.93, y + r * flat * 0.95),
        fill=mix(brew, rgb("#b5763f"), 0.55),
    )
    side = 400
    leaf = Image.new("L", (side, side))
    pen = ImageDraw.Draw(leaf)
    for size, level in ((11.5, 255), (8.6, 0), (7.4, 255), (4.6, 0), (3.4, 255)):
        pen.polygon(_heart(200, 190, size), fill=level)
    leaf = leaf.filter(ImageFilter.GaussianBlur(3)).rotate(-18, Image.Resampling.BICUBIC)
    span = (max(2, round(r * 1.5)), max(2, round(r * 1.5 * flat)))
    c.image.paste(
        milk,
        (round(x - span[0] / 2), round(y - span[1] / 2)),
        leaf.resize(span, Image.Resampling.LANCZOS),
    )


def _heart(x: float, y: float, size: float) -> list[Point]:
    """A heart of about 32 sizes across."""
    points: list[Point] = []
    for i in range(72):
        t = math.tau * i / 72
        tall = 13 * math.cos(t) - 5 * math.cos(2 * t) - 2 * math.cos(3 * t) - math.cos(4 * t)
        points.append((x + 16 * math.sin(t) ** 3 * size, y - tall * size))
    return points


def _steam(c: Canvas, box: Box) -> None:
    """Three soft ribbons of steam."""
    rng = c.rng("steam")
    cx, top = c.at(*box.inside(0.54, 0.455))
    tall = box.height * c.h * 0.40
    for i in range(3):
        x = cx + (i - 1) * 48 * c.k * box.width * c.w / (760 * c.k)
        phase, line = rng.uniform(0, 6), []
        for j in range(26):
            t = j / 25
            line.append(
                (
                    x + math.sin(t * 5.2 + phase) * (8 + 26 * t) * c.k,
                    top - tall * t * (1.0 if i == 1 else 0.82),
                )
            )
        wide = [9 * c.k * math.sin(math.pi * min(1.0, 0.10 + 0.9 * j / 25)) + 1 for j in range(26)]
        left = [(px - w, py) for (px, py), w in zip(line, wide, strict=True)]
        right = [(px + w, py) for (px, py), w in zip(line, wide, strict=True)]
        soft_shape(c, [*left, *right[::-1]], lift(c.look.paper, 0.3), 0.50, 7 * c.k)
