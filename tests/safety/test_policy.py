"""A policy is read whole or not at all, and an overlay only tightens."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from agent.errors import SettingsError
from agent.safety import load_policy, screen
from agent.safety.terms import expand

from .conftest import TOY, WriteFolder
from .lines import POLICY


def body() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load(TOY)
    return loaded


def with_rule(**changes: object) -> dict[str, Any]:
    toy = body()
    toy["rules"][0] |= changes
    return {key: value for key, value in toy.items() if value is not None}


def with_key(key: str, value: object) -> dict[str, Any]:
    return body() | {key: value}


def refused(folder: Path, overlay: Path | None = None) -> str:
    with pytest.raises(SettingsError) as caught:
        load_policy(folder, overlay)
    return str(caught.value)


BAD: dict[str, tuple[str | dict[str, Any], str]] = {
    "not YAML": ("a: [", "base.yaml: not readable as YAML"),
    "a list": ("- a", "base.yaml: expected named keys"),
    "a number as key": ("1: a", "base.yaml: expected named keys"),
    "an unknown key": (with_key("ruels", []), "base.yaml: key 'ruels' is not allowed here"),
    "an unknown key in a rule": (with_rule(windw=3), "rule 'kites': key 'windw' is not allowed"),
    "an unknown class": (with_rule(all_of=[["kits"]]), "rule 'kites'.all_of[0]: 'kits' is unknown"),
    "an unknown context": (with_rule(unless_context=["zoo"]), "'zoo' is unknown (known: museum)"),
    "an unknown severity": (
        with_rule(severity="hard"),
        "'hard' is unknown (known: refuse, review)",
    ),
    "an unknown signal": (with_rule(signal="odd"), "'odd' is unknown"),
    "a duplicate id": (with_rule(id="bears"), "rule 'bears': this id is used twice"),
    "neither words nor signal": (with_rule(all_of=[]), "rule 'kites': a rule has either"),
    "words and signal": (with_rule(signal="length"), "rule 'kites': a rule has either"),
    "groups that are no list": (with_rule(all_of="kite"), "expected a list"),
    "a window in words": (with_rule(window="far"), "expected a whole number"),
    "a window below 0": (with_rule(window=-1), "expected a whole number"),
    "in_context without a model": (with_rule(in_context=1.0), "in_context belongs to a rule with"),
    "no different words": (with_rule(different=0), "different belongs to a rule with all_of"),
    "a flag in words": (with_rule(echo="never"), "'echo' is true or false"),
    "an empty message": (with_rule(message=" "), "expected a text"),
    "a rule without a category": (with_key("rules", [{"id": "x"}]), "'category' is missing"),
    "a rule that is a text": (with_key("rules", ["x"]), "rules[0]: expected named keys"),
    "a number as term": (with_key("classes", {"kite": [7]}), "classes.kite: expected terms"),
    "a bad class name": (with_key("classes", {"Kite!": "kite"}), "'Kite!' is no class name"),
    "an open bracket": (with_key("classes", {"kite": "kite[s"}), "unbalanced or nested bracket"),
    "a nested bracket": (with_key("classes", {"kite": "k(i(t)e)"}), "unbalanced or nested bracket"),
    "a star inside": (with_key("classes", {"kite": "ki*te"}), "a * that is not at the end"),
    "a term of one letter": (with_key("classes", {"kite": "k"}), "is too short"),
    "a prefix of three": (with_key("classes", {"kite": "kit*"}), "is too short"),
    "nothing visible": (with_key("classes", {"kite": "\u200b\u200b"}), "is too short"),
    "too many forms": (with_key("classes", {"kite": "ab" + "(a|b|c|d|e|f)" * 4}), "1296 forms"),
    "a list of classes as text": (with_key("classes", "kite"), "expected named keys"),
    "no version": (with_key("version", ""), "expected a text"),
    "no rule on length": (
        with_key("rules", [rule for rule in body()["rules"] if rule["id"] != "too-long"]),
        "no rule that refuses on signal 'length'",
    ),
}


@pytest.mark.parametrize(("text", "reason"), BAD.values(), ids=BAD.keys())
def test_a_mistake_is_named_with_its_place(
    text: str | dict[str, Any], reason: str, folder: WriteFolder
) -> None:
    message = refused(folder("bad", base=text))
    assert reason in message


def test_a_policy_without_a_version_is_refused(folder: WriteFolder) -> None:
    toy = body()
    del toy["version"]
    assert "no version" in refused(folder("bad", base=toy))


def test_a_missing_or_empty_folder_is_named(tmp_path: Path) -> None:
    assert "no such policy folder" in refused(tmp_path / "none")
    (tmp_path / "empty").mkdir()
    assert "no .yaml file" in refused(tmp_path / "empty")


def test_bytes_that_are_no_text_are_named(folder: WriteFolder) -> None:
    place = folder("bad", base=TOY)
    (place / "noise.yaml").write_bytes(b"\x81\x80: a")
    assert "noise.yaml: not readable as YAML" in refused(place)


def test_a_huge_file_is_not_parsed(folder: WriteFolder) -> None:
    place = folder("bad", base=TOY)
    (place / "huge.yaml").write_bytes(b"#" * 2_000_001)
    assert "huge.yaml: 2,000,001 bytes" in refused(place)


def test_a_file_that_cannot_be_opened_is_named(folder: WriteFolder) -> None:
    place = folder("bad", base=TOY)
    (place / "odd.yaml").mkdir()
    assert "odd.yaml: cannot be read" in refused(place)


def test_a_file_that_would_be_passed_over_is_named(folder: WriteFolder) -> None:
    place = folder("bad", base=TOY)
    (place / "more.yml").write_text(TOY)
    assert "more.yml would not be read" in refused(place)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("version: a@1\nallow: sky\nallow: sea", "the key 'allow' stands here twice"),
        ("classes:\n  sea: [sea]\n  sea: [wave]", "the key 'sea' stands here twice"),
        ("version: &a b@1\nallow: *a", "an alias is not read here"),
        ("classes: &c {sea: *c}", "an alias is not read here"),
    ],
)
def test_what_a_reader_would_lose_or_blow_up_is_refused(
    text: str, reason: str, folder: WriteFolder
) -> None:
    assert reason in refused(folder("toy8", base=TOY), folder("over", own=text))


def test_an_overlay_may_be_about_the_second_screen_alone(folder: WriteFolder) -> None:
    base, overlay = folder("toy9", base=TOY), folder("over")
    (overlay / "moderation.toml").write_text('version = "a@1"')
    assert load_policy(base, overlay).sha256 == load_policy(base).sha256


@pytest.mark.parametrize("threshold", [".nan", ".inf", "-1000", "high"])
def test_a_threshold_out_of_range_is_named(threshold: str, folder: WriteFolder) -> None:
    own = f"tune: [{{id: resembles-unsafe, threshold: {threshold}}}]"
    assert "own.yaml: tune[0].threshold: expected" in refused(POLICY, folder("over", own=own))


def test_the_hash_follows_the_content_and_not_the_comments(folder: WriteFolder) -> None:
    plain = load_policy(folder("a", base=TOY))
    commented = load_policy(folder("b", base="# hello\n" + TOY))
    longer = load_policy(folder("c", base=with_rule(message="No kites at all.")))
    assert plain.sha256 == commented.sha256 != longer.sha256


def test_words_may_be_spread_over_files(folder: WriteFolder) -> None:
    policy = load_policy(folder("two", base=TOY, more={"classes": {"kite": "cerf-volant[s]"}}))
    assert screen("un cerf volant", policy=policy).rule == "kites"


def test_a_rule_is_found_by_id_or_the_known_ones_are_listed(folder: WriteFolder) -> None:
    policy = load_policy(folder("toy2", base=TOY))
    assert policy.rule("kites").category == "sky"
    with pytest.raises(SettingsError) as caught:
        policy.rule("kite")
    assert "storm-picnic" in caught.value.hint


def test_an_overlay_adds_words_and_rules_and_tunes(folder: WriteFolder) -> None:
    rule = {"id": "hats", "category": "own", "severity": "review", "message": "A hat."}
    overlay = folder(
        "over",
        own={
            "version": "house@3",
            "classes": {"hat": "hat[s]", "storm": "gale[s]"},
            "rules": [rule | {"all_of": [["hat"]]}],
            "tune": [
                {"id": "bears", "severity": "refuse"},
                {"id": "storm-picnic", "severity": "refuse"},
            ],
        },
    )
    policy = load_policy(folder("toy3", base=TOY), overlay)
    assert policy.version == "toy@1+house@3"
    assert screen("a hat", policy=policy).decision == "review"
    assert screen("a bear", policy=policy).decision == "refuse"
    assert screen("a picnic in a gale", policy=policy).decision == "refuse"


def test_an_overlay_may_switch_off_what_is_tunable(folder: WriteFolder) -> None:
    overlay = folder("over", own={"tune": [{"id": "storm-picnic", "severity": "off"}]})
    base = folder("toy4", base=TOY)
    assert screen("a picnic, a storm", policy=load_policy(base)).decision == "review"
    assert screen("a picnic, a storm", policy=load_policy(base, overlay)).decision == "allow"


def test_the_allow_spans_of_an_overlay_spare_tunable_rules_only(folder: WriteFolder) -> None:
    overlay = folder("over", own={"allow": "storm kite, picnic box"})
    policy = load_policy(folder("toy5", base=TOY), overlay)
    assert screen("a picnic box and a storm", policy=policy).decision == "allow"
    assert screen("a storm kite", policy=policy).rule == "kites"


@pytest.mark.parametrize(
    ("overlay", "reason"),
    [
        ({"tune": [{"id": "kites", "severity": "review"}]}, "rule 'kites' is fixed"),
        ({"tune": [{"id": "kites", "severity": "off"}]}, "rule 'kites' is fixed"),
        ({"tune": [{"id": "bears", "severity": "off"}]}, "rule 'bears' is fixed"),
        ({"tune": [{"id": "storms", "severity": "off"}]}, "'storms' is unknown"),
        ({"tune": [{"id": "bears", "severity": "soft"}]}, "'soft' is unknown"),
        (
            {"tune": [{"id": "storm-picnic", "severity": each} for each in ("off", "refuse")]},
            "rule 'storm-picnic' is tuned twice",
        ),
        (
            {"rules": [{**body()["rules"][0], "severity": "review"}]},
            "rule 'kites': this id is used twice",
        ),
        ({"tune": [{"id": "storm-picnic", "severity": False}]}, 'write "off" in quotes'),
        ({"contexts": {"museum": "sky"}}, "key 'contexts' is not allowed here"),
        ({"negation": {"before": "big"}}, "key 'negation' is not allowed here"),
        ({"allow_in": {"kite": "kites"}}, "key 'allow_in' is not allowed here"),
        ({"letters": {}}, "key 'letters' is not allowed here"),
        ({"classes": {"cub": "child"}}, "class 'cub' loosens 'bears'"),
        ({"classes": {"cask": "bear"}}, "class 'cask' loosens 'ages'"),
        ({"classes": {"context:museum": "sky"}}, "is no class name"),
    ],
)
def test_an_overlay_that_loosens_what_is_fixed_is_refused(
    overlay: dict[str, Any], reason: str, folder: WriteFolder
) -> None:
    message = refused(folder("toy6", base=TOY), folder("over", own=overlay))
    assert reason in message
    assert "own.yaml" in message


def test_an_overlay_may_repeat_what_a_fixed_rule_already_says(folder: WriteFolder) -> None:
    overlay = folder("over", own={"tune": [{"id": "kites", "severity": "refuse"}]})
    assert load_policy(folder("toy7", base=TOY), overlay).rule("kites").severity == "refuse"


def test_ages_of_a_second_language_join_those_of_the_first(folder: WriteFolder) -> None:
    first = {"ages": {"templates": "{n} ans", "numbers": "2|deux"}}
    policy = load_policy(folder("ages", a=first, base=TOY))
    assert screen("bear, deux ans, pond", policy=policy).rule == "duck-pond"
    assert screen("bear, two years old, pond", policy=policy).rule == "duck-pond"


def test_terms_expand_to_every_form() -> None:
    assert expand("kite[s]") == ("kite", "kites")
    assert expand("bod(y|ies) at sea") == ("body at sea", "bodies at sea")
    assert expand("flutter*") == ("flutter*",)
    assert expand("(a |)kite") == ("a kite", "kite")


def test_the_shipped_policy_protects_what_must_not_be_tuned() -> None:
    policy = load_policy(POLICY)
    fixed = [rule for rule in policy.rules if rule.category in ("minors", "coercion")]
    assert len(fixed) >= 8
    assert all(rule.severity == "refuse" and not rule.tunable for rule in fixed)
    minors = [rule for rule in policy.rules if rule.category == "minors"]
    assert all(not rule.echo and not rule.fix for rule in minors)
    assert all(rule.fix for rule in policy.rules if rule.category != "minors")


def test_a_rule_may_ask_for_several_different_words(folder: WriteFolder) -> None:
    classes = body()["classes"] | {"front": "storm front, squall"}
    toy = with_rule(all_of=[["storm", "front"]], different=2) | {"classes": classes}
    policy = load_policy(folder("many", base=toy))
    assert screen("a storm, a storm", policy=policy).decision == "allow"
    assert screen("a storm front", policy=policy).decision == "allow"
    verdict = screen("a squall and a storm", policy=policy)
    assert [hit.text for hit in verdict.hits] == ["squall", "storm"]


def test_an_age_rule_is_optional(folder: WriteFolder) -> None:
    toy = body()
    for key in ("ages", "negation", "allow", "allow_in", "letters"):
        del toy[key]
    policy = load_policy(folder("small", base=toy))
    assert screen("no kites", policy=policy).rule == "kites"
    assert screen("a cub, 2 years old", policy=policy).decision == "allow"
