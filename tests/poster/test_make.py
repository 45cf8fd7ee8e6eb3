"""A brief made whole, against the offline artist: what is bought, proved, repaired, kept."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from agent import ImageAgent, Settings, UsageError, open_agent
from agent.errors import StoreError
from agent.offline import Offline
from agent.poster.brief import Brief, BriefError
from agent.poster.filling import load_brief
from agent.poster.journal import Step, kept
from agent.poster.make import make_posters
from agent.poster.planning import MakeOptions, plan_for
from agent.poster.purse import Purse, total
from agent.poster.reading_back import SOURCES, notes_of
from agent.poster.records import (
    LineRepaired,
    LineSet,
    PictureBought,
    PosterDone,
    PosterEvent,
    PosterMade,
    PosterRecord,
)
from agent.poster.repair import unchanged_outside
from agent.schema import Cost, Failure, TurnId
from agent.turn import prompts
from agent.turn.tariff import load_prices
from agent.typeset.boxes import around
from tests.conftest import Opener, OpenOn, Serve

OPENAI = load_prices(prompts.prices_text("openai"), name="openai")
TEXT = """
name: night-market
title: Night Market
date: 24 May 2026
place: Harbour Square
motif: a sale
sizes: [640x800]
"""


def brief_of(**changes: str) -> Brief:
    """The night market, with lines of YAML put in place of its own or added."""
    lines = {line.split(":")[0]: line for line in TEXT.strip().splitlines()}
    lines |= {name: f"{name}: {value}" for name, value in changes.items()}
    return load_brief("\n".join(lines.values()), name="brief.yaml")


async def run(
    agent: ImageAgent, brief: Brief, out: Path, **options: Any
) -> tuple[PosterDone, list[PosterEvent]]:
    events = [event async for event in make_posters(brief, agent, MakeOptions(out=out, **options))]
    done = events[-1]
    assert isinstance(done, PosterDone)
    return done, events


def records(done: PosterDone) -> list[PosterRecord]:
    lines = Path(done.manifest).read_text("utf-8").splitlines()
    return [PosterRecord.model_validate_json(line) for line in lines]


def of(events: Sequence[PosterEvent], kind: type[Any]) -> list[Any]:
    return [event for event in events if isinstance(event, kind)]


def drawn(server: Offline) -> int:
    return server.state.journal.counts["generations"]


# ── a run ────────────────────────────────────────────────────────────────────────────────────


async def test_every_size_becomes_a_poster_with_its_words_proved(
    open_offline: Opener, tmp_path: Path
) -> None:
    brief = brief_of(sizes="[640x800, 800x400]")

    async with open_offline() as agent:
        done, events = await run(agent, brief, tmp_path / "out")

    assert done.exit_code == 0
    assert done.counts == {"proved": 2}
    folder = tmp_path / "out" / "night-market"
    for size in ("640x800", "800x400"):
        with Image.open(folder / "en" / size / "1.png") as image:
            assert f"{image.width}x{image.height}" == size
    assert {path.name for path in folder.iterdir()} >= {
        "manifest.jsonl",
        "report.html",
        "contact.webp",
    }
    assert events[0].type == "poster.planned"


async def test_the_first_picture_sets_the_look_and_the_others_are_edits_of_it(
    open_offline: Opener, tmp_path: Path
) -> None:
    brief = brief_of(sizes="[640x800, 800x400]", lettering="set")

    async with open_offline() as agent:
        done, _ = await run(agent, brief, tmp_path)
        first, second = (one.picture for one in records(done))
        image = await agent.store.image(second.bought or "")

    assert image.parents == (first.bought,)
    assert second.session == first.session
    assert second.lead == "640x800/1"


async def test_locales_share_a_picture_when_all_words_are_set(
    serve: Serve, open_on: OpenOn, tmp_path: Path
) -> None:
    server = serve()
    brief = brief_of(title='{en: "Night Market", de: "Nachtmarkt"}')

    async with open_on(server) as agent:
        done, _ = await run(agent, brief, tmp_path)

    assert done.counts == {"proved": 2}
    assert drawn(server) == 1
    assert {one.locale for one in records(done)} == {"en", "de"}


async def test_a_poster_on_paper_comes_with_a_pdf_and_what_to_tell_the_printer(
    open_offline: Opener, tmp_path: Path
) -> None:
    brief = brief_of(sizes='["105x148mm@150+3"]', lettering="set")

    async with open_offline() as agent:
        done, _ = await run(agent, brief, tmp_path)

    (record,) = records(done)
    assert [one.kind for one in record.files] == ["picture", "pdf", "preflight"]
    assert all((Path(done.folder) / one.path).stat().st_size == one.bytes for one in record.files)


# ── wrong words ──────────────────────────────────────────────────────────────────────────────


async def test_a_misspelt_line_is_painted_again_and_only_its_box_changes(
    open_offline: Opener, tmp_path: Path
) -> None:
    async with open_offline("misspell:first=1", draw="full") as agent:
        done, events = await run(agent, brief_of(), tmp_path)
        (record,) = records(done)
        plan = plan_for(brief_of(), agent)
        images = [await agent.store.image(one) for one in record.picture.history]
        first, _, last = [await agent.store.read_blob(one.sha256) for one in images]

    assert done.counts == {"proved": 1}
    assert record.lettering["title"] == "painted"
    assert len(of(events, LineRepaired)) == 1
    assert [one.lines[0].verdict for one in record.picture.proofs] == ["wrong", "proved"]
    assert images[2].parents == (images[0].id, images[1].id)
    assert unchanged_outside(first, last, around(plan.pictures[0].painted[0].box, []))
    assert SOURCES in notes_of(last)


async def test_a_line_that_stays_wrong_is_set_instead(open_offline: Opener, tmp_path: Path) -> None:
    async with open_offline("misspell", draw="full") as agent:
        done, events = await run(agent, brief_of(), tmp_path)

    (record,) = records(done)
    assert done.counts == {"proved": 1}
    assert record.lettering["title"] == "set-instead"
    assert record.picture.repairs == 2
    assert [one.line for one in of(events, LineSet)] == ["title"]


async def test_with_every_third_picture_misspelt_every_poster_ends_proved(
    open_offline: Opener, tmp_path: Path
) -> None:
    brief = brief_of(sizes="[640x800, 640x640]", variants="2")

    async with open_offline("misspell:every=3", draw="full") as agent:
        done, events = await run(agent, brief, tmp_path)

    assert done.counts == {"proved": 4}
    assert of(events, LineRepaired)
    for record in records(done):
        assert record.picture.instead or record.picture.proofs[-1].proved


async def test_a_reader_who_corrects_proves_no_wrong_poster(
    open_offline: Opener, tmp_path: Path
) -> None:
    faults = ("misspell:every=2", "autocorrecting-reader", "edit-redraws-everything")

    async with open_offline(*faults, draw="full") as agent:
        done, _ = await run(agent, brief_of(sizes="[640x800, 640x640]"), tmp_path)

    for record in records(done):
        assert record.lettering["title"] == "set-instead"
        assert not record.picture.proofs[-1].believed


async def test_an_edit_that_redraws_everything_changes_nothing_outside_the_box(
    open_offline: Opener, tmp_path: Path
) -> None:
    async with open_offline("misspell:first=1", "edit-redraws-everything", draw="full") as agent:
        done, _ = await run(agent, brief_of(), tmp_path)
        (record,) = records(done)
        box = plan_for(brief_of(), agent).pictures[0].painted[0].box
        images = [await agent.store.image(one) for one in record.picture.history]
        first, redrawn, last = [await agent.store.read_blob(one.sha256) for one in images[:3]]

    assert not unchanged_outside(first, redrawn, around(box, []))
    assert unchanged_outside(first, last, around(box, []))


async def test_nothing_is_proved_when_the_reader_is_not_reached(
    open_offline: Opener, tmp_path: Path
) -> None:
    async with open_offline("401:on=ask") as agent:
        done, _ = await run(agent, brief_of(), tmp_path)

    (record,) = records(done)
    assert record.status == "needs-person"
    assert record.files
    assert done.exit_code == 6


# ── again ────────────────────────────────────────────────────────────────────────────────────


async def test_a_second_run_leaves_what_is_finished_alone(
    serve: Serve, open_on: OpenOn, tmp_path: Path
) -> None:
    server = serve()
    async with open_on(server) as agent:
        await run(agent, brief_of(lettering="set"), tmp_path)
    async with open_on(server) as agent:
        done, events = await run(agent, brief_of(lettering="set"), tmp_path)

    assert drawn(server) == 1
    assert [one.skipped for one in of(events, PosterMade)] == [True]
    assert done.counts == {"proved": 1}


async def test_a_file_that_was_changed_is_made_again_from_the_picture_that_is_there(
    serve: Serve, open_on: OpenOn, tmp_path: Path
) -> None:
    server = serve()
    async with open_on(server) as agent:
        await run(agent, brief_of(lettering="set"), tmp_path)
        poster = tmp_path / "night-market/en/640x800/1.png"
        whole = poster.read_bytes()
        poster.write_bytes(b"scribbled over")
        _, events = await run(agent, brief_of(lettering="set"), tmp_path)

    assert drawn(server) == 1
    assert poster.read_bytes() == whole
    assert poster.with_name("1.v1.png").read_bytes() == b"scribbled over"
    assert [one.again for one in of(events, PictureBought)] == [True]


async def test_a_changed_line_that_is_set_costs_nothing(
    serve: Serve, open_on: OpenOn, tmp_path: Path
) -> None:
    server = serve()
    async with open_on(server) as agent:
        await run(agent, brief_of(lettering="set"), tmp_path)
        done, _ = await run(agent, brief_of(lettering="set", date="24 May 2062"), tmp_path)

    assert drawn(server) == 1
    assert done.counts == {"proved": 1}
    assert (tmp_path / "night-market/en/640x800/1.v1.png").exists()


async def test_what_was_sent_and_is_not_known_is_parked_and_never_sent_again(
    serve: Serve, open_on: OpenOn, tmp_path: Path
) -> None:
    server = serve("drop-after:first=1")
    brief = brief_of(sizes="[640x800, 640x640]", lettering="set")

    async with open_on(server) as agent:
        first, _ = await run(agent, brief, tmp_path)
        sent = server.state.journal.counts["requests"]
        second, _ = await run(agent, brief, tmp_path)

    assert first.counts == second.counts == {"parked": 2}
    assert first.exit_code == second.exit_code == 6
    assert server.state.journal.counts["requests"] == sent
    assert "limner retry" in records(second)[0].reasons[0]


async def test_another_process_on_the_same_folder_is_turned_away(
    open_offline: Opener, tmp_path: Path
) -> None:
    with kept(tmp_path / "night-market"):
        async with open_offline() as agent:
            with pytest.raises(UsageError, match="another process"):
                await run(agent, brief_of(), tmp_path)


# ── no picture ───────────────────────────────────────────────────────────────────────────────


async def test_a_refused_picture_does_not_stop_the_others(
    open_offline: Opener, tmp_path: Path
) -> None:
    brief = brief_of(sizes="[640x800, 640x640, 800x640]", lettering="set")

    async with open_offline("moderation-400:first=1") as agent:
        done, _ = await run(agent, brief, tmp_path)

    found = Counter(one.status for one in records(done))
    assert found == {"refused": 1, "proved": 2}
    assert done.exit_code == 6
    assert [one.picture.lead for one in records(done)] == [None, None, "640x640/1"]


async def test_a_rerun_after_a_refusal_keeps_the_look_and_sends_nothing(
    serve: Serve, open_on: OpenOn, tmp_path: Path
) -> None:
    server = serve("moderation-400:first=1")
    brief = brief_of(sizes="[640x800, 640x640]", lettering="set")

    async with open_on(server) as agent:
        await run(agent, brief, tmp_path)
        before = server.state.journal.counts["requests"]
        done, _ = await run(agent, brief, tmp_path)

    assert done.counts == {"refused": 1, "proved": 1}
    assert server.state.journal.counts["requests"] == before


async def test_a_size_that_was_made_alone_is_not_bought_again_with_the_others(
    serve: Serve, open_on: OpenOn, tmp_path: Path
) -> None:
    server = serve()
    brief = brief_of(sizes="[640x800, 640x640]", lettering="set")

    async with open_on(server) as agent:
        await run(agent, brief, tmp_path, sizes=("640x640",))
        done, events = await run(agent, brief, tmp_path)

    assert drawn(server) == 2
    assert [one.skipped for one in of(events, PosterMade)] == [True, False]
    assert [one.picture.lead for one in records(done)] == ["640x640/1", None]


async def test_a_brief_that_the_policy_refuses_sends_nothing_and_names_the_field(
    serve: Serve, settings: Settings, tmp_path: Path
) -> None:
    server, folder = serve(), tmp_path / "policy"
    folder.mkdir()
    folder.joinpath("house.yaml").write_text(
        "version: house@1\nclasses: {pineapple: 'pineapple[s]'}\nrules:\n"
        "  - {id: no-pineapples, category: fruit, severity: refuse, message: No pineapples here.,\n"
        "     fix: Draw a pear., all_of: [[pineapple]]}\n"
    )
    strict = settings.model_copy(update={"policy": folder})

    async with open_agent(strict, profile="offline", offline=server) as agent:
        done, _ = await run(agent, brief_of(place="Pineapple Square"), tmp_path / "out")

    (record,) = records(done)
    assert done.exit_code == 3
    assert record.status == "refused"
    assert "place" in record.reasons[0]
    assert "no-pineapples" in record.reasons[0]
    assert server.state.journal.counts["requests"] == 0


async def test_a_server_that_takes_no_key_stops_the_brief_at_once(
    serve: Serve, open_on: OpenOn, tmp_path: Path
) -> None:
    server = serve("401")
    brief = brief_of(sizes="[640x800, 640x640, 800x640]", lettering="set")

    async with open_on(server) as agent:
        done, _ = await run(agent, brief, tmp_path)

    assert done.counts == {"failed": 3}
    assert done.exit_code == 4
    assert server.state.journal.counts["requests"] == 1


# ── money ────────────────────────────────────────────────────────────────────────────────────


async def test_only_some_sizes_and_locales_are_made_and_the_others_stay_listed(
    open_offline: Opener, tmp_path: Path
) -> None:
    brief = brief_of(title='{en: "Night Market", de: "Nachtmarkt"}', sizes="[640x800, 640x640]")

    async with open_offline() as agent:
        await run(agent, brief, tmp_path, sizes=("640x800",), locales=("de",))
        done, _ = await run(agent, brief, tmp_path, sizes=("640x640",), locales=("en",))

    assert [one.name for one in records(done)] == [
        "night-market/en/640x640/1",
        "night-market/de/640x800/1",
    ]
    assert done.counts == {"proved": 1}


async def test_a_size_that_the_brief_has_not_is_named(open_offline: Opener, tmp_path: Path) -> None:
    async with open_offline() as agent:
        with pytest.raises(UsageError, match="has no size 'a0'"):
            await run(agent, brief_of(), tmp_path, sizes=("a0",))


async def test_a_text_that_does_not_fit_is_told_before_anything_is_sent(
    serve: Serve, open_on: OpenOn, tmp_path: Path
) -> None:
    server = serve()
    long = " ".join(["Everything"] * 50)

    async with open_on(server) as agent:
        with pytest.raises(BriefError, match="do not fit"):
            await run(agent, brief_of(lines=f"[{{text: {long}}}]", sizes="[600x200]"), tmp_path)

    assert server.state.journal.counts["requests"] == 0


async def test_the_manifest_says_what_everything_cost_and_which_attempts_there_were(
    open_offline: Opener, tmp_path: Path
) -> None:
    async with open_offline() as agent:
        done, _ = await run(agent, brief_of(lettering="set"), tmp_path, budget=Decimal(1))
        (record,) = records(done)
        sent = await agent.store.attempts(session=record.picture.session)

    assert record.picture.cost.amount == 0
    assert [one.id for one in sent] == list(record.picture.attempts)
    assert done.spent == 0


def test_a_purse_gives_no_more_than_is_left_and_nothing_for_an_unknown_price() -> None:
    purse = Purse(Decimal(1), spent=Cost(amount=Decimal("0.8"), basis="usage"))

    assert isinstance(purse.take(Cost(amount=Decimal("0.3"), basis="estimate")), Failure)
    assert isinstance(purse.take(Cost()), Failure)
    assert purse.take(Cost(amount=Decimal("0.2"), basis="estimate")) == Decimal("0.2")
    assert isinstance(purse.take(Cost(amount=Decimal("0.1"), basis="estimate")), Failure)

    purse.settle(Decimal("0.2"), Cost(amount=Decimal("0.05"), basis="usage"))
    assert purse.whole == Decimal("0.85")
    assert purse.take(Cost(amount=Decimal("0.1"), basis="estimate")) == Decimal("0.1")


def test_one_unknown_price_makes_the_sum_unknown() -> None:
    known = Cost(amount=Decimal(1), basis="usage")

    assert total([known, known]).amount == 2
    assert total([known, Cost()]).amount is None
    assert total([known, Cost(amount=Decimal(1), currency="EUR")]).amount is None
    assert total([known, Cost(amount=Decimal(0), currency="EUR")]).amount == 1
    assert total([]).amount == 0


async def test_a_budget_that_is_used_up_stops_buying_and_exits_with_five(
    serve: Serve, open_on: OpenOn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = serve()
    brief = brief_of(sizes="[640x800, 640x640]", lettering="set")

    async with open_on(server) as agent:
        monkeypatch.setattr(agent, "_kit", replace(agent.kit, prices=OPENAI))
        plan = plan_for(brief, agent)
        one = plan.pictures[0].dearest.amount
        assert one is not None
        done, _ = await run(agent, brief, tmp_path, budget=one - Decimal("0.0001"))

    assert done.counts == {"budget": 2}
    assert done.exit_code == 5
    assert server.state.journal.counts["requests"] == 0


def test_the_journal_reads_past_a_line_that_a_crash_cut_off(tmp_path: Path) -> None:
    with kept(tmp_path) as journal:
        journal.add(Step(kind="turn", key="a", of="x", turn=TurnId("turn_1")))
    path = tmp_path / "journal.jsonl"
    path.write_bytes(path.read_bytes() + b'{"kind":"turn","key":"b","o')
    with kept(tmp_path) as journal:
        journal.add(Step(kind="turn", key="c", of="x", turn=TurnId("turn_2")))
    with kept(tmp_path) as journal:
        assert [step.key for step in journal.all()] == ["a", "c"]


async def test_a_disk_without_room_is_told_as_what_it_is(
    open_offline: Opener, tmp_path: Path
) -> None:
    (tmp_path / "night-market").mkdir()
    (tmp_path / "night-market" / "en").write_text("a file where a folder should be")

    async with open_offline() as agent:
        done, _ = await run(agent, brief_of(lettering="set"), tmp_path)

    (record,) = records(done)
    assert record.status == "needs-person"
    assert "cannot be written" in record.reasons[0]


async def test_a_journal_that_cannot_be_written_stops_before_anything_is_sent(
    serve: Serve, open_on: OpenOn, tmp_path: Path
) -> None:
    server = serve()
    (tmp_path / "night-market" / "journal.jsonl").mkdir(parents=True)

    async with open_on(server) as agent:
        with pytest.raises((StoreError, UsageError)):
            await run(agent, brief_of(), tmp_path)

    assert server.state.journal.counts["requests"] == 0
