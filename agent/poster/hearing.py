"""A run in a task of its own, told to whoever listens."""

from __future__ import annotations

import math
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import suppress
from typing import TypeVar

import anyio

from .. import ImageAgent
from ..errors import UsageError

E = TypeVar("E")


async def told(
    agent: ImageAgent, work: Callable[[Callable[[E], None]], Coroutine[object, object, None]]
) -> AsyncGenerator[E, None]:
    """What ``work`` tells, then its error. It is cancelled when nobody listens any more."""
    send, receive = anyio.create_memory_object_stream[E](math.inf)
    scope, errors = anyio.CancelScope(), list[Exception]()

    def tell(event: E) -> None:
        with suppress(anyio.BrokenResourceError):  # nobody listens any more
            send.send_nowait(event)

    async def drive() -> None:
        with send, scope:
            try:
                await work(tell)
            except Exception as error:  # noqa: BLE001  raised below, in the caller's task
                errors.append(_alone(error))

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
        scope.cancel()
    for error in errors:
        raise error


def _alone(error: Exception) -> Exception:
    """What went wrong in one task, without the group around it."""
    while isinstance(error, ExceptionGroup) and len(error.exceptions) == 1:
        error = error.exceptions[0]
    return error
