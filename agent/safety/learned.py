"""A linear model over words: how much a text resembles image prompts that were labelled unsafe.

It decides nothing by itself: a rule with the signal ``learned`` asks it when no rule about words
holds, and may only ask a person. What it knows is a table of hashes with a signed byte each; the
features of ``features`` are what ``bench/safety/train.py`` trains on.
"""

from __future__ import annotations

import re
import struct
from array import array
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from math import sqrt
from operator import add
from zlib import crc32

from .spelling import jumbled

WORD = re.compile(r"[a-z][a-z']+")
BLOCK = 240
FEWEST = 8
"""A shorter text is weighed as if it had so many words: one word alone says little."""
_BEGINNINGS = (4, 5, 6)
_CACHED = 50_000
_ODD, _LOW = 2_654_435_761, 0xFFFFFFFF


def features(words: Sequence[str]) -> Iterator[int]:
    """Hashes of what a block is judged by; a word said twice counts once.

    Words, and pairs of neighbours, whatever the order of their inner letters; and how words begin.
    """
    for word in set(words):
        yield code_of(word)
        yield from beginnings(word)
    for before, after in set(pairwise(map(code_of, words))):
        yield _pair(before, after)


def code_of(word: str) -> int:
    return crc32(jumbled(word).encode())


def beginnings(word: str) -> Iterator[int]:
    """Of ``word`` the first letters, the order of all but the first left open."""
    return (
        crc32(f"#{word[0]}{''.join(sorted(word[1:size]))}".encode())
        for size in _BEGINNINGS
        if len(word) > size
    )


def _pair(before: int, code: int) -> int:
    return (before * _ODD + code) & _LOW


def blocks(text: str) -> list[tuple[int, int]]:
    """Where to cut ``text``: at a blank near every ``BLOCK`` characters, the last piece the rest.

    Two neighbours are judged together, so that a long text hides nothing.
    """
    if len(text) <= BLOCK * 1.5:
        return [(0, len(text))]
    cuts = [0]
    while len(text) - cuts[-1] > BLOCK * 1.5:
        after = cuts[-1] + BLOCK
        at = text.find(" ", after, after + BLOCK)
        cuts.append(after if at < 0 else at)
    return list(zip(cuts, [*cuts[1:], len(text)], strict=True))


class _Once(dict[str, int]):
    """A number for each word met so far, worked out once."""

    def __init__(self, number: Callable[[str], int]) -> None:
        super().__init__()
        self._number = number

    def __missing__(self, word: str) -> int:
        found = self._number(word)
        if len(self) < _CACHED:
            self[word] = found
        return found


@dataclass(frozen=True, eq=False)
class Model:
    """``weights`` in steps of ``step``; a score is a log-odds."""

    bias: float
    step: float
    weights: Mapping[int, int] = field(repr=False)
    _codes: _Once = field(init=False, repr=False)
    _befores: _Once = field(init=False, repr=False)
    """What a word adds to the number of a pair that it begins, and its number itself."""
    _known: frozenset[int] = field(init=False, repr=False)
    """Numbers of features, and the same before they are cut to 32 bits."""
    _weights: _Once = field(init=False, repr=False)
    """Of a word and of how it begins."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "_codes", _Once(code_of))
        object.__setattr__(self, "_befores", _Once(lambda word: _pair(code_of(word), 0)))
        known = frozenset(self.weights)
        object.__setattr__(self, "_known", known | {code + _LOW + 1 for code in known})
        object.__setattr__(self, "_weights", _Once(self._weight))

    def _weight(self, word: str) -> int:
        """Of a word the table knows, as a whole, however it is typed; else of how it begins."""
        whole = self.weights.get(code_of(word))
        if whole is not None:
            return whole
        return sum(self.weights.get(code, 0) for code in beginnings(word))

    @classmethod
    def unpacked(cls, bias: float, step: float, hashes: bytes, weights: bytes) -> Model:
        """From sorted little-endian 32-bit hashes and one signed byte each; ``ValueError`` if not."""
        if len(hashes) != 4 * len(weights):
            raise ValueError(f"{len(hashes)} bytes of hashes do not fit {len(weights)} weights")
        codes = struct.unpack(f"<{len(weights)}I", hashes)
        return cls(bias, step, dict(zip(codes, array("b", weights), strict=True)))

    def score(
        self, text: str, seen: dict[str, tuple[int, int]] | None = None
    ) -> tuple[float, tuple[int, int]]:
        """The highest log-odds of a window of ``text`` (a folded view), and that window.

        ``seen``: what blocks weigh, for several views of one text.
        """
        cut = blocks(text)
        parts = [self._weighed(text[start:end], {} if seen is None else seen) for start, end in cut]
        if len(parts) == 1:
            return self._odds(*parts[0]), cut[0]
        return max(
            (self._odds(one[0] + two[0], one[1] + two[1]), (start, end))
            for one, two, (start, _), (_, end) in zip(parts, parts[1:], cut, cut[1:], strict=False)
        )

    def _odds(self, total: int, count: int) -> float:
        return self.bias + self.step * total / sqrt(max(count, FEWEST))

    def _weighed(self, block: str, seen: dict[str, tuple[int, int]]) -> tuple[int, int]:
        if block not in seen:
            seen[block] = self._weigh(block)
        return seen[block]

    def _weigh(self, text: str) -> tuple[int, int]:
        """Sum of the weights, and number of words."""
        words = WORD.findall(text)
        befores = map(self._befores.__getitem__, words)
        pairs = set(map(add, befores, map(self._codes.__getitem__, words[1:]))) & self._known
        told = sum(map(self._weights.__getitem__, set(words)))
        return told + sum(self.weights[pair & _LOW] for pair in pairs), len(words)

    def telling(self, text: str, start: int, end: int, most: int = 3) -> list[tuple[int, int]]:
        """Places of the words between ``start`` and ``end`` that weigh most, in order."""
        matches = list(WORD.finditer(text, start, end))
        matches.sort(key=lambda match: -self._weights[match[0]])
        return sorted(m.span() for m in matches[:most] if self._weights[m[0]] > 0)
