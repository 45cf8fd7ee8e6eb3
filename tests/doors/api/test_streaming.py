"""A line that stays open while nothing happens."""

from __future__ import annotations

import json

import anyio

from agent.doors.api.streaming import KEEPALIVE, compact, kept_alive, sse


async def test_silence_is_filled_with_comments_and_nothing_is_lost() -> None:
    send, receive = anyio.create_memory_object_stream[bytes](10)
    chunks = kept_alive(receive, every_s=0.001)
    quiet = [await anext(chunks), await anext(chunks)]
    send.send_nowait(b"one")
    send.send_nowait(b"two")
    send.close()

    rest = [chunk async for chunk in chunks if chunk != KEEPALIVE]

    assert quiet == [KEEPALIVE, KEEPALIVE]
    assert rest == [b"one", b"two"]


def test_an_event_is_one_line_of_json_whatever_is_in_it() -> None:
    data = {"text": "a\nb\u2028c\ud800"}

    block = sse("x.y", {"type": "x.y", **data}).decode("ascii")

    assert block.startswith("event: x.y\ndata: ")
    assert block.endswith("\n\n")
    assert json.loads(block.splitlines()[1].removeprefix("data: "))["text"] == data["text"]
    assert b" " not in compact({"a": [1, 2]})
