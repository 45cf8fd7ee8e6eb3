"""Which session or picture a person means."""

from __future__ import annotations

from ...errors import NotFound
from ...protocols import Store
from ...schema import Image, Session
from ...turn.lineage import read_ref
from .desk import here


async def newest_here(store: Store) -> Session:
    """The newest session that was started in this directory; raises ``NotFound``."""
    found = await store.sessions(cwd=here(), limit=1)
    if found:
        return found[0]
    recent = await store.sessions(limit=5)
    raise NotFound(
        "No session was started in this directory.",
        candidates=tuple(session.name for session in recent),
        hint="limner sessions lists all of them."
        if recent
        else "limner generate PROMPT starts one.",
    )


async def session_named(store: Store, ref: str | None) -> Session:
    """By name, id or beginning; without a name the newest of this directory, else of all."""
    if ref is not None:
        return await store.session(ref)
    recent = await store.sessions(cwd=here(), limit=1) or await store.sessions(limit=1)
    return recent[0] if recent else await newest_here(store)


async def picture_named(store: Store, ref: str, session: Session | None = None) -> Image:
    """``@4`` of ``session`` (else the newest here), ``name/4``, or an id; raises ``NotFound``."""
    parts = read_ref(ref)
    if parts.id is not None:
        return await store.image(parts.id)
    home = await store.session(parts.session) if parts.session else session
    home = home or await session_named(store, None)
    images = await store.images(home.id)
    for image in images:
        if image.number == parts.number:
            return image
    raise NotFound(
        f"There is no picture @{parts.number} in {home.name}.",
        candidates=tuple(f"@{image.number}" for image in images[-8:]),
        hint=f"limner show {home.name} lists its pictures.",
    )


async def session_or_picture(store: Store, ref: str | None) -> Session | Image:
    """A picture when it is written like one (``@4``, ``name/4``, ``img_…``), else a session."""
    if ref is None:
        return await session_named(store, None)
    parts = read_ref(ref)
    if parts.number is not None or ref.startswith("img_"):
        return await picture_named(store, ref)
    return await store.session(ref)
