"""How much may come in, and how often."""

from __future__ import annotations

import math
from collections.abc import Callable

import anyio
from fastapi import Request

from .errors import ApiError

WINDOW_S = 60.0


class Rates:
    """Requests per minute for each tenant: a bucket that fills while nobody asks."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._buckets: dict[str, tuple[float, float]] = {}

    def take(self, name: str, per_minute: int) -> float:
        """Seconds to wait; 0 when this request is one of those allowed."""
        now = self._monotonic()
        left, at = self._buckets.get(name, (float(per_minute), now))
        left = min(float(per_minute), left + (now - at) * per_minute / WINDOW_S)
        if left < 1:
            self._buckets[name] = (left, now)
            return (1 - left) * WINDOW_S / per_minute
        self._buckets[name] = (left - 1, now)
        return 0.0


def too_often(wait_s: float) -> ApiError:
    return ApiError(
        429,
        f"Too many requests for this key: try again in {math.ceil(wait_s)} s.",
        type="requests",
        code="rate_limit_exceeded",
        headers={"retry-after": str(math.ceil(wait_s))},
    )


async def body_of(request: Request, *, at_most: int, idle_s: float) -> bytes:
    """The whole body; raises ``ApiError`` 413 before too much is in memory, 408 when it stalls.

    And 415 for one that was packed.
    """
    packed = request.headers.get("content-encoding", "identity")
    if packed.lower() != "identity":
        raise ApiError(
            415,
            f"A body in {packed[:40]!r} is not read. Send it as it is, without Content-Encoding.",
            code="unsupported_content_encoding",
        )
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared) > at_most:
        raise _too_large(at_most)
    body, more = bytearray(), True
    while more:
        with anyio.move_on_after(idle_s) as waiting:
            message = await request.receive()
        if waiting.cancelled_caught:
            raise ApiError(408, f"Nothing of the body came for {idle_s:g} s.", code="timeout")
        if message["type"] == "http.disconnect":
            raise ApiError(400, "The body ended before it was complete.")
        body += message.get("body", b"")
        if len(body) > at_most:
            raise _too_large(at_most)
        more = message.get("more_body", False)
    return bytes(body)


def _too_large(at_most: int) -> ApiError:
    return ApiError(
        413,
        f"The body is larger than {at_most:,} bytes. Send smaller pictures (jpeg or webp), or "
        "start the server with a higher --max-body.",
        code="request_too_large",
        headers={"connection": "close"},
    )
