"""Edits of a poster's picture: another size of the same look, or one line painted anew."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple

from PIL import Image

from .calm import hush_box
from .parse import scene_of
from .retouch import cover
from .scene import Scene
from .staged import Asked, relettered, stage
from .typography import draw_lettering

Drawing = Callable[[Scene, tuple[int, int]], Image.Image]


class Edited(NamedTuple):
    """The changed picture. `note` says, honestly, what was not understood."""

    scene: Scene | None
    image: Image.Image
    note: str | None


_STRANGER = (
    "The offline artist did not draw this picture and cannot continue its look; it drew a new one."
)


def edit_staged(
    asked: Asked,
    image: Image.Image,
    scene: Scene | None,
    hole: Image.Image | None,
    size: tuple[int, int],
    drawing: Drawing,
) -> Edited:
    """The same look in the areas asked for, or only words painted anew.

    `hole` (L, white = change) keeps every pixel outside it. A request that names words and no
    other area changes lettering alone.
    """
    words_only = bool(asked.painted) and not asked.calm and asked.room is None
    if hole is not None or words_only:
        return _repainted(asked, image, scene, hole, size, drawing)
    if scene is not None:
        new = stage(_without_masks(scene), asked)
        return Edited(new, drawing(new, size), None)
    new = stage(scene_of(asked.rest), asked)
    return Edited(new, drawing(new, size), _STRANGER)


def _without_masks(scene: Scene) -> Scene:
    """A patch under a mask belongs to the shape it was made in."""
    return replace(scene, overlays=tuple(o for o in scene.overlays if o.kind != "patch"))


def _repainted(
    asked: Asked,
    image: Image.Image,
    scene: Scene | None,
    hole: Image.Image | None,
    size: tuple[int, int],
    drawing: Drawing,
) -> Edited:
    """One line or more in place of what stood there, in the picture's own face."""
    if scene is not None and scene.staged:
        new = relettered(scene, asked.painted)
        fresh = drawing(new, image.size)
    else:
        new = replace(Scene(), painted=asked.painted, face=asked.face, seed=1)
        fresh = image
        for line in asked.painted:
            fresh = hush_box(fresh, new, line.area)
        draw_lettering(fresh, new)
    if hole is not None:
        fresh = Image.composite(fresh, image, hole)
    return Edited(new if scene is not None else None, cover(fresh, size), None)
