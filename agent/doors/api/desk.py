"""What is open while the server runs, and how it is opened and closed."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING

import anyio
from anyio import to_thread
from anyio.abc import TaskGroup

from ... import ImageAgent, Settings
from ...factory import answers_of, fetcher_of, living, publisher_of, tenancy_of
from ...hosts import LOOPBACK
from ...protocols import Answers, Publisher, Tenancy
from ...relay.pace import Pace
from ...schema import ScreenOutput
from ...settings import ProfileSettings
from .jobs import Jobs
from .limits import Rates
from .register import Register
from .signing import Signer, load_signer

if TYPE_CHECKING:
    from ...kit import Kit

Fetch = Callable[[str], Awaitable[bytes]]

MEGABYTE = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class ServeOptions:
    """How the server stands in the world; limits in bytes and seconds."""

    host: str = "127.0.0.1"
    allow_hosts: tuple[str, ...] = ()
    """Names it may be called by, besides its own."""
    allow_origins: frozenset[str] = frozenset()
    """Web pages that may call it, as ``https://host``."""
    public_url: str | None = None
    """Where others reach it: what signed addresses of pictures begin with."""
    images_only: bool = False
    """Refuse requests on ``/v1/responses`` that draw nothing."""
    max_body: int = 64 * MEGABYTE
    body_idle_s: float = 30.0
    url_valid_s: int = 3600
    screen_output: ScreenOutput = "hold"
    """``hold``: no picture leaves before the model's own wording of it was checked."""
    keepalive_s: float = 10.0
    grace_s: float = 120.0
    """How long turns in flight are waited for when the server is told to stop."""

    @property
    def on_loopback(self) -> bool:
        return self.host in LOOPBACK


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """Handed to every route. ``tasks`` outlives each request: turns run there."""

    kit: Kit
    agent: ImageAgent
    settings: Settings
    chosen: ProfileSettings
    options: ServeOptions
    tasks: TaskGroup
    answers: Answers
    tenancy: Tenancy
    fetch: Fetch | None
    """Fetches a picture by its address; ``None``: the profile does not allow it."""
    publisher: Publisher | None
    """Gives out addresses in a bucket; ``None``: there is none."""
    register: Register
    """Who may use it; with nobody in it on loopback, whoever reaches it."""
    rates: Rates
    pace: Pace
    jobs: Jobs
    signer: Signer


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What a desk is made of."""

    kit: Kit
    chosen: ProfileSettings
    signer: Signer


async def parts_of(kit: Kit, settings: Settings, chosen: ProfileSettings) -> Parts:
    """With the server's secret beside the store; raises ``SettingsError``."""
    signer = await to_thread.run_sync(load_signer, settings.data_dir)
    return Parts(kit=kit, chosen=chosen, signer=signer)


class _GivenUp(BaseException):
    """Not an error of anybody: turns in flight are not waited for any longer."""


class OpenDesk:
    """``async with OpenDesk(parts, settings, options) as desk``: leaving waits for turns in flight.

    They get ``grace_s``; what is not done by then is given up: attempts on the way are settled as
    unknown, never sent again.
    """

    def __init__(self, parts: Parts, settings: Settings, options: ServeOptions) -> None:
        self._parts = parts
        self._settings = settings
        self._options = options
        self._agent = ImageAgent(parts.kit)
        self._tasks: TaskGroup | None = None
        self._living = living(parts.kit.store)
        self._deadline = math.inf

    def stopping(self) -> None:
        """From now on the time counts that turns in flight are given."""
        self._deadline = min(self._deadline, anyio.current_time() + self._options.grace_s)

    def give_up(self) -> None:
        """Wait for nothing any longer."""
        self._deadline = -math.inf
        if self._tasks is not None:
            self._tasks.cancel_scope.cancel()

    async def __aenter__(self) -> Desk:
        await self._agent.__aenter__()
        await self._living.__aenter__()
        self._tasks = await anyio.create_task_group().__aenter__()
        kit = self._parts.kit
        tenancy = tenancy_of(kit.store)
        return Desk(
            kit=kit,
            agent=self._agent,
            settings=self._settings,
            chosen=self._parts.chosen,
            options=self._options,
            tasks=self._tasks,
            register=Register(self._settings, always=not self._options.on_loopback),
            answers=answers_of(kit.store),
            tenancy=tenancy,
            fetch=fetcher_of(self._parts.chosen),
            publisher=publisher_of(self._settings, kit.store),
            rates=Rates(kit.clock.monotonic),
            pace=Pace(),
            jobs=Jobs(self._agent, tenancy, self._tasks),
            signer=self._parts.signer,
        )

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        tasks, self._tasks = self._tasks, None
        assert tasks is not None
        self.stopping()
        tasks.cancel_scope.deadline = self._deadline
        given_up: BaseException | None = error
        try:
            # the caller's own exception is not the group's: it must come out as it went in
            ours = error if error is not None and not isinstance(error, Exception) else None
            await tasks.__aexit__(type(ours) if ours else None, ours, None)
            if tasks.cancel_scope.cancel_called:
                given_up = _GivenUp()
        finally:
            try:
                await self._living.__aexit__(None, None, None)
            finally:
                await self._agent.__aexit__(type(given_up) if given_up else None, given_up, trace)
