"""How much of an answer is read: a server without an end must not fill the memory."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx2

from ..schema import Failure

MOST_ANSWER = 256 * 1024 * 1024
"""Bytes: ten pictures of 4K with drafts fit; it counts what was unpacked."""
MOST_ERROR = 32 * 1024 * 1024
"""Bytes: a gateway may quote a whole stream, with its picture, in an error's text (L5)."""


def too_long(most: int) -> Failure:
    """The answer went past ``most``; what arrived whole before it still counts."""
    return Failure(
        code="malformed",
        message=f"The answer is longer than {most:,} bytes; nothing more of it was read.",
        hint="No answer with a picture is that long: look at the gateway. It may be billed, and is "
        "not sent again by itself.",
        billed="possibly",
    )


async def shorten_errors(response: httpx2.Response) -> None:
    """An event hook: the SDK reads the text of every error whole, so it gets a short one."""
    if response.is_success:
        return
    assert isinstance(response.stream, httpx2.AsyncByteStream)
    whole = httpx2.Response(response.status_code, headers=response.headers, stream=response.stream)
    response.stream = Shortened(whole, MOST_ERROR)
    for name in ("content-encoding", "content-length"):  # it is unpacked on the way
        response.headers.pop(name, None)


class Shortened(httpx2.AsyncByteStream):
    """The first ``most`` bytes of an answer, unpacked."""

    def __init__(self, whole: httpx2.Response, most: int) -> None:
        self._whole = whole
        self._most = most

    async def __aiter__(self) -> AsyncIterator[bytes]:
        left = self._most
        async for chunk in self._whole.aiter_bytes():
            yield chunk[:left]
            left -= len(chunk)
            if left <= 0:
                return

    async def aclose(self) -> None:
        await self._whole.aclose()
