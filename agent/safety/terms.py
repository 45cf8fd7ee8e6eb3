"""The little language of policy terms, and the one matcher that finds all of them in one pass.

    kite            the word; letters or digits on either side of a Latin end do not match
    kite[s]         kite, kites            [a|b] optional
    bod(y|ies)      body, bodies           (a|b) one of
    flutter*        any word that starts so

Chinese needs no blanks around it. A blank in a term also matches a hyphen or a line end.
"""

from __future__ import annotations

import itertools
import math
import re
import string
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Mapping
from functools import cached_property
from operator import itemgetter
from typing import NamedTuple

from ahocorasick_rs import AhoCorasick

from .letters import Letters
from .spelling import Vocabulary

_MAX_FORMS = 200
_PIECE = re.compile(r"\[([^\[\]()]*)\]|\(([^\[\]()]*)\)|([^\[\]()]+)")
_BLANKS = "-_/\n\r\t"
_BLANK = ("", " ")
_WORD = frozenset(string.ascii_lowercase + string.digits)
_NUMERALS = frozenset("0123456789零一二三四五六七八九十百千两几多")


Matches = list[tuple[int, int, int]]
"""Number of the pattern, start and end, as the matcher gives them."""


class Found(NamedTuple):
    """``name`` is a class; ``start``/``end`` index the text that was searched."""

    start: int
    end: int
    name: str


class Pattern(NamedTuple):
    """One expanded term. ``number``: starts with a numeral, so no numeral may stand before it."""

    text: str
    prefix: bool
    number: bool


def searchable(text: str) -> str:
    """Same length; hyphens, underscores and line ends are blanks."""
    for sign in _BLANKS:
        text = text.replace(sign, " ")
    return text


def expand(term: str) -> tuple[str, ...]:
    """Every form a term stands for. ``ValueError`` says what is wrong with it."""
    if term.isalpha():
        return (term,)
    pieces: list[tuple[str, ...]] = []
    at = 0
    for match in _PIECE.finditer(term):
        if match.start() != at:
            break
        at = match.end()
        optional, choice, plain = match.groups()
        if plain is not None:
            pieces.append((plain,))
        elif optional is not None:
            pieces.append(("", *optional.split("|")))
        else:
            pieces.append(tuple(choice.split("|")))
    if at != len(term):
        raise ValueError(f"{term!r} has an unbalanced or nested bracket")
    count = math.prod(map(len, pieces))
    if count > _MAX_FORMS:
        raise ValueError(f"{term!r} stands for {count} forms; write it as several terms")
    return tuple(dict.fromkeys("".join(form).strip() for form in itertools.product(*pieces)))


def compile_term(term: str, letters: Letters, *, number: bool = False) -> tuple[Pattern, ...]:
    """The patterns of one term, folded as texts are. ``ValueError`` says what is wrong with it."""
    patterns = []
    for form in _forms(term, letters):
        prefix = form.endswith("*")
        text = form.removesuffix("*").strip()
        if "*" in text:
            raise ValueError(f"{term!r} has a * that is not at the end of a word")
        if len(text) < (4 if prefix else 2) and (text.isascii() or not text or prefix):
            raise ValueError(f"{term!r} is too short: it would match in too many words")
        patterns.append(Pattern(text, prefix, number))
    return tuple(patterns)


def _forms(term: str, letters: Letters) -> Iterable[str]:
    """Every form, folded and searchable; letter by letter, so plain ones before they are many."""
    if term.isascii() and term.isprintable():
        return expand(searchable(term.lower().replace("`", "'")))
    return (searchable(form.translate(letters.fold)) for form in expand(term))


class Lexicon:
    """All patterns of a policy with the classes they belong to."""

    def __init__(self, classes: Mapping[str, Iterable[Pattern]]) -> None:
        names: dict[Pattern, list[str]] = {}
        for name, patterns in classes.items():
            for pattern in patterns:
                names.setdefault(pattern, []).append(name)
        self._patterns = tuple(names)
        self._names = tuple(tuple(dict.fromkeys(found)) for found in names.values())
        self._edges = tuple(map(_edges, names))

    @cached_property
    def _matcher(self) -> AhoCorasick:
        return AhoCorasick([pattern.text for pattern in self._patterns])

    @cached_property
    def vocabulary(self) -> Vocabulary:
        """The words of all terms, for reading misspelt ones."""
        return Vocabulary.of((pattern.text, pattern.prefix) for pattern in self._patterns)

    @cached_property
    def longest(self) -> int:
        """Characters of the longest pattern."""
        return max(len(pattern.text) for pattern in self._patterns)

    def touches(self, pieces: Iterable[tuple[str, int, int]]) -> bool:
        """Whether a term in any piece reaches the place ``start``..``end`` of that piece.

        Pieces are short, so they are searched as one text: a call costs more than its text.
        """
        texts, places, at = [], [], 0
        for text, start, end in pieces:
            texts.append(text)
            places.append((at + start, at + end))
            at += len(text) + 1
        joined = searchable("\n".join(texts))
        starts = [start for start, _ in places]
        for index, start, end in self.matches(joined):
            place = bisect_right(starts, end) - 1
            if (
                place >= 0
                and places[place][1] >= start
                and _stands_alone(joined, start, end, self._edges[index])
            ):
                return True
        return False

    def matches(self, text: str) -> Matches:
        """Every place of a term in ``text`` (already ``searchable``), inside words too."""
        return self._matcher.find_matches_as_indexes(text, overlapping=True)

    def search(self, text: str, matches: Matches | None = None) -> list[Found]:
        """Every term in ``text`` (already ``searchable``), in order of start.

        ``matches``: those of ``text``, when the caller has them.
        """
        names, edges = self._names, self._edges
        found = [
            Found(start, end, name)
            for index, start, end in (self.matches(text) if matches is None else matches)
            if _stands_alone(text, start, end, edges[index])
            for name in names[index]
        ]
        found.sort()
        return found


def gains(before: Matches, after: Matches) -> bool:
    """Whether some term matches more often in ``after`` than in ``before``."""
    return bool(_counts(after) - _counts(before))


def _counts(matches: Matches) -> Counter[int]:
    return Counter(map(itemgetter(0), matches))


class _Edges(NamedTuple):
    """Which sides of a pattern must not go on: as a word before and after, as a number before."""

    opens: bool
    closes: bool
    number: bool


def _edges(pattern: Pattern) -> _Edges:
    text = pattern.text
    return _Edges(text[0] in _WORD, not pattern.prefix and text[-1] in _WORD, pattern.number)


def _stands_alone(text: str, start: int, end: int, edges: _Edges) -> bool:
    opens, closes, number = edges
    if start and (before := text[start - 1]) != " ":
        if opens and _goes_on(before):
            return False
        if number and before in _NUMERALS:
            return False
    return not closes or text[end : end + 1] in _BLANK or not _goes_on(text[end])


def _goes_on(char: str) -> bool:
    """Whether ``char`` beside a Latin letter is one word with it: any alphabet but Chinese."""
    return char in _WORD or ("\x7f" < char < "\u1e00" and char.isalpha())
