"""``--rate``: never more in any window of that length, whoever asks."""

from __future__ import annotations

import random
import signal
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

import pytest

from agent.batch.pacing import Turnstile
from agent.factory import notes_of, open_disk
from agent.settings import load_settings
from tests.batch.postgres import Postgres, postgres
from tests.batch.test_crew import CLI, Busy, _attempts, _briefs, _env, _limner, _rest_of
from tests.conftest import Serve
from tests.gateway import served

LOOSE = "from agent.batch import queue, run; queue._SLOWER_S = -0.9; run.SLACK_S = 1.0; "
"""The queue gives out whatever it has; a machine that is busy may be a second late."""


class Stepped:
    """A clock that goes on when it is told."""

    def __init__(self) -> None:
        self.at = 0.0

    def now(self) -> datetime:
        return datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=self.at)

    def monotonic(self) -> float:
        return self.at


def most_in(times: list[float], period: float) -> int:
    """The largest number in any window of that length."""
    return max(sum(begin <= one < begin + period for one in times) for begin in times)


@pytest.mark.parametrize("seed", range(5))
async def test_no_window_ever_holds_more_however_late_a_ticket_is_used(
    tmp_path: Path, seed: int
) -> None:
    chance, clock, used, names = random.Random(seed), Stepped(), list[float](), count()
    disk = await open_disk(load_settings(env={"LIMNER_HOME": str(tmp_path)}), clock=clock)
    try:
        notes, held = notes_of(disk, clock), list[str]()
        await notes.set_pace("shop", (3, 10.0))
        for _ in range(400):
            clock.at += chance.choice((0.0, 0.3, 2.0, 9.0))
            ticket = str(next(names))
            if await notes.ticket("shop", ticket) == 0:
                held.append(ticket)
            if held and chance.random() < 0.5 and await notes.stamp("shop", held.pop(0)):
                used.append(clock.at)
    finally:
        await disk.aclose()

    assert len(used) > 50
    assert most_in(used, 10.0) == 3


async def test_a_ticket_of_a_worker_that_died_is_void_and_nobody_waits_for_it_for_ever(
    tmp_path: Path,
) -> None:
    clock = Stepped()
    disk = await open_disk(load_settings(env={"LIMNER_HOME": str(tmp_path)}), clock=clock)
    try:
        notes = notes_of(disk, clock)
        await notes.set_pace("shop", (1, 10.0))
        assert await notes.ticket("shop", "dead") == 0
        assert await notes.ticket("shop", "next")
        clock.at = 61.0
        assert await notes.ticket("shop", "next") == 0
        assert not await notes.stamp("shop", "dead")
        assert await notes.stamp("shop", "next")
    finally:
        await disk.aclose()


async def test_without_a_rate_nobody_waits_and_nothing_is_written_down(tmp_path: Path) -> None:
    disk = await open_disk(load_settings(env={"LIMNER_HOME": str(tmp_path)}))
    try:
        notes = notes_of(disk)
        turnstile = Turnstile(notes, "shop", "ada")
        await turnstile.enter()
        await turnstile.passing()
        assert await notes.all("", "pace") == {}
    finally:
        await disk.aclose()


@pytest.fixture(scope="module")
def database() -> Iterator[Postgres]:
    with postgres() as server:
        yield server


async def test_the_rate_and_what_may_be_under_way_hold_over_a_run_and_two_workers_at_the_server(
    serve: Serve, tmp_path: Path, database: Postgres
) -> None:
    busy = Busy()
    server = serve(draw="tiny", latency=(0.1, 0.2), clock=time.monotonic, sleep=busy.sleep)
    briefs = _briefs(tmp_path, "paced", 18)
    async with served(server) as url:
        env, cli = _env(tmp_path, url, database), LOOSE + CLI
        async with (
            _limner(env, tmp_path, "worker", "--json", cli=cli) as ada,
            _limner(env, tmp_path, "worker", "--json", cli=cli) as bob,
        ):
            how = ("--yes", "--json", "--at-once", "4", "--rate", "6/1")
            async with _limner(env, tmp_path, "run", str(briefs), *how, cli=cli) as run:
                assert await _rest_of(run) == 0
            for helper in (ada, bob):
                helper.send_signal(signal.SIGINT)
                assert await _rest_of(helper) == 130

    log = [one for one in server.state.journal.log() if isinstance(one, dict)]
    times = [float(str(one["at"])) for one in log if one["generations"]]
    attempts = [one for one in await _attempts(env) if one.batch == "paced"]
    assert len(times) == len(attempts) == 18
    assert most_in(times, 1.0) <= 6
    assert busy.most <= 4
    assert len({one.owner for one in attempts}) > 1
