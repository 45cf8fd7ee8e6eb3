"""Words as they are set, whether they can be, and what they are called as a folder."""

from __future__ import annotations

import hashlib
import re
import unicodedata

from ..typeset.faces import Face, families, missing
from .brief import Locale

_MOST_SHOWN = 8


def clean(text: str) -> str:
    """As it is set: composed accents, and one blank wherever there was white space."""
    return " ".join(unicodedata.normalize("NFC", text).split())


def slug(text: str) -> str:
    """``Café Köln 3`` → ``cafe-koln-3``; empty where no Latin letter and no digit is left."""
    plain = "".join(
        char
        for char in unicodedata.normalize("NFKD", text.casefold())
        if not unicodedata.combining(char)
    )
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:64].strip("-")


def folder_name(text: str) -> str:
    """The slug; of a text without one a hash, the same wherever it is met. Empty for no text."""
    return slug(text) or (hashlib.sha256(text.encode()).hexdigest()[:8] if text else "")


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
