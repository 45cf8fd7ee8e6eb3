"""Typed looks into an answer's decoded JSON: the wrong type reads as absent, never as an exception.

(``fields`` is its strict sister: there a request of the wrong type is the client's fault.)
"""

from __future__ import annotations

from collections.abc import Mapping
from math import isfinite

Json = Mapping[str, object]
"""A JSON object as decoded; its values are looked at only through this module."""

_MOST = 2**53
"""Counts above it are no counts: no server draws that many tokens, and no database holds them."""


def obj(value: object) -> Json:
    """The object itself, or an empty one."""
    return value if isinstance(value, dict) else {}


def array(value: object) -> list[object]:
    """The list itself, or an empty one."""
    return value if isinstance(value, list) else []


def clean(value: str) -> str:
    """Without NUL and lone surrogates: JSON allows both, no database and no encoder does."""
    if value.isascii() and "\0" not in value:
        return value
    return value.replace("\0", "").encode("utf-8", "replace").decode("utf-8")


def text(source: Json, *names: str) -> str | None:
    """The first non-empty string among the fields; gateways send ``""`` for absent (N5)."""
    for name in names:
        value = source.get(name)
        if isinstance(value, str) and (found := clean(value)):
            return found
    return None


def label(source: Json, name: str) -> str | None:
    """A string, or a number written as one: error codes arrive as both."""
    value = source.get(name)
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return text(source, name)


def count(source: Json, name: str) -> int | None:
    """A token count; negative, absurd or non-integer counts are no information."""
    value = source.get(name)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= _MOST:
        return None
    return value


def number(source: Json, name: str) -> float | None:
    """Any finite JSON number."""
    value = source.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        found = float(value)
    except OverflowError:
        return None
    return found if isfinite(found) else None
