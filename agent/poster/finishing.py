"""One poster from its picture: type, logo and code set on it, checked, written, and told of."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Final, NamedTuple

from PIL import Image

from ..errors import LimnerError, StoreError
from ..schema import Sha256
from ..typeset.boxes import Box
from .brief import Brief
from .contrast import PixelBox
from .elements import Composed, PanelElement
from .layout import Layout
from .lettering import compose, covering, delivered
from .metadata import Provenance
from .output import deliver, file_kind, picture_end
from .plan import Cell, Picture
from .printing import printed
from .proof import Proof
from .records import Checked, Delivered, HowLettered, Made, PosterRecord, Status
from .washes import Wash

_OPAQUE: Final = 0.9
_KEPT: Final = 0.7
"""Of the contrast that painted words had, what a wash has to leave them."""
_SOFT: Final = frozenset({"palette"})
"""Checks about taste: told, and no reason to hold a poster back."""


class Job(NamedTuple):
    """Everything that one poster is made from; nothing is looked up."""

    brief: Brief
    layout: Layout
    cell: Cell
    picture: Picture
    made: Made
    data: bytes
    """Of the picture."""
    sha256: Sha256
    """Of the picture as it was bought."""
    folder: Path
    offline: bool
    fingerprint: str
    at: datetime
    profile: Path | None = None
    """CMYK, for print."""


def composed_of(job: Job) -> tuple[Job, Composed]:
    """The poster, and the job with every painted line that is set on it.

    Raises ``LimnerError`` where it cannot be composed.
    """
    composed, instead = _composed(job)
    return job._replace(made=job.made.model_copy(update={"instead": instead})), composed


def written(job: Job, composed: Composed) -> PosterRecord:
    """Its files, and what is known of them; ``StoreError`` where they cannot be written."""
    try:
        files = _write(job, composed)
    except StoreError:
        raise
    except LimnerError as error:
        return held(job, error)
    failed = [c for c in composed.checks if not c.passed and c.name not in _SOFT]
    reasons = (*reasons_of(job.made), *(check.message for check in failed))
    status: Status = "needs-person" if reasons else "proved"
    if job.made.unread and job.made.failure is not None and job.made.failure.code == "budget":
        status = "budget"
    checks = tuple(
        Checked(name=c.name, passed=c.passed, message=c.message, line_id=c.line_id)
        for c in composed.checks
    )
    return _record(job, status, reasons=reasons, files=files, checks=checks)


def held(job: Job, error: LimnerError) -> PosterRecord:
    """Of a poster that cannot be composed or written."""
    hint = f" ({error.hint})" if error.hint else ""
    return _record(job, "needs-person", reasons=(f"{error}{hint}",))


def without(job: Job) -> PosterRecord:
    """Of a poster whose picture did not come."""
    return _record(job, job.made.status, reasons=reasons_of(job.made))


def reasons_of(made: Made) -> tuple[str, ...]:
    """Why what is known of a picture, or of its poster, holds that back."""
    told = []
    if made.failure is not None:
        hint = f" ({made.failure.hint})" if made.failure.hint else ""
        unread = "nobody has read it: " if made.image is not None else ""
        told.append(f"{unread}{made.failure.message}{hint}")
    if made.proof is not None and made.proof.believed:
        told += _open(made.proof)
    elif made.proof is not None and made.failure is None:
        told.append(f"the reader cannot be believed, so nobody has read it: {made.proof.problem}")
    return tuple(told)


def _open(proof: Proof) -> Iterator[str]:
    """What two readings leave to the eyes of a person."""
    for fault in proof.faulty:
        seen = f", read as {fault.readings[0]!r}" if fault.readings else ""
        yield f"{fault.line_id}: {fault.reason or fault.verdict}{seen}"
    for text in proof.unexpected:
        yield f"lettering that nobody asked for: {text!r}"


def _composed(job: Job) -> tuple[Composed, tuple[str, ...]]:
    """The poster, and the painted lines that are set on it: also those that a panel would hide."""
    instead = job.made.instead
    while True:
        composed = compose(job.data, job.brief, job.layout, job.cell.locale, instead=instead)
        hidden = hidden_lines(composed, job.picture, job.data, instead)
        if not hidden:
            return composed, instead
        instead = (*instead, *hidden)


def hidden_lines(
    composed: Composed, picture: Picture, data: bytes, instead: tuple[str, ...]
) -> tuple[str, ...]:
    """Painted lines under an opaque panel, or washed out by a soft one.

    They were proved on the picture, which says nothing of what was laid on it afterwards.
    """
    panels = [one.wash for one in composed.elements if isinstance(one, PanelElement)]
    left = [one for one in picture.painted if one.line_id not in instead]
    if not panels or not left:
        return ()
    plain, _, _ = covering(data, composed.size)
    found = dict.fromkeys(
        line.line_id
        for line in left
        for place in (_on_canvas(line.box, composed),)
        for wash in panels
        if _meets(wash, place)
        and (wash.alpha >= _OPAQUE or _span(composed.image, place) < _KEPT * _span(plain, place))
    )
    return tuple(found)


def _on_canvas(box: Box, composed: Composed) -> PixelBox:
    """From fractions of the bought picture to pixels of the canvas."""
    crop, (width, height) = composed.crop, composed.image.size
    across, down = width / crop.width, height / crop.height
    return (
        max(0, round((box.x0 - crop.x0) * across)),
        max(0, round((box.y0 - crop.y0) * down)),
        min(width, round((box.x1 - crop.x0) * across)),
        min(height, round((box.y1 - crop.y0) * down)),
    )


def _meets(wash: Wash, place: PixelBox) -> bool:
    """With the edge over which it fades."""
    left, top, right, low = wash.reach
    x0, y0, x1, y1 = wash.box
    return (
        x0 - left < place[2]
        and place[0] < x1 + right
        and y0 - top < place[3]
        and place[1] < y1 + low
    )


def _span(image: Image.Image, place: PixelBox) -> int:
    """Greys between the darkest and the lightest twentieth: what letters stand out by."""
    counts = image.crop(place).convert("L").histogram()
    total, seen, low, high = sum(counts), 0, 0, 255
    for grey, count in enumerate(counts):
        seen += count
        if seen <= 0.05 * total:
            low = grey
        if seen <= 0.95 * total:
            high = grey
    return high - low


def _write(job: Job, composed: Composed) -> tuple[Delivered, ...]:
    title = job.brief.title.text[job.cell.locale]
    told = Provenance(job.sha256, "offline" if job.offline else "model", title)
    kind = file_kind(job.brief)
    data = delivered(composed, kind, told)
    files = [deliver(job.folder, job.cell, "picture", picture_end(kind), data)]
    if composed.size.printed:
        page = printed(composed, job.data, told, profile=job.profile)
        text = page.preflight.text().encode()
        files.append(deliver(job.folder, job.cell, "pdf", "pdf", page.pdf))
        files.append(deliver(job.folder, job.cell, "preflight", "preflight.txt", text))
    return tuple(files)


def _record(
    job: Job,
    status: Status,
    *,
    reasons: tuple[str, ...] = (),
    files: tuple[Delivered, ...] = (),
    checks: tuple[Checked, ...] = (),
) -> PosterRecord:
    return PosterRecord(
        name=job.cell.name,
        locale=job.cell.locale,
        size=job.cell.size,
        variant=job.cell.variant,
        status=status,
        reasons=reasons,
        files=files,
        lettering=_lettering(job),
        picture=job.made,
        checks=checks,
        offline=job.offline,
        fingerprint=job.fingerprint,
        made=job.at,
    )


def _lettering(job: Job) -> dict[str, HowLettered]:
    """Who lettered each line of this size."""
    found: dict[str, HowLettered] = {}
    for line in job.brief.lines_on(job.cell.size):
        how: HowLettered = job.brief.lettering_of(line)
        found[line.id] = "set-instead" if line.id in job.made.instead else how
    return found
