"""The machine, tried with a policy about weather and animals (conftest.TOY)."""

from __future__ import annotations

import sys
from functools import lru_cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.safety import Policy, bounds, load_policy, screen
from agent.safety.screen import _KNOWN
from agent.schema import Preamble, Verdict

from .lines import POLICY


def said(verdict: Verdict) -> list[tuple[str, str]]:
    return [(hit.rule, hit.text) for hit in verdict.hits]


def test_a_harmless_text_is_allowed_and_signed_with_policy_and_text(toy: Policy) -> None:
    verdict = screen("a red roof", policy=toy)
    assert verdict.decision == "allow"
    assert (verdict.rule, verdict.category, verdict.hits, verdict.message) == (None, None, (), "")
    assert (verdict.policy, verdict.policy_sha256) == ("toy@1", toy.sha256)
    assert len(verdict.text_sha256) == 64
    assert not verdict.overridable


def test_a_refusal_names_rule_words_and_fix(toy: Policy) -> None:
    verdict = screen("Two KITES over a barn", policy=toy)
    assert (verdict.decision, verdict.rule, verdict.fix) == ("refuse", "kites", "Draw a cloud.")
    assert said(verdict) == [("kites", "KITES")]
    assert (verdict.hits[0].start, verdict.hits[0].end) == (4, 9)


def test_a_refusal_cannot_be_acknowledged(toy: Policy) -> None:
    verdict = screen("a kite", policy=toy, acknowledged=("kites",), acknowledged_by="ann")
    assert verdict.decision == "refuse"
    assert (verdict.acknowledged, verdict.acknowledged_by) == ((), None)


def test_a_review_stops_until_its_rule_is_acknowledged(toy: Policy) -> None:
    text = "a picnic before the storm"
    stopped = screen(text, policy=toy, acknowledged=("bears",), acknowledged_by="ann")
    assert (stopped.decision, stopped.overridable, stopped.acknowledged) == ("review", True, ())
    passed = screen(text, policy=toy, acknowledged=("storm-picnic",), acknowledged_by="ann")
    assert (passed.decision, passed.rule) == ("allow", None)
    assert (passed.acknowledged, passed.acknowledged_by) == (("storm-picnic",), "ann")
    assert said(passed) == [("storm-picnic", "picnic"), ("storm-picnic", "storm")]


def test_the_most_severe_hit_decides_and_not_the_first(toy: Policy) -> None:
    verdict = screen("a picnic in a storm, later a kite", policy=toy)
    assert (verdict.decision, verdict.rule) == ("refuse", "kites")
    assert not verdict.overridable
    assert {hit.rule for hit in verdict.hits} == {"kites", "storm-picnic"}


def test_one_acknowledged_review_does_not_excuse_another(toy: Policy) -> None:
    verdict = screen("a bear, a picnic, a storm", policy=toy, acknowledged=("storm-picnic",))
    assert (verdict.decision, verdict.rule) == ("review", "bears")
    assert verdict.acknowledged == ("storm-picnic",)


@pytest.mark.parametrize(
    "text",
    [
        "no kites",
        "without any more kites",
        "no kites or kites and smoke",
        "没有kite、kite和烟",
        "no kites, paper bird or kites",
        "kite-free sky",
        "leave out: birds, kites, and smoke",
        "没有任何 kite",
        "没有任何任何kite",
        "a kite mark on the box",
        "kites in a museum",
        "kitesurfing",
        "a walker aged 2",
    ],
)
def test_negation_allow_spans_contexts_and_word_ends_are_heeded(text: str, toy: Policy) -> None:
    assert screen(text, policy=toy).decision == "allow"


@pytest.mark.parametrize(
    "text",
    [
        "no clouds, a kite",
        "no. A kite",
        "no big kite",
        "no kites but one kite",
        "leave out smoke. A kite",
        "free kites",
        "no kites, kite weather",
        "没有 kite、kite 天气",
        "没有云的天空 kite",
        "a kite, free",
    ],
)
def test_a_denial_reaches_no_further_than_its_list(text: str, toy: Policy) -> None:
    assert screen(text, policy=toy).rule == "kites"


def test_a_combination_counts_only_within_its_window(toy: Policy) -> None:
    assert screen("thunder " + "x " * 40 + "picnic", policy=toy).decision == "allow"
    assert screen("picnic with thunder", policy=toy).decision == "review"


def test_a_class_nearby_can_switch_a_rule_off(toy: Policy) -> None:
    assert screen("picnic, storm, barn", policy=toy).decision == "allow"
    assert screen("picnic, storm" + " x" * 30 + " barn", policy=toy).decision == "review"


def test_an_allow_span_of_one_class_leaves_the_others_alone(toy: Policy) -> None:
    assert screen("picnic with a thunder cookie", policy=toy).decision == "allow"
    assert screen("picnic with thunder", policy=toy).decision == "review"


def test_an_age_counts_beside_its_kind_and_not_beside_a_thing(toy: Policy) -> None:
    assert screen("a bear, two years old, by a pond", policy=toy).rule == "duck-pond"
    assert screen("a bear and a cask 2 years old by a pond", policy=toy).rule == "bears"
    assert screen("12 years old bear by a pond", policy=toy).rule == "bears"
    assert screen("三十二岁 bear 池塘", policy=toy).rule == "bears"
    assert screen("二岁 bear 池塘", policy=toy).rule == "duck-pond"
    assert screen("2 years old, a pond", policy=toy).decision == "allow"


def test_a_rule_that_must_not_echo_gives_its_category_and_no_place(toy: Policy) -> None:
    verdict = screen("a duck on a pond", policy=toy)
    assert (verdict.decision, verdict.category, verdict.fix) == ("refuse", "quiet", "")
    assert [(hit.text, hit.start, hit.end) for hit in verdict.hits] == [("", 0, 0)]


def test_no_other_rule_repeats_words_when_the_deciding_one_must_not(toy: Policy) -> None:
    verdict = screen("a bear, a duck and a pond", policy=toy)
    assert (verdict.rule, {hit.rule for hit in verdict.hits}) == ("duck-pond", {"duck-pond"})
    louder = screen("a kite, a duck and a pond", policy=toy)
    assert (louder.rule, {hit.rule for hit in louder.hits}) == ("kites", {"kites", "duck-pond"})


def test_a_combination_may_be_spread_over_turns(toy: Policy) -> None:
    verdict = screen("now a pond", policy=toy, context=("a duck", "bigger"))
    assert (verdict.decision, verdict.rule, verdict.subject) == ("refuse", "duck-pond", "merged")
    assert screen("now a tree", policy=toy, context=("a duck", "a pond")).decision == "allow"
    assert screen("now a pond", policy=toy, context=("a goose",)).decision == "allow"
    assert screen("now a pond", policy=toy, context=("no ducks",)).decision == "allow"


def test_only_rules_marked_so_look_at_earlier_turns(toy: Policy) -> None:
    assert screen("and a hill", policy=toy, context=("a kite",)).decision == "allow"
    assert screen("a storm", policy=toy, context=("a picnic",)).rule == "storm-picnic"


def test_an_earlier_text_is_remembered_by_what_it_holds_alone(toy: Policy) -> None:
    for number in range(2_100):
        assert screen("a pond", policy=toy, context=(f"a walk {number}",)).decision == "allow"
    assert 0 < len(_KNOWN[toy]) <= 2_000
    again = [screen("a pond", policy=toy, context=("a duck",)) for _ in range(2)]
    assert [verdict.rule for verdict in again] == ["duck-pond"] * 2
    assert {reading.view.text for kept in _KNOWN[toy].values() for reading in kept} == {""}


def test_a_context_excuses_a_merged_combination_only_where_the_rule_says(shipped: Policy) -> None:
    lesson = "a leaflet for a prevention campaign in a classroom"
    assert screen(lesson, policy=shipped, context=("children at school",)).decision == "allow"


def test_the_subject_given_is_kept(toy: Policy) -> None:
    verdict = screen("a hill", policy=toy, subject="revised_prompt", context=("a duck",))
    assert verdict.subject == "revised_prompt"


def test_over_length_is_refused_unread(toy: Policy) -> None:
    verdict = screen("a kite " * 4_000, policy=toy)
    assert (verdict.decision, verdict.rule, verdict.overridable) == ("refuse", "too-long", False)
    assert "28,000 characters; at most 20,000" in verdict.message
    assert bounds("x" * 20_000) is None
    assert bounds("x" * 20_001) is not None


def test_an_over_long_context_is_read_from_its_end(toy: Policy) -> None:
    assert screen("a pond", policy=toy, context=("x " * 20_000 + "duck",)).rule == "duck-pond"


@pytest.mark.parametrize(
    ("text", "preamble"),
    [
        ("a red kite above a lake", "standard"),
        ("a chef in a kitchen", "standard"),
        ("two children fly a kite", "family"),
        ("a boy aged 7 with a red balloon", "family"),
        ("两个小朋友放风筝", "family"),
        ("an empty beach, no people", "no-people"),
        ("上海夜景,不要出现人物", "no-people"),
        ("no people except a fisherman and a woman", "standard"),
        ("no children, an office party", "standard"),
        ("无人机航拍梯田", "standard"),
        ("a wine aged 12 years", "standard"),
    ],
)
def test_the_finding_chooses_the_preamble(text: str, preamble: Preamble, shipped: Policy) -> None:
    verdict = screen(text, policy=shipped)
    assert (verdict.decision, verdict.preamble) == ("allow", preamble)


def test_children_of_an_earlier_turn_keep_the_family_preamble(shipped: Policy) -> None:
    verdict = screen("a warmer light", policy=shipped, context=("two children fly a kite",))
    assert (verdict.decision, verdict.preamble) == ("allow", "family")


@lru_cache
def everything() -> Policy:
    return load_policy(POLICY)


LETTERS = st.characters() | st.sampled_from(
    "\ud800\udfff\u200b\u202e\U000e0041\U0001f3f4&#%=裸体kite 0.-"
)


@given(st.text(alphabet=LETTERS, max_size=300), st.booleans())
def test_no_text_is_too_strange(text: str, again: bool) -> None:
    verdict = screen(text, policy=everything(), context=(text,) if again else ())
    for hit in verdict.hits:
        assert 0 <= hit.start <= hit.end <= len(text)
    assert Verdict.model_validate_json(verdict.model_dump_json()) == verdict


@pytest.mark.parametrize(
    "text",
    [
        "字" * 20_000,
        "裸 " * 10_000,
        "裸*" * 10_000,
        "a " * 10_000,
        "a." * 10_000,
        "a" * 20_000,
        "a1" * 10_000,
        "1a " * 6_666,
        "no " * 6_666,
        "child " * 3_333,
        "&#" * 10_000,
        "%41" * 6_666,
        "QUJD" * 5_000,
        "\ud800" * 20_000,
        "\u202e\u200b" * 10_000,
        "\U000e0041" * 20_000,
        "а" * 20_000,
        "aа" * 10_000,
        "-" * 20_000,
        "\x00 \x00" * 6_666,
        "aaab " * 4_000,
        "Ab-Cd_" * 3_333,
        "pincic thudner " * 1_333,
        "\u202eab\u2066\u2069" * 4_000,
        "教育 儿童 性 " * 2_500,
    ],
)
def test_long_repetitive_text_is_read_in_linear_time(text: str) -> None:
    half = _steps(text[: len(text) // 2])
    assert _steps(text) <= 3 * half + 2_000


def _steps(text: str) -> int:
    """Calls made while reading: a count, since a clock would make the test flaky."""
    calls = 0

    def count(*_: object) -> None:
        nonlocal calls
        calls += 1

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        screen(text, policy=everything())
    finally:
        sys.setprofile(before)
    return calls
