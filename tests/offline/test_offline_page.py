"""docs/offline.md names every fault that the server knows."""

from __future__ import annotations

from pathlib import Path

from agent.offline.art import MOTIFS
from agent.offline.mischief import MISCHIEF


def test_the_page_names_every_fault() -> None:
    page = (Path(__file__).resolve().parents[2] / "docs" / "offline.md").read_text("utf-8")

    assert [name for name in MISCHIEF if f"| `{name}` |" not in page] == []


def test_the_page_shows_a_gallery_of_every_motif_that_is_not_too_heavy() -> None:
    docs = Path(__file__).resolve().parents[2] / "docs"
    page, sheets = (docs / "offline.md").read_text("utf-8"), sorted((docs / "gallery").iterdir())

    assert [sheet.name for sheet in sheets if f"(gallery/{sheet.name})" not in page] == []
    assert len(sheets) == -(-len(MOTIFS) // 5) + 2
    assert sum(sheet.stat().st_size for sheet in sheets) < 1.5 * 1024 * 1024
