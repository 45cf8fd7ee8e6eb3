"""What a database or a disk says when it refuses, as a ``StoreError`` that says what to do."""

from __future__ import annotations

import errno
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from ..errors import StoreBusy, StoreError

FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


@contextmanager
def translated(where: str) -> Iterator[None]:
    """Raise what the database or the disk says as a ``StoreError`` that names ``where``."""
    try:
        yield
    except SQLAlchemyError as error:
        raise _from_database(error, where) from error
    except sqlite3.Error as error:
        raise _from_cause(error, where) from error
    except OSError as error:
        raise from_disk(error, where) from error


def _from_database(error: SQLAlchemyError, where: str) -> StoreError:
    cause = error.orig if isinstance(error, DBAPIError) else None
    return _from_cause(error if cause is None else cause, where)


def _is_away(state: str | None) -> bool:
    """Classes 08 and 57 of SQLSTATE: the connection broke, or the server is going or coming."""
    return state is not None and state[:2] in ("08", "57")


def _from_cause(cause: BaseException, where: str) -> StoreError:
    code = getattr(cause, "sqlite_errorcode", 0) & 0xFF
    state = getattr(cause, "sqlstate", None)
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED) or state == "55P03":
        return StoreBusy(
            f"another process holds {where} for too long",
            hint="Wait for it to finish, or look for a stuck limner process, then try again.",
        )
    if code in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR) or state == "53100":
        return StoreError(f"{where} cannot be written: {cause}", hint="Free some disk space.")
    if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
        return StoreError(
            f"{where} is damaged or is no database: {cause}",
            hint="Move it away and restore a copy; the pictures in blobs/ are still there.",
        )
    if code in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM):
        return StoreError(f"{where} cannot be opened: {cause}", hint="Check its permissions.")
    plain = (type(cause).__module__, type(cause).__name__) == ("psycopg", "OperationalError")
    if _is_away(state) or (state is None and plain):
        said = str(cause).strip().partition("\n")[0].removeprefix("connection failed: ")
        return StoreError(
            f"{where} cannot be reached: {said}",
            hint="Is it running? LIMNER_DATABASE_URL has its host, user, password and name.",
        )
    return StoreError(f"{where} refused the work: {type(cause).__name__}: {cause}")


def from_disk(error: OSError, where: str) -> StoreError:
    """An ``OSError`` as a ``StoreError``; a full disk says so."""
    if error.errno in FULL:
        return StoreError(
            f"no space left for {where}: {error.strerror}",
            hint="Free some disk space or raise the quota; nothing half-written was kept.",
        )
    return StoreError(f"{where}: {error.strerror}", hint="Check the folder and its permissions.")
