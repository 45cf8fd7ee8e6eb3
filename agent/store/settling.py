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

log = get_logger("limner.store")


class Settling:
    """``owner``: the name of this process, which stands on every turn that it opens."""

    def __init__(
        self, database: Database, folder: BlobFolder, *, clock: Clock, owner: str | None
    ) -> None:
        self.owner = owner or owners.this_process()
        self._database = database
        self._folder = folder
        self._clock = clock

    async def stay(self) -> None:
        """Until it is cancelled: signs of life, and what others have left is settled soon."""
        while True:
            try:
                await self.sign()
                await self.reap()
            except StoreError as error:  # it may be away for a while
                log.warning("store.no_sign_of_life", error=str(error))
            await anyio.sleep(SIGN_S)

    async def sign(self) -> None:
        await self._database.write(presence.sign, self.owner, at=self._clock.now())

    async def leave(self) -> None:
        """Nothing is left open; from now on it is one that gives no signs."""
        try:
            await self._database.write(presence.leave, self.owner)
        except StoreError as error:
            log.warning("store.not_left", error=str(error))

    async def reap(self) -> Reaped:
        """Settle the attempts and close the turns of processes that are gone (R45)."""
        now, aside = self._clock.now(), turns_put_aside()

        def left_open(connection: Connection) -> Reaped:
            silences = presence.silences(connection, own=self.owner, at=now)
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
        tasks.cancel_scope.cancel()
        try:
            await tasks.__aexit__(None, None, None)
        finally:
            with anyio.CancelScope(shield=True):
                await self._settling.leave()


def _dead(silences: presence.Silences, now: datetime) -> Dead:
    """Each owner is looked at once."""
    life_of = cache(owners.life_of)

    def dead(owner: str | None, seen: datetime) -> bool:
        silent = silences.get(owner or "")
        return owners.has_ended(life_of(owner), quiet=now - seen, silent=silent)

    return dead
