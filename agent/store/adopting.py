"""Pictures whose bytes were saved by a process that ended before it listed them.

Before a picture is written, a note says which turn it is for: an empty file beside the drafts, named
by the turn, the length and the ends of the bytes. It costs no wait, outlives its process and goes
with the drafts when the turn is closed. Whoever settles for the dead finds the file by its note.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Final, NamedTuple

from sqlalchemy import Connection, select

from ..files import put_aside_for
from ..protocols import NewImage
from ..schema import Blob, Image, ImageId, Rendering, Turn, TurnId
from . import rows
from .blobs import EXTENSIONS, BlobFolder, digest
from .find import PathOf
from .inventory import find, record
from .sessions import add_image
from .tables import image, turn

_ENDS: Final = 4096
_CROCKFORD: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_TYPES: Final = {extension: media_type for media_type, extension in EXTENSIONS.items()}

Caught = Mapping[TurnId, Sequence[Blob]]
"""What was found on disk of each turn."""


class _Note(NamedTuple):
    length: int
    ends: str


def note_of(data: bytes) -> str:
    """The part of a note's name that tells these bytes from others, without reading all of them."""
    ends = hashlib.sha256(data[:_ENDS] + data[-_ENDS:]).hexdigest()[:16]
    return f"arriving-{len(data)}-{ends}"


def caught(folder: BlobFolder, turns: Iterable[TurnId]) -> dict[TurnId, list[Blob]]:
    """The pictures that notes of these turns speak of, whole and under their names."""
    noted = {each: list(_notes(folder, each)) for each in turns}
    wanted = {note for notes in noted.values() for note in notes}
    files = dict(_matching(folder, wanted)) if wanted else {}
    return {
        each: [files[note] for note in notes if note in files] or list(_aside(folder, each))
        for each, notes in noted.items()
    }


def _aside(folder: BlobFolder, of: TurnId) -> Iterator[Blob]:
    """What arrived while the store could not take it."""
    for path in put_aside_for(of):
        media_type = _TYPES.get(path.suffix.removeprefix("."))
        if media_type is not None:
            yield _kept(folder, path.read_bytes(), media_type)


def drop_scratch(folder: BlobFolder, of: TurnId) -> None:
    """Drafts, notes and what was put aside of a turn that is closed."""
    folder.drop_partials(of)
    for path in put_aside_for(of):
        path.unlink(missing_ok=True)


def _notes(folder: BlobFolder, of: TurnId) -> Iterator[_Note]:
    for path in sorted(folder.partials.glob(f"{of}-arriving-*-*")):
        *_, length, ends = path.name.split("-")
        if length.isdecimal():
            yield _Note(int(length), ends)


def _matching(folder: BlobFolder, wanted: set[_Note]) -> Iterator[tuple[_Note, Blob]]:
    lengths = {note.length for note in wanted}
    for path in folder.blobs.glob("*/*"):
        if path.stat().st_size not in lengths:
            continue
        data = path.read_bytes()
        _, length, ends = note_of(data).split("-")
        note = _Note(int(length), ends)
        if note in wanted and (blob := _whole(folder, path, data)):
            yield note, blob


def _whole(folder: BlobFolder, path: Path, data: bytes) -> Blob | None:
    """Also a scratch file that only lacked its name; ``None`` for what is cut or no picture."""
    sha256, extension, *_ = path.name.split(".")
    media_type = _TYPES.get(extension)
    if media_type is None or digest(data) != sha256:
        return None
    return _kept(folder, data, media_type)


def _kept(folder: BlobFolder, data: bytes, media_type: str) -> Blob:
    folder.keep(folder.path(digest(data), media_type), data)
    width, height = _pixels(data)
    return Blob(
        sha256=digest(data), media_type=media_type, bytes=len(data), width=width, height=height
    )


def _pixels(data: bytes) -> tuple[int | None, int | None]:
    """Of a PNG, whose head says so; the others are looked at when they are used."""
    if not data.startswith(b"\x89PNG\r\n\x1a\n"):
        return None, None
    return int.from_bytes(data[16:20]), int.from_bytes(data[20:24])


def adopt(connection: Connection, found: Caught, *, path: PathOf, at: datetime) -> None:
    """List them in turns that are still open, as their process would have."""
    for which, blobs in found.items():
        row = connection.execute(
            select(turn).where(turn.c.id == which, turn.c.outcome.is_(None))
        ).mappings()
        open_turn = row.first()
        listed = select(image.c.sha256).where(image.c.turn == which)
        known = set(connection.execute(listed).scalars())
        for blob in blobs if open_turn is not None else ():
            if blob.sha256 not in known:
                assert open_turn is not None
                _list(connection, rows.turn_of(open_turn, ()), blob, path=path, at=at)


def _list(connection: Connection, of: Turn, blob: Blob, *, path: PathOf, at: datetime) -> None:
    kept = find(connection, blob.sha256) or blob
    record(connection, kept, file=Path(path(kept.sha256, kept.media_type)))
    asked, extension = of.options, kept.media_type.partition("/")[2]
    seen = blob if blob.width else kept
    size = f"{seen.width}x{seen.height}" if seen.width else None
    adopted = Image(
        id=_new_id(of.id),
        session=of.session,
        turn=of.id,
        number=0,
        operation="edit" if of.editing else "generate",
        parents=(*of.editing, *of.references),
        sha256=kept.sha256,
        media_type=kept.media_type,
        bytes=kept.bytes,
        requested=Rendering(
            model=asked.model,
            size=asked.size,
            quality=asked.quality,
            format=asked.output_format,
            background=asked.background,
        ),
        actual=Rendering(size=size, format=extension),
        created=at,
    )
    add_image(connection, NewImage(image=adopted, blob=kept), path=path)


def _new_id(of: TurnId) -> ImageId:
    """From the time of its turn, so that it sorts where it belongs."""
    moment = of.partition("_")[2][:10]
    return ImageId(f"img_{moment}{''.join(secrets.choice(_CROCKFORD) for _ in range(16))}")
