"""A slow server is waited for, a silent one is not; whoever leaves or gives up, the books are right."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, aclosing, asynccontextmanager
from dataclasses import replace

import anyio
import anyio.lowlevel
import pytest

from agent import Event, ImageAgent, Settings, TurnRequest
from agent.derive import PillowPictures
from agent.events import Terminal
from agent.factory import load_policies, open_disk
from agent.ids import Ulids
from agent.kit import Kit
from agent.schema import Attempt, Turn
from agent.traffic import Profile
from agent.turn import pricing, prompts
from agent.upstream.responses import ResponsesUpstream
from tests.conftest import bytes_of, png
from tests.upstream.serving import COMPLETED, CREATED, FOREVER, PROFILE, Server, done, event

KITE = TurnRequest(text="a red kite over the sea")
PICTURE = png(64, 64)
DRAWING = event("image_generation_call.generating", item_id="ig_1", output_index=0)
COMMENT = b": still drawing\n\n"
IMPATIENT = replace(PROFILE, silence_s=0.02)
OpenOn = Callable[..., AbstractAsyncContextManager[ImageAgent]]


@pytest.fixture
def open_at(settings: Settings) -> OpenOn:
    """``open_at(server, profile)``: an agent whose time is the server's."""

    @asynccontextmanager
    async def opener(server: Server, profile: Profile = PROFILE) -> AsyncIterator[ImageAgent]:
        kit = Kit(
            upstream=ResponsesUpstream(profile, clock=server.clock, transport=server),
            store=await open_disk(settings, clock=server.clock),
            pictures=PillowPictures(),
            policy=load_policies(settings),
            prices=pricing.load_prices(prompts.prices_text("openai"), name="openai"),
            clock=server.clock,
            ids=Ulids(server.clock),
        )
        with anyio.fail_after(10):
            async with ImageAgent(kit) as agent:
                yield agent

    return opener


async def told(agent: ImageAgent, ended: Terminal) -> tuple[str, int, str, str, int]:
    """Outcome, exit code; state and bill of the only attempt; how many pictures are kept."""
    [attempt] = await agent.store.attempts(turn=ended.turn)
    assert ended.session is not None
    images = await agent.store.images(ended.session)
    assert all(bytes_of(image) == PICTURE for image in images)
    return (ended.outcome, ended.exit_code, attempt.state, attempt.billed, len(images))


async def books(agent: ImageAgent) -> tuple[list[Attempt], list[Turn]]:
    turns = [t for s in await agent.store.sessions() for t in await agent.store.turns(s.id)]
    return await agent.store.attempts(), turns


PARKED = ("unknown", 7, "unknown", "possibly", 0)
DRAWN = ("image", 0, "completed", "yes", 1)

# ── how long ─────────────────────────────────────────────────────────────────────────────────


async def test_a_slow_server_that_says_something_now_and_then_is_waited_for(
    open_at: OpenOn,
) -> None:
    """Ten times the silence that would end the wait, in all."""
    slowly = [step for _ in range(12) for step in (50.0, DRAWING)]
    async with open_at(Server((CREATED, *slowly, done(PICTURE), COMPLETED))) as agent:
        assert await told(agent, await agent.run(KITE)) == DRAWN


async def test_a_server_that_only_keeps_the_socket_open_is_not_waited_for(open_at: OpenOn) -> None:
    kept_open = [step for _ in range(3) for step in (25.0, COMMENT)]
    async with open_at(Server((CREATED, *kept_open, FOREVER))) as agent:
        ended = await agent.run(KITE)

        assert await told(agent, ended) == PARKED
    assert ended.error is not None
    assert "silent for 60 s" in ended.error.message
    assert "not sent again" in ended.error.hint


async def test_no_turn_takes_longer_than_the_whole_time(open_at: OpenOn) -> None:
    talking = [step for _ in range(20) for step in (50.0, DRAWING)]
    async with open_at(Server((CREATED, *talking, FOREVER))) as agent:
        ended = await agent.run(KITE)

        assert await told(agent, ended) == PARKED
    assert ended.error is not None
    assert "The whole turn took 900 s" in ended.error.message


@pytest.mark.parametrize("ends", [IMPATIENT, replace(PROFILE, total_s=0.05)])
async def test_a_picture_that_came_before_the_silence_is_a_result(
    open_at: OpenOn, ends: Profile
) -> None:
    async with open_at(Server((CREATED, done(PICTURE), FOREVER)), ends) as agent:
        ended = await agent.run(KITE)

        assert await told(agent, ended) == DRAWN
    assert [failure.code for failure in ended.failures] == ["truncated"]


async def test_a_server_that_says_nothing_at_all_is_given_up_and_not_asked_again(
    open_at: OpenOn,
) -> None:
    server = Server((FOREVER,))
    async with open_at(server, IMPATIENT) as agent:
        assert await told(agent, await agent.run(KITE)) == PARKED
    assert len(server.requests) == 1


async def test_a_whole_answer_is_waited_for_as_long_as_its_drawing_takes(open_at: OpenOn) -> None:
    server = Server((b" \n", 250.0, b" \n", 40.0, CREATED, done(PICTURE), COMPLETED))
    async with open_at(server, replace(PROFILE, silence_s=None)) as agent:
        ended = await agent.run(replace(KITE, stream=False))

        assert await told(agent, ended) == DRAWN


# ── leaving ──────────────────────────────────────────────────────────────────────────────────


async def leave_after(agent: ImageAgent, kind: str) -> Event:
    """Listen up to the first event of that kind."""
    async with aclosing(agent.stream(KITE)) as events:
        async for one in events:
            if one.type == kind:
                return one
    raise AssertionError(kind)


async def test_a_slow_answer_is_read_to_its_end_after_the_caller_has_left(open_at: OpenOn) -> None:
    slowly = [step for _ in range(12) for step in (50.0, DRAWING)]
    server = Server((CREATED, *slowly, done(PICTURE), COMPLETED))
    async with open_at(server) as agent:
        await leave_after(agent, "attempt.sent")
    async with open_at(server) as agent:
        [attempt], [turn] = await books(agent)
        assert turn.outcome == "image"
        assert [bytes_of(image) for image in await agent.store.images(turn.session)] == [PICTURE]
    assert (attempt.state, attempt.billed, attempt.images) == ("completed", "yes", 1)


async def test_a_stalled_answer_is_given_up_in_its_time_also_when_nobody_listens(
    open_at: OpenOn,
) -> None:
    server = Server((CREATED, DRAWING, FOREVER))
    async with open_at(server, IMPATIENT) as agent:
        await leave_after(agent, "attempt.sent")
    async with open_at(server) as agent:
        [attempt], [turn] = await books(agent)

    assert (attempt.state, attempt.billed, attempt.failure_code) == (
        "unknown",
        "possibly",
        "truncated",
    )
    assert (turn.outcome, turn.closed is not None) == ("unknown", True)
    assert server.closed == 1


async def test_leaving_the_agent_waits_for_every_turn_in_flight(open_at: OpenOn) -> None:
    server = Server((CREATED, 50.0, DRAWING, done(PICTURE), COMPLETED))
    async with open_at(server) as agent, anyio.create_task_group() as callers:
        for _ in range(3):
            callers.start_soon(leave_after, agent, "attempt.sent")

    async with open_at(server) as agent:
        attempts, turns = await books(agent)
    assert [(a.state, a.images) for a in attempts] == [("completed", 1)] * 3
    assert [turn.outcome for turn in turns] == ["image"] * 3


# ── giving up ────────────────────────────────────────────────────────────────────────────────


async def abandoned(open_at: OpenOn, server: Server, kind: str) -> tuple[Attempt, Turn]:
    """A turn whose caller leaves at ``kind`` and whose agent is then given up."""
    with anyio.CancelScope() as giving_up:
        async with open_at(server) as agent:
            await leave_after(agent, kind)
            giving_up.cancel()
            await anyio.lowlevel.checkpoint()
    assert giving_up.cancelled_caught
    async with open_at(server) as agent:
        [attempt], [turn] = await books(agent)
        for image in await agent.store.images(turn.session):
            assert bytes_of(image) == PICTURE
    return attempt, turn


async def test_giving_up_a_turn_that_nobody_listens_to_leaves_it_unknown(open_at: OpenOn) -> None:
    server = Server((CREATED, DRAWING, FOREVER))

    attempt, turn = await abandoned(open_at, server, "image.progress")

    assert (attempt.state, attempt.billed) == ("unknown", "possibly")
    assert (turn.outcome, turn.closed is not None) == ("unknown", True)
    assert server.closed == 1


async def test_giving_up_after_the_picture_came_keeps_the_picture(open_at: OpenOn) -> None:
    server = Server((CREATED, done(PICTURE), FOREVER))

    attempt, turn = await abandoned(open_at, server, "image.completed")

    assert (attempt.state, attempt.billed, attempt.images) == ("completed", "yes", 1)
    assert (turn.outcome, len(turn.images)) == ("image", 1)
    assert [failure.code for failure in turn.failures] == ["interrupted"]
