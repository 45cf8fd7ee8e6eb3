"""Who works for batches on one PostgreSQL: signs of life, and what is done about those who died.

A worker that is silent is buried: in one transaction its name is taken off the list and what it had
written down to send is settled. Only then its tasks are anybody's again. A worker that was merely
asleep finds its name gone right before it would send, so nothing is sent by two: what it marked as
sent before is ``unknown`` by then, and what it marks after is given up here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Protocol, runtime_checkable

from pydantic import JsonValue

from ..protocols import Clock, Store, Upstream
from ..schema import Failure
from ..traffic import Outgoing
from .queue import Lost, Queue
from .watched import Watched

BEAT_S: Final = 5.0
"""Between two signs of life."""
SILENT_S: Final = 45.0
"""After so long without one, by the watcher's own clock, a worker counts as dead."""
_DEAF_S: Final = 4 * BEAT_S
"""After so long without a look of its own, a watcher begins to count anew."""
_FAILURE: Final = Failure(
    code="store",
    message="This worker was silent for so long that another one took its tasks over.",
    hint="Nothing was sent. Start it again.",
    billed="no",
)


class Register(Protocol):
    """Where workers are listed."""

    async def beat(
        self, worker: str, *, first: bool = False, about: Mapping[str, JsonValue] | None = None
    ) -> bool:
        """False, and nothing is written, where the name was taken off the list."""
        ...

    async def workers(self) -> Mapping[str, dict[str, JsonValue]]:
        """Name → ``beats``, a number that grows."""
        ...

    async def bury(self, worker: str, *, beats: int | None) -> bool:
        """False where it has beaten since; else off the list, and its attempts settled."""
        ...

    def gone(self, worker: str) -> bool:
        """Whether it was a process of this machine, which has ended."""
        ...

    async def leave(self, worker: str) -> None: ...


@runtime_checkable
class Reaping(Protocol):
    """A store that can settle for processes of its own machine, pictures and all."""

    async def reap(self) -> object: ...


@dataclass(slots=True)
class Place:
    """Where one worker stands on the list."""

    register: Register
    worker: str
    lost: bool = False
    about: Mapping[str, JsonValue] = field(default_factory=dict)
    """What others are told of it: ``server``, ``release``, ``reads``."""

    async def hold(self, *, first: bool = False) -> None:
        """A sign of life. Raises ``Lost`` where another worker was told to take over."""
        about = self.about if first else {}
        self.lost = self.lost or not await self.register.beat(self.worker, first=first, about=about)
        self.check()

    def check(self) -> None:
        """Raises ``Lost`` where that is known already."""
        if self.lost:
            raise Lost(self.worker)


@dataclass(slots=True)
class Crew:
    """Everybody on the list, as one of them sees it."""

    place: Place
    store: Store
    clock: Clock
    silent_s: float = SILENT_S
    _seen: dict[str, tuple[int, float]] = field(default_factory=dict)
    """Name → its number and since when it stands there."""
    _looked: float | None = None

    async def look(self, queue: Queue) -> tuple[str, ...]:
        """Take over from those who are dead; their names."""
        listed = await self.place.register.workers()
        holding = await queue.holders()
        self._awake()
        buried = []
        for worker in sorted({*listed, *holding} - {self.place.worker}):
            beats = _beats(listed.get(worker))
            if self._dead(worker, beats) and await self._bury(worker, beats):
                await queue.take_from(worker)
                await self.place.register.leave(worker)
                buried.append(worker)
        return tuple(buried)

    def _awake(self) -> None:
        """While this one slept, or the database was away, nobody else could be heard."""
        now = self.clock.monotonic()
        if self._looked is not None and now - self._looked > _DEAF_S:
            self._seen.clear()
        self._looked = now

    def _dead(self, worker: str, beats: int | None) -> bool:
        now = self.clock.monotonic()
        number, since = self._seen.get(worker, (None, now))
        if number != (beats or 0):
            since = now
        self._seen[worker] = beats or 0, since
        return now - since > self.silent_s or self.place.register.gone(worker)

    async def _bury(self, worker: str, beats: int | None) -> bool:
        if self.place.register.gone(worker) and isinstance(self.store, Reaping):
            await self.store.reap()  # it knows of pictures on this disk
        return await self.place.register.bury(worker, beats=beats)


def _beats(note: dict[str, JsonValue] | None) -> int | None:
    found = note.get("beats") if note else None
    return found if isinstance(found, int) else None


# ── the fence ────────────────────────────────────────────────────────────────────────────────


def fenced(upstream: Upstream, place: Place) -> Upstream:
    """One that sends nothing more once the worker's name was taken off the list."""

    async def listed(_: Outgoing) -> Failure | None:
        try:
            await place.hold()
        except Lost:
            return _FAILURE
        return None

    return Watched(upstream, listed, lost=lambda: place.lost)
