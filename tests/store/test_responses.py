"""Responses and their items, each visible to its tenant alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from pydantic import JsonValue

from agent.protocols import KeptItem, KeptResponse
from agent.schema import Attempt, ImageId, Session, SessionId, Turn, TurnId
from agent.store import DiskStore
from agent.store.responses import DiskAnswers

WHEN = datetime(2026, 11, 20, 12, tzinfo=UTC)


def item(which: str, image: str | None = None) -> KeptItem:
    kind = "image_generation_call" if image else "message"
    value: dict[str, JsonValue] = {"id": which, "type": kind, "revised_prompt": "words"}
    return KeptItem(id=which, value=value, image=ImageId(image) if image else None)


def response(which: str, previous: str | None = None, tenant: str | None = None) -> KeptResponse:
    return KeptResponse(
        id=which,
        tenant=tenant,
        session=SessionId("ses_1"),
        turn=TurnId(f"turn_{which}"),
        previous=previous,
        status="in_progress",
        created=WHEN,
        document={"id": which},
        input=(item(f"msg_{which}"),),
    )


@pytest.fixture
def answers(store: DiskStore) -> DiskAnswers:
    return DiskAnswers(store)


async def done(answers: DiskAnswers, which: KeptResponse) -> KeptResponse:
    await answers.open_response(which)
    output = (item(f"ig_{which.id}", f"img_{which.id}"), item(f"out_{which.id}"))
    ended = replace(which, status="completed", document={"id": which.id, "a": 1}, output=output)
    assert await answers.close_response(ended)
    return ended


async def test_a_response_comes_back_as_it_was_put_in(answers: DiskAnswers) -> None:
    ended = await done(answers, response("r1"))

    assert await answers.response("r1", tenant=None) == ended
    assert await answers.response("r2", tenant=None) is None


async def test_it_is_closed_once(answers: DiskAnswers) -> None:
    ended = await done(answers, response("r1"))

    assert not await answers.close_response(ended)
    assert not await answers.close_response(replace(ended, id="r9"))
    assert await answers.response("r1", tenant=None) == ended


async def test_one_that_was_given_up_for_dead_is_answered_by_whoever_had_only_slept(
    answers: DiskAnswers,
) -> None:
    """Regression: it stayed failed, and its key a 409, with its picture in the store."""
    begun = response("r1")
    await answers.open_response(begun)
    failed = replace(begun, status="failed", document={"id": "r1", "error": {"code": "x"}})
    assert await answers.close_response(failed)
    assert not await answers.close_response(failed)
    answered = replace(begun, status="completed", output=(item("ig_1", "img_1"),))

    assert await answers.close_response(answered)

    assert await answers.response("r1", tenant=None) == answered
    assert not await answers.close_response(answered)
    assert not await answers.close_response(failed)


async def test_it_is_open_again_when_its_turn_had_only_waited_for_its_place(
    answers: DiskAnswers,
    store: DiskStore,
    a_session: Callable[..., Session],
    a_turn: Callable[..., Turn],
    an_attempt: Callable[..., Attempt],
) -> None:
    await store.create_session(a_session())
    turn = a_turn()
    await store.open_turn(turn)
    begun = replace(response("r1"), turn=turn.id)
    await answers.open_response(begun)
    await store.close_turn(turn.model_copy(update={"outcome": "failed"}), expected_head=None)
    failed: dict[str, JsonValue] = {"id": "r1", "status": "failed", "error": {"code": "gone"}}
    assert await answers.close_response(replace(begun, status="failed", document=failed))

    await store.reserve(an_attempt(), caps={})

    told = await answers.response("r1", tenant=None)
    assert told is not None
    assert (told.status, told.document["status"]) == ("in_progress", "in_progress")
    assert told.document["error"] is None
    assert await answers.close_response(replace(begun, status="completed"))


async def test_a_chain_begins_with_the_first_and_is_cut_where_one_is_gone(
    answers: DiskAnswers,
) -> None:
    for which, previous in (("r1", None), ("r2", "r1"), ("r3", "r2"), ("side", "r1")):
        await done(answers, response(which, previous))

    chain = await answers.chain("r3", tenant=None)
    assert [one.id for one in chain or ()] == ["r1", "r2", "r3"]
    await answers.delete_response("r2", tenant=None, at=WHEN)
    cut = await answers.chain("r3", tenant=None)
    assert [one.id for one in cut or ()] == ["r3"]
    assert await answers.chain("r2", tenant=None) is None


async def test_a_chain_that_bites_its_tail_ends(answers: DiskAnswers) -> None:
    await done(answers, response("r1", "r1"))

    assert len(await answers.chain("r1", tenant=None) or ()) == 1


async def test_items_are_found_by_id_the_newest_of_two(answers: DiskAnswers) -> None:
    await done(answers, response("r1"))
    again = replace(response("r2"), input=(item("msg_r1", "img_new"),))
    await answers.open_response(again)

    found = await answers.items({"msg_r1", "ig_r1", "nobody"}, tenant=None)
    assert {which: one.image for which, one in found.items()} == {
        "msg_r1": "img_new",
        "ig_r1": "img_r1",
    }


async def test_a_tenant_sees_its_own_alone(answers: DiskAnswers) -> None:
    await done(answers, response("r1", tenant="one"))
    await done(answers, response("r2", "r1", tenant="two"))

    for tenant in ("two", None):
        assert await answers.response("r1", tenant=tenant) is None
        assert await answers.chain("r1", tenant=tenant) is None
        assert await answers.items({"ig_r1"}, tenant=tenant) == {}
        assert not await answers.delete_response("r1", tenant=tenant, at=WHEN)
    chain = await answers.chain("r2", tenant="two")
    assert [one.id for one in chain or ()] == ["r2"]


async def test_forgetting_a_session_buries_its_responses(
    answers: DiskAnswers, store: DiskStore
) -> None:
    session = Session(id=SessionId("ses_1"), name="kites", created=WHEN, updated=WHEN)
    await store.create_session(session)
    await done(answers, response("r1"))
    await store.forget_session(session.id, at=WHEN)

    assert await answers.response("r1", tenant=None) is None
    assert await answers.items({"ig_r1", "msg_r1"}, tenant=None) == {}
    assert "r1" in await store.tombstones()
