"""Addresses of pictures that anybody may fetch for a while: signed, and ours to check.

R32: a client that asks for an address gets one that works, or an error; never base64 in disguise.
"""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

from fastapi import APIRouter, Response

from ...errors import NotFound
from ...schema import ImageId
from .desk import Desk
from .errors import ApiError
from .signing import PLACE
from .tenants import At

_HEADERS = {
    "x-content-type-options": "nosniff",
    "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; sandbox",
    "cross-origin-resource-policy": "cross-origin",
}
"""A picture may be an SVG, which a browser would otherwise run."""

router = APIRouter(include_in_schema=False)


def is_own(url: str, desk: Desk) -> bool:
    """Whether it is an address of this server's, good or not."""
    base = desk.options.public_url
    return base is not None and url.startswith(f"{base}{PLACE}/")


def own_picture(url: str, desk: Desk) -> ImageId | None:
    """The picture behind one of our own addresses, which is not fetched but looked up."""
    if not is_own(url, desk):
        return None
    parts = urlsplit(url)
    query = parse_qs(parts.query)
    until, signature = (query.get(key, [""])[0] for key in ("until", "signature"))
    name = parts.path.rpartition("/")[2]
    return desk.signer.picture(name, until, signature, now=desk.kit.clock.now().timestamp())


@router.get(PLACE + "/{name}")
async def fetched(name: str, desk: At, until: str = "", signature: str = "") -> Response:
    """The bytes as they were received, without a key: the signature stands for one."""
    now = desk.kit.clock.now().timestamp()
    image_id = desk.signer.picture(name, until, signature, now=now)
    if image_id is None:
        raise _gone()
    try:
        image = await desk.kit.store.image(image_id)
    except NotFound:
        raise _gone() from None
    if image.id != image_id:
        raise _gone()
    data = await desk.kit.store.read_blob(image.sha256)
    left = max(0, int(until) - int(now))
    headers = {**_HEADERS, "cache-control": f"private, max-age={left}"}
    return Response(data, media_type=image.media_type, headers=headers)


def _gone() -> ApiError:
    """One answer for what never was, what is over, and what is somebody else's."""
    return ApiError(404, "There is no picture here, or not any more.", code="not_found")
