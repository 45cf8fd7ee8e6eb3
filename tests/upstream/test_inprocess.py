"""The transport without a socket behaves as one would, and never reads ahead."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field

import anyio
import httpx2
import pytest

from agent.upstream.inprocess import InProcessRequest, InProcessTransport


@dataclass
class Answer:
    body: AsyncGenerator[bytes, None]
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=lambda: {"x-request-id": "req_1"})


class Server:
    """Answers with numbered pieces and writes down what it made."""

    def __init__(self, *, cut_at: int | None = None, silent_at: int | None = None) -> None:
        self.cut_at = cut_at
        self.silent_at = silent_at
        self.made: list[int] = []
        self.asked: list[InProcessRequest] = []
        self.closed = False

    async def handle(self, request: InProcessRequest) -> Answer:
        self.asked.append(request)
        if self.cut_at == -1:
            raise ConnectionResetError
        if self.silent_at == -1:
            await anyio.sleep_forever()
        return Answer(self._pieces())

    async def _pieces(self) -> AsyncGenerator[bytes, None]:
        try:
            for number in range(3):
                if number == self.cut_at:
                    raise ConnectionResetError
                if number == self.silent_at:
                    await anyio.sleep_forever()
                self.made.append(number)
                yield str(number).encode()
        finally:
            self.closed = True


def client(server: Server, *, read: float | None = 30) -> httpx2.AsyncClient:
    timeout = httpx2.Timeout(30, read=read)
    return httpx2.AsyncClient(transport=InProcessTransport(server.handle), timeout=timeout)


async def test_the_request_arrives_as_it_was_sent() -> None:
    server = Server()
    async with client(server) as http:
        reply = await http.post(
            "http://offline/v1/responses?a=b", content=b"{}", headers={"X-A": "1"}
        )

    asked = server.asked[0]
    assert (asked.method, asked.path, asked.query) == ("POST", "/v1/responses", "a=b")
    assert (asked.body, asked.headers["x-a"]) == (b"{}", "1")
    assert (reply.status_code, reply.headers["x-request-id"], reply.text) == (200, "req_1", "012")


async def test_a_piece_is_made_only_when_it_is_read() -> None:
    server = Server()
    async with client(server) as http, http.stream("GET", "http://offline/") as reply:
        assert server.made == []
        seen = [list(server.made) async for _ in reply.aiter_raw()]

    assert seen == [[0], [0, 1], [0, 1, 2]]
    assert server.closed


async def test_leaving_early_closes_what_makes_the_answer() -> None:
    server = Server()
    async with (
        client(server) as http,
        http.stream("GET", "http://offline/") as reply,
        aclosing(reply.aiter_raw()) as pieces,
    ):
        assert await anext(pieces) == b"0"

    assert server.made == [0]
    assert server.closed


async def test_a_cut_before_any_header_is_a_server_that_disconnected() -> None:
    async with client(Server(cut_at=-1)) as http:
        with pytest.raises(httpx2.RemoteProtocolError, match="without sending a response"):
            await http.get("http://offline/")


async def test_a_cut_in_mid_answer_is_an_incomplete_read() -> None:
    server = Server(cut_at=1)
    async with client(server) as http, http.stream("GET", "http://offline/") as reply:
        pieces = reply.aiter_raw()
        assert await anext(pieces) == b"0"
        with pytest.raises(httpx2.RemoteProtocolError, match="incomplete chunked read"):
            await anext(pieces)

    assert server.closed


@pytest.mark.parametrize("silent_at", [-1, 0, 2])
async def test_silence_beyond_the_read_timeout_is_a_read_timeout(silent_at: int) -> None:
    server = Server(silent_at=silent_at)
    async with client(server, read=0.01) as http:
        with pytest.raises(httpx2.ReadTimeout):
            await http.get("http://offline/")

    assert len(server.made) == max(0, silent_at)


async def test_without_a_read_timeout_nothing_is_hurried() -> None:
    async with client(Server(), read=None) as http:
        reply = await http.get("http://offline/")

    assert reply.content == b"012"
