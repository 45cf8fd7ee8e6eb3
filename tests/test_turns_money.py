"""What a turn costs, what it reserves, and that every budget holds over what may have been billed."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from decimal import Decimal

from pydantic import BaseModel

from agent import ImageAgent, ImageOptions, Settings, TurnRequest
from agent.derive import PillowPictures
from agent.factory import load_policies, open_disk
from agent.ids import Ulids
from agent.kit import Kit
from agent.offline import Offline, Reply
from agent.offline.exchange import Incoming, json_reply
from agent.runner import ImageAgent as Agent
from agent.traffic import Profile
from agent.turn import pricing, prompts
from agent.upstream.dialects import DIALECTS
from agent.upstream.inprocess import InProcessTransport
from agent.upstream.responses import ResponsesUpstream
from tests.conftest import Serve, Ticking

KITE = TurnRequest(text="a red kite over the sea", options=ImageOptions(quality="low"))


@asynccontextmanager
async def paid(settings: Settings, server: Offline, **caps: str) -> AsyncIterator[ImageAgent]:
    """An agent for which this server is one that asks OpenAI's prices."""
    clock = Ticking()
    profile = Profile(
        name="paid", base_url="http://paid.invalid/v1", api_key="k", dialect=DIALECTS["generic"]
    )
    transport = InProcessTransport(server.handle)
    kit = Kit(
        upstream=ResponsesUpstream(profile, clock=clock, transport=transport),
        store=await open_disk(settings, clock=clock),
        pictures=PillowPictures(),
        policy=load_policies(settings),
        prices=pricing.load_prices(prompts.prices_text("openai"), name="openai"),
        clock=clock,
        ids=Ulids(clock),
        caps={scope: Decimal(cap) for scope, cap in caps.items()},
    )
    async with Agent(kit) as agent:
        yield agent


async def test_a_turn_costs_what_was_counted_and_no_more_than_was_reserved(
    settings: Settings, serve: Serve
) -> None:
    async with paid(settings, serve()) as agent:
        ended = await agent.run(KITE)
        [attempt] = await agent.store.attempts()

    assert ended.cost.basis == "usage"
    assert ended.cost.amount is not None
    assert attempt.reserved.amount is not None
    assert 0 < ended.cost.amount <= attempt.reserved.amount
    assert (ended.cost_usd, attempt.cost) == (ended.cost.amount, ended.cost)


async def test_a_session_budget_stops_the_turn_that_would_exceed_it(
    settings: Settings, serve: Serve
) -> None:
    server = serve()
    async with paid(settings, server) as agent:
        first = await agent.run(KITE)
        assert first.cost.amount is not None
        again = replace(KITE, session=first.session, session_max_cost=first.cost.amount * 2)
        second = await agent.run(again)

    assert (second.outcome, second.exit_code) == ("failed", 5)
    assert second.error is not None
    assert "session budget" in second.error.message
    assert server.counters["requests"] == 1


async def test_what_may_have_been_billed_counts_against_the_day(
    settings: Settings, serve: Serve
) -> None:
    server = serve("500:first=1")
    async with paid(settings, server, day="0.06") as agent:
        parked = await agent.run(KITE)
        stopped = await agent.run(KITE)

    assert (parked.exit_code, stopped.exit_code) == (7, 5)
    assert parked.cost.amount is None
    assert stopped.error is not None
    assert "reserved" in stopped.error.message


async def test_what_cost_nothing_does_not_count(settings: Settings, serve: Serve) -> None:
    server = serve("401:first=1")
    async with paid(settings, server, day="0.06") as agent:
        refused = await agent.run(KITE)
        drawn = await agent.run(KITE)

    assert refused.exit_code == 4
    assert refused.cost.amount == 0
    assert drawn.outcome == "image"


async def test_a_turn_left_before_it_was_sent_gives_its_reservation_back(
    settings: Settings, serve: Serve
) -> None:
    async with paid(settings, serve(), day="0.06") as agent:
        events = agent.stream(KITE)
        assert (await anext(events)).type == "turn.started"
        await events.aclose()
    async with paid(settings, serve(), day="0.06") as agent:  # leaving the first waited for it
        drawn = await agent.run(KITE)

    assert drawn.outcome == "image"


async def test_without_a_price_a_budget_cannot_be_kept_and_nothing_is_sent(
    settings: Settings, serve: Serve
) -> None:
    server = serve()
    unpriced = replace(KITE, options=ImageOptions(model="gpt-image-99"))
    async with paid(settings, server) as agent:
        stopped = await agent.run(replace(unpriced, max_cost=Decimal(5)))
        drawn = await agent.run(unpriced)

    assert stopped.exit_code == 5
    assert stopped.error is not None
    assert "not known" in stopped.error.message
    assert (drawn.outcome, drawn.cost.amount, drawn.cost_usd) == ("image", None, None)
    assert server.counters["requests"] == 1


class Uncounted(Offline):
    """A gateway that drops ``tool_usage``, as several do (D18)."""

    async def handle(self, request: Incoming) -> Reply:
        reply = await super().handle(request)
        document = json.loads(b"".join([chunk async for chunk in reply.body]))
        return json_reply({k: v for k, v in document.items() if k != "tool_usage"})


async def test_a_picture_that_was_not_counted_is_estimated_and_that_is_told(
    settings: Settings, serve: Serve
) -> None:
    async with paid(settings, Uncounted(serve().options)) as agent:
        request = replace(KITE, stream=False)
        events = [event async for event in agent.stream(request)]

    ended = events[-1]
    assert ended.type == "turn.completed"
    assert ended.cost.basis == "estimate"
    told = [e.message for e in events if e.type == "turn.notice" and e.code == "unpriced"]
    assert told
    assert "did not count" in told[0]


class Verdict(BaseModel):
    readable: bool


async def test_questions_count_against_the_day_too(settings: Settings, serve: Serve) -> None:
    server = serve()
    async with paid(settings, server, day="0.000001") as agent:
        answered = await agent.ask("Can it be read?", schema=Verdict)

        assert answered.failure is not None
        assert (answered.value, answered.failure.code) == (None, "budget")
        assert await agent.store.attempts() == []
    assert dict(server.counters) == {}


async def test_the_cost_of_a_repaired_question_is_that_of_both_requests(
    settings: Settings, serve: Serve
) -> None:
    """This server has not proved structured output, and the artist then answers in a sentence."""
    async with paid(settings, serve()) as agent:
        answered = await agent.ask("Can it be read?", schema=Verdict)
        costs = [attempt.cost.amount for attempt in await agent.store.attempts()]

    assert answered.value is None
    assert len(costs) == 2
    assert answered.cost.amount == sum(cost for cost in costs if cost is not None)
    assert answered.cost.amount
