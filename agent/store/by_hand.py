"""A person settles what no process can: an attempt whose result is unknown."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Literal

from sqlalchemy import Connection, select, update

from ..errors import UsageError
from ..schema import Cost
from . import ledger, rows
from .ledger import OPEN, UNSETTLED
from .reaping import sum_of
from .tables import attempt, turn

LONGEST_NOTE = 500
"""Characters: a reason, not a report."""


def settle(
    connection: Connection,
    ref: str,
    *,
    billed: Literal["yes", "no"],
    cost: Cost | None,
    note: str | None,
    by: str,
    at: datetime,
) -> rows.Entry:
    """Raises ``UsageError`` unless it is ``unknown``: what is known is not rewritten."""
    entry = ledger.entry(connection, ref)
    _check(entry, note)
    if cost is not None and cost.currency != entry.reserved.currency:
        raise UsageError(
            f"{entry.id} was reserved in {entry.reserved.currency}, not in {cost.currency}.",
            hint="Budgets count one currency: write the amount in the reservation's.",
        )
    state = "completed" if entry.images else "failed"
    values: dict[str, object] = {"state": state, "billed": billed, "settled": at}
    values |= {"settled_by": by, "note": note, **rows.cost_row("cost", _cost(entry, billed, cost))}
    connection.execute(update(attempt).where(attempt.c.id == entry.id).values(values))
    if entry.turn is not None:
        _close_turn(connection, entry.turn)
    return ledger.entry(connection, entry.id)


def _check(entry: rows.Entry, note: str | None) -> None:
    if note is not None and len(note) > LONGEST_NOTE:
        raise UsageError(f"The note has {len(note)} characters; {LONGEST_NOTE} fit.")
    if entry.state in OPEN:
        raise UsageError(
            f"{entry.id} is still under way ({entry.state}).",
            hint="limner ledger unsettled says which process waits for it.",
        )
    if entry.state != "unknown":
        who = f" by {entry.settled_by}" if entry.settled_by else ""
        raise UsageError(
            f"{entry.id} is settled already{who}: {entry.state}, billed {entry.billed}.",
            hint="What is known is not rewritten.",
        )


def _cost(entry: rows.Entry, billed: str, cost: Cost | None) -> Cost:
    """Billed without saying how much stays unknown, and counts as what was reserved."""
    if billed == "no":
        return Cost(amount=Decimal(0), currency=entry.reserved.currency, basis="reported")
    return cost or Cost(currency=entry.reserved.currency)


def _close_turn(connection: Connection, which: str) -> None:
    """Once none of its attempts is unknown, neither is what became of the turn."""
    tries = select(attempt).where(attempt.c.turn == which).order_by(attempt.c.seq)
    entries = [rows.attempt_of(row) for row in connection.execute(tries).mappings()]
    if any(entry.state in UNSETTLED for entry in entries):
        return
    billed = [entry for entry in entries if entry.billed != "no"] or entries[-1:]
    values: Mapping[str, object] = {"outcome": "failed", **rows.cost_row("cost", sum_of(billed))}
    known = update(turn).where(turn.c.id == which, turn.c.outcome == "unknown")
    connection.execute(known.values(values))
