"""``Idempotency-Key``: the same request twice is bought once, also across a restart.

The purchase is written down with the ids of its turns before any of them begins. Whoever comes
with the same key finds a job to join, an answer to repeat, or the truth about what was cut off.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from types import MappingProxyType

from fastapi import Request

from ...protocols import Bought, Purchase
from ...schema import Turn
from .desk import Desk
from .drawn import Drawn, drawn_of_turn
from .errors import NO_RETRY, ApiError
from .jobs import Job
from .orders import Order, turn_ids
from .outcomes import UNKNOWN

HEADER = "idempotency-key"
LONGEST_KEY = 255
IN_PROGRESS = "idempotency_in_progress"
LATER = MappingProxyType({"retry-after": "5", "x-should-retry": "true"})
"""Headers of a 409 that is worth asking again."""
_OPEN = (None, "unknown")


@dataclass(frozen=True, slots=True)
class Replay:
    """What the same request came to earlier."""

    drawn: tuple[Drawn, ...]


def key_of(request: Request) -> str | None:
    """What the client calls its request; raises ``ApiError`` for what is no key."""
    keys = request.headers.getlist(HEADER)
    if not keys:
        return None
    key = keys[0]
    if len(keys) > 1 or not 1 <= len(key) <= LONGEST_KEY:
        many = f" It stands there {len(keys)} times." if len(keys) > 1 else ""
        raise ApiError(
            400,
            f"Invalid {HEADER}: one of 1 to {LONGEST_KEY} characters.{many}",
            code="invalid_idempotency_key",
            param=HEADER,
        )
    return key


async def buy(desk: Desk, order: Order, key: str | None) -> Job | Replay:
    """A job under way, new or joined, or what there already is. Raises ``ApiError`` 409 and 422."""
    ids = turn_ids(desk, order.asked.n)
    requests = [replace(order.turn, turn=which) for which in ids]
    if key is None:
        return desk.jobs.start(Job(requests))
    purchase = Purchase(
        tenant=order.tenant.name,
        key=hashlib.sha256(key.encode("utf-8", "replace")).hexdigest(),
        body=order.fingerprint(),
        turns=ids,
        owner=desk.kit.owner,
        created=desk.kit.clock.now(),
    )
    taken = await desk.tenancy.claim(purchase)
    # no waiting between the claim and the start: whoever claims next must find the job
    if taken is None:
        return desk.jobs.start(Job(requests, purchase))
    if taken.body != purchase.body:
        raise ApiError(
            422,
            "This Idempotency-Key was used for another request. A new request needs a new key.",
            code="idempotency_key_reused",
            param=HEADER,
            headers=NO_RETRY,
        )
    running = desk.jobs.find(taken)
    if running is not None:
        return running
    bought = await desk.tenancy.bought(taken, now=purchase.created)
    if _came_to_nothing(taken, bought, desk):
        if await desk.tenancy.take_over(taken, purchase):
            return desk.jobs.start(Job(requests, purchase))
        raise _under_way()
    return Replay(await _known(taken, bought, desk, order))


def _is_gone(taken: Purchase, bought: Bought, desk: Desk) -> bool:
    """Whoever made it works on it no more: its process ended, or this one gave its job up."""
    return not bought.alive or taken.owner == desk.kit.owner


def _came_to_nothing(taken: Purchase, bought: Bought, desk: Desk) -> bool:
    """Cut off before anything was sent, so that it can be asked for as if for the first time."""
    if taken.done or not _is_gone(taken, bought, desk):
        return False
    free = all(a.billed == "no" and a.state not in ("intent", "sent") for a in bought.attempts)
    return free and not any(turn.images for turn in bought.turns)


async def _known(taken: Purchase, bought: Bought, desk: Desk, order: Order) -> tuple[Drawn, ...]:
    """The turns as they are on disk; raises ``ApiError`` where nobody knows what became of them."""
    begun = len(bought.turns) == len(taken.turns)
    open_ = not begun or any(turn.outcome is None for turn in bought.turns)
    if open_ and not taken.done and not _is_gone(taken, bought, desk):
        raise _under_way()
    if not bought.turns:
        raise ApiError(
            404, "What this request came to was forgotten.", code="not_found", headers=NO_RETRY
        )
    lost = [turn for turn in bought.turns if turn.outcome in _OPEN and not turn.images]
    if lost:
        raise _cut_off(lost)
    return tuple(
        [await drawn_of_turn(turn, desk.tenancy, order.tenant.name) for turn in bought.turns]
    )


def _under_way() -> ApiError:
    """Worth asking again: with the same key it can only join or be answered."""
    return ApiError(
        409,
        "The same request is being worked on by another process. Ask again with the same key.",
        code=IN_PROGRESS,
        param=HEADER,
        headers=LATER,
    )


def _cut_off(turns: list[Turn]) -> ApiError:
    named = ", ".join(turn.id for turn in turns)
    return ApiError(
        409,
        "This request was sent and then cut off, so it may have been drawn and billed. It is not "
        f"sent again by itself: look at turn {named} (limner ledger), then use a new key.",
        type="server_error",
        code=UNKNOWN,
        param=HEADER,
        headers=NO_RETRY,
    )
