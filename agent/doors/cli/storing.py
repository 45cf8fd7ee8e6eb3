"""Work on the store alone: commands that send nothing."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Protocol, TypeVar

import anyio

from ...factory import open_disk
from ...protocols import Store
from ...schema import SessionId, Verdict
from .desk import settings_of

T = TypeVar("T")


class Disk(Store, Protocol):
    """The store and what only the command line asks of it."""

    async def verdicts(self, session: SessionId) -> list[Verdict]: ...

    async def forget_user(self, user: str, *, at: datetime) -> int: ...

    async def forget_older(self, before: datetime, *, at: datetime) -> int: ...

    async def tidy(self) -> None: ...


def on_disk(work: Callable[[Disk], Awaitable[T]]) -> T:
    """Open the configured store, run ``work``, close it. Raises ``StoreError``, ``SettingsError``."""
    settings = settings_of()

    async def opened() -> T:
        disk = await open_disk(settings)
        try:
            return await work(disk)
        finally:
            await disk.aclose()

    return anyio.run(opened)
