"""Edits of pixels: for pictures the artist did not draw, and inside masks."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial

from PIL import Image, ImageChops, ImageDraw, ImageEnhance, ImageFilter, ImageOps

from ...typeset.boxes import Box
from ...typeset.setting import Type, draw_line, measure, set_in
from .canvas import Canvas
from .colour import TONES, lift, mix, rgb, shade
from .parse import quoted, unquoted
from .props import draw_props
from .scene import Light, Scene, Season
from .words import LIGHTS, MOOD_WORDS, PROP_WORDS, SEASONS, TONE_WORDS, earliest, every, says

REMOVE = (
    "remove",
    "erase",
    "delete",
    "get rid of",
    "take out",
    "clean up",
    "去掉",
    "删除",
    "移除",
    "擦除",
    "抹掉",
    "清除",
)
BLUR = ("blur", "blurred", "blurry", "out of focus", "soften", "模糊", "虚化")


def colourise(image: Image.Image, tone: str) -> Image.Image:
    """The image in one colour, its light and shade kept."""
    grey = ImageOps.autocontrast(image.convert("L"), cutoff=1)
    if tone in ("white", "black", "grey"):
        gain = {"white": (120, 255), "black": (0, 96), "grey": (30, 215)}[tone]
        flat = grey.point([gain[0] + v * (gain[1] - gain[0]) // 255 for v in range(256)])
        return Image.merge("RGB", (flat, flat, flat))
    middle = rgb(TONES[tone].accent)
    tinted = ImageOps.colorize(grey, shade(middle, 0.8), lift(middle, 0.82), mid=middle)
    return Image.blend(image, tinted, 0.86)


def _tint(image: Image.Image, hexa: str, amount: float) -> Image.Image:
    """Soft light of one colour over the image."""
    sheet = Image.new("RGB", image.size, hexa)
    return Image.blend(image, ImageChops.overlay(image, sheet), amount)


def moody(image: Image.Image, mood: str) -> Image.Image:
    """The image under one of the mood words."""
    match mood:
        case "bright":
            return ImageEnhance.Brightness(image).enhance(1.28)
        case "dark":
            return ImageEnhance.Brightness(image).enhance(0.62)
        case "vivid":
            return ImageEnhance.Contrast(ImageEnhance.Color(image).enhance(1.7)).enhance(1.08)
        case "pastel":
            pale = Image.blend(image, Image.new("RGB", image.size, "#fff4ef"), 0.38)
            return ImageEnhance.Color(pale).enhance(0.85)
        case "mono":
            return ImageEnhance.Contrast(image.convert("L").convert("RGB")).enhance(1.1)
        case "sepia":
            return ImageOps.colorize(image.convert("L"), "#1d120b", "#f7e8cf", mid="#96704a")
        case _:
            return _tint(image, "#ff9a3d" if mood == "warm" else "#3f86ff", 0.55)


def relight(image: Image.Image, light: Light) -> Image.Image:
    """The image by night, at dusk, or in broad daylight."""
    if light == "day":
        return _tint(ImageEnhance.Brightness(image).enhance(1.22), "#fff3d6", 0.35)
    if light == "dusk":
        warm = _tint(image, "#ff8a4a", 0.7)
        sheet = _down(image.size, "#3a1f6b", "#ff9a5c")
        return ImageEnhance.Brightness(
            Image.blend(warm, ImageChops.soft_light(warm, sheet), 0.7)
        ).enhance(0.88)
    curve = [round(255 * (v / 255) ** 1.35 * 0.62) for v in range(256)]
    dark = ImageEnhance.Color(image.point(curve * 3)).enhance(0.55)
    cool = ImageChops.multiply(dark, Image.new("RGB", image.size, "#8fb0ff"))
    lamps = image.convert("L").point([0 if v < 225 else (v - 225) * 4 for v in range(256)])
    return Image.composite(Image.blend(cool, image, 0.35), cool, lamps)


def _down(size: tuple[int, int], top: str, bottom: str) -> Image.Image:
    """A gradient from top to bottom."""
    column = Image.new("RGB", (1, 64))
    for y in range(64):
        column.putpixel((0, y), mix(rgb(top), rgb(bottom), y / 63))
    return column.resize(size, Image.Resampling.BICUBIC)


_SEASON_TINT: dict[Season, tuple[str, float, float]] = {
    "spring": ("#ffb7cf", 0.45, 1.1),
    "summer": ("#ffe27a", 0.45, 1.3),
    "autumn": ("#e07a1f", 0.75, 1.05),
    "winter": ("#b9d8ff", 0.65, 0.5),
}


def reseason(image: Image.Image, season: Season) -> Image.Image:
    """The image in the colours of a season, with what falls in it."""
    tint, amount, colour = _SEASON_TINT[season]
    toned = _tint(ImageEnhance.Color(image).enhance(colour), tint, amount)
    falling = {"winter": ("snow",), "autumn": ("leaves",), "spring": ("petals",)}
    return with_props(toned, falling.get(season, ()))


def with_props(image: Image.Image, props: tuple[str, ...]) -> Image.Image:
    """The image with things drawn onto it."""
    if not props:
        return image
    seed = sum(image.resize((1, 1)).tobytes())
    c = Canvas(Scene(motif="abstract", seed=seed, props=props), image.size)
    c.image = image.copy()
    c.pen = ImageDraw.Draw(c.image)
    draw_props(c)
    return c.image


def in_box(image: Image.Image, text: str, box: Box) -> Image.Image:
    """The image with a text set as large as a box (fractions) allows, outlined for contrast."""
    sheet = image.copy()
    w, h = image.size
    kind = Type("black", 800)
    width, height = box.width * w * 0.92, box.height * h * 0.86
    setting = set_in(text, kind, width, height, leading=1.05)
    area = (box.x0 * w, box.y0 * h, max(box.x1 * w, 1.0), max(box.y1 * h, 1.0))
    mean = image.convert("L").resize((1, 1), Image.Resampling.BOX, box=area).tobytes()[0]
    ink, rim = ((255, 250, 240), (18, 20, 32)) if mean < 140 else ((18, 20, 32), (255, 250, 240))
    pen = ImageDraw.Draw(sheet)
    tall = setting.size * (1.05 * (len(setting.lines) - 1) + 0.72)
    y = (box.y0 + box.y1) / 2 * h - tall / 2 + setting.size * 0.72
    out = max(1, setting.size // 22)
    for line in setting.lines:
        x = (box.x0 + box.x1) / 2 * w - measure(line, kind, setting.size) / 2
        for dx, dy in ((-out, 0), (out, 0), (0, -out), (0, out)):
            draw_line(pen, (x + dx, y + dy), line, kind, setting.size, rim)
        draw_line(pen, (x, y), line, kind, setting.size, ink)
        y += setting.size * 1.05
    return sheet


def heal(image: Image.Image, hole: Image.Image) -> Image.Image:
    """The image with what lies under the hole (L, white) carried over from its two sides."""
    area = hole.getbbox()
    if area is None:
        return image
    x0, y0, x1, y1 = area
    span, reach = (x1 - x0, y1 - y0), max(2, image.width // 50)
    if x0 < 2 and x1 > image.width - 2:
        return image.filter(ImageFilter.GaussianBlur(max(image.size) / 24))
    left = _edge(image, (max(0, x0 - reach), y0, max(1, x0), y1), span)
    right = _edge(image, (min(x1, image.width - 1), y0, min(image.width, x1 + reach), y1), span)
    across = Image.linear_gradient("L").rotate(90).resize(span)
    if x0 < 2:
        across = Image.new("L", span, 255)
    elif x1 > image.width - 2:
        across = Image.new("L", span, 0)
    healed = image.copy()
    healed.paste(Image.composite(right, left, across), (x0, y0))
    return healed


def _edge(
    image: Image.Image, strip: tuple[int, int, int, int], span: tuple[int, int]
) -> Image.Image:
    """A strip beside a hole averaged across and stretched over it."""
    column = image.crop(strip).resize((1, span[1]), Image.Resampling.BOX)
    return column.resize(span)


_CROPS: tuple[tuple[str, Box], ...] = (
    (r"left (?:half|side)|左半|左边|左侧", Box(0, 0, 0.5, 1)),
    (r"right (?:half|side)|右半|右边|右侧", Box(0.5, 0, 1, 1)),
    (r"(?:top|upper) (?:half|part)|上半", Box(0, 0, 1, 0.5)),
    (r"(?:bottom|lower) (?:half|part)|下半", Box(0, 0.5, 1, 1)),
    (r"left third", Box(0, 0, 1 / 3, 1)),
    (r"right third", Box(2 / 3, 0, 1, 1)),
)
_CROP = re.compile(r"\bcrop|裁剪|裁切|裁成|剪裁", re.IGNORECASE)
_RATIO = re.compile(r"(\d{1,2})\s*[:：x×]\s*(\d{1,2})")


def crop(instruction: str, image: Image.Image) -> Image.Image | None:
    """The part of the image an instruction asks to keep; None when it asks for no crop."""
    if not _CROP.search(instruction):
        return None
    w, h = image.size
    for pattern, box in _CROPS:
        if re.search(pattern, instruction, re.IGNORECASE):
            return image.crop(
                (round(box.x0 * w), round(box.y0 * h), round(box.x1 * w), round(box.y1 * h))
            )
    ratio = _RATIO.search(instruction)
    if ratio and int(ratio[1]) and int(ratio[2]):
        return cover(image, _largest((w, h), int(ratio[1]) / int(ratio[2])))
    if re.search(r"square|方形|正方", instruction, re.IGNORECASE):
        return cover(image, (min(w, h), min(w, h)))
    return image.crop((w // 5, h // 5, w - w // 5, h - h // 5))


def _largest(size: tuple[int, int], ratio: float) -> tuple[int, int]:
    """The largest (width, height) of a ratio inside a size."""
    w, h = size
    return (max(1, round(h * ratio)), h) if w / h > ratio else (w, max(1, round(w / ratio)))


def cover(image: Image.Image, size: tuple[int, int]) -> Image.Image:
    """The image filling a size, its middle kept."""
    if image.size == size:
        return image
    return ImageOps.fit(image, size, Image.Resampling.LANCZOS)


def _whole(instruction: str) -> list[Callable[[Image.Image], Image.Image]]:
    """The pixel changes an instruction asks for, in the order they are made."""
    plain = unquoted(instruction)
    steps: list[Callable[[Image.Image], Image.Image]] = []
    if tones := every(plain, TONE_WORDS):
        steps.append(lambda image: colourise(image, tones[0]))
    steps += [partial(moody, mood=mood) for mood in every(plain, MOOD_WORDS)]
    if light := earliest(plain, LIGHTS):
        steps.append(lambda image: relight(image, light))
    season = earliest(plain, SEASONS)
    if season:
        steps.append(lambda image: reseason(image, season))
    if says(plain, BLUR):
        steps.append(
            lambda image: image.filter(ImageFilter.GaussianBlur(max(3.0, max(image.size) / 70)))
        )
    if re.search(r"\b(?:flip|mirror)|镜像|翻转", plain, re.IGNORECASE):
        steps.append(ImageOps.mirror)
    if re.search(r"\bsharpen|锐化", plain, re.IGNORECASE):
        steps.append(lambda image: image.filter(ImageFilter.UnsharpMask(3, 160)))
    props = tuple(
        p for p in every(plain, PROP_WORDS) if not (season and p in ("snow", "leaves", "petals"))
    )
    if props and not tones and not says(plain, REMOVE):
        steps.append(lambda image: with_props(image, props[:3]))
    return steps


def retouch(instruction: str, image: Image.Image) -> Image.Image | None:
    """The whole image changed as asked; None when nothing of it was understood."""
    steps = _whole(instruction)
    for step in steps:
        image = step(image)
    return image if steps else None


def retouch_inside(
    instruction: str, image: Image.Image, hole: Image.Image
) -> tuple[Image.Image, bool]:
    """The image changed under the hole (L, white = change), exactly equal where it is black.

    The second value is False when the words were not understood and the part was only recoloured.
    """
    area = hole.getbbox()
    if area is None:
        return image, True
    w, h = image.size
    box = Box(area[0] / w, area[1] / h, area[2] / w, area[3] / h)
    plain, texts = unquoted(instruction), quoted(instruction)
    understood = True
    if says(plain, REMOVE):
        changed = heal(image, hole)
    elif texts:
        changed = in_box(image, texts[0][0], box)
    else:
        part = image.crop(area)
        new = retouch(instruction, part)
        understood = new is not None
        changed = image.copy()
        changed.paste(new if new is not None else colourise(part, "orange"), area[:2])
    return Image.composite(changed, image, hole), understood
