"""How a turn goes on that is known to have drawn nothing: elsewhere, or a step down the ladder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from decimal import Decimal
from functools import partial

import anyio.to_thread

from .errors import LimnerError
from .kit import Kit
from .logs import get_logger
from .opening import Opening
from .receipts import Receipt
from .schema import Attempt, Failure, FailureCode, Image, Intent
from .traffic import Dialect, Profile
from .turn import ladder
from .turn.extract import Gathered, judge

log = get_logger("limner.runner")

_MOVABLE: frozenset[FailureCode] = frozenset(
    {
        "connection",
        "authentication",
        "quota",
        "usage_window",
        "rate_limited",
        "cooldown",
        "not_implemented",
        "capability_missing",
        "transient",
    }
)


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


def elsewhere(
    kit: Kit, composed: Profile, intent: Intent, gathered: Gathered, *, stored: int = 0
) -> Kit | None:
    """Where the same request may go next: here, asked more plainly, or on the next profile.

    Only after a failure that is known and drew nothing: never after ``unknown``, and never after
    a refusal, against which no other server is tried.
    """
    outcome, failure = judge(gathered, stored=stored, intent=intent)
    if failure is None or outcome != "failed":
        return None
    free = failure.billed == "no"
    if free and failure.code == "invalid_parameter":
        return kit if kit.upstream.profile.dialect != composed.dialect else None
    movable = failure.code in _MOVABLE and (free or failure.code == "capability_missing")
    return kit.fallback if movable else None


def learned(composed: Profile, now: Profile) -> tuple[str, ...]:
    """What the server has shown meanwhile, each in a sentence."""
    return tuple(
        f"profile {now.name}: the server does without {field.name.replace('_', ' ')}, "
        "which is remembered"
        for field in fields(Dialect)
        if field.name != "evidence"
        and getattr(composed.dialect, field.name) != getattr(now.dialect, field.name)
    )


def barred(kit: Kit, other: Kit, caps: Mapping[str, Decimal]) -> Failure | None:
    """A budget belongs to the currency it was begun in: 5 USD do not become 5 CNY on the way."""
    had, wanted = kit.prices.currency, other.prices.currency
    if not caps or had == wanted:
        return None
    name = other.upstream.profile.name
    budgets = ", ".join(f"{scope} {cap}" for scope, cap in caps.items())
    return Failure(
        code="budget",
        message=f"The budgets that hold here ({budgets}) are in {had}, and profile {name} asks for "
        f"{wanted}: it was not gone on with.",
        hint=f"Begin with profile {name} and a budget in {wanted}, or give it a price table in {had} "
        "(docs/prices.md).",
    )


def told_of(kit: Kit, intent: Intent, gathered: Gathered) -> Failure:
    """The failure of a profile that is left, which the next one's would otherwise hide."""
    _, failure = judge(gathered, stored=0, intent=intent)
    assert failure is not None, "nothing is left without one"
    name = kit.upstream.profile.name
    return failure.model_copy(update={"message": f"profile {name}: {failure.message}"})


def way_on(
    kit: Kit, composed: Profile, opened: Opening, gathered: Gathered, *, images: Sequence[Image]
) -> Way | None:
    """Elsewhere first, at full size; a step down only where it was asked for (R49)."""
    intent = opened.request.intent
    other = elsewhere(kit, composed, intent, gathered, stored=len(images))
    if other is not None:
        return Way(other, opened)
    outcome, failure = judge(gathered, stored=len(images), intent=intent)
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
