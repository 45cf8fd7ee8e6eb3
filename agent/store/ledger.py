"""Attempts: reserved before they are sent, settled once, never priced here.

What an attempt counts against a budget: while it is open or its result is unknown, what was
reserved for it; once settled, what it cost if it was or may have been billed (what was reserved,
where nobody told the cost); nothing if it was not. Amounts are only added within one currency,
the one that the new attempt is reserved in.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from sqlalchemy import (
    ColumnElement,
    Connection,
    RowMapping,
    and_,
    bindparam,
    case,
    false,
    func,
    insert,
    or_,
    select,
    update,
)

from ..errors import NotFound, StoreError, UsageError
from ..schema import Attempt, AttemptId, Failure, SessionId, TurnId
from . import idempotency, rows, sessions
from .tables import attempt

Caps = Mapping[str, Decimal]
OPEN = ("intent", "sent")
UNSETTLED = (*OPEN, "unknown")
RANK = {"intent": 0, "sent": 1, "unknown": 2, "completed": 3, "refused": 3, "failed": 3}
"""States only move to a higher rank, so an unknown result can still become known."""

SHORTEST = len("att_") + 4
"""Fewer characters of an id have to be all of them."""


# Built once: what a statement says is put together anew by each call of ``update``.
_WHICH = attempt.c.id == bindparam("which")
_INSERT = insert(attempt)
_UPDATE = update(attempt).where(_WHICH)
_SEND = _UPDATE.where(attempt.c.state == "intent")
_STATE = select(attempt.c.state).where(_WHICH)


def _same(name: str, value: str | None) -> ColumnElement[bool]:
    return false() if value is None else attempt.c[name] == value


def _same_day(new: Attempt) -> ColumnElement[bool]:
    start = new.created.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return and_(attempt.c.created >= start, attempt.c.created < start + timedelta(days=1))


SCOPES: dict[str, Callable[[Attempt], ColumnElement[bool]]] = {
    "turn": lambda new: _same("turn", new.turn),
    "session": lambda new: _same("session", new.session),
    "day": _same_day,
    "key": lambda new: _same("key_fingerprint", new.key_fingerprint),
    "user": lambda new: _same("user", new.user),
    "tenant": lambda new: _same("tenant", new.tenant),
    "batch": lambda new: _same("batch", new.batch),
    "brief": lambda new: and_(_same("batch", new.batch), _same("brief", new.brief)),
    "tenant_day": lambda new: and_(_same("tenant", new.tenant), _same_day(new)),
}
"""What a budget can be about. ``day`` is the UTC day, over every process on this store."""


def reserve(
    connection: Connection, new: Attempt, *, caps: Caps, dry: bool = False
) -> Failure | None:
    """Write the intent (not when ``dry``), or say which budget forbids it and write nothing."""
    for scope, cap in caps.items():
        if refusal := _refusal(connection, new, scope, cap):
            return refusal
    if dry:
        return None
    if new.turn is not None and _is_given_away(connection, new.turn):
        return _GIVEN_AWAY
    connection.execute(_INSERT, rows.attempt_row(new) | {"state": "intent"})
    return None


def _is_given_away(connection: Connection, which: TurnId) -> bool:
    """Looked at only where others have closed the turn; it is open again."""
    return sessions.reopen(connection, which) and idempotency.is_given_away(connection, which)


_GIVEN_AWAY = Failure(
    code="interrupted",
    message="This request was given up for dead before it was sent, and another process has sent it "
    "under the same key.",
    hint="Nothing was sent here. Ask with the same key for what that came to.",
)


def _refusal(connection: Connection, new: Attempt, scope: str, cap: Decimal) -> Failure | None:
    if scope not in SCOPES:
        raise UsageError(f"no budget can be about {scope!r}", hint="One of " + ", ".join(SCOPES))
    needed, currency = new.reserved.amount, new.reserved.currency
    if needed is None:
        return Failure(
            code="budget",
            message=f"The price of this request is not known, so the {scope} budget of "
            f"{cap} {currency} cannot be kept. Nothing was sent.",
            hint=f'Give the server its prices: prices = "…" in [profiles.{new.profile}] names a '
            "table of yours (docs/prices.md); or take the budget off.",
        )
    spent, reserved = _owed(connection, SCOPES[scope](new), currency)
    if spent + reserved + needed <= cap:
        return None
    return Failure(
        code="budget",
        message=f"The {scope} budget of {cap} {currency} does not cover this request: "
        f"{spent} spent, {reserved} reserved, up to {needed} needed. Nothing was sent.",
        hint="Ask again when what is under way has ended; limner ledger unsettled names what may be "
        "billed."
        if spent + needed <= cap
        else f"Raise the {scope} budget, or ask for a smaller size or a lower quality.",
    )


def _owed(
    connection: Connection, scope: ColumnElement[bool], currency: str
) -> tuple[Decimal, Decimal]:
    """(spent, reserved) within a scope. Added in here because no SQLite sum of these is exact."""
    counts = or_(attempt.c.state.in_(UNSETTLED), attempt.c.billed != "no")
    held = attempt.c.state.in_(UNSETTLED)
    priced = attempt.c.cost_amount.is_not(None)
    use_cost = or_(and_(priced, ~held), attempt.c.reserved_amount.is_(None))
    amount = case((use_cost, attempt.c.cost_amount), else_=attempt.c.reserved_amount)
    in_currency = case((use_cost, attempt.c.cost_currency), else_=attempt.c.reserved_currency)
    query = select(held, amount, func.count()).where(scope, counts, in_currency == currency)
    sums = {True: Decimal(0), False: Decimal(0)}
    for is_held, value, times in connection.execute(query.group_by(held, amount)):
        if value is not None:
            sums[bool(is_held)] += value * times
    return sums[False], sums[True]


def mark_sent(connection: Connection, which: AttemptId, *, at: datetime, bytes_sent: int) -> None:
    """Raises ``StoreError`` for anything but an intent: what was given up may not be sent.

    A process that slept can find that its intent counts as failed and its reservation as free.
    """
    sent = {"state": "sent", "billed": "possibly", "sent": at, "bytes_sent": bytes_sent}
    changed = connection.execute(_SEND, sent | {"which": which, "heartbeat": at})
    if changed.rowcount == 1:
        return
    raise StoreError(
        f"attempt {which} is {_state(connection, which)} and cannot be sent any more",
        hint="Nothing was sent. Ask for the picture again.",
    )


def beat(connection: Connection, which: AttemptId, *, at: datetime) -> None:
    """Its process still waits for the answer; nothing happens once it is settled."""
    row = update(attempt).where(attempt.c.id == which, attempt.c.state.in_(OPEN))
    connection.execute(row.values(heartbeat=at))


def settle(connection: Connection, ended: Attempt) -> None:
    """Raises ``NotFound`` for an attempt that was never reserved."""
    if RANK[ended.state] <= RANK[_state(connection, ended.id)]:
        return
    values = rows.attempt_row(ended)
    for fixed in ("id", "created", "reserved_amount", "reserved_currency", "reserved_basis"):
        del values[fixed]
    for kept in ("sent", "bytes_sent", "heartbeat", "owner"):
        if values[kept] is None:
            del values[kept]
    connection.execute(_UPDATE, values | {"which": ended.id})


def _state(connection: Connection, which: AttemptId) -> str:
    state = connection.execute(_STATE, {"which": which}).scalar()
    if state is None:
        raise NotFound(f"there is no attempt {which}", hint="limner ledger lists them.")
    return str(state)


def attempts(
    connection: Connection,
    *,
    session: SessionId | None = None,
    turn: TurnId | None = None,
    since: datetime | None = None,
    unsettled: bool = False,
) -> list[Attempt]:
    """Oldest first; every condition given must hold."""
    query = select(attempt).order_by(attempt.c.seq)
    if session is not None:
        query = query.where(attempt.c.session == session)
    if turn is not None:
        query = query.where(attempt.c.turn == turn)
    if since is not None:
        query = query.where(attempt.c.created >= since)
    if unsettled:
        query = query.where(attempt.c.state.in_(UNSETTLED))
    return [rows.attempt_of(row) for row in connection.execute(query).mappings()]


def one(connection: Connection, ref: str) -> Attempt:
    """By id or its unambiguous beginning; raises ``NotFound`` with candidates."""
    return rows.attempt_of(_found(connection, ref))


def entry(connection: Connection, ref: str) -> rows.Entry:
    """The same with who settled it."""
    return rows.entry_of(_found(connection, ref))


def _found(connection: Connection, ref: str) -> RowMapping:
    begins = func.substr(attempt.c.id, 1, len(ref)) == ref
    query = select(attempt).where(begins if len(ref) >= SHORTEST else attempt.c.id == ref)
    found = connection.execute(query.order_by(attempt.c.seq).limit(6)).mappings().all()
    exact = [row for row in found if row["id"] == ref]
    if len(found) == 1 or exact:
        return (exact or found)[0]
    ids = tuple(row["id"] for row in found)
    if ids:
        raise NotFound(f"{ref!r} is the beginning of more than one attempt", candidates=ids)
    raise NotFound(f"there is no attempt {ref}", hint="limner ledger lists them.")


def newest(connection: Connection, *, since: datetime | None, limit: int) -> list[rows.Entry]:
    """Newest first."""
    query = select(attempt).order_by(attempt.c.seq.desc()).limit(limit)
    if since is not None:
        query = query.where(attempt.c.created >= since)
    return [rows.entry_of(row) for row in connection.execute(query).mappings()]


def under_way(connection: Connection, batch: str, *, since: datetime) -> list[AttemptId]:
    """Those of a batch whose senders have given a sign of life since."""
    alive = or_(attempt.c.created >= since, attempt.c.heartbeat >= since)
    query = select(attempt.c.id).where(attempt.c.batch == batch, attempt.c.state.in_(OPEN), alive)
    return [AttemptId(one) for one in connection.execute(query).scalars()]


def unsettled(connection: Connection) -> list[rows.Entry]:
    """Open ones and those whose result is not known, oldest first."""
    query = select(attempt).where(attempt.c.state.in_(UNSETTLED)).order_by(attempt.c.seq)
    return [rows.entry_of(row) for row in connection.execute(query).mappings()]
