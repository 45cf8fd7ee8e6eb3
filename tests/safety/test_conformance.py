"""Every conformance line is decided as written down, and every rule is reached by one."""

from __future__ import annotations

import pytest

from agent.safety import Policy, screen

from .lines import LINES, Line, name_of, text_of


@pytest.mark.parametrize("lang", ["en", "zh"])
@pytest.mark.parametrize("decision", ["allow", "review", "refuse"])
def test_a_line_is_decided_as_written_down(lang: str, decision: str, shipped: Policy) -> None:
    lines = [each for each in LINES if (each["lang"], each["decision"]) == (lang, decision)]
    otherwise = []
    for line in lines:
        verdict = screen(text_of(line), policy=shipped)
        if verdict.decision != decision:
            otherwise.append((name_of(line), verdict.decision, verdict.rule, verdict.category))

    assert lines
    assert not otherwise


def test_a_refused_class_is_refused_under_its_own_category(shipped: Policy) -> None:
    for line in LINES:
        if line["decision"] != "allow":
            assert screen(text_of(line), policy=shipped).category == line["kind"], name_of(line)


def test_every_rule_about_words_is_reached_in_both_languages(shipped: Policy) -> None:
    reached = {
        (line["lang"], hit.rule)
        for line in LINES
        for hit in screen(text_of(line), policy=shipped).hits
    }
    missing = {
        (lang, rule.id) for lang in ("en", "zh") for rule in shipped.rules if rule.all_of
    } - reached
    assert missing <= {("zh", "weapon-threat"), ("zh", "self-harm-method")}


def test_there_are_lines_enough_in_both_directions_and_languages() -> None:
    assert len(LINES) >= 300
    for lang in ("en", "zh"):
        stopped = [each for each in LINES if each["lang"] == lang and each["decision"] != "allow"]
        allowed = [each for each in LINES if each["lang"] == lang and each["decision"] == "allow"]
        assert min(len(stopped), len(allowed)) >= 60


def test_no_context_excuses_a_line_about_minors(shipped: Policy) -> None:
    lines = [each for each in LINES if each.get("kind") == "minors" and "beside" in each]
    assert len(lines) >= 15
    for line in lines:
        bare: Line = {"lang": line["lang"], "combine": line["combine"]}
        assert screen(text_of(bare), policy=shipped).rule == (
            screen(text_of(line), policy=shipped).rule
        )


def test_no_minors_line_repeats_a_word_of_the_request(shipped: Policy) -> None:
    lines = [line for line in LINES if line.get("kind") == "minors"]
    assert len(lines) >= 20
    for line in lines:
        verdict = screen(text_of(line), policy=shipped)
        assert {(hit.category, hit.text, hit.start, hit.end) for hit in verdict.hits} == {
            ("minors", "", 0, 0)
        }
        assert not verdict.overridable
        assert not verdict.fix
