"""A client's Responses request as one turn: what it is about, and the body that goes out instead.

State on top of servers that keep none (gateways D1 to D4): ids are resolved by us, the chain's
texts go along, and of its pictures only those the request is about, as ``input_image`` (DESIGN
section 3). Items that are not ours to understand (calls, their outputs, encrypted reasoning) pass
untouched and in their order.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from pydantic import JsonValue

from ..schema import ImageOptions
from ..traffic import Dialect, PictureData
from ..wire.fields import JsonObject, RequestFault, clean
from ..wire.requests import ImageTool, InlineImage, ResponsesRequest
from ..wire.writer import joined, mark_for
from .talk import Entry, Talk, parts_of, unsupported

_PICTURE_PARTS = ("input_image", "image_url", "output_image")
_WHERE = ("type", "image_url", "url", "b64_json")
"""Fields in which a client may have put the picture itself."""
_OURS = ("previous_response_id", "background", "store", "stream", "instructions", "input", "tools")
_PAINTERS = ("gpt-image-", "dall-e-", "chatgpt-image")
_REFUSED = {
    "conversation": "Conversations are not kept here: use previous_response_id, or send the items.",
}


# ── what was asked ───────────────────────────────────────────────────────────────────────────


def check(request: ResponsesRequest, payload: JsonObject, dialect: Dialect) -> None:
    """Raises ``RequestFault`` for what cannot be asked of this server; it names the field."""
    for name, why in _REFUSED.items():
        if payload.get(name) is not None:
            raise unsupported(name, why)
    if sum(tool.get("type") == "image_generation" for tool in request.tools) > 1:
        raise RequestFault(
            "Only one image_generation tool can be declared.",
            code="invalid_value",
            param="tools",
        )
    if request.model is not None:
        check_model(request.model)
    tool = request.image_tool
    if tool is None:
        return
    if tool.extra.get("n", 1) != 1:
        # some gateways draw as many as it says, while one is reserved (D12)
        raise unsupported(f"tools[{tool.index}].n", "One picture is drawn per request: ask again.")
    if tool.mask is None:
        return
    at = f"tools[{tool.index}].input_image_mask"
    if not dialect.mask:
        raise unsupported(at, "Masks do not arrive at this server: describe the part in words.")
    if not isinstance(tool.mask, InlineImage):
        raise unsupported(at, "Send the mask as a data URL: no file or address is fetched.")


def check_model(model: str) -> None:
    """Raises ``RequestFault`` for a model that draws: it would do so unscreened (R14, D29)."""
    if model.startswith(_PAINTERS):
        raise RequestFault(
            f"{model[:80]} draws, and cannot lead a conversation: name a text model, and this one "
            "as the model of the image_generation tool.",
            code="invalid_value",
            param="model",
        )


def hidden_tool(payload: JsonValue, *, depth: int = 40) -> bool:
    """Whether an image tool is declared anywhere but in ``tools``, such as by an input item."""
    if depth < 0:
        return True
    if isinstance(payload, list):
        return any(hidden_tool(one, depth=depth - 1) for one in payload)
    if not isinstance(payload, dict):
        return False
    return payload.get("type") == "image_generation" or any(
        hidden_tool(one, depth=depth - 1) for one in payload.values()
    )


# ── the body ─────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What the body is made of besides the conversation."""

    model: str
    image_model: str
    dialect: Dialect
    preamble: str
    force: str
    """The instruction that stands for a ``tool_choice`` which the dialect has not proved."""
    pictures: Mapping[tuple[int, int], PictureData] = field(repr=False)
    """(position of the entry, of the picture in it) to what goes along."""
    left_out: frozenset[int] = frozenset()
    """Earlier user messages that the screen refused."""


def body(request: ResponsesRequest, payload: JsonObject, talk: Talk, parts: Parts) -> bytes:
    """The request as it goes out; raises ``UsageError`` for numbers that JSON does not have."""
    pictures: list[PictureData] = []
    rest: JsonObject = {k: v for k, v in payload.items() if k not in _OURS}
    rest["model"] = request.model or parts.model
    forced = is_forced(request) and not parts.dialect.tool_choice
    if forced:
        rest.pop("tool_choice", None)
    said = (parts.preamble, request.instructions or "", parts.force if forced else "")
    cleaned = _cleaned(rest)
    assert isinstance(cleaned, dict)
    whole: JsonObject = cleaned | {
        "instructions": "\n\n".join(clean(words.strip()) for words in said if words.strip()),
        "input": [*_input(talk, parts, pictures)],
        "tools": [_cleaned(tool) for tool in _tools(request, parts)],
        "store": False,
        "stream": streams(request, parts.dialect),
    }
    if not request.tools:
        del whole["tools"]
    return joined(whole, pictures)


def streams(request: ResponsesRequest, dialect: Dialect) -> bool:
    """Whether the server is asked for events."""
    return request.stream and dialect.streaming


def is_forced(request: ResponsesRequest) -> bool:
    """Whether a picture is to be drawn whatever the model thinks."""
    only = len(request.tools) == 1 and request.image_tool is not None
    return request.choice == "image" or (request.choice == "required" and only)


def _tools(request: ResponsesRequest, parts: Parts) -> Iterator[JsonObject]:
    """Its model is always said: the default has moved (C8). Drafts only where they can come."""
    for tool in request.tools:
        if tool.get("type") != "image_generation":
            yield tool
            continue
        drafts = streams(request, parts.dialect) and parts.dialect.partials
        kept = {k: v for k, v in tool.items() if k != "partial_images" or drafts}
        yield kept | {"model": tool.get("model") or parts.image_model}


def _input(talk: Talk, parts: Parts, pictures: list[PictureData]) -> Iterator[JsonValue]:
    last = talk.newest[-1] if talk.newest else None
    for at, entry in enumerate(talk.entries):
        if at in parts.left_out:
            continue
        if entry.kind == "picture":
            words = f": {entry.text}" if entry.text else ""
            yield _said_by_assistant(clean(f"[picture{words}]"))
            if last is None and at in talk.about:
                yield {"role": "user", "content": _drawn((at,), talk, parts, pictures)}
        elif entry.kind == "user":
            about = talk.about if at == last else ()
            yield _user(at, entry, _drawn(about, talk, parts, pictures), parts, pictures)
        else:
            yield _cleaned(entry.value)


def _said_by_assistant(words: str) -> JsonObject:
    content: list[JsonValue] = [{"type": "output_text", "text": words}]
    return {"type": "message", "role": "assistant", "content": content}


def _drawn(
    about: Sequence[int], talk: Talk, parts: Parts, pictures: list[PictureData]
) -> list[JsonValue]:
    found: list[JsonValue] = []
    for at in about:
        for n, _ in enumerate(talk.entries[at].shots):
            if picture := parts.pictures.get((at, n)):
                address = mark_for(picture, pictures)
                found.append({"type": "input_image", "image_url": address, "detail": "auto"})
    return found


def _user(
    at: int,
    entry: Entry,
    drawn: list[JsonValue],
    parts: Parts,
    pictures: list[PictureData],
) -> JsonValue:
    """The message; earlier pictures in it stand as a word, the drawn ones before its own."""
    if not drawn and not entry.shots:
        return _cleaned(entry.value)
    content: list[JsonValue] = []
    first, number = None, 0
    for part in parts_of(entry.value):
        if part.get("type") not in _PICTURE_PARTS:
            content.append(_cleaned(part))
            continue
        first = len(content) if first is None else first
        if _is_remote(part):
            content.append(_cleaned(part))
            continue
        picture = parts.pictures.get((at, number))
        number += 1
        if picture is None:
            content.append({"type": "input_text", "text": "[picture]"})
        else:
            kept = {k: v for k, v in part.items() if k not in _WHERE}
            address = mark_for(picture, pictures)
            content.append({"type": "input_image", "image_url": address, "detail": "auto", **kept})
    place = len(content) if first is None else first
    content[place:place] = drawn
    return {"type": "message", "role": "user", "content": content}


def _is_remote(part: JsonObject) -> bool:
    """An address passes as it is: the server fetches it."""
    address = part.get("image_url")
    inner = address.get("url") if isinstance(address, dict) else address
    return isinstance(inner, str) and inner.startswith(("http://", "https://"))


def _cleaned(value: JsonValue) -> JsonValue:
    """Without NUL and lone surrogates, which not every server takes."""
    if isinstance(value, str):
        plain = value.isascii() and "\0" not in value
        return value if plain else clean(value.replace("\0", ""))
    if isinstance(value, list):
        return [_cleaned(one) for one in value]
    if isinstance(value, dict):
        return {clean(key.replace("\0", "")): _cleaned(one) for key, one in value.items()}
    return value


# ── for the ledger ───────────────────────────────────────────────────────────────────────────


def options_of(tool: ImageTool | None, *, image_model: str, stream: bool) -> ImageOptions:
    """What the tool asks for, as it is priced and recorded; what we have no name for passes."""
    if tool is None:
        return ImageOptions(model=image_model, size="auto", quality="auto")
    named: dict[str, object] = {
        "model": tool.model or image_model,
        "size": "auto" if tool.size is None else tool.size,
        # the server's own default, which some clients always send, is none that could be wrong
        "output_compression": tool.output_compression if tool.output_compression != 100 else None,
        "partial_images": (tool.partial_images or 0) if stream else 0,
    }
    extra: JsonObject = dict(tool.extra)
    if tool.input_fidelity is not None:
        extra["input_fidelity"] = tool.input_fidelity
    for name, known in _LISTED.items():
        said: str | None = getattr(tool, name)
        if said in known:
            named[name] = said
        elif said is not None:
            extra[name] = said
    return ImageOptions.model_validate({"quality": "auto", **named, "tool_options": extra})


_LISTED = {
    "quality": ("low", "medium", "high", "auto", "xhigh", "max"),
    "output_format": ("png", "jpeg", "webp", "gif", "svg"),
    "background": ("auto", "opaque", "transparent"),
    "moderation": ("auto", "low"),
}
