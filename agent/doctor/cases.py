"""What is sent through a gateway, one case each: every habit that a turn depends on."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Final

from ..schema import ImageOptions
from ..traffic import Message, Outgoing, PictureData
from ..wire.image_writer import EditBody
from .tapped import Address

_OPTIONS: Final = ImageOptions(size="1024x640", quality="low")
_MIB: Final = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Api:
    """Which API carries a case, and in which of its forms."""

    images: bool = False
    edit_body: EditBody = "multipart"
    url_wanted: bool = False


RESPONSES: Final = Api()
IMAGES: Final = Api(images=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What every case is made from."""

    model: str
    image_model: str
    big_bytes: int = 24 * _MIB
    previous: str | None = None
    """The id of an answer given before, for the case that is about it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseOf:
    """A case. ``faults`` are what our server does to the gateway while it runs."""

    name: str
    about: str
    build: Callable[[Order], Outgoing]
    faults: tuple[str, ...] = ()
    key: str | None = field(default=None, repr=False)
    """Instead of the right one."""
    after: str | None = None
    """The case whose answer it goes on from."""
    api: Api = RESPONSES
    address: Address = "ignored"
    """What our server does when it is asked for an address."""


def _drawing(order: Order) -> Outgoing:
    return Outgoing(
        kind="generate",
        model=order.model,
        instructions="Draw what is asked for. Everyone shown is an adult and fully clothed.",
        messages=(Message("user", "A red kite in a clear blue sky."),),
        options=_OPTIONS.model_copy(update={"model": order.image_model}),
        action="generate",
        stream=False,
        user="limner-doctor",
    )


def _kept(order: Order) -> Outgoing:
    return replace(_drawing(order), store=True)


def _editing(order: Order, data: bytes | None = None) -> Outgoing:
    picture = PictureData(data or padded(64, 64, 0), "image/png")
    message = Message("user", "Make the kite yellow.", (picture,))
    return replace(_drawing(order), kind="edit", action="edit", messages=(message,))


def _masked(order: Order) -> Outgoing:
    mask = PictureData(padded(64, 64, 0, alpha=0), "image/png")
    return replace(_editing(order), mask=mask)


def _streamed(order: Order) -> Outgoing:
    options = _OPTIONS.model_copy(update={"model": order.image_model, "partial_images": 2})
    return replace(_drawing(order), stream=True, options=options)


def _continued(order: Order) -> Outgoing:
    """Nothing but an id says which picture is meant."""
    return replace(
        _drawing(order),
        kind="edit",
        action="edit",
        messages=(Message("user", "Make the kite yellow."),),
        previous_response_id=order.previous or "resp_unknown",
    )


def _forced(order: Order) -> Outgoing:
    return replace(_drawing(order), force_tool=True)


def _big(order: Order) -> Outgoing:
    return _editing(order, padded(64, 64, order.big_bytes))


def _several(order: Order) -> Outgoing:
    """Two pictures and a mask for the first of them (R36)."""
    pictures = tuple(PictureData(padded(64, 64, more), "image/png") for more in (0, 100))
    message = Message("user", "Make the kite yellow.", pictures)
    return replace(_masked(order), messages=(message,))


_AT_RESPONSES: Final = (
    CaseOf(name="generate", about="a picture from a sentence, unstreamed", build=_kept),
    CaseOf(name="edit", about="a picture goes in as a data URL", build=_editing),
    CaseOf(name="mask", about="an edit with input_image_mask", build=_masked),
    CaseOf(name="stream", about="events and two partial images", build=_streamed),
    CaseOf(
        name="refusal_400",
        about="400 moderation_blocked with categories",
        build=_drawing,
        faults=("moderation-400",),
    ),
    CaseOf(
        name="failed_item",
        about="a completed answer whose picture item failed",
        build=_drawing,
        faults=("failed-item",),
    ),
    CaseOf(
        name="error_429",
        about="a rate limit with Retry-After",
        build=_drawing,
        faults=("429",),
    ),
    CaseOf(name="error_502", about="an upstream error", build=_drawing, faults=("502",)),
    CaseOf(name="wrong_key", about="a key that is not valid", build=_drawing, key="sk-wrong-key"),
    CaseOf(
        name="previous_response_id",
        about="an edit that names the picture by the id of its answer alone",
        build=_continued,
        after="generate",
    ),
    CaseOf(name="tool_choice", about="the image tool is forced", build=_forced),
    CaseOf(name="big_body", about="an edit of a large picture", build=_big),
)
_AT_IMAGES: Final = (
    CaseOf(name="images_generate", about="Images API: a picture", build=_drawing, api=IMAGES),
    CaseOf(
        name="images_edit_json",
        about="Images API: two pictures and a mask as data URLs in JSON",
        build=_several,
        api=Api(images=True, edit_body="json"),
    ),
    CaseOf(
        name="images_edit_multipart",
        about="Images API: two pictures and a mask as files of a form",
        build=_several,
        api=IMAGES,
    ),
    CaseOf(
        name="images_stream",
        about="Images API: events and two partial images",
        build=_streamed,
        api=IMAGES,
    ),
    CaseOf(
        name="images_url",
        about="Images API: response_format=url, answered with an address",
        build=_drawing,
        api=Api(images=True, url_wanted=True),
        address="data-url",
    ),
    CaseOf(
        name="images_url_refused",
        about="Images API: response_format=url, refused before any work",
        build=_drawing,
        api=Api(images=True, url_wanted=True),
        address="unknown",
    ),
    CaseOf(
        name="images_refusal",
        about="Images API: 400 moderation_blocked with categories",
        build=_drawing,
        faults=("moderation-400",),
        api=IMAGES,
    ),
    CaseOf(
        name="images_429",
        about="Images API: a rate limit with Retry-After",
        build=_drawing,
        faults=("429",),
        api=IMAGES,
    ),
    CaseOf(
        name="images_502",
        about="Images API: an upstream error",
        build=_drawing,
        faults=("502",),
        api=IMAGES,
    ),
    CaseOf(
        name="images_wrong_key",
        about="Images API: a key that is not valid",
        build=_drawing,
        key="sk-wrong-key",
        api=IMAGES,
    ),
)
CASES: Final = (*_AT_RESPONSES, *_AT_IMAGES)
FIRST: Final = (_AT_RESPONSES[0], _AT_IMAGES[0])
"""What is tried until a gateway calls: it may have only one of the two APIs."""


def padded(width: int, height: int, more: int, *, alpha: int = 255) -> bytes:
    """A whole PNG of one colour, made heavier by a private chunk that decoders pass over."""
    row = b"\0" + bytes((90, 140, 200, alpha)) * width
    header = struct.pack(">IIBBBBB", width, height, 8, 6, 0, 0, 0)
    pieces = [_chunk(b"IHDR", header)]
    if more:
        pieces.append(_chunk(b"liMn", bytes(more)))
    pieces += [_chunk(b"IDAT", zlib.compress(row * height)), _chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(pieces)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
