from __future__ import annotations

import json
from pathlib import Path

import pytest

from .conftest import Limner


@pytest.fixture(autouse=True)
def kite(draw: Limner) -> None:
    draw("generate", "a kite")
    draw("edit", "make it night")


def test_export_copies_pictures_and_records(limner: Limner) -> None:
    ran = limner("export", "kite", "away")

    assert [path.name for path in ran.paths] == ["kite-1.png", "kite-2.png", "session.json"]
    document = json.loads(Path("away/session.json").read_text())
    assert [image["file"] for image in document["images"]] == ["kite-1.png", "kite-2.png"]
    assert [turn["prompt"] for turn in document["turns"]] == ["a kite", "make it night"]
    assert [attempt["state"] for attempt in document["attempts"]] == ["completed"] * 2
    assert document["images"][1]["parents"] == [document["images"][0]["id"]]


def test_export_goes_to_a_folder_named_after_the_session(limner: Limner) -> None:
    assert limner("export", "kite").code == 0
    assert Path("kite/session.json").is_file()


def test_export_never_overwrites_without_force(limner: Limner) -> None:
    limner("export", "kite", "away")
    Path("away/kite-1.png").write_bytes(b"mine")

    assert limner("export", "kite", "away").code == 2
    assert Path("away/kite-1.png").read_bytes() == b"mine"
    assert limner("export", "kite", "away", "--force").code == 0
    assert Path("away/kite-1.png").read_bytes().startswith(b"\x89PNG")


def test_export_of_an_unknown_session_ends_with_2(limner: Limner) -> None:
    assert limner("export", "nowhere").code == 2


# ── forget ───────────────────────────────────────────────────────────────────────────────────


def test_forget_says_what_goes_and_what_stays(limner: Limner) -> None:
    ran = limner("forget", "kite", "--yes")

    assert ran.code == 0
    assert "kite   2 turns, 2 pictures" in ran.err
    assert "This stays: what was paid" in ran.err
    assert limner("sessions").out == ""


def test_forget_needs_yes_where_nobody_can_be_asked(limner: Limner) -> None:
    ran = limner("forget", "kite")

    assert ran.code == 2
    assert "--yes" in ran.err
    assert limner("sessions").out != ""


def test_forget_one_picture_leaves_the_others(limner: Limner) -> None:
    assert limner("forget", "@1", "--yes").code == 0
    assert [node["number"] for node in limner("tree", "--json").records] == [2]


def test_forget_by_age_takes_only_what_is_that_old(limner: Limner) -> None:
    kept = limner("forget", "--older-than", "30d", "--yes")
    gone = limner("forget", "--older-than", "0h", "--yes")

    assert "Nothing is that old" in kept.err
    assert "kite" in gone.err
    assert limner("sessions").out == ""


def test_forget_a_user_takes_none_of_the_others(limner: Limner) -> None:
    ran = limner("forget", "--user", "somebody", "--yes")

    assert ran.code == 0
    assert limner("sessions").out != ""


@pytest.mark.parametrize(
    "args",
    [
        (),
        ("kite", "--user", "x"),
        ("--older-than", "soon"),
        ("--older-than", "3"),
        ("nowhere",),
        ("@9",),
    ],
)
def test_forget_wants_one_thing_that_is_there(limner: Limner, args: tuple[str, ...]) -> None:
    assert limner("forget", *args, "--yes").code == 2
    assert limner("sessions").out != ""
