"""What of a relayed turn is written before anything is sent: all of it or nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal

import pytest

from agent.errors import StoreError
from agent.protocols import Beginning, KeptResponse
from agent.schema import Attempt, Failure, Session, SessionId, Turn
from agent.store import DiskStore
from agent.store.responses import DiskAnswers

MakeSession = Callable[..., Session]
MakeTurn = Callable[..., Turn]
MakeAttempt = Callable[..., Attempt]


def beginning(session: Session, turn: Turn, other_name: str | None) -> Beginning:
    response = KeptResponse(
        id=f"resp_{turn.id}",
        tenant=None,
        session=session.id,
        turn=turn.id,
        previous=None,
        status="in_progress",
        created=turn.created,
        document={},
    )
    return Beginning(
        session=session,
        other_name=other_name,
        turn=turn,
        verdicts=(),
        user=None,
        response=response,
    )


async def test_a_turn_begins_in_a_session_under_another_name_where_the_first_is_taken(
    store: DiskStore, a_session: MakeSession, a_turn: MakeTurn
) -> None:
    await store.create_session(a_session("kite"))
    new = a_session("kite", id="ses_second")
    turn = a_turn(session=new.id)

    named = await DiskAnswers(store).begin(beginning(new, turn, "kite-2"))

    assert isinstance(named, Session)
    assert (named.id, named.name) == ("ses_second", "kite-2")
    assert [one.id for one in await store.turns(named.id)] == [turn.id]
    assert await DiskAnswers(store).response(f"resp_{turn.id}", tenant=None) is not None


async def test_a_turn_that_cannot_begin_leaves_nothing_behind(
    store: DiskStore, a_session: MakeSession, a_turn: MakeTurn
) -> None:
    await store.create_session(a_session("kite"))
    turn = a_turn(of="kite")
    await store.open_turn(turn)
    new = a_session("pier")

    with pytest.raises(StoreError):
        await DiskAnswers(store).begin(
            beginning(new, turn.model_copy(update={"session": SessionId(new.id)}), "pier-2")
        )

    assert [session.name for session in await store.sessions()] == ["kite"]
    assert await DiskAnswers(store).response(f"resp_{turn.id}", tenant=None) is None


async def test_a_first_attempt_is_on_disk_as_sent_with_its_turn(
    store: DiskStore, a_session: MakeSession, a_turn: MakeTurn, an_attempt: MakeAttempt
) -> None:
    new = a_session("kite")
    turn = a_turn(session=new.id)
    attempt = sent(an_attempt(session=new.id, turn=turn.id))

    await DiskAnswers(store).begin(
        replace(beginning(new, turn, "kite-2"), sending=(attempt, {"turn": Decimal(1)}))
    )

    [kept] = await store.attempts(turn=turn.id)
    assert (kept.state, kept.billed, kept.sent, kept.bytes_sent) == (
        *("sent", "possibly", attempt.sent, 321),
    )


async def test_a_budget_that_does_not_cover_it_leaves_nothing_of_the_turn(
    store: DiskStore, a_session: MakeSession, a_turn: MakeTurn, an_attempt: MakeAttempt
) -> None:
    new = a_session("kite")
    turn = a_turn(session=new.id)
    attempt = sent(an_attempt("0.50", session=new.id, turn=turn.id))

    refused = await DiskAnswers(store).begin(
        replace(beginning(new, turn, "kite-2"), sending=(attempt, {"turn": Decimal("0.10")}))
    )

    assert isinstance(refused, Failure)
    assert refused.code == "budget"
    assert (await store.sessions(), await store.attempts()) == ([], [])


def sent(attempt: Attempt) -> Attempt:
    at = {"sent": attempt.created, "bytes_sent": 321}
    return attempt.model_copy(update={"state": "sent", "billed": "possibly", **at})
