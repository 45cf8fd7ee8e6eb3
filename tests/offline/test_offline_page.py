"""docs/offline.md names every fault that the server knows."""

from __future__ import annotations

from pathlib import Path

from agent.offline.mischief import MISCHIEF


def test_the_page_names_every_fault() -> None:
    page = (Path(__file__).resolve().parents[2] / "docs" / "offline.md").read_text("utf-8")

    assert [name for name in MISCHIEF if f"| `{name}` |" not in page] == []
