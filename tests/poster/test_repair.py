"""A repaired line: its box is new, and every other pixel is the old one."""

from __future__ import annotations

import hashlib
import io
import json

from PIL import Image, ImageDraw
from PIL.PngImagePlugin import PngInfo

from agent.poster.plan import Painted
from agent.poster.reading_back import SOURCES, XMP, control_part, notes_of, parts_of
from agent.poster.repair import mask_box, patched, placed, repair_prompt, unchanged_outside
from agent.typeset.boxes import Box, around

TITLE = Box(0.1, 0.1, 0.9, 0.3)


def picture(colour: str, *, size: tuple[int, int] = (300, 400), xmp: str = "") -> bytes:
    image = Image.new("RGB", size, colour)
    ImageDraw.Draw(image).line((0, 0, *size), fill="white", width=3)
    info = PngInfo()
    if xmp:
        info.add_itxt(XMP, xmp)
    out = io.BytesIO()
    image.save(out, "PNG", pnginfo=info)
    return out.getvalue()


def pixels(data: bytes) -> Image.Image:
    with Image.open(io.BytesIO(data)) as image:
        return image.convert("RGB")


def test_only_pixels_of_the_box_come_from_the_new_picture() -> None:
    before, after = picture("navy"), picture("darkred")

    made = patched(before, after, TITLE)

    assert unchanged_outside(before, made, TITLE)
    assert pixels(made).getpixel((150, 60)) == pixels(after).getpixel((150, 60))


def test_the_new_picture_fades_in_towards_the_edge_of_the_box() -> None:
    before, after = picture("black"), picture("red")
    made = pixels(patched(before, after, TITLE))
    left, _, right, _ = placed(TITLE, (300, 400))

    reds = [made.getpixel((x, 80))[0] for x in range(left, left + 8)]  # type: ignore[index]

    assert reds[0] < 120
    assert reds == sorted(reds)
    assert right > left


def test_a_box_at_the_edge_of_the_picture_is_new_up_to_that_edge() -> None:
    made = pixels(patched(picture("black"), picture("red"), Box(0, 0, 1, 0.3)))

    assert made.getpixel((2, 60)) == (255, 0, 0)


def test_a_new_picture_of_another_size_is_scaled_to_the_old_one() -> None:
    before = picture("navy")

    made = patched(before, picture("darkred", size=(600, 800)), TITLE)

    assert pixels(made).size == (300, 400)
    assert unchanged_outside(before, made, TITLE)


def test_a_change_outside_of_the_box_is_noticed() -> None:
    before = picture("navy")
    other = pixels(before)
    other.putpixel((5, 390), (1, 2, 3))
    out = io.BytesIO()
    other.save(out, "PNG")

    assert not unchanged_outside(before, out.getvalue(), TITLE)


def test_the_result_says_which_pictures_it_is_made_of_in_order() -> None:
    first, second, third = (picture(c, xmp=f"<{c}/>") for c in ("navy", "green", "olive"))

    made = patched(patched(first, second, TITLE), third, Box(0.1, 0.5, 0.9, 0.7))

    notes = notes_of(made)
    sources = json.loads(notes[SOURCES])
    assert notes[XMP] == "<navy/>"
    assert [one["sha256"] for one in sources] == [
        hashlib.sha256(data).hexdigest() for data in (first, second, third)
    ]
    assert [bool(one["box"]) for one in sources] == [False, True, True]
    assert [one["xmp"] for one in sources] == ["<navy/>", "<green/>", "<olive/>"]


def test_the_area_of_a_line_ends_where_its_neighbour_begins() -> None:
    below = Box(0.1, 0.305, 0.9, 0.4)

    area = around(TITLE, [below])

    assert area.y1 == below.y0
    assert area.y0 < TITLE.y0
    assert not area.meets(below)


def test_the_mask_lies_inside_the_picture() -> None:
    x, y, width, height = mask_box(Box(0.5, 0.9, 1.0, 1.0), (301, 403))

    assert x + width <= 301
    assert y + height <= 403


def test_the_edit_names_the_words_and_the_area_and_nothing_else_to_change() -> None:
    line = Painted(line_id="title", role="title", text='The "Night" Market', box=TITLE)

    text, ref = repair_prompt(line, around(TITLE, []))

    assert "“Night”" in text
    assert "from 8% to 92% across" in text
    assert ref.id == "poster/repair"


def test_a_small_part_is_enlarged_and_a_large_one_is_not() -> None:
    small = parts_of(picture("navy"), [TITLE])[0]
    large = parts_of(picture("navy", size=(2400, 3200)), [TITLE])[0]

    assert pixels(small).width > 0.8 * 300 * 3
    assert pixels(large).width < 2100


def test_a_part_says_where_it_was_cut() -> None:
    data = picture("navy", xmp="<navy/>")

    part = parts_of(data, [TITLE])[0]

    with Image.open(io.BytesIO(part)) as image:
        told = json.loads(image.info["limner:part"])
    assert told["of"] == hashlib.sha256(data).hexdigest()
    assert told["size"] == [300, 400]
    assert told["times"] >= 2
    assert notes_of(part)[XMP] == "<navy/>"


def test_a_control_shows_its_words() -> None:
    low, high = pixels(control_part("NGIHT MRAKET")).convert("L").getextrema()

    assert low < 60  # type: ignore[operator]
    assert high > 220  # type: ignore[operator]
