"""``limner brief``: drafted, never overwritten, checked with every problem at once."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from agent.poster.drafting import Draft, as_yaml, by_rule
from agent.poster.filling import load_brief
from agent.poster.reading import read

from .conftest import Limner

ROOT = Path(__file__).parents[2]
SCHEMAS = ROOT / "docs" / "schemas"


# ── check ────────────────────────────────────────────────────────────────────────────────────


def test_a_good_brief_is_told_with_what_it_makes(limner: Limner, work: Path) -> None:
    (work / "a.yaml").write_text("title: {en: A, de: B}\nsizes: [story, square]\n")

    ran = limner("brief", "check", "a.yaml")

    assert ran.code == 0
    assert "a.yaml: ok" in ran.out
    assert "4 posters from 2 pictures: story, square in en, de" in ran.out
    assert "0.00 USD" in ran.out


def test_every_problem_of_every_file_is_told_and_the_code_is_2(limner: Limner, work: Path) -> None:
    (work / "a.yaml").write_text("title: A\n")
    (work / "b.yaml").write_text("titel: A\nlines: [{role: prise, text: x}]\n")

    ran = limner("brief", "check", "a.yaml", "b.yaml", "none.yaml")

    assert ran.code == 2
    assert "a.yaml: ok" in ran.out
    assert "titel, line 1: is no field of a brief (did you mean title?)" in ran.out
    assert "lines[0].role, line 2" in ran.out
    assert "none.yaml: wrong" in ran.out


def test_a_text_too_long_for_its_size_is_a_problem(limner: Limner, work: Path) -> None:
    words = " ".join(["conditions"] * 54)
    (work / "a.yaml").write_text(
        "title: A\nsizes: [banner]\nlines:\n" + f"  - {{role: legal, text: {words}}}\n" * 9
    )

    ran = limner("brief", "check", "a.yaml")

    assert ran.code == 2
    assert "on banner, line 4" in ran.out


def test_a_brief_that_the_policy_refuses_names_field_and_rule(limner: Limner, work: Path) -> None:
    (work / "a.yaml").write_text("title: A\nmotif: a topless figure\n")

    ran = limner("brief", "check", "a.yaml")

    assert ran.code == 3
    assert "a.yaml: refused" in ran.out
    assert "motif, line 2: " in ran.out
    assert "by rule" in ran.out


def test_json_has_one_record_per_file_that_fits_its_schema(limner: Limner, work: Path) -> None:
    (work / "a.yaml").write_text("title: A\nsizes: [a3]\noptions: {model: gpt-image-1.5}\n")
    (work / "b.yaml").write_text("motif: x\n")

    ran = limner("brief", "check", "--json", "a.yaml", "b.yaml")

    validator = Draft202012Validator(json.loads((SCHEMAS / "brief.check.json").read_text()))
    for record in ran.records:
        validator.validate(record)
    good, bad = ran.records
    assert (good["outcome"], good["posters"], good["cheapest"]) == ("ok", 1, "0")
    assert "dpi" in str(good["warnings"])
    assert bad["outcome"] == "wrong"
    assert bad["problems"] == [{"field": "title", "message": "is missing", "line": 1, "hint": ""}]


def test_a_brief_comes_through_stdin_too(limner: Limner, work: Path) -> None:
    del work
    ran = limner("brief", "check", "-", stdin='{"title": "A"}')

    assert ran.code == 0


def test_every_example_is_fine(limner: Limner, work: Path) -> None:
    del work
    folder = ROOT / "examples" / "briefs"
    files = [str(p) for p in sorted(folder.iterdir()) if p.suffix in (".yaml", ".json", ".md")]

    ran = limner("brief", "check", *files)

    assert ran.code == 0, ran.out


# ── new ──────────────────────────────────────────────────────────────────────────────────────


def test_a_sentence_becomes_a_brief_that_loads(limner: Limner, work: Path) -> None:
    ran = limner("brief", "new", 'a poster for our "Harbour Night" with food, on 4 July')

    assert ran.code == 0
    assert ran.paths == [Path("brief.yaml")]
    brief = load_brief(work / "brief.yaml")
    assert brief.title.text == {"en": "Harbour Night"}
    assert "food" in brief.motif
    assert "offline" in ran.err
    assert limner("brief", "check", "brief.yaml").code == 0


def test_a_brief_is_never_overwritten(limner: Limner, work: Path) -> None:
    (work / "party.yaml").write_text("mine")

    ran = limner("brief", "new", "a party", "-o", "party.yaml")

    assert ran.code == 2
    assert "never overwritten" in ran.err
    assert (work / "party.yaml").read_text() == "mine"


def test_without_a_sentence_and_a_terminal_nobody_is_asked(limner: Limner, work: Path) -> None:
    ran = limner("brief", "new")

    assert ran.code == 2
    assert "no terminal" in ran.err
    assert not (work / "brief.yaml").exists()


def test_a_place_that_cannot_be_written_is_told(limner: Limner, work: Path) -> None:
    del work
    ran = limner("brief", "new", "a party", "-o", "no/such/folder/party.yaml")

    assert ran.code == 2
    assert "cannot be written" in ran.err


def test_at_a_terminal_what_is_not_known_is_asked(
    limner: Limner, work: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("click.testing._NamedTextIOWrapper.isatty", lambda _: True, raising=False)
    answers = "Lost cat\n\nsince Tuesday\n\nElm Street\n\n555 0148\nA grey cat\n\n"

    ran = limner("brief", "new", stdin=answers)

    assert ran.code == 0, ran.err
    brief = load_brief(work / "brief.yaml")
    assert {line.id: line.text["en"] for line in brief.lines} == {
        "title": "Lost cat",
        "date": "since Tuesday",
        "place": "Elm Street",
        "contact": "555 0148",
    }
    assert brief.motif == "A grey cat"


@pytest.mark.parametrize(
    ("sentence", "title"),
    [
        ("a poster for our street party on 4 July, with food", "Street party"),
        ("Night market", "Night market"),
        ("为社区办一张“中秋音乐会”海报", "中秋音乐会"),
        ("please", "Please"),
    ],
)
def test_offline_the_words_become_title_and_motif(sentence: str, title: str) -> None:
    assert by_rule(sentence).title == title


def test_whatever_is_drafted_is_written_as_yaml_that_says_the_same() -> None:
    draft = Draft(
        title='The "Big": one # two',
        date="12.50",
        lines=("- a list?", "yes"),
        contact="x@y.example",
        palette=("#112233", "red"),
    )

    tree = read(as_yaml(draft).encode(), name="b.yaml").value

    assert tree["title"] == draft.title
    assert tree["date"] == "12.50"
    assert tree["palette"] == ["#112233"]
    assert [line["text"] for line in tree["lines"]] == [*draft.lines, draft.contact]  # type: ignore[call-overload,index]


# ── schema ───────────────────────────────────────────────────────────────────────────────────


def test_the_schema_is_the_published_one(limner: Limner, work: Path) -> None:
    del work
    ran = limner("brief", "schema")

    assert ran.code == 0
    assert json.loads(ran.out) == json.loads((SCHEMAS / "brief.json").read_text())
    Draft202012Validator.check_schema(json.loads(ran.out))
