"""A turn that has not been sent goes before the later drafts of others."""

from __future__ import annotations

import anyio

from agent.relay.pace import Pace, Place


async def given_way(pace: Pace, until: float, done: list[str]) -> None:
    await pace.give_way(until)
    done.append("went on")


async def test_a_later_draft_waits_until_all_that_came_are_sent() -> None:
    pace, done = Pace(), list[str]()
    one, two = await pace.enter(), await pace.enter()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(given_way, pace, anyio.current_time() + 60, done)
        one.leave()
        await anyio.wait_all_tasks_blocked()
        assert done == []
        two.leave()

    assert done == ["went on"]


async def test_nobody_gives_way_for_longer_than_said() -> None:
    pace, done = Pace(), list[str]()
    await pace.enter()

    await given_way(pace, anyio.current_time(), done)

    assert done == ["went on"]


async def test_nobody_waits_where_nobody_came() -> None:
    with anyio.fail_after(5):
        await Pace().give_way(anyio.current_time() + 60)


async def test_more_than_there_are_places_for_come_in_their_order() -> None:
    pace, order = Pace(at_once=1), list[int]()
    first = await pace.enter()

    async def one(number: int) -> None:
        place = await pace.enter()
        order.append(number)
        place.leave()

    async with anyio.create_task_group() as tasks:
        for number in range(3):
            tasks.start_soon(one, number)
        await anyio.wait_all_tasks_blocked()
        assert order == []
        first.leave()
        first.leave()  # the second time is none

    assert order == [0, 1, 2]


async def test_one_that_leaves_while_it_waits_keeps_nobody_waiting() -> None:
    pace = Pace(at_once=1)
    first = await pace.enter()
    with anyio.move_on_after(0):
        await pace.enter()
    first.leave()

    with anyio.fail_after(5):
        await pace.give_way(anyio.current_time() + 60)
        (await pace.enter()).leave()


def test_a_place_that_was_never_taken_can_be_left() -> None:
    Place().leave()
