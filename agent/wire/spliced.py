"""JSON written with pictures in it that were never parsed: the other half of ``lift``."""

from __future__ import annotations

import binascii
import json
import re
from collections.abc import Mapping, Sequence

_CUT = re.compile(rb'\{"\$cut":(\d+)\}')
_dumps = json.JSONEncoder(separators=(",", ":")).encode
_HEAD = 65536
"""Base64 characters among which the other alphabet would have shown itself."""


def tidied(raw: bytes | memoryview | None, data: bytes) -> bytes | memoryview:
    """The characters as they came where every decoder reads them, else written anew."""
    if raw is not None and len(raw) == 4 * -(-len(data) // 3):
        head = bytes(raw[:_HEAD])
        if b"-" not in head and b"_" not in head and b"\n" not in head:
            return raw
    return binascii.b2a_base64(data, newline=False)


def dumped(value: Mapping[str, object], cuts: Sequence[bytes | memoryview]) -> bytes:
    """JSON in ASCII, with the characters that were cut out in their places again."""
    return b"".join(_pieces(value, cuts))


def sse(kind: str, value: Mapping[str, object], cuts: Sequence[bytes | memoryview]) -> bytes:
    """The same as one server-sent event; a picture is copied once."""
    head = b"event: %s\ndata: " % kind.encode()
    return b"".join((head, *_pieces(value, cuts), b"\n\n"))


def _pieces(
    value: Mapping[str, object], cuts: Sequence[bytes | memoryview]
) -> list[bytes | memoryview]:
    plain = _dumps(value).encode()
    if not cuts:
        return [plain]
    pieces: list[bytes | memoryview] = []
    for at, piece in enumerate(_CUT.split(plain)):
        if at % 2 == 0:
            pieces.append(piece)
        elif int(piece) < len(cuts):
            pieces += [b'"', cuts[int(piece)], b'"']
        else:  # somebody's own words
            pieces.append(b'{"$cut":%s}' % piece)
    return pieces
