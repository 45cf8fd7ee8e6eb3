"""Requests of the Images API as each kind of server reads, or refuses, them."""

from __future__ import annotations

from dataclasses import replace

from pydantic import JsonValue

from ..wire.requests import (
    FileImage,
    ImagesRequest,
    InlineImage,
    JsonObject,
    RequestFault,
    read_form,
    read_images,
    read_json,
)
from .dialects import ServerDialect
from .exchange import Incoming
from .shelf import fingerprint

_TYPES = {"stream": bool, "n": int, "output_compression": int, "partial_images": int}


def read(request: Incoming, dialect: ServerDialect) -> tuple[ImagesRequest, JsonObject]:
    """The request, and what of it the log may show."""
    content_type = request.headers.get("content-type", "application/json")
    if "json" in content_type:
        payload = read_json(request.body)
        return _read_json(payload, request.path, dialect), payload
    fields, files = read_form(request.body, content_type)
    if dialect.part_cap is not None:
        files = {name: [_cut(f, dialect.part_cap) for f in parts] for name, parts in files.items()}
    shown: JsonObject = {
        **fields,
        **{name: [fingerprint(f.data) for f in parts] for name, parts in files.items()},
    }
    if fields.get("n") == "0":
        fields["n"] = "1"
    return read_images(fields, files=files), shown


def _read_json(payload: JsonObject, path: str, dialect: ServerDialect) -> ImagesRequest:
    if not dialect.images_json_edits and path.endswith("/edits"):
        raise RequestFault(
            "Unsupported content type: application/x-www-form-urlencoded.",
            code="unsupported_content_type",
        )
    if dialect.images_strict:
        _strict_types(payload)
    asked = read_images(payload)
    if dialect.images_strict:
        _strict(asked)
    return asked


def _cut(file: InlineImage, cap: int) -> InlineImage:
    return replace(file, data=file.data[:cap])


def _strict_types(payload: JsonObject) -> None:
    """In this server's own words, before ours."""
    for name, kind in _TYPES.items():
        value: JsonValue = payload.get(name)
        if value is not None and type(value) is not kind:
            raise RequestFault(f"{name} must be a {kind.__name__}", param=name)


def _strict(asked: ImagesRequest) -> None:
    if any(isinstance(image, FileImage) for image in asked.images):
        raise RequestFault("images[].file_id is not supported")
    if isinstance(asked.mask, FileImage):
        raise RequestFault("mask.file_id is not supported")


def allowed(asked: ImagesRequest, route: str, dialect: ServerDialect) -> None:
    """Raises ``RequestFault`` for what this kind of server does not take, before it draws."""
    if dialect.images_model != "any" and not asked.model:
        raise RequestFault("model is required", param="model")
    if dialect.images_model == "gpt-image" and not str(asked.model).startswith("gpt-image-"):
        raise RequestFault(f"images endpoint requires an image model, got {asked.model}")
    if "×" in (asked.size or ""):
        raise RequestFault("size contains ×; write an x between the two numbers", param="size")
    if asked.response_format == "url":
        _address_refused(dialect)
    if asked.stream and not dialect.images_stream and route == "generations":
        raise RequestFault(
            "'str' object has no attribute 'model_dump'", status=500, type="server_error"
        )


def _address_refused(dialect: ServerDialect) -> None:
    if dialect.images_address == "unknown":
        raise RequestFault(
            "Unknown parameter: 'response_format'.",
            code="unknown_parameter",
            param="response_format",
        )
    if dialect.images_address == "unsupported":
        raise RequestFault(
            "litellm.UnsupportedParamsError: Setting `response_format` is not supported.",
            type="invalid_request_error",
        )
