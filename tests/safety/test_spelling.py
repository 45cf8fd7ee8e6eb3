"""Misspelt words of a policy are read as those words; other words are left alone."""

from __future__ import annotations

import pytest

from agent.safety import Policy, screen
from agent.safety.spelling import Vocabulary, jumbled

WEATHER = Vocabulary.of(
    [("a thunder cloud", False), ("drizzle", False), ("blizzard", True), ("fog", False)]
)


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("a thudner here", [(2, 9, "thunder")]),
        ("colud, drizlze", [(0, 5, "cloud"), (7, 14, "drizzle")]),
        ("thunder and cloud", []),
        ("htunder or thundre", []),
        ("fgo", []),
        ("thudnerstorm", []),
        ("thudnerstorm thudner", [(13, 20, "thunder")]),
        ("t" + "hudne" * 8 + "r", []),
        ("", []),
    ],
)
def test_inner_letters_may_change_places(text: str, read: list[tuple[int, int, str]]) -> None:
    assert list(WEATHER.typos(text)) == read


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("a bilzzard", [(2, 10, "blizzard")]),
        ("blizzradly", [(0, 10, "blizzardly")]),
        ("blizzadrs", [(0, 9, "blizzards")]),
        ("blizzards", []),
        ("blizzardsly", []),
        ("bizzlard", []),
        ("lbizzard", []),
        ("bright", []),
    ],
)
def test_two_letters_may_change_places_where_only_a_beginning_is_known(
    text: str, read: list[tuple[int, int, str]]
) -> None:
    assert list(WEATHER.typos(text)) == read


def test_many_misspelt_words_are_read_as_a_few_are() -> None:
    words = [f"thunder{letter * 2}" for letter in "abcdefghij"]
    table = Vocabulary.of((word, False) for word in words)
    typed = [word.replace("und", "nud") for word in words]

    read = list(table.typos(f"{' '.join(typed)} {typed[0]}s {words[0]}"))

    assert [right for _, _, right in read] == words
    assert [end - start for start, end, _ in read] == [9] * 10


@pytest.mark.parametrize(
    ("word", "read"),
    [
        ("drizzzzle", "drizzle"),
        ("drrrrizle", "drizle"),
        ("blizzzzards", "blizzards"),
        ("foooog", "fog"),
        ("a" * 90, "a"),
    ],
)
def test_a_repeated_letter_is_two_where_the_policy_knows_the_word_so(word: str, read: str) -> None:
    assert WEATHER.respell(word) == read


def test_short_words_keep_their_order() -> None:
    assert jumbled("form") == "form"
    assert jumbled("trial") == jumbled("trail")


def test_no_more_words_are_remembered_than_fit() -> None:
    words = Vocabulary.of([("thunder", False)])
    for number in range(51_000):
        tail = "".join(chr(ord("a") + int(digit)) for digit in f"{number:05}")
        assert list(words.typos(f"zz{tail}")) == []
    assert len(words.corrections) <= 50_000


def test_a_jumbled_term_is_found_where_it_was_typed(toy: Policy) -> None:
    verdict = screen("a pincic under a thudner cloud", policy=toy)
    assert verdict.rule == "storm-picnic"
    assert {(hit.text, hit.view) for hit in verdict.hits} == {
        ("pincic", "typo"),
        ("thudner", "typo"),
    }
