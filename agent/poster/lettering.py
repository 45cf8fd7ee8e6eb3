"""Setting a poster: our type, the logo and the code on a bought picture, and what arithmetic says.

    picture ─► cover the canvas ─► inks and washes by measured contrast ─► type ─► logo, code ─► checks

Nothing here is asked of a model, so a set word cannot be misspelt; same input, same pixels.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from PIL import Image

from ..derive.pictures import opened
from ..typeset.blocks import Laid
from ..typeset.boxes import WHOLE, Box, Pixels, around
from .brief import CELL_MARK, Brief, Line, Locale
from .checking import checks_of
from .contrast import RGB, PixelBox, ground_of, rgb
from .elements import Composed, Element, LogoElement, PanelElement, QRElement, TextElement
from .glyphs import Run, draw, ink_box, runs_of
from .inks import ACCENTED, Asked, Decision, Inks, accent_for, decide, inks_of, needed
from .layout import Layout, Placed, setting_of, words_of
from .marks import (
    MarkError,
    lay_logo,
    lay_qr,
    load_logo,
    logo_untouched,
    place_logo,
    place_qr,
    prove_qr,
)
from .metadata import FileKind, Provenance, encoded
from .sizes import SizeSpec
from .washes import Wash, lay


class _Block(NamedTuple):
    """One text in its place, not yet inked."""

    placed: Placed
    words: str
    laid: Laid
    runs: tuple[Run, ...]
    ink_px: PixelBox
    covered: bool
    """True where painted words lie under it that must vanish."""
    accented: bool
    """Takes the accent where there is one: dates, prices, calls; of a list the figures alone."""


def compose(
    picture: bytes,
    brief: Brief,
    layout: Layout,
    locale: Locale,
    *,
    instead: Iterable[str] = (),
) -> Composed:
    """A finished poster of one size and locale.

    ``instead``: ids of painted lines that are set after all, on an opaque ground that hides what
    the model painted there. Raises ``MarkError`` for a logo that is gone or a code with no room.
    """
    image, crop, size = covering(picture, layout.size)
    hidden = frozenset(instead)
    blocks = _blocks(brief, layout, locale, hidden)
    inks = inks_of([rgb(code) for code in brief.palette])
    panels, texts = _inked(image, blocks, inks, layout, brief)
    for text in texts:
        draw(image, text.runs, text.kind_of_type, text.size_px, text.ink)
    elements: tuple[Element, ...] = (*panels, *texts, *_marked(image, brief, layout))
    return Composed(
        image=image,
        size=layout.size,
        crop=crop,
        bought=size,
        elements=elements,
        checks=checks_of(image, brief, layout, elements, crop),
        title=brief.title.text[locale].replace(CELL_MARK, " "),
    )


def delivered(composed: Composed, kind: FileKind, made: Provenance) -> bytes:
    """The file that people get, cut to its trim; its code and logo are read again from these bytes.

    Raises ``MarkError`` where either did not survive, so that no such file is ever written.
    """
    dpi = composed.size.dpi if composed.size.printed else None
    data = encoded(composed.trimmed(), kind, made, dpi=dpi)
    prove(data, composed)
    return data


def prove(data: bytes, composed: Composed) -> None:
    """Read code and logo out of a finished file; ``MarkError`` unless both are as they should be."""
    bleed = composed.size.bleed
    for element in composed.elements:
        if isinstance(element, QRElement | LogoElement):
            x0, y0, x1, y1 = (edge - bleed for edge in element.box_px)
            if isinstance(element, QRElement):
                prove_qr(data, element.mark.target, (x0, y0, x1, y1))
                continue
            with opened(data) as finished:
                if not logo_untouched(finished.convert("RGB"), element.mark, (x0, y0, x1, y1)):
                    raise MarkError(
                        "the logo in the finished file is not the one of the brief",
                        hint="deliver PNG or WebP, which keep every pixel",
                    )


# ── the picture ──────────────────────────────────────────────────────────────────────────────


def covering(picture: bytes, spec: SizeSpec) -> tuple[Image.Image, Box, Pixels]:
    """The picture as the canvas of a size, which part of it that is, and its own pixels.

    The middle is kept, nothing is stretched: as :func:`sizes.bought` planned, or as near as the
    picture that really came allows.
    """
    with opened(picture) as found:
        if found.has_transparency_data:
            flat = Image.new("RGB", found.size, (255, 255, 255))
            layer = found.convert("RGBA")
            flat.paste(layer, (0, 0), layer)
        else:
            flat = found.convert("RGB")
    crop = cover(flat.size, spec.canvas)
    if crop == WHOLE and flat.size == spec.canvas:
        return flat, crop, flat.size
    width, height = flat.size
    part = (crop.x0 * width, crop.y0 * height, crop.x1 * width, crop.y1 * height)
    return flat.resize(spec.canvas, Image.Resampling.LANCZOS, box=part), crop, flat.size


def cover(size: Pixels, canvas: Pixels) -> Box:
    """The middle part of a picture that has the shape of the canvas, in fractions of the picture."""
    factor = max(canvas[0] / size[0], canvas[1] / size[1])
    across, down = (min(1.0, edge / (factor * own)) for edge, own in zip(canvas, size, strict=True))
    return Box((1 - across) / 2, (1 - down) / 2, (1 + across) / 2, (1 + down) / 2)


# ── texts ────────────────────────────────────────────────────────────────────────────────────


def _blocks(
    brief: Brief, layout: Layout, locale: Locale, hidden: frozenset[str]
) -> tuple[_Block, ...]:
    """Every text that is set here, with its characters in their places."""
    lines = {line.id: line for line in brief.lines}
    found = []
    for placed in layout.lines:
        line, words = lines[placed.line_id], words_of(brief, placed, locale)
        covered = brief.lettering_of(line) == "painted"
        if words.strip() and (not covered or line.id in hidden):
            found.append(_block(brief, layout, placed, locale, line, covered=covered))
    return tuple(found)


def _block(
    brief: Brief, layout: Layout, placed: Placed, locale: Locale, line: Line, *, covered: bool
) -> _Block:
    laid = setting_of(brief, placed, locale, layout)
    (width, height), bleed = layout.size.trim, layout.size.bleed
    corner = placed.box.x0 * width + bleed, placed.box.y0 * height + bleed
    words = words_of(brief, placed, locale)
    tabular = CELL_MARK in line.text[locale] and (placed.align == "right" or words[0].isdigit())
    across = placed.box.width * width
    runs = runs_of(laid, corner, across, placed.kind, align=placed.align, tabular=tabular)
    box = ink_box(runs, placed.kind, int(laid.size))
    accented = _is_figure(placed, len(line.cells(locale)))
    return _Block(placed, words, laid, runs, box, covered, accented)


def _is_figure(placed: Placed, columns: int) -> bool:
    """Of a list, dates stand first and prices last; what is between is for the plain ink."""
    if placed.role not in ACCENTED:
        return False
    return columns == 1 or placed.part == (columns - 1 if placed.role == "price" else 0)


def _inked(
    image: Image.Image, blocks: Sequence[_Block], inks: Inks, layout: Layout, brief: Brief
) -> tuple[list[PanelElement], list[TextElement]]:
    """Washes laid on the picture where they are needed, and every text with its ink."""
    panels, decided = [], list[tuple[list[_Block], RGB]]()
    for group in _groups(blocks, layout):
        asked = [_asked(image, block, layout) for block in group]
        decision = decide(asked, inks, covered=group[0].covered)
        if decision.alpha > 0:
            wash = _wash(group, decision, layout, brief)
            lay(image, wash)
            panels.append(PanelElement(wash, tuple(block.placed.line_id for block in group)))
        decided.append((group, decision.ink))
    texts: dict[int, TextElement] = {}
    for group, ink in decided:
        texts |= _texts(image, group, ink, inks, layout=layout)
    return panels, [texts[id(block)] for block in blocks]


def _texts(
    image: Image.Image, group: Sequence[_Block], ink: RGB, inks: Inks, *, layout: Layout
) -> dict[int, TextElement]:
    """Texts on their finished ground; nothing is drawn yet, so only the ground is measured."""
    asked = {id(block): _asked(image, block, layout) for block in group}
    called = [asked[id(block)] for block in group if block.accented]
    accent = accent_for(called, ink, inks) if called else ink
    found = {}
    for block in group:
        own = accent if block.accented else ink
        found[id(block)] = _text(block, asked[id(block)], own)
    return found


def _text(block: _Block, asked: Asked, ink: RGB) -> TextElement:
    placed = block.placed
    return TextElement(
        line_id=placed.line_id,
        role=placed.role,
        text=block.words,
        box_px=block.ink_px,
        kind_of_type=placed.kind,
        size_px=int(block.laid.size),
        runs=block.runs,
        ink=ink,
        contrast=round(asked.ground.worst(ink), 2),
        needed=asked.need,
    )


def _asked(image: Image.Image, block: _Block, layout: Layout) -> Asked:
    pad = max(2, round(block.laid.size * 0.1))
    x0, y0, x1, y1 = block.ink_px
    ground = ground_of(image, (x0 - pad, y0 - pad, x1 + pad, y1 + pad))
    return Asked(ground, needed(block.laid.size, layout.size))


def _groups(blocks: Sequence[_Block], layout: Layout) -> list[list[_Block]]:
    """Texts that stand together share an ink and a wash; hidden painted ones have their own, last."""
    found: dict[int | str, list[_Block]] = {}
    for block in blocks:
        key: int | str = block.placed.line_id if block.covered else _zone(block.placed.box, layout)
        found.setdefault(key, []).append(block)
    return sorted(found.values(), key=lambda group: group[0].covered)


def _zone(box: Box, layout: Layout) -> int:
    """Which calm area a box lies in; -1 for one that a brief placed on its own."""
    return next((i for i, quiet in enumerate(layout.quiet) if quiet.holds(box, 0.004)), -1)


# ── washes ───────────────────────────────────────────────────────────────────────────────────


def _wash(group: Sequence[_Block], decision: Decision, layout: Layout, brief: Brief) -> Wash:
    """Under a group: from the edge of the poster that it stands at, else a soft panel around it."""
    covered = group[0].covered
    height = layout.size.trim[1]
    inks = union_px(block.ink_px for block in group)
    small = min(block.laid.size for block in group)
    pad = round(min(0.03 * height, 0.5 * small))
    if covered:
        inks = union_px(_canvas_box(block.placed.box, layout) for block in group)
        pad = round(0.012 * min(layout.size.trim))
    box = (inks[0] - pad, inks[1] - pad, inks[2] + pad, inks[3] + pad)
    if covered:
        box = union_px((box, _reaching(group, layout)))
    fade = 2 * pad if covered else round(0.16 * min(layout.size.canvas)) + pad
    side = _side(inks, layout)
    band = _band(box, side, fade, layout)
    hides = covered and any(
        _touch(band[0], other) for other in _still_painted(brief, group, layout)
    )
    if side is None or hides:
        return Wash(box, (pad, pad, pad, pad), decision.veil, decision.alpha, radius=pad)
    return Wash(*band, decision.veil, decision.alpha)


_STICKING: Final = 0.03
"""Of the poster: how far a panel reaches around the box of the painted words that it hides."""


def _reaching(group: Sequence[_Block], layout: Layout) -> PixelBox:
    """As far as painted words may stick out of their boxes: accents and tails, never into another's."""
    ours = {block.placed.line_id for block in group}
    others = [placed.box for placed in layout.lines if placed.line_id not in ours]
    boxes = (around(block.placed.box, others, _STICKING) for block in group)
    return union_px(_canvas_box(box, layout) for box in boxes)


def _band(
    box: PixelBox, side: str | None, fade: int, layout: Layout
) -> tuple[PixelBox, tuple[int, int, int, int]]:
    """A wash's box from an edge of the canvas to the far side of ``box``, and its reach."""
    width, height = layout.size.canvas
    x0, y0, x1, y1 = box
    match side:
        case "top":
            return (0, 0, width, y1), (0, 0, 0, fade)
        case "bottom":
            return (0, y0, width, height), (0, fade, 0, 0)
        case "left":
            return (0, 0, x1, height), (0, 0, fade, 0)
        case _:
            return (x0, 0, width, height), (fade, 0, 0, 0)


def _still_painted(brief: Brief, group: Sequence[_Block], layout: Layout) -> tuple[PixelBox, ...]:
    """Where painted words stand that no wash of another line may hide."""
    ours = {block.placed.line_id for block in group}
    painted = {line.id for line in brief.lines if brief.lettering_of(line) == "painted"} - ours
    return tuple(
        _canvas_box(placed.box, layout) for placed in layout.lines if placed.line_id in painted
    )


def _touch(one: PixelBox, other: PixelBox) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


def _canvas_box(box: Box, layout: Layout) -> PixelBox:
    """A box of the trim in pixels of the canvas."""
    x0, y0, x1, y1 = box.pixels(layout.size.trim)
    bleed = layout.size.bleed
    return x0 + bleed, y0 + bleed, x1 + bleed, y1 + bleed


def union_px(boxes: Iterable[PixelBox]) -> PixelBox:
    """The smallest box around all of them."""
    x0, y0, x1, y1 = zip(*boxes, strict=True)
    return min(x0), min(y0), max(x1), max(y1)


def _side(box: PixelBox, layout: Layout) -> str | None:
    """The edge of the poster that texts stand at, seen from its subject."""
    (width, height), bleed = layout.size.trim, layout.size.bleed
    x0, y0, x1, y1 = layout.focal.pixels((width, height))
    slack = 0.02 * height
    beside = width > 1.3 * height
    places = {
        "top": box[3] - bleed <= y0 + slack,
        "bottom": box[1] - bleed >= y1 - slack,
        "left": box[2] - bleed <= x0 + slack,
        "right": box[0] - bleed >= x1 - slack,
    }
    order = ("left", "right", "top", "bottom") if beside else ("top", "bottom", "left", "right")
    return next((side for side in order if places[side]), None)


# ── logo and code ────────────────────────────────────────────────────────────────────────────


def _marked(image: Image.Image, brief: Brief, layout: Layout) -> list[Element]:
    """Both laid on from their files, in place."""
    found: list[Element] = []
    if brief.logo and layout.logo:
        logo = place_logo(load_logo(brief.logo), _canvas_box(layout.logo, layout), image)
        lay_logo(image, logo)
        found.append(LogoElement(logo))
    if brief.qr and layout.qr:
        code = place_qr(brief.qr, _canvas_box(layout.qr, layout))
        lay_qr(image, code)
        found.append(QRElement(code))
    return found
