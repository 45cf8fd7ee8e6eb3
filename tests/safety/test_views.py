"""Each trick is undone in a view of its own, and places lead back to the original."""

from __future__ import annotations

import pytest

from agent.safety import Policy, screen
from agent.safety.decoding import decodings
from agent.safety.letters import FoldTable, Letters
from agent.safety.views import View, views


def texts(text: str, letters: Letters) -> dict[str, str]:
    return {view.text: view.name for view in views(text, letters)}


@pytest.mark.parametrize(
    "text", ["", "a red roof", "A Red Roof\nand a lake", "一座红屋顶", "дом у озера"]
)
def test_a_plain_text_has_one_view(text: str, toy: Policy) -> None:
    assert [view.text for view in views(text, toy.letters)] == [text.lower()]


def test_a_text_wholly_in_another_alphabet_is_not_folded(toy: Policy) -> None:
    assert len(views("кот ел торт", toy.letters)) == 1
    assert len(views("кот (kot) ел торт у окна", toy.letters)) == 1


@pytest.mark.parametrize(
    ("text", "name", "read"),
    [
        ("kіte", "look-alike", "kite"),
        ("kіte \U0001f388", "look-alike", "kite \U0001f388"),
        ("a very red кіте", "look-alike", "a very red kite"),
        ("k1t3", "leet", "kite"),
        ("the k i t e", "spaced", "the kite"),
        ("t h e  k i t e  i s  r e d", "spaced", "the kite is red"),
        ("t.h.e .:  k.i.t.e", "spaced", "the : kite"),
        ("w1nd 1s 0ld 4nd w1d3", "leet", "wind is old and wide"),
        ("the k.i.t.e", "spaced", "the kite"),
        ("ki-te", "joined", "kite"),
        ("ki---te", "joined", "ki te"),
        ("kiiiite", "repeats", "kite"),
        ("koooot", "repeats", "koot"),
        ("红*屋", "split", "红屋"),
        ("红 屋 顶", "split", "红屋顶"),
        ("红*k*屋", "split", "红k屋"),
        ("沒有", "folded", "没有"),
        ("ＫＩＴＥ", "folded", "kite"),
        ("k\u200bi\u0301te\x00", "folded", "kite"),
        ("\u3164k\u2800i", "folded", "k i"),
        ("が한", "plain", "が한"),
        ("a   kite", "plain", "a kite"),
        ("a2l0ZQ==", "base64", "kite"),
        ("%6b%69te", "percent", "kite"),
        ("&#107;ite", "entity", "kite"),
        ("\\u006bite", "escape", "kite"),
        ("\U000e006b\U000e0069te", "tags", "kite"),
        ("ki-t3eee k1te", "mixed", "kitee kite"),
        (
            "a ki-te far from the other " + "very " * 9 + "k1te",
            "mixed",
            "a kite far from the other " + "very " * 9 + "kite",
        ),
    ],
)
def test_a_trick_is_undone(text: str, name: str, read: str, toy: Policy) -> None:
    assert texts(text, toy.letters).get(read) == name


@pytest.mark.parametrize(
    "text", ["35mm 4k 5th a4 1024x1024", "x, y", "1 2 3", "wow! no!!", "100% a&b"]
)
def test_ordinary_signs_are_no_trick(text: str, toy: Policy) -> None:
    assert [view.text for view in views(text, toy.letters)] == [text]


@pytest.mark.parametrize(
    "text",
    [
        "photography",
        "HEADLINE",
        "Photography",
        "black-and-White_1999/2000",
        "%ff%fe",
        "AAECAwQFBgcICQ==",
    ],
)
def test_what_does_not_decode_to_text_is_left_alone(text: str) -> None:
    assert decodings(text) == ()


@pytest.mark.parametrize(
    "text",
    [
        "a very red k1te",
        "a   very red k.i.t.e",
        "ＡＢ a kі\u200bte",
        "go: kiiiite",
        "红*屋 ki-te",
        "&#107;ite",
        "k\u0301ite",
    ],
)
def test_a_place_in_a_view_leads_to_the_words_as_written(text: str, toy: Policy) -> None:
    hits = screen(text, policy=toy).hits
    assert hits
    for hit in hits:
        assert text[hit.start : hit.end] == hit.text
        assert hit.text[0] in "k&"
        assert hit.text[-1] == "e"


def test_an_encoded_hit_points_at_the_whole_blob(toy: Policy) -> None:
    text = "draw YSByZWQga2l0ZQ== now"
    (hit,) = screen(text, policy=toy).hits
    assert (hit.text, hit.view) == ("YSByZWQga2l0ZQ==", "base64")


def test_a_view_without_a_change_is_the_same_view() -> None:
    view = View("plain", "a kite")
    assert view.edited("more", ()) is view


def test_the_fold_table_stops_growing() -> None:
    table = FoldTable({})
    for code in range(30_000):
        table[code]
    assert len(table) <= 20_000
    assert table[ord("É")] == "e"


def test_what_one_view_explains_away_is_harmless_in_all(toy: Policy) -> None:
    assert screen("a kite m4rk", policy=toy).decision == "allow"
    assert screen("with0ut kites", policy=toy).decision == "allow"
    assert screen("draw YSByZWQga2l0ZSBtYXJr now", policy=toy).decision == "allow"
    assert screen("kite mark YSByZWQga2l0ZQ==", policy=toy).decision == "refuse"
