"""Two processes on one store that are asked the same: what one buys the other does not buy again."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import anyio
import anyio.lowlevel
import pytest

from agent import Settings
from agent.doors.mcp import claims
from agent.doors.mcp.jobs import UNDELIVERED_S
from agent.offline import Offline
from agent.protocols import Purchase
from agent.schema import Attempt, TurnId
from agent.store.owners import life_of
from tests import forked
from tests.doors.mcp.conftest import Answer, Gate, Hand, Opened
from tests.doors.mcp.test_transports import HELLO, ROOT

KITE = {"prompt": "a red kite", "session": "kites"}
SENT = b"waiting for the picture"


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(claims, "LOOK_S", 0.01)


@dataclass
class Other:
    """A server of somebody else's, in a process of its own."""

    process: subprocess.Popen[bytes]

    def tell(self, *messages: object) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(b"".join(json.dumps(one).encode() + b"\n" for one in messages))
        self.process.stdin.flush()

    def call(self, **arguments: object) -> None:
        params = {
            "name": "generate_image",
            "arguments": arguments,
            "_meta": {"progressToken": 1},
        }
        begun = {"jsonrpc": "2.0", "method": "notifications/initialized"}
        call = {"jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": params}
        self.tell(HELLO, begun, call)

    def until(self, words: bytes, times: int = 1) -> bytes:
        """The line that says so for the last of so many times."""
        assert self.process.stdout is not None
        lines = (line for line in self.process.stdout if words in line)
        return [next(lines) for _ in range(times)][-1]

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(timeout=30)
        assert self.process.stdout is not None
        self.process.stdout.read()  # to its end: what was forked ends a moment after who asked for it

    def hang_up(self) -> None:
        """The host goes away; the server ends when it has what was sent."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdout.close()
        self.process.stdin.close()
        self.process.wait(timeout=30)


@pytest.fixture
def other(settings: Settings, work: Path) -> Iterator[Callable[[str], Other]]:
    """``other(latency)``: on the same store and in the same folder."""
    env = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(ROOT),
        "HOME": str(settings.data_dir.parent),
        "LIMNER_HOME": str(settings.data_dir),
    }
    code = "from agent.doors.cli import main; main()"
    with ExitStack() as running:

        def start(latency: str) -> Other:
            process = subprocess.Popen(
                [
                    forked.python(),
                    "-c",
                    code,
                    *f"mcp -p offline --draw tiny --latency {latency}".split(),
                ],
                env=env,
                cwd=work,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
            )
            running.enter_context(process)
            running.callback(process.kill)
            return Other(process)

        yield start


async def attempts(hand: Hand) -> list[Attempt]:
    return await (await hand.room.agent()).store.attempts()


async def test_what_a_killed_process_had_sent_is_told_as_unknown_and_not_bought_again(
    opened: Opened, other: Callable[[str], Other]
) -> None:
    first = other("600")
    first.call(**KITE)
    first.until(SENT)
    first.kill()
    async with opened() as hand:
        told = await hand.call("generate_image", **KITE)

        assert told.receipt["status"] == "unknown"
        assert told.problem["charged"] == "possibly"
        assert "do not repeat it" in told.text
        assert f"limner retry {told.problem['attempts'][0]}" in told.text
        assert "made before by another process; nothing was sent now" in told.text
        assert hand.requests == 0
        [lost] = await attempts(hand)
        assert lost.state == "unknown"

        drawn = await hand.call("generate_image", **KITE)  # whoever was told may ask again
        assert drawn.receipt["status"] == "done"
        assert hand.requests == 1


async def test_what_a_living_process_draws_is_waited_for_and_its_file_is_the_answer(
    opened: Opened, other: Callable[[str], Other], work: Path
) -> None:
    first = other("1.5")
    first.call(**KITE)
    first.until(SENT)
    async with opened() as hand:
        pending = await hand.call("generate_image", **KITE, wait_s=0)
        drawn = await hand.call("generate_image", **KITE)

        assert pending.receipt["status"] == "pending"
        assert pending.receipt["turn"] == drawn.receipt["turn"]
        assert drawn.receipt["status"] == "done"
        assert "nothing was bought twice" in drawn.text
        assert hand.requests == 0
        assert len(await attempts(hand)) == 1
        theirs = json.loads(first.until(b'"id":2'))["result"]["structuredContent"]
        assert theirs["images"][0]["path"] == str(drawn.path)
        assert [path.name for path in (work / "limner-out").iterdir()] == ["kites-1.png"]


async def test_while_it_is_waited_for_get_turn_waits_as_well(
    opened: Opened, other: Callable[[str], Other]
) -> None:
    first = other("1")
    first.call(**KITE)
    first.until(SENT)
    async with opened() as hand:
        pending = await hand.call("generate_image", **KITE, wait_s=0)
        drawn = await hand.call("get_turn", turn=pending.receipt["turn"])

        assert drawn.receipt["status"] == "done"
        assert hand.requests == 0


async def test_a_host_that_went_away_finds_its_picture_with_the_next_server(
    opened: Opened, other: Callable[[str], Other], work: Path
) -> None:
    first = other("0.3")
    first.call(prompt="a red kite", output_path="kite.png")
    first.until(SENT)
    first.hang_up()
    async with opened() as hand:
        asked = {"prompt": "a red kite", "output_path": "kite.png"}
        drawn = await hand.call("generate_image", **asked)
        assert drawn.path == work / "kite.png"
        assert hand.requests == 0

        again = await hand.call("generate_image", **asked)  # it is told by now
        assert "there already" in again.text


async def test_of_several_what_was_drawn_is_there_and_what_was_cut_off_is_said(
    opened: Opened, other: Callable[[str], Other]
) -> None:
    first = other("0.5")
    first.call(**KITE, n=3)
    first.until(b"picture stored")
    first.until(SENT)
    first.kill()
    async with opened() as hand:
        told = await hand.call("generate_image", **KITE, n=3)

        assert told.receipt["status"] == "done"
        assert len(told.receipt["images"]) == 1
        assert "one picture is missing" in told.text
        assert "the other 1 were not sent" in told.text
        assert hand.requests == 0


async def test_two_hosts_that_ask_alike_get_a_picture_each(
    opened: Opened, other: Callable[[str], Other]
) -> None:
    first = other("600")
    first.call(prompt="a red kite")
    first.until(SENT)
    async with opened() as hand:
        drawn = await hand.call("generate_image", prompt="a red kite")

        assert drawn.receipt["status"] == "done"
        assert hand.requests == 1
        first.kill()
        theirs = (await attempts(hand))[0].owner
        while life_of(theirs) == "alive":
            await anyio.lowlevel.checkpoint()
        told = await hand.call("generate_image", prompt="a red kite")  # as one started anew would
        assert told.receipt["status"] == "unknown"
        assert hand.requests == 1


async def test_a_file_that_is_there_stops_a_call_that_only_reads_like_anothers(
    opened: Opened, other: Callable[[str], Other], work: Path
) -> None:
    asked = {"prompt": "a red kite", "output_path": "kite.png"}
    first = other("600")
    first.call(**asked)
    first.until(SENT)
    await anyio.Path(work, "kite.png").touch()
    async with opened() as hand:
        told = await hand.call("generate_image", **asked)

        assert "there already" in told.text
        assert hand.requests == 0


async def test_a_turn_that_was_asked_for_by_its_id_is_told(
    opened: Opened, other: Callable[[str], Other]
) -> None:
    first = other("0.3")
    first.call(**KITE)
    turn = json.loads(first.until(SENT))  # only that it was sent
    assert turn["method"] == "notifications/progress"
    first.hang_up()
    async with opened() as hand:
        [session] = await (await hand.room.store()).sessions()
        [ended] = await (await hand.room.store()).turns(session.id)
        read = await hand.call("get_turn", turn=ended.id)
        another = await hand.call("generate_image", **KITE)

        assert read.image["turn"] == ended.id
        assert another.image["turn"] != ended.id


async def test_a_turn_that_was_pending_when_its_server_was_killed_is_told_as_unknown_at_once(
    opened: Opened, other: Callable[[str], Other]
) -> None:
    first = other("600")
    first.call(**KITE, wait_s=0)
    pending = json.loads(first.until(b'"id":2'))["result"]["structuredContent"]
    async with opened() as hand:
        while [one.state for one in await attempts(hand)] != ["sent"]:
            await anyio.lowlevel.checkpoint()
        first.kill()
        theirs = (await attempts(hand))[0].owner
        while life_of(theirs) == "alive":
            await anyio.lowlevel.checkpoint()
        told = await hand.call("get_turn", turn=pending["turn"], wait_s=0)

        assert (pending["status"], told.receipt["status"]) == ("pending", "unknown")
        assert told.problem["charged"] == "possibly"
        assert hand.requests == 0


# ── what a process left behind ───────────────────────────────────────────────────────────────


async def left_behind(hand: Hand, *, turn: str, owner: str, done: bool = False) -> None:
    """The claim of ``KITE`` as somebody else made it."""
    made = await (await hand.room.claims())._till.standing(await claim_of(hand))
    assert made is not None
    till = (await hand.room.claims())._till
    await till.release(made)
    await till.claim(replace(made, turns=(TurnId(turn),), owner=owner, done=done))


async def claim_of(hand: Hand) -> Purchase:
    [job] = hand.room._jobs.values()
    assert job.claim is not None
    return job.claim


def gone(hand_owner: str) -> str:
    host, pid, birth = hand_owner.rsplit(":", 2)
    return f"{host}:{pid}:1-{birth.rpartition('-')[2]}"


async def test_a_claim_whose_process_ended_before_anything_was_sent_is_taken_over(
    opened: Opened, held: Offline, gate: Gate
) -> None:
    async with opened(held) as hand:
        await hand.call("generate_image", **KITE, wait_s=0)
        await left_behind(hand, turn="turn_never", owner=gone((await claim_of(hand)).owner))
        gate.opened.set()
        await hand.call("get_turn", turn=(await claim_of(hand)).turns[0])
        async with opened() as second:
            drawn = await second.call("generate_image", **KITE)

            assert drawn.receipt["status"] == "done"
            assert second.requests == 1


async def test_what_nobody_asked_for_within_its_time_is_bought_anew(
    opened: Opened, other: Callable[[str], Other], monkeypatch: pytest.MonkeyPatch
) -> None:
    first = other("0.3")
    first.call(**KITE)
    first.until(SENT)
    first.hang_up()
    async with opened() as hand:
        clock = (await hand.room.agent()).kit.clock
        late = datetime.now(UTC) + timedelta(seconds=UNDELIVERED_S + 60)
        monkeypatch.setattr(type(clock), "now", lambda _: late)
        drawn = await hand.call("generate_image", **KITE)

        assert drawn.receipt["status"] == "done"
        assert hand.requests == 1


async def test_a_call_that_cost_nothing_leaves_nothing_behind(opened: Opened, serve: Any) -> None:
    async with opened(serve("401:first=1")) as hand:
        failed = await hand.call("generate_image", **KITE)
        till = (await hand.room.claims())._till
        [job] = hand.room._jobs.values()
        assert job.claim is not None

        assert failed.problem["charged"] == "no"
        assert await till.standing(job.claim) is None


async def test_two_of_one_process_share_a_claim_and_one_picture(
    opened: Opened, held: Offline, gate: Gate
) -> None:
    ended: list[Answer] = []

    async def ask(hand: Hand) -> None:
        ended.append(await hand.call("generate_image", **KITE))

    async with opened(held) as hand:
        async with anyio.create_task_group() as tasks:
            for _ in range(3):
                tasks.start_soon(ask, hand)
            await gate.reached.wait()
            gate.opened.set()

        assert len({one.image["id"] for one in ended}) == 1
        assert hand.requests == 1
