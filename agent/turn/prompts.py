"""The versioned texts and data of ``prompts/``: found, checked against their hash, filled in.

In a wheel they lie under ``agent/_data/prompts``, in a checkout at its top. A released text is
never edited, so its hash in the ledger names exactly the words that a model saw.
"""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from string import Template
from typing import Final, Literal

from pydantic import ConfigDict, TypeAdapter, ValidationError

from ..errors import SettingsError
from ..schema import PromptRef, Record, Sha256

_HERE: Final = Path(__file__).resolve()


class Entry(Record):
    """One line of ``manifest.toml``."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    id: str
    version: int
    file: str
    sha256: Sha256
    status: Literal["current", "retired"]
    why: str = ""


@lru_cache(maxsize=1)
def folder() -> Path:
    """Where the texts lie; ``SettingsError`` when neither place has them."""
    for place in (_HERE.parents[1] / "_data" / "prompts", _HERE.parents[2] / "prompts"):
        if (place / "manifest.toml").is_file():
            return place
    raise SettingsError("the folder of prompts is missing", hint="install limner again")


def text(
    name: str, version: int | None = None, *, values: Mapping[str, str] | None = None
) -> tuple[str, PromptRef]:
    """The text of a prompt with every ``$name`` filled in, and what to write into the ledger.

    Without a version: the newest that is ``current``. ``SettingsError`` for an unknown id, a
    changed file, or a placeholder without its value.
    """
    if not values:
        return _plain(folder(), name, version)
    entry = _find(folder(), name, version)
    return _fill(_checked(folder(), entry), entry, values), reference(entry)


@lru_cache(maxsize=64)
def _plain(root: Path, name: str, version: int | None) -> tuple[str, PromptRef]:
    """Of those that have nothing to be filled in: every turn has some."""
    entry = _find(root, name, version)
    return _fill(_checked(root, entry), entry, {}), reference(entry)


def prices_text(name: str) -> str:
    """The TOML of the price table ``name``, at its current date."""
    return _checked(folder(), _find(folder(), f"prices/{name}", None))


def moderation_text(name: str) -> str:
    """The TOML of the moderation thresholds ``name``."""
    return _checked(folder(), _find(folder(), f"moderation/{name}", None))


def reference(entry: Entry) -> PromptRef:
    """How the ledger names a text."""
    return PromptRef(id=entry.id, version=entry.version, sha256=entry.sha256)


@lru_cache(maxsize=4)
def entries(root: Path) -> tuple[Entry, ...]:
    """Every line of the manifest in ``root``; ``SettingsError`` when it cannot be used."""
    path = root / "manifest.toml"
    try:
        raw = tomllib.loads(path.read_text("utf-8"))
        return _ENTRIES.validate_python(raw.get("prompt", []))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, ValidationError) as error:
        raise SettingsError(f"{path}: cannot be used: {error}") from error


_ENTRIES: Final = TypeAdapter(tuple[Entry, ...])


def _find(root: Path, id_: str, version: int | None) -> Entry:
    named = [entry for entry in entries(root) if entry.id == id_]
    wanted = [
        entry
        for entry in named
        if (entry.status == "current" if version is None else entry.version == version)
    ]
    if wanted:
        return max(wanted, key=lambda entry: entry.version)
    if named:
        has = ", ".join(f"{entry.version} ({entry.status})" for entry in named)
        raise SettingsError(
            f"prompt {id_}: has no version {version or 'that is current'}; it has {has}"
        )
    group = id_.split("/", 1)[0] + "/"
    near = sorted({entry.id for entry in entries(root) if entry.id.startswith(group)})
    raise SettingsError(
        f"there is no prompt {id_}", hint=f"there are {', '.join(near)}" if near else ""
    )


@lru_cache(maxsize=64)
def _checked(root: Path, entry: Entry) -> str:
    path = root / entry.file
    try:
        data = path.read_bytes()
    except OSError as error:
        raise SettingsError(f"{path}: cannot be read: {error.strerror}") from error
    if hashlib.sha256(data).hexdigest() != entry.sha256:
        raise SettingsError(
            f"{path}: is not the text that was released as {entry.id}@{entry.version}",
            hint="a released text is never edited: add a new version to manifest.toml",
        )
    return data.decode("utf-8")


def _fill(template: str, entry: Entry, values: Mapping[str, str]) -> str:
    try:
        return Template(template).substitute(values).strip()
    except (KeyError, ValueError) as error:
        raise SettingsError(
            f"prompt {entry.id}@{entry.version}: placeholder {error} was not filled in"
        ) from error
