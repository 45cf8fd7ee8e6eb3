"""Tiles in the manner of the Bauhaus: quarters, leaves, rings, stripes."""

from __future__ import annotations

import math
import random

from PIL import Image, ImageChops, ImageDraw

from ....typeset.boxes import Box
from ..canvas import Canvas
from ..colour import RGB, mix, shade
from ..layout import family_of, plan_of
from ..scene import Scene

_KINDS = (
    "quarter",
    "quarter",
    "leaf",
    "leaf",
    "half",
    "circle",
    "ring",
    "triangle",
    "stripes",
    "dots",
    "arch",
    "cross",
)


def _field(scene: Scene, size: tuple[int, int]) -> tuple[Box, float]:
    """Where the tiles lie, and their side in pixels; paper is left free for lettering."""
    columns = {"tall": 4, "portrait": 5, "square": 6, "landscape": 8, "wide": 12}[family_of(size)]
    side = size[0] / columns
    if scene.room is not None:
        return _inside(Box(*scene.room), size, side)
    if not scene.lettered:
        return Box(0, 0, 1, 1), side
    subject = plan_of(size).subject
    if size[0] > size[1] * 1.17:
        x0 = subject.x0 - 0.025
        return Box(x0, 0, 1, 1), (1 - x0) * size[0] / (columns // 2)
    top = subject.y0 - 0.018
    rows = int((subject.y1 + 0.02 - top) * size[1] / side)
    return Box(0, top, 1, top + rows * side / size[1]), side


def _inside(room: Box, size: tuple[int, int], side: float) -> tuple[Box, float]:
    """Whole rows of tiles as high as the room, across the sheet or out to its near edge."""
    tall = room.height * size[1]
    side = tall / max(1, round(tall / side))
    if room.width > 0.55:
        return Box(0, room.y0, 1, room.y1), side
    if room.middle[0] > 0.5:
        wide = side * max(1, round((1 - room.x0) * size[0] / side - 0.2)) / size[0]
        return Box(max(room.x0, 1 - wide), room.y0, 1, room.y1), side
    return Box(0, room.y0, room.x1, room.y1), side


def focal(scene: Scene, size: tuple[int, int]) -> Box:
    """The tiles that no lettering may cover."""
    if scene.room is not None:
        return Box(*scene.room)
    return plan_of(size, lettered=scene.lettered, middle=scene.middle).subject


def draw(c: Canvas) -> None:
    """Square tiles over the sheet, or over the part of it that the letters leave."""
    field, u = _field(c.scene, (c.w, c.h))
    paper = mix(c.look.paper, c.look.deep, 0.0 if c.scene.light == "day" else 0.04)
    if c.scene.night:
        paper = shade(c.look.deep, 0.15)
    if c.bare is None:
        c.pen.rectangle((0, 0, c.w, c.h), fill=paper)
    x0, y0, x1, y1 = c.box(field)
    for row in range(math.ceil((y1 - y0) / u - 0.01)):
        for column in range(math.ceil((x1 - x0) / u - 0.01)):  # the last may reach over the edge
            _tile(c, x0 + column * u, y0 + row * u, u, paper, c.rng(f"tile{row}:{column}"))


def _colours(c: Canvas) -> list[RGB]:
    """The four inks of the print."""
    look = c.look
    inks = [look.deep, look.middle, look.horizon, look.glow]
    if c.scene.night:
        inks[0] = mix(look.deep, look.paper, 0.86)
    if c.scene.light == "dusk":
        inks = [mix(ink, (255, 120, 80), 0.14) for ink in inks]
    return inks


def _tile(c: Canvas, x: float, y: float, u: float, paper: RGB, rng: random.Random) -> None:
    """One tile: a ground and a figure in another colour."""
    inks = _colours(c)
    ground, figure, third = rng.sample(inks, 3)
    if rng.random() < 0.30:
        ground = paper
    kind = rng.choice(_KINDS)
    side = max(2, round(x + u) - round(x) + 1)
    tile = Image.new("RGB", (side, side), ground)
    _figure(tile, kind, figure, third, rng)
    c.image.paste(tile, (round(x), round(y)))


Pen = ImageDraw.ImageDraw


def _figure(tile: Image.Image, kind: str, ink: RGB, third: RGB, rng: random.Random) -> None:
    """Draw a figure that fills a square tile."""
    pen, s = ImageDraw.Draw(tile), float(tile.width)
    match kind:
        case "leaf":
            _leaf(tile, s, ink, flip=rng.random() < 0.5)
        case "ring":
            for i, e in enumerate((0.06, 0.17, 0.28, 0.39)):
                pen.ellipse((e * s, e * s, s - e * s, s - e * s), fill=(ink, third)[i % 2])
        case "triangle":
            corners = (
                ((0, 0), (s, 0), (0, s)),
                ((s, 0), (s, s), (0, s)),
                ((0, s), (s / 2, 0), (s, s)),
            )
            pen.polygon(rng.choice(corners), fill=ink)
        case "dots":
            for i in range(9):
                cx, cy, e = s * (i % 3 + 0.5) / 3, s * (i // 3 + 0.5) / 3, s * 0.105
                pen.ellipse((cx - e, cy - e, cx + e, cy + e), fill=ink)
        case "stripes":
            _stripes(pen, s, ink, flat=rng.random() < 0.5)
        case "arch":
            for e, tone in ((0.0, ink), (0.17, third), (0.34, ink)):
                pen.pieslice((e * s, e * s, s - e * s, 2 * s - e * s), 180, 360, fill=tone)
        case "cross":
            pen.polygon(((0, 0), (s, 0), (s / 2, s / 2)), fill=ink)
            pen.polygon(((0, s), (s, s), (s / 2, s / 2)), fill=ink)
        case _:
            _round(pen, kind, s, (ink, third), rng)


def _round(pen: Pen, kind: str, s: float, inks: tuple[RGB, RGB], rng: random.Random) -> None:
    """Quarters, halves and whole discs."""
    start = rng.choice((0, 90, 180, 270))
    inset = (s * 0.12, s * 0.12, s * 0.88, s * 0.88)
    if kind == "quarter":
        ox, oy = rng.choice(((0.0, 0.0), (s, 0.0), (0.0, s), (s, s)))
        pen.ellipse((ox - s, oy - s, ox + s, oy + s), fill=inks[0])
        if rng.random() < 0.5:
            pen.ellipse((ox - s / 2, oy - s / 2, ox + s / 2, oy + s / 2), fill=inks[1])
    elif kind == "half":
        pen.pieslice((0, 0, s, s), start, start + 180, fill=inks[0])
        pen.pieslice((s * 0.28, s * 0.28, s * 0.72, s * 0.72), start, start + 180, fill=inks[1])
    else:
        pen.ellipse(inset, fill=inks[0])
        pen.pieslice(inset, start, start + 90, fill=inks[1])


def _leaf(tile: Image.Image, s: float, ink: RGB, *, flip: bool) -> None:
    """Where two great circles meet."""
    a, b = Image.new("L", tile.size), Image.new("L", tile.size)
    first, second = ((-s, 0.0), (0.0, -s)) if flip else ((0.0, 0.0), (-s, -s))
    for mask, (x, y) in ((a, first), (b, second)):
        ImageDraw.Draw(mask).ellipse((x, y, x + 2 * s, y + 2 * s), fill=255)
    tile.paste(ink, (0, 0), ImageChops.multiply(a, b))


def _stripes(pen: Pen, s: float, ink: RGB, *, flat: bool) -> None:
    """Three bars across or down."""
    for i in range(0, 6, 2):
        a, b = s * i / 6, s * (i + 1) / 6
        pen.rectangle((0.0, a, s, b) if flat else (a, 0.0, b, s), fill=ink)
