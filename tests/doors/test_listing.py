from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

from agent.doors.cli import cli

from .conftest import Limner, logging_as_it_was

WINTER = [["edit", "make it winter", "--from", "@1"]]


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A kite, at night, and from the first one in winter: drawn once, copied for each test."""
    folder = tmp_path_factory.mktemp("kite")
    with pytest.MonkeyPatch.context() as patch, logging_as_it_was():
        patch.setenv("LIMNER_HOME", str(folder / "data"))
        patch.chdir(folder)
        for args in (["generate", "a kite"], ["edit", "make it night"], *WINTER):
            assert CliRunner().invoke(cli, [*args, "--draw", "tiny"]).exit_code == 0
    return folder


@pytest.fixture
def kite(limner: Limner, drawn: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    del limner
    shutil.rmtree(tmp_path / "home" / "data")
    shutil.copytree(drawn / "data", tmp_path / "home" / "data")
    monkeypatch.chdir(drawn)


def test_nothing_yet_is_said_on_stderr(limner: Limner) -> None:
    ran = limner("sessions")

    assert (ran.code, ran.out) == (0, "")
    assert "limner generate" in ran.err


@pytest.mark.usefixtures("kite")
def test_sessions_are_listed_newest_first(draw: Limner, limner: Limner) -> None:
    draw("generate", "a cat")

    assert [s["name"] for s in limner("sessions", "--json").records] == ["cat", "kite"]
    assert limner("sessions", "--limit", "1").out.startswith("cat ")
    assert "3 pictures" in limner("sessions").out


@pytest.mark.usefixtures("kite")
def test_only_sessions_of_this_directory(
    limner: Limner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert len(limner("sessions", "--here", "--json").records) == 1
    monkeypatch.chdir(tmp_path)

    assert limner("sessions", "--here", "--json").records == []


@pytest.mark.usefixtures("kite")
def test_the_tree_shows_branches_and_marks_where_the_next_edit_starts(limner: Limner) -> None:
    assert limner("tree").out.splitlines() == [
        "kite",
        "@1  a kite",
        "├─ @2  make it night",
        "└─ @3  make it winter  ← here",
    ]


def test_a_long_chain_does_not_leave_the_screen(draw: Limner, limner: Limner) -> None:
    draw("chat", stdin="a kite\nmake it night\nmake it winter\nmake it red\n")
    draw("edit", "make it blue", "--from", "@3")

    assert [line[:5].strip() for line in limner("tree").out.splitlines()] == [
        "kite",
        "@1  a",
        "↓  @2",
        "↓  @3",
        "├─ @4",
        "└─ @5",
    ]


@pytest.mark.usefixtures("kite")
def test_the_tree_as_records_names_parents_and_the_head(limner: Limner) -> None:
    first, second, third = limner("tree", "kite", "--json").records

    assert (first["parent"], second["parent"], third["parent"]) == (None, first["id"], first["id"])
    assert [first["head"], second["head"], third["head"]] == [False, False, True]
    assert second["prompt"] == "make it night"


@pytest.mark.usefixtures("kite")
def test_show_tells_a_session_whole(limner: Limner) -> None:
    out = limner("show").out

    assert "kite   3 turns, 3 pictures" in out
    assert "make it winter" in out
    assert "← @1" in out
    assert "asked 1024x1024 medium" in out
    assert "free (offline)" in out
    assert out.rstrip().endswith("total nothing")


@pytest.mark.usefixtures("kite")
def test_show_as_records_holds_every_turn_picture_and_request(limner: Limner) -> None:
    types = [record["type"] for record in limner("show", "kite", "--json").records]

    assert types == ["session", *["turn"] * 3, *["image"] * 3, *["attempt"] * 3]


@pytest.mark.usefixtures("kite")
@pytest.mark.parametrize("ref", ["@2", "kite/2", "kite/@2"])
def test_show_tells_a_picture_whole(limner: Limner, ref: str) -> None:
    out = limner("show", ref).out

    assert "picture     @2 of kite" in out
    assert "from        @1" in out
    assert "prompt      make it night" in out
    assert "allow" in out


@pytest.mark.usefixtures("kite")
def test_show_takes_the_beginning_of_an_id(limner: Limner) -> None:
    [_, second, _] = limner("tree", "--json").records
    whole = str(second["id"])

    assert limner("show", whole).code == 0
    assert limner("show", whole, "--json").records[0]["type"] == "image"


@pytest.mark.usefixtures("kite")
def test_a_failed_turn_is_shown_with_its_reason(draw: Limner, limner: Limner) -> None:
    draw("edit", "make it red", "--fault", "401")

    assert "authentication:" in limner("show").out


@pytest.mark.usefixtures("kite")
@pytest.mark.parametrize(
    "args", [("show", "kit/9"), ("show", "@9"), ("show", "kitten"), ("tree", "kitten")]
)
def test_an_unknown_name_ends_with_2_and_with_candidates(
    limner: Limner, args: tuple[str, ...]
) -> None:
    ran = limner(*args)

    assert ran.code == 2
    assert "kite" in ran.err or "@1" in ran.err


def test_a_stored_prompt_cannot_drive_the_terminal(draw: Limner, limner: Limner) -> None:
    draw("generate", "a kite\x1b]0;owned\x07 \u202eetik")

    assert "\x1b" not in limner("show").out + limner("tree").out + limner("sessions").out
    assert "\u202e" not in limner("show").out + limner("tree").out
