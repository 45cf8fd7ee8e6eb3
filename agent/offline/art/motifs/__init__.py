"""What the artist can draw: one entry per motif, each with its subject's place and its drawing."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from ..canvas import Canvas
from ..layout import Box
from ..scene import MotifName, Scene
from . import (
    abstract,
    botanical,
    cat,
    city,
    cup,
    forest,
    geo,
    kite,
    lighthouse,
    market,
    moon,
    mountains,
    rays,
    sea,
    space,
)


class Motif(NamedTuple):
    """`focal` gives the subject's box in fractions, `draw` paints a whole canvas."""

    focal: Callable[[Scene, tuple[int, int]], Box]
    draw: Callable[[Canvas], None]


_TABLE: dict[MotifName, Motif] = {
    "abstract": Motif(abstract.focal, abstract.draw),
    "botanical": Motif(botanical.focal, botanical.draw),
    "cat": Motif(cat.focal, cat.draw),
    "city": Motif(city.focal, city.draw),
    "cup": Motif(cup.focal, cup.draw),
    "forest": Motif(forest.focal, forest.draw),
    "geo": Motif(geo.focal, geo.draw),
    "kite": Motif(kite.focal, kite.draw),
    "lighthouse": Motif(lighthouse.focal, lighthouse.draw),
    "market": Motif(market.focal, market.draw),
    "moon": Motif(moon.focal, moon.draw),
    "mountains": Motif(mountains.focal, mountains.draw),
    "rays": Motif(rays.focal, rays.draw),
    "sea": Motif(sea.focal, sea.draw),
    "space": Motif(space.focal, space.draw),
}


def focal_of(scene: Scene, size: tuple[int, int]) -> Box:
    """The box of the subject, never covered by lettering."""
    return _TABLE[scene.motif].focal(scene, size)


def draw_motif(c: Canvas) -> None:
    """Paint the scene's motif."""
    _TABLE[c.scene.motif].draw(c)
