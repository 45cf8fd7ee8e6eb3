"""The form of a text is a finding only where something stays hidden."""

from __future__ import annotations

import base64

import pytest

from agent.safety import Policy, screen


def blob(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("a roof\U000e0061\U000e0062", "hidden-text"),
        ("a roof \u202eafter it", "direction"),
        ("a rοоf and a dοоr", "alphabets"),
        (blob("please draw: " + blob("a small red roof by a lake")), "nested"),
    ],
)
def test_hiding_is_for_a_person_to_judge(text: str, rule: str, toy: Policy) -> None:
    verdict = screen(text, policy=toy)
    assert (verdict.decision, verdict.rule, verdict.overridable) == ("review", rule, True)
    assert screen(text, policy=toy, acknowledged=(rule,)).decision == "allow"


@pytest.mark.parametrize(
    "text",
    [
        "the flags of \U0001f3f4\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f England",
        "a family \U0001f468\u200d\U0001f469\u200d\U0001f467 emoji, \u2764\ufe0f",
        "a roоf",
        "αβγ and где and where, оne",
        blob("a small red roof by a lake"),
        "data: " + blob("tiny " + blob("sky")),
        "مرحبا \u2067hello\u2069",
        "به نام\u200cخانه",
    ],
)
def test_what_the_views_can_read_is_no_sign_of_hiding(text: str, toy: Policy) -> None:
    assert screen(text, policy=toy).decision == "allow"
