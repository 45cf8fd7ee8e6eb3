"""A run of a batch before it begins: what is wanted, what that costs, what it replaces.

Nothing is written down but the files that briefs name, and nothing is sent.
"""

from __future__ import annotations

import socket
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, NamedTuple

import anyio.to_thread

from .. import ImageAgent
from ..errors import UsageError
from .batch import BatchNote, BatchOptions, BriefNote, Kept, Standing, Wish, counted
from .batch_events import BatchPlanned
from .batch_report import THUMBS
from .brief import Brief
from .deciding import PRINT
from .notes import Book, Notes
from .planning import fitting
from .wants import Bill, Known, Sheet, bill_of, known_of, sheet_of, stale_bill

_TAKEN: Final = frozenset({PRINT, THUMBS})


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What a run is to do."""

    name: str
    out: Path
    briefs: tuple[Brief, ...] = ()
    """Added, or in place of those of the same name; the others of the batch stay."""
    options: BatchOptions = field(default_factory=BatchOptions)
    refresh: bool = False
    """Make stale posters anew."""
    cwd: str | None = None


class Draft(NamedTuple):
    """A run as it would be: nothing is written down yet."""

    head: BatchNote
    notes: dict[str, BriefNote]
    sheets: tuple[Sheet, ...]
    known: Known
    bill: Bill
    stale: Bill
    """Of the stale posters that are left as they are."""

    @property
    def standings(self) -> list[Standing]:
        return [one for sheet in self.sheets for one in sheet.standings.values()]


# ── before anything is written or sent ───────────────────────────────────────────────────────


async def drafted(order: Order, agent: ImageAgent, notes: Notes) -> Draft:
    """Raises ``BriefError`` for a brief that does not fit, ``UsageError`` for another folder."""
    book = Book(notes, order.name)
    before = await book.begun()
    head = _head(order, agent, before)
    given = await book.briefs() if before else {}
    for brief in order.briefs:
        if brief.name in _TAKEN:
            raise UsageError(
                f"{brief.source or brief.name}: a brief in a batch cannot be called {brief.name}.",
                hint="That folder has other files; give it another name: name: …",
            )
        fitting(brief)
        place = given[brief.name].place if brief.name in given else len(given)
        files = await _kept(brief, agent)
        given[brief.name] = BriefNote(brief=brief, place=place, files=files)
    if not given:
        raise UsageError("A batch needs briefs.", hint="limner batch run briefs/*.yaml")
    known = await known_of(book)
    sheets = tuple(sheet_of(note, agent, known) for note in given.values())
    if order.refresh:
        fresh = known._replace(wishes={**known.wishes, **_freshened(sheets, known)})
        renewed = tuple(sheet_of(note, agent, fresh) for note in given.values())
        return Draft(head, given, renewed, fresh, bill_of(renewed, fresh), stale_bill(()))
    return Draft(head, given, sheets, known, bill_of(sheets, known), stale_bill(sheets))


def _head(order: Order, agent: ImageAgent, before: BatchNote | None) -> BatchNote:
    out, host = str(order.out.resolve() / order.name), socket.gethostname()
    if before is None:
        return BatchNote(
            name=order.name,
            out=out,
            host=host,
            cwd=order.cwd,
            profile=agent.kit.upstream.profile.name,
            options=order.options,
            created=agent.kit.clock.now(),
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


def _freshened(sheets: Iterable[Sheet], known: Known) -> dict[str, Wish]:
    """A wish for each picture with a stale poster: the same, made anew."""
    found: dict[str, Wish] = {}
    for sheet in sheets:
        for name, one in sheet.standings.items():
            if one.state != "stale":
                continue
            key = f"{sheet.brief.name}/{sheet.wants[name].picture}"
            reach = sheet.reaches[sheet.wants[name].picture]
            wish = known.wishes.get(key)
            if wish is None or wish.reach != reach:
                wish = Wish(reach=reach)
            found[key] = wish.model_copy(update={"fresh": wish.fresh + 1})
    return found


def planned(draft: Draft, *, offline: bool) -> BatchPlanned:
    """A draft as it is told."""
    return BatchPlanned(
        batch=draft.head.name,
        folder=draft.head.out,
        briefs=len(draft.sheets),
        posters=len(draft.standings),
        states=counted(draft.standings),
        to_make=draft.bill.posters,
        overwritten=draft.bill.overwritten,
        pictures=draft.bill.pictures,
        replaced=draft.bill.replaced,
        dearest=draft.bill.dearest,
        stale_cost=draft.stale.dearest if draft.stale.pictures else None,
        offline=offline,
    )
