"""Impatient callers: a turn belongs to the server, and nothing is bought twice."""

from __future__ import annotations

from typing import Any

import anyio
import pytest

from agent.doors.mcp import calls
from agent.offline import Offline
from tests.conftest import Serve
from tests.doors.mcp.conftest import Answer, Era, Gate, Hand, Opened

ERAS: list[Era] = ["legacy", "auto"]


async def abandon(hand: Hand, gate: Gate, tool: str, arguments: dict[str, Any]) -> None:
    """Call, and cancel the call as soon as the artist has got the request."""
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(hand.client.call_tool, tool, arguments)
        await gate.reached.wait()
        tasks.cancel_scope.cancel()


@pytest.mark.parametrize("era", ERAS)
async def test_a_call_that_takes_too_long_answers_pending_and_goes_on(
    opened: Opened, held: Offline, gate: Gate, era: Era
) -> None:
    async with opened(held, era=era) as hand:
        pending = await hand.call("generate_image", prompt="a kite", wait_s=0)
        assert pending.receipt["status"] == "pending"
        assert not pending.raw.is_error
        assert pending.receipt["turn"] in pending.lines[0]
        assert "get_turn" in pending.text
        gate.opened.set()
        drawn = await hand.call("get_turn", turn=pending.receipt["turn"], wait_s=20)

    assert drawn.receipt["status"] == "done"
    assert drawn.path.is_file()
    assert hand.requests == 1


async def test_a_turn_of_another_process_can_be_waited_for(
    opened: Opened, held: Offline, gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(calls, "POLL_S", 0.01)
    async with opened(held) as hand, opened() as other:
        pending = await hand.call("generate_image", prompt="a kite", wait_s=0)
        with anyio.fail_after(5):
            await gate.reached.wait()
        looked = await other.call("get_turn", turn=pending.receipt["turn"], wait_s=0)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(hand.call, "get_turn")
            gate.opened.set()
            drawn = await other.call("get_turn", turn=pending.receipt["turn"], wait_s=20)

    assert looked.receipt["status"] == "pending"
    assert drawn.receipt["status"] == "done"


async def test_waiting_again_without_patience_is_pending_again(
    opened: Opened, held: Offline, gate: Gate
) -> None:
    async with opened(held) as hand:
        pending = await hand.call("generate_image", prompt="a kite", wait_s=0)
        again = await hand.call("get_turn", turn=pending.receipt["turn"], wait_s=0)
        gate.opened.set()

    assert again.receipt["status"] == "pending"
    assert again.receipt["turn"] == pending.receipt["turn"]


async def test_the_same_call_joins_the_one_under_way(
    opened: Opened, held: Offline, gate: Gate
) -> None:
    async with opened(held) as hand:
        first = await hand.call("generate_image", prompt="a kite", session="kites", wait_s=0)
        second = await hand.call("generate_image", prompt="a kite", session="kites", wait_s=0)
        gate.opened.set()
        third = await hand.call("generate_image", prompt="a kite", session="kites")

    assert first.receipt["turn"] == second.receipt["turn"] == third.receipt["turn"]
    assert hand.requests == 1
    assert "bought twice" in third.text


async def test_another_call_on_that_session_is_another_turn(
    opened: Opened, held: Offline, gate: Gate
) -> None:
    async with opened(held) as hand:
        first = await hand.call("generate_image", prompt="a kite", session="kites", wait_s=0)
        second = await hand.call("generate_image", prompt="a boat", session="kites", wait_s=0)
        gate.opened.set()
        ended = [await hand.call("get_turn", turn=one.receipt["turn"]) for one in (first, second)]
        shown = await hand.call("show_session", session="kites")

    assert [one.receipt["status"] for one in ended] == ["done", "done"]
    assert len(shown.receipt["images"]) == 2
    assert hand.requests == 2


@pytest.mark.parametrize("era", ERAS)
async def test_a_cancelled_call_that_was_sent_is_stored_and_delivered_later(
    opened: Opened, held: Offline, gate: Gate, era: Era
) -> None:
    asked = {"prompt": "a kite", "session": "kites"}
    async with opened(held, era=era) as hand:
        await abandon(hand, gate, "generate_image", asked)
        gate.opened.set()
        with anyio.fail_after(20):
            while len((shown := await hand.call("show_session")).receipt["images"]) < 1:
                await anyio.lowlevel.checkpoint()
        drawn = await hand.call("generate_image", **asked)

    assert drawn.image["id"] in [image["id"] for image in shown.receipt["images"]]
    assert drawn.path.is_file()
    assert hand.requests == 1


async def test_a_picture_that_was_delivered_is_drawn_anew_when_asked_again(opened: Opened) -> None:
    async with opened() as hand:
        first = await hand.call("generate_image", prompt="a kite")
        second = await hand.call("generate_image", prompt="a kite")

        read = await hand.call("get_turn", turn=first.receipt["turn"])
        listed = (await hand.client.list_resources()).resources

    assert first.image["id"] != second.image["id"]
    assert first.path != second.path
    assert hand.requests == 2
    assert read.path == first.path
    assert [one.name for one in listed] == [second.image["id"], first.image["id"]]


async def test_what_the_model_says_of_each_of_several_alike_is_told_once(opened: Opened) -> None:
    async with opened() as hand:
        drawn = await hand.call("generate_image", prompt="a kite", n=3)

    assert len(drawn.receipt["images"]) == 3
    assert drawn.text.count("Drawn offline") == 1


async def test_a_cancelled_call_of_several_draws_no_more_than_was_sent(
    opened: Opened, held: Offline, gate: Gate
) -> None:
    async with opened(held) as hand:
        await abandon(hand, gate, "generate_image", {"prompt": "a kite", "n": 4})
        gate.opened.set()
        with anyio.fail_after(20):
            while not (await hand.call("show_session")).receipt["images"]:
                await anyio.lowlevel.checkpoint()
        await anyio.wait_all_tasks_blocked()

    assert hand.requests == 1


async def test_a_client_that_goes_away_loses_no_picture(
    opened: Opened, held: Offline, gate: Gate
) -> None:
    async with opened(held) as hand:
        pending = await hand.call("generate_image", prompt="a kite", wait_s=0)
        with anyio.fail_after(5):
            await gate.reached.wait()
        gate.opened.set()
    async with opened(held) as later:
        drawn = await later.call("get_turn", turn=pending.receipt["turn"], wait_s=0)

    assert drawn.receipt["status"] == "done"
    assert hand.requests == 1


async def test_a_cancel_of_an_answered_call_is_ignored(opened: Opened) -> None:
    from mcp_types import CancelledNotification, CancelledNotificationParams

    async with opened() as hand:
        drawn = await hand.call("generate_image", prompt="a kite")
        for number in range(6):
            params = CancelledNotificationParams(request_id=number, reason="too late")
            await hand.client.session.send_notification(CancelledNotification(params=params))
        again = await hand.call("show_session")

    assert again.receipt["newest_image"] == drawn.image["id"]


async def test_two_turns_at_once_on_one_session_both_stay(
    opened: Opened, held: Offline, gate: Gate
) -> None:
    ended: list[Answer] = []

    async def edit(hand: Hand, prompt: str) -> None:
        ended.append(await hand.call("edit_image", prompt=prompt, image="@1"))

    async with opened(held) as hand:
        gate.opened.set()
        await hand.call("generate_image", prompt="a kite")
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(edit, hand, "make it blue")
            tasks.start_soon(edit, hand, "make it green")
        shown = await hand.call("show_session")

    assert [one.receipt["status"] for one in ended] == ["done", "done"]
    assert len(shown.receipt["images"]) == 3
    assert "branch" in "".join(one.text for one in ended)


async def test_two_calls_may_open_the_same_session_at_once(opened: Opened) -> None:
    ended: list[Answer] = []

    async def draw(hand: Hand, prompt: str) -> None:
        ended.append(await hand.call("generate_image", prompt=prompt, session="kites"))

    async with opened() as hand:
        async with anyio.create_task_group() as tasks:
            for prompt in ("a red kite", "a blue kite", "a green kite"):
                tasks.start_soon(draw, hand, prompt)
        shown = await hand.call("show_session", session="kites")

    assert [one.receipt["status"] for one in ended] == ["done"] * 3
    assert len(shown.receipt["images"]) == 3


async def test_while_nothing_happens_progress_still_rises(
    opened: Opened, held: Offline, gate: Gate
) -> None:
    heard: list[float] = []

    async def hear(progress: float, total: float | None, message: str | None) -> None:
        del total, message
        heard.append(progress)
        if len(heard) == 8:
            gate.opened.set()

    async with opened(held, pulse_s=0.001) as hand:
        await hand.client.call_tool("generate_image", {"prompt": "a kite"}, progress_callback=hear)

    assert len(heard) >= 8
    assert heard == sorted(set(heard))


async def test_an_unknown_result_is_told_as_such_and_not_sent_again(
    opened: Opened, serve: Serve
) -> None:
    async with opened(serve("drop-after")) as hand:
        drawn = await hand.call("generate_image", prompt="a kite")

    assert drawn.problem["charged"] == "possibly"
    assert drawn.receipt["status"] == "unknown"
    assert "do not repeat it" in drawn.text
    assert f"limner retry {drawn.problem['attempts'][0]}" in drawn.text
    assert hand.requests == 1
