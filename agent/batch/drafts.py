"""A run of a batch before it begins: what is wanted, what that costs, what it replaces.

Nothing is written down but the files that briefs name, and nothing is sent.
"""

from __future__ import annotations

import socket
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, NamedTuple

import anyio.to_thread

from .. import ImageAgent
from ..errors import UsageError
from ..poster.brief import Brief, BriefError
from .events import BatchPlanned
from .folder import PRINT
from .here import folder_here
from .notes import Book, Notes
from .packed import Packed
from .report import THUMBS
from .standing import BatchNote, BatchOptions, BriefNote, CellState, Kept, Wish, summed
from .tasks import tasks_of
from .wants import NOTHING, Bill, Window, bill_of, renewed, stale_bill, windows
from .wants import planned as plan_of_note

_TAKEN: Final = frozenset({PRINT, THUMBS})


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What a run is to do."""

    name: str
    out: Path
    briefs: Collection[Brief] = ()
    """Added, or in place of those of the same name; the others of the batch stay."""
    options: BatchOptions = field(default_factory=BatchOptions)
    refresh: bool = False
    """Make stale posters anew."""
    cwd: str | None = None


class Draft(NamedTuple):
    """A run as it would be: nothing is written down yet. Of thousands of briefs as of one."""

    head: BatchNote
    notes: Packed[BriefNote]
    """Of the briefs that were given now."""
    names: tuple[str, ...]
    """Of all briefs, in their order."""
    wishes: dict[str, Wish]
    """To be written down with it."""
    states: dict[str, CellState]
    """Of every poster."""
    tasks: frozenset[str]
    """What of each task that can begin at once."""
    bill: Bill
    stale: Bill
    """Of the stale posters that are left as they are."""


# ── before anything is written or sent ───────────────────────────────────────────────────────


async def drafted(order: Order, agent: ImageAgent, notes: Notes) -> Draft:
    """Raises ``BriefError`` for a brief that does not fit, ``UsageError`` for another folder."""
    book = Book(notes, order.name)
    before = await book.begun()
    head = _head(order, agent, before)
    places = await book.places() if before else {}
    given = Packed(BriefNote)
    for brief in order.briefs:
        given.keep(brief.name, await _given(brief, places, agent))
    if not places:
        raise UsageError("A batch needs briefs.", hint="limner batch run briefs/*.yaml")
    names = tuple(sorted(places, key=places.__getitem__))
    draft = Draft(head, given, names, {}, {}, frozenset(), bill_of((), NOTHING), stale_bill(()))
    tasks: set[str] = set()
    async for window in windows(book, agent, names, given, folder=folder_here(head)):
        draft = _with(draft, window, agent, tasks, refresh=order.refresh)
    return draft._replace(tasks=frozenset(tasks))


async def _given(brief: Brief, places: dict[str, int], agent: ImageAgent) -> BriefNote:
    """As it is to be written down; its place is noted."""
    if brief.name in _TAKEN:
        raise UsageError(
            f"{brief.source or brief.name}: a brief in a batch cannot be called {brief.name}.",
            hint="That folder has other files; give it another name: name: …",
        )
    note = BriefNote(brief=brief, place=places.setdefault(brief.name, len(places)))
    if problems := plan_of_note(note, agent).plan.unfit:
        raise BriefError(problems, name=brief.source or brief.name)
    return note.model_copy(update={"files": await _kept(brief, agent)})


def _with(
    draft: Draft, window: Window, agent: ImageAgent, tasks: set[str], *, refresh: bool
) -> Draft:
    """The sums with those of a window; what it says of each poster is noted."""
    stale = stale_bill(window.sheets)
    if refresh:
        wishes = _freshened(window)
        draft.wishes.update(wishes)
        window, stale = renewed(window, wishes, agent), stale_bill(())
    draft.states.update({name: one.state for name, one in window.standings.items()})
    for sheet in window.sheets:
        tasks.update(one.what for one in tasks_of(draft.head, sheet, window.known.pictures))
    bill = draft.bill.plus(bill_of(window.sheets, window.known))
    return draft._replace(bill=bill, stale=draft.stale.plus(stale))


def _head(order: Order, agent: ImageAgent, before: BatchNote | None) -> BatchNote:
    out, host = str(order.out.resolve() / order.name), socket.gethostname()
    if before is None:
        now = agent.kit.clock.now()
        return BatchNote(
            name=order.name,
            out=out,
            host=host,
            cwd=order.cwd,
            profile=agent.kit.upstream.profile.name,
            options=order.options,
            runs=int(now.timestamp() * 1000),
            created=now,
        )
    if (before.out, before.host) != (out, host):
        raise UsageError(
            f"The batch {order.name!r} has its files in {before.out} on {before.host}.",
            hint=f"Use --out {Path(before.out).parent}, or give this one another --name.",
        )
    profile = agent.kit.upstream.profile.name
    changed = {"runs": before.runs + 1, "options": order.options, "profile": profile}
    return before.model_copy(update=changed)


async def _kept(brief: Brief, agent: ImageAgent) -> tuple[Kept, ...]:
    """Its files go into the store, so that every worker has them, and as they are now."""
    kit, found = agent.kit, []
    paths = (*brief.references, *((brief.logo.path,) if brief.logo else ()))
    for path in dict.fromkeys(paths):
        data = await anyio.to_thread.run_sync(kit.pictures.load, path)
        facts = kit.pictures.inspect(data, name=str(path))
        size = (facts.width, facts.height)
        blob = await kit.store.put_blob(data, media_type=facts.media_type, size=size)
        found.append(Kept(path=str(path), sha256=blob.sha256, media_type=blob.media_type))
    return tuple(found)


def _freshened(window: Window) -> dict[str, Wish]:
    """A wish for each picture with a stale poster: the same, made anew."""
    found: dict[str, Wish] = {}
    for sheet in window.sheets:
        for name, one in sheet.standings.items():
            if one.state != "stale":
                continue
            key = f"{sheet.brief.name}/{sheet.wants[name].picture}"
            reach = sheet.reaches[sheet.wants[name].picture]
            wish = window.known.wishes.get(key)
            if wish is None or wish.reach != reach:
                wish = Wish(reach=reach)
            found[key] = wish.model_copy(update={"fresh": wish.fresh + 1})
    return found


def planned(draft: Draft, *, offline: bool) -> BatchPlanned:
    """A draft as it is told."""
    return BatchPlanned(
        batch=draft.head.name,
        folder=draft.head.out,
        briefs=len(draft.names),
        posters=len(draft.states),
        states=summed(draft.states.values()),
        to_make=draft.bill.posters,
        overwritten=draft.bill.overwritten,
        pictures=draft.bill.pictures,
        replaced=draft.bill.replaced,
        dearest=draft.bill.dearest,
        stale_cost=draft.stale.dearest if draft.stale.pictures else None,
        offline=offline,
    )
