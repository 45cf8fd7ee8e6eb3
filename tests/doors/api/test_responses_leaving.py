"""A turn belongs to the server: who leaves, comes back, or restarts it loses nothing."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from typing import Any

import anyio
import pytest
from sqlalchemy import update

from agent.factory import answers_of
from agent.offline import Offline
from agent.offline.exchange import Incoming, Reply
from agent.protocols import KeptResponse
from agent.relay import line as lines
from agent.relay.line import Declined, Head, Line
from agent.schema import Failure
from agent.store.responses import DiskAnswers
from agent.store.tables import turn
from tests.conftest import Serve, sent_to
from tests.doors.api.conftest import OpenServer, Served
from tests.doors.api.relaying import (
    KITE,
    URL,
    Json,
    asked,
    attempts_of,
    create,
    newest,
    picture,
    stream,
)


class Gated(Offline):
    """An artist who stops in mid-answer until told to go on."""

    def __init__(self, behind: Offline) -> None:
        super().__init__(behind.options)
        self.reached = anyio.Event()
        self.go_on = anyio.Event()

    async def handle(self, request: Incoming) -> Reply:
        told = await super().handle(request)

        async def body() -> AsyncGenerator[bytes, None]:
            first = True
            async for chunk in told.body:
                yield chunk
                if first:
                    self.reached.set()
                    await self.go_on.wait()
                first = False

        return Reply(told.status, told.headers, body())


@dataclass
class Client:
    """One HTTP client on the ASGI app that can hang up."""

    served: Served
    body: bytes
    sent: list[bytes] = field(default_factory=list)
    gone: anyio.Event = field(default_factory=anyio.Event)
    heard: anyio.Event = field(default_factory=anyio.Event)
    spec: str = "2.3"
    """Of ASGI: from 2.4 on, sending to a client that has left raises ``OSError``."""

    async def run(self) -> None:
        transport: Any = self.served.client._transport
        asked_once = False

        async def receive() -> dict[str, Any]:
            nonlocal asked_once
            if not asked_once:
                asked_once = True
                return {"type": "http.request", "body": self.body, "more_body": False}
            await self.gone.wait()
            return {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            if self.spec >= "2.4" and self.gone.is_set():
                raise OSError("the client has left")
            self.sent.append(message.get("body", b""))
            if message.get("body"):
                self.heard.set()

        scope = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": self.spec},
            "http_version": "1.1",
            "method": "POST",
            "path": URL,
            "raw_path": URL.encode(),
            "root_path": "",
            "scheme": "http",
            "query_string": b"",
            "headers": [(b"host", b"127.0.0.1:8000"), (b"content-type", b"application/json")],
            "client": ("127.0.0.1", 1),
            "server": ("127.0.0.1", 8000),
        }
        await transport.app(scope, receive, send)


async def test_leaving_before_an_answer_is_sent_is_nobodys_mistake(
    open_server: OpenServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", logger="limner")
    async with open_server() as served:
        client = Client(served, json.dumps(asked(store="?")).encode(), spec="2.4")
        client.gone.set()

        await client.run()

        assert client.sent == []
        [record] = [one for one in caplog.records if one.name == "limner.serve"]
        assert (record.levelname, record.exc_info) == ("INFO", None)
        assert "request.left" in record.getMessage()


async def until_done(served: Served, which: str) -> Json:
    while True:
        found: Json = (await served.client.get(f"{URL}/{which}")).json()
        if found["status"] != "in_progress":
            return found
        await anyio.lowlevel.checkpoint()


@pytest.mark.parametrize("spec", ["2.3", "2.4"])
async def test_a_client_that_leaves_in_mid_stream_finds_its_answer(
    open_server: OpenServer, serve: Serve, spec: str
) -> None:
    artist = Gated(serve(dialect="openai"))
    async with open_server(artist=artist) as served, anyio.create_task_group() as tasks:
        client = Client(served, json.dumps(asked(stream=True)).encode(), spec=spec)
        tasks.start_soon(client.run)
        await client.heard.wait()
        created = json.loads(b"".join(client.sent).decode().split("data: ")[1].split("\n")[0])
        client.gone.set()
        artist.go_on.set()

        found = await until_done(served, created["response"]["id"])
        assert found["status"] == "completed"
        assert base64.b64decode(picture(found)["result"])
        [attempt] = await attempts_of(served.desk)
        assert (attempt.state, attempt.billed) == ("completed", "yes")
        on = await create(served, "at night", previous_response_id=found["id"])
        assert picture(on)["action"] == "edit"


async def test_what_is_still_being_drawn_says_so(open_server: OpenServer, serve: Serve) -> None:
    artist = Gated(serve(dialect="openai"))
    async with open_server(artist=artist) as served:
        begun = await create(served, background=True)
        await artist.reached.wait()
        at = f"{URL}/{begun['id']}"
        now = (await served.client.get(at)).json()
        cancelled = await served.client.post(f"{at}/cancel")
        early = await served.client.post(URL, json=asked("night", previous_response_id=begun["id"]))
        artist.go_on.set()

        assert (now["status"], now["output"]) == ("in_progress", [])
        assert "cannot be taken back" in cancelled.json()["error"]["message"]
        assert early.json()["error"]["code"] == "previous_response_in_progress"
        assert (await until_done(served, begun["id"]))["status"] == "completed"


async def test_a_response_deleted_while_it_is_drawn_stays_deleted(
    open_server: OpenServer, serve: Serve
) -> None:
    artist = Gated(serve(dialect="openai"))
    async with open_server(artist=artist) as served:
        begun = await create(served, background=True)
        await artist.reached.wait()
        await served.client.delete(f"{URL}/{begun['id']}")
        artist.go_on.set()
        while not (await newest(served.desk))[1][0].outcome:
            await anyio.lowlevel.checkpoint()

        assert (await served.client.get(f"{URL}/{begun['id']}")).status_code == 404
        assert len((await newest(served.desk))[2]) == 1


async def test_a_server_that_gives_up_leaves_the_truth(
    open_server: OpenServer, serve: Serve
) -> None:
    artist = Gated(serve(dialect="openai"))
    async with open_server(artist=artist, grace_s=0.0) as served:
        begun = await create(served, background=True)
        await artist.reached.wait()

    async with open_server() as again:
        found = (await again.client.get(f"{URL}/{begun['id']}")).json()
        assert found["status"] == "failed"
        assert found["error"]["code"] == "outcome_unknown"
        assert [a.state for a in await attempts_of(again.desk)] == ["unknown"]
        assert len(sent_to(artist)) == 1


@pytest.mark.parametrize("outcome", ["image", "failed", "unknown"])
async def test_what_a_crash_cut_off_is_told_as_its_turn_was_settled(
    open_server: OpenServer, outcome: str
) -> None:
    async with open_server() as served:
        first = await create(served)
        session, [turn], _ = await newest(served.desk)
        if outcome != "image":
            store: Any = served.desk.kit.store
            await store._database.write(_end_as, turn.id, outcome)
        answers = answers_of(served.desk.kit.store)
        assert isinstance(answers, DiskAnswers)
        kept = await answers.response(first["id"], tenant=None)
        assert kept is not None
        await answers.open_response(
            KeptResponse(
                id="resp_cut",
                tenant=None,
                session=session.id,
                turn=turn.id,
                previous=None,
                status="in_progress",
                created=kept.created,
                document=kept.document | {"id": "resp_cut", "status": "in_progress"},
            )
        )

        for _ in range(2):
            found = (await served.client.get(f"{URL}/resp_cut")).json()
            assert found["status"] == "incomplete"
            assert picture(found)["result"] == picture(first)["result"]


def _end_as(connection: Any, which: str, outcome: str) -> None:
    connection.execute(update(turn).where(turn.c.id == which).values(outcome=outcome))


async def test_a_slow_server_is_waited_for_with_a_sign_of_life(
    open_server: OpenServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agent.doors.api.responses._PATIENCE_S", 0.0)
    async with open_server("500", dialect="openai", keepalive_s=0.01) as served:
        told = await served.client.post(URL, json=asked(stream=True))

        assert told.status_code == 200
        last = json.loads(told.text.rstrip().splitlines()[-1].removeprefix("data: "))
        assert (last["type"], last["response"]["error"]["code"]) == (
            "response.failed",
            "outcome_unknown",
        )


async def test_fifty_streams_at_once_end_each_with_its_own_picture(
    open_server: OpenServer,
) -> None:
    async with open_server(dialect="sub2api") as served:
        found: dict[int, Json] = {}

        async def one(number: int) -> None:
            events = await stream(served, f"{KITE} number {number}")
            found[number] = events[-1]["response"]

        async with anyio.create_task_group() as tasks:
            for number in range(50):
                tasks.start_soon(one, number)

        assert len({response["id"] for response in found.values()}) == 50
        assert all(picture(response)["result"] for response in found.values())
        assert len(await served.desk.kit.store.sessions()) == 50


# ── the line ─────────────────────────────────────────────────────────────────────────────────


async def test_a_listener_that_reads_too_slowly_is_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "MOST_UNREAD", 10)
    line = Line()
    line.put([b"x" * 50])
    assert await line.receive() == b"x" * 50
    line.put([b"1234", b"5678", b"90ab", b"late"])

    assert line.left
    with pytest.raises(anyio.EndOfStream):
        await line.receive()


async def test_why_there_is_no_answer_is_told_before_any_of_it() -> None:
    line, failure = Line(), Failure(code="empty", message="Nothing.")
    assert await line.opening(0.0) is None
    line.end(Declined(failure, "empty"))
    with pytest.raises(Declined, match="Nothing"):
        await line.opening(None)


async def test_once_begun_it_has_the_status_it_began_with() -> None:
    line, failure = Line(), Failure(code="empty", message="Nothing.")
    line.begin(Head(status=201))
    line.end(Declined(failure, "empty"))

    assert await line.opening(None) == Head(status=201)
