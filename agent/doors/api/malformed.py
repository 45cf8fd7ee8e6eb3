"""What is no HTTP at all is told in the shape of every other error."""

from __future__ import annotations

import json

from uvicorn.protocols.http.h11_impl import H11Protocol

from .errors import NO_RETRY, ApiError

_WORDS = "What came is not HTTP/1.1 that can be read, or its head is larger than is read."


class Spoken(H11Protocol):
    """h11 that answers in JSON what it cannot read; the connection ends with it."""

    def send_400_response(self, msg: str) -> None:
        """Called by uvicorn, whose own words are plain text."""
        del msg
        # where an answer is under way, a second one would be read as part of it
        if self.cycle is None or self.cycle.response_complete or not self.cycle.response_started:
            self.transport.write(_told())
        self.transport.close()


def _told() -> bytes:
    error = ApiError(400, _WORDS, code="malformed_request")
    body = json.dumps(error.body(), separators=(",", ":")).encode()
    headers = {
        **NO_RETRY,
        "content-type": "application/json",
        "content-length": str(len(body)),
        "connection": "close",
    }
    lines = ["HTTP/1.1 400 Bad Request", *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join([*lines, "", ""]).encode("ascii") + body
