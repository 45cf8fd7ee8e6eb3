"""``limner batch`` as a shell calls it."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from PIL import Image

from agent.batch.events import BATCH_EVENT
from agent.batch.standing import Standing

from .conftest import Limner

BRIEF = """
title: {{en: Night Market, de: Nachtmarkt}}
date: {date}
motif: a night market with lanterns
sizes: [320x400]
"""
OFFLINE = ("-p", "offline")


@pytest.fixture
def briefs(work: Path) -> Path:
    folder = work / "spring"
    folder.mkdir()
    for name, date in (("one", "1 May"), ("two", "2 May")):
        (folder / f"{name}.yaml").write_text(BRIEF.format(date=date))
    return folder


def test_posters_of_many_briefs_go_to_one_folder_and_status_counts_them(
    draw: Limner, limner: Limner, briefs: Path
) -> None:
    ran = draw("batch", "spring/*.yaml", *OFFLINE)

    assert ran.code == 0
    assert sorted(path.relative_to(path.parents[5]).as_posix() for path in ran.paths) == [
        f"out/spring/{brief}/{locale}/320x400/1.png"
        for brief in ("one", "two")
        for locale in ("de", "en")
    ]
    assert (briefs.parent / "out/spring/report.html").is_file()
    status = limner("batch", "status", "--json")
    assert status.code == 0
    assert [Standing.model_validate(one).state for one in status.records] == ["proved"] * 4


def test_json_is_one_event_per_line_and_the_last_is_the_end(draw: Limner, briefs: Path) -> None:
    del briefs
    ran = draw("batch", "spring/*.yaml", *OFFLINE, "--json")

    events = [BATCH_EVENT.validate_python(record) for record in ran.records]
    assert events[0].type == "batch.planned"
    assert events[-1].type == "batch.done"


def test_a_batch_is_never_drawn_offline_by_chance(limner: Limner, briefs: Path) -> None:
    del briefs
    ran = limner("batch", "spring/*.yaml")

    assert ran.code == 4
    assert "--profile offline" in ran.err


def test_replacing_what_was_bought_is_refused_where_nobody_can_be_asked(
    draw: Limner, briefs: Path
) -> None:
    draw("batch", "spring/*.yaml", *OFFLINE)
    path = briefs / "one.yaml"
    path.write_text(path.read_text().replace("lanterns", "boats"))

    asked = draw("batch", "spring/*.yaml", *OFFLINE)
    told = draw("batch", "spring/*.yaml", *OFFLINE, "--yes")

    assert asked.code == 2
    assert "1 picture of them bought before, and 2 finished posters replaced" in asked.err
    assert told.code == 0


def test_a_table_makes_one_brief_of_each_row(draw: Limner, limner: Limner, work: Path) -> None:
    (work / "tour.yaml").write_text(
        "title: On Tour\ndate: '{when}'\nplace: Somewhere\nmotif: a stage\nsizes: [320x400]\n"
        "lettering: set\n"
    )
    (work / "cities.csv").write_text("place,when\nBerlin,12 March\nWien,14 March\n")

    ran = draw("batch", "tour.yaml", "--fields", "cities.csv", *OFFLINE)

    assert ran.code == 0
    names = [record["name"] for record in limner("batch", "status", "--json").records]
    assert names == ["tour-berlin/en/320x400/1", "tour-wien/en/320x400/1"]


def test_a_column_that_fits_nothing_is_named_before_anything_is_drawn(
    draw: Limner, work: Path
) -> None:
    (work / "tour.yaml").write_text("title: On Tour\nmotif: a stage\nsizes: [320x400]\n")
    (work / "cities.csv").write_text("titel\nBerlin\n")

    ran = draw("batch", "tour.yaml", "--fields", "cities.csv", *OFFLINE)

    assert ran.code == 2
    assert "titel" in ran.err
    assert "title" in ran.err


def test_lines_of_json_are_briefs(draw: Limner, work: Path) -> None:
    line = '{"name": "%s", "title": "Hello", "lettering": "set", "motif": "a hill", "sizes": ["320x400"]}'
    (work / "many.jsonl").write_text(f"{line % 'a'}\n\n{line % 'b'}\n")

    ran = draw("batch", "many.jsonl", *OFFLINE, "--dry-run", "--json")

    assert ran.code == 0
    assert ran.records[0]["briefs"] == 2
    assert not (work / "out").exists()


def test_decisions_are_made_by_name_and_read_from_a_table(
    draw: Limner, limner: Limner, briefs: Path
) -> None:
    draw("batch", "spring/*.yaml", *OFFLINE)
    assert limner("batch", "approve", "one").code == 0
    table = briefs.parent / "out/spring/decisions.csv"
    rows = list(csv.DictReader(table.read_text("utf-8-sig").splitlines()))
    for row in rows:
        if row["poster"].startswith("two"):
            row["decision"], row["reason"] = "rejected", "too dark"
    with table.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)

    assert limner("batch", "decide", str(table)).code == 0

    states = {one["name"]: one["state"] for one in limner("batch", "status", "--json").records}
    assert states["one/en/320x400/1"] == "approved"
    assert states["two/de/320x400/1"] == "rejected"
    printed = sorted(path.name for path in (briefs.parent / "out/spring/print").iterdir())
    assert printed == ["one"]


def test_a_change_is_priced_and_written_down_and_the_next_run_makes_it(
    draw: Limner, limner: Limner, briefs: Path
) -> None:
    del briefs
    draw("batch", "spring/*.yaml", *OFFLINE)

    asked = limner("batch", "redo", "one/en/320x400/1", "warmer")
    told = limner("batch", "redo", "one/en/320x400/1", "warmer", "--yes")
    ran = draw("batch", "run", *OFFLINE)

    assert asked.code == 2
    assert "1 picture to buy anew for 2 posters" in asked.err
    assert told.code == 0
    assert ran.code == 0
    assert len(ran.paths) == 2


def test_without_a_batch_the_way_to_one_is_told(limner: Limner, work: Path) -> None:
    del work
    ran = limner("batch", "status")

    assert ran.code == 2
    assert "limner batch run" in ran.err


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("mysql://ada:hunter2@host/name", "PostgreSQL"),
        ("postgresql://ada:hunter2@host:port/name", "address"),
        ("postgresql://ada:hun@ter2@host/name", "%40"),
        ("hunter2", "address"),
    ],
)
def test_a_database_that_cannot_be_one_is_named_without_its_password(
    limner: Limner, briefs: Path, monkeypatch: pytest.MonkeyPatch, url: str, said: str
) -> None:
    del briefs
    monkeypatch.setenv("LIMNER_DATABASE_URL", url)
    run, helped = limner("batch", "spring/*.yaml", *OFFLINE), limner("worker", *OFFLINE)

    assert (run.code, helped.code) == (2, 2)
    for err in (run.err, helped.err):
        assert said in err
        assert "hunter2" not in err
        assert "ter2" not in err


def test_a_database_that_is_not_there_is_told_with_what_to_look_at(
    limner: Limner, briefs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    del briefs
    monkeypatch.setenv("LIMNER_DATABASE_URL", "postgres://ada:hunter2@127.0.0.1:1/limner")
    ran = limner("batch", "spring/*.yaml", *OFFLINE)

    assert ran.code == 1
    assert "postgresql://ada:***@127.0.0.1:1/limner cannot be reached" in ran.err
    assert "LIMNER_DATABASE_URL" in ran.err
    assert "hunter2" not in ran.err


@pytest.mark.parametrize(
    ("table", "problem"),
    [
        ("place,when\nBerlin, Mitte,12 March\n", "row 2: has 3 cells, and there are 2 columns"),
        ('place,when\nBerlin,"12 March\nWien,14 March\n', "row 2: cannot be read"),
        ("place,when,place\nBerlin,12 March,Wien\n", "two columns are called 'place'"),
        ("place,when\n", "has no briefs"),
        ("", "has no briefs"),
        ("place,when\nK\udcf6ln,12 March\n", "is not UTF-8"),
    ],
)
def test_a_table_that_would_be_misread_is_refused(
    limner: Limner, tour: Path, table: str, problem: str
) -> None:
    (tour.parent / "cities.csv").write_bytes(table.encode("utf-8", "surrogateescape"))

    ran = limner("batch", "tour.yaml", "--fields", "cities.csv", *OFFLINE, "--dry-run")

    assert ran.code == 2
    assert f"cities.csv{'' if problem.startswith('row') else ':'}" in ran.err
    assert problem in ran.err


@pytest.mark.parametrize("between", [";", "\t"])
def test_a_table_may_be_as_a_spreadsheet_of_another_country_writes_it(
    limner: Limner, tour: Path, between: str
) -> None:
    rows = [["name", "place", "when"], ["b", '"Berlin, ""Mitte"""', "12 March"], ["", "", ""]]
    (tour.parent / "cities.csv").write_text("\r\n".join(between.join(row) for row in rows))

    ran = limner("batch", "tour.yaml", "--fields", "cities.csv", *OFFLINE, "--dry-run", "--json")

    assert ran.code == 0
    assert ran.records[0]["briefs"] == 1


@pytest.fixture
def tour(work: Path) -> Path:
    path = work / "tour.yaml"
    path.write_text(
        "title: On Tour\ndate: '{when}'\nplace: Somewhere\nmotif: a stage\nsizes: [320x400]\n"
        "lettering: set\n"
    )
    return path


def test_a_file_without_briefs_does_not_go_on_with_those_of_before(
    draw: Limner, limner: Limner, work: Path, briefs: Path
) -> None:
    del briefs
    draw("batch", "spring/*.yaml", *OFFLINE)
    (work / "none.jsonl").write_text("\n")

    ran = limner("batch", "none.jsonl", "--batch", "spring", *OFFLINE)

    assert ran.code == 2
    assert "none.jsonl: has no briefs" in ran.err


def test_a_reviewers_table_has_names_with_parts_left_out_and_semicolons(
    draw: Limner, limner: Limner, briefs: Path
) -> None:
    draw("batch", "spring/*.yaml", *OFFLINE)
    table = briefs.parent / "filled.csv"
    table.write_text("poster;decision;reason\r\none/en;Approved;\r\ntwo;rejected;dark; very\r\n")
    refused = limner("batch", "decide", str(table))
    table.write_text('poster;decision;reason\r\none/en;Approved;\r\ntwo;rejected;"dark; very"\r\n')

    told = limner("batch", "decide", str(table))

    assert refused.code == 2
    assert "row 3: has 4 cells" in refused.err
    assert told.code == 0
    states = {one["name"]: one["state"] for one in limner("batch", "status", "--json").records}
    assert states == {
        "one/en/320x400/1": "approved",
        "one/de/320x400/1": "proved",
        "two/en/320x400/1": "rejected",
        "two/de/320x400/1": "rejected",
    }


def test_a_reviewers_table_that_cannot_be_meant_changes_nothing(
    draw: Limner, limner: Limner, briefs: Path
) -> None:
    draw("batch", "spring/*.yaml", *OFFLINE)
    table = briefs.parent / "filled.csv"
    table.write_text("poster,decision\none,approved\none/en,rejected\n")
    both = limner("batch", "decide", str(table))
    table.write_bytes("poster,decision,reason\none,rejected,zu dünn\n".encode("cp1252"))

    foreign = limner("batch", "decide", str(table))

    assert both.code == foreign.code == 2
    assert "one/en/320x400/1 is approved and rejected" in both.err
    assert "CSV UTF-8" in foreign.err
    states = {one["state"] for one in limner("batch", "status", "--json").records}
    assert states == {"proved"}


def test_a_name_that_no_poster_has_approves_none_of_the_others(
    draw: Limner, limner: Limner, briefs: Path
) -> None:
    del briefs
    draw("batch", "spring/*.yaml", *OFFLINE)

    ran = limner("batch", "approve", "one", "tow/*")

    assert ran.code == 2
    assert "is called tow/*" in ran.err
    assert {one["state"] for one in limner("batch", "status", "--json").records} == {"proved"}


def test_a_poster_that_is_to_be_another_leaves_the_print_folder_at_once(
    draw: Limner, limner: Limner, briefs: Path
) -> None:
    draw("batch", "spring/*.yaml", *OFFLINE)
    limner("batch", "approve", "one", "two")

    limner("batch", "redo", "one/en", "warmer", "--yes")

    assert [one.name for one in (briefs.parent / "out/spring/print").iterdir()] == ["two"]


def test_a_retouched_file_that_no_poster_can_be_is_refused(
    draw: Limner, limner: Limner, briefs: Path
) -> None:
    draw("batch", "spring/*.yaml", *OFFLINE)
    moving = briefs.parent / "retouched.gif"
    Image.new("RGB", (320, 400)).save(moving)

    ran = limner("batch", "accept", "one/en/320x400/1", str(moving))

    assert ran.code == 2
    assert "PNG, JPEG or WebP" in ran.err


def test_a_retouched_file_in_another_shape_is_refused_with_both_sizes(
    draw: Limner, limner: Limner, briefs: Path
) -> None:
    draw("batch", "spring/*.yaml", *OFFLINE)
    wide, fine = briefs.parent / "wide.png", briefs.parent / "fine.png"
    Image.new("RGB", (400, 320)).save(wide)
    Image.new("RGB", (641, 800)).save(fine)

    refused = limner("batch", "accept", "one/en/320x400/1", str(wide))
    accepted = limner("batch", "accept", "one/en/320x400/1", str(fine))

    assert refused.code == 2
    assert "400x320" in refused.err
    assert "320x400" in refused.err
    assert accepted.code == 0


def test_a_rejection_without_a_reason_changes_nothing(
    draw: Limner, limner: Limner, briefs: Path
) -> None:
    del briefs
    draw("batch", "spring/*.yaml", *OFFLINE)

    ran = limner("batch", "reject", "one", "--reason", " ")

    assert (ran.code, "say why" in ran.err) == (2, True)
    states = {one["state"] for one in limner("batch", "status", "--json").records}
    assert states == {"proved"}


@pytest.mark.parametrize("command", ["batch", "worker", "poster"])
def test_examples_in_a_help_stand_on_lines_of_their_own(limner: Limner, command: str) -> None:
    shown = limner(command, "--help").out.splitlines()

    assert not [line for line in shown if "\\b" in line]
    assert [line for line in shown if line.strip().startswith(("limner ", "LIMNER_"))]


def test_rows_named_in_chinese_keep_their_folder_when_others_come_before_them(
    limner: Limner, draw: Limner, tour: Path
) -> None:
    table = tour.parent / "cities.csv"
    table.write_text("place,when\n東京,12 March\n大阪,14 March\n", encoding="utf-8")
    draw("batch", "tour.yaml", "--fields", "cities.csv", *OFFLINE)
    before = {one["name"] for one in limner("batch", "status", "--json").records}
    table.write_text("place,when\n京都,1 March\n東京,12 March\n大阪,14 March\n", encoding="utf-8")

    ran = draw("batch", "tour.yaml", "--fields", "cities.csv", *OFFLINE)

    assert ran.code == 0
    assert len(ran.paths) == 1
    assert len(before) == 2
    assert before < {one["name"] for one in limner("batch", "status", "--json").records}


def test_a_line_of_json_may_hold_every_sign_that_a_text_may(limner: Limner, work: Path) -> None:
    line = '{"title": "Hello", "lettering": "set", "motif": "a\u2028hill", "sizes": ["320x400"]}'
    (work / "many.jsonl").write_text(f"{line}\r\n", encoding="utf-8")

    ran = limner("batch", "many.jsonl", *OFFLINE, "--dry-run", "--json")

    assert (ran.code, ran.records[0]["briefs"]) == (0, 1)
