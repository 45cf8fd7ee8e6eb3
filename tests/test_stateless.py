"""Servers that keep nothing, drop things, fill things in: a session goes through all of them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import anyio
import pytest

from agent import Image, ImageAgent, ImageOptions, TurnRequest, open_agent
from agent.offline import Offline
from agent.offline.asgi import serve as serving
from agent.offline.dialects import DIALECTS as SERVERS
from agent.offline.dialects import ServerDialect
from agent.upstream.dialects import DIALECTS

from .conftest import OpenOn, Serve, sent_to, settings_in

CHANGES = (
    "make it night",
    "add a red boat",
    "make it autumn",
    "add lanterns",
    "make the sky green",
    "make it dusk",
    "add a moon",
    "make it spring",
    "add a cat",
    "make it day",
)
SMALL = ImageOptions(size="1024x640", quality="low")
Body = dict[str, Any]


async def ten_edits(agent: ImageAgent) -> list[Image]:
    """A picture and ten changes, each of the one before."""
    pictures: list[Image] = []
    for text in ("a lighthouse by the sea", *CHANGES):
        ended = await agent.run(
            TurnRequest(
                text=text,
                intent="edit" if pictures else "generate",
                session=pictures[0].session if pictures else None,
                options=SMALL,
            )
        )
        assert ended.outcome == "image", (text, ended.error)
        pictures += ended.images
    return pictures


def assert_nothing_is_left_to_the_server(bodies: list[Body]) -> None:
    """No id anywhere, our instructions every time, one picture in an edit and none before."""
    for number, body in enumerate(bodies):
        told = str(body)
        assert "previous_response_id" not in body
        assert body["store"] is False
        assert "image_generation_call" not in told
        assert "item_reference" not in told
        assert "resp_" not in told
        assert body["instructions"].strip()
        assert body["tools"][0]["model"] == "gpt-image-2"
        assert body["tools"][0]["action"] == ("edit" if number else "generate")
        assert told.count("'input_image'") == min(number, 1)


@pytest.mark.parametrize("dialect", sorted(DIALECTS))
async def test_ten_edits_through_each_dialect_are_ten_pictures_with_ten_right_parents(
    dialect: str, serve: Serve, open_on: OpenOn
) -> None:
    server = serve(dialect=dialect)

    async with open_on(server) as agent:
        assert agent.offline
        pictures = await ten_edits(agent)

    assert server.counters["generations"] == 11
    assert [p.parents for p in pictures] == [(), *((p.id,) for p in pictures[:-1])]
    assert_nothing_is_left_to_the_server(sent_to(server))


async def test_ten_edits_through_a_server_nobody_knows_work_the_same(
    serve: Serve, tmp_path: Path
) -> None:
    server = serve(dialect="sub2api")

    async with served(server) as url:
        settings = settings_in(tmp_path, OPENAI_BASE_URL=url, OPENAI_API_KEY="sk-test")
        async with open_agent(settings) as agent:
            pictures = await ten_edits(agent)
            [attempt] = (await agent.store.attempts(turn=pictures[-1].turn))[-1:]

    assert attempt.dialect == "generic"
    assert server.counters["generations"] == 11
    assert [p.parents for p in pictures] == [(), *((p.id,) for p in pictures[:-1])]
    bodies = sent_to(server)
    assert_nothing_is_left_to_the_server(bodies)
    assert not any("tool_choice" in body for body in bodies), "nothing unproved is tried"


@asynccontextmanager
async def served(server: Offline) -> AsyncIterator[str]:
    """The base URL of that server on a real socket."""
    address: list[str] = []
    listening = anyio.Event()

    def ready(url: str) -> None:
        address.append(url)
        listening.set()

    async with anyio.create_task_group() as tasks:

        async def run() -> None:
            await serving(server, ready=ready)

        tasks.start_soon(run)
        with anyio.fail_after(10):
            await listening.wait()
        yield address[0]
        tasks.cancel_scope.cancel()
