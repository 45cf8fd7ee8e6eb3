"""What pydantic found wrong with a brief, in words that name the field, the line and the way out."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from difflib import get_close_matches
from typing import Final

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from .brief import Problem
from .reading import Path, Tree, Value, dotted
from .written import MOST_TEXT, WrittenBrief, WrittenLine, WrittenOptions, WrittenSize

_INSIDE: Final[dict[str | int, type[BaseModel]]] = {
    "lines": WrittenLine,
    "sizes": WrittenSize,
    "options": WrittenOptions,
}
_KINDS: Final = {
    "string_type": "a text",
    "dict_type": "a list of fields",
    "model_type": "a list of fields",
    "tuple_type": "a list",
    "list_type": "a list",
}
_NUMBERS: Final = {
    "int_parsing": "whole number",
    "int_from_float": "whole number",
    "float_parsing": "number",
    "decimal_parsing": "amount such as 2.50",
}


def problems_of(error: ValidationError, tree: Tree) -> Iterator[Problem]:
    """One for each finding, where it stands in the file."""
    for one in error.errors():
        path, value, meant = _place(one["loc"], tree)
        if meant:
            message, hint = _explained(one, value, path)
            yield Problem(field=dotted(path), message=message, line=tree.line(path), hint=hint)


def near(word: str, known: Iterable[str]) -> str:
    """A hint: the name that was probably meant, else all of them."""
    listed = list(known)
    close = get_close_matches(word, listed, n=1, cutoff=0.6)
    if close:
        return f"did you mean {close[0]}?"
    return f"there are {', '.join(listed)}" if listed else ""


def _place(loc: tuple[int | str, ...], tree: Tree) -> tuple[Path, Value | None, bool]:
    """The path in the file, the value there, and whether the finding counts.

    Of a union pydantic reports every branch, by name in ``loc``; only that of what was written counts.
    """
    path: Path = ()
    value: Value | None = tree.value
    for part in loc:
        inside = _inside(value, part)
        if part == "[key]":
            continue
        if inside is not None:
            path, value = (*path, part), inside
        elif str(part).startswith(("dict[", "Written")):
            if not isinstance(value, dict):
                return path, value, False
        elif str(part) in ("str", "constrained-str"):
            if not isinstance(value, str):
                return path, value, isinstance(value, list)
        elif isinstance(value, dict):
            return (*path, part), None, True
    return path, value, True


def _inside(value: Value | None, part: int | str) -> Value | None:
    if isinstance(value, dict):
        return value.get(str(part))
    if isinstance(value, list) and isinstance(part, int) and part < len(value):
        return value[part]
    return None


def _explained(error: ErrorDetails, value: Value | None, path: Path) -> tuple[str, str]:
    """(message, hint) of one finding of pydantic."""
    kind, ctx = error["type"], error.get("ctx", {})
    shown = f"{value[:40]!r} " if isinstance(value, str) else ""
    if kind == "missing":
        few = isinstance(value, list)
        return ("holds too few entries" if few else "is missing"), ""
    if kind == "extra_forbidden":
        return "is no field of a brief", near(str(path[-1]), _fields_at(path))
    if kind == "literal_error":
        allowed = re.findall(r"'([^']*)'", str(ctx.get("expected", "")))
        return f"{shown}is none of {', '.join(allowed)}", near(str(value), allowed)
    if kind == "string_too_long":
        length = f"{len(value)} characters" if isinstance(value, str) else "too long"
        return f"has {length}, at most {ctx.get('max_length', MOST_TEXT)} are possible", ""
    if kind == "string_pattern_mismatch":
        return _misspelt(error["loc"], value)
    if kind in _KINDS:
        return f"{shown}is not {_KINDS[kind]}", ""
    if kind in _NUMBERS:
        return f"{shown}is no {_NUMBERS[kind]}", ""
    return f"{shown}{_lowered(str(error['msg']))}".strip(), ""


def _misspelt(loc: tuple[int | str, ...], value: Value | None) -> tuple[str, str]:
    if "[key]" in loc or "locales" in loc[:1]:
        tag = str(loc[-2]) if "[key]" in loc else str(value)
        return f"{tag[:40]!r} is no locale", "write a language tag: en, de, zh-Hant"
    return f"{str(value)[:40]!r} cannot be a name", "use letters, digits and -"


def _lowered(message: str) -> str:
    told = message.removeprefix("Value error, ").replace("Input should", "should")
    return told[:1].lower() + told[1:]


def _fields_at(path: Path) -> list[str]:
    """Fields that exist where an unknown one was written."""
    model = _INSIDE.get(path[0], WrittenBrief) if len(path) > 1 else WrittenBrief
    return list(model.model_fields)
