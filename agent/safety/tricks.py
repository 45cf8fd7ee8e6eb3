"""Finders of spelling tricks: each is given a folded text and yields the edits that undo one trick.

Every pattern is a run of one character class, tried at word starts only: linear on any input.
"""

from __future__ import annotations

import re
import string
from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

from ahocorasick_rs import AhoCorasick

from .letters import Letters


class Edit(NamedTuple):
    """``start``/``end`` index the text the edit is made on."""

    start: int
    end: int
    put: str


def apply(text: str, edits: tuple[Edit, ...]) -> str:
    pieces: list[str] = []
    at = 0
    for start, end, put in edits:
        pieces += (text[at:start], put)
        at = end
    return "".join((*pieces, text[at:]))


_SIGN = r".\-_*·•~|\\/^'+=:,"
_ONE = "[a-z0-9@$]"
_SPACED = re.compile(
    rf"(?<![a-z0-9])(?:{_ONE}(?: ?[{_SIGN}] ?{_ONE})++(?!{_ONE})"
    rf"|{_ONE}(?: {_ONE}(?!{_ONE}))++(?![{_SIGN}]{_ONE}))"
)
_LETTERS = re.compile(r"[^a-z0-9@$]")
HEAVY = 3
"""So many words written with a trick mean that the short ones are, too."""
_JOINT = r"[.\-_*·•~|\\^+=]"
_INSIDE = re.compile(rf"{_JOINT}(?<=[a-z]{_JOINT}){_JOINT}*+(?=[a-z])")
"""Begins with the sign itself, which is rare, so that the search skips the letters."""
_TRIPLES = AhoCorasick([letter * 3 for letter in string.ascii_lowercase])
"""A quarter of the time of the pattern, which every text pays."""
_REPEAT = re.compile(r"([a-z])\1{2,}")
_STRETCHED = re.compile(r"(?<![a-z])[a-z]*?([a-z])\1{2,}[a-z]*")
_GAPS = re.compile(r"(?<=\S)[ \t]{2,}(?=\S)")
_TOKEN = re.compile(r"[^\s,.;:()\[\]{}\"“”<>?/]+")
_LEET = re.compile(r"(?<![a-z0-9@$!|€])(?:[a-z]++[0-9@$!|€]|[0-9@$!|€]++[a-z])[a-z0-9@$!|€]*+")
"""A word that mixes letters with digits or signs; tried at word starts only, so linear."""
_MIXED = re.compile(r"[a-z][0-9@$!|€]|[0-9@$!|€][a-z]")
_DIGITS = re.compile(r"(?<![a-z0-9@$!|€])[0-9@$€]{1,4}(?![a-z0-9@$!|€])")
_UNIT = re.compile(
    r"\d+(?:st|nd|rd|th|d|k|p|px|mm|cm|km|kg|g|ml|m|in|ft|fps|hz|mb|am|pm|deg|ish)"
    r"|\d+x\d+[a-z]?|[a-z]\d+"
)
_HAN = r"\u3400-\u9fff"
_ANY = rf"[{_HAN}a-z0-9]"
_BETWEEN = r"[^\w\s，。；：！？、,;:!?()/“”\"'《》「」【】\[\]{}]"
_SPLIT_HAN = re.compile(rf"{_BETWEEN}(?<={_ANY}{_BETWEEN}){_BETWEEN}{{0,2}}(?={_ANY})")
_SPACED_HAN = re.compile(rf"(?<!{_ANY}){_ANY}(?:[ \t]{{1,2}}{_ANY})+(?!{_ANY})")
_APART = re.compile(rf"(?:^|[ \t])[{_HAN}](?!{_ANY})")
_ONE_HAN = re.compile(rf"[{_HAN}]")
_SIGN_RUNS = re.compile(rf"[{_SIGN}]{{2,}}| [-_~|/*] ")

# The finders below are given a folded text and yield edits.


def spaced_letters(text: str) -> Iterator[Edit]:
    """``k i t e`` and ``k.i.t.e`` read as one word; two gaps in a row end it.

    Pairs of letters are read only where whole words are spelled so: "x, y" is no word.
    """
    runs = [(match, _LETTERS.sub("", match[0])) for match in _SPACED.finditer(text)]
    least = 2 if sum(len(word) > 2 for _, word in runs) >= HEAVY else 3
    for match, word in runs:
        if len(word) >= least and not word.isdigit():
            yield Edit(match.start(), match.end(), word)


def signs_inside(text: str) -> Iterator[Edit]:
    """``ki-te`` and ``k.ite`` read as one word; a longer run of signs is a gap."""
    for match in _INSIDE.finditer(text):
        yield Edit(match.start(), match.end(), "" if len(match[0]) < 3 else " ")


def repeats(text: str) -> list[tuple[int, int, str]]:
    """Places of three or more of a letter, with the letter."""
    if not _TRIPLES.find_matches_as_indexes(text):
        return []
    return [(*match.span(), match[1]) for match in _REPEAT.finditer(text)]


def shortened(runs: list[tuple[int, int, str]], keep: int) -> tuple[Edit, ...]:
    """Runs of a letter read as ``keep`` of it."""
    return tuple(Edit(start, end, letter * keep) for start, end, letter in runs)


def stretched(text: str, respell: Callable[[str], str]) -> Iterator[Edit]:
    """Words with a letter repeated, each as ``respell`` reads it."""
    for match in _STRETCHED.finditer(text):
        yield Edit(match.start(), match.end(), respell(match[0]))


def sign_runs(text: str) -> Iterator[Edit]:
    """What is left between words whose letters were set apart by signs."""
    for match in _SIGN_RUNS.finditer(text):
        last = match[0][-1]
        yield Edit(match.start(), match.end(), last if last in ",:" else " ")


def wide_gaps(text: str) -> Iterator[Edit]:
    """Several blanks read as one, so that terms of two words still match."""
    if "  " not in text and "\t" not in text:
        return iter(())
    return (Edit(match.start(), match.end(), " ") for match in _GAPS.finditer(text))


def split_han(text: str) -> Iterator[Edit]:
    """Signs put between Chinese characters, and characters set apart one by one."""
    if not _ONE_HAN.search(text):
        return
    found = [
        Edit(match.start(), match.end(), "")
        for match in _SPLIT_HAN.finditer(text)
        if _ONE_HAN.search(text, match.start() - 1, match.end() + 1)
    ]
    if _APART.search(text):
        found += (
            Edit(match.start(), match.end(), "".join(match[0].split()))
            for match in _SPACED_HAN.finditer(text)
            if _ONE_HAN.search(match[0])
        )
    yield from sorted(found)


def digits_for_letters(text: str, letters: Letters) -> list[tuple[Edit, ...]]:
    """``k1t3`` read with letters; ``35mm``, ``4k`` and ``5th`` are left alone.

    Two answers when a sign stands for two letters (``1`` is drawn like i and like l), none when
    there is nothing to read.
    """
    mixed = [(match.start(), match[0].rstrip("!|")) for match in _LEET.finditer(text)]
    words = [(at, word) for at, word in mixed if len(word) > 2 and _is_leet(word)]
    if len(words) >= HEAVY:
        bare = [(match.start(), match[0]) for match in _DIGITS.finditer(text)]
        words = sorted(bare + [(at, word) for at, word in mixed if word])
    both = any(sign in word for _, word in words for sign in letters.leet_other)
    tables = (letters.leet, {**letters.leet, **letters.leet_other})[: 1 + both] if words else ()
    return [
        tuple(Edit(at, at + len(word), word.translate(codes)) for at, word in words)
        for codes in map(_codes, tables)
    ]


def _is_leet(word: str) -> bool:
    return _MIXED.search(word) is not None and not _UNIT.fullmatch(word)


def _codes(table: Mapping[str, str]) -> dict[int, str]:
    return {ord(sign): letter for sign, letter in table.items()}


def look_alikes(text: str, letters: Letters) -> Iterator[Edit]:
    """Look-alike letters in words that mix alphabets; words wholly in another alphabet stay.

    A word made only of look-alikes is read as Latin too when the text is Latin otherwise.
    """
    if not letters.foreign.search(text):
        return
    table = letters.lookalikes
    tokens = [m for m in _TOKEN.finditer(text) if not m[0].isascii()]
    mixed = [any(map(_is_latin, m[0])) and any(c in table for c in m[0]) for m in tokens]
    foreign = sum(1 for m in tokens for char in m[0] if char in table)
    latin = any(mixed) or sum(map(_is_latin, text)) > foreign
    for match, is_mixed in zip(tokens, mixed, strict=True):
        word = match[0]
        if is_mixed or (latin and all(c in table or not c.isalpha() for c in word)):
            put = "".join(table.get(char, char) for char in word)
            if put != word:
                yield Edit(match.start(), match.end(), put)


def _is_latin(char: str) -> bool:
    return "a" <= char <= "z"
