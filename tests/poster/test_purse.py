"""A budget while several pictures are bought at once: what others hold may come back."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import anyio
import pytest

from agent.poster.planning import plan_for
from agent.poster.purse import Purse
from agent.schema import Cost, Failure
from tests.conftest import OpenOn, Serve
from tests.poster.test_make import OPENAI, brief_of, run

NOTHING = Cost(amount=Decimal(0), basis="usage")


def cost(amount: str) -> Cost:
    return Cost(amount=Decimal(amount), basis="usage")


async def _wants(purse: Purse, name: str, amount: str, got: list[str]) -> None:
    held = await purse.hold(cost(amount))
    got.append(name if not isinstance(held, Failure) else f"{name} refused")


async def _idle() -> None:
    """Whoever can go on has done so."""
    await anyio.wait_all_tasks_blocked()


async def test_who_comes_too_early_waits_until_others_have_paid_and_who_came_first_is_first() -> (
    None
):
    purse, got = Purse(Decimal(10), spent=NOTHING), list[str]()
    held = await purse.hold(cost("9"))
    assert isinstance(held, Decimal)
    async with anyio.create_task_group() as tasks:
        for name, amount in (("dear", "6"), ("cheap", "1")):
            tasks.start_soon(_wants, purse, name, amount, got)
            await _idle()
        assert got == []  # the cheap one would fit, and is not first
        purse.settle(held, cost("3"))
        await _idle()

    assert got == ["dear", "cheap"]


async def test_what_nobody_can_give_back_is_refused_while_others_still_hold() -> None:
    purse = Purse(Decimal(10), spent=cost("5"))
    await purse.hold(cost("4"))

    assert isinstance(await purse.hold(cost("6")), Failure)
    assert isinstance(await purse.hold(Cost()), Failure)


async def test_what_finishes_a_picture_does_not_stand_in_line() -> None:
    purse, got = Purse(Decimal(10), spent=NOTHING), list[str]()
    held = await purse.hold(cost("8"))
    assert isinstance(held, Decimal)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(_wants, purse, "next", "5", got)
        await _idle()
        assert await purse.hold(cost("1"), begun=True) == 1
        purse.settle(held, cost("8"))

    assert got == ["next refused"]


async def test_who_leaves_the_line_is_in_nobodys_way() -> None:
    purse, got = Purse(Decimal(10), spent=NOTHING), list[str]()
    held = await purse.hold(cost("9"))
    assert isinstance(held, Decimal)
    async with anyio.create_task_group() as tasks:
        with anyio.move_on_after(0):
            await purse.hold(cost("6"))
        tasks.start_soon(_wants, purse, "second", "1", got)
        await _idle()

    assert got == ["second"]


async def test_a_budget_ends_a_run_only_where_money_really_is_short(
    serve: Serve, open_on: OpenOn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    brief = brief_of(lettering="set", variants="6")

    async with open_on(serve(draw="tiny")) as agent:
        monkeypatch.setattr(agent, "_kit", replace(agent.kit, prices=OPENAI))
        each = [one.dearest.amount or Decimal(0) for one in plan_for(brief, agent).pictures]
        whole, _ = await run(agent, brief, tmp_path / "whole")
        assert whole.spent is not None
        budget = whole.spent + max(each)
        enough, _ = await run(agent, brief, tmp_path / "enough", budget=budget, at_once=6)
        short, _ = await run(agent, brief, tmp_path / "short", budget=whole.spent, at_once=6)

    assert budget < sum(each)
    assert (enough.counts, enough.exit_code) == ({"proved": 6}, 0)
    assert short.counts["budget"] >= 1
    assert short.exit_code == 5
    assert short.spent is not None
    assert whole.spent - short.spent < max(each)
