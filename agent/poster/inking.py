"""Colour on paper: RGB as it is, or the CMYK of a printer's ICC profile."""

from __future__ import annotations

import io
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

from PIL import Image, ImageCms

from ..errors import UsageError
from .contrast import RGB, luminance

if TYPE_CHECKING:
    from reportlab.lib.colors import Color

CMYK = tuple[float, float, float, float]
"""Four parts of 0-1."""
_NEARLY_BLACK: Final = 0.012
"""WCAG luminance below which type is printed in black ink alone."""
_MOST_PROFILE: Final = 16_000_000


@dataclass(frozen=True, slots=True, eq=False)
class Press:
    """A printer's profile, opened. Without one a PDF stays RGB."""

    name: str
    """What the profile calls itself."""
    data: bytes
    transform: ImageCms.ImageCmsTransform

    def picture(self, image: Image.Image) -> Image.Image:
        """An RGB picture in CMYK."""
        made = ImageCms.applyTransform(image.convert("RGB"), self.transform)
        assert made is not None
        return made

    def ink(self, colour: RGB) -> CMYK:
        """A colour of type or panels. Black type is black ink alone: four plates never sit exactly."""
        if luminance(colour) <= _NEARLY_BLACK:
            return 0.0, 0.0, 0.0, 1.0
        pixel = self.picture(Image.new("RGB", (1, 1), colour)).tobytes()
        cyan, magenta, yellow, black = (round(value / 255, 4) for value in pixel)
        return cyan, magenta, yellow, black


def press_of(path: Path) -> Press:
    """The CMYK output profile in a file; ``UsageError`` for anything else."""
    try:
        if path.stat().st_size > _MOST_PROFILE:
            raise UsageError(f"profile {path}: is too large for an ICC profile")
        return _opened(path.read_bytes(), str(path))
    except OSError as error:
        raise UsageError(
            f"profile {path}: cannot be read ({error.strerror or error})",
            hint="name the .icc file of the printer, or leave it out for RGB",
        ) from error


@lru_cache(maxsize=4)
def _opened(data: bytes, name: str) -> Press:
    try:
        profile = ImageCms.getOpenProfile(io.BytesIO(data))
    except (ImageCms.PyCMSError, OSError) as error:
        raise UsageError(
            f"profile {name}: is no ICC profile", hint="ask the printer for its .icc file"
        ) from error
    space = profile.profile.xcolor_space.strip()
    if space != "CMYK":
        raise UsageError(
            f"profile {name}: is for {space}, and paper wants CMYK",
            hint="ask the printer for its output profile",
        )
    try:
        transform = ImageCms.buildTransform(
            ImageCms.createProfile("sRGB"),
            profile,
            "RGB",
            "CMYK",
            renderingIntent=ImageCms.Intent.RELATIVE_COLORIMETRIC,
            flags=ImageCms.Flags.BLACKPOINTCOMPENSATION,
        )
    except ImageCms.PyCMSError as error:
        raise UsageError(
            f"profile {name}: cannot be printed with ({error})",
            hint="use the printer's output profile, not an input profile",
        ) from error
    return Press(ImageCms.getProfileDescription(profile).strip(), data, transform)


def pdf_colour(colour: RGB, press: Press | None) -> Color:
    """The colour as the PDF writes it."""
    from reportlab.lib.colors import CMYKColor, Color

    if press:
        return CMYKColor(*press.ink(colour))
    red, green, blue = (value / 255 for value in colour)
    return Color(red, green, blue)
