"""What a person says of a batch: approve, reject, ask for a change, put a file in its place.

Everything is by names of posters (``brief/locale/size/variant``, globs allowed). Nothing here sends
anything; ``redo`` writes a wish down, and the next run of the batch fulfils it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from pathlib import Path
from typing import Final, Literal, NamedTuple

import anyio.to_thread

from .. import ImageAgent
from ..errors import NotFound, UsageError
from ..poster.output import put
from ..poster.purse import total
from ..poster.records import Delivered
from ..poster.sizes import SizeSpec
from ..protocols import NewImage
from ..schema import Cost, Image, ImageId, Rendering
from .folder import written
from .here import folder_here
from .notes import Book, Known, Notes
from .standing import (
    BatchNote,
    CellNote,
    CellState,
    Decision,
    Standing,
    Verdict,
    Wish,
    files_of,
    matching,
)
from .wants import Sheet, Window, windows

Spread = Literal["sizes", "locales", "all"]
_CANDIDATES: Final = 8
_SHAPE: Final = 0.01
_ENDS: Final = {"image/png": "png", "image/jpeg": "jpg", "image/webp": "webp"}
_JUDGED: Final[frozenset[CellState]] = frozenset(
    {"proved", "needs-person", "approved", "rejected", "stale"}
)
"""Posters that are there."""


class Desk:
    """A batch as it stands, for somebody who decides about it; read some briefs at a time."""

    def __init__(self, agent: ImageAgent, book: Book, head: BatchNote) -> None:
        self._agent = agent
        self._book = book
        self.head = head

    async def windows(self, posters: Collection[str] | None = None) -> AsyncIterator[Window]:
        """All briefs in their order, as they are written down now; or those of some posters."""
        names = list(await self._book.places())
        if posters is not None:
            briefs = {one.partition("/")[0] for one in posters}
            names = [name for name in names if name in briefs]
        async for window in windows(self._book, self._agent, names, folder=folder_here(self.head)):
            yield window

    async def standings(self, globs: Sequence[str] = ()) -> dict[str, Standing]:
        """Every poster that the globs match, in the order of the briefs; all without globs.

        Raises ``NotFound`` for globs that match none.
        """
        found: dict[str, Standing] = {}
        idle = set(globs)
        some: list[str] = []
        async for window in self.windows():
            there = window.standings
            some += [*there][: _CANDIDATES - len(some)]
            found |= {name: there[name] for name in matching(there, globs)} if globs else there
            idle = {one for one in idle if not matching(there, [one])}
        if idle:
            raise NotFound(
                f"No poster of {self.head.name} is called {' or '.join(sorted(idle))}.",
                candidates=tuple(some),
                hint="A name is brief/locale/size/variant; parts at its end may be left out, * "
                "stands for anything.",
            )
        return found

    async def chosen(self, globs: Sequence[str]) -> tuple[str, ...]:
        """Names that the globs match; raises ``NotFound`` when there is none."""
        return tuple(await self.standings(globs))

    async def every(self, names: Collection[str]) -> dict[str, tuple[str, ...]]:
        """What each of the names matches; raises ``NotFound`` for the first that matches nothing."""
        there = await self.standings()
        found = {name: (name,) if name in there else matching(there, [name]) for name in names}
        for name, posters in found.items():
            if not posters:
                await self.chosen([name])
        return found

    async def written(self, notes: Notes) -> Path:
        """Report, ``decisions.csv``, manifests and ``print/``, as it stands; the report's path."""
        return (await written(self.head, self.windows(), notes)).report

    # ── approve and reject ───────────────────────────────────────────────────────────────────

    async def decide(
        self, names: Collection[str], verdict: Verdict, *, by: str, reason: str = ""
    ) -> tuple[str, ...]:
        """Those that are there; raises ``UsageError`` when none of them is."""
        at, meant = self._agent.kit.clock.now(), frozenset(names)
        decisions: dict[str, Decision] = {}
        states: set[str] = set()
        async for window in self.windows(meant):
            for name, one in window.standings.items():
                if name not in meant:
                    continue
                states.add(one.state)
                if one.state in _JUDGED:
                    files = files_of(window.known.cells[name].record)
                    decisions[name] = Decision(
                        verdict=verdict, files=files, reason=reason, by=by, at=at
                    )
        if not decisions:
            raise UsageError(
                f"There is no poster to be {verdict}: {', '.join(sorted(states))}.",
                hint="limner batch run makes them.",
            )
        await self._book.keep_decisions(decisions)
        return tuple(decisions)

    # ── redo ─────────────────────────────────────────────────────────────────────────────────

    async def redone(self, names: Collection[str], text: str, spread: Spread | None) -> Change:
        """What asking for a change comes to; nothing is written down."""
        wishes: dict[str, Wish] = {}
        posters: list[str] = []
        costs: list[Cost] = []
        async for window in self.windows(names):
            for sheet in window.sheets:
                found = {
                    key: wish
                    for key in _spread(sheet, names, spread)
                    if (wish := _wish(sheet, window.known, key, text)) is not None
                }
                wishes |= {f"{sheet.brief.name}/{key}": wish for key, wish in found.items()}
                posters += [name for name, want in sheet.wants.items() if want.picture in found]
                costs += [one.dearest for one in sheet.plan.pictures if one.key in found]
        if not wishes:
            raise UsageError(
                "None of these has a picture yet.", hint="limner batch run makes them."
            )
        return Change(wishes, tuple(posters), total(costs))

    async def wish(self, change: Change) -> None:
        """Write a change down."""
        await self._book.keep_wishes(change.wishes)

    # ── accept ───────────────────────────────────────────────────────────────────────────────

    async def accept(self, name: str, path: Path, *, by: str) -> Image:
        """A person's own file in place of the one that was made; both are kept, one as parent."""
        found = [one async for one in self.windows([name])]
        note = found[0].known.cells.get(name) if found else None
        if note is None or note.record.picture.image is None:
            raise UsageError(
                f"{name} has no picture that this file could stand for.",
                hint="limner batch run makes it first.",
            )
        data = await anyio.to_thread.run_sync(self._agent.kit.pictures.load, path)
        facts = self._agent.kit.pictures.inspect(data, name=str(path))
        if facts.media_type not in _ENDS:
            raise UsageError(f"{path}: no poster.", hint="Save it as PNG, JPEG or WebP.")
        spec = _size(found[0], name)
        if not any(
            _same_shape((facts.width, facts.height), one) for one in (spec.trim, spec.canvas)
        ):
            width, height = spec.trim
            raise UsageError(
                f"{path}: is {facts.width}x{facts.height}, and {name} is {width}x{height}.",
                hint="Save it in that shape, with or without the bleed; more pixels or fewer will do.",
            )
        image = await self._imported(note, data, path)
        files = (await anyio.to_thread.run_sync(self._placed, note, data, image),)
        record = note.record.model_copy(
            update={"status": "proved", "reasons": (), "files": files, "checks": ()}
        )
        kept = note.model_copy(update={"record": record, "accepted": image.id})
        await self._book.keep_cells({name: kept})
        await self.decide([name], "approved", by=by, reason=f"accepted from {path.name}")
        return image

    async def _imported(self, note: CellNote, data: bytes, path: Path) -> Image:
        kit = self._agent.kit
        made = note.record.picture
        assert made.image is not None
        parent = await kit.store.image(made.image)
        facts = kit.pictures.inspect(data, name=str(path))
        size = (facts.width, facts.height)
        blob = await kit.store.put_blob(data, media_type=facts.media_type, size=size)
        image = Image(
            id=ImageId(kit.ids.new("img")),
            session=parent.session,
            turn=None,
            number=0,
            operation="import",
            parents=(parent.id,),
            sha256=blob.sha256,
            media_type=blob.media_type,
            bytes=blob.bytes,
            actual=Rendering(size=f"{facts.width}x{facts.height}"),
            created=kit.clock.now(),
        )
        return await kit.store.add_image(NewImage(image=image, blob=blob))

    def _placed(self, note: CellNote, data: bytes, image: Image) -> Delivered:
        record = note.record
        brief = record.name.partition("/")[0]
        folder = Path(self.head.out) / brief
        end = _ENDS[image.media_type]
        path = folder / record.locale / record.size / f"{record.variant}.{end}"
        put(path, data)
        return Delivered(
            kind="picture",
            path=path.relative_to(folder).as_posix(),
            sha256=image.sha256,
            bytes=len(data),
        )


async def desk_of(agent: ImageAgent, notes: Notes, batch: str) -> Desk:
    """Raises ``NotFound`` for a batch that there is not."""
    book = Book(notes, batch)
    return Desk(agent, book, await book.head())


class Change(NamedTuple):
    """Wishes for pictures, and every poster that will be another."""

    wishes: Mapping[str, Wish]
    posters: tuple[str, ...]
    dearest: Cost
    """Of its pictures."""


def _size(window: Window, name: str) -> SizeSpec:
    """Of a poster."""
    (sheet,) = (one for one in window.sheets if name in one.wants)
    size = sheet.wants[name].cell.size
    return next(one for one in sheet.brief.sizes if one.name == size)


def _same_shape(found: tuple[int, int], wanted: tuple[int, int]) -> bool:
    """As wide for its height, but for what rounding and a hair's breadth make of it."""
    across, down = found[0] * wanted[1], found[1] * wanted[0]
    return abs(across - down) <= _SHAPE * down


def _wish(sheet: Sheet, known: Known, key: str, text: str) -> Wish | None:
    name = f"{sheet.brief.name}/{key}"
    note = known.pictures.get(name)
    if note is None or note.made.image is None or note.made.session is None:
        return None
    before, reach = known.wishes.get(name), sheet.reaches[key]
    fresh = before.fresh if before is not None and before.reach == reach else 0
    # an edit of what is there now, which has the earlier changes in it already
    return Wish(
        reach=reach, fresh=fresh, image=note.made.image, session=note.made.session, texts=(text,)
    )


def _spread(sheet: Sheet, names: Collection[str], spread: Spread | None) -> tuple[str, ...]:
    """Pictures under the named posters, and with ``spread`` those of others of the brief."""
    chosen = [want.cell for name, want in sheet.wants.items() if name in names]
    if not chosen:
        return ()

    def meant(locale: str, size: str, variant: int) -> bool:
        for one in chosen:
            if one.variant == variant and (
                (spread in ("sizes", "all") or one.size == size)
                and (spread in ("locales", "all") or one.locale == locale)
            ):
                return True
        return False

    keys = (
        want.picture
        for want in sheet.wants.values()
        if meant(want.cell.locale, want.cell.size, want.cell.variant)
    )
    return tuple(dict.fromkeys(keys))
