from __future__ import annotations

import base64
import json
from dataclasses import replace
from email.message import Message as Mail
from email.parser import BytesParser
from typing import Any

import pytest

from agent.errors import UsageError
from agent.schema import ImageOptions
from agent.traffic import Message, Outgoing, PictureData
from agent.wire.image_writer import (
    content_type_of,
    images_body,
    images_path,
    preamble_of,
    prompt_of,
)
from agent.wire.requests import InlineImage, read_form, read_images, read_json
from tests.published import at_hand, complaints

PREAMBLE = "Everyone shown is a grown-up. The picture suits every audience."
RED = PictureData(b"\x89PNG red \r\n--limner\x00", "image/png")
BLUE = PictureData(b"\xff\xd8\xff blue", "image/jpeg")
MASK = PictureData(b"\x89PNG mask", "image/png")


def outgoing(
    text: str = "a red kite",
    *pictures: PictureData,
    mask: PictureData | None = None,
    **options: Any,
) -> Outgoing:
    return Outgoing(
        kind="edit" if pictures else "generate",
        model="gpt-5.5",
        instructions=f"{PREAMBLE}\n\nYou are the art director.\n\nDraw now.",
        messages=(
            Message("user", "a lighthouse by day"),
            Message("assistant", "Here it is."),
            Message("user", text, pictures),
        ),
        options=ImageOptions.model_validate(options),
        mask=mask,
        user="0123abcd",
    )


def fields_of(body: bytes) -> dict[str, Any]:
    found = json.loads(body)
    assert isinstance(found, dict)
    return found


def parts_of(body: bytes) -> list[Mail]:
    """The parts of a form, by a reader that is none of ours."""
    head = f"Content-Type: {content_type_of(body)}\r\n\r\n".encode()
    mail = BytesParser().parsebytes(head + body)
    return [part for part in mail.get_payload() if isinstance(part, Mail)]


def named(parts: list[Mail], name: str) -> list[Mail]:
    return [p for p in parts if p.get_param("name", header="content-disposition") == name]


# ── generations ──────────────────────────────────────────────────────────────────────────────


def test_a_sentence_goes_to_generations_with_every_default_said() -> None:
    sent = outgoing()

    assert images_path(sent) == "/images/generations"
    assert content_type_of(images_body(sent)) == "application/json"
    assert fields_of(images_body(sent)) == {
        "model": "gpt-image-2",
        "prompt": f"{PREAMBLE}\n\na red kite",
        "n": 1,
        "size": "1024x1024",
        "quality": "medium",
        "output_format": "png",
        "background": "auto",
        "moderation": "auto",
        "user": "0123abcd",
    }


def test_earlier_turns_and_instructions_stay_at_home() -> None:
    body = images_body(outgoing())

    assert b"lighthouse" not in body
    assert b"art director" not in body
    assert preamble_of(outgoing()) == PREAMBLE


def test_without_instructions_the_prompt_goes_alone_and_without_messages_nothing() -> None:
    bare = replace(outgoing(), instructions="", user=None)

    assert "user" not in fields_of(images_body(bare))
    assert prompt_of(bare) == "a red kite"
    assert prompt_of(replace(bare, messages=())) == ""
    assert images_path(replace(bare, messages=())) == "/images/generations"


def test_a_stream_may_have_partials_and_a_whole_answer_has_none() -> None:
    asked = outgoing(partial_images=2, output_format="webp", output_compression=80)

    streamed = fields_of(images_body(asked, stream=True))
    whole = fields_of(images_body(asked))
    plain = fields_of(images_body(outgoing(), stream=True))

    assert (streamed["stream"], streamed["partial_images"]) == (True, 2)
    assert streamed["output_compression"] == 80
    assert not {"stream", "partial_images"} & whole.keys()
    assert "partial_images" not in plain


def test_response_format_goes_out_only_when_it_is_asked_for() -> None:
    assert "response_format" not in fields_of(images_body(outgoing()))
    assert fields_of(images_body(outgoing(), response_format="url"))["response_format"] == "url"


def test_fields_that_a_model_does_not_take_are_left_out() -> None:
    asked = outgoing(tool_options={"input_fidelity": None})
    body = images_body(asked, leave_out=frozenset({"quality", "input_fidelity"}))

    assert not {"quality", "input_fidelity"} & fields_of(body).keys()


def test_newer_options_pass_through_without_nul() -> None:
    asked = outgoing(tool_options={"sty\0le": "vi\0vid", "n": 2, "frame": {"count": [1, True]}})
    sent = fields_of(images_body(asked))

    assert (sent["style"], sent["n"], sent["frame"]) == ("vivid", 2, {"count": [1, True]})


@pytest.mark.parametrize("name", ["prompt", "model", "image", "image[]", "images", "mask", "user"])
@pytest.mark.parametrize("pictures", [(), (RED,)])
def test_an_option_cannot_replace_what_was_screened(
    name: str, pictures: tuple[PictureData, ...]
) -> None:
    with pytest.raises(UsageError, match="set elsewhere"):
        images_body(outgoing("x", *pictures, tool_options={name: "something else"}))


@pytest.mark.parametrize("pictures", [(), (RED,)])
def test_a_number_that_does_not_exist_is_refused(pictures: tuple[PictureData, ...]) -> None:
    with pytest.raises(UsageError, match="NaN"):
        images_body(outgoing("x", *pictures, tool_options={"strength": float("nan")}))


# ── edits as JSON (R33) ──────────────────────────────────────────────────────────────────────


def test_a_json_edit_holds_its_pictures_and_mask_as_data_urls() -> None:
    asked = outgoing("make it night", RED, BLUE, mask=MASK)
    body = images_body(asked, edit_body="json")
    sent = read_images(read_json(body))

    assert images_path(asked) == "/images/edits"
    assert content_type_of(body) == "application/json"
    assert sent.images == (InlineImage(RED.data, "image/png"), InlineImage(BLUE.data, "image/jpeg"))
    assert sent.mask == InlineImage(MASK.data, "image/png")
    assert sent.prompt.endswith("\n\nmake it night")
    assert fields_of(body)["images"][0] == {
        "image_url": f"data:image/png;base64,{base64.b64encode(RED.data).decode()}"
    }


def test_a_mask_without_a_picture_is_not_sent() -> None:
    assert "mask" not in fields_of(images_body(outgoing(mask=MASK)))


# ── edits as a form (R34) ────────────────────────────────────────────────────────────────────


def test_a_form_holds_the_very_bytes() -> None:
    body = images_body(outgoing("make it night", RED, mask=MASK))
    fields, files = read_form(body, content_type_of(body))
    parts = parts_of(body)

    assert files["image"] == [InlineImage(RED.data, "image/png")]
    assert files["mask"] == [InlineImage(MASK.data, "image/png")]
    assert fields["prompt"] == f"{PREAMBLE}\n\nmake it night"
    assert [p.get_filename() for p in named(parts, "image")] == ["image-1.png"]
    assert named(parts, "n")[0].get_payload(decode=True) == b"1"


def test_several_pictures_of_a_form_are_an_array() -> None:
    parts = parts_of(images_body(outgoing("join them", RED, BLUE)))

    assert not named(parts, "image")
    assert [p.get_filename() for p in named(parts, "image[]")] == ["image-1.png", "image-2.jpg"]
    assert [p.get_content_type() for p in named(parts, "image[]")] == ["image/png", "image/jpeg"]


def test_fields_of_a_form_are_text_and_null_is_left_out() -> None:
    newer = {"input_fidelity": None, "loop": True, "box": [1, 2]}
    body = images_body(outgoing("make it night", RED, tool_options=newer), stream=True)
    fields, _ = read_form(body, content_type_of(body))

    assert (fields["stream"], fields["loop"], fields["box"]) == ("true", "true", "[1,2]")
    assert "input_fidelity" not in fields


def test_a_field_name_cannot_break_out_of_its_header() -> None:
    name = 'x"\r\nX-Evil: 1'
    body = images_body(outgoing("make it night", RED, tool_options={name: "y"}))

    assert b"X-Evil" in body
    assert b"\r\nX-Evil" not in body


def test_the_same_request_is_the_same_bytes_and_another_has_another_boundary() -> None:
    one, again = (images_body(outgoing("make it night", RED)) for _ in range(2))
    other = images_body(outgoing("make it day", RED))

    assert one == again
    assert content_type_of(one) != content_type_of(other)
    assert (
        one.count(content_type_of(one).partition("boundary=")[2].encode()) == len(parts_of(one)) + 1
    )


# ── the published schema, where it is at hand ────────────────────────────────────────────────


@at_hand
def test_bodies_are_valid_by_the_published_schema() -> None:
    made = outgoing(size="1536x1024", partial_images=2, output_format="webp", output_compression=7)
    edit = outgoing("make it night", RED, BLUE, mask=MASK, partial_images=1)

    created = images_body(made, stream=True, response_format="b64_json")
    edited = images_body(edit, edit_body="json", stream=True)
    form = images_body(edit, stream=True)
    fields, _ = read_form(form, content_type_of(form))

    assert complaints("CreateImageRequest", fields_of(created)) == []
    assert complaints("EditImageBodyJsonParam", fields_of(edited)) == []
    assert set(fields) <= set(fields_of(edited)) - {"images", "mask"}
