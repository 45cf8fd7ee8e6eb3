"""What Ctrl-C, SIGTERM and a terminal that is closed mean while a turn is on its way."""

from __future__ import annotations

import signal
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Final, TypeVar

import anyio
from anyio.abc import TaskStatus

from .problems import say_problem

T = TypeVar("T")

STILL_COMING: Final = "already sent, may be billed; press Ctrl-C again to abandon it"


@dataclass
class Interruption:
    """What the signals meet. ``sent`` is kept by whoever reads the events of a turn."""

    sent: bool = False
    warned: bool = False
    inner: anyio.CancelScope | None = None
    """What Ctrl-C stops instead of everything: the turn of a chat."""
    number: int | None = None
    """The signal that ended it all."""


class Interrupted(Exception):
    """The work was cancelled by a signal; everything it had opened is closed and settled."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.exit_code = 128 + number


async def interruptible(
    work: Callable[[Interruption], Awaitable[T]],
    *,
    say: Callable[[str], object],
) -> T:
    """Run ``work`` until it ends or a signal cancels it; then raises ``Interrupted``.

    The first SIGINT after something was sent only says so. Cancelling waits for what is shielded:
    the attempt is settled before this returns.
    """
    state = Interruption()
    finished: list[T] = []
    failed: list[Exception] = []
    async with anyio.create_task_group() as tasks:
        scope = anyio.CancelScope()
        await tasks.start(_watch, state, scope, say)
        with scope:
            try:
                finished.append(await work(state))
            except Exception as error:  # noqa: BLE001  raised again outside of the group
                failed.append(error)
        tasks.cancel_scope.cancel()
    if failed:
        raise failed[0]
    if finished:
        return finished[0]
    raise Interrupted(state.number or signal.SIGINT)


def carried_out(
    work: Callable[[Interruption], Awaitable[int]], *, say: Callable[[str], object], hint: str
) -> int:
    """The exit code of ``work``, or of the signal that ended it, which is told with ``hint``."""

    async def guarded() -> int:
        return await interruptible(work, say=say)

    try:
        return anyio.run(guarded)
    except Interrupted as stopped:
        say_problem("Interrupted.", hint=hint)
        return stopped.exit_code


def _heard() -> tuple[signal.Signals, ...]:
    """Those that end a turn. A terminal that goes away is one, unless ``nohup`` said otherwise."""
    hangup = getattr(signal, "SIGHUP", None)
    if hangup is None or signal.getsignal(hangup) == signal.SIG_IGN:
        return (signal.SIGINT, signal.SIGTERM)
    return (signal.SIGINT, signal.SIGTERM, hangup)


async def _watch(
    state: Interruption,
    scope: anyio.CancelScope,
    say: Callable[[str], object],
    *,
    task_status: TaskStatus[None],
) -> None:
    with ExitStack() as stack:
        try:
            received = stack.enter_context(anyio.open_signal_receiver(*_heard()))
        except (NotImplementedError, ValueError, RuntimeError):  # Windows, or not the main thread
            task_status.started()
            return
        task_status.started()
        async for number in received:
            if number == signal.SIGINT and state.sent and not state.warned:
                state.warned = True
                say(STILL_COMING)
            elif number == signal.SIGINT and state.inner is not None:
                state.inner.cancel()
            else:  # the receiver stays: a third Ctrl-C must not stop the settling
                state.number = int(number)
                scope.cancel()
