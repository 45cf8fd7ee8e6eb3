"""One text in, one verdict out.

All hits of all views are collected and the most severe decides, never the first: one soft word
must not hide a hard one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple
from weakref import WeakKeyDictionary

from ..schema import Hit, Preamble, Sha256, Verdict
from .decoding import decodings
from .learned import Model
from .reading import Reading, Span, gap, nearest, read, readings
from .rules import Policy, Rule
from .signals import signals
from .terms import Found
from .views import MAX_CHARACTERS, View, folded, views

Subject = Literal["prompt", "merged", "revised_prompt", "brief", "file_name", "check"]

CHILDREN, PERSON, NO_PEOPLE = frozenset({"child", "minor", "girl"}), "person", "no-people"
"""Classes that choose the preamble."""

_MAX_HITS = 60
_KEPT = 2_000
"""Earlier texts whose readings are remembered."""
_KNOWN: WeakKeyDictionary[Policy, dict[bytes, tuple[Reading, ...]]] = WeakKeyDictionary()
"""What they held, by the SHA-256 of each."""
_NO_TEXT = View("plain", "")
_LONG = 20
"""Characters of a decoded text that the learned model is asked about."""


@dataclass(frozen=True)
class Finding:
    """A rule that holds, with its places in one reading; none when a signal or the context decided."""

    rule: Rule
    reading: Reading | None
    spans: tuple[Span, ...] = ()


class Examined(NamedTuple):
    """A text read: its views, what the policy finds in them, and what its form gives away.

    ``decoded``: longer texts that stood in it encoded.
    """

    views: tuple[View, ...]
    decoded: tuple[str, ...]
    readings: list[Reading]
    form: list[Finding]


class Likeness(NamedTuple):
    """What the learned model says of a view; ``text``: what of it was judged."""

    score: float
    window: tuple[int, int]
    text: str
    view: View


def bounds(text: str) -> str | None:
    """Why a text is too long to be read at all, or ``None``."""
    if len(text) <= MAX_CHARACTERS:
        return None
    return f"The text has {len(text):,} characters; at most {MAX_CHARACTERS:,} are read."


def screen(
    text: str,
    *,
    policy: Policy,
    subject: Subject = "prompt",
    acknowledged: tuple[str, ...] = (),
    acknowledged_by: str | None = None,
    context: tuple[str, ...] = (),
) -> Verdict:
    """Judge ``text``. ``context``: earlier texts the request joins it with; never raises on any text.

    ``acknowledged``: ids of ``review`` rules a person has accepted; a ``refuse`` rule ignores it.
    """
    examined = _examined(text, policy)
    here, form = examined.readings, examined.form
    before = [reading for earlier in context for reading in _before(earlier, policy)]
    found = form + _stated(policy, here, before)
    if len(found) == len(form):
        found += _resembling(examined, policy)
    accepted = dict.fromkeys(f.rule.id for f in found if _accepted(f, acknowledged))
    worst = _worst([f for f in found if f.rule.id not in accepted], policy)
    return Verdict(
        subject="merged" if context and subject == "prompt" else subject,
        decision=worst.rule.severity if worst else "allow",
        rule=worst.rule.id if worst else None,
        category=worst.rule.category if worst else None,
        message=_message(worst, text),
        fix=worst.rule.fix if worst else "",
        hits=_hits(_tellable(found, worst), text),
        preamble=_preamble(here + before),
        policy=policy.version,
        policy_sha256=policy.sha256,
        text_sha256=Sha256(_digest(text).hex()),
        acknowledged=tuple(accepted),
        acknowledged_by=acknowledged_by if accepted else None,
        overridable=worst is not None and worst.rule.severity == "review",
    )


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()


def _before(earlier: str, policy: Policy) -> tuple[Reading, ...]:
    """What an earlier text holds; worked out once, since every turn brings it along again.

    Of the text itself nothing is kept: classes and places are all that a later turn asks for.
    """
    kept, digest = _KNOWN.setdefault(policy, {}), _digest(earlier)
    known = kept.get(digest)
    if known is None:
        found = _examined(earlier[-MAX_CHARACTERS:], policy).readings
        known = tuple(Reading(_NO_TEXT, reading.spans) for reading in found)
        if len(kept) >= _KEPT:
            kept.clear()
        kept[digest] = known
    return known


def _stated(policy: Policy, here: list[Reading], before: list[Reading]) -> list[Finding]:
    """What the rules about words find, in policy order."""
    present = {name for reading in here for name in reading.spans}
    found: list[Finding] = []
    for rule, groups in policy.about_words if before else policy.led_by(present):
        for names in groups:
            if names.isdisjoint(present):
                break
        else:
            found += _matches(rule, here)
        if rule.merge and before:
            found += _merged(rule, here, before)
    return found


def _accepted(finding: Finding, acknowledged: tuple[str, ...]) -> bool:
    return finding.rule.severity == "review" and finding.rule.id in acknowledged


def _worst(found: list[Finding], policy: Policy) -> Finding | None:
    """The most severe finding; among equals the rule that stands first in the policy."""
    if not found:
        return None
    order = {rule.id: place for place, rule in enumerate(policy.rules)}
    return min(found, key=lambda f: (f.rule.severity != "refuse", order[f.rule.id]))


def _tellable(found: list[Finding], worst: Finding | None) -> list[Finding]:
    """Where the deciding rule must not echo, no other rule repeats words of the text either."""
    if worst is None or worst.rule.echo:
        return found
    return [finding for finding in found if not finding.rule.echo]


def _examined(text: str, policy: Policy) -> Examined:
    """Readings of a text and what its form alone gives away. Over-length is not read."""
    if bounds(text):
        too_long = [Finding(rule, None) for rule in policy.rules if rule.signal == "length"]
        return Examined((), (), [], too_long)
    encoded = decodings(text)
    shown = signals(text, policy.letters, encoded)
    seen = views(text, policy.letters, encoded, policy.lexicon.vocabulary)
    form = [Finding(rule, None) for rule in policy.rules if rule.signal in shown] if shown else []
    decoded = tuple(edit.put for _, edits in encoded for edit in edits if len(edit.put) > _LONG)
    return Examined(seen, decoded, readings(seen, policy), form)


def _resembling(examined: Examined, policy: Policy) -> Iterator[Finding]:
    """What the learned model says; the highest score among views worth it and decoded texts counts."""
    asking = policy.about_likeness
    if not (asking and policy.model and examined.views):
        return
    excuses = {r.view.text: r.excuses for r in examined.readings if r.excuses}
    likeness = max(_likenesses(examined, excuses, policy.model), key=lambda each: each.score)
    inside = (read(folded(text, policy.letters), policy) for text in examined.decoded)
    texts = (_unexcused(each.view.text, each.excuses) for each in inside)
    hidden = max((policy.model.score(text)[0] for text in texts), default=likeness.score)
    score = max(likeness.score, hidden)
    for rule in asking:
        least = rule.threshold or 0.0
        if score >= least and score >= _threshold(rule, examined.readings):
            places = policy.model.telling(likeness.text, *likeness.window)
            spans = tuple(Span(*place) for place in places)
            yield Finding(rule, Reading(likeness.view, {}), spans)


def _threshold(rule: Rule, here: list[Reading]) -> float:
    """Log-odds that it takes: more where the text says what it is for."""
    said = any(reading.has_context(rule.unless_context) for reading in here)
    return (rule.threshold or 0.0) + (rule.in_context if said else 0.0)


def _likenesses(
    examined: Examined, excuses: Mapping[str, tuple[Found, ...]], model: Model
) -> Iterator[Likeness]:
    seen: dict[str, tuple[int, int]] = {}
    for view in examined.views:
        if view.rewritten:
            text = _unexcused(view.text, excuses.get(view.text, ()))
            yield Likeness(*model.score(text, seen), text, view)


def _unexcused(text: str, excuses: tuple[Found, ...]) -> str:
    """The text with what it denies or means otherwise blanked out; same length."""
    for start, end, _ in excuses:
        text = text[:start] + " " * (end - start) + text[end:]
    return text


def _matches(rule: Rule, here: list[Reading]) -> Iterator[Finding]:
    """A context counts for the whole text, whichever view shows it."""
    if any(reading.has_context(rule.unless_context) for reading in here):
        return
    for reading in here:
        spans = tuple(_spans(rule, reading))
        if spans and (rule.different == 1 or _different(spans, reading.view) >= rule.different):
            yield Finding(rule, reading, spans)


def _different(spans: tuple[Span, ...], view: View) -> int:
    """How many different words; one that stands inside another is none of its own."""
    words, reach = set(), -1
    for start, end, _ in sorted(spans, key=lambda span: (span.start, -span.end)):
        if end > reach:
            words.add(view.text[start:end])
            reach = end
    return len(words)


def _group(reading: Reading, names: tuple[str, ...], rule: Rule) -> list[Span]:
    return sorted(
        span
        for name in names
        for span in reading.spans.get(name, ())
        if not (span.spared and rule.tunable)
    )


def _spans(rule: Rule, reading: Reading) -> Iterator[Span]:
    """Places where every group of the rule is present, the first group leading."""
    if not all(any(name in reading.spans for name in names) for names in rule.all_of):
        return
    lead, *others = (_group(reading, names, rule) for names in rule.all_of)
    near = _group(reading, rule.unless_near, rule)
    for span in lead:
        partners = [nearest(span, group) for group in others]
        if _within(span, partners, rule.window) and not _within_one(span, near, rule.window):
            yield span
            yield from (partner for partner in partners if partner)


def _within(span: Span, partners: list[Span | None], window: int | None) -> bool:
    return all(p is not None and (window is None or gap(span, p) <= window) for p in partners)


def _within_one(span: Span, near: list[Span], window: int | None) -> bool:
    return bool(near) and _within(span, [nearest(span, near)], window)


def _merged(rule: Rule, here: list[Reading], before: list[Reading]) -> Iterator[Finding]:
    """A combination spread over turns: something of it in the new text, the rest before."""
    if any(reading.has_context(rule.unless_context) for reading in (*here, *before)):
        return
    missing = [names for names in rule.all_of if not _shows(here, names, rule)]
    if 0 < len(missing) < len(rule.all_of) and all(
        _shows(before, names, rule) for names in missing
    ):
        yield Finding(rule, None)


def _shows(here: list[Reading], names: tuple[str, ...], rule: Rule) -> bool:
    return any(_group(reading, names, rule) for reading in here)


def _message(worst: Finding | None, text: str) -> str:
    if worst is None:
        return ""
    if worst.rule.signal == "length":
        return bounds(text) or worst.rule.message
    return worst.rule.message


def _hits(found: list[Finding], text: str) -> tuple[Hit, ...]:
    """Places in the user's own text; a rule that must not echo gives none."""
    hits: dict[tuple[str, int, int], Hit] = {}
    for finding in found:
        for start, end, view in _places(finding):
            key = (finding.rule.id, start, end)
            if key not in hits and len(hits) < _MAX_HITS:
                hits[key] = Hit(
                    rule=finding.rule.id,
                    category=finding.rule.category,
                    severity=finding.rule.severity,
                    start=start,
                    end=end,
                    text=text[start:end].encode("utf-8", "replace").decode(),
                    view=view,
                )
    return tuple(hits.values())


def _places(finding: Finding) -> Iterator[tuple[int, int, str]]:
    if finding.reading is None or not finding.rule.echo:
        yield 0, 0, "plain"
        return
    view = finding.reading.view
    for span in dict.fromkeys(finding.spans[:_MAX_HITS]):
        yield (*view.locate(span.start, span.end), view.name)


def _preamble(readings: list[Reading]) -> Preamble:
    found = {name for reading in readings for name in reading.spans}
    if found & CHILDREN:
        return "family"
    empty = NO_PEOPLE in found and not any(map(_shows_people, readings))
    return "no-people" if empty else "standard"


def _shows_people(reading: Reading) -> bool:
    """Whether a person is named outside "no people" itself."""
    denied = reading.spans.get(NO_PEOPLE, ())
    for span in reading.spans.get(PERSON, ()):
        other = nearest(span, denied)
        if other is None or gap(span, other):
            return True
    return False
