"""A brief before the safety policy: every field by its name, all of them together."""

from __future__ import annotations

from .. import ImageAgent
from ..safety.fields import FieldsVerdict, screen_fields
from ..safety.policy import Policy
from ..schema import Failure
from .brief import Brief, Problem


def fields_of(brief: Brief) -> dict[str, str]:
    """Field → its text, in the order in which a reader meets them; ``title.de`` with two locales."""
    found: dict[str, str] = {}
    several = len(brief.locales) > 1
    for line in brief.lines:
        for locale in brief.locales:
            found[f"{line.id}.{locale}" if several else line.id] = line.text[locale]
    found["motif"] = brief.motif
    found["tone"] = brief.tone
    found["notes"] = brief.notes
    found["must"] = "; ".join(brief.must)
    found["avoid"] = "; ".join(f"no {item}" for item in brief.avoid)
    found["qr"] = brief.qr.target if brief.qr else ""
    return {name: text for name, text in found.items() if text}


def screened(
    brief: Brief,
    policy: Policy,
    *,
    acknowledged: tuple[str, ...] = (),
    acknowledged_by: str | None = None,
) -> FieldsVerdict:
    """What the policy says of a brief; its ``fields`` name those that the rule is about."""
    return screen_fields(
        fields_of(brief), policy, acknowledged=acknowledged, acknowledged_by=acknowledged_by
    )


def objection(brief: Brief, found: FieldsVerdict) -> Problem | None:
    """Which field, which rule, and what to do; ``None`` when the brief may be made."""
    verdict = found.verdict
    if verdict.decision == "allow":
        return None
    first = found.fields[0] if found.fields else ""
    line = brief.where.get(first.rpartition(".")[0] or first, brief.where.get(first))
    hint = verdict.fix
    if verdict.overridable:
        hint = f"{hint} Or accept it: --acknowledge {verdict.rule}".strip()
    return Problem(
        field=", ".join(found.fields),
        line=line,
        message=f"{verdict.decision} by rule {verdict.rule}: {verdict.message}",
        hint=hint,
    )


async def refusal(
    agent: ImageAgent,
    brief: Brief,
    *,
    acknowledged: tuple[str, ...] = (),
    acknowledged_by: str | None = None,
    user: str | None = None,
) -> Failure | None:
    """A brief before the agent's policy, all fields together; the verdict is written down."""
    kit = agent.kit
    found = screened(brief, kit.policy, acknowledged=acknowledged, acknowledged_by=acknowledged_by)
    await kit.store.add_verdict(
        found.verdict, at=kit.clock.now(), session=None, turn=None, user=user
    )
    problem = objection(brief, found)
    if problem is None:
        return None
    return Failure(
        code="review" if found.verdict.decision == "review" else "policy",
        stage="policy",
        rule=found.verdict.rule,
        categories=(found.verdict.category,) if found.verdict.category else (),
        message=f"{problem.field or 'the brief'}: {problem.message} Nothing was sent.",
        hint=problem.hint,
    )
