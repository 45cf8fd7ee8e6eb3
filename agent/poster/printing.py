"""A poster for the printer: a PDF whose type, code and panels are vectors, and what to know of it.

The page is trim and bleed. The bought picture is inside as it came, at its real dpi; words are text
in embedded fonts; nothing in the file tells when it was made, so equal posters are equal files.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from PIL import Image

from ..derive.pictures import opened
from ..errors import UsageError
from ..typeset.setting import Type
from .contrast import BLACK, RGB, WHITE, PixelBox
from .elements import Composed, LogoElement, PanelElement, QRElement, TextElement
from .embedding import name_of, register
from .glyphs import Run
from .inking import Press, pdf_colour, press_of
from .marks import LogoMark, panel_radius
from .metadata import Provenance
from .pdflib import library
from .preflight import Preflight, preflight_of
from .sizes import MM_PER_INCH
from .styles import POINTS
from .washes import layers

if TYPE_CHECKING:
    from reportlab.pdfgen.canvas import Canvas

__all__ = ["Printed", "printed"]
_MM: Final = POINTS / MM_PER_INCH


class Printed(NamedTuple):
    """A PDF and its preflight."""

    pdf: bytes
    preflight: Preflight


class _Sheet(NamedTuple):
    """A page being drawn. Points from the bottom left outside, pixels from the top left inside."""

    canvas: Canvas
    width: float
    height: float
    across: float
    """Points of a pixel."""
    down: float
    press: Press | None

    def rect(self, box: PixelBox) -> tuple[float, float, float, float]:
        """Left, bottom, width, height in points of a box in pixels."""
        x0, y0, x1, y1 = box
        left, low = x0 * self.across, self.height - y1 * self.down
        return left, low, (x1 - x0) * self.across, (y1 - y0) * self.down

    def fill(self, colour: RGB, alpha: float = 1.0) -> None:
        """What the next shapes and letters are filled with."""
        self.canvas.setFillColor(pdf_colour(colour, self.press))
        self.canvas.setFillAlpha(round(alpha, 5))


def printed(
    composed: Composed, picture: bytes, made: Provenance, *, profile: Path | None = None
) -> Printed:
    """The PDF of a poster on paper, with what to tell the printer.

    ``picture`` is the bought one that ``composed`` was made on. With a ``profile`` everything is
    converted to its CMYK, else it is RGB. ``UsageError`` for a size of a screen or a bad profile.
    """
    if composed.size.mm is None:
        raise UsageError(
            f"{composed.size.name}: is a size of a screen and is not printed",
            hint="ask for a4, a3 or a size in mm",
        )
    press = press_of(profile) if profile else None
    with library():
        pdf = _drawn(composed, picture, made, press)
    return Printed(pdf, preflight_of(composed, press.name if press else None))


def _drawn(composed: Composed, picture: bytes, made: Provenance, press: Press | None) -> bytes:
    out = io.BytesIO()
    sheet = _sheet(out, composed, made, press)
    _picture(sheet, composed, picture)
    for element in composed.elements:
        match element:
            case PanelElement():
                _panel(sheet, element)
            case TextElement():
                _text(sheet, element)
            case LogoElement():
                _logo(sheet, element.mark)
            case QRElement():
                _code(sheet, element)
    sheet.canvas.showPage()
    if press:
        _intend(sheet.canvas, press)
    sheet.canvas.save()
    return out.getvalue()


# ── the page ─────────────────────────────────────────────────────────────────────────────────


def _sheet(out: io.BytesIO, composed: Composed, made: Provenance, press: Press | None) -> _Sheet:
    from reportlab.pdfgen.canvas import Canvas

    size = composed.size
    assert size.mm is not None
    bleed = size.bleed_mm * _MM
    width, height = (edge * _MM + 2 * bleed for edge in size.mm)
    # The first font of a page is named in it; the library's own choice would not be embedded.
    first = next(iter(register(_used(composed))), None)
    canvas = Canvas(out, pagesize=(width, height), invariant=1, initialFontName=first)  # type: ignore[arg-type]
    canvas.setBleedBox((0, 0, width, height))
    canvas.setTrimBox((bleed, bleed, width - bleed, height - bleed))
    canvas.setTitle(made.title or composed.title)
    canvas.setAuthor("")
    canvas.setCreator("Limner")
    canvas.setProducer("Limner")
    canvas.setSubject(made.source_type)
    canvas.setKeywords(f"sha256:{made.original}")
    across, down = width / composed.image.width, height / composed.image.height
    return _Sheet(canvas, width, height, across, down, press)


def _used(composed: Composed) -> Iterator[tuple[str, Type]]:
    for one in composed.elements:
        if isinstance(one, TextElement):
            yield from ((char, one.kind_of_type) for run in one.runs for char in run.text)


def _intend(canvas: Canvas, press: Press) -> None:
    """Name the profile's printing condition in the file, with the profile inside."""
    from reportlab.pdfbase import pdfdoc

    document = canvas._doc  # type: ignore[attr-defined]  # noqa: SLF001 - the library has no door to the catalog
    stream = pdfdoc.PDFStream(
        dictionary=pdfdoc.PDFDictionary({"N": 4}), content=press.data, filters=()
    )
    intent = pdfdoc.PDFDictionary(
        {
            "Type": pdfdoc.PDFName("OutputIntent"),
            "S": pdfdoc.PDFName("GTS_PDFX"),
            "OutputConditionIdentifier": pdfdoc.PDFString("Custom"),
            "Info": pdfdoc.PDFString(press.name),
            "DestOutputProfile": document.Reference(stream),
        }
    )
    catalog = document.Catalog
    catalog.OutputIntents = pdfdoc.PDFArray([intent])
    catalog.__NoDefault__ = [*catalog.__NoDefault__, "OutputIntents"]


# ── what lies on it ──────────────────────────────────────────────────────────────────────────


def _picture(sheet: _Sheet, composed: Composed, picture: bytes) -> None:
    """The whole bought picture, its middle filling the page; what the crop leaves is clipped."""
    crop, canvas = composed.crop, sheet.canvas
    width, height = sheet.width / crop.width, sheet.height / crop.height
    canvas.saveState()
    path = canvas.beginPath()
    path.rect(0, 0, sheet.width, sheet.height)
    canvas.clipPath(path, stroke=0, fill=0)
    low = sheet.height - (1 - crop.y0) * height
    canvas.drawImage(_reader(picture, sheet.press), -crop.x0 * width, low, width, height)
    canvas.restoreState()


def _reader(picture: bytes, press: Press | None) -> object:
    """A JPEG's own bytes where nothing is converted, else pixels without loss."""
    from reportlab.lib.utils import ImageReader

    with opened(picture) as found:
        plain = found.format == "JPEG" and found.mode == "RGB"
        if plain and not press:
            return ImageReader(io.BytesIO(picture))
        flat = found.convert("RGB")
        if found.has_transparency_data:
            layer = found.convert("RGBA")
            flat = Image.new("RGB", found.size, WHITE)
            flat.paste(layer, (0, 0), layer)
    return ImageReader(press.picture(flat) if press else flat)


def _panel(sheet: _Sheet, element: PanelElement) -> None:
    """Every layer of the wash, so that its edge is the same as in the pixels."""
    canvas = sheet.canvas
    canvas.saveState()
    for layer in layers(element.wash):
        sheet.fill(element.wash.colour, layer.alpha)
        x, y, width, height = sheet.rect(layer.box)
        if layer.radius:
            canvas.roundRect(x, y, width, height, layer.radius * sheet.across, stroke=0, fill=1)
        else:
            canvas.rect(x, y, width, height, stroke=0, fill=1)
    canvas.restoreState()


def _text(sheet: _Sheet, element: TextElement) -> None:
    sheet.canvas.saveState()
    sheet.fill(element.ink)
    for run in element.runs:
        _run(sheet, run, element)
    sheet.canvas.restoreState()


def _run(sheet: _Sheet, run: Run, element: TextElement) -> None:
    """One line, each character where the pixels have it, told as one word-for-word string."""
    text = sheet.canvas.beginText()
    said = run.text.encode("utf-16-be").hex().upper()
    sheet.canvas.addLiteral(f"/Span <</ActualText <FEFF{said}>>> BDC")
    for glyph in run.glyphs:
        text.setFont(name_of(glyph.char, element.kind_of_type), element.size_px * sheet.down)
        text.setTextOrigin(glyph.x * sheet.across, sheet.height - glyph.y * sheet.down)
        text.textOut(glyph.char)
    sheet.canvas.drawText(text)
    sheet.canvas.addLiteral("EMC")


def _logo(sheet: _Sheet, mark: LogoMark) -> None:
    """The file's own pixels, not those of the poster's resolution."""
    if mark.panel:
        sheet.fill(mark.colour)
        radius = panel_radius(mark.panel) * sheet.across
        x, y, width, height = sheet.rect(mark.panel)
        sheet.canvas.roundRect(x, y, width, height, radius, stroke=0, fill=1)
    x, y, width, height = sheet.rect(mark.box)
    reader = _with_alpha(mark.source, sheet.press)
    sheet.canvas.setFillAlpha(1)
    sheet.canvas.drawImage(reader, x, y, width, height, mask="auto")


def _with_alpha(logo: Image.Image, press: Press | None) -> object:
    """CMYK with the logo's own transparency, which the library alone gives to RGB only."""
    from reportlab.lib.utils import ImageReader

    if press is None:
        return ImageReader(logo)

    class Veiled(ImageReader):
        def getRGBData(self) -> bytes:  # noqa: N802 - the library's own name
            data: bytes = super().getRGBData()  # type: ignore[no-untyped-call]
            self._dataA = ImageReader(logo.getchannel("A"))
            return data

    return Veiled(press.picture(logo.convert("RGB")))


def _code(sheet: _Sheet, element: QRElement) -> None:
    """A white panel and one path of rectangles: no seam between modules."""
    sheet.fill(WHITE)
    sheet.canvas.rect(*sheet.rect(element.mark.box), stroke=0, fill=1)
    sheet.fill(BLACK)
    path = sheet.canvas.beginPath()
    for box in element.mark.dark():
        path.rect(*sheet.rect(box))
    sheet.canvas.drawPath(path, stroke=0, fill=1)
