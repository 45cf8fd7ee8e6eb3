from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from decimal import Decimal

import anyio
import pytest

from agent.errors import NotFound, StoreError, UsageError
from agent.protocols import Clock
from agent.schema import (
    Attempt,
    AttemptId,
    AttemptState,
    Billed,
    Cost,
    PromptRef,
    Rendering,
    SessionId,
    Tokens,
    TurnId,
    Usage,
)
from agent.store import DiskStore

MakeAttempt = Callable[..., Attempt]
Sql = Callable[..., list[tuple[object, ...]]]


def cost(amount: str | None, currency: str = "USD") -> Cost:
    return Cost(amount=None if amount is None else Decimal(amount), currency=currency)


def ended(attempt: Attempt, state: AttemptState, billed: Billed, amount: str | None) -> Attempt:
    return attempt.model_copy(update={"state": state, "billed": billed, "cost": cost(amount)})


async def test_an_attempt_comes_back_as_it_was(
    store: DiskStore, an_attempt: MakeAttempt, clock: Clock
) -> None:
    attempt = an_attempt("0.2500000000001")
    assert await store.reserve(attempt, caps={}) is None
    assert await store.attempt(attempt.id) == attempt
    settled = attempt.model_copy(
        update={
            "state": "completed",
            "billed": "yes",
            "requested": Rendering(size="1024x1024"),
            "actual": Rendering(size="1536x1024", model="gpt-image-2"),
            "images": 2,
            "bytes_sent": 5_000_000_000,
            "request_id": "req_1",
            "response_id": "resp_" + "x" * 429,
            "status": 200,
            "failure_code": "transient",
            "usage": Usage(
                text=Tokens(input=310, output=20, cached_input=0),
                image=Tokens(input_text=9, input_image=388, output_image=4160, total=4557),
            ),
            "cost": Cost(amount=Decimal("0.16700"), currency="CNY", basis="reported"),
            "prompts": (PromptRef(id="preamble/standard", version=1, sha256="ab" * 32),),
            "tool_options": {"input_fidelity": "high"},
            "owner": "host:12:34",
            "heartbeat": clock.now(),
            "sent": clock.now(),
            "settled": clock.now() + timedelta(seconds=20),
            "elapsed_ms": 20_000,
        }
    )

    await store.settle(settled)

    assert await store.attempts() == [settled]
    assert str((await store.attempts())[0].cost.amount) == "0.16700"


async def test_tokens_are_integers_that_a_ledger_can_sum(
    store: DiskStore, an_attempt: MakeAttempt, sql: Sql
) -> None:
    for number in (1, 2):
        attempt = an_attempt(usage=Usage(image=Tokens(output_image=4160 * number)))
        await store.reserve(attempt, caps={})

    columns = "SUM(image_output_image), typeof(SUM(image_output_image)), SUM(text_input)"

    assert sql(f"SELECT {columns} FROM attempt") == [(12480, "integer", None)]


async def test_money_is_added_exactly(store: DiskStore, an_attempt: MakeAttempt) -> None:
    caps = {"session": Decimal("0.3")}

    refusals = [await store.reserve(an_attempt("0.1"), caps=caps) for _ in range(4)]

    assert [refusal is None for refusal in refusals] == [True, True, True, False]


async def test_a_refused_reservation_writes_nothing_and_names_the_numbers(
    store: DiskStore, an_attempt: MakeAttempt
) -> None:
    first, second = an_attempt("0.40"), an_attempt("0.30")
    await store.reserve(first, caps={})
    await store.settle(ended(first, "completed", "yes", "0.35"))
    await store.reserve(second, caps={})

    refusal = await store.reserve(an_attempt("0.21"), caps={"day": Decimal("0.80")})

    assert refusal is not None
    assert refusal.code == "budget"
    for part in ("day", "0.80 USD", "0.35 spent", "0.30 reserved", "0.21 needed", "Nothing was"):
        assert part in refusal.message
    assert refusal.hint
    assert [attempt.id for attempt in await store.attempts()] == [first.id, second.id]


@pytest.mark.parametrize(
    ("state", "billed", "amount", "counted"),
    [
        ("intent", "no", None, "0.10"),
        ("sent", "possibly", None, "0.10"),
        ("unknown", "possibly", None, "0.10"),
        ("unknown", "possibly", "0.02", "0.10"),
        ("completed", "yes", "0.07", "0.07"),
        ("completed", "yes", None, "0.10"),
        ("completed", "no", "0.07", "0"),
        ("refused", "possibly", "0.04", "0.04"),
        ("refused", "no", None, "0"),
        ("failed", "possibly", None, "0.10"),
        ("failed", "no", None, "0"),
    ],
)
async def test_what_an_attempt_counts_against_a_budget(
    *,
    store: DiskStore,
    an_attempt: MakeAttempt,
    state: AttemptState,
    billed: Billed,
    amount: str | None,
    counted: str,
) -> None:
    earlier = an_attempt("0.10")
    await store.reserve(earlier, caps={})
    await store.settle(ended(earlier, state, billed, amount))
    room = Decimal(counted) + Decimal("0.50")

    too_much = await store.reserve(an_attempt("0.501"), caps={"session": room})
    enough = await store.reserve(an_attempt("0.500"), caps={"session": room})

    assert too_much is not None
    assert enough is None


async def test_a_budget_that_only_reservations_fill_is_not_said_to_be_too_small(
    store: DiskStore, an_attempt: MakeAttempt
) -> None:
    """Regression: it advised to raise a budget that covers both, one after the other."""
    await store.reserve(an_attempt("0.10"), caps={})

    held = await store.reserve(an_attempt("0.10"), caps={"session": Decimal("0.15")})
    small = await store.reserve(an_attempt("0.20"), caps={"session": Decimal("0.15")})

    assert held is not None
    assert small is not None
    assert held.hint.startswith("Ask again when what is under way has ended")
    assert small.hint.startswith("Raise the session budget")


@pytest.mark.parametrize("scope", ["turn", "session", "day", "key", "user", "tenant"])
async def test_a_budget_counts_its_own_scope_only(
    store: DiskStore, an_attempt: MakeAttempt, clock: Clock, scope: str
) -> None:
    field = {"key": "key_fingerprint", "day": "created"}.get(scope, scope)
    other = clock.now() - timedelta(days=1) if scope == "day" else "other"
    same = {} if scope == "day" else {field: "same"}
    caps = {scope: Decimal("0.25")}
    await store.reserve(an_attempt("0.20", **{field: other}), caps=caps)

    first = await store.reserve(an_attempt("0.20", **same), caps=caps)
    second = await store.reserve(an_attempt("0.20", **same), caps=caps)

    assert first is None
    assert second is not None
    assert scope in second.message


async def test_a_day_is_a_day_in_utc(store: DiskStore, an_attempt: MakeAttempt) -> None:
    west = timezone(timedelta(hours=-5))
    late = datetime(2026, 11, 20, 23, 30, tzinfo=west)  # the 21st in UTC
    caps = {"day": Decimal("0.15")}
    await store.reserve(an_attempt(created=late), caps=caps)

    same_local_day = await store.reserve(an_attempt(created=late - timedelta(hours=12)), caps=caps)
    same_utc_day = await store.reserve(an_attempt(created=late + timedelta(hours=12)), caps=caps)

    assert same_local_day is None
    assert same_utc_day is not None


async def test_every_cap_must_hold(store: DiskStore, an_attempt: MakeAttempt) -> None:
    caps = {"turn": Decimal(1), "session": Decimal("0.05"), "day": Decimal(1)}

    refusal = await store.reserve(an_attempt(), caps=caps)

    assert refusal is not None
    assert "session" in refusal.message


async def test_an_unknown_price_and_a_budget_do_not_go_together(
    store: DiskStore, an_attempt: MakeAttempt
) -> None:
    refusal = await store.reserve(an_attempt(None), caps={"day": Decimal(1000)})

    assert refusal is not None
    assert refusal.code == "budget"
    assert "not known" in refusal.message
    assert await store.attempts() == []
    assert await store.reserve(an_attempt(None), caps={}) is None


async def test_currencies_are_never_added(store: DiskStore, an_attempt: MakeAttempt) -> None:
    caps = {"session": Decimal("1.00")}
    await store.reserve(an_attempt("0.90", currency="CNY"), caps=caps)

    in_dollars = await store.reserve(an_attempt("0.90"), caps=caps)
    in_yuan = await store.reserve(an_attempt("0.90", currency="CNY"), caps=caps)

    assert in_dollars is None
    assert in_yuan is not None


async def test_a_budget_about_nothing_we_know_is_an_error(
    store: DiskStore, an_attempt: MakeAttempt
) -> None:
    with pytest.raises(UsageError, match="moon"):
        await store.reserve(an_attempt(), caps={"moon": Decimal(1)})


async def test_an_attempt_outside_any_session_is_only_capped_by_itself(
    store: DiskStore, an_attempt: MakeAttempt
) -> None:
    caps = {"session": Decimal("0.10"), "turn": Decimal("0.10")}

    for _ in range(2):
        assert await store.reserve(an_attempt(session=None, turn=None), caps=caps) is None


async def test_reservations_at_the_same_moment_never_exceed_a_cap(
    store: DiskStore, an_attempt: MakeAttempt
) -> None:
    granted = []

    async def reserve() -> None:
        if await store.reserve(an_attempt(), caps={"key": Decimal("0.50")}) is None:
            granted.append(1)

    async with anyio.create_task_group() as group:
        for _ in range(12):
            group.start_soon(reserve)

    assert len(granted) == 5
    assert len(await store.attempts()) == 5


async def test_an_attempt_cannot_be_reserved_twice(
    store: DiskStore, an_attempt: MakeAttempt
) -> None:
    attempt = an_attempt()
    await store.reserve(attempt, caps={})

    with pytest.raises(StoreError):
        await store.reserve(attempt, caps={})
    assert len(await store.attempts()) == 1


async def test_a_sent_attempt_may_be_billed(
    store: DiskStore, an_attempt: MakeAttempt, clock: Clock
) -> None:
    attempt = an_attempt()
    await store.reserve(attempt, caps={})

    await store.mark_sent(attempt.id, at=clock.now(), bytes_sent=321)

    stored = await store.attempt(attempt.id)
    assert (stored.state, stored.billed) == ("sent", "possibly")
    assert (stored.sent, stored.heartbeat, stored.bytes_sent) == (clock.now(), clock.now(), 321)


async def test_settling_keeps_what_only_the_store_knows(
    store: DiskStore, an_attempt: MakeAttempt, clock: Clock
) -> None:
    attempt = an_attempt("0.10")
    await store.reserve(attempt, caps={})
    await store.mark_sent(attempt.id, at=clock.now(), bytes_sent=321)

    await store.settle(ended(attempt, "completed", "yes", "0.09"))

    stored = await store.attempt(attempt.id)
    assert (stored.sent, stored.bytes_sent) == (clock.now(), 321)
    assert (stored.reserved.amount, stored.cost.amount) == (Decimal("0.10"), Decimal("0.09"))


async def test_a_settled_attempt_stays_as_it_is(
    store: DiskStore, an_attempt: MakeAttempt, clock: Clock
) -> None:
    attempt = an_attempt()
    await store.reserve(attempt, caps={})
    await store.settle(ended(attempt, "completed", "yes", "0.09"))
    settled = await store.attempt(attempt.id)

    await store.settle(ended(attempt, "failed", "no", None))
    await store.settle(ended(attempt, "unknown", "possibly", None))
    with pytest.raises(StoreError, match="cannot be sent any more"):
        await store.mark_sent(attempt.id, at=clock.now(), bytes_sent=1)

    after = await store.attempt(attempt.id)
    assert (after.state, after.billed, after.cost) == (settled.state, "yes", settled.cost)


async def test_an_unknown_result_can_become_known(
    store: DiskStore, an_attempt: MakeAttempt
) -> None:
    attempt = an_attempt()
    await store.reserve(attempt, caps={})
    await store.settle(ended(attempt, "unknown", "possibly", None))
    assert [one.id for one in await store.attempts(unsettled=True)] == [attempt.id]

    await store.settle(ended(attempt, "completed", "yes", "0.11"))

    assert (await store.attempt(attempt.id)).state == "completed"
    assert await store.attempts(unsettled=True) == []


async def test_an_attempt_that_was_never_reserved_is_not_found(
    store: DiskStore, an_attempt: MakeAttempt, clock: Clock
) -> None:
    stranger = an_attempt()

    with pytest.raises(NotFound, match=stranger.id):
        await store.settle(ended(stranger, "completed", "yes", "1"))
    with pytest.raises(NotFound, match=stranger.id):
        await store.mark_sent(stranger.id, at=clock.now(), bytes_sent=1)
    with pytest.raises(NotFound, match=stranger.id):
        await store.attempt(stranger.id)


async def test_attempts_are_listed_by_session_turn_and_time(
    store: DiskStore, an_attempt: MakeAttempt, clock: Clock
) -> None:
    old = an_attempt(session="ses_a", turn="turn_1", created=clock.now() - timedelta(days=9))
    new = an_attempt(session="ses_a", turn="turn_2")
    other = an_attempt(session="ses_b", turn="turn_3")
    for attempt in (old, new, other):
        await store.reserve(attempt, caps={})

    async def ids(**which: object) -> list[AttemptId]:
        return [attempt.id for attempt in await store.attempts(**which)]  # type: ignore[arg-type]

    assert await ids() == [old.id, new.id, other.id]
    assert await ids(session=SessionId("ses_a")) == [old.id, new.id]
    assert await ids(turn=TurnId("turn_2")) == [new.id]
    assert await ids(since=clock.now()) == [new.id, other.id]
