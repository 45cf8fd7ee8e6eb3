"""Requests as real clients send them, and what is said about those that cannot be read."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import JsonValue

from agent.wire.fields import JsonObject, decode_base64, read_image
from agent.wire.requests import (
    FileImage,
    ImagesRequest,
    InlineImage,
    InputMessage,
    ItemReference,
    OtherItem,
    OtherPart,
    PictureCall,
    RemoteImage,
    RequestFault,
    ResponsesRequest,
    ToolOutput,
    read_form,
    read_images,
    read_json,
    read_responses,
)

PICTURE = bytes(range(256)) * 3
B64 = base64.b64encode(PICTURE).decode()
DATA_URL = f"data:image/png;base64,{B64}"


def responses(**payload: JsonValue) -> ResponsesRequest:
    return read_responses(payload)


def images(**payload: JsonValue) -> ImagesRequest:
    return read_images({"prompt": "a kite", **payload})


def message(*parts: JsonValue) -> InputMessage:
    item = responses(input=[{"role": "user", "content": list(parts)}]).items[0]
    assert isinstance(item, InputMessage)
    return item


def fault_of(payload: JsonObject) -> RequestFault:
    with pytest.raises(RequestFault) as caught:
        read_responses(payload)
    return caught.value


# ── input ────────────────────────────────────────────────────────────────────────────────────


def test_a_string_input_is_one_user_message() -> None:
    assert responses(input="a kite").items == (InputMessage("user", ("a kite",)),)


def test_messages_are_read_with_and_without_their_type() -> None:
    bare: JsonValue = {"role": "user", "content": "hello"}
    typed: JsonValue = {"type": "message", "role": "user", "content": "hello"}
    nameless: JsonValue = {"type": "message", "content": "hello"}

    assert responses(input=[bare, typed, nameless, "hello"]).items == 4 * (
        InputMessage("user", ("hello",)),
    )


def test_an_assistant_message_needs_neither_id_nor_status() -> None:
    said: JsonValue = {"role": "assistant", "content": [{"type": "output_text", "text": "Done."}]}
    no: JsonValue = {"role": "assistant", "content": [{"type": "refusal", "refusal": "No."}]}
    silent: JsonValue = {"role": "assistant", "id": "msg_1", "content": None}

    done, refused, nothing = responses(input=[said, no, silent]).items

    assert [i.text for i in (done, refused) if isinstance(i, InputMessage)] == ["Done.", "No."]
    assert nothing == InputMessage("assistant", (), "msg_1")


@pytest.mark.parametrize(
    "part",
    [
        {"type": "input_image", "image_url": DATA_URL},
        {"type": "input_image", "image_url": {"url": DATA_URL}, "detail": "high"},
        {"type": "image_url", "image_url": {"url": DATA_URL}},
        {"type": "input_image", "image_url": DATA_URL, "file_id": None},
    ],
)
def test_a_picture_is_decoded_however_its_address_is_wrapped(part: JsonObject) -> None:
    assert message(part).pictures == (InlineImage(PICTURE, "image/png"),)


def test_pictures_elsewhere_are_named_not_fetched() -> None:
    told = message(
        {"type": "input_image", "image_url": "https://example.com/a.png"},
        {"type": "input_image", "file_id": "file-1"},
        "and a bare string",
        {"type": "input_file", "file_id": "file-2"},
        {"type": 7},
    )

    assert told.pictures == (RemoteImage("https://example.com/a.png"), FileImage("file-1"))
    assert told.text == "and a bare string"
    assert told.parts[3:] == (OtherPart("input_file"), OtherPart(""))


def test_a_replayed_picture_comes_whole_by_id_alone_or_as_a_reference() -> None:
    whole: JsonValue = {"type": "image_generation_call", "id": "ig_1", "result": B64}
    listed: JsonValue = {"type": "image_generation_call", "id": "ig_1", "result": [B64]}
    id_only: JsonValue = {"type": "image_generation_call", "id": "ig_1"}
    hollow: JsonValue = {"type": "image_generation_call", "id": "ig_1", "result": []}
    reference: JsonValue = {"type": "item_reference", "id": "ig_1"}
    bare: JsonValue = {"id": "ig_1"}

    items = responses(input=[whole, listed, id_only, hollow, reference, bare]).items

    known = PictureCall("ig_1", InlineImage(PICTURE))
    unknown = PictureCall("ig_1")
    assert items == (known, known, unknown, unknown, ItemReference("ig_1"), ItemReference("ig_1"))


def test_a_tool_output_may_hold_a_picture() -> None:
    output: JsonValue = [{"type": "input_image", "image_url": DATA_URL, "detail": "original"}]
    item: JsonValue = {"type": "function_call_output", "call_id": "call_1", "output": output}

    assert responses(input=[item]).items == (
        ToolOutput("call_1", (InlineImage(PICTURE, "image/png"),)),
    )


def test_items_nobody_asked_about_are_kept_by_type() -> None:
    items = responses(
        input=[{"type": "reasoning", "id": "rs_1", "summary": []}, {"type": 1, "id": "x"}]
    )

    assert items.items == (OtherItem("reasoning", "rs_1"), OtherItem("", "x"))


def test_a_previous_response_needs_no_input() -> None:
    request = responses(previous_response_id="resp_1")

    assert request.items == ()
    assert request.previous_response_id == "resp_1"


# ── options ──────────────────────────────────────────────────────────────────────────────────


def test_the_image_tool_is_read_with_its_mask_and_what_is_newer_than_us() -> None:
    tool: JsonObject = {
        "type": "image_generation",
        "model": "gpt-image-2",
        "size": "1024x1024",
        "partial_images": 2,
        "output_compression": 80,
        "input_image_mask": {"image_url": DATA_URL},
        "complexity": "high",
    }

    read = responses(input="x", tools=[{"type": "web_search"}, tool]).image_tool

    assert read is not None
    assert (read.index, read.model, read.size, read.quality) == (
        1,
        "gpt-image-2",
        "1024x1024",
        None,
    )
    assert (read.partial_images, read.output_compression) == (2, 80)
    assert read.mask == InlineImage(PICTURE, "image/png")
    assert read.extra == {"complexity": "high"}


def test_an_empty_mask_is_no_mask() -> None:
    tool = responses(
        input="x", tools=[{"type": "image_generation", "input_image_mask": {}}]
    ).image_tool

    assert tool is not None
    assert tool.mask is None


@pytest.mark.parametrize(
    ("sent", "choice"),
    [
        (None, "auto"),
        ("auto", "auto"),
        ("none", "none"),
        ("required", "required"),
        ({"type": "image_generation"}, "image"),
        ({"type": "allowed_tools", "mode": "required", "tools": []}, "required"),
        ({"type": "function", "name": "f"}, "other"),
        ("sometimes", "other"),
    ],
)
def test_tool_choice_is_told_in_five_words(sent: JsonValue, choice: str) -> None:
    assert responses(input="x", tool_choice=sent).choice == choice


@pytest.mark.parametrize("wrap", ["responses", "chat"])
def test_the_schema_of_a_structured_answer_is_found_in_both_places(wrap: str) -> None:
    schema: JsonValue = {"type": "object", "properties": {}}
    chat: JsonValue = {"type": "json_schema", "json_schema": {"name": "x", "schema": schema}}
    own: JsonValue = {"type": "json_schema", "name": "x", "schema": schema}

    request = responses(input="x", text={"format": own if wrap == "responses" else chat})

    assert request.answer_schema == schema


def test_the_rest_of_a_request_is_kept_as_sent() -> None:
    request = responses(
        input="x",
        store=False,
        stream=True,
        user="u",
        safety_identifier="s",
        reasoning={"effort": "low"},
        metadata={"a": "b"},
        include=["reasoning.encrypted_content"],
    )

    assert (request.store, request.stream, request.user) == (False, True, "u")
    assert (request.safety_identifier, request.effort) == ("s", "low")
    assert request.rest == {"metadata": {"a": "b"}, "include": ["reasoning.encrypted_content"]}


def test_lone_surrogates_become_question_marks() -> None:
    payload = read_json(b'{"input": "a \\ud800 kite", "instructions": "\\udfff"}')

    request = read_responses(payload)

    assert request.items == (InputMessage("user", ("a ? kite",)),)
    assert request.instructions == "?"


# ── faults ───────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"\xff\xfe\x00", b'{"a": NaN}', b"[1]", b'"text"', b"null", b"[" * 100_000],
    ids=["empty", "open", "binary", "nan", "list", "string", "null", "deep"],
)
def test_a_body_that_is_no_json_object_is_a_400(body: bytes) -> None:
    with pytest.raises(RequestFault) as caught:
        read_json(body)

    assert caught.value.status == 400


@pytest.mark.parametrize(
    ("payload", "param", "code"),
    [
        ({}, "input", "missing_required_parameter"),
        ({"input": 7}, "input", "invalid_type"),
        ({"input": [7]}, "input[0]", "invalid_type"),
        ({"input": [{}]}, "input[0].id", "missing_required_parameter"),
        ({"input": [{"role": 1}]}, "input[0].role", "invalid_type"),
        ({"input": [{"role": "user", "content": 7}]}, "input[0].content", "invalid_type"),
        ({"input": [{"role": "user", "content": [7]}]}, "input[0].content[0]", "invalid_type"),
        ({"input": "x", "model": 5}, "model", "invalid_type"),
        ({"input": "x", "stream": "maybe"}, "stream", "invalid_type"),
        ({"input": "x", "tools": {}}, "tools", "invalid_type"),
        ({"input": "x", "tools": [None]}, "tools[0]", "invalid_type"),
        ({"input": "x", "reasoning": []}, "reasoning", "invalid_type"),
        ({"input": "x", "text": {"format": "json"}}, "text.format", "invalid_type"),
    ],
)
def test_a_fault_names_the_parameter_and_the_reason(
    payload: JsonObject, param: str, code: str
) -> None:
    fault = fault_of(payload)

    assert (fault.status, fault.param, fault.code) == (400, param, code)
    assert fault.body()["error"] == {
        "message": fault.message,
        "type": "invalid_request_error",
        "param": param,
        "code": code,
    }


@pytest.mark.parametrize("key", ["action", "quality", "output_format", "background", "moderation"])
@pytest.mark.parametrize("value", ["", "\0", "../x", "x" * 33, "auto ", "hoch\u00e9"])
def test_what_could_be_no_word_of_the_tool_is_refused(key: str, value: str) -> None:
    fault = fault_of({"input": "x", "tools": [{"type": "image_generation", key: value}]})

    assert (fault.status, fault.param, fault.code) == (400, f"tools[0].{key}", "invalid_value")


@pytest.mark.parametrize(
    ("value", "code"),
    [
        (4, "integer_above_max_value"),
        (-1, "integer_below_min_value"),
        (True, "invalid_type"),
        (1.5, "invalid_type"),
        ("two", "invalid_type"),
    ],
)
def test_a_number_out_of_range_or_kind_is_refused(value: JsonValue, code: str) -> None:
    tools: list[JsonValue] = [{"type": "image_generation", "partial_images": value}]

    fault = fault_of({"input": "x", "tools": tools})

    assert (fault.param, fault.code) == ("tools[0].partial_images", code)


@pytest.mark.parametrize(
    "url",
    ["data:image/png;base64,%%%", "data:image/png;base64,", "data:image/png", "not base64 at all"],
)
def test_a_picture_that_is_no_base64_is_refused_by_name(url: str) -> None:
    content: JsonValue = [{"type": "input_image", "image_url": url}]

    fault = fault_of({"input": [{"role": "user", "content": content}]})

    assert fault.code == "invalid_base64_image"
    assert fault.param == "input[0].content[0].image_url"


def test_a_picture_part_without_a_picture_is_refused() -> None:
    fault = fault_of({"input": [{"role": "user", "content": [{"type": "input_image"}]}]})

    assert fault.param == "input[0].content[0].image_url"


@pytest.mark.parametrize("value", [7, [1]])
def test_a_picture_is_a_string_or_an_object(value: JsonValue) -> None:
    with pytest.raises(RequestFault) as caught:
        read_image(value, "mask")

    assert caught.value.code == "invalid_type"


# ── base64 ───────────────────────────────────────────────────────────────────────────────────


@given(st.binary(min_size=1, max_size=200))
def test_base64_is_read_plain_url_safe_unpadded_and_wrapped(data: bytes) -> None:
    plain = base64.b64encode(data).decode()

    assert decode_base64(plain) == data
    assert decode_base64(base64.urlsafe_b64encode(data).decode()) == data
    assert decode_base64(plain.rstrip("=")) == data
    assert decode_base64("\n".join(plain[i : i + 16] for i in range(0, len(plain), 16))) == data


def test_a_data_url_without_base64_is_percent_encoded() -> None:
    assert read_image("data:image/svg+xml,%3Csvg/%3E", "x") == InlineImage(
        b"<svg/>", "image/svg+xml"
    )


def test_a_data_url_may_leave_its_type_out() -> None:
    assert read_image(f"data:;base64,{B64}", "x") == InlineImage(PICTURE, None)


# ── the Images API ───────────────────────────────────────────────────────────────────────────


def test_images_json_takes_pictures_as_objects_strings_or_one_alone() -> None:
    inline = InlineImage(PICTURE, "image/png")

    assert images(images=[{"image_url": DATA_URL}, DATA_URL]).images == (inline, inline)
    assert images(image=DATA_URL).images == (inline,)
    assert images(images=[{"file_id": "file-1"}]).images == (FileImage("file-1"),)
    assert images(mask={"b64_json": B64}).mask == InlineImage(PICTURE)
    assert images().images == ()


def test_images_options_are_typed_and_the_rest_is_kept() -> None:
    request = images(n=2, size="auto", partial_images=1, stream=True, style="vivid", n_extra=None)

    assert (request.n, request.size, request.partial_images, request.stream) == (2, "auto", 1, True)
    assert request.extra == {"style": "vivid", "n_extra": None}


@pytest.mark.parametrize(
    ("payload", "code"),
    [
        ({}, "missing_required_parameter"),
        ({"prompt": ""}, "missing_required_parameter"),
        ({"prompt": "x" * 32_001}, "string_above_max_length"),
        ({"prompt": "x", "n": 11}, "integer_above_max_value"),
    ],
)
def test_an_images_request_needs_a_prompt_within_its_limits(payload: JsonObject, code: str) -> None:
    with pytest.raises(RequestFault) as caught:
        read_images(payload)

    assert caught.value.code == code


TYPED = ("n", "output_compression", "partial_images")


@pytest.mark.parametrize("value", ["2", "", 2.0, 2.5, True, [2], {}])
@pytest.mark.parametrize("name", TYPED)
def test_in_json_a_number_is_a_whole_number(name: str, value: JsonValue) -> None:
    with pytest.raises(RequestFault) as caught:
        images(**{name: value})

    assert (caught.value.code, caught.value.param) == ("invalid_type", name)
    assert "expected an integer" in caught.value.message


@pytest.mark.parametrize("value", ["true", "", 1, 0.0, []])
def test_in_json_a_boolean_is_a_boolean(value: JsonValue) -> None:
    for read in (images, lambda **one: read_responses({"input": "x", **one})):
        with pytest.raises(RequestFault) as caught:
            read(stream=value)

        assert (caught.value.code, caught.value.param) == ("invalid_type", "stream")


@pytest.mark.parametrize("name", ["model", "size", "quality", "response_format", "user"])
@pytest.mark.parametrize("value", [7, 1.5, True, ["x"], {}])
def test_in_json_a_text_is_a_text(name: str, value: JsonValue) -> None:
    with pytest.raises(RequestFault) as caught:
        images(**{name: value})

    assert (caught.value.code, caught.value.param) == ("invalid_type", name)


def test_null_is_the_same_as_left_out() -> None:
    assert images(n=None, stream=None, size=None, mask=None, images=None) == images()


@pytest.mark.parametrize(
    "change",
    [
        {"background": "true"},
        {"store": 1},
        {"tools": [{"type": "image_generation", "partial_images": "2"}]},
        {"tools": [{"type": "image_generation", "output_compression": 50.0}]},
    ],
)
def test_a_responses_request_is_typed_as_well(change: JsonObject) -> None:
    with pytest.raises(RequestFault) as caught:
        read_responses({"input": "a kite", **change})

    assert caught.value.code == "invalid_type"


def test_no_items_are_no_input_unless_a_conversation_goes_on() -> None:
    with pytest.raises(RequestFault) as caught:
        read_responses({"input": []})

    assert (caught.value.code, caught.value.param) == ("empty_array", "input")
    assert read_responses({"input": [], "previous_response_id": "resp_1"}).items == ()


@pytest.mark.parametrize("value", ["two", "2.5", "2.0", " 2", "٢", "0x2", "true", "+2"])
def test_in_a_form_a_number_is_written_in_digits(value: str) -> None:
    with pytest.raises(RequestFault) as caught:
        read_images({"prompt": "a kite", "n": value}, files={})

    assert (caught.value.code, caught.value.param) == ("invalid_type", "n")


@pytest.mark.parametrize(("value", "read"), [("TRUE", True), ("0", False), ("", False)])
def test_in_a_form_a_boolean_is_a_word(value: str, read: bool) -> None:
    assert read_images({"prompt": "a kite", "stream": value}, files={}).stream is read
    with pytest.raises(RequestFault):
        read_images({"prompt": "a kite", "stream": "yes"}, files={})


def form(*parts: tuple[str, bytes, str | None], boundary: str = "edge", end: bool = True) -> bytes:
    body = b""
    for name, data, file in parts:
        disposition = f'form-data; name="{name}"' + (f'; filename="{file}"' if file else "")
        kind = "\r\nContent-Type: image/png" if file else ""
        head = f"--{boundary}\r\nContent-Disposition: {disposition}{kind}\r\n\r\n"
        body += head.encode() + data + b"\r\n"
    return body + (f"--{boundary}--\r\n".encode() if end else b"")


def test_a_form_carries_several_pictures_a_mask_and_typed_fields() -> None:
    body = form(
        ("prompt", "une fête".encode(), None),
        ("image[]", PICTURE, "a.png"),
        ("image[]", b"second", "b.png"),
        ("mask", b"mask", "m.png"),
        ("n", b"2", None),
        ("stream", b"true", None),
        ("partial_images", b"", None),
        ("timestamp_granularities[]", b"word", None),
    )

    fields, files = read_form(body, "multipart/form-data; boundary=edge")
    request = read_images(fields, files=files)

    assert request.prompt == "une fête"
    assert request.images == (
        InlineImage(PICTURE, "image/png"),
        InlineImage(b"second", "image/png"),
    )
    assert request.mask == InlineImage(b"mask", "image/png")
    assert (request.n, request.stream, request.partial_images) == (2, True, None)
    assert request.extra == {"timestamp_granularities": "word"}


def test_one_picture_is_sent_as_image_and_needs_no_file_name() -> None:
    fields, files = read_form(
        form(("image", PICTURE, None), ("prompt", b"night", None), ("stream", b"", None)),
        'multipart/form-data; boundary="edge"',
    )

    request = read_images(fields, files=files)

    assert request.images == (InlineImage(PICTURE),)
    assert request.stream is False


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b"prompt=x", "application/x-www-form-urlencoded"),
        (b"x", "multipart/form-data"),
        (form(("prompt", b"x", None), end=False), "multipart/form-data; boundary=edge"),
        (b"not a form", "multipart/form-data; boundary=edge"),
        (b"x", "multipart/form-data; boundary=" + "e" * 300),
    ],
    ids=["urlencoded", "no boundary", "cut off", "garbage", "long boundary"],
)
def test_a_form_that_cannot_be_read_is_a_400(body: bytes, content_type: str) -> None:
    with pytest.raises(RequestFault) as caught:
        read_form(body, content_type)

    assert caught.value.status == 400


# ── robustness ───────────────────────────────────────────────────────────────────────────────

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4)
    ),
    max_leaves=12,
)
_TYPES = ("message", "image_generation_call", "item_reference", "function_call_output", "reasoning")
_PARTS = ("input_text", "input_image", "refusal", "image_url")
PART = st.fixed_dictionaries(
    {}, optional={"type": st.sampled_from(_PARTS), "text": JSON, "image_url": JSON, "file_id": JSON}
)
ITEM = st.fixed_dictionaries(
    {},
    optional={
        "type": st.sampled_from(_TYPES) | JSON,
        "role": st.sampled_from(("user", "assistant")) | JSON,
        "content": st.lists(PART, max_size=3) | JSON,
        "result": JSON,
        "output": JSON,
        "id": st.text(max_size=6) | JSON,
    },
)
PAYLOAD = st.fixed_dictionaries(
    {},
    optional={
        "input": st.lists(ITEM, max_size=3) | JSON,
        "tools": st.lists(
            st.fixed_dictionaries(
                {"type": st.just("image_generation")},
                optional={"size": JSON, "partial_images": JSON, "input_image_mask": JSON},
            )
        )
        | JSON,
        "tool_choice": JSON,
        "text": JSON,
        "stream": JSON,
        "reasoning": JSON,
        "previous_response_id": JSON,
    },
)


T = TypeVar("T")


def outcome(read: Callable[[], T]) -> T | RequestFault:
    """Anything but a value or a fault escapes, and fails the test."""
    try:
        return read()
    except RequestFault as fault:
        json.dumps(fault.body()).encode("ascii")
        return fault


@given(PAYLOAD)
def test_any_responses_payload_is_read_or_refused_by_name(payload: JsonObject) -> None:
    assert isinstance(outcome(lambda: read_responses(payload)), ResponsesRequest | RequestFault)


@given(
    st.fixed_dictionaries(
        {"prompt": st.text(min_size=1, max_size=8) | JSON},
        optional={"images": JSON, "mask": JSON, "n": JSON, "stream": JSON, "size": JSON},
    )
)
def test_any_images_payload_is_read_or_refused_by_name(payload: JsonObject) -> None:
    assert isinstance(outcome(lambda: read_images(payload)), ImagesRequest | RequestFault)


@given(st.binary(max_size=120))
def test_any_bytes_are_a_body_or_a_fault(body: bytes) -> None:
    kind = "multipart/form-data; boundary=edge"

    assert isinstance(outcome(lambda: read_json(body)), dict | RequestFault)
    assert isinstance(outcome(lambda: read_form(body, kind)), tuple | RequestFault)
