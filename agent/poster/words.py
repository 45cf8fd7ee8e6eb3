"""Whether words can be set as they are: no half characters, no hidden ones, a script we can set."""

from __future__ import annotations

import unicodedata

from ..typeset.faces import Face, families, missing
from .brief import Locale

_MOST_SHOWN = 8


def clean(text: str) -> str:
    """As it is set: composed accents, and one blank wherever there was white space."""
    return " ".join(unicodedata.normalize("NFC", text).split())


def trouble(text: str, face: Face, locale: Locale | None) -> tuple[str, str] | None:
    """(what is wrong, what to do) with a clean text in a face; ``None``: it can be set."""
    hidden = [char for char in dict.fromkeys(text) if unicodedata.category(char) in ("Cf", "Cc")]
    if hidden:
        shown = ", ".join(f"U+{ord(char):04X}" for char in hidden[:_MOST_SHOWN])
        return f"holds characters that cannot be seen: {shown}", "type the text anew"
    scripts = dict.fromkeys(
        unicodedata.name(char, "a script").split()[0].capitalize()
        for char in text
        if unicodedata.bidirectional(char) in ("R", "AL")
    )
    if scripts:
        told = f"is {' and '.join(scripts)}, written from right to left, which is not supported yet"
        return told, "leave this locale out, or place its text with other software"
    absent = missing(text, face)
    if absent:
        return _absent(absent, face, locale)
    return None


def _absent(absent: tuple[str, ...], face: Face, locale: Locale | None) -> tuple[str, str]:
    shown = ", ".join(
        f"{char!r} ({unicodedata.name(char, f'U+{ord(char):04X}').lower()})"
        for char in absent[:_MOST_SHOWN]
    )
    more = f" and {len(absent) - _MOST_SHOWN} more" if len(absent) > _MOST_SHOWN else ""
    where = f" of locale {locale}" if locale else ""
    return (
        f"{families(face)} have no glyph for {shown}{more}{where}",
        "write it with other characters",
    )
