"""What bytes say of themselves, from their first bytes; no Pillow until a whole decode is asked."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

MediaType = Literal["image/png", "image/jpeg", "image/webp", "image/gif", "image/svg+xml"]

_PNG = b"\x89PNG\r\n\x1a\n"
_SVG_STARTS = (b"<svg", b"<?xml", b"<!--", b"<!doctype svg")
_JPEG_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
"""Start-of-frame markers; C4, C8 and CC sit in the same range but start no frame."""
_JPEG_BARE = frozenset({0x01, *range(0xD0, 0xD9)})
"""Markers without a length."""


def looks_like(data: bytes) -> MediaType | None:
    """Media type by magic bytes, never by a name or a header; ``None``: no picture we know."""
    if data.startswith(_PNG):
        return "image/png"
    if data.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "image/webp"
    if data[:6] in (b"GIF87a", b"GIF89a"):
        return "image/gif"
    return "image/svg+xml" if _is_svg(data) else None


def measure(data: bytes) -> tuple[int, int] | None:
    """Width and height in pixels as the header tells them, without decoding; ``None``: it does not.

    Costs microseconds also for 50 MB, so it can stand before anything that allocates pixels.
    """
    readers: dict[MediaType, Callable[[bytes], tuple[int, int] | None]] = {
        "image/png": _png,
        "image/jpeg": _jpeg,
        "image/webp": _webp,
        "image/gif": _gif,
    }
    media_type = looks_like(data)
    reader = readers.get(media_type) if media_type else None
    size = reader(data) if reader else None
    return size if size and min(size) > 0 else None


def _is_svg(data: bytes) -> bool:
    """SVG has no magic bytes: markup whose first element, as far as we look, is ``svg``."""
    head = data[:8192].removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    at = head.find(b"<svg")
    return head.startswith(_SVG_STARTS) and at >= 0 and b"<html" not in head[:at]


def _big(data: bytes, at: int, length: int) -> int:
    return int.from_bytes(data[at : at + length], "big")


def _little(data: bytes, at: int, length: int) -> int:
    return int.from_bytes(data[at : at + length], "little")


def _png(data: bytes) -> tuple[int, int] | None:
    if len(data) < 24 or data[12:16] != b"IHDR":
        return None
    return _big(data, 16, 4), _big(data, 20, 4)


def _gif(data: bytes) -> tuple[int, int] | None:
    return (_little(data, 6, 2), _little(data, 8, 2)) if len(data) >= 10 else None


def _webp(data: bytes) -> tuple[int, int] | None:
    if len(data) < 30:
        return None
    match data[12:16]:
        case b"VP8X":
            return _little(data, 24, 3) + 1, _little(data, 27, 3) + 1
        case b"VP8L":
            bits = _little(data, 21, 4)
            return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
        case b"VP8 ":
            return _little(data, 26, 2) & 0x3FFF, _little(data, 28, 2) & 0x3FFF
        case _:
            return None


def _jpeg(data: bytes) -> tuple[int, int] | None:
    """Walk the segments to the first start of frame; APP segments may come first, 64 KB each."""
    at = 2
    while at + 9 <= len(data) and data[at] == 0xFF:
        marker = data[at + 1]
        if marker == 0xFF:  # fill byte
            at += 1
        elif marker in _JPEG_BARE:
            at += 2
        elif marker in _JPEG_FRAMES:
            return _big(data, at + 7, 2), _big(data, at + 5, 2)
        else:
            at += 2 + _big(data, at + 2, 2)
    return None
