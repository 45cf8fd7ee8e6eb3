"""Signs that a text hides something from the reader, whatever it says."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

from .decoding import Decoding, decodings
from .letters import Letters
from .rules import Signal

_HIDDEN = re.compile("[\U000e0000-\U000e007f]")
_FLAG = re.compile("\U0001f3f4[\U000e0030-\U000e007a]{2,6}\U000e007f")
"""Flags of England and its like are spelled with the same characters."""
_FORCED = re.compile("[\u202d\u202e]")
_UNSEEN = re.compile("[\u202d\u202e\U000e0000-\U000e007f]")
"""Both in one search."""
_WORD = re.compile(r"[^\W\d_]{3,}")
_ALPHABETS = ("LATIN", "CYRILLIC", "GREEK", "ARMENIAN", "CHEROKEE")
_READABLE = 16


def signals(text: str, letters: Letters, encoded: tuple[Decoding, ...]) -> frozenset[Signal]:
    """What ``text``, with its ``decodings``, shows. Tricks that the views undo are no signal: the words decide there."""
    return frozenset(_signals(text, letters, encoded))


def _signals(text: str, letters: Letters, encoded: tuple[Decoding, ...]) -> Iterator[Signal]:
    if not text.isascii():
        if _UNSEEN.search(text):
            if _HIDDEN.search(_FLAG.sub("", text)):
                yield "hidden-text"
            if _FORCED.search(text):
                yield "forced-direction"
        if letters.foreign.search(text):
            rare = " ".join(word for word in text.split() if not word.isascii())
            words = (word for word in _WORD.findall(rare) if letters.foreign.search(word))
            if any(map(_is_patchwork, words)):
                yield "three-alphabets"
    for _, edits in encoded:
        if any(len(edit.put) >= _READABLE and _hides_more(edit.put) for edit in edits):
            yield "nested-encoding"


def _hides_more(text: str) -> bool:
    return any(len(edit.put) >= _READABLE for _, edits in decodings(text) for edit in edits)


def _is_patchwork(word: str) -> bool:
    """Three alphabets in one word: nobody writes so."""
    names = {unicodedata.name(char, "").partition(" ")[0] for char in word}
    return len(names.intersection(_ALPHABETS)) >= 3
