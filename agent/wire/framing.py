"""Streamed or whole? Decided by the first bytes, because servers mix the two up (D17, D20)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from .sse import EventScanner

_WHITE = b" \t\r\n"
_BOM = b"\xef\xbb\xbf"
_SSE = (b"data:", b"event:", b":", b"id:", b"retry:")
_LONG = 1024


class Framing:
    """Cuts the bytes of one answer into the data of its events, or keeps them as one document."""

    def __init__(self) -> None:
        self._form: Literal["unknown", "sse", "whole"] = "unknown"
        self._head = b""
        self._pieces: list[bytes] = []
        self._scanner = EventScanner()

    @property
    def streamed(self) -> bool:
        """Known for certain once ``close`` has run."""
        return self._form == "sse"

    @property
    def arriving(self) -> bool:
        """Whether something long, such as a picture, has begun and not ended."""
        return bool(self._pieces) or self._scanner.unfinished >= _LONG

    def feed(self, chunk: bytes) -> Iterator[bytes]:
        """The data of every event that this chunk completes; none of a whole answer."""
        if self._form == "unknown":
            chunk = self._decide(chunk)
        if self._form == "sse":
            yield from self._scanner.feed(chunk)
        elif self._form == "whole":
            self._pieces.append(chunk)

    def close(self) -> Iterator[bytes]:
        """The bytes have ended: the event that lacked its blank line."""
        if self._form == "unknown":
            self._form = "sse" if self._head.startswith((b":", b"data:")) else "whole"
            self._pieces, self._head = [self._head], b""
        if self._form == "sse":
            yield from self._scanner.feed(b"".join(self._pieces))
            yield from self._scanner.close()

    def document(self) -> bytes:
        """The whole answer, once: its memory is given back with it."""
        body, self._pieces = b"".join(self._pieces), []
        return body

    def _decide(self, chunk: bytes) -> bytes:
        """What is to be read once the form is known; blanks before it say only "still there"."""
        head = self._head + chunk
        while head.startswith((_BOM, b" ", b"\t", b"\r", b"\n")):
            head = head.lstrip(_WHITE).removeprefix(_BOM)
        self._head = head
        if len(head) < len("retry:") and not head.startswith((b"{", b"[", b"<")):
            return b""
        self._form, self._head = ("sse" if head.startswith(_SSE) else "whole"), b""
        return head
