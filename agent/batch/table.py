"""Tables that a person made in a spreadsheet: briefs to be, or decisions about posters."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

from ..errors import UsageError

_BETWEEN: Final = (",", ";", "\t")
"""What spreadsheets put between two cells; it depends on the language of the machine."""


class Row(NamedTuple):
    """A line with something in it, by column; a cell that is not there is empty."""

    line: int
    cells: dict[str, str]


class Table(NamedTuple):
    """``rows`` are read as they are asked for, and raise ``UsageError`` for the first wrong one."""

    columns: tuple[str, ...]
    rows: Iterator[Row]


def text_of(path: Path) -> str:
    """Raises ``UsageError`` for what is not UTF-8."""
    try:
        return path.read_text("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UsageError(
            f"{path}: is not UTF-8 (byte {error.start + 1}).",
            hint="Save it as UTF-8; a spreadsheet calls that CSV UTF-8.",
        ) from error
    except OSError as error:
        raise UsageError(f"{path}: cannot be read ({error.strerror}).") from error


def table_of(text: str, *, name: str) -> Table:
    """Of a text with commas, semicolons or tabs; raises ``UsageError``, with the line."""
    text = text.removeprefix("\ufeff")
    head = text.partition("\n")[0]
    between = max(_BETWEEN, key=head.count)
    lines = csv.reader(io.StringIO(text, newline=""), delimiter=between, strict=True)
    read = _read(lines, name)
    columns = tuple(cell.strip() for cell in next(read, Read(0, [])).cells)
    twice = [one for one in columns if one and columns.count(one) > 1]
    if twice:
        raise UsageError(f"{name}: two columns are called {twice[0]!r}.", hint="Remove one.")
    return Table(columns, _rows(read, columns, name))


class Read(NamedTuple):
    """A line as it stands."""

    line: int
    cells: list[str]


def _read(lines: Iterator[list[str]], name: str) -> Iterator[Read]:
    number = 0
    try:
        for number, cells in enumerate(lines, start=1):
            if any(cell.strip() for cell in cells):
                yield Read(number, cells)
    except csv.Error as error:
        raise UsageError(
            f"{name}, row {number + 1}: cannot be read ({error}).",
            hint='Is a quote (") left open? One inside a text is written twice.',
        ) from error


def _rows(read: Iterator[Read], columns: tuple[str, ...], name: str) -> Iterator[Row]:
    for line, cells in read:
        if any(cell.strip() for cell in cells[len(columns) :]):
            raise UsageError(
                f"{name}, row {line}: has {len(cells)} cells, and there are {len(columns)} columns.",
                hint='A text with a comma in it needs quotes round it: "12, rue X".',
            )
        told = (cell.strip() for cell in cells)
        yield Row(line, {**dict.fromkeys(columns, ""), **dict(zip(columns, told, strict=False))})
