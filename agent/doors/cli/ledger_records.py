"""Lines of the ledger for scripts: what the store tells, with its type written on it; JSON and CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Literal, Protocol, TypeVar

import anyio

from ...factory import open_disk
from ...protocols import Store
from ...schema import Attempt, Cost, Decision, Record, SessionId, TurnId
from .desk import settings_of

T = TypeVar("T")
R = TypeVar("R", bound=Record)

By = Literal["session", "day", "profile", "model", "user"]
Life = Literal["alive", "gone", "elsewhere"]


class SumRecord(Record):
    """A line of ``ledger --by``: one key and one currency. ``null`` is what nobody told."""

    type: Literal["ledger.sum"] = "ledger.sum"
    by: By
    key: str
    currency: str
    attempts: int
    pictures: int
    spent: Decimal | None
    possibly_billed: Decimal
    reserved: Decimal
    unpriced: int
    """How many may be billed at a price that nobody knows; they are in none of the sums."""
    text_input: int | None
    text_output: int | None
    image_input: int | None
    image_output: int | None


class EntryRecord(Attempt):
    """A line of ``ledger``: one request, and who settled it where nobody saw its end."""

    type: Literal["ledger.attempt"] = "ledger.attempt"
    settled_by: str | None = None
    note: str | None = None


class UnsettledRecord(EntryRecord):
    """A line of ``ledger unsettled``."""

    owner_life: Life = "elsewhere"
    """``elsewhere``: on another machine, or of a kind that cannot be looked at from here."""
    age_s: int = 0
    possible_cost: Cost = Cost()
    next: Literal["wait", "settle or retry"] = "wait"


class ScreenedRecord(Record):
    """A line of ``ledger verdicts``: one screened text, without a word of it."""

    type: Literal["ledger.verdict"] = "ledger.verdict"
    at: datetime
    session: SessionId | None
    turn: TurnId | None
    subject: str
    decision: Decision
    rule: str | None
    category: str | None
    policy: str
    policy_sha256: str
    text_sha256: str
    acknowledged: tuple[str, ...]
    acknowledged_by: str | None
    pictures: Literal["not examined", "examined"]


class Ledger(Store, Protocol):
    """The store as the ledger's commands use it; ``record`` reads what it gives."""

    async def attempt(self, ref: str) -> Attempt: ...

    async def newest_attempts(self, *, since: datetime | None, limit: int) -> Sequence[Attempt]: ...

    async def ledger_sums(self, *, by: By | None, since: datetime | None) -> Sequence[Record]: ...

    async def unsettled(self) -> Sequence[tuple[Attempt, Life]]: ...

    async def settle_by_hand(
        self,
        ref: str,
        *,
        billed: Literal["yes", "no"],
        cost: Cost | None,
        note: str | None,
        by: str,
    ) -> Attempt: ...

    async def screened(
        self, *, session: SessionId | None, turn: TurnId | None, limit: int | None
    ) -> Sequence[Record]: ...


def on_ledger(work: Callable[[Ledger], Awaitable[T]]) -> T:
    """Open the configured store, run ``work``, close it. Raises ``StoreError``, ``SettingsError``."""
    settings = settings_of()

    async def opened() -> T:
        disk = await open_disk(settings)
        try:
            return await work(disk)
        finally:
            await disk.aclose()

    return anyio.run(opened)


def record(kind: type[R], told: Record, **more: object) -> R:
    """What the store told, as a line of ``kind``."""
    return kind.model_validate(dict(told) | more)


def write_csv(rows: Iterable[Record], columns: Sequence[str]) -> None:
    """With a head line; an empty field is what nobody told."""
    from .stdout import write_line

    def line(cells: Sequence[object]) -> None:
        made = io.StringIO()
        csv.writer(made, lineterminator="").writerow(cells)
        write_line(made.getvalue().encode("utf-8", "backslashreplace"))

    line(columns)
    for row in rows:
        fields = _flat(row)
        line([_cell(fields.get(name)) for name in columns])


def _flat(row: Record) -> dict[str, object]:
    """``cost.amount`` and the like, each a field of its own."""
    fields: dict[str, object] = {}
    for name, value in row.model_dump(mode="json").items():
        inner = value if isinstance(value, dict) else None
        fields |= {name: value} if inner is None else {f"{name}_{k}": v for k, v in inner.items()}
    return fields


def _cell(value: object) -> object:
    """What a person named may begin like a formula, which a spreadsheet would run."""
    if isinstance(value, str) and value.startswith(("=", "+", "@", "\t", "\r")):
        return f"'{value}"
    return "" if value is None else value
