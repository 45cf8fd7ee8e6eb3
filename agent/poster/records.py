"""What making a brief tells: events while it runs, and one line per poster in the manifest.

Names and fields are API: ``docs/schemas`` has them. No event holds bytes.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Final, Literal

from pydantic import Field, TypeAdapter

from ..schema import Cost, Failure, FailureCode, ImageId, Record, Rendering, SessionId
from .plan import Plan
from .proof import LineProof, Proof

Status = Literal["proved", "needs-person", "refused", "parked", "failed", "budget", "planned"]
"""``parked``: sent, and its result is not known, so that nothing is sent again by itself.
``planned``: nothing was sent, for there was no connection; the next run makes it."""
HowLettered = Literal["painted", "set", "set-instead"]


UNABLE: Final[frozenset[FailureCode]] = frozenset({"capability_missing", "not_implemented"})
"""What a server will not learn by being asked again."""


class Made(Record):
    """How a bought picture came out."""

    picture: str
    """Its key in the plan."""
    status: Status
    lead: str | None = None
    """Key of the picture whose look it has."""
    session: SessionId | None = None
    bought: ImageId | None = None
    """As it came: at first, or drawn once more without lettering that nobody had asked for."""
    image: ImageId | None = None
    """The one that posters are made from: ``bought``, or that with repaired lines on it."""
    history: tuple[ImageId, ...] = ()
    """Every picture on the way, repairs and what was made of them."""
    requested: Rendering = Rendering()
    actual: Rendering = Rendering()
    proofs: tuple[Proof, ...] = ()
    """In order: of the picture, and of the poster itself where lines are set ``instead``."""
    repairs: int = 0
    instead: tuple[str, ...] = ()
    """Ids of painted lines that are set after all."""
    attempts: tuple[str, ...] = ()
    cost: Cost = Cost()
    """Of everything that was sent for it."""
    failure: Failure | None = None
    notes: tuple[str, ...] = ()

    @property
    def unread(self) -> bool:
        """It is there, and nobody was reached to read it: another run may reach somebody."""
        failure = self.failure
        return self.image is not None and failure is not None and failure.code not in UNABLE

    @property
    def proof(self) -> Proof | None:
        """The one that counts."""
        return self.proofs[-1] if self.proofs else None


class Checked(Record):
    """One thing that arithmetic says of a finished poster."""

    name: str
    passed: bool
    message: str
    line_id: str | None = None


class Delivered(Record):
    """A file of a poster. ``path`` is relative to the folder of the brief."""

    kind: Literal["picture", "pdf", "preflight"]
    path: str
    sha256: str
    bytes: int


class PosterRecord(Record):
    """A line of ``manifest.jsonl``: one poster."""

    v: Literal[1] = 1
    type: Literal["poster"] = "poster"
    name: str
    """``brief/locale/size/variant``."""
    locale: str
    size: str
    variant: int
    status: Status
    reasons: tuple[str, ...] = ()
    """Why it is not proved, for a person."""
    files: tuple[Delivered, ...] = ()
    lettering: dict[str, HowLettered] = Field(default_factory=dict)
    """Line id → who lettered it."""
    picture: Made
    checks: tuple[Checked, ...] = ()
    offline: bool = False
    fingerprint: str = ""
    """Of everything that it was made from: a rerun with the same one leaves it alone."""
    made: datetime


# ── events ───────────────────────────────────────────────────────────────────────────────────


class PosterPlanned(Record):
    """What is about to be made, and for how much. ``finished``: posters left as they are."""

    type: Literal["poster.planned"] = "poster.planned"
    brief: str
    pictures: int
    posters: int
    finished: int
    cheapest: Cost
    dearest: Cost
    warnings: tuple[str, ...] = ()
    folder: str
    offline: bool


class PictureStarted(Record):
    """It is about to be bought."""

    type: Literal["poster.picture.started"] = "poster.picture.started"
    picture: str
    size: str
    lead: str | None = None


class PictureBought(Record):
    """It is here; ``again`` when an earlier run had bought it."""

    type: Literal["poster.picture.bought"] = "poster.picture.bought"
    picture: str
    image: ImageId
    cost: Cost
    again: bool = False


class PictureRead(Record):
    """What both readings say of its painted lines."""

    type: Literal["poster.picture.read"] = "poster.picture.read"
    picture: str
    proved: bool
    lines: tuple[LineProof, ...]
    unexpected: tuple[str, ...] = ()
    problem: str = ""


class PictureCleared(Record):
    """It was drawn once more, without the lettering that nobody had asked for."""

    type: Literal["poster.picture.cleared"] = "poster.picture.cleared"
    picture: str
    image: ImageId
    cost: Cost


class LineRepaired(Record):
    """One line was painted again, and only its box was taken over."""

    type: Literal["poster.line.repaired"] = "poster.line.repaired"
    picture: str
    line: str
    image: ImageId
    cost: Cost


class LineSet(Record):
    """One painted line is set instead."""

    type: Literal["poster.line.set"] = "poster.line.set"
    picture: str
    line: str
    reason: str


class PictureEnded(Record):
    """There is no picture, or one that a person has to look at."""

    type: Literal["poster.picture.ended"] = "poster.picture.ended"
    picture: str
    status: Status
    failure: Failure | None = None


class PosterMade(Record):
    """A poster is on disk, or is known not to come. ``skipped``: it was finished before."""

    type: Literal["poster.made"] = "poster.made"
    name: str
    status: Status
    paths: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()
    skipped: bool = False


class PosterDone(Record):
    """The last event of a brief."""

    type: Literal["poster.done"] = "poster.done"
    brief: str
    folder: str
    counts: dict[str, int]
    """Status → posters."""
    cost: Cost
    """Of this run."""
    spent: Decimal | None = None
    """With earlier runs of the same folder; ``null`` where a price is not known."""
    exit_code: int
    report: str = ""
    manifest: str = ""
    contact: str = ""
    error: Failure | None = None


PosterEvent = (
    PosterPlanned
    | PictureStarted
    | PictureBought
    | PictureRead
    | PictureCleared
    | LineRepaired
    | LineSet
    | PictureEnded
    | PosterMade
    | PosterDone
)
POSTER_EVENT: TypeAdapter[PosterEvent] = TypeAdapter(
    Annotated[PosterEvent, Field(discriminator="type")]
)
"""Reads one event back from JSON."""


# ── a plan ───────────────────────────────────────────────────────────────────────────────────


class PlannedPicture(Record):
    """One thing that would be bought."""

    picture: str
    asked: str
    """``WIDTHxHEIGHT``."""
    lettering: Literal["painted", "set"]
    lead: str | None = None
    dpi: int | None = None
    """On paper."""
    cheapest: Cost
    dearest: Cost


class PlanRecord(Record):
    """What ``poster --dry-run --json`` prints of a brief: everything in order, nothing bought."""

    v: Literal[1] = 1
    type: Literal["poster.plan"] = "poster.plan"
    brief: str
    pictures: tuple[PlannedPicture, ...]
    posters: tuple[str, ...]
    cheapest: Cost
    dearest: Cost
    warnings: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    offline: bool


def plan_record(plan: Plan, *, offline: bool) -> PlanRecord:
    """A plan as it is told."""
    pictures = tuple(
        PlannedPicture(
            picture=one.key,
            asked=one.buy.size,
            lettering=one.lettering,
            lead=one.lead,
            dpi=one.buy.real_dpi,
            cheapest=one.cheapest,
            dearest=one.dearest,
        )
        for one in plan.pictures
    )
    return PlanRecord(
        brief=plan.brief,
        pictures=pictures,
        posters=tuple(cell.name for cell in plan.cells),
        cheapest=plan.cheapest,
        dearest=plan.dearest,
        warnings=plan.warnings,
        notes=plan.notes,
        offline=offline,
    )
