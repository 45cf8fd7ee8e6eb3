"""What ``limner doctor --probe --save`` proved about a server, kept beside the user file.

``<config_dir>/servers/NAME.toml`` belongs to the profile NAME and counts only while the profile
still has the base URL that was probed. It may widen what the dialect knows: somebody paid for it.
"""

from __future__ import annotations

import json
import os
import tomllib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final, Literal

from pydantic import Field, ValidationError

from ..errors import SettingsError
from ..schema import Record
from ..traffic import Dialect

FOLDER: Final = "servers"
_LARGEST: Final = 65_536


class Facts(Record):
    """The fields of a ``Dialect`` that a probe can decide; ``None`` was not decided."""

    responses: bool | None = None
    image_tool: bool | None = None
    streaming: bool | None = None
    partials: bool | None = None
    mask: bool | None = None
    tool_choice: bool | None = None
    structured_output: bool | None = None
    stores_responses: bool | None = None
    transparency: bool | None = None
    moderations: bool | None = None
    preamble_words: bool | None = None
    images_stream: bool | None = None
    edit_body: Literal["json", "multipart"] | None = None


class Proved(Record):
    """The file: what was found out about which server, when, and what it rests on."""

    base_url: str
    probed: str
    """ISO 8601 date."""
    facts: Facts = Facts()
    evidence: dict[str, str] = Field(default_factory=dict)


def applied(dialect: Dialect, proved: Proved | None, *, base_url: str) -> Dialect:
    """The dialect with what was proved of this very server on top."""
    if proved is None or proved.base_url != base_url:
        return dialect
    facts = proved.facts
    return replace(
        dialect,
        responses=_or(facts.responses, dialect.responses),
        image_tool=_or(facts.image_tool, dialect.image_tool),
        streaming=_or(facts.streaming, dialect.streaming),
        partials=_or(facts.partials, dialect.partials),
        mask=_or(facts.mask, dialect.mask),
        tool_choice=_or(facts.tool_choice, dialect.tool_choice),
        structured_output=_or(facts.structured_output, dialect.structured_output),
        stores_responses=_or(facts.stores_responses, dialect.stores_responses),
        transparency=_or(facts.transparency, dialect.transparency),
        moderations=_or(facts.moderations, dialect.moderations),
        preamble_words=_or(facts.preamble_words, dialect.preamble_words),
        images_stream=_or(facts.images_stream, dialect.images_stream),
        edit_body=facts.edit_body or dialect.edit_body,
        evidence=(*dialect.evidence, *((k, f"probe: {v}") for k, v in proved.evidence.items())),
    )


def _or(proved: bool | None, told: bool) -> bool:
    return told if proved is None else proved


def path_of(config_dir: Path, name: str) -> Path:
    """Where the facts of a profile are kept."""
    return config_dir / FOLDER / f"{name}.toml"


def read(config_dir: Path, name: str) -> Proved | None:
    """``None`` where nothing was saved; raises ``SettingsError`` for a file that cannot be used."""
    path = path_of(config_dir, name)
    try:
        with path.open("rb") as file:
            return Proved.model_validate(tomllib.loads(file.read(_LARGEST).decode("utf-8")))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError) as error:
        raise SettingsError(
            f"{path}: cannot be used ({_reason(error)})",
            hint=f"delete it, or write it again: limner doctor --profile {name} --probe --save {name}",
        ) from error


def _reason(error: OSError | ValueError) -> str:
    if isinstance(error, ValidationError):
        first = error.errors(include_input=False, include_url=False)[0]
        return f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
    return str(error)


def write(config_dir: Path, name: str, proved: Proved) -> Path:
    """Put it there whole or not at all; raises ``SettingsError`` when the folder will not take it."""
    path = path_of(config_dir, name)
    temporary = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_text(_toml(proved, name), "utf-8")
        temporary.replace(path)
    except OSError as error:
        raise SettingsError(f"{path}: cannot be written ({error.strerror})") from error
    return path


def _toml(proved: Proved, name: str) -> str:
    facts = proved.facts.model_dump(exclude_none=True)
    lines = [
        f"# What `limner doctor --probe` found out about the server of profile {name}.",
        "# It counts while the profile has this base URL. Change or delete it as you like.",
        f"base_url = {_quoted(proved.base_url)}",
        f"probed = {_quoted(proved.probed)}",
        *_table("facts", facts),
        *_table("evidence", proved.evidence),
    ]
    return "\n".join(lines) + "\n"


def _table(name: str, values: Mapping[str, object]) -> list[str]:
    rows = [
        f"{key} = {str(value).lower() if isinstance(value, bool) else _quoted(str(value))}"
        for key, value in values.items()
    ]
    return ["", f"[{name}]", *rows] if rows else []


def _quoted(text: str) -> str:
    """A basic string: TOML takes JSON's escapes, but not its surrogate pairs."""
    whole = text.encode("utf-8", "replace").decode().replace("\x7f", " ")
    return json.dumps(whole, ensure_ascii=False)
