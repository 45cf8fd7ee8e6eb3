"""A turn that was sent and brought nothing, asked for once more: the same words, pictures, options.

Never by itself: the first request may have been billed, so a person decides. What was stored is read
back into a ``TurnRequest``; the screen, the budgets and the ledger then see a turn like any other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from .errors import UsageError
from .protocols import Store, TurnRequest
from .schema import Attempt, SessionId, Turn, TurnId

_OPEN = ("intent", "sent")


class Accepted(Protocol):
    """A screened text, as far as somebody accepted what it says."""

    @property
    def subject(self) -> str: ...

    @property
    def acknowledged(self) -> tuple[str, ...]: ...

    @property
    def acknowledged_by(self) -> str | None: ...


class Archive(Store, Protocol):
    """A store that finds single attempts and turns."""

    async def attempt(self, ref: str) -> Attempt: ...

    async def turn(self, which: TurnId) -> Turn: ...

    async def screened(
        self, *, session: SessionId | None, turn: TurnId | None, limit: int | None
    ) -> Sequence[Accepted]: ...


@dataclass(frozen=True, slots=True)
class Again:
    """What is to be sent once more, and what became of it the first time."""

    request: TurnRequest
    attempt: Attempt


async def again(store: Archive, ref: str) -> Again:
    """Raises ``UsageError`` for what is refused, done or under way, and for a question.

    How long the model may think and whether the answer is streamed are not kept with a turn.
    """
    attempt = await store.attempt(ref)
    if attempt.turn is None:
        raise UsageError(f"{attempt.id} was a question, not a picture.", hint="Ask it again.")
    turn = await store.turn(attempt.turn)
    tries = await store.attempts(turn=turn.id)
    _check(attempt, turn, tries)
    mask = await store.read_blob(turn.mask) if turn.mask else None
    accepted = await _accepted(store, turn)
    request = TurnRequest(
        text=turn.prompt,
        intent=turn.intent,
        session=turn.session,
        edit=turn.editing,
        references=turn.references,
        mask=mask,
        options=turn.options,
        model=attempt.model,
        acknowledge=accepted.acknowledged if accepted else (),
        acknowledged_by=accepted.acknowledged_by if accepted else None,
        user=attempt.user,
        tenant=attempt.tenant,
    )
    return Again(request, attempt)


def _check(attempt: Attempt, turn: Turn, tries: Sequence[Attempt]) -> None:
    for each in tries:
        if each.state in _OPEN:
            raise UsageError(
                f"{each.id} is still under way.",
                hint="limner ledger unsettled says which process waits for it.",
            )
    if turn.images:
        raise UsageError(
            f"The turn of {attempt.id} has its picture.", hint=f"limner show {turn.images[0]}"
        )
    if attempt.state == "refused" or turn.outcome == "refused":
        raise UsageError(
            f"{attempt.id} was refused, and the same again would be.",
            hint="Say it in other words, in a turn of its own.",
        )
    if attempt.state == "completed":
        raise UsageError(
            f"{attempt.id} was answered, in words.", hint=f"limner show {turn.session}"
        )


async def _accepted(store: Archive, turn: Turn) -> Accepted | None:
    """What somebody accepted for this very text holds for this very text."""
    found = await store.screened(session=None, turn=turn.id, limit=None)
    return next((one for one in found if one.subject == "prompt" and one.acknowledged), None)
