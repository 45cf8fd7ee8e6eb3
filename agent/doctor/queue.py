"""What batches stand on: the database, what waits in the queue, who works, and what waits for ever."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncGenerator, Iterator, Mapping

import anyio.to_thread

from ..batch.crew import SILENT_S
from ..batch.notes import Book
from ..batch.queue import READS
from ..batch.queue_file import Place
from ..batch.queue_state import Lot, is_worked_on, lots_of
from ..errors import LimnerError
from ..factory import notes_of, open_disk
from ..protocols import Clock
from ..schema import Record
from ..settings import Settings
from ..store.tables import REVISIONS
from .report import Check, Status

SKEWED_S = 5.0
"""Clocks further apart than two signs of life are worth a word."""


class Worker(Record):
    """One on the list. ``None``: a release of before, which did not say."""

    name: str
    silent_s: float
    server: str | None = None
    release: str | None = None
    reads: tuple[str, ...] | None = None

    @property
    def alive(self) -> bool:
        return self.silent_s <= SILENT_S

    def takes(self, lot: Lot) -> bool:
        """Whether it would work on such tasks."""
        for_it = self.server in (None, lot.server)
        return self.alive and for_it and (self.reads is None or lot.version in self.reads)


async def checks(settings: Settings, *, clock: Clock) -> AsyncGenerator[Check, None]:
    """Nothing where the store cannot be opened: the check of the store says why."""
    try:
        disk = await open_disk(settings, clock=clock)
    except (LimnerError, OSError):
        return
    url = settings.database_url.get_secret_value() if settings.database_url else None
    place = Place(folder=settings.data_dir, url=url)
    try:
        notes = notes_of(disk, clock)
        name, ahead = await notes.database()
        yield _database(name, ahead)
        lots = await anyio.to_thread.run_sync(lots_of, place)
        workers = [_worker(who, *sign) for who, sign in (await notes.signs()).items()]
        batches = await notes.batches()
        parked = {
            batch: Counter((await Book(notes, batch).statuses()).values())["parked"]
            for batch in sorted(batches)
        }
    except LimnerError as error:
        yield _check("queue", "wrong", str(error), error.hint)
        return
    finally:
        await disk.aclose()
    at_work = url is None and lots is not None and is_worked_on(place)
    for check in (*_tasks(lots, at_work=at_work), *_workers(workers)):
        yield check
    for check in (*_stuck(lots or {}, workers, shared=url is not None), *_parked(parked)):
        yield check


def _check(name: str, status: Status, text: str, hint: str = "") -> Check:
    return Check(area="queue", name=name, status=status, text=text, hint=hint)


def _database(name: str, ahead: float) -> Check:
    schema = f"schema {REVISIONS[-1]}"
    if name == "SQLite":
        text = f"{name} beside the pictures, {schema}: one worker at a time"
        return _check("database", "ok", text)
    word = "ahead of" if ahead > 0 else "behind"
    text = f"{name}, {schema}; its clock is {abs(ahead):.1f} s {word} this machine's"
    if abs(ahead) <= SKEWED_S:
        return _check("database", "ok", text)
    hint = "Set the clocks of both (NTP): times in lists and reports are otherwise apart."
    return _check("database", "warning", text, hint)


def _worker(name: str, silent_s: float, about: Mapping[str, object]) -> Worker:
    server, release, reads = (about.get(key) for key in ("server", "release", "reads"))
    return Worker(
        name=name,
        silent_s=silent_s,
        server=str(server) if server else None,
        release=str(release) if release else None,
        reads=tuple(map(str, reads)) if isinstance(reads, list) else None,
    )


def _tasks(lots: Mapping[Lot, int] | None, *, at_work: bool) -> Iterator[Check]:
    if lots is None:
        yield _check("queue", "ok", "no batch was run here yet")
        return
    held = sum(number for lot, number in lots.items() if lot.holder)
    waiting = sum(lots.values()) - held
    working = "; its worker is there" if at_work else ""
    text = f"{_pictures(waiting)} to begin, {held} under way{working}"
    yield _check("queue", "ok", text)


def _pictures(number: int) -> str:
    return "1 picture" if number == 1 else f"{number} pictures"


def _workers(workers: list[Worker]) -> Iterator[Check]:
    for one in workers:
        whose = f"limner {one.release or '(an older one)'}, for {one.server or 'any profile'}"
        text = f"{one.name}: {whose}, last sign of life {one.silent_s:.0f} s ago"
        if one.alive:
            yield _check("worker", "ok", text)
        else:
            hint = "It is gone or asleep. The next worker takes over what it had."
            yield _check("worker", "warning", text, hint)


def _stuck(lots: Mapping[Lot, int], workers: list[Worker], *, shared: bool) -> Iterator[Check]:
    """Tasks that nobody is going to take as things are."""
    left: Counter[tuple[str, str]] = Counter()
    lost = 0
    names = {one.name for one in workers}
    for lot, number in lots.items():
        if shared and lot.holder and lot.holder not in names:
            lost += number
        elif not lot.holder and not any(one.takes(lot) for one in workers):
            left[lot.server, lot.version] += number
    for (server, version), number in sorted(left.items()):
        wait = "waits" if number == 1 else "wait"
        text = f"{_pictures(number)} for profile {server} {wait} and nobody works for it"
        if version not in READS:
            text = f"{_pictures(number)} for profile {server} {wait} for a newer Limner"
            yield _check("waiting", "warning", text, "Upgrade a worker; the others leave them.")
        elif shared:
            hint = f"limner batch worker -p {server}, or limner batch run of the batch."
            yield _check("waiting", "warning", text, hint)
        else:
            yield _check("waiting", "note", text, "limner batch run goes on with its batch.")
    if lost:
        text = f"{_pictures(lost)} held by workers that are gone"
        hint = "The next worker takes them over; what was sent may be parked."
        yield _check("lost", "warning", text, hint)


def _parked(parked: Mapping[str, int]) -> Iterator[Check]:
    for batch, number in parked.items():
        if number:
            posters = "1 poster is" if number == 1 else f"{number} posters are"
            yield _check(
                "parked",
                "note",
                f"{batch}: {posters} parked: sent, and nobody knows the result",
                f"limner batch status -b {batch} lists them and says what to do.",
            )
