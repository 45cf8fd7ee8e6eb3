"""The vendored typefaces for a PDF: static TrueType of the characters that are set, no more.

PDF viewers and printers read neither woff2 nor variable axes. The outlines are taken from the files
that also draw the pixels, at the weight that is drawn; the Chinese ones come from many files and
become one font for each weight.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

from ..errors import LimnerError
from ..typeset.faces import font_for
from ..typeset.setting import Type

if TYPE_CHECKING:
    from fontTools.ttLib import TTFont
    from reportlab.pdfbase.pdfmetrics import Font

_STATIC: Final = frozenset({"bebas-neue", "archivo-black"})
"""Families of one weight."""
_NAMES: Final = {"noto-sans-sc": "NotoSansSC"}


class FontError(LimnerError):
    """A typeface of ours that cannot be embedded: an installation that is not whole."""


def name_of(char: str, kind: Type) -> str:
    """The font that has a character, as the PDF calls it: ``Inter-560``."""
    family = _file_of(char, kind).parent.name
    said = _NAMES.get(family) or "".join(part.capitalize() for part in family.split("-"))
    return said if family in _STATIC else f"{said}-{kind.weight}"


def _file_of(char: str, kind: Type) -> Path:
    return Path(str(font_for(char, kind.face, 40, kind.weight).path))


def register(used: Iterable[tuple[str, Type]]) -> tuple[str, ...]:
    """Make the fonts of these characters known to the PDF library, under :func:`name_of`; sorted.

    A name is taken over from the PDF before, so one process makes one PDF at a time. ``FontError``
    when a character would be missing: better no PDF than one that leaves letters out.
    """
    from reportlab.pdfbase import pdfmetrics
    from reportlab.pdfbase.ttfonts import TTFont

    wanted: dict[str, dict[str, tuple[Path, int]]] = {}
    for char, kind in used:
        wanted.setdefault(name_of(char, kind), {})[char] = (_file_of(char, kind), kind.weight)
    for name, chars in sorted(wanted.items()):
        _forget(name)
        pdfmetrics.registerFont(TTFont(name, io.BytesIO(_made(name, chars))))
        held = vars(vars(pdfmetrics.getFont(name))["face"])["charToGlyph"]
        if left := "".join(char for char in sorted(chars) if ord(char) not in held):
            raise FontError(
                f"{name}: {left[:40]} cannot be embedded in the PDF; install the releases of "
                "reportlab and fonttools that constraints.txt names"
            )
    return tuple(sorted(wanted))


def _forget(name: str) -> None:
    """The library keeps the first font of a name, with the characters of the first PDF only.

    It has no call to take one back. Where its registries are called otherwise, :func:`register`
    notices the missing characters.
    """
    from reportlab.pdfbase import pdfmetrics

    for registry in ("_fonts", "_dynFaceNames"):
        held: dict[object, Font] = vars(pdfmetrics).get(registry, {})
        for key in [key for key, font in held.items() if font.fontName == name]:
            del held[key]


@lru_cache(maxsize=64)
def _opened(path: Path) -> TTFont:
    from fontTools.ttLib import TTFont, TTLibError

    try:
        return TTFont(path, lazy=True)
    except (OSError, TTLibError, ImportError) as error:
        raise FontError(f"{path.name}: this typeface cannot be read ({error})") from error


def _made(name: str, chars: Mapping[str, tuple[Path, int]]) -> bytes:
    """A TrueType file of these characters; the same bytes for the same ones, without a date."""
    from fontTools.fontBuilder import FontBuilder

    first = _opened(next(iter(chars.values()))[0])
    head, lines = first["head"], first["hhea"]
    build = FontBuilder(head.unitsPerEm, isTTF=True)
    glyphs, widths = _outlines(chars)
    build.setupGlyphOrder(list(glyphs))
    build.setupCharacterMap({ord(char): _glyph_name(char) for char in sorted(chars)})
    build.setupGlyf(glyphs)
    build.setupHorizontalMetrics(
        {glyph: (width, getattr(glyphs[glyph], "xMin", 0)) for glyph, width in widths.items()}
    )
    build.setupHorizontalHeader(ascent=lines.ascent, descent=lines.descent)
    build.setupNameTable({"familyName": name, "styleName": "Regular", "psName": name})
    build.setupOS2(sTypoAscender=lines.ascent, sTypoDescender=lines.descent)
    build.setupPost()
    build.font["head"].created = build.font["head"].modified = 0
    build.font.recalcTimestamp = False
    out = io.BytesIO()
    build.font.save(out)
    return out.getvalue()


def _glyph_name(char: str) -> str:
    return f"u{ord(char):05X}"


def _outlines(
    chars: Mapping[str, tuple[Path, int]],
) -> tuple[dict[str, object], dict[str, int]]:
    """Glyphs at their weight, parts joined, and their advances; ``.notdef`` is empty."""
    from fontTools.pens.ttGlyphPen import TTGlyphPen

    glyphs: dict[str, object] = {".notdef": TTGlyphPen(None).glyph()}
    widths = {".notdef": 500}
    for char in sorted(chars):
        glyph, width = _outline(char, *chars[char])
        glyphs[_glyph_name(char)], widths[_glyph_name(char)] = glyph, width
    return glyphs, widths


@lru_cache(maxsize=2048)
def _outline(char: str, path: Path, weight: int) -> tuple[object, int]:
    from fontTools.pens.recordingPen import DecomposingRecordingPen
    from fontTools.pens.ttGlyphPen import TTGlyphPen

    font = _opened(path)
    drawn = font.getGlyphSet(location={"wght": weight} if "fvar" in font else None)
    glyph = drawn[(font.getBestCmap() or {}).get(ord(char), ".notdef")]
    parts, pen = DecomposingRecordingPen(drawn), TTGlyphPen(None)
    glyph.draw(parts)
    parts.replay(pen)
    return pen.glyph(), round(glyph.width)
