"""Turns from end to end: what was booked was reserved; what is refused for money leaves nothing."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from agent import ImageOptions, Settings, TurnRequest
from agent.events import TurnStarted
from tests.conftest import Serve, png
from tests.test_turns_money import paid

KITE = TurnRequest(text="a red kite over the sea", options=ImageOptions(quality="low"))


@pytest.mark.parametrize(
    ("size", "quality", "partials"),
    [
        ("1024x640", "low", 0),
        ("1536x1024", "medium", 3),
        ("1920x640", "high", 1),
        ("1104x624", "auto", 0),
        ("auto", "low", 2),
    ],
)
@pytest.mark.parametrize("edited", [0, 1, 2])
async def test_no_more_is_booked_than_was_reserved(
    size: str, quality: str, partials: int, edited: int, settings: Settings, serve: Serve
) -> None:
    options = ImageOptions.model_validate(
        {"size": size, "quality": quality, "partial_images": partials}
    )
    pictures = [png(1024, 640), png(1600, 1200)][:edited]
    request = replace(
        KITE,
        text="夜市里的红风筝 " * 20,
        options=options,
        intent="edit" if edited else "generate",
        edit=tuple(pictures) or None,
        mask_box=(0, 0, 100, 100) if edited == 1 else None,
    )

    async with paid(settings, serve()) as agent:
        ended = await agent.run(request)
        [attempt] = await agent.store.attempts()

    assert ended.outcome == "image", ended.error
    assert attempt.cost.basis == "usage"
    assert attempt.cost.amount is not None
    assert attempt.reserved.amount is not None
    assert 0 < attempt.cost.amount <= attempt.reserved.amount


async def test_a_mask_is_reserved_as_one_more_picture(settings: Settings, serve: Serve) -> None:
    edit = replace(KITE, intent="edit", edit=(png(1024, 640),))
    async with paid(settings, serve()) as agent:
        await agent.run(edit)
        await agent.run(replace(edit, mask_box=(0, 0, 100, 100)))
        plain, masked = await agent.store.attempts()

    assert plain.reserved.amount is not None
    assert masked.reserved.amount is not None
    assert masked.reserved.amount > plain.reserved.amount


# ── a budget that does not cover it ──────────────────────────────────────────────────────────


async def test_a_turn_that_no_budget_covers_leaves_no_session_and_keeps_its_verdict(
    settings: Settings, serve: Serve
) -> None:
    server = serve()
    async with paid(settings, server) as agent:
        request = replace(KITE, max_cost=Decimal("0.001"), intent="edit", edit=(png(1024, 640),))
        events = [event async for event in agent.stream(request)]

        sessions, attempts = await agent.store.sessions(), await agent.store.attempts()
        verdicts = await agent.store.screened()  # type: ignore[attr-defined]

    [ended] = events
    assert ended.type == "turn.failed"
    assert ended.error is not None
    assert (ended.exit_code, ended.error.code) == (5, "budget")
    assert (ended.session, ended.turn, ended.attempts) == (None, None, ())
    assert (sessions, attempts) == ([], [])
    assert [row.decision for row in verdicts] == ["allow"]
    assert dict(server.counters) == {}


async def test_a_session_that_was_there_stays_as_it_was(settings: Settings, serve: Serve) -> None:
    async with paid(settings, serve()) as agent:
        first = await agent.run(KITE)
        ended = await agent.run(replace(KITE, session=first.session, max_cost=Decimal("0.001")))
        assert first.session is not None
        turns = await agent.store.turns(first.session)

    assert (ended.exit_code, ended.session, ended.turn) == (5, first.session, None)
    assert [turn.id for turn in turns] == [first.turn]


async def test_where_a_budget_covers_it_the_turn_begins_and_reserves_once(
    settings: Settings, serve: Serve
) -> None:
    async with paid(settings, serve()) as agent:
        events = [event async for event in agent.stream(replace(KITE, max_cost=Decimal(1)))]
        attempts = await agent.store.attempts()

    assert isinstance(events[0], TurnStarted)
    assert [attempt.state for attempt in attempts] == ["completed"]
