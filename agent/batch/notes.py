"""The notes of one batch, typed; and its steps, so that no worker buys what another has begun.

Everything is in the store, so every machine that works for a batch reads the same.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Final, NamedTuple, Protocol, TypeVar

from pydantic import JsonValue, ValidationError

from ..errors import NotFound, StoreBusy, StoreNewer
from ..poster.journal import Step, StepKind
from ..schema import AttemptId, Record
from .pacing import Pace
from .standing import BatchNote, BriefNote, CellNote, Decision, PictureNote, Wish

R = TypeVar("R", bound=Record)

_BATCH: Final = "batch"
_BRIEF: Final = "brief"
_PICTURE: Final = "picture"
_CELL: Final = "cell"
_DECISION: Final = "decision"
_WISH: Final = "wish"
_STEP: Final = "step"
_PAGE: Final = 500


class Notes(Pace, Protocol):
    """Small records by batch, kind and key; and how fast servers may be asked."""

    async def batches(self) -> dict[str, datetime]:
        """Name → when it was written last."""
        ...

    async def all(
        self, batch: str, kind: str, *, under: str = "", since: datetime | None = None
    ) -> dict[str, dict[str, JsonValue]]: ...

    async def some(
        self, batch: str, kinds: Collection[str], keys: Collection[str]
    ) -> dict[str, dict[str, dict[str, JsonValue]]]:
        """Kind → key → note, of those that there are."""
        ...

    async def page(
        self, batch: str, kind: str, *, after: str, most: int
    ) -> dict[str, dict[str, JsonValue]]:
        """The next ones after a key, in one order."""
        ...

    async def get(self, batch: str, kind: str, key: str) -> dict[str, JsonValue] | None: ...

    async def put(
        self, batch: str, kind: str, notes: Mapping[str, dict[str, JsonValue]]
    ) -> None: ...

    async def add(self, batch: str, kind: str, key: str, value: dict[str, JsonValue]) -> bool:
        """False, and nothing is written, where there is one already."""
        ...

    async def drop(self, batch: str, kind: str, keys: Collection[str]) -> None: ...

    async def workers(self) -> Mapping[str, dict[str, JsonValue]]:
        """Who is listed."""
        ...

    async def under_way(self, batch: str) -> Collection[AttemptId]:
        """Attempts that are sent, or about to be, by somebody who is alive."""
        ...

    async def spent(self, batch: str) -> tuple[Decimal | None, Decimal | None, str]:
        """(spent, reserved or possibly billed, currency) by the ledger; ``None``: not known."""
        ...


class Known(NamedTuple):
    """What is written down of some pictures and posters."""

    pictures: Mapping[str, PictureNote]
    """By ``brief/key``, and so are ``wishes``."""
    cells: Mapping[str, CellNote]
    decisions: Mapping[str, Decision]
    wishes: Mapping[str, Wish]


class Book:
    """What is written down of one batch."""

    def __init__(self, notes: Notes, batch: str) -> None:
        self._notes = notes
        self.batch = batch

    async def head(self) -> BatchNote:
        """Raises ``NotFound`` that names the batches there are."""
        found = await self._notes.get(self.batch, _BATCH, self.batch)
        if found is not None:
            return self._read(BatchNote, found)
        known = tuple(await self._notes.batches())
        raise NotFound(
            f"There is no batch {self.batch!r}.",
            candidates=known,
            hint="limner batch run BRIEF… begins one.",
        )

    async def begun(self) -> BatchNote | None:
        found = await self._notes.get(self.batch, _BATCH, self.batch)
        return None if found is None else self._read(BatchNote, found)

    async def keep_head(self, head: BatchNote) -> None:
        await self._notes.put(self.batch, _BATCH, {self.batch: _plain(head)})

    async def places(self) -> dict[str, int]:
        """Name of each brief → its turn, in that order. Never all of them in memory."""
        found: dict[str, int] = {}
        after = ""
        while page := await self._notes.page(self.batch, _BRIEF, after=after, most=_PAGE):
            for name, value in page.items():
                place = value["place"]
                assert isinstance(place, int)
                found[name] = place
            after = list(page)[-1]
        return dict(sorted(found.items(), key=lambda item: item[1]))

    async def briefs(self, names: Collection[str]) -> dict[str, BriefNote]:
        """Those of the names that there are, by name."""
        found = await self._notes.some(self.batch, (_BRIEF,), names)
        return {name: self._read(BriefNote, one) for name, one in found[_BRIEF].items()}

    async def brief(self, name: str) -> BriefNote | None:
        return await self._one(_BRIEF, name, BriefNote)

    async def keep_briefs(self, briefs: Mapping[str, BriefNote]) -> None:
        await self._keep(_BRIEF, briefs)

    async def known(self, keys: Collection[str]) -> Known:
        """What is written down under keys of pictures and names of posters."""
        found = await self._notes.some(self.batch, (_PICTURE, _CELL, _DECISION, _WISH), keys)
        return Known(
            {key: self._read(PictureNote, one) for key, one in found[_PICTURE].items()},
            {key: self._read(CellNote, one) for key, one in found[_CELL].items()},
            {key: self._read(Decision, one) for key, one in found[_DECISION].items()},
            {key: self._read(Wish, one) for key, one in found[_WISH].items()},
        )

    async def keep_picture(self, key: str, note: PictureNote) -> None:
        await self._keep(_PICTURE, {key: note})

    async def statuses(self, *, since: datetime | None = None) -> dict[str, str]:
        """Name of each poster that was written down since then → how it ended."""
        found = await self._notes.all(self.batch, _CELL, since=since)
        return {name: _status(value) for name, value in found.items()}

    async def keep_cells(self, notes: Mapping[str, CellNote]) -> None:
        await self._keep(_CELL, notes)

    async def keep_decisions(self, decisions: Mapping[str, Decision]) -> None:
        await self._keep(_DECISION, decisions)

    async def keep_wishes(self, wishes: Mapping[str, Wish]) -> None:
        await self._keep(_WISH, wishes)

    async def _one(self, kind: str, key: str, record: type[R]) -> R | None:
        found = await self._notes.get(self.batch, kind, key)
        return None if found is None else self._read(record, found)

    def _read(self, record: type[R], value: dict[str, JsonValue]) -> R:
        return read_note(record, value, self.batch)

    async def _keep(self, kind: str, notes: Mapping[str, Record]) -> None:
        await self._notes.put(self.batch, kind, {key: _plain(one) for key, one in notes.items()})


class NotedSteps:
    """The steps of one brief as notes. A turn is written down by one worker alone."""

    def __init__(self, notes: Notes, batch: str, brief: str) -> None:
        self._notes = notes
        self._batch = batch
        self._brief = brief
        self._turns: dict[str, int] = {}

    async def find(self, kind: StepKind, key: str, of: str) -> Step | None:
        place = self._place(kind, key, of)
        if kind != "turn":
            return await self._get(place)
        newest, nth = None, 0
        while (step := await self._get(f"{place}/{nth:04d}")) is not None:
            newest, nth = step, nth + 1
        self._turns[place] = nth
        return newest

    async def lead(self, variant: int) -> Step | None:
        return await self._get(self._place("lead", str(variant), ""))

    async def add(self, step: Step) -> None:
        """Raises ``StoreBusy`` where another worker was faster with the same turn."""
        of = "" if step.kind == "lead" else step.of
        place, value = self._place(step.kind, step.key, of), _plain(step)
        if step.kind != "turn":
            await self._notes.put(self._batch, _STEP, {place: value})
            return
        nth = self._turns.get(place, 0)
        if not await self._notes.add(self._batch, _STEP, f"{place}/{nth:04d}", value):
            raise StoreBusy(
                f"{self._batch}/{self._brief}: another worker buys {step.key}",
                hint="Nothing was sent. Run it again when that worker is done.",
            )
        self._turns[place] = nth + 1

    async def _get(self, place: str) -> Step | None:
        found = await self._notes.get(self._batch, _STEP, place)
        return None if found is None else read_note(Step, found, self._batch)

    def _place(self, kind: str, key: str, of: str) -> str:
        return "/".join(part for part in (self._brief, kind, key, of) if part)


def read_note(record: type[R], value: dict[str, JsonValue], of: str) -> R:
    """Raises ``StoreNewer`` for what this Limner does not know."""
    try:
        return record.model_validate(value)
    except ValidationError as error:
        where = ".".join(str(part) for part in error.errors()[0]["loc"])
        raise StoreNewer(
            f"{of}: {where} was written down by a newer Limner, and this one cannot read it",
            hint="Nothing was sent. Upgrade this one; others go on.",
        ) from error


def _status(cell: dict[str, JsonValue]) -> str:
    record = cell.get("record")
    return str(record.get("status")) if isinstance(record, dict) else ""


def _plain(record: Record) -> dict[str, JsonValue]:
    return record.model_dump(mode="json", exclude_unset=True)
