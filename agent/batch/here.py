"""What of a batch lies on this machine: its folder, the files that its briefs name, its posters."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from pathlib import Path

from ..poster.brief import Brief
from .notes import Known
from .standing import BatchNote, CellNote


def is_here(head: BatchNote) -> bool:
    """Whether the folder of a batch is one of this machine, or is shared with it."""
    return head.host == socket.gethostname() or Path(head.out).is_dir()


def folder_here(head: BatchNote) -> Path | None:
    """The folder, where it can be looked into; it may not be there yet, or not any more."""
    return Path(head.out) if is_here(head) else None


def still_there(known: Known, folder: Path | None) -> Known:
    """Without the posters whose files are gone: these are set again, on the pictures there are.

    A file that a person gave in place of one is not made again, so it is not missed here.
    """
    if folder is None:
        return known
    cells = {name: one for name, one in known.cells.items() if _is_whole(folder, name, one)}
    return known if len(cells) == len(known.cells) else known._replace(cells=cells)


def _is_whole(folder: Path, name: str, cell: CellNote) -> bool:
    brief = folder / name.partition("/")[0]
    return cell.accepted is not None or all(
        (brief / one.path).is_file() for one in cell.record.files
    )


def with_paths(brief: Brief, places: Mapping[str, Path]) -> Brief:
    """The same with its files where they are on this machine."""
    references = tuple(places.get(str(path), path) for path in brief.references)
    logo = brief.logo
    if logo is not None:
        logo = logo.model_copy(update={"path": places.get(str(logo.path), logo.path)})
    return brief.model_copy(update={"references": references, "logo": logo})
