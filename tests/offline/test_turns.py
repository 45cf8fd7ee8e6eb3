"""What the offline server makes of a conversation: pictures, changes, answers, honest words."""

from __future__ import annotations

import base64
import io
import json

import pytest

from agent.offline.art.encode import scene_in
from agent.offline.fill import fill

from .calling import (
    SMALL,
    TOOL,
    Json,
    calls_of,
    client,
    data_url,
    get,
    opened,
    photo,
    picture_of,
    pictures_of,
    post,
    respond,
    server,
    showing,
    stream,
    text_of,
)

KITE = "a red kite over the sea"
CALL = "response.image_generation_call"

# ── pictures ─────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("output_format", "magic"),
    [("png", b"\x89PNG"), ("jpeg", b"\xff\xd8\xff"), ("webp", b"RIFF")],
)
async def test_size_and_format_are_what_was_asked_for(output_format: str, magic: bytes) -> None:
    tool = {**TOOL, "size": "1536x1024", "output_format": output_format, "output_compression": 50}

    answer = await respond(server(), KITE, tools=[tool])

    data = picture_of(answer)
    assert data.startswith(magic)
    assert opened(data).size == (1536, 1024)
    item = calls_of(answer)[0]
    assert (item["size"], item["output_format"]) == ("1536x1024", output_format)


async def test_the_same_request_gives_the_same_bytes_and_another_prompt_gives_others() -> None:
    first, again = await respond(server(), KITE), await respond(server(), KITE)
    other = await respond(server(), "a lighthouse at dusk")

    assert picture_of(first) == picture_of(again)
    assert picture_of(first) != picture_of(other)


@pytest.mark.parametrize("draw", ["tiny", "full"])
async def test_a_transparent_background_has_alpha(draw: str) -> None:
    tool = {**SMALL, "background": "transparent"}

    answer = await respond(server(draw=draw), KITE, tools=[tool])

    assert opened(picture_of(answer)).mode == "RGBA"
    assert calls_of(answer)[0]["background"] == "transparent"


async def test_an_edit_changes_the_picture_that_came_with_the_message() -> None:
    offline = server()
    day = picture_of(await respond(offline, KITE))

    answer = await respond(offline, showing("make it night", day))

    before, after = scene_in(day), scene_in(picture_of(answer))
    assert before is not None
    assert after is not None
    assert (before.light, after.light) == ("day", "night")
    assert (before.seed, before.motif) == (after.seed, after.motif)
    assert calls_of(answer)[0]["action"] == "edit"
    birds = await respond(offline, showing("add birds", day))
    assert "with birds" in calls_of(birds)[0]["revised_prompt"]
    assert "night" in calls_of(answer)[0]["revised_prompt"]


async def test_an_edit_at_auto_size_keeps_the_size_of_its_picture() -> None:
    tool = {**TOOL, "size": "auto", "action": "edit"}

    answer = await respond(server(), showing("make it night", photo((320, 240))), tools=[tool])

    assert opened(picture_of(answer)).size == (320, 240)
    assert calls_of(answer)[0]["size"] == "320x240"


async def test_a_huge_picture_is_edited_at_the_largest_size_there_is() -> None:
    tool = {**TOOL, "size": "auto"}

    answer = await respond(server(), showing("make it night", photo((4000, 1600))), tools=[tool])

    assert opened(picture_of(answer)).size == (3840, 1536)


async def test_outside_a_mask_no_pixel_changes() -> None:
    picture, size = photo((256, 256)), (256, 256)
    mask = opened(photo(size, "RGBA", "black"))
    mask.paste((0, 0, 0, 0), (0, 0, 128, 256))
    out = io.BytesIO()
    mask.save(out, "PNG")
    tool = {**TOOL, "size": "auto", "input_image_mask": {"image_url": data_url(out.getvalue())}}

    answer = await respond(server(), showing("make it red", picture), tools=[tool])

    after = opened(picture_of(answer)).convert("RGB")
    right = (128, 0, 256, 256)
    assert after.crop(right).tobytes() == opened(picture).crop(right).tobytes()
    assert after.tobytes() != opened(picture).tobytes()


async def test_the_first_of_several_pictures_is_edited_and_the_rest_is_admitted_unused() -> None:
    tool = {**TOOL, "size": "auto"}
    two = showing("make it night", photo((320, 240)), photo((200, 100)))

    answer = await respond(server(), two, tools=[tool])

    assert opened(picture_of(answer)).size == (320, 240)
    assert "not used" in text_of(answer)


async def test_action_generate_draws_anew_although_a_picture_came_along() -> None:
    tool = {**SMALL, "action": "generate"}

    answer = await respond(server(), showing(KITE, photo()), tools=[tool])

    assert calls_of(answer)[0]["action"] == "generate"
    assert scene_in(picture_of(answer)) is not None


# ── turns ────────────────────────────────────────────────────────────────────────────────────────


async def test_a_turn_continues_from_the_previous_response() -> None:
    offline = server()
    first = await respond(offline, KITE)
    second = await respond(offline, "make it night", previous_response_id=first["id"])
    third = await respond(offline, "make it winter", previous_response_id=second["id"])

    scene = scene_in(picture_of(third))
    assert scene is not None
    assert (scene.light, scene.season) == ("night", "winter")
    assert third["previous_response_id"] == second["id"]


@pytest.mark.parametrize("kind", ["image_generation_call", "item_reference", None])
async def test_a_bare_id_stands_for_the_stored_picture(kind: str | None) -> None:
    offline = server()
    first = await respond(offline, KITE)
    item: Json = {"id": calls_of(first)[0]["id"], **({"type": kind} if kind else {})}
    thought: Json = {"type": "reasoning", "id": "rs_1", "summary": []}

    answer = await respond(offline, [thought, item, {"role": "user", "content": "make it night"}])

    scene = scene_in(picture_of(answer))
    assert scene is not None
    assert scene.light == "night"


async def test_a_replayed_item_brings_its_picture_along() -> None:
    first = await respond(server(), KITE)
    items = [*first["output"], {"role": "user", "content": "make it night"}]

    answer = await respond(server(salt="elsewhere"), items, store=False)

    assert calls_of(answer)[0]["action"] == "edit"
    assert answer["store"] is False


async def test_an_unstored_answer_is_forgotten_and_its_items_are_a_404() -> None:
    offline = server()
    first = await respond(offline, KITE, store=False)
    item = {"type": "image_generation_call", "id": calls_of(first)[0]["id"]}

    reply = await post(offline, "/responses", {"input": [item], "tools": [SMALL]})

    assert reply.status_code == 404
    assert "not persisted" in reply.json()["error"]["message"]
    assert offline.counters["generations"] == 1


async def test_a_plainly_new_picture_is_not_an_edit_of_the_last() -> None:
    offline = server()
    first = await respond(offline, KITE)

    answer = await respond(
        offline, "Draw a new picture: a coffee cup", previous_response_id=first["id"]
    )

    assert calls_of(answer)[0]["action"] == "generate"


async def test_an_answer_can_be_retrieved_listed_and_deleted() -> None:
    offline = server()
    first = await respond(offline, KITE)
    path = f"/responses/{first['id']}"

    assert (await get(offline, path)).json() == first
    items = (await get(offline, f"{path}/input_items")).json()
    assert items["data"][0]["content"] == [{"type": "input_text", "text": KITE}]
    async with client(offline) as http:
        assert (await http.delete(path)).json()["deleted"] is True
        assert (await http.delete(path)).status_code == 404
        assert (await http.put(path)).status_code == 405


async def test_memory_is_bounded_and_the_oldest_answer_goes_first() -> None:
    offline = server(keep_bytes=30_000)
    answers = [await respond(offline, f"{KITE}, number {n}") for n in range(4)]

    weight = len(picture_of(answers[0]))
    kept = [(await get(offline, f"/responses/{a['id']}")).status_code for a in answers]
    assert kept == sorted(kept, reverse=True)
    assert kept[0] == 404
    assert kept.count(200) == max(1, 30_000 // weight)


# ── words ────────────────────────────────────────────────────────────────────────────────────────


async def test_it_says_that_it_is_no_model_in_text_metadata_and_json() -> None:
    answer = await respond(server(), KITE)

    assert "no model" in text_of(answer)
    assert b"algorithmicMedia" in picture_of(answer)
    assert answer["offline"] is True
    assert "并非模型" in text_of(await respond(server(), "海上的红风筝"))


async def test_a_question_is_answered_from_the_scene_and_draws_nothing() -> None:
    offline = server()
    first = await respond(offline, 'a jazz poster in winter "BLUE NOTE"')

    answer = await respond(offline, "What is on it?", previous_response_id=first["id"])

    assert calls_of(answer) == []
    assert "BLUE NOTE" in text_of(answer)
    assert "in winter" in text_of(answer)
    assert offline.counters["generations"] == 1


async def test_a_question_about_a_strangers_picture_is_unreadable() -> None:
    answer = await respond(server(), showing("What is on it?", photo()))

    assert "unreadable" in text_of(answer)


async def test_a_question_before_any_picture_is_told_so() -> None:
    assert "no picture" in text_of(await respond(server(), "Who are you?"))


@pytest.mark.parametrize("words", ["Can you draw a cat?", "a cat", "你能画一只猫吗？"])
async def test_asking_for_a_picture_politely_is_not_a_question(words: str) -> None:
    assert pictures_of(await respond(server(), words))


async def test_tool_choice_forces_and_forbids() -> None:
    forced = await respond(server(), "What?", tool_choice={"type": "image_generation"})
    forbidden = await respond(server(), "draw a cat", tool_choice="none")

    assert pictures_of(forced)
    assert calls_of(forbidden) == []


SCHEMA: Json = {
    "type": "object",
    "properties": {
        "readable": {"type": "boolean"},
        "lines": {"type": "array", "items": {"$ref": "#/$defs/Line"}},
        "verdict": {"enum": ["readable", "unreadable"]},
        "price": {"type": ["string", "null"]},
    },
    "required": ["readable", "lines", "verdict", "price"],
    "additionalProperties": False,
    "$defs": {
        "Line": {
            "type": "object",
            "properties": {"text": {"type": "string"}, "confidence": {"type": "number"}},
            "required": ["text", "confidence"],
        }
    },
}


def asked(schema: Json) -> Json:
    form = {"type": "json_schema", "name": "proof", "schema": schema}
    return {"tools": [], "text": {"format": form}}


async def test_a_structured_question_is_answered_from_what_was_drawn() -> None:
    offline = server()
    poster = picture_of(await respond(offline, 'a jazz poster "BLUE NOTE" “8 PM”'))

    answer = await respond(offline, showing("Read it.", poster), **asked(SCHEMA))

    told = json.loads(text_of(answer))
    assert told["readable"] is True
    assert told["verdict"] == "readable"
    assert "BLUE NOTE" in [line["text"] for line in told["lines"]]
    assert told["price"] is None
    assert offline.counters["asks"] == 1


async def test_a_strangers_picture_is_unreadable_in_the_schemas_own_words() -> None:
    answer = await respond(server(), showing("Read it.", photo()), **asked(SCHEMA))

    assert json.loads(text_of(answer)) == {
        "readable": False,
        "lines": [],
        "verdict": "unreadable",
        "price": None,
    }


async def test_a_question_without_a_schema_is_answered_in_json_or_in_words() -> None:
    loose = await respond(server(), KITE, tools=[], text={"format": {"type": "json_object"}})
    plain = await respond(server(), showing("Read it.", photo()), tools=[])

    assert json.loads(text_of(loose))["motif"] == "kite"
    assert "unreadable" in text_of(plain)


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        ({"type": "object"}, {}),
        ({"type": "string", "minLength": 3}, "---"),
        ({"type": "array", "items": {"type": "integer", "minimum": 2}, "minItems": 2}, [2, 2]),
        ({"type": "number", "maximum": -1}, -1),
        ({"const": 7}, 7),
        ({"enum": ["a", "b"]}, "a"),
        ({"anyOf": [{"type": "null"}, {"type": "string"}]}, None),
        ({"oneOf": [{"type": "boolean"}, {"type": "string"}]}, False),
        ({"allOf": [{"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]}]}, {"a": ""}),
        ({"type": ["integer", "null"]}, None),
        ({"properties": {"title": {"type": "string", "maxLength": 3}}}, {"title": "BLU"}),
        ({"properties": {"lines": {"type": "array", "maxItems": 1}}}, {"lines": ["BLUE NOTE"]}),
        ({"properties": {"lines": {"type": "string"}}}, {"lines": "BLUE NOTE, 8 PM"}),
        ({"properties": {"count": {"type": "integer"}}}, {"count": 4}),
        ({"properties": {"title": True}}, {"title": None}),
        ({"properties": {"mood": {"type": "string"}}}, {}),
        ({"items": {"type": "string"}}, []),
        ({"type": "null"}, None),
        ({"type": "array", "items": {"$ref": "#"}, "minItems": 1}, None),
    ],
)  # fmt: skip
def test_a_schema_gets_the_smallest_answer_it_accepts(schema: Json, value: object) -> None:
    facts: Json = {"title": "BLUE NOTE", "lines": ["BLUE NOTE", "8 PM"], "count": 4}

    filled = fill(schema, facts)

    if "$ref" not in json.dumps(schema):
        assert filled == value
    else:
        assert json.dumps(filled).count("[") < 30


async def test_a_crop_has_a_size_of_its_own_also_in_its_partials() -> None:
    tool = {**TOOL, "size": "auto", "partial_images": 1}

    events = await stream(
        server(), showing("crop to the left half", photo((320, 240))), tools=[tool]
    )

    partials = [e for e in events if e["type"].endswith("partial_image")]
    sizes = [opened(base64.b64decode(e["partial_image_b64"])).size for e in partials]
    assert sizes == [(160, 240), (160, 240)]
    assert calls_of(events[-1]["response"])[0]["size"] == "160x240"


async def test_partials_of_a_new_picture_are_rougher_renders_of_the_same_scene() -> None:
    tool = {**SMALL, "partial_images": 2}

    events = await stream(server(draw="full"), KITE, tools=[tool])

    drafts = [
        opened(base64.b64decode(e["partial_image_b64"])).convert("L").resize((64, 40))
        for e in events
        if e["type"].endswith("partial_image")
    ]
    gaps = [
        sum(abs(a - b) for a, b in zip(d.tobytes(), drafts[-1].tobytes(), strict=True))
        for d in drafts
    ]
    assert gaps[0] >= gaps[1] > gaps[2] == 0
    assert gaps[0] / (64 * 40) < 12
