"""A verdict does not change with the spelling, in either direction."""

from __future__ import annotations

import base64
import random
import re
from collections.abc import Callable

import pytest

from agent.safety import Policy, screen

from .lines import LINES, name_of, text_of

Trick = Callable[[str], str]

CYRILLIC = str.maketrans("aceopxyisj", "асеорхуіѕј")
LEET = str.maketrans("oieasbt", "0134587")


def by_word(change: Callable[[str], str]) -> Trick:
    return lambda text: " ".join(change(word) for word in text.split(" "))


def bold(char: str) -> str:
    if "a" <= char <= "z":
        return chr(0x1D41A + ord(char) - ord("a"))
    return chr(0x1D400 + ord(char) - ord("A")) if "A" <= char <= "Z" else char


def wide(char: str) -> str:
    return chr(ord(char) + 0xFEE0) if "!" <= char <= "~" else char


def accented(text: str) -> str:
    dice = random.Random(7)
    return "".join(c + "\u0301" if c.isalpha() and dice.random() < 0.5 else c for c in text)


def second_letter_four_times(text: str) -> str:
    return re.sub(r"\b([A-Za-z])([A-Za-z])(?=[A-Za-z])", r"\1\2\2\2\2", text)


ENGLISH: dict[str, Trick] = {
    "upper case": str.upper,
    "zero-width": "\u200b".join,
    "soft hyphen": "\u00ad".join,
    "full-width": lambda text: "".join(map(wide, text)),
    "homoglyph": lambda text: text.lower().translate(CYRILLIC),
    "math bold": lambda text: "".join(map(bold, text)),
    "accents": accented,
    "leet": lambda text: text.lower().translate(LEET),
    "spaced": lambda text: "  ".join(" ".join(word) for word in text.split()),
    "dotted": by_word(".".join),
    "repeats": second_letter_four_times,
    "wide gaps": lambda text: text.replace(" ", "   "),
    "base64": lambda text: "draw this: " + base64.b64encode(text.encode()).decode(),
    "percent": lambda text: "".join(f"%{byte:02x}" for byte in text.encode()),
    "entities": lambda text: "".join(f"&#{ord(char)};" for char in text),
    "escapes": lambda text: "".join(f"\\u{ord(char):04x}" for char in text),
}

CHINESE: dict[str, Trick] = {
    "zero-width": "\u200b".join,
    "spaced": " ".join,
    "signs between": "*".join,
    "base64": lambda text: "画:" + base64.b64encode(text.encode()).decode(),
    "entities": lambda text: "".join(f"&#x{ord(char):x};" for char in text),
}

CASES = [
    pytest.param(lang, trick, id=f"{lang} {name}")
    for lang, tricks in (("en", ENGLISH), ("zh", CHINESE))
    for name, trick in tricks.items()
]


@pytest.mark.parametrize(("lang", "trick"), CASES)
def test_a_trick_changes_nothing(lang: str, trick: Trick, shipped: Policy) -> None:
    changed = []
    for line in (line for line in LINES if line["lang"] == lang):
        verdict = screen(trick(text_of(line)), policy=shipped)
        kind = line["kind"] if verdict.rule else None
        if (verdict.decision, verdict.category) != (line["decision"], kind):
            changed.append((name_of(line), verdict.decision, verdict.rule))
    assert not changed, changed


def test_hits_point_into_the_text_as_it_was_written(shipped: Policy) -> None:
    line = next(line for line in LINES if line["decision"] == "review")
    for trick in ENGLISH.values():
        text = trick(text_of(line))
        hits = screen(text, policy=shipped).hits
        assert hits
        assert all(hit.text == text[hit.start : hit.end] for hit in hits)
