"""One-shot turns: open an agent, run the turns, tell their events, end with a code."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import anyio

from ... import ImageAgent
from ...events import AttemptRetrying, AttemptSent, Terminal, TurnFailed
from ...factory import open_agent
from ...protocols import TurnRequest
from ...schema import AttemptSummary, Failure
from .outputs import check_room
from .problems import say_problem
from .signals import Interrupted, Interruption, interruptible
from .stdout import write_json
from .telling import Teller

if TYPE_CHECKING:
    from ...offline import OfflineOptions
    from ...settings import Settings

STOPPING = frozenset({2, 4, 5, 7, 8})
"""Exit codes after which the same turn again would only fail, or cost, again."""

Work = Callable[[ImageAgent, Interruption], Awaitable[int]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What a command works with, once everything that needs no server was checked."""

    settings: Settings
    artist: OfflineOptions | None
    teller: Teller
    as_json: bool


def run(job: Job, work: Work) -> int:
    """Run ``work`` with an agent until it ends or a signal ends it; the exit code.

    Raises ``UsageError`` where the store has no room for what would be paid for.
    """
    check_room(job.settings.data_dir, hint="Make room, or move the store with LIMNER_HOME.")

    async def with_agent(state: Interruption) -> int:
        async with open_agent(job.settings, offline=job.artist) as agent:
            return await work(agent, state)

    async def guarded() -> int:
        return await interruptible(with_agent, say=job.teller.line)

    try:
        return anyio.run(guarded)
    except Interrupted as stopped:
        return _interrupted(job, stopped)
    finally:
        job.teller.close()


async def take(
    agent: ImageAgent, request: TurnRequest, teller: Teller, state: Interruption
) -> Terminal:
    """One turn, told as it happens."""
    last: Terminal | None = None
    async with aclosing(agent.stream(request)) as events:
        async for event in events:
            if isinstance(event, AttemptSent):
                state.sent = True
            elif isinstance(event, AttemptRetrying | Terminal):
                state.sent = False
            teller.tell(event)
            if isinstance(event, Terminal):
                last = event
    assert last is not None
    return last


async def siblings(
    agent: ImageAgent, request: TurnRequest, job: Job, state: Interruption, *, count: int
) -> int:
    """The same turn ``count`` times, from the same picture; the worst exit code.

    Stops where going on could only fail or cost in the same way.
    """
    worst = 0
    for number in range(1, count + 1):
        result = await take(agent, request, job.teller, state)
        worst = max(worst, result.exit_code)
        if number < count and (result.exit_code in STOPPING or _policy(result)):
            job.teller.line(f"the other {count - number} were not sent")
            break
        request = _beside(request, result, job.teller)
    return max(worst, int(job.teller.undelivered))


def _policy(result: Terminal) -> bool:
    return result.error is not None and result.error.stage == "policy"


def _beside(request: TurnRequest, result: Terminal, teller: Teller) -> TurnRequest:
    """The request of the next sibling: in the session and of the picture that the first one had."""
    if result.session is None:
        return request
    started = teller.started
    edit = request.edit
    if started is not None and started.editing:
        edit = started.editing  # imported files once, and never the picture that was just made
    return replace(request, session=result.session, session_name=None, edit=edit)


def _interrupted(job: Job, stopped: Interrupted) -> int:
    """The turn was given up; its attempt is settled as unknown when it had been sent."""
    started, sent = job.teller.started, job.teller.sent
    failure = Failure(
        code="interrupted",
        message="Interrupted after it was sent." if sent else "Interrupted before it was sent.",
        hint="The server may have drawn and billed it; `limner show` lists the turn."
        if sent
        else "Nothing was charged.",
        billed="possibly" if sent else "no",
    )
    say_problem(failure.message, hint=failure.hint)
    if job.as_json:
        attempts = (
            (AttemptSummary(id=sent.attempt, state="unknown", billed="possibly"),) if sent else ()
        )
        write_json(
            TurnFailed(
                session=started.session if started else None,
                session_name=started.session_name if started else None,
                turn=started.turn if started else None,
                outcome="unknown" if sent else "failed",
                offline=bool(started and started.offline),
                profile=started.profile if started else "",
                attempts=attempts,
                error=failure,
            )
        )
    return stopped.exit_code
