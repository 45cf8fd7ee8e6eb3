"""A brief being made for a call, as the workroom keeps it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import anyio

if TYPE_CHECKING:
    from ...poster.records import PosterDone, PosterEvent, PosterMade

_DRAWN: Final = frozenset(
    {"poster.picture.bought", "poster.picture.cleared", "poster.line.repaired"}
)


@dataclass(eq=False)
class PosterJob:
    """One brief being made."""

    key: str
    count: int
    """Pictures that it may draw at most, repairs with them."""
    made: list[PosterMade] = field(default_factory=list)
    done: PosterDone | None = None
    error: Exception | None = None
    ended: anyio.Event = field(default_factory=anyio.Event)
    scope: anyio.CancelScope = field(default_factory=anyio.CancelScope)
    doing: str = "starting"
    drawn: int = 0

    def hear(self, event: PosterEvent) -> None:
        """Where it stands."""
        if event.type == "poster.made":
            self.made.append(event)
        elif event.type == "poster.done":
            self.done = event
        elif event.type == "poster.picture.started":
            self.doing = f"drawing {event.picture}"
        elif event.type == "poster.picture.read":
            self.doing = f"reading {event.picture}"
        if event.type in _DRAWN:
            self.drawn += 1
