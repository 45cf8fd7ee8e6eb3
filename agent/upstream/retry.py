"""The one retry policy. It only ever repeats what cost nothing (R45, DESIGN section 4)."""

from __future__ import annotations

from tenacity import RetryCallState, Retrying, stop_after_attempt, stop_after_delay
from tenacity.wait import wait_random_exponential

from ..protocols import Clock
from ..schema import Failure, FailureCode

LONGEST_WAIT_S = 60.0
_STOP = stop_after_attempt(4) | stop_after_delay(120)
_WAIT = wait_random_exponential(multiplier=1, max=20)
_FREE: set[FailureCode] = {"connection", "rate_limited", "cooldown", "transient"}


def delay_before_retry(
    failure: Failure, *, tries: int, elapsed_s: float, clock: Clock
) -> float | None:
    """Seconds until the same request may go again; ``None`` when it must not.

    A refusal, a spent quota, a full usage window and everything that may be billed are final.
    ``Retry-After`` is obeyed up to a minute; longer ones are told to the user instead.
    """
    if failure.stage is not None or failure.billed != "no" or failure.code not in _FREE:
        return None
    state = RetryCallState(Retrying(), None, (), {})
    state.attempt_number = tries
    state.outcome_timestamp = state.start_time + elapsed_s
    if _STOP(state):
        return None
    if failure.retry_at is None:
        return float(_WAIT(state))
    wait = (failure.retry_at - clock.now()).total_seconds()
    return max(wait, 0.0) if wait <= LONGEST_WAIT_S else None
