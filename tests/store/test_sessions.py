from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta, timezone

import pytest

from agent.errors import NotFound, StoreError, UsageError
from agent.protocols import Clock, Store
from agent.schema import (
    Cost,
    Failure,
    Image,
    ImageOptions,
    PromptRef,
    Session,
    SessionId,
    Tokens,
    Turn,
    TurnId,
    Usage,
)
from agent.store import DiskStore

MARKET = SessionId("ses_night-market")
MakeSession = Callable[..., Session]
MakeTurn = Callable[..., Turn]
AddPicture = Callable[..., Awaitable[Image]]


async def test_a_disk_store_is_a_store(store: DiskStore) -> None:
    seen_as_protocol: Store = store  # checked by mypy

    assert seen_as_protocol is store


async def test_a_session_comes_back_as_it_was(store: DiskStore, a_session: MakeSession) -> None:
    session = a_session(cwd="/home/ada/posters", user="ada", tenant="studio")

    created = await store.create_session(session)

    assert created == session
    assert await store.session(session.id) == session


async def test_a_taken_name_is_refused_and_the_session_kept(
    store: DiskStore, a_session: MakeSession
) -> None:
    first = await store.create_session(a_session())

    with pytest.raises(UsageError, match="already"):
        await store.create_session(a_session().model_copy(update={"id": "ses_other"}))
    assert await store.sessions() == [first]


@pytest.mark.parametrize("ref", ["ses_night-market", "night-market", "night-m", "ses_night-m"])
async def test_a_session_is_found_by_id_name_and_beginning(
    store: DiskStore, a_session: MakeSession, ref: str
) -> None:
    await store.create_session(a_session())
    await store.create_session(a_session("noon"))

    assert (await store.session(ref)).name == "night-market"


async def test_an_exact_name_wins_over_a_longer_one(
    store: DiskStore, a_session: MakeSession
) -> None:
    await store.create_session(a_session("kite"))
    await store.create_session(a_session("kite-2"))

    assert (await store.session("kite")).name == "kite"


async def test_an_ambiguous_beginning_lists_what_it_could_mean(
    store: DiskStore, a_session: MakeSession
) -> None:
    await store.create_session(a_session("kite-1"))
    await store.create_session(a_session("kite-2"))

    with pytest.raises(NotFound) as caught:
        await store.session("kit")

    assert sorted(caught.value.candidates) == ["kite-1", "kite-2"]


@pytest.mark.parametrize("ref", ["nightmarket", "night_market", "Night-market"])
async def test_a_misspelt_name_is_answered_with_the_closest(
    store: DiskStore, a_session: MakeSession, ref: str
) -> None:
    await store.create_session(a_session())
    await store.create_session(a_session("zebra"))

    with pytest.raises(NotFound) as caught:
        await store.session(ref)

    assert caught.value.candidates == ("night-market",)
    assert "night-market" in caught.value.hint


@pytest.mark.parametrize("ref", ["", "%", "_", "ses%", "x" * 5000])
async def test_no_reference_works_as_a_wildcard(
    store: DiskStore, a_session: MakeSession, ref: str
) -> None:
    await store.create_session(a_session())

    with pytest.raises(NotFound):
        await store.session(ref)


async def test_sessions_are_listed_by_their_last_use(
    store: DiskStore, a_session: MakeSession, a_turn: MakeTurn, later: Callable[[timedelta], None]
) -> None:
    for name in ("one", "two", "three"):
        await store.create_session(a_session(name, cwd="/here" if name != "two" else "/there"))
        later(timedelta(seconds=1))

    await store.open_turn(a_turn(of="one"))

    assert [session.name for session in await store.sessions()] == ["one", "three", "two"]
    assert [session.name for session in await store.sessions(cwd="/here")] == ["one", "three"]
    assert [session.name for session in await store.sessions(limit=1)] == ["one"]


async def test_an_open_turn_has_no_outcome(
    store: DiskStore, a_session: MakeSession, a_turn: MakeTurn
) -> None:
    await store.create_session(a_session())

    await store.open_turn(a_turn(outcome="image"))

    assert [turn.outcome for turn in await store.turns(MARKET)] == [None]
    assert (await store.session(MARKET)).head is None


async def test_a_closed_turn_comes_back_as_it_was(
    store: DiskStore, a_session: MakeSession, a_turn: MakeTurn, clock: Clock
) -> None:
    await store.create_session(a_session())
    turn = a_turn(
        prompt="夜市 \N{KITE}\nline two",
        parent="turn_x",
        editing=("img_a",),
        references=("img_b", "img_c"),
        mask="ab" * 32,
        options=ImageOptions(quality="high", tool_options={"seed": 7, "nested": {"deep": [None]}}),
        profile="3hei",
        outcome="image",
        text="Here it is.",
        failures=(
            Failure(code="moderation_blocked", message="no", stage="provider_output", status=400),
            Failure(code="usage_window", message="later", retry_at=clock.now()),
        ),
        usage=Usage(text=Tokens(input=10), image=Tokens(output_image=4160, total=4200)),
        cost=Cost(amount="0.1670", currency="CNY", basis="usage"),
        prompts=(PromptRef(id="preamble/standard", version=3, sha256="cd" * 32),),
        degraded=({"from": "3840x2160", "to": "2048x1152"},),
        response_id="resp_" + "x" * 429,
        closed=clock.now(),
    )
    await store.open_turn(turn)

    moved = await store.close_turn(turn, expected_head=None)

    assert moved
    assert await store.turns(MARKET) == [turn]
    assert (await store.session(MARKET)).head == turn.id


@pytest.mark.parametrize("text", ["lone \ud83d half", "nul \x00 inside"])
async def test_text_that_no_database_can_hold_does_not_lose_the_turn(
    store: DiskStore, a_session: MakeSession, a_turn: MakeTurn, text: str
) -> None:
    await store.create_session(a_session())
    failure = Failure(code="malformed", message=text)
    turn = a_turn(prompt=text, outcome="failed", text=text, failures=(failure,))
    await store.open_turn(turn)

    await store.close_turn(turn, expected_head=None)

    (stored,) = await store.turns(MARKET)
    assert stored.prompt == stored.text == stored.failures[0].message
    assert "\ufffd" in stored.text


async def test_the_second_of_two_turns_at_once_becomes_a_branch(
    store: DiskStore, a_session: MakeSession, a_turn: MakeTurn
) -> None:
    await store.create_session(a_session())
    first, second = a_turn(1, outcome="image"), a_turn(2, outcome="image")
    await store.open_turn(first)
    await store.open_turn(second)

    moved = [await store.close_turn(turn, expected_head=None) for turn in (first, second)]

    assert moved == [True, False]
    assert [turn.outcome for turn in await store.turns(MARKET)] == ["image", "image"]
    assert (await store.session(MARKET)).head == first.id


async def test_a_turn_closes_once_and_an_unknown_one_once_more(
    store: DiskStore, a_session: MakeSession, a_turn: MakeTurn
) -> None:
    await store.create_session(a_session())
    await store.open_turn(a_turn())
    await store.close_turn(a_turn(outcome="unknown"), expected_head=None)

    await store.close_turn(a_turn(outcome="image"), expected_head=a_turn().id)

    with pytest.raises(StoreError, match="closed already"):
        await store.close_turn(a_turn(outcome="failed"), expected_head=a_turn().id)
    assert [turn.outcome for turn in await store.turns(MARKET)] == ["image"]


async def test_a_turn_cannot_be_closed_without_an_outcome(
    store: DiskStore, a_session: MakeSession, a_turn: MakeTurn
) -> None:
    await store.create_session(a_session())
    await store.open_turn(a_turn())

    with pytest.raises(UsageError, match="outcome"):
        await store.close_turn(a_turn(), expected_head=None)


async def test_undo_moves_the_head_only_from_where_it_was_expected(
    store: DiskStore, a_session: MakeSession, a_turn: MakeTurn
) -> None:
    await store.create_session(a_session())
    await store.open_turn(a_turn())
    await store.close_turn(a_turn(outcome="text"), expected_head=None)

    assert not await store.move_head(MARKET, expected=None, to=None)
    assert await store.move_head(MARKET, expected=a_turn().id, to=None)
    assert await store.move_head(MARKET, expected=None, to=a_turn().id)
    assert (await store.session(MARKET)).head == a_turn().id


async def test_the_head_never_moves_to_a_turn_of_another_session(
    store: DiskStore, a_session: MakeSession, a_turn: MakeTurn
) -> None:
    for name in ("one", "two"):
        await store.create_session(a_session(name))
    await store.open_turn(a_turn(of="two"))

    with pytest.raises(NotFound, match="turn_two_1"):
        await store.move_head(SessionId("ses_one"), expected=None, to=TurnId("turn_two_1"))


async def test_a_turn_needs_its_session(store: DiskStore, a_turn: MakeTurn) -> None:
    with pytest.raises(NotFound, match="ses_night-market"):
        await store.open_turn(a_turn())


async def test_times_keep_their_instant_in_utc(store: DiskStore, a_session: MakeSession) -> None:
    tokyo = datetime(2026, 11, 21, 3, 30, tzinfo=timezone(timedelta(hours=9)))

    await store.create_session(a_session(created=tokyo, updated=tokyo))

    created = (await store.session(MARKET)).created
    assert created == tokyo
    assert created.utcoffset() == timedelta(0)
    assert created.replace(tzinfo=UTC) == created


async def test_a_time_without_a_zone_is_refused(store: DiskStore, a_session: MakeSession) -> None:
    with pytest.raises(StoreError, match="zone"):
        await store.create_session(a_session(created=datetime(2026, 11, 20, 12)))  # noqa: DTZ001


async def test_an_error_of_the_database_shows_no_prompt(
    store: DiskStore, a_session: MakeSession, a_turn: MakeTurn
) -> None:
    await store.create_session(a_session())
    await store.open_turn(a_turn(prompt="a very private kite"))

    with pytest.raises(StoreError) as caught:
        await store.open_turn(a_turn(prompt="a very private kite"))

    assert "turn" in str(caught.value)
    assert "private" not in f"{caught.value} {caught.value.__cause__}"


async def test_turns_know_the_pictures_they_made(
    store: DiskStore, a_session: MakeSession, a_turn: MakeTurn, add_picture: AddPicture
) -> None:
    await store.create_session(a_session())
    await store.open_turn(a_turn(1))
    await store.open_turn(a_turn(2))
    first = await add_picture(b"one")
    other = await add_picture(b"two", turn="turn_night-market_2")
    second = await add_picture(b"three")

    made = {turn.id: turn.images for turn in await store.turns(MARKET)}

    assert made == {a_turn(1).id: (first.id, second.id), a_turn(2).id: (other.id,)}
    assert (await store.session(MARKET)).images == 3
