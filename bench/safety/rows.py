"""Labelled rows: one JSON object a line, with id, text, label, category, lang and source.

Rows are never printed: whatever is reported names them by id.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

GROUPS = {
    "captions and Parti": ("coco10k", "parti", "sneaky-animal"),
    "gallery": ("gal-",),
    "OVERT look-alikes": ("overt-benign",),
    "XSTest look-alikes": ("xstest",),
    "chat (en)": ("openai-mod",),
    "chat (zh)": ("cold",),
}
"""Harmless rows by the kind of source that they come from."""


@dataclass(frozen=True)
class Row:
    id: str
    text: str
    unsafe: bool
    category: str
    lang: str
    set: str
    """Name of the file."""

    @property
    def group(self) -> str:
        """What the row is counted under."""
        if self.unsafe:
            return f"{self.set} {'questions' if self.category.startswith('q:') else self.category}"
        for name, files in GROUPS.items():
            if self.set.startswith(files):
                return f"{name} ({self.lang})" if name == "gallery" else name
        return self.set

    def half(self, salt: str = "split") -> int:
        """0 or 1, by a hash that has nothing to do with the one the rows were halved by before."""
        return hashlib.sha256(f"{salt}:{self.text}".encode()).digest()[0] & 1

    def fold(self, folds: int, salt: str = "fold") -> int:
        return int.from_bytes(hashlib.sha256(f"{salt}:{self.text}".encode()).digest()[:4]) % folds


def read(folder: Path) -> list[Row]:
    """Every row of every ``*.jsonl`` in ``folder``."""
    files = sorted(folder.glob("*.jsonl"))
    if not files:
        raise SystemExit(f"{folder}: no .jsonl file here")
    return [row for file in files for row in _rows(file)]


def _rows(file: Path) -> Iterable[Row]:
    for line in file.read_text("utf-8").splitlines():
        raw = json.loads(line)
        yield Row(
            id=raw["id"],
            text=raw["text"],
            unsafe=raw["label"] == "unsafe",
            category=raw["category"],
            lang=raw["lang"],
            set=file.stem,
        )
