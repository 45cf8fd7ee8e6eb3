"""A picture as a few hundred colours, to know it again by."""

from __future__ import annotations

from PIL import Image

_SIDE = 20


def thumb_of(image: Image.Image) -> bytes:
    """The same for a picture and its smaller or re-encoded copies, but for rounding."""
    return image.convert("RGB").resize((_SIDE, _SIDE), Image.Resampling.BOX).tobytes()


def apart(a: bytes, b: bytes) -> float:
    """The mean difference of two thumbnails, of 255."""
    return sum(abs(x - y) for x, y in zip(a, b, strict=True)) / len(a)
