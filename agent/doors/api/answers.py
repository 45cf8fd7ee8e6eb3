"""Pictures in the Images API's own words: one JSON object, or events of a stream."""

from __future__ import annotations

import binascii
from collections.abc import Sequence
from datetime import datetime

from anyio import to_thread
from pydantic import JsonValue

from ...addresses import address_of_image
from ...results import ImageUrlNotAvailable
from ...schema import Failure, Image, Tokens
from .desk import Desk
from .drawn import Drawn
from .errors import NO_RETRY, ApiError, JsonObject
from .jobs import Draft
from .orders import Order
from .outcomes import told


async def answer(drawn: Sequence[Drawn], order: Order, desk: Desk) -> JsonObject:
    """The body of an unstreamed answer; raises ``ApiError`` when there is no picture at all."""
    pictures = [(one, image) for one in drawn for image in one.images]
    if not pictures:
        raise refusal(drawn, desk)
    data: list[JsonValue] = [await _entry(image, order, desk) for _, image in pictures]
    return {
        "created": _seconds(pictures[0][1].created),
        "data": data,
        **_shared(pictures[0][1]),
        **_usage(drawn),
        "limner": _about(drawn),
    }


def refusal(drawn: Sequence[Drawn], desk: Desk) -> ApiError:
    """Why there is no picture: the first reason that somebody gave."""
    now = desk.kit.clock.now()
    turns = tuple(one.turn for one in drawn if one.turn is not None)
    for one in drawn:
        if one.error is not None:
            return told(one.error, one.outcome, now=now, turns=turns)
    gone = Failure(
        code="interrupted",
        message="The server stopped before this request was over; it may have been sent.",
        billed="possibly",
    )
    return told(gone, "unknown", now=now, turns=turns)


# ── a stream ─────────────────────────────────────────────────────────────────────────────────


def event_kind(order: Order) -> str:
    """Each of the two routes has events of its own."""
    return "image_edit" if order.editing else "image_generation"


async def draft_event(draft: Draft, order: Order, desk: Desk) -> tuple[str, JsonObject]:
    """A picture on its way."""
    options = order.turn.options
    kind = f"{event_kind(order)}.partial_image"
    return kind, {
        "type": kind,
        "created_at": _seconds(desk.kit.clock.now()),
        "size": options.size,
        "quality": options.quality,
        "background": options.background,
        "output_format": draft.media_type.removeprefix("image/"),
        "partial_image_index": draft.index,
        "b64_json": await encoded(draft.data),
    }


async def final_events(drawn: Drawn, order: Order, desk: Desk) -> list[tuple[str, JsonObject]]:
    """Every picture of a turn, whole."""
    kind = f"{event_kind(order)}.completed"
    return [
        (
            kind,
            {
                "type": kind,
                "created_at": _seconds(image.created),
                **_shared(image),
                **await _entry(image, order, desk),
                **_usage([drawn]),
                "limner": _about([drawn]),
            },
        )
        for image in drawn.images
    ]


# ── parts ────────────────────────────────────────────────────────────────────────────────────


async def encoded(data: bytes) -> str:
    """Base64, made where it holds up nobody else's turn."""
    text = await to_thread.run_sync(lambda: binascii.b2a_base64(data, newline=False))
    return text.decode("ascii")


async def _entry(image: Image, order: Order, desk: Desk) -> JsonObject:
    entry: JsonObject = {}
    if order.wants_url:
        entry["url"] = await _address(image, desk)
    else:
        entry["b64_json"] = await encoded(await desk.kit.store.read_blob(image.sha256))
    if image.revised_prompt:
        entry["revised_prompt"] = image.revised_prompt
    return entry


async def _address(image: Image, desk: Desk) -> str:
    """The server's own, in the bucket, else signed on this server: never base64 in disguise (R32)."""
    data = await desk.kit.store.read_blob(image.sha256)
    base = desk.options.public_url
    try:
        return await address_of_image(
            image,
            data=data,
            media_type=image.media_type,
            publisher=desk.publisher,
            given=image.address,
        )
    except ImageUrlNotAvailable as error:
        if base is None:
            raise _no_address(image, error) from error
    until = _seconds(desk.kit.clock.now()) + desk.options.url_valid_s
    return desk.signer.address(base, image, until=until)


def _no_address(image: Image, error: ImageUrlNotAvailable) -> ApiError:
    return ApiError(
        502,
        f"Picture {image.id} was drawn and is kept, but its address cannot be given: {error}. "
        "Ask with the same Idempotency-Key again, or for b64_json.",
        type="server_error",
        code="image_url_not_available",
        headers=NO_RETRY,
    )


def _shared(image: Image) -> JsonObject:
    """Of the picture as it came; what nobody told is as it was asked for."""
    actual, asked = image.actual, image.requested
    told: JsonObject = {
        "size": actual.size or asked.size,
        "quality": actual.quality or asked.quality,
        "background": actual.background or asked.background,
        "output_format": actual.format or asked.format,
        "model": actual.model or asked.model,
    }
    return {name: value for name, value in told.items() if value is not None}


def _about(drawn: Sequence[Drawn]) -> JsonObject:
    """Where to find it here, and what did not come."""
    return {
        "session": next((one.session for one in drawn if one.session), None),
        "turns": [one.turn for one in drawn if one.turn],
        "images": [image.id for one in drawn for image in one.images],
        "offline": any(one.offline for one in drawn),
        "failures": [
            {"code": one.error.code, "message": one.error.message} for one in drawn if one.error
        ],
    }


def _usage(drawn: Sequence[Drawn]) -> JsonObject:
    """Of the image tool alone; left out where nobody counted, for 0 would be a lie."""
    counted = [one.usage.image for one in drawn if one.usage.image is not None]
    if not counted or len(counted) < len([one for one in drawn if one.images]):
        return {}
    usage: JsonObject = {}
    for name, field in (
        ("input_tokens", "input"),
        ("output_tokens", "output"),
        ("total_tokens", "total"),
    ):
        if (total := _sum(counted, field)) is not None:
            usage[name] = total
    for side in ("input", "output"):
        details = {
            f"{kind}_tokens": total
            for kind in ("image", "text")
            if (total := _sum(counted, f"{side}_{kind}")) is not None
        }
        if details:
            usage[f"{side}_tokens_details"] = {"image_tokens": 0, "text_tokens": 0, **details}
    return {"usage": usage} if usage else {}


def _sum(counted: Sequence[Tokens], field: str) -> int | None:
    values: list[int | None] = [getattr(tokens, field) for tokens in counted]
    known = [value for value in values if value is not None]
    return sum(known) if len(known) == len(values) else None


def _seconds(moment: datetime) -> int:
    return int(moment.timestamp())
