"""Bring a store up to date before it is opened, and refuse one from the future.

The version is read with plain SQL first; alembic is imported only when there is work for it. All
of this is synchronous and runs in one worker thread.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from filelock import FileLock, Timeout
from sqlalchemy import (
    URL,
    Column,
    ColumnElement,
    Connection,
    Engine,
    create_engine,
    inspect,
    literal_column,
    select,
    text,
)

from ..errors import StoreBusy, StoreError, StoreNewer
from ..logs import get_logger
from .blobs import sync_file, sync_folder
from .database import engine_options, prepare_engine, shown
from .said import translated
from .tables import LATER, REVISIONS, VERSION_TABLE, metadata

log = get_logger("limner.store")

SCRIPTS = Path(__file__).parent / "migrations"


def bring_up_to_date(
    url: URL,
    root: Path,
    *,
    busy_s: float,
    scripts: Path = SCRIPTS,
    revisions: tuple[str, ...] = REVISIONS,
) -> None:
    """Raises ``StoreNewer`` untouched, ``StoreBusy``, or ``StoreError`` for a foreign database."""
    where = shown(url)
    with translated(where), _sync_engine(url, busy_s) as engine:
        current = _checked(_peek(engine, url), where, revisions) == revisions[-1]
        if current and not _lacks(engine):
            return
        with _alone(root, busy_s):
            found = _checked(_peek(engine, url), where, revisions)
            if found != revisions[-1]:
                _upgrade(engine, url, found, scripts, revisions)
            with engine.execution_options(begin="write").begin() as connection:
                _complete(connection)


def _is_sqlite(url: URL) -> bool:
    return url.get_backend_name() == "sqlite"


@contextmanager
def _sync_engine(url: URL, busy_s: float) -> Iterator[Engine]:
    try:
        engine = create_engine(url, **engine_options(url, busy_s))
    except ModuleNotFoundError as error:
        raise StoreError(
            f"PostgreSQL needs the package {error.name}", hint="pip install 'psycopg[binary]'"
        ) from error
    prepare_engine(engine)
    try:
        yield engine
    finally:
        engine.dispose()


@contextmanager
def _alone(root: Path, busy_s: float) -> Iterator[None]:
    try:
        with FileLock(root / "migrate.lock", timeout=busy_s):
            yield
    except Timeout as error:
        raise StoreBusy(
            f"another process is migrating the store in {root}",
            hint="Wait for it to finish, then try again.",
        ) from error


def _peek(engine: Engine, url: URL) -> tuple[str | None, bool]:
    """The version, and whether there is any table at all. Leaves a SQLite file untouched."""
    if not _is_sqlite(url):
        with engine.connect() as connection:
            return _version(connection), bool(inspect(connection).get_table_names())
    path = Path(url.database or "")
    if not path.exists():
        return None, False
    with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as connection:
        tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}
        if VERSION_TABLE not in tables:
            return None, bool(tables)
        row = connection.execute(f"SELECT version_num FROM {VERSION_TABLE}").fetchone()  # noqa: S608
        return (row[0] if row else None), True


def _version(connection: Connection) -> str | None:
    if VERSION_TABLE not in inspect(connection).get_table_names():
        return None
    statement = text(f"SELECT version_num FROM {VERSION_TABLE}")  # noqa: S608
    version: str | None = connection.execute(statement).scalar()
    return version


def _checked(found: tuple[str | None, bool], where: str, known: tuple[str, ...]) -> str | None:
    version, has_tables = found
    if version is None and has_tables:
        raise StoreError(
            f"{where} holds tables, but is no Limner store", hint="Choose another data folder."
        )
    if version is not None and version not in known:
        raise StoreNewer(
            f"{where} was written by a newer Limner (schema {version}, known here: {known[-1]})",
            hint="Upgrade limner, or choose another data folder. The store was not touched.",
        )
    return version


def _upgrade(
    engine: Engine, url: URL, found: str | None, scripts: Path, revisions: tuple[str, ...]
) -> None:
    if _is_sqlite(url) and url.database:
        path = Path(url.database)
        if found is None:
            _use_wal(engine)
        else:
            step = revisions[revisions.index(found) + 1]
            _copy(path, path.with_name(f"{path.name}.before-{step}"))
    with engine.execution_options(begin="write").begin() as connection:
        if _version(connection) == found:  # another machine may have been faster (PostgreSQL)
            _run_alembic(connection, scripts)
    log.info("store.migrated", found=found, now=revisions[-1])


def _use_wal(engine: Engine) -> None:
    with engine.connect() as connection:
        mode = connection.exec_driver_sql("PRAGMA journal_mode=WAL").scalar()
    if mode != "wal":
        log.warning("store.no_wal", mode=mode, hint="Is the data folder on a network disk?")


def _copy(source: Path, target: Path) -> None:
    """A consistent copy, WAL included, that appears under its name only when it is complete."""
    scratch = target.with_name(target.name + ".tmp")
    scratch.unlink(missing_ok=True)
    with (
        closing(sqlite3.connect(source)) as original,
        closing(sqlite3.connect(scratch)) as copy,
    ):
        original.backup(copy)
    sync_file(scratch)
    scratch.replace(target)
    sync_folder(target.parent)
    log.info("store.copied", to=target.name)


def _run_alembic(connection: Connection, scripts: Path) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(scripts).replace("%", "%%"))
    config.attributes["connection"] = connection
    config.attributes["metadata"] = metadata
    command.upgrade(config, "head")


# ── what came to the last revision ───────────────────────────────────────────────────────────


def _lacks(engine: Engine) -> bool:
    with engine.connect() as connection:
        return bool(_lacking(connection))


def _lacking(connection: Connection) -> list[Column[str]]:
    return [column for column in LATER if column.name not in _columns(connection, column)]


def _columns(connection: Connection, beside: Column[str]) -> set[str]:
    every: ColumnElement[object] = literal_column("*")
    return set(connection.execute(select(every).select_from(beside.table).limit(0)).keys())


def _complete(connection: Connection) -> None:
    """A revision of its own would lock older releases out, which can do without these."""
    for column in _lacking(connection):
        kind = column.type.compile(connection.dialect)
        added = f'ALTER TABLE "{column.table.name}" ADD COLUMN "{column.name}" {kind}'
        connection.exec_driver_sql(added)
        log.info("store.completed", table=column.table.name, column=column.name)
