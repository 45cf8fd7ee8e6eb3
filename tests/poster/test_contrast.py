"""Contrast, calm and colour distance, as arithmetic over real pixels."""

from __future__ import annotations

import io

import pytest
from PIL import Image

from agent.poster.contrast import (
    BLACK,
    TEXT,
    WHITE,
    Ground,
    distance,
    ground_of,
    mix,
    palette_distance,
    ratio,
    rgb,
    veil_needed,
)

from .posters import crowd


def test_contrast_is_that_of_wcag() -> None:
    assert ratio(BLACK, WHITE) == pytest.approx(21)
    assert ratio((0x77, 0x77, 0x77), WHITE) == pytest.approx(4.48, abs=0.01)
    assert ratio((200, 10, 10), (200, 10, 10)) == 1


def test_the_worst_twentieth_counts_and_not_the_mean() -> None:
    mostly_dark = Ground((BLACK,) * 90 + (WHITE,) * 10)
    assert mostly_dark.worst(WHITE) == 1
    nearly_all_dark = Ground((BLACK,) * 97 + (WHITE,) * 3)
    assert nearly_all_dark.worst(WHITE) == pytest.approx(21)


def test_a_veil_is_no_stronger_than_the_contrast_needs() -> None:
    with Image.open(io.BytesIO(crowd((400, 400)))) as picture:
        ground = ground_of(picture.convert("RGB"), (0, 0, 400, 400)).thinned(2_500)
    alpha = veil_needed(ground, WHITE, BLACK, TEXT)
    assert ground.worst(WHITE, BLACK, alpha) >= TEXT
    assert ground.worst(WHITE, BLACK, alpha - 0.04) < TEXT


def test_a_ground_that_is_dark_enough_needs_no_veil() -> None:
    assert veil_needed(Ground((BLACK,) * 50), WHITE, BLACK, TEXT) == 0


def test_a_box_beyond_the_picture_is_cut_to_it() -> None:
    image = Image.new("RGB", (10, 10), (9, 8, 7))
    assert ground_of(image, (-5, -5, 50, 50)).mean == (9, 8, 7)
    assert ground_of(image, (40, 40, 50, 50)).mean == (9, 8, 7)


def test_a_crowd_is_unquiet_and_a_wall_is_not() -> None:
    with Image.open(io.BytesIO(crowd((400, 400)))) as picture:
        ground = ground_of(picture.convert("RGB"), (0, 0, 400, 400))
    assert ground.spread > 30
    assert Ground(((120, 80, 40),) * 20).spread == 0


def test_colours_are_as_far_apart_as_people_see_them() -> None:
    assert distance(WHITE, BLACK) == pytest.approx(100, abs=0.1)
    assert distance((250, 0, 0), (252, 0, 0)) < 2
    assert distance(rgb("#e4572e"), rgb("#1b2a4a")) > 60


def test_asked_colours_that_are_there_are_near_and_missing_ones_are_far() -> None:
    image = Image.new("RGB", (64, 64), (27, 42, 74))
    image.paste((255, 207, 122), (0, 0, 64, 32))
    assert palette_distance(image, [(27, 42, 74), (255, 207, 122)]) < 4
    assert palette_distance(image, [(30, 160, 60)]) > 40
    assert palette_distance(image, []) == 0


def test_mixing_goes_from_one_colour_to_the_other() -> None:
    assert mix(BLACK, WHITE, 0) == BLACK
    assert mix(BLACK, WHITE, 1) == WHITE
