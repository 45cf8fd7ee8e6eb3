"""Finding a picture by what a person typed, and what to say when nothing is found."""

from __future__ import annotations

from collections.abc import Callable
from difflib import get_close_matches

from sqlalchemy import Connection, Select, func, select

from ..errors import NotFound
from ..schema import Image
from . import rows
from .tables import blob, image, session, tombstone

PathOf = Callable[[str, str], str]
"""(sha256, media type) to where the bytes can be read."""

SHORTEST = len("img_") + 4
"""Fewer characters of an id are a typing error, not a reference."""

RECENT = 500
"""How many names are compared when a reference names nothing."""


def images_with_bytes() -> Select[tuple[object, ...]]:
    """Pictures joined with what their bytes are."""
    return select(image, blob.c.media_type, blob.c.bytes).join(blob)


def image_by_reference(connection: Connection, ref: str, *, path: PathOf) -> Image:
    """By id or its unambiguous beginning; raises ``NotFound`` with candidates."""
    if not ref.startswith("img_") or len(ref) < SHORTEST:
        raise NotFound(
            f"{ref!r} is no picture id",
            hint="An id is img_ and at least 4 more characters; @4 means picture 4 of a session.",
        )
    query = images_with_bytes()
    begins = func.substr(image.c.id, 1, len(ref)) == ref
    found = connection.execute(query.where(begins).order_by(image.c.seq).limit(11)).mappings().all()
    exact = [row for row in found if row["id"] == ref]
    if len(found) == 1 or exact:
        row = (exact or found)[0]
        return rows.image_of(row, path(row["sha256"], row["media_type"]))
    if found:
        ids = tuple(row["id"] for row in found[:10])
        raise NotFound(
            f"{ref!r} is the beginning of more than one picture",
            candidates=ids,
            hint="Write more of the id: " + ", ".join(ids[:3]) + ("…" if len(ids) > 3 else ""),
        )
    raise _image_not_found(connection, ref)


def _image_not_found(connection: Connection, ref: str) -> NotFound:
    if since := _forgotten(connection, "image", ref):
        return NotFound(f"picture {ref} was forgotten on {since}")
    recent = list(
        connection.execute(select(image.c.id).order_by(image.c.seq.desc()).limit(RECENT)).scalars()
    )
    close = tuple(get_close_matches(ref, recent, n=5, cutoff=0.8))
    return NotFound(
        f"there is no picture {ref!r}",
        candidates=close or tuple(recent[:5]),
        hint="Did you mean " + " or ".join(close) + "?" if close else "limner tree lists them.",
    )


def session_not_found(connection: Connection, ref: str) -> NotFound:
    """Says so when it was forgotten, else which names come close."""
    if since := _forgotten(connection, "session", ref):
        return NotFound(f"session {ref} was forgotten on {since}")
    recent = list(
        connection.execute(
            select(session.c.name).order_by(session.c.updated.desc()).limit(RECENT)
        ).scalars()
    )
    close = tuple(get_close_matches(ref, recent, n=5, cutoff=0.5))
    return NotFound(
        f"there is no session {ref!r}",
        candidates=close or tuple(recent[:5]),
        hint="Did you mean " + " or ".join(close) + "?" if close else "limner sessions lists them.",
    )


def _forgotten(connection: Connection, kind: str, ref: str) -> str | None:
    grave = select(tombstone.c.at).where(tombstone.c.kind == kind, tombstone.c.id == ref)
    at = connection.execute(grave).scalar()
    return None if at is None else f"{at:%Y-%m-%d}"
