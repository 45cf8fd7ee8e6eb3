"""A batch: what is written down of it, what reaches which poster, and how each one stands. Pure.

``reach`` is a hash of the fields of a brief that a picture or poster is made from, and of nothing
else; ``making`` is one of what it is made with (Limner, its prompts, the policy, the model). Another
reach means another poster. Another making means that the poster is ``stale``, and it is left alone.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from fnmatch import fnmatchcase
from typing import Final, Literal, get_args

from pydantic import JsonValue

from ..poster.brief import Brief
from ..poster.plan import Cell, Picture
from ..poster.records import Made, PosterRecord
from ..schema import ImageId, Record, SessionId, Sha256

CellState = Literal[
    "planned",
    "bought",
    "proved",
    "needs-person",
    "approved",
    "rejected",
    "stale",
    "parked",
    "refused",
]
STATES: Final[tuple[CellState, ...]] = get_args(CellState)
OPEN: Final[frozenset[CellState]] = frozenset({"parked", "refused", "needs-person"})
"""A person has to do something about these."""
_WHOLE: Final = frozenset({"proved", "needs-person"})
"""Ends of a picture or poster that is there."""

OnUnknown = Literal["park", "retry"]
Verdict = Literal["approved", "rejected"]


class BatchOptions(Record):
    """How everything in a batch is made."""

    budget: Decimal | None = None
    on_unknown: OnUnknown = "park"
    cmyk: str | None = None
    """An ICC profile that PDFs are converted to."""
    acknowledge: tuple[str, ...] = ()
    acknowledged_by: str | None = None
    concurrency: int | None = None
    rate: tuple[int, float] | None = None
    """At most so many pictures begun in so many seconds."""


class BatchNote(Record):
    """A batch by its name. ``out`` is the folder of its files, on ``host``."""

    name: str
    out: str
    host: str
    cwd: str | None = None
    profile: str
    options: BatchOptions = BatchOptions()
    runs: int = 1
    """One more with each; the first is no number that a forgotten batch of this name had."""
    created: datetime


class Kept(Record):
    """A file that a brief names, as it was when the batch was given: it may go or change later."""

    path: str
    sha256: Sha256
    media_type: str


class BriefNote(Record):
    """A brief of a batch. ``place``: its turn among them."""

    brief: Brief
    place: int
    files: tuple[Kept, ...] = ()


class Wish(Record):
    """What a person wants of a picture beyond its brief. It counts while ``reach`` is the same."""

    reach: str
    fresh: int = 0
    """How often it is to be bought anew with what Limner has become."""
    image: ImageId | None = None
    """The picture to change."""
    session: SessionId | None = None
    texts: tuple[str, ...] = ()
    """What to change, the newest last."""


class PictureNote(Record):
    """How a picture came out the last time. ``of``: what it was bought for (:func:`wanted`)."""

    of: str
    reach: str
    making: str
    made: Made


class CellNote(Record):
    """A poster as it was last made, or known not to come."""

    reach: str
    making: str
    picture: str
    """``of`` of the picture on it."""
    record: PosterRecord
    accepted: ImageId | None = None
    """A person's own file stands in place of what was made."""


class Decision(Record):
    """What a person said of a poster, about exactly these files."""

    verdict: Verdict
    files: str
    """:func:`files_of` at that time."""
    reason: str = ""
    by: str
    at: datetime


class Standing(Record):
    """One poster of a batch, now: a line of ``batch status --json``."""

    v: Literal[1] = 1
    type: Literal["batch.cell"] = "batch.cell"
    name: str
    state: CellState
    reasons: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    """Relative to the folder of the batch."""
    picture: str
    by: str | None = None
    """Who approved or rejected it."""


# ── what reaches what ────────────────────────────────────────────────────────────────────────


def picture_reach(brief: Brief, picture: Picture, files: Mapping[str, str]) -> str:
    """Of the fields that a picture is bought with. ``files``: path → sha256 of the references.

    Not of its areas: where another locale needs more room is no other wish for the picture.
    """
    spec = next(one for one in brief.sizes if one.name == picture.size)
    boxes = {line.id: line.box for line in brief.lines}
    told: dict[str, JsonValue] = {
        "motif": brief.motif or brief.title.text[brief.locales[0]],
        "tone": brief.tone,
        "notes": brief.notes,
        "must": list(brief.must),
        "avoid": list(brief.avoid),
        "palette": list(brief.palette),
        "references": [files.get(str(path), str(path)) for path in brief.references],
        "options": brief.options.model_dump(mode="json", exclude_unset=True, exclude={"size"}),
        "size": spec.model_dump(mode="json"),
        "variant": picture.variant,
        "painted": [
            [one.line_id, one.part, one.role, one.text, *(boxes.get(one.line_id) or ())]
            for one in picture.painted
        ],
        "type": brief.type if picture.painted else "",
    }
    return hashed(told)


def cell_reach(brief: Brief, cell: Cell, picture: str) -> str:
    """Of the fields that a poster is made from; ``picture`` is the reach of its picture."""
    lines: list[JsonValue] = [
        [line.id, line.role, line.text[cell.locale], brief.lettering_of(line), *(line.box or ())]
        for line in brief.lines_on(cell.size)
    ]
    told: dict[str, JsonValue] = {
        "picture": picture,
        "lines": lines,
        "type": brief.type,
        "logo": brief.logo.sha256 if brief.logo else "",
        "qr": brief.qr.target if brief.qr else "",
    }
    return hashed(told)


def making_of(picture: Picture, *, version: str, policy: str, model: str) -> str:
    """Of what a picture is made with."""
    ref = picture.prompt_ref
    return hashed([version, policy, model, ref.id, ref.sha256])


def wanted(reach: str, wish: Wish | None) -> str:
    """What is bought once: the same fields and the same wishes are the same purchase."""
    if wish is None or wish.reach != reach:
        return reach
    return hashed([reach, wish.fresh, wish.image, list(wish.texts)])


def hashed(value: JsonValue) -> str:
    """Short enough for names, long enough to be the only one."""
    text = json.dumps(value, sort_keys=True, ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def files_of(record: PosterRecord) -> str:
    """Of the files of a poster."""
    return hashed([one.sha256 for one in record.files])


# ── how it stands ────────────────────────────────────────────────────────────────────────────


class Wanted(Record):
    """A poster as its brief wants it now."""

    cell: Cell
    brief: str
    picture: str
    """Key of its picture, under its brief."""
    reach: str
    making: str
    of: str
    """:func:`wanted` of its picture."""


def standing(
    want: Wanted,
    note: CellNote | None,
    picture: PictureNote | None,
    decision: Decision | None,
) -> Standing:
    """One poster by what is written down of it."""
    state, reasons = _state(want, note, picture, decision)
    record = note.record if note else None
    judged = state in ("approved", "rejected") and decision is not None
    if judged and decision and decision.reason:
        reasons = (decision.reason,)
    return Standing(
        name=want.cell.name,
        state=state,
        reasons=reasons,
        files=tuple(f"{want.brief}/{one.path}" for one in record.files) if record else (),
        picture=want.picture,
        by=decision.by if judged and decision else None,
    )


def _state(
    want: Wanted, note: CellNote | None, picture: PictureNote | None, decision: Decision | None
) -> tuple[CellState, tuple[str, ...]]:
    if note is None or note.reach != want.reach or note.picture != want.of:
        there = picture is not None and picture.of == want.of and picture.made.status in _WHOLE
        return ("bought" if there else "planned"), ()
    record = note.record
    if record.status in ("refused", "parked"):
        return record.status, record.reasons
    if record.picture.unread and not _judged(record, decision):
        return "bought", record.reasons
    if record.status not in _WHOLE:
        return "planned", record.reasons
    if decision is not None and _judged(record, decision):
        return decision.verdict, record.reasons
    if note.making != want.making and note.accepted is None:
        return "stale", record.reasons
    return ("proved" if record.status == "proved" else "needs-person"), record.reasons


def _judged(record: PosterRecord, decision: Decision | None) -> bool:
    """A decision is about the files as they were."""
    return decision is not None and decision.files == files_of(record)


def to_do(state: CellState, *, refresh: bool = False) -> bool:
    """Whether a run makes it: parked ones are looked up again, which costs nothing."""
    return state in ("planned", "bought", "parked") or (refresh and state == "stale")


def summed(states: Iterable[CellState]) -> dict[CellState, int]:
    """State → posters, in the order of ``STATES``, without zeros."""
    found = Counter(states)
    return {state: found[state] for state in STATES if found[state]}


def exit_of(states: Iterable[CellState]) -> int:
    """0, or 6 while a poster is parked, refused, not made, or needs a person."""
    return 6 if any(one in OPEN or one in ("planned", "bought") for one in states) else 0


def matching(names: Iterable[str], globs: Sequence[str]) -> tuple[str, ...]:
    """Those that a glob matches: ``brief/locale/size/variant``, and parts left out at its end."""
    wide = [glob.rstrip("/") for glob in globs]
    return tuple(
        name
        for name in names
        if any(fnmatchcase(name, one) or fnmatchcase(name, f"{one}/*") for one in wide)
    )
