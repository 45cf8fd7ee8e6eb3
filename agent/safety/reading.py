"""What one view of a text holds: classes found, after allow-spans, negation and ages are weighed."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from math import inf
from typing import NamedTuple

from .rules import AFTER, AGE, ALLOW, ALLOW_IN, CONTEXT, CUE, LIST, SPARE, Age, Negation, Policy
from .terms import Found, Matches, gains, searchable
from .views import View

_BREAK = re.compile(r"[.;!?\n。；！？…]")
_DENYING = frozenset({CUE, LIST, AFTER})
_COMMA = re.compile(r"[,，、]")
_WORD = re.compile(r"[a-z0-9']+|[\u3400-\u9fff]+")
_NEXT = re.compile(r"[\s\-]*([a-z0-9']+|[\u3400-\u9fff]+)")
_HAN = re.compile(r"[\u3400-\u9fff]+")
_REACH = 48
"""Characters a negation reaches, list fillers included."""
_LIST_REACH = 600
"""Characters that "negative prompt: ..." reaches, within its sentence."""


class Span(NamedTuple):
    """A place in the view. ``spared``: inside an allow-span of an overlay."""

    start: int
    end: int
    spared: bool = False


@dataclass(frozen=True)
class Reading:
    """Classes found in a view, each with its places in order.

    ``excuses``: places that the view explains away, by the reserved class that says for what.
    """

    view: View
    spans: Mapping[str, tuple[Span, ...]]
    excuses: tuple[Found, ...] = ()

    def has_context(self, names: Iterable[str]) -> bool:
        return any(CONTEXT + name in self.spans for name in names)


def readings(seen: Iterable[View], policy: Policy) -> list[Reading]:
    """Of the ``views`` of a text those that can hold more than the others, read."""
    found: list[Reading] = []
    lexicon = policy.lexicon
    base: Matches = []
    for view in seen:
        if view.worth == "touched":
            if lexicon.touches(view.pieces(lexicon.longest)):
                found.append(read(view, policy))
            continue
        matches = lexicon.matches(searchable(view.text))
        if view.worth == "always":
            base = matches
        elif not gains(base, matches):
            continue
        found.append(read(view, policy, matches))
    return _excused(found)


def read(view: View, policy: Policy, matches: Matches | None = None) -> Reading:
    """One pass of the matcher over the view (or its ``matches``), then the hits alone are looked at."""
    by_kind: dict[str, list[Found]] = {}
    content: list[Found] = []
    for hit in policy.lexicon.search(searchable(view.text), matches):
        if hit.name in policy.reserved:
            by_kind.setdefault(hit.name, []).append(hit)
        else:
            content.append(hit)
    covers = {name: _Cover(hits) for name, hits in by_kind.items() if name[:6] == ALLOW}
    contexts = policy.contexts
    if covers:
        content = [hit for hit in content if hit.name in contexts or not _allowed(hit, covers)]
    affirmed = content
    if not by_kind.keys().isdisjoint(_DENYING):
        affirmed = list(_Negations(view.text, content, by_kind, policy.negation).affirmed(content))
    spared = _Cover(by_kind[SPARE]) if SPARE in by_kind else None
    spans: dict[str, list[Span]] = {}
    for hit in affirmed:
        span = Span(hit.start, hit.end, spared is not None and spared.holds(hit))
        spans.setdefault(hit.name, []).append(span)
    if AGE in spans:
        _place_ages(spans, policy.age)
    excuses = _excused_by(by_kind, content, affirmed) if by_kind else ()
    return Reading(view, {name: tuple(places) for name, places in spans.items()}, excuses)


def _excused_by(
    by_kind: Mapping[str, list[Found]], content: list[Found], affirmed: list[Found]
) -> tuple[Found, ...]:
    """Allow-spans, and what is denied."""
    allows = (hit for name, hits in by_kind.items() if name[:6] == ALLOW for hit in hits)
    unsaid = () if len(affirmed) == len(content) else set(content) - set(affirmed)
    return (*allows, *(Found(start, end, ALLOW_IN + name) for start, end, name in unsaid))


def _excused(found: list[Reading]) -> list[Reading]:
    """What one view explains away is harmless in every view: only spelling sets them apart."""
    if len(found) < 2 or not any(reading.excuses for reading in found):
        return found
    excuses: dict[str, dict[str, list[Found]]] = {}
    for reading in found:
        for start, end, name in reading.excuses:
            place = _whole(reading.view, start, end)
            if place is None:
                continue
            same = excuses.setdefault(reading.view.encoding, {})
            same.setdefault(name, []).append(Found(*place, name))
    covers = {
        encoding: {name: _Cover(sorted(spans)) for name, spans in same.items()}
        for encoding, same in excuses.items()
    }
    return [_without(reading, covers.get(reading.view.encoding, {})) for reading in found]


def _whole(view: View, start: int, end: int) -> tuple[int, int] | None:
    """Where a span stands in the shared text; ``None`` for a part of what one edit put together."""
    first, last = view.place(start, end)
    if start and view.place(start - 1, start)[1] > first:
        return None
    if end < len(view.text) and view.place(end, end + 1)[0] < last:
        return None
    return first, last


def _without(reading: Reading, covers: Mapping[str, _Cover]) -> Reading:
    spans = {
        name: tuple(span for span in places if not _excuses(reading.view, span, name, covers))
        if ALLOW in covers or ALLOW_IN + name in covers
        else places
        for name, places in reading.spans.items()
    }
    return replace(reading, spans={name: places for name, places in spans.items() if places})


def _excuses(view: View, span: Span, name: str, covers: Mapping[str, _Cover]) -> bool:
    return _allowed(Found(*view.place(span.start, span.end), name), covers)


def _allowed(hit: Found, covers: Mapping[str, _Cover]) -> bool:
    anything, own = covers.get(ALLOW), covers.get(ALLOW_IN + hit.name)
    return (anything is not None and anything.holds(hit)) or (own is not None and own.holds(hit))


class _Cover:
    """Answers "is this hit inside one of these spans" in logarithmic time."""

    def __init__(self, spans: Iterable[Found]) -> None:
        self._starts: list[int] = []
        self._reach: list[int] = []
        for span in spans:
            self._starts.append(span.start)
            self._reach.append(max(span.end, self._reach[-1] if self._reach else 0))

    def holds(self, hit: Found) -> bool:
        index = bisect_right(self._starts, hit.start) - 1
        return index >= 0 and self._reach[index] >= hit.end


class _Negations:
    """Which hits of a text are denied by it: "no X, Y or Z", "X free", "negative prompt: X, Y"."""

    def __init__(
        self, text: str, content: list[Found], cues: Mapping[str, list[Found]], negation: Negation
    ) -> None:
        self._text = text
        self._before = _outside(content, cues[CUE]) if CUE in cues else []
        self._lists = sorted(cue.end for cue in cues.get(LIST, ()))
        self._after = [cue.start for cue in cues.get(AFTER, ())]
        self._fillers = negation.fillers
        self._joiners = negation.fillers | negation.joiners

    def affirmed(self, content: list[Found]) -> Iterator[Found]:
        """The hits that stand; a denied hit carries its denial along a list."""
        carried = -1
        for hit in content:
            if self._denied(hit) or self._listed(carried, hit):
                carried = max(carried, hit.end)
            else:
                yield hit

    def _denied(self, hit: Found) -> bool:
        cue = _last(self._before, hit.start)
        if (
            cue is not None
            and hit.start - cue <= _REACH
            and self._only(cue, hit.start, self._fillers, _REACH)
            and not _COMMA.search(self._text, cue, hit.start)
        ):
            return True
        cue = _last(self._lists, hit.start)
        if (
            cue is not None
            and hit.start - cue <= _LIST_REACH
            and self._only(cue, hit.start, None, _LIST_REACH)
        ):
            return True
        index = bisect_right(self._after, hit.end - 1)
        following = self._after[index : index + 1]
        return bool(following) and not self._text[hit.end : following[0]].strip(" -:：")

    def _listed(self, carried: int, hit: Found) -> bool:
        """Whether ``hit`` is a further item of a denied list: "no X, nor Y", but not "no X, Y Z"."""
        if carried < 0 or not self._only(carried, hit.start, self._joiners, _REACH):
            return False
        word = _NEXT.match(self._text, hit.end)
        return word is None or word[1] in self._joiners or _starts_with(word[1], self._joiners)

    def _only(self, start: int, end: int, words: frozenset[str] | None, reach: int) -> bool:
        """Whether ``start`` to ``end`` is one sentence and holds nothing but ``words``."""
        if end - start > reach or _BREAK.search(self._text, start, end):
            return False
        return words is None or all(
            word in words or _all_fillers(word, words)
            for word in _WORD.findall(self._text, start, end)
        )


def _outside(content: list[Found], cues: list[Found]) -> list[int]:
    """Where cues end; one inside a term belongs to the term ("without clothes")."""
    terms = _Cover(content)
    return sorted(cue.end for cue in cues if not terms.holds(cue))


def _starts_with(run: str, words: frozenset[str]) -> bool:
    """Whether a run of Chinese begins with one of ``words``."""
    return _HAN.fullmatch(run) is not None and any(run[:n] in words for n in (1, 2, 3, 4))


def _last(ends: list[int], at: int) -> int | None:
    index = bisect_right(ends, at) - 1
    return ends[index] if index >= 0 else None


def _all_fillers(run: str, words: frozenset[str]) -> bool:
    """Chinese has no blanks: a run is fine when it is made of fillers, longest first."""
    if not _HAN.fullmatch(run):
        return False
    at = 0
    while at < len(run):
        size = next((n for n in (4, 3, 2, 1) if run[at : at + n] in words), 0)
        if not size:
            return False
        at += size
    return True


def _place_ages(spans: dict[str, list[Span]], age: Age) -> None:
    """An age counts only beside a person, and not when a thing that ages stands nearer."""
    people = sorted(span for name in age.near for span in spans.get(name, ()))
    things = sorted(span for name in age.unless for span in spans.get(name, ()))
    placed = [
        span
        for span in spans.pop(AGE)
        if _distance(span, people) <= min(age.window, _distance(span, things))
    ]
    if placed:
        spans[age.name] = sorted([*spans.get(age.name, ()), *placed])


def gap(one: Span, other: Span) -> int:
    """Characters between two spans; 0 when they touch or overlap."""
    return max(0, other.start - one.end, one.start - other.end)


def nearest(span: Span, others: list[Span] | tuple[Span, ...]) -> Span | None:
    """The span of ``others`` (in order) with the smallest gap to ``span``."""
    index = bisect_right(others, span)
    around = others[max(0, index - 1) : index + 1]
    return min(around, key=lambda other: gap(span, other), default=None)


def _distance(span: Span, others: list[Span]) -> float:
    other = nearest(span, others)
    return inf if other is None else gap(span, other)
