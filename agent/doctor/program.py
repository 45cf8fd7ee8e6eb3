"""Which Limner this is, what it stands on, and what else on this machine is called ``agent``."""

from __future__ import annotations

import platform
import sys
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Final

from .report import Check

_NAME: Final = __package__.partition(".")[0]
_HOME: Final = Path(__file__).resolve().parents[1]
_STANDS_ON: Final = ("httpx2", "pydantic", "sqlalchemy", "pillow", "anyio")


def checks(here: Path) -> Iterator[Check]:
    """``here`` is the current folder, whose files may stand in our way."""
    yield Check(area="program", name="version", status="ok", text=versions())
    yield Check(area="program", name="package", status="ok", text=f"{_NAME} is {_HOME}")
    yield from shadowing(here, owners=_owners(), path=sys.path)


@cache
def _owners() -> tuple[str, ...]:
    """Installed packages that bring our import name; looking through all of them takes 0.1 s."""
    return tuple(metadata.packages_distributions().get(_NAME, ()))


def versions() -> str:
    """Ours, Python's, and those of what the wire, the disk and the pictures go through."""
    from .. import __version__

    found = [f"{name} {_version(name)}" for name in _STANDS_ON]
    return f"limner {__version__}, Python {platform.python_version()}, {', '.join(found)}"


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return "missing"


def shadowing(here: Path, *, owners: Sequence[str], path: Sequence[str]) -> Iterator[Check]:
    """Others of our import name: installed beside us, or a file that Python would find first."""
    others = sorted({owner for owner in owners if owner != "limner"})
    if others:
        yield Check(
            area="program",
            name="shadowing",
            status="warning",
            text=f"{' and '.join(others)} also installs a package called {_NAME!r}.",
            hint=f"Ours is in use ({_HOME}); removing the other leaves it whole.",
        )
    for place in _in_the_way(here, path):
        yield Check(
            area="program",
            name="shadowing",
            status="warning",
            text=f"{place} is what `import {_NAME}` finds in a script that runs there.",
            hint="The command `limner` is not affected; run scripts with `python -P`, or rename it.",
        )


def _in_the_way(here: Path, path: Sequence[str]) -> Iterator[Path]:
    folders: Mapping[Path, None] = dict.fromkeys(
        Path(entry or here).resolve() for entry in ("", *path)
    )
    for folder in folders:
        for place in (folder / f"{_NAME}.py", folder / _NAME / "__init__.py"):
            if folder != _HOME.parent and place.is_file():
                yield place
