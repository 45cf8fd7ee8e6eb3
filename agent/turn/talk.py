"""The whole conversation of a client's request, its ids resolved, and what of it the request is about.

Two rules decide about pictures (DESIGN section 3): of a conversation's pictures only those it is
about go along; and items that are not ours to understand pass untouched and in their order.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from pydantic import JsonValue

from ..protocols import KeptItem
from ..schema import ImageId
from ..wire.fields import JsonObject, RequestFault
from ..wire.requests import (
    FileImage,
    InlineImage,
    InputMessage,
    Item,
    ItemReference,
    PictureCall,
    RemoteImage,
    ResponsesRequest,
)
from .capabilities import MAX_PICTURES

STORED = "limner:"
"""Stands before an image id where the base64 of a kept item was; no client can send it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shot:
    """A picture somewhere in the conversation: one of ours, or bytes the client sent."""

    at: str
    image: ImageId | None = None
    data: bytes | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One item of the whole conversation, resolved."""

    kind: Literal["user", "picture", "answer", "other"]
    value: JsonObject = field(repr=False)
    text: str = ""
    """What the user said, or the prompt as the model revised it."""
    shots: tuple[Shot, ...] = ()
    own: bool = True
    """It came with this request, and was not kept from an earlier one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Talk:
    """The conversation of one request, and what of it the request is about."""

    entries: tuple[Entry, ...]
    newest: tuple[int, ...]
    """Positions of the user messages that are new."""
    about: tuple[int, ...]
    """Positions of the drawn pictures that go along."""
    uploads: tuple[int, ...]
    """Positions of the user messages whose own pictures go along."""

    @property
    def said(self) -> str:
        """The new user text."""
        return "\n".join(t for at in self.newest if (t := self.entries[at].text))

    @property
    def before(self) -> tuple[tuple[int, str, bool], ...]:
        """Earlier user texts: position, text, and whether nobody has screened it yet."""
        newest = frozenset(self.newest)  # a conversation may have a hundred thousand entries
        return tuple(
            (at, entry.text, entry.own)
            for at, entry in enumerate(self.entries)
            if entry.kind == "user" and entry.text and at not in newest
        )

    @property
    def shots(self) -> tuple[Shot, ...]:
        """The pictures that go along: drawn ones first, then the user's own."""
        return tuple(s for at in (*self.about, *self.uploads) for s in self.entries[at].shots)


def wanted_ids(request: ResponsesRequest) -> frozenset[str]:
    """Ids of items that the request names and does not bring."""
    return frozenset(
        item.id
        for item in request.items
        if isinstance(item, ItemReference)
        or (isinstance(item, PictureCall) and item.source is None and item.id)
        if item.id is not None
    )


def unsupported(param: str, why: str) -> RequestFault:
    """The refusal of one field, by its name."""
    return RequestFault(why, code="unsupported_parameter", param=param)


def unfold(
    request: ResponsesRequest,
    raw: Sequence[JsonValue],
    *,
    chain: Sequence[KeptItem],
    found: Mapping[str, KeptItem],
) -> Talk:
    """The kept chain and the new items as one conversation; ``raw`` are those items as sent.

    Raises ``RequestFault`` 404 for an id that is not there, 400 for pictures given by file id.
    """
    entries = [entry for kept in chain for entry in _kept(kept, "previous_response_id", own=False)]
    held = {str(kept.value.get("id")) for kept in chain}
    for at, (item, value) in enumerate(zip(request.items, raw, strict=True)):
        entries += _new(item, value, f"input[{at}]", found, held)
    explicit = request.previous_response_id is not None
    return _about(tuple(entries), explicit=explicit)


def _new(
    item: Item, raw: JsonValue, at: str, found: Mapping[str, KeptItem], held: set[str]
) -> Iterator[Entry]:
    value: JsonObject = raw if isinstance(raw, dict) else {"role": "user", "content": raw}
    match item:
        case ItemReference(id=which) | PictureCall(id=str(which), source=None):
            kept = found.get(which)
            if kept is None:
                raise _no_item(which)
            if which not in held or kept.image is not None:
                yield from _kept(kept, at, own=True)
        case PictureCall(source=None):
            raise _no_item("")
        case PictureCall(source=InlineImage(data=data), revised_prompt=revised):
            shot = Shot(at=f"{at}.result", data=data)
            yield Entry(kind="picture", value=value, text=revised or "", shots=(shot,))
        case PictureCall():
            raise unsupported(f"{at}.result", "Send the picture as base64: no address is fetched.")
        case InputMessage(role="user"):
            yield Entry(kind="user", value=value, text=item.text, shots=tuple(_uploads(item, at)))
        case _:
            yield from _other(value, own=True)


def _uploads(message: InputMessage, at: str) -> Iterator[Shot]:
    for picture in message.pictures:
        if isinstance(picture, FileImage):
            raise unsupported(f"{at}.content", "No files are kept here: send a data URL.")
        if isinstance(picture, InlineImage):
            yield Shot(at=f"{at}.content", data=picture.data)
        assert isinstance(picture, InlineImage | RemoteImage)


def _no_item(which: str) -> RequestFault:
    return RequestFault(
        f"Item with id {which[:80]!r} not found. It may belong to somebody else, have been deleted, "
        "or its response was not stored (`store: false`).",
        status=404,
        param="input",
    )


def _kept(kept: KeptItem, at: str, *, own: bool) -> Iterator[Entry]:
    value = kept.value
    kind, role = value.get("type") or "message", value.get("role")
    if kind == "image_generation_call":
        revised = value.get("revised_prompt")
        text = revised if isinstance(revised, str) else ""
        shots = (Shot(at=at, image=kept.image),) if kept.image else ()
        yield Entry(kind="picture", value=value, text=text, shots=shots, own=own)
    elif kind == "message" and role == "user":
        parts = parts_of(value)
        yield Entry(
            kind="user",
            value=_bare(value),
            text="\n".join(_words(part) for part in parts if _words(part)),
            shots=tuple(Shot(at=at, image=one) for part in parts if (one := stored_in(part))),
            own=own,
        )
    else:
        yield from _other(_bare(value) if kind == "message" else value, own=own)


def _other(value: JsonObject, *, own: bool) -> Iterator[Entry]:
    """Reasoning that holds nothing but an id means something only to a server that kept it."""
    kind = value.get("type")
    if kind == "reasoning" and not value.get("encrypted_content"):
        return
    answer = value.get("role") == "assistant" or kind in ("function_call", "custom_tool_call")
    if value.get("role") == "assistant" and not parts_of(value):
        return
    yield Entry(kind="answer" if answer else "other", value=value, own=own)


def _bare(value: JsonObject) -> JsonObject:
    """Without what only we can look up."""
    return {key: one for key, one in value.items() if key not in ("id", "status")}


def parts_of(value: JsonObject) -> list[JsonObject]:
    """The content of a message, each part as an object."""
    content = value.get("content")
    if isinstance(content, str):
        return [{"type": "input_text", "text": content}] if content else []
    parts = content if isinstance(content, list) else []
    return [
        {"type": "input_text", "text": part} if isinstance(part, str) else part
        for part in parts
        if isinstance(part, str | dict) and part not in ("", {})
    ]


def _words(part: JsonObject) -> str:
    words = part.get("text")
    return words if isinstance(words, str) else ""


def stored_in(part: JsonObject) -> ImageId | None:
    """The kept picture that a content part names."""
    address = part.get("image_url")
    if isinstance(address, str) and address.startswith(STORED):
        return ImageId(address.removeprefix(STORED))
    return None


def _about(entries: tuple[Entry, ...], *, explicit: bool) -> Talk:
    """What "it" is: pictures named now, else those the last answer drew, else the newest one."""
    users = [at for at, entry in enumerate(entries) if entry.kind == "user"]
    newest = _newest(entries, users)
    start = newest[0] if newest else len(entries)
    drawn = [at for at, entry in enumerate(entries) if entry.kind == "picture" and entry.shots]
    named = [at for at in drawn if entries[at].own] if explicit else []
    named = named or [at for at in drawn if at > start]
    if not named:
        earlier = [at for at in users if at < start]
        named = [at for at in drawn if at > (earlier[-1] if earlier else -1)]
    uploads = [at for at in newest if entries[at].shots]
    if not named and not uploads:
        last = max((at for at, e in enumerate(entries) if e.shots), default=None)
        if last is not None:
            (named if entries[last].kind == "picture" else uploads).append(last)
    return Talk(
        entries=entries,
        newest=tuple(newest),
        about=tuple(named[-MAX_PICTURES:]),
        uploads=tuple(uploads),
    )


def _newest(entries: Sequence[Entry], users: Sequence[int]) -> list[int]:
    """The last user messages with no answer between them."""
    found: list[int] = []
    for at in reversed(users):
        between = entries[at + 1 : found[0]] if found else ()
        if any(entry.kind in ("answer", "picture") for entry in between):
            break
        found.insert(0, at)
    return found
