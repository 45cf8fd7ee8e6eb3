"""What the OpenAPI page says of requests that are read tolerantly, byte by byte, by ``wire``."""

from __future__ import annotations

from typing import Any

Schema = dict[str, Any]

_ERROR: Schema = {
    "type": "object",
    "required": ["error"],
    "properties": {
        "error": {
            "type": "object",
            "required": ["message", "type", "param", "code"],
            "properties": {
                "message": {"type": "string"},
                "type": {"type": "string"},
                "param": {"type": ["string", "null"]},
                "code": {"type": ["string", "null"]},
            },
        }
    },
}
_REFUSED: Schema = {
    "description": "An error in OpenAI's shape; x-should-retry says whether to ask again.",
    "content": {"application/json": {"schema": _ERROR}},
}
_STATUSES = ("400", "401", "403", "404", "409", "413", "421", "422", "429", "500", "502", "503")
_PICTURE: Schema = {
    "type": "object",
    "properties": {
        "image_url": {"type": "string", "description": "A data URL, or an address of this server."},
        "file_id": {"type": "string", "description": "A picture kept here: img_…"},
    },
}
_FIELDS: Schema = {
    "prompt": {"type": "string", "description": "What to draw, or what to change."},
    "model": {"type": "string", "description": "The model that draws."},
    "n": {"type": "integer", "minimum": 1, "maximum": 10, "description": "How many pictures."},
    "size": {"type": "string", "description": "WIDTHxHEIGHT or auto."},
    "quality": {"type": "string", "description": "low, medium, high or auto."},
    "output_format": {"type": "string", "description": "png, jpeg or webp."},
    "output_compression": {"type": "integer", "minimum": 0, "maximum": 100, "description": ""},
    "background": {"type": "string", "description": "auto, opaque or transparent."},
    "moderation": {"type": "string", "description": "The provider's own: auto or low."},
    "response_format": {"type": "string", "description": "b64_json or url."},
    "stream": {"type": "boolean", "description": "Answer as server-sent events."},
    "partial_images": {"type": "integer", "minimum": 0, "maximum": 3, "description": "Drafts."},
    "user": {"type": "string", "description": "Who it is for; providers are told a hash."},
}
_HEADERS: list[Schema] = [
    {
        "name": "Idempotency-Key",
        "in": "header",
        "schema": {"type": "string", "maxLength": 255},
        "description": "The same key and request again: the same pictures, bought once.",
    },
    {
        "name": "x-limner-acknowledge",
        "in": "header",
        "schema": {"type": "string"},
        "description": "Rules to set aside, for keys that may.",
    },
]
_ANSWER: Schema = {
    "description": "The pictures, as JSON or, with stream, as events.",
    "content": {
        "application/json": {
            "schema": {
                "type": "object",
                "required": ["created", "data"],
                "properties": {
                    "created": {"type": "integer"},
                    "data": {
                        "type": "array",
                        "items": {
                            "type": "object",
                            "properties": {
                                "b64_json": {"type": "string"},
                                "url": {"type": "string"},
                                "revised_prompt": {"type": "string"},
                            },
                        },
                    },
                    "usage": {"type": "object"},
                    "limner": {"type": "object"},
                },
            }
        },
        "text/event-stream": {"schema": {"type": "string"}},
    },
}


def _operation(content: Schema) -> Schema:
    return {
        "parameters": _HEADERS,
        "requestBody": {"required": True, "content": content},
        "responses": {"200": _ANSWER, **dict.fromkeys(_STATUSES, _REFUSED)},
    }


def _object(required: list[str], more: Schema) -> Schema:
    return {"schema": {"type": "object", "required": required, "properties": {**_FIELDS, **more}}}


_FILE: Schema = {"type": "string", "format": "binary"}
GENERATIONS = _operation({"application/json": _object(["prompt"], {})})
EDITS = _operation(
    {
        "application/json": _object(
            ["prompt", "images"],
            {
                "images": {"type": "array", "items": _PICTURE, "description": "What to change."},
                "mask": {**_PICTURE, "description": "Transparent where the picture may change."},
            },
        ),
        "multipart/form-data": _object(
            ["prompt", "image"],
            {
                "image": {**_FILE, "description": "What to change; several as image[]."},
                "mask": {**_FILE, "description": "Transparent where the picture may change."},
            },
        ),
    }
)
VARIATIONS: Schema = {"responses": {"501": _REFUSED}, "deprecated": True}
