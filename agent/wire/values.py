"""Typed looks into an answer's decoded JSON: the wrong type reads as absent, never as an exception.

(``fields`` is its strict sister: there a request of the wrong type is the client's fault.)
"""

from __future__ import annotations

from collections.abc import Mapping

Json = Mapping[str, object]
"""A JSON object as decoded; its values are looked at only through this module."""


def obj(value: object) -> Json:
    """The object itself, or an empty one."""
    return value if isinstance(value, dict) else {}


def array(value: object) -> list[object]:
    """The list itself, or an empty one."""
    return value if isinstance(value, list) else []


def text(source: Json, *names: str) -> str | None:
    """The first non-empty string among the fields; gateways send ``""`` for absent (N5)."""
    for name in names:
        value = source.get(name)
        if isinstance(value, str) and value:
            return value
    return None


def label(source: Json, name: str) -> str | None:
    """A string, or a number written as one: error codes arrive as both."""
    value = source.get(name)
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return value if isinstance(value, str) and value else None


def count(source: Json, name: str) -> int | None:
    """A token count; negative or non-integer counts are no information."""
    value = source.get(name)
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        return None
    return value


def number(source: Json, name: str) -> float | None:
    """Any JSON number."""
    value = source.get(name)
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
