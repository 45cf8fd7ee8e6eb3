"""Whatever goes wrong ends in words, a code and, where JSON was asked for, a terminal event."""

from __future__ import annotations

import json

import click
import pytest

from agent.doors.cli import COMMANDS, cli
from agent.doors.cli.problems import say_problem, told
from agent.errors import KeyMissing, NotFound, SettingsError, StoreBusy, UsageError


@pytest.mark.parametrize(
    ("error", "code", "name"),
    [
        (UsageError("no", hint="do this"), 2, "usage"),
        (NotFound("no", candidates=("@1",)), 2, "usage"),
        (SettingsError("no"), 2, "usage"),
        (KeyMissing("no"), 4, "authentication"),
        (StoreBusy("no"), 1, "store"),
        (click.BadParameter("no"), 2, "usage"),
        (click.Abort(), 130, "interrupted"),
        (KeyboardInterrupt(), 130, "interrupted"),
        (ZeroDivisionError("no"), 1, "unknown"),
        (ExceptionGroup("many", [UsageError("no")]), 2, "usage"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, BaseException) else "",
)
def test_every_error_has_a_code_and_a_terminal_event(
    error: BaseException, code: int, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert told(error, ["generate", "x", "--json"]) == code

    out, err = capsys.readouterr()
    event = json.loads(out)
    assert (event["type"], event["error"]["code"]) == ("turn.failed", name)
    assert "Traceback" not in err
    assert err


def test_a_listing_that_fails_prints_no_terminal_event(capsys: pytest.CaptureFixture[str]) -> None:
    assert told(UsageError("no"), ["sessions", "--json"]) == 2
    assert capsys.readouterr().out == ""


def test_several_problems_stand_on_lines_of_their_own(capsys: pytest.CaptureFixture[str]) -> None:
    """Regression: twenty wrong briefs were one long line."""
    say_problem("2 briefs cannot be made:\na.yaml: no title\nb.yaml: no title")

    assert capsys.readouterr().err.splitlines()[1:] == ["  a.yaml: no title", "  b.yaml: no title"]


def test_hint_and_candidates_are_told_once(capsys: pytest.CaptureFixture[str]) -> None:
    told(NotFound("no @9", candidates=("@1", "@2"), hint="perhaps @1"), [])

    assert capsys.readouterr().err == "limner: no @9\n  perhaps @1\n  there are: @1, @2\n"


def test_an_error_of_our_own_shows_its_traceback_only_when_asked(
    capsys: pytest.CaptureFixture[str],
) -> None:
    error = ZeroDivisionError("of ours")

    told(error, ["sessions"])
    assert "Traceback" not in capsys.readouterr().err
    told(error, ["--debug", "sessions"])
    assert "ZeroDivisionError: of ours" in capsys.readouterr().err


def test_a_reader_that_left_is_no_error_of_ours(capsys: pytest.CaptureFixture[str]) -> None:
    assert told(BrokenPipeError(), ["sessions"]) == 1
    assert capsys.readouterr().err == ""


def test_every_command_that_is_offered_is_there_and_has_help() -> None:
    context = click.Context(cli)
    for name in COMMANDS:
        command = cli.get_command(context, name)
        assert command is not None
        assert command.name == name
        assert command.help
