"""A request body as far as it must be understood before anything is known of it."""

from __future__ import annotations

import binascii
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from pydantic import JsonValue

from ..turn.relayed import hidden_tool
from ..wire.fields import JsonObject, RequestFault
from .kept import bytes_of
from .prepare import Shop

MOST_PARTS: Final = 20_000
"""Items of a conversation and their parts, in a request that draws."""
MOST_TOOLS: Final = 1_000
DEEPEST: Final = 100
"""Levels of objects and lists, as in the schema of an answer."""


@dataclass(frozen=True, slots=True)
class Read:
    """What the body is, and whether a picture can come of it."""

    payload: JsonObject = field(repr=False)
    has_tool: bool
    hidden: bool
    """An image tool is declared where it does not count."""


def read_request(body: bytes) -> Read:
    """The body as JSON, strictly: of two fields of one name, we might see one and a server the other."""
    try:
        payload = json.loads(body, object_pairs_hook=_once, parse_constant=_no_constant)
    except RequestFault:
        raise
    except (ValueError, RecursionError) as error:
        raise RequestFault(f"The body is not valid JSON: {str(error)[:200]}.") from error
    if not isinstance(payload, dict):
        raise RequestFault("Invalid type for the body: expected an object.", code="invalid_type")
    tools = payload.get("tools")
    declared = [tool for tool in tools if isinstance(tool, dict)] if isinstance(tools, list) else []
    has_tool = any(tool.get("type") == "image_generation" for tool in declared)
    hidden = not has_tool and hidden_tool(payload)
    return Read(payload, has_tool, hidden)


def check_extent(payload: JsonObject) -> None:
    """Raises ``RequestFault`` for a conversation so finely cut that it would hold up everybody."""
    given, tools = payload.get("input"), payload.get("tools")
    items = given if isinstance(given, list) else []
    contents = (item.get("content") for item in items if isinstance(item, dict))
    parts = sum(len(content) for content in contents if isinstance(content, list))
    for name, many, most in (
        ("input", len(items) + parts, MOST_PARTS),
        ("tools", len(tools) if isinstance(tools, list) else 0, MOST_TOOLS),
    ):
        if many > most:
            raise RequestFault(
                f"Invalid '{name}': {many:,} entries; {most:,} are read. Go on from "
                "previous_response_id in place of sending everything again.",
                code="array_above_max_length",
                param=name,
            )

    if _is_deep(payload):
        raise RequestFault(
            f"The body is nested deeper than {DEEPEST} levels.", code="invalid_value"
        )


def _is_deep(payload: JsonObject) -> bool:
    """Level by level: what is nested without end is no reason to call without end."""
    level: list[JsonObject | list[JsonValue]] = [payload]
    for _ in range(DEEPEST):
        inside = (one.values() if isinstance(one, dict) else one for one in level)
        level = [each for some in inside for each in some if isinstance(each, dict | list)]
        if not level:
            return False
    return True


def _once(pairs: list[tuple[str, JsonValue]]) -> JsonObject:
    found = dict(pairs)
    if len(found) < len(pairs):
        counted = Counter(name for name, _ in pairs)
        twice = next(name for name, times in counted.items() if times > 1)
        raise RequestFault(f"The body has the field {twice[:80]!r} twice.", code="invalid_json")
    return found


def _no_constant(name: str) -> JsonValue:
    raise ValueError(f"{name} is not JSON")


def bare_ids(payload: JsonObject) -> frozenset[str]:
    """Ids that a request names without bringing the item."""
    given = payload.get("input")
    items = [item for item in given if isinstance(item, dict)] if isinstance(given, list) else []
    bare = (
        item.get("id")
        for item in items
        if item.get("type") == "item_reference"
        or (item.get("type") == "image_generation_call" and not item.get("result"))
        or set(item) == {"id"}
    )
    return frozenset(which for which in bare if isinstance(which, str) and which)


# ── pictures named by an address of ours ─────────────────────────────────────────────────────


async def take_own_pictures(shop: Shop, payload: JsonObject, *, tenant: str | None) -> None:
    """Put the bytes where ``payload`` names a picture by an address that this server gave out.

    The server behind cannot fetch from here. Raises ``RequestFault`` 404 for an address that is
    over or forged, and for somebody else's picture.
    """
    if shop.own_picture is None:
        return
    for part in _parts(payload):
        address = part.get("image_url")
        address = address.get("url") if isinstance(address, dict) else address
        which = shop.own_picture(address) if isinstance(address, str) else None
        if which is None:
            continue
        held = await bytes_of(shop.kit, shop.tenancy, which, tenant)
        if held is None:
            raise no_picture()
        image, data = held
        encoded = binascii.b2a_base64(data, newline=False).decode("ascii")
        part["image_url"] = f"data:{image.media_type};base64,{encoded}"


def no_picture() -> RequestFault:
    """One answer for what never was, what is over, and what is somebody else's."""
    return RequestFault(
        "There is no picture at that address of this server, or not any more.",
        status=404,
        code="not_found",
        param="input",
    )


def _parts(payload: JsonObject) -> Iterator[JsonObject]:
    """Wherever a request may name a picture: in messages, in tools' outputs, as the mask."""
    items, tools = payload.get("input"), payload.get("tools")
    for item in items if isinstance(items, list) else ():
        for place in ("content", "output"):
            parts = item.get(place) if isinstance(item, dict) else None
            if isinstance(parts, list):
                yield from (part for part in parts if isinstance(part, dict))
    for tool in tools if isinstance(tools, list) else ():
        mask = tool.get("input_image_mask") if isinstance(tool, dict) else None
        if isinstance(mask, dict):
            yield mask
