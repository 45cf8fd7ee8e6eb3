"""What was laid on a picture, enough to draw the same again as vectors, and what was checked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from PIL import Image

from ..typeset.boxes import Box, Pixels
from ..typeset.setting import Type
from .brief import Role
from .contrast import RGB, PixelBox
from .glyphs import Run
from .marks import LogoMark, QRMark
from .sizes import SizeSpec
from .washes import Wash

CheckName = Literal["contrast", "safe_area", "focal", "overlap", "logo", "qr", "palette", "size"]


@dataclass(frozen=True, slots=True)
class TextElement:
    """A set text. Everything in pixels of the canvas."""

    line_id: str
    role: Role
    text: str
    """As it is set: in capitals where the design sets capitals."""
    box_px: PixelBox
    """Around the ink."""
    kind_of_type: Type
    size_px: int
    runs: tuple[Run, ...]
    ink: RGB
    contrast: float
    """Measured under it on the finished ground, of the worst twentieth of the pixels."""
    needed: float
    kind: Literal["text"] = "text"


@dataclass(frozen=True, slots=True)
class PanelElement:
    """A wash under texts."""

    wash: Wash
    lines: tuple[str, ...]
    """Whose ground it is."""
    kind: Literal["panel"] = "panel"

    @property
    def box_px(self) -> PixelBox:
        """Where it is whole."""
        return self.wash.box


@dataclass(frozen=True, slots=True)
class LogoElement:
    """The logo, and its panel if it needed one."""

    mark: LogoMark
    kind: Literal["logo"] = "logo"

    @property
    def box_px(self) -> PixelBox:
        """Of the logo itself."""
        return self.mark.box


@dataclass(frozen=True, slots=True)
class QRElement:
    """The QR code on its white panel."""

    mark: QRMark
    kind: Literal["qr"] = "qr"

    @property
    def box_px(self) -> PixelBox:
        """With the quiet zone."""
        return self.mark.box


Element = TextElement | PanelElement | LogoElement | QRElement


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that arithmetic says of a finished poster."""

    name: CheckName
    passed: bool
    message: str
    value: float | None = None
    limit: float | None = None
    line_id: str | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Composed:
    """A finished poster: its canvas (trim and bleed) and what lies on the picture, in drawing order."""

    image: Image.Image
    size: SizeSpec
    crop: Box
    """The part of the bought picture that fills the canvas, in fractions of that picture."""
    bought: Pixels
    """Pixels of the bought picture."""
    elements: tuple[Element, ...]
    checks: tuple[Check, ...]
    title: str = ""

    @property
    def passed(self) -> bool:
        """True when every check did."""
        return all(check.passed for check in self.checks)

    def trimmed(self) -> Image.Image:
        """As it looks when the bleed is cut off; the whole of a screen's size."""
        bleed = self.size.bleed
        width, height = self.image.size
        if not bleed:
            return self.image
        return self.image.crop((bleed, bleed, width - bleed, height - bleed))
