"""What is told before there is a request: of what is no HTTP, and of too many at once."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import Any, ClassVar

from uvicorn.protocols.http.h11_impl import H11Protocol

from .crowd import tell_once, too_many
from .errors import NO_RETRY, ApiError

_MALFORMED = ApiError(
    400,
    "What came is not HTTP/1.1 that can be read, or its head is larger than is read.",
    code="malformed_request",
    headers=NO_RETRY,
)


class Spoken(H11Protocol):
    """h11 that says such things in JSON; the connection ends with it."""

    most: ClassVar[int] = 1_000
    """Connections at once."""

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        tell_once(self.loop)
        if len(self.connections) > self.most:
            transport.write(_told(too_many()))
            transport.close()

    def send_400_response(self, msg: str) -> None:
        """Called by uvicorn, whose own words are plain text."""
        del msg
        # where an answer is under way, a second one would be read as part of it
        if self.cycle is None or self.cycle.response_complete or not self.cycle.response_started:
            self.transport.write(_told(_MALFORMED))
        self.transport.close()


def _told(error: ApiError) -> bytes:
    body = json.dumps(error.body(), separators=(",", ":")).encode()
    headers = {
        **error.headers,
        "content-type": "application/json",
        "content-length": str(len(body)),
        "connection": "close",
    }
    start = f"HTTP/1.1 {error.status} {HTTPStatus(error.status).phrase}"
    lines = [start, *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join([*lines, "", ""]).encode("ascii") + body
