"""The agent, opened by the first call that needs it, and the calls under way."""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from dataclasses import dataclass, field
from decimal import Decimal
from importlib import import_module
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Final, Protocol, Self, cast

import anyio
import anyio.to_thread
from anyio.abc import TaskGroup, TaskStatus

from ...protocols import Store, TurnRequest
from ...schema import Image, Turn, TurnId, Verdict
from .claims import Claims, Till
from .jobs import UNDELIVERED_S, Allowance, Call, Job, run
from .paths import Target
from .poster_jobs import PosterJob

if TYPE_CHECKING:
    from ... import ImageAgent
    from ...settings import ProfileSettings, Settings

REMEMBERED: Final = 64
"""Ended calls whose outcome can still be asked for with all that was noticed on the way."""
Opening = Callable[[], "AbstractAsyncContextManager[ImageAgent]"]
"""Opens the agent of this server, as ``open_agent`` does; called by the first call."""


class Archive(Store, Protocol):
    """A store that finds single turns."""

    async def turn(self, which: TurnId) -> Turn: ...

    async def reap(self) -> object:
        """Settle what processes left open that are gone."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What whoever starts the server decides, and no call can change."""

    roots: tuple[Path, ...] = ()
    """Resolved folders; none: the client's, else the working directory."""
    working: Path = field(default_factory=Path.cwd)
    max_cost: Decimal | None = None
    max_images: int | None = None
    pulse_s: float = 10.0
    """Between two progress notes while nothing happens; some clients wait as long as they come."""


class Workroom:
    """An async context manager; leaving it waits for what was sent, and drops what was not."""

    def __init__(
        self,
        settings: Settings,
        profile: ProfileSettings,
        options: Options,
        *,
        opening: Opening,
    ) -> None:
        self.settings = settings
        self.profile = profile
        self.options = options
        self._opened = opening
        self.posters: dict[str, PosterJob] = {}
        """Briefs under way, and those whose outcome nobody was told yet."""
        self._allowance = Allowance(max_cost=options.max_cost, max_images=options.max_images)
        self._jobs: OrderedDict[Call, Job] = OrderedDict()
        self._past: deque[Job] = deque(maxlen=REMEMBERED)
        """Calls that were made once more after their end."""
        self._agent: ImageAgent | None = None
        self._claims: Claims | None = None
        self._opening = anyio.Lock()
        self._closing = anyio.Event()
        self._stack = AsyncExitStack()
        self._tasks: TaskGroup | None = None

    async def __aenter__(self) -> Self:
        self._tasks = await self._stack.enter_async_context(anyio.create_task_group())
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        given_up = error is not None and not isinstance(error, Exception)
        if given_up:
            await self._close(kind, error, trace)
            return
        # a connection that broke throws nothing away that was paid for
        try:
            await self._finished()
        except BaseException as stopped:
            await self._close(type(stopped), stopped, stopped.__traceback__)
            raise
        await self._close(None, None, None)

    async def _finished(self) -> None:
        """What was sent is received and written where it was asked for; the rest is not sent."""
        for job in self._jobs.values():
            job.leave()
        while running := [job for job in self._jobs.values() if not job.done]:
            await running[0].changed.wait()

    async def _close(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for job in self._jobs.values():
            job.scope.cancel()
        for poster in self.posters.values():
            poster.scope.cancel()
        with anyio.CancelScope(shield=True):  # what was bought is written down first
            while running := [job for job in self._known if not job.done]:
                await running[0].changed.wait()
        self._closing.set()
        await self._stack.__aexit__(kind, error, trace)

    @property
    def allowance(self) -> Allowance:
        """What all calls together may still spend and draw."""
        return self._allowance

    async def agent(self) -> ImageAgent:
        """Raises ``SettingsError`` and ``StoreError`` when it cannot be opened; tried anew each time."""
        async with self._opening:
            if self._agent is None:
                assert self._tasks is not None
                # in a thread, so that pings are answered meanwhile
                await anyio.to_thread.run_sync(import_module, "...factory", __package__)
                self._agent = await self._tasks.start(self._keep_open)
        return self._agent

    async def claims(self) -> Claims:
        """Which process buys a call."""
        agent = await self.agent()
        if self._claims is None:
            from ...factory import tenancy_of

            till = cast("Till", tenancy_of(agent.store))
            self._claims = Claims(agent, till, runs=self._runs)
        return self._claims

    def _runs(self, turn: TurnId) -> bool:
        return any(turn in job.ids and not job.done for job in self._jobs.values())

    async def store(self) -> Archive:
        """Sessions, turns, pictures."""
        return cast("Archive", (await self.agent()).store)

    async def check(self, text: str) -> Verdict:
        """What the safety screen says; nothing is sent or kept, and no agent is needed."""
        factory = await anyio.to_thread.run_sync(import_module, "...factory", __package__)
        found = await anyio.to_thread.run_sync(factory.check_text, text, self.settings)
        assert isinstance(found, Verdict)
        return found

    async def _keep_open(self, *, task_status: TaskStatus[ImageAgent]) -> None:
        """One task opens and closes it: its task group may not change hands."""
        from ...factory import living

        async with self._opened() as agent, living(agent.store):
            task_status.started(agent)
            await self._closing.wait()

    # ── calls under way ──────────────────────────────────────────────────────────────────────

    def same(self, call: Call) -> Job | None:
        """The same call, still under way, or ended without anybody being told of it."""
        job = self._jobs.get(call)
        if job is None or (job.stopping and not job.sent):
            return None
        if not job.done:
            return job
        missed = not job.delivered and job.sent
        fresh = anyio.current_time() - job.ended_at < UNDELIVERED_S
        return job if missed and fresh else None

    async def start(self, call: Call, request: TurnRequest, target: Target, *, count: int) -> Job:
        """Begin a call, or join the same one."""
        agent, claims = await self.agent(), await self.claims()
        if (other := self.same(call)) is not None:  # begun while the agent was being opened
            return other
        new = agent.kit.ids.new
        job = Job(
            key=call.key,
            caller=call.caller,
            request=request,
            target=target,
            count=count,
            ids=tuple(TurnId(new("turn")) for _ in range(count)),
        )
        assert self._tasks is not None
        self._remember(call, job)
        self._tasks.start_soon(run, job, agent, self._allowance, claims)
        return job

    async def delivered(self, job: Job) -> None:
        """Whoever asked knows what it came to."""
        await (await self.claims()).delivered(job)
        job.delivered = True

    async def delivered_turn(self, turn: TurnId) -> None:
        """The same, of a turn that ran in another process."""
        await (await self.claims()).delivered_turn(turn)

    def of_turn(self, turn: str) -> Job | None:
        """The call that this turn is part of, if it ran in this process."""
        return next((job for job in self._known if turn in job.turns), None)

    def recent(self) -> list[Image]:
        """Pictures of this process, the newest first."""
        made = {image.id: image for job in self._known for image in job.pictures}
        newest = sorted(made.values(), key=lambda image: image.created, reverse=True)
        return newest[:REMEMBERED]

    @property
    def _known(self) -> tuple[Job, ...]:
        return (*self._jobs.values(), *self._past)

    def _remember(self, call: Call, job: Job) -> None:
        if (before := self._jobs.pop(call, None)) is not None:
            self._past.append(before)
        self._jobs[call] = job
        ended = [key for key, one in self._jobs.items() if one.done]
        for key in ended[: max(0, len(self._jobs) - REMEMBERED)]:
            del self._jobs[key]
