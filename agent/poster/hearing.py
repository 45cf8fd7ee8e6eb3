"""A run in a task of its own, told to whoever listens."""

from __future__ import annotations

import math
from collections.abc import AsyncGenerator, Callable
from typing import Protocol, TypeVar

import anyio

from .. import ImageAgent
from ..errors import UsageError

E = TypeVar("E")


class Run(Protocol):
    """What is under way; ``error`` is what it ended with, for the caller's own task."""

    error: Exception | None

    async def drive(self) -> None: ...

    def leave(self) -> None:
        """Nobody listens any more."""
        ...


async def told(
    agent: ImageAgent, begin: Callable[[Callable[[E], None]], Run]
) -> AsyncGenerator[E, None]:
    """The events of the run that ``begin`` makes of where to tell them; raises its error at the end."""
    send, receive = anyio.create_memory_object_stream[E](math.inf)
    run = begin(send.send_nowait)

    async def drive() -> None:
        with send:
            await run.drive()

    try:
        agent.start(drive)
    except UsageError:
        send.close()
        receive.close()
        raise
    try:
        async for event in receive:
            yield event
    finally:
        receive.close()
        run.leave()
    if run.error is not None:
        raise run.error
