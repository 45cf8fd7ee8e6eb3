"""The turns of one request, which go on whoever still listens, and whoever joins later."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from pathlib import Path

import anyio
from anyio import to_thread
from anyio.abc import TaskGroup
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream

from ... import ImageAgent
from ...events import (
    AttemptSent,
    Event,
    ImagePartial,
    Terminal,
    TurnCompleted,
    TurnFailed,
    TurnRefused,
    TurnStarted,
)
from ...logs import get_logger
from ...protocols import Purchase, Tenancy, TurnRequest
from ...schema import Failure, ImageId

MOST_WAITING = 8
"""Drafts are left out for a listener with so much unread; pictures never are."""

log = get_logger("limner.serve")


@dataclass(frozen=True, slots=True)
class Sent:
    """A request is on its way; from here on it may be billed."""


@dataclass(frozen=True, slots=True)
class Draft:
    """A partial picture of turn ``place``."""

    place: int
    index: int
    data: bytes = field(repr=False)
    media_type: str


@dataclass(frozen=True, slots=True)
class Ended:
    """Turn ``place`` is over."""

    place: int
    terminal: Terminal


Told = Sent | Draft | Ended


class Job:
    """Runs in the server's own task group; ``listen`` any number of times, also afterwards."""

    def __init__(self, requests: Sequence[TurnRequest], purchase: Purchase | None = None) -> None:
        self.purchase = purchase
        self.ended: dict[int, Terminal] = {}
        self._requests = tuple(requests)
        self._begun = anyio.Event()
        self._over = anyio.Event()
        self._started: TurnStarted | None = None
        self._sent = False
        self._listeners: list[MemoryObjectSendStream[Told]] = []

    @property
    def terminals(self) -> tuple[Terminal, ...]:
        """In the order asked for; fewer than asked for when the first one already failed."""
        return tuple(self.ended[place] for place in sorted(self.ended))

    @property
    def cost_nothing(self) -> bool:
        """Whether the same request may be made once more without paying twice."""
        return not any(map(_paid, self.ended.values()))

    async def wait(self) -> tuple[Terminal, ...]:
        """Until every turn is over."""
        await self._over.wait()
        return self.terminals

    def listen(self) -> MemoryObjectReceiveStream[Told]:
        """What happens from now on, and the turns that are over already."""
        send, receive = anyio.create_memory_object_stream[Told](math.inf)
        if self._sent:
            send.send_nowait(Sent())
        for place in sorted(self.ended):
            send.send_nowait(Ended(place, self.ended[place]))
        if self._over.is_set():
            send.close()
        else:
            self._listeners.append(send)
        return receive

    async def run(self, agent: ImageAgent, settle: Callable[[Job], Awaitable[None]]) -> None:
        """The first turn opens the session; the others join it as soon as it is there.

        ``settle`` is called when every turn is over, and before anybody is told so.
        """
        try:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self._turn, agent, 0, self._requests[0])
                await self._begun.wait()
                if self._started is not None:
                    for place, request in enumerate(self._requests[1:], 1):
                        tasks.start_soon(self._turn, agent, place, self._joined(request))
            await settle(self)
        finally:
            self._over.set()
            for listener in self._listeners:
                listener.close()

    def _joined(self, request: TurnRequest) -> TurnRequest:
        """In the session of the first, on the pictures that it brought along."""
        assert self._started is not None
        editing: Sequence[ImageId] | None = self._started.editing or None
        return replace(request, session=str(self._started.session), edit=editing)

    async def _turn(self, agent: ImageAgent, place: int, request: TurnRequest) -> None:
        try:
            async with aclosing(agent.stream(request)) as events:
                async for event in events:
                    await self._take(place, event)
        except Exception:
            log.exception("turn.bug", turn=request.turn)
            self._end(place, _mistake())
        finally:
            self._begun.set()

    async def _take(self, place: int, event: Event) -> None:
        match event:
            case TurnStarted():
                self._started = self._started or event
                self._begun.set()
            case AttemptSent():
                self._sent = True
                self._tell(Sent())
            case ImagePartial():
                await self._draft(place, event)
            case TurnCompleted() | TurnRefused() | TurnFailed():
                self._end(place, event)
            case _:
                pass

    def _end(self, place: int, terminal: Terminal) -> None:
        self.ended[place] = terminal
        self._tell(Ended(place, terminal))

    async def _draft(self, place: int, event: ImagePartial) -> None:
        ready = [s for s in self._listeners if s.statistics().current_buffer_used < MOST_WAITING]
        if not ready:
            return
        try:
            data = await to_thread.run_sync(Path(event.path).read_bytes)
        except OSError:  # its turn is over, and the picture itself is there
            return
        for listener in ready:
            _offer(listener, Draft(place, event.index, data, event.media_type))

    def _tell(self, what: Told) -> None:
        for listener in self._listeners:
            _offer(listener, what)


class Jobs:
    """Requests under way in this process that can be joined by their ``Idempotency-Key``."""

    def __init__(self, agent: ImageAgent, tenancy: Tenancy, tasks: TaskGroup) -> None:
        self._agent = agent
        self._tenancy = tenancy
        self._tasks = tasks
        self._running: dict[tuple[str | None, str], Job] = {}

    def start(self, job: Job) -> Job:
        if job.purchase is not None:
            self._running[job.purchase.tenant, job.purchase.key] = job
        self._tasks.start_soon(self._guarded, job)
        return job

    def find(self, purchase: Purchase) -> Job | None:
        return self._running.get((purchase.tenant, purchase.key))

    async def _guarded(self, job: Job) -> None:
        """One request's bug is not the end of the server's other turns."""
        try:
            await job.run(self._agent, self._settle)
        except Exception:
            log.exception("job.bug")
        finally:
            if job.purchase is not None:
                self._forget(job.purchase)

    async def _settle(self, job: Job) -> None:
        """The key of a request that cost nothing is free again; every other one is kept."""
        if job.purchase is None:
            return
        with anyio.CancelScope(shield=True):
            if job.cost_nothing:
                await self._tenancy.release(job.purchase)
            else:
                await self._tenancy.finish(job.purchase)
            self._forget(job.purchase)

    def _forget(self, purchase: Purchase) -> None:
        self._running.pop((purchase.tenant, purchase.key), None)


def _paid(terminal: Terminal) -> bool:
    """It was, or it may have been."""
    said = [attempt.billed for attempt in terminal.attempts]
    said += [terminal.error.billed] if terminal.error else []
    return bool(terminal.images) or any(billed != "no" for billed in said)


def _offer(listener: MemoryObjectSendStream[Told], what: Told) -> None:
    try:
        listener.send_nowait(what)
    except (anyio.BrokenResourceError, anyio.ClosedResourceError):  # it stopped listening
        return


def _mistake() -> TurnFailed:
    failure = Failure(
        code="unknown",
        message="The server made a mistake; what was sent may be billed.",
        billed="possibly",
    )
    return TurnFailed(outcome="unknown", error=failure)
