"""One turn for a poster: looked up before it is sent, so that nothing is ever bought twice."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Final

import anyio.lowlevel

from .. import ImageAgent, TurnResult
from ..errors import NotFound
from ..protocols import TurnRequest
from ..schema import (
    Attempt,
    Cost,
    Failure,
    Image,
    SessionId,
    Turn,
    TurnId,
)
from .journal import Step, Steps
from .purse import Purse, total
from .records import Status

_PARKED: Final = (
    "It was sent in an earlier run and its result is not known, so it may have been billed."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bought:
    """How a purchase ended. ``image`` is ``None`` unless a picture is in the store."""

    status: Status | None = None
    """``None``: a picture came."""
    image: Image | None = None
    session: SessionId | None = None
    cost: Cost
    attempts: tuple[str, ...] = ()
    failure: Failure | None = None
    again: bool = False
    """It was an earlier run that sent it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What is wanted: ``key`` and ``of`` name it, in every run alike."""

    key: str
    of: str
    request: TurnRequest
    estimate: Cost
    begun: bool = False
    """For a picture that was bought already: it goes before what is not begun."""


class Counter:
    """Buys turns for one folder."""

    def __init__(
        self,
        agent: ImageAgent,
        journal: Steps,
        purse: Purse,
        *,
        repeats: int = 0,
        turn: Callable[[], Awaitable[None]] = anyio.lowlevel.checkpoint,
    ) -> None:
        """``repeats``: how often what ended unknown is sent again, and may be paid twice.

        ``turn``: waits until it is this one's turn to ask.
        """
        self._repeats = repeats
        self._turn = turn
        self._agent = agent
        self._journal = journal
        self._purse = purse

    async def buy(self, order: Order) -> Bought:
        """The picture that was bought for this before, or a new one; parked where nobody knows."""
        bought = await self._once(order)
        for _ in range(self._repeats):
            if bought.status != "parked" or bought.again:
                break
            bought = await self._once(order)
        return bought

    async def _once(self, order: Order) -> Bought:
        before = await self._before(order)
        if before is not None:
            return before
        bought = await self._asked(order)
        while bought.status == "budget" and await self._purse.again(begun=order.begun):
            bought = await self._asked(order)
        return bought

    async def _asked(self, order: Order) -> Bought:
        held = await self._purse.hold(order.estimate, begun=order.begun)
        if isinstance(held, Failure):
            return Bought(status="budget", failure=held, cost=_nothing(order.estimate))
        turn = TurnId(self._agent.kit.ids.new("turn"))
        cost = order.estimate
        try:
            await self._turn()
            await self._journal.add(Step(kind="turn", key=order.key, of=order.of, turn=turn))
            asked = replace(order.request, turn=turn, max_cost=held)
            result: TurnResult = await self._agent.run(asked)
            cost = result.cost
        finally:
            self._purse.settle(held, cost)
        return _bought(result)

    async def given_up(self, key: str, of: str) -> Bought | None:
        """What was sent for it and has not come to an end that anybody knows: parked."""
        _, attempts, session = await self._sent(key, of)
        if session is None or attempts[-1].state not in ("sent", "unknown"):
            return None
        return _without(attempts, None, session)

    async def _sent(
        self, key: str, of: str
    ) -> tuple[TurnId | None, list[Attempt], SessionId | None]:
        """The turn that was asked for last, its attempts and their session, as far as there is one."""
        step = await self._journal.find("turn", key, of)
        if step is None or step.turn is None:
            return None, [], None
        attempts = await self._agent.store.attempts(turn=step.turn)
        session = next((one.session for one in reversed(attempts) if one.session), None)
        return step.turn, attempts, session

    async def _before(self, order: Order) -> Bought | None:
        which, attempts, session = await self._sent(order.key, order.of)
        if which is None or session is None:
            return None  # it ended before anything was written down, so nothing was sent
        store = self._agent.store
        try:
            images = await store.images(session)
            turns = {turn.id: turn for turn in await store.turns(session)}
        except NotFound:
            return None  # forgotten, by a person's wish
        image = _picture(images, turns, which)
        spent = total(one.cost for one in attempts)
        if image is not None:
            return Bought(
                image=image,
                session=session,
                cost=spent,
                attempts=tuple(one.id for one in attempts),
                again=True,
            )
        if self._repeats and attempts[-1].state == "unknown":
            return None
        mine = attempts[-1].state == "sent" and attempts[-1].owner == self._agent.kit.owner
        return (
            _unwritten(attempts, session) if mine else _without(attempts, turns.get(which), session)
        )


def _picture(images: list[Image], turns: dict[TurnId, Turn], which: TurnId) -> Image | None:
    """What the turn brought, or what a person had sent again in its place (``limner retry``)."""
    wanted = turns.get(which)
    same = [which]
    if wanted is not None:
        same += [
            turn.id
            for turn in turns.values()
            if turn.prompt == wanted.prompt
            and turn.editing == wanted.editing
            and turn.options == wanted.options
            and turn.mask == wanted.mask
            and turn.created > wanted.created
        ]
    return next((i for turn in same for i in images if i.turn == turn), None)


def _unwritten(attempts: list[Attempt], session: SessionId) -> Bought:
    """Sent by this very process, which could not write down what came of it."""
    failure = Failure(
        code="store",
        message="What came of it could not be written down.",
        hint="Once the store can be written to, run it again: a picture that came is found.",
        billed="possibly",
    )
    return Bought(
        status="parked",
        session=session,
        cost=total(one.cost for one in attempts),
        attempts=tuple(one.id for one in attempts),
        failure=failure,
        again=True,
    )


def _without(attempts: list[Attempt], turn: Turn | None, session: SessionId) -> Bought | None:
    """``None``: it cost nothing and may be sent anew."""
    last = attempts[-1]
    cost = total(one.cost for one in attempts)
    told = turn.failures[0] if turn is not None and turn.failures else None
    ids = tuple(one.id for one in attempts)
    if last.billed == "possibly" or last.state in ("intent", "sent"):
        failure = Failure(
            code="unknown",
            message=_PARKED,
            hint=f"limner retry {last.id} sends it again; limner ledger settle {last.id} closes it.",
            billed="possibly",
        )
        return Bought(
            status="parked", session=session, cost=cost, attempts=ids, failure=failure, again=True
        )
    if last.state == "refused":
        refused = told or Failure(code="moderation_blocked", message="It was refused before.")
        return Bought(status="refused", session=session, cost=cost, attempts=ids, failure=refused)
    if last.billed == "yes":
        failure = Failure(
            code="no_image",
            message="It was billed in an earlier run and brought no picture.",
            hint=f"limner retry {last.id} sends it again.",
            billed="yes",
        )
        return Bought(status="failed", session=session, cost=cost, attempts=ids, failure=failure)
    return None


def _bought(result: TurnResult) -> Bought:
    ids = tuple(one.id for one in result.attempts)
    if result.images:
        return Bought(
            image=result.images[0], session=result.session, cost=result.cost, attempts=ids
        )
    status: Status = "failed"
    if result.outcome == "refused":
        status = "refused"
    elif result.outcome == "unknown":
        status = "parked"
    elif result.error is not None and result.error.code == "budget":
        status = "budget"
    elif result.error is not None and result.error.code == "connection":
        status = "planned"
    failure = result.error or Failure(code="no_image", message="No picture came.")
    return Bought(
        status=status, session=result.session, cost=result.cost, attempts=ids, failure=failure
    )


def _nothing(estimate: Cost) -> Cost:
    return estimate.model_copy(update={"amount": Decimal(0), "basis": "usage"})
