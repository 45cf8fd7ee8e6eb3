"""``open_store``, and the ``DiskStore`` it gives: one method per need, the work in the rooms behind."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Concatenate, Literal, ParamSpec, TypeVar

from anyio import to_thread
from sqlalchemy import Connection

from ..errors import CorruptBlob, StoreError
from ..logs import get_logger
from ..protocols import Clock, NewImage
from ..schema import (
    Attempt,
    AttemptId,
    Blob,
    Cost,
    Failure,
    Image,
    ImageId,
    Session,
    SessionId,
    Sha256,
    Turn,
    TurnId,
    Verdict,
)
from . import (
    adopting,
    by_hand,
    find,
    forget,
    inventory,
    ledger,
    ledger_sums,
    owners,
    sessions,
    verifying,
)
from .blobs import BlobFolder, digest, read_verified
from .database import Database, store_url
from .ledger import Caps
from .migrate import bring_up_to_date
from .mirror import Mirror, open_mirror, with_files
from .rows import Entry
from .said import translated
from .screened import Screened, screened
from .settling import Settling

P = ParamSpec("P")
T = TypeVar("T")

BUSY_S = 30.0
"""How long a write waits for another process before ``StoreBusy``."""

log = get_logger("limner.store")


async def open_store(
    root: Path,
    *,
    clock: Clock,
    database_url: str | None = None,
    blob_url: str | None = None,
    busy_s: float = BUSY_S,
    owner: str | None = None,
) -> DiskStore:
    """Create the store or bring it up to date, and finish what a crash left half done.

    ``blob_url``: a bucket in which pictures are kept, too. ``owner``: this process, by name. Raises ``StoreNewer`` (untouched),
    ``StoreBusy``, ``StoreError``, and ``SettingsError`` for a bucket that cannot be.
    """
    url = store_url(root, database_url)
    folder = BlobFolder(root)
    with translated(str(root)):
        await to_thread.run_sync(folder.create)
    await to_thread.run_sync(lambda: bring_up_to_date(url, root, busy_s=busy_s))
    database = Database(url, busy_s=busy_s)
    settling = Settling(database, folder, clock=clock, owner=owner)
    store = DiskStore(database, folder, settling, root=root, clock=clock)
    try:
        store.mirror = await to_thread.run_sync(open_mirror, blob_url, folder, database, clock)
        await store.tidy()
    except BaseException:
        await store.aclose()
        raise
    return store


class DiskStore:
    """The ``Store`` of ``protocols.py`` on a folder and a database, and a little more."""

    def __init__(
        self,
        database: Database,
        folder: BlobFolder,
        settling: Settling,
        *,
        root: Path,
        clock: Clock,
    ) -> None:
        self.root = root
        self.mirror: Mirror | None = None
        self.settling = settling
        self.reap = settling.reap
        self._database = database
        self._folder = folder
        self._clock = clock

    @property
    def database(self) -> Database:
        """For the rooms of this store that keep tables of their own."""
        return self._database

    async def aclose(self) -> None:
        await self._database.aclose()

    async def tidy(self) -> None:
        """Sweep stale files (once a day), finish a ``forget``, settle for those who are gone."""
        if swept := await self._in_thread(self._folder.sweep, self._clock.now()):
            log.info("store.swept", files=swept)
        rests = self.mirror is not None and self.mirror.rests()
        if not rests and await self._database.read(forget.unfinished):
            try:
                await self._erase()
            except StoreError as error:  # the next start tries again; this one can still work
                log.warning("store.untidy", reason=str(error))
        try:
            await self.reap()
        except StoreError as error:
            log.warning("store.untidy", reason=str(error))
        if self.mirror is not None:
            await self.mirror.catch_up()

    # ── sessions and turns ───────────────────────────────────────────────────────────────────

    async def create_session(self, session: Session) -> Session:
        return await self._database.write(sessions.create, session)

    async def session(self, ref: str) -> Session:
        return await self._database.read(sessions.by_reference, ref)

    async def sessions(self, *, cwd: str | None = None, limit: int = 100) -> list[Session]:
        return await self._database.read(sessions.newest_first, cwd=cwd, limit=limit)

    async def turns(self, session: SessionId) -> list[Turn]:
        return await self._database.read(sessions.turns, session)

    async def turn(self, which: TurnId) -> Turn:
        """Raises ``NotFound``, also for one that was forgotten."""
        return await self._database.read(sessions.turn_by_id, which)

    async def open_turn(self, turn: Turn) -> None:
        """Raises ``StoreError`` while nothing is sent yet, when a picture would no longer fit."""
        await self._database.write(self._open_turn, turn)

    def _open_turn(self, connection: Connection, turn: Turn) -> None:
        self.check_room()
        sessions.open_turn(connection, turn, owner=self.settling.owner)

    def check_room(self) -> None:
        """Raises ``StoreError`` when the disk could not take another picture."""
        self._folder.check_room()

    async def close_turn(self, turn: Turn, *, expected_head: TurnId | None) -> bool:
        moved = await self._database.write(
            sessions.close_turn, turn, expected_head=expected_head, at=self._clock.now()
        )
        await self._in_thread(self._folder.drop_partials, turn.id)
        return moved

    async def move_head(
        self, session: SessionId, *, expected: TurnId | None, to: TurnId | None
    ) -> bool:
        return await self._database.write(
            sessions.move_head, session, expected=expected, to=to, at=self._clock.now()
        )

    # ── pictures and bytes ───────────────────────────────────────────────────────────────────

    async def images(self, session: SessionId) -> list[Image]:
        found = await self._database.read(sessions.images, session, path=self._path)
        return await with_files(self.mirror, found)

    async def image(self, ref: str) -> Image:
        found = await self._database.read(find.image_by_reference, ref, path=self._path)
        return (await with_files(self.mirror, [found]))[0]

    async def add_image(self, new: NewImage) -> Image:
        return await self._database.write(sessions.add_image, new, path=self._path)

    async def put_blob(self, data: bytes, *, media_type: str, size: tuple[int, int] | None) -> Blob:
        sha256 = await self._in_thread(digest, data)
        width, height = size or (None, None)
        blob = await self._database.read(inventory.find, sha256) or Blob(
            sha256=sha256, media_type=media_type, bytes=len(data), width=width, height=height
        )
        path = self.blob_path(sha256, blob.media_type)
        if self.mirror is not None:
            await self.mirror.expect(path)
        for _ in range(3):  # someone may be forgetting the same bytes
            await self._in_thread(self._folder.keep, path, data)
            if await self._database.write(inventory.record, blob, file=path):
                if self.mirror is not None:
                    await self.mirror.deliver(path)
                return blob
        raise StoreError(f"{path} disappears as soon as it is written", hint="Try again.")

    async def read_blob(self, sha256: Sha256) -> bytes:
        blob = await self._database.read(inventory.get, sha256)
        path = self.blob_path(sha256, blob.media_type)
        try:
            return await self._in_thread(read_verified, path)
        except CorruptBlob:
            if self.mirror is None:
                raise
        return await self.mirror.fetch(blob)

    def blob_path(self, sha256: Sha256, media_type: str) -> Path:
        return self._folder.path(sha256, media_type)

    async def save_derived(self, of: Sha256, label: str, data: bytes, *, media_type: str) -> Path:
        path = self._folder.derived_path(of, label, media_type)
        await self._in_thread(self._folder.keep_derived, path, data)
        return path

    async def arriving(self, turn: TurnId, data: bytes) -> None:
        """Says for which turn these bytes will be put in, should this process end before that."""
        path = self._folder.partial_note(turn, adopting.note_of(data))
        await self._in_thread(path.touch)

    async def save_partial(self, turn: TurnId, index: int, data: bytes, media_type: str) -> Path:
        path = self._folder.partial_path(turn, index, media_type)
        await self._in_thread(self._folder.save_partial, path, data)
        return path

    # ── money and verdicts ───────────────────────────────────────────────────────────────────

    async def reserve(self, attempt: Attempt, *, caps: Caps, dry: bool = False) -> Failure | None:
        return await self._database.write(ledger.reserve, attempt, caps=caps, dry=dry)

    async def mark_sent(self, attempt: AttemptId, *, at: datetime, bytes_sent: int) -> None:
        await self._database.write(ledger.mark_sent, attempt, at=at, bytes_sent=bytes_sent)

    @property
    def lives(self) -> bool:
        return self.settling.lives

    async def beat(self, attempt: AttemptId, *, at: datetime) -> None:
        """Says that somebody still waits for the answer."""
        await self._database.write(ledger.beat, attempt, at=at)

    async def settle(self, attempt: Attempt) -> None:
        await self._database.write(ledger.settle, attempt)

    async def attempts(
        self,
        *,
        session: SessionId | None = None,
        turn: TurnId | None = None,
        since: datetime | None = None,
        unsettled: bool = False,
    ) -> list[Attempt]:
        """Oldest first; ``unsettled``: only those open or with an unknown result."""
        return await self._database.read(
            ledger.attempts, session=session, turn=turn, since=since, unsettled=unsettled
        )

    async def attempt(self, ref: str) -> Attempt:
        """By id or its unambiguous beginning; raises ``NotFound``."""
        return await self._database.read(ledger.one, ref)

    async def entry(self, ref: str) -> Entry:
        """The same with who settled it and why."""
        return await self._database.read(ledger.entry, ref)

    async def newest_attempts(self, *, since: datetime | None, limit: int) -> list[Entry]:
        """Newest first."""
        return await self._database.read(ledger.newest, since=since, limit=limit)

    async def ledger_sums(
        self, *, by: ledger_sums.By | None, since: datetime | None
    ) -> list[ledger_sums.Sum]:
        """One for each key and currency; see ``ledger_sums``."""
        return await self._database.read(ledger_sums.sums, by=by, since=since)

    async def unsettled(self) -> list[tuple[Entry, owners.Life]]:
        """Open and unknown attempts, oldest first, each with whether its process lives."""
        await self.reap()
        found = await self._database.read(ledger.unsettled)
        return await self._in_thread(lambda: [(e, owners.life_of(e.owner)) for e in found])

    async def settle_by_hand(
        self,
        ref: str,
        *,
        billed: Literal["yes", "no"],
        cost: Cost | None,
        note: str | None,
        by: str,
    ) -> Entry:
        """Only an unknown one; raises ``UsageError`` for what is known or still under way."""
        settle = partial(by_hand.settle, billed=billed, cost=cost, note=note, by=by)
        return await self._database.write(settle, ref, at=self._clock.now())

    async def screened(
        self,
        *,
        session: SessionId | None = None,
        turn: TurnId | None = None,
        limit: int | None = None,
    ) -> list[Screened]:
        """Newest first, and without any text."""
        return await self._database.read(screened, session=session, turn=turn, limit=limit)

    async def add_verdict(
        self,
        verdict: Verdict,
        *,
        at: datetime,
        session: SessionId | None,
        turn: TurnId | None,
        user: str | None,
    ) -> None:
        await self._database.write(
            sessions.add_verdict, verdict, at=at, session=session, turn=turn, user=user
        )

    async def verdicts(self, session: SessionId) -> list[Verdict]:
        """Oldest first."""
        return await self._database.read(sessions.verdicts, session)

    # ── forgetting and checking ──────────────────────────────────────────────────────────────

    async def forget_session(self, session: SessionId, *, at: datetime) -> int:
        return await self._forget(forget.session_by_id, session, at=at)

    async def forget_image(self, image: ImageId, *, at: datetime) -> int:
        return await self._forget(forget.image_by_id, image, at=at)

    async def forget_user(self, user: str, *, at: datetime) -> int:
        """Every session of that user, and their name in the ledger; the number of files removed."""
        return await self._forget(forget.of_user, user, at=at)

    async def forget_older(self, before: datetime, *, at: datetime) -> int:
        """Every session untouched since ``before``; the number of files removed."""
        return await self._forget(forget.older_than, before, at=at)

    async def tombstones(self) -> dict[str, datetime]:
        """Ids of forgotten sessions and pictures, and when they were."""
        return await self._database.read(forget.tombstones)

    async def verify(self) -> list[str]:
        """Hash every blob again; one sentence per thing that is wrong, none when all is well."""
        on_disk = await self._in_thread(verifying.hashed, self._folder)  # a file precedes its row
        rows = await self._database.read(inventory.all_blobs)
        places = [(self.blob_path(b.sha256, b.media_type), used) for b, used in rows]
        lines = verifying.findings(on_disk, places, cache=self.mirror is not None)
        return lines + (await self.mirror.findings([b for b, _ in rows]) if self.mirror else [])

    async def _forget(
        self,
        work: Callable[Concatenate[Connection, P], list[TurnId]],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> int:
        turns = await self._database.write(work, *args, **kwargs)
        for turn in turns:
            await self._in_thread(self._folder.drop_partials, turn)
        return await self._erase()

    async def _erase(self) -> int:
        """Files, copies made before a migration, and what the database file still remembers."""
        erase = self.mirror.erase if self.mirror else None
        done = await self._database.write(inventory.unlink_released, self._folder, erase)
        for copy in self.root.glob("limner.db.before-*"):
            copy.unlink(missing_ok=True)
        scrubbed = await self._database.read(forget.unscrubbed) and await self._database.scrub()
        if scrubbed:
            await self._database.write(forget.scrubbed)
        log.info("store.forgot", files=done.removed, scrubbed=scrubbed)
        if done.problem is not None:
            raise StoreError(
                f"forgotten here, but pictures are left in the bucket: {done.problem}",
                hint=f"{done.problem.hint} The next commands go on removing them.",
            )
        return done.removed

    def _path(self, sha256: str, media_type: str) -> str:
        return str(self._folder.path(sha256, media_type))

    async def _in_thread(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        with translated(str(self.root)):
            return await to_thread.run_sync(lambda: work(*args, **kwargs))
