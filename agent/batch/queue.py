"""The queue of a batch: durable tasks on DBOS, taken by one worker on a file, by many on PostgreSQL.

It knows nothing of posters. What a task came to is in the notes and in the ledger; the queue only
sees to it that each one is taken, and taken again when its worker died (decision 0008).

Measured, and the reason for each oddity here: limits hold across processes on PostgreSQL alone, so
a file is for one worker; the journal of a new file is slow, so it is set to WAL before; versions of
a worker's code must not part the queue, so the version is that of the tasks; pickled tasks would be
code for whoever can write the file, so they are JSON.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Callable, Collection, Coroutine, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Protocol

import anyio
import anyio.to_thread
from pydantic import JsonValue

from ..errors import StoreBusy, StoreError
from .queue_file import Connection, Place, alone, told, unusable

if TYPE_CHECKING:
    from dbos import DBOSConfig
    from dbos._queue import QueueRateLimit

VERSION: Final = "1"
"""Of the tasks: workers of every version of Limner that read the same tasks have the same one.

Another one is due when ``tasks.Task`` or what ``batch.picture_reach`` is made of changes.
"""
READS: Final = frozenset({VERSION})
"""Versions that this Limner can work on; those of older ones are put into the queue anew."""
SCHEMA: Final = "limner_queue"
_APP: Final = "limner"
AT_ONCE: Final = 3
"""Where nobody said how many."""
OPEN: Final = ["ENQUEUED", "PENDING", "DELAYED"]
_POLL_S: Final = 0.1
_PAGE: Final = 500
_SLOWER_S: Final = 0.5

Item = dict[str, JsonValue]
"""What a task says, as JSON."""


class Lost(Exception):
    """Another worker was told to take the tasks of this one; what it still holds is not its own."""


class Worker(Protocol):
    """Whoever works on tasks. A task that ends with ``Lost`` is left for whoever has it now."""

    async def work(self, item: Item) -> list[Named]:
        """Do it, or find that it is done; what may begin now."""
        ...


@dataclass(frozen=True, slots=True)
class Named:
    """A task and the name that it has once: a second one of the same name is not taken up."""

    name: str
    item: Item


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Over every worker of a queue."""

    at_once: int
    rate: tuple[int, float] | None = None
    """So many begun in so many seconds."""


@dataclass(slots=True)
class _Running:
    """What a process is while it works for a queue."""

    worker: Worker
    queue: str
    begun: anyio.Event = field(default_factory=anyio.Event)
    resting: bool = False
    busy: set[str] = field(default_factory=set)
    held: set[str] = field(default_factory=set)


_running: _Running | None = None
"""DBOS is one for a process, and so is this."""


class Queue:
    """An open queue; :func:`open_queue` gives one."""

    def __init__(self, running: _Running) -> None:
        self._running = running

    async def submit(self, tasks: Sequence[Named]) -> int:
        """How many are new."""
        there = await self._there([one.name for one in tasks])
        new = [one for one in tasks if one.name not in there]
        for one in new:
            await _enqueue(self._running.queue, one)
        return len(new)

    async def open(self, prefix: str) -> set[str]:
        """Names of tasks that are not done, of every worker."""
        return {name async for name in self._open(prefix)}

    async def left(self, prefix: str) -> int:
        """How many tasks are not done, of every worker; without all of them in memory."""
        number = 0
        async for _ in self._open(prefix):
            number += 1
        return number

    async def newer(self, prefix: str = "") -> int:
        """How many are not done that only a newer Limner reads."""
        number = 0
        if others := await _versions() - READS:
            async for _ in self._open(prefix, others):
                number += 1
        return number

    async def take_older(self) -> int:
        """Tasks of older versions, as this one's: DBOS gives a worker those of its own alone."""
        from dbos import DBOS

        older = (await _versions() & READS) - {VERSION}
        if not older:
            return 0
        with told():
            found = await DBOS.list_workflows_async(
                status="ENQUEUED",
                queue_name=self._running.queue,
                app_version=sorted(older),
                load_output=False,
            )
        for one in found:
            (item,) = one.input["args"] if one.input else ({},)
            await _enqueue(self._running.queue, Named(f"{one.workflow_id}~{VERSION}", item))
        await self.cancel([one.workflow_id for one in found])
        return len(found)

    async def holders(self) -> frozenset[str]:
        """Workers who have taken tasks and not finished them, dead or alive."""
        return frozenset({one for _, one in await self._taken()})

    async def take_from(self, executor: str) -> None:
        """What that worker had taken is anybody's. Only for one that cannot work any more."""
        for name, one in await self._taken():
            if one == executor:
                await _resumed(name, self._running.queue)

    async def _taken(self) -> list[tuple[str, str]]:
        from dbos import DBOS

        with told():
            found = await DBOS.list_workflows_async(
                status="PENDING",
                queue_name=self._running.queue,
                load_input=False,
                load_output=False,
            )
        return [(one.workflow_id, one.executor_id) for one in found if one.executor_id]

    async def cancel(self, names: Collection[str]) -> None:
        """Tasks that nobody has begun are not begun any more."""
        from dbos import DBOS

        if names:
            with told():
                await DBOS.cancel_workflows_async(list(names))

    def begin(self) -> None:
        """Until now whatever was taken waits, so that there was time to look at it."""
        self._running.begun.set()

    def rest(self) -> None:
        """Take nothing more; what is under way goes on."""
        self._running.resting = True

    @property
    def busy(self) -> int:
        """Tasks under way in this process."""
        return len(self._running.busy)

    async def _open(
        self, prefix: str, versions: Collection[str] | None = None
    ) -> AsyncIterator[str]:
        """The newest first: those stay while the oldest are done between two pages."""
        from dbos import DBOS

        start = 0
        while True:
            with told():
                found = await DBOS.list_workflows_async(
                    workflow_id_prefix=prefix or None,
                    status=OPEN,
                    app_version=sorted(READS if versions is None else versions),
                    queue_name=self._running.queue,
                    limit=_PAGE,
                    offset=start,
                    sort_desc=True,
                    load_input=False,
                    load_output=False,
                )
            for one in found:
                # the database takes _ and % of a prefix for any letter
                if one.workflow_id.startswith(prefix):
                    yield one.workflow_id
            if len(found) < _PAGE:
                return
            start += _PAGE

    async def _there(self, names: list[str]) -> set[str]:
        """Those that were submitted before, done or not."""
        from dbos import DBOS

        if not names:
            return set()
        with told():
            found = await DBOS.list_workflows_async(
                workflow_ids=names, load_input=False, load_output=False
            )
        return {one.workflow_id for one in found}

    async def give_back(self) -> None:
        """What this worker took and did not begin is anybody's again; else others take it over."""
        with suppress(StoreError):
            for name in sorted(self._running.held):
                await _resumed(name, self._running.queue)


async def _versions() -> set[str]:
    """Of every worker that ever opened this queue."""
    from dbos import DBOS

    with told():
        return {one["version_name"] for one in await DBOS.list_application_versions_async()}


async def _enqueue(queue: str, task: Named) -> None:
    from dbos import DBOS, SetWorkflowID

    with told(), SetWorkflowID(task.name):
        await DBOS.enqueue_workflow_async(queue, _workflow(), task.item)


async def _resumed(name: str, queue: str) -> None:
    from dbos import DBOS

    with told():
        await DBOS.resume_workflow_async(name, queue_name=queue)


# ── the workflow ─────────────────────────────────────────────────────────────────────────────

Workflow = Callable[[Item], Coroutine[None, None, None]]
_defined: list[Workflow] = []


def _workflow() -> Workflow:
    """Registered once in a process, whatever queue it opens."""
    if not _defined:
        from dbos import DBOS

        @DBOS.step(name="limner.task.step")
        async def step(item: Item) -> list[Item]:
            assert _running is not None
            try:
                then = await _running.worker.work(item)
            except Lost:
                await anyio.sleep_forever()  # to fail here would end it for whoever has it now
                raise
            return [{"name": one.name, "item": one.item} for one in then]

        @DBOS.workflow(name="limner.task", max_recovery_attempts=None)
        async def task(item: Item) -> None:
            running, name = _running, DBOS.workflow_id
            assert running is not None
            assert name is not None
            running.held.add(name)
            await running.begun.wait()
            if running.resting:
                await anyio.sleep_forever()
            running.held.discard(name)
            running.busy.add(name)
            try:
                for one in await step(item):
                    inner = one["item"]
                    assert isinstance(inner, dict)
                    await _enqueue(running.queue, Named(str(one["name"]), inner))
            finally:
                running.busy.discard(name)

        _defined.append(task)
    return _defined[0]


# ── a worker ─────────────────────────────────────────────────────────────────────────────────


@asynccontextmanager
async def open_queue(
    place: Place, worker: Worker, *, name: str, limits: Limits | None
) -> AsyncIterator[Queue]:
    """Take tasks until it is left; then what is under way is given up, and waits for a worker.

    Without ``limits``, those hold that whoever submitted tasks last has set.

    Raises ``StoreBusy`` where another worker has the file.
    """
    global _running  # noqa: PLW0603  DBOS is one for a process
    if _running is not None:
        raise StoreBusy("this process works for a queue already")
    with alone(place):
        running = _Running(worker, name)
        _running = running
        try:
            await _launch(place, name, limits)
            queue = Queue(running)
            await queue.take_older()
            yield queue
        finally:
            running.resting = True
            with anyio.CancelScope(shield=True):
                await anyio.to_thread.run_sync(_close)
            _running = None


async def _launch(place: Place, name: str, limits: Limits | None) -> None:
    from dbos import DBOS

    quiet()
    try:
        DBOS(config=_config(place))
        _workflow()
        DBOS.listen_queues([name])
        DBOS.launch()
        await _register(name, limits)
    except Exception as error:
        raise unusable(place, error) from error


async def _register(name: str, limits: Limits | None) -> None:
    from dbos import DBOS

    limiter: QueueRateLimit | None = None
    if limits is not None and limits.rate is not None:
        # a little slower than what holds at the server (``pacing``), so that none wait there long
        limiter = {"limit": limits.rate[0], "period": limits.rate[1] + _SLOWER_S}
    await DBOS.register_queue_async(
        name,
        global_concurrency=limits.at_once if limits else AT_ONCE,
        limiter=limiter,
        polling_interval_sec=_POLL_S,
        on_conflict="always_update" if limits else "never_update",
    )


def _config(place: Place) -> DBOSConfig:
    from dbos import DBOSPortableJSONSerializer

    return {
        "name": _APP,
        "system_database_url": place.address,
        "db_engine_kwargs": {} if place.url else {"connect_args": {"factory": Connection}},
        "dbos_system_schema": SCHEMA,
        "application_version": VERSION,
        "executor_id": place.executor,
        "serializer": DBOSPortableJSONSerializer(),
        "log_level": "CRITICAL",
        "use_listen_notify": False,
        "notification_listener_polling_interval_sec": 0.2,
    }


def _close() -> None:
    from dbos import DBOS

    DBOS.destroy()


def quiet() -> None:
    """What DBOS has to say is said by us, in words about pictures."""
    logging.getLogger("dbos").setLevel(logging.CRITICAL)
