"""What lies in the folder of a batch beside its posters: report, table, manifests, ``print/``.

All of it is written anew, some briefs at a time, as the batch stands.
"""

from __future__ import annotations

import csv
import io
import shutil
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Final, NamedTuple, get_args

import anyio
import anyio.to_thread

from ..errors import StoreError, UsageError
from ..poster.output import write_manifest, write_parts
from ..poster.records import Delivered, PosterRecord
from .notes import Notes
from .report import NAME, PAGE_END, Money, brief_cards, page_begin
from .standing import BatchNote, CellState, Standing, Verdict, summed, to_do
from .table import table_of
from .wants import Window

PRINT: Final = "print"
DECISIONS: Final = "decisions.csv"
_COLUMNS: Final = ("poster", "state", "decision", "reason", "files")
_PIECE: Final = 1 << 16


class Summary(NamedTuple):
    """A batch as it was written out."""

    report: Path
    states: dict[CellState, int]
    short: int
    """Posters that a budget was in the way of."""


async def written(head: BatchNote, windows: AsyncIterator[Window], notes: Notes) -> Summary:
    """Raises ``StoreError`` where the folder cannot be written to."""
    money = await notes.spent(head.name)
    folder = Path(head.out)
    try:
        await anyio.Path(folder).mkdir(parents=True, exist_ok=True)
        with TemporaryFile(dir=folder) as cards, TemporaryFile(dir=folder) as table:
            outbox = Outbox(head, cards, table)
            async for window in windows:
                await anyio.to_thread.run_sync(outbox.add, window)
            return await anyio.to_thread.run_sync(outbox.finish, money)
    except OSError as error:
        raise StoreError(
            f"{error.filename or folder}: cannot be written ({error.strerror}).",
            hint="Make room, then limner batch report writes the rest; nothing bought is lost.",
        ) from error


class Outbox:
    """Files that grow by a window at a time and appear when they are whole."""

    def __init__(self, head: BatchNote, cards: IO[bytes], table: IO[bytes]) -> None:
        self._head = head
        self._folder = Path(head.out)
        self._cards = cards
        self._table = table
        self._table.write("\ufeff".encode() + _rows([_COLUMNS]))
        self._states: Counter[CellState] = Counter()
        self._approved: set[Path] = set()
        self._short = 0

    def add(self, window: Window) -> None:
        """Some briefs more."""
        standings, known = window.standings, window.known
        self._states.update(one.state for one in standings.values())
        self._short += sum(
            to_do(one.state) and name in known.cells and known.cells[name].record.status == "budget"
            for name, one in standings.items()
        )
        self._table.write(_rows(_row(one, window) for one in standings.values()))
        for sheet in window.sheets:
            ones = list(sheet.standings.values())
            cards = brief_cards(self._head, sheet.brief.name, ones, known.cells, known.decisions)
            self._cards.write(cards.encode())
            found = [known.cells[name].record for name in sheet.wants if name in known.cells]
            if found:
                write_manifest(self._folder / sheet.brief.name, found)
        for name, one in standings.items():
            if one.state == "approved":
                self._print(known.cells[name].record)

    def _print(self, record: PosterRecord) -> None:
        """The PDF of a size on paper, else the picture."""
        brief = record.name.partition("/")[0]
        for file in _for_print(record):
            source, place = (self._folder / one / brief / file.path for one in ("", PRINT))
            if source.is_file():  # a person's own file is not made again
                _copied(source, place)
            self._approved.add(place)

    def finish(self, money: Money) -> Summary:
        """``print/`` holds exactly the approved files."""
        folder = self._folder / PRINT
        for there in sorted(folder.rglob("*"), reverse=True) if folder.is_dir() else ():
            if there.is_file() and there not in self._approved:
                there.unlink()
            elif there.is_dir() and not any(there.iterdir()):
                there.rmdir()
        states = summed(self._states.elements())
        write_parts(self._folder / DECISIONS, _pieces(self._table))
        report = self._folder / NAME
        write_parts(report, self._page(states, money))
        return Summary(report, states, self._short)

    def _page(self, states: dict[CellState, int], money: Money) -> Iterator[bytes]:
        yield page_begin(self._head, states, money).encode()
        yield from _pieces(self._cards)
        yield PAGE_END.encode()


def _pieces(file: IO[bytes]) -> Iterator[bytes]:
    file.seek(0)
    while piece := file.read(_PIECE):
        yield piece


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


def _rows(rows: Iterable[Sequence[str]]) -> bytes:
    out = io.StringIO()
    csv.writer(out).writerows(rows)
    return out.getvalue().encode()


def _row(one: Standing, window: Window) -> Sequence[str]:
    """``decision`` is empty until somebody writes approved or rejected into it."""
    judged = one.state in ("approved", "rejected")
    decision = window.known.decisions.get(one.name) if judged else None
    verdict, reason = (decision.verdict, decision.reason) if decision else ("", "")
    return (_inert(one.name), one.state, verdict, _inert(reason), _inert(" ".join(one.files)))


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
    columns, rows = table_of(text, name=name)
    missing = {"poster", "decision"} - set(columns)
    if missing:
        raise UsageError(
            f"{name}: has no column {' and no column '.join(sorted(missing))}.",
            hint="limner batch report writes one to fill in.",
        )
    found = []
    for line, row in rows:
        verdict = row["decision"].lower()
        if not verdict:
            continue
        if verdict not in get_args(Verdict):
            raise UsageError(
                f"{name}, row {line}: decision is {verdict[:40]!r}.",
                hint="Write approved or rejected, or leave it empty.",
            )
        reason = row.get("reason", "").removeprefix("'")
        poster = row["poster"].removeprefix("'")
        found.append(Filled(poster, "approved" if verdict == "approved" else "rejected", reason))
    return tuple(found)


def judged(
    filled: Sequence[Filled], posters: Mapping[str, Sequence[str]], *, name: str
) -> dict[tuple[Verdict, str], list[str]]:
    """Posters by what is said of them; raises ``UsageError`` for one that two lines differ about."""
    said: dict[str, Filled] = {}
    for one in filled:
        for poster in posters[one.name]:
            before = said.setdefault(poster, one)
            if before.verdict != one.verdict:
                raise UsageError(
                    f"{name}: {poster} is approved and rejected.", hint="Leave one of the two out."
                )
    found: dict[tuple[Verdict, str], list[str]] = {}
    for poster, one in said.items():
        found.setdefault((one.verdict, one.reason), []).append(poster)
    return found
