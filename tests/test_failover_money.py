"""Several profiles and money: both failures are told, and a budget keeps its currency."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
from pydantic import BaseModel

from agent import ImageAgent, ImageOptions, TurnRequest, load_settings, open_agent
from agent.asking import _sum, ask
from agent.events import Terminal
from agent.offline import Offline
from agent.schema import Cost
from agent.upstream.responses import ResponsesUpstream

from .conftest import Serve
from .gateway import served

KITE = TurnRequest(text="a kite", options=ImageOptions(size="1024x640", quality="low"))
YUAN = 'kind = "per_image"\ncurrency = "CNY"\n[per_image."*"]\n"*" = 0.30\n'
DOLLARS = YUAN.replace("CNY", "USD")


class Colour(BaseModel):
    """What a question is to bring."""

    readable: bool


@asynccontextmanager
async def on_two(
    folder: Path,
    first: Offline,
    second: Offline,
    *,
    top: str = "",
    a: str = "",
    b: str = "",
    prices: tuple[str, str] = (DOLLARS, YUAN),
) -> AsyncIterator[ImageAgent]:
    """An agent on profile ``a`` with fallback ``b``; further lines for each table."""
    home = folder / "home"
    (home / "config").mkdir(parents=True, exist_ok=True)
    async with AsyncExitStack() as stack:
        urls = [await stack.enter_async_context(served(server)) for server in (first, second)]
        lines = ['profile = "a"', top]
        for name, url, more in zip("ab", urls, (a + "\nfallback = ['b']", b), strict=True):
            table = f'base_url = "{url}"\napi_key_env = "KEY"\nprices = "{name}.toml"'
            lines.append(f"[profiles.{name}]\n{table}\n{more}")
        (home / "config" / "config.toml").write_text("\n".join(lines))
        for name, text in zip("ab", prices, strict=True):
            (home / "config" / f"{name}.toml").write_text(text)
        env = {"HOME": str(home), "LIMNER_HOME": str(home / "data"), "KEY": "sk-0123456789"}
        settings = load_settings(env=env, cwd=home, config_dir=home / "config")
        yield await stack.enter_async_context(open_agent(settings))


def failed(ended: Terminal) -> tuple[str, ...]:
    """The codes of the error and of what stopped it before."""
    assert ended.error is not None
    return (ended.error.code, *(failure.code for failure in ended.failures))


# ── both failures are told ───────────────────────────────────────────────────────────────────


async def test_the_last_failure_does_not_hide_the_first(serve: Serve, tmp_path: Path) -> None:
    async with on_two(tmp_path, serve("401"), serve("quota")) as agent:
        ended = await agent.run(KITE)
        assert ended.session is not None
        [turn] = await agent.store.turns(ended.session)

    assert failed(ended) == ("quota", "authentication")
    assert ended.failures[0].message.startswith("profile a: The server answered 401")
    assert [failure.code for failure in turn.failures] == ["authentication", "quota"]


async def test_a_picture_after_all_is_no_failure(serve: Serve, tmp_path: Path) -> None:
    async with on_two(tmp_path, serve("401"), serve()) as agent:
        ended = await agent.run(KITE)

    assert (ended.outcome, ended.failures, ended.error) == ("image", (), None)


async def test_a_milder_filter_that_the_next_server_may_not_know_is_told(
    serve: Serve, tmp_path: Path
) -> None:
    mild = replace(KITE, options=KITE.options.model_copy(update={"moderation": "low"}))
    first, second = serve("401"), serve()

    async with on_two(tmp_path, first, second, a='dialect = "litellm"') as agent:
        events = [event async for event in agent.stream(mild)]

    told = [e.message for e in events if e.type == "turn.notice" and "moderation low" in e.message]
    assert len(told) == 1
    assert "a generic server" in told[0]


# ── a budget keeps its currency ──────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("top", "a", "request_"),
    [
        ("max_cost = 5", "", KITE),
        ("day_max_cost = 5", "", KITE),
        ("", "max_cost = 5", KITE),
        ("", "", replace(KITE, max_cost=Decimal(5))),
    ],
    ids=["turn", "day", "profile", "flag"],
)
async def test_a_turn_under_a_budget_does_not_go_on_in_another_currency(
    top: str, a: str, request_: TurnRequest, serve: Serve, tmp_path: Path
) -> None:
    second = serve()

    async with on_two(tmp_path, serve("401"), second, top=top, a=a) as agent:
        ended = await agent.run(request_)

    assert failed(ended) == ("budget", "authentication")
    assert ended.exit_code == 5
    assert ended.error is not None
    assert "USD" in ended.error.message
    assert "CNY" in ended.error.message
    assert "profile b" in ended.error.hint
    assert second.counters.get("requests", 0) == 0


async def test_a_budget_of_the_next_profile_alone_is_in_its_currency(
    serve: Serve, tmp_path: Path
) -> None:
    async with on_two(tmp_path, serve("401"), serve(), b="max_cost = 0.30") as agent:
        ended = await agent.run(KITE)

    assert (ended.outcome, ended.cost.currency, ended.cost.amount) == (
        "image",
        "CNY",
        Decimal("0.30"),
    )


async def test_within_one_currency_the_budget_goes_along(serve: Serve, tmp_path: Path) -> None:
    both = (DOLLARS, DOLLARS)
    async with on_two(tmp_path, serve("401"), serve(), top="max_cost = 5", prices=both) as agent:
        ended = await agent.run(KITE)

    assert ended.outcome == "image"


async def test_a_sum_over_two_currencies_is_unknown(serve: Serve, tmp_path: Path) -> None:
    """The first server took the tool out, answered in words and billed them."""
    async with on_two(tmp_path, serve("tool-stripped"), serve()) as agent:
        ended = await agent.run(KITE)
        costs = [a.cost.currency for a in await agent.store.attempts() if a.billed != "no"]

    assert ended.outcome == "image"
    assert costs == ["USD", "CNY"]
    assert (ended.cost.amount, ended.cost_usd) == (None, None)


# ── questions ────────────────────────────────────────────────────────────────────────────────


async def test_a_question_goes_on_where_a_turn_would(serve: Serve, tmp_path: Path) -> None:
    async with on_two(tmp_path, serve("401"), serve(dialect="openai")) as agent:
        answered = await agent.ask("Can it be read?", schema=Colour)
        attempts = await agent.store.attempts()

    assert answered.failure is None or answered.failure.code == "malformed"
    assert [(a.profile, a.state) for a in attempts][:2] == [("a", "failed"), ("b", "completed")]
    assert [a.number for a in attempts] == list(range(1, len(attempts) + 1))


async def test_a_question_over_images_alone_goes_to_who_can_answer(
    serve: Serve, tmp_path: Path
) -> None:
    first, second = serve(), serve()
    async with on_two(tmp_path, first, second, a='via = "images"') as agent:
        await agent.ask("Can it be read?", schema=Colour)

    assert first.counters.get("requests", 0) == 0
    assert second.counters.get("requests", 0) != 0


@pytest.mark.parametrize("fault", ["502", "truncate", "refusal-part"])
async def test_a_question_that_may_have_been_answered_or_was_refused_stays(
    fault: str, serve: Serve, tmp_path: Path
) -> None:
    second = serve()
    async with on_two(tmp_path, serve(fault), second) as agent:
        answered = await agent.ask("Can it be read?", schema=Colour)

    assert answered.failure is not None
    assert answered.failures == ()
    assert second.counters.get("requests", 0) == 0


async def test_a_question_that_fails_everywhere_tells_every_failure(
    serve: Serve, tmp_path: Path
) -> None:
    async with on_two(tmp_path, serve("401"), serve("quota")) as agent:
        answered = await agent.ask("Can it be read?", schema=Colour)

    assert answered.failure is not None
    assert answered.failure.code == "quota"
    assert [failure.code for failure in answered.failures] == ["authentication"]
    assert answered.failures[0].message.startswith("profile a: ")


async def test_a_question_under_a_budget_keeps_its_currency(serve: Serve, tmp_path: Path) -> None:
    second = serve()
    async with on_two(tmp_path, serve("401"), second, top="day_max_cost = 5") as agent:
        answered = await agent.ask("Can it be read?", schema=Colour)

    assert answered.failure is not None
    assert answered.failure.code == "budget"
    assert [failure.code for failure in answered.failures] == ["authentication"]
    assert second.counters.get("requests", 0) == 0


async def test_a_question_too_large_for_the_next_server_ends_with_what_happened_here(
    serve: Serve, tmp_path: Path
) -> None:
    second = serve()
    async with on_two(tmp_path, serve("401"), second) as agent:
        kit = agent._kit
        assert kit.fallback is not None
        profile = kit.fallback.upstream.profile
        small = replace(profile, dialect=replace(profile.dialect, body_cap=10))
        upstream = ResponsesUpstream(small, clock=kit.clock)
        kit = replace(kit, fallback=replace(kit.fallback, upstream=upstream))
        answered = await ask(kit, "Can it be read?", images=(), schema=Colour)
        await upstream.aclose()

    assert answered.failure is not None
    assert answered.failure.code == "authentication"
    assert second.counters.get("requests", 0) == 0


def test_costs_of_two_currencies_are_not_added() -> None:
    dollar, yuan = Cost(amount=Decimal(1)), Cost(amount=Decimal(1), currency="CNY")
    free = Cost(amount=Decimal(0), currency="CNY")

    assert _sum(dollar, yuan).amount is None
    assert _sum(dollar, free) == dollar
    assert _sum(free, dollar) == dollar
