"""What a turn came to, read from its last event or, later, from the store: told alike."""

from __future__ import annotations

from dataclasses import dataclass

from ...events import Terminal
from ...protocols import Tenancy
from ...schema import Failure, Image, Outcome, SessionId, Turn, TurnId, Usage


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawn:
    """One turn that is over."""

    turn: TurnId | None
    session: SessionId | None
    outcome: Outcome
    images: tuple[Image, ...]
    usage: Usage
    offline: bool
    error: Failure | None = None


def drawn_of(terminal: Terminal) -> Drawn:
    """From the event that ended it."""
    return Drawn(
        turn=terminal.turn,
        session=terminal.session,
        outcome=terminal.outcome,
        images=terminal.images,
        usage=terminal.usage,
        offline=terminal.offline,
        error=terminal.error,
    )


async def drawn_of_turn(turn: Turn, tenancy: Tenancy, tenant: str | None) -> Drawn:
    """From the store; pictures that were forgotten since are left out."""
    found = [await tenancy.picture(which, tenant=tenant) for which in turn.images]
    images = tuple(image for image in found if image is not None)
    error = turn.failures[-1] if turn.failures and not images else None
    if not images and error is None:
        error = Failure(code="unknown", message="Its pictures were forgotten.", billed="yes")
    return Drawn(
        turn=turn.id,
        session=turn.session,
        outcome=turn.outcome or "unknown",
        images=images,
        usage=turn.usage,
        offline=turn.offline,
        error=error,
    )
