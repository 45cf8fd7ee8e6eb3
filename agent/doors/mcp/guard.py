"""Who may talk to us over HTTP: called by a name of ours, by no page from elsewhere, with the key."""

from __future__ import annotations

import hmac
import json
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from dataclasses import dataclass
from typing import Any

from ...hosts import Host

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]


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
        host = Host.read(hosts[0]) if len(hosts) == 1 else None
        if host is None or not self._is_ours(host):
            return 421, f"this server is not {', '.join(hosts)[:80]!r}; --allow-host adds a name"
        stranger = next((o for o in said.get(b"origin", []) if not self._may_call(o, host)), None)
        if stranger is not None:
            return 403, f"pages of {stranger[:80]!r} may not call this server"
        given = said.get(b"authorization", [""])[0]
        if self.key is not None and not _same(given, f"Bearer {self.key}"):
            return 401, "a bearer key is needed"
        return None

    def _is_ours(self, host: Host) -> bool:
        return host.among((*self.own, *self.added))

    def _may_call(self, origin: str, host: Host) -> bool:
        """A page of ours is on the port that it calls; one of a proxy on the proxy's."""
        scheme, slashes, rest = origin.partition("://")
        page = Host.read(rest) if slashes and scheme in ("http", "https") else None
        if page is None or not self._is_ours(page):
            return False
        return page.port == host.port or page.among(self.added)

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


def _same(given: str, expected: str) -> bool:
    return hmac.compare_digest(given.encode("latin-1", "replace"), expected.encode())
