"""``Idempotency-Key`` on a response: the same request twice is one turn, and one bill."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Final

import anyio

from ..protocols import Bought, KeptItem, KeptResponse, Purchase
from ..schema import TurnId
from ..wire import lift
from ..wire.fields import RequestFault
from ..wire.retelling import Drawn, Frame, Retelling
from . import kept
from .line import Line
from .prepare import Shop

HEADER: Final = "Idempotency-Key"
_LOOKS: Final = 8
_LOOK_S: Final = 0.25
"""Between two looks at a turn that somebody else is drawing."""


def purchase_of(shop: Shop, key: str, body: bytes, *, tenant: str | None, turn: TurnId) -> Purchase:
    """What is written down before anything is sent: hashes and ids."""
    return Purchase(
        tenant=tenant,
        key=hashlib.sha256(b"responses\0" + key.encode("utf-8", "replace")).hexdigest(),
        body=hashlib.sha256(body).hexdigest(),
        turns=(turn,),
        owner=shop.kit.owner,
        created=shop.kit.clock.now(),
    )


async def claim(shop: Shop, new: Purchase) -> KeptResponse | None:
    """What the same request came to; ``None``: nothing yet, and the key is now this request's.

    Raises as ``same`` does.
    """
    while (taken := await shop.tenancy.claim(new)) is not None:
        found = await same(shop, taken, new)
        if found is not None or await shop.tenancy.take_over(taken, new):
            return found
    return None


async def same(shop: Shop, taken: Purchase, new: Purchase) -> KeptResponse | None:
    """What the same request came to, waited for where it is still drawn; ``None``: it cost nothing.

    Raises ``RequestFault`` 422 for another request under this key, 409 where there is no answer
    to repeat: it was not stored, was deleted, or was cut off and may be billed.
    """
    if taken.body != new.body:
        raise RequestFault(
            f"This {HEADER} was used for another request. A new request needs a new key.",
            status=422,
            code="idempotency_key_reused",
            param=HEADER,
        )
    looks, ended = 0, False
    while True:
        found = await shop.answers.response_of_turn(taken.turns[0], tenant=taken.tenant)
        if found is not None and found.status not in ("in_progress", "failed"):
            return found
        bought = await shop.tenancy.bought(taken, now=shop.kit.clock.now())
        if _came_to_nothing(taken, bought) or await _was_freed(shop, taken):
            return None
        under_way = found is not None and found.status == "in_progress"
        looks = 0 if under_way else looks + 1
        if found is None and looks >= _LOOKS:  # it may have been about to be written down
            raise _no_answer(taken, bought)
        if found is not None and found.status == "failed":
            if looks >= _LOOKS or not _free(bought):  # else its key is about to be free
                check(found)
        elif found is not None and any(turn.outcome for turn in bought.turns):
            if ended:  # and nobody closed it first: its process is gone
                return found
            ended = True
            continue
        await anyio.sleep(_LOOK_S)


def _came_to_nothing(taken: Purchase, bought: Bought) -> bool:
    """Its process ended before anything was sent: the key is free for whoever asks again."""
    if taken.done or bought.alive:
        return False
    return _free(bought)


def _free(bought: Bought) -> bool:
    free = all(a.billed == "no" and a.state not in ("intent", "sent") for a in bought.attempts)
    return free and not any(turn.images for turn in bought.turns)


async def _was_freed(shop: Shop, taken: Purchase) -> bool:
    """Whoever had the key spent nothing and gave it back, or somebody else has it by now."""
    standing = await shop.tenancy.standing(taken)
    return standing is None or standing.turns != taken.turns


def _no_answer(taken: Purchase, bought: Bought) -> RequestFault:
    if bought.alive and not (bought.turns or taken.done):
        return RequestFault(
            f"The request with this {HEADER} is being worked on by another process. Ask again "
            "with the same key.",
            status=409,
            code="idempotency_in_progress",
            param=HEADER,
        )
    return RequestFault(
        f"The request with this {HEADER} was sent before, and its answer is not kept here: "
        f"look at turn {taken.turns[0]}, then use a new key.",
        status=409,
        code="idempotency_no_answer",
        param=HEADER,
    )


def check(found: KeptResponse) -> None:
    """Raises ``RequestFault`` 409 for one that failed and may be billed: it is no answer to repeat."""
    if found.status != "failed":
        return
    error = found.document.get("error")
    told = error if isinstance(error, dict) else {}
    raise RequestFault(
        f"The request with this {HEADER} failed and may be billed; it is not sent again: "
        f"{told.get('message')} Look at turn {found.turn} (limner ledger), then use a new key.",
        status=409,
        code=str(told.get("code")),
        param=HEADER,
        type="server_error",
    )


async def settle(shop: Shop, purchase: Purchase) -> None:
    """After its turn: the key stands for the answer, or is free again where nothing was spent."""
    attempts = await shop.kit.store.attempts(turn=purchase.turns[0])
    if any(attempt.billed != "no" for attempt in attempts):
        await shop.tenancy.finish(purchase)
    else:
        await shop.tenancy.release(purchase)


async def again(shop: Shop, found: KeptResponse, line: Line, *, stream: bool) -> None:
    """Tell a kept answer once more, as JSON or as the events it would have come with."""
    body = b"".join([piece async for piece in kept.body_of(shop.kit, shop.tenancy, found)])
    if not stream:
        line.put([body])
        line.end()
        return
    drawn = []
    for item in found.output:
        held = (
            await kept.bytes_of(shop.kit, shop.tenancy, item.image, found.tenant)
            if item.image
            else None
        )
        if held is not None:
            drawn.append(Drawn(image=held[0].id, sha256=held[0].sha256, data=held[1]))
    ids = _ids(found.output)
    instructions = found.document.get("instructions")
    frame = Frame(
        id=found.id,
        created=int(found.created.timestamp()),
        asked={},
        previous=found.previous,
        instructions=instructions if isinstance(instructions, str) else None,
        background=found.document.get("background") is True,
    )
    tale = Retelling(frame, new_id=lambda _: next(ids))
    line.put([*tale.tell(lift.parse(body), drawn), *tale.end().events])
    line.end()


def _ids(output: tuple[KeptItem, ...]) -> Iterator[str]:
    """The ids that were ours to give, in their order."""
    ours = ("image_generation_call", "message")
    yield from (item.id for item in output if item.value.get("type") in ours)
