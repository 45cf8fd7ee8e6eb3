"""A settings file in TOML, with the line on which each key stands: mistakes are told by line."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from .errors import SettingsError

_LARGEST_FILE: Final = 65_536
_LONGEST_STATEMENT: Final = 100


@dataclass(frozen=True, slots=True)
class TomlFile:
    """A file as read. ``shown`` is its name in messages."""

    path: Path
    shown: str
    values: dict[str, object]
    lines: dict[tuple[str, ...], int]

    def where(self, path: tuple[str, ...]) -> str:
        """``./limner.toml:4``: the line of the key, or of the nearest table around it."""
        while path and path not in self.lines:
            path = path[:-1]
        return f"{self.shown}:{self.lines[path]}" if path else self.shown


def read_toml(path: Path, shown: str) -> TomlFile:
    """An absent file is an empty one; raises ``SettingsError`` with the line of a mistake."""
    try:
        if path.is_fifo():  # opening it would wait for somebody who writes
            raise SettingsError(f"{shown}: is a pipe, so no settings file")
        with path.open("rb") as file:
            data = file.read(_LARGEST_FILE + 1)
        if len(data) > _LARGEST_FILE:
            raise SettingsError(f"{shown}: larger than 64 KiB, so no settings file")
        text = data.decode("utf-8-sig")
        return TomlFile(path, shown, tomllib.loads(text), key_lines(text))
    except (FileNotFoundError, NotADirectoryError):
        return TomlFile(path, shown, {}, {})
    except OSError as error:
        raise SettingsError(f"{shown}: cannot be read ({error.strerror})") from error
    except (ValueError, RecursionError) as error:
        reason = str(error) if isinstance(error, tomllib.TOMLDecodeError) else type(error).__name__
        at = re.search(r"at line (\d+)", reason)
        raise SettingsError(
            f"{shown}{':' + at[1] if at else ''}: not valid TOML: {reason}"
        ) from None


def key_lines(text: str) -> dict[tuple[str, ...], int]:
    """The line (from 1) on which each key of a valid TOML text first appears.

    ``tomllib`` does not tell, so each statement is parsed alone: lines are gathered until they
    parse, which puts multi-line values and strings where they begin. After a statement of more
    than a hundred lines nothing is found any more, so that no file can make this slow.
    """
    found: dict[tuple[str, ...], int] = {}
    table: tuple[str, ...] = ()
    statement, start = "", 1
    for number, line in enumerate(text.split("\n"), start=1):
        statement += line + "\n"
        if number - start > _LONGEST_STATEMENT:
            break
        try:
            paths = list(_paths(tomllib.loads(statement)))
        except tomllib.TOMLDecodeError:
            continue
        header = statement.lstrip().startswith("[")
        for path in paths:
            found.setdefault(path if header else table + path, start)
        table = paths[-1] if header else table
        statement, start = "", number + 1
    return found


def _paths(tree: object, prefix: tuple[str, ...] = ()) -> Iterable[tuple[str, ...]]:
    """Every key of nested tables, outermost first; of an array of tables, its first."""
    tree = tree[0] if isinstance(tree, list) and tree else tree
    if isinstance(tree, dict):
        for key, value in tree.items():
            yield (*prefix, key)
            yield from _paths(value, (*prefix, key))
