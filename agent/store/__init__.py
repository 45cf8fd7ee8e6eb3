"""The store room: sessions, turns, pictures, the ledger and the bytes, on disk.

``open_store(root, clock=…)`` gives a ``DiskStore``, which is the ``Store`` of ``protocols.py``::

    root/limner.db              sessions, turns, images, attempts, verdicts, tombstones
    root/blobs/ab/<sha256>.png  bytes exactly as received, stored once
    root/partials/<turn>-0.png  drafts of turns that are still open

Importing this package imports no database; the first use of a name does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .open import DiskStore as DiskStore
    from .open import open_store as open_store

__all__ = ["DiskStore", "open_store"]


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from . import open as door

    return getattr(door, name)
