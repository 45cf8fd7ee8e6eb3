"""Colours: mixing, contrast, and the palettes a scene can wear."""

from __future__ import annotations

import colorsys
from dataclasses import dataclass
from typing import NamedTuple

from .scene import Light, MotifName, Scene, Season

RGB = tuple[int, int, int]
Palette = tuple[str, str, str, str, str]


def rgb(hexa: str) -> RGB:
    """`#rrggbb` as three numbers of 0-255."""
    return int(hexa[1:3], 16), int(hexa[3:5], 16), int(hexa[5:7], 16)


def hexa(colour: RGB) -> str:
    """Three numbers of 0-255 as `#rrggbb`."""
    return "#{:02x}{:02x}{:02x}".format(*colour)


def mix(a: RGB, b: RGB, t: float) -> RGB:
    """`a` at t=0, `b` at t=1."""
    r, g, v = (round(x + (y - x) * t) for x, y in zip(a, b, strict=True))
    return r, g, v


def lift(colour: RGB, t: float) -> RGB:
    """Towards white."""
    return mix(colour, (255, 255, 255), t)


def shade(colour: RGB, t: float) -> RGB:
    """Towards a blue black, which looks deeper than pure black."""
    return mix(colour, (6, 8, 18), t)


def hsl(hue: float, saturation: float, lightness: float) -> RGB:
    """Hue in degrees, the others 0-1."""
    r, g, b = colorsys.hls_to_rgb((hue % 360) / 360, lightness, saturation)
    return round(r * 255), round(g * 255), round(b * 255)


def turn(colour: RGB, degrees: float, *, saturation: float = 1.0, light: float = 1.0) -> RGB:
    """The colour with its hue turned and its saturation and lightness scaled."""
    h, lightness, s = colorsys.rgb_to_hls(*(v / 255 for v in colour))
    return hsl(h * 360 + degrees, min(1.0, s * saturation), min(1.0, lightness * light))


def luminance(colour: RGB) -> float:
    """Relative luminance of WCAG 2, 0-1."""

    def linear(value: int) -> float:
        v = value / 255
        return v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4

    r, g, b = (linear(v) for v in colour)
    return 0.2126 * r + 0.7152 * g + 0.0722 * b


def contrast(a: RGB, b: RGB) -> float:
    """Contrast ratio of WCAG 2, 1-21."""
    high, low = sorted((luminance(a), luminance(b)), reverse=True)
    return (high + 0.05) / (low + 0.05)


class Tone(NamedTuple):
    """A named colour: its hue, how saturated it is, and the plain hex for an accent."""

    hue: float
    saturation: float
    accent: str


TONES: dict[str, Tone] = {
    "red": Tone(356, 1.0, "#d7263d"),
    "orange": Tone(22, 1.0, "#f3722c"),
    "gold": Tone(42, 1.0, "#f2b134"),
    "yellow": Tone(48, 1.0, "#ffd23f"),
    "green": Tone(140, 0.75, "#2f9e5b"),
    "teal": Tone(178, 0.9, "#1b998b"),
    "blue": Tone(212, 1.0, "#2a6fdb"),
    "violet": Tone(266, 0.85, "#7b4fc9"),
    "pink": Tone(336, 0.9, "#f0719b"),
    "brown": Tone(26, 0.6, "#8a5a3b"),
    "white": Tone(212, 0.15, "#f8f5ee"),
    "black": Tone(230, 0.1, "#1d1f27"),
    "grey": Tone(215, 0.08, "#8b929c"),
}
FLAT: tuple[MotifName, ...] = ("geo", "type", "sale", "safety", "jobs", "health")
"""Motifs of flat colours, which wear the colours asked for as they are."""
MOODS = ("warm", "cool", "bright", "dark", "pastel", "vivid", "mono", "sepia")

# From the top of the sky down to paper: deep, middle, horizon, glow, paper.
_LIGHTS: dict[Light, tuple[Palette, ...]] = {
    "day": (
        ("#2474a8", "#7cc0d8", "#f7e3bd", "#ffcb6b", "#fff8ea"),
        ("#2d6f8e", "#8fc9c4", "#fbe6c8", "#ffb56b", "#fffaf0"),
        ("#3a6fb0", "#9cc3e6", "#fde0d0", "#ffd08a", "#fff9f2"),
    ),
    "dusk": (
        ("#231f52", "#7d3f7d", "#f07f5a", "#ffcf87", "#fff1dc"),
        ("#1d2b5a", "#6a4c8c", "#f49a76", "#ffd9a0", "#fff4e4"),
        ("#33225c", "#a34a6f", "#f8935b", "#ffd479", "#fff2dd"),
    ),
    "night": (
        ("#070c22", "#14275a", "#3f5f97", "#f3dfa6", "#f7f1df"),
        ("#060d20", "#123052", "#2f6a86", "#f6e2b3", "#f3f3e4"),
        ("#0b0a26", "#272258", "#5a4f93", "#f5d9a8", "#f8f0e2"),
    ),
}
_HOUSE: dict[tuple[MotifName, Light], tuple[Palette, ...]] = {
    ("market", "night"): (("#0b1030", "#2b1b5a", "#e4572e", "#ffc857", "#fff3dc"),),
    ("market", "dusk"): (("#241a4f", "#7a2f6b", "#f2703d", "#ffcf66", "#fff3dc"),),
    ("city", "night"): (("#070b24", "#1d2a63", "#b4558a", "#ffcf6e", "#fdf3e1"),),
    ("space", "night"): (
        ("#05040f", "#1a1140", "#6b3fa0", "#ff9f6b", "#f6efe6"),
        ("#03060f", "#0b2747", "#1d7a8c", "#ffb86b", "#eef6f2"),
    ),
    ("space", "day"): (("#15164a", "#40408f", "#c77fb8", "#ffd0a0", "#fff6ee"),),
    ("space", "dusk"): (("#1a0f3a", "#5a2a72", "#e0607a", "#ffc07f", "#fff3e6"),),
    ("geo", "day"): (
        ("#14213d", "#e63946", "#2a9d8f", "#f4a261", "#f7f1e3"),
        ("#1d2f4f", "#d1495b", "#edae49", "#66a182", "#f6f0e4"),
        ("#22223b", "#ee6c4d", "#3d6fa5", "#f2cc8f", "#f8f2e7"),
    ),
    ("geo", "night"): (("#0b1022", "#c8374a", "#1f7f86", "#e9a23b", "#efe6d2"),),
    ("rays", "night"): (
        ("#150a2b", "#4d1458", "#d7263d", "#ffb627", "#fff1d6"),
        ("#081a2f", "#0f4c5c", "#e36414", "#fbb13c", "#fff3dd"),
    ),
    ("rays", "day"): (("#1f3c63", "#c8553d", "#f28f3b", "#ffd07b", "#fff6e4"),),
    ("botanical", "day"): (
        ("#23483f", "#7fa38b", "#f3e6d3", "#e98a6f", "#fbf5ea"),
        ("#274060", "#8aa5b5", "#f6e4dc", "#e0777d", "#fdf6f0"),
    ),
    ("cup", "day"): (
        ("#4a3328", "#c79a78", "#f0dcc3", "#f2a65a", "#fff7ea"),
        ("#2f4858", "#86a6a3", "#eee2cf", "#ee964b", "#fff8ec"),
    ),
    ("cup", "night"): (("#14162e", "#33305c", "#705a8a", "#ffc170", "#fbf0df"),),
    ("moon", "night"): (
        ("#0a1638", "#1f3f7d", "#7f9fd0", "#f6dca6", "#fff7e3"),
        ("#0b1f33", "#1c4f63", "#7fb3ad", "#f7dfa5", "#fdf8e6"),
    ),
}


def _ramp(hue: float, saturation: float, light: Light) -> Palette:
    """A palette around one hue; the horizon leans to its warm neighbour."""
    warm = hue + (24 if 90 < hue < 300 else 14 if hue < 90 else 30)
    steps = {
        "day": ((0.62, 0.40), (0.58, 0.66), (0.75, 0.88)),
        "dusk": ((0.55, 0.20), (0.52, 0.42), (0.80, 0.68)),
        "night": ((0.60, 0.08), (0.55, 0.21), (0.42, 0.45)),
    }[light]
    hues = (hue - 8, hue, warm)
    sky = [hexa(hsl(h, s * saturation, v)) for h, (s, v) in zip(hues, steps, strict=True)]
    glow = hexa(hsl(44, 0.9 * max(0.35, saturation), 0.78))
    return sky[0], sky[1], sky[2], glow, hexa(hsl(44, 0.5, 0.96))


_HORIZON: dict[Light, float] = {"day": 0.84, "dusk": 0.62, "night": 0.40}
_MOOD_SHIFT: dict[str, tuple[str, float]] = {
    "warm": ("#ff9a4d", 0.22),
    "cool": ("#3f7fd8", 0.22),
    "bright": ("#ffffff", 0.22),
    "dark": ("#05060f", 0.34),
    "pastel": ("#fff1ee", 0.42),
    "sepia": ("#b98a55", 0.45),
}


def _mood(palette: Palette, mood: str) -> Palette:
    """The palette under one mood word; paper and glow move less than the sky."""

    def one(index: int) -> str:
        colour, weight = rgb(palette[index]), (1.0, 1.0, 1.0, 0.45, 0.2)[index]
        if mood == "vivid":
            return hexa(turn(colour, 0, saturation=1 + 0.5 * weight))
        if mood == "mono":
            return hexa(turn(colour, 0, saturation=0.06))
        towards, amount = _MOOD_SHIFT[mood]
        if mood in ("pastel", "sepia"):
            amount *= 0.45 + 0.55 * min(1.0, 2.2 * luminance(colour))
        return hexa(mix(colour, rgb(towards), amount * weight))

    return one(0), one(1), one(2), one(3), one(4)


def _geometric(tones: list[Tone], base: Palette) -> Palette:
    """Flat-colour motifs wear the named colours themselves."""
    first = tones[0]
    accents = [hexa(hsl(first.hue + d, 0.6 * first.saturation, v)) for d, v in _SPREAD]
    named = [tone.accent for tone in tones]
    second = named[1] if len(named) > 1 else accents[1]
    return accents[0], named[0], second, accents[2], base[4]


def _stage(tones: list[Tone], light: Light, base: Palette) -> Palette:
    """Rays in the first named colour, lamps and label in the second."""
    first, second = rgb(tones[0].accent), rgb(tones[-1].accent)
    dark = hsl(tones[0].hue, 0.6 * tones[0].saturation, 0.09)
    if len(tones) == 1:
        second = turn(first, 38, light=1.2)
    strength = {"day": 0.0, "dusk": 0.25, "night": 0.45}[light]
    return hexa(dark), hexa(mix(first, dark, strength)), hexa(first), hexa(second), base[4]


_SPREAD = ((0, 0.16), (35, 0.45), (-28, 0.70))


def _inked(inks: tuple[str, ...], light: Light, *, plain: bool) -> Palette:
    """The colours asked for by number, from dark to light; what is missing is mixed from them."""
    row = sorted(map(rgb, inks), key=luminance)
    dark, pale = row[0], max(row, key=lambda c: luminance(c) - 0.5 * _strength(c))
    deep = dark if luminance(dark) < 0.16 else shade(dark, 0.5)
    paper = pale if luminance(pale) > 0.6 else lift(pale, 0.8)
    glow = max(row, key=lambda c: _strength(c) + luminance(c))
    rest = [c for c in row if c not in (dark, glow, pale)] or [mix(deep, glow, 0.45)]
    middle = rest[0] if plain else mix(deep, rest[0], 0.55)
    horizon = max(rest, key=_strength) if plain else mix(rest[-1], glow, 0.25)
    if light == "day" and not plain:
        deep = mix(deep, rest[-1], 0.35)
        middle, horizon = lift(mix(deep, rest[-1], 0.6), 0.18), mix(horizon, paper, 0.35)
    return hexa(deep), hexa(middle), hexa(horizon), hexa(glow), hexa(paper)


def _strength(colour: RGB) -> float:
    """How much of a colour it is, 0 for greys to 1."""
    return (max(colour) - min(colour)) / 255


def palette_of(
    motif: MotifName,
    light: Light,
    tones: tuple[str, ...],
    season: Season | None,
    seed: int,
    *,
    inks: tuple[str, ...] = (),
) -> Palette:
    """The five colours a scene wears; same words, same colours. `inks` are hexes asked for."""
    if inks:
        return _inked(inks, light, plain=motif in FLAT)
    choices = _HOUSE.get((motif, light), _LIGHTS[light])
    palette = choices[seed % len(choices)]
    named = [TONES[t] for t in tones if t in TONES]
    if named and motif == "geo":
        palette = _geometric(named, palette)
    elif named and motif == "rays":
        palette = _stage(named, light, palette)
    elif named:
        palette = _ramp(named[0].hue, named[0].saturation, light)
        if len(named) > 1:
            glow = mix(rgb(named[1].accent), rgb(palette[3]), 0.25)
            lower = hsl(named[1].hue, 0.7 * named[1].saturation, _HORIZON[light])
            horizon = mix(rgb(palette[2]), lower, 0.75)
            palette = (palette[0], palette[1], hexa(horizon), hexa(glow), palette[4])
    if season is not None and not named:
        palette = _PRINTS[season] if motif == "geo" else _seasoned(palette, season, light)
    for tone in tones:
        if tone in MOODS:
            palette = _mood(palette, tone)
    return palette


_SEASON_SKY: dict[tuple[Season, Light], tuple[str, str, str]] = {
    ("spring", "day"): ("#6fb3d9", "#c9cfe8", "#fbdce4"),
    ("spring", "dusk"): ("#4a3f7d", "#b06f9c", "#fbb3a6"),
    ("spring", "night"): ("#140f33", "#35306b", "#8a6fa8"),
    ("summer", "day"): ("#0f7fc4", "#55c4dc", "#fff0b4"),
    ("summer", "dusk"): ("#2a2566", "#a8458a", "#ff8a4a"),
    ("summer", "night"): ("#061030", "#123a70", "#2f7f9c"),
    ("autumn", "day"): ("#7d6a78", "#dba06e", "#fbd19a"),
    ("autumn", "dusk"): ("#33204a", "#94424f", "#f2803f"),
    ("autumn", "night"): ("#150d24", "#3d2240", "#a5553f"),
    ("winter", "day"): ("#7898b8", "#bcd2e2", "#f2f5f8"),
    ("winter", "dusk"): ("#353f6e", "#8d7fa6", "#f3b7ad"),
    ("winter", "night"): ("#0a1730", "#2a4468", "#7f9dbb"),
}
_PRINTS: dict[Season, Palette] = {
    "spring": ("#3d5a80", "#ee7a9b", "#7fb069", "#ffd3b6", "#fdf6f0"),
    "summer": ("#073b4c", "#ef476f", "#06a77d", "#ffd166", "#fffaf0"),
    "autumn": ("#3b2a2a", "#c8502e", "#8a9a5b", "#e9a93a", "#f7eddc"),
    "winter": ("#1f3a5f", "#8fb8de", "#b3cde0", "#e4572e", "#f4f7fa"),
}


def _seasoned(palette: Palette, season: Season, light: Light) -> Palette:
    """The sky of a season in this light, with a quarter of the picture's own colours kept."""
    sky = [
        hexa(mix(rgb(a), rgb(b), 0.74))
        for a, b in zip(palette, _SEASON_SKY[season, light], strict=False)
    ]
    return sky[0], sky[1], sky[2], palette[3], palette[4]


@dataclass(frozen=True)
class Look:
    """The colours of one drawing, by what they are for."""

    deep: RGB
    middle: RGB
    horizon: RGB
    glow: RGB
    paper: RGB
    far: RGB
    near: RGB
    ink: RGB
    accent: RGB
    leaf: tuple[RGB, RGB, RGB]
    ground: RGB
    lit: float


_LEAVES: dict[Season, tuple[str, str, str]] = {
    "spring": ("#7fae5a", "#f3a7bd", "#a9c977"),
    "summer": ("#3f8f4f", "#5fae5a", "#2f7a53"),
    "autumn": ("#d9742b", "#c5402c", "#e6a93a"),
    "winter": ("#7f97a3", "#e9f1f4", "#9fb4bd"),
}
_ACCENTS: dict[MotifName, str] = {
    "kite": "#e0342f",
    "lighthouse": "#d63a3a",
    "market": "#e4572e",
    "cup": "#f4ead9",
    "cat": "#2b2533",
    "botanical": "#e2634f",
    "space": "#e88b5a",
    "sea": "#d8483b",
    "stage": "#a81f2d",
    "health": "#d8434e",
    "guitar": "#d9722e",
    "jobs": "#e8543f",
    "book": "#b5402f",
    "safety": "#f2b705",
    "sale": "#e03c3c",
}


def _accent_of(inks: tuple[str, ...], own: str | None) -> str:
    """The ink nearest in hue to a motif's own accent, among those that are colours at all."""
    strong = [ink for ink in inks if _strength(rgb(ink)) > 0.3]
    if own is None or not strong:
        return max(strong, key=lambda ink: _strength(rgb(ink)), default="")
    hue = _hue(own)
    return min(strong, key=lambda ink: (round(abs((_hue(ink) - hue + 180) % 360 - 180) / 25), ink))


def _hue(ink: str) -> float:
    """In degrees."""
    return 360 * colorsys.rgb_to_hls(*(v / 255 for v in rgb(ink)))[0]


def look_of(scene: Scene) -> Look:
    """The colours to draw with, from the palette, light and season of the scene."""
    deep, middle, horizon, glow, paper = (rgb(c) for c in scene.palette)
    lit = {"day": 1.0, "dusk": 0.62, "night": 0.34}[scene.light]
    own = _ACCENTS.get(scene.motif)
    accent = rgb(scene.accent or _accent_of(scene.inks, own) or own or scene.palette[3])
    air = mix(deep, middle, 0.5)
    veil = (1 - lit) * 0.62

    def lit_by(colour: RGB) -> RGB:
        return mix(colour, shade(air, 0.35), veil)

    leaf = _LEAVES[scene.season or "summer"]
    ground = rgb("#eef3f6") if scene.season == "winter" else rgb("#8aa05f")
    if scene.season == "autumn":
        ground = rgb("#b98a4a")
    return Look(
        deep=deep,
        middle=middle,
        horizon=horizon,
        glow=glow,
        paper=paper,
        far=mix(horizon, middle, 0.35),
        near=shade(deep, 0.62 if scene.light == "day" else 0.45),
        ink=shade(deep, 0.8),
        accent=mix(accent, shade(air, 0.3), veil * 0.35),
        leaf=(lit_by(rgb(leaf[0])), lit_by(rgb(leaf[1])), lit_by(rgb(leaf[2]))),
        ground=lit_by(ground),
        lit=lit,
    )
