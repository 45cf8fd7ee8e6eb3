"""Lettering that nobody asked for, and posters on which we set what was painted wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent import Settings, open_agent
from agent.poster.plan import CLEARINGS, LOOKS, plan_of, reading_cost
from agent.poster.records import LineSet, PictureBought, PictureCleared, PosterDone
from agent.turn import prompts
from agent.turn.tariff import load_prices
from tests.conftest import Opener, OpenOn, Serve, sent_to

from .test_make import brief_of, drawn, of, records, run

OPENAI = load_prices(prompts.prices_text("openai"), name="openai")
SIGN = "lettering that nobody asked for: 'Open daily'"


def report(done: PosterDone) -> str:
    return Path(done.report).read_text("utf-8")


# ── pictures without painted words ───────────────────────────────────────────────────────────


async def test_a_sign_on_a_picture_of_a_poster_that_is_set_is_found_and_told(
    open_offline: Opener, tmp_path: Path
) -> None:
    async with open_offline("stray-lettering", draw="full") as agent:
        done, _ = await run(agent, brief_of(lettering="set"), tmp_path)

    (record,) = records(done)
    assert record.status == "needs-person"
    assert record.reasons == (SIGN,)
    assert record.files
    assert done.exit_code == 6
    assert "Open daily" in report(done)


async def test_a_picture_with_a_sign_is_asked_for_once_more_without_it(
    open_offline: Opener, tmp_path: Path
) -> None:
    brief = brief_of(lettering="set", sizes="[640x800, 640x640]")

    async with open_offline("stray-lettering:first=1", draw="full") as agent:
        done, events = await run(agent, brief, tmp_path)
        first, second = records(done)
        parents = (await agent.store.image(second.picture.bought or "")).parents

    assert done.counts == {"proved": 2}
    (cleared,) = of(events, PictureCleared)
    assert first.picture.history == (of(events, PictureBought)[0].image, cleared.image)
    assert first.picture.bought == first.picture.image == cleared.image
    assert parents == (cleared.image,), "the look is that of the picture without the sign"
    assert [one.unexpected for one in first.picture.proofs] == [("Open daily",), ()]


async def test_words_that_the_motif_quotes_are_no_surprise(
    serve: Serve, open_on: OpenOn, tmp_path: Path
) -> None:
    server = serve("stray-lettering", draw="full")
    brief = brief_of(lettering="set", motif="'a market with a sign that says “Open daily”'")

    async with open_on(server) as agent:
        done, _ = await run(agent, brief, tmp_path)

    assert done.counts == {"proved": 1}
    asked = str(sent_to(server)[0])
    assert 'In the scene itself no words but these: "Open daily". No other lettering.' in asked


async def test_a_sign_between_painted_words_goes_and_the_words_stay(
    open_offline: Opener, tmp_path: Path
) -> None:
    async with open_offline("stray-lettering:first=1", draw="full") as agent:
        done, _ = await run(agent, brief_of(), tmp_path)

    (record,) = records(done)
    assert done.counts == {"proved": 1}
    assert record.lettering["title"] == "painted"
    assert record.picture.proofs[-1].lines[0].verdict == "proved"


async def test_a_picture_that_cannot_be_drawn_without_the_sign_keeps_it_and_needs_a_person(
    open_offline: Opener, tmp_path: Path
) -> None:
    brief = brief_of(lettering="set")

    async with open_offline("stray-lettering", "moderation-400:every=2,on=responses") as agent:
        done, _ = await run(agent, brief, tmp_path)

    (record,) = records(done)
    assert record.reasons == (SIGN,)
    assert len(record.picture.attempts) == 2
    assert "could not be drawn without" in record.picture.notes[0]


async def test_another_run_neither_draws_nor_reads_again_what_needs_a_person(
    serve: Serve, open_on: OpenOn, tmp_path: Path
) -> None:
    server = serve("stray-lettering")
    brief = brief_of(lettering="set")

    async with open_on(server) as agent:
        await run(agent, brief, tmp_path)
        before = server.state.journal.counts["requests"]
        done, _ = await run(agent, brief, tmp_path)

    assert done.counts == {"needs-person": 1}
    assert drawn(server) == 2
    assert server.state.journal.counts["requests"] == before


async def test_a_set_poster_whose_picture_nobody_could_read_is_not_proved(
    open_offline: Opener, tmp_path: Path
) -> None:
    async with open_offline("autocorrecting-reader") as agent:
        done, _ = await run(agent, brief_of(lettering="set", title="夜市音乐会"), tmp_path)

    (record,) = records(done)
    assert record.status == "needs-person"
    assert "cannot be believed" in record.reasons[0]


async def test_a_server_that_answers_no_questions_still_draws_every_picture(
    serve: Serve, settings: Settings, tmp_path: Path
) -> None:
    brief = brief_of(lettering="set", sizes="[640x800, 640x640]")
    drawing = settings.model_copy(update={"via": "images"})

    async with open_agent(drawing, profile="offline", offline=serve()) as agent:
        done, _ = await run(agent, brief, tmp_path)

    assert done.counts == {"needs-person": 2}
    assert all(record.files for record in records(done))
    assert records(done)[0].reasons[0].startswith("nobody has read it: The Images API")


def test_a_look_at_each_picture_is_part_of_the_price() -> None:
    plan = plan_of(brief_of(lettering="set"), OPENAI)

    (picture,) = plan.pictures
    look = reading_cost(0, picture.buy.pixels, OPENAI, "gpt-5.5").amount
    assert look
    assert plan.cheapest.amount == (picture.cheapest.amount or 0) + look * LOOKS
    again = (plan.dearest.amount or 0) - (picture.dearest.amount or 0) - look * (1 + CLEARINGS)
    assert again >= (picture.dearest.amount or 0), "one edit, which reads the picture besides"


def test_nothing_is_reckoned_for_reading_where_nothing_can_be_asked() -> None:
    plan = plan_of(brief_of(lettering="set"), OPENAI, None)

    assert plan.cheapest.amount == plan.pictures[0].cheapest.amount


# ── set instead ──────────────────────────────────────────────────────────────────────────────


async def test_a_poster_with_a_line_set_instead_is_read_once_more_before_it_is_proved(
    open_offline: Opener, tmp_path: Path
) -> None:
    async with open_offline("misspell", draw="full") as agent:
        done, _ = await run(agent, brief_of(), tmp_path)

    (record,) = records(done)
    last = record.picture.proofs[-1]
    assert record.status == "proved"
    assert len(record.picture.proofs) == 4, "as it came, after two repairs, and as a poster"
    assert [one.verdict for one in last.lines] == ["proved"]
    assert {"".join(read.split()) for read in last.lines[0].readings} == {"NIGHTMARKET"}


@pytest.mark.parametrize(
    ("title", "size"),
    [
        ("夜市音乐会", "1000x400"),
        ("Straßenfest am Gärtnerplatz", "640x800"),
        ("Été à 12.50 €", "640x800"),
    ],
)
async def test_what_we_set_in_any_script_is_read_as_it_is(
    title: str, size: str, open_offline: Opener, tmp_path: Path
) -> None:
    brief = brief_of(title=title, sizes=f"[{size}]", type="classic")

    async with open_offline("misspell", draw="full") as agent:
        done, events = await run(agent, brief, tmp_path)

    assert len(of(events, LineSet)) == 1
    assert done.counts == {"proved": 1}


async def test_a_line_set_instead_is_not_proved_while_nobody_has_read_the_poster(
    serve: Serve, open_on: OpenOn, tmp_path: Path
) -> None:
    server = serve("misspell", "401:every=7,on=ask", draw="full")

    async with open_on(server) as agent:
        done, _ = await run(agent, brief_of(), tmp_path)
        asked = server.state.journal.counts["requests"]
        again, _ = await run(agent, brief_of(), tmp_path)

    (record,) = records(again)
    assert done.counts == {"needs-person": 1}
    assert again.counts == {"proved": 1}
    assert record.lettering["title"] == "set-instead"
    assert server.state.journal.counts["requests"] == asked + 2, "only the poster is read"


async def test_lettering_beside_a_line_set_instead_is_found_on_the_poster(
    open_offline: Opener, tmp_path: Path
) -> None:
    async with open_offline("misspell", "stray-lettering", draw="full") as agent:
        done, _ = await run(agent, brief_of(), tmp_path)

    (record,) = records(done)
    assert record.lettering["title"] == "set-instead"
    assert record.picture.proofs[-1].unexpected == ("Open daily",)
    assert SIGN in record.reasons
