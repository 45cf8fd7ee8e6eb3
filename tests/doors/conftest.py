"""``limner(…)`` as a shell would call it, in a folder of its own, drawing flat colours."""

from __future__ import annotations

import json
import logging
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import pytest
import structlog
from click.testing import CliRunner

from agent import logs
from agent.doors.cli import cli


@dataclass(frozen=True)
class Ran:
    """What a shell would have seen."""

    code: int
    out: str
    err: str

    @property
    def paths(self) -> list[Path]:
        return [Path(line) for line in self.out.splitlines()]

    @property
    def records(self) -> list[dict[str, object]]:
        return [json.loads(line) for line in self.out.splitlines()]

    @property
    def error(self) -> dict[str, object]:
        """Of the last line of ``--json``."""
        error = self.records[-1]["error"]
        assert isinstance(error, dict)
        return error


class Limner(Protocol):
    def __call__(self, *args: str, stdin: str | bytes = "") -> Ran: ...


@contextmanager
def logging_as_it_was() -> Iterator[None]:
    """A command sets the log up for its process; the next test has another."""
    chain, level = list(logs._chain), logging.getLogger("limner").level
    handlers = list(logging.getLogger().handlers)
    yield
    logs._chain[:] = chain
    logging.getLogger("limner").setLevel(level)
    logging.getLogger().handlers[:] = handlers
    structlog.reset_defaults()


@pytest.fixture(scope="session")
def empty_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store without sessions: making its tables once saves minutes."""
    folder = tmp_path_factory.mktemp("store") / "data"
    with pytest.MonkeyPatch.context() as patch, logging_as_it_was():
        patch.setenv("LIMNER_HOME", str(folder))
        assert CliRunner().invoke(cli, ["sessions"]).exit_code == 0
    return folder


@pytest.fixture
def work(tmp_path: Path, empty_store: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The directory that commands run in, with an empty store behind it."""
    shutil.copytree(empty_store, tmp_path / "home" / "data")
    folder = tmp_path / "work"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.setenv("NO_COLOR", "1")
    return folder


@pytest.fixture
def limner(work: Path) -> Iterator[Limner]:
    """Runs a command to its exit code; an escaping exception fails the test."""
    del work

    def run(*args: str, stdin: str | bytes = "") -> Ran:
        result = CliRunner().invoke(cli, args, input=stdin, prog_name="limner")
        assert result.exception is None or isinstance(result.exception, SystemExit)
        return Ran(result.exit_code, result.stdout, result.stderr)

    with logging_as_it_was():
        yield run


@pytest.fixture
def house_policy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """This house refuses pineapples, and wants umbrellas to be meant."""
    folder = tmp_path / "policy"
    folder.mkdir()
    folder.joinpath("house.yaml").write_text(
        """
version: house@1
classes: {pineapple: "pineapple[s]", umbrella: "umbrella[s]"}
rules:
  - {id: no-pineapples, category: fruit, severity: refuse, message: No pineapples here.,
     fix: Draw a pear., all_of: [[pineapple]]}
  - {id: umbrellas, category: weather, severity: review, message: Umbrellas bring rain.,
     fix: Draw a hat., all_of: [[umbrella]]}
"""
    )
    monkeypatch.setenv("LIMNER_POLICY", str(folder))


@pytest.fixture
def draw(limner: Limner) -> Limner:
    """``draw("generate", "a kite")``: the same with pictures at once."""

    def run(*args: str, stdin: str | bytes = "") -> Ran:
        return limner(*args, "--draw", "tiny", stdin=stdin)

    return run
