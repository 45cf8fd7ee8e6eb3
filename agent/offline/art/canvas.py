"""The sheet a motif draws on, and the soft brushes: gradients, glows, clouds, mist, grain."""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Sequence
from functools import lru_cache

from PIL import Image, ImageChops, ImageDraw, ImageFilter

from ...typeset.boxes import Box
from .colour import RGB, look_of, mix
from .layout import family_of, plan_of
from .scene import Scene

Point = tuple[float, float]
Stops = Sequence[tuple[float, RGB]]


class Canvas:
    """One drawing in progress: pixels, a pen on them, and what the scene says about light.

    `k` is one thousandth-ish of the short side (1.0 at 1024 pixels): lengths are written for a
    1024 picture and multiplied by it. `bare` drops every backdrop (for a cut-out).
    """

    def __init__(
        self, scene: Scene, size: tuple[int, int], *, scale: float = 1.0, bare: RGB | None = None
    ) -> None:
        self.scene = scene
        self.look = look_of(scene)
        self.w, self.h = round(size[0] * scale), round(size[1] * scale)
        self.family = family_of(size)
        self.plan = plan_of(size, lettered=scene.lettered, middle=scene.middle)
        self.k = min(self.w, self.h) / 1024
        self.bare = bare
        self.image = Image.new("RGB", (self.w, self.h), bare or self.look.middle)
        self.pen = ImageDraw.Draw(self.image)

    def rng(self, name: str) -> random.Random:
        """A dice of its own for each part, so that adding one part never moves another."""
        return random.Random(f"{self.scene.seed}:{name}")

    def at(self, u: float, v: float) -> Point:
        """Fractions of the picture as pixels."""
        return u * self.w, v * self.h

    def box(self, box: Box) -> tuple[float, float, float, float]:
        """A box of fractions as pixels."""
        return box.x0 * self.w, box.y0 * self.h, box.x1 * self.w, box.y1 * self.h

    def disc(self, x: float, y: float, r: float, colour: RGB) -> None:
        """A filled circle, in pixels."""
        self.pen.ellipse((x - r, y - r, x + r, y + r), fill=colour)

    def image_colour(self, x: float, y: float) -> RGB:
        """The pixel drawn so far at a point, clamped to the sheet."""
        u, v = min(self.w - 1, max(0, int(x))), min(self.h - 1, max(0, int(y)))
        pixel = self.image.getpixel((u, v))
        assert isinstance(pixel, tuple)
        return int(pixel[0]), int(pixel[1]), int(pixel[2])

    def width(self, units: float) -> int:
        """A line width of so many units, at least one pixel."""
        return max(1, round(units * self.k))


def vertical(size: tuple[int, int], stops: Stops) -> Image.Image:
    """A gradient from top (0) to bottom (1) through the stops."""
    column = Image.new("RGB", (1, 256))
    for y in range(256):
        column.putpixel((0, y), colour_at(stops, y / 255))
    return column.resize(size, Image.Resampling.BICUBIC)


def colour_at(stops: Stops, t: float) -> RGB:
    """The colour of a gradient at t."""
    for (t0, c0), (t1, c1) in itertools.pairwise(stops):
        if t <= t1:
            return mix(c0, c1, max(0.0, (t - t0) / (t1 - t0)))
    return stops[-1][1]


@lru_cache(maxsize=8)
def _bulb(power: float) -> Image.Image:
    """A soft round light of 256 pixels, zero at its rim."""
    disc = Image.radial_gradient("L")
    table = [round(255 * max(0.0, 1 - v / 181) ** power) for v in range(256)]
    return disc.point(table)


def glow(
    c: Canvas, x: float, y: float, r: float, colour: RGB, strength: float = 1.0, power: float = 2.0
) -> None:
    """Light of radius r (pixels) around a point, added to what is there."""
    r = max(2.0, min(r, 3.0 * max(c.w, c.h)))
    box = (
        max(0, round(x - r)),
        max(0, round(y - r)),
        min(c.w, round(x + r)),
        min(c.h, round(y + r)),
    )
    if box[2] <= box[0] or box[3] <= box[1]:
        return
    bulb = _bulb(power)
    to = 256 / (2 * r)
    source = tuple((v - o) * to for v, o in zip(box, (x - r, y - r) * 2, strict=True))
    span = (box[2] - box[0], box[3] - box[1])
    small = (max(1, min(span[0], 420)), max(1, min(span[1], 420)))
    light = bulb.resize(small, Image.Resampling.BICUBIC, box=_clamped(source, 256))
    if small != span:
        light = light.resize(span, Image.Resampling.BILINEAR)
    if strength != 1.0:
        light = light.point([round(min(1.0, strength) * v) for v in range(256)])
    under = c.image.crop(box)
    over = ImageChops.screen(under, Image.new("RGB", span, colour))
    c.image.paste(over, box[:2], light)


def rim(c: Canvas, x: float, y: float, r: float, colour: RGB, table: Sequence[int]) -> None:
    """Colour laid by distance from a point: `table` maps 0 (there) - 255 (r pixels away)."""
    to = 181 / r
    window = (128 - x * to * 0.7071, 128 - y * to * 0.7071)
    source = (*window, window[0] + c.w * to * 0.7071, window[1] + c.h * to * 0.7071)
    small = (max(2, c.w // 8), max(2, c.h // 8))
    far = Image.new("L", (768, 768), 255)
    far.paste(Image.radial_gradient("L"), (256, 256))
    placed = far.resize(
        small, Image.Resampling.BICUBIC, box=_clamped(tuple(v + 256 for v in source), 768)
    )
    mask = placed.point(list(table)).resize((c.w, c.h), Image.Resampling.BICUBIC)
    c.image.paste(colour, (0, 0), mask)


def _clamped(box: tuple[float, ...], side: int) -> tuple[float, float, float, float]:
    """A resampling window kept inside a square image (rounding may push it out by a hair)."""
    x0, y0, x1, y1 = (min(float(side), max(0.0, v)) for v in box)
    return x0, y0, max(x1, x0 + 0.01), max(y1, y0 + 0.01)


def noise(
    rng: random.Random,
    size: tuple[int, int],
    cells: tuple[int, int],
    octaves: int = 3,
    rough: float = 0.42,
) -> Image.Image:
    """Cloudy grey of `size`, with `cells` blobs across and down; stretched to 0-255.

    `rough` is how much each finer octave weighs against all before it.
    """
    small = (min(512, size[0]), min(512, size[1]))
    total = Image.new("L", small, 128)
    for octave in range(octaves):
        grid = (cells[0] << octave, cells[1] << octave)
        dots = Image.frombytes("L", grid, rng.randbytes(grid[0] * grid[1]))
        layer = dots.resize(small, Image.Resampling.BICUBIC)
        total = Image.blend(total, layer, rough * 0.62 ** (octave - 1) if octave else 1.0)
    counts = total.histogram()
    low = next(v for v in range(256) if counts[v])
    high = next(v for v in range(255, -1, -1) if counts[v])
    span = max(1, high - low)
    total = total.point([round(255 * min(1.0, max(0.0, (v - low) / span))) for v in range(256)])
    return total if small == size else total.resize(size, Image.Resampling.BICUBIC)


def threshold(grey: Image.Image, low: float, high: float, peak: float) -> Image.Image:
    """A mask: 0 below `low`, `peak` (0-1) above `high`, smooth between."""

    def curve(v: int) -> int:
        t = min(1.0, max(0.0, (v / 255 - low) / (high - low)))
        return round(255 * peak * t * t * (3 - 2 * t))

    return grey.point([curve(v) for v in range(256)])


def fade(size: tuple[int, int], profile: Sequence[tuple[float, float]]) -> Image.Image:
    """A mask that changes from top to bottom; the profile is (position 0-1, opacity 0-1)."""
    column = Image.new("L", (1, 256))
    for y in range(256):
        column.putpixel((0, y), round(255 * _level(profile, y / 255)))
    return column.resize(size, Image.Resampling.BICUBIC)


def _level(profile: Sequence[tuple[float, float]], t: float) -> float:
    """The profile's value at t, eased between its points."""
    for (t0, a), (t1, b) in itertools.pairwise(profile):
        if t <= t1:
            u = max(0.0, (t - t0) / max(1e-9, t1 - t0))
            return a + (b - a) * u * u * (3 - 2 * u)
    return profile[-1][1]


def veil(
    c: Canvas, top: float, bottom: float, colour: RGB, profile: Sequence[tuple[float, float]]
) -> None:
    """A band of colour (mist, shade) between two heights in pixels; ends at the profile's ends."""
    y0, y1 = round(top), round(bottom)
    if y1 > y0:
        c.image.paste(colour, (0, y0), fade((c.w, y1 - y0), profile))


def mist(c: Canvas, y: float, height: float, colour: RGB, strength: float, name: str) -> None:
    """Drifting mist around height y: a bell without seams, torn by noise."""
    top, span = round(y - height / 2), max(4, round(height))
    bell = fade((c.w, span), ((0, 0), (0.5, strength), (1, 0)))
    torn = noise(c.rng(f"mist:{name}"), (c.w, span), (5, 2), 2)
    torn = torn.point([110 + v * 145 // 255 for v in range(256)])
    c.image.paste(colour, (0, top), ImageChops.multiply(bell, torn))


def clouds(
    c: Canvas,
    box: Box,
    colour: RGB,
    strength: float,
    name: str,
    cells: tuple[int, int] = (3, 5),
    cover: float = 0.5,
) -> None:
    """Soft clouds in a box of the picture; `cover` is how much of it they fill, 0-1."""
    x0, y0, x1, y1 = (round(v) for v in c.box(box))
    span = (max(2, x1 - x0), max(2, y1 - y0))
    grey = noise(c.rng(f"cloud:{name}"), span, cells, 4)
    mask = threshold(grey, 1 - cover, min(1.0, 1.32 - cover), strength)
    edge = fade(span, ((0, 0), (0.25, 1), (0.7, 1), (1, 0)))
    c.image.paste(colour, (x0, y0), ImageChops.multiply(mask, edge))


def ridge(
    rng: random.Random, base: float, amp: float, rough: float, rounds: int = 7
) -> list[Point]:
    """A mountain line by midpoint displacement, as fractions from x=0 to x=1."""
    line: list[Point] = [(0.0, rng.uniform(-1, 1)), (1.0, rng.uniform(-1, 1))]
    step = 1.0
    for _ in range(rounds):
        finer: list[Point] = []
        for (x0, y0), (x1, y1) in itertools.pairwise(line):
            finer += [(x0, y0), ((x0 + x1) / 2, (y0 + y1) / 2 + rng.uniform(-step, step) * 0.6)]
        line = [*finer, line[-1]]
        step *= rough
    return [(x, base - y * amp) for x, y in line]


def slab(
    c: Canvas, line: Sequence[Point], top: RGB, bottom: RGB, depth: float, floor: float = 1.0
) -> None:
    """Land under a line of fractions: colour `top` at its crest, `bottom` from `depth` below.

    `depth` and `floor` are fractions of the height; everything down to the floor is filled.
    """
    crest = min(y for _, y in line)
    y0, y1 = max(0, int(crest * c.h) - 1), min(c.h, round(floor * c.h))
    if y1 <= y0:
        return
    mask = Image.new("L", (c.w, y1 - y0))
    shape = [(x * c.w, y * c.h - y0) for x, y in line]
    shape += [(shape[-1][0], y1 - y0), (shape[0][0], y1 - y0)]
    ImageDraw.Draw(mask).polygon(shape, fill=255)
    reach = min(1.0, depth * c.h / (y1 - y0))
    colours = vertical((c.w, y1 - y0), ((0, top), (max(0.01, reach), bottom), (1.01, bottom)))
    c.image.paste(colours, (0, y0), mask)


def soft_shape(
    c: Canvas, points: Sequence[Point], colour: RGB, opacity: float, blur: float
) -> None:
    """A polygon in pixels with a blurred rim: shadows, beams, reflections."""
    xs, ys = [p[0] for p in points], [p[1] for p in points]
    pad = blur * 2.5 + 2
    x0, y0 = max(0, int(min(xs) - pad)), max(0, int(min(ys) - pad))
    x1, y1 = min(c.w, int(max(xs) + pad) + 1), min(c.h, int(max(ys) + pad) + 1)
    if x1 <= x0 or y1 <= y0:
        return
    small = max(1.0, blur / 3)
    mask = Image.new("L", (max(1, round((x1 - x0) / small)), max(1, round((y1 - y0) / small))))
    shape = [((x - x0) / small, (y - y0) / small) for x, y in points]
    ImageDraw.Draw(mask).polygon(shape, fill=round(255 * opacity))
    mask = mask.filter(ImageFilter.GaussianBlur(blur / small))
    c.image.paste(colour, (x0, y0), mask.resize((x1 - x0, y1 - y0), Image.Resampling.BILINEAR))


def soft_disc(c: Canvas, x: float, y: float, rx: float, ry: float, colour: RGB, a: float) -> None:
    """An ellipse that fades from its middle: contact shadows, pools of light."""
    span = (max(2, round(2 * rx)), max(2, round(2 * ry)))
    light = (
        _bulb(1.4).resize(span, Image.Resampling.BICUBIC).point([round(v * a) for v in range(256)])
    )
    c.image.paste(colour, (round(x - rx), round(y - ry)), light)


@lru_cache(maxsize=4)
def _grain_tile(seed: int, amount: int) -> Image.Image:
    """Film grain around mid grey, from a seeded dice (Pillow's own noise has no seed)."""
    rng = random.Random(seed)
    side = 384
    a, b, d = (Image.frombytes("L", (side, side), rng.randbytes(side * side)) for _ in range(3))
    bell = Image.blend(Image.blend(a, b, 0.5), d, 0.34)
    return bell.point([round(128 + (v - 128) * amount / 48) for v in range(256)])


def grain(image: Image.Image, seed: int, amount: int = 8) -> Image.Image:
    """The image with fine film grain, the same for the same seed."""
    tile = _grain_tile(seed % 7, amount)
    sheet = Image.new("L", image.size)
    for y in range(0, image.height, tile.height):
        for x in range(0, image.width, tile.width):
            sheet.paste(tile, (x, y))
    return ImageChops.soft_light(image, Image.merge("RGB", (sheet, sheet, sheet)))


def vignette(c: Canvas, strength: float) -> None:
    """Corners a little darker than the middle."""
    table = [round(255 * strength * max(0.0, (v - 120) / 135) ** 1.6) for v in range(256)]
    rim = Image.radial_gradient("L").point(table).resize((128, 128), Image.Resampling.BICUBIC)
    c.image.paste((8, 8, 20), (0, 0), rim.resize((c.w, c.h), Image.Resampling.BILINEAR))


def curve(points: Sequence[Point], steps: int = 14) -> list[Point]:
    """A smooth line through the points (Catmull-Rom)."""
    padded = [points[0], *points, points[-1]]
    line: list[Point] = []
    for a, b, d, e in zip(padded, padded[1:], padded[2:], padded[3:], strict=False):
        for i in range(steps):
            t = i / steps
            line.append((_spline(a[0], b[0], d[0], e[0], t), _spline(a[1], b[1], d[1], e[1], t)))
    return [*line, points[-1]]


def _spline(a: float, b: float, d: float, e: float, t: float) -> float:
    """One Catmull-Rom coordinate between b and d."""
    return 0.5 * (
        2 * b + (d - a) * t + (2 * a - 5 * b + 4 * d - e) * t * t + (3 * b - a - 3 * d + e) * t**3
    )


def petal(x: float, y: float, angle: float, length: float, width: float) -> list[Point]:
    """A leaf or petal shape from its root in pixels, pointing along `angle` (radians)."""
    ca, sa = math.cos(angle), math.sin(angle)
    left: list[Point] = []
    right: list[Point] = []
    for i in range(15):
        t = i / 14
        half = width / 2 * math.sin(math.pi * t**0.8)
        px, py = x + ca * t * length, y + sa * t * length
        left.append((px - sa * half, py + ca * half))
        right.append((px + sa * half, py - ca * half))
    return left + right[::-1]
