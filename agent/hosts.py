"""What a ``Host`` header, or the address of a page, names: read whole or not at all.

A page in a browser can be made to call loopback under a name of its own (DNS rebinding), so names
are compared whole, never by how they begin: ``localhost.evil.example`` is nobody of ours.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "::1"})
"""Names that only this machine calls itself by."""
_MOST: Final = 65_535
_WRITTEN: Final = re.compile(
    r"(?:\[([0-9a-f:.]+)\]|([a-z0-9_-]+(?:\.[a-z0-9_-]+)*))\.?(?::([0-9]{1,5}))?", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Host:
    """``NAME:PORT`` taken apart; no port is the scheme's own, and ``[::1]`` is ``::1``."""

    name: str
    port: int | None

    @classmethod
    def read(cls, text: str) -> Host | None:
        """``None`` for what is no name with a port.

        ``urlsplit`` finds ``::1`` in ``[::1].evil.example`` (Python 3.11).
        """
        found = _WRITTEN.fullmatch(text)
        port = int(found[3]) if found and found[3] else None
        if found is None or (port is not None and not 0 < port <= _MOST):
            return None
        return cls((found[1] or found[2]).lower(), port)

    def among(self, names: tuple[str, ...]) -> bool:
        """Whether one of ``NAME`` (on any port) and ``NAME:PORT`` means it."""
        known = filter(None, map(Host.read, names))
        return any(one.name == self.name and one.port in (None, self.port) for one in known)
