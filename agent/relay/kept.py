"""Responses as rows and back: in a row a picture is named, in an answer it has its bytes."""

from __future__ import annotations

import binascii
import json
from collections.abc import AsyncIterator, Collection, Mapping, Sequence

from pydantic import JsonValue, TypeAdapter

from ..errors import LimnerError
from ..kit import Kit
from ..logs import get_logger
from ..protocols import KeptItem, KeptResponse, Tenancy
from ..schema import Image, ImageId
from ..turn.talk import STORED, Talk, parts_of, stored_in
from ..wire.fields import JsonObject
from ..wire.retelling import Ending

log = get_logger("limner.relay")
_JSON: TypeAdapter[JsonObject] = TypeAdapter(JsonObject)
_WORD: JsonObject = {"type": "input_text", "text": "[picture]"}
"""Stands for a picture that is not there any more, or was none."""


def plain(value: Mapping[str, object]) -> JsonObject:
    """A document of the wire, typed."""
    return _JSON.validate_python(dict(value))


# ── into rows ────────────────────────────────────────────────────────────────────────────────


def input_items(
    talk: Talk, named: Mapping[tuple[int, int], ImageId], new_id: Mapping[int, str]
) -> tuple[KeptItem, ...]:
    """What came with the request. ``named``: (entry, picture in it) to the picture kept of it."""
    return tuple(
        _input(at, entry.value, entry.kind, named, new_id[at])
        for at, entry in enumerate(talk.entries)
        if entry.own
    )


def _input(
    at: int,
    value: JsonObject,
    kind: str,
    named: Mapping[tuple[int, int], ImageId],
    which: str,
) -> KeptItem:
    if kind == "picture":
        image = named.get((at, 0))
        result = f"{STORED}{image}" if image else None
        return KeptItem(id=which, value={**value, "id": which, "result": result}, image=image)
    if kind != "user":
        inside = {number: image for (entry, number), image in named.items() if entry == at}
        return KeptItem(id=which, value=_without_bytes({**value, "id": which}, inside))
    content: list[JsonValue] = []
    number = 0
    for part in parts_of(value):
        if part.get("type") not in ("input_image", "image_url", "output_image") or _remote(part):
            content.append(part)
            continue
        image = named.get((at, number))
        number += 1
        if image is None:
            content.append(_WORD)
        else:
            content.append({"type": "input_image", "image_url": f"{STORED}{image}"})
    kept: JsonObject = {"type": "message", "role": "user", "id": which, "content": content}
    return KeptItem(id=which, value=kept)


def _remote(part: JsonObject) -> bool:
    address = part.get("image_url")
    return isinstance(address, str) and address.startswith(("http://", "https://"))


def output_parts(value: JsonObject) -> list[JsonObject]:
    """Where a tool's output may hold a picture: in its parts, or in the one thing that it is."""
    output = value.get("output")
    if isinstance(output, dict):
        return [output]
    return [part for part in output if isinstance(part, dict)] if isinstance(output, list) else []


def _without_bytes(value: JsonObject, named: Mapping[int, ImageId]) -> JsonObject:
    """A tool's output may hold a picture as a data URL: a row names it, or says ``[picture]``."""
    number = 0

    def plainer(part: JsonValue) -> JsonValue:
        nonlocal number
        address = part.get("image_url") if isinstance(part, dict) else None
        if not isinstance(part, dict) or not _is_bytes(address):
            return part
        number += 1
        which = named.get(number - 1)
        return _WORD if which is None else {**part, "image_url": f"{STORED}{which}"}

    output = value.get("output")
    if isinstance(output, list):
        return {**value, "output": [plainer(part) for part in output]}
    return {**value, "output": plainer(output)} if isinstance(output, dict) else value


def _is_bytes(address: JsonValue) -> bool:
    return isinstance(address, str) and address.startswith("data:")


def output_items(ending: Ending, images: Sequence[Image]) -> tuple[KeptItem, ...]:
    """What came out; a wording that was not kept with its picture goes to no later request."""
    wordless = {image.id for image in images if image.revised_prompt is None}
    found = []
    for told in ending.items:
        value = plain(told.value)
        if told.image is not None:
            value["result"] = f"{STORED}{told.image}"
        if told.image in wordless:
            value.pop("revised_prompt", None)
        found.append(KeptItem(id=told.id, value=value, image=told.image))
    return tuple(found)


# ── out of rows ──────────────────────────────────────────────────────────────────────────────


async def body_of(kit: Kit, tenancy: Tenancy, response: KeptResponse) -> AsyncIterator[bytes]:
    """The response object, piece by piece: its pictures are read one at a time."""
    head = json.dumps(response.document, separators=(",", ":")).removesuffix("}")
    yield f'{head},"output":['.encode()
    for at, item in enumerate(response.output):
        yield b"," if at else b""
        async for piece in _whole(kit, tenancy, item, response.tenant):
            yield piece
    yield b"]}"


async def _whole(
    kit: Kit, tenancy: Tenancy, item: KeptItem, tenant: str | None
) -> AsyncIterator[bytes]:
    value = dict(item.value)
    if item.image is None:
        yield json.dumps(value, separators=(",", ":")).encode()
        return
    value.pop("result", None)
    head = json.dumps(value, separators=(",", ":")).removesuffix("}")
    data = await bytes_of(kit, tenancy, item.image, tenant)
    yield f'{head},"result":'.encode()
    if data is None:
        yield b"null}"
        return
    yield b'"' + binascii.b2a_base64(data[1], newline=False) + b'"}'


async def bytes_of(
    kit: Kit, tenancy: Tenancy, which: ImageId, tenant: str | None
) -> tuple[Image, bytes] | None:
    """``None`` for a picture that was forgotten, or is damaged."""
    image = await tenancy.picture(which, tenant=tenant)
    if image is None:
        return None
    try:
        return image, await kit.store.read_blob(image.sha256)
    except LimnerError as error:
        log.warning("picture.unreadable", image=which, error=str(error))
        return None


async def listed(
    kit: Kit, tenancy: Tenancy, items: Sequence[KeptItem], tenant: str | None
) -> list[JsonObject]:
    """Input items as they are listed, pictures as data URLs."""
    found = []
    for item in items:
        value = dict(item.value)
        if item.image is not None:
            held = await bytes_of(kit, tenancy, item.image, tenant)
            value["result"] = _base64(held[1]) if held else None
        elif value.get("role") == "user":
            value["content"] = [
                await _shown(kit, tenancy, part, tenant) for part in parts_of(item.value)
            ]
        else:
            value = await with_pictures(kit, tenancy, value, tenant)
        found.append(value)
    return found


async def _shown(kit: Kit, tenancy: Tenancy, part: JsonObject, tenant: str | None) -> JsonValue:
    which = stored_in(part)
    if which is None:
        return part
    held = await bytes_of(kit, tenancy, which, tenant)
    if held is None:
        return _WORD
    address = f"data:{held[0].media_type};base64,{_base64(held[1])}"
    return {"type": "input_image", "image_url": address, "detail": "auto"}


def pictures_named(value: JsonObject) -> list[ImageId]:
    """Those that a kept output of a tool names."""
    return [which for part in output_parts(value) if (which := stored_in(part)) is not None]


async def with_pictures(
    kit: Kit,
    tenancy: Tenancy,
    value: JsonObject,
    tenant: str | None,
    *,
    allowed: Collection[ImageId] | None = None,
) -> JsonObject:
    """A kept output with the bytes of its pictures; of those not ``allowed``, a word."""

    async def whole(part: JsonValue) -> JsonValue:
        which = stored_in(part) if isinstance(part, dict) else None
        if which is None or not isinstance(part, dict):
            return part
        fits = allowed is None or which in allowed
        held = await bytes_of(kit, tenancy, which, tenant) if fits else None
        if held is None:
            return _WORD
        address = f"data:{held[0].media_type};base64,{_base64(held[1])}"
        return {**part, "image_url": address}

    output = value.get("output")
    if isinstance(output, list):
        return {**value, "output": [await whole(part) for part in output]}
    return {**value, "output": await whole(output)} if isinstance(output, dict) else value


def _base64(data: bytes) -> str:
    return binascii.b2a_base64(data, newline=False).decode("ascii")
