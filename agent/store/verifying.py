"""Whether the bytes and the rows of a store agree, in sentences."""

from __future__ import annotations

from pathlib import Path

from .blobs import BlobFolder


def hashed(folder: BlobFolder) -> dict[Path, bool]:
    """Every blob file, and whether it hashes to its name."""
    return {path: folder.intact(path) for path in folder.files()}


def findings(on_disk: dict[Path, bool], rows: list[tuple[Path, bool]], *, cache: bool) -> list[str]:
    """``rows``: where each blob should be, and whether a picture or mask refers to it.

    A ``cache`` may lack files; what it holds must be whole all the same.
    """
    known = {path for path, _ in rows}
    lines = [] if cache else [f"{path} is missing" for path in sorted(known - on_disk.keys())]
    lines += [f"{path} is damaged" for path, intact in on_disk.items() if not intact]
    lines += [f"{path} is not in the database" for path in sorted(on_disk.keys() - known)]
    lines += [f"{path} is no picture of any session" for path, used in rows if not used]
    return lines
