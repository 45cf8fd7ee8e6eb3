"""Two releases of Limner at one queue: nothing is stuck, and what one cannot read is left and said."""

from __future__ import annotations

import signal
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from anyio.abc import Process

from agent import ImageAgent
from agent.batch.bench import Bench
from agent.batch.notes import Book
from agent.batch.queue import Lost
from agent.batch.standing import picture_reach
from agent.batch.tasks import Task
from agent.errors import StoreNewer
from agent.factory import notes_of
from agent.offline import Offline
from agent.poster.filling import load_brief
from agent.poster.planning import plan_for
from tests.batch.postgres import Postgres, postgres
from tests.batch.test_crew import (
    CLI,
    TEXT,
    _attempts,
    _briefs,
    _env,
    _limner,
    _rest_of,
    _until,
    drawn,
)
from tests.conftest import OpenOn, Serve
from tests.gateway import served

LATER = "from agent.batch import queue; queue.VERSION = '2'; queue.READS = frozenset('12'); "
"""A release whose tasks have another form, and which reads those of before."""
HOW = ("--yes", "--json", "--on-unknown", "retry", "--at-once", "2")


@pytest.fixture(scope="module")
def database() -> Iterator[Postgres]:
    with postgres() as server:
        yield server


@pytest.fixture
def server(serve: Serve) -> Offline:
    return serve(draw="tiny")


@pytest.fixture
async def agent(open_on: OpenOn, server: Offline) -> AsyncIterator[ImageAgent]:
    async with open_on(server) as opened:
        yield opened


async def _killed_in_mid_batch(run: Process) -> None:
    await _until(run, b'"proved"', 2)
    run.send_signal(signal.SIGKILL)
    await run.wait()


async def test_tasks_of_an_older_release_are_finished_by_a_worker_of_a_newer_one(
    serve: Serve, tmp_path: Path, database: Postgres
) -> None:
    server = serve(draw="tiny", latency=(0.2, 0.3))
    briefs = _briefs(tmp_path, "older", 8)
    async with served(server) as url:
        env = _env(tmp_path, url, database)
        async with _limner(env, tmp_path, "run", str(briefs), *HOW) as old:
            await _killed_in_mid_batch(old)
        async with _limner(env, tmp_path, "worker", "--until-done", cli=LATER + CLI) as new:
            assert await _rest_of(new) == 0

    pictures = list((tmp_path / "out" / "older").glob("b*/en/320x400/1.png"))
    assert len(pictures) == 8
    attempts = [one for one in await _attempts(env) if one.batch == "older"]
    assert sum(one.billed == "yes" and one.kind != "ask" for one in attempts) == 8


async def test_a_task_of_a_newer_release_is_left_and_said_by_an_older_worker(
    serve: Serve, tmp_path: Path, database: Postgres
) -> None:
    server = serve(draw="tiny", latency=(0.2, 0.3))
    briefs = _briefs(tmp_path, "newer", 8)
    async with served(server) as url:
        env = _env(tmp_path, url, database)
        async with _limner(env, tmp_path, "run", str(briefs), *HOW, cli=LATER + CLI) as new:
            await _killed_in_mid_batch(new)
        before = drawn(server)
        async with _limner(env, tmp_path, "worker", "--json") as old:
            await _until(old, b"newer Limner")
            old.send_signal(signal.SIGINT)
            assert await _rest_of(old) == 130
        assert drawn(server) == before
        async with _limner(env, tmp_path, "worker", "--until-done", cli=LATER + CLI) as later:
            assert await _rest_of(later) == 0

    assert len(list((tmp_path / "out" / "newer").glob("b*/en/320x400/1.png"))) == 8


async def test_an_older_and_a_newer_worker_share_what_both_can_read(
    serve: Serve, tmp_path: Path, database: Postgres
) -> None:
    server = serve(draw="tiny", latency=(0.4, 0.6))
    briefs = _briefs(tmp_path, "both", 12)
    renamed = "import agent; agent.__version__ = '99.0'; "
    async with served(server) as url:
        env = _env(tmp_path, url, database)
        async with _limner(env, tmp_path, "worker", "--json", cli=renamed + CLI) as helper:
            async with _limner(env, tmp_path, "run", str(briefs), *HOW) as run:
                assert await _rest_of(run) == 0
            helper.send_signal(signal.SIGINT)
            assert await _rest_of(helper) == 130

    attempts = [one for one in await _attempts(env) if one.batch == "both"]
    assert len({one.owner for one in attempts}) == 2
    assert len(list((tmp_path / "out" / "both").glob("b*/en/320x400/1.png"))) == 12


async def test_what_only_a_newer_release_reads_is_left_for_it_and_nothing_is_sent(
    agent: ImageAgent, server: Offline
) -> None:
    bench = Bench(
        agent=agent,
        notes=notes_of(agent.store, agent.kit.clock),
        heard=lambda *_: None,
        tell=lambda _: None,
        rest=lambda _: None,
    )
    task = Task(batch="spring", brief="one", picture="320x400/1", of="x")

    with pytest.raises(Lost):
        await bench.work({**task.model_dump(mode="json"), "hurry": True})

    assert isinstance(bench.unread, StoreNewer)
    assert "hurry" in str(bench.unread)
    assert bench.bug is None
    assert drawn(server) == 0


async def test_a_note_with_a_field_of_a_newer_release_is_named_and_not_a_bug(
    agent: ImageAgent,
) -> None:
    notes = notes_of(agent.store, agent.kit.clock)
    await notes.put("spring", "batch", {"spring": {"name": "spring", "mood": "sunny"}})

    with pytest.raises(StoreNewer, match="newer Limner"):
        await Book(notes, "spring").head()


async def test_a_picture_reaches_as_it_did_for_tasks_of_this_version(agent: ImageAgent) -> None:
    """Where this fails, raise ``queue.VERSION``: workers of before would take tasks for obsolete."""
    brief = load_brief(TEXT, name="brief.yaml")
    (picture,) = plan_for(brief, agent).pictures

    assert picture_reach(brief, picture, {}) == "cf627293b8950a03ad52e6062c6f6697"
