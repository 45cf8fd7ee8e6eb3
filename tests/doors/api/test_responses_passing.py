"""Requests without the image tool are somebody else's: bytes in, the same bytes out."""

from __future__ import annotations

import hashlib
import json
from collections.abc import AsyncGenerator
from typing import Any

import pytest

from agent.offline import Offline
from agent.offline.exchange import Drop, Incoming, Reply
from tests.conftest import Serve
from tests.doors.api.conftest import OpenServer, tenant
from tests.doors.api.relaying import TOOL, URL, Json, attempts_of, house

__all__ = ["house"]  # a fixture

USAGE = {"input_tokens": 70, "output_tokens": 30, "total_tokens": 100}


class Spy(Offline):
    """The offline server, or an answer of a test's own; it remembers the bytes that arrived."""

    def __init__(self, behind: Offline) -> None:
        super().__init__(behind.options)
        self.bodies: list[bytes] = []
        self.headers: list[dict[str, str]] = []
        self.answer: Reply | None = None

    async def handle(self, request: Incoming) -> Reply:
        self.bodies.append(request.body)
        self.headers.append(dict(request.headers))
        return self.answer or await super().handle(request)


@pytest.fixture
def spy(serve: Serve) -> Spy:
    return Spy(serve(dialect="openai"))


def reply(*chunks: bytes, status: int = 200, kind: str = "text/event-stream") -> Reply:
    async def body() -> AsyncGenerator[bytes, None]:
        for chunk in chunks:
            yield chunk

    headers = {"content-type": kind, "x-ratelimit-limit-requests": "7", "set-cookie": "a=b"}
    return Reply(status, headers, body())


def codex_turn(number: int) -> Json:
    """One turn of a coding agent, grown by its history (clients.md section 2)."""
    history: list[Any] = []
    for at in range(number % 12):
        history += [
            {"type": "reasoning", "summary": [], "encrypted_content": f"c2VhbGVk{at}"},
            {
                "type": "function_call",
                "name": "shell",
                "arguments": json.dumps({"command": ["sed", "-n", f"{at},40p", "draw.py"]}),
                "call_id": f"call_{at}",
            },
            {
                "type": "function_call_output",
                "call_id": f"call_{at}",
                "output": 'def image_generation():\n    return "\u0007 {tools: image_generation}"\n',
            },
        ]
    return {
        "model": "gpt-5.5",
        "input": [
            {"type": "message", "role": "developer", "content": [_text("<permissions/>")]},
            {
                "type": "message",
                "role": "user",
                "content": [_text(f"Fix test {number}: größer 图")],
            },
            *history,
        ],
        "tools": [
            {
                "type": "function",
                "name": "shell",
                "strict": False,
                "parameters": {"type": "object"},
            },
            {"type": "custom", "name": "apply_patch", "format": {"type": "grammar"}},
            {"type": "tool_search", "execution": "client"},
            {"type": "namespace", "name": "image_gen", "tools": [{"type": "function"}]},
        ],
        "tool_choice": "auto",
        "parallel_tool_calls": False,
        "reasoning": {"effort": "medium", "summary": "auto"},
        "store": False,
        "stream": True,
        "include": ["reasoning.encrypted_content"],
        "prompt_cache_key": "0199",
        "client_metadata": {"x": "y"},
    }


def _text(words: str) -> Json:
    return {"type": "input_text", "text": words}


@pytest.mark.usefixtures("house")
async def test_a_hundred_coding_turns_arrive_byte_for_byte(
    open_server: OpenServer, spy: Spy
) -> None:
    async with open_server(artist=spy) as served:
        sent = []
        for number in range(100):
            ascii_only = number % 2 == 0
            body = json.dumps(
                codex_turn(number), ensure_ascii=ascii_only, indent=number % 3 or None
            )
            sent.append(body.encode())
            told = await served.client.post(URL, content=sent[-1])
            assert told.status_code == 200
            assert told.text.rstrip().splitlines()[-1].startswith("data: {")

        assert [hashlib.sha256(b).digest() for b in spy.bodies] == [
            hashlib.sha256(b).digest() for b in sent
        ]
        found = await attempts_of(served.desk)
        assert {(a.kind, a.state, a.billed, a.session) for a in found} == {
            ("ask", "completed", "yes", None)
        }
        assert len(found) == 100
        assert await served.desk.kit.store.sessions() == []


async def test_the_answers_bytes_and_status_come_back_as_they_are(
    open_server: OpenServer, spy: Spy
) -> None:
    chunks = (b': hi\n\ndata: {"type":"respon', b'se.created"}\n\n', b"event: x\r\ndata: \xff\n\n")
    async with open_server(artist=spy) as served:
        spy.answer = reply(*chunks)
        told = await served.client.post(URL, json={"model": "m", "input": "hi", "stream": True})

        assert told.content == b"".join(chunks)
        assert told.headers["content-type"] == "text/event-stream"
        assert told.headers["x-ratelimit-limit-requests"] == "7"
        assert "set-cookie" not in told.headers
        assert told.headers["x-request-id"].startswith("req_")


@pytest.mark.parametrize("status", [400, 401, 404, 429, 500, 529])
async def test_an_error_comes_back_as_it_is_and_is_not_repeated(
    open_server: OpenServer, spy: Spy, status: int
) -> None:
    error = b'{"error":{"message":"no","type":"x","code":"y"}}'
    async with open_server(artist=spy) as served:
        spy.answer = reply(error, status=status, kind="application/json")
        told = await served.client.post(URL, json={"model": "m", "input": "hi"})

        assert (told.status_code, told.content) == (status, error)
        assert len(spy.bodies) == 1
        [attempt] = await attempts_of(served.desk)
        assert (attempt.state, attempt.status) != ("completed", 200)


async def test_a_status_that_http_does_not_have_comes_back_as_502(
    open_server: OpenServer, spy: Spy
) -> None:
    """Regression: uvicorn has no words for it, and closed the connection without an answer."""
    error = b'{"error":{"message":"no"}}'
    async with open_server(artist=spy) as served:
        spy.answer = reply(error, status=999, kind="application/json")
        told = await served.client.post(URL, json={"model": "m", "input": "hi"})

        assert (told.status_code, told.content) == (502, error)
        assert [a.status for a in await attempts_of(served.desk)] == [999]


async def test_what_it_used_is_in_the_ledger(open_server: OpenServer, spy: Spy) -> None:
    done = {"type": "response.completed", "response": {"status": "completed", "usage": USAGE}}
    async with open_server(artist=spy) as served:
        spy.answer = reply(b"data: " + json.dumps(done).encode() + b"\n\n")
        await served.client.post(URL, json={"model": "m", "input": "hi", "stream": True})

        [attempt] = await attempts_of(served.desk)
        assert attempt.usage.text is not None
        assert (attempt.usage.text.input, attempt.usage.text.output) == (70, 30)
        assert (attempt.kind, attempt.model) == ("ask", "m")


async def test_our_key_goes_and_the_clients_headers_do_not(
    open_server: OpenServer, spy: Spy
) -> None:
    one, key = tenant("one")
    async with open_server(artist=spy, tenants={"one": one}) as served:
        await served.client.post(URL, json={"input": "hi"}, headers={**key, "x-secret": "s"})

        assert key["authorization"] not in spy.headers[0].values()
        assert "x-secret" not in spy.headers[0]
        assert (await attempts_of(served.desk))[0].tenant == "one"


async def test_a_stream_that_breaks_off_says_so(open_server: OpenServer, spy: Spy) -> None:
    async def cut() -> AsyncGenerator[bytes, None]:
        yield b'data: {"type":"response.created"'
        raise Drop

    async with open_server(artist=spy) as served:
        spy.answer = Reply(200, {"content-type": "text/event-stream"}, cut())
        told = await served.client.post(URL, json={"model": "m", "input": "hi", "stream": True})

        last = json.loads(told.text.rstrip().splitlines()[-1].removeprefix("data: "))
        assert told.status_code == 200
        assert (last["type"], last["code"]) == ("error", "outcome_unknown")
        assert [a.state for a in await attempts_of(served.desk)] == ["unknown"]


async def test_a_dead_server_is_a_502_that_is_not_repeated(open_server: OpenServer) -> None:
    async with open_server("drop:on=ask", dialect="openai") as served:
        told = await served.client.post(URL, json={"model": "m", "input": "hi"})

        assert (told.status_code, told.headers["x-should-retry"]) == (502, "false")


async def test_images_only_refuses_it_by_name(open_server: OpenServer, spy: Spy) -> None:
    async with open_server(artist=spy, images_only=True) as served:
        told = await served.client.post(URL, json={"model": "m", "input": "hi"})

        assert (told.status_code, told.json()["error"]["code"]) == (400, "images_only")
        assert spy.bodies == []


async def test_a_tenants_budget_counts_here_too(open_server: OpenServer, spy: Spy) -> None:
    poor, key = tenant("poor", max_cost="0.000001")
    async with open_server(artist=spy, tenants={"poor": poor}, paid=True) as served:
        told = await served.client.post(
            URL, json={"model": "gpt-5.5", "input": "hi " * 9000}, headers=key
        )

        assert (told.status_code, told.json()["error"]["code"]) == (429, "insufficient_quota")
        assert spy.bodies == []


@pytest.mark.usefixtures("house")
@pytest.mark.parametrize(
    "body",
    [
        b'{"model":"m","input":"a plumbus","tools":[{"type":"image\\u005fgeneration"}]}',
        b'{"model":"m","input":"a plumbus","to\\u006fls":[{"type":"image_generation"}]}',
        b'{"tools":[{"type":"image_generation"}],"model":"m","input":"a plumbus","tools":[]}',
        b'{"model":"m","input":"a plumbus","tools":[{"type":"image_generation","type":"x"}]}',
        json.dumps(
            {"input": ["a plumbus", {"type": "additional_tools", "tools": [TOOL]}]}
        ).encode(),
        b'{"model":"gpt-image-2","input":"a plumbus"}',
    ],
)
async def test_no_spelling_leads_a_picture_past_the_screen(
    open_server: OpenServer, spy: Spy, body: bytes
) -> None:
    async with open_server(artist=spy) as served:
        told = await served.client.post(URL, content=body)

        assert told.status_code == 400
        assert spy.bodies == []


async def test_a_profile_of_the_images_api_says_that_it_has_none(
    open_server: OpenServer, spy: Spy
) -> None:
    async with open_server(artist=spy, via="images") as served:
        told = await served.client.post(URL, json={"model": "m", "input": "hi"})

        assert (told.status_code, told.json()["error"]["code"]) == (501, "api_not_implemented")
