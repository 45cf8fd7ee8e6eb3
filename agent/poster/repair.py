"""One wrong line painted again: only its own box is taken over, so nothing else can get worse.

The server is asked for an edit with a mask, and may redraw what it likes: what lies outside of the
box stays as it was, pixel for pixel, because it is never taken from the answer.
"""

from __future__ import annotations

import hashlib
import io
import json
from typing import Final

from PIL import Image, ImageChops, ImageFilter
from PIL.PngImagePlugin import PngInfo

from ..derive.pictures import opened
from ..schema import PromptRef
from ..turn import prompts
from ..typeset.boxes import Box, Pixels
from .contrast import PixelBox
from .plan import Painted
from .reading_back import SOURCES, XMP, notes_of
from .wording import painted, span

_FEATHER: Final = 0.012
"""Of the short edge of the picture: over this much the old picture becomes the new one."""


def mask_box(area: Box, size: Pixels) -> tuple[int, int, int, int]:
    """Left, top, width, height in pixels of a picture, inside it."""
    x0, y0, x1, y1 = placed(area, size)
    return x0, y0, x1 - x0, y1 - y0


def placed(area: Box, size: Pixels) -> PixelBox:
    """The same as left, top, right, bottom."""
    x0, y0, x1, y1 = area.pixels(size)
    x1, y1 = min(size[0], max(x1, x0 + 1)), min(size[1], max(y1, y0 + 1))
    return x0, y0, x1, y1


def repair_prompt(line: Painted, area: Box) -> tuple[str, PromptRef]:
    """What the edit is asked for."""
    words = painted([(line.text, line.role, line.box)])
    return prompts.text("poster/repair", values={"area": span(area), "painted": words})


def patched(before: bytes, after: bytes, area: Box) -> bytes:
    """``before`` with the feathered ``area`` of ``after`` on it, as PNG.

    Every pixel outside the area is that of ``before``. An ``after`` of another size is scaled.
    """
    base, new = _pixels(before), _pixels(after)
    if new.size != base.size:
        new = new.resize(base.size, Image.Resampling.LANCZOS)
    if new.mode != base.mode:
        new = new.convert(base.mode)
    place = placed(area, base.size)
    cover = _cover(place, base.size)
    base.paste(new.crop(place), place, cover)
    info = PngInfo()
    for key, value in _told(before, after, place).items():
        info.add_itxt(key, value)
    out = io.BytesIO()
    base.save(out, "PNG", pnginfo=info, compress_level=3)
    return out.getvalue()


def unchanged_outside(before: bytes, after: bytes, area: Box) -> bool:
    """Whether two pictures are equal in every pixel outside an area."""
    old, new = _pixels(before), _pixels(after)
    if old.size != new.size or old.mode != new.mode:
        return False
    apart = ImageChops.difference(old, new)
    apart.paste(tuple(0 for _ in apart.getbands()), placed(area, old.size))
    return apart.getbbox() is None


def _pixels(data: bytes) -> Image.Image:
    with opened(data) as found:
        return found.convert("RGBA" if found.has_transparency_data else "RGB")


def _cover(place: PixelBox, size: Pixels) -> Image.Image:
    """White in the middle, and grey towards those edges of the box that are not the picture's."""
    width, height = place[2] - place[0], place[3] - place[1]
    soft = max(1, min(round(_FEATHER * min(size)), width // 6, height // 6))
    left, top = (0 if place[0] == 0 else soft), (0 if place[1] == 0 else soft)
    right = width if place[2] == size[0] else width - soft
    low = height if place[3] == size[1] else height - soft
    cover = Image.new("L", (width, height), 0)
    cover.paste(255, (left, top, max(left + 1, right), max(top + 1, low)))
    return cover.filter(ImageFilter.BoxBlur(soft / 2))


def _told(before: bytes, after: bytes, place: PixelBox) -> dict[str, str]:
    """Where its pixels come from: the packet of the lowest picture, and each one in order."""
    notes, news = notes_of(before), notes_of(after)
    below = json.loads(notes[SOURCES]) if SOURCES in notes else [_source(before, None, notes)]
    sources = [*below, _source(after, place, news)]
    packet = {XMP: notes[XMP]} if XMP in notes else {}
    return {**packet, SOURCES: json.dumps(sources)}


def _source(data: bytes, place: PixelBox | None, notes: dict[str, str]) -> dict[str, object]:
    box = list(place) if place else None
    return {"sha256": hashlib.sha256(data).hexdigest(), "box": box, "xmp": notes.get(XMP, "")}
