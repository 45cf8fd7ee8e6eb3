"""What every turn works with: the room's parts, joined once by the factory."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import (
    AbstractAsyncContextManager,
    AsyncExitStack,
    asynccontextmanager,
    nullcontext,
)
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from typing import Protocol, Self, TypeVar, runtime_checkable

import anyio

from .errors import StoreError
from .protocols import Clock, Ids, Pictures, Store, TurnRequest, Upstream
from .safety.policy import Policy
from .schema import AttemptId, ImageOptions, ScreenOutput, SecondScreen, TurnId
from .turn.pricing import Prices
from .turn.scores import Thresholds

T = TypeVar("T")


@runtime_checkable
class Watched(Protocol):
    """A store in which others settle for a process that ended."""

    @property
    def lives(self) -> bool:
        """Whether this process gives signs of life by itself, so that no attempt has to."""
        ...

    async def beat(self, attempt: AttemptId, *, at: datetime) -> None:
        """Somebody still waits for the answer."""
        ...

    async def arriving(self, turn: TurnId, data: bytes) -> None:
        """These bytes are about to be put in, for this turn."""
        ...


_LARGE = 2560 * 1440
"""Pixels above which a picture is slow, dear and often fails (R21)."""


class Room:
    """How many requests of one profile may be under way at once in this process (R46).

    ``None`` sets no limit. A large picture takes a place among the large ones and one among all.
    """

    def __init__(self, places: int | None = None, *, large: int | None = None) -> None:
        self._all = anyio.CapacityLimiter(places) if places else None
        self._large = anyio.CapacityLimiter(large) if large else None

    @property
    def unlimited(self) -> bool:
        """Whether nobody ever waits for a place."""
        return self._all is None and self._large is None

    def place(self, options: ImageOptions | None) -> AbstractAsyncContextManager[None]:
        """Waits until there is one; the large ones first, so that they cannot block each other."""
        return nullcontext() if self.unlimited else self._place(options)

    @asynccontextmanager
    async def _place(self, options: ImageOptions | None) -> AsyncIterator[None]:
        wanted = (self._large if options and _is_large(options) else None, self._all)
        async with AsyncExitStack() as held:
            for limiter in wanted:
                if limiter is not None:
                    await held.enter_async_context(limiter)
            yield


def _is_large(options: ImageOptions) -> bool:
    width, _, height = options.size.partition("x")
    return width.isdecimal() and height.isdecimal() and int(width) * int(height) > _LARGE


@dataclass(frozen=True, slots=True)
class Patience:
    """How long what was paid for waits for a store that is away; by default it does not."""

    delays: Sequence[float] = ()
    """Seconds before each further try."""
    tell: Callable[[StoreError, float], object] = lambda *_: None


@dataclass(frozen=True, slots=True, kw_only=True)
class Kit:
    """Frozen for the life of an agent; everything that touches the world is behind a protocol."""

    upstream: Upstream
    store: Store
    pictures: Pictures
    policy: Policy
    prices: Prices
    clock: Clock
    ids: Ids
    owner: str = ""
    """``host:pid:started`` of this process, written into every attempt it sends."""
    key_fingerprint: str | None = None
    image_model: str = "gpt-image-2"
    caps: Mapping[str, Decimal] = field(default_factory=dict)
    """Standing budgets by scope (``turn``, ``session``, ``day``, ``key``)."""
    room: Room = field(default_factory=Room)
    screen_output: ScreenOutput = "tell"
    second_screen: SecondScreen = "off"
    thresholds: Thresholds = field(default_factory=Thresholds)
    """From which score on the second screen asks or refuses; none by default."""
    fallback: Self | None = None
    """The same on the next profile, for a turn that is known not to have been drawn here."""
    batch: str | None = None
    """What its attempts are bought for, and the brief in it: budgets can be about both."""
    brief: str | None = None
    patience: Patience = field(default_factory=Patience)
    borrowed: bool = False
    """Upstreams and store are somebody else's, who closes them."""
    watched: Watched | None = field(init=False)
    """The store, where it is one that others look into."""

    def __post_init__(self) -> None:
        watched = self.store if isinstance(self.store, Watched) else None
        object.__setattr__(self, "watched", watched)

    def on_account(
        self,
        batch: str,
        brief: str,
        caps: Mapping[str, Decimal],
        *,
        waits: Sequence[float] = (),
        tell: Callable[[StoreError, float], object] = lambda *_: None,
    ) -> Self:
        """The same for a brief of a batch, with its budgets; whoever opened this one closes it.

        ``waits``: seconds between tries to put down what has arrived; ``tell`` hears of each.
        """
        return replace(
            self,
            batch=batch,
            brief=brief,
            borrowed=True,
            caps={**self.caps, **caps},
            patience=Patience(waits, tell),
            fallback=self.fallback
            and self.fallback.on_account(batch, brief, caps, waits=waits, tell=tell),
        )

    async def later(self, met: StoreError, work: Callable[[], Awaitable[T]]) -> T:
        """Try again what the store refused, as long as that is waited for; raises the last refusal."""
        for delay in self.patience.delays:
            self.patience.tell(met, delay)
            await anyio.sleep(delay)
            try:
                return await work()
            except StoreError as error:
                met = error
        raise met

    def holds(self, request: TurnRequest) -> bool:
        """Whether a picture of this turn waits until its wording was checked."""
        return (request.screen_output or self.screen_output) == "hold"

    async def aclose(self) -> None:
        """Every upstream, then the store they share."""
        if self.borrowed:
            return
        try:
            lane: Kit | None = self
            while lane is not None:
                await lane.upstream.aclose()
                lane = lane.fallback
        finally:
            await self.store.aclose()
