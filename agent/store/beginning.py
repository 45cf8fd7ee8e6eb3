"""Turns of the relay, written down before anything of them is sent: as many at once as wait.

Of 200 that come together each statement is made for twenty or so: one for each took half a
millisecond of every turn.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, Literal

from sqlalchemy import Connection, Insert, Table, insert

from ..protocols import Beginning, KeptResponse
from ..schema import Failure, Session
from . import ledger, rows, sessions
from .rows import Row
from .tables import attempt, response, response_item, session, turn, verdict

Side = Literal["input", "output"]

ADD: Final[Mapping[Table, Insert]] = {
    table: insert(table) for table in (session, turn, attempt, verdict, response, response_item)
}
"""In the order in which the rows of one turn need each other."""


class _Pile:
    """Rows that wait to be written."""

    def __init__(self) -> None:
        self._rows: dict[Table, list[Row]] = {table: [] for table in ADD}

    def add(self, table: Table, *rows: Row) -> None:
        self._rows[table] += rows

    def write(self, connection: Connection) -> None:
        for table, waiting in self._rows.items():
            if waiting:
                connection.execute(ADD[table], waiting)
                self._rows[table] = []


def begin_all(
    connection: Connection, news: Sequence[Beginning], *, owner: str | None
) -> list[Session | Failure]:
    """For each, its session as it is named now; or the cap that forbids it, and this one alone."""
    pile = _Pile()
    names = [new.session.name for new in news if new.other_name is not None]
    taken = sessions.taken(connection, names)
    told: list[Session | Failure] = []
    for new in news:
        refused = _refused(connection, new, pile)
        told.append(refused or _begun(connection, new, pile, taken=taken, owner=owner))
    pile.write(connection)
    return told


def _refused(connection: Connection, new: Beginning, pile: _Pile) -> Failure | None:
    """Which cap does not cover it, those that came before it counted."""
    if new.sending is None or not new.sending[1]:
        return None
    pile.write(connection)
    sent, caps = new.sending
    return ledger.reserve(connection, sent, caps=caps, dry=True)


def _begun(
    connection: Connection, new: Beginning, pile: _Pile, *, taken: set[str], owner: str | None
) -> Session:
    where, begun = new.session, new.turn
    if new.other_name is None:
        sessions.touch(connection, where.id, begun.created)
    else:
        if where.name in taken:
            where = where.model_copy(update={"name": new.other_name})
        taken.add(where.name)
        pile.add(session, rows.session_row(where))
    pile.add(turn, sessions.open_row(begun, owner=owner))
    if new.sending is not None:
        sent = new.sending[0]
        pile.add(attempt, rows.attempt_row(sent) | {"heartbeat": sent.sent})
    at, of = begun.created, {"session": where.id, "turn": begun.id, "user": new.user}
    pile.add(verdict, *(rows.verdict_row(one, at=at, **of) for one in new.verdicts))
    if new.response is not None:
        pile.add(response, response_row(new.response))
        pile.add(response_item, *item_rows(new.response, "input"))
    return where


def response_row(of: KeptResponse) -> Row:
    return {
        "id": of.id,
        "tenant": of.tenant,
        "session": of.session,
        "turn": of.turn,
        "previous": of.previous,
        "status": of.status,
        "created": of.created,
        "document": of.document,
    }


def item_rows(of: KeptResponse, side: Side) -> list[Row]:
    """What went in, or came out."""
    return [
        {
            "id": item.id,
            "tenant": of.tenant,
            "response": of.id,
            "session": of.session,
            "side": side,
            "image": item.image,
            "value": item.value,
        }
        for item in (of.input if side == "input" else of.output)
    ]
