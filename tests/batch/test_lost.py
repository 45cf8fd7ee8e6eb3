"""What goes away in the middle of a batch: its folder, the store's, a queue. Nothing is bought twice."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from filelock import FileLock

from agent.batch.events import BatchDone, BatchEvent, BatchPicture, BatchWaits
from agent.batch.queue_file import FILE, Place
from agent.batch.run import run_batch
from agent.errors import StoreBusy, StoreError
from agent.offline import Offline
from tests.batch.test_run import Shop, brief_of, drawn
from tests.conftest import OpenOn, Serve

Hears = Callable[[BatchEvent], None]


@pytest.fixture
def server(serve: Serve) -> Offline:
    return serve(draw="tiny")


@pytest.fixture
async def shop(open_on: OpenOn, server: Offline, tmp_path: Path) -> AsyncIterator[Shop]:
    async with open_on(server) as agent:
        yield Shop(agent, tmp_path)


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("press", "bench"):
        monkeypatch.setattr(f"agent.batch.{module}.WAITS", (0.02,) * 20)


async def _run(shop: Shop, hears: Hears) -> BatchDone:
    """A run of one brief, four posters on two pictures; every event is heard before the next."""
    draft = await shop.draft(brief_of("one"), concurrency=1)
    last: BatchEvent | None = None
    async for event in run_batch(draft, shop.agent, shop.notes, Place(folder=shop.folder)):
        hears(event)
        last = event
    assert isinstance(last, BatchDone)
    return last


class Obstacle:
    """A file where a folder has to be, from when a picture is begun until something waits for it."""

    def __init__(self, folder: Path, *, stays: bool = False) -> None:
        self.folder = folder
        self.stays = stays
        self.waits: list[BatchWaits] = []
        self._aside = folder.with_name("aside")

    def hear(self, event: BatchEvent) -> None:
        begun = isinstance(event, BatchPicture) and event.what == "started"
        if begun and not self.waits and self.folder.is_dir():
            self.folder.rename(self._aside)
            self.folder.touch()
        if isinstance(event, BatchWaits):
            self.waits.append(event)
            if not self.stays:
                self.lift()

    def lift(self) -> None:
        if self.folder.is_file():
            self.folder.unlink()
            self._aside.rename(self.folder)


async def test_posters_wait_for_a_folder_that_cannot_be_written_and_are_set_when_it_can(
    shop: Shop, server: Offline, tmp_path: Path
) -> None:
    obstacle = Obstacle(tmp_path / "out" / "spring")

    done = await _run(shop, obstacle.hear)

    assert "cannot be written" in obstacle.waits[0].message
    assert (done.states, done.exit_code) == ({"proved": 4}, 0)
    assert drawn(server) == 2


async def test_a_folder_that_stays_in_the_way_ends_the_run_and_the_next_one_buys_nothing_again(
    shop: Shop, server: Offline, tmp_path: Path
) -> None:
    obstacle = Obstacle(tmp_path / "out" / "spring", stays=True)

    with pytest.raises(StoreError, match="cannot be written"):
        await _run(shop, obstacle.hear)
    before = drawn(server)
    obstacle.lift()
    done = await _run(shop, lambda _: None)

    assert before == 1
    assert (done.states, done.exit_code) == ({"proved": 4}, 0)
    assert drawn(server) == 2


async def test_a_picture_that_was_drawn_waits_for_a_store_that_cannot_take_it(
    shop: Shop, server: Offline, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    aside = tmp_path / "temporary"
    aside.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(aside))
    obstacle = Obstacle(tmp_path / "home" / "data" / "blobs")

    done = await _run(shop, obstacle.hear)

    attempts = [one for one in await shop.agent.store.attempts() if one.kind != "ask"]
    assert obstacle.waits
    assert (done.states, done.exit_code) == ({"proved": 4}, 0)
    assert drawn(server) == len(attempts) == 2
    assert {one.state for one in attempts} == {"completed"}
    assert list(aside.iterdir()) == []


async def test_a_store_that_takes_nothing_ends_the_run_and_what_was_drawn_is_found_by_the_next(
    open_on: OpenOn, server: Offline, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    aside = tmp_path / "temporary"
    aside.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(aside))
    obstacle = Obstacle(tmp_path / "home" / "data" / "blobs", stays=True)
    async with open_on(server) as agent:
        first = await _run(Shop(agent, tmp_path), obstacle.hear)
    before = drawn(server)
    obstacle.lift()
    async with open_on(server) as agent:
        done = await _run(Shop(agent, tmp_path), lambda _: None)
        attempts = [one for one in await agent.store.attempts() if one.kind != "ask"]

    assert first.exit_code == 6
    assert first.error is not None
    assert first.error.code == "store"
    assert before == 1
    assert (done.states, done.exit_code) == ({"proved": 4}, 0)
    assert drawn(server) == len(attempts) == 2
    assert {one.billed for one in attempts} == {"yes"}
    assert list(aside.iterdir()) == []


async def test_posters_whose_files_are_gone_are_set_again_for_free_and_stay_approved(
    shop: Shop, server: Offline, tmp_path: Path
) -> None:
    await shop.run(brief_of("one"))
    desk = await shop.desk()
    await desk.decide(["one/en/320x400/1"], "approved", by="ada")
    before = shop.bytes_of("one/en/320x400/1")
    shutil.rmtree(tmp_path / "out")
    gone = {one.state for one in (await desk.standings()).values()}

    done, _ = await shop.run(brief_of("one"))

    assert gone == {"bought"}
    assert done.states == {"proved": 3, "approved": 1}
    assert shop.bytes_of("one/en/320x400/1") == before
    assert drawn(server) == 2


async def test_a_run_says_that_posters_it_made_are_gone(
    shop: Shop, server: Offline, tmp_path: Path
) -> None:
    def hears(event: BatchEvent) -> None:
        if isinstance(event, BatchPicture) and event.what == "started" and drawn(server) == 1:
            shutil.rmtree(tmp_path / "out")

    done = await _run(shop, hears)

    assert (done.states, done.exit_code) == ({"bought": 2, "proved": 2}, 6)


async def test_a_queue_that_is_no_queue_is_named_and_moved_away_it_is_filled_again(
    shop: Shop, server: Offline, tmp_path: Path
) -> None:
    (tmp_path / FILE).write_bytes(b"no database " * 1000)

    with pytest.raises(StoreError, match=FILE) as caught:
        await _run(shop, lambda _: None)
    (tmp_path / FILE).unlink()
    done = await _run(shop, lambda _: None)

    assert "Move that file away" in caught.value.hint
    assert done.exit_code == 0
    assert drawn(server) == 2


async def test_a_run_that_is_refused_the_queue_changes_nothing_of_the_batch(
    shop: Shop, server: Offline, tmp_path: Path
) -> None:
    await shop.run(brief_of("one"))

    with FileLock(tmp_path / "batch.lock"), pytest.raises(StoreBusy):
        await shop.run(brief_of("one", motif="a quiet lake"))

    assert {one.state for one in (await (await shop.desk()).standings()).values()} == {"proved"}
    assert drawn(server) == 2
