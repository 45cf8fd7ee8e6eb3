"""The exceptions and exit codes that callers and scripts depend on."""

from __future__ import annotations

import inspect
import re

import pytest

from agent import NotFound, TurnCompleted, UsageError, errors, results
from agent.errors import LimnerError
from agent.results import OutcomeError, Refused, TurnFailed, TurnResult, exit_code
from agent.schema import Failure, FailureCode, Outcome

TREE = re.compile(r"^ {4}([│├└─ ]*)(\w+)", re.MULTILINE)


def drawn() -> dict[str, str | None]:
    """name → parent, as the docstring of ``errors`` draws it."""
    parents: dict[str, str | None] = {}
    stack: list[str] = []
    for lead, name in TREE.findall(inspect.getdoc(errors) or ""):
        depth = len(lead) // 4
        parents[name] = stack[depth - 1] if depth else None
        stack[depth:] = [name]
    return parents


def built() -> dict[str, str | None]:
    found = [one for room in (errors, results) for one in inspect.getmembers(room, inspect.isclass)]
    own = {name: kind for name, kind in found if issubclass(kind, LimnerError)}
    return {
        name: next((b.__name__ for b in kind.__bases__ if b.__name__ in own), None)
        for name, kind in own.items()
    }


def test_the_tree_in_the_docstring_is_the_tree_of_classes() -> None:
    assert drawn() == built()


def test_every_error_carries_a_hint() -> None:
    failure = Failure(code="policy", message="No.", hint="Change it.")

    assert UsageError("x", hint="y").hint == "y"
    assert NotFound("x", candidates=("a", "b")).candidates == ("a", "b")
    assert OutcomeError(failure).hint == "Change it."
    assert LimnerError.hint == ""


def test_misuse_is_a_value_error_too() -> None:
    assert issubclass(UsageError, ValueError)


@pytest.mark.parametrize(
    ("outcome", "code", "expected"),
    [
        ("image", None, 0),
        ("text", None, 0),
        ("text", "no_image", 1),
        ("empty", "empty", 1),
        ("failed", "capability_missing", 1),
        ("failed", "store", 1),
        ("failed", "usage", 2),
        ("refused", "policy", 3),
        ("refused", "review", 3),
        ("refused", "moderation_blocked", 3),
        ("failed", "authentication", 4),
        ("failed", "budget", 5),
        ("unknown", "truncated", 7),
        ("unknown", "interrupted", 7),
        ("failed", "usage_window", 8),
        ("failed", "pending", 8),
    ],
)
def test_an_outcome_has_the_exit_code_of_the_table(
    outcome: Outcome, code: FailureCode | None, expected: int
) -> None:
    error = None if code is None else Failure(code=code, message="x")

    assert exit_code(outcome, code) == expected
    assert TurnResult(outcome=outcome, error=error).exit_code == expected


def test_who_prefers_exceptions_gets_one_for_every_turn_that_failed() -> None:
    failure = Failure(code="no_image", message="Only words.", hint="Say what to draw.")

    TurnCompleted(outcome="image").raise_for_outcome()
    with pytest.raises(TurnFailed, match="Only words") as failed:
        TurnResult(outcome="text", error=failure).raise_for_outcome()
    with pytest.raises(Refused):
        TurnResult(outcome="refused", error=failure).raise_for_outcome()
    assert failed.value.failure is failure
