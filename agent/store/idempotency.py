"""Which request bought which turns: written before anything is sent, so that a repeat finds it.

A row holds hashes and ids, no text: what the request came to is read from its turns, and when
those are forgotten there is nothing left to forget here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import ColumnElement, Connection, delete, insert, select, update

from ..protocols import Purchase
from ..schema import Attempt, TurnId
from . import rows
from .tables import attempt, idempotency

KEPT: Final = timedelta(days=30)
"""After so long a key means nothing any more (OpenAI and its like promise a day)."""

NOBODY: Final = ""
"""Stands for no tenant; part of a key cannot be NULL."""

_GIVEN: Final = "given-away-"
"""Of what stands for a turn in whose place another was bought; keys of clients are hashes."""


def claim(connection: Connection, new: Purchase) -> Purchase | None:
    """Write it down; or, where the key is taken, the purchase that has it."""
    connection.execute(delete(idempotency).where(idempotency.c.created < new.created - KEPT))
    taken = _one(connection, new)
    if taken is None:
        connection.execute(insert(idempotency), _row(new))
    return taken


def take_over(connection: Connection, before: Purchase, new: Purchase) -> bool:
    """``new`` in place of one as it was found; false when somebody was faster.

    What had not been sent of the old one may not be any more: whoever waits to may only sleep.
    """
    row = delete(idempotency).where(
        *_named(before), idempotency.c.owner == before.owner, idempotency.c.done.is_(before.done)
    )
    current = _one(connection, before)
    if current is None or current.turns != before.turns or connection.execute(row).rowcount != 1:
        return False
    given = [replace(new, tenant=None, key=_GIVEN + one, turns=(one,)) for one in before.turns]
    connection.execute(insert(idempotency), [_row(one) for one in (new, *given)])
    return True


def is_given_away(connection: Connection, which: TurnId) -> bool:
    """Whether somebody else has bought in its place what it was to buy."""
    row = (idempotency.c.tenant == NOBODY, idempotency.c.key == _GIVEN + which)
    return connection.execute(select(idempotency.c.key).where(*row)).first() is not None


def finish(connection: Connection, which: Purchase) -> None:
    """Its turns are closed; nothing happens where another purchase has its key by now."""
    if _stands(connection, which):
        connection.execute(update(idempotency).where(*_named(which)).values(done=True))


def release(connection: Connection, which: Purchase) -> None:
    """It came to nothing and cost nothing: its key is free, unless another purchase has it by now."""
    if _stands(connection, which):
        connection.execute(delete(idempotency).where(*_named(which)))


def _stands(connection: Connection, which: Purchase) -> bool:
    current = _one(connection, which)
    return current is not None and current.turns == which.turns


def standing(connection: Connection, which: Purchase) -> Purchase | None:
    """What has its key now; ``None``: nothing."""
    return _one(connection, which)


def drop_of_turn(connection: Connection, which: TurnId, *, prefix: str) -> None:
    """The same for the purchase that a turn is of, among nobody's keys that begin so."""
    mine = (idempotency.c.tenant == NOBODY, idempotency.c.key.startswith(prefix, autoescape=True))
    found = connection.execute(select(idempotency.c.key, idempotency.c.turns).where(*mine)).all()
    keys = [row.key for row in found if which in row.turns]
    connection.execute(delete(idempotency).where(*mine, idempotency.c.key.in_(keys)))


def attempts_of(connection: Connection, turns: Sequence[TurnId]) -> list[Attempt]:
    """What was sent for these turns, also where they are forgotten."""
    query = select(attempt).where(attempt.c.turn.in_(list(turns))).order_by(attempt.c.seq)
    return [rows.attempt_of(row) for row in connection.execute(query).mappings()]


def _named(which: Purchase) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return (idempotency.c.tenant == (which.tenant or NOBODY), idempotency.c.key == which.key)


def _one(connection: Connection, which: Purchase) -> Purchase | None:
    row = connection.execute(select(idempotency).where(*_named(which))).mappings().first()
    if row is None:
        return None
    return Purchase(
        tenant=row["tenant"] or None,
        key=row["key"],
        body=row["body"],
        turns=tuple(row["turns"]),
        owner=row["owner"],
        created=row["created"],
        done=row["done"],
    )


def _row(new: Purchase) -> dict[str, datetime | str | bool | list[TurnId]]:
    return {
        "tenant": new.tenant or NOBODY,
        "key": new.key,
        "body": new.body,
        "turns": list(new.turns),
        "owner": new.owner,
        "created": new.created,
        "done": new.done,
    }
