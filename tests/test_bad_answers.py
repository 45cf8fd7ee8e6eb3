"""Answers as no server should give them: a typed outcome, nothing lost, paid twice or leaked."""

from __future__ import annotations

import base64
import json
import shutil
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager, aclosing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anyio
import pytest

from agent import Event, ImageAgent, Settings, TurnRequest, load_settings, open_agent
from agent.events import Terminal
from agent.offline import Offline, Reply
from agent.offline.exchange import Body, Incoming
from agent.schema import Attempt, Billed, FailureCode, Outcome, Via
from tests.conftest import Ticking, bytes_of, png
from tests.test_turns_money import paid

KITE = TurnRequest(text="a red kite over the sea")
WHOLE = TurnRequest(text="a red kite over the sea", stream=False)
PICTURE = png(1024, 1024)
OTHER = png(1024, 1024, colour="orange")
KEY = "sk-proj-0123456789abcdefghij"
Json = dict[str, Any]
Over = Callable[[Via, "Canned"], AbstractAsyncContextManager[ImageAgent]]


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


class Canned(Offline):
    """Says the same whatever it is asked."""

    def __init__(
        self, body: bytes | Json | list[Any], *, status: int = 200, **headers: str
    ) -> None:
        super().__init__()
        self._body = body if isinstance(body, bytes) else json.dumps(body).encode()
        self._status = status
        kind = "text/event-stream" if self._body.startswith(b"data:") else "application/json"
        told = {name.replace("_", "-"): value for name, value in headers.items()}
        self._headers: Mapping[str, str] = {"content-type": kind, **told}
        self.asked = 0

    async def handle(self, request: Incoming) -> Reply:
        assert request.body
        self.asked += 1
        return Reply(self._status, self._headers, self._said())

    async def _said(self) -> Body:
        yield self._body


@dataclass(frozen=True)
class Fate:
    """What a turn comes to, and how many pictures are kept."""

    outcome: Outcome
    code: FailureCode | None
    billed: Billed
    kept: int = 0


def drawn(kept: int = 1) -> Fate:
    return Fate("image", None, "yes", kept)


NOTHING = Fate("empty", "empty", "possibly")
NO_PICTURE = Fate("failed", "no_image", "possibly")
UNREADABLE = Fate("failed", "malformed", "possibly")
NO_ANSWER = Fate("unknown", "malformed", "possibly")


def response(*output: object, **fields: object) -> Json:
    return {
        "id": "resp_1",
        "object": "response",
        "status": "completed",
        "output": [*output],
    } | fields


def item(result: object, id_: str = "ig_1", **fields: object) -> Json:
    return {"type": "image_generation_call", "id": id_, "status": "completed", "result": result} | (
        fields
    )


def events(*said: Json) -> bytes:
    return b"".join(b"data: " + json.dumps(event).encode() + b"\n\n" for event in said)


@pytest.fixture
def over(tmp_path: Path, empty_store: Path, clock: Ticking) -> Over:
    """An agent over one API of that server."""
    shutil.copytree(empty_store, tmp_path / "data")

    def opener(via: Via, server: Canned) -> AbstractAsyncContextManager[ImageAgent]:
        settings = load_settings(
            flags={"via": via},
            env={"HOME": str(tmp_path), "LIMNER_HOME": str(tmp_path / "data")},
            cwd=tmp_path,
            config_dir=tmp_path / "config",
        )
        return open_agent(settings, profile="offline", offline=server, clock=clock)

    return opener


@dataclass(frozen=True)
class Ended:
    """A turn as it ended, its only attempt, and what is on disk of it."""

    told: Terminal
    attempt: Attempt
    kept: tuple[bytes, ...]

    @property
    def fate(self) -> Fate:
        error = self.told.error
        code = error.code if error else None
        return Fate(self.told.outcome, code, self.attempt.billed, len(self.kept))


async def ended(
    over: Over, server: Canned, *, via: Via = "responses", asked: TurnRequest = KITE
) -> Ended:
    with anyio.fail_after(10):
        async with over(via, server) as agent:
            told = await agent.run(asked)
            [attempt] = await agent.store.attempts(turn=told.turn)
            images = await agent.store.images(told.session) if told.session else []
    assert server.asked == 1
    assert attempt.settled is not None
    return Ended(told, attempt, tuple(map(bytes_of, images)))


# ── waits ────────────────────────────────────────────────────────────────────────────────────

LIMITED: Json = {"error": {"code": "rate_limit_exceeded", "message": "Too many pictures."}}


@pytest.mark.parametrize("via", ["responses", "images"])
async def test_a_429_that_does_not_say_how_long_is_tried_again_soon(over: Over, via: Via) -> None:
    seen: list[Event] = []
    async with over(via, Canned(LIMITED, status=429)) as agent:
        async with aclosing(agent.stream(KITE)) as told:
            async for event in told:
                seen.append(event)
                if event.type == "attempt.retrying":
                    break

        [session] = await agent.store.sessions()
    last = seen[-1]
    assert last.type == "attempt.retrying"
    assert (last.failure.code, last.failure.retry_at, last.failure.billed) == (
        "rate_limited",
        None,
        "no",
    )
    assert 0 <= last.delay_s <= 20
    assert session.images == 0


@pytest.mark.parametrize("via", ["responses", "images"])
@pytest.mark.parametrize("after", ["32400", "Fri, 02 Jan 2026 12:04:05 GMT"])
async def test_a_429_of_nine_hours_is_told_and_not_waited_for(
    over: Over, via: Via, after: str
) -> None:
    end = await ended(over, Canned(LIMITED, status=429, retry_after=after), via=via)

    assert end.told.error is not None
    assert end.told.error.retry_at is not None
    hours = (end.told.error.retry_at - end.attempt.created).total_seconds() / 3600
    assert 8.9 < hours < 9.1
    assert (end.told.outcome, end.told.exit_code, end.attempt.billed) == ("failed", 1, "no")


@pytest.mark.parametrize("after", ["-5", "1e400", "nan", "soon", "", "9" * 400])
async def test_a_wait_that_is_none_is_no_wait(over: Over, after: str) -> None:
    server = Canned(LIMITED, status=429, retry_after=after)
    async with over("responses", server) as agent, aclosing(agent.stream(KITE)) as told:
        async for event in told:
            if event.type == "attempt.retrying":
                assert 0 <= event.delay_s <= 20
                break
        else:
            pytest.fail("it is not tried again")


# ── wrong types ──────────────────────────────────────────────────────────────────────────────

TEXT_OF_7: Json = {"type": "message", "content": [{"type": "output_text", "text": 7}]}
STRANGE: list[tuple[str, object, Fate]] = [
    ("a list", [], NO_ANSWER),
    ("null", None, NO_ANSWER),
    ("a number", 7, NO_ANSWER),
    ("a string", "a picture", NO_ANSWER),
    ("an empty object", {}, NO_ANSWER),
    ("output is a string", response() | {"output": b64(PICTURE)}, NOTHING),
    ("output is null", response() | {"output": None}, NOTHING),
    ("items that are none", response(5, None, "x", [], {"type": 7}, {"type": ["x"]}), NOTHING),
    ("a text that is a number", response(TEXT_OF_7), NOTHING),
    ("a result that is a number", response(item(5)), NO_PICTURE),
    ("a result that is true", response(item(result=True)), NO_PICTURE),
    ("a result that is an object", response(item({"b64_json": b64(PICTURE)})), drawn()),
    ("a result in lists", response(item([[b64(PICTURE)]])), drawn()),
    ("a result that was cut", response(item(b64(PICTURE)[:-3])), UNREADABLE),
    ("a result in hexadecimal", response(item(PICTURE.hex())), UNREADABLE),
    ("a status that is a list", response(item(b64(PICTURE)), status=["completed"]), drawn()),
    ("an id that is a number", response(item(b64(PICTURE), id=7)), drawn()),
    ("a revised prompt in a list", response(item(b64(PICTURE), revised_prompt=["a"])), drawn()),
    ("sizes that are none", response(item(b64(PICTURE), size=1024, quality={})), drawn()),
    ("tools that are none", response(item(b64(PICTURE)), tools="image_generation"), drawn()),
    ("an error that is a number", response(item(b64(PICTURE)), error=7), drawn()),
    ("an error in a list", {"error": ["no", 7]}, NO_ANSWER),
    ("an error in a word", {"error": "no"}, Fate("unknown", "unknown", "possibly")),
    ("a number too large", response(item(b64(PICTURE)), created_at=1e300, n=10**400), drawn()),
]


@pytest.mark.parametrize(("body", "fate"), [pytest.param(b, f, id=n) for n, b, f in STRANGE])
async def test_wrong_types_are_a_typed_outcome(over: Over, body: object, fate: Fate) -> None:
    end = await ended(over, Canned(json.dumps(body).encode()))

    assert end.fate == fate
    assert end.kept == ((PICTURE,) if fate.kept else ())


URL = "data:image/png;base64," + b64(PICTURE)
ENTRIES: list[tuple[str, object, Fate]] = [
    ("data is null", {"created": 1, "data": None}, NOTHING),
    ("data is a word", {"created": 1, "data": "none"}, UNREADABLE),
    ("an entry that is null", {"created": 1, "data": [None]}, NO_PICTURE),
    ("an empty address", {"created": 1, "data": [{"url": ""}]}, NO_PICTURE),
    ("both empty", {"created": 1, "data": [{"url": "", "b64_json": ""}]}, NO_PICTURE),
    ("an empty address beside it", {"data": [{"url": "", "b64_json": b64(PICTURE)}]}, drawn()),
    ("a data URL as the address", {"data": [{"url": URL}]}, drawn()),
    ("both the same", {"data": [{"url": URL, "b64_json": b64(PICTURE)}]}, drawn()),
    ("an address that is a number", {"created": 1, "data": [{"url": 7}]}, NO_PICTURE),
    ("bytes that are none", {"data": [{"b64_json": "%%%"}]}, UNREADABLE),
]


@pytest.mark.parametrize(("body", "fate"), [pytest.param(b, f, id=n) for n, b, f in ENTRIES])
async def test_odd_entries_of_the_images_api_are_a_typed_outcome(
    over: Over, body: object, fate: Fate
) -> None:
    end = await ended(over, Canned(json.dumps(body).encode()), via="images")

    assert end.fate == fate
    assert end.kept == ((PICTURE,) if fate.kept else ())


# ── usage ────────────────────────────────────────────────────────────────────────────────────


def counted(**tokens: object) -> Json:
    return response(item(b64(PICTURE)), usage=tokens, tool_usage={"image_gen": tokens})


async def priced(settings: Settings, body: Json | bytes) -> Attempt:
    """The attempt of one turn at OpenAI's prices."""
    async with paid(settings, Canned(body)) as agent:
        told = await agent.run(KITE)
        [attempt] = await agent.store.attempts(turn=told.turn)
    assert told.outcome == "image"
    assert told.cost == attempt.cost
    return attempt


@pytest.mark.parametrize(
    "body",
    [
        response(item(b64(PICTURE))),
        response(item(b64(PICTURE)), usage=None, tool_usage=7),
        counted(input_tokens=-5, output_tokens=-7000, total_tokens=-7005),
        counted(input_tokens="many", output_tokens=1e400, total_tokens=None),
        counted(input_tokens=10**30, output_tokens=True),
    ],
    ids=["missing", "null", "negative", "no numbers", "too large"],
)
async def test_usage_that_is_none_makes_no_price(settings: Settings, body: Json) -> None:
    """It is estimated or unknown; no amount is negative, zero or beyond what was reserved."""
    attempt = await priced(settings, body)

    assert attempt.cost.basis in ("estimate", "unknown")
    assert attempt.reserved.amount is not None
    if attempt.cost.amount is not None:
        assert 0 < attempt.cost.amount <= attempt.reserved.amount


async def test_usage_on_every_event_is_counted_once(settings: Settings) -> None:
    usage = {"input_tokens": 100, "output_tokens": 50, "total_tokens": 150}
    drew = {"input_tokens": 20, "output_tokens": 1000, "total_tokens": 1020}
    told: Json = {"usage": usage, "tool_usage": {"image_gen": drew}}
    opened = response() | {"status": "in_progress", **told}
    said = events(
        {"type": "response.created", "response": opened},
        {"type": "response.in_progress", "response": opened, "usage": usage},
        {"type": "response.output_item.done", "item": item(b64(PICTURE)), "usage": usage},
        {"type": "response.completed", "response": response(item(b64(PICTURE)), **told)},
    )
    once = await priced(settings, response(item(b64(PICTURE)), **told))
    often = await priced(settings, said)

    assert often.usage == once.usage
    assert often.usage.image is not None
    assert often.usage.image.output == 1000
    assert (often.cost, often.cost.basis) == (once.cost, "usage")


# ── more than was asked for ──────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("via", ["responses", "images"])
async def test_two_pictures_where_one_was_asked_for_are_both_kept_and_one_attempt(
    over: Over, via: Via
) -> None:
    both: dict[Via, Json] = {
        "responses": response(item(b64(PICTURE)), item(b64(OTHER), "ig_2")),
        "images": {"created": 1, "data": [{"b64_json": b64(PICTURE)}, {"b64_json": b64(OTHER)}]},
    }
    end = await ended(over, Canned(both[via]), via=via)

    assert end.fate == drawn(2)
    assert end.kept == (PICTURE, OTHER)
    assert end.attempt.images == 2


# ── nothing leaks ────────────────────────────────────────────────────────────────────────────


def contents(folder: Path) -> list[bytes]:
    return [file.read_bytes() for file in folder.rglob("*") if file.is_file()]


@pytest.mark.parametrize("via", ["responses", "images"])
@pytest.mark.parametrize("status", [200, 400, 500])
async def test_an_error_text_full_of_base64_and_keys_is_shown_without_them(
    over: Over, via: Via, status: int, tmp_path: Path
) -> None:
    said = f"key {KEY} failed, Bearer {KEY[::-1]}: https://u:{KEY}@host/ {URL} {b64(OTHER)}"
    fault: Json = {"error": {"message": said, "code": f"bad {KEY}", "type": b64(OTHER)}}

    end = await ended(over, Canned(fault, status=status), via=via)

    assert end.told.error is not None
    assert end.told.error.message
    everything = [end.told.model_dump_json().encode(), end.attempt.model_dump_json().encode()]
    everything += contents(tmp_path)
    for secret in (KEY, KEY[::-1], b64(PICTURE)[40:200], b64(OTHER)[40:200]):
        assert [text[:200] for text in everything if secret.encode() in text] == []
