"""Errors as words on stderr, a terminal event on stdout where JSON was asked for, and a code."""

from __future__ import annotations

import errno
import os
import sys
from contextlib import suppress
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from ...errors import LimnerError
    from ...events import TurnFailed
    from ...schema import FailureCode

TURN_COMMANDS = frozenset({"generate", "edit", "demo", "retry"})
"""Commands whose ``--json`` promises a terminal event as the last line, whatever happens."""


_NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


def told(error: BaseException, argv: list[str]) -> int:
    """Say what is wrong and what to do; the exit code."""
    from ...errors import LimnerError

    while isinstance(error, BaseExceptionGroup) and len(error.exceptions) == 1:
        error = error.exceptions[0]
    if isinstance(error, BrokenPipeError):
        return _nobody_reads()
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        error.show()
        return 2
    if isinstance(error, click.ClickException):
        error.show()
        return _ended(argv, "usage", error.format_message(), code=error.exit_code)
    if isinstance(error, KeyboardInterrupt | click.Abort):
        click.echo("limner: interrupted", err=True)
        return _ended(argv, "interrupted", "The command was interrupted.", code=130)
    if isinstance(error, LimnerError):
        return _ours(error, argv)
    if isinstance(error, OSError) and error.errno in _NO_ROOM:
        return _full(error, argv)
    return _bug(error, argv)


def say_problem(message: str, *, hint: str = "", candidates: tuple[str, ...] = ()) -> None:
    """``limner: message`` and what to do, on stderr."""
    from .wording import candidates_line, paragraph, plain

    click.echo(
        click.style("limner: ", fg="red") + paragraph(message).replace("\n", "\n  "), err=True
    )
    if hint:
        click.echo(f"  {plain(hint)}", err=True)
    if there := candidates_line(candidates, hint=hint):
        click.echo(f"  there are: {there}", err=True)


def failed_event(code: FailureCode, message: str, *, hint: str = "") -> TurnFailed:
    """A terminal event for what never became a turn."""
    from ...events import TurnFailed
    from ...schema import Failure

    return TurnFailed(outcome="failed", error=Failure(code=code, message=message, hint=hint))


def _ours(error: LimnerError, argv: list[str]) -> int:
    from ...errors import KeyMissing, NotFound, SettingsError, StoreError, UsageError

    candidates = error.candidates if isinstance(error, NotFound) else ()
    say_problem(str(error), hint=error.hint, candidates=candidates)
    code: FailureCode = "unknown"
    exit_code = 1
    if isinstance(error, KeyMissing):
        code, exit_code = "authentication", 4
    elif isinstance(error, UsageError | SettingsError):
        code, exit_code = "usage", 2
    elif isinstance(error, StoreError):
        code = "store"
    return _ended(argv, code, str(error), hint=error.hint, code=exit_code)


def _ended(
    argv: list[str], failure: FailureCode, message: str, *, hint: str = "", code: int
) -> int:
    """The last line of ``--json``, where it is not written already."""
    if "--json" in argv and TURN_COMMANDS & set(argv[:4]):
        from .stdout import write_json

        with suppress(OSError):  # where stdout itself is what failed
            write_json(failed_event(failure, message, hint=hint))
    return code


def _full(error: OSError, argv: list[str]) -> int:
    """Where output goes has no room: stdout on a full disk, mostly."""
    message = f"The output could not be written: {error.strerror}."
    hint = "Make room and look at `limner show`: a picture that came is kept."
    say_problem(message, hint=hint)
    return _ended(argv, "store", message, hint=hint, code=1)


def _bug(error: BaseException, argv: list[str]) -> int:
    said = f"{type(error).__name__}: {str(error)[:300]}"
    say_problem(
        f"an error of Limner's own: {said}",
        hint="limner --debug … shows where; please report it with that text.",
    )
    if "--debug" in argv:
        import traceback

        traceback.print_exception(error, file=sys.stderr)
    return _ended(argv, "unknown", f"An error of Limner's own: {said}", code=1)


def _nobody_reads() -> int:
    """Whoever read our output is gone; keep Python from complaining about it at exit."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 1
