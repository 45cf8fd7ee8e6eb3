"""What goes out: explicit, strict, every picture joined in exactly once and only where it belongs."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Literal, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import JsonValue

from agent.errors import UsageError
from agent.schema import Action, ImageOptions
from agent.traffic import Message, Outgoing, PictureData
from agent.wire.writer import responses_body
from tests.published import at_hand, complaints

KITE, MASK = PictureData(b"kite\x00\xff" * 50, "image/png"), PictureData(b"mask" * 50, "image/png")

GENERATE = Outgoing(
    kind="generate",
    model="gpt-5.5",
    instructions="Draw.",
    messages=(Message("user", "a red kite"),),
    options=ImageOptions(),
    action="generate",
)
EDIT = replace(
    GENERATE,
    kind="edit",
    action="edit",
    messages=(
        Message("user", "a red kite"),
        Message("assistant", "[picture 1: a red kite]"),
        Message("user", "make it blue", (KITE,)),
    ),
)
MASKED = replace(EDIT, mask=MASK, user="9f86d081", effort="low", force_tool=True)
SCHEMA: dict[str, JsonValue] = {
    "type": "object",
    "properties": {"ok": {"type": "boolean"}},
    "required": ["ok"],
    "additionalProperties": False,
}
ASK = Outgoing(
    kind="ask",
    model="gpt-5.5",
    instructions="Answer.",
    messages=(Message("user", "is it red?", (KITE,)),),
    answer_schema=SCHEMA,
    stream=False,
)
ALL = {"generate": GENERATE, "edit": EDIT, "mask": MASKED, "ask": ASK}

Body = dict[str, JsonValue]


def write(outgoing: Outgoing) -> Body:
    return cast("Body", json.loads(responses_body(outgoing)))


def tool(outgoing: Outgoing) -> Body:
    (found,) = cast("list[Body]", write(outgoing)["tools"])
    return found


def data_url(picture: PictureData) -> str:
    return f"data:{picture.media_type};base64,{base64.b64encode(picture.data).decode()}"


def test_a_picture_from_words_says_everything_and_nothing_else() -> None:
    assert write(GENERATE) == {
        "model": "gpt-5.5",
        "instructions": "Draw.",
        "input": [{"role": "user", "content": "a red kite"}],
        "store": False,
        "stream": True,
        "tools": [
            {
                "type": "image_generation",
                "model": "gpt-image-2",
                "action": "generate",
                "size": "1024x1024",
                "quality": "medium",
                "output_format": "png",
                "background": "auto",
                "moderation": "auto",
            }
        ],
    }


def test_an_edit_carries_the_earlier_words_and_the_picture_once() -> None:
    body = responses_body(EDIT)

    assert json.loads(body)["input"] == [
        {"role": "user", "content": "a red kite"},
        {"role": "assistant", "content": "[picture 1: a red kite]"},
        {
            "role": "user",
            "content": [
                {"type": "input_text", "text": "make it blue"},
                {"type": "input_image", "image_url": data_url(KITE), "detail": "auto"},
            ],
        },
    ]
    assert body.count(base64.b64encode(KITE.data)) == 1


def test_many_pictures_and_a_mask_stand_each_in_its_place() -> None:
    many = tuple(PictureData(bytes([n]) * 40, "image/webp") for n in range(12))
    last = Message("user", "put them together", many)

    body = responses_body(replace(MASKED, messages=(last,)))

    parts = json.loads(body)["input"][0]["content"]
    assert [part["image_url"] for part in parts[1:]] == [data_url(each) for each in many]
    assert json.loads(body)["tools"][0]["input_image_mask"] == {"image_url": data_url(MASK)}
    assert body.count(b";base64,") == 13


def test_a_question_has_no_tool_and_a_strict_shape() -> None:
    body = write(ASK)

    assert "tools" not in body
    assert "tool_choice" not in body
    assert body["text"] == {
        "format": {"type": "json_schema", "name": "answer", "schema": SCHEMA, "strict": True}
    }
    assert body["stream"] is False


def test_what_was_not_asked_for_is_not_sent() -> None:
    unasked = {"reasoning", "safety_identifier", "previous_response_id", "tool_choice", "text"}

    assert not unasked & set(write(GENERATE))
    assert not {"partial_images", "output_compression", "input_image_mask"} & set(tool(GENERATE))


def test_what_was_asked_for_is_sent() -> None:
    body = write(MASKED)

    assert body["tool_choice"] == {"type": "image_generation"}
    assert body["reasoning"] == {"effort": "low"}
    assert body["safety_identifier"] == "9f86d081"


@pytest.mark.parametrize("action", ["generate", "edit", "auto"])
def test_the_action_is_always_said(action: Action) -> None:
    assert tool(replace(GENERATE, action=action))["action"] == action


@pytest.mark.parametrize("outgoing", ALL.values(), ids=list(ALL))
def test_no_message_ever_has_the_role_system(outgoing: Outgoing) -> None:
    body = write(outgoing)

    assert {message["role"] for message in cast("list[Body]", body["input"])} <= {
        "user",
        "assistant",
        "developer",
    }
    assert body["instructions"]


@pytest.mark.parametrize(("stream", "sent"), [(True, 2), (False, None)])
def test_drafts_are_asked_for_only_on_a_stream(
    stream: bool,
    sent: int | None,
) -> None:
    outgoing = replace(GENERATE, options=ImageOptions(partial_images=2), stream=stream)

    assert tool(outgoing).get("partial_images") == sent


def test_compression_is_sent_also_when_it_is_zero() -> None:
    options = ImageOptions(output_format="jpeg", output_compression=0)

    assert tool(replace(GENERATE, options=options))["output_compression"] == 0


def test_options_passed_through_win() -> None:
    options = ImageOptions(tool_options={"quality": "xhigh", "complexity": {"level": [1, None]}})

    sent = tool(replace(GENERATE, options=options))

    assert sent["quality"] == "xhigh"
    assert sent["complexity"] == {"level": [1, None]}


def test_an_answer_is_stored_only_when_it_continues_a_stored_one() -> None:
    assert write(GENERATE)["store"] is False

    body = write(replace(GENERATE, previous_response_id="resp_" + "x" * 430))

    assert body["store"] is True
    assert body["previous_response_id"] == "resp_" + "x" * 430


# ── hostile text ─────────────────────────────────────────────────────────────────────────────

MARKS = ["\x000\x00", "\\u00000\\u0000", "\x00\x000\x00\x00", "\\\x000\x00", "\x001\x00"]
Place = Literal["prompt", "earlier", "instructions", "option", "schema", "model", "user"]


def with_text(text: str, place: Place) -> Outgoing:
    earlier, said, _ = EDIT.messages
    options = ImageOptions(tool_options={"style": [text], text: "key"})
    put: dict[str, Callable[[], Outgoing]] = {
        "prompt": lambda: replace(EDIT, messages=(earlier, said, Message("user", text, (KITE,)))),
        "earlier": lambda: replace(EDIT, messages=(Message("user", text), *EDIT.messages[1:])),
        "instructions": lambda: replace(EDIT, instructions=text),
        "option": lambda: replace(EDIT, options=options),
        "schema": lambda: replace(EDIT, answer_schema={"title": text, "enum": [text]}),
        "model": lambda: replace(EDIT, model=text),
        "user": lambda: replace(EDIT, user=text, effort=text, previous_response_id=text),
    }
    return put[place]()


@pytest.mark.parametrize("place", ["prompt", "earlier", "instructions", "option", "schema", "model", "user"])  # fmt: skip
@pytest.mark.parametrize("mark", MARKS)
def test_no_text_can_pull_a_picture_in(place: Place, mark: str) -> None:
    body = responses_body(with_text(mark, place))

    json.loads(body)
    assert body.count(base64.b64encode(KITE.data)) == 1
    assert body.count(b";base64,") == 1


@pytest.mark.parametrize("text", ["\ud800", "a\udfffb", "\x00", "🪁", "新中式海报", "\u2028"])
def test_any_text_becomes_json_that_any_server_reads(text: str) -> None:
    body = responses_body(with_text(text, "prompt"))

    sent = json.loads(body.decode("utf-8"))["input"][-1]["content"][0]["text"]
    assert sent == text.replace("\x00", "").encode("utf-8", "replace").decode()
    assert "\x00" not in sent


@given(st.text(st.characters(exclude_categories=())))
def test_no_text_ever_breaks_a_body(text: str) -> None:
    body = responses_body(with_text(text, "prompt"))

    assert body.count(base64.b64encode(KITE.data)) == 1
    assert json.loads(body)["input"][-1]["content"][1]["image_url"] == data_url(KITE)


@pytest.mark.parametrize("number", [float("nan"), float("inf"), float("-inf")])
def test_a_number_that_json_does_not_have_is_refused_before_sending(number: float) -> None:
    options = ImageOptions.model_construct(
        **ImageOptions().model_dump() | {"tool_options": {"strength": number}}
    )

    with pytest.raises(UsageError, match="NaN or Infinity"):
        responses_body(replace(GENERATE, options=options))


# ── the published schema ─────────────────────────────────────────────────────────────────────


@at_hand
@pytest.mark.parametrize("outgoing", ALL.values(), ids=list(ALL))
def test_what_is_sent_fits_the_published_schema(outgoing: Outgoing) -> None:
    assert complaints("CreateResponse", write(outgoing)) == []


@at_hand
def test_the_published_schema_would_notice() -> None:
    assert complaints("CreateResponse", write(GENERATE) | {"tools": [{"type": "image"}]})
