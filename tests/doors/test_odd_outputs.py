"""Where output cannot go: names, streams and disks that take nothing. Told before paying."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from agent.doors.cli.outputs import read_output
from agent.doors.cli.problems import told
from agent.doors.cli.telling import PlainProgress
from agent.errors import SettingsError, UsageError
from agent.toml_file import read_toml
from tests.forked import python

from .conftest import Limner

ROOT = Path(__file__).resolve().parents[2]
POSIX = pytest.mark.skipif(sys.platform == "win32", reason="POSIX names, pipes and shells")


class Usage(NamedTuple):
    """What ``shutil.disk_usage`` tells, in bytes."""

    total: int
    used: int
    free: int


@POSIX
@pytest.mark.usefixtures("work")
@pytest.mark.parametrize("force", [False, True])
def test_a_name_too_long_for_the_disk_is_refused_before_sending(force: bool) -> None:
    outputs = read_output("a" * 300 + ".png", force=force)

    with pytest.raises(UsageError, match="cannot name a file"):
        outputs.check(output_format="png", count=1)


@pytest.mark.parametrize("name", ["a\nb.png", "a\x1b.png", "a\0.png", "{n}\r.png"], ids=repr)
def test_a_path_that_is_more_than_one_line_is_refused(name: str) -> None:
    with pytest.raises(UsageError, match="control character"):
        read_output(name, force=False)


@POSIX
def test_a_device_or_a_pipe_is_no_place_for_a_picture(work: Path) -> None:
    os.mkfifo(work / "pipe")

    for name in (os.devnull, "pipe"):
        with pytest.raises(UsageError, match="neither a file nor a folder"):
            read_output(name, force=True)


def test_a_store_on_a_full_disk_is_told_before_anything_is_sent(
    draw: Limner, work: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, store = shutil.disk_usage, work.parent / "home" / "data"

    def usage(path: Path) -> Usage:
        full = Path(path).resolve().is_relative_to(store)
        return Usage(10**9, 10**9 - 10**6, 10**6) if full else Usage(*real(path))

    monkeypatch.setattr(shutil, "disk_usage", usage)
    ran = draw("generate", "a kite", "--json")

    assert ran.code == 2
    assert "LIMNER_HOME" in ran.err
    assert [record["type"] for record in ran.records] == ["turn.failed"]
    assert ran.records[-1]["attempts"] == []


@pytest.fixture
def nobody_reads(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """stderr is a pipe whose reader has left."""
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "w", buffering=1) as broken:
        monkeypatch.setattr(sys, "stderr", broken)
        yield


@POSIX
@pytest.mark.usefixtures("nobody_reads")
def test_progress_that_nobody_reads_stops_no_turn() -> None:
    PlainProgress().line("drawing")
    PlainProgress().stage("editing")


@POSIX
@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&-"])
def test_a_closed_stream_is_no_error(work: Path, closed: str) -> None:
    program = (
        f"import sys; sys.path.insert(0, {str(ROOT)!r}); from agent.doors.cli import main; main()"
    )
    command = [python(), "-c", program, "generate", "a kite", "--draw", "tiny"]
    done = subprocess.run(
        ["/bin/sh", "-c", f'"$0" "$@" {closed}', *command, "-o", "kite.png"],
        capture_output=True,
        text=True,
        check=False,
        cwd=work,
        stdin=subprocess.DEVNULL,
    )

    assert (done.returncode, "error" in done.stderr) == (0, False)
    assert (work / "kite.png").read_bytes().startswith(b"\x89PNG")


def test_stdout_on_a_full_disk_is_told_in_words(capsys: pytest.CaptureFixture[str]) -> None:
    full = OSError(28, "No space left on device")

    assert told(full, ["sessions"]) == 1

    err = capsys.readouterr().err
    assert "could not be written: No space left" in err
    assert "Limner's own" not in err


@POSIX
def test_a_settings_file_that_is_a_pipe_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "limner.toml")

    with pytest.raises(SettingsError, match="is a pipe"):
        read_toml(tmp_path / "limner.toml", "./limner.toml")
