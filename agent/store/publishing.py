"""Addresses from which others can fetch a picture: the bucket's own, or signed for a while."""

from __future__ import annotations

from datetime import timedelta

from anyio import to_thread

from ..errors import StoreError
from . import inventory
from .blobs import digest
from .bucket import public_address
from .database import Database
from .mirror import Mirror

LIVES = timedelta(minutes=60)
"""As long as OpenAI's own addresses."""


class BucketPublisher:
    """The ``Publisher`` of ``protocols.py``. ``base``: where the bucket's objects are public.

    Only what the store lists is published, under the key it is kept by: so that ``forget`` ends
    every address too.
    """

    def __init__(
        self,
        mirror: Mirror,
        database: Database,
        *,
        base: str | None = None,
        lives: timedelta = LIVES,
    ) -> None:
        self._mirror = mirror
        self._database = database
        self._base = base
        self._lives = lives

    async def publish(self, data: bytes, media_type: str) -> str:
        """Raises ``StoreError`` for a bucket that cannot be used, and for unknown bytes.

        ``media_type`` is what the bytes were first stored as, whatever the caller says.
        """
        del media_type
        sha256 = await to_thread.run_sync(digest, data)
        blob = await self._database.read(inventory.find, sha256)
        if blob is None:
            raise StoreError(
                f"the bytes {sha256[:12]}… are no picture of this store, so they are not published",
                hint="Store the picture first: what is forgotten later takes its address along.",
            )
        key, bucket = self._mirror.key_of(blob), self._mirror.bucket
        if await to_thread.run_sync(bucket.length, key) != len(data):
            await self._mirror.put(blob, data)
        if self._base is not None:
            return public_address(self._base, key)
        return await to_thread.run_sync(lambda: bucket.signed(key, lives=self._lives))
