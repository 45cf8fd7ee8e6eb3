"""The logo and the code: as their files have them, read again as proof."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from PIL import Image, ImageFilter

from agent.errors import UsageError
from agent.poster.brief import QR, Logo
from agent.poster.contrast import WHITE
from agent.poster.marks import (
    MarkError,
    codes_in,
    lay_logo,
    lay_qr,
    load_logo,
    logo_untouched,
    place_logo,
    place_qr,
    prove_qr,
    quiet_zone_clear,
)

from .posters import TARGET, logo_file, png

CODE = QR(target=TARGET, version=2)
PAPER = (236, 228, 210)


def sheet(colour: tuple[int, int, int] = PAPER) -> Image.Image:
    return Image.new("RGB", (600, 400), colour)


# ── the logo ─────────────────────────────────────────────────────────────────────────────────


def test_a_logo_that_fits_as_it_is_is_laid_on_pixel_for_pixel(tmp_path: Path) -> None:
    logo, image = load_logo(logo_file(tmp_path)), sheet()
    mark = place_logo(logo, (40, 40, 340, 160), image)
    lay_logo(image, mark)
    assert mark.scale == 1
    assert mark.picture.tobytes() == logo.tobytes()
    for x, y in ((60, 60), (20, 10), (200, 60)):
        if logo.getchannel("A").getpixel((x, y)) == 255:
            assert image.getpixel((40 + x, 40 + y)) == logo.convert("RGB").getpixel((x, y))
    assert logo_untouched(image, mark)


def test_where_a_logo_is_clear_the_picture_shows(tmp_path: Path) -> None:
    logo, image = load_logo(logo_file(tmp_path)), sheet()
    lay_logo(image, place_logo(logo, (40, 40, 340, 160), image))
    assert image.getpixel((40 + 60, 40 + 60)) == PAPER  # the hole of the ring


def test_a_smaller_logo_keeps_its_shape(tmp_path: Path) -> None:
    image = sheet()
    mark = place_logo(load_logo(logo_file(tmp_path)), (400, 40, 560, 160), image)
    x0, y0, x1, y1 = mark.box
    assert (x1 - x0) / (y1 - y0) == pytest.approx(300 / 120, rel=0.02)
    assert x1 == 560  # towards the nearer side
    lay_logo(image, mark)
    assert logo_untouched(image, mark)


def test_one_changed_pixel_is_found(tmp_path: Path) -> None:
    image = sheet()
    mark = place_logo(load_logo(logo_file(tmp_path)), (40, 40, 340, 160), image)
    lay_logo(image, mark)
    red, green, blue = mark.picture.convert("RGB").getpixel((200, 60))  # type: ignore[misc]
    image.putpixel((mark.box[0] + 200, mark.box[1] + 60), (red, green, blue + 1))
    assert not logo_untouched(image, mark)


@pytest.mark.parametrize("ground", [(20, 30, 92), (30, 20, 30)])
def test_a_logo_that_would_be_lost_gets_a_panel_inside_its_place(
    tmp_path: Path, ground: tuple[int, int, int]
) -> None:
    image, box = sheet(ground), (40, 40, 340, 160)
    mark = place_logo(load_logo(logo_file(tmp_path)), box, image)
    assert mark.panel is not None
    assert mark.panel[0] >= box[0]
    assert mark.panel[3] <= box[3]
    assert mark.panel[0] < mark.box[0]
    assert mark.panel[2] > mark.box[2]
    lay_logo(image, mark)
    assert logo_untouched(image, mark)


def test_a_logo_that_changed_since_the_brief_was_read_stops(tmp_path: Path) -> None:
    logo = logo_file(tmp_path)
    logo.path.write_bytes(png(Image.new("RGB", (9, 9))))
    with pytest.raises(MarkError, match="has changed since"):
        load_logo(logo)


def test_a_logo_that_is_gone_is_named(tmp_path: Path) -> None:
    logo = logo_file(tmp_path)
    logo.path.unlink()
    with pytest.raises(MarkError, match=r"logo\.png: cannot be read"):
        load_logo(logo)


def test_a_logo_of_lines_is_to_be_exported_first(tmp_path: Path) -> None:
    path = tmp_path / "logo.svg"
    path.write_bytes(b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"></svg>')
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    with pytest.raises(UsageError, match=r"logo\.svg: is SVG"):
        load_logo(Logo(path=path, size=(9, 9), sha256=digest))


# ── the code ─────────────────────────────────────────────────────────────────────────────────


def test_a_code_reads_back_exactly_from_the_finished_file() -> None:
    image = sheet((90, 20, 60))
    mark = place_qr(CODE, (380, 180, 580, 380))
    lay_qr(image, mark)
    assert codes_in(image) == (TARGET,)
    prove_qr(png(image), TARGET, mark.box)
    assert quiet_zone_clear(image, mark)


def test_a_code_in_chinese_and_with_signs_reads_back() -> None:
    target = "https://example.org/夜市?q=ä&x=1"
    image, mark = sheet(), place_qr(QR(target=target, version=5), (100, 100, 380, 380))
    lay_qr(image, mark)
    prove_qr(png(image), target, mark.box)


def test_modules_are_whole_pixels_on_a_white_panel_with_four_modules_around() -> None:
    image, mark = sheet(), place_qr(CODE, (100, 100, 303, 303))
    lay_qr(image, mark)
    edge = len(mark.modules) + 8
    assert mark.box[2] - mark.box[0] == edge * mark.module
    assert image.getpixel((mark.box[0], mark.box[1])) == WHITE
    first = mark.box[0] + 4 * mark.module, mark.box[1] + 4 * mark.module
    assert image.getpixel(first) == (0, 0, 0)
    assert image.getpixel((first[0] - 1, first[1])) == WHITE


def test_a_code_without_room_is_refused_before_it_is_drawn() -> None:
    with pytest.raises(MarkError, match="needs 99 pixels along an edge and has 60"):
        place_qr(CODE, (0, 0, 60, 60))


def test_a_code_that_no_longer_reads_is_an_error_and_not_a_file() -> None:
    image, mark = sheet(), place_qr(CODE, (100, 100, 300, 300))
    lay_qr(image, mark)
    with pytest.raises(MarkError, match="cannot be read"):
        prove_qr(png(image.filter(ImageFilter.GaussianBlur(12))), TARGET, mark.box)


def test_a_code_that_says_something_else_is_an_error() -> None:
    image, mark = sheet(), place_qr(CODE, (100, 100, 300, 300))
    lay_qr(image, mark)
    with pytest.raises(MarkError, match=r"says .https://example\.org/market., not"):
        prove_qr(png(image), "https://example.org/other", mark.box)


def test_ink_in_the_quiet_zone_is_found() -> None:
    image, mark = sheet(), place_qr(CODE, (100, 100, 300, 300))
    lay_qr(image, mark)
    image.putpixel((mark.box[0] + 1, mark.box[1] + 50), (0, 0, 0))
    assert not quiet_zone_clear(image, mark)
