"""From a scene to pixels: the same scene at the same size is the same picture."""

from __future__ import annotations

import hashlib
import math
from dataclasses import replace

from PIL import Image, ImageChops, ImageDraw, ImageFilter

from ...typeset.boxes import Box
from ...typeset.setting import Type, draw_line, fit, measure
from .calm import hush
from .canvas import Canvas, grain, vignette
from .colour import FLAT, RGB, mix, rgb, shade
from .motifs import draw_motif
from .overlays import lay_overlays
from .props import draw_props
from .scene import Scene
from .staging import draw_staged, room_of, subject_box
from .typography import draw_lettering, worst_contrast

_MOST_PIXELS = 13.5e6
MARK = "drawn offline"


def render(scene: Scene, size: tuple[int, int], *, transparent: bool = False) -> Image.Image:
    """The finished picture: RGB, or RGBA without its backdrop when `transparent`."""
    if (room := _room(size)) != size:
        return render(scene, room, transparent=transparent).resize(size, Image.Resampling.BOX)
    if transparent:
        return cutout(scene, size)
    image = _unmarked(scene, size)
    if not scene.unmarked:
        _mark(image, scene)
    return image


def _room(size: tuple[int, int]) -> tuple[int, int]:
    """The nearest size there is a composition for: at least 48 pixels, at most three to one."""
    w, h = max(48, size[0]), max(48, size[1])
    return max(w, math.ceil(h / 3)), max(h, math.ceil(w / 3))


def _unmarked(scene: Scene, size: tuple[int, int]) -> Image.Image:
    """The picture with lettering and overlays, without the corner mark."""
    image = ground(scene, size)
    draw_lettering(image, scene)
    return lay_overlays(image, scene)


def ground(scene: Scene, size: tuple[int, int]) -> Image.Image:
    """The picture before any lettering, overlay or mark."""
    image = hush(_draw(scene, size, None), scene)
    return grain(image, scene.seed)


def _scale(size: tuple[int, int]) -> float:
    """How much larger to draw before scaling down, for smooth edges."""
    return min(2.0, max(1.0, math.sqrt(_MOST_PIXELS / (size[0] * size[1]))))


def _draw(scene: Scene, size: tuple[int, int], bare: RGB | None) -> Image.Image:
    """Motif and props, drawn large and scaled to size."""
    c = Canvas(scene, size, scale=_scale(size), bare=bare)
    if scene.staged:
        c.image = draw_staged(scene, size, _scale(size), bare)
    else:
        draw_motif(c)
        draw_props(c)
    if bare is None and scene.motif not in FLAT:
        vignette(c, 0.30)
    if c.image.size == size:
        return c.image
    return c.image.resize(
        size, Image.Resampling.BOX if c.w == 2 * size[0] else Image.Resampling.LANCZOS
    )


def cutout(scene: Scene, size: tuple[int, int]) -> Image.Image:
    """The subject on nothing: drawn on black and on white, the difference is its alpha."""
    dark, light = _draw(scene, size, (0, 0, 0)), _draw(scene, size, (255, 255, 255))
    gap = ImageChops.difference(dark, light).convert("RGB").split()
    thickest = ImageChops.lighter(ImageChops.lighter(gap[0], gap[1]), gap[2])
    alpha = ImageChops.invert(thickest)
    half = Image.blend(dark, light, 0.5)
    colour = Image.composite(dark, half, alpha.point([0 if v < 250 else 255 for v in range(256)]))
    colour.putalpha(alpha.point([0 if v < 8 else v for v in range(256)]))
    return colour


def preview(scene: Scene, size: tuple[int, int], step: int, steps: int) -> Image.Image:
    """An early state of `render`: really drawn, but small, then scaled to the full size.

    `step` counts from 0 to `steps` - 1; later steps are finer.
    """
    share = 0.5 ** (1 + max(1, steps - step))
    small = (max(16, round(size[0] * share)), max(16, round(size[1] * share)))
    sketch = _unmarked(scene, small).resize(size, Image.Resampling.BICUBIC)
    return sketch.filter(ImageFilter.GaussianBlur(0.35 / share))


def focal_box(scene: Scene, size: tuple[int, int]) -> Box:
    """The box of the subject in fractions of the picture."""
    return subject_box(scene, size)


def tiny(scene: Scene, size: tuple[int, int]) -> Image.Image:
    """A picture in name only, for tests: two bands and a block whose place is the scene's hash.

    Words asked for in areas are lettered all the same: they are what is looked at.
    """
    digest = hashlib.sha256(scene.to_json().encode()).digest()
    image = Image.new("RGB", size, rgb(scene.palette[1]))
    pen = ImageDraw.Draw(image)
    pen.rectangle((0, size[1] * 2 // 3, size[0], size[1]), fill=rgb(scene.palette[2]))
    x, y = digest[0] * size[0] // 512, digest[1] * size[1] // 512
    block: tuple[float, ...] = (x, y, x + size[0] // 3, y + size[1] // 3)
    if scene.staged:
        pen.rectangle((0, 0, *size), fill=rgb(scene.palette[4]))
        x0, y0, x1, y1 = room_of(scene, size)
        block = (x0 * size[0], y0 * size[1], x1 * size[0], y1 * size[1])
    pen.rectangle(block, fill=(digest[2], digest[3], digest[4]))
    draw_lettering(image, replace(scene, title="", subtitle="", lines=()))
    return image


def _mark(image: Image.Image, scene: Scene) -> None:
    """The small honest line in the bottom right corner, inside the margin a crop removes."""
    w, h = image.size
    kind = Type("sans", 560, 0.05)
    size = fit(MARK, kind, w * 0.5, max(7.0, 0.0155 * min(w, h)))
    wide = measure(MARK, kind, size)
    x1, base = w - size * 1.1, h - size * 0.9
    box = Box((x1 - wide) / w, (base - size) / h, x1 / w, (base + size * 0.3) / h)
    light, dark = rgb(scene.palette[4]), shade(rgb(scene.palette[0]), 0.8)
    ink = max((light, dark), key=lambda tone: worst_contrast(image, box, tone))
    if worst_contrast(image, box, ink) < 3.2:
        _cushion(image, box, dark if ink == light else light)
    pixel = image.getpixel((min(w - 1, int(x1 - wide / 2)), min(h - 1, int(base - size / 2))))
    assert isinstance(pixel, tuple)
    under: RGB = (int(pixel[0]), int(pixel[1]), int(pixel[2]))
    draw_line(ImageDraw.Draw(image), (x1, base), MARK, kind, size, mix(ink, under, 0.1), "right")


def _cushion(image: Image.Image, box: Box, colour: RGB) -> None:
    """A small rounded plate under the mark where the picture is too busy to read it."""
    w, h = image.size
    pad = 0.45 * box.height * h
    area = (box.x0 * w - pad, box.y0 * h - pad * 0.2, box.x1 * w + pad, box.y1 * h + pad * 0.5)
    plate = Image.new("L", image.size)
    ImageDraw.Draw(plate).rounded_rectangle(area, pad, fill=205)
    image.paste(colour, (0, 0), plate)
