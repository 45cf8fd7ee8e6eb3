"""What stands between our bytes and a server: nothing that holds up, remembers or adds."""

from __future__ import annotations

from dataclasses import replace

import anyio
import httpcore2
import pytest
from anyio.abc import SocketAttribute, SocketStream

from agent.traffic import Ended, Failed, WireBytes
from agent.upstream import connection
from agent.upstream.responses import ResponsesUpstream

from .serving import (
    COMPLETED,
    CREATED,
    FOREVER,
    OUTGOING,
    PROFILE,
    Server,
    Standing,
    failure_of,
    upstream_on,
)

MANY = 110
"""More than a pool of httpx2 lets through at once, unless it is told otherwise."""
ANSWER = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n"


async def test_as_many_go_out_at_once_as_the_profile_lets() -> None:
    """Regression: the 101st waited for one of the first hundred, and failed after ten seconds."""
    here, all_here = 0, anyio.Event()

    async def answer(stream: SocketStream) -> None:
        nonlocal here
        async with stream:
            await stream.receive()
            here += 1
            if here == MANY:
                all_here.set()
            await all_here.wait()
            await stream.send(ANSWER + CREATED + COMPLETED)

    ends: list[object] = []

    async def ask(upstream: ResponsesUpstream) -> None:
        async for item in upstream.send(upstream.encode(OUTGOING), OUTGOING):
            ends.extend([item] if isinstance(item, Ended) else [])

    listener = await anyio.create_tcp_listener(local_host="127.0.0.1")
    url = f"http://127.0.0.1:{listener.extra(SocketAttribute.local_port)}/v1"
    upstream = ResponsesUpstream(replace(PROFILE, base_url=url), clock=Standing())
    with anyio.fail_after(30):
        async with listener, anyio.create_task_group() as serving:
            serving.start_soon(listener.serve, answer)
            async with anyio.create_task_group() as asking:
                for _ in range(MANY):
                    asking.start_soon(ask, upstream)
            await upstream.aclose()
            serving.cancel_scope.cancel()

    assert len(ends) == MANY


async def test_what_a_server_asks_to_be_remembered_is_not() -> None:
    server = Server((COMPLETED,), headers={"set-cookie": "session=1; Path=/"})
    upstream = upstream_on(server)

    for _ in range(2):
        async for _item in upstream.send(upstream.encode(OUTGOING), OUTGOING):
            pass

    assert ["cookie" in request.headers for request in server.requests] == [False, False]


async def test_a_name_and_password_in_the_address_take_the_place_of_no_key() -> None:
    server = Server((COMPLETED,))
    base_url = "https://ada:secret@gateway.example/v1"

    async for _item in upstream_on(server, replace(PROFILE, base_url=base_url)).send(
        b"{}", OUTGOING
    ):
        pass

    (request,) = server.requests
    assert request.headers["authorization"] == f"Bearer {PROFILE.api_key}"


async def test_an_untouched_request_goes_the_same_way_with_the_same_key() -> None:
    server = Server((CREATED, COMPLETED))
    upstream = upstream_on(server)
    body = b'{"model":"gpt-5.5","input":"hello"}'

    untouched = replace(OUTGOING, untouched=True)
    told = [item async for item in upstream.send(body, untouched) if isinstance(item, WireBytes)]

    assert b"".join(item.data for item in told) == CREATED + COMPLETED
    (request,) = server.requests
    assert request.content == body
    assert request.headers["authorization"] == f"Bearer {PROFILE.api_key}"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SSL_CERT_FILE", "/nowhere/ca.pem"),
        ("HTTPS_PROXY", "socks9://127.0.0.1:1"),
        ("HTTP_PROXY", "http://127.0.0.1:99999"),
    ],
)
async def test_an_environment_that_leaves_no_way_out_costs_nothing(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Regression: "the connection broke after the request was sent", possibly billed, or a bug."""
    monkeypatch.setenv(name, value)
    httpcore2.default_ssl_context.cache_clear()  # type: ignore[attr-defined]  # see conftest
    profile = replace(PROFILE, base_url="http://192.0.2.1/v1")
    upstream = ResponsesUpstream(profile, clock=Standing())

    told = [item async for item in upstream.send(b"{}", OUTGOING)]
    await upstream.aclose()

    (failed,) = told
    assert isinstance(failed, Failed)
    assert (failed.failure.code, failed.failure.billed) == ("usage", "no")
    assert "PROXY" in failed.failure.hint


@pytest.mark.parametrize("when", ["Fri, 31 Dec 9999 23:59:59 -1200", "soon", "nan"])
async def test_a_wait_that_nobody_can_read_is_none(when: str) -> None:
    """Regression: a date beyond all years was a bug of ours, and the turn possibly billed."""
    failure = await failure_of(Server(status=429, headers={"retry-after": when}))

    assert (failure.code, failure.billed, failure.retry_at) == ("rate_limited", "no", None)


async def test_an_error_whose_text_never_ends_is_judged_by_its_status(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(connection, "_ERROR_S", 0.0)
    server = Server((b'{"error":', FOREVER), status=401)

    failure = await failure_of(server)

    assert (failure.code, failure.status, failure.billed) == ("authentication", 401, "no")
    assert server.closed == 1
