"""What of a relayed turn is written before anything is sent: all of it or nothing."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from agent.errors import StoreError
from agent.protocols import Beginning, KeptResponse
from agent.schema import Session, SessionId, Turn
from agent.store import DiskStore
from agent.store.responses import DiskAnswers

MakeSession = Callable[..., Session]
MakeTurn = Callable[..., Turn]


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
