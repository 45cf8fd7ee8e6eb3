"""Sizes of posters: on a screen in pixels, on paper in millimetres with dpi and bleed.

A poster has a **trim** (what is left after cutting) and, on paper, a **bleed** around it that is
cut off; both together are the **canvas**, which a bought picture has to fill.
"""

from __future__ import annotations

import re
from functools import lru_cache
from math import log
from typing import Final, Literal

from pydantic import Field, ValidationError, model_validator

from ..errors import UsageError
from ..schema import Record
from ..turn.capabilities import EDGE_STEP, MAX_EDGE, model_facts, size_problems
from ..typeset.boxes import WHOLE, Box, Pixels

MM_PER_INCH: Final = 25.4
LOW_DPI: Final = 150
"""Below it a print looks soft at arm's length; said before anything is paid."""
MOST_ENLARGED: Final = 1.35
MOST_LOST: Final = 0.08
MOST_PIXELS: Final = 64_000_000
LEAST_EDGE: Final = 200
MOST_RATIO: Final = 4.0
"""Beyond it no picture that a model draws leaves anything to look at."""


class SizeSpec(Record):
    """One size to deliver: ``pixels`` of a screen, or ``mm`` of paper. Both are of the trim."""

    name: str
    pixels: Pixels | None = None
    mm: tuple[float, float] | None = None
    dpi: int = Field(default=300, ge=36, le=1200)
    bleed_mm: float = Field(default=0.0, ge=0, le=20)

    @model_validator(mode="after")
    def _one_kind(self) -> SizeSpec:
        if (self.pixels is None) == (self.mm is None):
            raise ValueError("a size is either pixels or mm")
        width, height = self.trim
        if min(width, height) < LEAST_EDGE:
            raise ValueError(f"{width}x{height} pixels: an edge needs {LEAST_EDGE} at least")
        if max(width, height) > MOST_RATIO * min(width, height):
            raise ValueError(f"{width}x{height}: at most {MOST_RATIO:g} times as long as wide")
        if self.canvas[0] * self.canvas[1] > MOST_PIXELS:
            raise ValueError(f"{width}x{height} pixels: too many; lower the dpi")
        return self

    @property
    def printed(self) -> bool:
        """True for paper."""
        return self.mm is not None

    @property
    def trim(self) -> Pixels:
        """Pixels after cutting."""
        if self.mm is None:
            assert self.pixels is not None
            return self.pixels
        width, height = (round(edge / MM_PER_INCH * self.dpi) for edge in self.mm)
        return width, height

    @property
    def bleed(self) -> int:
        """Pixels on each side."""
        return round(self.bleed_mm / MM_PER_INCH * self.dpi) if self.printed else 0

    @property
    def canvas(self) -> Pixels:
        """Pixels with the bleed."""
        width, height = self.trim
        return width + 2 * self.bleed, height + 2 * self.bleed

    @property
    def trim_box(self) -> Box:
        """The trim in fractions of the canvas."""
        (width, height), bleed = self.canvas, self.bleed
        return Box(bleed / width, bleed / height, 1 - bleed / width, 1 - bleed / height)


NAMED: Final[dict[str, SizeSpec]] = {
    spec.name: spec
    for spec in (
        SizeSpec(name="a3", mm=(297, 420), dpi=200, bleed_mm=3),
        SizeSpec(name="a4", mm=(210, 297), dpi=250, bleed_mm=3),
        SizeSpec(name="story", pixels=(1080, 1920)),
        SizeSpec(name="square", pixels=(1080, 1080)),
        SizeSpec(name="banner", pixels=(1500, 500)),
    )
}
"""Paper at the dpi that the largest picture of gpt-image-2 fills without being enlarged (R20)."""

_PIXELS = re.compile(r"([0-9]{2,5})\s*[xX×]\s*([0-9]{2,5})(?:\s*px)?")
_MM = re.compile(
    r"([0-9]{2,4}(?:\.[0-9]+)?)\s*[xX×]\s*([0-9]{2,4}(?:\.[0-9]+)?)\s*mm"
    r"(?:\s*@\s*([0-9]{2,4})(?:\s*dpi)?)?(?:\s*\+\s*([0-9]{1,2}(?:\.[0-9]+)?)(?:\s*mm)?)?"
)


def size_of(text: str) -> SizeSpec:
    """``a3``, ``1500x500`` or ``210x297mm@300+3`` (dpi, bleed in mm); ``UsageError`` otherwise."""
    asked = text.strip()
    named = NAMED.get(asked.lower())
    if named is not None:
        return named
    try:
        if found := _PIXELS.fullmatch(asked):
            width, height = int(found[1]), int(found[2])
            return SizeSpec(name=f"{width}x{height}", pixels=(width, height))
        if found := _MM.fullmatch(asked):
            mm = (float(found[1]), float(found[2]))
            return SizeSpec(
                name=f"{found[1]}x{found[2]}mm",
                mm=mm,
                dpi=int(found[3] or 300),
                bleed_mm=float(found[4] or 0),
            )
    except ValueError as error:
        raise UsageError(f"size {asked[:40]!r}: {_reason(error)}") from error
    raise UsageError(
        f"size {asked[:40]!r}: is no size",
        hint=f"write {', '.join(NAMED)}, WIDTHxHEIGHT in pixels, or 210x297mm@300+3 "
        "(millimetres, dpi, bleed)",
    )


def _reason(error: ValueError) -> str:
    """The sentence of the first thing that pydantic found."""
    if not isinstance(error, ValidationError):
        return str(error)
    return str(error.errors()[0]["msg"]).removeprefix("Value error, ")


# ── what to buy for it ───────────────────────────────────────────────────────────────────────


class Bought(Record):
    """A picture that a model draws, and how it becomes the canvas of a size."""

    size: str
    """``WIDTHxHEIGHT`` that is legal for the model."""
    canvas: Pixels
    crop: Box = WHOLE
    """The middle part that is kept, in fractions of the bought picture; it has the canvas' shape."""
    resize: Literal["none", "smaller", "larger"] = "none"
    factor: float = 1.0
    """Pixels of the canvas for one bought."""
    real_dpi: int | None = None
    """What is really there on paper; ``None`` on a screen."""
    notes: tuple[str, ...] = ()
    """How it becomes the canvas, in words."""
    warnings: tuple[str, ...] = ()
    """What will be seen of it: too few pixels, too much cut off."""

    @property
    def pixels(self) -> Pixels:
        """Width and height of what is bought."""
        width, _, height = self.size.partition("x")
        return int(width), int(height)

    @property
    def lost(self) -> float:
        """Share of the bought picture that is cut off."""
        return 1 - self.crop.width * self.crop.height


@lru_cache(maxsize=256)
def bought(spec: SizeSpec, model: str) -> Bought:
    """The legal size that fills the canvas with the least lost; ``UsageError`` for a dead model."""
    listed = model_facts(model).sizes
    among = listed if listed is not None else _near(spec.canvas)
    chosen = min(among, key=lambda size: _loss(size, spec.canvas))
    factor = _cover(chosen, spec.canvas)
    kept = spec.canvas[0] / (factor * chosen[0]), spec.canvas[1] / (factor * chosen[1])
    crop = Box(
        *(max(0.0, (1 - one) / 2) for one in kept), *(min(1.0, (1 + one) / 2) for one in kept)
    )
    even = abs(factor - 1) < 0.002
    dpi = round(spec.dpi / max(factor, 1.0)) if spec.printed else None
    made = Bought(
        size=f"{chosen[0]}x{chosen[1]}",
        canvas=spec.canvas,
        crop=crop,
        resize="none" if even else "larger" if factor > 1 else "smaller",
        factor=factor,
        real_dpi=dpi,
    )
    told = {"notes": _notes(spec, made, model), "warnings": _warnings(spec, made)}
    return made.model_copy(update=told)


def _cover(size: Pixels, canvas: Pixels) -> float:
    return max(canvas[0] / size[0], canvas[1] / size[1])


def _loss(size: Pixels, canvas: Pixels) -> float:
    """Enlarging costs sharpness, cropping costs picture, shrinking only money."""
    factor = _cover(size, canvas)
    kept = canvas[0] * canvas[1] / (factor**2 * size[0] * size[1])
    return 6 * (1 - kept) + (4 * log(factor) if factor > 1 else -0.7 * log(factor))


@lru_cache(maxsize=64)
def _near(canvas: Pixels) -> tuple[Pixels, ...]:
    """Legal free sizes about the shape of the canvas, over every width there is."""
    shape = canvas[1] / canvas[0]
    found = {
        (width, EDGE_STEP * step)
        for width in range(EDGE_STEP, MAX_EDGE + 1, EDGE_STEP)
        for near in (width * shape / EDGE_STEP,)
        for step in (int(near) - 1, int(near), int(near) + 1, int(near) + 2)
        if step > 0 and not size_problems(width, EDGE_STEP * step)
    }
    found |= {(3 * edge, edge) for edge in _THIRDS} | {(edge, 3 * edge) for edge in _THIRDS}
    return tuple(sorted(found))


_THIRDS: Final = tuple(
    edge for edge in range(EDGE_STEP, MAX_EDGE, EDGE_STEP) if not size_problems(3 * edge, edge)
)
"""Short edges of the longest legal shape, for what is longer still."""


def _notes(spec: SizeSpec, made: Bought, model: str) -> tuple[str, ...]:
    if made.resize == "none" and made.lost < 0.001:
        return ()
    width, height = spec.canvas
    how = {"none": "as it is", "smaller": "made smaller", "larger": "enlarged"}[made.resize]
    cut = f", {made.lost:.1%} cut off" if made.lost >= 0.001 else ""
    asked = f"{spec.name}: {model} is asked for {made.size}, the nearest legal size"
    return (f"{asked}, {how} here to {width}x{height}{cut}",)


def _warnings(spec: SizeSpec, made: Bought) -> tuple[str, ...]:
    found = []
    if made.real_dpi is not None and made.real_dpi < LOW_DPI:
        found.append(
            f"{spec.name}: the picture comes to {made.real_dpi} dpi on paper; below {LOW_DPI} it "
            "looks soft (set type, logo and QR code stay sharp in the PDF)"
        )
    elif made.real_dpi is None and made.factor > MOST_ENLARGED:
        found.append(f"{spec.name}: the picture is enlarged {made.factor:.1f} times and looks soft")
    if made.lost > MOST_LOST:
        found.append(f"{spec.name}: {made.lost:.0%} of the picture is cut off for its shape")
    return tuple(found)
