"""A poster on which we set what the model had painted wrong is read once more, as it is delivered.

What was painted may stick out of its panel, and the panel may lie on a neighbour: neither shows on
the picture that was read before.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import anyio.to_thread
from PIL import Image, ImageStat

from ..errors import LimnerError, StoreError
from .elements import Composed, LogoElement, QRElement
from .finishing import Job, composed_of, held, without, written
from .layout import words_of
from .proof import Asked
from .purse import total
from .reading_back import Area, View, notes_of, view_from
from .readings import BELIEVED_AFTER, Reading, found
from .records import PosterRecord, Status
from .shop import Shop
from .wording import in_scene, lettering_of


async def finished(shop: Shop, job: Job) -> PosterRecord:
    """One poster from its picture; ``StoreError`` where it cannot be written, for that may pass."""
    run = anyio.to_thread.run_sync
    if not job.data:
        return without(job)
    try:
        job, composed = await run(composed_of, job)
    except StoreError:
        raise
    except LimnerError as error:
        return held(job, error)
    if job.made.instead:
        job = await _read_again(shop, job, composed)
    return await run(written, job, composed)


async def _read_again(shop: Shop, job: Job, composed: Composed) -> Job:
    """With what is read of the poster for its last proof."""
    view = await anyio.to_thread.run_sync(_view, job, composed)
    areas = tuple(_areas(job))
    known = (*_words(job), *in_scene(job.brief, shop.wishes))
    of = hashlib.sha256(repr((view.sha256, areas, known)).encode()).hexdigest()
    made = job.made
    for nth in range(BELIEVED_AFTER):
        read = await found(
            shop,
            Reading(
                picture=job.picture.key,
                key=f"{job.cell.size}/{job.cell.variant}/{job.cell.locale}#set:{nth}",
                of=of,
                view=view,
                areas=areas,
                known=known,
                sample=job.brief.title.text[job.cell.locale],
            ),
        )
        made = made.model_copy(
            update={
                "proofs": (*made.proofs, *((read.proof,) if read.proof else ())),
                "cost": total([made.cost, read.cost]) if read.cost else made.cost,
                "failure": read.failure or made.failure,
            }
        )
        if read.proof is None or read.failure is not None or read.proof.believed:
            break
    open_ = made.failure is not None or made.proof is None or not made.proof.proved
    status: Status = "needs-person" if open_ else "proved"
    return job._replace(made=made.model_copy(update={"status": status}))


def _view(job: Job, composed: Composed) -> View:
    """As it is cut, without logo and code: what these say is nobody's lettering."""
    image, bleed = composed.trimmed().copy(), composed.size.bleed
    for element in composed.elements:
        if isinstance(element, LogoElement | QRElement):
            x0, y0, x1, y1 = (edge - bleed for edge in element.box_px)
            _blank(image, (max(0, x0), max(0, y0), x1, y1))
    kinds = {one.line_id: one.kind for one in job.layout.lines if one.line_id in job.made.instead}
    return view_from(image, notes_of(job.data), kinds)


def _blank(image: Image.Image, box: tuple[int, int, int, int]) -> None:
    red, green, blue = ImageStat.Stat(image.crop(box)).mean
    image.paste((round(red), round(green), round(blue)), box)


def _areas(job: Job) -> Iterator[Area]:
    """Every text that was to be painted, as it stands there now."""
    for placed in job.layout.lines:
        text = words_of(job.brief, placed, job.cell.locale)
        if text and lettering_of(job.brief, placed) == "painted":
            yield Area(Asked(placed.line_id, placed.part, text, placed.caps), placed.box)


def _words(job: Job) -> Iterator[str]:
    """Everything that is lettered on this poster."""
    for placed in job.layout.lines:
        if text := words_of(job.brief, placed, job.cell.locale):
            yield text
