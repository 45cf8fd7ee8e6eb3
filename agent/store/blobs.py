"""Bytes in a folder, named by their hash, written so that no name ever shows half a picture.

Everything in here blocks, so callers run it in a worker thread.
"""

from __future__ import annotations

import hashlib
import os
import re
import secrets
import shutil
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

from ..errors import CorruptBlob, StoreError, UsageError
from ..schema import Sha256

EXTENSIONS = {
    "image/png": "png",
    "image/jpeg": "jpg",
    "image/webp": "webp",
    "image/gif": "gif",
    "image/avif": "avif",
    "image/svg+xml": "svg",
}

STALE = timedelta(days=1)
"""Nobody is still writing a scratch file of this age."""

_HASH = re.compile(r"[0-9a-f]{64}")
_PLAIN = re.compile(r"[A-Za-z0-9_-]{1,80}")
_O_BINARY: int = getattr(os, "O_BINARY", 0)


def digest(data: bytes) -> Sha256:
    """The name of these bytes."""
    return Sha256(hashlib.sha256(data).hexdigest())


def extension(media_type: str) -> str:
    """``bin`` for a type that no picture of ours has."""
    return EXTENSIONS.get(media_type, "bin")


def sync_file(path: Path) -> None:
    """Have the bytes of a closed file on the disk itself."""
    descriptor = os.open(path, os.O_RDWR | _O_BINARY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_folder(folder: Path) -> None:
    """Have the names in a folder on the disk itself; Windows neither can nor needs to."""
    if os.name == "nt":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


ROOM_NEEDED = 32 * 1024 * 1024
"""Bytes: a large picture and the rows around it."""


class BlobFolder:
    """``root/blobs``, ``root/partials`` and, where there are any, ``root/derived``."""

    def __init__(self, root: Path) -> None:
        self.blobs = root / "blobs"
        self.partials = root / "partials"
        self.derived = root / "derived"

    def check_room(self) -> None:
        """Raise ``StoreError`` when the disk could not take another picture."""
        free = shutil.disk_usage(self.blobs).free
        if free < ROOM_NEEDED:
            raise StoreError(
                f"{self.blobs}: only {free // 2**20} MiB are free",
                hint="Free some disk space; nothing was sent.",
            )

    def create(self) -> None:
        """Make both folders, for nobody but this user when the root is new."""
        self.blobs.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.blobs.mkdir(exist_ok=True)
        self.partials.mkdir(exist_ok=True)

    def path(self, sha256: str, media_type: str) -> Path:
        """Where these bytes are, or would be; raises ``UsageError`` for what is no hash."""
        if not _HASH.fullmatch(sha256):
            raise UsageError(f"{sha256!r} is no SHA-256", hint="64 hexadecimal digits, lower case.")
        return self.blobs / sha256[:2] / f"{sha256}.{extension(media_type)}"

    def intact(self, path: Path) -> bool:
        """Whether the file is there and hashes to its name."""
        try:
            with path.open("rb") as file:
                return hashlib.file_digest(file, "sha256").hexdigest() == path.stem
        except FileNotFoundError:
            return False

    def keep(self, path: Path, data: bytes) -> None:
        """On disk and synced before this returns; bytes that are there already stay as they are."""
        if self.intact(path):
            return
        if not path.parent.exists():
            path.parent.mkdir(exist_ok=True)
            sync_folder(self.blobs)
        _write(path, data, durable=True)

    def derived_path(self, sha256: str, label: str, media_type: str) -> Path:
        """Where what was made from these bytes is; raises ``UsageError`` for an odd label."""
        if not _PLAIN.fullmatch(label):
            raise UsageError(f"{label!r} cannot name a file")
        return (
            self.derived / f"{self.path(sha256, media_type).stem}-{label}.{extension(media_type)}"
        )

    def keep_derived(self, path: Path, data: bytes) -> None:
        """A whole file, synced, or none."""
        if not self.derived.exists():
            self.derived.mkdir(exist_ok=True)
            sync_folder(self.derived.parent)
        _write(path, data, durable=True)

    def drop_derived(self, sha256: str) -> None:
        """Remove whatever was made from these bytes."""
        if _HASH.fullmatch(sha256):
            for path in self.derived.glob(f"{sha256}-*"):
                path.unlink(missing_ok=True)

    def partial_path(self, turn: str, index: int, media_type: str) -> Path:
        """Raises ``UsageError`` for a turn id that could leave the folder."""
        if not _PLAIN.fullmatch(turn):
            raise UsageError(f"{turn!r} is no turn id")
        return self.partials / f"{turn}-{index}.{extension(media_type)}"

    def partial_note(self, turn: str, note: str) -> Path:
        """An empty file that goes with the drafts; raises ``UsageError`` as they do."""
        return self.partial_path(turn, 0, "").with_name(f"{turn}-{note}")

    def save_partial(self, path: Path, data: bytes) -> None:
        """A whole file or none, but not synced: a draft is not worth a wait."""
        _write(path, data, durable=False)

    def drop_partials(self, turn: str) -> None:
        """Remove every draft of a turn."""
        if _PLAIN.fullmatch(turn):
            with os.scandir(self.partials) as found:  # a pattern would be compiled for each turn
                mine = [
                    self.partials / one.name for one in found if one.name.startswith(f"{turn}-")
                ]
            for path in mine:
                path.unlink(missing_ok=True)

    def files(self) -> Iterator[Path]:
        """Every finished blob file."""
        for shard in sorted(self.blobs.iterdir()):
            if shard.is_dir():
                yield from (path for path in sorted(shard.iterdir()) if path.suffix != ".tmp")

    def sweep(self, now: datetime) -> int:
        """Remove stale scratch files and drafts, at most once a day; the number removed."""
        marker = self.blobs / ".swept"
        if marker.exists() and _age(marker, now) < STALE:
            return 0
        marker.touch()
        os.utime(marker, (now.timestamp(), now.timestamp()))
        scratch = (*self.blobs.glob("*/*.tmp"), *self.derived.glob("*.tmp"))
        left = [*scratch, *self.partials.iterdir()]
        stale = [path for path in left if _age(path, now) > STALE]
        for path in stale:
            path.unlink(missing_ok=True)
        return len(stale)


def read_verified(path: Path) -> bytes:
    """Raises ``CorruptBlob`` for a file that is missing or does not hash to its name."""
    try:
        data = path.read_bytes()
    except FileNotFoundError as error:
        raise CorruptBlob(f"{path} is missing", hint="Restore it from a copy.") from error
    if digest(data) != path.stem:
        raise CorruptBlob(
            f"{path} is damaged: its bytes do not hash to its name",
            hint="Restore it from a copy; limner doctor lists every damaged file.",
        )
    return data


def _age(path: Path, now: datetime) -> timedelta:
    try:
        return timedelta(seconds=now.timestamp() - path.stat().st_mtime)
    except FileNotFoundError:
        return timedelta(0)


def _write(path: Path, data: bytes, *, durable: bool) -> None:
    """Scratch file in the same folder, then one rename; no scratch file is left by an error."""
    scratch = path.with_name(f"{path.name}.{secrets.token_hex(4)}.tmp")
    try:
        with scratch.open("xb", buffering=0) as file:
            _write_all(file.fileno(), data)
            if durable:
                os.fsync(file.fileno())
        scratch.replace(path)
    except BaseException:
        scratch.unlink(missing_ok=True)
        raise
    if durable:
        sync_folder(path.parent)


def _write_all(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:  # a single write stops at 2 GiB, and short on a nearly full disk
        view = view[os.write(descriptor, view) :]
