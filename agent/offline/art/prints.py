"""What stands in a picture, told from its pixels: the shape of a line of letters, compared.

A reader that believed the request would prove nothing. So each line that is painted leaves the
shape of its ink behind, and a part of a picture is read only where its own ink has such a shape.
"""

from __future__ import annotations

from typing import NamedTuple

from PIL import Image, ImageChops, ImageDraw, ImageFilter, ImageOps

from ...typeset.blocks import pieces
from ...typeset.boxes import Box
from ...typeset.setting import Setting, Type, measure
from .typography import Block, draw_block, stands

_EM = 44
_LONGEST = 2400
_WORST = 96
"""The most that any spot as large as a letter may differ, of 255."""
PLAINLY = 78
"""The same where words stand on a ground of one colour, as words of ours do."""
_SAME_SHAPE = 0.12
_PIECES = 40


class Print(NamedTuple):
    """The ink of one painted text, trimmed; `text` with its line breaks."""

    text: str
    shape: Image.Image


def print_of(block: Block, size: tuple[int, int]) -> Print:
    """The shape that a block leaves in a picture of this size, drawn no larger than needed."""
    share = min(1.5, _EM / block.setting.size)
    share = min(share, _LONGEST / max(block.box.width * size[0], block.box.height * size[1], 1))
    em = max(8, round(block.setting.size * share))
    share = em / block.setting.size
    sheet = (max(8, round(size[0] * share)), max(8, round(size[1] * share)))
    image = Image.new("RGB", sheet)
    small = block._replace(setting=block.setting._replace(size=em))
    draw_block(ImageDraw.Draw(image), small, sheet, (255, 255, 255))
    return Print(stands(block), _trimmed(image.getchannel(0)))


PLAIN = Type("sans", 700)
"""What words of a test are set in."""


def lines_of(words: str, kind: Type = PLAIN) -> list[Print]:
    """Every run of words as one line."""
    row = pieces(words)[:_PIECES]
    runs = ["".join(row[i:j]).rstrip() for i in range(len(row)) for j in range(i + 1, len(row) + 1)]
    area = Box(0.02, 0.2, 0.98, 0.9)
    return [
        print_of(Block("line", area, kind, Setting(_EM, (run,)), "left"), _sheet(run, kind))
        for run in runs
    ]


def _sheet(run: str, kind: Type) -> tuple[int, int]:
    """As wide as a line needs: on a wider one it would be drawn smaller, and rounded more."""
    return round(1.1 * measure(run, kind, _EM)) + 2 * _EM, 200


def _trimmed(shape: Image.Image) -> Image.Image:
    box = shape.point([255 if v > 100 else 0 for v in range(256)]).getbbox()
    return shape.crop(box) if box else Image.new("L", (1, 1))


class Reading(NamedTuple):
    """What a part shows: the texts recognised from the top, and whether there is more ink."""

    lines: tuple[str, ...]
    unread: bool


def read(part: Image.Image, prints: list[Print], worst: int = _WORST) -> Reading:
    """The texts in a part of a picture, each one only where its shape stands in the pixels."""
    ink = ink_of(part)
    if ink is None:
        return Reading((), unread=False)
    whole = _match(ink, prints, worst)
    if whole is not None:
        return Reading((whole,), unread=False)
    lines: list[str] = []
    unread = False
    bands = _bands(ink)
    first = 0
    while first < len(bands):
        for last in range(min(len(bands), first + 6), first, -1):
            piece = ink.crop((0, bands[first][0], ink.width, bands[last - 1][1]))
            if (found := _match(piece, prints, worst)) is not None:
                lines.append(found)
                first = last
                break
        else:
            unread, first = True, first + 1
    return Reading(tuple(lines), unread)


def ink_of(part: Image.Image) -> Image.Image | None:
    """The letters of a part as white on black; None where there are none."""
    grey = part.convert("L")
    share = 1000 / max(grey.size)
    if share < 1:
        grey = grey.resize(
            (max(1, round(grey.width * share)), max(1, round(grey.height * share))),
            Image.Resampling.BOX,
        )
    low, high = _classes(grey)
    if high - low < 28:
        return None
    span = [round(255 * min(1.0, max(0.0, (v - low) / (high - low)))) for v in range(256)]
    ink = grey.point(span)
    if _rim(ink) > 127:
        ink = ImageOps.invert(ink)
    return _without_rim(ink)


def _classes(grey: Image.Image) -> tuple[float, float]:
    """The two mean greys of a picture of two tones, by Otsu's rule."""
    counts = grey.histogram()
    total, weighted = sum(counts), sum(v * n for v, n in enumerate(counts))
    below = under = 0
    best, split = -1.0, (0.0, 255.0)
    for value, count in enumerate(counts):
        below, under = below + count, under + value * count
        if not 0 < below < total:
            continue
        low, high = under / below, (weighted - under) / (total - below)
        between = below * (total - below) * (high - low) ** 2
        if between > best:
            best, split = between, (low, high)
    return split


def _rim(ink: Image.Image) -> float:
    """The mean of the outermost pixels."""
    w, h = ink.size
    sides = [(0, 0, w, 1), (0, h - 1, w, h), (0, 0, 1, h), (w - 1, 0, w, h)]
    values = b"".join(ink.crop(side).tobytes() for side in sides)
    return sum(values) / len(values)


def _without_rim(ink: Image.Image) -> Image.Image | None:
    """The ink without what reaches in from the edges, trimmed; None where nothing is left."""
    framed = ImageOps.expand(ink, 1, 255)
    hard = framed.point([255 if v > 110 else 0 for v in range(256)])
    ImageDraw.floodfill(hard, (0, 0), 0, thresh=40)
    near = hard.filter(ImageFilter.MaxFilter(5))
    clean = ImageChops.darker(framed, near).crop((1, 1, framed.width - 1, framed.height - 1))
    box = clean.point([255 if v > 100 else 0 for v in range(256)]).getbbox()
    if box is None or box[2] - box[0] < 3 or box[3] - box[1] < 3:
        return None
    return clean.crop(box)


def _bands(ink: Image.Image) -> list[tuple[int, int]]:
    """Rows of letters, (top, bottom)."""
    column = ink.point([255 if v > 100 else 0 for v in range(256)]).resize(
        (1, ink.height), Image.Resampling.BOX
    )
    rows = column.tobytes()
    bands: list[tuple[int, int]] = []
    start: int | None = None
    for y, value in enumerate((*rows, 0)):
        if value and start is None:
            start = y
        elif not value and start is not None:
            bands.append((start, y))
            start = None
    return bands


def _match(ink: Image.Image, prints: list[Print], worst: int) -> str | None:
    """The text whose shape is nearest, where that is near enough."""
    box = ink.point([255 if v > 100 else 0 for v in range(256)]).getbbox()
    if box is None:
        return None
    ink = ink.crop(box)
    ratio = ink.width / ink.height
    best, text = float(worst), None
    for one in prints:
        own = one.shape.width / one.shape.height
        if abs(ratio / own - 1) > _SAME_SHAPE:
            continue
        gap = _gap(ink, one.shape)
        if worst <= gap < 1.5 * worst:
            gap = min(_gap(ink.crop(edge), one.shape) for edge in _nudged(ink.size))
        if gap < best:
            best, text = gap, one.text
    return text


def _nudged(size: tuple[int, int]) -> tuple[tuple[int, int, int, int], ...]:
    """Boxes a pixel higher or lower: where small letters end is a matter of rounding."""
    w, h = size
    return (0, -1, w, h), (0, 0, w, h + 1), (0, 1, w, h), (0, 0, w, h - 1), (0, -1, w, h + 1)


def _gap(ink: Image.Image, shape: Image.Image) -> float:
    """The worst difference anywhere, averaged over spots of about a third of a letter."""
    share = min(1.0, 900 / max(shape.size))
    size = (max(1, round(shape.width * share)), max(1, round(shape.height * share)))
    spot = max(2.0, _EM * share * 0.14)
    soft = [
        image.resize(size, Image.Resampling.BOX).filter(ImageFilter.GaussianBlur(spot / 2))
        for image in (ink, shape)
    ]
    apart = ImageChops.difference(*soft).filter(ImageFilter.BoxBlur(round(spot)))
    return float(apart.getextrema()[1])  # type: ignore[arg-type]  # one band has one pair
