"""Pictures small enough for one message; the original stays where it is."""

from __future__ import annotations

import io
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from PIL import Image

EDGE: Final = 1024
"""Longest edge in pixels at first."""
MOST_BYTES: Final = 750_000
"""Of one preview: a million characters of base64."""
ALL_BYTES: Final = 4_000_000
"""Of all previews of one answer; a common client drops a line of 16 MiB (clients.md 2.5)."""
_FORMATS: Final = ("PNG", "JPEG", "WEBP", "GIF")


@dataclass(frozen=True, slots=True)
class Preview:
    """A small copy."""

    data: bytes
    media_type: str


def preview(path: Path, *, most: int = MOST_BYTES) -> Preview | None:
    """JPEG, or WebP where something shows through; ``None`` for what Pillow cannot draw."""
    from PIL import Image

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # ours are that large
            with Image.open(path, formats=_FORMATS) as opened:
                opened.draft("RGB", (EDGE, EDGE))
                clear = opened.has_transparency_data
                small = opened.convert("RGBA" if clear else "RGB")
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return None
    return _within(small, most, clear=clear)


def _within(picture: Image.Image, most: int, *, clear: bool) -> Preview | None:
    edge, quality = EDGE, 85
    while edge >= 64:
        small = picture.copy()
        small.thumbnail((edge, edge))
        made = io.BytesIO()
        small.save(made, "WEBP" if clear else "JPEG", quality=quality)
        if made.tell() <= most:
            return Preview(made.getvalue(), "image/webp" if clear else "image/jpeg")
        edge, quality = edge * 3 // 4, 75
    return None
