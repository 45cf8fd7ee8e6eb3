"""A server that answers when a test says so: what is under way when a process is killed is known."""

from __future__ import annotations

import anyio


class Held:
    """``sleep`` of an offline server: waits from the first on, until they are let go."""

    def __init__(self, many: int) -> None:
        """``full`` is set when so many wait."""
        self._many = many
        self._waiting = 0
        self.full = anyio.Event()
        self._go = anyio.Event()

    async def sleep(self, seconds: float) -> None:
        del seconds
        self._waiting += 1
        if self._waiting >= self._many:
            self.full.set()
        await self._go.wait()

    def let_go(self, *, again: bool = False) -> None:
        """``again``: those that come later wait as these did."""
        self._go.set()
        if again:
            self._waiting, self.full, self._go = 0, anyio.Event(), anyio.Event()
