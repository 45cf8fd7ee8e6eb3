"""A server that answers when a test says so: what is under way when a process is killed is known."""

from __future__ import annotations

import anyio


class Held:
    """``sleep`` of an offline server: waits from the first on, until they are let go."""

    def __init__(self, many: int) -> None:
        self._many = many
        self._waiting = 0
        self._full = anyio.Event()
        self._go = anyio.Event()

    async def sleep(self, seconds: float) -> None:
        del seconds
        self._waiting += 1
        if self._waiting >= self._many:
            self._full.set()
        await self._go.wait()

    async def full(self) -> None:
        """Until so many wait; raises ``TimeoutError`` where whoever should ask has ended."""
        with anyio.fail_after(90):
            await self._full.wait()

    def let_go(self, *, again: bool = False) -> None:
        """``again``: those that come later wait as these did."""
        self._go.set()
        if again:
            self._waiting, self._full, self._go = 0, anyio.Event(), anyio.Event()
