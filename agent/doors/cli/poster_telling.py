"""The events of a brief being made, as a person or a script gets them; and its plan."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal
from pathlib import Path

import click

from ...poster.plan import Plan
from ...poster.records import (
    LineRepaired,
    LineSet,
    PictureBought,
    PictureCleared,
    PictureEnded,
    PictureRead,
    PictureStarted,
    PlanRecord,
    PosterDone,
    PosterEvent,
    PosterMade,
    PosterPlanned,
    plan_record,
)
from ...schema import Cost
from .stdout import write_json, write_path
from .telling import Progress
from .wording import money, plain


class PosterTeller:
    """Paths or JSON on stdout, the rest on stderr."""

    def __init__(self, *, as_json: bool, progress: Progress) -> None:
        self._json = as_json
        self._progress = progress
        self._open: set[str] = set()
        """Pictures under way."""

    def tell(self, event: PosterEvent) -> bool:
        """Everything there is to say about one event; whether something may be billed right now."""
        if self._json:
            with self._progress.aside():
                write_json(event)
        elif isinstance(event, PosterMade):
            with self._progress.aside():
                for path in event.paths:
                    write_path(Path(path))
        for line in _lines(event):
            self._progress.line(line)
        match event:
            case PictureStarted(picture=key):
                self._open.add(key)
            case PictureBought(picture=key) | PictureEnded(picture=key):
                self._open.discard(key)
            case PosterDone():
                self._open.clear()
                self._progress.rest()
            case _:
                pass
        if self._open:
            self._progress.stage(f"drawing {', '.join(sorted(self._open))}")
        return bool(self._open)

    def line(self, text: str) -> None:
        """Something to say."""
        self._progress.line(text)

    def close(self) -> None:
        """Whatever happened, the terminal is left as it was."""
        self._progress.rest()

    def plan(self, plan: Plan, *, offline: bool) -> None:
        """What would be done."""
        record = plan_record(plan, offline=offline)
        if self._json:
            write_json(record)
            return
        for line in _plan_lines(record):
            click.echo(line)

    def question(self, plans: Sequence[Plan], *, over: tuple[Decimal, int]) -> str:
        """What a person is to be asked before this is bought; empty: nothing."""
        posters = sum(len(plan.cells) for plan in plans)
        pictures = sum(len(plan.pictures) for plan in plans)
        known = [plan.dearest.amount for plan in plans if plan.dearest.amount is not None]
        for plan in plans:
            for warning in plan.warnings:
                self.line(f"{plain(plan.brief)}: {plain(warning)}")
        what = f"{posters} posters from {pictures} pictures"
        if len(known) < len(plans):
            return f"{what}, at a price that is not known."
        dearest = Cost(amount=sum(known, Decimal(0)), currency=plans[0].dearest.currency)
        if (dearest.amount or 0) <= over[0] and posters <= over[1]:
            return ""
        return f"{what} may cost up to {money(dearest)}."


def _lines(event: PosterEvent) -> Iterator[str]:
    match event:
        case PosterPlanned():
            yield from _planned(event)
        case PictureBought(again=True):
            yield f"{plain(event.picture)}: bought before, not again"
        case PictureRead():
            yield from _read(event)
        case PictureCleared():
            yield f"{plain(event.picture)}: asked for once more without that lettering"
        case LineRepaired():
            yield f"{plain(event.picture)}: {plain(event.line)} painted again"
        case LineSet():
            yield f"{plain(event.picture)}: {plain(event.line)} is set instead: {plain(event.reason)}"
        case PictureEnded(status="planned"):
            pass  # told once, at the end
        case PictureEnded():
            why = f": {plain(event.failure.message)}" if event.failure else ""
            yield f"{plain(event.picture)}: {event.status}{why}"
            if event.failure and event.failure.hint:
                yield f"  {plain(event.failure.hint)}"
        case PosterMade():
            yield from _made(event)
        case PosterDone():
            yield from _done(event)
        case _:
            pass


def _planned(event: PosterPlanned) -> Iterator[str]:
    left = f", {event.finished} of them finished before" if event.finished else ""
    yield f"{plain(event.brief)}: {event.posters} posters from {event.pictures} pictures{left}"
    if not event.offline:
        yield f"  {_range(event.cheapest, event.dearest)}"
    for warning in event.warnings:
        yield f"  warning: {plain(warning)}"


def _read(event: PictureRead) -> Iterator[str]:
    if event.problem:
        yield f"{plain(event.picture)}: not proved: {plain(event.problem)}"
        return
    for line in event.lines:
        if line.verdict != "proved":
            seen = f", reads {plain(line.readings[0])!r}" if line.readings else ""
            yield f"{plain(event.picture)}: {plain(line.line_id)} is {line.verdict}{seen}"
    for text in event.unexpected:
        yield f"{plain(event.picture)}: unexpected lettering {plain(text)!r}"


def _made(event: PosterMade) -> Iterator[str]:
    if event.status not in ("proved", "planned"):
        yield f"{plain(event.name)}: {event.status}"
        for reason in event.reasons:
            yield f"  {plain(reason)}"


def _done(event: PosterDone) -> Iterator[str]:
    counts = ", ".join(f"{number} {status}" for status, number in event.counts.items())
    yield f"{plain(event.brief)}: {counts}; {money(event.cost)} in this run"
    if event.error is not None and "planned" in event.counts:
        yield f"  {plain(event.error.message)} Nothing more was sent; the next run makes the rest."
        yield from (f"  {plain(hint)}" for hint in (event.error.hint,) if hint)
    yield f"  {plain(event.report)}"


def _range(low: Cost, high: Cost) -> str:
    if low.amount is None or high.amount is None:
        return "price not known"
    return f"{money(low)} to {money(high)}"


def _plan_lines(plan: PlanRecord) -> Iterator[str]:
    yield click.style(plain(plan.brief), bold=True)
    yield f"  {len(plan.posters)} posters from {len(plan.pictures)} pictures"
    yield f"  {_range(plan.cheapest, plan.dearest)}" + (" (offline)" if plan.offline else "")
    yield "  bought, in this order:"
    for picture in plan.pictures:
        role = f"edit of {picture.lead}" if picture.lead else "sets the look"
        dpi = f", {picture.dpi} dpi" if picture.dpi else ""
        yield (
            f"    {plain(picture.picture):24} {picture.asked:>10}{dpi}  {picture.lettering}, {role}"
            f"  {_range(picture.cheapest, picture.dearest)}"
        )
    yield "  delivered:"
    for name in plan.posters:
        yield f"    {plain(name)}"
    for warning in plan.warnings:
        yield click.style("  warning: ", fg="yellow") + plain(warning)
    for note in plan.notes:
        yield f"  note: {plain(note)}"
