"""A batch as a person or a script gets it: paths or JSON on stdout, the rest on stderr."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from pathlib import Path

import click

from ...batch.drafts import Draft
from ...batch.events import (
    BatchDone,
    BatchEvent,
    BatchPicture,
    BatchPlanned,
    BatchPoster,
    BatchProgress,
    BatchWaits,
)
from ...batch.standing import BatchNote, CellState, Standing, summed, to_do
from ...schema import Cost
from .batch_table import table_of
from .stdout import write_json, write_path
from .telling import LiveProgress, Progress
from .wording import amount, count, delay, money, plain

_MOST = 50
"""Lines about posters and pictures that are not as they should be."""


class BatchTeller:
    """Everything there is to say about a run."""

    def __init__(self, *, as_json: bool, progress: Progress) -> None:
        self._json = as_json
        self._progress = progress
        self._live = progress if isinstance(progress, LiveProgress) else None
        self._folder = Path()
        self._shown = -1
        """Which twentieth of the posters was told last."""
        self._lines = 0

    def tell(self, event: BatchEvent) -> None:
        if self._json:
            with self._progress.aside():
                write_json(event)
        match event:
            case BatchPlanned():
                self._folder = Path(event.folder)
                for line in planned_lines(event):
                    self.line(line)
            case BatchPoster():
                self._poster(event)
            case BatchPicture(what="ended"):
                why = f": {plain(event.failure.message)}" if event.failure else ""
                self._some(f"{plain(event.brief)} {plain(event.picture)}: {event.status}{why}")
            case BatchProgress():
                self._stage(event)
            case BatchWaits():
                later = f"; again {delay(event.delay_s)}" if event.delay_s else ""
                self.line(f"{plain(event.message)}{later}")
            case BatchDone():
                self._done(event)
            case _:
                pass

    def line(self, text: str) -> None:
        """Something to say."""
        self._progress.line(text)

    def close(self) -> None:
        """Whatever happened, the terminal is left as it was."""
        self._progress.rest()

    def _poster(self, event: BatchPoster) -> None:
        if not self._json:
            with self._progress.aside():
                for path in event.paths:
                    write_path(self._folder / path)
        if event.state != "proved":
            reasons = "".join(f"\n  {plain(reason)}" for reason in event.reasons)
            self._some(f"{plain(event.name)}: {event.state}{reasons}")

    def _some(self, text: str) -> None:
        """Of thousands, the first ones: the end counts them, and the report has them all."""
        self._lines += 1
        if self._lines <= _MOST:
            self.line(text)
        elif self._lines == _MOST + 1:
            self.line("and more; limner batch status lists them")

    def _stage(self, event: BatchProgress) -> None:
        """In a log a line for each twentieth; at a terminal a table that moves."""
        if self._live is not None:
            self._live.stage("; ".join([*_ahead(event), "running for"]), table_of(event))
            return
        posters = sum(event.states.values())
        open_ = sum(number for state, number in event.states.items() if to_do(state))
        part = 20 * (posters - open_) // max(1, posters)
        if part == self._shown:
            return
        self._shown = part
        paid = _money(event.spent, event.reserved, event.currency)
        self._progress.stage("; ".join([states_line(event.states), *_ahead(event), *paid]))

    def _done(self, event: BatchDone) -> None:
        self._progress.rest()
        facts = [states_line(event.states), *_money(event.spent, event.reserved, event.currency)]
        self.line(f"{plain(event.batch)}: {'; '.join(facts)}")
        if event.report:
            self.line(f"  {plain(event.report)}")
        if event.error is not None:
            self.line(f"  stopped: {plain(event.error.message)}")
        if event.short:
            self.line(
                f"  stopped by a budget: {count(event.short, 'poster')}; with a larger --max-cost, "
                "or budget in the brief, limner batch run makes them"
            )
        if event.stopped and event.exit_code:
            self.line("  stopped; limner batch run goes on")

    def question(self, draft: Draft) -> str:
        """What a person is to be asked before this is bought."""
        bill = draft.bill
        told = f"{count(bill.posters, 'poster')} from {count(bill.pictures, 'picture')} to buy"
        if bill.dearest.amount is None:
            told += ", at a price that is not known"
        elif bill.pictures:
            told += f", up to {money(bill.dearest)} without repairs"
        if bill.replaced:
            told += (
                f"; {count(bill.replaced, 'picture')} of them bought before, and "
                f"{count(bill.overwritten, 'finished poster')} replaced"
            )
        return f"{told}."


def _ahead(event: BatchProgress) -> Iterator[str]:
    if event.under_way:
        yield f"{count(event.under_way, 'picture')} to go"
    if event.eta_s:
        yield f"done {delay(event.eta_s)}"


def _money(spent: Decimal | None, reserved: Decimal | None, currency: str) -> Iterator[str]:
    if not currency:
        return
    yield f"{amount(spent, currency)} spent" if spent is not None else "spent: not known"
    if reserved:
        yield f"{amount(reserved, currency)} reserved or possibly billed"


def states_line(states: Mapping[CellState, int]) -> str:
    """``12 proved, 3 parked``."""
    return ", ".join(f"{number} {state}" for state, number in states.items()) or "nothing"


def planned_lines(event: BatchPlanned) -> Iterator[str]:
    """What a run will do."""
    yield (
        f"{plain(event.batch)}: {count(event.posters, 'poster')} of {count(event.briefs, 'brief')}; "
        f"{states_line(event.states)}"
    )
    if event.pictures and not event.offline:
        yield f"  {count(event.pictures, 'picture')} to buy, up to {_price(event.dearest)}"
    elif event.pictures:
        yield f"  {count(event.pictures, 'picture')} to draw offline"
    elif event.to_make:
        yield f"  {count(event.to_make, 'poster')} to make, nothing to buy"
    if event.replaced:
        yield f"  {event.replaced} of them bought before, and wanted otherwise now"
    stale = event.states.get("stale", 0)
    if stale:
        cost = f", up to {_price(event.stale_cost)}" if event.stale_cost else ""
        yield f"  {stale} stale are left as they are; --refresh stale makes them anew{cost}"


def _price(cost: Cost) -> str:
    return "a price that is not known" if cost.amount is None else money(cost)


def status_lines(
    head: BatchNote,
    standings: Sequence[Standing],
    spent: tuple[Decimal | None, Decimal | None, str],
) -> Iterator[str]:
    """The sums, and a line for each poster that somebody has to look at."""
    facts = [states_line(summed(one.state for one in standings)), *_money(*spent)]
    yield f"{click.style(plain(head.name), bold=True)}: {'; '.join(facts)}"
    for one in standings:
        if one.state in ("proved", "approved"):
            continue
        yield f"{one.state:13} {plain(one.name)}"
        for reason in one.reasons:
            yield f"{'':13}   {plain(reason)}"
