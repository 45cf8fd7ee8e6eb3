"""Areas left calm: the picture fades into its own colours there, without figure or texture."""

from __future__ import annotations

from PIL import Image, ImageChops, ImageDraw, ImageFilter

from .colour import RGB, lift, luminance, mix, rgb, shade
from .layout import Box
from .scene import Area, Scene

_NEAR = 0.13
_SMALL = 160


def hush(image: Image.Image, scene: Scene) -> Image.Image:
    """The picture with every calm area, and the ground under painted words, made quiet."""
    areas = (*scene.calm, *(line.area for line in scene.painted))
    if not areas:
        return image
    quiet = _quiet(image, scene, areas)
    return Image.composite(quiet, image, _mask(image.size, tuple(Box(*a) for a in areas)))


def hush_box(image: Image.Image, scene: Scene, area: Area) -> Image.Image:
    """The picture with one area quiet: where words are to be painted anew."""
    quiet = _quiet(image, scene, (area,))
    return Image.composite(quiet, image, _mask(image.size, (Box(*area),)))


def _mask(size: tuple[int, int], boxes: tuple[Box, ...]) -> Image.Image:
    """White in the boxes, running out to the edges of the picture that are near, soft around."""
    scale = _SMALL / max(size)
    small = (max(8, round(size[0] * scale)), max(8, round(size[1] * scale)))
    soft = max(2.0, _SMALL * 0.035)
    mask = Image.new("L", small)
    for box in boxes:
        one = Image.new("L", small)
        x0, y0, x1, y1 = _reaching(box)
        pad = soft * 1.1
        shape = (
            x0 * small[0] - pad,
            y0 * small[1] - pad,
            x1 * small[0] + pad,
            y1 * small[1] + pad,
        )
        ImageDraw.Draw(one).rounded_rectangle(shape, soft * 1.5, fill=255)
        one = one.filter(ImageFilter.GaussianBlur(soft * 0.55))
        mask = ImageChops.lighter(mask, one)
    firm = mask.point([min(255, round(v * 1.12)) for v in range(256)])
    return firm.resize(size, Image.Resampling.BICUBIC)


def _reaching(box: Box) -> Box:
    """The box drawn out to the edges it is near, so that no panel shows."""
    across, down = box.width > 0.55, box.height > 0.55
    x0 = -0.3 if box.x0 < _NEAR or across else box.x0
    x1 = 1.3 if box.x1 > 1 - _NEAR or across else box.x1
    y0 = -0.3 if box.y0 < _NEAR or (down and not across) else box.y0
    y1 = 1.3 if box.y1 > 1 - _NEAR or (down and not across) else box.y1
    return Box(x0, y0, x1, y1)


def _quiet(image: Image.Image, scene: Scene, areas: tuple[Area, ...]) -> Image.Image:
    """The picture as a few soft colours, away from the middle grey where no ink is readable."""
    cells = (6, max(4, round(6 * image.height / image.width)))
    if image.width < image.height:
        cells = (6, min(14, cells[1]))
    else:
        cells = (min(14, round(6 * image.width / image.height)), 6)
    coarse = image.resize(cells, Image.Resampling.BOX).filter(ImageFilter.BoxBlur(1))
    pixels = coarse.tobytes()
    told = [_told(pixels, cells, area) for area in areas]
    bright = sum(map(luminance, told)) / len(told) > (0.34 if scene.light == "day" else 0.5)
    pull = _pull(scene, bright=bright)
    toned = bytes(
        value for i in range(0, len(pixels), 3) for value in mix(_at(pixels, i), pull, 0.58)
    )
    small = Image.frombytes("RGB", cells, toned)
    # Two steps: Pillow's cubic over a few cells alone would show their grid.
    return small.resize((cells[0] * 12, cells[1] * 12), Image.Resampling.BICUBIC).filter(
        ImageFilter.GaussianBlur(8)
    ).resize(image.size, Image.Resampling.BICUBIC)


def _pull(scene: Scene, *, bright: bool) -> RGB:
    """The colour a quiet area leans to."""
    deep, paper = rgb(scene.palette[0]), rgb(scene.palette[4])
    return lift(paper, 0.3) if bright else shade(deep, 0.35)


def _at(pixels: bytes, i: int) -> RGB:
    return pixels[i], pixels[i + 1], pixels[i + 2]


def _told(pixels: bytes, cells: tuple[int, int], area: Area) -> RGB:
    """The colour in the middle of an area."""
    x = min(cells[0] - 1, int((area[0] + area[2]) / 2 * cells[0]))
    y = min(cells[1] - 1, int((area[1] + area[3]) / 2 * cells[1]))
    return _at(pixels, 3 * (y * cells[0] + x))
