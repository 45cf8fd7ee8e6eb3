"""Every way to say no, in the one shape that OpenAI's clients read.

An SDK repeats 408, 409, 429 and every 5xx by itself. Nothing that may have been paid for may be
repeated unasked, so whatever is not known to be free says ``x-should-retry: false``.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from fastapi.responses import JSONResponse

from ...wire.fields import JsonObject, error_body

__all__ = ["INVALID", "NO_RETRY", "ApiError", "JsonObject", "in_fields", "sentences"]
NO_RETRY: Mapping[str, str] = MappingProxyType({"x-should-retry": "false"})
INVALID = "invalid_request_error"


def sentences(*parts: str) -> str:
    """Reasons and hints one after another, each ended as a sentence."""
    said = [in_fields(part.strip()) for part in parts if part.strip()]
    return " ".join(part if part.endswith((".", "!", "?")) else f"{part}." for part in said)


_MEANT: Final = {
    "use --mask-mode white (or black) if the area to change is painted white (black)": (
        "make the part that may change transparent"
    ),
    "(--from or --image)": "(image)",
    "--output-compression": "output_compression",
    "--output-format": "output_format",
    "--partial-images": "partial_images",
}
"""Told by rooms that know the command line alone."""


def in_fields(text: str) -> str:
    """A sentence that names flags of the command line, with the fields of a request instead."""
    for said, meant in _MEANT.items():
        text = text.replace(said, meant)
    return text


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
        return error_body(self.message, type=self.type, code=self.code, param=self.param)

    def response(self) -> JSONResponse:
        return JSONResponse(self.body(), status_code=self.status, headers=self.headers)
