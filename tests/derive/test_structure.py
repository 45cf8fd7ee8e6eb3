from __future__ import annotations

import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.derive import PillowPictures
from agent.protocols import PictureFacts, Pictures

from .pictures_of import animation, encoded, gif_with_frame, png_claiming

PICTURES: Pictures = PillowPictures()

WHOLE = {
    "png": encoded("PNG", (90, 60)),
    "png-alpha": encoded("PNG", (90, 60), mode="RGBA"),
    "png-palette": encoded("PNG", (90, 60), mode="P", transparency=0),
    "png-grey": encoded("PNG", (90, 60), mode="L"),
    "apng": animation("PNG"),
    "jpeg": encoded("JPEG", (90, 60)),
    "jpeg-progressive": encoded("JPEG", (90, 60), progressive=True, exif=b"Exif\0\0" + bytes(9000)),
    "webp": encoded("WEBP", (90, 60)),
    "webp-lossless": encoded("WEBP", (91, 61), lossless=True),
    "webp-animated": animation("WEBP"),
    "gif": encoded("GIF", (90, 60)),
    "gif-transparent": encoded("GIF", (90, 60), mode="P", transparency=3),
    "gif-animated": animation("GIF"),
}


def half_clear_webp(*, lossless: bool) -> bytes:
    import io

    from PIL import Image

    picture = Image.new("RGBA", (40, 40), (200, 30, 30, 255))
    picture.paste((0, 0, 0, 0), (0, 0, 20, 40))
    out = io.BytesIO()
    picture.save(out, "WEBP", lossless=lossless)
    return out.getvalue()


@pytest.mark.parametrize("name", WHOLE)
def test_structure_tells_the_same_as_a_whole_decode(name: str) -> None:
    assert PICTURES.received(WHOLE[name]) == PICTURES.inspect(WHOLE[name], name=name)


@pytest.mark.parametrize("lossless", [True, False])
def test_transparency_of_a_webp_is_seen_without_decoding(lossless: bool) -> None:
    data = half_clear_webp(lossless=lossless)
    assert PICTURES.received(data) == PictureFacts("image/webp", 40, 40, has_alpha=True)


@pytest.mark.parametrize("name", WHOLE)
def test_a_picture_cut_anywhere_is_not_one(name: str) -> None:
    data = WHOLE[name]
    for length in range(0, len(data) - 1, max(1, len(data) // 150)):
        assert PICTURES.received(data[:length]) is None, length


@pytest.mark.parametrize("name", [name for name in WHOLE if "webp" not in name])
def test_bytes_after_the_end_are_forgiven(name: str) -> None:
    assert PICTURES.received(WHOLE[name] + b"\n\0trailer") is not None


def test_a_flipped_bit_in_the_pixels_of_a_png_is_noticed() -> None:
    data = bytearray(WHOLE["png"])
    data[data.index(b"IDAT") + 20] ^= 1
    assert PICTURES.received(bytes(data)) is None


def test_a_flipped_bit_in_a_remark_does_not_cost_the_picture() -> None:
    """C2PA and XMP chunks are remarks; a paid picture is not thrown away over them."""
    remark = b"caBX" + bytes(40)
    chunk = (40).to_bytes(4, "big") + remark + (zlib.crc32(remark) ^ 1).to_bytes(4, "big")
    png = WHOLE["png"]
    assert PICTURES.received(png[:33] + chunk + png[33:]) == PICTURES.received(png)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{}",
        b"\x89PNG\r\n\x1a\n" + bytes(40),
        png_claiming(5, 5)[:-12],
        png_claiming(5, 5).replace(b"IDAT", b"ICAT"),
        WHOLE["png"][:33] + WHOLE["png"][-12:],
        b"RIFF\x1e\0\0\0WEBPVP8X\x0a\0\0\0" + bytes(20),
        b"RIFF\x1e\0\0\0WEBPVP8X\xff\0\0\0" + bytes(20),
        WHOLE["gif"][:13] + b";" + bytes(20),
        b"GIF89a\x01\0\x01\0\0\0\0;",
        b"GIF89a\x01\0\x01\0\0\0\0\x55" + bytes(20),
        b"\xff\xd8\xff\xc0\0\x11\x08\0\x10\0\x10" + bytes(30),
        b"\xff\xd8\xff\xc0\0\x0b\x08\0\x10\0\x10\x01\x01\x11\0\xff\xd9\xff\xd9",
    ],
)
def test_what_has_no_pixels_is_no_picture(data: bytes) -> None:
    assert PICTURES.received(data) is None


def test_jpeg_fill_bytes_are_stepped_over() -> None:
    jpeg = WHOLE["jpeg"]
    assert PICTURES.received(jpeg[:2] + b"\xff\xff\xff\x01" + jpeg[2:]) is not None


def test_a_gif_whose_frame_outgrows_its_screen_is_told_by_its_screen() -> None:
    """Structure alone allocates nothing, whatever a frame claims."""
    facts = PICTURES.received(gif_with_frame(65_000, 65_000))
    assert facts == PictureFacts("image/gif", 1, 1, has_alpha=False)


@pytest.mark.parametrize(
    ("svg", "size"),
    [
        (b"<svg viewBox='0 0 640 480.5'><rect/></svg>\n", (640, 480)),
        (b"<svg viewBox='0,0,64,.5'></svg>", (64, 0)),
        (b"<svg width='100%'></svg>", (0, 0)),
    ],
)
def test_a_whole_svg_is_as_large_as_its_view_box(svg: bytes, size: tuple[int, int]) -> None:
    assert PICTURES.received(svg) == PictureFacts("image/svg+xml", *size, has_alpha=True)


def test_an_svg_without_its_end_is_not_whole() -> None:
    assert PICTURES.received(b"<svg viewBox='0 0 9 9'><rect") is None


@given(
    st.sampled_from(sorted(WHOLE)),
    st.lists(st.tuples(st.integers(min_value=0), st.integers(0, 255)), min_size=1, max_size=6),
)
def test_any_damage_is_answered_without_an_exception(
    name: str, damage: list[tuple[int, int]]
) -> None:
    data = bytearray(WHOLE[name])
    for at, value in damage:
        data[at % len(data)] = value
    facts = PICTURES.received(bytes(data))
    assert facts is None or facts.width > 0
