"""Where a queue is kept, and the file of one: for one worker, quick, and no loss where it is gone."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from ..errors import StoreBusy, StoreError

FILE: Final = "batch.db"
_LOCK: Final = "batch.lock"
_TELLS_MILLISECONDS: Final = (3, 42)
"""The SQLite whose ``unixepoch`` knows them; on Python 3.12 and newer DBOS takes it to."""
_DAMAGED: Final = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where the queue is kept. ``url`` is ``None`` for a file in ``folder``."""

    folder: Path
    url: str | None = None
    executor: str = "alone"
    """Which worker this is; on a file there is no other."""

    @property
    def address(self) -> str:
        """As SQLAlchemy takes it, however the setting names the driver."""
        if self.url is None:
            return f"sqlite:///{self.folder / FILE}"
        return f"postgresql://{self.url.partition('://')[2]}"


class Connection(sqlite3.Connection):
    """To a file of a queue, on any SQLite: Debian 12 has 3.40, which answers DBOS with no time."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        if sqlite3.sqlite_version_info < _TELLS_MILLISECONDS:
            self.create_function("unixepoch", 1, _now)


def _now(precision: str) -> float:
    return round(time.time(), 3) if precision == "subsec" else int(time.time())


def unusable(place: Place, error: Exception) -> StoreError:
    """A file that is none of ours any more is no loss; it is said how to get another."""
    cause = getattr(error, "orig", None) or error
    where = "the queue" if place.url else f"the queue {place.folder / FILE}"
    hint = "limner doctor looks at it"
    if getattr(cause, "sqlite_errorcode", 0) & 0xFF in _DAMAGED:
        hint = (
            "Move that file away and run the batch again: a new one is filled with what is left "
            "to do, and nothing is bought twice."
        )
    return StoreError(f"{where} cannot be opened: {cause}", hint=hint)


@contextmanager
def told() -> Iterator[None]:
    """What the database of the queue says, as a ``StoreError``: whoever asked can wait."""
    try:
        yield
    except Exception as error:
        raise StoreError(
            f"the queue cannot be used: {error or type(error).__name__}",
            hint="limner doctor looks at the database",
        ) from error


@contextmanager
def alone(place: Place) -> Iterator[None]:
    """One worker on a file; the file as it is quick and safe. Raises ``StoreBusy``, ``StoreError``."""
    if place.url is not None:
        yield
        return
    from filelock import FileLock, Timeout

    place.folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(place.folder / _LOCK, timeout=0)
    try:
        lock.acquire()
    except Timeout as error:
        raise StoreBusy(
            f"another worker has {place.folder / FILE}.",
            hint="Wait for it, or give both a PostgreSQL (LIMNER_DATABASE_URL): then as many "
            "workers as you like share one queue.",
        ) from error
    try:
        _quick(place)
        yield
    finally:
        lock.release()


def _quick(place: Place) -> None:
    try:
        with closing(sqlite3.connect(place.folder / FILE)) as file:
            file.execute("PRAGMA journal_mode=WAL")
    except sqlite3.Error as error:
        raise unusable(place, error) from error
