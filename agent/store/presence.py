"""Signs of life of servers, for other machines, which cannot look at their processes.

A server says every few seconds that it is there, whatever it does; so what it began is its own for
as long as it waits, and others soon know when it ended without a word. The times are those of the
database, where that has a clock of its own: clocks of machines differ.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Final

from sqlalchemy import ColumnElement, Connection, and_, delete, func, insert, select, update

from .owners import LAPSED
from .tables import batch_note

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
    """It ends, and has left nothing open."""
    connection.execute(delete(batch_note).where(_of(owner)))


def silences(connection: Connection, *, own: str, at: datetime) -> Silences:
    """None of which counts as long where ``own`` is silent, too: the database was away from all."""
    now = _now(connection, at)
    rows = connection.execute(select(batch_note.c.key, batch_note.c.at).where(_SIGNS)).all()
    found = {row.key: max(timedelta(0), now - row.at) for row in rows}
    deaf = found.get(own, timedelta(0)) > LAPSED / 2
    return {owner: min(silent, LAPSED) for owner, silent in found.items()} if deaf else found


def _of(owner: str) -> ColumnElement[bool]:
    return and_(_SIGNS, batch_note.c.key == owner)


def _now(connection: Connection, at: datetime) -> datetime:
    if connection.dialect.name != "postgresql":
        return at
    told: datetime = connection.execute(select(func.clock_timestamp())).scalar_one()
    return told.astimezone(UTC)
