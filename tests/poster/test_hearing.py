"""A run in a task of its own: what it tells, what it ends with, and what happens when nobody listens."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import aclosing

import anyio
import pytest

from agent import ImageAgent, UsageError
from agent.poster.hearing import told
from tests.conftest import OpenOn, Serve

Tell = Callable[[int], None]


@pytest.fixture
async def agent(open_on: OpenOn, serve: Serve) -> AsyncIterator[ImageAgent]:
    async with open_on(serve(draw="tiny")) as opened:
        yield opened


async def test_everything_told_comes_before_the_error_which_comes_without_the_group_around_it(
    agent: ImageAgent,
) -> None:
    async def fails(tell: Tell) -> None:
        async with anyio.create_task_group():
            tell(1)
            tell(2)
            raise UsageError("no")

    events = told(agent, fails)
    assert [await anext(events), await anext(events)] == [1, 2]
    with pytest.raises(UsageError, match="no"):
        await anext(events)


async def test_a_listener_who_leaves_stops_the_run_and_what_it_still_says_goes_nowhere(
    agent: ImageAgent,
) -> None:
    ended = anyio.Event()

    async def endless(tell: Tell) -> None:
        try:
            tell(1)
            await anyio.sleep_forever()
        finally:
            tell(2)
            ended.set()

    async with aclosing(told(agent, endless)) as events:
        assert await anext(events) == 1
    with anyio.fail_after(5):
        await ended.wait()


async def test_nothing_is_begun_on_an_agent_that_is_not_open(agent: ImageAgent) -> None:
    async def work(tell: Tell) -> None:
        tell(1)

    with pytest.raises(UsageError, match="not open"):
        await anext(told(ImageAgent(agent.kit), work))
