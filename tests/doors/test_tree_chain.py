"""A chain and a fork must not look alike: an only child was once drawn like the last of siblings."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from agent.doors.cli import cli


def run(*words: str) -> str:
    done = CliRunner().invoke(cli, list(words), catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.stdout


def test_an_only_child_is_drawn_unlike_the_last_of_siblings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    run("generate", "a boat", "--draw", "tiny", "--name", "boat")
    run("edit", "make it night", "--draw", "tiny")
    chain = run("tree")
    run("edit", "make it autumn", "--from", "@1", "--draw", "tiny")
    fork = run("tree")

    assert "↓  @2" in chain
    assert "├─ @2" in fork
    assert "└─ @3" in fork
