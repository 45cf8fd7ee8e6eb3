"""The turns of one call. They belong to the server: whoever waits may leave, the work goes on."""

from __future__ import annotations

from contextlib import aclosing
from dataclasses import dataclass, field, replace
from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING, Final, Protocol

import anyio
import anyio.to_thread

from ...errors import LimnerError, StoreError
from ...events import (
    AttemptRetrying,
    AttemptSent,
    Event,
    ImageCompleted,
    ImagePartial,
    ImageProgress,
    Terminal,
    TurnDegraded,
    TurnFailed,
    TurnNotice,
    TurnStarted,
)
from ...logs import get_logger
from ...protocols import Purchase, TurnRequest
from ...schema import Cost, Failure, Image, ImageId, TurnId
from .paths import Target

if TYPE_CHECKING:
    from ... import ImageAgent

log = get_logger("limner.mcp")

_STOPPING: Final = frozenset({2, 4, 5, 7, 8})
"""Exit codes after which the same turn again would only fail, or cost, again."""
UNDELIVERED_S: Final = 900.0
"""How long the same call is given what it missed, instead of a picture that is paid for anew."""


@dataclass(frozen=True, slots=True)
class Call:
    """What is asked for, and by whom where no session tells callers apart: hashes."""

    key: str
    caller: str


@dataclass(eq=False)
class Job:
    """One call under way, and then what came of it."""

    key: str
    """The same for the same call, in whatever process."""
    request: TurnRequest
    target: Target
    count: int = 1
    caller: str = ""
    """Who calls, where no session tells callers apart."""
    ids: tuple[TurnId, ...] = ()
    """Of the turns that it is to become."""
    claim: Purchase | None = None
    """As it is written down, where this process buys."""
    followed: Purchase | None = None
    """What another process bought, where this one waits for it."""
    results: list[Terminal] = field(default_factory=list)
    turns: list[TurnId] = field(default_factory=list)
    paths: dict[ImageId, str] = field(default_factory=dict)
    pictures: list[Image] = field(default_factory=list)
    """As they arrive; ``results`` follow when their turns have ended."""
    warnings: list[str] = field(default_factory=list)
    started: TurnStarted | None = None
    sent: bool = False
    """Whether anything of it may be billed."""
    done: bool = False
    ended_at: float = 0.0
    delivered: bool = False
    """Whether somebody was given the outcome."""
    waiting: int = 0
    progress: float = 0.0
    doing: str = "starting"
    scope: anyio.CancelScope = field(default_factory=anyio.CancelScope)
    stopping: bool = False
    changed: anyio.Event = field(default_factory=anyio.Event)

    def wake(self) -> None:
        """Tell everybody who waits to look again."""
        self.changed.set()
        self.changed = anyio.Event()

    def leave(self) -> None:
        """Nobody wants it any more: what was not sent costs nothing and stops; what was goes on."""
        self.stopping = True
        if not self.sent:
            self.scope.cancel()

    def forget(self) -> None:
        """What was followed came to nothing."""
        self.turns.clear()
        self.results.clear()
        self.started, self.doing = None, "starting"
        self.wake()

    def hear(self, event: Event) -> None:
        """Where it stands, in words and as a share."""
        step = float(len(self.results))
        match event:
            case TurnStarted():
                self.started = event
                self.turns.append(event.turn)
                step, self.doing = step + 0.05, "starting"
            case AttemptSent():
                self.sent = True
                step, self.doing = step + 0.1, "sent, waiting for the picture"
            case AttemptRetrying():
                self.doing = f"trying again in {event.delay_s:.0f} s: {event.failure.message}"
            case ImageProgress():
                step, self.doing = step + 0.2, "drawing"
            case ImagePartial():
                step, self.doing = step + 0.4 + 0.1 * event.index, f"drawing, draft {event.index}"
            case ImageCompleted():
                self.pictures.append(event.image)
                step, self.doing = step + 0.9, "picture stored"
            case TurnNotice():
                self.warnings.append(event.message)
            case TurnDegraded(steps=steps):
                now, above = steps.get("to", ""), steps.get("from", "")
                self.warnings.append(f"went on with {now} in place of {above}")
            case _ if isinstance(event, Terminal):
                self.results.append(event)
                step = float(len(self.results))
            case _:
                pass
        self.progress = max(self.progress, step)
        self.wake()


class Counted(Protocol):
    """A call that may draw up to ``count`` pictures."""

    count: int

    def __hash__(self) -> int: ...


class Grant:
    """What one turn may spend; given back when it has ended."""

    def __init__(self, allowance: Allowance, cap: Decimal | None) -> None:
        self._allowance = allowance
        self.cap = cap
        self.held = Decimal(0)
        self._pricing = cap is not None

    def hear(self, event: Event) -> None:
        """From its estimate on, others may be priced; at its end, what it cost is known."""
        if isinstance(event, TurnStarted):
            self.held = event.estimate.amount or Decimal(0)
            self._priced()
        elif isinstance(event, Terminal):
            billed = any(attempt.billed != "no" for attempt in event.attempts)
            known = event.cost.amount
            self._allowance.spent += known if known is not None else self.held * billed
            self.held = Decimal(0)

    def close(self) -> None:
        """Also for a turn that was given up."""
        self._priced()
        self._allowance.grants.discard(self)

    def _priced(self) -> None:
        if self._pricing:
            self._pricing = False
            self._allowance.gate.release()


class Allowance:
    """What this process may still spend and draw: a looping agent is the likeliest runaway."""

    def __init__(self, *, max_cost: Decimal | None = None, max_images: int | None = None) -> None:
        self.max_cost = max_cost
        self.max_images = max_images
        self.spent = Decimal(0)
        self.grants: set[Grant] = set()
        self.gate = anyio.Lock()
        """Held while a turn is being priced, so that two cannot count on the same money."""
        self._drawn = 0
        self._promised: dict[Counted, int] = {}

    def admit(self, job: Counted) -> Failure | None:
        """Promise its pictures, or say why not."""
        if self.max_images is None:
            return None
        under_way = sum(self._promised.values())
        left = self.max_images - self._drawn - under_way
        if job.count <= left:
            self._promised[job] = job.count
            return None
        drawn = f"{self._drawn} drawn" + (f", {under_way} under way" if under_way else "")
        return Failure(
            code="budget",
            message=f"This server draws {self.max_images} pictures in all ({drawn}), and "
            f"{job.count} more were asked for. Nothing was sent, nothing was charged.",
            hint=(f"Ask for at most {left}. " if left > 0 else "Stop drawing. ")
            + "Only a person can start the server anew with a higher --max-images.",
        )

    def dismiss(self, job: Job) -> None:
        """It is over; what it did not draw may be drawn by others."""
        self.count(job, len(job.pictures))

    def count(self, job: Counted, drawn: int) -> None:
        """The same of a call that says itself how many it drew."""
        self._promised.pop(job, None)
        self._drawn += drawn

    async def grant(self) -> Grant:
        """What the next turn may cost: all that is left."""
        if self.max_cost is None:
            grant = Grant(self, None)
        else:
            await self.gate.acquire()
            left = self.max_cost - self.spent - sum(one.held for one in self.grants)
            grant = Grant(self, max(left, Decimal(0)))
        self.grants.add(grant)
        return grant

    def explained(self, failure: Failure, grant: Grant, asked: Decimal | None) -> Failure:
        """A budget of this server's, named as such."""
        own = grant.cap is not None and (asked is None or asked > grant.cap)
        if not own or f"turn budget of {grant.cap} " not in failure.message:
            return failure
        return failure.model_copy(
            update={
                "hint": f"This server may spend {self.max_cost} in all (--max-cost), and "
                f"{grant.cap} is left. Ask for a smaller size or a lower quality, or stop: only a "
                f"person can start it anew with more. {failure.hint}"
            }
        )


# ── running them ─────────────────────────────────────────────────────────────────────────────


class Buyers(Protocol):
    """All processes on this store."""

    async def met(self, job: Job) -> bool:
        """Whether another one bought it, and it was waited for."""
        ...

    async def settle(self, job: Job) -> None:
        """After its turns; never raises."""
        ...


async def run(job: Job, agent: ImageAgent, allowance: Allowance, buyers: Buyers) -> None:
    """Every turn of the call, one after another; never raises but for being cancelled."""
    try:
        with job.scope:
            if not await buyers.met(job):
                await _bought(job, agent, allowance)
    except Exception as error:
        log.exception("mcp.bug")
        job.hear(_failed(error, sent=job.sent))
    finally:
        await buyers.settle(job)
        job.done, job.ended_at = True, anyio.current_time()
        job.wake()


async def _bought(job: Job, agent: ImageAgent, allowance: Allowance) -> None:
    """Within what this server may still draw."""
    if failure := allowance.admit(job):
        nothing = Cost(amount=Decimal(0), basis="usage")
        job.hear(TurnFailed(outcome="failed", error=failure, cost=nothing))
        return
    try:
        await _turns(job, agent, allowance)
    finally:
        allowance.dismiss(job)


def _failed(error: Exception, *, sent: bool) -> TurnFailed:
    ours = isinstance(error, LimnerError)
    failure = Failure(
        code="store" if isinstance(error, StoreError) else "unknown",
        message=str(error) if ours else f"An error of Limner's own: {type(error).__name__}.",
        hint=getattr(error, "hint", "") or "The server's log says more; show_session says what is.",
        billed="possibly" if sent else "no",
    )
    return TurnFailed(outcome="failed", error=failure)


async def _turns(job: Job, agent: ImageAgent, allowance: Allowance) -> None:
    request = job.request
    for number in range(1, job.count + 1):
        which = job.ids[number - 1] if job.ids else None
        result = await _turn(job, replace(request, turn=which), agent, allowance)
        policy = result.error is not None and result.error.stage == "policy"
        if number < job.count and (result.exit_code in _STOPPING or policy or job.stopping):
            job.warnings.append(f"the other {job.count - number} were not sent")
            return
        request = _beside(job, request, result)


async def _turn(
    job: Job, request: TurnRequest, agent: ImageAgent, allowance: Allowance
) -> Terminal:
    grant = await allowance.grant()
    caps = [cap for cap in (grant.cap, request.max_cost) if cap is not None]
    bounded = replace(request, max_cost=min(caps, default=None))
    last: Terminal | None = None
    try:
        async with aclosing(agent.stream(bounded)) as events:
            async for event in events:
                grant.hear(event)
                if isinstance(event, ImageCompleted):
                    await deliver(job, event.image)
                if isinstance(event, Terminal):
                    last = _explained(event, allowance, grant, request)
                job.hear(last or event)
    finally:
        grant.close()
    assert last is not None
    return last


def _explained(
    event: Terminal, allowance: Allowance, grant: Grant, request: TurnRequest
) -> Terminal:
    if event.error is None or event.error.code != "budget":
        return event
    told = allowance.explained(event.error, grant, request.max_cost)
    return event.model_copy(update={"error": told})


async def deliver(job: Job, image: Image, *, found: bool = False) -> None:
    """Write it where it was asked for; what cannot be written is kept and told.

    ``found``: another process may have done so already.
    """
    session = job.started.session_name if job.started else "picture"
    write = partial(
        job.target.deliver, image, session=session, place=len(job.paths) + 1, found=found
    )
    try:
        job.paths[image.id] = str(await anyio.to_thread.run_sync(write))
    except StoreError as error:
        job.warnings.append(f"{error} {error.hint}")


def _beside(job: Job, request: TurnRequest, result: Terminal) -> TurnRequest:
    """The next variant: in the session and of the picture that the first one had."""
    if result.session is None:
        return request
    edit = job.started.editing if job.started and job.started.editing else request.edit
    return replace(request, session=result.session, session_name=None, edit=edit)
