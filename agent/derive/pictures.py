"""``Pictures`` with Pillow: is it a whole, sane picture, and may it be sent.

Pillow sees bytes only after the header was measured, so a decompression bomb is refused before a
pixel is allocated, and it may open only the four formats that the wire takes.
"""

from __future__ import annotations

import errno
import io
import os
import stat
import struct
import threading
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from PIL import Image

from ..errors import UsageError
from ..protocols import PictureFacts
from .masks import has_alpha
from .sniff import looks_like, measure

MAX_PIXELS: Final = 64_000_000
"""Far above what the API takes (8.3 MP out), far below what hurts: 64 MP is 256 MB as RGBA."""
MAX_BYTES: Final = 50_000_000
"""R36 and C5: inputs under 50 MB."""

_FORMATS: Final = ("PNG", "JPEG", "WEBP", "GIF")
_ACCEPTED: Final = "PNG, JPEG, WebP and GIF pictures can be used"
_BROKEN: Final = (
    OSError,
    SyntaxError,
    ValueError,
    EOFError,
    LookupError,
    TypeError,
    ArithmeticError,
    AssertionError,
    AttributeError,
    struct.error,
    zlib.error,
)
"""What Pillow raises on damaged bytes: its parsers trip in as many ways as there are fields."""
_quiet = threading.Lock()


@contextmanager
def opened(data: bytes) -> Iterator[Image.Image]:
    """A decoded first frame. Pillow's remarks (EXIF, APNG, palettes) stay inside.

    The warning filters belong to the whole process, hence one decode at a time.
    """
    with _quiet, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        with Image.open(io.BytesIO(data), formats=_FORMATS) as picture:
            picture.load()
            yield picture


def inspect(data: bytes, *, name: str) -> PictureFacts:
    """Facts of a whole picture; raises ``UsageError`` for anything else."""
    media_type = _media_type(data, name)
    found = _examine(data)
    if isinstance(found, str):
        raise UsageError(f"{name}: {found}", hint="save it again, or use another picture")
    return PictureFacts(media_type, *found)


def is_animated(data: bytes) -> bool:
    """More than one frame; only the first is ever looked at, and the API takes none of them."""
    with opened(data) as picture:
        return bool(getattr(picture, "is_animated", False))


def load(path: Path) -> bytes:
    """The bytes of a file that may be sent: regular, at most 50 MB, one whole still picture."""
    data = _read(path)
    inspect(data, name=str(path))
    if is_animated(data):
        raise UsageError(
            f"{path}: is animated, and only a still picture can be sent",
            hint="save one frame of it as PNG",
        )
    return data


def _media_type(data: bytes, name: str) -> str:
    media_type = looks_like(data)
    if not data:
        raise UsageError(f"{name}: is empty", hint=_ACCEPTED)
    if media_type is None:
        raise UsageError(f"{name}: is not a picture by its first bytes", hint=_ACCEPTED)
    if media_type == "image/svg+xml":
        raise UsageError(
            f"{name}: is SVG, which is not accepted as input", hint="export it as PNG first"
        )
    return media_type


def _examine(data: bytes) -> tuple[int, int, bool] | str:
    """Width, height and transparency of a whole picture, or what is wrong with it."""
    size = measure(data)
    if size is None:
        return "is damaged: its header tells no size"
    if size[0] * size[1] > MAX_PIXELS:
        return (
            f"is {size[0]}x{size[1]}, which is {size[0] * size[1] / 1e6:,.0f} megapixels; "
            f"at most {MAX_PIXELS // 1_000_000} are decoded"
        )
    if looks_like(data) == "image/png" and data.rfind(b"IEND") < 0:
        return "is truncated: its end marker is missing"
    try:
        with opened(data) as picture:
            return picture.width, picture.height, has_alpha(picture)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        return f"decodes to more than {MAX_PIXELS // 1_000_000} megapixels"
    except _BROKEN as error:
        return f"is truncated or damaged: {_reason(error)}"


def _reason(error: BaseException) -> str:
    text = str(error).split("\n", 1)[0]
    return "no further reason" if not text or "BytesIO" in text else text[:120]


def _read(path: Path) -> bytes:
    """Size and kind are known before the first byte is read: a 3 GB file or a FIFO never is."""
    try:
        facts = path.stat()
        _allow(path, facts)
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        raise _unreadable(path, error) from error
    if len(data) > MAX_BYTES:  # it grew meanwhile
        raise _too_big(path, len(data))
    return data


def _allow(path: Path, facts: os.stat_result) -> None:
    if stat.S_ISDIR(facts.st_mode):
        raise UsageError(f"{path}: is a directory", hint="name a picture file in it")
    if not stat.S_ISREG(facts.st_mode):
        raise UsageError(
            f"{path}: is not a regular file", hint="copy the picture to a file and name that"
        )
    if facts.st_size > MAX_BYTES:
        raise _too_big(path, facts.st_size)


def _too_big(path: Path, size: int) -> UsageError:
    return UsageError(
        f"{path}: has {size / 1e6:,.0f} MB, and at most {MAX_BYTES // 1_000_000} MB can be sent",
        hint="scale it down, or save it as JPEG",
    )


def _unreadable(path: Path, error: OSError | ValueError) -> UsageError:
    if isinstance(error, UsageError):
        return error
    shown = repr(str(path)) if "\0" in str(path) else str(path)
    if isinstance(error, FileNotFoundError):
        if path.is_symlink():
            return UsageError(f"{shown}: is a link to a file that is not there")
        return UsageError(f"{shown}: no such file", hint=f"looked from {Path.cwd()}")
    if isinstance(error, PermissionError):
        return UsageError(f"{shown}: may not be read by this user", hint="check its permissions")
    code = getattr(error, "errno", None)
    if code == errno.ELOOP:
        return UsageError(f"{shown}: is a link that leads back to itself")
    return UsageError(f"{shown}: cannot be read ({os.strerror(code) if code else error})")
