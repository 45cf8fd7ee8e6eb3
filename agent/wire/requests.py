"""Reads requests as clients really send them; the answering side of the wire.

Shared by the offline server and by our own HTTP door. Tolerant where real clients deviate from
the published schema (clients.md sections 5 and 6): items without a type, id-only picture calls,
bare item references, ``image_url`` as a string or an object, missing status and detail. What
cannot be read at all is a ``RequestFault`` in OpenAI's error shape. Each base64 is decoded once.

    read_json(body) -> read_responses(payload)
    read_json(body) -> read_images(payload)        read_form(body, type) -> read_images(...)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from pydantic import JsonValue

from . import fields
from .fields import (
    FileImage,
    ImageSource,
    InlineImage,
    JsonObject,
    RemoteImage,
    RequestFault,
    read_form,
    read_json,
)

__all__ = ["FileImage", "ImageSource", "InlineImage", "JsonObject", "RemoteImage"]
__all__ += ["RequestFault", "read_form", "read_json"]
__all__ += ["ImageTool", "ImagesRequest", "InputMessage", "Item", "ItemReference", "OtherItem"]
__all__ += ["OtherPart", "Part", "PictureCall", "ResponsesRequest", "ToolOutput"]
__all__ += ["read_images", "read_responses"]

Choice = Literal["auto", "none", "required", "image", "other"]

PROMPT_CAP = 32_000
"""Characters of an Images API prompt for gpt-image models."""


@dataclass(frozen=True, slots=True)
class OtherPart:
    """A content part that is neither text nor picture (``input_file``, ``input_audio``, …)."""

    type: str


Part = str | ImageSource | OtherPart
"""Text parts (also refusals) are plain strings."""


@dataclass(frozen=True, slots=True)
class InputMessage:
    """One message; ``text`` joins its text parts by line."""

    role: str
    parts: tuple[Part, ...]
    id: str | None = None

    @property
    def text(self) -> str:
        return "\n".join(part for part in self.parts if isinstance(part, str) and part)

    @property
    def pictures(self) -> tuple[ImageSource, ...]:
        return tuple(p for p in self.parts if isinstance(p, InlineImage | RemoteImage | FileImage))


@dataclass(frozen=True, slots=True)
class PictureCall:
    """A replayed ``image_generation_call``; ``source`` is ``None`` when only the id was sent."""

    id: str | None
    source: ImageSource | None = None
    revised_prompt: str | None = None


@dataclass(frozen=True, slots=True)
class ItemReference:
    """An item that the server is expected to have kept."""

    id: str


@dataclass(frozen=True, slots=True)
class ToolOutput:
    """What a client-side tool returned; Codex hands pictures back this way (clients.md 2)."""

    call_id: str | None
    parts: tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class OtherItem:
    """Any other item (reasoning, calls, …), kept by type only."""

    type: str
    id: str | None = None


Item = InputMessage | PictureCall | ItemReference | ToolOutput | OtherItem


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageTool:
    """The ``image_generation`` tool as declared; ``None`` is what the client left out."""

    model: str | None = None
    action: str | None = None
    size: str | None = None
    quality: str | None = None
    output_format: str | None = None
    output_compression: int | None = None
    background: str | None = None
    moderation: str | None = None
    partial_images: int | None = None
    input_fidelity: str | None = None
    mask: ImageSource | None = None
    index: int = 0
    """Position in ``tools``, for the ``param`` of errors."""
    extra: JsonObject = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ResponsesRequest:
    """``POST /v1/responses``. ``rest`` is every field not named here, as sent."""

    model: str | None
    items: tuple[Item, ...]
    instructions: str | None = None
    previous_response_id: str | None = None
    tools: tuple[JsonObject, ...] = ()
    image_tool: ImageTool | None = None
    tool_choice: JsonValue = None
    choice: Choice = "auto"
    stream: bool = False
    store: bool | None = None
    text_format: JsonObject = field(default_factory=dict)
    answer_schema: JsonObject | None = None
    effort: str | None = None
    user: str | None = None
    safety_identifier: str | None = None
    rest: JsonObject = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ImagesRequest:
    """``POST /v1/images/generations`` and ``/edits``, JSON or form. ``extra`` is the rest."""

    prompt: str
    model: str | None = None
    n: int = 1
    size: str | None = None
    quality: str | None = None
    output_format: str | None = None
    output_compression: int | None = None
    background: str | None = None
    moderation: str | None = None
    partial_images: int | None = None
    stream: bool = False
    response_format: str | None = None
    input_fidelity: str | None = None
    user: str | None = None
    safety_identifier: str | None = None
    images: tuple[ImageSource, ...] = ()
    mask: ImageSource | None = None
    extra: JsonObject = field(default_factory=dict)


# ── /v1/responses ────────────────────────────────────────────────────────────────────────────

_RESPONSES_FIELDS = frozenset(
    (
        *("model", "input", "instructions", "previous_response_id", "tools", "tool_choice"),
        *("stream", "store", "text", "reasoning", "user", "safety_identifier"),
    )
)


def read_responses(payload: JsonObject) -> ResponsesRequest:
    """A request for ``/v1/responses``; raises ``RequestFault``."""
    tools = fields.children(payload, "tools")
    text_format = fields.child(fields.child(payload, "text"), "format", "text.")
    previous = fields.text(payload, "previous_response_id")
    if payload.get("input") is None and previous is None:
        fields.missing("input")
    if payload.get("input") == [] and previous is None:
        raise RequestFault("Invalid 'input': an empty array.", code="empty_array", param="input")
    fields.flag(payload, "background")
    return ResponsesRequest(
        model=fields.text(payload, "model"),
        items=_items(payload.get("input")),
        instructions=fields.text(payload, "instructions"),
        previous_response_id=previous,
        tools=tools,
        image_tool=_image_tool(tools),
        tool_choice=payload.get("tool_choice"),
        choice=_choice(payload.get("tool_choice")),
        stream=fields.flag(payload, "stream") or False,
        store=fields.flag(payload, "store"),
        text_format=text_format,
        answer_schema=_answer_schema(text_format),
        effort=fields.text(fields.child(payload, "reasoning"), "effort", "reasoning."),
        user=fields.text(payload, "user"),
        safety_identifier=fields.text(payload, "safety_identifier"),
        rest={key: value for key, value in payload.items() if key not in _RESPONSES_FIELDS},
    )


def _choice(value: JsonValue) -> Choice:
    if isinstance(value, dict):
        if value.get("type") == "image_generation":
            return "image"
        if value.get("type") != "allowed_tools":
            return "other"
        value = value.get("mode")
    match value:
        case None | "auto":
            return "auto"
        case "none":
            return "none"
        case "required":
            return "required"
        case _:
            return "other"


def _answer_schema(text_format: JsonObject) -> JsonObject | None:
    """The JSON Schema of a structured answer; also where chat completions put it."""
    if text_format.get("type") != "json_schema":
        return None
    return fields.child(text_format, "schema", "text.format.") or fields.child(
        fields.child(text_format, "json_schema", "text.format."),
        "schema",
        "text.format.json_schema.",
    )


_TOOL_TEXTS = ("model", "size")
_TOOL_WORDS = ("action", "quality", "output_format", "background", "moderation", "input_fidelity")
_TOOL_FIELDS = frozenset(
    (*_TOOL_TEXTS, *_TOOL_WORDS, "type", "partial_images", "output_compression", "input_image_mask")
)


def _image_tool(tools: tuple[JsonObject, ...]) -> ImageTool | None:
    for index, tool in enumerate(tools):
        if tool.get("type") == "image_generation":
            return _read_tool(tool, index)
    return None


def _read_tool(tool: JsonObject, index: int) -> ImageTool:
    at = f"tools[{index}]."
    return ImageTool(
        output_compression=fields.integer(tool, "output_compression", at, low=0, high=100),
        partial_images=fields.integer(tool, "partial_images", at, low=0, high=3),
        mask=fields.optional_image(tool.get("input_image_mask"), f"{at}input_image_mask"),
        index=index,
        extra={key: value for key, value in tool.items() if key not in _TOOL_FIELDS},
        **{key: fields.text(tool, key, at) for key in _TOOL_TEXTS},
        **{key: fields.word(tool, key, at) for key in _TOOL_WORDS},
    )


def _items(value: JsonValue) -> tuple[Item, ...]:
    if value is None:
        return ()
    if isinstance(value, str):
        return (InputMessage("user", (fields.clean(value),)),)
    if not isinstance(value, list):
        fields.wrong_type("input", "an array or a string", value)
    return tuple(_item(entry, f"input[{i}]") for i, entry in enumerate(value))


def _item(entry: JsonValue, at: str) -> Item:
    if isinstance(entry, str):
        return InputMessage("user", (fields.clean(entry),))
    if not isinstance(entry, dict):
        fields.wrong_type(at, "an object", entry)
    item_id = fields.text(entry, "id", f"{at}.")
    match entry.get("type") or ("message" if "role" in entry else "item_reference"):
        case "message":
            role = fields.text(entry, "role", f"{at}.") or "user"
            return InputMessage(role, _parts(entry.get("content"), f"{at}.content"), item_id)
        case "image_generation_call":
            return _picture_call(entry, item_id, at)
        case "item_reference":
            return ItemReference(item_id) if item_id else fields.missing(f"{at}.id")
        case "function_call_output" | "custom_tool_call_output":
            call_id = fields.text(entry, "call_id", f"{at}.")
            return ToolOutput(call_id, _parts(entry.get("output"), f"{at}.output"))
        case other:
            return OtherItem(other if isinstance(other, str) else "", item_id)


def _picture_call(entry: JsonObject, item_id: str | None, at: str) -> PictureCall:
    """``result`` may be a list (gateways) or missing (pydantic-ai sends the id alone)."""
    result = entry.get("result")
    if isinstance(result, list):
        result = next(iter(result), None)
    source = fields.optional_image(result, f"{at}.result")
    return PictureCall(item_id, source, fields.text(entry, "revised_prompt", f"{at}."))


def _parts(value: JsonValue, at: str) -> tuple[Part, ...]:
    if value is None:
        return ()
    if isinstance(value, str):
        return (fields.clean(value),)
    if not isinstance(value, list):
        fields.wrong_type(at, "an array or a string", value)
    return tuple(_part(entry, f"{at}[{i}]") for i, entry in enumerate(value))


def _part(entry: JsonValue, at: str) -> Part:
    if isinstance(entry, str):
        return fields.clean(entry)
    if not isinstance(entry, dict):
        fields.wrong_type(at, "an object", entry)
    match entry.get("type"):
        case "input_text" | "output_text" | "text" | "summary_text":
            return fields.text(entry, "text", f"{at}.") or ""
        case "refusal":
            return fields.text(entry, "refusal", f"{at}.") or ""
        case "input_image" | "image_url" | "output_image":
            return fields.read_image(entry, at)
        case other:
            return OtherPart(other if isinstance(other, str) else "")


# ── the Images API ───────────────────────────────────────────────────────────────────────────

_IMAGES_TEXTS = (
    *("model", "size", "quality", "output_format", "background", "moderation"),
    *("response_format", "input_fidelity", "user", "safety_identifier"),
)
_IMAGES_FIELDS = frozenset(
    (*_IMAGES_TEXTS, "prompt", "n", "output_compression", "partial_images", "stream")
) | {"images", "image", "mask"}


def read_images(
    payload: JsonObject, *, files: Mapping[str, Sequence[InlineImage]] | None = None
) -> ImagesRequest:
    """A request for the Images API; ``files`` are the pictures of a form (``read_form``).

    A form has nothing but words; in JSON a number is a number, as it is to OpenAI.
    """
    form, files = files is not None, files or {}
    mask = next(iter(files.get("mask", ())), None)
    return ImagesRequest(
        prompt=_prompt(payload),
        n=fields.integer(payload, "n", low=1, high=10, form=form) or 1,
        output_compression=fields.integer(
            payload, "output_compression", low=0, high=100, form=form
        ),
        partial_images=fields.integer(payload, "partial_images", low=0, high=3, form=form),
        stream=fields.flag(payload, "stream", form=form) or False,
        images=(*files.get("image", ()), *files.get("image[]", ()), *_images(payload)),
        mask=mask or fields.optional_image(payload.get("mask"), "mask"),
        extra={key: value for key, value in payload.items() if key not in _IMAGES_FIELDS},
        **{key: fields.text(payload, key) for key in _IMAGES_TEXTS},
    )


def _prompt(payload: JsonObject) -> str:
    prompt = fields.text(payload, "prompt")
    if not prompt:
        fields.missing("prompt")
    if len(prompt) > PROMPT_CAP:
        raise RequestFault(
            f"Invalid 'prompt': {len(prompt)} characters, at most {PROMPT_CAP} are allowed.",
            code="string_above_max_length",
            param="prompt",
        )
    return prompt


def _images(payload: JsonObject) -> tuple[ImageSource, ...]:
    """``images`` (the documented JSON name) or ``image``, one or several."""
    key = "images" if payload.get("images") else "image"
    value = payload.get(key)
    if not value:
        return ()
    entries = value if isinstance(value, list) else [value]
    return tuple(fields.read_image(entry, f"{key}[{i}]") for i, entry in enumerate(entries))
