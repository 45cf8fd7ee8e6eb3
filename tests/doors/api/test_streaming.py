"""A line that stays open while nothing happens."""

from __future__ import annotations

import json
from typing import Any

import anyio
import pytest

from agent.doors.api.streaming import KEEPALIVE, LineStream, compact, sse
from agent.relay.line import Line


class Client:
    """Who is told a line: ``told`` are the bodies; it leaves when ``leaves`` is set."""

    def __init__(self, line: Line, *, every_s: float = 60) -> None:
        self.line = line
        self.stream = LineStream(line, {}, every_s=every_s)
        self.told: list[bytes] = []
        self.leaves = anyio.Event()

    async def listen(self) -> None:
        await self.stream({"type": "http"}, self._receive, self._send)

    async def _receive(self) -> dict[str, Any]:
        await self.leaves.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: Any) -> None:
        if message["type"] == "http.response.body":
            self.told.append(message["body"])


async def test_silence_is_filled_with_comments_and_nothing_is_lost() -> None:
    line = Line()
    client = Client(line, every_s=0.001)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(client.listen)
        while client.told.count(KEEPALIVE) < 2:
            await anyio.lowlevel.checkpoint()
        line.put([b"one"])
        line.put([b"two"])
        line.end()

    assert client.told[:2] == [KEEPALIVE, KEEPALIVE]
    assert b"".join(chunk for chunk in client.told if chunk != KEEPALIVE) == b"onetwo"


async def test_what_waits_is_told_together_unless_it_is_long() -> None:
    line = Line()
    client = Client(line)
    line.put([b"a", b"b", b"L" * 100_000, b"c"])
    line.end()

    await client.listen()

    assert client.told == [b"ab", b"L" * 100_000, b"c", b""]


async def test_nobody_is_told_after_the_client_has_left() -> None:
    line = Line()
    client = Client(line)
    client.leaves.set()

    await client.listen()
    line.put([b"more"])

    assert line.left
    assert client.told == []


async def test_what_breaks_while_telling_comes_out_as_it_went_in() -> None:
    line = Line()
    client = Client(line)
    client.told = Breaking()
    line.put([b"one"])

    with pytest.raises(OSError, match="gone"):
        await client.listen()

    assert line.left


class Breaking(list[bytes]):
    """A connection that is gone."""

    def append(self, _: bytes) -> None:
        raise OSError("gone")


def test_an_event_is_one_line_of_json_whatever_is_in_it() -> None:
    data = {"text": "a\nb\u2028c\ud800"}

    block = sse("x.y", {"type": "x.y", **data}).decode("ascii")

    assert block.startswith("event: x.y\ndata: ")
    assert block.endswith("\n\n")
    assert json.loads(block.splitlines()[1].removeprefix("data: "))["text"] == data["text"]
    assert b" " not in compact({"a": [1, 2]})
