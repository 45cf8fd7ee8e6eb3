"""A process that ends leaves nothing open for good: what it sent is told, and never sent again."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import anyio
import pytest

from agent import Settings, TurnRequest, attempts
from agent.offline import Offline
from agent.schema import Attempt, Image, Turn
from tests.conftest import OpenOn, Serve, bytes_of
from tests.forked import python
from tests.test_turns_leaving import Gate

REPOSITORY = Path(__file__).parents[1]
KITE = TurnRequest(text="a red kite over the sea")


@pytest.fixture
async def gate() -> Gate:
    return Gate()


def die(moment: str, settings: Settings) -> None:
    """A turn in another process, up to there and not further."""
    home = settings.data_dir.parent
    script = REPOSITORY / "tests/store/dying.py"
    run = subprocess.run(
        [python(), str(script), moment, str(home)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(REPOSITORY), *sys.path])},
        check=False,
    )
    assert run.returncode == 9


async def found(open_on: OpenOn, server: Offline) -> tuple[Attempt, Turn, list[Image]]:
    """What the next process makes of it."""
    async with open_on(server) as agent:
        [session] = await agent.store.sessions()
        [turn] = await agent.store.turns(session.id)
        [attempt] = await agent.store.attempts()
        return attempt, turn, await agent.store.images(session.id)


async def test_what_was_intended_by_a_process_that_died_was_free(
    settings: Settings, serve: Serve, open_on: OpenOn
) -> None:
    die("intended", settings)

    attempt, turn, images = await found(open_on, serve())

    assert (attempt.state, attempt.billed) == ("failed", "no")
    assert attempt.cost.amount == 0
    assert (turn.outcome, images) == ("failed", [])
    assert [failure.billed for failure in turn.failures] == ["no"]


async def test_what_was_sent_by_a_process_that_died_is_unknown_and_not_sent_again(
    settings: Settings, serve: Serve, open_on: OpenOn
) -> None:
    die("received", settings)
    server = serve()

    attempt, turn, _ = await found(open_on, server)

    assert (attempt.state, attempt.billed) == ("unknown", "possibly")
    assert attempt.failure_code == "interrupted"
    assert attempt.settled is not None
    assert turn.outcome == "unknown"
    assert [failure.billed for failure in turn.failures] == ["possibly"]
    assert dict(server.counters) == {}


@pytest.mark.parametrize("moment", ["written", "named", "saved", "stored"])
async def test_a_picture_that_arrived_before_its_process_died_is_a_picture(
    settings: Settings, serve: Serve, open_on: OpenOn, moment: str
) -> None:
    die(moment, settings)

    attempt, turn, [image] = await found(open_on, serve())

    assert (attempt.state, attempt.billed, attempt.images) == ("completed", "yes", 1)
    assert attempt.cost.amount is None
    assert (turn.outcome, turn.images) == ("image", (image.id,))
    assert bytes_of(image).startswith(b"\x89PNG")
    assert (image.operation, image.actual.size, image.requested.model) == (
        "generate",
        "1024x1024",
        "gpt-image-2",
    )


async def test_a_turn_that_its_process_did_not_close_is_closed_and_can_be_edited(
    settings: Settings, serve: Serve, open_on: OpenOn
) -> None:
    die("settled", settings)

    async with open_on(serve()) as agent:
        [session] = await agent.store.sessions()
        [turn] = await agent.store.turns(session.id)
        edit = TurnRequest(text="make it night", intent="edit", session=session.id)
        ended = await agent.run(edit)

    assert (turn.outcome, session.head) == ("image", turn.id)
    assert ended.images[0].parents == turn.images


async def test_a_turn_under_way_in_a_living_process_is_left_alone(
    serve: Serve, open_on: OpenOn, gate: Gate
) -> None:
    server = serve(latency=(1.0, 1.0), sleep=gate.wait)
    with anyio.fail_after(10):
        async with open_on(server) as agent, anyio.create_task_group() as tasks:
            tasks.start_soon(agent.run, KITE)
            await gate.reached.wait()
            async with open_on(server) as other:
                [under_way] = await other.store.attempts()
            gate.opened.set()

    [attempt] = (await found(open_on, server))[:1]
    assert (under_way.state, attempt.state) == ("sent", "completed")
    assert under_way.owner == attempt.owner
    assert f":{os.getpid()}:" in (attempt.owner or "")


async def test_a_wait_gives_signs_of_life(
    serve: Serve, open_on: OpenOn, gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attempts, "PULSE_S", 0.0)
    server = serve(latency=(1.0, 1.0), sleep=gate.wait)
    with anyio.fail_after(10):
        async with open_on(server) as agent, anyio.create_task_group() as tasks:
            tasks.start_soon(agent.run, KITE)
            await gate.reached.wait()
            while True:
                [under_way] = await agent.store.attempts()
                assert under_way.sent is not None
                assert under_way.heartbeat is not None
                if under_way.heartbeat > under_way.sent:
                    break
            gate.opened.set()

    assert (await found(open_on, server))[0].state == "completed"
