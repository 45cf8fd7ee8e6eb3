"""A change in words: of the scene when there is one, of the pixels otherwise or under a mask."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

from PIL import Image, ImageChops, ImageDraw, ImageOps

from .amend import LOST, amend
from .encode import flat
from .layout import family_of
from .overlays import pack
from .parse import quoted, with_quotes
from .render import render
from .restaging import Edited, edit_staged
from .retouch import cover, crop, retouch, retouch_inside
from .scene import Overlay, Scene
from .staged import asked_of
from .typography import draw_lettering

_MOST_OVERLAYS = 12
_WISH = re.compile(
    r"Asked for:\s*(.+?)\s*(?=\n|\bNo (?:other )?lettering\b|\bPaint these words\b"
    r"|\bLeave these areas\b|\bKeep the main\b|$)"
)
"""What is to be otherwise in a poster's picture, whose areas are told around it."""


def edit(
    instruction: str,
    image: Image.Image,
    scene: Scene | None,
    mask: Image.Image | None,
    size: tuple[int, int],
    drawing: Callable[[Scene, tuple[int, int]], Image.Image] = render,
) -> Edited:
    """Change a picture as told.

    `scene` is what the picture carries (`encode.scene_in`), None for an upload. `mask` follows the
    wire: its transparent parts may change, every other pixel stays exactly equal. `size` is what
    is asked for; a crop gives its own size when `size` is the picture's. `drawing` draws a scene.
    """
    if (asked := asked_of(instruction)) is not None:
        hole = None if mask is None else hole_of(mask, image.size)
        note = None
        if scene is not None and (wish := _WISH.search(instruction)):
            changed, note, _ = amend(scene, wish[1], None, image.size)
            fewer = {line.text for line in scene.painted} - {line.text for line in asked.painted}
            scene, note = (scene, None) if note == LOST and fewer else (changed, note)
        made = edit_staged(asked, flat(image), scene, hole, size, drawing)
        return made._replace(note=made.note or note)
    instruction = with_quotes(instruction)
    if mask is not None:
        return _masked(instruction, flat(image), scene, hole_of(mask, image.size), size)
    if (part := crop(instruction, flat(image))) is not None:
        square = (
            scene is not None and abs(part.width - part.height) <= 1 and image.width != image.height
        )
        if square and scene is not None:
            return Edited(scene, drawing(scene, part.size), None)
        return Edited(None, part if size == image.size else cover(part, size), None)
    if scene is not None:
        new, note, wanted = amend(
            scene, instruction, size if size != image.size else None, image.size
        )
        new = _without_patches(new) if family_of(wanted) != family_of(image.size) else new
        return Edited(new, drawing(new, wanted), note)
    return _pixels(instruction, flat(image), size)


def hole_of(mask: Image.Image, size: tuple[int, int]) -> Image.Image:
    """Where a mask lets the picture change, as L (white = change), at a size.

    A mask without an alpha channel is read the other common way: white is what changes.
    """
    if "A" in mask.getbands():
        hole = ImageChops.invert(mask.getchannel("A"))
    elif "transparency" in mask.info:
        hole = ImageChops.invert(mask.convert("RGBA").getchannel("A"))
    else:
        hole = mask.convert("L")
    return hole if hole.size == size else hole.resize(size, Image.Resampling.NEAREST)


def _masked(
    instruction: str,
    image: Image.Image,
    scene: Scene | None,
    hole: Image.Image,
    size: tuple[int, int],
) -> Edited:
    """A change under the mask; a scene remembers it as a patch."""
    changed, understood = retouch_inside(instruction, image, hole)
    note = None
    if not understood:
        note = "The offline artist did not understand this change; it recoloured the masked part."
    if scene is not None:
        patch = Overlay("patch", instruction[:400], mask=pack(hole))
        scene = with_overlay(scene, patch)
    return Edited(scene, cover(changed, size), note)


def with_overlay(scene: Scene, overlay: Overlay) -> Scene:
    """The scene with one more overlay; the oldest is dropped beyond a dozen."""
    return replace(scene, overlays=(*scene.overlays, overlay)[-_MOST_OVERLAYS:])


def _without_patches(scene: Scene) -> Scene:
    """The scene without patches, whose places mean nothing in another shape of picture."""
    return replace(scene, overlays=tuple(o for o in scene.overlays if o.kind != "patch"))


def _pixels(instruction: str, image: Image.Image, size: tuple[int, int]) -> Edited:
    """An upload changed in its pixels, and lettered when a text is quoted."""
    framed = cover(image, size)
    changed = retouch(instruction, framed)
    texts = [text for text, _ in quoted(instruction)]
    if texts:
        changed = (changed or framed).copy()
        low = any(word in instruction.lower() for word in ("bottom", "footer", "底部", "下方"))
        lettered = (
            Scene(lines=tuple(texts[:3])) if low else Scene(title=texts[0], lines=tuple(texts[1:3]))
        )
        draw_lettering(changed, lettered)
    if changed is not None:
        return Edited(None, changed, None)
    note = (
        "The offline artist cannot see what is in this picture and did not understand the change; "
        "it framed the picture instead. It can change light, season, colour, crop, blur and text."
    )
    return Edited(None, _framed(framed), note)


def _framed(image: Image.Image) -> Image.Image:
    """The image in a paper border; one too small for a border is turned to its negative."""
    if min(image.size) < 24:
        return ImageOps.invert(image)
    sheet = image.copy()
    rim = max(2, min(image.size) // 28)
    w, h = image.size
    pen = ImageDraw.Draw(sheet)
    pen.rectangle((0, 0, w - 1, h - 1), outline=(250, 246, 236), width=rim)
    inner = rim + max(1, rim // 6)
    pen.rectangle(
        (inner, inner, w - 1 - inner, h - 1 - inner),
        outline=(250, 246, 236),
        width=max(1, rim // 8),
    )
    return sheet
