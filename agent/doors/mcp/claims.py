"""The same call of two processes on one store: one buys, the other waits for what it bought.

A host restarts its server, or starts one for each thread. So a call is written down before anything
of it begins, with the ids of its turns and the process that makes it; whoever makes the same call
finds that, and follows the turns in the store. What a killed process left is told as what it is,
once; it is bought again only by a call made after that.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Final, Protocol

import anyio
import anyio.to_thread

from ...errors import StoreError
from ...events import ImageCompleted, Terminal, TurnCompleted, TurnFailed, TurnRefused, TurnStarted
from ...logs import get_logger
from ...protocols import Bought, Purchase, Tenancy
from ...schema import Attempt, AttemptSummary, Failure, Image, Outcome, Session, Turn, TurnId
from .jobs import UNDELIVERED_S, Call, Job, deliver

if TYPE_CHECKING:
    from ... import ImageAgent

log = get_logger("limner.mcp")

PREFIX: Final = "mcp-"
"""Of keys: apart from those that clients of ``limner serve`` choose."""
LOOK_S: Final = 0.5
"""Between two looks at turns that another process runs."""


class Till(Tenancy, Protocol):
    """What was bought, as the store writes it down."""

    async def standing(self, which: Purchase) -> Purchase | None: ...

    async def drop_of_turn(self, which: TurnId, *, prefix: str) -> None: ...


class Claims:
    """Which process buys a call. ``runs`` tells whether a turn is under way in this one."""

    def __init__(self, agent: ImageAgent, till: Till, *, runs: Callable[[TurnId], bool]) -> None:
        self._kit = agent.kit
        self._till = till
        self._runs = runs

    async def known(self, call: Call) -> bool:
        """Whether the same call was made, under way or never answered."""
        key = PREFIX + call.key
        which = Purchase(
            tenant=None, key=key, body=call.caller, turns=(), owner="", created=self._now()
        )
        standing = await self._till.standing(which)
        return standing is not None and not self._is_anothers(
            standing, which, await self._bought(standing)
        )

    async def met(self, job: Job) -> bool:
        """Whether another process bought it, and it was waited for; else it is this one's to buy."""
        while (taken := await self._taken(job)) is not None:
            job.followed = taken
            job.doing = "waiting for the picture that another process draws"
            if await self._follow(job, taken):
                return True
            job.followed = None
        return False

    async def settle(self, job: Job) -> None:
        """After its turns: it stays known where something may have been paid, else it is free."""
        if job.claim is None:
            return
        keep = self._till.finish if may_have_paid(job) else self._till.release
        await self._written(partial(keep, job.claim))

    async def delivered(self, job: Job) -> None:
        """Somebody knows what it came to: the same call again is another one."""
        for known in (job.claim, job.followed):
            if known is not None:
                await self._written(partial(self._till.release, known))

    async def delivered_turn(self, turn: TurnId) -> None:
        """The same, of a turn that was asked for by its id."""
        await self._written(partial(self._till.drop_of_turn, turn, prefix=PREFIX))

    async def _written(self, work: Callable[[], Awaitable[None]]) -> None:
        try:
            with anyio.CancelScope(shield=True):
                await work()
        except StoreError as error:  # the call stays known, which buys nothing twice
            log.warning("mcp.claim_not_settled", error=str(error))

    # ── whose it is ──────────────────────────────────────────────────────────────────────────

    async def _taken(self, job: Job) -> Purchase | None:
        """What to wait for. ``None``: nothing, and the call is this process's to buy."""
        new = Purchase(
            tenant=None,
            key=PREFIX + job.key,
            body=job.caller,
            turns=job.ids,
            owner=self._kit.owner,
            created=self._now(),
        )
        while (taken := await self._claim(job, new)) is not None:
            bought = await self._bought(taken)
            if self._is_anothers(taken, new, bought):
                return None
            if not self._is_void(taken, bought):
                return taken
            if await self._till.take_over(taken, new):
                job.claim = new
                return None
        return None

    async def _claim(self, job: Job, new: Purchase) -> Purchase | None:
        """Shielded: a call that is given up knows what it wrote down."""
        with anyio.CancelScope(shield=True):
            taken = await self._till.claim(new)
            job.claim = new if taken is None else None
        return taken

    async def _bought(self, taken: Purchase) -> Bought:
        return await self._till.bought(taken, now=self._now())

    def _now(self) -> datetime:
        return self._kit.clock.now()

    def _is_anothers(self, taken: Purchase, new: Purchase, bought: Bought) -> bool:
        """Somebody else's call, that only reads the same and is being answered."""
        return bought.alive and taken.body != new.body and not taken.done

    def _is_over(self, taken: Purchase, bought: Bought) -> bool:
        """Nobody works on it: it ended, or its process did."""
        ours = taken.owner == self._kit.owner
        return taken.done or not bought.alive or (ours and not self._runs(taken.turns[0]))

    def _is_void(self, taken: Purchase, bought: Bought) -> bool:
        """It came to nothing and cost nothing, or it is too long ago that nobody was told."""
        if not self._is_over(taken, bought) or any(turn.outcome is None for turn in bought.turns):
            return False
        if any(attempt.state in ("intent", "sent", "unknown") for attempt in bought.attempts):
            return not bought.turns  # forgotten
        if not _paid(bought):
            return True
        closed = max((turn.closed or turn.created for turn in bought.turns), default=taken.created)
        return self._now() - closed > timedelta(seconds=UNDELIVERED_S)

    # ── waiting for it ───────────────────────────────────────────────────────────────────────

    async def _follow(self, job: Job, taken: Purchase) -> bool:
        """Until it is over, telling the job; false when it came to nothing and cost nothing."""
        while True:
            standing = await self._till.standing(taken)
            bought = await self._bought(taken)
            gone = standing is None or standing.turns != taken.turns
            over = gone or self._is_over(standing or taken, bought)
            for turn in bought.turns:
                await self._hear(job, turn, bought.attempts)
            ended = [turn for turn in bought.turns if turn.outcome is not None]
            if len(ended) == len(taken.turns) or (over and len(ended) == len(bought.turns)):
                break
            await anyio.sleep(LOOK_S)
        free = over and not gone and not _paid(bought)
        if free or not job.results:
            job.forget()
            return False
        job.warnings.append(_MET if job.pictures else _LOST)
        if missing := len(taken.turns) - len(ended):
            job.warnings.append(f"the other {missing} were not sent")
        return True

    async def _hear(self, job: Job, turn: Turn, attempts: tuple[Attempt, ...]) -> None:
        """What is new of one turn, as if it ran here."""
        if any(result.turn == turn.id for result in job.results):
            return
        store = self._kit.store
        session = await store.session(turn.session)
        if turn.id not in job.turns:
            job.hear(_started(turn, session))
        if turn.outcome is None:
            return
        made = [one for one in await store.images(session.id) if one.turn == turn.id]
        for image in made:
            await deliver(job, image, found=True)
            job.hear(ImageCompleted(image=image))
        job.hear(_ended(turn, session, tuple(made), attempts))


_MET: Final = (
    "this is what became of the same call, made before by another process; nothing was bought "
    "twice. For variants say n."
)
_LOST: Final = (
    "this is what became of the same call, made before by another process; nothing was sent now, "
    "and the same call made once more would be a new one."
)


def may_have_paid(job: Job) -> bool:
    """Whether anything of it was, or may have been, charged."""
    if job.sent and len(job.results) < len(job.turns):
        return True
    billed = [attempt.billed for result in job.results for attempt in result.attempts]
    billed += [result.error.billed for result in job.results if result.error]
    return bool(job.pictures) or any(each != "no" for each in billed)


def _paid(bought: Bought) -> bool:
    return any(attempt.billed != "no" for attempt in bought.attempts) or any(
        turn.images for turn in bought.turns
    )


def _started(turn: Turn, session: Session) -> TurnStarted:
    return TurnStarted(
        session=session.id,
        session_name=session.name,
        turn=turn.id,
        intent=turn.intent,
        editing=turn.editing,
        profile=turn.profile,
        offline=turn.offline,
    )


_KINDS: Mapping[Outcome, type[Terminal]] = {
    "image": TurnCompleted,
    "text": TurnCompleted,
    "refused": TurnRefused,
}


def _ended(
    turn: Turn, session: Session, images: tuple[Image, ...], attempts: tuple[Attempt, ...]
) -> Terminal:
    outcome = turn.outcome or "unknown"
    fine = bool(images) or outcome == "text"
    last = turn.failures[-1] if turn.failures else Failure(code="unknown", message="No picture.")
    return _KINDS.get(outcome, TurnFailed)(
        session=session.id,
        session_name=session.name,
        turn=turn.id,
        outcome=outcome,
        offline=turn.offline,
        profile=turn.profile,
        text=turn.text,
        images=images,
        failures=turn.failures if fine else turn.failures[:-1],
        usage=turn.usage,
        cost=turn.cost,
        attempts=tuple(
            AttemptSummary(
                id=one.id,
                state=one.state,
                billed=one.billed,
                request_id=one.request_id,
                elapsed_ms=one.elapsed_ms,
            )
            for one in attempts
            if one.turn == turn.id
        ),
        error=None if fine else last,
    )
