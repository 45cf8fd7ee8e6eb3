"""The turns of one request, which go on whoever still listens, and whoever joins later."""

from __future__ import annotations

import math
from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import anyio
from anyio import to_thread
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream

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
from ...protocols import Purchase, TurnRequest
from ...schema import Failure, ImageId

if TYPE_CHECKING:
    from .desk import Desk

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

    async def run(self, desk: Desk) -> None:
        """The first turn opens the session; the others join it as soon as it is there."""
        try:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self._turn, desk, 0, self._requests[0])
                await self._begun.wait()
                if self._started is not None:
                    for place, request in enumerate(self._requests[1:], 1):
                        tasks.start_soon(self._turn, desk, place, self._joined(request))
            await self._settle(desk)
        finally:
            self._over.set()
            for listener in self._listeners:
                listener.close()

    def _joined(self, request: TurnRequest) -> TurnRequest:
        """In the session of the first, on the pictures that it brought along."""
        assert self._started is not None
        editing: Sequence[ImageId] | None = self._started.editing or None
        return replace(request, session=str(self._started.session), edit=editing)

    async def _turn(self, desk: Desk, place: int, request: TurnRequest) -> None:
        try:
            async with aclosing(desk.agent.stream(request)) as events:
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

    async def _settle(self, desk: Desk) -> None:
        """The key of a request that cost nothing is free again; every other one is kept."""
        if self.purchase is None:
            return
        with anyio.CancelScope(shield=True):
            if self.cost_nothing:
                await desk.tenancy.release(self.purchase)
            else:
                await desk.tenancy.finish(self.purchase)
            desk.jobs.forget(self.purchase)


class Jobs:
    """Requests under way in this process that can be joined by their ``Idempotency-Key``."""

    def __init__(self) -> None:
        self._running: dict[tuple[str | None, str], Job] = {}

    def start(self, desk: Desk, job: Job) -> Job:
        if job.purchase is not None:
            self._running[job.purchase.tenant, job.purchase.key] = job
        desk.tasks.start_soon(self._guarded, desk, job)
        return job

    def find(self, purchase: Purchase) -> Job | None:
        return self._running.get((purchase.tenant, purchase.key))

    def forget(self, purchase: Purchase) -> None:
        self._running.pop((purchase.tenant, purchase.key), None)

    async def _guarded(self, desk: Desk, job: Job) -> None:
        """One request's bug is not the end of the server's other turns."""
        try:
            await job.run(desk)
        except Exception:
            log.exception("job.bug")
        finally:
            if job.purchase is not None:
                self.forget(job.purchase)


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
