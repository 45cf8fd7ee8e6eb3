"""How a turn ended, as a value; and the same as an exception, for callers who prefer one."""

from __future__ import annotations

from decimal import Decimal
from typing import Literal

from .errors import LimnerError
from .schema import (
    AttemptSummary,
    Cost,
    Failure,
    FailureCode,
    Image,
    Outcome,
    Record,
    SessionId,
    TurnId,
    Usage,
)


class OutcomeError(LimnerError):
    """A turn that did not end in a picture, for callers who prefer exceptions."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.message)
        self.failure = failure
        self.hint = failure.hint


class Refused(OutcomeError):
    """Our policy or the provider refused; nothing to retry."""


class TurnFailed(OutcomeError):
    """The turn ended without a picture for any other reason."""


class ImageUrlNotAvailable(OutcomeError):
    """The picture is stored; only an address was asked for, and there is none (R32)."""


class TurnResult(Record):
    """How a turn ended: the body of every terminal event and the last line of ``--json``."""

    v: Literal[1] = 1
    session: SessionId | None = None
    session_name: str | None = None
    turn: TurnId | None = None
    outcome: Outcome
    offline: bool = False
    degraded: tuple[dict[str, str], ...] = ()
    profile: str = ""
    text: str = ""
    images: tuple[Image, ...] = ()
    failures: tuple[Failure, ...] = ()
    usage: Usage = Usage()
    cost: Cost = Cost()
    cost_usd: Decimal | None = None
    attempts: tuple[AttemptSummary, ...] = ()
    error: Failure | None = None

    @property
    def exit_code(self) -> int:
        """The process exit code of DESIGN section 2."""
        return exit_code(self.outcome, self.error.code if self.error else None)

    def raise_for_outcome(self) -> None:
        """Raise ``Refused`` or ``TurnFailed`` unless a picture (or a wanted text) came back."""
        if self.error is None:
            return
        kind: type[OutcomeError] = Refused if self.outcome == "refused" else TurnFailed
        raise kind(self.error)


def exit_code(outcome: Outcome, code: FailureCode | None) -> int:
    """Process exit code of an outcome; 6 (batch) and 130/143 (interrupted) belong to doors."""
    if outcome in ("image", "text") and code is None:
        return 0
    if outcome == "refused":
        return 3
    if outcome == "unknown":
        return 7
    by_code: dict[FailureCode | None, int] = {
        "usage": 2,
        "authentication": 4,
        "budget": 5,
        "usage_window": 8,
        "pending": 8,
    }
    return by_code.get(code, 1)
