"""The policy as people meet it: each rule explained, and a file of lines tried against it.

Words of a class are counted and never listed, and no line of a file is ever repeated: both may be
read where they should not be.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from typing import Final, Literal

from .errors import NotFound, UsageError
from .safety.policy import Policy, Rule
from .safety.screen import screen
from .schema import Decision, Record
from .turn.scores import MINORS, Threshold, Thresholds

MOST_BYTES: Final = 50_000_000
_DECISIONS: Final[tuple[Decision, ...]] = ("allow", "review", "refuse")
_KEYS: Final = frozenset({"text", "decision", "rule", "id"})


class ClassCount(Record):
    """A class of words by name, and how many patterns it holds."""

    name: str
    terms: int


class RuleRecord(Record):
    """A line of ``policy list`` and ``policy explain``."""

    type: Literal["policy.rule"] = "policy.rule"
    id: str
    category: str
    severity: Decision
    """``allow``: the overlay switched it off."""
    stage: Literal["first", "second"]
    """``second``: of the moderation (``second_screen``)."""
    tunable: bool
    origin: Literal["shipped", "overlay"]
    changed: str | None = None
    """What the overlay made of a shipped rule."""
    message: str
    fix: str
    needs: tuple[tuple[ClassCount, ...], ...] = ()
    """Groups: one class of each must be found."""
    window: int | None = None
    """Characters between them; ``None``: anywhere in the text."""
    unless_context: tuple[ClassCount, ...] = ()
    unless_near: tuple[ClassCount, ...] = ()
    merge: bool = False
    """The groups may be spread over the turns that a request joins."""
    echo: bool = True
    """Whether a verdict may repeat the words."""
    signal: str | None = None
    """What of the text's form decides, where no words do."""
    scores: tuple[str, ...] = ()
    at: float | None = None


class Mismatch(Record):
    """A line of ``policy test``: what came out other than expected; never the text."""

    type: Literal["policy.mismatch"] = "policy.mismatch"
    line: int
    id: str | None
    expected: Decision
    expected_rule: str | None
    decision: Decision
    rule: str | None


class Tried(Record):
    """The last line of ``policy test``."""

    type: Literal["policy.test"] = "policy.test"
    lines: int
    mismatches: int
    policy: str
    policy_sha256: str


class Expected(Record):
    """One line of a file as it was read."""

    line: int
    text: str
    decision: Decision
    rule: str | None = None
    id: str | None = None


# ── explained ────────────────────────────────────────────────────────────────────────────────


def explained(
    policy: Policy, thresholds: Thresholds, *, shipped: Policy, shipped_thresholds: Thresholds
) -> tuple[RuleRecord, ...]:
    """Every rule as it holds now, beside how it was shipped; those switched off come last."""
    before = {rule.id: rule for rule in shipped.rules}
    told = {rule.id: rule for rule in shipped_thresholds.rules}
    rules = [_first(rule, policy, before.get(rule.id), shipped) for rule in policy.rules]
    rules += [_second(rule, told.get(rule.id)) for rule in thresholds.rules]
    known = {rule.id for rule in rules}
    gone = [_first(rule, shipped, None, shipped) for rule in shipped.rules if rule.id not in known]
    gone += [_second(rule, None) for rule in shipped_thresholds.rules if rule.id not in known]
    off = {"severity": "allow", "origin": "shipped", "changed": "switched off"}
    return (*rules, *(rule.model_copy(update=off) for rule in gone))


def find_rule(rules: Sequence[RuleRecord], wanted: str) -> RuleRecord:
    """By id; raises ``NotFound`` with the nearest names."""
    found = next((rule for rule in rules if rule.id == wanted), None)
    if found is not None:
        return found
    known = [rule.id for rule in rules]
    near = get_close_matches(wanted, known, n=3, cutoff=0.5)
    near = near or [name for name in known if wanted and wanted in name][:3]
    raise NotFound(
        f"The policy has no rule {wanted[:80]!r}.",
        candidates=tuple(near),
        hint="`limner policy list` names them all.",
    )


def _first(rule: Rule, policy: Policy, before: Rule | None, shipped: Policy) -> RuleRecord:
    contexts = tuple(f"context:{name}" for name in rule.unless_context)
    changes = _changes(rule, before, policy, shipped) if before else []
    return RuleRecord(
        id=rule.id,
        category=rule.category,
        severity=rule.severity,
        stage="first",
        tunable=rule.tunable,
        origin="overlay" if before is None else "shipped",
        changed="; ".join(changes) or None,
        message=rule.message,
        fix=rule.fix,
        needs=tuple(_counted(group, policy) for group in rule.all_of),
        window=rule.window,
        unless_context=_counted(contexts, policy),
        unless_near=_counted(rule.unless_near, policy),
        merge=rule.merge,
        echo=rule.echo,
        signal=rule.signal,
    )


def _changes(rule: Rule, before: Rule, policy: Policy, shipped: Policy) -> list[str]:
    changes = []
    if rule.severity != before.severity:
        changes.append(f"severity {before.severity} → {rule.severity}")
    for name in dict.fromkeys(name for group in rule.all_of for name in group):
        more = len(policy.classes.get(name, ())) - len(shipped.classes.get(name, ()))
        if more > 0:
            changes.append(f"{more} more in {name}")
    return changes


def _counted(names: tuple[str, ...], policy: Policy) -> tuple[ClassCount, ...]:
    return tuple(
        ClassCount(name=name.removeprefix("context:"), terms=len(policy.classes.get(name, ())))
        for name in names
    )


def _second(rule: Threshold, shipped: Threshold | None) -> RuleRecord:
    changes = []
    if shipped is not None and rule.severity != shipped.severity:
        changes.append(f"severity {shipped.severity} → {rule.severity}")
    if shipped is not None and rule.at != shipped.at:
        changes.append(f"at {shipped.at} → {rule.at}")
    return RuleRecord(
        id=rule.id,
        category=rule.category,
        severity=rule.severity,
        stage="second",
        tunable=rule.tunable,
        origin="shipped",
        changed="; ".join(changes) or None,
        message=rule.message,
        fix=rule.fix,
        echo=rule.category != MINORS,
        scores=rule.scores,
        at=rule.at,
    )


# ── tried ────────────────────────────────────────────────────────────────────────────────────


def read_lines(data: bytes, name: str) -> tuple[Expected, ...]:
    """``{"text", "decision", "rule"?, "id"?}`` per line; ``UsageError`` names the file and line."""
    if len(data) > MOST_BYTES:
        raise UsageError(f"{name}: {len(data):,} bytes, more than {MOST_BYTES:,}.")
    lines = data.decode("utf-8-sig", "replace").split("\n")
    found = tuple(
        _expected(line, number, name)
        for number, line in enumerate(lines, start=1)
        if line.strip() and not line.lstrip().startswith("#")
    )
    if not found:
        raise UsageError(f"{name}: holds no line.", hint=_FORM)
    return found


_FORM: Final = 'One JSON object a line: {"text": "…", "decision": "allow|review|refuse"}.'


def _expected(line: str, number: int, name: str) -> Expected:
    where = f"{name}:{number}"
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        raise UsageError(f"{where}: is no JSON.", hint=_FORM) from None
    if not isinstance(value, dict):
        raise UsageError(f"{where}: is no JSON object.", hint=_FORM)
    for key in set(value) - _KEYS:  # columns of one's own are welcome, a slip of the pen is not
        if near := get_close_matches(key, _KEYS, n=1, cutoff=0.7):
            raise UsageError(f"{where}: {key[:40]!r} is unknown; did you mean {near[0]!r}?")
    text, decision = value.get("text"), value.get("decision")
    if not isinstance(text, str) or decision not in _DECISIONS:
        raise UsageError(f"{where}: needs a text and a decision of its own.", hint=_FORM)
    rule, own = value.get("rule"), value.get("id")
    if not isinstance(rule, str | None) or not isinstance(own, str | int | None):
        raise UsageError(f"{where}: rule and id are texts.", hint=_FORM)
    own = None if own is None else str(own)
    return Expected(line=number, text=text, decision=decision, rule=rule, id=own)


def mismatches(lines: Sequence[Expected], policy: Policy) -> Iterator[Mismatch]:
    """Lines that end otherwise than they say: by decision, or by the rule that decided."""
    for line in lines:
        verdict = screen(line.text, policy=policy, subject="check")
        same = verdict.decision == line.decision and line.rule in (None, verdict.rule)
        if not same:
            yield Mismatch(
                line=line.line,
                id=line.id,
                expected=line.decision,
                expected_rule=line.rule,
                decision=verdict.decision,
                rule=verdict.rule,
            )


def tried(lines: Sequence[Expected], found: int, policy: Policy) -> Tried:
    """The sum of it."""
    return Tried(
        lines=len(lines),
        mismatches=found,
        policy=policy.version,
        policy_sha256=policy.sha256,
    )
