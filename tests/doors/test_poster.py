"""``limner poster`` as a shell calls it."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.poster.records import POSTER_EVENT

from .conftest import Limner

BRIEF = """
title: Night Market
date: 24 May 2026
motif: a night market with lanterns
lettering: set
sizes: [640x800, 640x640]
"""


@pytest.fixture
def brief(work: Path) -> str:
    path = work / "market.yaml"
    path.write_text(BRIEF)
    return path.name


def test_paths_of_posters_go_to_stdout_and_the_report_to_stderr(draw: Limner, brief: str) -> None:
    ran = draw("poster", brief)

    assert ran.code == 0
    assert [path.as_posix() for path in ran.paths] == [
        "out/market/en/640x800/1.png",
        "out/market/en/640x640/1.png",
    ]
    assert all(path.is_file() for path in ran.paths)
    assert "2 proved" in ran.err
    assert "out/market/report.html" in ran.err


def test_json_is_one_event_per_line_and_the_last_is_the_end(draw: Limner, brief: str) -> None:
    ran = draw("poster", brief, "--json")

    events = [POSTER_EVENT.validate_python(record) for record in ran.records]
    assert events[0].type == "poster.planned"
    assert events[-1].type == "poster.done"
    assert ran.records[-1]["exit_code"] == ran.code == 0


def test_a_dry_run_prints_the_plan_and_buys_nothing(draw: Limner, brief: str, work: Path) -> None:
    ran = draw("poster", "--dry-run", brief)

    assert ran.code == 0
    assert "market/en/640x640/1" in ran.out
    assert "edit of 640x800/1" in ran.out
    assert not (work / "out").exists()
    assert draw("sessions").out == ""


def test_a_dry_run_as_json_is_one_record_per_brief(draw: Limner, brief: str) -> None:
    (record,) = draw("poster", "--dry-run", "--json", brief).records

    assert record["type"] == "poster.plan"
    assert record["posters"] == ["market/en/640x800/1", "market/en/640x640/1"]


def test_a_second_call_makes_nothing_again(draw: Limner, brief: str) -> None:
    draw("poster", brief)

    ran = draw("poster", brief)

    assert ran.code == 0
    assert "2 of them finished before" in ran.err


@pytest.mark.parametrize(
    ("args", "told"),
    [
        (("--sizes", "a0"), "has no size 'a0'"),
        (("--locales", "fr"), "has no locale 'fr'"),
        (("--max-cost", "much"), "--max-cost"),
        (("--cmyk", "nowhere.icc"), "no such file"),
        (("--out", "market.yaml"), "is a file"),
    ],
)
def test_what_cannot_be_done_is_exit_two_before_anything_is_sent(
    draw: Limner, brief: str, work: Path, args: tuple[str, ...], told: str
) -> None:
    ran = draw("poster", brief, *args)

    assert ran.code == 2
    assert told in ran.err
    assert not (work / "out").exists()


def test_two_briefs_of_one_name_are_not_mixed(draw: Limner, brief: str, work: Path) -> None:
    (work / "other").mkdir()
    (work / "other" / brief).write_text(BRIEF)

    ran = draw("poster", brief, f"other/{brief}")

    assert ran.code == 2
    assert "both would use one folder" in ran.err


def test_a_brief_that_is_wrong_names_field_and_line(draw: Limner, work: Path) -> None:
    (work / "wrong.yaml").write_text("title: Night Market\nsize: [a4]\n")

    ran = draw("poster", "wrong.yaml")

    assert ran.code == 2
    assert "size, line 2" in ran.err


def test_some_parked_posters_make_exit_six_and_say_what_to_do(draw: Limner, brief: str) -> None:
    ran = draw("poster", brief, "--fault", "drop-after:first=1")

    assert ran.code == 6
    assert ran.out == ""
    assert "parked" in ran.err


def test_a_server_that_bills_needs_a_yes_where_nobody_can_be_asked(
    limner: Limner, work: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-nothing")
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/v1")
    (work / "many.yaml").write_text(BRIEF + "variants: 8\n")

    ran = limner("poster", "many.yaml")

    assert ran.code == 2
    assert "16 posters" in ran.err
    assert "--yes" in ran.err
    assert not (work / "out").exists()
