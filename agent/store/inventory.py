"""Which bytes we hold: blob rows, who refers to them, and files that are to go.

A file is removed only inside a write transaction that has seen no row for it, and a row is added
only inside one that has seen the file. So no row ever stands for bytes that another process is
removing, and bytes that were to go but are wanted again stay.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from sqlalchemy import Connection, bindparam, delete, insert, select

from ..errors import NotFound, StoreError
from ..schema import Blob
from .blobs import BlobFolder, sync_folder
from .tables import blob, image, meta, turn

UNLINK = "unlink:"
"""Prefix of the ``meta`` keys that name a file to remove; the value is its media type."""

Erase = Callable[[Path], None]
"""Removes what is kept of a file elsewhere; raises ``StoreError``."""


_BLOB = select(blob).where(blob.c.sha256 == bindparam("which"))
_ADD = insert(blob)


class Unlinked(NamedTuple):
    """How many pictures are gone, and why others are not yet."""

    removed: int = 0
    problem: StoreError | None = None


def find(connection: Connection, sha256: str) -> Blob | None:
    row = connection.execute(_BLOB, {"which": sha256}).mappings().first()
    return None if row is None else Blob.model_validate(dict(row))


def get(connection: Connection, sha256: str) -> Blob:
    """Raises ``NotFound``."""
    if found := find(connection, sha256):
        return found
    raise NotFound(f"there are no bytes with SHA-256 {sha256}", hint="They may be forgotten.")


def record(connection: Connection, new: Blob, *, file: Path) -> bool:
    """Add the row unless it is there; false when the file is gone and must be written again."""
    if not file.exists():
        return False
    if find(connection, new.sha256) is None:
        connection.execute(_ADD, new.model_dump())
    return True


def ensure(connection: Connection, new: Blob, *, file: str) -> None:
    """Bytes about to be listed must be there, even if someone forgot them a moment ago."""
    if not record(connection, new, file=Path(file)):
        raise StoreError(
            f"the bytes {new.sha256} are not in the store",
            hint="Put them in again, then list them.",
        )


def all_blobs(connection: Connection) -> list[tuple[Blob, bool]]:
    """Each with whether a picture or a mask refers to it."""
    used = set(connection.execute(select(image.c.sha256).union(select(turn.c.mask))).scalars())
    found = connection.execute(select(blob).order_by(blob.c.sha256)).mappings()
    return [(Blob.model_validate(dict(row)), row["sha256"] in used) for row in found]


def release(connection: Connection, hashes: Iterable[str]) -> None:
    """Drop the rows of bytes that nothing refers to any more and note their files for removal."""
    for sha256 in set(hashes):
        users: Sequence[object] = connection.execute(
            select(image.c.id)
            .where(image.c.sha256 == sha256)
            .union(select(turn.c.id).where(turn.c.mask == sha256))
        ).all()
        found = None if users else find(connection, sha256)
        if found is not None:
            connection.execute(delete(blob).where(blob.c.sha256 == sha256))
            note(connection, UNLINK + sha256, found.media_type)


def note(connection: Connection, key: str, value: str) -> None:
    """Set one ``meta`` value."""
    connection.execute(delete(meta).where(meta.c.key == key))
    connection.execute(insert(meta), {"key": key, "value": value})


def withdraw(connection: Connection, sha256: str, media_type: str) -> bool:
    """Note bytes for removal if no row stands for them any more; whether that is so."""
    if find(connection, sha256) is not None:
        return False
    note(connection, UNLINK + sha256, media_type)
    return True


def unlink_released(
    connection: Connection, folder: BlobFolder, erase: Erase | None = None
) -> Unlinked:
    """Remove the files that were noted, unless they were put in again.

    What cannot be erased elsewhere stays noted, and after one failure nothing more is tried there.
    """
    noted = connection.execute(select(meta).where(meta.c.key.startswith(UNLINK))).all()
    removed, problem = 0, None
    for key, media_type in noted:
        sha256 = key.removeprefix(UNLINK)
        path = folder.path(sha256, media_type)
        if find(connection, sha256) is None:
            folder.drop_derived(sha256)
            there = _unlink(path)
            problem = problem or _erased(erase, path)
            if problem is not None:
                continue
            removed += there or erase is not None
        connection.execute(delete(meta).where(meta.c.key == key))
    return Unlinked(removed, problem)


def _unlink(path: Path) -> bool:
    if not path.exists():
        return False
    path.unlink()
    sync_folder(path.parent)
    return True


def _erased(erase: Erase | None, path: Path) -> StoreError | None:
    try:
        if erase is not None:
            erase(path)
    except StoreError as error:
        return error
    return None
