"""An enlarged copy: the same picture, larger, in its own format, and it says what it is."""

from __future__ import annotations

import io

import pytest
from PIL import Image, ImageDraw

from agent.derive import PillowPictures
from agent.derive.upscale import enlarged
from agent.errors import UsageError


def scene(size: tuple[int, int], kind: str = "PNG", mode: str = "RGB") -> bytes:
    """A red disc in the middle of a blue ground."""
    canvas = Image.new("RGB", size, "blue")
    middle, radius = (size[0] // 2, size[1] // 2), min(size) // 4
    ImageDraw.Draw(canvas).ellipse(
        (middle[0] - radius, middle[1] - radius, middle[0] + radius, middle[1] + radius), fill="red"
    )
    buffer = io.BytesIO()
    canvas.convert(mode).save(buffer, kind)
    return buffer.getvalue()


def colour_at(picture: Image.Image, x: float, y: float) -> str:
    """``red`` or ``blue`` at a place given in shares of the edges."""
    place = (int(x * (picture.width - 1)), int(y * (picture.height - 1)))
    red, _, blue = picture.convert("RGB").getpixel(place)  # type: ignore[misc]
    return "red" if red > blue else "blue"


@pytest.mark.parametrize(
    ("kind", "mode"),
    [("PNG", "RGB"), ("PNG", "RGBA"), ("PNG", "P"), ("PNG", "L"), ("JPEG", "RGB"), ("WEBP", "RGB")],
)
def test_it_is_the_same_picture_of_the_size_that_was_asked_for(kind: str, mode: str) -> None:
    large = enlarged(scene((96, 54), kind, mode), (240, 135))

    with Image.open(io.BytesIO(large)) as picture:
        assert (picture.format, picture.size) == (kind, (240, 135))
        if mode != "L":
            assert [colour_at(picture, x, 0.5) for x in (0.05, 0.5, 0.95)] == [
                "blue",
                "red",
                "blue",
            ]


def test_what_was_transparent_stays_transparent() -> None:
    buffer = io.BytesIO()
    Image.new("RGBA", (32, 32), (255, 0, 0, 0)).save(buffer, "PNG")

    with Image.open(io.BytesIO(enlarged(buffer.getvalue(), (64, 64)))) as picture:
        assert picture.mode == "RGBA"
        assert picture.getchannel("A").getextrema() == (0, 0)


def test_nothing_is_stretched_where_the_shapes_differ() -> None:
    """A disc stays as wide as it is high."""
    with Image.open(io.BytesIO(enlarged(scene((100, 96)), (400, 400)))) as picture:
        red = [[colour_at(picture, x / 399, y / 399) == "red" for x in range(0, 400, 4)]
               for y in range(0, 400, 4)]  # fmt: skip
    width = max(map(sum, red))
    height = sum(any(row) for row in red)
    assert abs(width - height) <= 1


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_the_file_says_that_no_model_drew_it(kind: str) -> None:
    large = enlarged(scene((96, 54), kind), (240, 135))

    with Image.open(io.BytesIO(large)) as picture:
        exif = picture.getexif().get(0x010E, "")
        comment = picture.info.get("Comment") or picture.info.get("comment") or exif
    told = comment.decode() if isinstance(comment, bytes) else comment
    assert "Enlarged from 96x54 to 240x135" in told
    assert "no model" in told


@pytest.mark.parametrize("size", [(96, 54), (48, 27), (20_000, 20_000)])
def test_what_is_not_larger_or_far_too_large_is_refused(size: tuple[int, int]) -> None:
    with pytest.raises(UsageError, match=f"{size[0]}x{size[1]}"):
        enlarged(scene((96, 54)), size)


@pytest.mark.parametrize("data", [b"", b"no picture", scene((96, 54))[:200]])
def test_what_is_no_whole_picture_is_refused(data: bytes) -> None:
    with pytest.raises(UsageError):
        PillowPictures().enlarged(data, (240, 135))
