"""The way to one server and back: our bytes, our key, and a name for every way in which it breaks.

What goes out is written by ``wire`` and what comes back is read there, so that nothing but a
transport is needed between them (``docs/decisions/0010-the-transport-carries.md``).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

import anyio
import httpx2

from ..protocols import Clock
from ..schema import Failure
from ..traffic import Profile
from . import failures

MOST_ERROR: Final = 32 * 1024 * 1024
"""Bytes: a gateway may quote a whole stream, with its picture, in an error's text (L5)."""
_UPLOAD_BYTES_PER_S = 125_000
"""Silence is counted from the end of the upload, which nobody tells us: one megabit is assumed."""
_ERROR_S = 30.0
"""For an error's text: the status says most of it, and somebody waits."""
_CLOSING_S = 5.0
_AS_IT_IS: Final = httpx2.Auth()
"""A name and password in the address take the place of no key."""
_BROKEN = (
    httpx2.HTTPError,
    httpx2.StreamError,
    OSError,
    anyio.EndOfStream,
    anyio.BrokenResourceError,
    anyio.ClosedResourceError,
)
"""How a read fails; those besides httpx2's own slip through it unmapped over TLS."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dispatch:
    """One request as it goes out, and how long a silence after it means that nobody answers."""

    path: str
    body: bytes = field(repr=False)
    content_type: str = "application/json"
    accept: str = "application/json"
    silence_s: float
    total_s: float
    """Until the end of the answer."""

    @property
    def headers_s(self) -> float:
        """Until an answer begins; one that is not streamed begins when it is done."""
        return min(self.total_s, self.silence_s + len(self.body) / _UPLOAD_BYTES_PER_S)


class Connection:
    """One profile's server. ``transport`` replaces the network."""

    def __init__(
        self,
        profile: Profile,
        *,
        clock: Clock,
        transport: httpx2.AsyncBaseTransport | None = None,
    ) -> None:
        self.profile = profile
        self.clock = clock
        self._transport = transport
        self._client: httpx2.AsyncClient | None = None
        self._urls: dict[str, httpx2.URL] = {}

    async def post(self, dispatch: Dispatch) -> Incoming | Failure:
        """Send once; whatever its status says, what comes back is there to be read and closed."""
        try:
            client = self._opened()
            request = self._request(client, dispatch)
        except (httpx2.InvalidURL, ImportError, ValueError, OSError) as error:
            return failures.unsendable(error)
        started, within = self.clock.monotonic(), dispatch.headers_s
        try:
            with anyio.fail_after(within):
                response = await client.send(request, stream=True, auth=_AS_IT_IS)
        except TimeoutError:
            return failures.silent(within, total=within >= dispatch.total_s)
        except (httpx2.InvalidURL, UnicodeError, *_BROKEN) as error:
            return failures.broken(error)
        except ExceptionGroup as several:
            return failures.unsendable(_never_connected(several))
        return Incoming(response, dispatch, clock=self.clock, started=started)

    async def aclose(self) -> None:
        if self._client is not None:
            await self._client.aclose()

    def _opened(self) -> httpx2.AsyncClient:
        """On first use: most processes never send anything, and certificates take long to load."""
        if self._client is None:
            self._client = httpx2.AsyncClient(
                transport=self._transport,
                follow_redirects=False,  # the key belongs to one origin (DESIGN section 5)
                headers=self._headers(),
                limits=httpx2.Limits(),  # how many at once is said by the profile
            )
        return self._client

    def _headers(self) -> dict[str, str]:
        profile = self.profile
        about = {"openai-organization": profile.organization, "openai-project": profile.project}
        return {
            "authorization": f"Bearer {profile.api_key or 'none'}",
            "user-agent": "limner",
        } | {name: value for name, value in about.items() if value}

    def _request(self, client: httpx2.AsyncClient, dispatch: Dispatch) -> httpx2.Request:
        """Not through the client, which would add the cookies of earlier answers."""
        url = self._urls.get(dispatch.path)
        if url is None:
            url = httpx2.URL(self.profile.base_url.rstrip("/") + dispatch.path)
            self._urls[dispatch.path] = url
        headers = client.headers.copy()
        headers["content-type"] = dispatch.content_type
        headers["accept"] = dispatch.accept
        wait = self.profile.connect_s
        timeout = {"connect": wait, "pool": wait, "read": None, "write": None}
        return httpx2.Request(
            "POST", url, headers=headers, content=dispatch.body, extensions={"timeout": timeout}
        )


def _never_connected(several: ExceptionGroup[Exception]) -> Exception:
    """A proxy's port that is none comes out of the group that connects; anything else is raised."""
    _, others = several.split(OverflowError)
    if others is not None:
        raise several
    return several.exceptions[0]


class Incoming:
    """What comes back of one dispatch; whoever got it closes it."""

    def __init__(
        self, response: httpx2.Response, dispatch: Dispatch, *, clock: Clock, started: float
    ) -> None:
        self.status = response.status_code
        self.headers = response.headers
        self.ok = response.is_success
        self._response = response
        self._chunks = response.aiter_bytes()
        self._clock = clock
        self._dispatch = dispatch
        self._deadline = started + dispatch.total_s
        self._heard = clock.monotonic()

    def heard(self) -> None:
        """Something came that counts; silence begins anew."""
        self._heard = self._clock.monotonic()

    async def chunk(self) -> bytes | Failure | None:
        """The next bytes, unpacked; ``None`` at the end, or why no more come."""
        limit = min(self._heard + self._dispatch.silence_s, self._deadline)
        within = max(limit - self._clock.monotonic(), 0)
        try:
            with anyio.CancelScope(deadline=anyio.current_time() + within):
                return await anext(self._chunks, None)
        except _BROKEN as error:
            return failures.broken(error)
        total = limit == self._deadline
        waited = self._dispatch.total_s if total else self._dispatch.silence_s
        return failures.silent(waited, total=total)

    async def error_text(self) -> bytes | None:
        """Its first ``MOST_ERROR`` bytes; ``None`` where it broke off: the status still counts."""
        text = bytearray()
        with anyio.move_on_after(_ERROR_S):
            while len(text) < MOST_ERROR:
                chunk = await self.chunk()
                if chunk is None:
                    break
                if isinstance(chunk, Failure):
                    return None
                text += chunk
            return bytes(text[:MOST_ERROR])
        return None

    async def aclose(self) -> None:
        with anyio.move_on_after(_CLOSING_S, shield=True):
            await self._response.aclose()
