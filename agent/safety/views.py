"""Ways a text can be read once its spelling tricks are undone, each with a way back to the original.

A view is made of steps, and a step is either a fold (each character on its own) or a list of edits
(spans replaced). Places are mapped back only for what was found, so a clean text costs a few
pattern scans. Every pattern is a run of one character class: linear on any input.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import accumulate, pairwise
from typing import Literal, Protocol

from .decoding import Decoding, decodings
from .letters import Letters
from .spelling import Vocabulary
from .tricks import (
    HEAVY,
    Edit,
    apply,
    digits_for_letters,
    look_alikes,
    repeats,
    shortened,
    sign_runs,
    signs_inside,
    spaced_letters,
    split_han,
    stretched,
    wide_gaps,
)

Worth = Literal["always", "touched", "counted"]

MAX_CHARACTERS = 20_000
"""Longer texts are refused unread; image prompts end at 32,000 and real ones are far below."""


class Step(Protocol):
    """One change of a text that knows where its result came from."""

    def source(self, start: int, end: int) -> tuple[int, int]: ...


@dataclass(frozen=True)
class Folding:
    """``text`` folded character by character."""

    text: str
    letters: Letters

    @cached_property
    def _ends(self) -> list[int]:
        folded = map(self.letters.fold.__getitem__, map(ord, self.text))
        return list(accumulate(map(len, folded)))

    def source(self, start: int, end: int) -> tuple[int, int]:
        return bisect_right(self._ends, start), bisect_right(self._ends, end - 1) + 1


@dataclass(frozen=True)
class Editing:
    """Edits in order, none overlapping."""

    edits: tuple[Edit, ...]

    @cached_property
    def starts(self) -> list[int]:
        """Where each edit's replacement starts in the result."""
        shifts = accumulate((len(e.put) - (e.end - e.start) for e in self.edits), initial=0)
        return [edit.start + shift for edit, shift in zip(self.edits, shifts, strict=False)]

    def source(self, start: int, end: int) -> tuple[int, int]:
        return self._place(start, last=False), self._place(end - 1, last=True) + 1

    def _place(self, at: int, *, last: bool) -> int:
        index = bisect_right(self.starts, at) - 1
        if index < 0:
            return at
        edit, began = self.edits[index], self.starts[index]
        if at < began + len(edit.put):
            return edit.end - 1 if last else edit.start
        return at - began - len(edit.put) + edit.end


@dataclass(frozen=True)
class View:
    """One reading of a text. ``steps`` in the order they were made.

    ``worth``: when reading it can say something new. ``touched``: it differs from a view that is
    read anyway only by the last step, so a term must touch what that step put. ``counted``: some
    term must stand in it more often than in the view it was made from.

    ``encoding``: what the first step decoded, if it did. Views of one encoding share their first
    ``shared`` steps and so the text that these made.
    """

    name: str
    text: str
    steps: tuple[Step, ...] = ()
    worth: Worth = "always"
    encoding: str = ""
    shared: int = 0

    def locate(self, start: int, end: int) -> tuple[int, int]:
        """The span of the original that ``text[start:end]`` was made from."""
        return _source(self.steps, start, end)

    def place(self, start: int, end: int) -> tuple[int, int]:
        """The same in the text that all views of this encoding share."""
        return _source(self.steps[self.shared :], start, end)

    def edited(self, name: str, edits: Iterable[Edit], worth: Worth = "always") -> View:
        """A further view; itself when there is nothing to change."""
        edits = tuple(edits)
        if not edits:
            return self
        steps = (*self.steps, Editing(edits))
        text = apply(self.text, edits)
        return replace(self, name=name, text=text, steps=steps, worth=worth)

    @property
    def rewritten(self) -> bool:
        """Whether the view changes most of its text, or is none of those that undo a single trick."""
        if self.worth == "always":
            return True
        edits = sum(len(step.edits) for step in self.steps if isinstance(step, Editing))
        return edits * _WORDS_LENGTH > len(self.text)

    def pieces(self, reach: int) -> Iterator[tuple[str, int, int]]:
        """What the last step put, with ``reach`` characters around it and its place therein."""
        step = self.steps[-1]
        assert isinstance(step, Editing)
        for start, edit in zip(step.starts, step.edits, strict=True):
            first, last = max(0, start - reach), start + len(edit.put)
            yield self.text[first : last + reach], start - first, last - first


def _source(steps: tuple[Step, ...], start: int, end: int) -> tuple[int, int]:
    for step in reversed(steps):
        start, end = step.source(start, end)
    return start, end


_WORDS_LENGTH = 18
"""Characters of three words: a text is written with a trick when every third word is."""
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_FOREIGN = re.compile(r"([^\x00-\x7f]+)")
_APART = 8
"""Characters between foreign ones from which it is quicker to fold those alone."""


def folded(text: str, letters: Letters) -> View:
    """The plain view: width, style, case, accents, invisible characters and traditional forms gone."""
    if text.isascii() and (text.isprintable() or not _CONTROL.search(text)):
        return View("plain", text.replace("`", "'").lower())
    result = _folded(text, letters)
    name = "plain" if result == text.lower() else "folded"
    return View(name, result, (Folding(text, letters),), shared=1)


def _folded(text: str, letters: Letters) -> str:
    """``text.translate(letters.fold)``; where few characters need the table, those alone."""
    parts = _FOREIGN.split(text)
    if len(parts) * _APART > len(text) or _CONTROL.search(text):
        return text.translate(letters.fold)
    parts[::2] = [part.replace("`", "'").lower() for part in parts[::2]]
    parts[1::2] = [part.translate(letters.fold) for part in parts[1::2]]
    return "".join(parts)


_NO_WORDS = Vocabulary()


def views(
    text: str,
    letters: Letters,
    encoded: tuple[Decoding, ...] | None = None,
    words: Vocabulary = _NO_WORDS,
) -> tuple[View, ...]:
    """Every distinct reading of ``text``, the plain one first. ``text`` is within the length cap.

    ``encoded``: its ``decodings``, when the caller has them. ``words``: of the policy's terms.
    """
    found: dict[str, View] = {}
    for view in _readings(folded(text, letters), letters, words):
        found.setdefault(view.text, view)
    for name, edits in decodings(text) if encoded is None else encoded:
        plain = folded(apply(text, edits), letters)
        steps = (Editing(edits), *plain.steps)
        decoded = View(name, plain.text, steps, encoding=name, shared=len(steps))
        for view in _readings(decoded, letters, words):
            found.setdefault(view.text, view)
    return tuple(found.values())


def _readings(plain: View, letters: Letters, words: Vocabulary) -> Iterator[View]:
    yield plain.edited("plain", wide_gaps(plain.text))
    latin = plain.edited("look-alike", look_alikes(plain.text, letters))
    base = latin.edited(latin.name, wide_gaps(latin.text))
    yield base
    spaced = tuple(spaced_letters(latin.text))
    if spaced:
        base = _closed_up(latin.edited("spaced", spaced))
        yield base
    found = list(_tricks(base.text, letters, words))
    for name, edits in found:
        yield base.edited(name, edits, "touched")
    if len({name for name, _ in found}) > 1:
        yield _all_tricks(base, letters, words, found)


def _closed_up(spaced: View) -> View:
    """After the letters of a word are together, one blank between words is enough."""
    view = spaced.edited(spaced.name, sign_runs(spaced.text))
    return replace(view.edited(view.name, wide_gaps(view.text)), worth="counted")


def _tricks(
    text: str, letters: Letters, words: Vocabulary
) -> Iterator[tuple[str, tuple[Edit, ...]]]:
    """The edits that undo each trick on its own, where there are any."""
    found = [("leet", edits) for edits in digits_for_letters(text, letters)]
    found.append(("joined", tuple(signs_inside(text))))
    if not text.isascii():
        found.append(("split", tuple(split_han(text))))
    runs = repeats(text)
    if len(runs) < HEAVY:
        found += [("repeats", shortened(runs, 1)), ("repeats", shortened(runs, 2))]
    else:
        found.append(("repeats", tuple(stretched(text, words.respell))))
    found.append(("typo", tuple(Edit(*place) for place in words.typos(text))))
    return ((name, edits) for name, edits in found if edits)


def _all_tricks(
    base: View, letters: Letters, words: Vocabulary, found: list[tuple[str, tuple[Edit, ...]]]
) -> View:
    """Several tricks on one text, all undone: one after the other where they may meet in a word."""
    first = dict(reversed(found))
    placed = sorted((edit, name) for name, edits in first.items() for edit in edits)
    near = any(
        one[1] != two[1] and two[0].start - one[0].end < _WORDS_LENGTH
        for one, two in pairwise(placed)
    )
    if near or len(placed) * _WORDS_LENGTH > len(base.text):
        return _one_by_one(base, letters, words)
    return base.edited("mixed", (edit for edit, _ in placed), "counted")


def _one_by_one(base: View, letters: Letters, words: Vocabulary) -> View:
    view = base.edited("mixed", signs_inside(base.text))
    view = view.edited("mixed", stretched(view.text, words.respell))
    for edits in digits_for_letters(view.text, letters, most=1):
        view = view.edited("mixed", edits)
    view = view.edited("mixed", split_han(view.text))
    view = view.edited("mixed", (Edit(*place) for place in words.typos(view.text)))
    return replace(view, worth="counted")
