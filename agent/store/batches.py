"""What batches write down: small records by batch, kind and key; the newest of a key counts.

The poster room says what stands in them. Pictures stay where pictures are, and what was paid is in
the ledger; a note only names them.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Final

from pydantic import JsonValue
from sqlalchemy import ColumnElement, Connection, and_, delete, func, insert, or_, select

from ..protocols import Clock
from .database import Database
from .ledger import UNSETTLED
from .tables import attempt, batch_note

Value = dict[str, JsonValue]
_MANY: Final = 500
"""Keys in one statement."""


class DiskNotes:
    """The notes of every batch on one store. Each write is one transaction."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def batches(self) -> dict[str, datetime]:
        """Name → when something was written for it last."""
        return await self._database.read(_batches)

    async def all(
        self, batch: str, kind: str, *, under: str = "", since: datetime | None = None
    ) -> dict[str, Value]:
        """Every note of a kind whose key begins so and that is as young, by key."""
        return await self._database.read(_all, batch, kind, under, since)

    async def get(self, batch: str, kind: str, key: str) -> Value | None:
        return await self._database.read(_get, batch, kind, key)

    async def put(self, batch: str, kind: str, notes: Mapping[str, Value]) -> None:
        """In place of what stood under the same keys."""
        await self._database.write(_put, batch, kind, notes, self._clock.now())

    async def add(self, batch: str, kind: str, key: str, value: Value) -> bool:
        """Only where nothing stands under this key; false where something does."""
        return await self._database.write(_add, batch, kind, {key: value}, self._clock.now())

    async def drop(self, batch: str, kind: str, keys: Collection[str]) -> None:
        await self._database.write(_drop, batch, kind, tuple(keys))

    async def spent(self, batch: str) -> tuple[Decimal | None, Decimal | None, str]:
        """(spent, reserved or possibly billed, currency); ``None`` where a price is not known."""
        return await self._database.read(_spent, batch)


def _spent(connection: Connection, batch: str) -> tuple[Decimal | None, Decimal | None, str]:
    """Added in here because no SQLite sum of these is exact. Two currencies are no sum.

    As a budget counts: what was reserved, where nobody told what it cost.
    """
    held = attempt.c.state.in_(UNSETTLED)
    columns = (held, attempt.c.cost_amount, attempt.c.reserved_amount, attempt.c.reserved_currency)
    query = select(*columns, func.count()).where(
        attempt.c.batch == batch, or_(held, attempt.c.billed != "no")
    )
    sums: dict[bool, Decimal | None] = {False: Decimal(0), True: Decimal(0)}
    currencies = set()
    for is_held, cost, reserved, currency, times in connection.execute(query.group_by(*columns)):
        open_ = bool(is_held) or cost is None
        amount, before = (reserved if open_ else cost), sums[open_]
        known = amount is not None and before is not None
        sums[open_] = before + amount * times if known else None
        currencies.add(currency)
    if len(currencies) > 1:
        return None, None, ""
    return sums[False], sums[True], next(iter(currencies), "")


def _which(batch: str, kind: str) -> ColumnElement[bool]:
    return and_(batch_note.c.batch == batch, batch_note.c.kind == kind)


def _batches(connection: Connection) -> dict[str, datetime]:
    found: dict[str, datetime] = {}
    query = select(batch_note.c.batch, batch_note.c.at).where(batch_note.c.kind == "batch")
    for row in connection.execute(query):
        found[row.batch] = row.at
    return found


def _all(
    connection: Connection, batch: str, kind: str, under: str, since: datetime | None
) -> dict[str, Value]:
    query = select(batch_note.c.key, batch_note.c.value).where(_which(batch, kind))
    if under:
        query = query.where(batch_note.c.key.startswith(under, autoescape=True))
    if since is not None:
        query = query.where(batch_note.c.at >= since)
    return {row.key: row.value for row in connection.execute(query.order_by(batch_note.c.key))}


def _get(connection: Connection, batch: str, kind: str, key: str) -> Value | None:
    query = select(batch_note.c.value).where(_which(batch, kind), batch_note.c.key == key)
    found: Value | None = connection.execute(query).scalar()
    return found


def _put(
    connection: Connection, batch: str, kind: str, notes: Mapping[str, Value], at: datetime
) -> None:
    if not notes:
        return
    _drop(connection, batch, kind, tuple(notes))
    rows = [
        {"batch": batch, "kind": kind, "key": key, "value": value, "at": at}
        for key, value in notes.items()
    ]
    connection.execute(insert(batch_note), rows)


def _add(
    connection: Connection, batch: str, kind: str, notes: Mapping[str, Value], at: datetime
) -> bool:
    if any(_get(connection, batch, kind, key) is not None for key in notes):
        return False
    _put(connection, batch, kind, notes, at)
    return True


def _drop(connection: Connection, batch: str, kind: str, keys: tuple[str, ...]) -> None:
    for start in range(0, len(keys), _MANY):
        some = batch_note.c.key.in_(keys[start : start + _MANY])
        connection.execute(delete(batch_note).where(_which(batch, kind), some))
