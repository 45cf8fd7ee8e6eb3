from __future__ import annotations

import pytest

from agent.doors.cli.telling import LiveProgress, PlainProgress


def test_plain_progress_tells_a_stage_once_and_not_what_a_line_said_already(
    capsys: pytest.CaptureFixture[str],
) -> None:
    progress = PlainProgress()

    progress.line("editing @1 of kite")
    for stage in ("editing", "editing, draft 1", "editing, draft 1", "editing, draft 2"):
        progress.stage(stage)
    progress.rest()
    progress.stage("editing")

    assert capsys.readouterr().err.splitlines() == [
        "editing @1 of kite",
        "editing, draft 1",
        "editing, draft 2",
        "editing",
    ]


def test_live_progress_steps_aside_for_lines_that_stay(capsys: pytest.CaptureFixture[str]) -> None:
    progress = LiveProgress()

    progress.stage("drawing [1]")
    progress.line("a line that stays")
    progress.stage("drawing, draft 1")
    progress.rest()
    progress.rest()

    assert capsys.readouterr().err == "a line that stays\n"
