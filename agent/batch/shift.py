"""A worker at a queue from its first sign of life to its last; and ``limner worker``, all of it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Final, cast

import anyio
import anyio.lowlevel
from pydantic import JsonValue

from .. import __version__
from ..errors import StoreBusy, StoreError
from . import crew as batch_crew
from .bench import Bench
from .crew import Crew, Register
from .crew import Place as Listed
from .events import BatchEvent, BatchWaits
from .notes import Notes
from .queue import READS, Limits, Lost, Queue, open_queue
from .queue_file import Place

_LOOK_S: Final = 0.5


def listed_at(place: Place, notes: Notes, server: str) -> Listed | None:
    """On PostgreSQL, where others may work; a file has one worker. ``server``: for which it works."""
    if place.url is None:
        return None
    about: dict[str, JsonValue] = {
        "server": server,
        "release": __version__,
        "reads": [*sorted(READS)],
    }
    return Listed(cast("Register", notes), place.executor, about=about)


@dataclass(slots=True)
class Shift:
    """``limits`` as for :func:`open_queue`."""

    bench: Bench
    place: Place
    name: str
    limits: Limits | None
    _error: Exception | None = field(default=None, init=False)

    @asynccontextmanager
    async def queue(self) -> AsyncIterator[Queue]:
        """Open while it lasts, with signs of life and an eye on the others."""
        listed = self.bench.listed
        if listed is not None:
            await listed.hold(first=True)
        beating = anyio.CancelScope()
        try:
            async with open_queue(
                self.place, self.bench, name=self.name, limits=self.limits
            ) as queue:
                if listed is not None:
                    self._start(queue, listed, beating)
                try:
                    yield queue
                finally:
                    beating.cancel()
                    await self.bench.give_up()
        finally:
            if listed is not None and not listed.lost:
                await _leave(listed)

    def _start(self, queue: Queue, listed: Listed, scope: anyio.CancelScope) -> None:
        async def beating() -> None:
            with scope:
                await self._beat(queue, listed)

        self.bench.agent.start(beating)

    async def _beat(self, queue: Queue, listed: Listed) -> None:
        agent = self.bench.agent
        crew = Crew(listed, agent.store, agent.kit.clock, silent_s=batch_crew.SILENT_S)
        newer = 0
        while True:
            try:
                await listed.hold()
                for worker in await crew.look(queue):
                    self._tell(f"{worker} is gone; its tasks are taken over", 0.0)
                await queue.take_older()
                newer = await self._newer(queue, newer)
            except StoreError as error:
                await anyio.lowlevel.checkpoint_if_cancelled()  # the queue was closed meanwhile
                self._tell(str(error), batch_crew.BEAT_S)
            except Lost:
                queue.rest()
                return
            except Exception as error:  # noqa: BLE001  raised by ``check``, outside of the group
                self._error = self._error or error
                queue.rest()
                return
            await anyio.sleep(batch_crew.BEAT_S)

    async def _newer(self, queue: Queue, before: int) -> int:
        """Tasks that are left to others, said when there are more."""
        number = await queue.newer()
        if number > before:
            tasks = "1 task waits" if number == 1 else f"{number} tasks wait"
            self._tell(f"{tasks} for a worker with a newer Limner: this one cannot read them", 0.0)
        return number

    async def idle(self, queue: Queue) -> bool:
        """Whether nothing is left to do; false, too, where that cannot be seen now."""
        try:
            return not await queue.left("")
        except StoreError as error:
            self._tell(str(error), batch_crew.BEAT_S)
            await anyio.sleep(batch_crew.BEAT_S)
            return False

    def _tell(self, message: str, delay_s: float) -> None:
        self.bench.tell(BatchWaits(task=self.name, message=message, delay_s=delay_s))

    def check(self) -> None:
        """Raises ``StoreBusy`` where another worker took over, and what the watch met."""
        if self._error is not None:
            raise self._error
        if self.bench.unread is not None:
            raise self.bench.unread
        if self.bench.listed is not None and self.bench.listed.lost:
            raise StoreBusy(
                "this worker was silent for so long that another one took its tasks over",
                hint="Nothing is lost. Start it again.",
            )


async def _leave(listed: Listed) -> None:
    """Where the store is away, the others see soon enough that it is gone."""
    with anyio.CancelScope(shield=True), suppress(StoreError):
        await listed.register.leave(listed.worker)


async def work_on(
    shift: Shift, *, resting: Callable[[], bool], idle_ends: bool, begun: Callable[[Queue], None]
) -> None:
    """Take tasks of any batch until told to rest, or, if ``idle_ends``, until there are none."""
    async with shift.queue() as queue:
        begun(queue)
        queue.begin()
        while True:
            shift.check()
            if resting() and queue.busy == 0:
                break
            if idle_ends and await shift.idle(queue):
                break
            await anyio.sleep(_LOOK_S)
        await queue.give_back()
    bug = shift.bench.bug
    if bug is not None:
        raise bug


def said(event: BatchEvent) -> str:
    """One line of a worker's log; empty for what is not worth one."""
    match event.type:
        case "batch.poster":
            return f"{event.name}: {event.state}"
        case "batch.picture":
            return f"{event.brief} {event.picture}: {event.status or event.what}"
        case "batch.waits":
            later = f"; again in {event.delay_s:g} s" if event.delay_s else ""
            return f"{event.message}{later}"
        case _:
            return ""
