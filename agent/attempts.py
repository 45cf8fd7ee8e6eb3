"""An attempt from intent to settlement: written before it is sent, settled whatever happens."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from functools import partial
from typing import Protocol

import anyio
import anyio.lowlevel

from .errors import LimnerError, StoreError
from .kit import Kit, Watched
from .logs import get_logger
from .protocols import Clock, TurnRequest
from .schema import (
    Attempt,
    AttemptId,
    AttemptSummary,
    Cost,
    Failure,
    Image,
    ImageOptions,
    PromptRef,
    Rendering,
    Session,
    SessionId,
    TurnId,
)
from .traffic import Outgoing, Received
from .turn.extract import Gathered, attempt_state, fold, judge
from .turn.pricing import Bill, bill, estimate, weight

log = get_logger("limner.runner")

PULSE_S = 15.0
"""Between two signs of life; ten minutes without one and the sender counts as gone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Errand:
    """What is to be sent and on whose account; the same for every try."""

    outgoing: Outgoing
    body: bytes
    estimate: Cost
    """At its dearest: what is reserved."""
    estimate_low: Cost = Cost()
    """At its cheapest, where ``auto`` leaves a choice."""
    prompts: tuple[PromptRef, ...]
    session: SessionId | None = None
    turn: TurnId | None = None
    user: str | None = None
    tenant: str | None = None
    caps: dict[str, Decimal]


class Hearer(Protocol):
    """Who is told of an attempt under way."""

    @property
    def images(self) -> Sequence[Image]:
        """The pictures stored so far."""
        ...

    def sent(self, attempt: Attempt) -> None:
        """From here on it may be billed."""
        ...

    async def take(self, item: Received, gathered: Gathered, /) -> Gathered:
        """One item as it arrives; ``gathered`` holds it already and may be corrected."""
        ...

    def settled(self, settled: Settled) -> None:
        """How it ended, also when it was cut short."""
        ...

    def waits(self, attempt: Attempt, failure: Failure, delay_s: float) -> bool:
        """It is to go again after ``delay_s``; false: nobody wants it any more."""
        ...


@dataclass(frozen=True, slots=True)
class Settled:
    """An attempt as it ended, and what a person should know of its price."""

    attempt: Attempt
    notices: tuple[str, ...] = ()


def on_account(errand: Errand, *, session: SessionId, turn: TurnId) -> Errand:
    """The same errand, now that the turn exists."""
    return replace(errand, session=session, turn=turn)


def caps(kit: Kit, request: TurnRequest) -> dict[str, Decimal]:
    """Every budget that holds for this turn: the standing ones, and the lower of two."""
    asked = (("turn", request.max_cost), ("session", request.session_max_cost))
    found = dict(kit.caps)
    for scope, cap in (*asked, *request.caps.items()):
        if cap is not None:
            found[scope] = min(cap, found.get(scope, cap))
    return found


def priced(
    kit: Kit, options: ImageOptions, outgoing: Outgoing, pictures: Sequence[tuple[int, int]]
) -> tuple[Cost, Cost]:
    """What a turn may cost, at its dearest and at its cheapest; ``pictures`` go along, in pixels."""
    mask = pictures[:1] if outgoing.mask is not None else ()
    asked = partial(
        estimate,
        options,
        prices=kit.prices,
        input_images=(*pictures, *mask),
        prompt_chars=weight((outgoing.instructions, *(m.text for m in outgoing.messages))),
        model=kit.upstream.profile.text_model(outgoing.model),
        effort=outgoing.effort,
    )
    return asked(dearest=True), asked(dearest=False)


def hashed(user: str | None) -> str | None:
    """What a provider may know of a user: the same person, not who (R27)."""
    return hashlib.sha256(user.encode("utf-8", "replace")).hexdigest()[:32] if user else None


async def unaffordable(kit: Kit, errand: Errand, *, session: Session | None) -> Failure | None:
    """The budget that does not cover it, asked before a session or a turn is written for it."""
    if not errand.caps:
        return None
    there = replace(errand, session=session.id if session else None)
    attempt = _attempt(kit, there, AttemptId(""), number=1)
    return await kit.store.reserve(attempt, caps=errand.caps, dry=True)


async def intend(kit: Kit, errand: Errand, *, number: int) -> Attempt | Failure:
    """Reserve its price and write it down, or say which budget stands in the way."""
    attempt = _attempt(kit, errand, AttemptId(kit.ids.new("att")), number=number)
    # shielded: money reserved by an attempt that nobody settles would stay reserved
    with anyio.CancelScope(shield=True):
        refused = await kit.store.reserve(attempt, caps=errand.caps)
    return refused or attempt


def outgoing(kit: Kit, errand: Errand) -> Attempt | None:
    """The first attempt, sent as soon as it is on disk; ``None`` where it may wait for a place."""
    if not kit.room.unlimited:
        return None
    intended = _attempt(kit, errand, AttemptId(kit.ids.new("att")), number=1)
    return _sent(intended, errand, at=intended.created)


def _sent(attempt: Attempt, errand: Errand, *, at: datetime) -> Attempt:
    size = len(errand.body)
    sent = {"state": "sent", "billed": "possibly", "sent": at, "bytes_sent": size}
    return attempt.model_copy(update=sent)


def _attempt(kit: Kit, errand: Errand, new: AttemptId, *, number: int) -> Attempt:
    profile, options = kit.upstream.profile, errand.outgoing.options
    return Attempt(
        id=new,
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
        batch=kit.batch,
        brief=kit.brief,
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


async def exchange(
    kit: Kit, errand: Errand, hearer: Hearer, before: int = 0, *, first: Attempt | None = None
) -> Gathered:
    """Send until it is settled; only what cost nothing is sent again.

    ``before``: how many attempts there were, so that they are numbered on. ``first``: the first
    one, which ``outgoing`` made and which is on disk.
    """
    started, tries = kit.clock.monotonic(), 0
    while True:
        tries += 1
        async with kit.room.place(errand.outgoing.options):
            attempt = first or await intend(kit, errand, number=before + tries)
            first = None
            if isinstance(attempt, Failure):
                return Gathered(failed=attempt)
            gathered = await carry(kit, attempt, errand, hearer)
        if gathered.failed is None or hearer.images:
            return gathered
        if gathered.failed.code == "connection" and kit.fallback is not None:
            return gathered  # somebody else is there: no waiting for whoever is not
        elapsed = kit.clock.monotonic() - started
        delay = kit.upstream.retry_delay(gathered.failed, tries=tries, elapsed_s=elapsed)
        if delay is None or not hearer.waits(attempt, gathered.failed, delay):
            return gathered
        await anyio.sleep(delay)


async def carry(kit: Kit, attempt: Attempt, errand: Errand, hearer: Hearer) -> Gathered:
    """Send what was intended, read the answer, and settle, also when cancelled on the way."""
    gathered, under_way = Gathered(), False
    stopped: BaseException | None = None

    async def reading() -> None:
        nonlocal gathered
        async with aclosing(kit.upstream.send(errand.body, errand.outgoing)) as received:
            async for item in received:
                gathered = await hearer.take(item, fold(gathered, item))

    try:
        if attempt.state == "intent":
            now = kit.clock.now()
            await kit.store.mark_sent(attempt.id, at=now, bytes_sent=len(errand.body))
            attempt = _sent(attempt, errand, at=now)
        await anyio.lowlevel.checkpoint_if_cancelled()  # the last moment to leave for free
        under_way = True
        hearer.sent(attempt)
        watched = kit.watched
        if watched is not None and not watched.lives:
            await _alive_while(reading, watched, kit.clock, attempt.id)
        else:
            await reading()
    except BaseException as error:
        stopped = error
        gathered = replace(gathered, failed=_cut_short(error, gathered, under_way=under_way))
        raise
    finally:

        async def settle() -> None:
            with anyio.CancelScope(shield=True):
                settled = await _settle(kit, attempt, gathered, images=hearer.images)
            hearer.settled(settled)

        try:
            await settle()
        except StoreError as error:
            if stopped is None:  # else what stopped it says more, and the next opening settles
                await kit.later(error, settle)
    return gathered


async def _alive_while(
    work: Callable[[], Awaitable[None]], store: Watched, clock: Clock, which: AttemptId
) -> None:
    """Run ``work`` beside a heartbeat; what it raises comes out as it went in."""
    raised: list[Exception] = []
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(_beat, store, clock, which)
        try:
            await work()
        except Exception as error:  # noqa: BLE001  a group would wrap it
            raised.append(error)
        tasks.cancel_scope.cancel()
    if raised:
        raise raised[0]


async def _beat(store: Watched, clock: Clock, which: AttemptId) -> None:
    """For other machines, which cannot see whether this process lives."""
    while True:
        await anyio.sleep(PULSE_S)
        try:
            await store.beat(which, at=clock.now())
        except StoreError as error:  # the answer matters more than the sign of life
            log.warning("attempt.no_heartbeat", attempt=which, error=str(error))


def _cut_short(error: BaseException, gathered: Gathered, *, under_way: bool) -> Failure:
    """Nobody waits for the rest any more: sent, the result is not known; unsent, it cost nothing."""
    when = "after the request was sent" if under_way else "before anything was sent"
    return Failure(
        code="store" if isinstance(error, LimnerError) else "interrupted",
        message=f"The turn was given up {when}.",
        hint="The server may have drawn and billed it; it is not sent again by itself."
        if under_way
        else "",
        billed="possibly" if under_way else "no",
        request_id=gathered.request_id,
    )


async def _settle(
    kit: Kit, attempt: Attempt, gathered: Gathered, *, images: Sequence[Image]
) -> Settled:
    """How it ended and what it cost."""
    now = kit.clock.now()
    state, billed = attempt_state(gathered, stored=len(images))
    priced = _bill(kit, attempt, gathered, images)
    _, told = judge(gathered, stored=len(images), intent=attempt.kind)
    reason = gathered.failed or (told if state != "completed" else None)
    cost = priced.cost
    if billed == "no" or (cost.amount is None and attempt.reserved.amount == 0):
        # the reservation is for the dearest that it could become
        cost = Cost(amount=Decimal(0), currency=attempt.reserved.currency, basis="usage")
    settled = attempt.model_copy(
        update={
            "state": state,
            "billed": billed,
            "cost": cost,
            "usage": gathered.usage,
            "images": len(images),
            "actual": images[0].actual if images else Rendering(),
            "request_id": gathered.request_id or (reason and reason.request_id),
            "response_id": gathered.response_id,
            "status": reason and reason.status,
            "failure_code": reason and reason.code,
            "settled": now,
            "elapsed_ms": int((now - (attempt.sent or now)).total_seconds() * 1000),
        }
    )
    await kit.store.settle(settled)
    return Settled(settled, priced.notices if images else ())


def _bill(kit: Kit, attempt: Attempt, gathered: Gathered, images: Sequence[Image]) -> Bill:
    """Priced by the model asked for: an echo of another name proves nothing (wire.md 2)."""
    rendered = [*(image.actual for image in images), *gathered.withheld]
    echo, drew = gathered.tool_model, bool(rendered) or gathered.usage.image is not None
    model = attempt.requested.model or kit.image_model
    if echo is not None and kit.prices.image(echo) is not None:
        model = echo
    return bill(
        gathered.usage,
        prices=kit.prices,
        image_model=model if drew else None,
        model=kit.upstream.profile.text_model(attempt.model),
        reported=gathered.reported_cost,
        rendered=[_as_told(one, attempt) for one in rendered],
    )


def _as_told(drawn: Rendering, attempt: Attempt) -> Rendering:
    """A quality that the server does not say is the one asked for, not the dearest there is."""
    if drawn.quality is not None:
        return drawn
    asked = attempt.tool_options.get("quality", attempt.requested.quality)
    return drawn.model_copy(update={"quality": str(asked) if asked else None})


def summary(attempt: Attempt) -> AttemptSummary:
    """What a receipt says of it."""
    return AttemptSummary(
        id=attempt.id,
        state=attempt.state,
        billed=attempt.billed,
        request_id=attempt.request_id,
        elapsed_ms=attempt.elapsed_ms,
    )
