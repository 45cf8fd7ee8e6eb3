"""Every way to say no, in the one shape that OpenAI's clients read.

An SDK repeats 408, 409, 429 and every 5xx by itself. Nothing that may have been paid for may be
repeated unasked, so whatever is not known to be free says ``x-should-retry: false``.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from fastapi.responses import JSONResponse
from pydantic import JsonValue

JsonObject = dict[str, JsonValue]
NO_RETRY: Mapping[str, str] = MappingProxyType({"x-should-retry": "false"})
INVALID = "invalid_request_error"


class ApiError(Exception):
    """Answered as ``{"error": {message, type, param, code}}`` with ``status`` and ``headers``."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        type: str = INVALID,  # noqa: A002 - the wire's own name
        code: str | None = None,
        param: str | None = None,
        headers: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.type = type
        self.code = code
        self.param = param
        self.headers = dict(headers)

    def body(self) -> JsonObject:
        """``{"error": {…}}``; also what an ``error`` event of a stream holds."""
        error: JsonObject = {
            "message": self.message,
            "type": self.type,
            "param": self.param,
            "code": self.code,
        }
        return {"error": error}

    def response(self) -> JSONResponse:
        return JSONResponse(self.body(), status_code=self.status, headers=self.headers)
