"""The vendored typefaces: which file holds a character, loaded when first needed."""

from __future__ import annotations

import json
from bisect import bisect_right
from functools import lru_cache
from pathlib import Path
from typing import Literal

from PIL import ImageFont

Face = Literal["display", "black", "sans", "serif"]
_HOME = Path(__file__).resolve().parent / "fonts"
_FOLDERS: dict[Face, str] = {
    "display": "bebas-neue",
    "black": "archivo-black",
    "sans": "inter",
    "serif": "fraunces",
}
_VARIABLE = ("inter", "fraunces", "noto-sans-sc")
# Characters of the `latin` files above U+00FF, from the packages' unicode ranges.
_LATIN_EXTRA = {0x131, 0x152, 0x153, 0x2C6, 0x2DA, 0x2DC, 0x2122, 0x20AC, 0x2212, 0x2215}


def is_cjk(char: str) -> bool:
    """True for characters set upright in a square: Han, kana, hangul and their punctuation."""
    return ord(char) >= 0x2E80


@lru_cache(maxsize=1)
def _slices() -> tuple[list[int], list[tuple[int, str]]]:
    """First code points, sorted, and beside each (last code point, slice name)."""
    table = json.loads((_HOME / "noto-sans-sc" / "ranges.json").read_text(encoding="utf-8"))
    rows = sorted((a, b, name) for name, ranges in table.items() for a, b in ranges)
    return [a for a, _, _ in rows], [(b, name) for _, b, name in rows]


def _slice_of(code: int) -> str | None:
    """The Chinese slice that holds a code point."""
    starts, ends = _slices()
    index = bisect_right(starts, code) - 1
    if index < 0 or ends[index][0] < code:
        return None
    return ends[index][1]


@lru_cache(maxsize=4096)
def _file_of(char: str, face: Face) -> tuple[str, str]:
    """(family folder, file stem) for a character in a face."""
    code, family = ord(char), _FOLDERS[face]
    if code <= 0xFF or code in _LATIN_EXTRA or 0x2000 <= code <= 0x206F:
        return family, "latin"
    if code < 0x2E80 and (part := _slice_of(code)) is None:
        return family, "latin-ext"
    if code < 0x2B0 or 0x1E00 <= code <= 0x1EFF or 0x20A0 <= code <= 0x20C0:
        return family, "latin-ext"
    part = _slice_of(code)
    return ("noto-sans-sc", part) if part else (family, "latin")


@lru_cache(maxsize=256)
def _load(family: str, part: str, size: int, weight: int) -> ImageFont.FreeTypeFont:
    """One font file at a pixel size and weight."""
    font = ImageFont.truetype(str(_HOME / family / f"{part}.woff2"), size)
    if family in _VARIABLE:
        font.set_variation_by_axes([weight])
    return font


def font_for(char: str, face: Face, size: int, weight: int) -> ImageFont.FreeTypeFont:
    """The font that draws a character: the face itself, or the Chinese family for the rest."""
    family, part = _file_of(char, face)
    return _load(family, part, max(4, size), weight)


@lru_cache(maxsize=8192)
def has_glyph(char: str, face: Face = "sans") -> bool:
    """True when a vendored file draws this character (not the missing-glyph box)."""
    font = font_for(char, face, 48, 400)
    missing = font.getmask("\uffff")
    mask = font.getmask(char)
    if char.isspace():
        return True
    return mask.size != missing.size or bytes(mask) != bytes(missing)


def missing(text: str, face: Face) -> tuple[str, ...]:
    """Characters of the text that no vendored file draws in this face, each once."""
    return tuple(char for char in dict.fromkeys(text) if not has_glyph(char, face))


def families(face: Face) -> str:
    """Names of the families that draw a face: ``Bebas Neue and Noto Sans SC``."""
    return f"{_NAMES[_FOLDERS[face]]} and {_NAMES['noto-sans-sc']}"


_NAMES = {
    "bebas-neue": "Bebas Neue",
    "archivo-black": "Archivo Black",
    "inter": "Inter",
    "fraunces": "Fraunces",
    "noto-sans-sc": "Noto Sans SC",
}
