"""A person settles what no process can; and the columns that this needs come by a migration."""

from __future__ import annotations

import sqlite3
from collections.abc import Awaitable, Callable
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import Literal

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine

from agent.errors import NotFound, UsageError
from agent.protocols import Clock
from agent.schema import Attempt, AttemptState, Cost, Session, SessionId, Turn, TurnId
from agent.store import DiskStore
from agent.store.migrate import SCRIPTS
from agent.store.tables import metadata

MARKET = SessionId("ses_night-market")
MakeAttempt = Callable[..., Attempt]
Reopen = Callable[..., Awaitable[DiskStore]]


@pytest.fixture
async def unknown(
    store: DiskStore,
    a_session: Callable[..., Session],
    a_turn: Callable[..., Turn],
    an_attempt: MakeAttempt,
) -> Attempt:
    """A turn that was sent and of which nothing was heard again."""
    await store.create_session(a_session())
    turn = a_turn()
    await store.open_turn(turn)
    attempt = an_attempt("0.10")
    await store.reserve(attempt, caps={})
    ended = attempt.model_copy(update={"state": "unknown", "billed": "possibly"})
    await store.settle(ended)
    closed = turn.model_copy(update={"outcome": "unknown", "cost": Cost()})
    await store.close_turn(closed, expected_head=turn.id)
    return ended


def cost(amount: str, currency: str = "USD") -> Cost:
    return Cost(amount=Decimal(amount), currency=currency, basis="reported")


async def settle(
    store: DiskStore,
    ref: str,
    billed: Literal["yes", "no"],
    *,
    cost: Cost | None = None,
    note: str | None = None,
) -> None:
    await store.settle_by_hand(ref, billed=billed, cost=cost, note=note, by="ada")


async def test_what_a_person_says_is_kept_with_who_said_it_and_when(
    store: DiskStore, unknown: Attempt, clock: Clock
) -> None:
    await settle(store, unknown.id, "yes", cost=cost("0.04"), note="on the bill")

    entry = await store.entry(unknown.id)
    assert (entry.state, entry.billed, entry.cost) == ("failed", "yes", cost("0.04"))
    assert (entry.settled_by, entry.note, entry.settled) == ("ada", "on the bill", clock.now())
    assert await store.attempts(unsettled=True) == []


async def test_what_was_not_billed_costs_nothing_and_frees_its_reservation(
    store: DiskStore, unknown: Attempt, an_attempt: MakeAttempt
) -> None:
    caps = {"session": Decimal("0.15")}
    assert await store.reserve(an_attempt("0.10"), caps=caps) is not None

    await settle(store, unknown.id, "no")

    assert (await store.attempt(unknown.id)).cost == cost("0")
    assert await store.reserve(an_attempt("0.10"), caps=caps) is None


async def test_billed_at_a_price_that_nobody_knows_still_counts_as_reserved(
    store: DiskStore, unknown: Attempt, an_attempt: MakeAttempt
) -> None:
    await settle(store, unknown.id, "yes")

    assert (await store.attempt(unknown.id)).cost.amount is None
    refused = await store.reserve(an_attempt("0.10"), caps={"session": Decimal("0.15")})
    assert refused is not None


async def test_a_settled_attempt_settles_what_became_of_its_turn(
    store: DiskStore, unknown: Attempt
) -> None:
    await settle(store, unknown.id, "yes", cost=cost("0.04"))

    [turn] = await store.turns(MARKET)
    assert (turn.outcome, turn.cost) == ("failed", cost("0.04"))


async def test_a_turn_with_another_unknown_attempt_stays_unknown(
    store: DiskStore, unknown: Attempt, an_attempt: MakeAttempt
) -> None:
    other = an_attempt()
    await store.reserve(other, caps={})
    await store.settle(other.model_copy(update={"state": "unknown", "billed": "possibly"}))

    await settle(store, unknown.id, "no")

    assert [turn.outcome for turn in await store.turns(MARKET)] == ["unknown"]


async def test_what_is_known_is_not_rewritten(store: DiskStore, unknown: Attempt) -> None:
    await settle(store, unknown.id, "yes", cost=cost("0.04"))

    with pytest.raises(UsageError, match="settled already by ada"):
        await settle(store, unknown.id, "no")

    assert (await store.attempt(unknown.id)).cost == cost("0.04")


@pytest.mark.parametrize("state", ["intent", "sent"])
async def test_what_is_under_way_cannot_be_settled_by_hand(
    store: DiskStore, an_attempt: MakeAttempt, clock: Clock, state: AttemptState
) -> None:
    attempt = an_attempt()
    await store.reserve(attempt, caps={})
    if state == "sent":
        await store.mark_sent(attempt.id, at=clock.now(), bytes_sent=1)

    with pytest.raises(UsageError, match="still under way"):
        await settle(store, attempt.id, "no")

    assert (await store.attempt(attempt.id)).state == state


async def test_a_note_is_no_report(store: DiskStore, unknown: Attempt) -> None:
    with pytest.raises(UsageError, match="500 fit"):
        await settle(store, unknown.id, "no", note="x" * 501)

    assert (await store.attempt(unknown.id)).state == "unknown"


async def test_an_attempt_is_found_by_its_beginning_unless_it_is_ambiguous(
    store: DiskStore, an_attempt: MakeAttempt
) -> None:
    for name in ("att_01JAAAA", "att_01JAABB", "att_01JAAAAB"):
        await store.reserve(an_attempt(id=name), caps={})

    assert (await store.entry("att_01JAAB")).id == "att_01JAABB"
    assert (await store.entry("att_01JAAAA")).id == "att_01JAAAA"
    with pytest.raises(NotFound) as caught:
        await store.entry("att_01JA")
    assert len(caught.value.candidates) == 3
    for nothing in ("att_", "01JAAB", "att_01K0"):
        with pytest.raises(NotFound):
            await store.entry(nothing)


async def test_forgetting_removes_what_people_wrote_and_keeps_what_was_paid(
    store: DiskStore, unknown: Attempt, clock: Clock
) -> None:
    await settle(store, unknown.id, "yes", cost=cost("0.04"), note="zanzibar")

    await store.forget_session(MARKET, at=clock.now())
    before = await store.entry(unknown.id)
    await store.forget_user("ada", at=clock.now())
    after = await store.entry(unknown.id)

    assert (before.note, before.settled_by, before.cost) == (None, "ada", cost("0.04"))
    assert (after.settled_by, after.user, after.cost) == (None, None, cost("0.04"))


@pytest.fixture
def first_version(root: Path, sqlite_only: None) -> Path:
    """The folder of a store as the first version made it, with a session in it."""
    del sqlite_only
    for path in root.glob("limner.db*"):
        path.unlink()
    config = Config()
    config.set_main_option("script_location", str(SCRIPTS))
    engine = create_engine(f"sqlite:///{root / 'limner.db'}")
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        config.attributes["metadata"] = metadata
        command.upgrade(config, "0001")
        connection.exec_driver_sql(
            "INSERT INTO session (id, name, created, updated) VALUES ('ses_old', 'old', "
            "'2026-01-01 00:00:00.000000', '2026-01-01 00:00:00.000000')"
        )
    engine.dispose()
    return root


async def test_a_store_of_the_first_version_is_copied_and_gets_the_new_columns(
    reopen: Reopen, first_version: Path, an_attempt: MakeAttempt
) -> None:
    store = await reopen()

    assert [session.name for session in await store.sessions()] == ["old"]
    attempt = an_attempt()
    await store.reserve(attempt, caps={})
    assert (await store.entry(attempt.id)).settled_by is None
    await store.aclose()
    with closing(sqlite3.connect(first_version / "limner.db.before-0002")) as copy:
        assert copy.execute("SELECT version_num FROM alembic_version").fetchall() == [("0001",)]
        assert copy.execute("SELECT name FROM session").fetchall() == [("old",)]
        columns = {row[1] for row in copy.execute("PRAGMA table_info(attempt)")}
    assert "settled_by" not in columns


async def test_a_turn_is_found_by_its_id(store: DiskStore, unknown: Attempt, clock: Clock) -> None:
    assert unknown.turn is not None
    assert (await store.turn(unknown.turn)).prompt == "a red kite"

    await store.forget_session(MARKET, at=clock.now())

    with pytest.raises(NotFound, match="there is no turn"):
        await store.turn(TurnId(unknown.turn))
