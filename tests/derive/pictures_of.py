"""Pictures for tests, drawn on the spot."""

from __future__ import annotations

import io
import struct
import zlib
from typing import Any

from PIL import Image


def encoded(
    format_: str, size: tuple[int, int] = (48, 32), mode: str = "RGB", **save: Any
) -> bytes:
    """A gradient, so that every format has something to compress."""
    red = Image.linear_gradient("L").resize(size)
    picture = Image.merge("RGB", (red, red.transpose(Image.Transpose.ROTATE_180), red)).convert(
        mode
    )
    out = io.BytesIO()
    picture.save(out, format_, **save)
    return out.getvalue()


def png_claiming(width: int, height: int) -> bytes:
    """A PNG of a hundred bytes whose header claims any size."""
    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(b"\0" * 64)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        for kind, body in chunks
    )


def gif_with_frame(width: int, height: int) -> bytes:
    """A GIF whose screen is 1x1 and whose only frame claims any size."""
    screen = b"GIF89a" + struct.pack("<HHBBB", 1, 1, 0x80, 0, 0) + b"\0\0\0\xff\xff\xff"
    frame = b"\x2c" + struct.pack("<HHHHB", 0, 0, width, height, 0)
    return screen + frame + b"\x02\x02\x44\x01\x00\x3b"


def animation(format_: str) -> bytes:
    """Three frames of different shades."""
    frames = [Image.new("RGB", (16, 16), (shade, 0, 0)) for shade in (0, 90, 200)]
    out = io.BytesIO()
    frames[0].save(out, format_, save_all=True, append_images=frames[1:], duration=50)
    return out.getvalue()
