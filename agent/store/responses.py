"""Responses of ``limner serve``: rows and items; the bytes of their pictures are in the blobs.

A response belongs to a tenant and to a session; what is forgotten of a session goes here, too.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import (
    ColumnElement,
    Connection,
    RowMapping,
    Table,
    bindparam,
    select,
    update,
)

from ..protocols import Beginning, KeptItem, KeptResponse
from ..schema import Failure, ImageId, Session, SessionId, TurnId
from . import forget
from .beginning import ADD, Side, begin_all, item_rows, response_row
from .database import Database
from .open import DiskStore
from .tables import response, response_item

LONGEST_CHAIN = 10_000
"""Responses; a chain that is longer is cut at its beginning."""
_AT_ONCE = 500
"""Ids in one statement: SQLite takes 32,766 parameters, PostgreSQL twice as many."""


_ENDED = update(response).where(response.c.id == bindparam("which"))
_CLOSE = _ENDED.where(response.c.status == "in_progress")
_CORRECT = _ENDED.where(response.c.status.in_(("in_progress", "failed")))
"""Whoever was given up for dead and had only slept still has the answer."""


class DiskAnswers:
    """The ``Answers`` of ``protocols.py`` on a ``DiskStore``."""

    def __init__(self, store: DiskStore) -> None:
        self._store = store

    @property
    def _database(self) -> Database:
        return self._store.database

    async def open_response(self, new: KeptResponse) -> None:
        """Of a turn that was begun elsewhere."""
        await self._database.write(_open, new)

    async def begin(self, new: Beginning) -> Session | Failure:
        return await self._database.write_with(self._begin, new)

    def _begin(
        self, connection: Connection, news: Sequence[Beginning]
    ) -> Sequence[Session | Failure]:
        self._store.check_room()
        return begin_all(connection, news, owner=self._store.settling.owner)

    async def close_response(self, ended: KeptResponse) -> bool:
        """One that failed, too: its process may have been given up for dead, and had slept."""
        return await self._database.write(_close, ended)

    async def response(self, which: str, *, tenant: str | None) -> KeptResponse | None:
        """Of one under way the turn is settled first where its process is gone."""
        found = await self._database.read(_one, which, tenant=tenant)
        if found is not None and found.status == "in_progress":
            await self._store.reap()
        return found

    async def response_of_turn(self, which: TurnId, *, tenant: str | None) -> KeptResponse | None:
        return await self._database.read(_of_turn, which, tenant=tenant)

    async def chain(self, which: str, *, tenant: str | None) -> list[KeptResponse] | None:
        return await self._database.read(_chain, which, tenant=tenant)

    async def items(self, ids: Collection[str], *, tenant: str | None) -> dict[str, KeptItem]:
        return await self._database.read(_items, ids, tenant=tenant)

    async def delete_response(self, which: str, *, tenant: str | None, at: datetime) -> bool:
        """What the file still holds of it is scrubbed when the store is next opened."""
        return await self._database.write(_delete, which, tenant=tenant, at=at)


def _open(connection: Connection, new: KeptResponse) -> None:
    connection.execute(ADD[response], response_row(new))
    _add(connection, new, "input")


def _add(connection: Connection, of: KeptResponse, side: Side) -> None:
    if rows := item_rows(of, side):
        connection.execute(ADD[response_item], rows)


def _close(connection: Connection, ended: KeptResponse) -> bool:
    values = {"status": ended.status, "document": ended.document}
    statement = _CLOSE if ended.status == "failed" else _CORRECT
    if connection.execute(statement, values | {"which": ended.id}).rowcount != 1:
        return False
    _add(connection, ended, "output")
    return True


def _mine(table: Table, tenant: str | None) -> ColumnElement[bool]:
    column: ColumnElement[str | None] = table.c.tenant
    return column.is_(None) if tenant is None else column == tenant


def _row(connection: Connection, which: str, tenant: str | None) -> RowMapping | None:
    query = select(response).where(response.c.id == which, _mine(response, tenant))
    return connection.execute(query).mappings().first()


def _one(connection: Connection, which: str, *, tenant: str | None) -> KeptResponse | None:
    row = _row(connection, which, tenant)
    return None if row is None else _whole(connection, [row])[0]


def _of_turn(connection: Connection, which: TurnId, *, tenant: str | None) -> KeptResponse | None:
    query = select(response).where(response.c.turn == which, _mine(response, tenant))
    row = connection.execute(query).mappings().first()
    return None if row is None else _whole(connection, [row])[0]


def _chain(connection: Connection, which: str, *, tenant: str | None) -> list[KeptResponse] | None:
    rows: list[RowMapping] = []
    seen: set[str] = set()
    row = _row(connection, which, tenant)
    if row is None:
        return None
    while row is not None and row["id"] not in seen and len(rows) < LONGEST_CHAIN:
        seen.add(row["id"])
        rows.append(row)
        row = _row(connection, row["previous"], tenant) if row["previous"] else None
    return _whole(connection, rows[::-1])


def _whole(connection: Connection, rows: Sequence[RowMapping]) -> list[KeptResponse]:
    sides: dict[tuple[str, str], list[KeptItem]] = {}
    ids = [row["id"] for row in rows]
    for start in range(0, len(ids), _AT_ONCE):
        some = response_item.c.response.in_(ids[start : start + _AT_ONCE])
        query = select(response_item).where(some).order_by(response_item.c.seq)
        for item in connection.execute(query).mappings():
            sides.setdefault((item["response"], item["side"]), []).append(_item(item))
    return [
        KeptResponse(
            id=row["id"],
            tenant=row["tenant"],
            session=SessionId(row["session"]),
            turn=TurnId(row["turn"]),
            previous=row["previous"],
            status=row["status"],
            created=row["created"],
            document=row["document"],
            input=tuple(sides.get((row["id"], "input"), ())),
            output=tuple(sides.get((row["id"], "output"), ())),
        )
        for row in rows
    ]


def _item(row: RowMapping) -> KeptItem:
    image = ImageId(row["image"]) if row["image"] else None
    return KeptItem(id=row["id"], value={**row["value"], "id": row["id"]}, image=image)


def _items(
    connection: Connection, ids: Collection[str], *, tenant: str | None
) -> dict[str, KeptItem]:
    """The newest where a server gave the same id twice."""
    found: dict[str, KeptItem] = {}
    wanted = sorted(ids)
    for start in range(0, len(wanted), _AT_ONCE):
        some = response_item.c.id.in_(wanted[start : start + _AT_ONCE])
        query = select(response_item).where(some, _mine(response_item, tenant))
        for row in connection.execute(query.order_by(response_item.c.seq)).mappings():
            found[row["id"]] = _item(row)
    return found


def _delete(connection: Connection, which: str, *, tenant: str | None, at: datetime) -> bool:
    if _row(connection, which, tenant) is None:
        return False
    forget.response_by_id(connection, which, at=at)
    return True
