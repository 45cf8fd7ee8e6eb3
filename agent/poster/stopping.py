"""What one picture met and the next would meet too, so that it is said once and nothing more is sent."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from ..schema import Failure, FailureCode
from .records import UNABLE, Made

_STOPPING: Final[frozenset[FailureCode]] = UNABLE | frozenset(
    {"authentication", "quota", "usage_window", "pending"}
)


@dataclass(slots=True)
class Outlook:
    """Over the pictures of a run, one after the other.

    ``patience``: pictures in a row for which there is no connection, each tried several times,
    before the server is taken to be away.
    """

    patience: int = 1
    _unreached: int = 0

    def ends_with(self, made: Made) -> Failure | None:
        """Why nothing more is to be sent; ``None``: go on."""
        failure = made.failure
        away = failure is not None and failure.code == "connection"
        self._unreached = self._unreached + 1 if away else 0
        if failure is None:
            return None
        if made.image is not None and failure.code in UNABLE:
            return None  # it draws, and only answers no questions
        if failure.code in _STOPPING or self._unreached >= self.patience:
            return failure
        return None
