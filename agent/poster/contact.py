"""``contact.webp``: every poster of a run on one sheet, at one height, with its name under it."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Final, NamedTuple

from PIL import Image, ImageDraw

from ..derive.pictures import opened
from ..typeset.setting import RGB, Type, draw_line, measure

ROW: Final = 420
"""Pixels that a poster is high."""
WIDTH: Final = 2000
_GAP: Final = 36
_LABEL: Final = 56
_TYPE: Final = Type("sans", 520)
_SIZE: Final = 20
_PAPER: Final[RGB] = (244, 243, 240)
_INK: Final[RGB] = (28, 28, 32)
_NOTE: Final[RGB] = (176, 42, 32)
_MOST_HIGH: Final = 16_000
"""WebP ends at 16,383 pixels."""


Size = tuple[int, int]


class _Thumb(NamedTuple):
    """A poster made small, and what shape it had."""

    shape: Size
    small: Image.Image


class Shown(NamedTuple):
    """One poster on the sheet."""

    name: str
    data: bytes
    note: str = ""
    """In red: what a person should look at."""


def contact_sheet(posters: Sequence[Shown], *, title: str = "") -> bytes:
    """The sheet as WebP, the same bytes for the same posters; rows are broken by width.

    So many that the sheet would be too high for WebP are shown smaller.
    """
    row, thumbs = ROW, [_thumb(one, ROW) for one in posters]
    while True:
        sizes = [_small(thumb.shape, row) for thumb in thumbs]
        rows = _rows(sizes)
        height = _GAP + (_LABEL if title else 0)
        height += sum(_high(places, sizes) + _LABEL + _GAP for places in rows)
        if height <= _MOST_HIGH or row <= 60:
            break
        row = max(60, row * 3 // 4)
    if row != ROW:
        thumbs = [_thumb(one, row) for one in posters]
    sheet = Image.new("RGB", (WIDTH, min(height, _MOST_HIGH)), _PAPER)
    pen, y = ImageDraw.Draw(sheet), _GAP
    if title:
        draw_line(pen, (_GAP, y + 28), _cut(title, WIDTH - 2 * _GAP, 30), _TYPE, 30, _INK)
        y += _LABEL
    for places in rows:
        y += _high(places, sizes)
        for x, index in places:
            small = thumbs[index].small
            sheet.paste(small, (x, y - small.height))
            _label(pen, (x, y), posters[index], small.width)
        y += _LABEL + _GAP
    out = io.BytesIO()
    sheet.save(out, "WEBP", quality=82, method=4)
    return out.getvalue()


def _high(places: Sequence[tuple[int, int]], sizes: Sequence[Size]) -> int:
    """The tallest of a row; all of it stand on one line."""
    return max(sizes[index][1] for _, index in places)


def _thumb(one: Shown, row: int) -> _Thumb:
    with opened(one.data) as picture:
        size = _small(picture.size, row)
        small = picture.convert("RGB").resize(size, Image.Resampling.LANCZOS)
        return _Thumb(picture.size, small)


def _small(shape: Size, row: int) -> Size:
    """As high as a row, or twice as wide and lower."""
    scale = min(row / shape[1], 2 * row / shape[0])
    return max(24, round(shape[0] * scale)), max(1, round(shape[1] * scale))


def _rows(sizes: Sequence[Size]) -> list[list[tuple[int, int]]]:
    """For each row: the left edge and the number of each poster."""
    rows: list[list[tuple[int, int]]] = []
    x = WIDTH
    for index, (wide, _) in enumerate(sizes):
        if x + wide > WIDTH - _GAP:
            rows.append([])
            x = _GAP
        rows[-1].append((x, index))
        x += wide + _GAP
    return rows


def _label(pen: ImageDraw.ImageDraw, corner: tuple[int, int], one: Shown, width: int) -> None:
    x, y = corner
    draw_line(pen, (x, y + 24), _cut(one.name, width + _GAP - 8, _SIZE), _TYPE, _SIZE, _INK)
    if one.note:
        draw_line(pen, (x, y + 48), _cut(one.note, width + _GAP - 8, _SIZE), _TYPE, _SIZE, _NOTE)


def _cut(text: str, width: float, size: int) -> str:
    """The end of a name tells cells apart, so the beginning is left out."""
    if measure(text, _TYPE, size) <= width:
        return text
    while text and measure("…" + text, _TYPE, size) > width:
        text = text[1:]
    return "…" + text
