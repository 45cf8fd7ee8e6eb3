"""What a person says of a batch: approve, reject, ask for a change, put a file in its place.

Everything is by names of posters (``brief/locale/size/variant``, globs allowed). Nothing here sends
anything; ``redo`` writes a wish down, and the next run of the batch fulfils it.
"""

from __future__ import annotations

import csv
import io
import shutil
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final, Literal, NamedTuple, get_args

import anyio.to_thread

from .. import ImageAgent
from ..errors import NotFound, UsageError
from ..protocols import NewImage
from ..schema import Cost, Image, ImageId, Rendering
from .batch import (
    BatchNote,
    CellNote,
    CellState,
    Decision,
    Standing,
    Wish,
    files_of,
    matching,
)
from .batch_report import write_report
from .notes import Book, Notes
from .output import put, write_manifest
from .purse import total
from .records import Delivered, PosterRecord
from .wants import Known, Sheet, known_of, sheet_of

Verdict = Literal["approved", "rejected"]
Spread = Literal["sizes", "locales", "all"]
PRINT: Final = "print"
DECISIONS: Final = "decisions.csv"
_COLUMNS: Final = ("poster", "state", "decision", "reason", "files")
_JUDGED: Final[frozenset[CellState]] = frozenset(
    {"proved", "needs-person", "approved", "rejected", "stale"}
)
"""Posters that are there."""


class Desk:
    """A batch as it stands, for somebody who decides about it."""

    def __init__(self, agent: ImageAgent, book: Book, head: BatchNote) -> None:
        self._agent = agent
        self._book = book
        self.head = head
        self.known = Known({}, {}, {}, {})
        self.sheets: tuple[Sheet, ...] = ()

    @property
    def standings(self) -> dict[str, Standing]:
        """Every poster, in the order of the briefs."""
        return {name: one for sheet in self.sheets for name, one in sheet.standings.items()}

    async def read(self) -> None:
        """As it is written down now."""
        self.known = await known_of(self._book)
        notes = await self._book.briefs()
        self.sheets = tuple(sheet_of(note, self._agent, self.known) for note in notes.values())

    def chosen(self, globs: Sequence[str]) -> tuple[str, ...]:
        """Names that the globs match; raises ``NotFound`` when there is none."""
        names = self.standings
        found = matching(names, globs)
        if found:
            return found
        raise NotFound(
            f"No poster of {self.head.name} is called {' or '.join(globs)}.",
            candidates=tuple(names)[:8],
            hint="A name is brief/locale/size/variant; parts at its end may be left out, * stands "
            "for anything.",
        )

    # ── approve and reject ───────────────────────────────────────────────────────────────────

    async def decide(
        self, names: Sequence[str], verdict: Verdict, *, by: str, reason: str = ""
    ) -> tuple[str, ...]:
        """Those that are there; raises ``UsageError`` when none of them is."""
        at = self._agent.kit.clock.now()
        decisions = {
            name: Decision(
                verdict=verdict,
                files=files_of(self.known.cells[name].record),
                reason=reason,
                by=by,
                at=at,
            )
            for name in names
            if self.standings[name].state in _JUDGED
        }
        if not decisions:
            states = ", ".join(sorted({self.standings[name].state for name in names}))
            raise UsageError(
                f"There is no poster to be {verdict}: {states}.",
                hint="limner batch run makes them.",
            )
        await self._book.keep_decisions(decisions)
        await self.read()
        return tuple(decisions)

    # ── redo ─────────────────────────────────────────────────────────────────────────────────

    def redone(self, names: Sequence[str], text: str, spread: Spread | None) -> Change:
        """What asking for a change comes to; nothing is written down."""
        wishes: dict[str, Wish] = {}
        for sheet in self.sheets:
            keys = _spread(sheet, names, spread)
            for key in keys:
                wish = self._wish(sheet, key, text)
                if wish is not None:
                    wishes[f"{sheet.brief.name}/{key}"] = wish
        if not wishes:
            raise UsageError(
                "None of these has a picture yet.", hint="limner batch run makes them."
            )
        posters = tuple(
            name
            for sheet in self.sheets
            for name, want in sheet.wants.items()
            if f"{sheet.brief.name}/{want.picture}" in wishes
        )
        return Change(wishes, posters)

    def _wish(self, sheet: Sheet, key: str, text: str) -> Wish | None:
        note = self.known.pictures.get(f"{sheet.brief.name}/{key}")
        if note is None or note.made.image is None or note.made.session is None:
            return None
        before = self.known.wishes.get(f"{sheet.brief.name}/{key}")
        reach = sheet.reaches[key]
        fresh = before.fresh if before is not None and before.reach == reach else 0
        # an edit of what is there now, which has the earlier changes in it already
        return Wish(
            reach=reach,
            fresh=fresh,
            image=note.made.image,
            session=note.made.session,
            texts=(text,),
        )

    def price_of(self, change: Change) -> Cost:
        """Of its pictures, each at its dearest."""
        return total(
            picture.dearest
            for sheet in self.sheets
            for picture in sheet.plan.pictures
            if f"{sheet.brief.name}/{picture.key}" in change.wishes
        )

    async def wish(self, change: Change) -> None:
        """Write a change down."""
        await self._book.keep_wishes(change.wishes)
        await self.read()

    # ── accept ───────────────────────────────────────────────────────────────────────────────

    async def accept(self, name: str, path: Path, *, by: str) -> Image:
        """A person's own file in place of the one that was made; both are kept, one as parent."""
        note = self.known.cells.get(name)
        if note is None or note.record.picture.image is None:
            raise UsageError(
                f"{name} has no picture that this file could stand for.",
                hint="limner batch run makes it first.",
            )
        data = await anyio.to_thread.run_sync(self._agent.kit.pictures.load, path)
        image = await self._imported(note, data, path)
        files = (await anyio.to_thread.run_sync(self._placed, note, data, image),)
        record = note.record.model_copy(
            update={"status": "proved", "reasons": (), "files": files, "checks": ()}
        )
        kept = note.model_copy(update={"record": record, "accepted": image.id})
        await self._book.keep_cells({name: kept})
        await self.read()
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
        end = {"image/png": "png", "image/jpeg": "jpg", "image/webp": "webp"}[image.media_type]
        path = folder / record.locale / record.size / f"{record.variant}.{end}"
        put(path, data)
        return Delivered(
            kind="picture",
            path=path.relative_to(folder).as_posix(),
            sha256=image.sha256,
            bytes=len(data),
        )

    # ── files for others ─────────────────────────────────────────────────────────────────────

    def write_print(self) -> tuple[Path, ...]:
        """``print/`` holds exactly the approved files: the PDF of a size on paper, else the picture."""
        folder = Path(self.head.out) / PRINT
        wanted: dict[Path, Path] = {}
        for name, one in self.standings.items():
            if one.state != "approved":
                continue
            record = self.known.cells[name].record
            for file in _for_print(record):
                source = Path(self.head.out) / record.name.partition("/")[0] / file.path
                wanted[folder / record.name.partition("/")[0] / file.path] = source
        for there in sorted(folder.rglob("*"), reverse=True) if folder.is_dir() else ():
            if there.is_file() and there not in wanted:
                there.unlink()
            elif there.is_dir() and not any(there.iterdir()):
                there.rmdir()
        for place, source in wanted.items():
            _copied(source, place)
        return tuple(wanted)

    def write_manifests(self) -> None:
        """A line for each poster that was tried, in the folder of its brief."""
        for sheet in self.sheets:
            found = [self.known.cells[name] for name in sheet.wants if name in self.known.cells]
            if found:
                folder = Path(self.head.out) / sheet.brief.name
                write_manifest(folder, [note.record for note in found])

    def write_decisions(self) -> Path:
        """``decisions.csv``: a line for each poster, to be filled in and read back."""
        path = Path(self.head.out) / DECISIONS
        text = decisions_csv(self.standings.values(), self.known.decisions)
        path.write_text(text, "utf-8-sig", newline="")
        return path


async def desk_of(agent: ImageAgent, notes: Notes, batch: str) -> Desk:
    """Raises ``NotFound`` for a batch that there is not."""
    book = Book(notes, batch)
    desk = Desk(agent, book, await book.head())
    await desk.read()
    return desk


async def written(desk: Desk, notes: Notes) -> Path:
    """Report, ``decisions.csv``, manifests and ``print/``, as the batch stands; the report's path."""
    money = await notes.spent(desk.head.name)

    def work() -> Path:
        desk.write_print()
        desk.write_decisions()
        desk.write_manifests()
        known = desk.known
        return write_report(desk.head, desk.standings, known.cells, known.decisions, money)

    return await anyio.to_thread.run_sync(work)


class Change(NamedTuple):
    """Wishes for pictures, and every poster that will be another."""

    wishes: Mapping[str, Wish]
    posters: tuple[str, ...]


def _spread(sheet: Sheet, names: Sequence[str], spread: Spread | None) -> tuple[str, ...]:
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


def _for_print(record: PosterRecord) -> tuple[Delivered, ...]:
    pdf = tuple(one for one in record.files if one.kind == "pdf")
    return pdf or tuple(one for one in record.files if one.kind == "picture")


def _copied(source: Path, place: Path) -> None:
    """Written anew only where it is another file."""
    place.parent.mkdir(parents=True, exist_ok=True)
    there = place.stat() if place.exists() else None
    if there and (there.st_size, there.st_mtime_ns) == (
        source.stat().st_size,
        source.stat().st_mtime_ns,
    ):
        return
    passing = place.with_name(f".{place.name}")
    shutil.copy2(source, passing)
    passing.replace(place)


# ── decisions.csv ────────────────────────────────────────────────────────────────────────────


def decisions_csv(standings: Iterable[Standing], decisions: Mapping[str, Decision]) -> str:
    """``decision`` is empty until somebody writes approved or rejected into it."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(_COLUMNS)
    for one in standings:
        judged = one.state in ("approved", "rejected")
        decision = decisions.get(one.name) if judged else None
        verdict, reason = (decision.verdict, decision.reason) if decision else ("", "")
        writer.writerow(
            (_inert(one.name), one.state, verdict, _inert(reason), _inert(" ".join(one.files)))
        )
    return out.getvalue()


def _inert(text: str) -> str:
    """No spreadsheet takes it for a formula."""
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text


class Filled(NamedTuple):
    """A line of a reviewer's ``decisions.csv``."""

    name: str
    verdict: Verdict
    reason: str


def read_decisions(text: str, *, name: str) -> tuple[Filled, ...]:
    """Lines with a decision; raises ``UsageError`` that names the first line that is wrong."""
    rows = csv.DictReader(io.StringIO(text.lstrip("\ufeff"), newline=""))
    missing = {"poster", "decision"} - set(rows.fieldnames or ())
    if missing:
        raise UsageError(
            f"{name}: has no column {' and no column '.join(sorted(missing))}.",
            hint="limner batch report writes one to fill in.",
        )
    found = []
    for row in rows:
        verdict = (row.get("decision") or "").strip().lower()
        if not verdict:
            continue
        if verdict not in get_args(Verdict):
            raise UsageError(
                f"{name}, line {rows.line_num}: decision is {verdict[:40]!r}.",
                hint="Write approved or rejected, or leave it empty.",
            )
        reason = (row.get("reason") or "").strip().removeprefix("'")
        poster = (row["poster"] or "").strip().removeprefix("'")
        found.append(Filled(poster, "approved" if verdict == "approved" else "rejected", reason))
    return tuple(found)
