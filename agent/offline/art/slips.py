"""The mistakes a model makes with letters: one per text, the same one each time."""

from __future__ import annotations

import hashlib
import random
import unicodedata
from collections.abc import Callable

from .parse import quoted
from .staged import asked_of

_TRADITIONAL = (
    "會樂書開園館學節廣東門車馬風龍國愛電燈劇義體術畫聲歡優價長時間點號週閱讀說請買賣貓尋賽場"
)
_SIMPLIFIED = (
    "会乐书开园馆学节广东门车马风龙国爱电灯剧义体术画声欢优价长时间点号周阅读说请买卖猫寻赛场"
)
_USUAL = dict(zip(_TRADITIONAL, _SIMPLIFIED, strict=True))
_OTHER = _USUAL | dict(zip(_SIMPLIFIED, _TRADITIONAL, strict=True))
_ALIKE = dict(
    zip(
        "日曰土士人入大太天夫千干己已未末王玉木本午牛",
        "曰日士土入人太大夫天干千已己末未玉王本木牛午",
        strict=True,
    )
)
_ACCENTS = {"e": "é", "a": "á", "o": "ö", "u": "ü", "i": "í", "n": "ñ", "c": "ç"}

Slip = Callable[[str, random.Random], str]


def misspelt(text: str) -> str:
    """The text with one mistake that a reader can see; it is never equal to the text."""
    rng = random.Random(hashlib.sha256(text.encode()).hexdigest())
    slips = list(_SLIPS)
    rng.shuffle(slips)
    if any(char.isdigit() for char in text) and rng.random() < 0.6:
        slips.insert(0, _digit)
    for slip in slips:
        if _plain(wrong := slip(text, rng)) != _plain(text):
            return wrong
    return text + text[-1:] if text.strip() else "I"


def misspelt_words(words: str) -> tuple[str, tuple[tuple[str, str], ...]]:
    """A request with one of the texts to be lettered misspelt, and (wrong, right) of it."""
    asked = asked_of(words)
    texts = [line.text for line in asked.painted] if asked else [text for text, _ in quoted(words)]
    if not texts:
        return words, ()
    right = texts[hashlib.sha256(words.encode()).digest()[0] % len(texts)]
    wrong = misspelt(right)
    for mark in ('"', "“", "「", "『", "《", "'"):
        if f"{mark}{right}" in words:
            return words.replace(f"{mark}{right}", f"{mark}{wrong}", 1), ((wrong, right),)
    return words, ()


_PAINT = "Paint these words exactly as written, each in its own area: "
_SIGN = '"Open daily" as line from 38% to 62% across and 47% to 52% down'


def with_a_sign(words: str) -> str:
    """A request with one more text to be lettered, which nobody asked for."""
    if _PAINT in words:
        return words.replace(_PAINT, f"{_PAINT}{_SIGN}; ", 1)
    return f"{words} {_PAINT}{_SIGN}."


def autocorrected(text: str) -> str:
    """What a careless reader makes of unusual words: accents gone, characters made the usual ones."""
    plain = "".join(_USUAL.get(char, char) for char in text)
    bare = unicodedata.normalize("NFD", plain)
    return unicodedata.normalize("NFC", "".join(c for c in bare if not unicodedata.combining(c)))


def letters(words: str) -> bool:
    """True when a request names words to be lettered."""
    asked = asked_of(words)
    return bool(asked.painted) if asked else bool(quoted(words))


def _plain(text: str) -> str:
    """What a comparison that forgives case and blanks sees."""
    return "".join(text.casefold().split())


def _places(text: str, wanted: Callable[[str], bool]) -> list[int]:
    return [i for i, char in enumerate(text) if wanted(char)]


def _digit(text: str, rng: random.Random) -> str:
    """Another figure."""
    places = _places(text, lambda char: char in "0123456789")
    if not places:
        return text
    at = rng.choice(places)
    return text[:at] + str((int(text[at]) + rng.randint(1, 8)) % 10) + text[at + 1 :]


def _swap(text: str, rng: random.Random) -> str:
    """Two neighbours change places."""
    places = [i for i in range(len(text) - 1) if text[i].isalpha() and text[i + 1].isalpha()]
    places = [i for i in places if text[i].casefold() != text[i + 1].casefold()]
    if not places:
        return text
    at = rng.choice(places)
    a, b = text[at], text[at + 1]
    if a.isupper() and b.islower():
        a, b = a.lower(), b.upper()
    return text[:at] + b + a + text[at + 2 :]


def _double(text: str, rng: random.Random) -> str:
    """A letter twice."""
    places = _places(text, str.isalpha)
    if not places:
        return text
    at = rng.choice(places)
    return text[: at + 1] + text[at].lower() + text[at + 1 :]


def _drop(text: str, rng: random.Random) -> str:
    """A letter missing."""
    places = [i for i in _places(text, str.isalpha) if i]
    if len(text) < 3 or not places:
        return text
    at = rng.choice(places)
    return text[:at] + text[at + 1 :]


def _accent(text: str, rng: random.Random) -> str:
    """An accent lost, or one too many."""
    marked = _places(text, lambda char: len(unicodedata.normalize("NFD", char)) > 1)
    if marked:
        at = rng.choice(marked)
        return text[:at] + unicodedata.normalize("NFD", text[at])[0] + text[at + 1 :]
    places = _places(text, lambda char: char in _ACCENTS)
    if not places:
        return text
    at = rng.choice(places)
    return text[:at] + _ACCENTS[text[at]] + text[at + 1 :]


def _variant(text: str, rng: random.Random) -> str:
    """Simplified for traditional or the other way, or a character that looks much the same."""
    for table in (_OTHER, _ALIKE):
        if places := _places(text, table.__contains__):
            at = rng.choice(places)
            return text[:at] + table[text[at]] + text[at + 1 :]
    return text


_SLIPS: tuple[Slip, ...] = (_swap, _double, _drop, _accent, _variant)
