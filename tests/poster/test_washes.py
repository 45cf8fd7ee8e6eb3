"""Washes: what the pixels show is what the layers of the PDF show."""

from __future__ import annotations

from itertools import pairwise

import pytest
from PIL import Image, ImageChops

from agent.poster.contrast import mix
from agent.poster.washes import Wash, lay, layers

GROUND, VEIL = (200, 60, 20), (10, 20, 40)


def test_a_wash_is_whole_inside_its_box_and_leaves_the_rest_alone() -> None:
    image = Image.new("RGB", (300, 300), GROUND)
    lay(image, Wash((100, 100, 200, 200), (20, 20, 20, 20), VEIL, 0.6, radius=10))
    assert image.getpixel((150, 150)) == pytest.approx(mix(GROUND, VEIL, 0.6), abs=1)
    assert image.getpixel((101, 101 + 20)) == pytest.approx(mix(GROUND, VEIL, 0.6), abs=1)
    outside = image.copy()
    outside.paste(GROUND, (80, 80, 220, 220))
    assert ImageChops.difference(outside, Image.new("RGB", (300, 300), GROUND)).getbbox() is None


def test_its_edge_falls_without_a_step_that_is_seen() -> None:
    image = Image.new("RGB", (40, 400), (255, 255, 255))
    lay(image, Wash((0, 0, 40, 100), (0, 0, 0, 250), (0, 0, 0), 0.9))
    column = image.convert("L").crop((20, 100, 21, 360)).tobytes()
    falls = [later - earlier for earlier, later in pairwise(column)]
    assert min(falls) >= 0
    assert max(falls) <= 10


def test_layers_laid_over_each_other_make_the_wash() -> None:
    wash = Wash((0, 0, 10, 10), (0, 0, 0, 30), VEIL, 0.8)
    left = 1.0
    for layer in layers(wash):
        left *= 1 - layer.alpha
        assert 1 - left == pytest.approx(layer.covered)
    assert 1 - left == pytest.approx(0.8)


def test_an_opaque_wash_hides_what_is_under_it() -> None:
    image = Image.new("RGB", (60, 60), GROUND)
    image.paste((0, 255, 0), (20, 20, 40, 40))
    lay(image, Wash((10, 10, 50, 50), (5, 5, 5, 5), VEIL, 1.0, radius=3))
    assert image.crop((16, 16, 44, 44)).getcolors() == [(28 * 28, VEIL)]


def test_a_hard_edge_is_one_layer() -> None:
    assert len(layers(Wash((0, 0, 9, 9), (0, 0, 0, 0), VEIL, 0.5))) == 1


def test_a_wash_outside_the_picture_changes_nothing() -> None:
    image = Image.new("RGB", (20, 20), GROUND)
    lay(image, Wash((50, 50, 60, 60), (2, 2, 2, 2), VEIL, 1.0))
    assert image.getcolors() == [(400, GROUND)]
