"""Words as they are set, whether they can be, and what they are called as a folder."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Iterable
from typing import get_args

from ..typeset.faces import Face, families, missing
from .brief import Locale, Role, TypeFeel
from .styles import style_of

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


def capitals(text: str, locale: Locale) -> str:
    """In capitals as the language writes them: Turkish has a dotted one."""
    if locale.split("-")[0] in ("tr", "az"):
        text = text.replace("i", "İ")
    return text.upper()


def as_set(text: str, role: Role, feel: TypeFeel, locale: Locale) -> str:
    """In capitals where the design sets them."""
    return capitals(text, locale) if style_of(role, feel).caps else text


def trouble(
    text: str, role: Role, feel: TypeFeel, locale: Locale, *, alone: bool = True
) -> tuple[str, str] | None:
    """(what is wrong, what to do) with a clean text; ``None``: it can be set.

    ``alone``: it is the only locale, and need not be named.
    """
    hidden = [char for char in dict.fromkeys(text) if unicodedata.category(char) in ("Cf", "Cc")]
    if hidden:
        shown = ", ".join(f"U+{ord(char):04X}" for char in hidden[:_MOST_SHOWN])
        return f"holds characters that cannot be seen: {shown}", "type the text anew"
    shown = as_set(text, role, feel, locale)
    face = style_of(role, feel).kind.face
    absent = missing(shown, face)
    if scripts := _scripts(text, absent):
        told = f"is {' and '.join(scripts)}, for which there is no typeface here: only for Latin, "
        return f"{told}Chinese and kana", _ELSEWHERE
    if pairs := _MARKED.findall(shown):
        told = ", ".join(dict.fromkeys(pairs[:_MOST_SHOWN]))
        return f"has letters with marks that no typeface here sets: {told}", _OTHERWISE
    if absent:
        return _absent(absent, face, None if alone else locale), _hint(text, role, feel, locale)
    return None


_ELSEWHERE = "leave this locale out, or place its text with other software"
_OTHERWISE = "write it with other characters"
_MARKED = re.compile(r".[\u0300-\u036f\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f]+")
"""Accents that are no part of a character, once all that can be are composed."""
_OURS = frozenset(("LATIN", "CJK", "HIRAGANA", "KATAKANA", "FULLWIDTH", "HALFWIDTH"))


def _scripts(text: str, absent: Iterable[str]) -> tuple[str, ...]:
    """Names of scripts that cannot be set at all: no typeface has them, or they run to the left."""
    strange = (char for char in absent if unicodedata.category(char)[0] in "LM")
    left = (char for char in text if unicodedata.bidirectional(char) in ("R", "AL"))
    named = (unicodedata.name(char, "").partition(" ")[0] for char in (*left, *strange))
    kept = (name for name in named if name and name not in _OURS and name not in _NO_SCRIPT)
    return tuple(dict.fromkeys(name.capitalize() for name in kept))


_NO_SCRIPT = frozenset(("COMBINING", "MODIFIER", "MATHEMATICAL", "FEMININE", "MASCULINE", "DOUBLE"))


def _absent(absent: tuple[str, ...], face: Face, locale: Locale | None) -> str:
    shown = ", ".join(
        f"{char!r} ({unicodedata.name(char, f'U+{ord(char):04X}').lower()})"
        for char in absent[:_MOST_SHOWN]
    )
    more = f" and {len(absent) - _MOST_SHOWN} more" if len(absent) > _MOST_SHOWN else ""
    where = f" of locale {locale}" if locale else ""
    return f"{families(face)} have no glyph for {shown}{more}{where}"


def _hint(text: str, role: Role, feel: TypeFeel, locale: Locale) -> str:
    """Another type, where that has the characters."""
    others = [
        other
        for other in get_args(TypeFeel)
        if other != feel
        and not missing(as_set(text, role, other, locale), style_of(role, other).kind.face)
    ]
    return f"type: {' or '.join(others)} has them" if others else _OTHERWISE
