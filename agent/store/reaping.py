"""What a process that ended left open: its attempts are settled, its turns closed; nothing is sent.

An intent was never sent, so it failed for free. A sent attempt is ``unknown`` and possibly billed,
unless its picture arrived: then it was drawn, and only its price is not known. An owner who turns
out to live after all (on a machine that slept) still settles it: states only move forward.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from sqlalchemy import Column, ColumnElement, Connection, func, select, update

from ..schema import (
    Attempt,
    AttemptId,
    AttemptState,
    Billed,
    Cost,
    Failure,
    Image,
    Outcome,
    SessionId,
    Turn,
    TurnId,
    Usage,
)
from . import rows
from .adopting import Caught, adopt
from .find import PathOf, images_with_bytes
from .ledger import OPEN
from .sessions import close_turn
from .tables import attempt, image, session, turn

REAPER = "reaper"
"""Who settled what nobody settles any more; people are named by their own names."""

Dead = Callable[[str | None, datetime], bool]
"""(owner, last sign of life) → nobody is there any more."""


class Reaped(NamedTuple):
    """What was left open and is not any more."""

    attempts: tuple[AttemptId, ...] = ()
    turns: tuple[TurnId, ...] = ()


def left_open(
    connection: Connection, *, dead: Dead, aside: Collection[str] = frozenset()
) -> Reaped:
    """Attempts and turns whose process is gone; a read.

    ``aside``: turns of which a picture waits outside of the store. Those that were closed without
    knowing of it are among them, for it is known now.
    """
    late = _which(connection, turn.c.id, turn.c.id.in_(aside), turn.c.outcome == "unknown")
    tries = _which(connection, attempt.c.id, attempt.c.turn.in_(late), attempt.c.state == "unknown")
    return Reaped(
        (*_attempts(connection, dead), *map(AttemptId, tries)),
        (*_turns(connection, dead), *map(TurnId, late)),
    )


def _which(
    connection: Connection, column: Column[str], some: ColumnElement[bool], how: ColumnElement[bool]
) -> list[str]:
    return list(connection.execute(select(column).where(some, how)).scalars())


def _reopen(connection: Connection, found: Reaped) -> None:
    """As their process left them when it could not write any more."""
    for which in found.turns:
        late = update(turn).where(turn.c.id == which, turn.c.outcome == "unknown")
        connection.execute(late.values(outcome=None))
    for one in found.attempts:
        sent = update(attempt).where(attempt.c.id == one, attempt.c.state == "unknown")
        connection.execute(sent.values(state="sent"))


def _attempts(connection: Connection, dead: Dead) -> Iterator[AttemptId]:
    seen = func.coalesce(attempt.c.heartbeat, attempt.c.sent, attempt.c.created)
    query = select(attempt.c.id, attempt.c.owner, seen.label("seen"))
    for row in connection.execute(query.where(attempt.c.state.in_(OPEN))):
        if dead(row.owner, row.seen):
            yield AttemptId(row.id)


def _turns(connection: Connection, dead: Dead) -> Iterator[TurnId]:
    """Open turns whose last attempt, if any, is of a dead owner; whether it is open or not.

    Before the first one it is who began the turn that counts: ``None`` for an older release.
    """
    begun = select(turn.c.id, turn.c.owner, turn.c.created).where(turn.c.outcome.is_(None))
    for row in connection.execute(begun):
        seen = func.coalesce(
            attempt.c.settled, attempt.c.heartbeat, attempt.c.sent, attempt.c.created
        )
        tries = select(attempt.c.owner, seen.label("seen")).where(attempt.c.turn == row.id)
        last = connection.execute(tries.order_by(attempt.c.seq.desc()).limit(1)).first()
        if dead(*last) if last else dead(row.owner, row.created):
            yield TurnId(row.id)


def reap(
    connection: Connection, found: Reaped, *, caught: Caught, path: PathOf, at: datetime
) -> Reaped:
    """List, settle and close what is still as it was found; what was really done."""
    _reopen(connection, found)
    adopt(connection, caught, path=path, at=at)
    settled = tuple(each for each in found.attempts if _give_up(connection, each, at=at))
    closed = tuple(each for each in found.turns if _close(connection, each, at=at))
    return Reaped(settled, closed)


# ── attempts ─────────────────────────────────────────────────────────────────────────────────


def _give_up(connection: Connection, which: AttemptId, *, at: datetime) -> bool:
    still = select(attempt).where(attempt.c.id == which, attempt.c.state.in_(OPEN))
    row = connection.execute(still).mappings().first()
    if row is None:
        return False
    entry = rows.attempt_of(row)
    pictures = _pictures(connection, entry.turn) if entry.state == "sent" else []
    values: dict[str, object] = {"settled": at, "settled_by": REAPER}
    if pictures:
        actual = pictures[0].actual.model_dump(mode="json")
        values |= {"state": "completed", "billed": "yes", "images": len(pictures), "actual": actual}
    elif entry.state == "sent":
        values |= {"state": "unknown", "billed": "possibly", "failure_code": "interrupted"}
    else:
        free = Cost(amount=Decimal(0), currency=entry.reserved.currency, basis="usage")
        values |= {"state": "failed", "billed": "no", "failure_code": "interrupted"}
        values |= rows.cost_row("cost", free)
    if entry.state == "sent":
        values |= rows.cost_row("cost", Cost(currency=entry.reserved.currency))
    connection.execute(update(attempt).where(attempt.c.id == which).values(values))
    return True


def _pictures(connection: Connection, of: TurnId | None) -> list[Image]:
    if of is None:
        return []
    query = images_with_bytes().where(image.c.turn == of).order_by(image.c.number)
    return [rows.image_of(row, "") for row in connection.execute(query).mappings()]


# ── turns ────────────────────────────────────────────────────────────────────────────────────


def _close(connection: Connection, which: TurnId, *, at: datetime) -> bool:
    """False while an attempt of it is under way, or when somebody was faster."""
    still = select(turn).where(turn.c.id == which, turn.c.outcome.is_(None))
    row = connection.execute(still).mappings().first()
    tries = select(attempt).where(attempt.c.turn == which).order_by(attempt.c.seq)
    entries = [rows.attempt_of(one) for one in connection.execute(tries).mappings()]
    if row is None or any(entry.state in OPEN for entry in entries):
        return False
    pictures = [each.id for each in _pictures(connection, which)]
    states = {entry.state for entry in entries}
    outcome = _outcome(states, drawn=bool(pictures))
    billed = [entry for entry in entries if entry.billed != "no"]
    closed = rows.turn_of(row, pictures).model_copy(
        update={
            "outcome": outcome,
            "failures": (_told(outcome, billed="possibly" if billed else "no"),),
            "usage": entries[-1].usage if entries else Usage(),
            "cost": sum_of(billed or entries[-1:]),
            "closed": at,
        }
    )
    head = _head_for(connection, closed) if outcome == "image" else closed.id
    close_turn(connection, closed, expected_head=head, at=at)
    return True


def _outcome(states: set[AttemptState], *, drawn: bool) -> Outcome:
    if drawn:
        return "image"
    by_state: tuple[tuple[AttemptState, Outcome], ...] = (
        ("unknown", "unknown"),
        ("refused", "refused"),
    )
    return next((outcome for state, outcome in by_state if state in states), "failed")


def _told(outcome: Outcome, *, billed: Billed) -> Failure:
    hints = {
        "unknown": "The server may have drawn and billed it; it is not sent again by itself. "
        "`limner ledger unsettled` says what can be done.",
        "image": "The picture that had arrived is kept.",
    }
    free = "It cost nothing, and can be asked for again." if billed == "no" else ""
    return Failure(
        code="interrupted",
        message="The process that ran this turn ended before the turn did.",
        hint=hints.get(outcome, free),
        billed=billed,
    )


def sum_of(tries: Sequence[Attempt]) -> Cost:
    """Unknown as soon as one part is; nothing at all is a known 0."""
    if not tries:
        return Cost(amount=Decimal(0), basis="usage")
    last, amounts = tries[-1].cost, [each.cost.amount for each in tries]
    known = [amount for amount in amounts if amount is not None]
    if len(known) < len(amounts):
        return last.model_copy(update={"amount": None, "basis": "unknown"})
    return last.model_copy(update={"amount": sum(known, Decimal(0))})


def _head_for(connection: Connection, closed: Turn) -> TurnId | None:
    """The head as it is, so that it moves here; but not back from a turn that came later."""
    this = select(turn.c.seq).where(turn.c.id == closed.id).scalar_subquery()
    later = select(turn.c.id).where(
        turn.c.session == closed.session, turn.c.seq > this, turn.c.outcome.in_(("image", "text"))
    )
    if connection.execute(later.limit(1)).first() is not None:
        return closed.id
    return head_of(connection, closed.session)


def head_of(connection: Connection, of: SessionId) -> TurnId | None:
    """Where the session stands."""
    found: str | None = connection.execute(
        select(session.c.head).where(session.c.id == of)
    ).scalar()
    return None if found is None else TurnId(found)
