"""What a printer asks of a file, told in the words of a printer."""

from __future__ import annotations

from typing import Final

from ..schema import Record
from .elements import Composed, LogoElement, QRElement, TextElement
from .embedding import name_of
from .sizes import LOW_DPI, MM_PER_INCH
from .styles import points

_LEAST_PT: Final = 5.0
_LEAST_MODULE_MM: Final = 0.4
_USUAL_BLEED_MM: Final = 3.0


class Preflight(Record):
    """Facts and warnings of one PDF. Lengths in mm, type in points."""

    size: str
    trim_mm: tuple[float, float]
    bleed_mm: float
    picture: str
    """Pixels of the bought picture, ``WIDTHxHEIGHT``."""
    dpi: int
    """Of the bought picture on the page: what is really there."""
    logo_dpi: int | None = None
    qr_module_mm: float | None = None
    colour: str
    fonts: tuple[str, ...]
    """All embedded as subsets."""
    smallest_pt: float | None = None
    smallest_line: str = ""
    warnings: tuple[str, ...] = ()

    def text(self) -> str:
        """``preflight.txt``."""
        width, height = self.trim_mm
        page = (width + 2 * self.bleed_mm, height + 2 * self.bleed_mm)
        rows = [
            ("Page", f"{page[0]:g} x {page[1]:g} mm (MediaBox = BleedBox)"),
            ("Trim", f"{width:g} x {height:g} mm (TrimBox)"),
            ("Bleed", f"{self.bleed_mm:g} mm on every side, picture to its edge"),
            ("Picture", f"{self.picture} pixels, {self.dpi} dpi on the page"),
            ("Logo", f"picture, {self.logo_dpi} dpi" if self.logo_dpi else "none"),
            ("QR code", _code(self.qr_module_mm)),
            ("Colour", self.colour),
            ("Fonts", ", ".join(self.fonts) + " (embedded subsets)" if self.fonts else "none"),
            ("Smallest type", self._smallest()),
            ("Overprint", "none set; black type is knocked out unless the printer overprints it"),
            ("Transparency", "live where a wash lies under type; flatten it for PDF/X-1a"),
        ]
        told = [f"{name + ':':15}{value}" for name, value in rows]
        notes = [f"WARNING: {one}" for one in self.warnings] or ["No warnings."]
        return "\n".join([f"Preflight of {self.size}", "", *told, "", *notes, ""])

    def _smallest(self) -> str:
        if self.smallest_pt is None:
            return "none set"
        return f"{self.smallest_pt:.1f} pt ({self.smallest_line})"


def _code(module: float | None) -> str:
    return f"vector, modules of {module:.2f} mm" if module else "none"


def preflight_of(composed: Composed, profile: str | None) -> Preflight:
    """The preflight of a poster; ``profile`` names the CMYK profile it was converted with."""
    size = composed.size
    assert size.mm is not None
    texts = [one for one in composed.elements if isinstance(one, TextElement)]
    least = min(texts, key=lambda one: one.size_px, default=None)
    page = size.mm[0] + 2 * size.bleed_mm
    dpi = round(composed.bought[0] * composed.crop.width / page * MM_PER_INCH)
    made = Preflight(
        size=size.name,
        trim_mm=size.mm,
        bleed_mm=size.bleed_mm,
        picture=f"{composed.bought[0]}x{composed.bought[1]}",
        dpi=dpi,
        logo_dpi=_logo_dpi(composed),
        qr_module_mm=_module(composed),
        colour=_colour(profile),
        fonts=tuple(sorted(_fonts(texts))),
        smallest_pt=round(points(least.size_px, size), 1) if least else None,
        smallest_line=least.line_id if least else "",
    )
    return made.model_copy(update={"warnings": _warnings(made)})


def _colour(profile: str | None) -> str:
    if profile:
        return f"CMYK, converted with {profile}, which is the OutputIntent; black type is 100 K"
    return "RGB (sRGB); the printer converts it, or give a CMYK profile"


def _fonts(texts: list[TextElement]) -> set[str]:
    return {
        name_of(char, one.kind_of_type) for one in texts for run in one.runs for char in run.text
    }


def _logo_dpi(composed: Composed) -> int | None:
    for one in composed.elements:
        if isinstance(one, LogoElement):
            return round(composed.size.dpi / one.mark.scale)
    return None


def _module(composed: Composed) -> float | None:
    for one in composed.elements:
        if isinstance(one, QRElement):
            return round(one.mark.module / composed.size.dpi * MM_PER_INCH, 3)
    return None


def _warnings(made: Preflight) -> tuple[str, ...]:
    told = []
    if made.dpi < LOW_DPI:
        told.append(f"the picture has {made.dpi} dpi; below {LOW_DPI} it looks soft")
    if made.logo_dpi and made.logo_dpi < LOW_DPI:
        told.append(f"the logo has {made.logo_dpi} dpi; give a larger file of it")
    if made.bleed_mm < _USUAL_BLEED_MM:
        told.append(f"{made.bleed_mm:g} mm of bleed; printers ask for {_USUAL_BLEED_MM:g} mm")
    if made.smallest_pt is not None and made.smallest_pt < _LEAST_PT:
        told.append(f"{made.smallest_line}: type of {made.smallest_pt:.1f} pt is hard to print")
    if made.qr_module_mm and made.qr_module_mm < _LEAST_MODULE_MM:
        told.append(f"modules of {made.qr_module_mm:.2f} mm are hard to read from a wall")
    return tuple(told)
