"""``make_poster``: a brief in, files out; within the roots and what the server may spend."""

from __future__ import annotations

import os
from decimal import Decimal
from pathlib import Path

import anyio
import jsonschema
import pytest

from agent.offline import Offline
from tests.conftest import png
from tests.doors.mcp.conftest import Gate, Hand, Opened

BRIEF = """
title: Night Market
date: 24 May 2026
motif: a night market with lanterns
lettering: set
sizes: [640x800, 640x640]
"""


def wrote(hand: Hand, text: str = BRIEF, name: str = "market.yaml") -> str:
    (hand.work / name).write_text(text)
    return name


async def test_every_poster_is_a_file_and_the_report_is_named(opened: Opened) -> None:
    async with opened() as hand:
        made = await hand.call("make_poster", brief=wrote(hand))
        schemas = {t.name: t.output_schema for t in (await hand.client.list_tools()).tools}

    assert made.receipt["status"] == "done"
    assert [one["status"] for one in made.receipt["posters"]] == ["proved", "proved"]
    for place in (*made.lines[:2], made.receipt["report"]):
        assert await anyio.Path(place).is_file()
    jsonschema.validate(made.receipt, schemas["make_poster"] or {})


async def test_a_dry_run_buys_nothing(opened: Opened) -> None:
    async with opened(paid=True) as hand:
        planned = await hand.call("make_poster", brief=wrote(hand), dry_run=True)

    assert planned.receipt["status"] == "planned"
    assert planned.receipt["cheapest"]["amount"] == "0.60"
    assert hand.requests == 0
    assert not (hand.work / "out").exists()


async def test_who_does_not_wait_goes_on_with_the_same_call_and_buys_nothing_twice(
    opened: Opened, held: Offline, gate: Gate
) -> None:
    async with opened(held) as hand:
        name = wrote(hand)
        early = await hand.call("make_poster", brief=name, wait_s=0)
        again = await hand.call("make_poster", brief=name, wait_s=0)
        gate.opened.set()
        made = await hand.call("make_poster", brief=name)

    assert early.receipt["status"] == again.receipt["status"] == "pending"
    assert made.receipt["status"] == "done"
    assert hand.artist.counters["generations"] == 2


@pytest.mark.parametrize("name", ["pipe.yaml", "nothing.yaml", "."])
async def test_a_brief_that_is_no_file_is_not_waited_for(opened: Opened, name: str) -> None:
    async with opened() as hand:
        os.mkfifo(hand.work / "pipe.yaml")
        made = await hand.call("make_poster", brief=name)

        assert "there is no such file below" in made.text


async def test_a_brief_outside_of_the_roots_is_not_read(opened: Opened, tmp_path: Path) -> None:
    (tmp_path / "secret.yaml").write_text(BRIEF)

    async with opened() as hand:
        made = await hand.call("make_poster", brief="../secret.yaml")

    assert made.problem["code"] == "usage"
    assert "outside" in made.problem["message"]


async def test_a_logo_outside_of_the_roots_is_not_published(opened: Opened, tmp_path: Path) -> None:
    (tmp_path / "badge.png").write_bytes(png(300, 200))

    async with opened() as hand:
        made = await hand.call("make_poster", brief=wrote(hand, f"{BRIEF}logo: ../badge.png\n"))

    assert "outside" in made.problem["message"]
    assert hand.requests == 0


@pytest.mark.parametrize(
    ("text", "told"),
    [("title: A\nsize: [a4]\n", "line 2"), (f"{BRIEF}budget: [1]\n", "budget")],
)
async def test_a_brief_that_is_wrong_says_where(opened: Opened, text: str, told: str) -> None:
    async with opened() as hand:
        made = await hand.call("make_poster", brief=wrote(hand, text))

    assert told in made.problem["message"]


async def test_the_server_spends_no_more_than_it_may(opened: Opened) -> None:
    async with opened(paid=True, max_cost=Decimal("0.4")) as hand:
        made = await hand.call("make_poster", brief=wrote(hand))
        more = await hand.call("generate_image", prompt="a kite")

    assert [one["status"] for one in made.receipt["posters"]] == ["proved", "budget"]
    assert more.problem["code"] == "budget"
    assert hand.artist.counters["generations"] == 1


async def test_the_server_draws_no_more_pictures_than_it_may(opened: Opened) -> None:
    async with opened(max_images=1) as hand:
        made = await hand.call("make_poster", brief=wrote(hand))

    assert made.problem["code"] == "budget"
    assert hand.requests == 0
