"""One process among others on a store: its signs of life, and what it settles for the gone."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import cache, partial
from types import TracebackType
from typing import Final, ParamSpec, TypeVar

import anyio
from anyio import to_thread
from anyio.abc import TaskGroup
from sqlalchemy import Connection

from ..errors import StoreError
from ..files import turns_put_aside
from ..logs import get_logger
from ..protocols import Clock
from ..schema import Sha256
from . import adopting, owners, presence, reaping
from .blobs import BlobFolder
from .database import Database
from .reaping import Dead, Reaped
from .said import translated

P = ParamSpec("P")
T = TypeVar("T")

SIGN_S: Final = 15.0
"""Between two signs of life; ``owners.LAPSED`` is some of them."""
_DEAF_S: Final = 2 * SIGN_S
"""After so long without a look of its own, a server waits as long before it believes its ears."""

log = get_logger("limner.store")


class Settling:
    """``owner``: the name of this process, which stands on every turn that it opens."""

    def __init__(
        self, database: Database, folder: BlobFolder, *, clock: Clock, owner: str | None
    ) -> None:
        self.owner = owner or owners.this_process()
        self.lives = False
        """Whether it gives signs of life, and has begun to."""
        self._database = database
        self._folder = folder
        self._clock = clock
        self._signed = False
        self._looked: float | None = None
        self._hears_since: float | None = None

    async def stay(self) -> None:
        """Until it is cancelled: signs of life, and what others have left is settled soon."""
        while True:
            try:
                await self.heed()
            except StoreError as error:  # it may be away for a while
                log.warning("store.no_sign_of_life", error=str(error))
            await anyio.sleep(SIGN_S)

    async def heed(self) -> None:
        """One round of it. An idle server writes nothing."""
        if await self._database.read(presence.works, self.owner):
            await self._database.write(presence.sign, self.owner, at=self._clock.now())
            self._signed = True
        else:
            await self.leave()
        now, before = self._clock.monotonic(), self._looked
        if before is None or now - before > _DEAF_S:
            self._hears_since = now
        self._looked, self.lives = now, True
        await self.reap()

    async def leave(self) -> None:
        """From now on it is one that gives no signs."""
        if self._signed:
            await self._database.write(presence.leave, self.owner)
            self._signed = False

    def silences(self, connection: Connection, *, at: datetime) -> presence.Silences:
        """Nobody counts as silent for long to whom the database was away itself."""
        found = presence.silences(connection, at=at)
        if self._hears():
            return found
        return {owner: min(silent, owners.LAPSED) for owner, silent in found.items()}

    def _hears(self) -> bool:
        """It has looked often enough of late to know who has not; who is no server only asks."""
        if self._looked is None or self._hears_since is None:
            return True
        now = self._clock.monotonic()
        return now - self._looked <= _DEAF_S < now - self._hears_since

    async def reap(self) -> Reaped:
        """Settle the attempts and close the turns of processes that are gone (R45)."""
        now, aside = self._clock.now(), turns_put_aside()

        def left_open(connection: Connection) -> Reaped:
            silences = self.silences(connection, at=now)
            return reaping.left_open(connection, dead=_dead(silences, now), aside=aside)

        found = await self._database.read(left_open)
        if found == Reaped():
            return found
        caught = await self._in_thread(adopting.caught, self._folder, found.turns)
        reaped = await self._database.write(
            reaping.reap, found, caught=caught, path=self._path, at=now
        )
        for turn in reaped.turns:
            await self._in_thread(adopting.drop_scratch, self._folder, turn)
        log.info("store.reaped", attempts=len(reaped.attempts), turns=len(reaped.turns))
        return reaped

    def _path(self, sha256: str, media_type: str) -> str:
        return str(self._folder.path(Sha256(sha256), media_type))

    async def _in_thread(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        with translated(str(self._folder.blobs)):
            return await to_thread.run_sync(partial(work, *args, **kwargs))


class Living:
    """An async context manager: inside of it the process gives signs of life."""

    def __init__(self, settling: Settling) -> None:
        self._settling = settling
        self._tasks: TaskGroup | None = None

    async def __aenter__(self) -> None:
        self._tasks = await anyio.create_task_group().__aenter__()
        self._tasks.start_soon(self._settling.stay)

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        tasks, self._tasks = self._tasks, None
        assert tasks is not None
        self._settling.lives = False
        tasks.cancel_scope.cancel()
        try:
            await tasks.__aexit__(None, None, None)
        finally:
            with anyio.CancelScope(shield=True):
                await self._left()

    async def _left(self) -> None:
        try:
            await self._settling.leave()
        except StoreError as error:
            log.warning("store.not_left", error=str(error))


def _dead(silences: presence.Silences, now: datetime) -> Dead:
    """Each owner is looked at once."""
    life_of = cache(owners.life_of)

    def dead(owner: str | None, seen: datetime) -> bool:
        silent = silences.get(owner or "")
        return owners.has_ended(life_of(owner), quiet=now - seen, silent=silent)

    return dead
