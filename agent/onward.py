"""How a turn goes on that is known to have drawn nothing: elsewhere, or a step down the ladder."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

import anyio.to_thread

from . import attempts
from .errors import LimnerError
from .kit import Kit
from .logs import get_logger
from .opening import Opening
from .receipts import Receipt
from .schema import Attempt, Image
from .traffic import Profile
from .turn import ladder
from .turn.extract import Gathered, judge

log = get_logger("limner.runner")


@dataclass(frozen=True, slots=True)
class Way:
    """What is to be sent next, with which parts; ``step`` says what was lowered for it."""

    kit: Kit
    opened: Opening
    step: dict[str, str] | None = None


def changed(kit: Kit, last: Attempt | None) -> str:
    """Where the turn goes on, and why it left: a refused key should not go unnoticed."""
    why = f" ({last.profile} failed: {last.failure_code})" if last and last.failure_code else ""
    return f"going on with profile {kit.upstream.profile.name}{why}"


def way_on(
    kit: Kit, composed: Profile, opened: Opening, gathered: Gathered, *, images: Sequence[Image]
) -> Way | None:
    """Elsewhere first, at full size; a step down only where it was asked for (R49)."""
    other = attempts.elsewhere(kit, composed, opened.request.intent, gathered, images)
    if other is not None:
        return Way(other, opened)
    outcome, failure = judge(gathered, stored=len(images), intent=opened.request.intent)
    if not opened.request.degrade or not ladder.may_step_down(outcome, failure):
        return None
    lower = ladder.below(opened.options)
    if lower is None:
        return None
    return Way(kit, replace(opened, options=lower), ladder.step(opened.options, lower))


async def enlarge(kit: Kit, receipt: Receipt) -> Sequence[str]:
    """Make what was drawn a step down as large as was asked for; the sentences that tell of it.

    Each becomes a file beside its picture; where that cannot be, the picture is a result all the
    same.
    """
    if not receipt.degraded:
        return ()
    return [told for image in receipt.images if (told := await _enlarged(kit, receipt, image))]


async def _enlarged(kit: Kit, receipt: Receipt, image: Image) -> str | None:
    size = ladder.to_be_enlarged(image.requested.size, image.actual.size)
    if size is None:
        return None
    label = f"{size[0]}x{size[1]}"
    try:
        data = await kit.store.read_blob(image.sha256)
        large = await anyio.to_thread.run_sync(partial(kit.pictures.enlarged, data, size))
        path = await kit.store.save_derived(image.sha256, label, large, media_type=image.media_type)
    except LimnerError as error:
        log.warning("picture.not_enlarged", image=image.id, error=str(error))
        return f"the picture could not be enlarged to {label}: {error}"
    step = {"from": image.actual.size or "", "to": label, "how": "enlarged", "image": image.id}
    receipt.degraded.append({**step, "path": str(path)})
    return f"@{image.number} was enlarged here from {image.actual.size} to {label}, beside it"
