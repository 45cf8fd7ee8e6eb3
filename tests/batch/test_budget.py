"""``--max-cost``: what is reserved for pictures under way is waited for, by whichever worker."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import anyio
import anyio.lowlevel
import pytest

from agent import ImageAgent
from agent.batch.events import BatchDone, BatchPicture
from agent.batch.queue_file import Place
from agent.batch.run import Reins, run_batch
from agent.batch.till import Till
from agent.factory import notes_of
from agent.ids import SystemClock
from agent.poster.brief import Brief
from agent.poster.filling import load_brief
from agent.schema import Attempt, AttemptId, Cost
from tests.batch.held import Held
from tests.batch.test_run import Shop, drawn
from tests.conftest import OpenOn, Serve
from tests.poster.test_make import OPENAI

TEXT = "title: Night Market\nlettering: set\nmotif: a hill\nsizes: [320x400]\n"
PRICES = replace(
    OPENAI,
    texts={
        name: replace(price, input=Decimal(0), cached_input=Decimal(0), output=Decimal(0))
        for name, price in OPENAI.texts.items()
    },
)
"""Of pictures alone: what it costs to read them would only blur the sums."""
NOTHING = Cost(amount=Decimal(0), basis="usage")
PRICE = Cost(amount=Decimal(1), basis="estimate")


def brief_of(name: str) -> Brief:
    return load_brief(f"name: {name}\n{TEXT}", name="brief.yaml")


@pytest.fixture
def clock() -> SystemClock:
    """Who is alive is a matter of time."""
    return SystemClock()


@pytest.fixture(autouse=True)
def _dear_and_quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ImageAgent, "kit", property(lambda self: replace(self._kit, prices=PRICES)))
    monkeypatch.setattr("agent.batch.till._LOOK_S", 0.01)


async def _priced(shop: Shop) -> tuple[Decimal, Decimal]:
    """What a picture costs, and what is reserved for it."""
    done, _ = await shop.run(brief_of("b0"))
    reserved = max(one.reserved.amount or 0 for one in await shop.agent.store.attempts())
    assert done.spent is not None
    assert done.spent < reserved
    return done.spent, Decimal(reserved)


async def _drawings(shop: Shop) -> list[Attempt]:
    return [one for one in await shop.agent.store.attempts() if one.kind != "ask"]


# ── a file ───────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
async def shop(open_on: OpenOn, serve: Serve, tmp_path: Path) -> AsyncIterator[Shop]:
    async with open_on(serve(draw="tiny", latency=(0.2, 0.2))) as agent:
        yield Shop(agent, tmp_path)


async def test_posters_wait_for_what_is_reserved_and_are_made_in_the_same_run(shop: Shop) -> None:
    each, reserved = await _priced(shop)
    budget = 5 * each + reserved
    assert budget < each + 5 * reserved

    briefs = [brief_of(f"b{n}") for n in range(6)]
    done, _ = await shop.run(*briefs, budget=budget, concurrency=5)

    assert (done.states, done.exit_code) == ({"proved": 6}, 0)
    assert done.spent == 6 * each


async def test_a_run_ends_short_of_money_only_when_nothing_under_way_can_give_any_back(
    shop: Shop,
) -> None:
    each, reserved = await _priced(shop)
    budget = 5 * each + reserved - Decimal("0.0001")

    briefs = [brief_of(f"b{n}") for n in range(8)]
    done, _ = await shop.run(*briefs, budget=budget, concurrency=5)

    assert (done.states, done.exit_code) == ({"proved": 5, "planned": 3}, 5)
    assert done.spent == 5 * each


async def test_a_refresh_that_meets_its_budget_says_so_of_each_poster_and_goes_on_with_more(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    each, reserved = await _priced(shop)
    await shop.run(*(brief_of(f"b{n}") for n in range(3)))
    monkeypatch.setattr("agent.batch.wants.__version__", "99.0")

    done, _ = await shop.run(refresh=True, budget=3 * each + reserved)
    standings = await (await shop.desk()).standings()
    more, _ = await shop.run()

    assert (done.states, done.short, done.exit_code) == ({"planned": 2, "proved": 1}, 2, 5)
    told = [one.reasons for one in standings.values() if one.state == "planned"]
    assert all("budget" in reason for (reason,) in told)
    assert (more.states, more.short, more.exit_code) == ({"proved": 3}, 0, 0)
    assert more.spent == 6 * each


async def test_a_batch_that_is_made_again_begins_with_nothing_spent_and_the_ledger_keeps_both(
    shop: Shop,
) -> None:
    each, reserved = await _priced(shop)
    await shop.notes.forget("spring")

    done, _ = await shop.run(brief_of("b0"), budget=reserved)
    await shop.notes.forget("spring")
    again, _ = await shop.run(brief_of("b0"), budget=reserved)

    assert (done.spent, again.spent) == (each, each)
    paid = [(one.batch, one.cost.amount) for one in await _drawings(shop)]
    assert paid == [("spring~1", each), ("spring~2", each), ("spring", each)]


async def test_who_waits_for_money_is_let_go_when_nothing_more_is_to_be_begun(
    open_on: OpenOn, serve: Serve, tmp_path: Path
) -> None:
    held, reins = Held(1), Reins()
    server = serve(draw="tiny", latency=(0.1, 0.1), sleep=held.sleep)
    async with open_on(server) as agent:
        shop = Shop(agent, tmp_path)
        bill = (await shop.draft(brief_of("b0"))).bill
        assert bill.dearest.amount is not None
        briefs = [brief_of(f"b{n}") for n in range(3)]
        draft = await shop.draft(*briefs, budget=bill.dearest.amount * 3 / 2, concurrency=2)
        begun, events = 0, []
        place = Place(folder=tmp_path)
        async for event in run_batch(draft, agent, shop.notes, place, reins):
            events.append(event)
            begun += isinstance(event, BatchPicture) and event.what == "started"
            if begun == 2 and not reins.resting:
                await held.full()
                reins.rest()
                held.let_go()

    done = events[-1]
    assert isinstance(done, BatchDone)
    assert done.stopped
    assert done.states == {"planned": 2, "proved": 1}
    assert drawn(server) == 1


class Watched:
    """Ends what another worker has under way once somebody has looked at it twice."""

    def __init__(self, agent: ImageAgent, other: Attempt) -> None:
        self.looks = 0
        self._agent = agent
        self._other = other

    async def under_way(self, batch: str) -> list[AttemptId]:
        self.looks += 1
        if self.looks == 2:
            free = {"state": "failed", "billed": "no", "cost": NOTHING}
            await self._agent.store.settle(self._other.model_copy(update=free))
        return await notes_of(self._agent.store, self._agent.kit.clock).under_way(batch)


async def test_what_another_worker_has_under_way_is_waited_for_as_well(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, reserved = await _priced(shop)
    (mine,) = await _drawings(shop)
    now = shop.agent.kit.clock.now()
    sent = {"id": AttemptId("att_other"), "state": "sent", "owner": "elsewhere:1:1", "created": now}
    other = mine.model_copy(update=sent)
    assert await shop.agent.store.reserve(other, caps={}) is None
    watched = Watched(shop.agent, other)
    monkeypatch.setattr(shop.notes, "under_way", watched.under_way)

    done, _ = await shop.run(brief_of("b1"), budget=2 * reserved)

    assert watched.looks >= 2
    assert (done.states, done.exit_code) == ({"proved": 2}, 0)


async def test_what_nobody_gives_a_sign_of_life_for_is_not_waited_for(
    shop: Shop,
) -> None:
    _, reserved = await _priced(shop)
    (mine,) = await _drawings(shop)
    silent = shop.agent.kit.clock.now() - timedelta(minutes=5)
    sent = {"owner": "elsewhere:1:1", "created": silent, "heartbeat": silent}
    dead = mine.model_copy(update={"id": AttemptId("att_dead"), **sent})
    assert await shop.agent.store.reserve(dead, caps={}) is None

    done, _ = await shop.run(brief_of("b1"), budget=2 * reserved)

    assert (done.states, done.exit_code) == ({"planned": 1, "proved": 1}, 5)


# ── the line ─────────────────────────────────────────────────────────────────────────────────


class Ledger:
    """Attempts that are under way while a test says so."""

    def __init__(self, *names: str) -> None:
        self.open = {AttemptId(name) for name in names}

    async def under_way(self, batch: str) -> set[AttemptId]:
        del batch
        return set(self.open)

    def till(self, line: anyio.CapacityLimiter) -> Till:
        return Till(self, "spring", line, lambda: False)


async def test_whoever_was_refused_first_asks_first_and_the_next_once_it_is_on_its_way() -> None:
    ledger, line = Ledger("a", "b"), anyio.CapacityLimiter(1)
    tills = {name: ledger.till(line) for name in ("first", "second", "late")}
    send, got = anyio.create_memory_object_stream[str](3)

    async def comes(name: str, most: int) -> None:
        """It is refused while more than so many are under way."""
        await tills[name].hold(PRICE)
        while len(ledger.open) > most:
            assert await tills[name].again()
        await send.send(name)

    with send, got, anyio.fail_after(10):
        async with anyio.create_task_group() as tasks:
            for name, most in (("first", 1), ("second", 0), ("late", 5)):
                tasks.start_soon(comes, name, most)
                await anyio.lowlevel.checkpoint()
            ledger.open.discard(AttemptId("a"))
            assert await got.receive() == "first"
            tills["first"].leave()
            ledger.open.clear()
            assert await got.receive() == "second"
            assert got.statistics().current_buffer_used == 0
            tills["second"].leave()
        assert await got.receive() == "late"


async def test_a_reading_of_what_was_bought_stands_in_no_line() -> None:
    ledger, line = Ledger("a"), anyio.CapacityLimiter(1)
    waiting, reading = ledger.till(line), ledger.till(line)
    assert await waiting.again()

    await reading.hold(PRICE, begun=True)
    assert await reading.again(begun=True)


async def test_where_nothing_is_under_way_a_refusal_is_the_last_word() -> None:
    till = Ledger().till(anyio.CapacityLimiter(1))

    assert await till.again()
    assert not await till.again()
