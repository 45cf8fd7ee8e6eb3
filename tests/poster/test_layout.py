"""Every text inside the safe area, none on another, the subject free: for every size and kind of brief."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.poster.brief import Brief
from agent.poster.filling import load_brief
from agent.poster.layout import Layout, layout_for, overfull, setting_of, words_of
from agent.poster.sizes import SizeSpec, size_of
from agent.poster.styles import least_em
from agent.typeset.blocks import ems
from agent.typeset.boxes import Box

EXAMPLES = sorted(
    path
    for path in (Path(__file__).parents[2] / "examples" / "briefs").iterdir()
    if path.suffix in (".yaml", ".json", ".md")
)
SIZES = ("a3", "a4", "story", "square", "banner", "1600x900", "700x1000", "500x700mm@120+5")
LONG = (
    "Bebauungsplanaufstellungsbeschlussverfahren",
    "Straßenbahnhaltestellenumgestaltungsarbeiten am Hauptbahnhofsvorplatz",
)


def assert_sound(brief: Brief, layout: Layout) -> None:
    """What holds of every layout, also of one that is too full."""
    marks = [mark for mark in (layout.logo, layout.qr) if mark]
    boxes = [placed.box for placed in layout.lines]
    for box in [*boxes, *marks]:
        assert layout.safe.holds(box, 1e-3), box
        assert box.width > 0
        assert box.height > 0
        assert not box.meets(shrunk(layout.focal)), (box, layout.focal)
    for one, other in combinations([*boxes, *marks], 2):
        assert not shrunk(one).meets(shrunk(other)), (one, other)
    assert layout.safe.holds(layout.focal, 1e-3)
    for placed in layout.lines:
        set_or_painted = brief.lettering_of(next(x for x in brief.lines if x.id == placed.line_id))
        if set_or_painted == "set":
            assert any(quiet.holds(placed.box, 1e-6) for quiet in layout.quiet)


def shrunk(box: Box) -> Box:
    """Touching is allowed, and so is the rounding of a float."""
    return Box(box.x0 + 1e-4, box.y0 + 1e-4, box.x1 - 1e-4, box.y1 - 1e-4)


def assert_set_inside(brief: Brief, layout: Layout) -> None:
    """In every locale all words are set, on few enough lines, inside their box."""
    width, height = layout.size.trim
    for placed in layout.lines:
        for locale in brief.locales:
            laid = setting_of(brief, placed, locale, layout)
            words = words_of(brief, placed, locale)
            assert "".join(laid.lines).replace(" ", "") == words.replace(" ", "")
            assert laid.width <= placed.box.width * width + 0.5
            assert laid.height <= placed.box.height * height + 0.5
            if placed.direction == "across":
                widest = max((ems(line, placed.kind) for line in laid.lines), default=0)
                assert widest * laid.size <= placed.box.width * width + 0.5


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: str(path.stem))
def test_every_example_is_sound_in_every_size(path: Path, size: str) -> None:
    spec, brief = size_of(size), load_brief(path)

    layout = layout_for(brief, spec)

    assert_sound(brief, layout)
    assert_set_inside(brief, layout)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: str(path.stem))
def test_every_example_fits_the_sizes_that_it_asks_for(path: Path) -> None:
    brief = load_brief(path)

    assert [overfull(brief, layout_for(brief, spec)) for spec in brief.sizes] == [
        () for _ in brief.sizes
    ]


WORDS = st.sampled_from(
    ("Night", "Market", "am", "Hauptbahnhof", "2026", "€12.50", "夜市", "老港口边", "Łódź", *LONG)
)
TEXTS = st.lists(WORDS, min_size=1, max_size=9).map(" ".join)
ROLES = st.sampled_from(("price", "speaker", "line", "contact", "legal", "credit", "date"))


@settings(max_examples=10)
@given(
    title=TEXTS,
    fields=st.dictionaries(st.sampled_from(("subtitle", "date", "time", "place", "cta")), TEXTS),
    lines=st.lists(st.tuples(ROLES, TEXTS, st.booleans()), max_size=12),
    size=st.sampled_from(SIZES),
    marked=st.booleans(),
)
def test_whatever_a_brief_says_its_layout_is_sound(
    title: str,
    fields: dict[str, str],
    lines: list[tuple[str, str, bool]],
    size: str,
    marked: bool,
) -> None:
    text = [f'title: "{title}"', *(f'{name}: "{words}"' for name, words in fields.items())]
    text += ["lines:"] if lines else []
    text += [
        f'  - {{role: {role}, text: "{words}{" | 8" if table else ""}"}}'
        for role, words, table in lines
    ]
    brief = load_brief("\n".join([*text, *(["qr: https://a.example/b"] if marked else [])]))

    layout = layout_for(brief, size_of(size))

    assert_sound(brief, layout)
    assert_set_inside(brief, layout)
    assert (layout.qr is not None) == marked


def of(text: str, size: str = "a4") -> tuple[Brief, Layout]:
    brief = load_brief(text)
    return brief, layout_for(brief, size_of(size))


def test_the_title_is_the_largest_type() -> None:
    brief, layout = of("title: Lost cat\nsubtitle: Have you seen Miso?\ndate: since Tuesday")

    sizes = {p.line_id: setting_of(brief, p, "en", layout).size for p in layout.lines}
    assert sizes["title"] > 2 * max(size for name, size in sizes.items() if name != "title")


def test_the_largest_need_of_all_locales_counts() -> None:
    _, alone = of("title: {en: Fair}")
    _, both = of(f"title: {{en: Fair, de: {LONG[0]}}}\nsubtitle: {{en: a, de: {LONG[1]}}}")

    assert len(both.lines) == 2
    assert both.focal != alone.focal


def test_a_title_that_is_shorter_in_one_locale_stays_with_its_subtitle() -> None:
    brief, layout = of(f"title: {{en: Fair, zh: 展}}\nsubtitle: {{en: a, zh: {LONG[1]}}}", "a3")
    [title] = layout.placed("title")
    foot = title.box.height * layout.size.trim[1]

    for locale in brief.locales:
        laid = setting_of(brief, title, locale, layout)
        assert foot - laid.baselines[-1] < 0.13 * laid.size


def test_a_short_chinese_title_stands_upright_on_tall_sizes() -> None:
    for size, direction in (("a3", "down"), ("story", "down"), ("banner", "across")):
        _, layout = of("title: 中秋音乐会\nsubtitle: 月光下的弦乐四重奏", size)
        title = layout.placed("title")[0]
        assert title.direction == direction
        assert (title.box.height > title.box.width) == (direction == "down")


def test_a_title_in_two_scripts_stands_across() -> None:
    _, layout = of("title: {en: Night Market, zh: 夜市}", "story")

    assert layout.placed("title")[0].direction == "across"


def test_columns_of_a_table_share_their_edges_and_prices_end_at_the_right() -> None:
    _, layout = of(
        "title: Sale\nlines:\n"
        "  - {role: price, text: Coat | €199}\n  - {role: price, text: Merino jumper | €9}\n"
    )

    names = [p for p in layout.lines if p.role == "price" and p.part == 0]
    prices = [p for p in layout.lines if p.role == "price" and p.part == 1]
    assert {p.align for p in prices} == {"right"}
    assert len({round(p.box.x1, 6) for p in prices}) == 1
    assert len({round(p.box.x0, 6) for p in names}) == 1
    assert len({p.em for p in [*names, *prices]}) == 1


def test_nine_speakers_stand_in_columns_where_there_is_room() -> None:
    lines = "\n".join(f"  - {{role: speaker, text: Speaker {i}}}" for i in range(9))
    _, layout = of(f"title: Talks\nlines:\n{lines}", "a3")

    speakers = [p.box for p in layout.lines if p.role == "speaker"]
    assert len({round(box.x0, 6) for box in speakers}) == 3
    assert len({round(box.y0, 6) for box in speakers}) == 3


def test_a_line_stands_only_on_the_sizes_it_names() -> None:
    brief = load_brief("title: A\nlines: [{text: b, only: [a4]}]\nsizes: [a4, banner]")

    found = {spec.name: len(layout_for(brief, spec).lines) for spec in brief.sizes}
    assert found == {"a4": 2, "banner": 1}


def test_a_line_stands_in_its_own_box_and_the_subject_makes_room() -> None:
    brief, layout = of("title: A\nlines: [{text: Corner, box: [0.6, 0.4, 0.9, 0.5]}]")

    [placed] = layout.placed("line")
    assert tuple(round(edge, 6) for edge in placed.box) == (0.6, 0.4, 0.9, 0.5)
    assert not placed.box.meets(shrunk(layout.focal))
    assert overfull(brief, layout) == ()


@pytest.mark.parametrize(
    ("box", "told"), [("[0.1, 0.05, 0.9, 0.2]", "lies over title"), ("[0, 0.5, 0.3, 0.6]", "safe")]
)
def test_a_box_in_the_way_is_told(box: str, told: str) -> None:
    brief, layout = of(f"title: A long title here\nlines: [{{text: b, box: {box}}}]")

    [problem] = overfull(brief, layout)
    assert told in problem.message
    assert problem.line == 2


def test_a_text_too_long_for_its_size_is_told_with_numbers() -> None:
    words, more = " ".join(["conditions"] * 54), " ".join(["conditions"] * 50)
    lines = f"  - {{role: legal, text: {words}}}\n" + f"  - {{text: {more}}}\n" * 9
    brief, layout = of(f"title: Fair\nlines:\n{lines}", "banner")

    problem = overfull(brief, layout)[0]
    assert problem.field == "legal on banner"
    assert problem.line == 3
    assert "593 characters" in problem.message
    assert "pixels" in problem.message
    assert "only:" in problem.hint
    assert_sound(brief, layout)


def test_small_type_on_paper_is_told_in_points() -> None:
    lines = "\n".join(f"  - {{text: {' '.join(['words'] * 99)}}}" for _ in range(40))
    brief, layout = of(f"title: Fair\nlines:\n{lines}", "a4")

    assert "pt" in overfull(brief, layout)[0].message


def test_texts_that_leave_nothing_of_the_picture_are_told() -> None:
    brief, layout = of("title: A title\nlines: [{text: b, box: [0.07, 0.3, 0.93, 0.94]}]")
    [title] = layout.placed("title")
    lower = f"{title.box.y1 + 0.03:.4f}"
    brief, layout = of(f"title: A title\nlines: [{{text: b, box: [0.07, {lower}, 0.93, 0.94]}}]")

    assert [problem.field for problem in overfull(brief, layout)] == ["lines on a4"]


def test_a_code_is_large_enough_for_phones() -> None:
    for size in SIZES:
        spec: SizeSpec = size_of(size)
        brief = load_brief("title: A\nqr: https://a.example/" + "x" * 150)
        layout = layout_for(brief, spec)
        assert layout.qr is not None
        assert brief.qr is not None
        module = layout.qr.width * spec.trim[0] / brief.qr.modules
        assert module >= (0.49 * spec.dpi / 25.4 if spec.printed else 3)


def test_print_has_the_least_sizes_that_printers_ask_for() -> None:
    assert least_em("legal", size_of("a4")) == pytest.approx(5.5 / 72 * 250)
    assert least_em("price", size_of("a4")) > least_em("legal", size_of("a4"))


def test_areas_for_set_texts_leave_painted_words_out() -> None:
    _, layout = of("title: Night Market\nsubtitle: By the harbour\ndate: today\ncta: Come\n")

    title = layout.placed("title")[0].box
    assert not any(quiet.meets(shrunk(title)) for quiet in layout.quiet)
    assert len(layout.quiet) == 2


def test_a_text_a_little_too_long_for_one_line_gets_smaller_and_leaves_no_gap() -> None:
    text = "title: Party\ndate: 18 April\ntime: WORDS\nplace: The Hill\nsizes: [story]"
    for count in range(18, 34):
        brief = load_brief(
            text.replace("WORDS", ("Tuesday to Sunday 10 to 18 " * 2)[:count].strip()),
            name="x.yaml",
        )
        layout = layout_for(brief, brief.sizes[0])
        for placed in layout.lines:
            laid = setting_of(brief, placed, "en", layout)
            if placed.line_id == "time" and len(laid.lines) == 1:
                assert placed.box.height * brief.sizes[0].trim[1] < 1.5 * laid.size
