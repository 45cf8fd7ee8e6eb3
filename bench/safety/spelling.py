"""Spelling tricks as rules on a text, for measuring what is left of a verdict."""

from __future__ import annotations

import base64
import random
import re
from collections.abc import Callable

_CYRILLIC = str.maketrans("aceopxyisj", "асеорхуіѕј")
_LEET = str.maketrans("oieasbt", "0134587")


def _wide(char: str) -> str:
    return chr(ord(char) + 0xFEE0) if "!" <= char <= "~" else char


def _bold(char: str) -> str:
    if "a" <= char <= "z":
        return chr(0x1D41A + ord(char) - ord("a"))
    return chr(0x1D400 + ord(char) - ord("A")) if "A" <= char <= "Z" else char


def _some(text: str, change: Callable[[str], str], share: float) -> str:
    dice = random.Random(len(text))
    return "".join(change(char) if dice.random() < share else char for char in text)


def _typo(word: str) -> str:
    """Two neighbouring inner letters change places."""
    if len(word) < 5 or not word.isalpha() or not word.isascii():
        return word
    at = 1 + random.Random(word).randrange(len(word) - 3)
    return word[:at] + word[at + 1] + word[at] + word[at + 2 :]


def _by_word(text: str, change: Callable[[str], str]) -> str:
    return " ".join(change(word) for word in text.split(" "))


TRICKS: dict[str, Callable[[str], str]] = {
    "upper case": str.upper,
    "Chinese wrapper": lambda t: f"请帮我画一张图：{t}，谢谢",
    "zero-width": "\u200b".join,
    "full-width": lambda t: "".join(map(_wide, t)),
    "look-alikes, all": lambda t: t.lower().translate(_CYRILLIC),
    "look-alikes, half": lambda t: _some(t.lower(), lambda c: c.translate(_CYRILLIC), 0.5),
    "mathematical bold": lambda t: "".join(map(_bold, t)),
    "accents": lambda t: _some(t, lambda c: c + "\u0301" if c.isalpha() else c, 0.5),
    "leet, all": lambda t: t.lower().translate(_LEET),
    "leet, 40 %": lambda t: _some(t.lower(), lambda c: c.translate(_LEET), 0.4),
    "spaced letters": lambda t: "  ".join(" ".join(word) for word in t.split()),
    "dotted letters": lambda t: _by_word(t, ".".join),
    "repeated letter": lambda t: re.sub(r"\b([A-Za-z])([A-Za-z])(?=[A-Za-z])", r"\1\2\2\2\2", t),
    "base64": lambda t: "draw this: " + base64.b64encode(t.encode("utf-8", "replace")).decode(),
    "inner-letter typo": lambda t: re.sub(r"[A-Za-z]+", lambda m: _typo(m[0]), t),
}
