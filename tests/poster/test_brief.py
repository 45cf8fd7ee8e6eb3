"""Briefs as people write them, and everything that can be wrong with one."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from jsonschema import Draft202012Validator
from PIL import Image

from agent.errors import UsageError
from agent.poster.brief import Brief, BriefError, Line
from agent.poster.filling import load_brief, qr_version
from agent.poster.layout import layout_for, words_of
from agent.poster.reading import MOST_BYTES
from agent.poster.written import MOST_TEXT, schema

ROOT = Path(__file__).parents[2]
EXAMPLES = sorted(
    path
    for path in (ROOT / "examples" / "briefs").iterdir()
    if path.suffix in (".yaml", ".json", ".md")
)


def problems(text: str, *, name: str = "b.yaml") -> dict[str, tuple[int | None, str]]:
    """Field → (line, message with hint) of everything that is wrong with a text."""
    with pytest.raises(BriefError) as raised:
        load_brief(text, name=name)
    return {p.field: (p.line, f"{p.message} {p.hint}") for p in raised.value.problems}


def lines_of(brief: Brief) -> dict[str, Line]:
    return {line.id: line for line in brief.lines}


# ── what is read ─────────────────────────────────────────────────────────────────────────────


def test_there_are_twelve_example_briefs() -> None:
    assert len(EXAMPLES) == 12


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: str(path.name))
def test_every_example_loads_and_fits_the_published_schema(path: Path) -> None:
    brief = load_brief(path)

    assert brief.name == path.stem
    assert brief.title.text
    assert all(set(line.text) == set(brief.locales) for line in brief.lines)
    written = yaml.safe_load(path.read_text("utf-8").removeprefix("---\n").split("\n---\n")[0])
    Draft202012Validator(schema()).validate(written)


def test_what_is_written_is_read_letter_for_letter() -> None:
    brief = load_brief(
        "title: Yes\ntime: 19:30\ndate: 2026-05-01\nlines: [{role: price, text: 12.50}]"
    )

    lines = lines_of(brief)
    assert [lines[name].text["en"] for name in ("title", "time", "date", "price")] == [
        "Yes",
        "19:30",
        "2026-05-01",
        "12.50",
    ]


def test_json_and_yaml_and_markdown_say_the_same() -> None:
    data = {"title": "Quiet Forms", "motif": "A stone.", "lines": [{"role": "price", "text": 3.50}]}
    as_json = load_brief(json.dumps(data, indent="\t").replace("3.5", "3.50"), name="b.json")
    as_yaml = load_brief("title: Quiet Forms\nmotif: A stone.\nlines: [{role: price, text: 3.50}]")
    as_markdown = load_brief(
        "---\ntitle: Quiet Forms\nlines: [{role: price, text: 3.50}]\n---\n# A *stone*.\n"
    )

    plain = [b.model_dump(exclude={"source", "where", "name", "lines"}) for b in (as_json, as_yaml)]
    assert plain[0] == plain[1]
    assert as_markdown.motif == as_yaml.motif
    assert {line.text["en"] for line in as_json.lines} == {"Quiet Forms", "3.50"}


def test_the_body_under_a_named_motif_becomes_notes() -> None:
    brief = load_brief("---\ntitle: A\nmotif: A cat\n---\nSoft light.\n\nNo frame.", name="b.md")

    assert brief.motif == "A cat"
    assert brief.notes == "Soft light. No frame."


def test_an_escaped_pair_in_json_is_one_character() -> None:
    brief = load_brief('{"title": "\\u00c4 \\u6708", "motif": "\\ud83c\\udf19"}', name="b.json")

    assert brief.title.text == {"zh": "Ä 月"}
    assert brief.motif == "🌙"
    half = load_brief('{"title": "A", "motif": "a\\\\ud83c b\\ud83c"}', name="b.json")
    assert half.motif == "a\\ud83c b\ufffd"


def test_a_text_may_be_the_same_in_every_locale() -> None:
    brief = load_brief("title: {en: Fair, de: Messe}\ntime: 10–17")

    assert brief.locales == ("en", "de")
    assert lines_of(brief)["time"].text == {"en": "10–17", "de": "10–17"}


def test_columns_of_a_line_stand_between_bars() -> None:
    brief = load_brief("title: Tour\nlines: [{role: date, text: 2 Oct | Praha | Astra}]")

    assert lines_of(brief)["date-1"].cells("en") == ("2 Oct", "Praha", "Astra")


def test_accents_are_composed_and_white_space_is_one_blank() -> None:
    brief = load_brief('title: "Cafe\\u0301   am\\n  See"')

    assert brief.title.text["en"] == "Café am See"


# ── painted or set ───────────────────────────────────────────────────────────────────────────


def test_the_title_of_one_locale_is_painted_and_the_rest_is_set() -> None:
    brief = load_brief("title: A\nsubtitle: b\ndate: c\nlines: [{role: price, text: d}]")

    assert [brief.lettering_of(line) for line in brief.lines] == ["painted", "set", "set", "set"]


def test_with_two_locales_everything_is_set() -> None:
    brief = load_brief("title: {en: A, de: B}\nsubtitle: {en: c, de: d}")

    assert {brief.lettering_of(line) for line in brief.lines} == {"set"}


def test_a_brief_that_says_painted_means_its_display_lines() -> None:
    brief = load_brief("title: A\ncta: b\ndate: c\nlettering: painted")

    assert {line.id: brief.lettering_of(line) for line in brief.lines} == {
        "title": "painted",
        "cta": "painted",
        "date": "set",
    }


def test_what_a_line_says_of_itself_counts_first() -> None:
    brief = load_brief("title: A\nlettering: set\nlines: [{text: b, lettering: painted}]")

    assert brief.lettering_of(lines_of(brief)["line"]) == "painted"


# ── what is wrong ────────────────────────────────────────────────────────────────────────────


def test_every_problem_is_told_at_once_with_field_and_line() -> None:
    found = problems(
        "title: A\ntitel: B\nlines:\n  - {role: prise, text: x}\n  - {role: price}\nvariants: many\n"
    )

    assert {field: line for field, (line, _) in found.items()} == {
        "titel": 2,
        "lines[0].role": 4,
        "lines[1].text": 5,
        "variants": 6,
    }
    assert "did you mean title?" in found["titel"][1]
    assert "did you mean price?" in found["lines[0].role"][1]
    assert "missing" in found["lines[1].text"][1]
    assert "whole number" in found["variants"][1]


def test_the_error_names_the_first_problem_and_the_file() -> None:
    with pytest.raises(BriefError) as raised:
        load_brief("motif: x\n", name="party.yaml")

    assert (raised.value.field, raised.value.line) == ("title", 1)
    assert str(raised.value).startswith("party.yaml: title, line 1: is missing")
    assert isinstance(raised.value, UsageError)


def test_a_key_written_twice_is_told_with_both_lines() -> None:
    found = problems("title: A\nmotif: x\ntitle: B\n")

    assert found["title"] == (3, "is written twice, first on line 1 keep one of them")


def test_a_key_written_twice_in_json_is_told_too() -> None:
    assert problems('{"title": "A",\n "title": "B"}', name="b.json")["title"][0] == 2


def test_a_locale_without_a_text_is_named_with_its_line() -> None:
    found = problems("title: {en: A, de: B}\nsubtitle:\n  en: hello\nlocales: [en, de]\n")

    line, message = found["subtitle"]
    assert line == 2
    assert "locale de" in message


def test_a_text_in_a_locale_that_is_not_delivered_is_told() -> None:
    found = problems("title: {en: A, fr: B}\nlocales: [en]\n")

    assert "none of the locales" in found["title.fr"][1]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("שלום", "Hebrew"),
        ("مرحبا", "Arabic"),
        ("Sale ٥٠", "arabic-indic digit five"),
        ("Party 🎉", "no glyph for '🎉'"),
        ("นับถอยหลัง", "is Thai"),
        ("हिन्दी", "is Devanagari"),
        ("Ночной рынок", "is Cyrillic"),
        ("야시장", "is Hangul"),
        ("ẹ́ alẹ́", "marks that no typeface here sets: ẹ́"),
        ("zero\u200bwidth", "U+200B"),
    ],
)
def test_what_cannot_be_set_is_named(text: str, told: str) -> None:
    found = problems(f"title: A\nsubtitle: {{en: {text!r}}}\nlocales: [en]".replace("'", '"'))

    [(_, message)] = [value for key, value in found.items() if key.startswith("subtitle")]
    assert told in message


def test_missing_glyphs_name_the_font_and_the_locale() -> None:
    found = problems('title: {en: A, tr: "₺ 50"}\n')

    message = found["title.tr"][1]
    assert "Bebas Neue and Noto Sans SC" in message
    assert "locale tr" in message
    assert "'₺'" in message
    assert "type: classic or plain has them" in message


@pytest.mark.parametrize("text", ["İstanbul gecesi", "Çığ ışığı"])
def test_capitals_are_those_of_the_language(text: str) -> None:
    brief = load_brief(f"title: {text}\nlocales: [tr]\n", name="b.yaml")
    placed = layout_for(brief, brief.sizes[0]).placed("title")[0]

    expected = text.replace("i", "İ").replace("ı", "I").upper()
    assert words_of(brief, placed, "tr") == expected
    assert ("İ" in expected) == ("i" in text or "İ" in text)


@pytest.mark.parametrize(
    ("name", "text", "line", "told"),
    [
        ("b.yaml", "title: Act 2: The Storm", 1, "quotes"),
        ("b.yaml", "just words", 1, "no fields"),
        ("b.yaml", "", 1, "no fields"),
        ("b.yaml", "title: A\n---\ntitle: B", 2, "second document"),
        ("b.yaml", "title: &x [*x]", 1, "names nothing"),
        ("b.yaml", "? [a, b]\n: c", 1, "for a key"),
        ("b.yaml", "title: A\n<<: {motif: b}", 2, "merges"),
        ("b.yaml", "title: " + "[" * 5000, 1, "nests deeper"),
        ("b.yaml", "title: *nowhere", 1, "names nothing"),
        ("b.yaml", "a: &a b\n*a : c", 2, "stands for a key"),
        ("b.json", '{"title": "A",}', 1, "not JSON"),
        ("b.json", "[" * 200_000, None, "nests deeper"),
        ("b.md", "# Title\nwords", 1, "front matter"),
    ],
)
def test_what_cannot_be_read_at_all_says_where_and_why(
    name: str, text: str, line: int | None, told: str
) -> None:
    found = problems(text, name=name)

    assert found[""][0] == line
    assert told in found[""][1]


def test_aliases_are_counted_before_they_are_put_in() -> None:
    bomb = "a: &a [x,x,x,x,x,x,x,x,x,x]\n" + "".join(
        f"{b}: &{b} [{','.join([f'*{a}'] * 10)}]\n" for a, b in ("ab", "bc", "cd", "de", "ef", "fg")
    )

    line, message = problems(bomb + "title: x\n")[""]
    assert "20,000" in message
    assert line is not None


def test_an_alias_within_the_budget_is_put_in() -> None:
    brief = load_brief("title: &t Low Tide\nmotif: *t\n")

    assert brief.motif == "Low Tide"


def test_no_tag_is_obeyed() -> None:
    found = problems("title: !!python/object/apply:os.getcwd []\n")

    assert "not a text" in found["title"][1]


def test_a_brief_has_a_size() -> None:
    assert "at most" in problems("title: A\n# " + "x" * MOST_BYTES)[""][1]


def test_what_is_no_utf8_is_told_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "b.yaml"
    path.write_bytes(b"title: A\nmotif: \xff\n")

    with pytest.raises(BriefError, match="line 2: is not UTF-8"):
        load_brief(path)


def test_a_text_has_a_length() -> None:
    found = problems("title: " + "x" * (MOST_TEXT + 1))

    assert f"{MOST_TEXT + 1} characters" in found["title"][1]


@pytest.mark.parametrize(
    ("line", "field", "told"),
    [
        ("palette: [red]", "palette[0]", "no colour"),
        ("sizes: [a9]", "sizes[0]", "no size"),
        ("sizes: [a3, a3]", "sizes[1]", "listed twice"),
        ("sizes: [{name: x, mm: 10x10}]", "sizes[0]", "an edge needs"),
        ("sizes: [{name: x}]", "sizes[0]", "pixels or mm"),
        ("sizes: [{name: x, pixels: 900x900, mn: 3}]", "sizes[0].mn", "no field"),
        ("sizes: []", "sizes", "at least 1"),
        ("locales: [en us]", "locales[0]", "no locale"),
        ("locales: [en, en]", "locales[1]", "listed twice"),
        ("budget: €3", "budget", "amount"),
        ("budget: -3", "budget", "greater than 0"),
        ("variants: 0", "variants", "greater than or equal to 1"),
        ("options: {quality: hgih}", "options.quality", "did you mean high?"),
        ("options: {qualty: high}", "options.qualty", "did you mean quality?"),
        ("options: {model: gpt-image-1}", "options", "shut down"),
        (
            "options: {model: gpt-image-2.5-flare, output_format: svg}",
            "options.output_format",
            "lettered",
        ),
        ("type: gothic", "type", "none of poster"),
        ("name: My Brief", "name", "cannot be a name"),
        ("lines: {a: b}", "lines", "not a list"),
        ("lines: [x]", "lines[0]", "not a list of fields"),
        ("lines: [{text: b, box: [0.1, 0.2, 0.3]}]", "lines[0].box", "too few"),
        ("lines: [{text: b, box: [0.5, 0.2, 0.3, 0.4]}]", "lines[0].box", "no box inside"),
        ("lines: [{text: b, only: [storry]}]", "lines[0].only", "none of the sizes"),
        ("lines: [{role: title, text: b}]", "lines[0].role", "a field of its own"),
        ("lines: [{text: b, id: x}, {text: c, id: x}]", "lines[1]", "has the id x"),
        ("lines: [{text: ''}]", "lines[0].text", "no text for locale"),
        ("logo: none.png", "logo", "no file none.png"),
        ("logo: .", "logo", "no file"),
        ("references: [none.png]", "references[0]", "no file none.png"),
        ("subtitle: {en us: x}", "subtitle.en us", "no locale"),
        ("subtitle: [a]", "subtitle", "not a text"),
        ("qr: " + "x" * 400, "qr", "do not read from a poster"),
        ("qr: ' '", "qr", "leads nowhere"),
    ],
)
def test_a_wrong_value_is_told_in_words(line: str, field: str, told: str) -> None:
    found = problems(f"title: A\n{line}\n")

    assert field in found
    assert found[field][0] == 2
    assert told in found[field][1]


# ── files ────────────────────────────────────────────────────────────────────────────────────


def test_files_are_found_beside_the_brief(tmp_path: Path) -> None:
    Image.new("RGBA", (80, 40), (1, 2, 3, 128)).save(tmp_path / "logo.png")
    Image.new("RGB", (64, 64)).save(tmp_path / "ref.png")
    (tmp_path / "My Party!.yaml").write_text("title: A\nlogo: logo.png\nreferences: ref.png\n")

    brief = load_brief(tmp_path / "My Party!.yaml")

    assert brief.name == "my-party"
    assert brief.logo is not None
    assert brief.logo.path == (tmp_path / "logo.png").resolve()
    assert brief.logo.size == (80, 40)
    assert [path.name for path in brief.references] == ["ref.png"]


def test_a_logo_that_is_no_picture_or_a_thread_is_told(tmp_path: Path) -> None:
    (tmp_path / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n nothing")
    Image.new("RGB", (800, 10)).save(tmp_path / "thread.png")
    for name, told in (("broken.png", "broken.png"), ("thread.png", "too long for a logo")):
        (tmp_path / "b.yaml").write_text(f"title: A\nlogo: {name}\n")
        with pytest.raises(BriefError, match=told):
            load_brief(tmp_path / "b.yaml")


@pytest.mark.parametrize("name", ["nothing.yaml", "."])
def test_a_file_that_cannot_be_read_is_a_brief_error(tmp_path: Path, name: str) -> None:
    with pytest.raises(BriefError, match="cannot be read"):
        load_brief(tmp_path / name)


def test_a_code_is_as_small_as_its_address_allows() -> None:
    assert qr_version("https://a.example") == 2
    assert qr_version("x" * 5000) is None


def test_the_published_schema_refuses_what_we_refuse() -> None:
    validator = Draft202012Validator(schema())

    assert validator.is_valid({"title": "A", "sizes": ["a3"], "lines": [{"text": {"en": "x"}}]})
    assert not validator.is_valid({"titel": "A"})
    assert not validator.is_valid({"title": "A", "lines": [{"role": "prise", "text": "x"}]})
    assert yaml.safe_load(json.dumps(schema()))["title"] == "Limner brief"


@pytest.mark.parametrize(
    ("file", "name"),
    [("Café Köln.yaml", "cafe-koln"), ("Spring Sale 3.yml", "spring-sale-3"), ("-", "brief")],
)
def test_a_brief_without_a_name_is_called_by_its_file(file: str, name: str) -> None:
    assert load_brief("title: A", name=file).name == name


def test_files_named_in_other_scripts_make_briefs_of_different_names() -> None:
    """Regression: 日本.yaml and 東京.yaml were both called ``brief``, and one replaced the other."""
    names = [load_brief("title: A", name=file).name for file in ("日本.yaml", "東京.yaml")]

    assert len({*names, "brief"}) == 3
    assert load_brief("title: B", name="日本.yaml").name == names[0]
