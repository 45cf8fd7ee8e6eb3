"""Odd prompts, names that name nothing, budgets: found before it costs."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from agent import TurnFailed, TurnRequest, open_agent
from tests.conftest import Opener, OpenOn, Serve, sent_to, settings_in

KITE = TurnRequest(text="a red kite over the sea")


async def failure(open_offline: Opener, request: TurnRequest) -> TurnFailed:
    """How a turn that must not be sent ends."""
    async with open_offline() as agent:
        ended = await agent.run(request)
        assert await agent.store.attempts() == []
    assert isinstance(ended, TurnFailed)
    assert ended.error is not None
    assert (ended.outcome, ended.error.billed) == ("failed", "no")
    return ended


# ── prompts ──────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("text", ["", "   ", "\0\0"])
async def test_an_empty_prompt_is_misuse(open_offline: Opener, text: str) -> None:
    ended = await failure(open_offline, TurnRequest(text=text))

    assert ended.exit_code == 2


async def test_40_000_characters_are_misuse(open_offline: Opener) -> None:
    ended = await failure(open_offline, TurnRequest(text="kite " * 8000))

    assert ended.exit_code == 2
    assert ended.error is not None
    assert "39,999 characters; 20,000 fit" in ended.error.message


async def test_what_is_longer_than_the_screen_reads_is_never_sent_unread(
    open_offline: Opener,
) -> None:
    async with open_offline() as agent:
        ended = await agent.run(TurnRequest(text="kite " * 4001))
        assert await agent.store.attempts() == []

    assert ended.exit_code == 2
    assert ended.error is not None
    assert "20,000" in ended.error.message


@pytest.mark.parametrize(
    ("text", "sent"),
    [
        ("a \0red kite", "a red kite"),
        ("a \ud83d kite", "a ? kite"),
        ("🪁🌊", "🪁🌊"),
        ("  a kite\n", "a kite"),
        ("kite " * 3999 + "kites", "kite " * 3999 + "kites"),
    ],
    ids=["NUL", "lone surrogate", "only emoji", "white space", "20,000 characters"],
)
async def test_an_odd_prompt_is_cleaned_and_drawn(
    serve: Serve, open_on: OpenOn, text: str, sent: str
) -> None:
    server = serve()
    async with open_on(server) as agent:
        ended = await agent.run(TurnRequest(text=text))

    assert ended.outcome == "image"
    assert sent_to(server)[0]["input"][-1]["content"] == sent


async def test_earlier_turns_that_no_longer_fit_are_left_out_and_told(
    serve: Serve, open_on: OpenOn
) -> None:
    server = serve()
    async with open_on(server) as agent:
        first = await agent.run(TurnRequest(text="a kite " + "~" * 16_000))
        edit = TurnRequest(text="night " + "~" * 16_000, intent="edit", session=first.session)
        events = [event async for event in agent.stream(edit)]

    assert [e.code for e in events if e.type == "turn.notice"] == ["context_trimmed"]
    assert len(sent_to(server)[-1]["input"]) == 1


# ── names ────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("request_", "candidates"),
    [
        (TurnRequest(text="x", session="kitches"), ("kite", "kitchen")),
        (TurnRequest(text="x", session="kit"), ("kite", "kitchen")),
        (TurnRequest(text="x", session="k\ud800"), ()),
        (TurnRequest(text="x", intent="edit", session="kite", edit=("@9",)), ("@1",)),
        (TurnRequest(text="x", intent="edit", edit=("kite/9",)), ("@1",)),
        (TurnRequest(text="x", intent="edit", edit=("img_\ud800",)), ()),
        (TurnRequest(text="x", references=("kitches/1",)), ("kite", "kitchen")),
    ],
    ids=["unknown", "ambiguous", "half a character", "number", "named", "id", "reference"],
)
async def test_what_names_nothing_or_too_much_lists_what_it_might_be(
    open_offline: Opener, request_: TurnRequest, candidates: tuple[str, ...]
) -> None:
    async with open_offline() as agent:
        for name in ("kite", "kitchen"):
            await agent.run(TurnRequest(text="a kite", session_name=name))
        ended = await agent.run(request_)

    assert ended.exit_code == 2
    assert ended.error is not None
    assert set(ended.error.candidates) == set(candidates)


@pytest.mark.parametrize(
    "name", ["", "a/b", "@4", "x" * 49, "ses_x", ".hidden", "-flag", "nul\0", "half\ud800"]
)
async def test_a_name_that_could_not_be_written_elsewhere_is_refused(
    open_offline: Opener, name: str
) -> None:
    ended = await failure(open_offline, replace(KITE, session_name=name))

    assert ended.exit_code == 2


@pytest.mark.parametrize("field", ["user", "tenant", "acknowledged_by", "model"])
async def test_half_a_character_is_refused_wherever_it_stands(
    open_offline: Opener, field: str
) -> None:
    values: dict[str, Any] = {field: "half\ud800"}

    ended = await failure(open_offline, replace(KITE, **values))

    assert ended.exit_code == 2
    assert ended.error is not None
    assert field in ended.error.message


async def test_a_question_sent_as_a_turn_says_how_to_ask(open_offline: Opener) -> None:
    ended = await failure(open_offline, replace(KITE, intent="ask"))

    assert ended.error is not None
    assert "ImageAgent.ask" in ended.error.hint


async def test_a_name_that_is_taken_is_refused_before_sending(
    serve: Serve, open_on: OpenOn
) -> None:
    server = serve()
    async with open_on(server) as agent:
        await agent.run(replace(KITE, session_name="kite"))
        ended = await agent.run(replace(KITE, session_name="kite"))

    assert ended.exit_code == 2
    assert server.counters["requests"] == 1


@pytest.mark.parametrize("edit", [None, ()])
async def test_an_edit_without_a_picture_says_how_to_name_one(
    open_offline: Opener, edit: tuple[str, ...] | None
) -> None:
    async with open_offline("no-image") as agent:
        failed = await agent.run(KITE)
        request = TurnRequest(text="x", intent="edit", session=failed.session, edit=edit)
        ended = await agent.run(request)

    assert ended.exit_code == 2
    assert ended.error is not None
    assert "--image" in ended.error.hint


# ── budgets ──────────────────────────────────────────────────────────────────────────────────


async def test_a_budget_below_the_estimate_sends_nothing(tmp_path: Path) -> None:
    """A dead address: a request would fail in another way."""
    settings = settings_in(
        tmp_path, OPENAI_API_KEY="sk-test-0000", OPENAI_BASE_URL="http://127.0.0.1:9/v1"
    )
    async with open_agent(settings) as agent:
        ended = await agent.run(replace(KITE, max_cost=Decimal("0.01")))

        assert isinstance(ended, TurnFailed)
        assert (ended.outcome, ended.exit_code) == ("failed", 5)
        assert ended.error is not None
        assert "turn budget of 0.01 USD" in ended.error.message
        assert await agent.store.attempts() == []
        assert ended.cost.amount == 0


async def test_the_lower_of_a_standing_budget_and_the_callers_holds(tmp_path: Path) -> None:
    settings = settings_in(
        tmp_path,
        OPENAI_API_KEY="sk-test-0000",
        OPENAI_BASE_URL="http://127.0.0.1:9/v1",
        LIMNER_MAX_COST="0.02",
        LIMNER_DAY_MAX_COST="0.03",
    )
    async with open_agent(settings) as agent:
        higher = await agent.run(replace(KITE, max_cost=Decimal(5)))
        session = await agent.run(replace(KITE, session_max_cost=Decimal("0.001")))

    for ended in (higher, session):
        assert ended.exit_code == 5
    assert higher.error is not None
    assert "turn budget of 0.02" in higher.error.message
