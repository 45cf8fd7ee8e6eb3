"""Pictures in what a client's own tools gave back (``function_call_output`` and its like).

Such an item passes as it is. Its pictures are kept with the request, so that a later one that names
only ``previous_response_id`` gives the model what the caller gave; as many as one request may hold.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import partial
from typing import Final

import anyio.to_thread

from ..keeping import keep_imported
from ..kit import Kit
from ..opening import Held, pixels
from ..protocols import Tenancy
from ..schema import ImageId, SessionId, Sha256
from ..turn.capabilities import MAX_PICTURES
from ..turn.talk import Entry, Talk
from ..wire.fields import InlineImage, JsonObject, RequestFault, read_image
from . import kept

MOST_BYTES: Final = 24_000_000
"""Of the pictures of earlier tool outputs in one request; those that no longer fit are a word."""

At = tuple[int, int]
"""(entry, picture in it)."""


async def given_back(
    kit: Kit, tenancy: Tenancy, talk: Talk, tenant: str | None
) -> tuple[Talk, tuple[tuple[int, int], ...]]:
    """With the pictures of earlier outputs in their places, the newest first while they fit.

    And how large those are, in pixels.
    """
    named = [at for at, entry in enumerate(talk.entries) if kept.pictures_named(entry.value)]
    if not named:
        return talk, ()
    sizes: list[tuple[int, int]] = []
    entries, left, room = list(talk.entries), MAX_PICTURES, _room(kit)
    for at in reversed(named):
        entry, allowed = entries[at], set[ImageId]()
        for which in kept.pictures_named(entry.value):
            image = await tenancy.picture(which, tenant=tenant)
            if image is not None and left and image.bytes <= room:
                left, room = left - 1, room - image.bytes
                allowed.add(which)
                sizes.append(pixels(image))
        value = await kept.with_pictures(kit, tenancy, entry.value, tenant, allowed=allowed)
        entries[at] = replace(entry, value=value)
    return replace(talk, entries=tuple(entries)), tuple(sizes)


def _room(kit: Kit) -> int:
    """Half of what the server takes is for everything else; base64 adds a third."""
    cap = kit.upstream.profile.dialect.body_cap
    return MOST_BYTES if cap is None else min(MOST_BYTES, cap * 3 // 8)


async def held_in(kit: Kit, tenancy: Tenancy, talk: Talk, tenant: str | None) -> dict[At, Held]:
    """Those that came with this request; what is no whole picture goes on, and is not kept."""
    found: dict[At, Held] = {}
    for at, entry in enumerate(talk.entries):
        for number, address in enumerate(_addresses(entry)):
            held = await _held(kit, tenancy, address, tenant)
            if held is not None:
                found[at, number] = held
    return found


def _addresses(entry: Entry) -> Iterable[str]:
    if entry.kind != "other" or not entry.own:
        return ()
    return [str(part["image_url"]) for part in kept.output_parts(entry.value) if _is_inline(part)]


def _is_inline(part: JsonObject) -> bool:
    address = part.get("image_url")
    return isinstance(address, str) and address.startswith("data:")


async def _held(kit: Kit, tenancy: Tenancy, address: str, tenant: str | None) -> Held | None:
    try:
        source = await anyio.to_thread.run_sync(read_image, address, "input")
    except RequestFault:
        return None
    assert isinstance(source, InlineImage)
    facts = await anyio.to_thread.run_sync(kit.pictures.received, source.data)
    if facts is None:
        return None
    hashed = await anyio.to_thread.run_sync(partial(hashlib.sha256, source.data))
    known = await tenancy.picture_of_bytes(Sha256(hashed.hexdigest()), tenant=tenant)
    return Held(image=known, data=source.data, facts=facts)


async def keep(kit: Kit, held: Mapping[At, Held], *, session: SessionId) -> dict[At, ImageId]:
    """Listed in the session, each once."""
    found: dict[At, ImageId] = {}
    same: dict[bytes, ImageId] = {}
    for at, one in held.items():
        if one.data not in same:
            same[one.data] = (await keep_imported(kit, one, session=session)).id
        found[at] = same[one.data]
    return found
