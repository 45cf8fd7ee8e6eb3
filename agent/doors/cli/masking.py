"""Whether a mask can fit, told when it is named and not a sentence later."""

from __future__ import annotations

import re
import warnings
from pathlib import Path

from PIL import Image, UnidentifiedImageError

from ...errors import UsageError
from .flags import MaskMode

_SIZE = re.compile(r"(\d+)x(\d+)")
Size = tuple[int, int]


def size_in(text: str | None) -> Size | None:
    """``1024x1024`` as numbers."""
    found = _SIZE.fullmatch(text or "")
    return (int(found[1]), int(found[2])) if found else None


def size_of(path: Path) -> Size:
    """By the file's head alone; raises ``UsageError`` for what is no picture."""
    return _head(path)[0]


def check_mask(path: Path, mode: MaskMode, *, of: Size | None) -> None:
    """Raises ``UsageError``; what only the pixels tell is left to the turn."""
    size, alpha = _head(path)
    if of is not None and size != of:
        raise UsageError(
            f"{path}: the mask is {size[0]}x{size[1]} and the picture {of[0]}x{of[1]}.",
            hint=f"Scale the mask to {of[0]}x{of[1]}.",
        )
    if mode == "alpha" and not alpha:
        raise UsageError(
            f"{path}: the mask has no alpha channel, so it marks nothing.",
            hint=f"/mask {path} white (or black), if the area to change is painted so.",
        )


def check_box(box: tuple[int, int, int, int], *, of: Size | None) -> None:
    """Raises ``UsageError`` for a box that is empty or leaves the picture."""
    x, y, width, height = box
    if not (width and height):
        raise UsageError(f"/mask {x},{y},{width},{height}: the box is empty.")
    if of is not None and (x + width > of[0] or y + height > of[1]):
        raise UsageError(
            f"/mask {x},{y},{width},{height}: reaches outside the picture, {of[0]}x{of[1]}.",
            hint="X,Y,WIDTH,HEIGHT in pixels from the top left.",
        )


def _head(path: Path) -> tuple[Size, bool]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with Image.open(path) as picture:
                bands = picture.getbands()
                alpha = "A" in bands or "a" in bands or "transparency" in picture.info
                return picture.size, alpha
    except UnidentifiedImageError:
        raise UsageError(f"{path}: is no picture.", hint="A mask is a PNG, mostly.") from None
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise UsageError(f"{path}: cannot be read as a picture ({error}).") from error
