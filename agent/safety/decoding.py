"""One level of encoding undone: the decoders are given the original text, before any folding."""

from __future__ import annotations

import base64
import binascii
import html
import re
import string
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple
from urllib.parse import unquote_to_bytes

from .tricks import Edit

_DIGIT64 = "[A-Za-z0-9+/_-]"
_PART = "(?:[A-Z]?[a-z]+|[A-Z]+|[0-9]+)"
_COMPOUND = f"{_PART}(?:[-_/+]{_PART})*+(?!{_DIGIT64}|=)"
"""A word, or words joined by signs such as black-and-white: no code."""
_ENOUGH = f"{_DIGIT64}{{8}}|{_DIGIT64}{{4,7}}="
_BASE64 = re.compile(
    rf"(?={_ENOUGH})(?!{_COMPOUND})(?:{_DIGIT64}{{8,}}+={{0,2}}|{_DIGIT64}{{4,7}}={{1,2}})"
)
_UNWORDED = re.compile(
    "[A-Z0-9+/_=-](?:(?<=[A-Z])(?:(?<=[a-z0-9].)|(?=[0-9])|(?<=[A-Z].)(?=[a-z]))"
    "|(?<=[0-9])(?:(?<=[A-Za-z].)|(?=[A-Za-z]))"
    f"|(?<=[-_/+])(?:(?<![A-Za-z0-9].)(?={_DIGIT64})|(?<={_DIGIT64}.)(?![A-Za-z0-9]))"
    f"|(?<==)(?<={_DIGIT64}.))"
)
"""A place that no word and no compound has; begins with what is rare, to skip small letters."""
_DIGITS64 = string.ascii_letters + string.digits + "+/_-"
_DIGITS64_ON = re.compile(f"{_DIGIT64}*")
_PERCENT = re.compile(r"(?:%[0-9A-Fa-f]{2})+")
_ENTITY = re.compile(r"&(?:#\d{1,7}|#[xX][0-9A-Fa-f]{1,6}|[A-Za-z]{2,8});")
_ESCAPE = re.compile(r"\\(?:u[0-9A-Fa-f]{4}|x[0-9A-Fa-f]{2})")
_TAGS = re.compile("[\U000e0020-\U000e007e]+")


def _runs64(text: str) -> Iterator[re.Match[str]]:
    """What may be base64: runs of its digits, long enough, that are neither word nor compound."""
    at = 0
    for odd in _UNWORDED.finditer(text):
        if odd.start() >= at:
            start = at + len(text[at : odd.start()].rstrip(_DIGITS64))
            run = _DIGITS64_ON.match(text, odd.start())
            at = max(odd.end(), run.end() if run else 0)
            if code := _BASE64.match(text, start):
                yield code


def _base64(blob: str) -> str | None:
    digits = blob.rstrip("=").replace("-", "+").replace("_", "/")
    try:
        data = base64.b64decode(digits + "=" * (-len(digits) % 4), validate=True)
        text = data.decode("utf-8")
    except (binascii.Error, UnicodeDecodeError):
        return None
    return text if all(char.isprintable() or char.isspace() for char in text) else None


def _percent(run: str) -> str | None:
    try:
        return unquote_to_bytes(run).decode("utf-8")
    except UnicodeDecodeError:
        return None


def _escape(run: str) -> str:
    return chr(int(run[2:], 16))  # noqa: FURB166 - the two letters are no Python prefix


def _tags(run: str) -> str:
    return "".join(chr(ord(char) - 0xE0000) for char in run)


_Finder = Callable[[str], Iterable[re.Match[str]]]
_DECODERS: tuple[tuple[str, str, _Finder, Callable[[str], str | None]], ...] = (
    ("base64", "", _runs64, _base64),
    ("percent", "%", _PERCENT.finditer, _percent),
    ("entity", "&", _ENTITY.finditer, html.unescape),
    ("escape", "\\", _ESCAPE.finditer, _escape),
)


class Decoding(NamedTuple):
    """Encoded runs of an original text with what they say."""

    name: str
    edits: tuple[Edit, ...]


def decodings(text: str) -> tuple[Decoding, ...]:
    """What is encoded in the original, by kind of encoding; one level."""
    found = [
        _decoded(name, finder, decode, text)
        for name, sign, finder, decode in _DECODERS
        if sign in text
    ]
    if not text.isascii():
        found.append(_decoded("tags", _TAGS.finditer, _tags, text))
    return tuple(decoding for decoding in found if decoding.edits)


def _decoded(
    name: str, finder: _Finder, decode: Callable[[str], str | None], text: str
) -> Decoding:
    pairs = ((match, decode(match[0])) for match in finder(text))
    edits = (Edit(m.start(), m.end(), put) for m, put in pairs if put and put != m[0])
    return Decoding(name, tuple(edits))
