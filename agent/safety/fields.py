"""The fields of a brief, judged as one text and each by its place in it.

Nothing is hidden by being spread: over fields, far apart, or in the middle of a word.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise

from ..schema import Hit, Sha256, Verdict
from .policy import Policy
from .screen import screen

_BETWEEN = "\n"
"""A line end is a sentence's end, so that a "no" of one field denies nothing in the next."""
_WORD = 16
"""Characters of either half of a word that is looked for across two fields."""
MOST_FIELDS = 64
"""More are still judged as one text, but not each against all others."""


@dataclass(frozen=True, slots=True)
class FieldHit:
    """A finding in one field; the places in ``hit`` index that field's own text."""

    field: str
    hit: Hit


@dataclass(frozen=True, slots=True)
class FieldsVerdict:
    """``verdict`` is on all fields together (subject ``brief``) and is what is written down.

    ``fields``: those that the deciding rule is about, in order; none where it must not echo.
    """

    verdict: Verdict
    fields: tuple[str, ...] = ()
    hits: tuple[FieldHit, ...] = ()


def screen_fields(
    fields: Mapping[str, str],
    policy: Policy,
    *,
    acknowledged: tuple[str, ...] = (),
    acknowledged_by: str | None = None,
) -> FieldsVerdict:
    """Judge named texts that go out together. Never raises on any text; empty fields are harmless.

    Contexts count for the whole, as they do in one prompt. The order of the mapping is the order
    in which a reader meets the fields.
    """
    kept = {name: text for name, text in fields.items() if text.strip()}
    judged = [
        found
        for found in _readings(kept, policy, acknowledged, acknowledged_by)
        if found is not None
    ]
    worst = min(judged, key=lambda found: _rank(found.verdict, policy))
    joined = _BETWEEN.join(kept.values())
    of = Sha256(hashlib.sha256(joined.encode("utf-8", "surrogatepass")).hexdigest())
    verdict = worst.verdict.model_copy(update={"subject": "brief", "text_sha256": of})
    return FieldsVerdict(verdict, worst.fields, worst.hits)


def _rank(verdict: Verdict, policy: Policy) -> tuple[int, int]:
    """The most severe first; among equals the rule that stands first in the policy."""
    order = [rule.id for rule in policy.rules]
    place = order.index(verdict.rule) if verdict.rule in order else 0
    return ("refuse", "review", "allow").index(verdict.decision), place


def _readings(
    fields: Mapping[str, str],
    policy: Policy,
    acknowledged: tuple[str, ...],
    acknowledged_by: str | None,
) -> Iterator[FieldsVerdict | None]:
    """As lines of one text; with the words that two fields make up; each against all others."""

    def judge(text: str, context: tuple[str, ...] = ()) -> Verdict:
        return screen(
            text,
            policy=policy,
            subject="brief",
            acknowledged=acknowledged,
            acknowledged_by=acknowledged_by,
            context=context,
        )

    joined = _BETWEEN.join(fields.values())
    whole = judge(joined)
    yield _placed(whole, fields)
    if 1 < len(fields) <= MOST_FIELDS and whole.decision != "refuse":
        seams = _seams(fields, len(joined))
        yield _split_word(judge(_BETWEEN.join((joined, *(s.word for s in seams)))), seams, policy)
        for name, text in fields.items():
            others = tuple(other for key, other in fields.items() if key != name)
            yield _spread(judge(text, others), judge(text), name, policy)


def _spread(together: Verdict, alone: Verdict, name: str, policy: Policy) -> FieldsVerdict | None:
    """What a field says only together with the others, as one turn does with those before it."""
    if together.rule is None or together.rule == alone.rule:
        return None
    echo = policy.rule(together.rule).echo
    return FieldsVerdict(together, (name,) if echo else ())


# ── a word begun in one field and ended in the next ──────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class _Seam:
    """``word`` stands at ``start`` of the text that is judged; ``at`` is where its halves meet."""

    word: str
    start: int
    at: int
    fields: tuple[str, str]


def _seams(fields: Mapping[str, str], end: int) -> list[_Seam]:
    """The last word of each field run together with the first of the next."""
    found, start = [], end + len(_BETWEEN)
    for (name, text), (following, more) in pairwise(fields.items()):
        tail, head = text.split()[-1][-_WORD:], more.split()[0][:_WORD]
        found.append(_Seam(tail + head, start, start + len(tail), (name, following)))
        start += len(tail + head) + len(_BETWEEN)
    return found


def _split_word(verdict: Verdict, seams: list[_Seam], policy: Policy) -> FieldsVerdict | None:
    """Only what is refused counts: by chance two words make up a doubtful one now and then."""
    if verdict.decision != "refuse" or verdict.rule is None:
        return None
    if not policy.rule(verdict.rule).echo:
        return FieldsVerdict(verdict)
    about = dict.fromkeys(
        name
        for hit in verdict.hits
        for seam in seams
        if hit.rule == verdict.rule and hit.start < seam.at < hit.end
        for name in seam.fields
    )
    # its halves stand apart in what was written, so that there is no one place to show
    return FieldsVerdict(verdict.model_copy(update={"hits": ()}), tuple(about)) if about else None


# ── where a finding stands ───────────────────────────────────────────────────────────────────


def _placed(verdict: Verdict, fields: Mapping[str, str]) -> FieldsVerdict:
    """Each finding in the field or fields that it touches."""
    places = _places(fields)
    found = tuple(
        FieldHit(name, _within(hit, place))
        for hit in verdict.hits
        if hit.end > hit.start
        for name, place in places.items()
        if hit.start < place.stop and hit.end > place.start
    )
    about = dict.fromkeys(one.field for one in found if one.hit.rule == verdict.rule)
    return FieldsVerdict(verdict, tuple(about), found)


def _within(hit: Hit, place: range) -> Hit:
    start, end = max(hit.start, place.start), min(hit.end, place.stop)
    cut = hit.text[start - hit.start : end - hit.start]
    return hit.model_copy(
        update={"start": start - place.start, "end": end - place.start, "text": cut}
    )


def _places(fields: Mapping[str, str]) -> dict[str, range]:
    """Where each field stands in the text that they make up."""
    places, at = {}, 0
    for name, text in fields.items():
        places[name] = range(at, at + len(text))
        at += len(text) + len(_BETWEEN)
    return places
