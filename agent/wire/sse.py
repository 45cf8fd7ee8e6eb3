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
        self._data: list[bytes] = []

    def feed(self, chunk: bytes) -> Iterator[bytes]:
        """Events completed by this chunk."""
        start = 0
        while (end := chunk.find(b"\n", start)) >= 0:
            self._pending.append(chunk[start:end])
            line = b"".join(self._pending)
            self._pending.clear()
            start = end + 1
            yield from self._line(line)
        if start < len(chunk):
            self._pending.append(chunk[start:] if start else chunk)

    def close(self) -> Iterator[bytes]:
        """The last event, also when the blank line after it never came."""
        line = b"".join(self._pending)
        self._pending.clear()
        yield from self._line(line)
        yield from self._line(b"")

    def _line(self, line: bytes) -> Iterator[bytes]:
        if line.endswith(b"\r"):
            line = line[:-1]
        if b"\r" in line:  # a server that ends lines with a lone CR; JSON never holds a raw one
            for part in line.split(b"\r"):
                yield from self._line(part)
            return
        if not line:
            if self._data:
                data = self._data[0] if len(self._data) == 1 else b"\n".join(self._data)
                self._data = []
                yield data
        elif line.startswith(b"data:"):
            self._data.append(line[6:] if line.startswith(b"data: ") else line[5:])
