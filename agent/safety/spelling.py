"""What the words of a policy look like when they are misspelt, so that a view can put them right."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

_SHORTEST = 5
"""Shorter words have too many neighbours that are words, too."""
_CACHED = 50_000
_LATIN = re.compile(r"[a-z]+")
_STARRED = re.compile(r"[a-z]+\*?")
_LONG = re.compile(rf"[a-z]{{{_SHORTEST},}}")
_LONGEST = 24
_FEW = 8
"""Words for which a search each is quicker than a look at every word."""
_DOUBLE = re.compile(r"([a-z])\1")
_RUN = re.compile(r"([a-z])\1{2,}")


def _words(term: str, prefix: bool) -> list[str]:
    return _LATIN.findall(term) if not prefix else _STARRED.findall(f"{term}*")


def jumbled(word: str) -> str:
    """The word with its inner letters in order: the same for every order they can be typed in."""
    return word if len(word) < _SHORTEST else word[0] + "".join(sorted(word[1:-1])) + word[-1]


class _Corrections(dict[str, str]):
    """Word → the policy's word it is a jumble of, or "" (worked out once).

    ``beginnings``: words of the policy that stand for all that begins with them. What follows is
    nobody's word, so there only two neighbours may have changed places.
    """

    def __init__(self, words: Iterable[str], beginnings: Iterable[str] = ()) -> None:
        super().__init__()
        self._known: dict[str, str] = {}
        for word in sorted(words):
            self._known.setdefault(jumbled(word), word)
            self[word] = ""
        self._beginnings = frozenset(beginnings)
        self._sizes: dict[str, tuple[int, ...]] = {
            letter: tuple(sorted({len(word) for word in self._beginnings if word[0] == letter}))
            for letter in {word[0] for word in self._beginnings}
        }

    def __missing__(self, word: str) -> str:
        if len(word) > _LONGEST:
            return ""
        found = self._known.get(jumbled(word), "") or self._begun(word)
        if len(self) < _CACHED:
            self[word] = found
        return found

    def _begun(self, word: str) -> str:
        """``word`` with two neighbours changed so that it begins as the policy has it, or ""."""
        sizes = self._sizes.get(word[0], ())
        known = self._beginnings
        if any(word[:size] in known for size in sizes):
            return ""
        for at in range(1, min(len(word) - 2, sizes[-1] if sizes else 0)):
            right = word[:at] + word[at + 1] + word[at] + word[at + 2 :]
            if any(right[:size] in known for size in sizes if size > at):
                return right
        return ""


@dataclass(frozen=True)
class Vocabulary:
    """Latin words of a policy's terms.

    ``doubled``: those with two of a letter, beginnings of words marked with a star;
    ``corrections``: what a jumbled word stands for.
    """

    doubled: frozenset[str] = frozenset()
    corrections: Mapping[str, str] = field(default_factory=dict, repr=False)

    @classmethod
    def of(cls, terms: Iterable[tuple[str, bool]]) -> Vocabulary:
        """From terms and whether each is a beginning only."""
        words = {word for term, prefix in terms for word in _words(term, prefix)}
        doubled = frozenset(word for word in words if len(word) > 5 and _DOUBLE.search(word))
        long = {word for word in words if len(word.rstrip("*")) >= _SHORTEST}
        begun = {word for word in long if word[-1] == "*"}
        return cls(doubled, _Corrections(long - begun, (word[:-1] for word in begun)))

    def respell(self, word: str) -> str:
        """A word with a letter repeated: with two of it where that is a word of ours, else one."""
        twice = _RUN.sub(r"\1\1", word)
        known = twice in self.doubled or any(
            f"{twice[:size]}*" in self.doubled for size in range(4, min(len(twice), 24) + 1)
        )
        return twice if known else _RUN.sub(r"\1", word)

    def typos(self, text: str) -> Iterator[tuple[int, int, str]]:
        """Places of words that are jumbles of a policy's word, and that word."""
        table = self.corrections
        wrong = set(filter(table.__getitem__, _LONG.findall(text))) if table else set()
        if len(wrong) > _FEW:
            spans = [match.span() for match in _LONG.finditer(text) if match[0] in wrong]
        else:
            spans = sorted(span for word in wrong for span in _places(text, word))
        for start, end in spans:
            yield start, end, table[text[start:end]]


def _places(text: str, word: str) -> Iterator[tuple[int, int]]:
    """Where ``word`` stands with no small letter before or after it."""
    end = 0
    while (start := text.find(word, end)) >= 0:
        end = start + len(word)
        if not ("a" <= text[start - 1 : start] <= "z" or "a" <= text[end : end + 1] <= "z"):
            yield start, end
