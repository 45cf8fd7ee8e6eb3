"""Where a picture goes that the store could not take: it has arrived, and it may be paid for."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from .errors import StoreError


def put_aside(data: bytes, prefix: str, suffix: str) -> Path | None:
    """A new file for this user alone, among temporary ones; ``None`` where that disk is full too."""
    try:
        descriptor, name = tempfile.mkstemp(prefix=prefix, suffix=suffix)
    except OSError:
        return None
    path = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
    except OSError:
        path.unlink(missing_ok=True)
        return None
    return path


def saying_where(error: StoreError, path: Path | None) -> StoreError:
    """The same error, with the file that there is instead."""
    if path is None:
        return error
    hint = f"What arrived was put into {path}: keep it. {error.hint}".strip()
    return StoreError(str(error), hint=hint)
