"""Is a received picture whole? By its structure: lengths, checksums, end marks. No Pillow.

It runs for every picture that was paid for, so it costs milliseconds where a decode costs tenths
of a second, and it forgives what harms no pixel: a wrong checksum of a remark, bytes after the end.
"""

from __future__ import annotations

import re
import zlib
from typing import Final

from ..protocols import PictureFacts
from .sniff import looks_like, measure

_SVG_BOX: Final = re.compile(
    rb"""\sviewBox\s*=\s*["']\s*\S+[\s,]+\S+[\s,]+([\d.]{1,12})[\s,]+([\d.]{1,12})""", re.IGNORECASE
)


def facts_of(data: bytes) -> PictureFacts | None:
    """Facts of a whole picture; ``None`` when it is cut, damaged or no picture.

    An SVG's size is its view box, 0 where it has none.
    """
    media_type = looks_like(data)
    if media_type == "image/svg+xml":
        return _svg(data)
    size = measure(data)
    if media_type is None or size is None:
        return None
    has_alpha = _WALKS[media_type](data)
    return None if has_alpha is None else PictureFacts(media_type, *size, has_alpha)


def _svg(data: bytes) -> PictureFacts | None:
    if not data.rstrip().lower().endswith((b"</svg>", b"/>")):
        return None
    box = _SVG_BOX.search(data[:8192])
    width, height = (_pixels(box[1]), _pixels(box[2])) if box else (0, 0)
    return PictureFacts("image/svg+xml", width, height, has_alpha=True)


def _pixels(number: bytes) -> int:
    whole = number.split(b".")[0]
    return int(whole) if whole else 0


# Each walk returns whether the picture has transparency, or ``None`` when it is not whole.


def _walk_png(data: bytes) -> bool | None:
    """Chunks of length, kind, body, CRC. A bad CRC only counts in a chunk that makes pixels."""
    view, at = memoryview(data), 8
    seen: set[bytes] = set()
    while at + 12 <= len(data):
        length, kind = int.from_bytes(data[at : at + 4], "big"), data[at + 4 : at + 8]
        end = at + 12 + length
        if end > len(data):
            return None
        makes_pixels = kind[:1].isupper()
        if makes_pixels and zlib.crc32(view[at + 4 : end - 4]) != _big(data, end - 4):
            return None
        seen.add(kind)
        if kind == b"IEND":
            return (data[25] in (4, 6) or b"tRNS" in seen) if b"IDAT" in seen else None
        at = end
    return None


def _walk_jpeg(data: bytes) -> bool | None:
    """An end mark after the first scan: within scans the two bytes never occur otherwise."""
    at = 2
    while at + 4 <= len(data) and data[at] == 0xFF:
        marker = data[at + 1]
        if marker == 0xDA:
            return False if data.rfind(b"\xff\xd9") > at else None
        bare = marker == 0x01 or 0xD0 <= marker <= 0xD8
        at += (
            1 if marker == 0xFF else 2 if bare else 2 + int.from_bytes(data[at + 2 : at + 4], "big")
        )
    return None


def _walk_webp(data: bytes) -> bool | None:
    end = 8 + int.from_bytes(data[4:8], "little")
    if end > len(data):
        return None
    at, has_alpha, pixels = 12, False, False
    while at + 8 <= end:
        kind, length = data[at : at + 4], int.from_bytes(data[at + 4 : at + 8], "little")
        body, at = at + 8, at + 8 + length + length % 2
        if body + length > end:
            return None
        pixels |= kind in (b"VP8 ", b"VP8L", b"ANMF")
        has_alpha |= kind == b"VP8X" and _bit(data, body, 0x10)
        has_alpha |= kind == b"VP8L" and _bit(data, body + 4, 0x10)
    return has_alpha if pixels else None


def _walk_gif(data: bytes) -> bool | None:
    """Blocks up to the trailer; each is a head and a chain of sub-blocks that ends in a 0."""
    if len(data) < 13:
        return None
    at = 13 + _palette(data[10])
    has_alpha = frames = False  # of the first frame, the only one that is ever looked at
    while at + 10 < len(data) or data[at : at + 1] == b";":
        match data[at]:
            case 0x3B:
                return has_alpha if frames else None
            case 0x21:
                has_alpha |= not frames and data[at + 1] == 0xF9 and bool(data[at + 3] & 1)
                at += 2
            case 0x2C:
                frames = True
                at += 11 + _palette(data[at + 9])
            case _:
                return None
        while at < len(data) and data[at]:
            at += 1 + data[at]
        at += 1
    return None


def _bit(data: bytes, at: int, mask: int) -> bool:
    return at < len(data) and bool(data[at] & mask)


def _palette(flags: int) -> int:
    return 3 << (flags & 7) + 1 if flags & 0x80 else 0


def _big(data: bytes, at: int) -> int:
    return int.from_bytes(data[at : at + 4], "big")


_WALKS: Final = {
    "image/png": _walk_png,
    "image/jpeg": _walk_jpeg,
    "image/webp": _walk_webp,
    "image/gif": _walk_gif,
}
