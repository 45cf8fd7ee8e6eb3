"""Masks: a PNG as large as the picture, alpha 0 where the edit may change pixels (R36)."""

from __future__ import annotations

import io
from typing import Literal

from PIL import Image, ImageChops

from ..errors import UsageError
from ..protocols import PictureFacts

Mode = Literal["alpha", "white", "black"]

_HALF = 128
"""Greys: from here on a pixel counts as white."""


def has_alpha(picture: Image.Image) -> bool:
    """A channel of transparency, or one colour of the palette declared transparent."""
    return "A" in picture.getbands() or "a" in picture.getbands() or "transparency" in picture.info


def mask_from_picture(picture: Image.Image, *, name: str, mode: Mode, of: PictureFacts) -> bytes:
    """Turn a mask as people make it into the mask the API wants; ``UsageError`` names ``name``."""
    if picture.size != (of.width, of.height):
        raise UsageError(
            f"{name}: the mask is {picture.width}x{picture.height} "
            f"and the picture {of.width}x{of.height}; they must be the same size",
            hint=f"scale the mask to {of.width}x{of.height}",
        )
    kept = _kept_by_alpha(picture, name) if mode == "alpha" else _kept_by_shade(picture, mode)
    if kept.getextrema()[0] != 0:
        raise UsageError(
            f"{name}: the mask marks nothing to change: {_MARKS[mode]}",
            hint="a mask without a marked area would leave the picture as it is",
        )
    return _png(kept)


def mask_from_box(box: tuple[int, int, int, int], *, of: PictureFacts) -> bytes:
    """A mask for the rectangle ``(x, y, width, height)``; ``UsageError`` when it leaves the picture."""
    x, y, width, height = box
    shown = ",".join(map(str, box))
    if width <= 0 or height <= 0:
        raise UsageError(
            f"mask box {shown}: width and height must be positive", hint="write X,Y,WIDTH,HEIGHT"
        )
    if x < 0 or y < 0 or x + width > of.width or y + height > of.height:
        raise UsageError(
            f"mask box {shown}: reaches outside the picture, which is {of.width}x{of.height}",
            hint=f"x + width may be at most {of.width}, y + height at most {of.height}",
        )
    kept = Image.new("L", (of.width, of.height), 255)
    kept.paste(0, (x, y, x + width, y + height))
    return _png(kept)


_MARKS: dict[Mode, str] = {
    "alpha": "no pixel of it is fully transparent",
    "white": "no pixel of it is white",
    "black": "no pixel of it is black",
}


def _kept_by_alpha(picture: Image.Image, name: str) -> Image.Image:
    if not has_alpha(picture):
        raise UsageError(
            f"{name}: the mask has no alpha channel, so it marks nothing",
            hint="use --mask-mode white (or black) if the area to change is painted white (black)",
        )
    return picture.convert("RGBA").getchannel("A")


def _kept_by_shade(picture: Image.Image, mode: Mode) -> Image.Image:
    """Where the mask itself is see-through, nothing was painted, so nothing is to change."""
    shade = _grey(picture).point([255 * (value >= _HALF) for value in range(256)])
    marked = shade if mode == "white" else ImageChops.invert(shade)
    if has_alpha(picture):
        painted = picture.convert("RGBA").getchannel("A")
        marked = ImageChops.darker(
            marked, painted.point([255 * (value >= _HALF) for value in range(256)])
        )
    return ImageChops.invert(marked)


def _grey(picture: Image.Image) -> Image.Image:
    if picture.mode.startswith("I"):  # 16 bits a pixel; a plain conversion would clip
        return picture.convert("I").point(lambda value: value * (1 / 257)).convert("L")
    return picture.convert("L")


def _png(kept: Image.Image) -> bytes:
    mask = Image.new("RGBA", kept.size, (0, 0, 0, 255))
    mask.putalpha(kept)
    out = io.BytesIO()
    mask.save(out, "PNG")
    return out.getvalue()
