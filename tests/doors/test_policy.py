"""`limner policy`: rules explained and tried, without a word that they are about."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from agent.factory import load_policies
from agent.policies import MOST_BYTES
from agent.settings import load_settings

from .conftest import Limner
from .test_json import validator


@pytest.fixture
def overlay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Tightens, loosens and adds."""
    folder = tmp_path / "policy"
    folder.mkdir()
    (folder / "house.yaml").write_text(
        """
version: house@1
classes: {pineapple: "pineapple[s]", gore: a red puddle}
rules:
  - {id: no-pineapples, category: fruit, severity: refuse, message: No pineapples here.,
     fix: Draw a pear., all_of: [[pineapple]]}
tune:
  - {id: cruelty, severity: refuse}
  - {id: weapon-threat, severity: "off"}
"""
    )
    (folder / "moderation.toml").write_text(
        'version = "house@1"\n[[tune]]\nid = "moderation-violence"\nat = 0.5\n'
        '[[tune]]\nid = "moderation-gore"\nseverity = "refuse"\n'
        '[[tune]]\nid = "moderation-hate"\nseverity = "off"\n'
    )
    monkeypatch.setenv("LIMNER_POLICY", str(folder))
    return folder


def test_the_list_names_every_rule_of_both_screens(limner: Limner) -> None:
    ran = limner("policy", "list")
    first = [line.split()[0] for line in ran.out.splitlines()]

    assert ran.code == 0
    known = [rule.id for rule in load_policies(load_settings()).rules]
    assert first[: len(known)] == known
    assert "moderation-minors" in first


@pytest.mark.usefixtures("overlay")
def test_the_list_says_what_the_overlay_changed(limner: Limner) -> None:
    lines = {line.split()[0]: line for line in limner("policy", "list").out.splitlines()}

    assert "(overlay: severity review → refuse)" in lines["cruelty"]
    assert " off " in lines["weapon-threat"]
    assert "(overlay: switched off)" in lines["weapon-threat"]
    assert lines["no-pineapples"].endswith("(overlay)")
    assert "(overlay: 1 more in gore)" in lines["gore"]
    assert "(overlay: at 0.85 → 0.5)" in lines["moderation-violence"]
    assert "(overlay: severity review → refuse)" in lines["moderation-gore"]
    assert "(overlay: switched off)" in lines["moderation-hate"]
    assert "overlay" not in lines["nudity"]


def test_every_rule_is_explained_and_fits_its_schema(limner: Limner) -> None:
    rules = limner("policy", "list", "--json").records
    schema = validator("policy.rule")
    for rule in rules:
        schema.validate(rule)
        explained = limner("policy", "explain", str(rule["id"]))
        assert explained.code == 0
        assert str(rule["message"]) in explained.out
        assert f"category     {rule['category']}" in explained.out


def test_a_rule_is_explained_by_its_classes_and_their_counts(limner: Limner) -> None:
    ran = limner("policy", "explain", "nudity")

    assert "refuse: stops the turn; nobody can accept it" in ran.out
    assert "no: an overlay may only make it stricter" in ran.out
    counts = load_policies(load_settings()).classes
    assert f"one of       nude ({len(counts['nude']):,})" in ran.out
    assert "not in       art (" in ran.out
    assert "fix " in ran.out


def test_a_rule_of_the_second_screen_is_explained_by_its_score(limner: Limner) -> None:
    ran = limner("policy", "explain", "moderation-gore")

    assert "violence/graphic, from 0.6" in ran.out
    assert "--acknowledge moderation-gore" in ran.out


def test_no_word_of_a_rule_on_minors_is_ever_printed(limner: Limner) -> None:
    policy = load_policies(load_settings())
    rules = [rule for rule in policy.rules if rule.category == "minors"]
    assert rules
    for rule in rules:
        for flags in ((), ("--json",)):
            out = limner("policy", "explain", rule.id, *flags).out.casefold()
            names = {name for group in rule.all_of for name in group}
            said = f"{rule.id} {rule.message} {' '.join(names)} {' '.join(rule.unless_context)}"
            words = {pattern.text for name in names for pattern in policy.classes[name]} - set(
                said.casefold().replace("-", " ").split()
            )
            left = out.replace(rule.id, "").replace("minors", "")
            for name in names:
                left = left.replace(name, "")
            assert not [word for word in words if f" {word} " in left]
            assert ("never repeated" in out) or flags


def test_an_unknown_rule_is_answered_with_the_nearest_names(limner: Limner) -> None:
    ran = limner("policy", "explain", "nudty")

    assert ran.code == 2
    assert "no rule 'nudty'" in ran.err
    assert "nudity" in ran.err
    assert limner("policy", "explain", "").code == 2
    assert "minors-nude" in limner("policy", "explain", "minors").err


@pytest.mark.usefixtures("overlay")
def test_a_rule_of_ones_own_and_one_switched_off_are_explained_as_such(limner: Limner) -> None:
    assert "overlay      the rule is yours" in limner("policy", "explain", "no-pineapples").out
    assert "overlay      switched off" in limner("policy", "explain", "weapon-threat").out


# ── tried ────────────────────────────────────────────────────────────────────────────────────


def lines(*told: dict[str, object]) -> Path:
    path = Path("lines.jsonl")
    path.write_text("\n".join(json.dumps(line, ensure_ascii=False) for line in told) + "\n")
    return path


@pytest.mark.usefixtures("overlay")
def test_lines_that_do_what_they_say_end_with_0(limner: Limner) -> None:
    path = lines(
        {"text": "a pear", "decision": "allow"},
        {"text": "a ripe pineapple", "decision": "refuse", "rule": "no-pineapples"},
        {"text": "a pear", "decision": "allow", "lang": "en", "note": "a column of my own"},
    )
    ran = limner("policy", "test", str(path))

    assert (ran.code, ran.out) == (0, "")
    assert "3 lines, 0 otherwise than expected" in ran.err
    assert "house@1" in ran.err


@pytest.mark.usefixtures("overlay")
def test_lines_that_end_otherwise_are_told_by_number_and_id_and_never_by_text(
    limner: Limner,
) -> None:
    path = lines(
        {"text": "a pear in the zanzibar sun", "decision": "refuse", "id": "row-7"},
        {"text": "a ripe pineapple", "decision": "allow"},
        {"text": "a ripe pineapple", "decision": "refuse", "rule": "nudity", "id": 12},
    )
    ran = limner("policy", "test", str(path))
    told = limner("policy", "test", str(path), "--json")

    assert ran.code == told.code == 1
    assert ran.out.splitlines() == [
        "line 1  row-7  expected refuse, came allow",
        "line 2  expected allow, came refuse by no-pineapples",
        "line 3  12  expected refuse by nudity, came refuse by no-pineapples",
    ]
    for record in told.records[:-1]:
        validator("policy.mismatch").validate(record)
    validator("policy.test").validate(told.records[-1])
    assert told.records[-1]["mismatches"] == 3
    for word in ("zanzibar", "ripe"):
        assert word not in ran.out + ran.err + told.out + told.err


def test_lines_may_come_from_stdin_with_blank_lines_and_comments(limner: Limner) -> None:
    said = '\ufeff# ours\n\n{"text": "a pear", "decision": "allow"}\r\n'

    assert limner("policy", "test", "-", stdin=said).code == 0


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("{", "is no JSON"),
        ("[1]", "no JSON object"),
        ('{"text": "a"}', "needs a text and a decision"),
        ('{"text": 1, "decision": "allow"}', "needs a text and a decision"),
        ('{"text": "a", "decision": "deny"}', "needs a text and a decision"),
        ('{"text": "a", "decision": "allow", "rules": "x"}', "did you mean 'rule'"),
        ('{"text": "a", "decision": "allow", "rule": 1}', "rule and id are texts"),
        ("[" * 100_000, "is no JSON"),
    ],
)
def test_a_line_that_cannot_be_read_is_named_by_its_number(
    limner: Limner, line: str, reason: str
) -> None:
    Path("odd.jsonl").write_text(f'{{"text": "a pear", "decision": "allow"}}\n{line}\n')
    ran = limner("policy", "test", "odd.jsonl")

    assert ran.code == 2
    assert "odd.jsonl:2" in ran.err
    assert reason in ran.err


@pytest.mark.parametrize("content", ["", "\n\n", "# nothing\n"])
def test_a_file_without_lines_is_an_error(limner: Limner, content: str) -> None:
    Path("empty.jsonl").write_text(content)

    assert limner("policy", "test", "empty.jsonl").code == 2


def test_a_file_that_is_not_there_is_named(limner: Limner) -> None:
    ran = limner("policy", "test", "gone.jsonl")

    assert ran.code == 2
    assert "gone.jsonl" in ran.err


def test_a_file_that_is_too_large_is_not_judged(limner: Limner) -> None:
    Path("large.jsonl").write_bytes(b" " * (MOST_BYTES + 1))
    ran = limner("policy", "test", "large.jsonl")

    assert ran.code == 2
    assert "more than 50,000,000" in ran.err


def test_halves_of_characters_are_judged_and_not_fatal(limner: Limner) -> None:
    Path("odd.jsonl").write_text('{"text": "a \\ud800 pear", "decision": "allow"}\n')

    assert limner("policy", "test", "odd.jsonl").code in (0, 1)
