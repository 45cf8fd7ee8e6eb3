"""Signs of life of servers, for other machines, which cannot look at their processes.

While something of it is under way, a server says every few seconds that it is there; so what it began is
its own for as long as it waits, and others soon know when it ended without a word. The times are
those of the database, where that has a clock of its own: clocks of machines differ.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Final

from sqlalchemy import ColumnElement, Connection, and_, delete, func, insert, select, update

from .ledger import OPEN
from .tables import attempt, batch_note, turn

_KIND: Final = "server"
"""Of notes that belong to no batch."""
_KEPT: Final = timedelta(days=1)
"""For who has begun what is still open."""
_SIGNS: Final = and_(batch_note.c.batch == "", batch_note.c.kind == _KIND)

Silences = Mapping[str, timedelta]
"""Owner → for how long it has given no sign."""


def sign(connection: Connection, owner: str, *, at: datetime) -> None:
    """It lives; who was silent for a day is forgotten."""
    now = _now(connection, at)
    given = connection.execute(update(batch_note).where(_of(owner)).values(at=now))
    if given.rowcount != 1:
        row = {"batch": "", "kind": _KIND, "key": owner, "value": {}, "at": now}
        connection.execute(insert(batch_note), row)
        connection.execute(delete(batch_note).where(_SIGNS, batch_note.c.at < now - _KEPT))


def leave(connection: Connection, owner: str) -> None:
    """It has left nothing open."""
    connection.execute(delete(batch_note).where(_of(owner)))


def works(connection: Connection, owner: str) -> bool:
    """Whether anything of it is open."""
    turns = select(turn.c.id).where(turn.c.outcome.is_(None), turn.c.owner == owner)
    tries = select(attempt.c.id).where(attempt.c.state.in_(OPEN), attempt.c.owner == owner)
    return any(connection.execute(each.limit(1)).first() for each in (turns, tries))


def silences(connection: Connection, *, at: datetime) -> Silences:
    """Of those that give signs."""
    now = _now(connection, at)
    rows = connection.execute(select(batch_note.c.key, batch_note.c.at).where(_SIGNS))
    return {row.key: max(timedelta(0), now - row.at) for row in rows}


def _of(owner: str) -> ColumnElement[bool]:
    return and_(_SIGNS, batch_note.c.key == owner)


def _now(connection: Connection, at: datetime) -> datetime:
    if connection.dialect.name != "postgresql":
        return at
    told: datetime = connection.execute(select(func.clock_timestamp())).scalar_one()
    return told.astimezone(UTC)
