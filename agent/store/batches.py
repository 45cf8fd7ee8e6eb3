"""What batches write down: small records by batch, kind and key; the newest of a key counts.

The poster room says what stands in them. Pictures stay where pictures are, and what was paid is in
the ledger; a note only names them.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Final

from pydantic import JsonValue
from sqlalchemy import ColumnElement, Connection, and_, delete, func, insert, or_, select

from ..protocols import Clock
from ..schema import AttemptId, SessionId
from . import forget, ledger, owners, reaping
from .database import Database
from .ledger import UNSETTLED
from .tables import attempt, batch_note, session

Value = dict[str, JsonValue]
_WORKER: Final = "worker"
"""The kind of the notes about workers; they belong to no batch."""
_PACE: Final = "pace"
"""The kind of the notes about how fast a server may be asked."""
_VOID_S: Final = 60.0
"""A ticket that was not used for so long is its worker's no more."""
_SOON_S: Final = 0.05
_ALIVE: Final = timedelta(minutes=2)
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

    async def some(
        self, batch: str, kinds: Collection[str], keys: Collection[str]
    ) -> dict[str, dict[str, Value]]:
        """Kind → key → note, of those that there are."""
        return await self._database.read(_some, batch, tuple(kinds), tuple(keys))

    async def page(self, batch: str, kind: str, *, after: str, most: int) -> dict[str, Value]:
        """The next ones in the order of the database's keys."""
        return await self._database.read(_page, batch, kind, after, most)

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

    async def sessions(self, batch: str) -> tuple[SessionId, ...]:
        """Sessions that are there and in which its pictures were bought."""
        return await self._database.read(_sessions, batch)

    async def touched(self) -> dict[str, datetime]:
        """Name → when anything was written down for it last: a run, a poster, a decision."""
        return await self._database.read(_touched)

    async def forget(self, batch: str) -> bool:
        """Everything written down of it, and the files that its briefs name.

        False where there is none. What was paid stays, under a name that no batch has; so do its
        sessions. ``DiskStore.tidy`` then removes the files and what the pages of the database remember.
        """
        return await self._database.write(forget.of_batch, batch)

    # ── who works for them ───────────────────────────────────────────────────────────────────

    async def beat(
        self, worker: str, *, first: bool = False, about: Mapping[str, JsonValue] | None = None
    ) -> bool:
        """A sign of life; false where the worker was taken off the list, and is not put back."""
        return await self._database.write(_beat, worker, first, about or {}, self._clock.now())

    async def workers(self) -> dict[str, Value]:
        """Name → ``beats``."""
        return await self.all("", _WORKER)

    async def bury(self, worker: str, *, beats: int | None) -> bool:
        """Off the list and its attempts settled, unless it has given a sign of life since."""
        return await self._database.write(_bury, worker, beats, self._clock.now())

    async def signs(self) -> dict[str, tuple[float, Value]]:
        """Worker → seconds since its last sign of life, and what it says of itself."""
        return await self._database.read(_signs, self._clock.now())

    async def database(self) -> tuple[str, float]:
        """Which one it is, and how many seconds its clock is ahead of this machine's."""
        return await self._database.read(_which_database, self._clock)

    def gone(self, worker: str) -> bool:
        """Whether it was a process of this machine, which has ended."""
        return owners.life_of(worker) == "gone"

    async def leave(self, worker: str) -> None:
        await self.drop("", _WORKER, [worker])

    # ── how fast they may ask ────────────────────────────────────────────────────────────────

    async def set_pace(self, server: str, rate: tuple[int, float] | None) -> None:
        """At most so many requests in so many seconds, by whoever works for that server."""
        await self._database.write(_set_pace, server, rate, self._clock.now())

    async def ticket(self, server: str, ticket: str) -> float | None:
        """Seconds to wait before asking again, 0 with a ticket; ``None``: there is no limit."""
        if not _rate((await self.get("", _PACE, server)) or {}):
            return None
        return await self._database.write(_ticket, server, ticket, self._clock.now())

    async def stamp(self, server: str, ticket: str) -> bool:
        """It is used now; false where it was too old and is gone."""
        return await self._database.write(_stamp, server, ticket, self._clock.now())

    # ── what they cost ───────────────────────────────────────────────────────────────────────

    async def spent(self, batch: str) -> tuple[Decimal | None, Decimal | None, str]:
        """(spent, reserved or possibly billed, currency); ``None`` where a price is not known."""
        return await self._database.read(_spent, batch)

    async def under_way(self, batch: str) -> list[AttemptId]:
        """Attempts that are sent, or about to be, by somebody who is alive."""
        since = self._clock.now() - _ALIVE
        return await self._database.read(partial(ledger.under_way, since=since), batch)


def _set_pace(
    connection: Connection, server: str, rate: tuple[int, float] | None, at: datetime
) -> None:
    before = _get(connection, "", _PACE, server) or {}
    if rate or before:
        _put(connection, "", _PACE, {server: {**before, "rate": list(rate or ())}}, at)


def _ticket(connection: Connection, server: str, ticket: str, at: datetime) -> float | None:
    """Held tickets count as well as used ones; one that nobody uses is void after a while."""
    note, now = _get(connection, "", _PACE, server) or {}, _seconds(connection, at)
    rate = _rate(note)
    if rate is None:
        return None
    most, period = rate
    held = {k: t for k, t in _times(note, "held").items() if now - _VOID_S < t <= now}
    used = {k: t for k, t in _times(note, "used").items() if now - period < t <= now}
    if len(held) + len(used) < most:
        held[ticket] = now
        wait = 0.0
    else:
        wait = min([t + period - now for t in used.values()], default=_SOON_S)
        wait = max(_SOON_S, wait)
    told: Value = {"rate": list(rate), "held": dict(held), "used": dict(used)}
    _put(connection, "", _PACE, {server: told}, at)
    return wait


def _stamp(connection: Connection, server: str, ticket: str, at: datetime) -> bool:
    note, now = _get(connection, "", _PACE, server) or {}, _seconds(connection, at)
    held, used = _times(note, "held"), _times(note, "used")
    if held.pop(ticket, None) is None:
        return _rate(note) is None
    told: Value = {**note, "held": dict(held), "used": {**used, ticket: now}}
    _put(connection, "", _PACE, {server: told}, at)
    return True


def _rate(note: Value) -> tuple[int, float] | None:
    match note.get("rate"):
        case [int(most), int() | float() as period]:
            return most, float(period)
        case _:
            return None


def _times(note: Value, name: str) -> dict[str, float]:
    found = note.get(name)
    times = found.items() if isinstance(found, dict) else ()
    return {key: float(time) for key, time in times if isinstance(time, int | float)}


def _seconds(connection: Connection, at: datetime) -> float:
    """By the one clock that all workers share: that of their server, or of their machine."""
    if connection.dialect.name != "postgresql":
        return at.timestamp()
    return float(
        connection.execute(select(func.extract("epoch", func.clock_timestamp()))).scalar_one()
    )


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


def _sessions(connection: Connection, batch: str) -> tuple[SessionId, ...]:
    bought = select(attempt.c.session).where(attempt.c.batch == batch)
    found = set(connection.execute(bought.distinct()).scalars())
    for picture in _all(connection, batch, "picture", "", None).values():
        made = picture.get("made")
        found.add(made.get("session") if isinstance(made, dict) else None)
    there = select(session.c.id).order_by(session.c.seq)
    return tuple(SessionId(one) for one in connection.execute(there).scalars() if one in found)


def _signs(connection: Connection, at: datetime) -> dict[str, tuple[float, Value]]:
    now = _seconds(connection, at)
    query = select(batch_note.c.key, batch_note.c.value, batch_note.c.at)
    rows = connection.execute(query.where(_which("", _WORKER)).order_by(batch_note.c.key))
    return {row.key: (max(0.0, now - row.at.timestamp()), row.value) for row in rows}


def _which_database(connection: Connection, clock: Clock) -> tuple[str, float]:
    if connection.dialect.name != "postgresql":
        return "SQLite", 0.0
    version = str(connection.exec_driver_sql("SHOW server_version").scalar_one()).split()[0]
    begun = clock.now().timestamp()
    theirs = _seconds(connection, clock.now())
    return f"PostgreSQL {version}", theirs - (begun + clock.now().timestamp()) / 2


def _beat(
    connection: Connection, worker: str, first: bool, about: Mapping[str, JsonValue], at: datetime
) -> bool:
    before = _get(connection, "", _WORKER, worker)
    if before is None and not first:
        return False
    if before is not None and before.get("dead"):
        return False
    beats = before.get("beats") if before else 0
    assert isinstance(beats, int)
    told: Value = {**(before or {}), **about, "beats": beats + 1}
    _put(connection, "", _WORKER, {worker: told}, at)
    return True


def _bury(connection: Connection, worker: str, beats: int | None, at: datetime) -> bool:
    """What it had under way: an intent failed for free, what was sent is unknown (R45)."""
    before = _get(connection, "", _WORKER, worker) or {}
    if before.get("beats") != beats:
        return False
    # one that died in the middle of this leaves the mark, and the next one does it again
    _put(connection, "", _WORKER, {worker: {**before, "dead": True}}, at)
    found = reaping.left_open(connection, dead=lambda owner, _: owner == worker)
    reaping.reap(connection, found, caught={}, path=_nowhere, at=at)
    return True


def _nowhere(sha256: str, media_type: str) -> str:
    """Pictures of a process on another machine are not looked for on this one."""
    raise AssertionError((sha256, media_type))


def _which(batch: str, kind: str) -> ColumnElement[bool]:
    return and_(batch_note.c.batch == batch, batch_note.c.kind == kind)


def _batches(connection: Connection) -> dict[str, datetime]:
    found: dict[str, datetime] = {}
    query = select(batch_note.c.batch, batch_note.c.at).where(batch_note.c.kind == "batch")
    for row in connection.execute(query):
        found[row.batch] = row.at
    return found


def _touched(connection: Connection) -> dict[str, datetime]:
    newest = func.max(batch_note.c.at, type_=batch_note.c.at.type)
    query = select(batch_note.c.batch, newest).where(batch_note.c.batch != "")
    return {row[0]: row[1] for row in connection.execute(query.group_by(batch_note.c.batch))}


def _all(
    connection: Connection, batch: str, kind: str, under: str, since: datetime | None
) -> dict[str, Value]:
    query = select(batch_note.c.key, batch_note.c.value).where(_which(batch, kind))
    if under:
        query = query.where(batch_note.c.key.startswith(under, autoescape=True))
    if since is not None:
        query = query.where(batch_note.c.at >= since)
    return {row.key: row.value for row in connection.execute(query.order_by(batch_note.c.key))}


def _some(
    connection: Connection, batch: str, kinds: tuple[str, ...], keys: tuple[str, ...]
) -> dict[str, dict[str, Value]]:
    """By whole keys, which every database finds by its index: what begins with a text is sought."""
    found: dict[str, dict[str, Value]] = {kind: {} for kind in kinds}
    columns = select(batch_note.c.kind, batch_note.c.key, batch_note.c.value)
    for start in range(0, len(keys), _MANY):
        some = batch_note.c.key.in_(keys[start : start + _MANY])
        query = columns.where(batch_note.c.batch == batch, batch_note.c.kind.in_(kinds), some)
        for row in connection.execute(query):
            found[row.kind][row.key] = row.value
    return found


def _page(connection: Connection, batch: str, kind: str, after: str, most: int) -> dict[str, Value]:
    query = select(batch_note.c.key, batch_note.c.value).where(_which(batch, kind))
    query = query.where(batch_note.c.key > after).order_by(batch_note.c.key).limit(most)
    return {row.key: row.value for row in connection.execute(query)}


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
