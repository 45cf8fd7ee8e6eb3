"""A batch is read some briefs at a time: nothing of it depends on how many those are."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import pytest

from agent import ImageAgent
from agent.batch import wants
from agent.batch.deciding import desk_of
from agent.batch.drafts import Order, drafted
from agent.batch.events import BatchDone, BatchProgress
from agent.batch.packed import Packed
from agent.batch.queue_file import Place
from agent.batch.run import run_batch
from agent.factory import notes_of
from agent.poster.brief import Brief
from agent.poster.filling import load_brief
from tests.conftest import OpenOn, Serve

TEXT = "name: {name}\ntitle: Night\nlettering: set\nmotif: a hill\nsizes: [320x400]\n"
NAMES = ("echo", "alpha", "delta", "bravo", "charlie")


def brief_of(name: str) -> Brief:
    return load_brief(TEXT.format(name=name), name="brief.yaml")


async def ran(agent: ImageAgent, folder: Path, *names: str) -> list[Any]:
    notes = notes_of(agent.store, agent.kit.clock)
    order = Order(name="spring", out=folder / "out", briefs=[brief_of(name) for name in names])
    draft = await drafted(order, agent, notes)
    return [one async for one in run_batch(draft, agent, notes, Place(folder=folder))]


async def test_every_brief_of_every_window_is_made_once_and_told_in_its_order(
    open_on: OpenOn, serve: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wants, "_WIDE", 2)
    server = serve(draw="tiny")
    async with open_on(server) as agent:
        events = await ran(agent, tmp_path, *NAMES)
        again = await ran(agent, tmp_path, "foxtrot", "alpha")
        notes = notes_of(agent.store, agent.kit.clock)
        desk = await desk_of(agent, notes, "spring")
        await desk.decide(await desk.chosen(["echo", "charlie"]), "approved", by="ann")
        report = await desk.written(notes)
        standings = await desk.standings()

    done = events[-1]
    assert isinstance(done, BatchDone)
    assert done.states == {"proved": 5}
    assert again[-1].states == {"proved": 6}
    assert server.state.journal.counts["generations"] == 6
    order = [*NAMES, "foxtrot"]
    assert [name.partition("/")[0] for name in standings] == order
    page = report.read_text()
    assert sorted(order, key=lambda name: page.index(f'id="{name}"')) == order
    table = (report.parent / "decisions.csv").read_text("utf-8-sig")
    rows = list(csv.DictReader(table.splitlines()))
    assert [row["poster"].partition("/")[0] for row in rows] == order
    printed = sorted(one.relative_to(report.parent).parts[1] for one in _printed(report.parent))
    assert printed == ["charlie", "echo"]


def _printed(folder: Path) -> list[Path]:
    return list((folder / "print").rglob("*.png"))


async def test_the_last_progress_of_a_run_has_every_poster_that_was_made(
    open_on: OpenOn, serve: Serve, tmp_path: Path
) -> None:
    async with open_on(serve(draw="tiny")) as agent:
        events = await ran(agent, tmp_path, *NAMES)

    last = [one for one in events if isinstance(one, BatchProgress)][-1]
    assert (last.states, last.under_way) == ({"proved": 5}, 0)


async def test_a_brief_comes_out_of_its_packing_as_it_went_in() -> None:
    packed, brief = Packed(Brief), brief_of("one")
    packed.keep("one", brief)

    assert packed["one"] == brief
    assert packed["one"].options.model_fields_set == brief.options.model_fields_set
    assert (len(packed), list(packed), "two" in packed) == (1, ["one"], False)
