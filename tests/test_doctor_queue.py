"""The doctor at the queue of batches: what waits, who works, and what nobody is going to take."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import JsonValue

from agent import Settings
from agent.batch import queue
from agent.batch.queue import Limits, Named, open_queue
from agent.batch.queue_file import Place
from agent.batch.queue_state import Lot
from agent.doctor import Check, examine
from agent.doctor.queue import Worker, _database
from agent.factory import notes_of, open_disk
from agent.ids import SystemClock
from tests.batch.postgres import Postgres, postgres

from .conftest import settings_in


class Idle:
    async def work(self, item: object) -> list[Named]:
        del item
        return []


async def checks(settings: Settings) -> dict[str, Check]:
    found = await examine(settings, env={}, here=settings.config_dir.parent)
    return {one.name: one for one in found.checks if one.area == "queue"}


async def left(settings: Settings, *names: str, executor: str = "alone") -> None:
    """Tasks in the queue that nobody has done."""
    url = settings.database_url.get_secret_value() if settings.database_url else None
    place = Place(folder=settings.data_dir, url=url, executor=executor)
    async with open_queue(place, Idle(), name="pictures:shop", limits=Limits(at_once=1)) as opened:
        await opened.submit([Named(name, {}) for name in names])
        await opened.give_back()


async def test_before_the_first_batch_there_is_nothing_to_say(settings: Settings) -> None:
    found = await checks(settings)

    assert {name: one.status for name, one in found.items()} == {"database": "ok", "queue": "ok"}
    assert "no batch was run here yet" in found["queue"].text
    assert not (settings.data_dir / "batch.db").exists()


async def test_tasks_that_wait_in_a_file_are_counted_and_the_next_run_is_named(
    settings: Settings,
) -> None:
    await left(settings, "spring/one", "spring/two")

    found = await checks(settings)

    assert found["waiting"].status == "note"
    assert "2 pictures for profile shop wait" in found["waiting"].text
    assert "limner batch run" in found["waiting"].hint


async def test_a_damaged_queue_is_wrong_and_it_is_said_what_to_do(settings: Settings) -> None:
    await left(settings, "spring/one")
    for path in settings.data_dir.glob("batch.db*"):
        path.unlink()
    (settings.data_dir / "batch.db").write_bytes(b"no database at all " * 400)

    found = await checks(settings)

    assert found["queue"].status == "wrong"
    assert "Move that file away" in found["queue"].hint


async def test_tasks_of_a_newer_limner_are_told_apart(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queue, "VERSION", "2")
    await left(settings, "spring/one")

    found = await checks(settings)

    assert found["waiting"].status == "warning"
    assert "for a newer Limner" in found["waiting"].text
    assert "Upgrade" in found["waiting"].hint


async def test_parked_posters_are_counted_by_batch(settings: Settings) -> None:
    disk = await open_disk(settings, clock=SystemClock())
    try:
        notes = notes_of(disk)
        await notes.put("spring", "batch", {"spring": {}})
        parked: dict[str, JsonValue] = {"record": {"status": "parked"}}
        await notes.put("spring", "cell", {f"one/en/a4/{n}": parked for n in (1, 2)})
    finally:
        await disk.aclose()

    found = await checks(settings)

    assert found["parked"].status == "note"
    assert "spring: 2 posters are parked" in found["parked"].text


@pytest.mark.parametrize(
    ("worker", "takes"),
    [
        (Worker(name="a", silent_s=3, server="shop", reads=("1",)), True),
        (Worker(name="a", silent_s=3), True),
        (Worker(name="a", silent_s=300, server="shop", reads=("1",)), False),
        (Worker(name="a", silent_s=3, server="other", reads=("1",)), False),
        (Worker(name="a", silent_s=3, server="shop", reads=("2",)), False),
    ],
)
def test_a_worker_takes_what_is_of_its_server_and_of_a_form_that_it_reads(
    worker: Worker, takes: bool
) -> None:
    assert worker.takes(Lot("shop", "1", "")) is takes


def test_a_clock_that_is_far_from_the_databases_is_a_warning() -> None:
    assert _database("PostgreSQL 15.0", 0.4).status == "ok"
    skewed = _database("PostgreSQL 15.0", -30.0)
    assert skewed.status == "warning"
    assert "30.0 s behind" in skewed.text


# ── on PostgreSQL ────────────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def database() -> Iterator[Postgres]:
    with postgres() as server:
        yield server


async def test_on_postgresql_workers_are_listed_and_tasks_that_nobody_takes_are_found(
    tmp_path: Path, database: Postgres
) -> None:
    settings = settings_in(tmp_path, LIMNER_DATABASE_URL=database.url)
    before = await checks(settings)
    assert before["database"].status == before["queue"].status == "ok"
    assert "PostgreSQL" in before["database"].text

    await left(settings, "spring/one", executor="far:1:x")
    alone = await checks(settings)
    assert alone["waiting"].status == "warning"
    assert "limner batch worker -p shop" in alone["waiting"].hint

    disk = await open_disk(settings, clock=SystemClock())
    try:
        about: dict[str, JsonValue] = {"server": "shop", "release": "1.0", "reads": ["1"]}
        await notes_of(disk).beat("far:2:y", first=True, about=about)
    finally:
        await disk.aclose()
    helped = await checks(settings)
    assert "waiting" not in helped
    assert helped["worker"].status == "ok"
    assert "limner 1.0, for shop" in helped["worker"].text


async def test_a_database_that_is_away_is_said_once_and_the_rest_is_looked_at(
    tmp_path: Path,
) -> None:
    settings = settings_in(tmp_path, LIMNER_DATABASE_URL="postgresql://u:secret@127.0.0.1:1/x")

    found = await examine(settings, env={}, here=tmp_path)

    wrong = [one for one in found.checks if one.status == "wrong"]
    assert [one.name for one in wrong] == ["store"]
    assert "secret" not in found.model_dump_json()
    assert found.checks[-1].name == "fonts"
