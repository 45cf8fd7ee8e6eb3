"""A chat from a pipe: each line a turn or a command."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from .conftest import Limner


def said(*lines: str) -> str:
    return "".join(f"{line}\n" for line in lines)


def test_each_line_changes_the_picture_before(draw: Limner, limner: Limner) -> None:
    ran = draw("chat", stdin=said("a kite", "", "make it night", "make it winter"))

    assert ran.code == 0
    assert [path.name for path in ran.paths] == ["kite-1.png", "kite-2.png", "kite-3.png"]
    assert "editing @2 of kite" in ran.err
    assert [node["depth"] for node in limner("tree", "--json").records] == [0, 1, 2]


def test_a_text_answer_is_a_normal_turn(draw: Limner) -> None:
    ran = draw("chat", "--fault", "refusal-text", stdin=said("a kite"))

    assert ran.code == 0
    assert ran.out == ""
    assert "sorry" in ran.err


def test_undo_steps_back_and_removes_nothing(draw: Limner, limner: Limner) -> None:
    draw("chat", stdin=said("a kite", "make it night", "/undo", "make it winter"))

    parents = [node["parent"] for node in limner("tree", "--json").records]
    assert parents[1] == parents[2]
    assert len(parents) == 3


def test_undo_of_everything_starts_afresh(draw: Limner, limner: Limner) -> None:
    ran = draw("chat", stdin=said("a kite", "/undo", "/undo", "a cat"))

    assert "nothing to undo" in ran.err
    assert [node["parent"] for node in limner("tree", "--json").records] == [None, None]


def test_again_repeats_the_turn_from_the_same_picture(draw: Limner, limner: Limner) -> None:
    draw("chat", stdin=said("a kite", "make it night", "/again", "/again"))

    first, *others = limner("tree", "--json").records
    assert [node["parent"] for node in others] == [first["id"]] * 3
    assert {node["prompt"] for node in others} == {"make it night"}


def test_again_of_the_first_turn_draws_afresh_in_the_same_session(
    draw: Limner, limner: Limner
) -> None:
    draw("chat", stdin=said("a kite", "/again"))

    assert [node["parent"] for node in limner("tree", "--json").records] == [None, None]
    assert len(limner("sessions", "--json").records) == 1


def test_from_branches_from_an_earlier_picture(draw: Limner, limner: Limner) -> None:
    ran = draw("chat", stdin=said("a kite", "make it night", "/from @1", "make it winter"))

    first, second, third = limner("tree", "--json").records
    assert second["parent"] == third["parent"] == first["id"]
    assert "editing @1 of kite" in ran.err


def test_from_takes_a_file(draw: Limner, limner: Limner) -> None:
    draw("generate", "a cat", "-o", "cat.png")

    draw("chat", stdin=said("/from cat.png", "make it night", "/again"))

    operations = [node["operation"] for node in limner("tree", "--json").records]
    assert operations == ["import", "edit", "edit"]


def test_new_begins_a_session(draw: Limner, limner: Limner) -> None:
    draw("chat", stdin=said("a kite", "/new moonlight", "a cat"))

    assert {s["name"] for s in limner("sessions", "--json").records} == {"kite", "moonlight"}


def test_size_and_quality_hold_until_they_are_changed(draw: Limner, limner: Limner) -> None:
    draw(
        "chat",
        stdin=said(
            "/size 1536x1024",
            "/quality low",
            "a kite",
            "make it night",
            "/size",
            "/quality",
            "make it red",
        ),
    )

    out = limner("show").out
    assert "@1 1536x1024 low" in out
    assert "@2 1536x1024 low" in out
    assert "@3 1536x1024 medium" in out  # an edit keeps the size of its picture


def test_a_mask_and_a_reference_hold_for_one_turn(draw: Limner, limner: Limner) -> None:
    draw("generate", "a cat", "-o", "cat.png")

    ran = draw(
        "chat",
        stdin=said("a kite", "/mask 0,0,512,512", "/ref cat.png", "make it red", "make it night"),
    )

    assert ran.code == 0
    turns = [r for r in limner("show", "kite", "--json").records if r["type"] == "turn"]
    assert [turn["mask"] is not None for turn in turns] == [False, True, False]
    assert [len(turn["references"]) for turn in turns if isinstance(turn["references"], list)] == [
        0,
        1,
        0,
    ]


def test_a_mask_and_a_reference_can_be_taken_back(draw: Limner, limner: Limner) -> None:
    draw(
        "chat",
        stdin=said("a kite", "/mask 0,0,512,512", "/mask", "/ref @1", "/ref", "make it red"),
    )

    turn = [r for r in limner("show", "--json").records if r["type"] == "turn"][-1]
    assert (turn["mask"], turn["references"]) == (None, [])


def test_save_copies_the_picture_and_prints_where(draw: Limner) -> None:
    ran = draw("chat", stdin=said("a kite", "/save here.png", "/save here.png"))

    assert ran.paths[-1] == Path("here.png")
    assert Path("here.png").read_bytes().startswith(b"\x89PNG")
    assert "here.png: is there already" in ran.err


def test_tree_cost_and_help_answer_on_stderr(draw: Limner) -> None:
    ran = draw("chat", stdin=said("a kite", "/tree", "/cost", "/help"))

    assert "@1  a kite  ← here" in ran.err
    assert "1 request, nothing" in ran.err
    assert "/mask [FILE|X,Y,W,H]" in ran.err
    assert len(ran.paths) == 1


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("/form @1", "Did you mean /from?"),
        ("/from", "Which picture?"),
        ("/from @7", "started in this directory"),
        ("/mask gone.png", "no such file"),
        ("/ref @9", "started in this directory"),
        ("/size huge", "WIDTHxHEIGHT"),
        ("/quality superb", "medium"),
        ("/save", "Where to?"),
        ("/undo", "nothing to undo"),
        ("/again", "Nothing was said yet"),
        ("/tree", "no picture yet"),
        ("/open", "no picture yet"),
    ],
)
def test_a_mistake_is_told_and_the_chat_goes_on(draw: Limner, line: str, words: str) -> None:
    ran = draw("chat", stdin=said(line, "a kite"))

    assert ran.code == 2
    assert words in ran.err
    assert len(ran.paths) == 1


def test_quit_leaves_without_reading_on(draw: Limner) -> None:
    assert draw("chat", stdin=said("/quit", "a kite")).out == ""


def test_a_chat_resumes_a_session(draw: Limner, limner: Limner) -> None:
    draw("generate", "a kite")

    draw("chat", "--continue", stdin=said("make it night"))
    draw("chat", "--session", "kite", stdin=said("make it winter"))

    assert [node["depth"] for node in limner("tree", "--json").records] == [0, 1, 2]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("/mask words.txt", "words.txt: is no picture"),
        ("/mask small.png", "the mask is 64x64 and the picture 1024x1024"),
        ("/mask plain.png", "no alpha channel"),
        ("/mask half.png", "cannot be read as a picture"),
        ("/mask 0,0,2000,10", "reaches outside the picture, 1024x1024"),
        ("/mask 0,0,0,10", "the box is empty"),
    ],
)
def test_a_mask_that_cannot_fit_is_said_when_it_is_named(
    draw: Limner, work: Path, line: str, words: str
) -> None:
    Image.new("RGBA", (64, 64)).save(work / "small.png")
    Image.new("RGB", (1024, 1024)).save(work / "plain.png")
    (work / "half.png").write_bytes((work / "small.png").read_bytes()[:20])
    (work / "words.txt").write_text("a kite")

    ran = draw("chat", stdin=said("a kite", line, "/cost"))

    assert words in ran.err
    assert "1 request," in ran.err
    assert ran.code == 2


def test_a_mask_is_compared_with_the_picture_that_is_edited_next(draw: Limner, work: Path) -> None:
    Image.new("RGBA", (640, 1024)).save(work / "tall.png")

    ran = draw("chat", stdin=said("/from tall.png", "/mask tall.png", "make it night"))

    assert ran.code == 0, ran.err


def test_a_chat_needs_names_for_many_pictures(draw: Limner) -> None:
    assert draw("chat", "-o", "one.png", stdin=said("a kite")).code == 2


def test_a_failed_turn_does_not_end_the_chat(draw: Limner) -> None:
    ran = draw("chat", "--fault", "no-image:first=1", stdin=said("a kite", "a cat"))

    assert ran.code == 1
    assert len(ran.paths) == 1
