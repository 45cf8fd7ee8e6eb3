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
    row = ROW
    while True:
        thumbs = [_thumb(one, row) for one in posters]
        rows = _rows(thumbs)
        height = _GAP + (_LABEL if title else 0)
        height += sum(_high(places, thumbs) + _LABEL + _GAP for places in rows)
        if height <= _MOST_HIGH or row <= 60:
            break
        row = max(60, row * 3 // 4)
    sheet = Image.new("RGB", (WIDTH, min(height, _MOST_HIGH)), _PAPER)
    pen, y = ImageDraw.Draw(sheet), _GAP
    if title:
        draw_line(pen, (_GAP, y + 28), _cut(title, WIDTH - 2 * _GAP, 30), _TYPE, 30, _INK)
        y += _LABEL
    for places in rows:
        y += _high(places, thumbs)
        for x, index in places:
            sheet.paste(thumbs[index], (x, y - thumbs[index].height))
            _label(pen, (x, y), posters[index], thumbs[index].width)
        y += _LABEL + _GAP
    out = io.BytesIO()
    sheet.save(out, "WEBP", quality=82, method=4)
    return out.getvalue()


def _high(places: Sequence[tuple[int, int]], thumbs: Sequence[Image.Image]) -> int:
    """The tallest of a row; all of it stand on one line."""
    return max(thumbs[index].height for _, index in places)


def _thumb(one: Shown, row: int) -> Image.Image:
    """As high as a row, or twice as wide and lower."""
    with opened(one.data) as picture:
        scale = min(row / picture.height, 2 * row / picture.width)
        size = max(24, round(picture.width * scale)), max(1, round(picture.height * scale))
        return picture.convert("RGB").resize(size, Image.Resampling.LANCZOS)


def _rows(thumbs: Sequence[Image.Image]) -> list[list[tuple[int, int]]]:
    """For each row: the left edge and the number of each poster."""
    rows: list[list[tuple[int, int]]] = []
    x = WIDTH
    for index, thumb in enumerate(thumbs):
        if x + thumb.width > WIDTH - _GAP:
            rows.append([])
            x = _GAP
        rows[-1].append((x, index))
        x += thumb.width + _GAP
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
