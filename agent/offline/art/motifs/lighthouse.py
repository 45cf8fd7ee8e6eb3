"""A lighthouse on its headland."""

from __future__ import annotations

import math

from PIL import Image, ImageChops, ImageDraw, ImageFilter

from ....typeset.boxes import Box
from ..canvas import Canvas, Point, glow, mist, slab
from ..colour import RGB, lift, mix, shade
from ..layout import fit_box, plan_of
from ..scene import Scene
from ..sky import birds, orb, sky
from .sea import SEA, islands, open_sea


def focal(scene: Scene, size: tuple[int, int]) -> Box:
    """The tower with its lantern."""
    subject = plan_of(size, lettered=scene.lettered, middle=scene.middle).subject
    anchor = 0.74 if scene.seed % 2 else 0.26
    if size[0] > size[1] * 1.17:
        anchor = 0.62
    tower = fit_box(subject, size, 0.34, anchor)
    return tower._replace(y1=min(tower.y1, 0.79))


def draw(c: Canvas) -> None:
    """Sky, a low sun, the sea, the rock and the tower with its beam."""
    box = focal(c.scene, (c.w, c.h))
    look = c.look
    sky(c, SEA, cloudy=0.8)
    left = box.middle[0] > 0.5
    sun = (0.24 if left else 0.76) if c.w < c.h * 1.17 else 0.16 + 0.42 * (1 - box.x0)
    sun = sun if c.w < c.h * 1.17 else box.x0 - 0.10
    height = 0.47 if c.scene.light != "dusk" else SEA - 0.045
    if c.bare is None:
        orb(c, sun * c.w, height * c.h, 62 * c.k)
        islands(c)
    open_sea(c, sun)
    if look.lit < 0.9:
        _beam(c, box)
    _rock(c, box, left=left)
    _tower(c, box)
    if c.scene.light != "night":
        start = box.x0 - 0.34 if left else box.x1 + 0.06
        top = c.plan.subject.y0 + 0.04
        near = Box(max(0.03, start), top, min(0.95, start + 0.28), top + 0.12)
        birds(c, near, 5, mix(look.near, look.paper, 0.1 if look.lit < 0.9 else 0.75))


def _beam(c: Canvas, box: Box) -> None:
    """The light's two beams, fading as they go, the long one out to sea."""
    x, y = c.at(box.middle[0], box.y0 + box.height * 0.125)
    side = -1 if box.middle[0] > 0.5 else 1
    for angle, strength in (
        (math.pi * (1.03 if side < 0 else -0.03), 0.62),
        (math.pi * (-0.02 if side < 0 else 1.02), 0.45),
    ):
        reach, steps = 0.95 * max(c.w, c.h), 22
        mask = Image.new("L", (max(2, c.w // 4), max(2, c.h // 4)))
        pen = ImageDraw.Draw(mask)
        for i in range(steps, 0, -1):
            far, level = reach * i / steps, round(255 * strength * (1 - i / steps) ** 1.5)
            tips = [
                ((x + far * math.cos(angle + s)) / 4, (y + far * math.sin(angle + s)) / 4)
                for s in (-0.07, 0.07)
            ]
            pen.polygon([(x / 4, y / 4), *tips], fill=level)
        mask = mask.filter(ImageFilter.GaussianBlur(3.2 * c.k))
        c.image.paste(
            lift(c.look.glow, 0.35), (0, 0), mask.resize((c.w, c.h), Image.Resampling.BICUBIC)
        )


def _rock(c: Canvas, box: Box, *, left: bool) -> None:
    """The headland the tower stands on, running out of the picture behind it."""
    rng, look = c.rng("rock"), c.look
    top, half = box.y1 - 0.012, box.width * 0.95
    middle = box.middle[0]
    line: list[Point] = []
    for i in range(61):
        x = middle - half * 2.1 + (half * 4.2 + 0.5) * i / 60
        u = (x - middle) / half
        fall = max(0.0, abs(u) - 0.62) if u < 0 else max(0.0, (abs(u) - 0.62) * 0.10)
        line.append((x, top + 0.20 * fall**1.4 + rng.uniform(-0.005, 0.005) * min(1.0, fall * 3)))
    if not left:
        line = [(2 * middle - x, y) for x, y in line][::-1]
    stone = shade(mix(look.deep, look.near, 0.6), 0.25)
    turf = mix(look.ground, stone, 0.35)
    slab(c, line, mix(stone, look.horizon, 0.16), stone, 0.10)
    verge = [(x * c.w, y * c.h) for x, y in line]
    lower = [(x, y + (7 + 5 * math.sin(x / 37 / c.k)) * c.k) for x, y in verge]
    c.pen.polygon(verge + lower[::-1], fill=turf)
    for _ in range(70):
        x, y = line[rng.randrange(61)]
        px, py = x * c.w, (y + rng.uniform(0.015, 0.16)) * c.h
        s = rng.uniform(8, 30) * c.k
        c.pen.polygon(
            (
                (px, py),
                (px + s, py + s * 0.3),
                (px + s * 0.7, py + s * 0.9),
                (px - s * 0.3, py + s * 0.6),
            ),
            fill=mix(stone, look.horizon, rng.uniform(0.02, 0.10)),
        )
    mist(c, 0.985 * c.h, 0.10 * c.h, look.horizon, 0.22, "shore")


def _tower(c: Canvas, box: Box) -> None:
    """A banded round tower, shaded like a column, with gallery, lantern and dome."""
    look = c.look
    x0, y0, x1, y1 = c.box(box)
    x, wide, tall = (x0 + x1) / 2, (x1 - x0), y1 - y0
    base, neck = wide * 0.265, wide * 0.155
    top, foot = y0 + tall * 0.215, y1 + tall * 0.01
    side = (round(base * 2) + 2, round(foot - top))
    body = Image.new("RGB", side, mix(look.paper, look.middle, (1 - look.lit) * 0.35))
    pen = ImageDraw.Draw(body)
    for i in (0, 2, 4):
        pen.rectangle((0, side[1] * i / 5, side[0], side[1] * (i + 1) / 5), fill=look.accent)
    round_ = Image.new("RGB", (64, 1))
    for i in range(64):
        u = i / 63
        light = (
            0.52 + 0.48 * math.sin(math.pi * (0.18 + 0.72 * u))
            if look.lit > 0.9
            else 0.45 + 0.42 * math.sin(math.pi * (0.2 + 0.7 * u))
        )
        round_.putpixel((i, 0), mix(shade(look.deep, 0.3), (255, 255, 255), min(1.0, light)))
    body = ImageChops.multiply(body, round_.resize(side, Image.Resampling.BICUBIC))
    mask = Image.new("L", side)
    mid = side[0] / 2
    ImageDraw.Draw(mask).polygon(
        ((mid - neck, 0), (mid + neck, 0), (mid + base, side[1]), (mid - base, side[1])), fill=255
    )
    _windows(body, side, look.ink, look.glow if look.lit < 0.9 else shade(look.middle, 0.4))
    c.image.paste(body, (round(x - mid), round(top)), mask)
    _lantern(c, x, y0, top, neck, tall)


def _windows(body: Image.Image, side: tuple[int, int], frame: RGB, pane: RGB) -> None:
    """Three small windows up the tower and a door at its foot."""
    pen = ImageDraw.Draw(body)
    w, h = side[0] * 0.075, side[1] * 0.042
    for u, v in ((0.5, 0.26), (0.5, 0.48), (0.5, 0.70)):
        cx, cy = side[0] * u, side[1] * v
        pen.rounded_rectangle((cx - w, cy - h, cx + w, cy + h), w * 0.9, fill=frame)
        pen.rounded_rectangle(
            (cx - w * 0.6, cy - h * 0.7, cx + w * 0.6, cy + h * 0.7), w * 0.5, fill=pane
        )
    cx, top = side[0] * 0.5, side[1] * 0.9
    pen.rounded_rectangle((cx - w * 1.4, top, cx + w * 1.4, side[1] + w), w * 1.2, fill=frame)


def _lantern(c: Canvas, x: float, y0: float, top: float, neck: float, tall: float) -> None:
    """Gallery with railing, the glass room with its light, the dome and its finial."""
    look, dark = c.look, shade(c.look.near, 0.2)
    room, floor = neck * 0.74, top - tall * 0.012
    ceiling = y0 + tall * 0.075
    lamp = lift(look.glow, 0.45)
    c.pen.rectangle(
        (x - room, ceiling, x + room, floor),
        fill=mix(lamp, look.middle, 0.55 if look.lit > 0.9 else 0.0),
    )
    c.disc(x, (ceiling + floor) / 2, room * 0.42, lift(look.glow, 0.75))
    for i in range(5):
        px = x - room + room * 2 * i / 4
        c.pen.line((px, ceiling, px, floor), fill=dark, width=c.width(3))
    c.pen.polygon(
        (
            (x - neck * 1.42, top),
            (x + neck * 1.42, top),
            (x + neck, top + tall * 0.022),
            (x - neck, top + tall * 0.022),
        ),
        fill=dark,
    )
    rail = top - tall * 0.038
    c.pen.line((x - neck * 1.38, rail, x + neck * 1.38, rail), fill=dark, width=c.width(3))
    for i in range(9):
        px = x - neck * 1.36 + neck * 2.72 * i / 8
        c.pen.line((px, rail, px, top), fill=dark, width=c.width(2))
    dome = (
        x - room * 1.25,
        y0 + tall * 0.022,
        x + room * 1.25,
        ceiling + (ceiling - y0 - tall * 0.022),
    )
    c.pen.pieslice(dome, 180, 360, fill=shade(look.accent, 0.18))
    c.pen.line((x, y0, x, y0 + tall * 0.03), fill=dark, width=c.width(3))
    strength = 0.35 if look.lit > 0.9 else 0.95
    glow(c, x, (ceiling + floor) / 2, neck * 5.5, lift(look.glow, 0.2), strength, 2.4)
