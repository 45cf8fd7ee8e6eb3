"""What a brief of a batch wants now, and how each of its posters stands."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Final, NamedTuple
from weakref import WeakKeyDictionary

import anyio.to_thread

from .. import ImageAgent, __version__
from ..poster.brief import Brief
from ..poster.plan import Picture, Plan
from ..poster.planning import plan_for, with_model
from ..poster.purse import total
from ..schema import Cost
from .here import still_there
from .notes import Book, Known
from .packed import Packed
from .standing import (
    BriefNote,
    Standing,
    Wanted,
    Wish,
    cell_reach,
    making_of,
    picture_reach,
    standing,
    to_do,
    wanted,
)


class Sheet(NamedTuple):
    """One brief of a batch: what it wants, and how that stands."""

    note: BriefNote
    brief: Brief
    """With the image model of the server, where it names none."""
    plan: Plan
    wants: Mapping[str, Wanted]
    """Cell → what it is to be."""
    reaches: Mapping[str, str]
    """Picture → its reach."""
    standings: Mapping[str, Standing]

    def of(self, picture: str) -> str:
        """What is bought for a picture."""
        return next(one.of for one in self.wants.values() if one.picture == picture)

    def making(self, picture: str) -> str:
        return next(one.making for one in self.wants.values() if one.picture == picture)

    def left(self) -> tuple[Picture, ...]:
        """Pictures with a poster that is to be made, in the order of the plan."""
        keys = {w.picture for n, w in self.wants.items() if to_do(self.standings[n].state)}
        return tuple(one for one in self.plan.pictures if one.key in keys)


class Window(NamedTuple):
    """Some briefs of a batch, next to each other, and what is written down of them."""

    sheets: tuple[Sheet, ...]
    known: Known

    @property
    def standings(self) -> dict[str, Standing]:
        """Every poster of these, in the order of the briefs."""
        return {name: one for sheet in self.sheets for name, one in sheet.standings.items()}


class Planned(NamedTuple):
    """A brief and its plan: what it wants is by what is written down under ``keys``."""

    note: BriefNote
    brief: Brief
    plan: Plan

    @property
    def keys(self) -> Iterator[str]:
        """Of its pictures and its posters."""
        yield from (f"{self.brief.name}/{one.key}" for one in self.plan.pictures)
        yield from (one.name for one in self.plan.cells)


_WIDE: Final = 20
"""Briefs in one window."""


async def windows(
    book: Book,
    agent: ImageAgent,
    names: Iterable[str],
    given: Mapping[str, BriefNote] | None = None,
    *,
    folder: Path | None,
) -> AsyncIterator[Window]:
    """Briefs of these names, some at a time, so that no batch is too large for the memory.

    ``given``: not written down yet, or in place of what is. ``folder``: of the batch, where its
    posters can be looked for.
    """
    left, given = list(names), given or {}
    for start in range(0, len(left), _WIDE):
        some = left[start : start + _WIDE]
        there = await book.briefs([name for name in some if name not in given])
        notes = [given[name] if name in given else there.get(name) for name in some]
        plans = [planned(note, agent) for note in notes if note is not None]
        written = await book.known([key for one in plans for key in one.keys])
        known = await anyio.to_thread.run_sync(still_there, written, folder)
        yield Window(tuple(sheet_of(one, agent, known) for one in plans), known)


NOTHING: Final = Known({}, {}, {}, {})


def renewed(window: Window, wishes: Mapping[str, Wish], agent: ImageAgent) -> Window:
    """As it would be with these wishes."""
    known = window.known._replace(wishes={**window.known.wishes, **wishes})
    sheets = (
        sheet_of(Planned(sheet.note, sheet.brief, sheet.plan), agent, known)
        for sheet in window.sheets
    )
    return Window(tuple(sheets), known)


_plans: Final[WeakKeyDictionary[ImageAgent, Packed[Plan]]] = WeakKeyDictionary()
"""A run needs the plan of a brief again and again, and a plan is a poster's layout tried many times."""


def planned(note: BriefNote, agent: ImageAgent) -> Planned:
    """With the image model of the server, where the brief names none."""
    brief = with_model(note.brief, agent)
    plans = _plans.setdefault(agent, Packed(Plan))
    name = hashlib.sha256(brief.model_dump_json().encode()).hexdigest()
    if name in plans:
        return Planned(note, brief, plans[name])
    plan = plan_for(brief, agent)
    plans.keep(name, plan)
    return Planned(note, brief, plan)


def sheet_of(one: Planned, agent: ImageAgent, known: Known) -> Sheet:
    """Pure but for the prices and the policy that the agent has in hand."""
    note, brief, plan = one
    wants = {one.cell.name: one for one in _wants(note, brief, plan, agent, known)}
    standings = {
        name: standing(
            want,
            known.cells.get(name),
            known.pictures.get(f"{brief.name}/{want.picture}"),
            known.decisions.get(name),
        )
        for name, want in wants.items()
    }
    files = _files(note)
    reaches = {one.key: picture_reach(note.brief, one, files) for one in plan.pictures}
    return Sheet(note, brief, plan, wants, reaches, standings)


def _wants(
    note: BriefNote, brief: Brief, plan: Plan, agent: ImageAgent, known: Known
) -> Iterator[Wanted]:
    policy, files = agent.kit.policy.sha256, _files(note)
    for cell in plan.cells:
        picture = plan.picture(cell.picture)
        reach = picture_reach(note.brief, picture, files)
        yield Wanted(
            cell=cell,
            brief=brief.name,
            picture=picture.key,
            reach=cell_reach(note.brief, cell, reach),
            making=making_of(
                picture, version=__version__, policy=policy, model=brief.options.model
            ),
            of=wanted(reach, known.wishes.get(f"{brief.name}/{picture.key}")),
        )


def _files(note: BriefNote) -> dict[str, str]:
    return {one.path: one.sha256 for one in note.files}


class Bill(NamedTuple):
    """What is to be bought, and how much of that replaces what is there."""

    pictures: int
    replaced: int
    """Of the pictures: those bought before whose brief, or maker, is another now. Whoever asked
    for a change of one was told then."""
    posters: int
    overwritten: int
    """Posters that are there and will be another."""
    dearest: Cost

    def plus(self, other: Bill) -> Bill:
        """Both."""
        return Bill(
            self.pictures + other.pictures,
            self.replaced + other.replaced,
            self.posters + other.posters,
            self.overwritten + other.overwritten,
            total((self.dearest, other.dearest)),
        )


def bill_of(sheets: Iterable[Sheet], known: Known) -> Bill:
    """Each picture once, at its dearest, without readings and repairs."""
    pictures = replaced = posters = overwritten = 0
    costs: list[Cost] = []
    for sheet in sheets:
        name = sheet.brief.name
        for picture in sheet.left():
            before = known.pictures.get(f"{name}/{picture.key}")
            if before is not None and before.of == sheet.of(picture.key) and before.made.image:
                continue
            pictures += 1
            wish = known.wishes.get(f"{name}/{picture.key}")
            asked = wish is not None and wish.image and wish.reach == sheet.reaches[picture.key]
            replaced += before is not None and before.made.image is not None and not asked
            costs.append(picture.dearest)
        for cell, one in sheet.standings.items():
            if to_do(one.state):
                posters += 1
                there = known.cells.get(cell)
                overwritten += there is not None and bool(there.record.files)
    return Bill(pictures, replaced, posters, overwritten, total(costs))


def stale_bill(sheets: Iterable[Sheet]) -> Bill:
    """Of making every stale poster anew."""
    posters, costs = 0, []
    for sheet in sheets:
        stale = [n for n, one in sheet.standings.items() if one.state == "stale"]
        posters += len(stale)
        keys = {sheet.wants[name].picture for name in stale}
        costs += [one.dearest for one in sheet.plan.pictures if one.key in keys]
    return Bill(len(costs), len(costs), posters, posters, total(costs))
