"""A batch against the offline artist: bought once, resumed, and only what a change reaches is made."""

from __future__ import annotations

import io
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageOps

from agent import ImageAgent, NotFound, UsageError
from agent.batch.deciding import Desk, desk_of
from agent.batch.drafts import Draft, Order, drafted
from agent.batch.events import BatchDone, BatchEvent, BatchPlanned
from agent.batch.folder import read_decisions
from agent.batch.notes import NotedSteps
from agent.batch.queue import Limits, Named, open_queue
from agent.batch.queue_file import Place
from agent.batch.queue_state import left_to_others
from agent.batch.run import run_batch
from agent.batch.standing import BatchOptions, matching
from agent.errors import StoreBusy
from agent.factory import notes_of
from agent.offline import Offline
from agent.poster.brief import Brief
from agent.poster.filling import load_brief
from agent.poster.journal import Step
from agent.poster.plan import Plan
from agent.poster.planning import plan_for
from agent.schema import TurnId
from tests.conftest import OpenOn, Serve

TEXT = """
name: {name}
title: {{en: Night Market, de: {german}}}
date: 24 May 2026
motif: {motif}
sizes: [320x400, 400x320]
"""


def brief_of(name: str = "market", *, german: str = "Nachtmarkt", motif: str = "lanterns") -> Brief:
    return load_brief(TEXT.format(name=name, german=german, motif=motif), name="brief.yaml")


def drawn(server: Offline) -> int:
    return server.state.journal.counts["generations"]


class Shop:
    """A batch called spring, in one folder, run as often as a test likes."""

    def __init__(self, agent: ImageAgent, folder: Path) -> None:
        self.agent = agent
        self.folder = folder
        self.notes = notes_of(agent.store, agent.kit.clock)

    async def draft(self, *briefs: Brief, refresh: bool = False, **options: Any) -> Draft:
        order = Order(
            name="spring",
            out=self.folder / "out",
            briefs=briefs,
            options=BatchOptions(**options),
            refresh=refresh,
        )
        return await drafted(order, self.agent, self.notes)

    async def run(self, *briefs: Brief, **more: Any) -> tuple[BatchDone, list[BatchEvent]]:
        draft = await self.draft(*briefs, **more)
        place = Place(folder=self.folder)
        events = [one async for one in run_batch(draft, self.agent, self.notes, place)]
        done = events[-1]
        assert isinstance(done, BatchDone)
        return done, events

    async def desk(self) -> Desk:
        return await desk_of(self.agent, self.notes, "spring")

    def bytes_of(self, name: str) -> bytes:
        return (self.folder / "out" / "spring" / f"{name}.png").read_bytes()


@pytest.fixture
def server(serve: Serve) -> Offline:
    return serve(draw="tiny")


@pytest.fixture
async def shop(open_on: OpenOn, server: Offline, tmp_path: Path) -> AsyncIterator[Shop]:
    async with open_on(server) as agent:
        yield Shop(agent, tmp_path)


# ── what is bought ───────────────────────────────────────────────────────────────────────────


async def test_locales_share_a_picture_and_a_second_run_buys_nothing(
    shop: Shop, server: Offline
) -> None:
    done, _ = await shop.run(brief_of("one"), brief_of("two"))
    again, events = await shop.run(brief_of("one"), brief_of("two"))

    assert done.states == again.states == {"proved": 8}
    assert (done.exit_code, again.exit_code) == (0, 0)
    assert drawn(server) == 4
    first = events[0]
    assert isinstance(first, BatchPlanned)
    assert (first.pictures, first.to_make) == (0, 0)


async def test_a_run_with_nothing_to_do_plans_each_brief_once(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    briefs = [brief_of("one"), brief_of("two")]
    await shop.run(*briefs)
    planned: list[str] = []

    def watched(brief: Brief, agent: ImageAgent) -> Plan:
        planned.append(brief.name)
        return plan_for(brief, agent)

    monkeypatch.setattr("agent.batch.wants.plan_for", watched)
    shop.agent = ImageAgent(shop.agent.kit)
    async with shop.agent:
        await shop.run(*briefs)

    assert planned == ["one", "two"]


async def test_one_changed_word_makes_the_posters_of_its_locale_anew_and_draws_nothing(
    shop: Shop, server: Offline
) -> None:
    await shop.run(brief_of("one"), brief_of("two"))
    english = shop.bytes_of("one/en/320x400/1")
    german = shop.bytes_of("one/de/320x400/1")

    draft = await shop.draft(brief_of("one", german="Nachtmarkt am Fluss"))
    await shop.run(brief_of("one", german="Nachtmarkt am Fluss"))

    made = [name for name, state in draft.states.items() if state == "bought"]
    assert made == ["one/de/320x400/1", "one/de/400x320/1"]
    assert drawn(server) == 4
    assert shop.bytes_of("one/en/320x400/1") == english
    assert shop.bytes_of("one/de/320x400/1") != german


async def test_another_motif_is_counted_as_replacing_pictures_before_anything_is_sent(
    shop: Shop, server: Offline
) -> None:
    await shop.run(brief_of("one"))

    draft = await shop.draft(brief_of("one", motif="a quiet lake"))

    assert (draft.bill.pictures, draft.bill.replaced, draft.bill.overwritten) == (2, 2, 4)
    assert drawn(server) == 2


async def test_what_an_older_version_made_is_stale_and_left_until_it_is_asked_for(
    shop: Shop, server: Offline, monkeypatch: pytest.MonkeyPatch
) -> None:
    await shop.run(brief_of("one"))
    monkeypatch.setattr("agent.batch.wants.__version__", "99.0")

    left, _ = await shop.run(brief_of("one"))
    assert left.states == {"stale": 4}
    assert drawn(server) == 2

    renewed, _ = await shop.run(refresh=True)
    assert renewed.states == {"proved": 4}
    assert drawn(server) == 4


# ── what goes wrong ──────────────────────────────────────────────────────────────────────────


async def test_a_picture_whose_result_is_unknown_is_parked_and_not_sent_again(
    open_on: OpenOn, serve: Serve, tmp_path: Path
) -> None:
    server = serve("drop-after:first=1", draw="tiny")
    async with open_on(server) as agent:
        shop = Shop(agent, tmp_path)
        first, _ = await shop.run(brief_of())
        second, _ = await shop.run(brief_of())

    assert first.states == second.states == {"parked": 4}
    assert (first.exit_code, second.exit_code) == (6, 6)
    assert drawn(server) == 1


async def test_with_retry_an_unknown_picture_is_drawn_again_and_both_are_in_the_ledger(
    open_on: OpenOn, serve: Serve, tmp_path: Path
) -> None:
    server = serve("drop-after:first=1", draw="tiny")
    async with open_on(server) as agent:
        shop = Shop(agent, tmp_path)
        done, _ = await shop.run(brief_of(), on_unknown="retry")
        attempts = [one for one in await agent.store.attempts() if one.kind != "ask"]

    assert done.states == {"proved": 4}
    assert drawn(server) == 3
    assert sorted(one.state for one in attempts) == ["completed", "completed", "unknown"]
    assert {(one.batch, one.brief) for one in attempts} == {("spring", "market")}


async def test_a_server_that_takes_no_more_is_not_asked_for_every_picture(
    open_on: OpenOn, serve: Serve, tmp_path: Path
) -> None:
    server = serve("401", draw="tiny")
    async with open_on(server) as agent:
        shop = Shop(agent, tmp_path)
        done, _ = await shop.run(*(brief_of(f"b{n}") for n in range(8)), concurrency=1)

    assert done.stopped
    assert done.error is not None
    assert server.state.journal.counts["requests"] <= 2
    assert done.states == {"planned": 32}


async def test_the_logo_is_kept_as_it_was_given(shop: Shop, tmp_path: Path) -> None:
    logo = tmp_path / "logo.png"
    Image.new("RGB", (80, 80), "red").save(logo)
    text = TEXT.format(name="one", german="Nachtmarkt", motif="lanterns") + f"logo: {logo}\n"
    draft = await shop.draft(load_brief(text, name="brief.yaml"))
    logo.unlink()

    events = [one async for one in run_batch(draft, shop.agent, shop.notes, Place(folder=tmp_path))]

    assert isinstance(events[-1], BatchDone)
    assert events[-1].states == {"proved": 4}


# ── the person ───────────────────────────────────────────────────────────────────────────────


async def test_an_approval_lasts_as_long_as_the_file_and_print_holds_only_approved_ones(
    shop: Shop,
) -> None:
    await shop.run(brief_of("one"))
    desk = await shop.desk()
    await desk.decide(await desk.chosen(["one/de"]), "approved", by="ann")
    await desk.written(shop.notes)
    printed = (shop.folder / "out" / "spring" / "print").rglob("*.png")
    assert sorted(path.parts[-3:] for path in printed) == [
        ("de", "320x400", "1.png"),
        ("de", "400x320", "1.png"),
    ]

    done, _ = await shop.run(brief_of("one", german="Nachtmarkt am Fluss"))

    assert done.states == {"proved": 4}
    assert list((shop.folder / "out" / "spring" / "print").rglob("*.png")) == []


async def test_a_change_that_was_asked_for_buys_one_picture_for_every_locale_on_it(
    shop: Shop, server: Offline
) -> None:
    await shop.run(brief_of("one"))
    desk = await shop.desk()
    change = await desk.redone(await desk.chosen(["one/en/320x400/1"]), "warmer", None)
    assert change.posters == ("one/en/320x400/1", "one/de/320x400/1")
    await desk.wish(change)

    draft = await shop.draft()
    assert (draft.bill.pictures, draft.bill.replaced) == (1, 0)
    done, _ = await shop.run()

    assert done.states == {"proved": 4}
    assert drawn(server) == 3


@pytest.mark.parametrize(
    ("wish", "states"),
    [
        ("put “Open daily” on it", {"proved": 4}),
        ("warmer", {"proved": 2, "needs-person": 2}),
    ],
)
async def test_what_a_person_had_changed_is_not_asked_for_once_more_without_its_lettering(
    wish: str, states: dict[str, int], open_on: OpenOn, serve: Serve, tmp_path: Path
) -> None:
    async with open_on(serve()) as agent:
        shop = Shop(agent, tmp_path)
        await shop.run(brief_of("one"))
        desk = await shop.desk()
        await desk.wish(await desk.redone(["one/en/320x400/1"], wish, None))
    server = serve("stray-lettering", draw="full")
    async with open_on(server) as agent:
        done, _ = await Shop(agent, tmp_path).run()

    assert done.states == states
    assert drawn(server) == 1


async def test_spread_over_sizes_asks_for_every_picture_of_the_variant(shop: Shop) -> None:
    await shop.run(brief_of("one"))
    desk = await shop.desk()

    change = await desk.redone(["one/en/320x400/1"], "warmer", "sizes")

    assert sorted(change.wishes) == ["one/320x400/1", "one/400x320/1"]


async def test_an_accepted_file_stands_in_the_place_of_the_poster_with_its_parent(
    shop: Shop,
) -> None:
    await shop.run(brief_of("one"))
    desk = await shop.desk()
    mine = shop.folder / "retouched.png"
    with Image.open(io.BytesIO(shop.bytes_of("one/en/320x400/1"))) as made:
        ImageOps.invert(made.convert("RGB")).save(mine)

    image = await desk.accept("one/en/320x400/1", mine, by="ann")

    standings = await desk.standings()
    assert standings["one/en/320x400/1"].state == "approved"
    (window,) = [one async for one in desk.windows()]
    assert image.parents == (window.known.cells["one/en/320x400/1"].record.picture.image,)
    assert shop.bytes_of("one/en/320x400/1") == mine.read_bytes()


async def test_a_reviewers_table_is_read_back_as_it_was_written(shop: Shop) -> None:
    await shop.run(brief_of("one"))
    desk = await shop.desk()
    await desk.decide(["one/en/320x400/1"], "rejected", by="ann", reason="=too dark")
    path = (await desk.written(shop.notes)).with_name("decisions.csv")

    filled = read_decisions(path.read_text("utf-8-sig"), name=str(path))

    assert [(one.name, one.verdict, one.reason) for one in filled] == [
        ("one/en/320x400/1", "rejected", "=too dark")
    ]


async def test_a_name_that_no_poster_has_lists_some_that_there_are(shop: Shop) -> None:
    await shop.run(brief_of("one"))
    desk = await shop.desk()

    with pytest.raises(NotFound) as caught:
        await desk.chosen(["two/*"])

    assert "one/en/320x400/1" in caught.value.candidates


def test_parts_of_a_name_may_be_left_out_at_its_end() -> None:
    names = ["one/en/a4/1", "one/de/a4/1", "two/en/a4/1"]

    assert matching(names, ["one"]) == ("one/en/a4/1", "one/de/a4/1")
    assert matching(names, ["*/en"]) == ("one/en/a4/1", "two/en/a4/1")


# ── one worker, one purchase ─────────────────────────────────────────────────────────────────


async def test_a_turn_is_written_down_by_one_worker_alone(shop: Shop) -> None:
    first = NotedSteps(shop.notes, "spring", "one")
    second = NotedSteps(shop.notes, "spring", "one")
    for steps in (first, second):
        assert await steps.find("turn", "a4/1", "x") is None
    await first.add(Step(kind="turn", key="a4/1", of="x", turn=TurnId("turn_1")))

    with pytest.raises(StoreBusy):
        await second.add(Step(kind="turn", key="a4/1", of="x", turn=TurnId("turn_2")))


class Idle:
    async def work(self, item: object) -> list[Named]:
        del item
        return []


async def test_a_second_worker_on_the_file_is_refused_and_told_what_to_do(tmp_path: Path) -> None:
    from filelock import FileLock

    with FileLock(tmp_path / "batch.lock"), pytest.raises(StoreBusy) as caught:
        async with open_queue(
            Place(folder=tmp_path), Idle(), name="pictures:x", limits=Limits(at_once=1)
        ):
            pass

    assert "LIMNER_DATABASE_URL" in caught.value.hint


async def test_tasks_that_only_a_worker_of_another_server_takes_are_counted(tmp_path: Path) -> None:
    place = Place(folder=tmp_path)
    tasks = [Named(f"spring/{n}", {}) for n in range(3)]
    async with open_queue(place, Idle(), name="pictures:far", limits=Limits(at_once=1)) as queue:
        await queue.submit(tasks)
        queue.rest()
        await queue.give_back()

    assert left_to_others(place, "near") == {"far": 3}
    assert left_to_others(place, "far") == {}


async def test_a_batch_in_another_folder_is_not_taken_for_this_one(shop: Shop) -> None:
    await shop.run(brief_of("one"))
    order = Order(name="spring", out=shop.folder / "elsewhere", briefs=(brief_of("one"),))

    with pytest.raises(UsageError, match="has its files in"):
        await drafted(order, shop.agent, shop.notes)
