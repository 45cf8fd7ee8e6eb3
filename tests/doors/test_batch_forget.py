"""``limner batch forget``, names, and ``limner batch worker`` as a shell calls them."""

from __future__ import annotations

import sqlite3
from contextlib import closing
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


@pytest.fixture
def spring(limner: Limner, work: Path) -> Path:
    (work / "spring").mkdir()
    (work / "spring" / "one.yaml").write_text(BRIEF)
    assert limner("batch", "run", "spring/one.yaml", "-b", "spring", *TINY).code == 0
    return work / "spring"


def test_old_batches_go_with_old_sessions_and_leave_no_word(
    limner: Limner, spring: Path, tmp_path: Path
) -> None:
    del spring
    kept = limner("forget", "--older-than", "30d", "--yes")
    assert (kept.code, kept.err) == (0, "Nothing is that old.\n")

    gone = limner("forget", "--older-than", "0h", "--yes")

    assert gone.code == 0
    assert "batch spring: its briefs and decisions" in gone.err
    (store,) = [path.parent for path in tmp_path.rglob("limner.db")]
    assert _holding(store, b"zanzibar") == []
    assert limner("batch", "status", "-b", "spring").code == 2


def test_old_pictures_of_a_batch_that_is_in_use_stay_with_it(
    limner: Limner, spring: Path, tmp_path: Path
) -> None:
    del spring
    (store,) = list(tmp_path.rglob("limner.db"))
    with closing(sqlite3.connect(store)) as database, database:
        database.execute("UPDATE session SET updated = '2020-01-01T00:00:00.000000Z'")

    told = limner("forget", "--older-than", "30d", "--yes")

    assert told.err == "Nothing is that old but what batches in use hold.\n"
    assert limner("batch", "status", "-b", "spring", "--json").records[0]["state"] == "proved"
    assert len(limner("sessions", "--json").records) == 1


def test_forgetting_a_session_of_a_batch_says_where_its_brief_is(
    limner: Limner, spring: Path
) -> None:
    del spring
    (session,) = limner("sessions", "--json").records

    told = limner("forget", str(session["id"]), "--yes")

    assert told.code == 0
    assert "limner batch forget spring" in told.err


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


def test_a_batch_that_was_forgotten_is_made_anew_by_one_run(limner: Limner, spring: Path) -> None:
    assert limner("batch", "forget", "spring", "--yes").code == 0

    ran = limner("batch", "run", str(spring / "one.yaml"), "-b", "spring", *TINY)

    assert ran.code == 0
    assert len(ran.paths) == 1
