"""The events that an item would have come with, for answers that hold it only at their end."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from pydantic import JsonValue

from .values import Json, array, obj, text

Item = dict[str, object]
Event = dict[str, object]

_CALLS = {
    "function_call": ("response.function_call_arguments", "arguments"),
    "custom_tool_call": ("response.custom_tool_call_input", "input"),
}
_LEFT_OUT = ("input_image_mask",)
"""Bytes of a tool that no answer repeats."""


def blank(asked: Mapping[str, JsonValue]) -> Item:
    """The fields of a response object that every client expects, as they were asked for."""
    tools = [obj(tool) for tool in array(asked.get("tools"))]
    return {
        "error": None,
        "incomplete_details": None,
        "metadata": asked.get("metadata") or {},
        "model": asked.get("model"),
        "parallel_tool_calls": asked.get("parallel_tool_calls", True),
        "temperature": asked.get("temperature", 1.0),
        "tool_choice": asked.get("tool_choice") or "auto",
        "tools": [{k: v for k, v in tool.items() if k not in _LEFT_OUT} for tool in tools],
        "top_p": asked.get("top_p", 1.0),
    }


def begun(kind: str) -> Item:
    """An item at its beginning."""
    started: Item = {"type": kind, "status": "in_progress"}
    if kind == "message":
        return started | {"role": "assistant", "content": []}
    if kind == "reasoning":
        return {"type": kind, "summary": []}
    return started


def without_picture(item: Item) -> Item:
    """A picture item that came to nothing, with a reason in it and no trace of the picture."""
    kept = {key: value for key, value in item.items() if key != "revised_prompt"}
    reason = obj(item.get("error")) or {
        "type": "server_error",
        "code": "no_picture",
        "message": "The item holds no picture that could be kept.",
        "param": None,
    }
    return kept | {"status": "failed", "result": None, "error": dict(reason)}


def between(item: Item) -> Iterator[Event]:
    """What happens between ``added`` and ``done``; positions and ids are filled in later."""
    kind = text(item, "type")
    if kind == "image_generation_call":
        for stage in ("in_progress", "generating", "completed"):
            yield {"type": f"response.image_generation_call.{stage}"}
    elif kind == "message":
        for at, part in enumerate(array(item.get("content"))):
            yield from _part(at, obj(part))
    elif kind in _CALLS:
        name, field = _CALLS[kind]
        said = text(item, field) or ""
        yield {"type": f"{name}.delta", "delta": said}
        yield {"type": f"{name}.done", field: said}


def _part(at: int, part: Json) -> Iterator[Event]:
    refusal = text(part, "type") == "refusal"
    name, field = ("refusal", "refusal") if refusal else ("output_text", "text")
    words = text(part, field) or ""
    empty = {**part, field: ""}
    yield {"type": "response.content_part.added", "content_index": at, "part": empty}
    more: Event = {} if refusal else {"logprobs": []}
    if words:
        yield {"type": f"response.{name}.delta", "content_index": at, "delta": words} | more
    yield {"type": f"response.{name}.done", "content_index": at, field: words} | more
    yield {"type": "response.content_part.done", "content_index": at, "part": dict(part)}


def kind_of(event: str, item: Json) -> str:
    """The kind of item that an event without an ``added`` before it belongs to."""
    if said := text(item, "type"):
        return said
    name = event.split(".")[1]
    known = {"image_generation_call", "reasoning", "mcp_call"}
    if name in known:
        return name
    if name.startswith(("function_call", "custom_tool_call")):
        return "function_call" if name.startswith("function") else "custom_tool_call"
    return "reasoning" if name.startswith("reasoning") else "message"
