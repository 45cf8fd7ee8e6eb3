"""Only what cost nothing goes again, a few times, and never later than a person would wait."""

from __future__ import annotations

from datetime import timedelta
from itertools import product
from typing import get_args

import pytest

from agent.schema import Billed, Failure, FailureCode, Stage
from agent.upstream.retry import LONGEST_WAIT_S, delay_before_retry

from .serving import NOW, Standing

FREE = ("connection", "rate_limited", "cooldown", "transient")


def delay(failure: Failure, tries: int = 1, elapsed_s: float = 0.0) -> float | None:
    return delay_before_retry(failure, tries=tries, elapsed_s=elapsed_s, clock=Standing())


@pytest.mark.parametrize("billed", get_args(Billed))
def test_only_free_codes_that_cost_nothing_and_are_no_refusal_go_again(billed: Billed) -> None:
    for code, stage in product(get_args(FailureCode), [None, *get_args(Stage)]):
        failure = Failure(code=code, message="m", billed=billed, stage=stage)

        again = delay(failure) is not None
        assert again == (code in FREE and billed == "no" and stage is None), (code, stage)


def test_after_four_tries_it_is_over() -> None:
    failure = Failure(code="rate_limited", message="m")

    assert [delay(failure, tries=tries) is None for tries in (1, 2, 3, 4, 5)] == [
        False,
        False,
        False,
        True,
        True,
    ]


@pytest.mark.parametrize(("elapsed_s", "over"), [(0.0, False), (119.0, False), (120.0, True)])
def test_after_two_minutes_it_is_over(elapsed_s: float, over: bool) -> None:
    assert (delay(Failure(code="connection", message="m"), elapsed_s=elapsed_s) is None) == over


@pytest.mark.parametrize(
    ("seconds", "wait"),
    [(7.5, 7.5), (0.0, 0.0), (-30.0, 0.0), (LONGEST_WAIT_S, 60.0), (60.1, None), (5400.0, None)],
)
def test_the_servers_own_wait_is_kept_up_to_a_minute(seconds: float, wait: float | None) -> None:
    at = NOW + timedelta(seconds=seconds)

    assert delay(Failure(code="rate_limited", message="m", retry_at=at)) == wait


@pytest.mark.parametrize("tries", [1, 2, 3])
def test_without_one_the_wait_is_short_and_random(tries: int) -> None:
    waits = {delay(Failure(code="connection", message="m"), tries=tries) for _ in range(50)}

    assert len(waits) > 1
    assert all(wait is not None and 0 <= wait <= 2 ** (tries - 1) for wait in waits)
