"""An attempt from intent to settlement: written before it is sent, settled whatever happens."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from .kit import Kit
from .protocols import Outgoing, TurnRequest
from .schema import (
    Attempt,
    AttemptId,
    AttemptSummary,
    Cost,
    Failure,
    Image,
    PromptRef,
    Rendering,
    SessionId,
    TurnId,
)
from .turn.extract import Gathered, attempt_state
from .turn.pricing import Bill, bill


@dataclass(frozen=True, slots=True, kw_only=True)
class Errand:
    """What is to be sent and on whose account; the same for every try."""

    outgoing: Outgoing
    body: bytes
    estimate: Cost
    prompts: tuple[PromptRef, ...]
    session: SessionId | None = None
    turn: TurnId | None = None
    user: str | None = None
    tenant: str | None = None
    caps: dict[str, Decimal]


def on_account(errand: Errand, *, session: SessionId, turn: TurnId) -> Errand:
    """The same errand, now that the turn exists."""
    return replace(errand, session=session, turn=turn)


def caps(kit: Kit, request: TurnRequest) -> dict[str, Decimal]:
    """Every budget that holds for this turn: the standing ones, and the lower of two."""
    asked = {"turn": request.max_cost, "session": request.session_max_cost}
    found = dict(kit.caps)
    for scope, cap in asked.items():
        if cap is not None:
            found[scope] = min(cap, found.get(scope, cap))
    return found


def hashed(user: str | None) -> str | None:
    """What a provider may know of a user: the same person, not who (R27)."""
    return hashlib.sha256(user.encode("utf-8", "replace")).hexdigest()[:32] if user else None


async def intend(kit: Kit, errand: Errand, *, number: int) -> Attempt | Failure:
    """Reserve its price and write it down, or say which budget stands in the way."""
    profile, options = kit.upstream.profile, errand.outgoing.options
    attempt = Attempt(
        id=AttemptId(kit.ids.new("att")),
        kind=errand.outgoing.kind,
        session=errand.session,
        turn=errand.turn,
        number=number,
        profile=profile.name,
        dialect=profile.dialect.name,
        base_url=profile.base_url,
        key_fingerprint=kit.key_fingerprint,
        user=errand.user,
        tenant=errand.tenant,
        model=errand.outgoing.model,
        requested=Rendering(
            model=options.model,
            size=options.size,
            quality=options.quality,
            format=options.output_format,
            background=options.background,
        )
        if options
        else Rendering(),
        reserved=errand.estimate,
        prompts=errand.prompts,
        tool_options=options.tool_options if options else {},
        owner=kit.owner or None,
        created=kit.clock.now(),
    )
    refused = await kit.store.reserve(attempt, caps=errand.caps)
    return refused or attempt


async def mark_sent(kit: Kit, attempt: Attempt, errand: Errand) -> Attempt:
    """From here on it may be billed."""
    now = kit.clock.now()
    await kit.store.mark_sent(attempt.id, at=now, bytes_sent=len(errand.body))
    return attempt.model_copy(update={"state": "sent", "sent": now, "bytes_sent": len(errand.body)})


def cut_short(gathered: Gathered) -> Gathered:
    """Nobody waits for the rest any more: the result is not known."""
    failure = Failure(
        code="interrupted",
        message="The wait was given up after the request was sent.",
        hint="The server may have drawn and billed it; it is not sent again by itself.",
        billed="possibly",
        request_id=gathered.request_id,
    )
    return replace(gathered, failed=failure)


@dataclass(frozen=True, slots=True)
class Settled:
    """An attempt as it ended, and what a person should know of its price."""

    attempt: Attempt
    notices: tuple[str, ...] = ()


async def settle(
    kit: Kit, attempt: Attempt, gathered: Gathered, *, images: Sequence[Image] = ()
) -> Settled:
    """How it ended and what it cost."""
    now = kit.clock.now()
    state, billed = attempt_state(gathered, stored=len(images))
    priced = _bill(kit, attempt, gathered, images)
    cost = priced.cost
    if billed == "no":
        cost = Cost(amount=Decimal(0), currency=attempt.reserved.currency, basis="usage")
    settled = attempt.model_copy(
        update={
            "state": state,
            "billed": billed,
            "cost": cost,
            "usage": gathered.usage,
            "images": len(images),
            "actual": images[0].actual if images else Rendering(),
            "request_id": gathered.request_id,
            "response_id": gathered.response_id,
            "status": gathered.failed.status if gathered.failed else None,
            "failure_code": gathered.failed.code if gathered.failed else None,
            "settled": now,
            "elapsed_ms": int((now - (attempt.sent or now)).total_seconds() * 1000),
        }
    )
    await kit.store.settle(settled)
    return Settled(settled, priced.notices if images else ())


def _bill(kit: Kit, attempt: Attempt, gathered: Gathered, images: Sequence[Image]) -> Bill:
    """Priced by the model asked for: an echo of another name proves nothing (wire.md 2)."""
    echo, drew = gathered.tool_model, bool(images) or gathered.usage.image is not None
    model = attempt.requested.model or kit.image_model
    if echo is not None and kit.prices.image(echo) is not None:
        model = echo
    return bill(
        gathered.usage,
        prices=kit.prices,
        image_model=model if drew else None,
        model=attempt.model,
        reported=gathered.reported_cost,
        rendered=[image.actual for image in images],
    )


def summary(attempt: Attempt) -> AttemptSummary:
    """What a receipt says of it."""
    return AttemptSummary(
        id=attempt.id,
        state=attempt.state,
        billed=attempt.billed,
        request_id=attempt.request_id,
        elapsed_ms=attempt.elapsed_ms,
    )
