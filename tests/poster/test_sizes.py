"""Sizes, and what to buy for them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.errors import UsageError
from agent.poster.sizes import LEAST_EDGE, MOST_RATIO, NAMED, SizeSpec, bought, size_of
from agent.turn.capabilities import size_problems

EDGES = st.integers(LEAST_EDGE, 4000)


@pytest.mark.parametrize(
    ("text", "trim", "canvas"),
    [
        ("A3", (2339, 3307), (2387, 3355)),
        ("a4", (2067, 2923), (2127, 2983)),
        ("story", (1080, 1920), (1080, 1920)),
        ("square", (1080, 1080), (1080, 1080)),
        ("banner", (1500, 500), (1500, 500)),
        ("1500x500", (1500, 500), (1500, 500)),
        ("800 × 600 px", (800, 600), (800, 600)),
        ("210x297mm@300+3", (2480, 3508), (2550, 3578)),
        ("100x150mm", (1181, 1772), (1181, 1772)),
    ],
)
def test_sizes_are_named_or_written(
    text: str, trim: tuple[int, int], canvas: tuple[int, int]
) -> None:
    spec = size_of(text)

    assert spec.trim == trim
    assert spec.canvas == canvas


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("a9", "no size"),
        ("10x10", "an edge needs"),
        ("4000x500", "as long as wide"),
        ("900x900mm@1200", "lower the dpi"),
        ("210x297mm@30", "36"),
    ],
)
def test_what_is_no_size_says_why(text: str, told: str) -> None:
    with pytest.raises(UsageError, match=told):
        size_of(text)


def test_a_size_is_pixels_or_millimetres() -> None:
    with pytest.raises(ValueError, match="either"):
        SizeSpec(name="both", pixels=(500, 500), mm=(100, 100))


def test_the_trim_lies_in_the_middle_of_the_canvas() -> None:
    box = NAMED["a3"].trim_box

    assert box.x0 == pytest.approx(1 - box.x1)
    assert box.width * 2387 == pytest.approx(2339)


@given(width=EDGES, height=EDGES)
def test_what_is_bought_is_legal_and_fills_the_canvas(width: int, height: int) -> None:
    if max(width, height) > MOST_RATIO * min(width, height):
        return
    spec = SizeSpec(name="x", pixels=(width, height))

    made = bought(spec, "gpt-image-2")

    assert size_problems(*made.pixels) == ()
    kept = made.crop.width * made.pixels[0], made.crop.height * made.pixels[1]
    assert kept[0] * made.factor == pytest.approx(width, abs=0.5)
    assert kept[1] * made.factor == pytest.approx(height, abs=0.5)
    assert min(made.crop) >= 0
    if max(width, height) <= 3 * min(width, height) and 700_000 < width * height < 8_000_000:
        assert made.lost < 0.06


def test_named_sizes_are_filled_without_being_enlarged() -> None:
    for spec in NAMED.values():
        made = bought(spec, "gpt-image-2")
        assert made.factor <= 1.0
        assert made.lost < 0.01
        assert made.warnings == ()


def test_a_model_of_standard_sizes_is_asked_for_one_and_the_loss_is_told() -> None:
    made = bought(NAMED["a3"], "gpt-image-1.5")

    assert made.size == "1024x1536"
    assert made.resize == "larger"
    assert made.real_dpi is not None
    assert made.real_dpi < 100
    assert any("dpi" in warning for warning in made.warnings)
    assert any("gpt-image-1.5 is asked for 1024x1536" in note for note in made.notes)


def test_a_screen_that_is_cropped_or_enlarged_is_told() -> None:
    told = " ".join(bought(NAMED["story"], "gpt-image-1.5").warnings)

    assert "cut off" in told
    assert "enlarged" in " ".join(bought(size_of("3000x2000"), "gpt-image-1.5").warnings)


def test_a_size_that_is_legal_as_it_is_needs_no_note() -> None:
    made = bought(size_of("1024x1024"), "gpt-image-2")

    assert (made.size, made.resize, made.notes) == ("1024x1024", "none", ())


def test_a_dead_model_is_refused() -> None:
    with pytest.raises(UsageError, match="shut down"):
        bought(NAMED["a4"], "dall-e-3")
