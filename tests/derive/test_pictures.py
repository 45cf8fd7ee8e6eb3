from __future__ import annotations

import contextlib
import io
import os
import random
import threading
from pathlib import Path

import pytest
from PIL import Image

from agent.derive import PillowPictures
from agent.derive.pictures import MAX_BYTES
from agent.errors import UsageError
from agent.protocols import PictureFacts, Pictures

from .pictures_of import animation, encoded, gif_with_frame, png_claiming

PICTURES: Pictures = PillowPictures()


@pytest.mark.parametrize(
    ("data", "facts"),
    [
        (encoded("PNG"), PictureFacts("image/png", 48, 32, has_alpha=False)),
        (encoded("PNG", mode="RGBA"), PictureFacts("image/png", 48, 32, has_alpha=True)),
        (encoded("PNG", mode="LA"), PictureFacts("image/png", 48, 32, has_alpha=True)),
        (
            encoded("PNG", mode="P", transparency=0),
            PictureFacts("image/png", 48, 32, has_alpha=True),
        ),
        (encoded("JPEG"), PictureFacts("image/jpeg", 48, 32, has_alpha=False)),
        (encoded("JPEG", mode="CMYK"), PictureFacts("image/jpeg", 48, 32, has_alpha=False)),
        (encoded("WEBP"), PictureFacts("image/webp", 48, 32, has_alpha=False)),
        (encoded("GIF"), PictureFacts("image/gif", 48, 32, has_alpha=False)),
    ],
)
def test_a_whole_picture_tells_its_facts(data: bytes, facts: PictureFacts) -> None:
    assert PICTURES.inspect(data, name="x") == facts


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "is empty"),
        (b"hello", "not a picture by its first bytes"),
        (b"%PDF-1.7", "not a picture by its first bytes"),
        (b"<svg/>", "SVG"),
        (b"<svg xmlns='x'>", "SVG"),
        (encoded("PNG")[:-16], "truncated: its end marker is missing"),
        (encoded("JPEG", (200, 200))[:700], "truncated or damaged"),
        (encoded("WEBP", (200, 200))[:-40], "truncated or damaged"),
        (b"\x89PNG\r\n\x1a\n" + bytes(40), "header tells no size"),
        (png_claiming(30_000, 30_000), "30000x30000, which is 900 megapixels"),
        (gif_with_frame(65_000, 65_000), "decodes to more than 64 megapixels"),
    ],
)
def test_anything_else_is_refused_by_name_and_reason(data: bytes, reason: str) -> None:
    with pytest.raises(UsageError) as caught:
        PICTURES.inspect(data, name="cat.png")
    assert str(caught.value).startswith("cat.png: ")
    assert reason in str(caught.value)
    assert caught.value.hint


def test_a_bomb_is_refused_before_pixels_are_allocated(monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_: object, **__: object) -> None:
        pytest.fail("the bomb was opened")

    monkeypatch.setattr(Image, "open", never)
    with pytest.raises(UsageError, match="megapixels"):
        PICTURES.inspect(png_claiming(20_000, 20_000), name="bomb.png")


def test_just_under_the_limit_is_only_refused_for_being_broken() -> None:
    with pytest.raises(UsageError, match="truncated or damaged"):
        PICTURES.inspect(png_claiming(8_000, 8_000), name="x")


@pytest.mark.parametrize("format_", ["PNG", "JPEG", "WEBP", "GIF"])
def test_damaged_bytes_are_never_more_than_a_usage_error(format_: str) -> None:
    whole = encoded(format_, (64, 64))
    chance = random.Random(format_)
    for _ in range(150):
        data = bytearray(whole)
        for _ in range(chance.randint(1, 8)):
            data[chance.randrange(len(data))] = chance.randrange(256)
        cut = chance.choice([len(data), chance.randrange(len(data))])
        facts = PICTURES.received(bytes(data[:cut]))
        assert facts is None or facts.width > 0
        with contextlib.suppress(UsageError):
            assert PICTURES.inspect(bytes(data[:cut]), name="x").width > 0


@pytest.mark.parametrize("format_", ["GIF", "WEBP", "PNG"])
def test_an_animation_is_a_whole_picture_but_may_not_be_sent(format_: str, tmp_path: Path) -> None:
    file = tmp_path / "party"
    file.write_bytes(animation(format_))
    assert PICTURES.inspect(file.read_bytes(), name="x").width == 16
    with pytest.raises(UsageError, match="animated") as caught:
        PICTURES.load(file)
    assert "one frame" in caught.value.hint


def test_decoding_in_many_threads_leaks_no_warning_filter() -> None:
    import warnings

    before = list(warnings.filters)
    data = encoded("PNG", (300, 300))
    threads = [
        threading.Thread(target=lambda: [PICTURES.inspect(data, name="x") for _ in range(5)])
        for _ in range(6)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert list(warnings.filters) == before


# ── files ────────────────────────────────────────────────────────────────────────────────────


def refused(path: Path) -> UsageError:
    with pytest.raises(UsageError) as caught:
        PICTURES.load(path)
    return caught.value


def test_a_file_is_read_as_it_is_also_through_a_link(tmp_path: Path) -> None:
    file = tmp_path / "街 市.png"
    file.write_bytes(encoded("PNG"))
    link = tmp_path / "link.png"
    link.symlink_to(file)
    assert PICTURES.load(file) == PICTURES.load(link) == file.read_bytes()


def test_the_extension_does_not_matter(tmp_path: Path) -> None:
    file = tmp_path / "photo.txt"
    file.write_bytes(encoded("JPEG"))
    assert PICTURES.load(file) == file.read_bytes()


def test_a_missing_file_and_a_dangling_link_are_told_apart(tmp_path: Path) -> None:
    assert "no such file" in str(refused(tmp_path / "gone.png"))
    link = tmp_path / "dangling.png"
    link.symlink_to(tmp_path / "gone.png")
    assert "link to a file that is not there" in str(refused(link))


def test_a_link_that_leads_back_to_itself_is_named(tmp_path: Path) -> None:
    link = tmp_path / "loop.png"
    link.symlink_to(link)
    assert "leads back to itself" in str(refused(link))


def test_a_directory_and_a_pipe_are_not_opened(tmp_path: Path) -> None:
    assert "is a directory" in str(refused(tmp_path))
    pipe = tmp_path / "pipe.png"
    os.mkfifo(pipe)
    assert "not a regular file" in str(refused(pipe))
    assert "not a regular file" in str(refused(Path(os.devnull)))


def test_a_file_of_three_gigabytes_is_refused_unread(tmp_path: Path) -> None:
    file = tmp_path / "huge.png"
    with file.open("wb") as out:
        out.truncate(3_000_000_000)
    error = refused(file)
    assert "3,000 MB" in str(error)
    assert "50 MB" in str(error)


def test_a_file_that_grew_after_it_was_measured_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small, grown = tmp_path / "small", tmp_path / "grown"
    small.write_bytes(b"x")
    with grown.open("wb") as out:
        out.truncate(MAX_BYTES + 9)
    before = small.stat()
    monkeypatch.setattr(Path, "stat", lambda *_, **__: before)
    assert "at most 50 MB" in str(refused(grown))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_without_permission_is_named(tmp_path: Path) -> None:
    file = tmp_path / "secret.png"
    file.write_bytes(encoded("PNG"))
    file.chmod(0)
    assert "may not be read" in str(refused(file))


def test_permission_denied_by_the_system_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def denied(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "stat", denied)
    assert "may not be read by this user" in str(refused(tmp_path / "secret.png"))


def test_impossible_names_are_refused_without_a_traceback(tmp_path: Path) -> None:
    assert "cannot be read" in str(refused(tmp_path / ("n" * 400)))
    assert "\\x00" in str(refused(Path("a\0b.png")))
    file = tmp_path / "file"
    file.write_bytes(b"x")
    assert "cannot be read" in str(refused(file / "inside.png"))


def test_an_empty_and_a_truncated_file_are_named(tmp_path: Path) -> None:
    file = tmp_path / "half.jpg"
    file.write_bytes(b"")
    assert str(refused(file)) == f"{file}: is empty"
    file.write_bytes(encoded("JPEG", (300, 300))[:900])
    assert str(refused(file)).startswith(f"{file}: is truncated or damaged")


# ── masks ────────────────────────────────────────────────────────────────────────────────────

OF = PictureFacts("image/png", 4, 2, has_alpha=False)


def png(picture: Image.Image, **save: object) -> bytes:
    out = io.BytesIO()
    picture.save(out, "PNG", **save)
    return out.getvalue()


def alphas(mask: bytes) -> list[int]:
    picture = Image.open(io.BytesIO(mask))
    assert (picture.format, picture.mode, picture.size) == ("PNG", "RGBA", (4, 2))
    return list(picture.getchannel("A").tobytes())


def greys(*values: int, mode: str = "L") -> Image.Image:
    return Image.frombytes("L", (4, 2), bytes(values)).convert(mode)


LEFT_HALF = (255, 255, 0, 0, 255, 255, 0, 0)
EDIT_LEFT = [0, 0, 255, 255, 0, 0, 255, 255]
EDIT_RIGHT = [255, 255, 0, 0, 255, 255, 0, 0]


def test_white_or_black_areas_become_the_editable_ones() -> None:
    mask = png(greys(*LEFT_HALF))
    assert alphas(PICTURES.mask_from_file(mask, name="m", mode="white", of=OF)) == EDIT_LEFT
    assert alphas(PICTURES.mask_from_file(mask, name="m", mode="black", of=OF)) == EDIT_RIGHT


@pytest.mark.parametrize("mode", ["1", "RGB", "P", "CMYK"])
def test_a_painted_mask_may_have_any_colour_mode(mode: str) -> None:
    out = io.BytesIO()
    picture = greys(*LEFT_HALF, mode=mode)
    picture.save(out, "JPEG" if mode == "CMYK" else "PNG")
    made = PICTURES.mask_from_file(out.getvalue(), name="m", mode="white", of=OF)
    if mode != "CMYK":  # JPEG blurs a 4x2 picture
        assert alphas(made) == EDIT_LEFT


def test_sixteen_bit_greys_are_scaled_and_not_clipped() -> None:
    values = [65535, 40000, 3000, 600, 65535, 33000, 0, 20000]
    picture = Image.frombytes("I;16", (4, 2), b"".join(v.to_bytes(2, "little") for v in values))
    made = PICTURES.mask_from_file(png(picture), name="m", mode="white", of=OF)
    assert alphas(made) == EDIT_LEFT


def test_greys_count_as_the_nearer_of_white_and_black() -> None:
    mask = png(greys(128, 200, 127, 60, 255, 129, 3, 0))
    assert alphas(PICTURES.mask_from_file(mask, name="m", mode="white", of=OF)) == EDIT_LEFT


@pytest.mark.parametrize("mode", ["white", "black"])
@pytest.mark.parametrize("hidden", [0, 255])
def test_what_is_see_through_in_a_painted_mask_is_not_painted(mode: str, hidden: int) -> None:
    """Editors save transparent pixels as black or as white; neither is a mark."""
    mark = 255 if mode == "white" else 0
    picture = greys(mark, mark, hidden, hidden, mark, mark, hidden, hidden, mode="LA")
    picture.putalpha(greys(*LEFT_HALF))
    made = PICTURES.mask_from_file(png(picture), name="m", mode=mode, of=OF)  # type: ignore[arg-type]
    assert alphas(made) == EDIT_LEFT


def test_transparent_pixels_of_an_alpha_mask_become_the_editable_ones() -> None:
    picture = Image.new("RGBA", (4, 2), "red")
    picture.putalpha(greys(0, 0, 255, 90, 0, 0, 255, 255))
    made = PICTURES.mask_from_file(png(picture), name="m", mode="alpha", of=OF)
    assert alphas(made) == [0, 0, 255, 90, 0, 0, 255, 255]


def test_a_transparent_palette_colour_counts_as_alpha() -> None:
    picture = greys(*LEFT_HALF, mode="P")
    colour = picture.getpixel((0, 0))
    assert isinstance(colour, int)
    made = PICTURES.mask_from_file(png(picture, transparency=colour), name="m", mode="alpha", of=OF)
    assert alphas(made) == EDIT_LEFT


@pytest.mark.parametrize(
    ("mask", "mode", "reason"),
    [
        (png(greys(*LEFT_HALF)), "alpha", "has no alpha channel"),
        (png(Image.new("RGBA", (4, 2))), "white", "no pixel of it is white"),
        (png(Image.new("L", (4, 2), 255)), "black", "no pixel of it is black"),
        (png(Image.new("L", (4, 2), 0)), "white", "no pixel of it is white"),
        (png(Image.new("RGBA", (4, 2), "red")), "alpha", "no pixel of it is fully transparent"),
        (png(Image.new("RGBA", (4, 2), (0, 0, 0, 9))), "alpha", "no pixel of it is fully"),
        (png(Image.new("RGBA", (5, 2))), "alpha", "the mask is 5x2 and the picture 4x2"),
        (b"no picture", "alpha", "not a picture"),
        (png(greys(*LEFT_HALF))[:-14], "white", "truncated"),
    ],
)
def test_a_mask_that_cannot_work_is_refused(mask: bytes, mode: str, reason: str) -> None:
    with pytest.raises(UsageError, match=reason) as caught:
        PICTURES.mask_from_file(mask, name="hole.png", mode=mode, of=OF)  # type: ignore[arg-type]
    assert str(caught.value).startswith("hole.png: ")


def test_a_mask_without_alpha_is_told_the_other_modes() -> None:
    with pytest.raises(UsageError) as caught:
        PICTURES.mask_from_file(png(greys(*LEFT_HALF)), name="m", mode="alpha", of=OF)
    assert "--mask-mode white" in caught.value.hint


def test_a_box_opens_exactly_its_pixels() -> None:
    assert alphas(PICTURES.mask_from_box((1, 0, 2, 1), of=OF)) == [
        255,
        0,
        0,
        255,
        255,
        255,
        255,
        255,
    ]
    assert alphas(PICTURES.mask_from_box((0, 0, 4, 2), of=OF)) == [0] * 8


@pytest.mark.parametrize(
    ("box", "reason"),
    [
        ((0, 0, 0, 1), "must be positive"),
        ((0, 0, 1, -1), "must be positive"),
        ((-1, 0, 2, 2), "outside the picture, which is 4x2"),
        ((0, -1, 2, 2), "outside the picture"),
        ((3, 0, 2, 1), "outside the picture"),
        ((0, 1, 1, 2), "outside the picture"),
    ],
)
def test_a_box_that_leaves_the_picture_is_refused(
    box: tuple[int, int, int, int], reason: str
) -> None:
    with pytest.raises(UsageError, match=reason) as caught:
        PICTURES.mask_from_box(box, of=OF)
    assert str(caught.value).startswith(f"mask box {','.join(map(str, box))}")


def test_a_mask_made_here_passes_as_an_alpha_mask() -> None:
    of = PictureFacts("image/png", 300, 200, has_alpha=False)
    made = PICTURES.mask_from_box((10, 10, 50, 50), of=of)
    again = PICTURES.mask_from_file(made, name="m", mode="alpha", of=of)
    assert again == made
    assert len(made) < 2000
