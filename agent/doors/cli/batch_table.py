"""A batch at a terminal while it runs: one table that moves, a row for each state there is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ...batch.events import BatchProgress
from ...batch.standing import CellState
from .wording import amount

if TYPE_CHECKING:
    from rich.table import Table

_WIDTH: Final = 24
_COLOURS: Final[dict[CellState, str]] = {
    "proved": "green",
    "approved": "green",
    "needs-person": "yellow",
    "stale": "magenta",
    "parked": "red",
    "refused": "red",
    "rejected": "red",
}


def table_of(event: BatchProgress) -> Table:
    """Posters by how they stand, each with its share, and the money under them."""
    from rich.bar import Bar
    from rich.table import Table

    table = Table.grid(padding=(0, 2))
    table.add_column()
    table.add_column(justify="right")
    posters = sum(event.states.values())
    for state, number in event.states.items():
        bar = Bar(max(1, posters), 0, number, width=_WIDTH, color=_COLOURS.get(state, "default"))
        table.add_row(state, str(number), bar)
    if event.currency:
        spent = None if event.spent is None else amount(event.spent, event.currency)
        table.add_row("spent", spent or "not known")
        if event.reserved:
            table.add_row("reserved", amount(event.reserved, event.currency), "or possibly billed")
    return table
