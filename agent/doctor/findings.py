"""From what came to yes, no or unknown, and from there to facts that can be saved."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Final

from pydantic import JsonValue

from ..schema import Cost
from ..settings import Settings
from ..upstream.narrowing import MEMORY_FILE, ServerMemory
from ..upstream.proved import Facts, Proved, write
from .bench import Heard
from .report import Answer, Probed

_FACTS: Final = frozenset(
    {
        "image_tool",
        "streaming",
        "partials",
        "mask",
        "tool_choice",
        "structured_output",
        "stores_responses",
        "transparency",
    }
)
"""Rows that are a fact of the same name; the others are told, or decide one together."""
_LONGEST: Final = 300


def row(fact: str, supported: Answer, evidence: str, heard: Heard | None) -> Probed:
    """One line. ``heard=None``: nothing was sent for it, or another line has its price already."""
    if heard is None:
        return Probed(fact=fact, supported=supported, evidence=evidence[:_LONGEST])
    return Probed(
        fact=fact,
        supported=supported,
        evidence=evidence[:_LONGEST],
        attempts=tuple(heard.attempts),
        cost=total(heard.costs),
    )


def drawn(fact: str, heard: Heard, *, evidence: str = "a picture came") -> Probed:
    """Yes with a picture; no where the server refused the request before any work."""
    if heard.images:
        return row(fact, "yes", evidence, heard)
    tool_gone = heard.failure is not None and heard.failure.code in _CANNOT
    return row(fact, "no" if heard.rejected or tool_gone else "unknown", why(heard), heard)


_CANNOT: Final = ("capability_missing", "not_implemented")


def yes(holds: bool) -> Answer:
    """A thing that was seen to be so, or not to be so."""
    return "yes" if holds else "no"


def why(heard: Heard) -> str:
    """What was said instead of a picture."""
    if heard.failure is None:
        return "nothing was said"
    said = heard.gathered.text.strip()
    return f"{heard.failure.message} {said!r}" if said else heard.failure.message


def refused(heard: Heard) -> bool:
    """By a provider's policy or a gateway's word list."""
    return heard.failure is not None and heard.failure.stage is not None


def total(costs: Sequence[Cost]) -> Cost:
    """Unknown as soon as one part is."""
    if not costs:
        return Cost(amount=Decimal(0), basis="usage")
    amounts = [cost.amount for cost in costs if cost.amount is not None]
    if len(amounts) < len(costs):
        return costs[-1].model_copy(update={"amount": None, "basis": "unknown"})
    return costs[-1].model_copy(update={"amount": sum(amounts, Decimal(0))})


def proved(rows: Iterable[Probed], *, base_url: str, date: str) -> Proved:
    """What was decided, with its evidence; what stayed unknown is not written down."""
    decided = {row.fact: row for row in rows if row.supported != "unknown"}
    facts: dict[str, JsonValue] = {
        name: found.supported == "yes" for name, found in decided.items() if name in _FACTS
    }
    if preamble := decided.get("preamble"):
        facts["preamble_words"] = preamble.supported == "no"
    if body := _edit_body(decided):
        facts["edit_body"] = body
    evidence = {
        name: f"{date}, {found.supported}: {found.evidence}"
        + (f" ({', '.join(found.attempts)})" if found.attempts else "")
        for name, found in decided.items()
    }
    return Proved(
        base_url=base_url, probed=date, facts=Facts.model_validate(facts), evidence=evidence
    )


def save(settings: Settings, name: str, found: Proved) -> Path:
    """For the profile of that name, which reads it from then on; what answers showed is forgotten.

    Raises ``SettingsError`` when the file cannot be written.
    """
    path = write(settings.config_dir, name, found)
    ServerMemory(settings.data_dir / MEMORY_FILE).forget(found.base_url)
    return path


def _edit_body(decided: dict[str, Probed]) -> str | None:
    """Forms wherever they work: they are what most clients send (R34)."""
    for body in ("multipart", "json"):
        found = decided.get(f"edit_{body}")
        if found is not None and found.supported == "yes":
            return body
    return None
