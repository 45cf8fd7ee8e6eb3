"""What counts as right, wrong and unsure, by the readings alone."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.poster.proof import (
    Asked,
    Control,
    Reading,
    Seen,
    differences,
    folded,
    misspelt,
    proof_of,
    unread,
)

TITLE = Asked("title", 0, "NIGHT MARKET", caps=True)
PRICE = Asked("price", 0, "€ 19.90", caps=False)


def seen(text: str, *, unsure: tuple[str, ...] = (), spelt: str | None = None) -> Seen:
    letters = text if spelt is None else spelt
    return Seen(text, tuple(char for char in letters if not char.isspace()), unsure)


def reading(*texts: str, control: str = "NGIHT", read: str = "NGIHT", whole: str = "") -> Reading:
    return Reading(tuple(map(seen, texts)), Control(control, seen(read)), seen(whole))


def test_two_equal_readings_of_the_right_words_are_a_proof() -> None:
    proof = proof_of([TITLE], [reading("Night\nMarket"), reading("NIGHT MARKET")])

    assert proof.proved
    assert proof.lines[0].verdict == "proved"


def test_the_same_wrong_letter_in_both_readings_is_wrong_and_is_named() -> None:
    proof = proof_of([TITLE], [reading("NIGHT MARKFT"), reading("NIGHT MARKFT")])

    (line,) = proof.lines
    assert line.verdict == "wrong"
    assert [(one.asked, one.read, one.at) for one in line.differences] == [("E", "F", 9)]
    assert not proof.proved


def test_readings_that_differ_prove_nothing_even_when_one_is_right() -> None:
    proof = proof_of([TITLE], [reading("NIGHT MARKET"), reading("NIGHT MARKFT")])

    assert proof.lines[0].verdict == "unsure"
    assert "disagree" in proof.lines[0].reason


def test_one_reading_is_not_enough() -> None:
    proof = proof_of([TITLE], [reading("NIGHT MARKET")])

    assert not proof.proved
    assert proof.lines[0].verdict == "unsure"


def test_nothing_where_words_should_be_is_missing() -> None:
    proof = proof_of([TITLE], [reading(""), reading("")])

    assert proof.lines[0].verdict == "missing"


def test_a_reader_who_is_unsure_of_a_character_proves_nothing() -> None:
    one = Reading((seen("NIGHT MARKET", unsure=("M",)),), Control("NG", seen("NG")), seen(""))

    proof = proof_of([TITLE], [one, one])

    assert proof.lines[0].verdict == "unsure"
    assert "M" in proof.lines[0].reason


def test_a_word_that_is_spelt_otherwise_letter_by_letter_proves_nothing() -> None:
    one = Reading(
        (seen("NIGHT MARKET", spelt="NIGHT MARKFT"),), Control("NG", seen("NG")), seen("")
    )

    proof = proof_of([TITLE], [one, one])

    assert proof.lines[0].verdict == "unsure"


def test_a_reader_who_corrects_the_control_is_not_believed_about_anything() -> None:
    corrected = reading("NIGHT MARKET", read="NIGHT")

    proof = proof_of([TITLE], [reading("NIGHT MARKET"), corrected])

    assert not proof.believed
    assert not proof.proved
    assert "NGIHT" in proof.problem
    assert proof.lines[0].verdict == "unsure"


@pytest.mark.parametrize(
    "wrong",
    ["€ 19.9O", "€ 19,90", "€ 1990", "$ 19.90", "€ 19.90.", "€ 18.90"],
)
def test_prices_are_compared_to_the_last_character(wrong: str) -> None:
    proof = proof_of([PRICE], [reading(wrong), reading(wrong)])

    assert proof.lines[0].verdict == "wrong"


@pytest.mark.parametrize(
    ("asked", "read"),
    [("café", "cafe"), ("夜市開幕", "夜市开幕"), ("Straße", "Strasse"), ("24 May", "24 may")],
)
def test_accents_scripts_and_case_are_kept_apart(asked: str, read: str) -> None:
    one = Asked("line", 0, asked, caps=False)

    assert proof_of([one], [reading(read), reading(read)]).lines[0].verdict == "wrong"


@pytest.mark.parametrize(
    ("asked", "read"),
    [
        ("24 May 2026", "24\nMay  2026"),
        ("cafe\u0301", "caf\u00e9"),
        ("It’s here", "It's here"),
        ("“Now”", '"Now"'),
    ],
)
def test_line_breaks_composition_and_the_shape_of_quotes_are_styling(asked: str, read: str) -> None:
    one = Asked("line", 0, asked, caps=False)

    assert proof_of([one], [reading(read), reading(read)]).proved


def test_lettering_that_nobody_asked_for_is_found_on_the_whole_picture() -> None:
    both = [reading("NIGHT MARKET", whole="NIGHT\nMARKET\nOPEN DAILY")] * 2

    proof = proof_of([TITLE], both)

    assert proof.unexpected == ("OPEN DAILY",)
    assert not proof.proved


def test_a_careless_glance_at_the_words_themselves_is_not_unexpected() -> None:
    both = [reading("NIGHT MARKET", whole="NIGHT MARKE\nNlGHT\n—")] * 2

    assert proof_of([TITLE], both).unexpected == ()


def test_a_second_copy_of_the_words_with_a_mistake_is_unexpected() -> None:
    both = [reading("NIGHT MARKET", whole="NIGHT\nMARKET\nNIGHT MARKFT")] * 2

    assert proof_of([TITLE], both).unexpected == ("NIGHT MARKFT",)


def test_a_misread_line_is_no_second_copy_of_one_that_is_much_like_it() -> None:
    more = Asked("price", 0, "FROM 12.50", caps=False)
    both = [reading("FROM 10.50", whole="FROM 10.50\nFROM 1Z.50")] * 2

    assert proof_of([Asked("line", 0, "FROM 10.50", caps=False)], both, known=[more.text]).proved


@pytest.mark.parametrize(
    ("whole", "unexpected"),
    [
        ("Melange 4,80 €", ()),
        ("Melange  4,80 €  open daily", ("Melange  4,80 €  open daily",)),
        ("2月20日 18:30 东湖公园", ()),
        ("2月20日18:30东湖公园", ()),
        ("2月20日 18:30 西湖公园站", ("2月20日 18:30 西湖公园站",)),
    ],
)
def test_a_row_of_what_belongs_on_a_poster_is_no_surprise(
    whole: str, unexpected: tuple[str, ...]
) -> None:
    known = ["Melange", "4,80 €", "2月20日", "18:30", "东湖公园"]

    assert proof_of([], [reading(whole=whole)], known=known).unexpected == unexpected


@pytest.mark.parametrize("said", ["(none)", "No visible text.", "[No lettering]", "无文字。"])
def test_a_reader_who_says_that_nothing_is_there_has_read_nothing(said: str) -> None:
    assert proof_of([], [reading(whole=said)]).proved
    assert not proof_of([], [reading(whole=f"{said}\nOPEN")]).proved


def test_a_picture_without_painted_words_is_looked_at_once() -> None:
    assert proof_of([], [reading()]).proved
    assert not proof_of([], []).proved
    assert not proof_of([], [reading(control="NGIHT", read="NIGHT")]).believed


def test_what_nobody_read_is_open() -> None:
    proof = unread([TITLE, PRICE], "the reader is not there")

    assert [line.verdict for line in proof.lines] == ["unsure", "unsure"]
    assert not proof.believed


@given(st.text(alphabet=st.characters(codec="utf-8"), max_size=40))
def test_folding_twice_changes_nothing_more(text: str) -> None:
    assert folded(folded(text)) == folded(text)


@given(st.text("abcdé12夜市 ", max_size=20), st.text("abcdé12夜市 ", max_size=20))
def test_texts_without_differences_are_equal_ones(one: str, other: str) -> None:
    assert (differences(folded(one), folded(other)) == ()) == (folded(one) == folded(other))


@given(st.text(min_size=1, max_size=40).filter(lambda text: bool(text.strip())), st.integers(0, 5))
def test_a_control_never_says_the_right_words(text: str, turn: int) -> None:
    assert folded(misspelt(text, turn=turn)) != folded(text)


@pytest.mark.parametrize("text", ["NIGHT MARKET", "Midsummer Concert", "Été à Paris", "開幕夜市"])
def test_no_longer_word_of_a_control_is_spelt_right(text: str) -> None:
    wrong = misspelt(text).split()

    assert not [a for a, b in zip(text.split(), wrong, strict=True) if a == b and len(a) > 2]
