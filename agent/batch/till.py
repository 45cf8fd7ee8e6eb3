"""Money for the pictures of a batch: the ledger keeps its budgets, over every worker.

A budget that only what is under way fills says no to the next picture, which may be paid for as
soon as the others turn out to cost less than was reserved for them. So that is waited for, one
picture after the other; the next one may ask once the request of the one before is on its way.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from decimal import Decimal
from typing import Final, Protocol

import anyio

from ..poster.purse import Purse
from ..schema import AttemptId, Cost

_LOOK_S: Final = 0.5


class UnderWay(Protocol):
    async def under_way(self, batch: str) -> Collection[AttemptId]:
        """Attempts that will still turn out to cost this or that."""
        ...


class Till(Purse):
    """Of one picture at a time. ``line`` is that of everybody in this process."""

    def __init__(
        self,
        ledger: UnderWay,
        batch: str,
        line: anyio.CapacityLimiter,
        resting: Callable[[], bool],
    ) -> None:
        """``resting``: nothing more is to be begun, so nothing is waited for."""
        super().__init__(None, spent=Cost(amount=Decimal(0), basis="usage"))
        self._ledger = ledger
        self._batch = batch
        self._queue = line
        self._resting = resting
        self._first = False
        self._open: set[AttemptId] | None = None
        """What was under way when this was last refused."""

    async def hold(self, estimate: Cost, *, begun: bool = False) -> None:
        """Behind those who wait."""
        del estimate
        if not begun and self._queue.borrowed_tokens:
            await self._line_up()

    async def again(self, *, begun: bool = False) -> bool:
        """Once something has ended that was under way; false where nothing is that could."""
        if not begun:
            await self._line_up()
        before, self._open = self._open, await self._look()
        ended = before is None or bool(before - self._open)
        while self._open and not ended and not self._resting():
            await anyio.sleep(_LOOK_S)
            before, self._open = self._open, await self._look()
            ended = bool(before - self._open)
        if ended and not self._resting():
            return True
        self.leave()
        return False

    def leave(self) -> None:
        """Out of the line: its request is on its way, or there will be none."""
        self._open = None
        if self._first:
            self._first = False
            self._queue.release_on_behalf_of(self)

    async def _line_up(self) -> None:
        if not self._first:
            await self._queue.acquire_on_behalf_of(self)
            self._first = True

    async def _look(self) -> set[AttemptId]:
        return set(await self._ledger.under_way(self._batch))
