"""`limner check` over several texts and odd ones, and what safety is at the command line's turns."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from agent.factory import load_policies
from agent.settings import load_settings
from agent.turn.scores import load_thresholds

from .conftest import Limner
from .test_json import validator

pytestmark = pytest.mark.usefixtures("house_policy")
SAFETY = Path(__file__).resolve().parents[2] / "docs" / "safety.md"


def test_several_files_are_several_verdicts_and_one_refusal_is_enough(limner: Limner) -> None:
    Path("good.txt").write_text("a pear")
    Path("bad.txt").write_text("a pineapple")
    ran = limner("check", "--file", "good.txt", "--file", "bad.txt", "--json")
    told = limner("check", "--file", "good.txt", "--file", "bad.txt")

    assert ran.code == told.code == 3
    assert [(r["source"], r["decision"]) for r in ran.records] == [
        ("good.txt", "allow"),
        ("bad.txt", "refuse"),
    ]
    for record in ran.records:
        validator("verdict").validate(record)
    assert "good.txt:\nallow" in told.out


def test_each_line_may_be_a_text_of_its_own(limner: Limner) -> None:
    ran = limner("check", "--lines", "--json", "-", stdin="a pear\n\na pineapple\n")
    whole = limner("check", "--json", "-", stdin="a pear\n\na pineapple\n")

    assert [(r["source"], r["decision"]) for r in ran.records] == [
        ("line:1", "allow"),
        ("line:3", "refuse"),
    ]
    assert (ran.code, len(whole.records), whole.records[0]["source"]) == (3, 1, None)


@pytest.mark.parametrize("data", [b"", b" \n", b"\xef\xbb\xbf"])
def test_nothing_to_judge_is_an_error(limner: Limner, data: bytes) -> None:
    Path("empty.txt").write_bytes(data)

    assert limner("check", "--file", "empty.txt").code == 2
    assert limner("check", "-", stdin=data).code == 2
    assert limner("check", "").code == 2


def test_a_picture_is_no_text(limner: Limner) -> None:
    Path("kite.png").write_bytes(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR")
    ran = limner("check", "--file", "kite.png")

    assert ran.code == 2
    assert "kite.png: is no text" in ran.err


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "latin-1"])
def test_a_text_is_read_in_the_encoding_it_says(limner: Limner, encoding: str) -> None:
    Path("text.txt").write_bytes("a pineapple, ripe \xe9".encode(encoding))

    assert limner("check", "--file", "text.txt", "--json").records[0]["rule"] == "no-pineapples"


def test_a_text_that_is_too_long_is_refused_unread(limner: Limner) -> None:
    ran = limner("check", "-", "--json", stdin="x " * 30_000)

    assert (ran.code, ran.records[0]["rule"]) == (3, "too-long")


def test_halves_of_characters_are_judged(limner: Limner) -> None:
    assert limner("check", "a pineapple \ud800", "--json").records[0]["decision"] == "refuse"
    assert limner("check", "-", stdin=b"a pear \xed\xa0\x80").code == 0


def test_a_question_leaves_no_verdict_and_a_turn_does(draw: Limner, limner: Limner) -> None:
    limner("check", "a pineapple")
    assert limner("ledger", "verdicts").out == ""

    draw("generate", "a pineapple")
    assert "no-pineapples (fruit)" in limner("ledger", "verdicts").out


# ── at a turn ────────────────────────────────────────────────────────────────────────────────


def test_what_is_held_is_not_printed_when_its_wording_is_refused(
    draw: Limner, limner: Limner, tmp_path: Path
) -> None:
    """The offline artist repeats the prompt, so a word that is accepted comes back refused."""
    (tmp_path / "policy" / "house.yaml").write_text(
        """
version: house@2
classes: {umbrella: "umbrella[s]", label: drawn offline}
rules:
  - {id: umbrellas, category: weather, severity: refuse, message: Umbrellas bring rain.,
     all_of: [[umbrella], [label]]}
"""
    )
    held = draw("generate", "an umbrella", "--screen-output", "hold", "--json")
    told = draw("generate", "an umbrella", "--screen-output", "tell")
    revised = limner("ledger", "verdicts", "--json").records

    assert {r["subject"] for r in revised} == {"prompt", "revised_prompt"}
    assert held.code == 3
    assert held.error["rule"] == "umbrellas"
    assert not {"image.partial", "image.completed"} & {r["type"] for r in held.records}
    assert told.code == 0
    assert len(told.paths) == 1


def test_a_second_screen_is_a_setting_and_is_told(
    draw: Limner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LIMNER_SECOND_SCREEN", "text")
    flagged = draw("generate", "a pear", "--fault", "moderation-doubts")
    passed = draw(
        *("generate", "a pear", "--fault", "moderation-doubts"),
        *("--acknowledge", "moderation-violence"),
    )

    assert flagged.code == 3
    assert "--acknowledge moderation-violence" in flagged.err
    assert passed.code == 0


def test_the_ledger_says_which_pictures_were_examined(
    draw: Limner, limner: Limner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LIMNER_SECOND_SCREEN", "pictures")
    draw("generate", "a pear")
    records = limner("ledger", "verdicts", "--json").records

    for record in records:
        validator("ledger.verdict").validate(record)
    assert [r["subject"] for r in records if r["pictures"] == "examined"] == ["picture"]
    assert "pictures examined" in limner("ledger", "verdicts").out


def test_a_project_may_not_choose_what_is_screened(limner: Limner) -> None:
    for line in ('screen_output = "tell"', 'second_screen = "off"'):
        Path("limner.toml").write_text(line)
        assert limner("config", "show").code == 2


# ── the page ─────────────────────────────────────────────────────────────────────────────────


def test_the_overlay_in_the_docs_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = SAFETY.read_text("utf-8")
    folder = tmp_path / "example"
    folder.mkdir()
    for name, language in (("house.yaml", "yaml"), ("moderation.toml", "toml")):
        [block] = re.findall(rf"```{language}\n(.*?)```", page, re.DOTALL)
        (folder / name).write_text(block, "utf-8")
    monkeypatch.setenv("LIMNER_POLICY", str(folder))

    policy = load_policies(load_settings())
    thresholds = {rule.id: rule for rule in load_thresholds(folder).rules}

    assert policy.version.endswith("house@1")
    assert policy.rule("gore").severity == "refuse"
    assert "hate-symbol" not in [rule.id for rule in policy.rules]
    assert thresholds["moderation-violence"].at == 0.95
