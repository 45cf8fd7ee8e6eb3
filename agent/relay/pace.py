"""Who goes first in a busy process: a turn that has not been sent, before another's later drafts.

All that is done here is done by one processor. Were it shared out evenly, everybody's first draft
would come at the end.
"""

from __future__ import annotations

from collections.abc import Callable

import anyio

AT_ONCE = 48
"""Turns between their request and their sending; more would only make each other late."""
LONGEST_S = 2.0
"""For which a turn gives way, all in all."""


class Place:
    """Of a turn on its way to its server; it ``leave``s when it was sent, or will not be."""

    def __init__(self, left: Callable[[], None] | None = None) -> None:
        self._left = left

    def leave(self) -> None:
        """Once; later calls do nothing."""
        left, self._left = self._left, None
        if left is not None:
            left()


class Pace:
    """One for all turns of a server."""

    def __init__(self, at_once: int = AT_ONCE) -> None:
        self._room = anyio.Semaphore(at_once, fast_acquire=True)
        self._unsent = 0
        self._all_sent = anyio.Event()

    async def enter(self) -> Place:
        """In the order of arrival; waits for a place."""
        self._unsent += 1
        try:
            await self._room.acquire()
        except BaseException:
            self._gone()
            raise
        return Place(self._leave)

    async def give_way(self, until: float) -> None:
        """Until every turn that came was sent, or until ``until`` (seconds of the event loop)."""
        await anyio.lowlevel.checkpoint()  # those that can go on now, go on
        if self._unsent:
            with anyio.CancelScope(deadline=until):
                await self._all_sent.wait()

    def _leave(self) -> None:
        self._room.release()
        self._gone()

    def _gone(self) -> None:
        self._unsent -= 1
        if not self._unsent:
            self._all_sent.set()
            self._all_sent = anyio.Event()
