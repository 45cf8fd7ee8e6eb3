"""How many may be connected at once, so that files are left for pictures, store and server behind."""

from __future__ import annotations

import errno
import sys
from typing import Any, Final

from ...logs import get_logger
from .errors import ApiError

_WANTED: Final = (65_536, 10_240)
"""Open files; macOS grants no process more than the second."""
_KEPT: Final = 256
_FEWEST: Final = 64
_NO_FILES: Final = (errno.EMFILE, errno.ENFILE)

log = get_logger("limner.serve")


def most_connections() -> int:
    """As many as there are files for, each with one to the server behind; asks for more files."""
    return max(_FEWEST, (_files() - _KEPT) // 2)


def _files() -> int:
    """How many this process may have open, from now on."""
    if sys.platform == "win32":
        return _WANTED[0]
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    for wanted in _WANTED:
        more = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        if soft >= more:
            break
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (more, hard))
        except (OSError, ValueError):
            continue
        return more
    return soft


def too_many() -> ApiError:
    """Nothing was asked yet."""
    return ApiError(
        503,
        "Too many connections at once: try again in a moment.",
        type="server_error",
        code="too_many_connections",
        headers={"retry-after": "1", "x-should-retry": "true"},
    )


def tell_once(loop: Any) -> None:
    """Of a connection that no file was left for: asyncio says it hundreds of times a second."""
    told = False

    def handle(loop: Any, context: dict[str, Any]) -> None:
        nonlocal told
        error = context.get("exception")
        if not isinstance(error, OSError) or error.errno not in _NO_FILES:
            loop.default_exception_handler(context)
        elif not told:
            told = True
            log.error("serve.no_more_files", reason=str(error), hint="Raise ulimit -n.")

    if loop.get_exception_handler() is None:
        loop.set_exception_handler(handle)
