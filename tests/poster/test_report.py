"""The page about a run: whole in one file, and it shows what was read."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path

import pytest
from PIL import Image

from agent.poster.brief import Brief
from agent.poster.filling import load_brief
from agent.poster.plan import Plan, plan_of
from agent.poster.proof import Asked, Control, Proof, Reading, Seen, proof_of
from agent.poster.records import Delivered, Made, PosterRecord, Status
from agent.poster.report import marked, report_of
from agent.schema import Cost, Failure, ImageId
from agent.turn import prompts
from agent.turn.tariff import load_prices

AT = datetime(2026, 1, 2, tzinfo=UTC)
TEXT = """
name: evil
title: "<script>alert(1)</script> & Sons"
date: 24 May 2026
motif: a night market
sizes: [640x800]
budget: 0.01
"""


@pytest.fixture
def brief() -> Brief:
    return load_brief(TEXT, name="evil.yaml")


@pytest.fixture
def plan(brief: Brief) -> Plan:
    return plan_of(brief, load_prices(prompts.prices_text("openai"), name="openai"))


def proof(read: str) -> Proof:
    seen = Seen(read, tuple(char for char in read if not char.isspace()))
    one = Reading((seen,), Control("x", Seen("x", ("x",))), Seen("", ()))
    return proof_of([Asked("title", 0, "NIGHT MARKET", True)], [one, one])


def record(folder: Path, *, status: Status = "proved", read: str = "NIGHT MARKET") -> PosterRecord:
    path = folder / "en/640x800/1.png"
    path.parent.mkdir(parents=True)
    Image.new("RGB", (640, 800), "navy").save(path)
    made = Made(
        picture="640x800/1",
        status=status,
        history=(ImageId("img_1"), ImageId("img_2"), ImageId("img_3")),
        proofs=(proof(read), proof("NIGHT MARKET")),
        repairs=1,
        cost=Cost(currency="USD"),
        failure=Failure(code="policy", message="Umbrellas <b>bring</b> rain.")
        if status == "refused"
        else None,
    )
    return PosterRecord(
        name="evil/en/640x800/1",
        locale="en",
        size="640x800",
        variant=1,
        status=status,
        reasons=("Umbrellas <b>bring</b> rain.",) if status == "refused" else (),
        files=(Delivered(kind="picture", path="en/640x800/1.png", sha256="0", bytes=1),),
        lettering={"title": "painted", "date": "set"},
        picture=made,
        made=AT,
    )


class Page(HTMLParser):
    """Every tag in order, every address, and which tags were left open."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.addresses: list[str] = []
        self.open: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.addresses += [value or "" for name, value in attrs if name in ("src", "href")]
        if tag not in ("meta", "link", "img", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_nothing_on_the_page_asks_any_host_for_anything(
    brief: Brief, plan: Plan, tmp_path: Path
) -> None:
    text = report_of(brief, plan, [record(tmp_path)], tmp_path, None)

    page = Page(text)
    assert page.open == []
    assert "script" not in page.tags
    assert page.addresses
    assert all(address.startswith("data:") for address in page.addresses)
    assert not re.search(r"url\(|@import|https?:", text)


def test_words_of_a_brief_are_words_and_no_markup(brief: Brief, plan: Plan, tmp_path: Path) -> None:
    text = report_of(brief, plan, [record(tmp_path, status="refused")], tmp_path, None)

    assert "&lt;script&gt;alert(1)&lt;/script&gt; &amp; Sons" in text
    assert "Umbrellas &lt;b&gt;bring&lt;/b&gt; rain." in text


def test_wrong_characters_of_every_reading_are_marked(
    brief: Brief, plan: Plan, tmp_path: Path
) -> None:
    text = report_of(brief, plan, [record(tmp_path, read="NIGHT MARKFT")], tmp_path, None)

    assert text.count("MARK<mark>F</mark>T") == 2
    assert "painted again" in text


@pytest.mark.parametrize(
    ("asked", "read", "shown"),
    [
        ("NIGHT", "Night", "Night"),
        ("19.90", "19.80", "19.<mark>8</mark>0"),
        ("café", "cafe", "caf<mark>e</mark>"),
        ("a<b", "a>b", "a<mark>&gt;</mark>b"),
        ("NIGHT MARKET", "NIGHT\nMARKET", "NIGHT<br>MARKET"),
        ("NIGHT", "", "–"),
    ],
)
def test_marking_follows_what_counts_as_a_difference(asked: str, read: str, shown: str) -> None:
    assert marked(asked, read) == shown


def test_a_letter_that_is_missing_marks_the_place_where_it_should_be() -> None:
    assert "<mark>" in marked("MARKET", "MARKT")


def test_a_poster_whose_file_is_gone_is_still_listed(
    brief: Brief, plan: Plan, tmp_path: Path
) -> None:
    one = record(tmp_path)
    (tmp_path / "en/640x800/1.png").unlink()

    text = report_of(brief, plan, [one], tmp_path, None)

    assert "no picture" in text
    assert "evil/en/640x800/1" in text


def test_warnings_and_unknown_costs_are_told(brief: Brief, plan: Plan, tmp_path: Path) -> None:
    text = report_of(brief, plan, [record(tmp_path)], tmp_path, None)

    assert "budget 0.01" in text
    assert "not known" in text
