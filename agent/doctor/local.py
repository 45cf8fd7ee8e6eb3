"""What is on this machine: the store, lightly, and the typefaces of the artist."""

from __future__ import annotations

import os
from pathlib import Path

import anyio.to_thread

from ..errors import LimnerError
from ..factory import open_disk
from ..protocols import Clock
from ..settings import Settings
from .report import Check

_SAMPLES = ("A", "é", "图")


async def store_check(settings: Settings, *, clock: Clock) -> Check:
    """It opens, it can be written to, and its newest picture is still what it was."""
    try:
        disk = await open_disk(settings, clock=clock)
        try:
            sessions = await disk.sessions(limit=1000)
            newest = [image for s in sessions[:1] for image in await disk.images(s.id)][-1:]
            for image in newest:
                await disk.read_blob(image.sha256)
        finally:
            await disk.aclose()
        _write_something(settings.data_dir)
    except LimnerError as error:
        return Check(area="store", name="store", status="wrong", text=str(error), hint=error.hint)
    except OSError as error:
        text = f"{settings.data_dir} cannot be written to: {error.strerror}"
        hint = "Choose another place with LIMNER_HOME, or free some room."
        return Check(area="store", name="store", status="wrong", text=text, hint=hint)
    kept = f"{len(sessions)}{'+' if len(sessions) == 1000 else ''} sessions"
    whole = ", the newest picture is whole" if newest else ""
    return Check(
        area="store",
        name="store",
        status="ok",
        text=f"{settings.data_dir}: writable, {kept}{whole}",
    )


def _write_something(folder: Path) -> None:
    place = folder / f".doctor-{os.getpid()}"
    try:
        place.write_bytes(b"limner doctor\n")
    finally:
        place.unlink(missing_ok=True)


async def bucket_check(settings: Settings) -> Check | None:
    """Whether a tiny object can be put into the bucket, read and removed; ``None`` without one."""
    if settings.blob_url is None:
        return None
    return await anyio.to_thread.run_sync(_bucket, settings, settings.blob_url)


def _bucket(settings: Settings, url: str) -> Check:
    from ..store.bucket import Bucket
    from ..store.mirror import WaitingRoom

    room = WaitingRoom(settings.data_dir)
    try:
        Bucket(url).try_out()
        waiting = len(room.names()) if room.path.is_dir() else 0
    except LimnerError as error:
        return Check(area="store", name="bucket", status="wrong", text=str(error), hint=error.hint)
    room.works()
    text = f"{url}: an object was put, read and deleted"
    if not waiting:
        return Check(area="store", name="bucket", status="ok", text=text)
    return Check(
        area="store",
        name="bucket",
        status="note",
        text=f"{text}; {_that_wait(waiting)} to go up",
        hint="The next commands upload them, some at a time.",
    )


def _that_wait(count: int) -> str:
    return "1 picture of this disk waits" if count == 1 else f"{count} pictures of this disk wait"


def fonts_check() -> Check:
    """Whether the artist finds a typeface for Latin and for Chinese."""
    from ..typeset.faces import has_glyph

    try:
        missing = [sample for sample in _SAMPLES if not has_glyph(sample)]
    except OSError as error:
        missing = [f"{error}"]
    if missing:
        return Check(
            area="artist",
            name="fonts",
            status="wrong",
            text=f"The artist's typefaces are damaged or missing: {', '.join(missing)}.",
            hint="Install limner again.",
        )
    return Check(area="artist", name="fonts", status="ok", text="typefaces for Latin and Chinese")
