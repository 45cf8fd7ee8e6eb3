"""What the tools answer that draw nothing: a verdict, a session."""

from __future__ import annotations

import json
from collections.abc import Sequence

from mcp_types import CallToolResult

from ...schema import Image, ImageId, Session, Turn, Verdict
from .answers import result
from .receipts import picture_of, price_of
from .schemas import Checked, Finding, PastTurn, Shown


def checked(verdict: Verdict) -> CallToolResult:
    """What the screen says of a text."""
    structured = Checked(
        decision=verdict.decision,
        rule=verdict.rule,
        category=verdict.category,
        message=verdict.message,
        fix=verdict.fix,
        a_person_may_acknowledge=verdict.overridable,
        findings=tuple(
            Finding(rule=hit.rule, severity=hit.severity, text=hit.text) for hit in verdict.hits
        ),
        policy=verdict.policy,
    )
    rule = f", rule {verdict.rule}" if verdict.rule else ""
    lines = [f"{verdict.decision}{rule}", verdict.message, verdict.fix and f"fix: {verdict.fix}"]
    if verdict.overridable:
        lines.append("A person is asked before it is drawn; you cannot acknowledge it for them.")
    return result(structured, lines)


def shown(
    session: Session,
    turns: Sequence[Turn],
    images: Sequence[Image],
    *,
    newest: ImageId | None,
    limit: int,
    others: Sequence[str],
) -> CallToolResult:
    """A session's newest turns and pictures."""
    kept, kept_images = turns[-limit:], images[-limit:]
    made: dict[str, list[str]] = {}
    for image in images:
        made.setdefault(image.turn or "", []).append(image.id)
    structured = Shown(
        session=session.id,
        session_name=session.name,
        newest_image=newest,
        turns=tuple(_past(turn, made.get(turn.id, [])) for turn in kept),
        images=tuple(picture_of(image, session=session.name) for image in kept_images),
        left_out=len(turns) - len(kept),
        others=tuple(others),
    )
    lines = [f"{session.name} ({session.id}): {len(turns)} turns, {len(images)} pictures"]
    numbers = {image.id: f"@{image.number}" for image in images}
    for turn in kept:
        pictures = " ".join(f"{numbers[ImageId(i)]} {i}" for i in made.get(turn.id, []))
        prompt = json.dumps(_short(turn.prompt), ensure_ascii=False)
        lines.append(f"{turn.id} {turn.outcome or 'under way'} {prompt} {pictures}".rstrip())
    brought = (image for image in kept_images if image.turn is None)
    lines += [f"@{image.number} {image.id} a file that was brought along" for image in brought]
    lines.append(f"newest picture: {newest}" if newest else "no picture yet")
    if others:
        lines.append(f"other sessions here: {', '.join(others)}")
    return result(structured, lines)


def _past(turn: Turn, images: Sequence[str]) -> PastTurn:
    problem = turn.failures[-1] if turn.failures and not images else None
    return PastTurn(
        turn=turn.id,
        intent=turn.intent,
        prompt=turn.prompt,
        outcome=turn.outcome,
        text=turn.text.strip(),
        images=tuple(images),
        cost=price_of(turn.cost) if turn.outcome else None,
        error=f"{problem.code}: {problem.message}" if problem else None,
    )


def _short(text: str, most: int = 120) -> str:
    line = " ".join(text.split())
    return line if len(line) <= most else f"{line[: most - 1]}…"
