"""A ringed planet among nebulae and stars."""

from __future__ import annotations

import math

from PIL import Image, ImageChops, ImageDraw, ImageFilter

from ....typeset.boxes import Box
from ..canvas import Canvas, glow, noise, threshold, vertical
from ..colour import RGB, lift, mix, shade, turn
from ..layout import fit_box, plan_of
from ..scene import Scene
from ..sky import stars


def focal(scene: Scene, size: tuple[int, int]) -> Box:
    """The planet with its ring."""
    return fit_box(
        plan_of(size, lettered=scene.lettered, middle=scene.middle).subject,
        size,
        1.28,
        0.5 + 0.08 * (scene.seed % 3 - 1),
    )


def draw(c: Canvas) -> None:
    """Nebula, stars, the planet between the two halves of its ring, two small moons."""
    look = c.look
    if c.bare is None:
        c.image.paste(
            vertical(
                (c.w, c.h),
                ((0, look.deep), (0.6, mix(look.deep, look.middle, 0.7)), (1, look.middle)),
            )
        )
        _nebula(c)
        stars(c, 420, 1.0)
    box = focal(c.scene, (c.w, c.h))
    x, y = c.at(*box.middle)
    r = min(box.width * c.w / 3.7, box.height * c.h / 2.3)
    tilt = (14, -18, 20, -12)[c.scene.seed % 4]
    ring = _ring(c, r)
    glow(c, x, y, r * 2.1, mix(look.horizon, look.accent, 0.5), 0.5, 2.2)
    _lay(c, ring, x, y, tilt, front=False)
    _planet(c, x, y, r, tilt)
    _lay(c, ring, x, y, tilt, front=True)
    for u, v, s in ((0.06, 0.86, 0.15), (0.93, 0.10, 0.085)):
        mx, my = c.at(*box.inside(u, v))
        _moonlet(c, mx, my, r * s)


def _nebula(c: Canvas) -> None:
    """Clouds of gas in the palette's colours, screened onto the dark along a slanted band."""
    look = c.look
    small = (max(2, c.w // 5), max(2, c.h // 5))
    gas = Image.new("RGB", small, (0, 0, 0))
    tints = (
        (look.horizon, 0.62, 0.62),
        (look.accent, 0.50, 0.46),
        (turn(look.horizon, 45), 0.48, 0.40),
    )
    for i, (tint, cover, peak) in enumerate(tints):
        grey = noise(c.rng(f"nebula{i}"), small, (5, 6), 5, 0.50)
        gas.paste(tint, (0, 0), threshold(grey, 1 - cover, 1.0, peak))
    band = Image.linear_gradient("L").point(
        [round(255 * math.exp(-(((v - 128) / 62) ** 2))) for v in range(256)]
    )
    band = band.rotate(28, Image.Resampling.BICUBIC).crop((38, 38, 218, 218)).resize(small)
    gas = Image.composite(gas, Image.blend(gas, Image.new("RGB", small), 0.62), band)
    c.image.paste(ImageChops.screen(c.image, gas.resize(c.image.size, Image.Resampling.BICUBIC)))


def _planet(c: Canvas, x: float, y: float, r: float, tilt: float) -> None:
    """A banded sphere lit from the upper left."""
    look, side = c.look, max(8, round(2 * r))
    rng = c.rng("planet")
    base, pale, dark = (
        look.accent,
        mix(lift(look.accent, 0.5), look.paper, 0.3),
        mix(shade(look.accent, 0.35), look.horizon, 0.35),
    )
    small = min(side, 700)
    skin = Image.new("RGB", (small, small), base)
    waves = noise(rng, (small, small), (2, 8), 4, 0.28)
    skin.paste(pale, (0, 0), threshold(waves, 0.50, 0.78, 0.95))
    skin.paste(
        dark, (0, 0), threshold(noise(rng, (small, small), (2, 11), 4, 0.3), 0.5, 0.85, 0.85)
    )
    skin = skin.rotate(-tilt, Image.Resampling.BICUBIC, fillcolor=base).resize(
        (side, side), Image.Resampling.BICUBIC
    )
    night = shade(mix(look.deep, look.horizon, 0.12), 0.55)
    skin = Image.composite(skin, Image.new("RGB", (side, side), night), _lit_side(side))
    mask = Image.new("L", (side, side))
    ImageDraw.Draw(mask).ellipse((0, 0, side - 1, side - 1), fill=255)
    glow(c, x - r * 0.22, y - r * 0.22, r * 1.34, lift(base, 0.45), 0.55, 1.2)
    c.image.paste(skin, (round(x - r), round(y - r)), mask)


def _lit_side(side: int) -> Image.Image:
    """How much light falls on each point of a sphere of 128 pixels, scaled."""
    n = 128
    rows = bytearray()
    for j in range(n):
        for i in range(n):
            u, v = (i + 0.5) / n * 2 - 1, (j + 0.5) / n * 2 - 1
            d = u * u + v * v
            z = math.sqrt(max(0.0, 1 - d))
            facing = -0.50 * u - 0.48 * v + 0.72 * z
            rows.append(round(255 * min(1.0, max(0.035, facing * 1.12) ** 0.8)))
    return Image.frombytes("L", (n, n), bytes(rows)).resize((side, side), Image.Resampling.BICUBIC)


def _ring(c: Canvas, r: float) -> Image.Image:
    """The flat ring seen almost edge on, unrotated, RGBA."""
    look, half = c.look, r * 2.02
    w, h = max(8, round(half * 2)), max(4, round(half * 0.62))
    wide = Image.new("RGBA", (w, w), (0, 0, 0, 0))
    pen = ImageDraw.Draw(wide)
    rng = c.rng("ring")
    tones: tuple[RGB, ...] = (
        lift(look.glow, 0.3),
        mix(look.accent, look.paper, 0.55),
        mix(look.horizon, look.paper, 0.45),
    )
    steps = 34
    for i in range(steps):
        t = 1 - i / steps * 0.37
        alpha = 0 if 0.80 < t < 0.825 else rng.randint(95, 235)
        e = w / 2 * (1 - t)
        pen.ellipse((e, e, w - 1 - e, w - 1 - e), fill=(*tones[rng.randrange(3)], alpha))
    e = w / 2 * 0.37
    pen.ellipse((e, e, w - 1 - e, w - 1 - e), fill=(0, 0, 0, 0))
    return wide.resize((w, h), Image.Resampling.LANCZOS)


def _lay(c: Canvas, ring: Image.Image, x: float, y: float, tilt: float, *, front: bool) -> None:
    """Paste the near or the far half of the ring, turned."""
    part = ring.copy()
    cut = (
        (0, 0, ring.width, ring.height // 2)
        if front
        else (0, ring.height // 2, ring.width, ring.height)
    )
    part.paste((0, 0, 0, 0), cut)
    if not front:
        part.putalpha(part.getchannel("A").point([v * 7 // 10 for v in range(256)]))
    turned = part.rotate(-tilt, Image.Resampling.BICUBIC, expand=True)
    at = (round(x - turned.width / 2), round(y - turned.height / 2))
    c.image.paste(turned.convert("RGB"), at, turned.getchannel("A"))
    if front:
        return
    soft = turned.getchannel("A").filter(ImageFilter.GaussianBlur(2 * c.k))
    c.image.paste(shade(c.look.deep, 0.2), (at[0], at[1]), soft.point([v // 9 for v in range(256)]))


def _moonlet(c: Canvas, x: float, y: float, r: float) -> None:
    """A small grey moon, lit as the planet is."""
    side = max(6, round(2 * r))
    pale = mix(c.look.paper, c.look.horizon, 0.25)
    face = Image.composite(
        Image.new("RGB", (side, side), pale),
        Image.new("RGB", (side, side), shade(c.look.deep, 0.3)),
        _lit_side(side),
    )
    pen = ImageDraw.Draw(face)
    for u, v, s in ((0.36, 0.4, 0.1), (0.56, 0.28, 0.06), (0.48, 0.62, 0.08)):
        cx, cy, q = u * side, v * side, s * side
        pen.ellipse((cx - q, cy - q, cx + q, cy + q), fill=mix(pale, c.look.deep, 0.28))
    mask = Image.new("L", (side, side))
    ImageDraw.Draw(mask).ellipse((0, 0, side - 1, side - 1), fill=255)
    c.image.paste(face, (round(x - r), round(y - r)), mask)
