"""Finds out what is wrong, or what a server can do: ``limner doctor``.

    report    what was found: checks, probe rows, sandwich cases
    program   which Limner this is, and what else is called ``agent``
    setup     settings with their origins, the key, the profile, its dialect
    server    is anybody there, and what the answer means
    local     the store, the fonts
    queue     the database, what waits in the queue of batches, who works
    probe     paid: what the server can do, each try an attempt in the ledger
    sandwich  free: a gateway between our client and our own server

Only ``probe`` costs anything, and it says so first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .examination import examine
    from .report import Check, Examination

__all__ = ["Check", "Examination", "examine"]

_HOMES = {"Check": "report", "Examination": "report", "examine": "examination"}


def __getattr__(name: str) -> object:
    """Lazy, so that a sandwich need not load the store."""
    from importlib import import_module

    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_HOMES[name]}", __name__), name)
