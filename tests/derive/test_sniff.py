from __future__ import annotations

import subprocess
import sys
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.derive import PillowPictures, looks_like, measure
from agent.errors import UsageError

from .pictures_of import encoded, gif_with_frame, png_claiming

MEDIA = {"PNG": "image/png", "JPEG": "image/jpeg", "WEBP": "image/webp", "GIF": "image/gif"}


@pytest.mark.parametrize("format_", MEDIA)
def test_magic_bytes_name_the_media_type(format_: str) -> None:
    assert looks_like(encoded(format_)) == MEDIA[format_]


@pytest.mark.parametrize(
    "markup",
    [
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        b"\xef\xbb\xbf\n <?xml version='1.0'?>\n<!-- a <b> --><svg width='1'>",
        b"<!DOCTYPE svg PUBLIC '-//W3C//DTD SVG 1.1//EN' 'x'><SVG>",
    ],
)
def test_markup_whose_first_element_is_svg_is_svg(markup: bytes) -> None:
    assert looks_like(markup) == "image/svg+xml"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x89PNG",
        b"RIFF\0\0\0\0WAVE",
        b"{}",
        b"<html><body><svg></svg></body></html>",
        b"<?xml version='1.0'?><html><svg/></html>",
        b"<?xml version='1.0'?><feed/>",
        b"<!-- " + b"<!---->" * 4000,
    ],
)
def test_what_is_no_picture_has_no_media_type(data: bytes) -> None:
    assert looks_like(data) is None
    assert measure(data) is None
    with pytest.raises(UsageError):
        PillowPictures().inspect(data, name="it")


@pytest.mark.parametrize("size", [(1, 1), (48, 32), (31, 517)])
@pytest.mark.parametrize(
    ("format_", "save"),
    [
        ("PNG", {}),
        ("JPEG", {}),
        ("JPEG", {"progressive": True, "exif": b"Exif\0\0" + bytes(60_000)}),
        ("WEBP", {}),
        ("WEBP", {"lossless": True}),
        ("WEBP", {"exif": b"Exif\0\0II*\0\x08\0\0\0\0\0"}),
        ("GIF", {}),
    ],
)
def test_headers_tell_the_size_that_was_saved(
    format_: str, save: dict[str, Any], size: tuple[int, int]
) -> None:
    assert measure(encoded(format_, size, **save)) == size


def test_jpeg_fill_bytes_and_bare_markers_are_stepped_over() -> None:
    jpeg = encoded("JPEG")
    assert measure(jpeg[:2] + b"\xff\xff\xff\x01" + jpeg[2:]) == (48, 32)


@pytest.mark.parametrize(
    "data",
    [
        png_claiming(0, 5),
        b"\x89PNG\r\n\x1a\n" + bytes(40),
        b"GIF89a\x01",
        b"RIFF\0\0\0\0WEBPVP8 ",
        b"RIFF\0\0\0\0WEBPJUNK" + bytes(30),
        b"\xff\xd8\xff\xe0\0\x10" + bytes(40),
        b"\xff\xd8\xff\xd9",
        b"<svg width='10' height='10'/>",
    ],
)
def test_a_header_that_tells_no_size_measures_as_none(data: bytes) -> None:
    assert measure(data) is None


@pytest.mark.parametrize("format_", MEDIA)
@pytest.mark.parametrize("part", [0.1, 0.5, 0.97])
def test_a_truncated_picture_does_not_decode(format_: str, part: float) -> None:
    data = encoded(format_, (96, 96))
    PillowPictures().inspect(data, name="it")
    with pytest.raises(UsageError):
        PillowPictures().inspect(data[: int(len(data) * part)], name="it")


@pytest.mark.parametrize("data", [png_claiming(30_000, 30_000), gif_with_frame(65_000, 65_000)])
def test_a_decompression_bomb_does_not_decode_and_does_not_warn(data: bytes) -> None:
    with pytest.raises(UsageError):
        PillowPictures().inspect(data, name="it")


@given(
    st.binary(max_size=200), st.sampled_from([b"", b"\xff\xd8\xff", b"GIF89a", b"RIFF0000WEBPVP8X"])
)
def test_any_bytes_are_answered_or_are_a_mistake_of_the_user(tail: bytes, head: bytes) -> None:
    data = head + tail
    size = measure(data)
    assert size is None or min(size) > 0
    with suppress(UsageError):
        PillowPictures().inspect(data, name="it")


def test_sniffing_does_not_import_pillow() -> None:
    code = (
        "import sys, agent.derive as d; d.measure(b'GIF89a....'); assert 'PIL' not in sys.modules;"
        "d.PillowPictures().received(b'GIF89a'); assert 'PIL' not in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
