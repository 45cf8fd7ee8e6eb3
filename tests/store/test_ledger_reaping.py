"""Whose process lives, and what becomes of what a dead one left open."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from sqlalchemy import Connection, select, update

from agent.errors import StoreError
from agent.protocols import Clock, Purchase
from agent.schema import Attempt, Image, Session, SessionId, Turn, TurnId
from agent.store import DiskStore, presence
from agent.store.blobs import digest
from agent.store.owners import (
    LAPSED,
    SILENT,
    birth,
    born_by_date,
    born_by_stat,
    is_dead,
    life_of,
    place,
    read_owner,
    this_process,
)
from agent.store.tables import batch_note
from agent.store.tables import turn as turn_table
from agent.store.tenancy import DiskTenancy

MARKET = SessionId("ses_night-market")
ELSEWHERE = "other-host:12:345-abcdef01"
MakeAttempt = Callable[..., Attempt]
Later = Callable[[timedelta], None]
AddPicture = Callable[..., Awaitable[Image]]

# ── owners ───────────────────────────────────────────────────────────────────────────────────

STAT = "12 (a (b) c) {} 1 12 12 0 -1 4194304 1 0 0 0 1 1 0 0 20 0 1 0 {} 1 1"


@pytest.fixture(scope="module")
def ended_pid() -> int:
    """Of a process that was there and is not any more."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def owner(pid: int, started: str, at: str | None = None) -> str:
    return f"{socket.gethostname()}:{pid}:{started}-{at or place()}"


@pytest.mark.parametrize(
    ("stat", "born"),
    [
        (STAT.format("S", "98765"), "98765"),
        (STAT.format("Z", "98765"), None),
        ("12 (a) S 1", None),
        ("", None),
    ],
)
def test_when_a_process_began_is_field_22_whatever_its_name(stat: str, born: str | None) -> None:
    assert born_by_stat(stat) == born


def test_a_date_of_ps_becomes_one_word() -> None:
    assert born_by_date("Fri Nov 20 10:52:25 2026\n") == "FriNov201052252026"
    assert born_by_date("\n") is None


@pytest.mark.parametrize("name", ["", "host", "host:x:y", "a:b:c:d", "host:99999999999:1", ":::"])
def test_a_name_that_is_none_belongs_to_nobody_here(name: str) -> None:
    assert read_owner(name).pid == 0
    assert life_of(name) == "elsewhere"


def test_a_host_may_have_colons_in_its_name() -> None:
    parts = read_owner("fe80::1:12:345-ab")

    assert (parts.host, parts.pid, parts.started, parts.place) == ("fe80::1", 12, "345", "ab")


def test_this_process_lives() -> None:
    assert life_of(this_process()) == "alive"
    assert read_owner(this_process()).pid == os.getpid()


def test_a_process_that_ended_is_gone(ended_pid: int) -> None:
    assert life_of(owner(ended_pid, "1")) == "gone"


def test_a_pid_that_was_given_out_again_is_somebody_else() -> None:
    assert life_of(owner(os.getpid(), f"{birth(os.getpid())}0")) == "gone"


def test_a_process_of_another_container_of_that_name_cannot_be_seen(ended_pid: int) -> None:
    assert life_of(owner(ended_pid, "1", at="00000000")) == "elsewhere"
    assert life_of(ELSEWHERE) == "elsewhere"


def test_silence_tells_only_of_whom_cannot_be_seen(ended_pid: int, clock: Clock) -> None:
    now, moment = clock.now(), timedelta(seconds=1)
    long_ago = now - SILENT - moment

    assert is_dead(owner(ended_pid, "1"), seen=now, now=now)
    assert not is_dead(this_process(), seen=long_ago, now=now)
    assert not is_dead(ELSEWHERE, seen=now - SILENT, now=now)
    assert is_dead(ELSEWHERE, seen=long_ago, now=now)
    assert is_dead(None, seen=long_ago, now=now)


# ── what they left open ──────────────────────────────────────────────────────────────────────


@pytest.fixture
def gone(ended_pid: int) -> str:
    return owner(ended_pid, "1")


@pytest.fixture
async def under_way(
    store: DiskStore,
    a_session: Callable[..., Session],
    a_turn: Callable[..., Turn],
    an_attempt: MakeAttempt,
    clock: Clock,
) -> Callable[..., Awaitable[Attempt]]:
    """A turn, open, with an attempt of that owner that was sent."""
    await store.create_session(a_session())

    async def make(whose: str | None, number: int = 1, **more: object) -> Attempt:
        turn = a_turn(number)
        await store.open_turn(turn)
        attempt = an_attempt("0.10", owner=whose, turn=turn.id, **more)
        await store.reserve(attempt, caps={})
        await store.mark_sent(attempt.id, at=clock.now(), bytes_sent=1)
        return attempt

    return make


UnderWay = Callable[..., Awaitable[Attempt]]


async def test_a_sent_attempt_of_the_dead_stays_in_every_budget(
    store: DiskStore, under_way: UnderWay, an_attempt: MakeAttempt, gone: str, clock: Clock
) -> None:
    attempt = await under_way(gone)

    await store.reap()

    entry = await store.entry(attempt.id)
    assert (entry.state, entry.billed, entry.settled_by) == ("unknown", "possibly", "reaper")
    assert (entry.settled, entry.cost.amount) == (clock.now(), None)
    assert await store.reserve(an_attempt("0.10"), caps={"day": Decimal("0.15")}) is not None


async def test_an_intent_of_the_dead_frees_what_it_had_reserved_and_cannot_be_sent(
    store: DiskStore, an_attempt: MakeAttempt, gone: str, clock: Clock
) -> None:
    attempt = an_attempt("0.10", owner=gone)
    await store.reserve(attempt, caps={})

    await store.reap()

    stored = await store.attempt(attempt.id)
    assert (stored.state, stored.billed) == ("failed", "no")
    assert stored.cost.amount == 0
    assert await store.reserve(an_attempt("0.10"), caps={"day": Decimal("0.15")}) is None
    with pytest.raises(StoreError, match="cannot be sent any more"):
        await store.mark_sent(attempt.id, at=clock.now(), bytes_sent=1)


async def test_opening_a_store_settles_for_the_dead(
    store: DiskStore, under_way: UnderWay, gone: str, reopen: Callable[[], Awaitable[DiskStore]]
) -> None:
    attempt = await under_way(gone)

    again = await reopen()

    assert (await again.attempt(attempt.id)).state == "unknown"
    assert [turn.outcome for turn in await store.turns(MARKET)] == ["unknown"]
    await again.aclose()


async def test_another_machine_is_believed_for_ten_minutes_after_its_last_sign_of_life(
    store: DiskStore, under_way: UnderWay, later: Later, clock: Clock
) -> None:
    attempt = await under_way(ELSEWHERE)
    for _ in range(3):
        later(timedelta(minutes=9))
        await store.beat(attempt.id, at=clock.now())
    later(SILENT)
    await store.reap()
    assert (await store.attempt(attempt.id)).state == "sent"

    later(timedelta(seconds=1))
    await store.reap()

    assert (await store.attempt(attempt.id)).state == "unknown"


async def test_a_machine_that_had_only_slept_still_says_how_it_ended(
    store: DiskStore, under_way: UnderWay, a_turn: Callable[..., Turn], later: Later
) -> None:
    attempt = await under_way(ELSEWHERE)
    later(timedelta(hours=1))
    await store.reap()

    await store.settle(attempt.model_copy(update={"state": "completed", "billed": "yes"}))
    closed = a_turn().model_copy(update={"outcome": "text"})

    assert await store.close_turn(closed, expected_head=None)
    assert (await store.attempt(attempt.id)).state == "completed"


async def test_a_sign_of_life_after_the_end_changes_nothing(
    store: DiskStore, under_way: UnderWay, gone: str, later: Later, clock: Clock
) -> None:
    attempt = await under_way(gone)
    await store.reap()
    before = await store.attempt(attempt.id)
    later(timedelta(seconds=15))

    await store.beat(attempt.id, at=clock.now())

    assert await store.attempt(attempt.id) == before


async def test_a_picture_that_was_listed_makes_the_turn_a_picture_and_moves_the_head(
    store: DiskStore, under_way: UnderWay, gone: str, add_picture: AddPicture
) -> None:
    attempt = await under_way(gone)
    picture = await add_picture(b"paid for")

    await store.reap()

    stored, [turn] = await store.attempt(attempt.id), await store.turns(MARKET)
    assert (stored.state, stored.billed, stored.images) == ("completed", "yes", 1)
    assert (turn.outcome, turn.images, turn.cost.amount) == ("image", (picture.id,), None)
    assert (await store.session(MARKET)).head == turn.id


async def test_the_head_does_not_go_back_to_a_turn_before_one_that_ended(
    store: DiskStore,
    under_way: UnderWay,
    a_turn: Callable[..., Turn],
    gone: str,
    add_picture: AddPicture,
) -> None:
    await under_way(gone)
    await add_picture(b"paid for")
    newer = a_turn(2)
    await store.open_turn(newer)
    await store.close_turn(newer.model_copy(update={"outcome": "text"}), expected_head=None)

    await store.reap()

    assert (await store.session(MARKET)).head == newer.id
    assert [turn.outcome for turn in await store.turns(MARKET)] == ["image", "text"]


@pytest.mark.parametrize(
    ("state", "billed", "outcome"),
    [
        ("failed", "no", "failed"),
        ("refused", "yes", "refused"),
        ("unknown", "possibly", "unknown"),
        ("completed", "yes", "failed"),
    ],
)
async def test_a_turn_that_was_settled_and_not_closed_ends_as_its_attempt_did(
    *,
    store: DiskStore,
    under_way: UnderWay,
    gone: str,
    state: str,
    billed: str,
    outcome: str,
) -> None:
    attempt = await under_way(gone)
    await store.settle(attempt.model_copy(update={"state": state, "billed": billed}))

    await store.reap()

    [turn] = await store.turns(MARKET)
    assert turn.outcome == outcome
    assert turn.closed is not None


async def test_a_turn_of_the_living_stays_open_however_long_it_takes(
    store: DiskStore, under_way: UnderWay, later: Later
) -> None:
    attempt = await under_way(this_process())
    later(timedelta(hours=20))

    await store.reap()
    assert (await store.attempt(attempt.id)).state == "sent"
    await store.settle(attempt.model_copy(update={"state": "failed", "billed": "no"}))
    await store.reap()

    assert [turn.outcome for turn in await store.turns(MARKET)] == [None]


# ── turns of which nothing was sent yet ──────────────────────────────────────────────────────


@pytest.fixture
async def begun(
    store: DiskStore,
    reopen: Callable[..., Awaitable[DiskStore]],
    a_session: Callable[..., Session],
    a_turn: Callable[..., Turn],
) -> AsyncIterator[Callable[..., Awaitable[DiskStore]]]:
    """``begun(owner)``: the store of another process, in which it has begun a turn."""
    await store.create_session(a_session())
    others: list[DiskStore] = []

    async def begin(owner: str) -> DiskStore:
        others.append(await reopen(owner=owner))
        await others[-1].open_turn(a_turn(len(others)))
        return others[-1]

    yield begin
    for other in others:
        await other.aclose()


Begin = Callable[..., Awaitable[DiskStore]]


@pytest.fixture
def silence(store: DiskStore, later: Later) -> Callable[[timedelta], Awaitable[None]]:
    """Let time pass, also for a database that has a clock of its own."""

    def back(connection: Connection, span: timedelta) -> None:
        if connection.dialect.name != "postgresql":
            return
        for row in connection.execute(select(batch_note.c.key, batch_note.c.at)).all():
            earlier = update(batch_note).where(batch_note.c.key == row.key)
            connection.execute(earlier.values(at=row.at - span))

    async def pass_by(span: timedelta) -> None:
        later(span)
        await store.database.write(back, span)

    return pass_by


Silence = Callable[[timedelta], Awaitable[None]]


async def outcomes(store: DiskStore) -> list[str | None]:
    return [turn.outcome for turn in await store.turns(MARKET)]


async def test_a_turn_whose_process_ended_before_anything_was_sent_is_closed_at_once(
    store: DiskStore, begun: Begin, gone: str
) -> None:
    await begun(gone)

    await store.reap()

    [turn] = await store.turns(MARKET)
    assert turn.outcome == "failed"
    assert turn.cost.amount == 0
    assert [failure.billed for failure in turn.failures] == ["no"]


async def test_a_turn_of_the_living_waits_for_its_place_as_long_as_it_takes(
    store: DiskStore, begun: Begin, later: Later
) -> None:
    await begun(this_process())
    later(timedelta(hours=20))

    await store.reap()

    assert await outcomes(store) == [None]


@pytest.mark.parametrize("owner", [ELSEWHERE, None], ids=["elsewhere", "an older release"])
async def test_a_turn_of_whom_gives_no_sign_is_believed_for_ten_minutes(
    store: DiskStore, begun: Begin, later: Later, owner: str | None
) -> None:
    await begun(ELSEWHERE)
    await store.database.write(lambda c: c.execute(update(turn_table).values(owner=owner)))
    later(SILENT)
    await store.reap()
    assert await outcomes(store) == [None]

    later(timedelta(seconds=1))
    await store.reap()

    assert await outcomes(store) == ["failed"]


async def test_a_server_elsewhere_keeps_its_turns_while_it_gives_signs_and_two_minutes_after(
    store: DiskStore, begun: Begin, silence: Silence
) -> None:
    other = await begun(ELSEWHERE)
    for _ in range(40):
        await other.settling.heed()
        await silence(timedelta(seconds=15))
    await silence(LAPSED - timedelta(seconds=30))
    await store.reap()
    assert await outcomes(store) == [None]

    await silence(timedelta(seconds=16))
    await store.reap()

    assert await outcomes(store) == ["failed"]


async def test_what_a_silent_server_had_sent_is_settled_long_before_its_heartbeat_would_tell(
    store: DiskStore,
    under_way: UnderWay,
    reopen: Callable[..., Awaitable[DiskStore]],
    silence: Silence,
) -> None:
    attempt = await under_way(ELSEWHERE)
    other = await reopen(owner=ELSEWHERE)
    await other.settling.heed()
    await other.aclose()
    await silence(LAPSED + timedelta(seconds=1))

    await store.reap()

    assert (await store.attempt(attempt.id)).state == "unknown"


async def test_who_was_cut_off_from_the_store_itself_takes_nobody_for_dead(
    store: DiskStore, begun: Begin, silence: Silence
) -> None:
    other = await begun(ELSEWHERE)
    await other.settling.heed()
    await store.settling.heed()
    await silence(timedelta(hours=1))

    await store.reap()
    await store.settling.heed()
    await silence(timedelta(seconds=15))
    await store.settling.heed()
    assert await outcomes(store) == [None]
    for _ in range(2):
        await silence(timedelta(seconds=15))
        await store.settling.heed()

    assert await outcomes(store) == ["failed"]


async def test_a_server_that_has_nothing_under_way_writes_nothing_and_gives_no_signs(
    store: DiskStore, begun: Begin, a_turn: Callable[..., Turn], silence: Silence, clock: Clock
) -> None:
    other = await begun(ELSEWHERE)
    await other.settling.heed()
    assert await heard(store, clock) == [ELSEWHERE]
    closed = a_turn().model_copy(update={"outcome": "text"})
    await other.close_turn(closed, expected_head=None)

    await other.settling.heed()
    assert await heard(store, clock) == []
    await other.open_turn(a_turn(2))
    await silence(LAPSED * 2)
    await store.reap()

    assert await outcomes(store) == ["text", None]  # believed as who never gave any


async def heard(store: DiskStore, clock: Clock) -> list[str]:
    return list(await store.database.read(presence.silences, at=clock.now()))


async def test_an_attempt_without_a_turn_is_something_under_way(
    store: DiskStore,
    reopen: Callable[..., Awaitable[DiskStore]],
    an_attempt: MakeAttempt,
    clock: Clock,
) -> None:
    other = await reopen(owner=ELSEWHERE)
    await other.reserve(an_attempt(owner=ELSEWHERE, turn=None, session=None), caps={})

    await other.settling.heed()

    assert await heard(store, clock) == [ELSEWHERE]
    await other.aclose()


async def test_a_server_that_was_silent_for_a_day_is_not_remembered(
    store: DiskStore, begun: Begin, silence: Silence, clock: Clock
) -> None:
    await (await begun(ELSEWHERE)).settling.heed()
    await silence(timedelta(days=1, seconds=1))

    await (await begun("third-host:7:8-abcdef02")).settling.heed()

    assert await heard(store, clock) == ["third-host:7:8-abcdef02"]


async def test_a_turn_that_had_only_waited_for_its_place_still_says_how_it_ended(
    store: DiskStore,
    begun: Begin,
    a_turn: Callable[..., Turn],
    an_attempt: MakeAttempt,
    later: Later,
) -> None:
    slept = await begun(ELSEWHERE)
    later(timedelta(hours=1))
    await store.reap()
    assert await outcomes(store) == ["failed"]

    await slept.reserve(an_attempt(), caps={})

    [waiting] = await store.turns(MARKET)
    assert (waiting.outcome, waiting.closed, waiting.failures) == (None, None, ())
    closed = a_turn().model_copy(update={"outcome": "text"})
    assert await slept.close_turn(closed, expected_head=None)


async def test_what_another_has_bought_under_its_key_meanwhile_is_not_sent_by_whoever_had_slept(
    store: DiskStore,
    begun: Begin,
    a_turn: Callable[..., Turn],
    an_attempt: MakeAttempt,
    later: Later,
    clock: Clock,
) -> None:
    """Regression: it was bought twice, and the key freed for a third time."""
    slept = await begun(ELSEWHERE)
    ours, theirs = (
        Purchase(
            tenant="one",
            key="a key",
            body="a request",
            turns=(turn,),
            owner=owner,
            created=clock.now(),
        )
        for turn, owner in ((a_turn().id, ELSEWHERE), (TurnId("turn_other"), this_process()))
    )
    assert await DiskTenancy(slept).claim(ours) is None
    later(timedelta(hours=2))
    assert not (await DiskTenancy(store).bought(ours, now=clock.now())).alive
    assert await DiskTenancy(store).take_over(ours, theirs)

    refused = await slept.reserve(an_attempt(), caps={})

    assert refused is not None
    assert (refused.code, refused.billed) == ("interrupted", "no")
    closed = a_turn().model_copy(update={"outcome": "failed"})
    assert await slept.close_turn(closed, expected_head=None)
    await DiskTenancy(slept).release(ours)
    await DiskTenancy(slept).finish(ours)
    assert await DiskTenancy(store).standing(ours) == theirs
    assert await store.attempts() == []


async def test_a_turn_that_failed_after_it_was_tried_stays_closed(
    store: DiskStore, under_way: UnderWay, a_turn: Callable[..., Turn], an_attempt: MakeAttempt
) -> None:
    attempt = await under_way(this_process())
    await store.settle(attempt.model_copy(update={"state": "failed", "billed": "no"}))
    await store.close_turn(a_turn().model_copy(update={"outcome": "failed"}), expected_head=None)

    await store.reserve(an_attempt(number=2), caps={})

    assert [turn.outcome for turn in await store.turns(MARKET)] == ["failed"]


async def test_drafts_of_the_dead_are_removed(
    store: DiskStore, under_way: UnderWay, gone: str, names: Callable[[], list[str]]
) -> None:
    attempt = await under_way(gone)
    assert attempt.turn is not None
    draft = await store.save_partial(TurnId(attempt.turn), 0, b"draft", "image/png")
    assert draft.name in names()

    await store.reap()

    assert draft.name not in names()


async def test_what_is_unsettled_says_whether_its_process_lives(
    store: DiskStore, under_way: UnderWay, gone: str
) -> None:
    for number, whose in enumerate((gone, this_process(), ELSEWHERE), start=1):
        await under_way(whose, number)

    told = [(entry.state, life) for entry, life in await store.unsettled()]

    assert told == [("unknown", "gone"), ("sent", "alive"), ("sent", "elsewhere")]


async def test_nothing_left_open_is_nothing_written(store: DiskStore, under_way: UnderWay) -> None:
    await under_way(this_process())

    reaped = await store.reap()

    assert reaped == ((), ())


# ── pictures that nobody listed ──────────────────────────────────────────────────────────────

PNG = b"\x89PNG\r\n\x1a\n" + b"\0\0\0\rIHDR" + bytes((0, 0, 4, 0, 0, 0, 3, 0)) + b"paid for"


async def test_saved_bytes_are_listed_where_their_note_says(
    store: DiskStore, under_way: UnderWay, gone: str, names: Callable[[], list[str]]
) -> None:
    first, second = await under_way(gone), await under_way(gone, 2)
    assert second.turn is not None
    await store.arriving(second.turn, PNG)
    await store.put_blob(PNG, media_type="image/png", size=None)

    await store.reap()

    [image] = await store.images(MARKET)
    assert (image.turn, image.number, image.actual.size) == (second.turn, 1, "1024x768")
    states = {a.id: a.state for a in await store.attempts()}
    assert states == {first.id: "unknown", second.id: "completed"}
    assert await store.verify() == []
    assert not [name for name in names() if "arriving" in name]


async def test_an_adopted_edit_keeps_its_parents(
    *,
    store: DiskStore,
    under_way: UnderWay,
    a_turn: Callable[..., Turn],
    an_attempt: MakeAttempt,
    gone: str,
    add_picture: AddPicture,
    clock: Clock,
) -> None:
    await under_way(this_process())
    parent = await add_picture(b"day")
    turn = a_turn(2, intent="edit", editing=(parent.id,))
    await store.open_turn(turn)
    attempt = an_attempt(owner=gone, turn=turn.id)
    await store.reserve(attempt, caps={})
    await store.mark_sent(attempt.id, at=clock.now(), bytes_sent=1)
    await store.arriving(turn.id, PNG)
    await store.put_blob(PNG, media_type="image/png", size=(1024, 768))

    await store.reap()

    image = (await store.images(MARKET))[-1]
    assert (image.operation, image.parents, image.number) == ("edit", (parent.id,), 2)
    assert image.sha256 == (await store.put_blob(PNG, media_type="image/png", size=None)).sha256


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("{sha}.png.abcd.tmp", PNG[:-1]),
        ("{sha}.png.abcd.tmp", PNG[:-1] + b"?"),
        ("{sha}.bin", PNG),
    ],
    ids=["cut", "other bytes", "no picture"],
)
async def test_what_is_not_whole_or_no_picture_is_not_adopted(
    *, store: DiskStore, under_way: UnderWay, gone: str, root: Path, name: str, data: bytes
) -> None:
    attempt = await under_way(gone)
    assert attempt.turn is not None
    await store.arriving(attempt.turn, PNG)
    _write(root / "blobs" / "ab" / name.format(sha=digest(PNG)), data)

    await store.reap()

    assert await store.images(MARKET) == []
    assert (await store.attempt(attempt.id)).state == "unknown"


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(data)


async def test_a_picture_that_was_listed_is_not_listed_twice(
    store: DiskStore, under_way: UnderWay, gone: str, add_picture: AddPicture
) -> None:
    attempt = await under_way(gone)
    assert attempt.turn is not None
    await store.arriving(attempt.turn, PNG)
    await add_picture(PNG)

    await store.reap()

    assert len(await store.images(MARKET)) == 1


async def test_a_note_is_gone_with_its_turn(
    store: DiskStore,
    under_way: UnderWay,
    a_turn: Callable[..., Turn],
    names: Callable[[], list[str]],
) -> None:
    attempt = await under_way(this_process())
    assert attempt.turn is not None
    await store.arriving(attempt.turn, PNG)
    assert [name for name in names() if "arriving" in name]

    await store.close_turn(a_turn().model_copy(update={"outcome": "image"}), expected_head=None)

    assert not [name for name in names() if "arriving" in name]
