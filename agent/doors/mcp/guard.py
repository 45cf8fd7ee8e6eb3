"""Who may talk to us over HTTP: called by a name of ours, by no page from elsewhere, with the key.

A page in a browser can be made to call loopback under a name of its own (DNS rebinding). Names are
compared whole, never by how they begin: ``localhost.evil.example`` is nobody of ours.
"""

from __future__ import annotations

import hmac
import json
import re
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from dataclasses import dataclass
from typing import Any, Final

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

_PLACE: Final = re.compile(
    r"(\[[0-9a-f:.]+\]|[a-z0-9_-]+(?:\.[a-z0-9_-]+)*)\.?(?::([0-9]{1,5}))?", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Place:
    """``host:port`` taken apart; no port is the scheme's own."""

    name: str
    port: int | None

    @classmethod
    def read(cls, text: str) -> Place | None:
        """``None`` for what is no name with a port."""
        found = _PLACE.fullmatch(text)
        if found is None:
            return None
        return cls(found[1].lower(), int(found[2]) if found[2] else None)


@dataclass(frozen=True, slots=True)
class Guard:
    """Names are ``NAME`` (called on any port) or ``NAME:PORT``."""

    own: tuple[str, ...]
    added: tuple[str, ...] = ()
    """Those of a proxy in front, whose pages say no port of ours."""
    key: str | None = None

    def refusal(self, headers: Iterable[tuple[bytes, bytes]]) -> tuple[int, str] | None:
        """Status and reason; ``None`` for who may come in."""
        said: dict[bytes, list[str]] = {}
        for name, value in headers:
            said.setdefault(name.lower(), []).append(value.decode("latin-1"))
        hosts = said.get(b"host", [])
        host = Place.read(hosts[0]) if len(hosts) == 1 else None
        if host is None or not self._is_ours(host):
            return 421, f"this server is not {', '.join(hosts)[:80]!r}; --allow-host adds a name"
        stranger = next((o for o in said.get(b"origin", []) if not self._may_call(o, host)), None)
        if stranger is not None:
            return 403, f"pages of {stranger[:80]!r} may not call this server"
        given = said.get(b"authorization", [""])[0]
        if self.key is not None and not _same(given, f"Bearer {self.key}"):
            return 401, "a bearer key is needed"
        return None

    def _is_ours(self, host: Place) -> bool:
        return _among(host, (*self.own, *self.added))

    def _may_call(self, origin: str, host: Place) -> bool:
        """A page of ours is on the port that it calls; one of a proxy on the proxy's."""
        scheme, slashes, rest = origin.partition("://")
        page = Place.read(rest) if slashes and scheme in ("http", "https") else None
        if page is None or not self._is_ours(page):
            return False
        return page.port == host.port or _among(page, self.added)

    def around(self, app: App) -> App:
        """Checked before anything of a request is read."""

        async def guarded(scope: Scope, receive: Receive, send: Send) -> None:
            no = None if scope["type"] == "lifespan" else self.refusal(scope.get("headers", ()))
            if no is None:
                await app(scope, receive, send)
                return
            status, reason = no
            headers = [(b"content-type", b"application/json")]
            headers += [(b"www-authenticate", b"Bearer")] if status == 401 else []
            await send({"type": "http.response.start", "status": status, "headers": headers})
            await send(
                {"type": "http.response.body", "body": json.dumps({"error": reason}).encode()}
            )

        return guarded


def _among(place: Place, names: tuple[str, ...]) -> bool:
    known = filter(None, map(Place.read, names))
    return any(one.name == place.name and one.port in (None, place.port) for one in known)


def _same(given: str, expected: str) -> bool:
    return hmac.compare_digest(given.encode("latin-1", "replace"), expected.encode())
