"""Writes that wait for one another share a commit, and each still stands or falls alone."""

from __future__ import annotations

from collections.abc import Callable

import anyio
import pytest
from sqlalchemy import Connection, Engine, event, text
from sqlalchemy.exc import OperationalError

from agent.errors import StoreError, UsageError
from agent.store import DiskStore
from agent.store.database import MOST_AT_ONCE, Database

pytestmark = pytest.mark.usefixtures("sqlite_only")


@pytest.fixture
def database(store: DiskStore) -> Database:
    return store.database


def noting(key: str) -> Callable[[Connection], str]:
    def work(connection: Connection) -> str:
        connection.execute(text("INSERT INTO meta VALUES (:key, 'x')"), {"key": key})
        return key

    return work


def keys(connection: Connection) -> set[str]:
    found = connection.execute(text("SELECT key FROM meta WHERE value = 'x'"))
    return set(found.scalars())


async def all_of(database: Database, works: list[Callable[[Connection], str]]) -> list[object]:
    """What each came to, all of them asked for at once."""
    found: list[object] = [None] * len(works)

    async def one(at: int) -> None:
        try:
            found[at] = await database.write(works[at])
        except Exception as error:  # noqa: BLE001
            found[at] = error

    async with anyio.create_task_group() as tasks:
        for at in range(len(works)):
            tasks.start_soon(one, at)
    return found


async def test_what_waits_shares_a_commit(database: Database) -> None:
    commits = 0

    def count(_: Connection) -> None:
        nonlocal commits
        commits += 1

    event.listen(Engine, "commit", count)
    try:
        found = await all_of(database, [noting(str(n)) for n in range(50)])
    finally:
        event.remove(Engine, "commit", count)

    assert found == [str(n) for n in range(50)]
    assert await database.read(keys) == set(map(str, range(50)))
    assert commits < 10


async def test_more_than_fit_are_all_written(database: Database) -> None:
    many = MOST_AT_ONCE + 20
    await all_of(database, [noting(str(n)) for n in range(many)])

    assert len(await database.read(keys)) == many


async def test_one_that_raises_undoes_itself_alone(database: Database) -> None:
    def wrong(connection: Connection) -> str:
        noting("wrong")(connection)
        raise UsageError("no")

    def full(connection: Connection) -> str:
        noting("full")(connection)
        raise OSError(28, "No space left on device")

    found = await all_of(database, [noting("a"), wrong, noting("b"), full, noting("c")])

    assert [type(one) for one in found] == [str, UsageError, str, StoreError, str]
    assert await database.read(keys) == {"a", "b", "c"}


async def test_where_the_database_itself_objects_each_is_written_alone(database: Database) -> None:
    def broken(connection: Connection) -> str:
        noting("broken")(connection)
        raise OperationalError("", {}, Exception("the database objects"))

    found = await all_of(database, [noting("a"), noting("b"), broken, noting("c"), noting("c")])

    assert [type(one) for one in found] == [str, str, StoreError, str, StoreError]
    assert await database.read(keys) == {"a", "b", "c"}


async def test_a_later_one_sees_what_an_earlier_one_wrote(database: Database) -> None:
    def counting(connection: Connection) -> str:
        number = str(len(keys(connection)))
        return noting(number)(connection)

    found = await all_of(database, [counting] * 20)

    assert found == [str(n) for n in range(20)]


async def test_one_that_is_given_up_before_its_turn_is_never_run(database: Database) -> None:
    begun, go_on = anyio.Event(), anyio.Event()

    def slow(connection: Connection) -> str:
        anyio.from_thread.run_sync(begun.set)
        anyio.from_thread.run(go_on.wait)
        return noting("slow")(connection)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(database.write, slow)
        await begun.wait()
        with anyio.move_on_after(0):
            await database.write(noting("given up"))
        go_on.set()

    await database.write(noting("last"))
    assert await database.read(keys) == {"slow", "last"}


async def test_those_behind_one_that_is_given_up_are_written(database: Database) -> None:
    begun, go_on = anyio.Event(), anyio.Event()

    def slow(connection: Connection) -> str:
        anyio.from_thread.run_sync(begun.set)
        anyio.from_thread.run(go_on.wait)
        return noting("slow")(connection)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(database.write, slow)
        await begun.wait()
        async with anyio.create_task_group() as others:
            others.start_soon(database.write, noting("given up"))
            await anyio.lowlevel.checkpoint()
            tasks.start_soon(database.write, noting("behind"))
            await anyio.lowlevel.checkpoint()
            others.cancel_scope.cancel()
        go_on.set()

    assert await database.read(keys) == {"slow", "behind"}


async def test_the_others_are_written_when_one_is_given_up_as_it_is_called(
    database: Database,
) -> None:
    begun, go_on = anyio.Event(), anyio.Event()
    scope = anyio.CancelScope()

    def slow(connection: Connection) -> str:
        anyio.from_thread.run_sync(begun.set)
        anyio.from_thread.run(go_on.wait)
        return noting("slow")(connection)

    async def first() -> None:
        await database.write(slow)
        scope.cancel()  # in the round in which the next one is called

    async def second() -> None:
        with scope:
            await database.write(noting("second"))

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(first)
        await begun.wait()
        tasks.start_soon(second)
        await anyio.lowlevel.checkpoint()
        tasks.start_soon(database.write, noting("third"))
        await anyio.lowlevel.checkpoint()
        go_on.set()

    assert await database.read(keys) >= {"slow", "third"}
