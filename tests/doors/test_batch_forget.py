"""``limner batch forget``, names, and ``limner batch worker`` as a shell calls them."""

from __future__ import annotations

from pathlib import Path

import pytest

from .conftest import Limner

BRIEF = "title: Zanzibar Night\nmotif: a zanzibar hill\nlettering: set\nsizes: [320x400]\n"
TINY = ("-p", "offline", "--draw", "tiny")


def _holding(folder: Path, word: bytes) -> list[str]:
    return [
        str(path.relative_to(folder))
        for path in folder.rglob("*")
        if path.is_file() and word in path.read_bytes().lower()
    ]


def test_a_forgotten_batch_leaves_no_word_of_its_briefs_in_the_store(
    limner: Limner, work: Path, tmp_path: Path
) -> None:
    (work / "spring").mkdir()
    (work / "spring" / "one.yaml").write_text(BRIEF)
    assert limner("batch", "run", "spring/one.yaml", "-b", "spring", *TINY).code == 0
    stores = [path.parent for path in tmp_path.rglob("limner.db")]
    assert len(stores) == 1
    assert _holding(stores[0], b"zanzibar")

    refused = limner("batch", "forget", "spring")
    assert (refused.code, "--yes" in refused.err) == (2, True)
    assert limner("batch", "forget", "spring", "--yes").code == 0

    assert _holding(stores[0], b"zanzibar") == []
    assert (work / "out" / "spring" / "one" / "en" / "320x400" / "1.png").exists()
    assert limner("batch", "forget", "spring", "--yes").code == 2


@pytest.mark.parametrize("name", ["", "../up", "x/../y", "/etc", "..", "a b", "x" * 65])
def test_a_batch_whose_name_is_no_folder_is_refused_before_anything_is_drawn(
    limner: Limner, work: Path, name: str
) -> None:
    (work / "one.yaml").write_text(BRIEF)

    told = limner("batch", "run", "one.yaml", "-b", name, *TINY)

    assert told.code == 2
    assert "cannot be called" in told.err
    assert not (work / "out").exists()


def test_a_worker_without_a_shared_queue_is_told_what_it_needs(limner: Limner) -> None:
    told = limner("batch", "worker", "-p", "offline")

    assert told.code == 2
    assert "LIMNER_DATABASE_URL" in told.err
