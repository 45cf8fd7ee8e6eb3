"""Type in boxes: breaks, sizes, baselines, and which font has which character."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from agent.typeset.blocks import (
    draw_laid,
    ems,
    evened,
    extent,
    lay,
    lay_down,
    leading_of,
    pieces,
    wrapped,
)
from agent.typeset.faces import families, missing
from agent.typeset.setting import Type

SANS = Type("sans", 500)
TITLE = Type("display", 800, 0.012)
TEXT = st.text(st.sampled_from("abc WÄ夜市，。（）-"), min_size=1, max_size=40).filter(str.strip)


def test_latin_words_stay_whole_and_chinese_breaks_between_characters() -> None:
    assert pieces("Night Market") == ("Night ", "Market")
    assert pieces("夜市开放") == ("夜", "市", "开", "放")
    assert pieces("夜市 Night") == ("夜", "市 ", "Night")
    assert pieces("") == ()


@pytest.mark.parametrize("size", [(1000, 200), (800, 400)])
def test_a_chinese_title_with_blanks_breaks_at_these(size: tuple[float, float]) -> None:
    phrases = ["第十届国际茶文化节", "暨春季品茶大会"]

    found = lay(" ".join(phrases), Type("display", 800), size, largest=400, snug=True)

    assert list(found.lines) == phrases


def test_a_blank_that_would_make_chinese_much_smaller_is_a_blank() -> None:
    text = "每日 九点到十七点三十分请提前预约并携带证件"

    found = lay(text, Type("display", 800), (500, 400), largest=400, snug=True)

    assert "每日 九" in found.lines[0]


def test_no_line_begins_with_a_closing_mark_or_ends_with_an_opening_one() -> None:
    assert pieces("夜市，（开放）。") == ("夜", "市，", "（开", "放）。")


def test_a_word_longer_than_the_line_stands_alone() -> None:
    assert wrapped("a Donaudampfschifffahrt b", SANS, 3) == ("a", "Donaudampfschifffahrt", "b")


def test_lines_are_evened_out_without_becoming_more() -> None:
    text = "Forty kitchens by the old harbour square"
    greedy, even = wrapped(text, SANS, 18), evened(text, SANS, 18)

    assert len(greedy) == len(even) == 2
    lengths = [ems(line, SANS) for line in even]
    assert max(lengths) < max(ems(line, SANS) for line in greedy)


@given(text=TEXT, width=st.floats(20, 900), height=st.floats(20, 900), snug=st.booleans())
def test_what_is_laid_stays_in_its_box_and_loses_no_letter(
    text: str, width: float, height: float, snug: bool
) -> None:
    laid = lay(text, TITLE, (width, height), largest=300, snug=snug)

    assert laid.width <= width + 0.01
    assert laid.height <= height + 0.01
    assert laid.size <= 300
    assert "".join(laid.lines).replace(" ", "") == "".join(text.split())
    assert len(laid.baselines) == len(laid.lines)


def test_a_text_that_has_room_is_as_large_as_allowed() -> None:
    assert lay("Hi", SANS, (2000, 2000), largest=64).size == 64


def test_a_larger_box_never_makes_smaller_type() -> None:
    sizes = [
        lay("Night Market on Pier 7", TITLE, (edge, edge / 2), largest=900, snug=True).size
        for edge in range(100, 1200, 100)
    ]

    assert sizes == sorted(sizes)


def test_snug_text_reaches_from_the_top_of_its_box_to_the_foot() -> None:
    laid = lay("HELP", TITLE, (600, 400), largest=300, snug=True)
    picture = Image.new("L", (600, 400), 0)
    draw_laid(ImageDraw.Draw(picture), (0, 0, 600, 400), laid, TITLE, 255)  # type: ignore[arg-type]

    box = picture.getbbox()
    assert box is not None
    assert box[1] <= 2
    assert box[3] == pytest.approx(laid.height, abs=2)
    assert box[2] <= laid.width + 2


@pytest.mark.parametrize(("align", "edge"), [("left", 0), ("right", 2), ("middle", None)])
def test_lines_stand_where_they_are_aligned(align: str, edge: int | None) -> None:
    laid = lay("Hi", SANS, (400, 100), largest=50)
    picture = Image.new("L", (400, 100), 0)
    draw_laid(ImageDraw.Draw(picture), (0, 0, 400, 100), laid, SANS, 255, align)  # type: ignore[arg-type]

    box = picture.getbbox()
    assert box is not None
    if edge is None:
        assert (box[0] + box[2]) / 2 == pytest.approx(200, abs=3)
    else:
        assert box[edge] == pytest.approx(0 if edge == 0 else 400, abs=5)


def test_upright_characters_stand_under_each_other() -> None:
    laid = lay_down("夜市节", (100, 400), largest=300)
    picture = Image.new("L", (100, 400), 0)
    draw_laid(ImageDraw.Draw(picture), (0, 0, 100, 400), laid, Type("black", 800), 255)  # type: ignore[arg-type]

    assert laid.direction == "down"
    assert laid.height <= 400
    assert laid.width <= 100
    box = picture.getbbox()
    assert box is not None
    assert box[3] - box[1] > 2.5 * (box[2] - box[0])


def test_texts_side_by_side_share_their_baseline() -> None:
    low = lay("aaa", SANS, (400, 100), largest=40)
    tall = lay("ÄÖÜ", SANS, (400, 100), largest=40)

    assert low.baselines == tall.baselines


def test_titles_are_led_tighter_than_text_and_chinese_wider() -> None:
    assert leading_of("Aa", SANS, snug=True) < leading_of("Aa", SANS)
    assert leading_of("夜", SANS, snug=True) > leading_of("Aa", SANS, snug=True)


def test_ink_is_measured_over_and_under_the_baseline() -> None:
    assert extent("Hg", SANS).below > extent("H", SANS).below
    assert extent("Ä", SANS).above > extent("a", SANS).above


def test_missing_characters_and_the_families_are_named() -> None:
    assert missing("Łódź 夜市 €", "display") == ()
    assert missing("ก🎉a", "sans") == ("ก", "🎉")
    assert families("serif") == "Fraunces and Noto Sans SC"
