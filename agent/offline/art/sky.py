"""Skies, suns, moons and weather: what most motifs share."""

from __future__ import annotations

import math

from PIL import Image, ImageDraw, ImageFilter

from ...typeset.boxes import Box
from .canvas import Canvas, Point, Stops, clouds, colour_at, fade, glow, vertical
from .colour import RGB, lift, mix


def sky_stops(c: Canvas, horizon: float) -> Stops:
    """The sky's gradient down to the horizon (fraction of the height)."""
    look = c.look
    low = lift(look.horizon, 0.12) if c.scene.light == "day" else look.horizon
    return (
        (0, look.deep),
        (horizon * 0.48, look.middle),
        (horizon * 0.86, mix(look.middle, look.horizon, 0.72)),
        (horizon, low),
        (1, mix(look.horizon, look.glow, 0.3)),
    )


def sky(c: Canvas, horizon: float, *, cloudy: float = 0.5) -> None:
    """Fill the sheet with sky; nothing on a bare sheet."""
    if c.bare is not None:
        return
    c.image.paste(vertical((c.w, c.h), sky_stops(c, horizon)))
    if c.scene.night:
        stars(c, 190, horizon * 0.92)
        return
    tint = lift(c.look.horizon, 0.55) if c.scene.light == "day" else c.look.horizon
    clouds(c, Box(0, horizon * 0.02, 1, horizon * 0.98), tint, 0.55 * cloudy, "sky", (2, 7), 0.52)


def stars(c: Canvas, count: int, lowest: float) -> None:
    """Stars down to a height (fraction), fewer and fainter towards it."""
    rng = c.rng("stars")
    area = (c.w * c.h) / (min(c.w, c.h) ** 2)
    for _ in range(round(count * area**0.8)):
        u, v = rng.random(), rng.random() ** 1.5
        x, y = c.at(u, v * lowest)
        bright = rng.uniform(0.25, 1.0) * (1 - 0.7 * v)
        r = rng.choice((0.7, 0.8, 1.0, 1.2, 1.7)) * c.k
        colour = mix(c.image_colour(x, y), c.look.paper, bright)
        c.disc(x, y, max(0.5, r), colour)
        if rng.random() < 0.035:
            glow(c, x, y, 13 * c.k, c.look.paper, 0.55, 3.0)


def orb(c: Canvas, x: float, y: float, r: float) -> None:
    """The sun by day, a warm disc at dusk, a cratered moon by night, with its halo."""
    look = c.look
    if c.scene.night:
        glow(c, x, y, r * 3.4, mix(look.horizon, look.glow, 0.45), 0.55, 2.2)
        glow(c, x, y, r * 1.7, look.glow, 0.5, 1.8)
        moon_face(c, x, y, r)
        return
    tint = look.glow if c.scene.light == "day" else mix(look.glow, look.horizon, 0.25)
    glow(c, x, y, r * 4.2, tint, 0.75, 2.4)
    glow(c, x, y, r * 1.9, lift(look.glow, 0.4), 0.7, 1.7)
    top, bottom = lift(look.glow, 0.62), mix(lift(look.glow, 0.2), look.horizon, 0.3)
    if c.scene.light == "day":
        top, bottom = lift(look.glow, 0.8), lift(look.glow, 0.45)
    _shaded_disc(c, x, y, r, top, bottom)


def _shaded_disc(c: Canvas, x: float, y: float, r: float, top: RGB, bottom: RGB) -> None:
    """A disc filled from top to bottom."""
    side = max(2, round(2 * r))
    mask = Image.new("L", (side, side))
    ImageDraw.Draw(mask).ellipse((0, 0, side - 1, side - 1), fill=255)
    c.image.paste(
        vertical((side, side), ((0, top), (1, bottom))), (round(x - r), round(y - r)), mask
    )


_MARIA = ((-0.32, -0.30, 0.24), (0.26, -0.06, 0.30), (-0.16, 0.36, 0.19), (0.1, -0.52, 0.13),
          (0.45, 0.38, 0.12), (-0.58, 0.10, 0.11))  # fmt: skip


def moon_face(c: Canvas, x: float, y: float, r: float) -> None:
    """A full moon with soft seas and a shaded limb."""
    look = c.look
    pale = mix(look.paper, look.glow, 0.18)
    dusky = mix(pale, mix(look.horizon, look.middle, 0.35), 0.34)
    side = max(4, round(2 * r))
    face = vertical((side, side), ((0, lift(pale, 0.35)), (1, mix(pale, look.glow, 0.35))))
    seas = Image.new("L", (side, side))
    pen = ImageDraw.Draw(seas)
    rng = c.rng("moon")
    spin = rng.uniform(-0.5, 0.5)
    for u, v, s in _MARIA:
        mx = side / 2 * (1 + u * math.cos(spin) - v * math.sin(spin))
        my = side / 2 * (1 + u * math.sin(spin) + v * math.cos(spin))
        sr = s * side / 2
        pen.ellipse((mx - sr, my - sr * 0.92, mx + sr, my + sr * 0.92), fill=150)
    seas = seas.filter(ImageFilter.GaussianBlur(max(0.6, side * 0.022)))
    face.paste(dusky, (0, 0), seas)
    mask = Image.new("L", (side, side))
    ImageDraw.Draw(mask).ellipse((0, 0, side - 1, side - 1), fill=255)
    c.image.paste(face, (round(x - r), round(y - r)), mask)


def birds(c: Canvas, box: Box, count: int, colour: RGB) -> None:
    """A loose flock inside a box of the picture."""
    rng = c.rng("birds")
    for i in range(count):
        x, y = c.at(*box.inside((i + rng.uniform(0.1, 0.9)) / count, rng.random()))
        b = rng.uniform(8, 17) * c.k
        lean = rng.uniform(-0.2, 0.2) * b
        wing: list[Point] = [
            (x - b, y - b * 0.42 + lean),
            (x - b * 0.45, y - b * 0.34),
            (x, y),
            (x + b * 0.45, y - b * 0.38),
            (x + b, y - b * 0.46 - lean),
        ]
        c.pen.line(wing, fill=colour, width=c.width(2.3), joint="curve")


def water(c: Canvas, top: float, near: RGB, far: RGB) -> None:
    """Still water from a height (fraction) to the bottom, with fine ripples of light."""
    y0 = round(top * c.h)
    c.image.paste(vertical((c.w, c.h - y0), ((0, far), (1, near))), (0, y0))
    rng = c.rng("ripples")
    for _ in range(150):
        v = rng.random() ** 1.6
        x, y = rng.random() * c.w, y0 + v * (c.h - y0)
        length = (10 + 120 * v) * c.k * rng.uniform(0.5, 1.4)
        shine = mix(colour_at(((0, far), (1, near)), v), lift(far, 0.35), rng.uniform(0.12, 0.4))
        c.pen.line((x - length, y, x + length, y), fill=shine, width=c.width(1 + 1.5 * v))


def glitter(c: Canvas, x: float, top: float, bottom: float, r: float, colour: RGB) -> None:
    """The path of light a low sun or moon lays on water, heights in pixels."""
    rng = c.rng("glitter")
    glow(c, x, top, (bottom - top) * 0.7, colour, 0.4, 2.4)
    rows = 46
    for i in range(rows):
        t = i / rows
        y = top + (bottom - top) * t**1.25
        spread = r * (0.5 + 1.3 * t) * rng.uniform(0.35, 1.0)
        dx = rng.uniform(-0.45, 0.45) * r * (0.4 + t)
        tint = mix(c.image_colour(x, min(c.h - 1, y)), colour, 0.85 - 0.55 * t)
        c.pen.line(
            (x + dx - spread, y, x + dx + spread, y), fill=tint, width=c.width(1.6 + 3.4 * t)
        )


def reflect(c: Canvas, top: float, strength: float, tint: RGB) -> None:
    """Mirror what stands above a height (fraction) into the water below it."""
    y0 = round(top * c.h)
    depth = min(y0, c.h - y0)
    mirror = c.image.crop((0, y0 - depth, c.w, y0)).transpose(Image.Transpose.FLIP_TOP_BOTTOM)
    squeezed = mirror.resize((max(1, c.w // 3), max(1, depth // 14)), Image.Resampling.BILINEAR)
    mirror = Image.blend(mirror, squeezed.resize(mirror.size, Image.Resampling.BICUBIC), 0.62)
    mirror = Image.blend(mirror, Image.new("RGB", mirror.size, tint), 0.32)
    mask = fade(mirror.size, ((0, strength), (0.6, strength * 0.75), (1, strength * 0.2)))
    c.image.paste(mirror, (0, y0), mask)
    rng = c.rng("shimmer")
    for _ in range(120):
        v = rng.random()
        x, y = rng.random() * c.w, y0 + v * (c.h - y0)
        length = (8 + 60 * v) * c.k
        shine = mix(c.image_colour(x, y), lift(tint, 0.45), 0.3)
        c.pen.line((x - length, y, x + length, y), fill=shine, width=c.width(1 + v))
