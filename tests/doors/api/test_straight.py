"""``POST /v1/responses`` goes past the router, and is the same request behind it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx2
from starlette.applications import Starlette
from starlette.routing import Mount

from agent.doors.api.app import create_app
from tests.doors.api.conftest import ORIGIN, OpenServer, Served
from tests.doors.api.relaying import URL, asked, events, kinds


@asynccontextmanager
async def mounted(served: Served) -> AsyncIterator[httpx2.AsyncClient]:
    """A client of the same server, as a part of somebody's application."""
    app = Starlette(routes=[Mount("/studio", create_app(served.desk))])
    transport = httpx2.ASGITransport(app=app)
    async with httpx2.AsyncClient(transport=transport, base_url=f"{ORIGIN}/studio") as client:
        yield client


async def test_a_server_that_is_mounted_in_another_tells_the_same_events(
    open_server: OpenServer,
) -> None:
    async with open_server() as served, mounted(served) as client:
        straight = await served.client.post(URL, json=asked(stream=True))
        routed = await client.post(URL, json=asked(stream=True))

    assert kinds(events(routed.text)) == kinds(events(straight.text))
    assert kinds(events(routed.text))[-1] == "completed"
    same = ("content-type", "cache-control", "x-accel-buffering")
    assert [routed.headers[name] for name in same] == [straight.headers[name] for name in same]


async def test_what_cannot_be_read_is_told_alike_on_both_ways(open_server: OpenServer) -> None:
    async with open_server() as served, mounted(served) as client:
        for body in (b"{", b"[]", b'{"input": 7, "tools": [{"type": "image_generation"}]}'):
            straight = await served.client.post(URL, content=body)
            routed = await client.post(URL, content=body)

            assert straight.status_code == 400
            assert (routed.status_code, routed.json()) == (400, straight.json())
            assert routed.headers["x-should-retry"] == straight.headers["x-should-retry"]


async def test_a_method_that_it_has_not_is_the_routers_affair(open_server: OpenServer) -> None:
    async with open_server() as served:
        answer = await served.client.put(URL, json={})

    assert (answer.status_code, answer.json()["error"]["code"]) == (405, "method_not_allowed")
