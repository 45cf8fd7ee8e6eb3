"""The bucket behind the blob folder: the folder is written first, the bucket follows.

A picture is in the folder, synced, before its row; only then does it go up. So a bucket that is
away costs nobody a picture, every path is a file that opens, and bytes are only ever uploaded
while a row stands for them. ``waiting/`` holds an empty file for each picture that is not known
to be in the bucket; it is made before the picture and removed after the upload, so whatever ends
a process in between, the next one goes on.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final, ParamSpec, TypeVar

from anyio import CapacityLimiter, create_task_group, to_thread

from ..errors import CorruptBlob, StoreError
from ..logs import get_logger
from ..protocols import Clock
from ..schema import Blob, Image
from . import inventory
from .blobs import BlobFolder, digest, read_verified, sync_folder
from .database import Database
from .said import translated

if TYPE_CHECKING:
    from .bucket import Bucket

P = ParamSpec("P")
T = TypeVar("T")

REST: Final = timedelta(minutes=1)
"""How long a bucket that failed is left alone, by every process on this folder."""

AT_START: Final = 16
AFTER_ONE: Final = 4
"""How many that wait go up when a store is opened, and after a picture went up."""

_AT_ONCE: Final = 8
_FAILED: Final = ".failed"
_KNOWN: Final = ".bucket"

_LATER: Final = "The pictures are kept on this disk and go up later by themselves."

log = get_logger("limner.store")


class WaitingRoom:
    """``root/waiting``: what is not known to be in the bucket, and when the bucket last failed."""

    def __init__(self, root: Path) -> None:
        self.path = root / "waiting"

    def create(self) -> None:
        self.path.mkdir(exist_ok=True)

    def add(self, blob: Path) -> None:
        """On disk before the blob itself is."""
        self.create()
        (self.path / blob.name).touch()
        sync_folder(self.path)

    def add_all(self, blobs: Iterable[Path], *, bucket: str) -> None:
        """Once per bucket: whatever was here before it."""
        known = self.path / _KNOWN
        if known.exists() and known.read_text("utf-8") == bucket:
            return
        for blob in blobs:
            (self.path / blob.name).touch()
        known.write_text(bucket, "utf-8")
        sync_folder(self.path)

    def leave(self) -> None:
        """No bucket is configured now: should one be again, everything counts as not uploaded."""
        (self.path / _KNOWN).unlink(missing_ok=True)

    def remove(self, name: str) -> None:
        (self.path / name).unlink(missing_ok=True)

    def names(self) -> list[str]:
        """Oldest first."""
        found = [path for path in self.path.glob("*") if not path.name.startswith(".")]
        return [path.name for path in sorted(found, key=_touched)]

    def failed(self, now: datetime) -> None:
        """The bucket did not do what it was asked. A note that cannot be made is done without."""
        with suppress(OSError):
            (self.path / _FAILED).touch()
            os.utime(self.path / _FAILED, (now.timestamp(), now.timestamp()))

    def works(self) -> None:
        """It did what it was asked."""
        (self.path / _FAILED).unlink(missing_ok=True)

    def resting(self, now: datetime) -> bool:
        """Whether it failed a moment ago."""
        try:
            since = now.timestamp() - (self.path / _FAILED).stat().st_mtime
        except FileNotFoundError:
            return False
        return 0 <= since < REST.total_seconds()


def _tell(event: str, error: StoreError, *, hint: str = "", **fields: str) -> None:
    """As an error, which the command line shows too: somebody's hand may be needed."""
    log.error(event, reason=str(error), hint=hint or error.hint, **fields)


def _touched(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except FileNotFoundError:  # somebody else has just uploaded it
        return 0.0


class Mirror:
    """Brings what is in the folder into the bucket, and back when the folder lacks it."""

    def __init__(
        self, folder: BlobFolder, bucket: Bucket, database: Database, *, clock: Clock
    ) -> None:
        root = folder.blobs.parent
        self.bucket = bucket
        self.waiting = WaitingRoom(root)
        self._folder = folder
        self._database = database
        self._clock = clock
        self._root = root

    def prepare(self) -> None:
        """Blocks; at the opening of a store."""
        self.waiting.create()
        self.waiting.add_all(self._folder.files(), bucket=self.bucket.url)

    def key(self, path: Path) -> str:
        """The name in the bucket is the name in the folder: ``ab/<sha256>.png``."""
        return path.relative_to(self._folder.blobs).as_posix()

    def key_of(self, blob: Blob) -> str:
        return self.key(self._folder.path(blob.sha256, blob.media_type))

    def rests(self) -> bool:
        """Whether the bucket failed a moment ago, so that it is not asked yet."""
        return self.waiting.resting(self._clock.now())

    async def expect(self, path: Path) -> None:
        """A picture is about to be written there."""
        await self._in_thread(self.waiting.add, path)

    # ── up ───────────────────────────────────────────────────────────────────────────────────

    async def deliver(self, path: Path) -> None:
        """Upload a picture that has its row; a failure is told in the log, and the picture waits."""
        if await self._attempt([path.name]):
            await self.catch_up(AFTER_ONE)

    async def catch_up(self, most: int = AT_START) -> None:
        """Upload some of those that wait, unless the bucket failed a moment ago."""
        names = await self._in_thread(self.waiting.names)
        if names:
            await self._attempt(names, most=most)

    async def _attempt(self, names: list[str], *, most: int = 1) -> bool:
        """Whether any went up."""
        if self.rests():
            log.warning("store.bucket_rests", bucket=self.bucket.url, hint=_LATER)
            return False
        uploaded = 0
        try:
            for name in names:
                uploaded += await self.upload(name)
                if uploaded == most:
                    break
        except StoreError as error:
            await self._in_thread(self.waiting.failed, self._clock.now())
            _tell("store.not_in_bucket", error, hint=f"{_LATER} {error.hint}")
            return False
        return uploaded > 0

    async def upload(self, name: str) -> bool:
        """False for what has no row or no whole file; raises ``StoreError``, and it still waits."""
        sha256 = name.partition(".")[0]
        blob = await self._database.read(inventory.find, sha256)
        if blob is None:  # its process may be about to write the row
            return False
        path = self._folder.path(sha256, blob.media_type)
        try:
            data = await self._in_thread(read_verified, path)
        except CorruptBlob as error:
            await self._in_thread(self.waiting.remove, name)
            _tell("store.not_uploaded", error)
            return False
        if not await self.put(blob, data):
            return False
        await self._in_thread(self.waiting.remove, name)
        return True

    async def put(self, blob: Blob, data: bytes) -> bool:
        """False for what lost its row on the way, which is not kept. Raises ``StoreError``."""
        await self._in_thread(self.bucket.put, self.key_of(blob), data, media_type=blob.media_type)
        if await self._database.read(inventory.find, blob.sha256) is not None:
            return True
        if not await self._database.write(inventory.withdraw, blob.sha256, blob.media_type):
            return True
        # should this fail, the next start tries again
        await self._database.write(inventory.unlink_released, self._folder, self.erase)
        return False

    # ── down ─────────────────────────────────────────────────────────────────────────────────

    async def fetch(self, blob: Blob) -> bytes:
        """From the bucket into the folder; raises ``CorruptBlob`` or ``StoreError``."""
        path = self._folder.path(blob.sha256, blob.media_type)
        data = await self._in_thread(self._verified, path)
        await self._in_thread(self._keep, path, data)
        return data

    def _verified(self, path: Path) -> bytes:
        where = self.bucket.address(self.key(path))
        data = self.bucket.get(self.key(path))
        if data is None:
            raise CorruptBlob(
                f"{where} is missing, and so is {path}",
                hint="It may wait on the machine that made it, or be forgotten there.",
            )
        if digest(data) != path.stem:
            raise CorruptBlob(
                f"{where} is damaged: its bytes do not hash to its name",
                hint="Restore it from a copy, or from the blobs folder of another machine.",
            )
        return data

    def _keep(self, path: Path, data: bytes) -> None:
        self._folder.create()
        self._folder.keep(path, data)

    async def fill(self, images: Iterable[Image]) -> None:
        """Have a file at every ``path``; what cannot be had is told in the log."""
        missing = await self._in_thread(lambda: list(_without_file(images)))
        if not missing or self.rests():
            return
        places = CapacityLimiter(_AT_ONCE)

        async def one(image: Image) -> None:
            async with places:
                if not self.rests():
                    await self._fetch_or_tell(image)

        async with create_task_group() as group:
            for image in missing:
                group.start_soon(one, image)

    async def _fetch_or_tell(self, image: Image) -> None:
        try:
            await self.fetch(
                Blob(sha256=image.sha256, media_type=image.media_type, bytes=image.bytes)
            )
        except CorruptBlob as error:
            _tell("store.not_fetched", error, image=image.id)
        except StoreError as error:
            await self._in_thread(self.waiting.failed, self._clock.now())
            _tell("store.not_fetched", error, image=image.id)

    # ── gone ─────────────────────────────────────────────────────────────────────────────────

    def erase(self, path: Path) -> None:
        """Blocks; inside the transaction that has seen no row. Raises ``StoreError``."""
        self.waiting.remove(path.name)
        try:
            self.bucket.delete(self.key(path))
        except StoreError:
            self.waiting.failed(self._clock.now())
            raise

    # ── looking ──────────────────────────────────────────────────────────────────────────────

    async def findings(self, rows: list[Blob]) -> list[str]:
        """One sentence per object that is missing, cut or unknown; those that wait are not."""
        lengths = await self._in_thread(self.bucket.lengths)
        waiting = set(await self._in_thread(self.waiting.names))
        return list(self._compared(rows, lengths, waiting))

    def _compared(
        self, rows: list[Blob], lengths: dict[str, int], waiting: set[str]
    ) -> Iterator[str]:
        known = set()
        for blob in rows:
            path = self._folder.path(blob.sha256, blob.media_type)
            key = self.key(path)
            known.add(key)
            if key not in lengths and path.name not in waiting:
                yield f"{self.bucket.address(key)} is missing"
            elif lengths.get(key, blob.bytes) != blob.bytes:
                yield f"{self.bucket.address(key)} is damaged"
        for key in sorted(lengths.keys() - known):
            yield f"{self.bucket.address(key)} is not in the database"

    async def _in_thread(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        with translated(str(self._root)):
            return await to_thread.run_sync(lambda: work(*args, **kwargs))


def open_mirror(
    url: str | None, folder: BlobFolder, database: Database, clock: Clock
) -> Mirror | None:
    """``None`` without a bucket. Blocks; raises ``SettingsError`` for one that cannot be."""
    root = folder.blobs.parent
    with translated(str(root)):
        if url is None:
            WaitingRoom(root).leave()
            return None
        from .bucket import Bucket

        mirror = Mirror(folder, Bucket(url), database, clock=clock)
        mirror.prepare()
    return mirror


async def with_files(mirror: Mirror | None, images: list[Image]) -> list[Image]:
    """The same, each with a file at its ``path``, as far as the bucket can help."""
    if mirror is not None:
        await mirror.fill(images)
    return images


def _without_file(images: Iterable[Image]) -> Iterator[Image]:
    seen = set()
    for image in images:
        if image.sha256 not in seen and not Path(image.path).exists():
            seen.add(image.sha256)
            yield image
