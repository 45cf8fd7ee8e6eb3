"""The other side of the wire: a server that really draws, and misbehaves on command.

    exchange   Request, Reply, Drop              options   what is configured
    server     Offline: routes, keys, log        shelf     what it remembers while it runs
    brain      draw, edit, ask or talk           easel     art.Scene → bytes, in a thread
    responses  /v1/responses                     images    /v1/images/…
    documents  the JSON it answers with          events    the order of a stream
    dialects   whose habits it imitates          faults    the grammar of ``--fault``
    mischief   what each fault does              asgi      over a real socket

It is no model and says so: in its text, in each picture's metadata, in each JSON body.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .exchange import Drop, Reply, Request
    from .options import OfflineOptions
    from .server import Offline

__all__ = ["Drop", "Offline", "OfflineOptions", "Reply", "Request"]

_HOMES = {
    "Drop": "exchange",
    "Reply": "exchange",
    "Request": "exchange",
    "OfflineOptions": "options",
    "Offline": "server",
}


def __getattr__(name: str) -> object:
    """Lazy, so that the grammar of faults can be read without loading Pillow."""
    from importlib import import_module

    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_HOMES[name]}", __name__), name)
