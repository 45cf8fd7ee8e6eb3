"""Derived files say where their picture came from."""

from __future__ import annotations

import io
from typing import get_args

import pytest
from PIL import Image, ImageChops

from agent.poster.metadata import FileKind, Provenance, encoded, provenance_in

from .posters import MADE, crowd

PICTURE = Image.open(io.BytesIO(crowd((160, 120))))
_TERMS = "http://cv.iptc.org/newscodes/digitalsourcetype/"


@pytest.mark.parametrize("kind", get_args(FileKind))
def test_every_kind_of_file_names_its_source_and_its_original(kind: FileKind) -> None:
    told = provenance_in(encoded(PICTURE, kind, MADE))
    assert told == (_TERMS + "compositeWithTrainedAlgorithmicMedia", "ab" * 32)


def test_what_was_drawn_offline_says_so() -> None:
    told = provenance_in(encoded(PICTURE, "png", Provenance("cd" * 32, "offline")))
    assert told == (_TERMS + "algorithmicMedia", "cd" * 32)


@pytest.mark.parametrize("kind", ["png", "webp"])
def test_kinds_that_carry_a_code_keep_every_pixel(kind: FileKind) -> None:
    with Image.open(io.BytesIO(encoded(PICTURE, kind, MADE))) as back:
        assert ImageChops.difference(back.convert("RGB"), PICTURE.convert("RGB")).getbbox() is None


@pytest.mark.parametrize("kind", get_args(FileKind))
def test_the_same_poster_is_the_same_file(kind: FileKind) -> None:
    assert encoded(PICTURE, kind, MADE) == encoded(PICTURE.copy(), kind, MADE)


def test_a_title_with_signs_of_xml_does_not_break_the_packet() -> None:
    data = encoded(PICTURE, "png", MADE._replace(title='Fish & <Chips> "at" dawn'))
    assert provenance_in(data) is not None
    assert b"Fish &amp; &lt;Chips&gt;" in data


def test_paper_keeps_its_resolution() -> None:
    with Image.open(io.BytesIO(encoded(PICTURE, "png", MADE, dpi=250))) as back:
        assert back.info["dpi"] == pytest.approx((250, 250), abs=0.1)


def test_a_strangers_file_tells_nothing() -> None:
    assert provenance_in(crowd((160, 120))) is None
