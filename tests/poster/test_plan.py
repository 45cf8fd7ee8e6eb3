"""What is bought, what is delivered, in which order, for how much."""

from __future__ import annotations

from decimal import Decimal

import pytest

from agent.errors import UsageError
from agent.poster.brief import Brief
from agent.poster.filling import load_brief
from agent.poster.plan import Plan, plan_of, reading_cost
from agent.poster.wording import quoted
from agent.turn import prompts
from agent.turn.pricing import Prices, estimate, load_prices

OPENAI = load_prices(prompts.prices_text("openai"), name="openai")


def plan(text: str, prices: Prices = OPENAI) -> Plan:
    return plan_of(load_brief(text, name="party.yaml"), prices)


def test_one_picture_per_size_and_variant_serves_every_locale() -> None:
    made = plan("title: {en: A, de: B, fr: C}\nsizes: [story, square]\nvariants: 2")

    assert [p.key for p in made.pictures] == ["story/1", "square/1", "story/2", "square/2"]
    assert {p.lettering for p in made.pictures} == {"set"}
    assert len(made.cells) == 12
    assert {c.picture for c in made.cells if c.size == "story" and c.variant == 1} == {"story/1"}


def test_painted_words_of_two_locales_need_a_picture_each() -> None:
    made = plan("title: {en: A, de: B}\nlettering: painted\nsizes: [square]")

    assert [p.key for p in made.pictures] == ["square/1/en", "square/1/de"]
    assert [p.lead for p in made.pictures] == [None, "square/1/en"]
    assert [c.picture for c in made.cells] == ["square/1/en", "square/1/de"]
    assert [p.painted[0].text for p in made.pictures] == ["A", "B"]


def test_the_first_picture_of_a_variant_sets_its_look() -> None:
    made = plan("title: A\nsizes: [a4, story, banner]\nvariants: 2")

    assert [p.lead for p in made.pictures] == [None, "a4/1", "a4/1", None, "a4/2", "a4/2"]
    assert [p.prompt_ref.id for p in made.pictures][:2] == ["poster/picture", "poster/variation"]


def test_cells_are_named_by_brief_locale_size_and_variant() -> None:
    made = plan("title: {en: A, de: B}\nsizes: [square]")

    assert [c.name for c in made.cells] == ["party/en/square/1", "party/de/square/1"]
    assert made.picture(made.cells[0].picture).size == "square"


def test_every_picture_is_asked_for_in_a_legal_size() -> None:
    made = plan("title: A\nsizes: [a3, 3000x900]\noptions: {model: gpt-image-1.5, quality: high}")

    assert [p.buy.size for p in made.pictures] == ["1024x1536", "1536x1024"]
    brief = load_brief("title: A\noptions: {quality: high}")
    options = made.pictures[0].options(brief)
    assert (options.size, options.quality) == ("1024x1536", "high")


# ── the words that are sent ──────────────────────────────────────────────────────────────────


def test_a_prompt_names_calm_areas_painted_words_the_subject_and_the_palette() -> None:
    [picture] = plan(
        "title: Night Market\ndate: 12 June\nmotif: Lanterns\ntone: warm\n"
        'palette: ["#1B2A4A", "#fc7"]\nmust: [a boat]\navoid: [people]\nsizes: [square]'
    ).pictures

    title, focal, calm = (
        spanned(box) for box in (picture.painted[0].box, picture.focal, picture.boxes[0])
    )
    expected = f"""\
The picture for a poster, square. Subject: Lanterns. Tone: warm.
Paint these words exactly as written, each in its own area: "NIGHT MARKET" as title {title}. \
Set them in tall, narrow, heavy capitals, flush left. No other lettering.
Leave these areas calm and empty, with no lettering and no figure in them: {calm}.
Keep the main subject inside {focal}. Fill the whole picture to every edge; \
no frame, no border, no mock-up of a poster on a wall.
Palette: #1b2a4a, #ffcc77.
It must show: a boat.
Do not show: people."""
    assert picture.prompt == expected


def spanned(box: tuple[float, float, float, float]) -> str:
    x0, y0, x1, y1 = (round(100 * edge) for edge in box)
    return f"from {x0}% to {x1}% across and {y0}% to {y1}% down"


def test_a_picture_without_painted_words_is_asked_for_without_any() -> None:
    [picture] = plan("title: A\nlettering: set\nsizes: [square]").pictures

    assert "No other lettering." in picture.prompt
    assert "Paint these words" not in picture.prompt
    assert picture.painted == ()


def test_areas_are_those_of_the_bought_picture_with_its_bleed() -> None:
    [paper] = plan("title: A\nsizes: [{name: big, mm: 100x100, dpi: 300, bleed: 20}]").pictures
    [screen] = plan("title: A\nsizes: [1181x1181]").pictures

    # the trim is 100 of 140 mm, so everything moves towards the middle
    assert paper.painted[0].box.x0 == pytest.approx(
        1 / 7 + screen.painted[0].box.x0 * 5 / 7, abs=0.02
    )


def test_words_keep_their_quotation_marks_apart_from_ours() -> None:
    assert quoted('The "Big" One') == '"The “Big” One"'
    assert quoted("plain") == '"plain"'


# ── money ────────────────────────────────────────────────────────────────────────────────────


def test_the_cheapest_is_every_picture_once_and_the_dearest_has_every_repair() -> None:
    made = plan("title: {en: A, de: B}\nsizes: [story, square]")
    painted = plan("title: A\nsizes: [story, square]")

    looks = [reading_cost(0, p.buy.pixels, OPENAI, "gpt-5.5").amount or 0 for p in made.pictures]
    once = sum(p.cheapest.amount or 0 for p in made.pictures)
    assert made.cheapest.amount == once + sum(looks)
    assert made.dearest.amount is not None
    assert made.dearest.amount > 2 * once + 2 * sum(looks)
    assert painted.cheapest.amount is not None
    assert painted.dearest.amount is not None
    assert painted.dearest.amount > 2 * painted.cheapest.amount
    assert made.cheapest.basis == "estimate"


def test_an_edit_is_priced_with_the_picture_that_it_reads() -> None:
    brief: Brief = load_brief("title: {en: A, de: B}\nsizes: [square, 1080x1080]")
    first, second = plan_of(brief, OPENAI).pictures

    bare = estimate(second.options(brief), prices=OPENAI, prompt_chars=0)
    assert first.cheapest.amount is not None
    assert second.cheapest.amount is not None
    assert bare.amount is not None
    assert second.cheapest.amount > first.cheapest.amount


def test_offline_everything_is_free_and_known_to_be() -> None:
    made = plan("title: A", load_prices(prompts.prices_text("offline"), name="offline"))

    assert (made.cheapest.amount, made.dearest.amount) == (Decimal(0), Decimal(0))


def test_a_budget_for_a_few_of_many_pictures_is_told_with_numbers() -> None:
    made = plan(
        "title: {en: A, de: B, fr: C, pl: D, zh: E}\nsizes: [a4, story, square, banner, 1024x1024]\n"
        "variants: 8\nbudget: 0.50"
    )

    assert len(made.cells) == 200
    [told] = made.warnings
    assert told.startswith("budget 0.50 USD: pays for ")
    assert " of 40 pictures (200 posters)" in told
    assert f"{made.cheapest.amount:.2f}" in told


def test_a_budget_between_both_prices_is_told() -> None:
    dearest = plan("title: A\nsizes: [square]").dearest.amount
    assert dearest is not None

    [told] = plan(f"title: A\nsizes: [square]\nbudget: {dearest - Decimal('0.0001')}").warnings
    assert "not at the dearest" in told
    assert plan(f"title: A\nsizes: [square]\nbudget: {dearest}").warnings == ()


def test_a_price_that_nobody_knows_is_not_zero() -> None:
    made = plan("title: A\noptions: {model: gpt-image-2.5-flare}\nbudget: 5\nsizes: [square]")

    assert made.cheapest.amount is None
    assert made.dearest.amount is None
    assert "not known" in made.warnings[0]


# ── what is told before paying ───────────────────────────────────────────────────────────────


def test_low_dpi_resizing_and_small_type_are_told_before_paying() -> None:
    words = " ".join(["conditions"] * 54)
    lines = f"  - {{role: legal, text: {words}, only: [banner]}}\n" * 9
    made = plan(
        f"title: A\nlines:\n{lines}sizes: [a3, banner]\noptions: {{model: gpt-image-1.5}}\n"
    )

    assert any("dpi" in warning for warning in made.warnings)
    assert any("on banner" in warning for warning in made.warnings)
    assert any("1024x1536" in note for note in made.notes)


def test_a_dead_image_model_is_refused() -> None:
    brief = load_brief("title: A")
    dead = brief.model_copy(
        update={"options": brief.options.model_copy(update={"model": "dall-e-3"})}
    )

    with pytest.raises(UsageError, match="shut down"):
        plan_of(dead, OPENAI)


def test_the_same_brief_has_the_same_plan() -> None:
    text = "title: {en: A, zh: 夜市}\ndate: today\nqr: https://a.example\nsizes: [a4, banner]"

    assert plan(text) == plan(text)


def test_the_second_variant_is_asked_for_in_other_words_than_the_first() -> None:
    one, two = plan("title: Party\nmotif: a kite\nvariants: 2\nsizes: [story]").pictures
    assert "Variant" not in one.prompt
    assert "Variant 2:" in two.prompt


def test_a_word_more_in_one_locale_leaves_every_picture_as_it_is() -> None:
    text = "title: {en: Party, de: Feier}\nplace: {en: Harbour Square, de: PLACE}\n"
    text += "cta: {en: Come hungry, de: Kommt hungrig}\nmotif: a kite\nsizes: [a4, story, square]"
    told = [[p.prompt for p in plan(text.replace("PLACE", place)).pictures] for place in
            ("Hafenplatz", "Hafenplatz 7", "Am Hafen")]  # fmt: skip
    assert told[0] == told[1] == told[2]


def test_painted_columns_that_one_locale_has_not_are_left_out_of_its_picture() -> None:
    text = """
title: {en: Party, de: Feier}
lines:
  - {role: line, lettering: painted, text: {en: "Friday | Saturday", de: "Freitag"}}
sizes: [story]
"""
    english, german = plan(text).pictures
    assert [one.text for one in english.painted] == ["Friday", "Saturday"]
    assert [one.text for one in german.painted] == ["Freitag"]
