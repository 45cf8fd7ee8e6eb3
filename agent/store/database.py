"""One database, two kinds of transaction, and what its errors mean.

A read is a snapshot. A write holds the store's one write lock from its first statement
(``BEGIN IMMEDIATE`` on SQLite, a transaction-level advisory lock on PostgreSQL), so a sum, a
number or a compare-and-swap is never decided on rows that another process is changing.

The driver is told to begin nothing by itself: pysqlite would begin a *deferred* transaction before
the first write, whose upgrade fails with "database is locked" instead of waiting. Work runs
shielded: a cancelled caller neither leaves half a write nor a held lock.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Concatenate, Generic, Literal, ParamSpec, TypeVar, cast

import anyio
from anyio import to_thread
from sqlalchemy import URL, Connection, Engine, QueuePool, create_engine, event, make_url, text
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import ArgumentError, SQLAlchemyError
from sqlalchemy.pool import ConnectionPoolEntry

from ..errors import SettingsError, StoreError
from ..logs import get_logger
from .exact import ExactSum
from .said import from_disk, translated
from .tables import storable

log = get_logger("limner.store")

P = ParamSpec("P")
T = TypeVar("T")
I = TypeVar("I")  # noqa: E741  an item

Together = Callable[[Connection, Sequence[I]], Sequence[T]]
"""One result for each item, or an exception for all of them."""

WRITE_LOCK = 0x4C696D6E
"""The advisory lock of PostgreSQL that all writers of a store share."""

MOST_AT_ONCE = 100
"""Pieces of work in one transaction: whoever waits behind them waits for all."""

PRAGMAS = ("foreign_keys=ON", "synchronous=FULL", "secure_delete=ON")
"""Per connection. FULL, not NORMAL: a paid attempt must survive a power cut, not only a crash."""


def store_url(root: Path, database_url: str | None) -> URL:
    """``postgresql://…`` as given, else the SQLite file in ``root``.

    Raises ``SettingsError`` for anything else, without a word of it that could be a password.
    """
    if database_url is None:
        return URL.create("sqlite", database=str(root / "limner.db"))
    hint = "Use postgresql://USER:PASSWORD@HOST/NAME, or leave the setting out."
    try:
        url = make_url(database_url)
    except (ArgumentError, ValueError) as error:
        raise SettingsError("database_url cannot be read as an address.", hint=hint) from error
    if "@" in (url.host or ""):
        raise SettingsError(
            "database_url has an @ too many.", hint="In a password it is written as %40, : as %3A."
        )
    if url.get_backend_name() not in ("postgresql", "postgres"):
        raise SettingsError(
            f"The database {url.render_as_string(hide_password=True)} is neither SQLite in the "
            "data folder nor PostgreSQL.",
            hint=hint,
        )
    return url.set(drivername="postgresql+psycopg")


def shown(url: URL) -> str:
    """As it was given, without its password."""
    if url.get_backend_name() == "sqlite":
        return url.database or "the database"
    return url.set(drivername="postgresql").render_as_string(hide_password=True)


def _cleaned(value: object) -> object:
    match value:
        case str():
            return storable(value)
        case dict():
            return {storable(key): _cleaned(item) for key, item in value.items()}
        case list() | tuple():
            return [_cleaned(item) for item in value]
        case _:
            return value


_dumps = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def _json_text(value: object) -> str:
    text = _dumps(value)
    return text if text.isascii() and "\\u0000" not in text else _dumps(_cleaned(value))


def engine_options(url: URL, busy_s: float) -> dict[str, object]:
    """For ``create_engine``. Parameters never show up in an error."""
    shared: dict[str, object] = {"hide_parameters": True, "json_serializer": _json_text}
    if url.get_backend_name() == "sqlite":
        connect: dict[str, object] = {
            "timeout": busy_s,
            "isolation_level": None,
            "check_same_thread": False,  # one thread at a time: the pool sees to it
        }
        return shared | {"poolclass": QueuePool, "pool_size": 2, "connect_args": connect}
    limit = f"-c lock_timeout={int(busy_s * 1000)}"
    return shared | {"pool_pre_ping": True, "connect_args": {"options": limit}}


def prepare_engine(engine: Engine) -> None:
    """Teach an engine our pragmas and the execution option ``begin: read | write``."""
    sqlite = engine.dialect.name == "sqlite"
    if sqlite:
        event.listen(engine, "connect", _set_pragmas)
    event.listen(engine, "begin", _begin_sqlite if sqlite else _begin_postgresql)


def _set_pragmas(connection: DBAPIConnection, _: ConnectionPoolEntry) -> None:
    assert isinstance(connection, sqlite3.Connection)
    connection.create_aggregate("exact_sum", 1, ExactSum)
    cursor = connection.cursor()
    for pragma in PRAGMAS:
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    statements = {"read": "BEGIN", "write": "BEGIN IMMEDIATE"}
    if statement := statements.get(connection.get_execution_options().get("begin", "")):
        connection.exec_driver_sql(statement)


def _begin_postgresql(connection: Connection) -> None:
    if connection.get_execution_options().get("begin") == "write":
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": WRITE_LOCK})


class Job(Generic[I, T]):
    """One piece of work that waits for its turn, and then what came of it."""

    def __init__(self, work: Together[I, T], item: I) -> None:
        self.work = work
        self.item = item
        self._value: T | None = None
        self._error: Exception | None = None
        self.over = False
        self.called = anyio.Event()
        """Set when it is over, or when it is to begin the next transaction."""

    def came_to(self, value: T) -> None:
        """Done, unless the transaction is undone yet."""
        self._value, self._error = value, None

    def alone(self, connection: Connection) -> T:
        """What came of it, kept nowhere."""
        (value,) = self.work(connection, [self.item])
        return value

    def run_apart(self, connection: Connection, where: str) -> None:
        """With others: what it raises undoes itself alone. Raises only what the database says."""
        self._value = self._error = None
        try:
            with connection.begin_nested():
                self._value = self.alone(connection)
        except SQLAlchemyError:
            raise  # some of these undo the whole transaction
        except OSError as error:
            self._error = from_disk(error, where)
        except Exception as error:  # noqa: BLE001  it belongs to whoever asked for it
            self._error = error

    def run_alone(self, engine: Engine, where: str) -> None:
        self._value = self._error = None
        try:
            with translated(where), engine.begin() as connection:
                self._value = self.alone(connection)
        except Exception as error:  # noqa: BLE001  it belongs to whoever asked for it
            self._error = error
        self.over = True

    def result(self) -> T:
        """What it returned; raises what it raised."""
        if self._error is not None:
            raise self._error
        return cast("T", self._value)


class Database:
    """Runs plain functions over a connection, each in a transaction and a worker thread of its own.

    One hop to a thread per transaction: an asynchronous driver hops for every statement, which
    cost six times the processor time of the SQL (``docs/decisions/0003-threads-for-sql.md``).
    """

    def __init__(self, url: URL, *, busy_s: float) -> None:
        self.where = shown(url)
        self.sqlite = url.get_backend_name() == "sqlite"
        self._engine = create_engine(url, **engine_options(url, busy_s))
        prepare_engine(self._engine)
        # Fair in here, where SQLite would only poll; PostgreSQL has a queue of its own.
        self._jobs: list[Job[Any, Any]] = []
        self._writing = False

    async def read(
        self, work: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """``work`` over one snapshot."""
        return await self._run("read", work, *args, **kwargs)

    async def write(
        self, work: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """``work`` alone in the store: all of it or, when it raises, nothing.

        What waits meanwhile goes along in the next transaction, where what fails undoes itself
        alone: a commit waits for the disk, and 200 turns would wait for it one after another.
        """

        def alone(connection: Connection, _: Sequence[None]) -> tuple[T]:
            return (work(connection, *args, **kwargs),)

        return await self.write_with(alone, None)

    async def write_with(self, work: Together[I, T], item: I) -> T:
        """The same, done in one go for all the items that wait for the same ``work``."""
        job = Job(work, item)
        if not self.sqlite:
            return await self._run("write", job.alone)
        self._jobs.append(job)
        if self._writing:
            await self._called(job)
        if not job.over:
            await self._write_on()
        return job.result()

    async def _called(self, job: Job[Any, Any]) -> None:
        """Until it is over or is the first of those that wait."""
        try:
            await job.called.wait()
        except BaseException:  # given up
            if job in self._jobs:
                self._jobs.remove(job)
            if job.called.is_set() and not job.over:
                self._call_next()
            raise

    async def _write_on(self) -> None:
        """One transaction with all that wait; who comes meanwhile is called after it."""
        self._writing = True
        batch, self._jobs = self._jobs[:MOST_AT_ONCE], self._jobs[MOST_AT_ONCE:]
        try:
            await _shielded(lambda: self._together(batch))
        finally:
            self._jobs[:0] = [job for job in batch[1:] if not job.over]  # no thread could be had
            for job in batch:  # all at once: not each in a round of the loop after the other
                if job.over:
                    job.called.set()
            self._call_next()

    def _call_next(self) -> None:
        self._writing = bool(self._jobs)
        if self._jobs:
            self._jobs[0].called.set()

    def _together(self, batch: Sequence[Job[Any, Any]]) -> None:
        """All in one transaction; where one fails, behind savepoints; at last each in its own."""
        engine = self._engine.execution_options(begin="write")
        if self._commit(engine, batch, _by_kind) or self._commit(engine, batch, self._apart):
            return
        log.info("store.apart", jobs=len(batch))
        for job in batch:
            job.run_alone(engine, self.where)

    def _apart(self, connection: Connection, batch: Sequence[Job[Any, Any]]) -> None:
        for job in batch:
            job.run_apart(connection, self.where)

    @staticmethod
    def _commit(
        engine: Engine,
        batch: Sequence[Job[Any, Any]],
        run: Callable[[Connection, Sequence[Job[Any, Any]]], None],
    ) -> bool:
        if len(batch) == 1:
            return False
        try:
            with engine.begin() as connection:
                run(connection, batch)
        except Exception:  # noqa: BLE001  each hears of its own when it is tried by itself
            return False
        for job in batch:
            job.over = True
        return True

    async def _run(
        self,
        begin: Literal["read", "write"],
        work: Callable[Concatenate[Connection, P], T],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        engine = self._engine.execution_options(begin=begin)

        def transaction() -> T:
            with translated(self.where), engine.begin() as connection:
                return work(connection, *args, **kwargs)

        return await _shielded(transaction)

    async def scrub(self) -> bool:
        """Rewrite the SQLite file so that no page keeps removed text; false: try again later."""
        if not self.sqlite:
            return True
        try:
            return await _shielded(self._vacuum)
        except StoreError:  # the caller has noted that it is still to do
            return False

    def _vacuum(self) -> bool:
        with translated(self.where), self._engine.connect() as connection:
            connection.exec_driver_sql("VACUUM")
            result = connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
            busy: int = result.one()[0]
            return busy == 0

    async def aclose(self) -> None:
        """Close every connection."""
        await _shielded(self._engine.dispose)


def _by_kind(connection: Connection, batch: Sequence[Job[Any, Any]]) -> None:
    """Whoever wait together are independent of each other, so that their order is free."""
    kinds: dict[Any, list[Job[Any, Any]]] = {}
    for job in batch:
        kinds.setdefault(job.work, []).append(job)
    for work, jobs in kinds.items():
        values = work(connection, [job.item for job in jobs])
        for job, value in zip(jobs, values, strict=True):
            job.came_to(value)


async def _shielded(work: Callable[[], T]) -> T:
    """A transaction takes milliseconds; whoever is cancelled meanwhile learns of it right after."""
    with anyio.CancelScope(shield=True):
        return await to_thread.run_sync(work)
    raise AssertionError("nobody cancels this scope")
