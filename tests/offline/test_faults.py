"""Every fault does what its name says, when its schedule says, and the counters tell what was paid."""

from __future__ import annotations

import base64
import json
from contextlib import aclosing
from typing import Any

import anyio
import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.errors import UsageError
from agent.offline.faults import Fault, Schedule, parse_fault
from agent.offline.mischief import MISCHIEF

from .calling import (
    SMALL,
    TERMINALS,
    TOOL,
    Json,
    calls_of,
    client,
    events_of,
    opened,
    pictures_of,
    post,
    respond,
    server,
    stream,
    text_of,
    types_of,
)

KITE = "a red kite over the sea"
ASK: Json = {"model": "gpt-5.5", "input": KITE, "tools": []}
DRAW: Json = {"model": "gpt-5.5", "input": KITE, "tools": [SMALL]}
IMAGES: Json = {"prompt": KITE, "size": "1024x640", "quality": "low"}

# ── the grammar ──────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("spec", "fault"),
    [
        ("drop", Fault(name="drop")),
        ("429:every=3", Fault(name="429", every=3)),
        ("502:rate=0.25,seed=7", Fault(name="502", rate=0.25, seed=7)),
        ("truncate:first=2,on=ask", Fault(name="truncate", first=2, on="ask")),
        ("drop-after,on=images", Fault(name="drop-after", on="images")),
        (" 429-long:seed=3 ", Fault(name="429-long", seed=3)),
    ],
)
def test_a_fault_is_read_from_its_spec(spec: str, fault: Fault) -> None:
    assert parse_fault(spec) == fault


@pytest.mark.parametrize(
    ("spec", "reason"),
    [
        ("429:every=0", "1 or more"),
        ("429:every=x", "x"),
        ("429:rate=0", "at most 1"),
        ("429:rate=nan", "at most 1"),
        ("429:first=1,every=2", "exclude each other"),
        ("429:on=chat", "responses, images, ask, moderations"),
        ("429:often", "every=N"),
        ("429:every=1,every=2", "every=N"),
    ],
)
def test_a_spec_that_cannot_be_read_says_why(spec: str, reason: str) -> None:
    with pytest.raises(UsageError, match=spec) as caught:
        parse_fault(spec)

    assert reason in str(caught.value)
    assert caught.value.hint.startswith("Write NAME")


def test_an_unknown_fault_lists_the_known() -> None:
    with pytest.raises(UsageError) as caught:
        parse_fault("gremlins:every=2")

    assert all(name in caught.value.hint for name in MISCHIEF)


@given(st.text(max_size=30))
def test_any_spec_is_a_fault_or_a_usage_error(spec: str) -> None:
    try:
        parsed: object = parse_fault(spec)
    except UsageError as error:
        parsed = error
    assert isinstance(parsed, Fault | UsageError)


def struck(spec: str, count: int = 6) -> list[bool]:
    schedule = Schedule([parse_fault(spec)])
    return [bool(schedule.strike("responses")) for _ in range(count)]


def test_schedules_say_when() -> None:
    assert struck("drop") == [True] * 6
    assert struck("drop:every=3") == [False, False, True, False, False, True]
    assert struck("drop:first=2") == [True, True, False, False, False, False]


def test_a_rate_strikes_the_same_requests_each_run_and_about_that_many() -> None:
    hits = struck("drop:rate=0.2,seed=1", 1000)

    assert hits == struck("drop:rate=0.2,seed=1", 1000)
    assert hits != struck("drop:rate=0.2,seed=2", 1000)
    assert 150 < sum(hits) < 250


def test_a_fault_counts_only_what_it_could_hit() -> None:
    schedule = Schedule([parse_fault("drop:first=1,on=ask")])

    assert schedule.strike("responses") == []
    assert schedule.strike("images") == []
    assert [name for name, _ in schedule.strike("ask")] == ["drop"]
    assert schedule.strike("ask") == []


# ── instead of an answer: nothing is drawn ───────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("name", "status", "code"),
    [
        ("401", 401, "invalid_api_key"),
        ("429", 429, "rate_limit_exceeded"),
        ("429-long", 429, "rate_limit_exceeded"),
        ("quota", 429, "insufficient_quota"),
        ("500", 500, "server_error"),
        ("502", 502, None),
        ("moderation-400", 400, "moderation_blocked"),
    ],
)
@pytest.mark.parametrize("path", ["/responses", "/images/generations"])
async def test_an_error_comes_with_its_code_and_nothing_is_drawn(
    name: str, status: int, code: str | None, path: str
) -> None:
    offline = server(name)

    reply = await post(offline, path, DRAW if path == "/responses" else IMAGES)

    assert (reply.status_code, reply.json()["error"]["code"]) == (status, code)
    assert "generations" not in offline.counters
    assert offline.counters[f"fault.{name}"] == 1


async def test_rate_limits_say_how_long_to_wait() -> None:
    short = await post(server("429"), "/responses", DRAW)
    long = await post(server("429-long"), "/responses", DRAW)
    window = await post(server("usage-limit"), "/responses", DRAW)

    assert (short.headers["retry-after"], long.headers["retry-after"]) == ("1", "3600")
    error = window.json()["error"]
    assert (window.status_code, error["type"]) == (429, "usage_limit_reached")
    assert error["resets_in_seconds"] == 7200
    assert "code" not in error


async def test_a_refusal_has_its_stage_and_categories() -> None:
    reply = await post(server("moderation-400"), "/responses", DRAW)

    assert reply.json()["error"]["moderation_details"] == {
        "moderation_stage": "input",
        "categories": ["other"],
    }


@pytest.mark.parametrize(("name", "status"), [("503-html", 503), ("524", 524), ("html-200", 200)])
async def test_a_proxys_page_is_html(name: str, status: int) -> None:
    reply = await post(server(name), "/responses", {**DRAW, "stream": True})

    assert reply.status_code == status
    assert reply.headers["content-type"].startswith("text/html")
    assert reply.text.startswith("<!DOCTYPE html>")


async def test_an_error_in_a_200_comes_after_blanks() -> None:
    reply = await post(server("error-in-200"), "/responses", DRAW)

    assert reply.status_code == 200
    assert reply.text[0].isspace()
    assert reply.json()["error"]["type"] == "upstream_error"


async def test_a_drop_before_the_answer_draws_nothing() -> None:
    offline = server("drop")

    with pytest.raises(httpx2.RemoteProtocolError, match="without sending a response"):
        await post(offline, "/responses", DRAW)

    assert "generations" not in offline.counters
    assert offline.counters["drops"] == 1


@pytest.mark.parametrize(
    ("name", "hidden", "type_"),
    [
        ("moderation-400", 502, "upstream_error"),
        ("401", 502, "upstream_error"),
        ("429", 429, "rate_limit_error"),
        ("quota", 429, "insufficient_quota"),
    ],
)
async def test_sub2api_words_its_upstreams_errors_itself(
    name: str, hidden: int, type_: str
) -> None:
    reply = await post(server(name, dialect="sub2api"), "/responses", DRAW)

    assert (reply.status_code, reply.json()["error"]["type"]) == (hidden, type_)


# ── afterwards: everything was drawn ─────────────────────────────────────────────────────────


@pytest.mark.parametrize("streamed", [True, False])
async def test_a_drop_after_the_drawing_is_paid_and_lost(streamed: bool) -> None:
    offline = server("drop-after")

    with pytest.raises(httpx2.RemoteProtocolError):
        await post(offline, "/responses", {**DRAW, "stream": streamed})

    assert offline.counters["generations"] == 1
    assert offline.counters["drops"] == 1


@pytest.mark.parametrize("streamed", [True, False])
async def test_a_524_comes_when_everything_is_drawn(streamed: bool) -> None:
    offline = server("524")

    assert (await post(offline, "/responses", {**DRAW, "stream": streamed})).status_code == 524
    assert offline.counters["generations"] == 1


# ── the stream ───────────────────────────────────────────────────────────────────────────────


async def test_a_truncated_stream_ends_within_the_picture_and_without_an_error() -> None:
    offline = server("truncate")

    reply = await post(offline, "/responses", {**DRAW, "stream": True})

    assert reply.status_code == 200
    last = reply.text.rpartition("\n\n")[2]
    assert last.startswith("event: response.output_item.done")
    with pytest.raises(json.JSONDecodeError):
        json.loads(last.partition("data: ")[2])
    assert offline.counters["generations"] == 1


async def test_a_truncated_answer_is_half_an_object() -> None:
    reply = await post(server("truncate"), "/responses", DRAW)

    with pytest.raises(json.JSONDecodeError):
        reply.json()
    assert reply.text.startswith("{")


async def test_no_terminal_leaves_everything_but_the_end() -> None:
    events = await stream(server("no-terminal"), KITE)
    whole = await post(server("no-terminal"), "/responses", DRAW)

    assert not set(types_of(events)) & set(TERMINALS)
    assert "response.output_item.done" in types_of(events)
    assert (whole.status_code, whole.content) == (200, b"")


async def test_the_picture_is_in_the_done_event_only() -> None:
    events = await stream(server("item-in-done-only"), KITE)

    assert events[-1]["response"]["output"] == []
    assert any(e["type"] == "response.output_item.done" and e["item"].get("result") for e in events)


async def test_finals_are_repeated() -> None:
    events = await stream(server("duplicate-finals"), KITE)

    done = [e["item"] for e in events if e["type"] == "response.output_item.done"]
    results = [item["result"] for item in done if "result" in item]
    assert len(results) == 2
    assert len(calls_of(events[-1]["response"])) == 2
    assert [e["sequence_number"] for e in events] == list(range(len(events)))


async def test_the_status_may_stay_generating() -> None:
    events = await stream(server("generating-status"), KITE)

    assert calls_of(events[-1]["response"])[0]["status"] == "generating"
    assert "response.image_generation_call.completed" not in types_of(events)


async def test_pings_comments_and_strange_events_leave_the_rest_alone() -> None:
    plain = [e["type"] for e in await stream(server(), KITE)]
    pings = await stream(server("ping-events"), KITE)
    strange = await stream(server("unknown-events"), KITE)
    reply = await post(server("comments"), "/responses", {**DRAW, "stream": True})

    assert pings[0]["type"] == "ping"
    assert [t for t in types_of(pings) if t != "ping"] == plain
    assert [t for t in types_of(strange) if t in plain] == plain
    assert {"response.weather_report", "keepalive"} < set(types_of(strange))
    assert types_of(events_of(reply.text)) == plain
    assert reply.text.startswith(": still drawing")


@pytest.mark.parametrize("name", ["nested-error-event", "flat-error-event"])
async def test_an_error_event_ends_the_stream_and_nothing_is_drawn(name: str) -> None:
    offline = server(name)

    events = await stream(offline, KITE)

    assert types_of(events) == ["response.created", "response.in_progress", "error"]
    assert ("error" in events[-1]) == (name == "nested-error-event")
    assert "generations" not in offline.counters


@pytest.mark.parametrize(
    ("name", "status", "code"),
    [("nested-error-event", 400, "moderation_blocked"), ("flat-error-event", 500, "server_error")],
)
async def test_without_a_stream_an_error_event_is_a_status(
    name: str, status: int, code: str
) -> None:
    for path, body in (("/responses", DRAW), ("/images/generations", IMAGES)):
        reply = await post(server(name), path, body)
        assert (reply.status_code, reply.json()["error"]["code"]) == (status, code)


@pytest.mark.parametrize(
    ("name", "end", "detail"),
    [
        ("response-failed", "failed", {"error": "server_error"}),
        ("incomplete", "incomplete", {"reason": "max_output_tokens"}),
        ("incomplete-filter", "incomplete", {"reason": "content_filter"}),
    ],
)
async def test_an_answer_can_end_otherwise(name: str, end: str, detail: Json) -> None:
    offline = server(name)
    events = await stream(offline, KITE)

    response = events[-1]["response"]
    assert events[-1]["type"] == f"response.{end}"
    assert (response["status"], response["output"]) == (end, [])
    told = {
        "error": (response["error"] or {}).get("code"),
        **(response["incomplete_details"] or {}),
    }
    assert detail.items() <= told.items()
    assert "generations" not in offline.counters


async def test_the_wrong_form_is_answered_on_demand() -> None:
    as_json = await post(server("json-on-stream"), "/responses", {**DRAW, "stream": True})
    as_sse = await post(server("sse-on-nonstream"), "/responses", DRAW)

    assert pictures_of(as_json.json())
    assert as_sse.headers["content-type"].startswith("text/event-stream")
    assert events_of(as_sse.text)[-1]["type"] == "response.completed"


@pytest.mark.parametrize("path", ["/responses", "/images/generations"])
async def test_a_stall_is_silence_before_anything_is_drawn(path: str) -> None:
    offline = server("stall")
    body = {**(DRAW if path == "/responses" else IMAGES), "stream": True}

    async with client(offline) as http:
        with pytest.raises(httpx2.ReadTimeout):
            await http.post(path, json=body, timeout=httpx2.Timeout(5, read=0.02))

    assert "generations" not in offline.counters


async def test_a_question_stalls_as_well() -> None:
    async with client(server("stall")) as http:
        with pytest.raises(httpx2.ReadTimeout):
            await http.post("/responses", json=ASK, timeout=httpx2.Timeout(5, read=0.02))


async def test_comments_for_ever_keep_the_socket_alive_and_say_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("agent.offline.tamper.anyio.sleep", lambda _: anyio.lowlevel.checkpoint())

    async with (
        client(server("stall-comments")) as http,
        http.stream("POST", "/responses", json={**DRAW, "stream": True}) as reply,
        aclosing(reply.aiter_raw()) as raw,
    ):
        pieces = [await anext(raw) for _ in range(20)]

    assert b"response.created" in pieces[0]
    assert set(pieces[1:]) == {b": PING\n\n"}


async def test_slow_waits_before_each_piece(monkeypatch: pytest.MonkeyPatch) -> None:
    waited: list[float] = []

    async def note(seconds: float) -> None:
        waited.append(seconds)

    monkeypatch.setattr("agent.offline.tamper.anyio.sleep", note)

    events = await stream(server("slow"), KITE)

    assert waited == [0.5] * len(events)


# ── the picture ──────────────────────────────────────────────────────────────────────────────


async def result_of(name: str) -> Any:
    answer = await respond(server(name), KITE)
    return calls_of(answer)[0]["result"]


async def test_results_come_in_every_form_a_gateway_has_found() -> None:
    plain = await result_of("comments")

    assert await result_of("empty-result") == ""
    assert (await result_of("url-result")).startswith("https://")
    assert await result_of("data-url-result") == f"data:image/png;base64,{plain}"
    assert await result_of("list-result") == [plain]
    with pytest.raises(ValueError, match="base64"):
        base64.b64decode(await result_of("bad-base64"), validate=True)


async def test_half_a_picture_is_still_base64() -> None:
    data = base64.b64decode(await result_of("truncated-picture"), validate=True)

    assert data.startswith(b"\x89PNG")
    with pytest.raises(OSError, match="truncated"):
        opened(data)


async def test_two_pictures_come_where_one_was_asked_for() -> None:
    offline = server("two-images")

    answer = await respond(offline, KITE)

    assert len(set(pictures_of(answer))) == 2
    assert len({item["id"] for item in calls_of(answer)}) == 2
    assert offline.counters["generations"] == 2


async def test_the_size_can_come_back_lowered() -> None:
    answer = await respond(server("size-lowered"), KITE, tools=[{**TOOL, "size": "2048x1152"}])

    assert opened(pictures_of(answer)[0]).size == (1024, 576)
    assert calls_of(answer)[0]["size"] == "1024x576"
    assert answer["tools"][0]["size"] == "2048x1152"


# ── no picture ───────────────────────────────────────────────────────────────────────────────


async def test_a_failed_item_stands_in_a_completed_answer() -> None:
    offline = server("failed-item")

    answer = await respond(offline, KITE)

    item = calls_of(answer)[0]
    assert (answer["status"], item["status"], item["result"]) == ("completed", "failed", None)
    assert item["error"]["code"] == "moderation_blocked"
    assert "generations" not in offline.counters


async def test_a_refusal_is_words_or_a_typed_part_or_nothing_at_all() -> None:
    words = await respond(server("refusal-text"), KITE)
    part = await stream(server("refusal-part"), KITE)
    nothing = await respond(server("no-image"), KITE)

    assert calls_of(words) == []
    assert "can't help" in text_of(words)
    content = part[-1]["response"]["output"][0]["content"]
    assert content[0]["type"] == "refusal"
    assert "response.refusal.delta" in types_of(part)
    assert (calls_of(nothing), text_of(nothing)) == ([], "")


async def test_a_stripped_tool_shows_in_the_echo() -> None:
    answer = await respond(server("tool-stripped"), KITE, tools=[{"type": "web_search"}, SMALL])

    assert [tool["type"] for tool in answer["tools"]] == ["web_search"]
    assert calls_of(answer) == []
    question = await respond(server("tool-stripped"), "Who are you?")
    assert question["tools"] == []


async def test_a_question_is_left_alone_by_faults_of_pictures() -> None:
    for name in ("failed-item", "two-images", "tool-stripped", "bad-base64"):
        reply = await post(server(name), "/responses", ASK)
        assert "no model" in text_of(reply.json())


# ── the Images API ───────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("name", "status", "code"),
    [
        ("failed-item", 400, "moderation_blocked"),
        ("refusal-text", 400, "content_policy_violation"),
        ("incomplete-filter", 400, "content_policy_violation"),
        ("no-image", 502, "upstream_error"),
        ("response-failed", 502, "upstream_error"),
    ],
)
async def test_the_images_api_says_by_status_what_a_response_says_in_items(
    name: str, status: int, code: str
) -> None:
    reply = await post(server(name), "/images/generations", IMAGES)

    assert (reply.status_code, reply.json()["error"]["code"]) == (status, code)


async def test_pictures_of_the_images_api_misbehave_too() -> None:
    url = await post(server("url-result"), "/images/generations", IMAGES)
    two = await post(server("two-images"), "/images/generations", IMAGES)
    twice = await post(
        server("duplicate-finals"), "/images/generations", {**IMAGES, "stream": True}
    )
    error = await post(
        server("flat-error-event"), "/images/generations", {**IMAGES, "stream": True}
    )
    endless = await post(server("no-terminal"), "/images/generations", {**IMAGES, "stream": True})

    assert url.json()["data"][0]["url"].startswith("https://")
    assert len(two.json()["data"]) == 2
    assert types_of(events_of(twice.text)) == ["image_generation.completed"] * 2
    assert types_of(events_of(error.text)) == ["error"]
    assert endless.text == ""


async def test_faults_keep_to_their_kind_of_request() -> None:
    offline = server("500:first=1,on=images", "502:first=1,on=ask")

    assert (await post(offline, "/responses", DRAW)).status_code == 200
    assert (await post(offline, "/images/generations", IMAGES)).status_code == 500
    assert (await post(offline, "/responses", ASK)).status_code == 502
    assert (await post(offline, "/responses", ASK)).status_code == 200


async def test_faults_add_up_and_the_first_that_ends_things_wins() -> None:
    both = await stream(server("ping-events", "generating-status"), KITE)
    first = await post(server("502", "429"), "/responses", DRAW)

    assert "ping" in types_of(both)
    assert calls_of(both[-1]["response"])[0]["status"] == "generating"
    listed = await respond(server("list-result", "bad-base64"), KITE)
    assert isinstance(calls_of(listed)[0]["result"], list)
    assert first.status_code == 502


ELSEWHERE = {"stall", "stall-comments", "slow", "autocorrecting-reader"}


@pytest.mark.parametrize("name", sorted(set(MISCHIEF) - ELSEWHERE))
@pytest.mark.parametrize("streamed", [True, False])
@pytest.mark.parametrize("path", ["/responses", "/images/generations"])
async def test_every_fault_ends_and_is_counted(name: str, streamed: bool, path: str) -> None:
    offline = server(name)
    body = {**(DRAW if path == "/responses" else IMAGES), "stream": streamed}
    if MISCHIEF[name].needs == "letters":
        body["input" if path == "/responses" else "prompt"] = 'a poster "Harbour Lights"'

    try:
        ended: object = await post(offline, path, body)
    except httpx2.RemoteProtocolError as cut:
        ended = cut

    assert isinstance(ended, httpx2.Response | httpx2.RemoteProtocolError)
    assert offline.counters[f"fault.{name}"] == 1
    assert MISCHIEF[name].about
