"""An address that others can fetch a picture from, or a plain word that there is none (R32).

In this order: the server's own https address, the publisher's, the failure
``image_url_not_available``. Base64 in a ``data:`` URL, a path of this machine and plain http are no
such address.
"""

from __future__ import annotations

from typing import Final

from .errors import StoreError
from .protocols import Publisher
from .results import ImageUrlNotAvailable
from .schema import Failure, Image
from .traffic import Picture, PictureUrl

UNAVAILABLE: Final = "image_url_not_available"
"""The ``upstream_code`` of such a failure, and what the HTTP API calls it."""

_TYPES: Final = ((b"\x89PNG", "image/png"), (b"\xff\xd8\xff", "image/jpeg"), (b"GIF8", "image/gif"))


async def address_of_image(
    image: Image | None,
    *,
    data: bytes,
    media_type: str,
    publisher: Publisher | None,
    given: str | None = None,
) -> str:
    """For one stored picture, given by the server as ``given`` or not at all.

    Raises ``ImageUrlNotAvailable``, whose ``failure`` says that the picture was drawn all the same.
    """
    if given is not None and is_address(given):
        return given
    which = f" {image.id}" if image is not None else ""
    if publisher is None:
        raise _unavailable(which, "no public storage is configured, and the server sent none")
    try:
        url = await publisher.publish(data, media_type)
    except StoreError as error:
        raise _unavailable(which, str(error).rstrip(".")) from error
    if not is_address(url):
        raise _unavailable(which, "the storage gave no https address")
    return url


async def address_of(
    received: Picture | PictureUrl, publisher: Publisher | None = None
) -> PictureUrl | Failure:
    """The same for what has just come off the wire, as values."""
    if isinstance(received, PictureUrl) and is_address(received.url):
        return received
    if isinstance(received, PictureUrl):
        return _unavailable("", "the server named one that is not https").failure
    try:
        url = await address_of_image(
            None, data=received.data, media_type=_type_of(received.data), publisher=publisher
        )
    except ImageUrlNotAvailable as error:
        return error.failure
    return PictureUrl(item_id=received.item_id, url=url, revised_prompt=received.revised_prompt)


def is_address(url: str) -> bool:
    """Whether a stranger can fetch it: https and a host, and nothing that would break a header."""
    host = url.removeprefix("https://").partition("/")[0]
    return url.startswith("https://") and host != "" and url.isprintable() and " " not in url


def _type_of(data: bytes) -> str:
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "image/webp"
    return next((kind for magic, kind in _TYPES if data.startswith(magic)), "image/png")


def _unavailable(which: str, reason: str) -> ImageUrlNotAvailable:
    return ImageUrlNotAvailable(
        Failure(
            code="capability_missing",
            message=f"The picture{which} was drawn, but there is no address for it: {reason}.",
            hint="Ask for b64_json, or configure a public storage (blob_url, docs/storage.md).",
            billed="yes",
            upstream_code=UNAVAILABLE,
        )
    )
