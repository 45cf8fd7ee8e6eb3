"""From a request of the Images API to the turns it asks for; nothing is bought here."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Literal

from anyio import to_thread
from fastapi import Request
from pydantic import JsonValue, ValidationError

from ...errors import UsageError
from ...protocols import Source, TurnRequest
from ...schema import ImageId, ImageOptions, Sha256, TurnId
from ...wire.requests import (
    FileImage,
    ImageSource,
    ImagesRequest,
    InlineImage,
    RemoteImage,
    read_form,
    read_images,
    read_json,
)
from .desk import Desk
from .errors import ApiError, sentences
from .limits import body_of
from .tenants import Tenant
from .urls import own_picture

Route = Literal["generations", "edits"]
_OPTIONS = (
    *("model", "size", "quality", "output_format", "output_compression", "background"),
    "moderation",
)
_FORMATS = (None, "b64_json", "url")


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What is to be drawn, checked as far as it can be without the store's turns."""

    asked: ImagesRequest
    route: Route
    tenant: Tenant
    turn: TurnRequest
    """Each of the turns; only their ids differ."""

    @property
    def editing(self) -> bool:
        return self.route == "edits" or bool(self.asked.images)

    @property
    def wants_url(self) -> bool:
        return self.asked.response_format == "url"

    def fingerprint(self) -> str:
        """sha256 of what is asked for, however it was wrapped (a form's boundary is random)."""
        asked = self.asked
        told: dict[str, JsonValue] = {
            name: getattr(asked, name)
            for name in asked.__slots__
            if name not in ("images", "mask", "extra")
        }
        told["route"] = self.route
        told["images"] = [_named(source) for source in asked.images]
        told["mask"] = _named(asked.mask) if asked.mask else None
        return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()


async def read_order(request: Request, route: Route, desk: Desk, tenant: Tenant) -> Order:
    """Raises ``ApiError`` or ``RequestFault`` for what cannot be asked for; nothing is sent."""
    options = desk.options
    body = await body_of(request, at_most=options.max_body, idle_s=options.body_idle_s)
    kind = request.headers.get("content-type", "")
    asked = await to_thread.run_sync(_read, body, kind)
    _check(asked, route, desk)
    pictures = [
        await _source(source, f"image[{place}]", desk, tenant)
        for place, source in enumerate(asked.images)
    ]
    mask = await _mask(asked.mask, desk, tenant) if asked.mask else None
    turn = TurnRequest(
        text=asked.prompt,
        intent="edit" if pictures else "generate",
        edit=pictures or None,
        mask=mask,
        options=_options(asked, desk),
        acknowledge=tenant.acknowledge,
        acknowledged_by=tenant.acknowledged_by,
        caps=tenant.caps,
        address=asked.response_format == "url",
        user=asked.user or asked.safety_identifier,
        tenant=tenant.name,
        screen_output=options.screen_output,
    )
    return Order(asked=asked, route=route, tenant=tenant, turn=turn)


def turn_ids(desk: Desk, count: int) -> tuple[TurnId, ...]:
    """Known before the turns begin, so that they can be found after a crash."""
    return tuple(TurnId(desk.kit.ids.new("turn")) for _ in range(count))


def _read(body: bytes, kind: str) -> ImagesRequest:
    if kind.partition(";")[0].strip().lower() in ("", "application/json"):
        return read_images(read_json(body))
    fields, files = read_form(body, kind)
    return read_images(fields, files=files)


def _check(asked: ImagesRequest, route: Route, desk: Desk) -> None:
    if asked.extra:
        name = min(asked.extra)
        raise ApiError(
            400,
            f"Unknown parameter: {name[:80]!r}. What is not known here is refused, not ignored.",
            code="unknown_parameter",
            param=name[:80],
        )
    if route == "edits" and not asked.images:
        raise ApiError(
            400,
            "Missing required parameter: 'image'.",
            code="missing_required_parameter",
            param="image",
        )
    if asked.response_format not in _FORMATS:
        raise ApiError(
            400,
            f"Invalid value: {asked.response_format[:80]!r}. Supported are 'b64_json' and 'url'.",
            code="invalid_value",
            param="response_format",
        )
    if asked.response_format == "url" and not _addresses(desk):
        raise ApiError(
            400,
            "This server has no address that others can fetch pictures from: start it with "
            "--public-url, or ask for b64_json. Nothing was drawn.",
            code="image_url_not_available",
            param="response_format",
        )


def _addresses(desk: Desk) -> bool:
    """Whether anybody here may come to have an address to give (R32)."""
    server = desk.kit.upstream.profile
    theirs = server.via == "images" and server.fetch_urls
    return bool(desk.publisher or desk.options.public_url or theirs)


def _options(asked: ImagesRequest, desk: Desk) -> ImageOptions:
    """What the client said, over what was configured; an edit keeps the rest of its picture."""
    configured = desk.settings.image_options(desk.chosen)
    values: dict[str, object] = {
        name: getattr(configured, name)
        for name in ImageOptions.model_fields
        if name in desk.settings.origins and not (asked.images and name == "size")
    }
    if desk.chosen.image_model:
        values["model"] = desk.chosen.image_model
    values |= {name: v for name in _OPTIONS if (v := getattr(asked, name)) is not None}
    if asked.stream and asked.partial_images:
        values["partial_images"] = asked.partial_images
    if asked.input_fidelity is not None:
        values["tool_options"] = {"input_fidelity": asked.input_fidelity}
    try:
        return ImageOptions.model_validate(values)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        name = str(first["loc"][0])
        raise ApiError(
            400, f"Invalid {name!r}: {first['msg']}.", code="invalid_value", param=name
        ) from None


# ── pictures ─────────────────────────────────────────────────────────────────────────────────


async def _source(source: ImageSource, param: str, desk: Desk, tenant: Tenant) -> Source:
    """One of ours by id, where it is: an edit then belongs to the session it came from."""
    match source:
        case InlineImage(data=data):
            return await _known(data, desk, tenant) or data
        case FileImage(file_id=file_id):
            return await _ours(ImageId(file_id), param, desk, tenant)
        case RemoteImage(url=url):
            if (signed := own_picture(url, desk)) is not None:
                return await _ours(signed, param, desk, tenant)
            data = await _fetched(url, param, desk)
            return await _known(data, desk, tenant) or data


async def _mask(source: ImageSource, desk: Desk, tenant: Tenant) -> bytes:
    found = await _source(source, "mask", desk, tenant)
    if isinstance(found, str):
        image = await desk.tenancy.picture(ImageId(found), tenant=tenant.name)
        assert image is not None
        return await desk.kit.store.read_blob(image.sha256)
    assert isinstance(found, bytes)
    return found


async def _known(data: bytes, desk: Desk, tenant: Tenant) -> ImageId | None:
    """Which of the tenant's own pictures has these bytes."""
    sha256 = await to_thread.run_sync(lambda: hashlib.sha256(data).hexdigest())
    image = await desk.tenancy.picture_of_bytes(Sha256(sha256), tenant=tenant.name)
    return image.id if image else None


async def _ours(which: ImageId, param: str, desk: Desk, tenant: Tenant) -> ImageId:
    image = await desk.tenancy.picture(which, tenant=tenant.name)
    if image is None:
        raise ApiError(404, f"No such picture: {which[:80]!r}.", code="not_found", param=param)
    return image.id


async def _fetched(url: str, param: str, desk: Desk) -> bytes:
    if desk.fetch is None:
        raise ApiError(
            400,
            "Pictures are not fetched by address here (fetch_urls of the profile is off). Send "
            "the picture itself, as a file or a data URL. Nothing was sent.",
            code="image_url_not_fetched",
            param=param,
        )
    try:
        return await desk.fetch(url)
    except UsageError as error:
        raise ApiError(
            400, sentences(str(error), error.hint), code="image_url_not_fetched", param=param
        ) from error


def _named(source: ImageSource) -> str:
    match source:
        case InlineImage(data=data):
            return hashlib.sha256(data).hexdigest()
        case RemoteImage(url=url):
            return url
        case FileImage(file_id=file_id):
            return file_id
