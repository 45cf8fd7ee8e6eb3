"""The fields of a brief: nothing is hidden by being spread over them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.safety.fields import MOST_FIELDS, FieldsVerdict, screen_fields
from agent.safety.policy import Policy, load_policy
from agent.turn import prompts

OVERLAY = """
version: house@1
classes:
  plumbus: plumbus, 铅笔怪
  gromlet: gromlet
  left-half: leftish
  right-half: rightish
  quiet: hushword
rules:
  - {id: house-quiet, category: minors, severity: refuse, message: This is outside., echo: false,
     all_of: [[quiet]]}
  - {id: house-no, category: house, severity: refuse, message: No plumbus here.,
     all_of: [[plumbus]], unless_context: [education]}
  - {id: house-ask, category: house, severity: review, message: A gromlet needs a nod.,
     all_of: [[gromlet]]}
  - {id: house-halves, category: house, severity: refuse, message: Not both halves.,
     all_of: [[left-half], [right-half]], window: 10, merge: true}
"""


@pytest.fixture(scope="module")
def policy(tmp_path_factory: pytest.TempPathFactory) -> Policy:
    overlay = tmp_path_factory.mktemp("overlay")
    (overlay / "house.yaml").write_text(OVERLAY, "utf-8")
    return load_policy(prompts.folder() / "policy", overlay)


def judged(policy: Policy, **fields: str) -> FieldsVerdict:
    return screen_fields(fields, policy)


def test_harmless_fields_are_allowed(policy: Policy) -> None:
    found = judged(policy, title="Harvest fair", body="cider and music", footer="")

    assert (found.verdict.decision, found.verdict.subject) == ("allow", "brief")
    assert (found.fields, found.hits) == ((), ())


def test_a_finding_names_its_field_and_the_place_in_it(policy: Policy) -> None:
    found = judged(policy, title="Harvest fair", body="a ripe plumbus, twice: plumbus")

    assert (found.verdict.rule, found.fields) == ("house-no", ("body",))
    assert [(one.field, one.hit.start, one.hit.end, one.hit.text) for one in found.hits] == [
        ("body", 7, 14, "plumbus"),
        ("body", 23, 30, "plumbus"),
    ]


def test_the_most_severe_field_decides(policy: Policy) -> None:
    found = judged(policy, title="a gromlet", body="a plumbus")

    assert (found.verdict.decision, found.fields) == ("refuse", ("body",))
    assert {one.field for one in found.hits} == {"title", "body"}


@pytest.mark.parametrize(
    "fields",
    [
        {"title": "a plum", "body": "bus stop"},
        {"title": "see the plu", "body": "mbus, again"},
        {"title": "铅笔", "body": "怪在海边"},
    ],
)
def test_a_word_split_over_two_fields_is_found_and_both_are_named(
    policy: Policy, fields: Mapping[str, str]
) -> None:
    found = screen_fields(fields, policy)

    assert (found.verdict.decision, found.verdict.rule) == ("refuse", "house-no")
    assert found.fields == ("title", "body")
    assert not found.hits
    assert not found.verdict.hits


def test_a_split_word_that_is_only_doubtful_is_left_alone(policy: Policy) -> None:
    assert judged(policy, title="grom", body="let").verdict.decision == "allow"


def test_a_word_split_over_fields_that_must_not_be_repeated_names_no_field(policy: Policy) -> None:
    found = judged(policy, title="hush", body="word")

    assert (found.verdict.category, found.fields, found.hits) == ("minors", (), ())


def test_a_combination_spread_far_apart_is_found(policy: Policy) -> None:
    far = "a long and quite harmless line about apples. " * 20
    found = judged(policy, title="leftish", body=far, footer="rightish")

    assert (found.verdict.decision, found.verdict.rule) == ("refuse", "house-halves")
    assert found.fields == ("title",)


def test_a_context_in_one_field_counts_for_the_others(policy: Policy) -> None:
    alone = judged(policy, title="a plumbus")
    taught = judged(policy, title="a plumbus", kind="a lesson for a school textbook")

    assert alone.verdict.decision == "refuse"
    assert taught.verdict.decision == "allow"


def test_a_no_in_one_field_denies_nothing_in_the_next(policy: Policy) -> None:
    assert judged(policy, title="no", body="plumbus").verdict.decision == "refuse"


def test_a_rule_under_review_may_be_acknowledged(policy: Policy) -> None:
    fields = {"title": "a gromlet"}
    stopped = screen_fields(fields, policy)
    passed = screen_fields(fields, policy, acknowledged=("house-ask",), acknowledged_by="ada")

    assert (stopped.verdict.decision, stopped.verdict.overridable) == ("review", True)
    assert passed.verdict.decision == "allow"
    assert passed.verdict.acknowledged_by == "ada"


def test_the_hash_is_that_of_the_fields_as_lines(policy: Policy) -> None:
    found = judged(policy, title="a", body="b", empty=" ")

    assert found.verdict.text_sha256 == hashlib.sha256(b"a\nb").hexdigest()


def test_no_fields_at_all_are_allowed(policy: Policy) -> None:
    assert screen_fields({}, policy).verdict.decision == "allow"


def test_too_much_text_is_refused_whole(policy: Policy) -> None:
    found = judged(policy, title="a" * 15_000, body="b" * 15_000)

    assert found.verdict.rule == "too-long"


def test_many_fields_are_still_judged_as_one_text(policy: Policy) -> None:
    many = {f"f{i}": "an apple" for i in range(MOST_FIELDS + 1)}

    assert screen_fields(many, policy).verdict.decision == "allow"
    assert screen_fields({**many, "last": "plumbus"}, policy).fields == ("last",)


@given(st.dictionaries(st.text(max_size=8), st.text(max_size=40), max_size=5))
def test_no_fields_ever_raise(fields: dict[str, str]) -> None:
    found = screen_fields(fields, load_shipped())

    assert set(found.fields) <= set(fields)
    for one in found.hits:
        assert 0 <= one.hit.start < one.hit.end <= len(fields[one.field])


SHIPPED: list[Policy] = []


def load_shipped() -> Policy:
    if not SHIPPED:
        SHIPPED.append(load_policy(Path(prompts.folder()) / "policy"))
    return SHIPPED[0]
