"""Which ink a text gets, and how strong a wash its ground needs, by measured contrast."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from .brief import Role
from .contrast import (
    BLACK,
    LARGE,
    RGB,
    TEXT,
    WHITE,
    Ground,
    chroma,
    distance,
    luminance,
    mix,
    ratio,
    veil_needed,
)
from .sizes import SizeSpec
from .styles import points

KEPT: Final = 1.06
"""Kept in hand over what WCAG asks for: scaling and printing lose a little."""
ACCENTED: Final[frozenset[Role]] = frozenset({"date", "time", "price", "cta"})
_CALM: Final = 12.0
"""CIE76: what a ground may vary under small type; contrast alone does not make a crowd readable."""
_CALM_LARGE: Final = 20.0
_COVERED: Final = 7.0
"""Contrast on an opaque ground, where it costs nothing."""
_LARGE_PT: Final = 18.0
_LARGE_SHARE: Final = 0.06
"""Of a screen's short edge, which a phone shows about 400 CSS pixels wide: 24 CSS pixels."""


class Inks(NamedTuple):
    """The light, the dark and the one colour of a poster's type."""

    light: RGB
    dark: RGB
    accents: tuple[RGB, ...]
    """The most colourful first."""


class Decision(NamedTuple):
    """For texts that stand together: their ink, and the wash under them (``alpha`` 0: none)."""

    ink: RGB
    veil: RGB
    alpha: float


class Asked(NamedTuple):
    """The ground of one text and the contrast it needs."""

    ground: Ground
    need: float


def needed(size: float, spec: SizeSpec) -> float:
    """WCAG 2, 1.4.3: 3 for large type, else 4.5."""
    if spec.printed:
        return LARGE if points(size, spec) >= _LARGE_PT else TEXT
    return LARGE if size >= _LARGE_SHARE * min(spec.trim) else TEXT


def inks_of(palette: Sequence[RGB]) -> Inks:
    """From the brief's palette where it has a tone light or dark enough, else near-white and ink."""
    by_light = sorted(palette, key=luminance)
    light, dark = (250, 248, 243), (17, 18, 24)
    if by_light and luminance(by_light[-1]) >= 0.6:
        light = mix(by_light[-1], WHITE, 0.45)
    if by_light and luminance(by_light[0]) <= 0.06:
        dark = mix(by_light[0], BLACK, 0.35)
    bright = sorted((tone for tone in palette if chroma(tone) >= 30), key=chroma, reverse=True)
    return Inks(light, dark, tuple(bright))


def decide(asked: Sequence[Asked], inks: Inks, *, covered: bool = False) -> Decision:
    """One ink for texts that stand together, the one that needs the lesser wash.

    ``covered``: the ground holds lettering that must vanish, so the wash is opaque.
    """
    need = [_COVERED if covered else one.need * KEPT for one in asked]
    thin = [Asked(one.ground.thinned(2_500), n) for one, n in zip(asked, need, strict=True)]
    mean = _mean(thin)
    options = [
        _with(thin, ink, _veil(thin, mean, ink, inks), covered=covered)
        for ink in (inks.light, inks.dark)
    ]
    return min(options, key=lambda one: (one.alpha, -ratio(one.ink, mean)))


def _with(asked: Sequence[Asked], ink: RGB, veil: RGB, *, covered: bool) -> Decision:
    if covered:
        return Decision(ink, veil, 1.0)
    return Decision(ink, veil, max(_alpha(one, ink, veil) for one in asked))


def _alpha(asked: Asked, ink: RGB, veil: RGB) -> float:
    """Of the least veil under which the ink reads and the ground is calm enough to read on."""
    ground = asked.ground
    reads = ground.worst(ink) >= asked.need
    alpha = 0.0 if reads else veil_needed(ground, ink, veil, asked.need)
    calm = _CALM_LARGE if asked.need < TEXT else _CALM
    return max(alpha, min(0.9, 1 - calm / max(calm, ground.spread)))


def _mean(asked: Sequence[Asked]) -> RGB:
    tones = [one.ground.mean for one in asked]
    red, green, blue = (sum(band) // len(tones) for band in zip(*tones, strict=True))
    return red, green, blue


def _veil(asked: Sequence[Asked], mean: RGB, ink: RGB, inks: Inks) -> RGB:
    """A tone of the ground itself, far enough from the ink that any wash will do."""
    towards = mix(inks.dark, BLACK, 0.25) if ink == inks.light else mix(inks.light, WHITE, 0.4)
    for part in (0.55, 0.7, 0.85):
        veil = mix(mean, towards, part)
        if ratio(ink, veil) >= max(one.need for one in asked) * 1.6:
            return veil
    return towards


def accent_for(asked: Sequence[Asked], ink: RGB, inks: Inks) -> RGB:
    """An accent for the dates, prices and calls that stand together, else the ink.

    It must read well on the finished ground of every one of them.
    """
    thin = [one.ground.thinned(2_500) for one in asked]
    for tone in inks.accents:
        reads = all(ground.worst(tone) >= TEXT * KEPT for ground in thin)
        if reads and distance(tone, ink) >= 20:
            return tone
    return ink
