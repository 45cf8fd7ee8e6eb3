"""Pictures taken out of JSON before it is parsed.

A 12 MB picture is 16 million characters of base64 inside one string. Cutting it out of the raw
bytes first means that the parser sees a few hundred bytes, and the picture is decoded once,
straight from what the socket gave.
"""

from __future__ import annotations

import binascii
import json
import re
from dataclasses import dataclass

from .values import Json, clean, count, obj

_KEY = re.compile(rb'"(?:result|partial_image_b64|b64_json)"\s*:\s*"')
_ADDRESS = re.compile(rb"(?!data:)[a-z][a-z0-9+.-]{1,15}:", re.IGNORECASE)
"""No base64 holds a colon."""
_SHORT = 1024
_DECODER = json.JSONDecoder(strict=False)
_URLSAFE = bytes.maketrans(b"-_", b"+/")


@dataclass(frozen=True, slots=True)
class Lifted:
    """A JSON value and the long strings that were cut out of it."""

    value: object
    strings: tuple[memoryview, ...]

    def string(self, value: object) -> bytes | memoryview | None:
        """The characters of a field that may have been cut out."""
        if isinstance(value, str) and value:
            return value.encode("utf-8", "surrogatepass")
        number = count(obj(value), "$cut")
        return self.strings[number] if number is not None and number < len(self.strings) else None


def parse(data: bytes) -> Lifted:
    """Decode JSON whose pictures stay raw; raises ``ValueError`` for anything that is not JSON."""
    pieces: list[bytes] = []
    cut: list[memoryview] = []
    view = memoryview(data)
    position = 0
    for match in _long_strings(data):
        begin, end = match
        pieces.append(data[position : begin - 1])
        pieces.append(b'{"$cut":%d}' % len(cut))
        cut.append(view[begin:end])
        position = end + 1
    pieces.append(data[position:])
    return Lifted(loads(b"".join(pieces)), tuple(cut))


def loads(data: bytes) -> object:
    """Decode JSON as gateways write it; raises ``ValueError`` and nothing else.

    A text cut in the middle of a character, or a raw line break inside a string, must not cost the
    picture beside it.
    """
    try:
        return _DECODER.decode(data.decode("utf-8-sig", "replace"))
    except RecursionError:
        raise ValueError("nested too deeply") from None


def _long_strings(data: bytes) -> list[tuple[int, int]]:
    found: list[tuple[int, int]] = []
    match = _KEY.search(data)
    while match:
        begin = match.end()
        end = data.find(b'"', begin)
        if end < 0:
            break
        if end - begin >= _SHORT and data.find(b"\\", begin, end) < 0:
            found.append((begin, end))
        match = _KEY.search(data, end)
    return found


@dataclass(frozen=True, slots=True)
class Payload:
    """What stood where a picture was expected: its bytes, an address, or neither."""

    data: bytes | None = None
    url: str | None = None
    scheme: str | None = None
    """Of an address of a kind that is never fetched, such as ``file``."""


def payloads(lifted: Lifted, value: object, *, depth: int = 6) -> list[Payload]:
    """Read a ``result``: base64, a data URL, an address, an object or a list of these (wire.md 2).

    ``depth``: levels of lists and objects looked into; a real answer has two.
    """
    if depth < 0:
        return []
    if isinstance(value, list):
        return [found for entry in value for found in payloads(lifted, entry, depth=depth - 1)]
    inner = obj(value)
    if inner and "$cut" not in inner:
        return _from_object(lifted, inner, depth)
    raw = lifted.string(value)
    if raw is None:
        return []
    if bytes(raw[:8]).lower().startswith((b"http://", b"https://")):
        return [Payload(url=clean(bytes(raw).decode("utf-8", "replace")))]
    if address := _ADDRESS.match(raw[:17]):
        return [Payload(scheme=address[0][:-1].decode("ascii").lower())]
    return [Payload(data=decode(raw))]


def _from_object(lifted: Lifted, inner: Json, depth: int) -> list[Payload]:
    for name in ("b64_json", "result", "data", "image_url", "url"):
        found = payloads(lifted, inner.get(name), depth=depth - 1)
        if found:
            return found
    return []


def decode(raw: bytes | memoryview) -> bytes | None:
    """Bytes of a base64 text; ``None`` for anything that is not wholly base64 or is empty.

    Tolerant of data-URL heads, white space, missing padding and the URL-safe alphabet.
    """
    if bytes(raw[:5]) == b"data:":
        raw = raw[bytes(raw[:256]).find(b",") + 1 :]  # without a comma the colon stays: no base64
    try:
        return binascii.a2b_base64(raw, strict_mode=True) or None
    except binascii.Error:
        pass
    clean = bytes(raw).translate(_URLSAFE, b" \t\r\n").rstrip(b"=")
    try:
        return binascii.a2b_base64(clean + b"=" * (-len(clean) % 4), strict_mode=True) or None
    except binascii.Error:
        return None
