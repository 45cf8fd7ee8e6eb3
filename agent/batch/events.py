"""What a batch tells: events while it runs, one record per poster when asked how it stands.

Names and fields are API: ``docs/schemas`` has them. No event holds bytes.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Literal

from pydantic import Field, TypeAdapter

from ..poster.records import Status
from ..schema import Cost, Failure, Record
from .standing import CellState


class BatchPlanned(Record):
    """What is about to be made, and for how much at most."""

    v: Literal[1] = 1
    type: Literal["batch.planned"] = "batch.planned"
    batch: str
    folder: str
    briefs: int
    posters: int
    """In the batch; ``states`` says how they stand."""
    states: dict[CellState, int]
    to_make: int
    """Posters of this run."""
    overwritten: int
    """Of those: posters that are there and will be another; the old file is kept beside."""
    pictures: int
    """To be bought for them."""
    replaced: int
    """Of those: pictures that were bought before and are wanted otherwise now."""
    dearest: Cost
    stale_cost: Cost | None = None
    """What it would cost to make the stale ones anew."""
    offline: bool


class BatchPicture(Record):
    """A picture of a brief is being bought, is here, or does not come."""

    type: Literal["batch.picture"] = "batch.picture"
    brief: str
    picture: str
    what: Literal["started", "bought", "found", "ended"]
    """``found``: it was bought before."""
    status: Status | None = None
    cost: Cost | None = None
    failure: Failure | None = None


class BatchPoster(Record):
    """A poster is there, or is known not to come."""

    type: Literal["batch.poster"] = "batch.poster"
    name: str
    state: CellState
    paths: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()


class BatchProgress(Record):
    """How many posters stand how; about once a second while something moves."""

    type: Literal["batch.progress"] = "batch.progress"
    states: dict[CellState, int]
    under_way: int
    """Pictures that are being worked on or wait to be."""
    spent: Decimal | None = None
    reserved: Decimal | None = None
    currency: str = ""
    eta_s: float | None = None


class BatchWaits(Record):
    """Something stands in the way that may pass; nothing is lost meanwhile."""

    type: Literal["batch.waits"] = "batch.waits"
    task: str
    message: str
    hint: str = ""
    delay_s: float


class BatchDone(Record):
    """The last event."""

    type: Literal["batch.done"] = "batch.done"
    batch: str
    folder: str
    states: dict[CellState, int]
    spent: Decimal | None = None
    """By the ledger, for the whole batch; ``null`` where a price is not known."""
    reserved: Decimal | None = None
    """For what is under way, or ended nobody knows how."""
    currency: str = ""
    stopped: bool = False
    """Before everything was made."""
    short: int = 0
    """Posters that a budget was in the way of; with more money, the next run makes them."""
    exit_code: int
    report: str = ""
    error: Failure | None = None


BatchEvent = BatchPlanned | BatchPicture | BatchPoster | BatchProgress | BatchWaits | BatchDone
BATCH_EVENT: TypeAdapter[BatchEvent] = TypeAdapter(
    Annotated[BatchEvent, Field(discriminator="type")]
)
"""Reads one event back from JSON."""
