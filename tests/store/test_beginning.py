"""What of a relayed turn is written before anything is sent: all of it or nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal

import anyio
import pytest
from sqlalchemy import Engine, event

from agent.errors import LimnerError, NotFound, StoreError
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


async def all_of(store: DiskStore, news: list[Beginning]) -> list[Session | Failure | LimnerError]:
    """What each came to, all of them asked for at once over one store."""
    answers, found = DiskAnswers(store), dict[int, Session | Failure | LimnerError]()

    async def one(at: int) -> None:
        try:
            found[at] = await answers.begin(news[at])
        except LimnerError as error:
            found[at] = error

    async with anyio.create_task_group() as tasks:
        for at in range(len(news)):
            tasks.start_soon(one, at)
    return [found[at] for at in range(len(news))]


async def test_turns_that_begin_together_are_written_together_each_session_under_a_name_of_its_own(
    store: DiskStore, a_session: MakeSession, a_turn: MakeTurn
) -> None:
    turns = [a_turn(id=f"turn_{n}", session=f"ses_{n}") for n in range(30)]
    news = [
        beginning(a_session("kite", id=turn.session), turn, f"kite-{n}")
        for n, turn in enumerate(turns)
    ]
    statements: list[str] = []

    def note(*given: object) -> None:
        statements.append(str(given[2]))

    event.listen(Engine, "before_cursor_execute", note)
    try:
        await all_of(store, news)
    finally:
        event.remove(Engine, "before_cursor_execute", note)

    assert {one.name for one in await store.sessions()} == {
        "kite",
        *(f"kite-{n}" for n in range(1, 30)),
    }
    assert [len(await store.turns(turn.session)) for turn in turns] == [1] * 30
    if store.database.sqlite:
        assert len([said for said in statements if said.startswith("INSERT")]) < 30


async def test_one_that_no_budget_covers_and_one_whose_session_is_gone_take_no_other_with_them(
    store: DiskStore, a_session: MakeSession, a_turn: MakeTurn, an_attempt: MakeAttempt
) -> None:
    turns = [a_turn(id=f"turn_{n}", session=f"ses_{n}") for n in range(6)]
    news = [
        replace(
            beginning(a_session(f"kite {n}", id=turn.session), turn, f"kite-{n}"),
            sending=(
                sent(an_attempt("0.50", id=f"att_{n}", session=turn.session, turn=turn.id)),
                {"day": Decimal("1.60")},
            ),
        )
        for n, turn in enumerate(turns)
    ]
    news[1] = replace(news[1], other_name=None)

    found = await all_of(store, news)

    assert isinstance(found[1], NotFound)
    refused = [one for one in found if isinstance(one, Failure)]
    assert [one.code for one in refused] == ["budget", "budget"]
    begun = [one for one in found if isinstance(one, Session)]
    assert {one.id for one in await store.sessions()} == {one.id for one in begun}
    assert len(await store.attempts()) == len(begun) == 3


def sent(attempt: Attempt) -> Attempt:
    at = {"sent": attempt.created, "bytes_sent": 321}
    return attempt.model_copy(update={"state": "sent", "billed": "possibly", **at})
