"""What arithmetic says of a finished poster; nothing here looks at it as a person would."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations
from typing import Final

from PIL import Image

from ..typeset.boxes import Box
from .brief import Brief
from .contrast import PixelBox, palette_distance, rgb
from .elements import Check, Element, LogoElement, PanelElement, QRElement, TextElement
from .layout import Layout
from .marks import clear_space, codes_in, logo_untouched, quiet_zone_clear
from .sizes import bought

FAR: Final = 45.0
"""CIE76: an asked colour whose nearest tone is farther away than this is not in the picture."""
_OFF: Final = 0.03
"""Fraction of the picture that an area may lie elsewhere than planned."""
_SLACK: Final = 0.002
"""Of the short edge: what hinting and rounding may take."""


def checks_of(
    image: Image.Image, brief: Brief, layout: Layout, elements: Sequence[Element], crop: Box
) -> tuple[Check, ...]:
    """Contrast, safe area, subject, overlaps, logo, code, palette and shape, with their numbers.

    ``crop``: the part of the picture that fills the canvas.
    """
    texts = [one for one in elements if isinstance(one, TextElement)]
    laid = [one for one in elements if not isinstance(one, PanelElement)]
    return (
        *(_contrast(one) for one in texts),
        *_placed(laid, layout),
        *_overlaps(laid, _slack(layout)),
        *_marks(image, elements),
        *_palette(image, brief),
        _shape(brief, layout, crop),
    )


def _contrast(text: TextElement) -> Check:
    enough = text.contrast >= text.needed
    return Check(
        "contrast",
        enough,
        f"{text.line_id}: contrast {text.contrast:.1f}, {text.needed:g} needed",
        text.contrast,
        text.needed,
        text.line_id,
    )


def _placed(laid: Sequence[Element], layout: Layout) -> Iterator[Check]:
    """Nothing beyond the safe area, nothing on the subject."""
    safe, focal = (_pixels(box, layout) for box in (layout.safe, layout.focal))
    slack = _slack(layout)
    for name, bad in (
        ("safe_area", [one for one in laid if not _holds(safe, one.box_px, slack)]),
        ("focal", [one for one in laid if _meet(focal, one.box_px, slack)]),
    ):
        said = ", ".join(map(_name, bad))
        what = "leaves the safe area" if name == "safe_area" else "lies on the subject"
        good = "inside the safe area" if name == "safe_area" else "clear of the subject"
        yield Check(
            "safe_area" if name == "safe_area" else "focal",
            not bad,
            f"{said} {what}" if bad else f"everything is {good}",
            float(len(bad)),
            0.0,
        )


def _overlaps(laid: Sequence[Element], slack: int) -> Iterator[Check]:
    bad = [(a, b) for a, b in combinations(laid, 2) if _meet(_own(a), _own(b), slack)]
    said = "; ".join(f"{_name(a)} meets {_name(b)}" for a, b in bad)
    yield Check("overlap", not bad, said or "nothing overlaps", float(len(bad)), 0.0)


def _marks(image: Image.Image, elements: Sequence[Element]) -> Iterator[Check]:
    """Read again from the canvas; the file is read once more when it is written."""
    for one in elements:
        if isinstance(one, LogoElement):
            kept = logo_untouched(image, one.mark)
            said = "the logo's pixels are the file's" if kept else "the logo was changed"
            yield Check("logo", kept, f"{said}, at {one.mark.scale:.2f} of its size")
        if isinstance(one, QRElement):
            x0, y0, x1, y1 = one.box_px
            read = codes_in(image.crop((x0, y0, x1, y1)))
            right = one.mark.target in read and quiet_zone_clear(image, one.mark)
            said = "reads back exactly" if right else f"reads {read!r}"
            yield Check("qr", right, f"the code {said}", float(one.mark.module), 3.0)


def _palette(image: Image.Image, brief: Brief) -> Iterator[Check]:
    if not brief.palette:
        return
    far = palette_distance(image, [rgb(code) for code in brief.palette])
    yield Check(
        "palette",
        far <= FAR,
        f"the asked colours are {far:.0f} away from the picture's (CIE76, mean)",
        round(far, 1),
        FAR,
    )


def _shape(brief: Brief, layout: Layout, crop: Box) -> Check:
    """A model may draw another shape than was asked for: then its calm areas lie elsewhere."""
    planned = bought(layout.size, brief.options.model).crop
    off = max(abs(a - b) for a, b in zip(planned, crop, strict=True))
    said = "the picture has the shape that was asked for"
    if off > _OFF:
        said = f"the picture came in another shape, and {off:.0%} of it more is cut off at a side"
    return Check("size", off <= _OFF, said, round(off, 3), _OFF)


def _own(one: Element) -> PixelBox:
    """What nothing else may enter: of a logo with its clear space."""
    return clear_space(one.box_px) if isinstance(one, LogoElement) else one.box_px


def _name(one: Element) -> str:
    return one.line_id if isinstance(one, TextElement) else one.kind


def _pixels(box: Box, layout: Layout) -> PixelBox:
    bleed = layout.size.bleed
    x0, y0, x1, y1 = box.pixels(layout.size.trim)
    return x0 + bleed, y0 + bleed, x1 + bleed, y1 + bleed


def _slack(layout: Layout) -> int:
    return 2 + round(_SLACK * min(layout.size.trim))


def _holds(outer: PixelBox, inner: PixelBox, slack: int) -> bool:
    return (
        outer[0] - slack <= inner[0]
        and outer[1] - slack <= inner[1]
        and inner[2] <= outer[2] + slack
        and inner[3] <= outer[3] + slack
    )


def _meet(one: PixelBox, other: PixelBox, slack: int) -> bool:
    return (
        one[0] + slack < other[2]
        and other[0] + slack < one[2]
        and one[1] + slack < other[3]
        and other[1] + slack < one[3]
    )
