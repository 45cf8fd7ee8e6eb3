from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Awaitable, Callable
from contextlib import closing
from pathlib import Path

import anyio
import anyio.from_thread
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from filelock import FileLock
from sqlalchemy import Connection, insert, select

from agent.errors import SettingsError, StoreBusy, StoreError, StoreNewer
from agent.protocols import Clock
from agent.schema import Attempt, Session, Turn
from agent.store import DiskStore, open_store
from agent.store.database import store_url
from agent.store.migrate import SCRIPTS, bring_up_to_date
from agent.store.tables import REVISIONS, metadata
from agent.store.tables import session as session_table
from agent.store.tables import turn as turn_table

MakeSession = Callable[..., Session]
Reopen = Callable[..., Awaitable[DiskStore]]
Sql = Callable[..., list[tuple[object, ...]]]

NEXT = f"""
from alembic import op
import sqlalchemy as sa

revision = "next"
down_revision = "{REVISIONS[-1]}"


def upgrade():
    op.add_column("session", sa.Column("mood", sa.Text))
    op.execute("UPDATE session SET mood = 'calm'")
"""


@pytest.fixture
def with_next(tmp_path: Path) -> Callable[[str], Path]:
    """Migration scripts of a version that has one more schema than this one."""

    def write(script: str) -> Path:
        scripts = Path(shutil.copytree(SCRIPTS, tmp_path / "scripts"))
        (scripts / "versions" / "next_schema.py").write_text(script)
        return scripts

    return write


def copies(root: Path) -> list[str]:
    return [path.name for path in root.glob("limner.db.before*")]


def upgrade(root: Path, scripts: Path) -> None:
    url = store_url(root, None)
    bring_up_to_date(url, root, busy_s=1, scripts=scripts, revisions=(*REVISIONS, "next"))


async def test_a_new_store_makes_its_folder(tmp_path: Path, clock: Clock) -> None:
    root = tmp_path / "100% new" / "limner"

    store = await open_store(root, clock=clock)

    assert await store.sessions() == []
    await store.aclose()
    assert {path.name for path in root.iterdir()} >= {"limner.db", "blobs", "partials"}
    assert root.stat().st_mode & 0o077 == 0


async def test_a_store_outlives_its_process(
    reopen: Reopen, store: DiskStore, a_session: MakeSession
) -> None:
    session = await store.create_session(a_session())
    await store.aclose()

    again = await reopen()

    assert await again.sessions() == [session]
    await again.aclose()


async def test_the_migrations_build_the_tables(store: DiskStore) -> None:
    def differences(connection: Connection) -> list[object]:
        return list(compare_metadata(MigrationContext.configure(connection), metadata))

    assert await store._database.read(differences) == []


def test_the_known_revisions_are_the_scripts() -> None:
    scripts = ScriptDirectory(str(SCRIPTS)).walk_revisions()

    assert tuple(script.revision for script in scripts)[::-1] == REVISIONS


@pytest.mark.usefixtures("sqlite_only")
async def test_the_file_is_set_up_for_money(store: DiskStore) -> None:
    def pragmas(connection: Connection) -> list[object]:
        names = ("journal_mode", "synchronous", "foreign_keys", "secure_delete")
        return [connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in names]

    full = 2
    assert await store._database.read(pragmas) == ["wal", full, 1, 1]


async def test_a_newer_store_is_refused_untouched(
    reopen: Reopen, store: DiskStore, root: Path, sql: Sql
) -> None:
    await store.aclose()
    sql("UPDATE alembic_version SET version_num = '9999'")
    before = (root / "limner.db").read_bytes()

    with pytest.raises(StoreNewer, match="9999"):
        await reopen()

    assert (root / "limner.db").read_bytes() == before
    assert copies(root) == []


async def test_a_database_of_someone_else_is_refused(tmp_path: Path, clock: Clock) -> None:
    with closing(sqlite3.connect(tmp_path / "limner.db")) as connection, connection:
        connection.execute("CREATE TABLE recipe (name TEXT)")

    with pytest.raises(StoreError, match="no Limner store"):
        await open_store(tmp_path, clock=clock)


async def test_a_file_that_is_no_database_is_refused(tmp_path: Path, clock: Clock) -> None:
    (tmp_path / "limner.db").write_bytes(b"not a database, but long enough to look at" * 100)

    with pytest.raises(StoreError, match="no database"):
        await open_store(tmp_path, clock=clock)


async def test_an_empty_file_is_a_new_store(tmp_path: Path, clock: Clock) -> None:
    (tmp_path / "limner.db").touch()

    store = await open_store(tmp_path, clock=clock)

    assert await store.sessions() == []
    await store.aclose()


async def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path, clock: Clock) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(StoreError, match="file"):
        await open_store(tmp_path / "file" / "root", clock=clock)


async def test_only_postgresql_can_stand_in_for_sqlite(tmp_path: Path, clock: Clock) -> None:
    with pytest.raises(SettingsError, match="neither") as caught:
        await open_store(tmp_path, clock=clock, database_url="mysql://ada:hunter2@host/name")

    assert "hunter2" not in str(caught.value)


async def test_an_older_store_is_copied_and_then_migrated(
    store: DiskStore,
    a_session: MakeSession,
    root: Path,
    with_next: Callable[[str], Path],
    sql: Sql,
) -> None:
    await store.create_session(a_session())  # still in the write-ahead log, not in the file
    await store.aclose()

    upgrade(root, with_next(NEXT))

    assert sql("SELECT name, mood FROM session") == [("night-market", "calm")]
    with closing(sqlite3.connect(root / "limner.db.before-next")) as copy:
        assert copy.execute("SELECT version_num FROM alembic_version").fetchall() == [
            (REVISIONS[-1],)
        ]
        assert copy.execute("SELECT name FROM session").fetchall() == [("night-market",)]


async def test_what_came_to_the_last_schema_is_added_and_an_older_release_goes_on(
    reopen: Reopen,
    store: DiskStore,
    a_session: MakeSession,
    a_turn: Callable[..., Turn],
    root: Path,
) -> None:
    await store.create_session(a_session())
    await store.open_turn(a_turn(1))

    async def write(statement: str) -> None:
        await store.database.write(lambda connection: connection.exec_driver_sql(statement))

    await write("ALTER TABLE turn DROP COLUMN owner")
    again = await reopen()
    known = [c.name for c in turn_table.c if c.name not in {"seq", "id", "owner"}]
    named = ", ".join(f'"{name}"' for name in known)
    await write(f"INSERT INTO turn (id, {named}) SELECT 'turn_older', {named} FROM turn")
    await again.open_turn(a_turn(2))

    def owners(connection: Connection) -> list[str | None]:
        query = select(turn_table.c.owner).order_by(turn_table.c.seq)
        return list(connection.execute(query).scalars())

    assert await again.database.read(owners) == [None, None, again.settling.owner]
    assert len(await again.turns(a_session().id)) == 3
    assert copies(root) == []
    await again.aclose()


async def test_a_failed_migration_changes_nothing(
    store: DiskStore, root: Path, with_next: Callable[[str], Path], sql: Sql
) -> None:
    await store.aclose()
    schema = sql("SELECT sql FROM sqlite_master ORDER BY name")

    with pytest.raises(StoreError):
        upgrade(root, with_next(NEXT + '    op.execute("UPDATE nowhere SET x = 1")\n'))

    assert sql("SELECT sql FROM sqlite_master ORDER BY name") == schema
    assert sql("SELECT version_num FROM alembic_version") == [(REVISIONS[-1],)]


async def test_a_migration_under_way_elsewhere_is_waited_for_and_then_told(
    tmp_path: Path, clock: Clock
) -> None:
    with (
        FileLock(tmp_path / "migrate.lock"),
        pytest.raises(StoreBusy, match="migrating"),
    ):
        await open_store(tmp_path, clock=clock, busy_s=0.01)


@pytest.mark.usefixtures("sqlite_only")
async def test_a_store_that_another_process_holds_is_busy_and_then_fine(
    reopen: Reopen,
    root: Path,
    an_attempt: Callable[..., Attempt],
) -> None:
    hasty = await reopen(busy_s=0.01)
    with closing(sqlite3.connect(root / "limner.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreBusy, match=r"limner\.db"):
            await hasty.reserve(an_attempt(), caps={})
        assert await hasty.sessions() == []
        other.execute("ROLLBACK")

    assert await hasty.reserve(an_attempt(), caps={}) is None
    await hasty.aclose()


async def test_a_cancelled_write_is_whole_and_holds_no_lock(
    store: DiskStore, a_session: MakeSession
) -> None:
    session = a_session()
    row = session.model_dump(exclude={"turns", "images"})

    with anyio.CancelScope() as scope:

        def cancelled_half_way(connection: Connection) -> None:
            anyio.from_thread.run_sync(scope.cancel)
            connection.execute(insert(session_table), row)

        await store._database.write(cancelled_half_way)
        await anyio.lowlevel.checkpoint()

    assert scope.cancelled_caught
    assert await store.sessions() == [session]
    await store.create_session(a_session("next"))


async def test_a_write_that_raises_leaves_nothing(store: DiskStore, a_session: MakeSession) -> None:
    def half(connection: Connection) -> None:
        row = a_session().model_dump(exclude={"turns", "images"})
        connection.execute(insert(session_table), row)
        raise LookupError

    with pytest.raises(LookupError):
        await store._database.write(half)

    assert await store.sessions() == []
