"""Logo and QR code: laid on from their files, byte for byte, and read again as proof.

The logo's pixels are those of the file, or of the file made smaller once; the code's modules are
whole pixels on a panel of its own with the quiet zone of four modules that ISO 18004 asks for.
"""

from __future__ import annotations

import hashlib
import io
from functools import lru_cache
from typing import Final, NamedTuple

from PIL import Image, ImageChops, ImageDraw

from ..derive.pictures import inspect, opened
from ..errors import UsageError
from .brief import QR, Logo
from .contrast import BLACK, LARGE, RGB, WHITE, Ground, PixelBox, ground_of, ratio

QUIET: Final = 4
"""Modules of quiet zone on each side."""
LEAST_MODULE: Final = 3
"""Pixels; below it a screen's scaling breaks the code."""
CLEAR: Final = 0.12
"""Of the logo's shorter edge: the space around it that nothing else enters."""
_CALM: Final = 18.0
"""CIE76: what a ground may vary under a logo."""
_ENOUGH_SEEN: Final = 0.6
"""The part of a logo's pixels that must stand out from the ground."""


class MarkError(UsageError):
    """A logo or a code that cannot be laid on as it is, or that did not survive it."""


class LogoMark(NamedTuple):
    """A logo in its place, in pixels of the canvas."""

    source: Image.Image
    """RGBA, as in the file."""
    picture: Image.Image
    """The same at the placed size."""
    box: PixelBox
    scale: float
    """1.0: the file's own pixels."""
    panel: PixelBox | None
    colour: RGB
    """Of the panel."""


class QRMark(NamedTuple):
    """A code in its place: ``box`` is the panel with the quiet zone, in pixels of the canvas."""

    target: str
    modules: tuple[tuple[bool, ...], ...]
    """Rows from the top; true is dark."""
    box: PixelBox
    module: int
    """Pixels along an edge."""

    def dark(self) -> tuple[PixelBox, ...]:
        """The dark modules as rectangles, those side by side joined."""
        left, top, step = self.box[0] + QUIET * self.module, self.box[1], self.module
        found = []
        for row, bits in enumerate(self.modules):
            y = top + (QUIET + row) * step
            for start, end in _runs(bits):
                found.append((left + start * step, y, left + end * step, y + step))
        return tuple(found)


def _runs(bits: tuple[bool, ...]) -> list[tuple[int, int]]:
    """Where each run of true begins and ends."""
    edges = [i for i in range(len(bits) + 1) if (bits[i - 1] if i else False) != (*bits, False)[i]]
    return list(zip(edges[::2], edges[1::2], strict=True))


# ── the logo ─────────────────────────────────────────────────────────────────────────────────


def load_logo(logo: Logo) -> Image.Image:
    """The file as RGBA; ``MarkError`` when it is gone or is no longer the one that was checked.

    ``UsageError`` for what is no picture of pixels: an SVG is to be exported first.
    """
    try:
        data = logo.path.read_bytes()
    except OSError as error:
        raise MarkError(
            f"logo {logo.path}: cannot be read ({error.strerror or error})",
            hint="put the file back, or change the brief",
        ) from error
    if hashlib.sha256(data).hexdigest() != logo.sha256:
        raise MarkError(
            f"logo {logo.path}: has changed since the brief was read",
            hint="run the command again, and the new logo is used",
        )
    inspect(data, name=f"logo {logo.path}")
    with opened(data) as picture:
        return picture.convert("RGBA")


def place_logo(logo: Image.Image, box: PixelBox, canvas: Image.Image) -> LogoMark:
    """The logo in its box with its aspect kept, towards the nearer side of the canvas.

    Where it would be lost on its ground it gets a panel, light or dark, that fills the box, and is
    made smaller by its clear space.
    """
    colour = _panel_for(logo, ground_of(canvas, box))
    if colour is None:
        picture, at, scale = _fitted(logo, box, canvas.width)
        return LogoMark(logo, picture, at, scale, None, WHITE)
    pad = round(CLEAR * min(box[2] - box[0], box[3] - box[1]))
    inner = (box[0] + pad, box[1] + pad, box[2] - pad, box[3] - pad)
    picture, at, scale = _fitted(logo, inner, canvas.width)
    panel = (at[0] - pad, at[1] - pad, at[2] + pad, at[3] + pad)
    return LogoMark(logo, picture, at, scale, panel, colour)


def clear_space(box: PixelBox) -> PixelBox:
    """The box of a logo with the space around it that belongs to it."""
    pad = round(CLEAR * min(box[2] - box[0], box[3] - box[1]))
    return box[0] - pad, box[1] - pad, box[2] + pad, box[3] + pad


def _fitted(logo: Image.Image, box: PixelBox, width: int) -> tuple[Image.Image, PixelBox, float]:
    """The logo at its placed size, and where that is; ``width`` of the canvas."""
    room = box[2] - box[0], box[3] - box[1]
    scale = min(room[0] / logo.width, room[1] / logo.height)
    scale = 1.0 if 1 <= scale <= 1.2 else scale
    size = max(1, round(logo.width * scale)), max(1, round(logo.height * scale))
    placed = logo if size == logo.size else logo.resize(size, Image.Resampling.LANCZOS)
    x = box[0] if (box[0] + box[2]) / 2 < width / 2 else box[2] - size[0]
    y = box[3] - size[1] - (room[1] - size[1]) // 2
    return placed, (x, y, x + size[0], y + size[1]), scale


def _panel_for(logo: Image.Image, ground: Ground) -> RGB | None:
    """The colour of a panel when too little of the logo stands out, or the ground is unquiet."""
    small = logo.copy()
    small.thumbnail((64, 64), Image.Resampling.BOX)
    data = small.tobytes()
    seen = [
        (data[i], data[i + 1], data[i + 2]) for i in range(0, len(data), 4) if data[i + 3] > 127
    ]
    if not seen or len(seen) > 0.97 * len(data) / 4:
        return None  # nothing there, or a logo that brings its own ground

    def shows(under: RGB) -> float:
        return sum(ratio(tone, under) >= LARGE for tone in seen) / len(seen)

    if shows(ground.mean) >= _ENOUGH_SEEN and ground.spread <= _CALM:
        return None
    return max((WHITE, (18, 18, 22)), key=shows)


def lay_logo(image: Image.Image, mark: LogoMark) -> None:
    """Panel and logo, in place."""
    if mark.panel:
        _lay_panel(image, mark.panel, mark.colour)
    image.paste(mark.picture.convert("RGB"), mark.box, mark.picture.getchannel("A"))


def panel_radius(panel: PixelBox) -> int:
    """Of the panel's corners, in pixels."""
    return round(0.07 * min(panel[2] - panel[0], panel[3] - panel[1]))


def _lay_panel(image: Image.Image, panel: PixelBox, colour: RGB) -> None:
    x0, y0, x1, y1 = panel
    pen = ImageDraw.Draw(image)
    pen.rounded_rectangle((x0, y0, x1 - 1, y1 - 1), panel_radius(panel), fill=colour)


def logo_untouched(image: Image.Image, mark: LogoMark, box: PixelBox | None = None) -> bool:
    """Whether every opaque pixel of the logo is there, unchanged. ``box``: where, if not at its own."""
    there = image.crop(box or mark.box).convert("RGB")
    apart = ImageChops.difference(there, mark.picture.convert("RGB"))
    opaque = mark.picture.getchannel("A").point([0] * 255 + [255])
    apart.paste(BLACK, (0, 0), ImageChops.invert(opaque))
    return apart.getbbox() is None


# ── the code ─────────────────────────────────────────────────────────────────────────────────


@lru_cache(maxsize=64)
def _matrix(target: str, version: int) -> tuple[tuple[bool, ...], ...]:
    import segno

    made = segno.make_qr(target, version=version)
    return tuple(tuple(bool(bit) for bit in row) for row in made.matrix)


def place_qr(qr: QR, box: PixelBox) -> QRMark:
    """The code as large as whole pixels allow in its box, towards the nearest corner of it.

    Raises ``MarkError`` when its modules would be under 3 pixels.
    """
    modules = _matrix(qr.target, qr.version)
    count = len(modules) + 2 * QUIET
    room = min(box[2] - box[0], box[3] - box[1])
    module = room // count
    if module < LEAST_MODULE:
        raise MarkError(
            f"the QR code needs {count * LEAST_MODULE} pixels along an edge and has {room}",
            hint="shorten its target, or leave it out on this size",
        )
    edge = count * module
    x = box[0] + (box[2] - box[0] - edge) // 2
    y = box[1] + (box[3] - box[1] - edge) // 2
    return QRMark(qr.target, modules, (x, y, x + edge, y + edge), module)


def lay_qr(image: Image.Image, mark: QRMark) -> None:
    """White panel, black modules, in place."""
    image.paste(WHITE, mark.box)
    for box in mark.dark():
        image.paste(BLACK, box)


def codes_in(image: Image.Image) -> tuple[str, ...]:
    """What a reader finds: the text of every QR code in a picture."""
    import zxingcpp

    found = zxingcpp.read_barcodes(
        image.convert("RGB"), formats=zxingcpp.BarcodeFormats([zxingcpp.BarcodeFormat.QRCode])
    )
    return tuple(code.bytes.decode("utf-8", "replace") for code in found if code.valid)


def prove_qr(data: bytes, target: str, box: PixelBox | None = None) -> None:
    """Read the code out of a finished file; ``MarkError`` unless it says exactly ``target``.

    ``box`` is the code's place in the file; a camera, too, looks at it from near.
    """
    with Image.open(io.BytesIO(data)) as picture:
        near = picture.convert("RGB")
    if box:
        pad = (box[2] - box[0]) // 2
        near = near.crop(
            (
                max(0, box[0] - pad),
                max(0, box[1] - pad),
                min(near.width, box[2] + pad),
                min(near.height, box[3] + pad),
            )
        )
    found = codes_in(near)
    if target not in found:
        said = f"says {found[0][:80]!r}" if found else "cannot be read"
        raise MarkError(
            f"the QR code of the finished file {said}, not {target[:80]!r}",
            hint="nothing was written; give the code a larger or calmer place",
        )


def quiet_zone_clear(image: Image.Image, mark: QRMark) -> bool:
    """Whether the four modules around the code are still white in a finished picture."""
    x0, y0, x1, y1 = mark.box
    pad = QUIET * mark.module
    sides = (
        (x0, y0, x1, y0 + pad),
        (x0, y1 - pad, x1, y1),
        (x0, y0, x0 + pad, y1),
        (x1 - pad, y0, x1, y1),
    )
    return all(image.crop(side).convert("L").getextrema()[0] == 255 for side in sides)
