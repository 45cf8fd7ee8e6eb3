"""Contrast by arithmetic: WCAG 2 over the real pixels under a text, and how far two colours are.

Measured is the worst twentieth of the pixels, not their mean: a letter is lost where its ground is
worst. https://www.w3.org/TR/WCAG22/ (1.4.3 text, 1.4.11 marks).
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from functools import lru_cache
from math import dist, hypot
from typing import Final, NamedTuple

from PIL import Image

RGB = tuple[int, int, int]
"""Three numbers of 0-255, sRGB."""
PixelBox = tuple[int, int, int, int]
"""Left, top, right, bottom in pixels; right and bottom are outside."""

WHITE: Final[RGB] = (255, 255, 255)
BLACK: Final[RGB] = (0, 0, 0)
TEXT: Final = 4.5
LARGE: Final = 3.0
"""Enough for type of 24 px at 1080 (18 pt on paper) and more, and for marks."""
WORST: Final = 0.05
_SAMPLES: Final = 16_000


def rgb(code: str) -> RGB:
    """``#rrggbb`` as three numbers."""
    return int(code[1:3], 16), int(code[3:5], 16), int(code[5:7], 16)


def mix(one: RGB, other: RGB, part: float) -> RGB:
    """``part`` of the other colour in the one, 0-1."""
    a, b, c = (round(x + (y - x) * part) for x, y in zip(one, other, strict=True))
    return a, b, c


def _linear(value: int) -> float:
    part = value / 255
    return part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4


_LINEAR: Final = tuple(map(_linear, range(256)))


def luminance(colour: Sequence[int]) -> float:
    """WCAG relative luminance, 0-1."""
    red, green, blue = colour[:3]
    return 0.2126 * _LINEAR[red] + 0.7152 * _LINEAR[green] + 0.0722 * _LINEAR[blue]


def _weighed(band: int, veil: int, alpha: float) -> tuple[float, ...]:
    """What each value of a band adds to the luminance, under a veil."""
    weight = (0.2126, 0.7152, 0.0722)[band]
    return tuple(weight * _LINEAR[round(v + (veil - v) * alpha)] for v in range(256))


def ratio(one: RGB, other: RGB) -> float:
    """WCAG contrast of two colours, 1-21."""
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


class Ground(NamedTuple):
    """The pixels under a text: up to some ten thousand of them, spread evenly, as they are."""

    pixels: tuple[RGB, ...]

    def worst(self, ink: RGB, veil: RGB = BLACK, alpha: float = 0.0) -> float:
        """The contrast that 95 % of the pixels reach at least, under a veil of that alpha."""
        own = luminance(ink) + 0.05
        red, green, blue = (_weighed(i, veil[i], alpha) for i in range(3))
        pale = [red[r] + green[g] + blue[b] + 0.05 for r, g, b in self.pixels]
        found = sorted([own / ground if own > ground else ground / own for ground in pale])
        return found[min(len(found) - 1, int(len(found) * WORST))]

    @property
    def mean(self) -> RGB:
        """The average colour."""
        count = len(self.pixels)
        red, green, blue = (sum(band) // count for band in zip(*self.pixels, strict=True))
        return red, green, blue

    @property
    def spread(self) -> float:
        """How unquiet it is: the mean distance of its pixels from their mean (CIE76)."""
        few = self.thinned(500)
        middle = few.mean
        return sum(distance(pixel, middle) for pixel in few.pixels) / len(few.pixels)

    def thinned(self, most: int) -> Ground:
        """Every n-th pixel, for arithmetic that is repeated."""
        return Ground(self.pixels[:: max(1, len(self.pixels) // most)])


def ground_of(image: Image.Image, box: PixelBox) -> Ground:
    """What lies under a box of an RGB picture; the box is cut to the picture."""
    x0, y0 = max(0, box[0]), max(0, box[1])
    x1, y1 = min(image.width, max(box[2], x0 + 1)), min(image.height, max(box[3], y0 + 1))
    x0, y0 = min(x0, x1 - 1), min(y0, y1 - 1)
    part = image.crop((x0, y0, x1, y1))
    step = max(1.0, (part.width * part.height / _SAMPLES) ** 0.5)
    if step > 1:
        small = max(1, int(part.width / step)), max(1, int(part.height / step))
        part = part.resize(small, Image.Resampling.NEAREST)
    data = part.tobytes()
    return Ground(tuple(zip(data[::3], data[1::3], data[2::3], strict=True)))


def veil_needed(ground: Ground, ink: RGB, veil: RGB, need: float, most: float = 0.94) -> float:
    """The least alpha of a veil at which the ink reads, in steps of 0.02; ``most`` where none does."""
    few = ground.thinned(1_500)
    steps = range(round(most / 0.02) + 1)
    found = bisect_left(steps, need, key=lambda step: few.worst(ink, veil, step * 0.02))
    return min(most, found * 0.02)


# ── how far colours are from each other ──────────────────────────────────────────────────────


@lru_cache(maxsize=4096)
def lab(colour: RGB) -> tuple[float, float, float]:
    """CIE L*a*b* (D65)."""
    red, green, blue = (_LINEAR[value] for value in colour)
    x = (0.4124 * red + 0.3576 * green + 0.1805 * blue) / 0.95047
    y = 0.2126 * red + 0.7152 * green + 0.0722 * blue
    z = (0.0193 * red + 0.1192 * green + 0.9505 * blue) / 1.08883
    fx, fy, fz = (v ** (1 / 3) if v > 0.008856 else 7.787 * v + 16 / 116 for v in (x, y, z))
    return 116 * fy - 16, 500 * (fx - fy), 200 * (fy - fz)


def distance(one: RGB, other: RGB) -> float:
    """CIE76: about 2 is seen side by side, 25 is another colour."""
    return dist(lab(one), lab(other))


def chroma(colour: RGB) -> float:
    """How far from grey, in CIE L*a*b* units."""
    _, a, b = lab(colour)
    return hypot(a, b)


def palette_distance(image: Image.Image, palette: Iterable[RGB]) -> float:
    """How far the asked colours are, on average, from the nearest of the picture's sixteen."""
    small = image.copy()
    small.thumbnail((96, 96), Image.Resampling.BOX)
    tones = small.quantize(16, Image.Quantize.MEDIANCUT).convert("RGB").getcolors(96 * 96) or []
    found: list[RGB] = [tone for _, tone in tones if isinstance(tone, tuple)]  # type: ignore[misc]
    nearest = [min(distance(asked, tone) for tone in found) for asked in palette]
    return sum(nearest) / len(nearest) if nearest else 0.0
