"""A run of a batch: what is left is put in the queue, worked on, and told of.

briefs ─► what each wants ─► what that costs ─► somebody says yes ─► queue ─► press ─► the end
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import anyio

from .. import ImageAgent
from ..errors import StoreError
from ..poster.hearing import told
from ..poster.records import PosterEvent
from ..schema import Failure
from .bench import Bench, limits_of, named, queue_name, state_of_record, told_of
from .deciding import desk_of
from .drafts import Draft, planned
from .events import BatchDone, BatchEvent, BatchProgress, BatchWaits
from .folder import written
from .here import folder_here
from .notes import Book, Notes
from .pacing import SLACK_S
from .queue import Queue
from .queue_file import Place
from .shift import Shift, listed_at
from .standing import CellState, exit_of, summed, to_do
from .tasks import Task, tasks_of
from .wants import Window, windows

_TICK_S: Final = 0.5
_SHARE: Final = 10
"""A look takes at most a tenth of the time: of thousands of tasks it is no small thing."""
_OVERLAP: Final = timedelta(seconds=30)
"""A note may bear an earlier time than the look that it was too late for."""
_MANY: Final = 200
_AGAIN_S: Final = 5.0
_AWAY: Final = 60
"""So often in a row the store may be away before a run gives up: the tasks wait less long."""


@dataclass(slots=True)
class Reins:
    """How whoever started a run has it stop taking more."""

    queue: Queue | None = None
    resting: bool = False

    def hold(self, queue: Queue) -> None:
        """The queue to stop; at once where that was said before."""
        self.queue = queue
        if self.resting:
            queue.rest()

    def rest(self) -> None:
        """What is under way is finished, nothing more is begun."""
        self.resting = True
        if self.queue is not None:
            self.queue.rest()


def run_batch(
    draft: Draft, agent: ImageAgent, notes: Notes, place: Place, reins: Reins | None = None
) -> AsyncGenerator[BatchEvent, None]:
    """Make what is left of a draft. The last event, and only the last, is ``BatchDone``."""
    return told(
        agent,
        lambda tell: _Run(draft, agent, notes, tell, place=place, reins=reins or Reins()).run(),
    )


def _waits(batch: str, error: StoreError) -> BatchWaits:
    return BatchWaits(task=batch.rstrip("/"), message=str(error), hint=error.hint, delay_s=_AGAIN_S)


@dataclass(slots=True)
class _Meter:
    """Who worked how long, for the time that is left."""

    started: float
    done: int = 0

    def left(self, now: float, open_: int) -> float | None:
        """Seconds, once enough was seen."""
        return (now - self.started) / self.done * open_ if self.done >= 3 else None


class _Run:
    """A batch being made by this process, alone or with others."""

    def __init__(
        self,
        draft: Draft,
        agent: ImageAgent,
        notes: Notes,
        tell: Callable[[BatchEvent], None],
        *,
        place: Place,
        reins: Reins,
    ) -> None:
        self._draft = draft
        self._agent = agent
        self._notes = notes
        self._place = place
        self._book = Book(notes, draft.head.name)
        self._tell = tell
        self._reins = reins
        self._states = dict(draft.states)
        self._meter = _Meter(agent.kit.clock.monotonic())
        self._why: Failure | None = None
        """Why no more is begun."""
        self._filled = False
        """Every task is in the queue."""
        self._late: Exception | None = None
        """Why the rest cannot be put into it."""

    async def run(self) -> None:
        """From what is planned to the end."""
        draft, place = self._draft, self._place
        self._tell(planned(draft, offline=self._agent.offline))
        if place.url is None and not any(map(to_do, draft.states.values())):
            await self._write_down()
            await self._closing()
            return
        bench = Bench(
            agent=self._agent,
            notes=self._notes,
            heard=self._heard,
            tell=self._tell,
            rest=self._give_up,
            resting=lambda: self._reins.resting,
            listed=listed_at(place, self._notes, draft.head.profile),
        )
        shift = Shift(bench, place, queue_name(draft.head), limits_of(draft.head, self._agent))
        async with shift.queue() as queue:
            await self._write_down()  # whoever is refused the queue changes nothing
            self._reins.hold(queue)
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self._fill, queue)
                await self._watch(queue, shift)
                tasks.cancel_scope.cancel()
            if place.url is not None:
                await self._set_here(bench)
            await queue.give_back()
        await self._closing()
        if bench.bug is not None:
            raise bench.bug

    async def _write_down(self) -> None:
        """The batch as it is to be, before the first of it is bought."""
        draft, book = self._draft, self._book
        await book.keep_head(draft.head)
        rate = draft.head.options.rate
        paced = (rate[0], rate[1] + SLACK_S) if rate else None
        await self._notes.set_pace(self._agent.kit.upstream.profile.name, paced)
        names = list(draft.notes)
        for start in range(0, len(names), _MANY):
            await book.keep_briefs({n: draft.notes[n] for n in names[start : start + _MANY]})
        await book.keep_wishes(draft.wishes)
        await anyio.Path(draft.head.out).mkdir(parents=True, exist_ok=True)

    async def _fill(self, queue: Queue) -> None:
        """Beside the work, for thousands of tasks take a while."""
        away = 0
        while not self._filled:
            try:
                await self._submit(queue)
                self._filled = True
            except StoreError as error:
                away += 1
                if away > _AWAY:
                    self._late = error
                    return
                self._tell(_waits(self._draft.head.name, error))
                await anyio.sleep(_AGAIN_S)
            except Exception as error:  # noqa: BLE001  raised by ``_watch``, outside of the group
                self._late = error
                return

    async def _submit(self, queue: Queue) -> None:
        """New tasks; before the first is begun, older ones that nobody wants any more go."""
        draft, prefix = self._draft, f"{self._draft.head.name}/"
        open_ = {name: name.rpartition(".")[0] for name in await queue.open(prefix)}
        await queue.cancel({name for name, what in open_.items() if what not in draft.tasks})
        if self._place.url is None:  # other batches wait for their own run
            await queue.cancel({n for n in await queue.open("") if not n.startswith(prefix)})
        there = set(open_.values())
        async for window in self._windows():
            tasks = (
                task
                for sheet in window.sheets
                for task in tasks_of(draft.head, sheet, window.known.pictures)
            )
            await queue.submit([named(task) for task in tasks if task.what not in there])
            queue.begin()
        queue.begin()

    def _windows(self) -> AsyncIterator[Window]:
        folder = folder_here(self._draft.head)
        return windows(self._book, self._agent, self._draft.names, folder=folder)

    async def _set_here(self, bench: Bench) -> None:
        """Posters whose picture a worker elsewhere bought: their folder is on this machine."""
        async for window in self._windows():
            for sheet in window.sheets:
                bought = {
                    sheet.wants[name].picture
                    for name, one in sheet.standings.items()
                    if one.state == "bought"
                }
                for task in tasks_of(self._draft.head, sheet, window.known.pictures):
                    if task.picture in bought:
                        await bench.set_type(task)

    async def _watch(self, queue: Queue, shift: Shift) -> None:
        """Until nothing is left, or nothing more is taken."""
        seen: datetime | None = None
        prefix = f"{self._draft.head.name}/"
        last: tuple[dict[CellState, int], int] | None = None
        away = 0
        while True:
            shift.check()
            if self._late is not None:
                raise self._late
            began, filled = self._now(), self._filled
            try:
                open_ = await queue.left(prefix)
                now = self._agent.kit.clock.now()
                self._look(await self._book.statuses(since=seen))
                seen, away = now - _OVERLAP, 0
                shown = (self._counts(), open_)
                if shown != last:
                    await self._progress(*shown)
                    last = shown
            except StoreError as error:
                away += 1
                if away > _AWAY or shift.bench.bug is not None:
                    raise
                self._tell(_waits(prefix, error))
                await anyio.sleep(_AGAIN_S)
                continue
            if self._reins.resting and queue.busy == 0:
                return
            if filled and not open_ and not await self._elsewhere(queue, prefix):
                return
            await anyio.sleep(max(_TICK_S, _SHARE * (self._now() - began)))

    async def _elsewhere(self, queue: Queue, prefix: str) -> bool:
        """Whether others are there for what only they can read."""
        if self._place.url is None or not await queue.newer(prefix):
            return False
        return len(await self._notes.workers()) > 1

    def _now(self) -> float:
        return self._agent.kit.clock.monotonic()

    def _look(self, statuses: Mapping[str, str]) -> None:
        for name, status in statuses.items():
            if name not in self._states:
                continue
            state = state_of_record(status)
            if self._states[name] != state and to_do(self._states[name]):
                self._states[name] = state
                self._meter.done += 1

    def _counts(self) -> dict[CellState, int]:
        return summed(self._states.values())

    async def _progress(self, states: dict[CellState, int], open_: int) -> None:
        spent, reserved, currency = await self._notes.spent(self._draft.head.name)
        left = sum(number for state, number in states.items() if to_do(state))
        self._tell(
            BatchProgress(
                states=states,
                under_way=open_,
                spent=spent,
                reserved=reserved,
                currency=currency,
                eta_s=self._meter.left(self._now(), left),
            )
        )

    def _give_up(self, failure: Failure) -> None:
        self._why = self._why or failure
        self._reins.rest()

    def _heard(self, task: Task, event: PosterEvent) -> None:
        told = told_of(task, event)
        if told is not None:
            self._tell(told)

    # ── the end ──────────────────────────────────────────────────────────────────────────────

    async def _closing(self) -> None:
        name = self._draft.head.name
        desk = await desk_of(self._agent, self._notes, name)
        summary = await written(desk.head, desk.windows(), self._notes)
        spent, reserved, currency = await self._notes.spent(name)
        code = exit_of(summary.states)
        self._tell(
            BatchDone(
                batch=name,
                folder=desk.head.out,
                states=summary.states,
                spent=spent,
                reserved=reserved,
                currency=currency,
                stopped=self._reins.resting,
                short=summary.short,
                exit_code=5 if code and summary.short else code,
                report=str(summary.report),
                error=self._why,
            )
        )
