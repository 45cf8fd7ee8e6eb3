"""The same agent for code without a loop: scripts, notebooks, other people's threads."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, aclosing
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING, Self, TypeVar

import anyio
from anyio.abc import TaskStatus
from anyio.from_thread import BlockingPortal, start_blocking_portal
from anyio.streams.memory import MemoryObjectReceiveStream
from pydantic import BaseModel

from .asking import Answered
from .errors import UsageError
from .events import Event, Terminal
from .factory import open_agent
from .protocols import TurnRequest
from .runner import ImageAgent
from .schema import ImageId
from .settings import Settings

if TYPE_CHECKING:
    from .offline import Offline, OfflineOptions

M = TypeVar("M", bound=BaseModel)


class SyncImageAgent:
    """``with SyncImageAgent() as agent: agent.run(…)``; takes what ``open_agent`` takes.

    A loop of its own runs in a thread, so this works inside a running loop (a notebook) too.
    """

    def __init__(
        self,
        settings: Settings | None = None,
        *,
        profile: str | None = None,
        allow_offline: bool = True,
        offline: Offline | OfflineOptions | None = None,
    ) -> None:
        self._opener = partial(
            open_agent, settings, profile=profile, allow_offline=allow_offline, offline=offline
        )
        self._stack = ExitStack()
        self._portal: BlockingPortal | None = None
        self._agent: ImageAgent | None = None
        self._pumps: set[anyio.CancelScope] = set()

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            self._portal = stack.enter_context(start_blocking_portal())
            opened: AbstractContextManager[ImageAgent] = self._portal.wrap_async_context_manager(
                self._opener()
            )
            self._agent = stack.enter_context(opened)
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        portal, self._portal, self._agent = self._portal, None, None
        for scope in tuple(self._pumps):  # nobody reads those any more, and they would wait for it
            if portal is not None:
                portal.call(scope.cancel)
        self._stack.__exit__(kind, error, trace)

    def run(self, request: TurnRequest) -> Terminal:
        """One turn: its terminal event."""
        portal, agent = self._ready()
        return portal.call(agent.run, request)

    def ask(
        self, question: str, *, images: Sequence[ImageId | bytes] = (), schema: type[M]
    ) -> Answered[M]:
        """A question about pictures, answered as ``schema``."""
        portal, agent = self._ready()

        async def asked() -> Answered[M]:
            return await agent.ask(question, images=images, schema=schema)

        return portal.call(asked)

    def stream(self, request: TurnRequest) -> Iterator[Event]:
        """One turn, event by event; leaving the loop early stops listening."""
        return self._events(*self._ready(), request)

    def _events(
        self, portal: BlockingPortal, agent: ImageAgent, request: TurnRequest
    ) -> Iterator[Event]:
        self._ready()
        # the whole generator lives in one task: a cancel scope may not change tasks
        pump, (received, scope) = portal.start_task(_pump, agent, request)
        self._pumps.add(scope)
        try:
            while True:
                self._ready()
                try:
                    yield portal.call(received.receive)
                except anyio.EndOfStream:
                    break
            pump.result()
        finally:
            self._pumps.discard(scope)
            if self._portal is portal:
                portal.call(scope.cancel)
                portal.call(received.aclose)
                pump.exception()
            else:
                received.close()

    def _ready(self) -> tuple[BlockingPortal, ImageAgent]:
        if self._portal is None or self._agent is None:
            raise UsageError("The agent is not open.", hint="with SyncImageAgent(…) as agent: …")
        return self._portal, self._agent


async def _pump(
    agent: ImageAgent,
    request: TurnRequest,
    *,
    task_status: TaskStatus[tuple[MemoryObjectReceiveStream[Event], anyio.CancelScope]],
) -> None:
    send, received = anyio.create_memory_object_stream[Event](0)
    with anyio.CancelScope() as scope:
        task_status.started((received, scope))
        async with send, aclosing(agent.stream(request)) as events:
            async for event in events:
                await send.send(event)
