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
_LONE = re.compile(
    rf"[ {_SIGN}](?<={_ONE}.)(?<![a-z0-9]..)(?:(?<= )(?:{_ONE}(?!{_ONE})|[{_SIGN}])|(?<! ) ?{_ONE})"
)
"""What follows the first letter of ``_SPACED``: a quarter of the time where there is none."""
_LETTERS = re.compile(r"[^a-z0-9@$]")
HEAVY = 3
"""So many words written with a trick mean that the short ones are, too."""
_JOINT = r"[.\-_*·•~|\\^+=]"
_INSIDE = re.compile(rf"{_JOINT}(?<=[a-z]{_JOINT}){_JOINT}*+(?=[a-z])")
"""Begins with the sign itself, which is rare, so that the search skips the letters."""
_TRIPLES = AhoCorasick([letter * 3 for letter in string.ascii_lowercase])
"""A quarter of the time of the pattern, which every text pays."""
_REPEAT = re.compile(r"([a-z])\1{2,}")
_LETTERS_ON = re.compile(r"[a-z]*")
_GAPS = re.compile(r"(?<=\S)[ \t]{2,}(?=\S)")
_LATIN = re.compile(r"[a-z]+")
_TOKEN = re.compile(r"[^\s,.;:()\[\]{}\"“”<>?/]+")
_MIXED = re.compile(r"[0-9@$!|€](?:(?=[a-z])|(?<=[a-z].))")
"""A digit or sign beside a letter; begins with what is rare, so that the search skips the letters."""
_LEET = string.ascii_lowercase + string.digits + "@$!|€"
_LEET_ON = re.compile(r"[a-z0-9@$!|€]*")
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
    first = _LONE.search(text)
    if first is None:
        return
    found = _SPACED.finditer(text, first.start() - 1)
    runs = [(match, _LETTERS.sub("", match[0])) for match in found]
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
    at = 0
    for first, last, _ in repeats(text):
        if first >= at:
            start = _begins(text, at, first, string.ascii_lowercase)
            at = _goes_to(_LETTERS_ON, text, last)
            yield Edit(start, at, respell(text[start:at]))


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


def digits_for_letters(text: str, letters: Letters, most: int = 2) -> list[tuple[Edit, ...]]:
    """``k1t3`` read with letters; ``35mm``, ``4k`` and ``5th`` are left alone.

    Two answers (at most ``most``) when a sign stands for two letters (``1`` is drawn like i and
    like l), none when there is nothing to read.
    """
    mixed = [(at, word.rstrip("!|")) for at, word in _mixed(text)]
    words = [(at, word) for at, word in mixed if len(word) > 2 and _is_leet(word)]
    if len(words) >= HEAVY:
        bare = [(match.start(), match[0]) for match in _DIGITS.finditer(text)]
        words = sorted(bare + [(at, word) for at, word in mixed if word])
    if not words:
        return []
    both = not letters.leet_other.keys().isdisjoint("".join(word for _, word in words))
    tables = (letters.leet, {**letters.leet, **letters.leet_other})[: min(1 + both, most)]
    return [
        tuple(Edit(at, at + len(word), word.translate(codes)) for at, word in words)
        for codes in map(_codes, tables)
    ]


def _mixed(text: str) -> Iterator[tuple[int, str]]:
    """Words that mix letters with digits or signs, and where they start."""
    at = 0
    for match in _MIXED.finditer(text):
        if match.start() >= at:
            start = _begins(text, at, match.start(), _LEET)
            at = _goes_to(_LEET_ON, text, match.end())
            yield start, text[start:at]


def _begins(text: str, after: int, at: int, letters: str) -> int:
    """Where the run of ``letters`` begins that ends at ``at``; not before ``after``."""
    return after + len(text[after:at].rstrip(letters))


def _goes_to(run: re.Pattern[str], text: str, at: int) -> int:
    match = run.match(text, at)
    return match.end() if match else at


def _is_leet(word: str) -> bool:
    return _MIXED.search(word) is not None and not _UNIT.fullmatch(word)


def _codes(table: Mapping[str, str]) -> dict[int, str]:
    return str.maketrans(dict(table))


def look_alikes(text: str, letters: Letters) -> Iterator[Edit]:
    """Look-alike letters in words that mix alphabets; words wholly in another alphabet stay.

    A word made only of look-alikes is read as Latin too when the text is Latin otherwise.
    """
    if text.isascii() or not letters.foreign.search(text):
        return
    table = letters.lookalikes
    tokens = [m for m in _TOKEN.finditer(text) if not m[0].isascii()]
    mixed = [bool(_LATIN.search(m[0]) and letters.foreign.search(m[0])) for m in tokens]
    foreign = sum(1 for m in tokens for char in m[0] if char in table)
    latin = any(mixed) or sum(map(len, _LATIN.findall(text))) > foreign
    for match, is_mixed in zip(tokens, mixed, strict=True):
        word = match[0]
        if is_mixed or (latin and all(c in table or not c.isalpha() for c in word)):
            put = "".join(table.get(char, char) for char in word)
            if put != word:
                yield Edit(match.start(), match.end(), put)
