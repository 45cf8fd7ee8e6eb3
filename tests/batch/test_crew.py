"""Several workers: what a dead one leaves is taken over, and one that slept sends nothing."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import pytest
from anyio.abc import Process
from pydantic import JsonValue

from agent import ImageAgent
from agent.batch.crew import Crew, Place
from agent.batch.drafts import Order, drafted
from agent.batch.notes import Book
from agent.batch.press import Press
from agent.batch.queue import Lost
from agent.batch.standing import BatchOptions
from agent.batch.tasks import Task, tasks_of
from agent.batch.wants import NOTHING, planned, sheet_of
from agent.factory import notes_of, open_disk
from agent.offline import Offline
from agent.poster.filling import load_brief
from agent.settings import load_settings
from agent.store.batches import DiskNotes
from tests.batch.held import Held
from tests.batch.postgres import Postgres, postgres
from tests.conftest import OpenOn, Serve
from tests.forked import python
from tests.gateway import served

FAR = "from agent.batch import here; here.is_here = lambda head: False; "
"""What makes a worker one of another machine, from where the folder of a batch cannot be reached."""
HASTY = "from agent.batch import bench, press; press.WAITS, bench.WAITS = (0.1,) * 3, (0.5,) * 99; "
"""What makes a run give up a picture while it still waits for the database."""
CLI = "from agent.doors.cli import main; main()"
ROOT = Path(__file__).resolve().parents[2]
TEXT = "name: one\ntitle: Night Market\nlettering: set\nmotif: a hill\nsizes: [320x400]\n"


# ── one that slept ───────────────────────────────────────────────────────────────────────────


class Sleepy:
    """The list of workers, on which one is buried after so many signs of life."""

    def __init__(self, notes: DiskNotes, *, beats: int) -> None:
        self.notes = notes
        self.left = beats

    async def beat(
        self, worker: str, *, first: bool = False, about: Mapping[str, JsonValue] | None = None
    ) -> bool:
        if self.left == 0:
            found = (await self.notes.workers())[worker]["beats"]
            assert isinstance(found, int)
            assert await self.notes.bury(worker, beats=found)
        self.left -= 1
        return await self.notes.beat(worker, first=first, about=about)

    async def workers(self) -> Mapping[str, dict[str, JsonValue]]:
        return await self.notes.workers()

    async def bury(self, worker: str, *, beats: int | None) -> bool:
        return await self.notes.bury(worker, beats=beats)

    def gone(self, worker: str) -> bool:
        return self.notes.gone(worker)

    async def leave(self, worker: str) -> None:
        await self.notes.leave(worker)


@pytest.fixture
def server(serve: Serve) -> Offline:
    return serve(draw="tiny")


@pytest.fixture
async def agent(open_on: OpenOn, server: Offline) -> AsyncIterator[ImageAgent]:
    async with open_on(server) as opened:
        yield opened


async def _task(agent: ImageAgent, notes: DiskNotes, out: Path) -> Task:
    brief = load_brief(TEXT, name="brief.yaml")
    order = Order(name="spring", out=out, briefs=(brief,), options=BatchOptions())
    draft = await drafted(order, agent, notes)
    book = Book(notes, "spring")
    await book.keep_head(draft.head)
    await book.keep_briefs(draft.notes)
    out.joinpath("spring").mkdir(parents=True)
    sheet = sheet_of(planned(draft.notes["one"], agent), agent, NOTHING)
    (task,) = tasks_of(draft.head, sheet, {})
    return task


def drawn(server: Offline) -> int:
    return server.state.journal.counts["generations"]


@pytest.mark.parametrize("beats", [1, 2])
async def test_a_worker_that_was_taken_over_sends_nothing_and_the_next_one_buys_once(
    agent: ImageAgent, server: Offline, tmp_path: Path, beats: int
) -> None:
    notes = notes_of(agent.store, agent.kit.clock)
    task = await _task(agent, notes, tmp_path / "out")
    slept = Place(Sleepy(notes, beats=beats), "slept")
    await slept.hold(first=True)

    with pytest.raises(Lost):
        await Press(agent, notes, lambda *_: None, slept).work(task)
    assert drawn(server) == 0
    assert all(one.billed == "no" for one in await agent.store.attempts())
    assert (await Book(notes, "spring").known(["one/320x400/1"])).pictures == {}

    awake = Place(notes, "awake")
    await awake.hold(first=True)
    pressed = await Press(agent, notes, lambda *_: None, awake).work(task)
    assert drawn(server) == 1
    assert [one.status for one in pressed.posters] == ["proved"]


async def test_a_worker_that_beat_in_time_is_not_buried(agent: ImageAgent) -> None:
    notes = notes_of(agent.store, agent.kit.clock)
    await notes.beat("ada", first=True)
    await notes.beat("ada")

    assert not await notes.bury("ada", beats=1)
    assert await notes.beat("ada")


async def test_a_name_that_is_off_the_list_does_not_come_back_by_itself(agent: ImageAgent) -> None:
    notes = notes_of(agent.store, agent.kit.clock)
    await notes.beat("ada", first=True)
    assert await notes.bury("ada", beats=1)

    assert not await notes.beat("ada")
    assert not await notes.beat("ada", first=True)


class Tasks:
    """A queue of which only the holders count."""

    def __init__(self, *holders: str) -> None:
        self.of = set(holders)
        self.taken: list[str] = []

    async def holders(self) -> frozenset[str]:
        return frozenset(self.of)

    async def take_from(self, executor: str) -> None:
        self.taken.append(executor)


async def test_silence_is_measured_by_the_clock_of_whoever_listens(agent: ImageAgent) -> None:
    notes = notes_of(agent.store, agent.kit.clock)
    await notes.beat("me", first=True)
    await notes.beat("other-host:1:x", first=True)
    tasks: Any = Tasks("other-host:1:x")
    crew = Crew(Place(notes, "me"), agent.store, agent.kit.clock, silent_s=1e-9)

    assert await crew.look(tasks) == ()
    await notes.beat("other-host:1:x")
    assert await crew.look(tasks) == ()
    assert await crew.look(tasks) == ("other-host:1:x",)
    assert tasks.taken == ["other-host:1:x"]


# ── on PostgreSQL ────────────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def database() -> Iterator[Postgres]:
    with postgres() as server:
        yield server


def _briefs(folder: Path, name: str, count: int) -> Path:
    brief = {"title": "Night Market", "lettering": "set", "sizes": ["320x400"]}
    lines = [
        json.dumps({"name": f"b{number}", "motif": f"hill number {number}", **brief})
        for number in range(count)
    ]
    path = folder / f"{name}.jsonl"
    path.write_text("\n".join(lines))
    return path


def _env(folder: Path, url: str, database: Postgres) -> dict[str, str]:
    return os.environ | {
        "LIMNER_HOME": str(folder / "home"),
        "LIMNER_DATABASE_URL": database.url,
        "OPENAI_API_KEY": "sk-test",
        "OPENAI_BASE_URL": url,
        "PYTHONPATH": str(ROOT),
    }


@asynccontextmanager
async def _limner(
    env: dict[str, str], folder: Path, *args: str, cli: str = CLI
) -> AsyncIterator[Process]:
    command = [python(), "-c", cli, "batch", *args]
    async with await anyio.open_process(
        command, env=env, cwd=folder, stderr=subprocess.DEVNULL
    ) as process:
        yield process


async def _until(process: Process, sign: bytes, times: int = 1) -> None:
    """Reads on until it was said so often."""
    assert process.stdout is not None
    seen = 0
    async for data in process.stdout:
        seen += data.count(sign)
        if seen >= times:
            return


async def _rest_of(process: Process) -> int:
    assert process.stdout is not None
    async for _ in process.stdout:
        pass
    return await process.wait()


async def _attempts(env: dict[str, str]) -> list[Any]:
    disk = await open_disk(load_settings(env=env))
    try:
        return [one for one in await disk.attempts() if one.kind != "ask"]
    finally:
        await disk.aclose()


async def test_the_tasks_of_a_worker_that_was_killed_are_finished_by_another(
    serve: Serve, tmp_path: Path, database: Postgres
) -> None:
    held = Held(2)
    server = serve(draw="tiny", latency=(0.1, 0.1), sleep=held.sleep)
    briefs = _briefs(tmp_path, "killed", 8)
    async with served(server) as url:
        env = _env(tmp_path, url, database)
        how = ("--yes", "--json", "--on-unknown", "retry", "--at-once", "2")
        async with _limner(env, tmp_path, "run", str(briefs), *how) as first:
            await held.full()
            first.send_signal(signal.SIGKILL)
            await first.wait()
        held.let_go()
        async with _limner(env, tmp_path, "worker", "--until-done") as second:
            assert await _rest_of(second) == 0

    pictures = list((tmp_path / "out" / "killed").glob("b*/en/320x400/1.png"))
    unknown = [one for one in await _attempts(env) if one.billed == "possibly"]
    assert len(pictures) == 8
    assert len(unknown) == 2
    assert drawn(server) == 8 + len(unknown)


async def test_what_was_being_drawn_when_the_database_went_away_is_kept_when_it_is_back(
    serve: Serve, tmp_path: Path, database: Postgres
) -> None:
    held = Held(2)
    server = serve(draw="tiny", latency=(0.1, 0.1), sleep=held.sleep)
    briefs = _briefs(tmp_path, "away", 8)
    async with served(server) as url:
        env = _env(tmp_path, url, database)
        how = ("--yes", "--json", "--at-once", "2")
        async with _limner(env, tmp_path, "run", str(briefs), *how) as run:
            await held.full()
            await anyio.to_thread.run_sync(database.stop)
            held.let_go()
            await _until(run, b'"batch.waits"')
            await anyio.to_thread.run_sync(database.start)
            assert await _rest_of(run) == 0

    pictures = list((tmp_path / "out" / "away").glob("b*/en/320x400/1.png"))
    attempts = [one for one in await _attempts(env) if one.batch == "away"]
    assert len(pictures) == drawn(server) == 8
    assert [(one.state, one.cost.basis) for one in attempts] == [("completed", "usage")] * 8


async def test_what_a_run_could_not_write_down_is_not_offered_to_be_paid_again(
    serve: Serve, tmp_path: Path, database: Postgres
) -> None:
    held = Held(1)
    server = serve(draw="tiny", latency=(0.1, 0.1), sleep=held.sleep)
    briefs, aside = _briefs(tmp_path, "long", 2), tmp_path / "aside"
    aside.mkdir()
    async with served(server) as url:
        env = _env(tmp_path, url, database) | {"TMPDIR": str(aside)}
        how = ("--yes", "--json", "--at-once", "1")
        async with _limner(env, tmp_path, "run", str(briefs), *how, cli=HASTY + CLI) as run:
            await held.full()
            await anyio.to_thread.run_sync(database.stop)
            held.let_go()
            await _until(run, b'"what": "ended"')
            await anyio.to_thread.run_sync(database.start)
            assert run.stdout is not None
            told = b"".join([data async for data in run.stdout])
            assert await run.wait() == 6
        async with _limner(env, tmp_path, "run", str(briefs), *how) as again:
            assert await _rest_of(again) == 0

    assert b"a picture that came is found" in told
    assert b"limner retry" not in told
    assert drawn(server) == 2
    assert list(aside.iterdir()) == []


async def test_what_arrived_while_the_database_was_away_outlives_the_process_that_held_it(
    serve: Serve, tmp_path: Path, database: Postgres
) -> None:
    held = Held(2)
    server = serve(draw="tiny", latency=(0.1, 0.1), sleep=held.sleep)
    briefs, aside = _briefs(tmp_path, "gone", 4), tmp_path / "aside"
    aside.mkdir()
    async with served(server) as url:
        env = _env(tmp_path, url, database) | {"TMPDIR": str(aside)}
        how = ("--yes", "--json", "--at-once", "2")
        async with _limner(env, tmp_path, "run", str(briefs), *how) as run:
            await held.full()
            await anyio.to_thread.run_sync(database.stop)
            held.let_go()
            await _until(run, b'"task": "gone/b', 2)
            run.send_signal(signal.SIGKILL)
            await run.wait()
        waiting = list(aside.glob("limner-turn_*"))
        await anyio.to_thread.run_sync(database.start)
        async with _limner(env, tmp_path, "run", str(briefs), *how) as again:
            assert await _rest_of(again) == 0

    attempts = [one for one in await _attempts(env) if one.batch == "gone"]
    assert len(waiting) == 2
    assert list(aside.iterdir()) == []
    assert len(list((tmp_path / "out" / "gone").glob("b*/en/320x400/1.png"))) == 4
    assert drawn(server) == len(attempts) == 4
    assert {one.billed for one in attempts} == {"yes"}


class Busy:
    """Waits as long as it is told, and counts who else does."""

    def __init__(self) -> None:
        self.now = self.most = 0

    async def sleep(self, seconds: float) -> None:
        self.now += 1
        self.most = max(self.most, self.now)
        await anyio.sleep(seconds)
        self.now -= 1


async def test_what_may_be_under_way_at_once_holds_over_two_workers_as_the_server_sees_it(
    serve: Serve, tmp_path: Path, database: Postgres
) -> None:
    busy = Busy()
    server = serve(draw="tiny", latency=(0.4, 0.6), sleep=busy.sleep)
    briefs = _briefs(tmp_path, "both", 12)
    async with served(server) as url:
        env = _env(tmp_path, url, database)
        async with _limner(env, tmp_path, "worker", "--json") as helper:
            how = ("--yes", "--json", "--at-once", "3")
            async with _limner(env, tmp_path, "run", str(briefs), *how) as run:
                assert await _rest_of(run) == 0
            helper.send_signal(signal.SIGINT)
            assert await _rest_of(helper) == 130

    attempts = [one for one in await _attempts(env) if one.batch == "both"]
    assert busy.most == 3
    assert drawn(server) == len(attempts) == 12
    assert len({one.owner for one in attempts}) == 2


async def test_what_a_worker_elsewhere_bought_is_set_where_the_folder_is(
    serve: Serve, tmp_path: Path, database: Postgres
) -> None:
    server = serve(draw="tiny", latency=(0.4, 0.6))
    briefs = _briefs(tmp_path, "far", 12)
    async with served(server) as url:
        env = _env(tmp_path, url, database)
        async with _limner(env, tmp_path, "worker", "--json", cli=FAR + CLI) as helper:
            async with _limner(env, tmp_path, "run", str(briefs), "--yes", "--json") as run:
                assert await _rest_of(run) == 0
            helper.send_signal(signal.SIGINT)
            await _rest_of(helper)

    attempts = [one for one in await _attempts(env) if one.batch == "far"]
    assert len({one.owner for one in attempts}) == 2
    assert len(list((tmp_path / "out" / "far").glob("b*/en/320x400/1.png"))) == 12
    assert drawn(server) == 12


async def test_a_watcher_that_was_deaf_itself_takes_nobody_for_dead(agent: ImageAgent) -> None:
    class Slow:
        def __init__(self) -> None:
            self.at = 0.0

        def now(self) -> Any:
            return agent.kit.clock.now()

        def monotonic(self) -> float:
            return self.at

    notes, slow, tasks = notes_of(agent.store, agent.kit.clock), Slow(), Tasks("far:1:x")
    queue: Any = tasks
    await notes.beat("far:1:x", first=True)
    crew = Crew(Place(notes, "me"), agent.store, slow)

    assert await crew.look(queue) == ()
    slow.at = 60.0
    assert await crew.look(queue) == ()
    for slow.at in (75.0, 90.0, 105.0):
        assert await crew.look(queue) == ()
    slow.at = 106.0
    assert await crew.look(queue) == ("far:1:x",)
