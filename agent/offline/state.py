"""Everything one running offline server holds."""

from __future__ import annotations

import random
import secrets
from dataclasses import dataclass, field

from .art.slips import letters
from .dialects import ServerDialect, dialect_named
from .easel import Draw
from .faults import Kind, Schedule
from .memory import Memory
from .mischief import Mischief
from .options import OfflineOptions
from .performance import Workshop
from .shelf import Journal, NewIds, Shelf


@dataclass(kw_only=True)
class State:
    """Shared by all requests of one server."""

    options: OfflineOptions
    dialect: ServerDialect
    shelf: Shelf
    ids: NewIds
    schedule: Schedule
    journal: Journal = field(default_factory=Journal)
    memory: Memory = field(default_factory=Memory)
    _turns: int = 0

    @classmethod
    def of(cls, options: OfflineOptions) -> State:
        """Raises ``UsageError`` for a dialect that is not there."""
        return cls(
            options=options,
            dialect=dialect_named(options.dialect),
            shelf=Shelf(options.keep_bytes),
            ids=NewIds(options.salt or secrets.token_hex(8)),
            schedule=Schedule(options.faults),
        )

    def forget(self) -> None:
        """As if just started: answers, counters, log and the schedule of faults."""
        self.shelf.clear()
        self.journal.clear()
        self.memory.clear()
        self.schedule = Schedule(self.options.faults)
        self._turns = 0

    def next_channel(self) -> int:
        """The account that serves this request, in turn (N3)."""
        self._turns += 1
        return (self._turns - 1) % self.dialect.channels

    def strike(self, kind: Kind, *, words: str = "") -> list[Mischief]:
        """The faults of this request, counted. ``words`` are the newest that were said."""
        struck = self.schedule.strike(kind, lettered=kind != "ask" and letters(words))
        for name, _ in struck:
            self.journal.counts[f"fault.{name}"] += 1
        return [mischief for _, mischief in struck]

    async def wait(self) -> None:
        """The configured latency, drawn from the same sequence each run."""
        low, high = self.options.latency
        if high > 0:
            share = random.Random(f"latency:{self._turns}").random()  # noqa: S311
            await self.options.sleep(low + (high - low) * share)

    def workshop(self, faults: list[Mischief], request_id: str) -> Workshop:
        """A fresh one for one answer."""
        draw: Draw = self.options.draw
        return Workshop(
            draw=draw,
            ids=self.ids,
            journal=self.journal,
            clock=self.options.clock,
            memory=self.memory,
            request_id=request_id,
            changes=[m.item for m in faults if m.item is not None],
        )
