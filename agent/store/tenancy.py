"""What one tenant of ``limner serve`` may see of a store, and the requests it has made.

Somebody else's id is the same ``None`` as one that there is not.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Final

from anyio import to_thread
from sqlalchemy import ColumnElement, Connection

from ..errors import NotFound
from ..protocols import Bought, Purchase
from ..schema import Image, ImageId, Sha256, Turn, TurnId
from . import find, idempotency, owners, rows, sessions
from .database import Database
from .find import PathOf
from .open import DiskStore
from .tables import image, session

SILENT: Final = timedelta(hours=1)
"""After so long a process counts as gone that cannot be looked at and gives no sign of life."""


class DiskTenancy:
    """The ``Tenancy`` of ``protocols.py`` on a ``DiskStore``."""

    def __init__(self, store: DiskStore) -> None:
        self._store = store

    @property
    def _database(self) -> Database:
        return self._store.database

    async def picture(self, which: ImageId, *, tenant: str | None) -> Image | None:
        return await self._picture(image.c.id == which, tenant)

    async def picture_of_bytes(self, sha256: Sha256, *, tenant: str | None) -> Image | None:
        return await self._picture(image.c.sha256 == sha256, tenant)

    async def _picture(self, which: ColumnElement[bool], tenant: str | None) -> Image | None:
        return await self._database.read(_newest, which, tenant=tenant, path=self._path)

    def _path(self, sha256: str, media_type: str) -> str:
        return str(self._store.blob_path(Sha256(sha256), media_type))

    async def claim(self, new: Purchase) -> Purchase | None:
        return await self._database.write(idempotency.claim, new)

    async def take_over(self, before: Purchase, new: Purchase) -> bool:
        return await self._database.write(idempotency.take_over, before, new)

    async def finish(self, which: Purchase) -> None:
        await self._database.write(idempotency.finish, which)

    async def release(self, which: Purchase) -> None:
        await self._database.write(idempotency.release, which)

    async def standing(self, which: Purchase) -> Purchase | None:
        """What has its key now."""
        return await self._database.read(idempotency.standing, which)

    async def drop_of_turn(self, which: TurnId, *, prefix: str) -> None:
        """Free the key of the purchase that a turn is of."""
        await self._database.write(idempotency.drop_of_turn, which, prefix=prefix)

    async def bought(self, which: Purchase, *, now: datetime) -> Bought:
        await self._store.reap()
        life = await to_thread.run_sync(owners.life_of, which.owner)
        return await self._database.read(self._bought, which, life, now)

    def _bought(
        self, connection: Connection, which: Purchase, life: owners.Life, now: datetime
    ) -> Bought:
        quiet = now - which.created
        silent = self._store.settling.silences(connection, at=now).get(which.owner)
        if silent is None:
            ended = life == "gone" or (life == "elsewhere" and quiet > SILENT)
        else:
            ended = owners.has_ended(life, quiet=quiet, silent=silent)
        return Bought(
            turns=tuple(_begun(connection, which.turns)),
            attempts=tuple(idempotency.attempts_of(connection, which.turns)),
            alive=not ended,
        )


def _newest(
    connection: Connection, which: ColumnElement[bool], *, tenant: str | None, path: PathOf
) -> Image | None:
    query = find.images_with_bytes().join(session, session.c.id == image.c.session)
    mine = session.c.tenant.is_(None) if tenant is None else session.c.tenant == tenant
    found = connection.execute(query.where(which, mine).order_by(image.c.seq.desc()).limit(1))
    row = found.mappings().first()
    return None if row is None else rows.image_of(row, path(row["sha256"], row["media_type"]))


def _begun(connection: Connection, which: Sequence[TurnId]) -> Iterator[Turn]:
    for one in which:
        with suppress(NotFound):
            yield sessions.turn_by_id(connection, one)
