"""What everything came to: exact, by currency, and what nobody knows counted apart."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest

from agent.protocols import Clock
from agent.schema import (
    Attempt,
    AttemptState,
    Billed,
    Cost,
    Rendering,
    Session,
    SessionId,
    Tokens,
    Usage,
)
from agent.store import DiskStore
from agent.store.ledger_sums import By, Sum

MakeAttempt = Callable[..., Attempt]
Spend = Callable[..., Awaitable[Attempt]]


@pytest.fixture
def spend(store: DiskStore, an_attempt: MakeAttempt, clock: Clock) -> Spend:
    """An attempt that ended so; without a state it is only reserved."""

    async def make(
        state: AttemptState | None = "completed",
        billed: Billed = "yes",
        cost: str | None = "0.05",
        *,
        reserved: str | None = "0.10",
        currency: str = "USD",
        **more: object,
    ) -> Attempt:
        attempt = an_attempt(reserved, currency=currency, **more)
        assert await store.reserve(attempt, caps={}) is None
        if state == "sent":
            await store.mark_sent(attempt.id, at=clock.now(), bytes_sent=1)
        elif state is not None:
            amount = None if cost is None else Decimal(cost)
            paid = Cost(amount=amount, currency=currency, basis="usage")
            ended = {"state": state, "billed": billed, "cost": paid}
            await store.settle(attempt.model_copy(update=ended))
        return attempt

    return make


async def total(store: DiskStore) -> Sum:
    [found] = await store.ledger_sums(by=None, since=None)
    return found


async def keys(store: DiskStore, by: By) -> dict[str, int]:
    return {one.key: one.attempts for one in await store.ledger_sums(by=by, since=None)}


async def test_an_empty_ledger_has_no_sums(store: DiskStore) -> None:
    assert await store.ledger_sums(by="day", since=None) == []


@pytest.mark.parametrize(
    ("state", "billed", "cost", "reserved", "expected"),
    [
        ("completed", "yes", "0.05", "0.10", ("0.05", "0", "0", 0)),
        ("failed", "yes", "0.05", "0.10", ("0.05", "0", "0", 0)),
        ("completed", "yes", None, "0.10", (None, "0", "0", 1)),
        ("failed", "no", "0", "0.10", ("0", "0", "0", 0)),
        ("failed", "no", None, None, ("0", "0", "0", 0)),
        ("refused", "possibly", "0.04", "0.10", ("0", "0.04", "0", 0)),
        ("failed", "possibly", None, "0.10", ("0", "0.10", "0", 0)),
        ("unknown", "possibly", None, "0.10", ("0", "0.10", "0", 0)),
        ("unknown", "possibly", "0.01", "0.10", ("0", "0.10", "0", 0)),
        ("unknown", "possibly", None, None, (None, "0", "0", 1)),
        ("sent", "possibly", None, "0.10", ("0", "0", "0.10", 0)),
        (None, "no", None, "0.10", ("0", "0", "0.10", 0)),
        ("sent", "possibly", None, None, (None, "0", "0", 1)),
    ],
)
async def test_what_an_attempt_adds_to_which_sum(
    *,
    store: DiskStore,
    spend: Spend,
    state: AttemptState | None,
    billed: Billed,
    cost: str | None,
    reserved: str | None,
    expected: tuple[str | None, str, str, int],
) -> None:
    await spend(state, billed, cost, reserved=reserved)

    found = await total(store)

    spent, possibly, held, unpriced = expected
    assert found.spent == (None if spent is None else Decimal(spent))
    assert (found.possibly_billed, found.reserved) == (Decimal(possibly), Decimal(held))
    assert (found.unpriced, found.attempts) == (unpriced, 1)


async def test_a_price_that_nobody_knows_leaves_what_is_known_as_it_is(
    store: DiskStore, spend: Spend
) -> None:
    await spend(cost="0.05")
    await spend(cost=None)

    found = await total(store)

    assert (found.spent, found.unpriced) == (Decimal("0.05"), 1)


async def test_sums_are_exact_to_the_last_digit(store: DiskStore, spend: Spend) -> None:
    for _ in range(10):
        await spend(cost="0.1")
    await spend(cost="12345678901234567890.000000000000000001")

    assert (await total(store)).spent == Decimal("12345678901234567891.000000000000000001")


async def test_currencies_stay_apart(store: DiskStore, spend: Spend) -> None:
    await spend(cost="1", currency="USD")
    await spend(cost="2", currency="CNY")
    await spend(cost="4", currency="CNY")

    found = await store.ledger_sums(by="profile", since=None)

    assert [(one.key, one.currency, one.spent, one.attempts) for one in found] == [
        ("offline", "CNY", Decimal(6), 2),
        ("offline", "USD", Decimal(1), 1),
    ]


async def test_a_request_under_way_is_in_the_currency_it_was_reserved_in(
    store: DiskStore, spend: Spend
) -> None:
    await spend("sent", currency="CNY")
    await spend("unknown", "possibly", None, currency="CNY")

    assert [one.currency for one in await store.ledger_sums(by=None, since=None)] == ["CNY"]


async def test_tokens_that_nobody_counted_are_not_0(store: DiskStore, spend: Spend) -> None:
    await spend(usage=Usage(image=Tokens(input=3, output=1756)))
    await spend(usage=Usage(image=Tokens(input=4, output=196)))

    found = await total(store)

    assert (found.image_input, found.image_output) == (7, 1952)
    assert (found.text_input, found.text_output) == (None, None)


async def test_pictures_are_counted(store: DiskStore, spend: Spend) -> None:
    await spend(images=2)
    await spend("failed", "no", "0")

    assert (await total(store)).pictures == 2


async def test_by_session_names_them_and_keeps_those_that_were_forgotten(
    store: DiskStore, spend: Spend, a_session: Callable[..., Session]
) -> None:
    await store.create_session(a_session())
    await spend()
    await spend(session="ses_gone")
    await spend(session=None)

    assert await keys(store, "session") == {"": 1, "night-market": 1, "ses_gone": 1}


async def test_a_day_of_the_ledger_is_a_day_in_utc(store: DiskStore, spend: Spend) -> None:
    west = timezone(timedelta(hours=-5))
    await spend(created=datetime(2026, 11, 20, 23, 30, tzinfo=west))
    await spend(created=datetime(2026, 11, 20, 18, 59, tzinfo=west))

    assert await keys(store, "day") == {"2026-11-20": 1, "2026-11-21": 1}


async def test_a_model_is_the_one_that_draws(store: DiskStore, spend: Spend) -> None:
    await spend(requested=Rendering(model="gpt-image-2"))
    await spend(kind="ask")

    assert await keys(store, "model") == {"gpt-image-2": 1, "gpt-5.5": 1}


async def test_by_user_and_profile(store: DiskStore, spend: Spend) -> None:
    await spend(user="ada", profile="shop")
    await spend(user=None, profile="shop")

    assert await keys(store, "user") == {"": 1, "ada": 1}
    assert await keys(store, "profile") == {"shop": 2}


async def test_only_what_is_young_enough_is_counted(
    store: DiskStore, spend: Spend, clock: Clock
) -> None:
    await spend(created=clock.now() - timedelta(days=8))
    await spend()

    [found] = await store.ledger_sums(by="profile", since=clock.now() - timedelta(days=7))
    newest = await store.newest_attempts(since=clock.now() - timedelta(days=7), limit=9)

    assert found.attempts == len(newest) == 1


async def test_the_newest_attempts_come_first(store: DiskStore, spend: Spend) -> None:
    made = [(await spend()).id for _ in range(3)]

    newest = await store.newest_attempts(since=None, limit=2)

    assert [one.id for one in newest] == [made[2], made[1]]


async def test_the_screen_is_told_without_a_word_of_the_text(store: DiskStore) -> None:
    from agent.schema import Hit, Verdict

    hit = Hit(rule="no-kites", category="toys", severity="review", start=0, end=4, text="kite")
    verdict = Verdict(
        decision="allow",
        rule="no-kites",
        category="toys",
        message="kite",
        hits=(hit,),
        policy="base@1",
        policy_sha256="ab" * 32,
        text_sha256="cd" * 32,
        acknowledged=("no-kites",),
        acknowledged_by="ada",
    )
    at = datetime(2026, 11, 20, tzinfo=UTC)
    await store.add_verdict(verdict, at=at, session=SessionId("ses_a"), turn=None, user="ada")
    await store.add_verdict(verdict, at=at, session=SessionId("ses_b"), turn=None, user="ada")

    [one] = await store.screened(session=SessionId("ses_a"))

    assert "kite" not in one.model_dump_json(exclude={"rule", "acknowledged"})
    assert (one.decision, one.rule, one.acknowledged_by) == ("allow", "no-kites", "ada")
    assert (one.at, one.policy_sha256, one.text_sha256) == (at, "ab" * 32, "cd" * 32)
    assert len(await store.screened(limit=9)) == 2
