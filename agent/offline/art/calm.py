"""Areas left calm: the picture fades into its own colours there, without figure or texture."""

from __future__ import annotations

from PIL import Image, ImageChops, ImageDraw, ImageFilter

from ...typeset.boxes import Box
from .colour import RGB, lift, luminance, mix, rgb, shade
from .scene import Area, Scene

_NEAR = 0.13
_SMALL = 160
_BRIGHT, _DARK = 0.50, 0.045
"""Luminance that leaves a contrast of ten and more for the other ink."""


def hush(image: Image.Image, scene: Scene) -> Image.Image:
    """The picture with every calm area, and the ground under painted words, made quiet."""
    areas = (*scene.calm, *(line.area for line in scene.painted))
    free = scene.motif == "geo" and scene.room is not None
    if not areas or (free and not any(Box(*scene.room or areas[0]).meets(Box(*a)) for a in areas)):
        return image  # tiles keep to their room, and paper is as calm as can be
    return _hushed(image, scene, areas)


def hush_box(image: Image.Image, scene: Scene, area: Area) -> Image.Image:
    """The picture with one area quiet: where words are to be painted anew."""
    return _hushed(image, scene, (area,))


def _hushed(image: Image.Image, scene: Scene, areas: tuple[Area, ...]) -> Image.Image:
    """First the picture's own colours without their detail, then, further in, a tone to read on."""
    boxes = tuple(_reaching(Box(*area)) for area in areas)
    cells = _cells(image.size)
    coarse = _without_subject(image.resize(cells, Image.Resampling.BOX), scene)
    coarse = coarse.filter(ImageFilter.BoxBlur(1))
    pixels = coarse.tobytes()
    soft = _SMALL * 0.03
    own = Image.composite(
        _grown(pixels, cells, image.size), image, _mask(image.size, boxes, soft * 0.9, soft * 0.6)
    )
    toned = bytearray()
    bright = _brightness(scene, areas, [_under(pixels, cells, area) for area in areas])
    for i in range(0, len(pixels), 3):
        near = _nearest(
            areas, (i // 3 % cells[0] + 0.5) / cells[0], (i // 3 // cells[0] + 0.5) / cells[1]
        )
        toned += bytes(_tone(scene, _at(pixels, i), bright=bright[near]))
    deeper = _mask(image.size, boxes, soft * 0.4, soft * 1.5)
    return Image.composite(_grown(bytes(toned), cells, image.size), own, deeper)


def _without_subject(coarse: Image.Image, scene: Scene) -> Image.Image:
    """The subject's cells in the colour of the nearest beside it, which else would bleed out."""
    if scene.room is None:
        return coarse
    w, h = coarse.size
    room, pixels = Box(*scene.room), coarse.tobytes()

    def within(i: int) -> bool:
        u, v = (i % w + 0.5) / w, (i // w + 0.5) / h
        return room.x0 < u < room.x1 and room.y0 < v < room.y1

    beside = [i for i in range(w * h) if not within(i)]
    if not beside:
        return coarse
    nearest = (
        i
        if not within(i)
        else min(beside, key=lambda j: (abs(j % w - i % w) + abs(j // w - i // w), j))
        for i in range(w * h)
    )
    return Image.frombytes("RGB", (w, h), b"".join(bytes(_at(pixels, 3 * i)) for i in nearest))


def _cells(size: tuple[int, int]) -> tuple[int, int]:
    """A handful of cells, about square."""
    if size[0] < size[1]:
        return 7, min(16, round(7 * size[1] / size[0]))
    return min(18, round(7 * size[0] / size[1])), 7


def _grown(pixels: bytes, cells: tuple[int, int], size: tuple[int, int]) -> Image.Image:
    """Cells as a smooth picture, in two steps: cubic over a few cells alone would show their grid."""
    small = Image.frombytes("RGB", cells, pixels)
    wide = small.resize((cells[0] * 12, cells[1] * 12), Image.Resampling.BICUBIC)
    return wide.filter(ImageFilter.GaussianBlur(7)).resize(size, Image.Resampling.BICUBIC)


def _mask(size: tuple[int, int], boxes: tuple[Box, ...], pad: float, soft: float) -> Image.Image:
    """White in the boxes, soft around; `pad` and `soft` in a picture of 160 pixels."""
    scale = _SMALL / max(size)
    small = (max(8, round(size[0] * scale)), max(8, round(size[1] * scale)))
    mask = Image.new("L", small)
    for x0, y0, x1, y1 in boxes:
        one = Image.new("L", small)
        shape = (
            x0 * small[0] - pad,
            y0 * small[1] - pad,
            x1 * small[0] + pad,
            y1 * small[1] + pad,
        )
        ImageDraw.Draw(one).rounded_rectangle(shape, soft * 1.5, fill=255)
        mask = ImageChops.lighter(mask, one.filter(ImageFilter.GaussianBlur(soft)))
    return mask.resize(size, Image.Resampling.BICUBIC)


def _reaching(box: Box) -> Box:
    """The box drawn out to the edges it is near, so that no panel shows."""
    across, down = box.width > 0.55, box.height > 0.55
    x0 = -0.3 if box.x0 < _NEAR or across else box.x0
    x1 = 1.3 if box.x1 > 1 - _NEAR or across else box.x1
    y0 = -0.3 if box.y0 < _NEAR or (down and not across) else box.y0
    y1 = 1.3 if box.y1 > 1 - _NEAR or (down and not across) else box.y1
    return Box(x0, y0, x1, y1)


def _nearest(areas: tuple[Area, ...], u: float, v: float) -> int:
    """Which area a point belongs to."""

    def far(area: Area) -> float:
        return max(area[0] - u, u - area[2], 0.0) + max(area[1] - v, v - area[3], 0.0)

    return min(range(len(areas)), key=lambda i: far(areas[i]))


def _brightness(scene: Scene, areas: tuple[Area, ...], colours: list[RGB]) -> list[bool]:
    """Whether each area is to carry dark letters; those on one side of the subject agree."""
    limit = {"day": 0.26, "dusk": 0.36, "night": 0.5}[scene.light]
    room = None if scene.room is None else Box(*scene.room)
    found = []
    for area in areas:
        beside = [
            luminance(colour)
            for other, colour in zip(areas, colours, strict=True)
            if room is None or not _around(area, other).meets(room)
        ]
        found.append(sum(beside) / max(1, len(beside)) > limit)
    return found


def _around(a: Area, b: Area) -> Box:
    """The box of two areas together."""
    return Box(min(a[0], b[0]), min(a[1], b[1]), max(a[2], b[2]), max(a[3], b[3]))


def _tone(scene: Scene, colour: RGB, *, bright: bool) -> RGB:
    """A colour moved away from the middle grey on which no ink is readable, no more than needed."""
    base = mix(colour, rgb(scene.palette[4 if bright else 0]), 0.18)
    for step in range(1, 9):
        moved = lift(base, step / 10) if bright else shade(base, step / 10)
        light = luminance(moved)
        if light > _BRIGHT if bright else light < _DARK:
            return moved
    return lift(base, 0.9) if bright else shade(base, 0.9)


def _at(pixels: bytes, i: int) -> RGB:
    return pixels[i], pixels[i + 1], pixels[i + 2]


def _under(pixels: bytes, cells: tuple[int, int], area: Area) -> RGB:
    """The colour in the middle of an area."""
    x = min(cells[0] - 1, int((area[0] + area[2]) / 2 * cells[0]))
    y = min(cells[1] - 1, int((area[1] + area[3]) / 2 * cells[1]))
    return _at(pixels, 3 * (y * cells[0] + x))
