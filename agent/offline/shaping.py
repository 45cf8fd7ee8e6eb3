"""Errors as each kind of server words them (gateways.md D24, D25, N10, L3)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Literal

from ..wire.fields import JsonObject, RequestFault
from .dialects import ServerDialect
from .exchange import Reply, json_bytes, json_reply, reply

By = Literal["gateway", "upstream"]
"""Who noticed: the server that was called, or the one behind it."""

_AUTH = "invalid_api_key"


def error_reply(
    fault: RequestFault,
    dialect: ServerDialect,
    *,
    by: By,
    request_id: str,
    headers: Mapping[str, str] = {},
) -> Reply:
    """The fault in the dialect's shape, with the status the dialect would give it."""
    match dialect.shape:
        case "sub2api":
            return _sub2api(fault, dialect, by, headers)
        case "new-api":
            return _new_api(fault, request_id, headers)
        case "litellm":
            if fault.code == "not_found":
                return json_reply({"detail": "Not Found"}, status=404)
            return _litellm(fault, headers)
        case "openai":
            pass
    return json_reply(fault.body(), status=fault.status, headers=headers)


def _sub2api(
    fault: RequestFault, dialect: ServerDialect, by: By, headers: Mapping[str, str]
) -> Reply:
    if by == "gateway" and fault.status == 401:
        code, text = "API_KEY_REQUIRED", "API key is required"
        if fault.code == _AUTH:
            code, text = "INVALID_API_KEY", "Invalid API key"
        bare: JsonObject = {"code": code, "message": text}
        return reply(401, json_bytes(bare), "application/json", headers)
    if by == "gateway" or not dialect.hides_errors:
        return json_reply(fault.body(), status=fault.status, headers=headers)
    if fault.status == 429:
        if fault.code == "insufficient_quota":
            return json_reply(fault.body(), status=429, headers=headers)
        text = "Upstream rate limit exceeded, please retry later"
        return _plain(429, text, "rate_limit_error", headers)
    return _plain(502, "Upstream request failed", "upstream_error", headers)


def _plain(status: int, message: str, type_: str, headers: Mapping[str, str]) -> Reply:
    error: JsonObject = {"message": message, "type": type_, "param": None, "code": None}
    return json_reply({"error": error}, status=status, headers=headers)


def _new_api(fault: RequestFault, request_id: str, headers: Mapping[str, str]) -> Reply:
    body = fault.body()
    error = body["error"]
    assert isinstance(error, dict)
    own = fault.type == "invalid_request_error"
    shaped: JsonObject = {
        **error,
        "message": f"{fault.message} (request id: {request_id})",
        "type": "new_api_error" if own else fault.type,
        "param": fault.param or "",
        "code": fault.code or "",
    }
    return json_reply({"error": shaped}, status=fault.status, headers=headers)


_LITELLM_TYPES = {401: "auth_error", 429: "throttling_error"}


def _litellm(fault: RequestFault, headers: Mapping[str, str]) -> Reply:
    """The code becomes the status, and the upstream's JSON is quoted in the message."""
    server = "internal_server_error" if fault.status >= 500 else "invalid_request_error"
    name = {400: "BadRequestError", 401: "AuthenticationError", 429: "RateLimitError"}
    kind = name.get(fault.status, "APIError")
    error: JsonObject = {
        "message": f"litellm.{kind}: OpenAIException - {json.dumps(fault.body())}",
        "type": _LITELLM_TYPES.get(fault.status, server),
        "param": None,
        "code": str(fault.status),
    }
    return json_reply({"error": error}, status=fault.status, headers=headers)
