"""What goes to stdout: one line each, and nothing but what was asked for."""

from __future__ import annotations

import json
import os
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from pydantic import BaseModel


def write_line(data: bytes) -> None:
    """A line on stdout; who stopped reading does not stop a turn that was paid for."""
    with suppress(BrokenPipeError):
        click.echo(data)


def write_path(path: Path) -> None:
    """As its bytes: a name need not be valid text."""
    write_line(os.fsencode(path))


def write_json(record: BaseModel) -> None:
    """One record on one line, its type first. A lone surrogate becomes its JSON escape."""
    fields = record.model_dump(mode="json")
    fields = {"type": fields["type"], **fields}
    write_line(json.dumps(fields, ensure_ascii=False).encode("utf-8", "backslashreplace"))
