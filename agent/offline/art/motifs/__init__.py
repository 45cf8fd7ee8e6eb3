"""What the artist can draw: one entry per motif, each with its subject's place and its drawing."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from ....typeset.boxes import Box
from ..canvas import Canvas
from ..scene import MotifName, Scene
from . import (
    abstract,
    book,
    botanical,
    cat,
    city,
    cup,
    forest,
    geo,
    guitar,
    health,
    jobs,
    kite,
    lighthouse,
    market,
    moon,
    mountains,
    museum,
    pitch,
    rays,
    safety,
    sale,
    sea,
    space,
    stage,
    type_only,
)


class Motif(NamedTuple):
    """`focal` gives the subject's box in fractions, `draw` paints a whole canvas."""

    focal: Callable[[Scene, tuple[int, int]], Box]
    draw: Callable[[Canvas], None]


_TABLE: dict[MotifName, Motif] = {
    "abstract": Motif(abstract.focal, abstract.draw),
    "book": Motif(book.focal, book.draw),
    "botanical": Motif(botanical.focal, botanical.draw),
    "cat": Motif(cat.focal, cat.draw),
    "city": Motif(city.focal, city.draw),
    "cup": Motif(cup.focal, cup.draw),
    "forest": Motif(forest.focal, forest.draw),
    "geo": Motif(geo.focal, geo.draw),
    "guitar": Motif(guitar.focal, guitar.draw),
    "health": Motif(health.focal, health.draw),
    "jobs": Motif(jobs.focal, jobs.draw),
    "kite": Motif(kite.focal, kite.draw),
    "lighthouse": Motif(lighthouse.focal, lighthouse.draw),
    "market": Motif(market.focal, market.draw),
    "moon": Motif(moon.focal, moon.draw),
    "mountains": Motif(mountains.focal, mountains.draw),
    "museum": Motif(museum.focal, museum.draw),
    "pitch": Motif(pitch.focal, pitch.draw),
    "rays": Motif(rays.focal, rays.draw),
    "safety": Motif(safety.focal, safety.draw),
    "sale": Motif(sale.focal, sale.draw),
    "sea": Motif(sea.focal, sea.draw),
    "space": Motif(space.focal, space.draw),
    "stage": Motif(stage.focal, stage.draw),
    "type": Motif(type_only.focal, type_only.draw),
}


def focal_of(scene: Scene, size: tuple[int, int]) -> Box:
    """The box of the subject, never covered by lettering."""
    return _TABLE[scene.motif].focal(scene, size)


def draw_motif(c: Canvas) -> None:
    """Paint the scene's motif."""
    _TABLE[c.scene.motif].draw(c)
