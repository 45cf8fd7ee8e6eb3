"""The relay where a request over HTTP would not reach: failover, the second screen, failing disks."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import anyio
import pytest

from agent import ImageAgent
from agent.errors import StoreError
from agent.factory import answers_of, tenancy_of
from agent.kit import Kit
from agent.relay.entry import Relay
from agent.relay.line import Declined
from agent.relay.prepare import Caller, Shop
from agent.upstream.dialects import DIALECTS
from tests.conftest import Serve, sent_to
from tests.watched import asked_of, watched

TOOL = {"type": "image_generation"}
NOBODY = Caller()
Json = dict[str, Any]


@asynccontextmanager
async def relay_of(agent: ImageAgent, kit: Kit | None = None) -> AsyncIterator[Relay]:
    kit = kit or agent._kit
    shop = Shop(kit=kit, answers=answers_of(agent.store), tenancy=tenancy_of(agent.store))
    async with anyio.create_task_group() as tasks:
        yield Relay(shop, tasks)


def body(text: str = "a red kite", **more: Any) -> bytes:
    return json.dumps({"model": "gpt-5.5", "input": text, "tools": [TOOL], **more}).encode()


async def told(relay: Relay, request: bytes) -> str:
    accepted = await relay.respond(request, NOBODY)
    await accepted.line.opening(None)
    return b"".join([chunk async for chunk in accepted.line]).decode()


def kinds(stream: str) -> list[str]:
    return [
        line.removeprefix("event: response.")
        for line in stream.splitlines()
        if line.startswith("event: ")
    ]


@pytest.mark.parametrize("streamed", [False, True])
async def test_what_drew_nothing_goes_on_with_the_next_profile(
    tmp_path: Path, serve: Serve, streamed: bool
) -> None:
    first, second = serve("quota"), serve()
    async with (
        watched(tmp_path, first, fallback=second) as agent,
        relay_of(agent) as relay,
    ):
        answer = await told(relay, body(stream=streamed, tool_choice=TOOL))
        [turn] = await agent.store.turns((await agent.store.sessions())[0].id)

        assert "image_generation_call" in answer
        assert [a.state for a in await agent.store.attempts()] == ["failed", "completed"]
        assert turn.outcome == "image"
        assert turn.profile != "paid"
        assert len(sent_to(first)) == len(sent_to(second)) == 1


async def test_what_may_have_been_drawn_goes_nowhere_else(tmp_path: Path, serve: Serve) -> None:
    first, second = serve("502-after"), serve()
    async with (
        watched(tmp_path, first, fallback=second) as agent,
        relay_of(agent) as relay,
    ):
        with pytest.raises(Declined) as caught:
            await told(relay, body())

        assert caught.value.outcome == "unknown"
        assert sent_to(second) == []


async def test_a_picture_that_the_second_screen_refuses_never_leaves(
    tmp_path: Path, serve: Serve
) -> None:
    server = serve("moderation-flags:every=2,on=moderations")
    async with (
        watched(tmp_path, server, second_screen="pictures") as agent,
        relay_of(agent) as relay,
    ):
        answer = await told(relay, body(stream=True))

        assert len(asked_of(server)) == 2
        assert kinds(answer)[-1] == "failed"
        assert "output_item.done" not in kinds(answer)
        assert '"result":"' not in answer
        session = (await agent.store.sessions())[0]
        assert await agent.store.images(session.id) == []


async def test_a_picture_that_the_second_screen_lets_pass_comes_after_it(
    tmp_path: Path, serve: Serve
) -> None:
    server = serve()
    async with (
        watched(tmp_path, server, second_screen="pictures") as agent,
        relay_of(agent) as relay,
    ):
        answer = await told(relay, body(stream=True))

        assert len(asked_of(server)) == 2
        assert kinds(answer)[-1] == "completed"
        assert kinds(answer).count("output_item.done") == 2


async def test_where_nobody_can_be_asked_nothing_is_drawn(tmp_path: Path, serve: Serve) -> None:
    server = serve()
    bare = replace(DIALECTS["offline"], moderations=False)
    async with (
        watched(tmp_path, server, second_screen="text", dialect=bare) as agent,
        relay_of(agent) as relay,
    ):
        with pytest.raises(Declined, match="moderation"):
            await relay.respond(body(), NOBODY)

        assert sent_to(server) == []


class Failing:
    """The store of an agent, some of whose writes fail."""

    def __init__(self, inner: Any, **raises: Exception) -> None:
        self._inner = inner
        self._raises = raises

    def __getattr__(self, name: str) -> Any:
        if name not in self._raises:
            return getattr(self._inner, name)

        async def fail(*_: object, **__: object) -> None:
            raise self._raises[name]

        return fail


@pytest.mark.parametrize("error", [StoreError("the disk is full"), RuntimeError("a bug")])
@pytest.mark.parametrize("streamed", [False, True])
async def test_a_disk_or_a_bug_that_ends_a_turn_is_told_and_leaves_the_truth(
    tmp_path: Path, serve: Serve, error: Exception, streamed: bool
) -> None:
    async with watched(tmp_path, serve()) as agent:
        failing: Any = Failing(agent.store, put_blob=error)
        kit = replace(agent._kit, store=failing)
        async with relay_of(agent, kit) as relay:
            if streamed:
                answer = await told(relay, body(stream=True))
                assert kinds(answer)[0] == "created"
                assert kinds(answer)[-1] == "failed"
            else:
                with pytest.raises(Declined):
                    await told(relay, body())

        [attempt] = await agent.store.attempts()
        [turn] = await agent.store.turns((await agent.store.sessions())[0].id)
        assert (attempt.state, attempt.billed) == ("unknown", "possibly")
        assert turn.outcome == "unknown"


@pytest.mark.parametrize("streamed", [False, True])
async def test_a_bug_in_closing_one_answer_ends_no_other_one(
    tmp_path: Path, serve: Serve, streamed: bool
) -> None:
    async with watched(tmp_path, serve()) as agent:
        failing: Any = Failing(answers_of(agent.store), close_response=RuntimeError("a bug"))
        shop = Shop(kit=agent._kit, answers=failing, tenancy=tenancy_of(agent.store))
        async with anyio.create_task_group() as tasks, relay_of(agent) as fine:
            broken = Relay(shop, tasks)
            if streamed:
                assert kinds(await told(broken, body(stream=True)))[-1] != "completed"
            else:
                with pytest.raises(RuntimeError, match="a bug"):
                    await told(broken, body())

            assert '"completed"' in await told(fine, body())


async def test_a_failing_disk_ends_a_request_that_is_passed_on(
    tmp_path: Path, serve: Serve
) -> None:
    async with watched(tmp_path, serve()) as agent:
        failing: Any = Failing(agent.store, reserve=RuntimeError("a bug"))
        async with relay_of(agent, replace(agent._kit, store=failing)) as relay:
            with pytest.raises(RuntimeError, match="a bug"):
                await told(relay, json.dumps({"model": "m", "input": "hi"}).encode())


async def test_a_large_request_is_read_beside_the_others(tmp_path: Path, serve: Serve) -> None:
    server = serve()
    async with watched(tmp_path, server) as agent, relay_of(agent) as relay:
        answer = await told(relay, body(metadata={"long": "x" * 300_000}))

        assert '"completed"' in answer
