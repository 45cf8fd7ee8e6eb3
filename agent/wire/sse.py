"""Server-sent events from raw bytes, incrementally, whatever their size (wire.md 2.1: 28 MiB events)."""

from __future__ import annotations

from collections.abc import Iterator


class EventScanner:
    """Feed chunks, get the ``data`` of each event as one bytes object.

    Comments (``: PING``), ids, retries and event names are passed over: every answer we read repeats
    the name as ``type`` inside the data. A picture of 16 MB is one line; it is joined once.
    """

    def __init__(self) -> None:
        self._pending: list[bytes] = []
        self._size = 0
        self._after_cr = False
        self._data: list[bytes] = []

    @property
    def unfinished(self) -> int:
        """Bytes of a line that has begun and not ended; 0 within a comment."""
        return 0 if self._pending and self._pending[0].startswith(b":") else self._size

    def feed(self, chunk: bytes) -> Iterator[bytes]:
        """Events completed by this chunk."""
        if not chunk:
            return
        chunk = self._with_newlines(chunk)
        start = 0
        while (end := chunk.find(b"\n", start)) >= 0:
            if not self._pending and chunk.startswith(b"data: ", start, end):
                self._data.append(chunk[start + 6 : end])  # copied once
            else:
                self._pending.append(chunk[start:end])
                line = b"".join(self._pending)
                self._pending.clear()
                self._size = 0
                yield from self._line(line)
            start = end + 1
        if start < len(chunk):
            self._pending.append(chunk[start:])
            self._size += len(chunk) - start

    def close(self) -> Iterator[bytes]:
        """The last event, also when the blank line after it never came."""
        line = b"".join(self._pending)
        self._pending.clear()
        self._size = 0
        yield from self._line(line)
        yield from self._line(b"")

    def _with_newlines(self, chunk: bytes) -> bytes:
        """LF, CRLF and lone CR all end a line; a CRLF may be cut in two by the chunks."""
        if self._after_cr and chunk.startswith(b"\n"):
            chunk = chunk[1:]
        self._after_cr = chunk.endswith(b"\r")
        if b"\r" not in chunk:
            return chunk
        return chunk.replace(b"\r\n", b"\n").replace(b"\r", b"\n")

    def _line(self, line: bytes) -> Iterator[bytes]:
        if not line:
            if self._data:
                data, self._data = b"\n".join(self._data), []
                yield data
        elif line.startswith(b"data:"):
            self._data.append(line[6:] if line.startswith(b"data: ") else line[5:])
        elif line.startswith(b"{"):
            yield line  # a late error, written raw after comments had opened the stream (D14)
