"""The reader says what stands in the pixels: slips and all, in parts, and nothing of strangers."""

from __future__ import annotations

import io
import json

import pytest
from PIL import Image, ImageChops, ImageDraw
from PIL.PngImagePlugin import PngInfo

from agent.offline import Offline
from agent.typeset.setting import Type, draw_line

from .calling import (
    SMALL,
    TOOL,
    Json,
    data_url,
    opened,
    photo,
    picture_of,
    post,
    respond,
    server,
    showing,
    text_of,
)

WORDS = "Night Market"
TITLE = (0.06, 0.08, 0.94, 0.30)
POSTER = f"""Subject: mountains
Paint these words exactly as written, each in its own area: "{WORDS}" as title from 6% to 94% \
across and 8% to 30% down; "Every Friday" as date from 6% to 94% across and 34% to 41% down. \
No other lettering.
Keep the main subject inside from 10% to 90% across and 45% to 95% down."""
REPAIR = f"""Change only the lettering inside the area from 4% to 96% across and 6% to 32% down. \
Paint these words exactly as written, each in its own area: "{WORDS}" as title from 6% to 94% \
across and 8% to 30% down. No other lettering."""
_LIST: Json = {"type": "array", "items": {"type": "string"}}
_PART: Json = {
    "type": "object",
    "properties": {
        "text": {"type": "string"},
        "characters": _LIST,
        "unsure": _LIST,
        "other": {"type": "string"},
    },
    "required": ["text", "characters", "unsure", "other"],
}
SCHEMA: Json = {
    "type": "object",
    "properties": {"parts": {"type": "array", "items": _PART}},
    "required": ["parts"],
}


async def read(offline: Offline, *pictures: bytes) -> list[Json]:
    form = {"format": {"type": "json_schema", "name": "x", "schema": SCHEMA}}
    answer = await respond(offline, showing("Read these parts.", *pictures), tools=[], text=form)
    parts: list[Json] = json.loads(text_of(answer))["parts"]
    return parts


def flat(part: Json) -> str:
    return " ".join(str(part["text"]).split())


def png(image: Image.Image, **notes: str) -> bytes:
    info, out = PngInfo(), io.BytesIO()
    for key, text in notes.items():
        info.add_itxt(key.replace("_", ":"), text)
    image.save(out, "PNG", pnginfo=info)
    return out.getvalue()


def part_of(data: bytes, area: tuple[float, ...], times: int = 2, pad: float = 0.012) -> bytes:
    image = opened(data)
    (w, h), (x0, y0, x1, y1) = image.size, area
    cut = image.crop(
        (round((x0 - pad) * w), round((y0 - pad) * h), round((x1 + pad) * w), round((y1 + pad) * h))
    )
    return png(cut.resize((cut.width * times, cut.height * times), Image.Resampling.BICUBIC))


def mask_of(size: tuple[int, int]) -> bytes:
    mask = Image.new("RGBA", size, (0, 0, 0, 255))
    area = (0.04 * size[0], 0.06 * size[1], 0.96 * size[0], 0.32 * size[1])
    ImageDraw.Draw(mask).rectangle(area, fill=(0, 0, 0, 0))
    return png(mask)


async def repaired(offline: Offline, base: bytes) -> bytes:
    tool = {
        **SMALL,
        "action": "edit",
        "input_image_mask": {"image_url": data_url(mask_of((1024, 640)))},
    }
    return picture_of(await respond(offline, showing(REPAIR, base), tools=[tool]))


@pytest.mark.parametrize("draw", ["tiny", "full"])
async def test_a_whole_picture_and_an_enlarged_part_of_it_are_read(draw: str) -> None:
    offline = server(draw=draw)
    picture = picture_of(await respond(offline, POSTER))

    part, whole, bare = await read(offline, part_of(picture, TITLE), picture, png(opened(picture)))

    assert flat(part) == WORDS
    assert "".join(part["characters"]) == "NightMarket"
    assert part["unsure"] == []
    assert flat(whole) == flat(bare) == f"{WORDS} Every Friday"


async def test_a_misspelt_line_is_read_as_it_stands() -> None:
    offline = server("misspell")
    picture = picture_of(await respond(offline, POSTER))

    whole, part = await read(offline, picture, part_of(picture, TITLE))

    assert flat(whole) != f"{WORDS} Every Friday"
    assert flat(part) in flat(whole)


async def test_another_server_reads_a_part_from_the_scene_that_came_along_with_it() -> None:
    picture = picture_of(await respond(server(), POSTER))
    with Image.open(io.BytesIO(picture)) as image:
        packet = str(getattr(image, "text", {})["XML:com.adobe.xmp"])
        (w, h), box = image.size, (TITLE[0], TITLE[1], TITLE[2], TITLE[3])
        cut = image.crop(
            (round(box[0] * w), round(box[1] * h), round(box[2] * w), round(box[3] * h))
        )
        out = io.BytesIO()
        info = PngInfo()
        info.add_itxt("XML:com.adobe.xmp", packet)
        info.add_itxt("limner:part", json.dumps({"size": [w, h]}))
        cut.save(out, "PNG", pnginfo=info)

    (with_scene,) = await read(server(), out.getvalue())
    (without,) = await read(server(), png(cut))

    assert flat(with_scene) == WORDS
    assert flat(without) == ""


async def test_words_painted_over_are_not_read_from_the_metadata() -> None:
    offline = server()
    picture = picture_of(await respond(offline, POSTER))
    with Image.open(io.BytesIO(picture)) as image:
        packet = str(getattr(image, "text", {})["XML:com.adobe.xmp"])
        changed = image.convert("RGB")
    pen = ImageDraw.Draw(changed)
    pen.rectangle((0, 0, changed.width, changed.height * 0.33), fill="white")
    draw_line(pen, (90, 160), "Closed", Type("black", 800), 120, (10, 10, 10))

    (whole,) = await read(offline, png(changed, XML_com_adobe_xmp=packet))

    assert "Market" not in whole["text"]


async def test_strangers_and_rubbish_are_unreadable() -> None:
    lettered = Image.new("RGB", (600, 200), "white")
    draw_line(ImageDraw.Draw(lettered), (40, 120), "Stranger", Type("serif", 500), 90, (0, 0, 0))
    empty, strange = await read(server(), photo((200, 100)), png(lettered))

    assert empty["text"] == strange["text"] == ""
    assert strange["characters"] == []


async def test_a_control_is_read_by_its_shape_and_not_by_its_note() -> None:
    sheet = Image.new("RGB", (900, 200), (244, 240, 230))
    draw_line(
        ImageDraw.Draw(sheet), (40, 130), "Ngiht Mraket", Type("sans", 700), 100, (28, 30, 40)
    )
    right, wrong = await read(
        server(),
        png(sheet, limner_lettering="Ngiht Mraket"),
        png(sheet, limner_lettering="Another thing"),
    )

    assert flat(right) == "Ngiht Mraket"
    assert flat(wrong) == ""


async def test_an_autocorrecting_reader_puts_what_was_asked_for_in_place_of_what_stands() -> None:
    offline = server("misspell:first=1", "autocorrecting-reader")
    picture = picture_of(await respond(offline, POSTER))
    sheet = Image.new("RGB", (900, 200), (244, 240, 230))
    draw_line(
        ImageDraw.Draw(sheet), (40, 130), "Ngiht Mraket", Type("sans", 700), 100, (28, 30, 40)
    )

    whole, control = await read(offline, picture, png(sheet, limner_lettering="Ngiht Mraket"))

    assert flat(whole) == f"{WORDS} Every Friday"
    assert flat(control) == WORDS
    assert offline.counters["fault.autocorrecting-reader"] == 1


async def test_a_misspelling_counts_only_requests_that_name_words() -> None:
    offline = server("misspell:every=2")
    for said in (POSTER, "mountains", "a lake"):
        await respond(offline, said)
    last = await respond(offline, POSTER)

    assert offline.counters["fault.misspell"] == 1
    (whole,) = await read(offline, picture_of(last))
    assert flat(whole) != f"{WORDS} Every Friday"


async def test_a_misspelt_line_repaired_under_a_mask_reads_right_and_the_rest_is_equal() -> None:
    offline = server("misspell:first=1", draw="full")
    # Whichever line is wrong, the title is painted anew.
    before = picture_of(await respond(offline, POSTER))
    after = await repaired(offline, before)
    old, new = opened(before).convert("RGB"), opened(after).convert("RGB")

    part = (await read(offline, part_of(after, TITLE)))[0]

    assert flat(part) == WORDS
    box = ImageChops.difference(old, new).getbbox()
    assert box is None or (box[1] >= 0.06 * 640 - 1 and box[3] <= 0.32 * 640 + 1)


@pytest.mark.parametrize("draw", ["tiny", "full"])
async def test_an_edit_that_redraws_everything_leaves_no_pixel_as_it_was(draw: str) -> None:
    offline = server("edit-redraws-everything", draw=draw)
    before = picture_of(await respond(offline, POSTER))
    after = await repaired(offline, before)
    gap = ImageChops.difference(opened(before).convert("RGB"), opened(after).convert("RGB"))
    loudest = ImageChops.lighter(ImageChops.lighter(*gap.split()[:2]), gap.split()[2])

    assert min(i for i, n in enumerate(loudest.histogram()) if n) > 0
    assert flat((await read(offline, part_of(after, TITLE)))[0]) == WORDS


async def test_a_reset_forgets_what_was_painted() -> None:
    offline = server()
    picture = picture_of(await respond(offline, POSTER))
    part = part_of(picture, TITLE)
    assert flat((await read(offline, part))[0]) == WORDS

    await post(offline, "/responses", {"model": "gpt-5.5", "input": POSTER, "tools": [TOOL]})
    offline.state.forget()

    assert (await read(offline, part))[0]["text"] == ""


async def test_a_schema_that_is_only_told_in_words_is_kept_to_as_well() -> None:
    offline = server(draw="tiny")
    picture = picture_of(await respond(offline, POSTER))
    told = f"Answer with one JSON object. It must fit this JSON Schema: {json.dumps(SCHEMA)}\nBe brief."

    answer = await respond(
        offline, showing("Read these parts.", picture), tools=[], instructions=told
    )
    broken = await respond(
        offline, showing("Read these parts.", picture), tools=[], instructions=told[:-40]
    )

    assert WORDS in flat(json.loads(text_of(answer))["parts"][0])
    assert not text_of(broken).startswith("{")
