"""A picture given as an address, fetched once, as if the address came from an enemy.

It may have: whoever writes an answer writes the address in it. So https alone, no key, cookie,
proxy or netrc, no redirect, no address inside our own network, a cap on bytes and on time, and
only what begins like a picture is one. The connection goes to the very address that was checked
(a name may resolve to another one the second time it is asked).
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Awaitable, Callable, Sequence

import anyio
import httpx2

from ..schema import Failure
from ..traffic import Picture, PictureFailed, PictureUrl
from ..wire.faults import tidy

MOST_BYTES = 64 * 1024 * 1024
PATIENCE_S = 120.0
_CONNECT_S = 10.0

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
"""(host, port) → numeric addresses; raises ``OSError`` for a name that there is not."""
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_NAT64_HERE = ipaddress.ip_network("64:ff9b:1::/48")
_MAGIC = {
    b"\x89PNG\r\n\x1a\n": "image/png",
    b"\xff\xd8\xff": "image/jpeg",
    b"GIF87a": "image/gif",
    b"GIF89a": "image/gif",
}
_BROKEN = (
    httpx2.HTTPError,
    httpx2.StreamError,
    OSError,
    UnicodeError,
    anyio.EndOfStream,
    anyio.BrokenResourceError,
    anyio.ClosedResourceError,
)


class NotFetched(Exception):
    """Why there are no bytes; the message names the host and never the whole address."""


async def _lookup(host: str, port: int) -> Sequence[str]:
    found = await anyio.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(entry[4][0]) for entry in found]


class PictureFetcher:
    """``allow_private`` opens the own network; ``transport`` and ``resolve`` replace the world."""

    def __init__(
        self,
        *,
        allow_private: bool = False,
        transport: httpx2.AsyncBaseTransport | None = None,
        resolve: Resolve = _lookup,
        most: int = MOST_BYTES,
        patience_s: float = PATIENCE_S,
    ) -> None:
        self._allow_private = allow_private
        self._transport = transport
        self._resolve = resolve
        self._most = most
        self._patience_s = patience_s

    async def picture(self, given: PictureUrl) -> Picture | PictureFailed:
        """The picture behind the address, or why there is none; it was drawn either way."""
        try:
            data = await self.fetch(given.url)
        except NotFetched as error:
            failure = Failure(
                code="malformed",
                message=f"The server answered with the address of a picture: {error}.",
                hint="Ask the gateway for base64 (b64_json); the picture may have been billed.",
                billed="possibly",
            )
            return PictureFailed(item_id=given.item_id, failure=failure)
        return Picture(
            item_id=given.item_id,
            data=data,
            revised_prompt=given.revised_prompt,
            address=given.url,
        )

    async def fetch(self, url: str) -> bytes:
        """The bytes of the picture at ``url``; raises ``NotFetched``."""
        try:
            with anyio.fail_after(self._patience_s):
                address = _checked(url)
                pinned = await self._vetted(address)
                return await self._get(address, pinned)
        except TimeoutError:
            raise NotFetched(f"it took more than {self._patience_s:.0f} s to fetch") from None
        except _BROKEN as error:
            reason = tidy(str(error)).rstrip(".") or type(error).__name__
            raise NotFetched(f"it cannot be fetched from {_host(url)}: {reason}") from error

    async def _vetted(self, address: httpx2.URL) -> str:
        """The numeric address to connect to; every one that the name has must be public."""
        found = await self._resolve(address.host, address.port or 443)
        if not found:
            raise NotFetched(f"{address.host} has no address")
        if not self._allow_private:
            for numeric in found:
                if not is_public(numeric):
                    raise NotFetched(f"{address.host} lies in a private network and is not asked")
        return found[0]

    async def _get(self, address: httpx2.URL, pinned: str) -> bytes:
        async with httpx2.AsyncClient(
            transport=self._transport,
            trust_env=False,
            follow_redirects=False,
            timeout=httpx2.Timeout(self._patience_s, connect=_CONNECT_S),
        ) as client:
            request = client.build_request(
                "GET",
                address.copy_with(host=pinned),
                headers={
                    "host": address.netloc.decode("ascii"),
                    "accept": "image/*",
                    "accept-encoding": "identity",
                },
                extensions={"sni_hostname": address.host},
            )
            response = await client.send(request, stream=True)
            try:
                return await self._read(response, address.host)
            finally:
                await response.aclose()

    async def _read(self, response: httpx2.Response, host: str) -> bytes:
        if response.is_redirect:
            raise NotFetched(f"{host} redirects elsewhere, which is not followed")
        if response.status_code != 200:
            raise NotFetched(f"{host} answered {response.status_code}")
        data = bytearray()
        async for piece in response.aiter_raw():
            data += piece
            if len(data) > self._most:
                raise NotFetched(f"{host} sends more than {self._most:,} bytes")
        if looks_like(data) is None:
            raise NotFetched(f"what {host} sends is no PNG, JPEG, WebP or GIF")
        return bytes(data)


def is_public(numeric: str) -> bool:
    """Whether an address is on the open internet, also the one that it wraps (6to4, NAT64, …)."""
    try:
        address = ipaddress.ip_address(numeric)
    except ValueError:
        return False
    if isinstance(address, ipaddress.IPv6Address) and (inner := _wrapped(address)) is not None:
        return is_public(str(inner))
    return address.is_global and not address.is_multicast and address not in _NAT64_HERE


def _wrapped(address: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    if address in _NAT64 or int(address) <= 0xFFFF_FFFF:
        return ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)
    return address.ipv4_mapped or address.sixtofour or (address.teredo or (None, None))[1]


def _checked(url: str) -> httpx2.URL:
    try:
        address = httpx2.URL(url)
    except httpx2.InvalidURL:
        raise NotFetched("it is no address") from None
    if address.scheme != "https":
        raise NotFetched("it is not https, and nothing else is fetched")
    if not address.host:
        raise NotFetched("it is no address")
    if address.userinfo:
        raise NotFetched(f"it carries a user name for {address.host}")
    return address


def _host(url: str) -> str:
    return tidy(httpx2.URL(url).host)[:100]


def looks_like(data: bytes | bytearray) -> str | None:
    """The media type by magic bytes; ``None``: no picture that is drawn here."""
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "image/webp"
    return next((kind for magic, kind in _MAGIC.items() if data.startswith(magic)), None)
