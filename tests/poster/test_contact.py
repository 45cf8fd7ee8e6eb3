"""The contact sheet: every poster of a run on one picture."""

from __future__ import annotations

import io

from PIL import Image

from agent.poster.contact import ROW, WIDTH, Shown, contact_sheet

from .posters import plain

RED = (200, 30, 30)


def opened(data: bytes) -> Image.Image:
    with Image.open(io.BytesIO(data)) as sheet:
        assert sheet.format == "WEBP"
        return sheet.convert("RGB")


def near(image: Image.Image, colour: tuple[int, int, int]) -> int:
    """Pixels of about that colour."""
    return sum(
        count
        for count, tone in image.getcolors(1 << 24) or []
        if isinstance(tone, tuple)
        and all(abs(a - b) < 24 for a, b in zip(tone, colour, strict=True))
    )


def test_every_poster_is_on_it_at_one_height() -> None:
    posters = [Shown(f"p{i}", plain((270, 480), RED)) for i in range(12)]
    sheet = opened(contact_sheet(posters, title="Night Market"))
    assert sheet.width == WIDTH
    wanted = 12 * ROW * round(270 * ROW / 480)
    assert abs(near(sheet, RED) - wanted) < wanted * 0.02


def test_a_note_is_written_in_red_under_its_poster() -> None:
    grey = plain((300, 300), (90, 90, 90))
    without = opened(contact_sheet([Shown("a", grey)]))
    noted = opened(contact_sheet([Shown("a", grey, "needs a person")]))
    assert near(noted, (176, 42, 32)) > near(without, (176, 42, 32)) + 50


def test_a_very_wide_poster_stays_on_the_sheet() -> None:
    sheet = opened(contact_sheet([Shown("banner", plain((3000, 400), RED))]))
    assert near(sheet.crop((WIDTH - 20, 0, WIDTH, sheet.height)), RED) == 0
    assert near(sheet, RED) > 80_000


def test_two_hundred_posters_fit_in_what_webp_can_hold() -> None:
    one = plain((480, 270), RED)
    sheet = opened(contact_sheet([Shown(f"brief/en/wide/{i}", one) for i in range(200)]))
    assert sheet.height <= 16_383


def test_the_same_posters_are_the_same_sheet() -> None:
    posters = [Shown("夜市/zh/a4/1", plain((200, 300), RED))]
    assert contact_sheet(posters) == contact_sheet(posters)
