"""So many pictures asked for in so many seconds, over all workers, as the server counts them.

A ticket is taken before anything is written down to be sent, and gets its time right before the
request goes out. Tickets without a time count as well, so no window of that length ever holds more.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

import anyio

from ..errors import StoreError
from ..protocols import Upstream
from ..schema import Failure
from ..traffic import Outgoing
from .watched import Watched

SLACK_S: Final = 0.25
"""Longer than asked for: requests that left in turn may arrive a little closer together."""


class Pace(Protocol):
    """Where tickets are kept, by the name of a server."""

    async def set_pace(self, server: str, rate: tuple[int, float] | None) -> None:
        """As the newest run wants it."""
        ...

    async def ticket(self, server: str, ticket: str) -> float | None:
        """Seconds to wait before asking again, 0 with a ticket; ``None``: there is no limit."""
        ...

    async def stamp(self, server: str, ticket: str) -> bool:
        """The request goes out now. False where the ticket was too old and is gone."""
        ...


@dataclass(slots=True)
class Turnstile:
    """Of one picture at a time. ``name`` is like no other's."""

    pace: Pace
    server: str
    name: str
    _taken: int = 0
    _ticket: str | None = None

    async def enter(self) -> None:
        """Wait for a ticket; for one request it is enough."""
        if self._ticket is not None:
            return
        self._taken += 1
        ticket = f"{self.name}.{self._taken}"
        delay = await self.pace.ticket(self.server, ticket)
        while delay:
            await anyio.sleep(delay)
            delay = await self.pace.ticket(self.server, ticket)
        self._ticket = None if delay is None else ticket

    async def passing(self) -> None:
        """Right before the request goes out; what is sent again needs a ticket of its own."""
        while True:
            await self.enter()
            if self._ticket is None:
                return
            ticket, self._ticket = self._ticket, None
            if await self.pace.stamp(self.server, ticket):
                return


def paced(upstream: Upstream, turnstile: Turnstile, through: Callable[[], None]) -> Upstream:
    """One behind a turnstile, for what draws; ``through`` hears that it goes out."""

    async def stamped(outgoing: Outgoing) -> Failure | None:
        if outgoing.kind == "ask":
            return None
        try:
            await turnstile.passing()
        except StoreError as error:
            return Failure(code="store", message=str(error), hint=error.hint, billed="no")
        through()
        return None

    return Watched(upstream, stamped)
