"""What each kind of server makes of the Images API (gateways.md, rows D, N and L)."""

from __future__ import annotations

import base64
from typing import Any

import httpx2
import pytest

from .calling import Json, client, data_url, events_of, photo, post, server, types_of

ASK: Json = {"model": "gpt-image-2", "prompt": "a red kite", "size": "1024x640"}
EDIT: Json = {**ASK, "images": [{"image_url": data_url(photo((64, 64)))}]}


async def error(dialect: str, path: str, body: Json) -> tuple[int, dict[str, Any]]:
    reply = await post(server(dialect=dialect), f"/images/{path}", body)
    found: dict[str, Any] = reply.json()["error"]
    return reply.status_code, found


async def drawn(dialect: str, body: Json, *faults: str) -> Json:
    reply = await post(server(*faults, dialect=dialect), "/images/generations", body)
    assert reply.status_code == 200, reply.text
    answer: Json = reply.json()
    return answer


# ── sub2api ──────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("path", "change", "message"),
    [
        ("generations", {"stream": "true"}, "stream must be a bool"),
        ("generations", {"n": "1"}, "n must be a int"),
        ("generations", {"partial_images": 1.0}, "partial_images must be a int"),
        ("generations", {"model": "dall-e-3"}, "requires an image model"),
        ("generations", {"model": None}, "model is required"),
        ("edits", {"images": [{"file_id": "file-1"}]}, "images[].file_id is not supported"),
        ("edits", {"mask": {"file_id": "file-1"}}, "mask.file_id is not supported"),
        ("edits", {"images": []}, "image"),
    ],
)
async def test_sub2api_is_strict_about_json(path: str, change: Json, message: str) -> None:
    status, told = await error(
        "sub2api", path, {**EDIT, **change} if path == "edits" else {**ASK, **change}
    )

    assert status == 400
    assert message in told["message"]


async def test_sub2api_keeps_the_status_of_errors_here() -> None:
    """D23; what it hides of a Responses call is D24."""
    status, told = await error("sub2api", "generations", {**ASK, "size": "1x1"})
    blocked = await post(server("moderation-400", dialect="sub2api"), "/images/generations", ASK)
    broken = await post(server("500", dialect="sub2api"), "/images/generations", ASK)

    assert (status, told["code"]) == (400, "invalid_value")
    assert (blocked.status_code, blocked.json()["error"]["code"]) == (400, "moderation_blocked")
    assert broken.status_code >= 500


async def test_sub2api_draws_one_whatever_n_says_and_tells_what_was_drawn() -> None:
    answer = await drawn("sub2api", {**ASK, "n": 3})

    [entry] = answer["data"]
    assert entry["revised_prompt"].startswith("a red kite (")


@pytest.mark.parametrize("stream", [True, False])
async def test_sub2api_gives_an_address_that_holds_the_picture(stream: bool) -> None:
    body = {**ASK, "response_format": "url", "stream": stream}

    reply = await post(server(dialect="sub2api"), "/images/generations", body)

    entry = events_of(reply.text)[-1] if stream else reply.json()["data"][0]
    assert entry["url"].startswith("data:image/png;base64,")
    assert ("b64_json" in entry) is stream


async def test_sub2api_reads_20_mb_of_a_part_and_no_more() -> None:
    files = {"image": ("a.png", photo((64, 64)) + b"\0" * 20_971_520, "image/png")}
    offline = server(dialect="sub2api")

    async with client(offline) as http:
        await http.post("/images/edits", data=ASK, files=files)

    [entry] = [e["body"] for e in offline.state.journal.log() if isinstance(e, dict)]
    assert "20971520" in str(entry)


async def test_a_refusal_in_a_stream_is_an_error_event() -> None:
    for fault, code in (
        ("refusal-text", "content_policy_violation"),
        ("no-image", "upstream_error"),
    ):
        offline = server(fault, dialect="sub2api")
        reply = await post(offline, "/images/generations", {**ASK, "stream": True})

        assert reply.status_code == 200
        assert [e["error"]["code"] for e in events_of(reply.text)] == [code]


# ── new-api ──────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("change", "message"), [({"model": ""}, "model is required"), ({"size": "1024×640"}, "×")]
)
async def test_new_api_wants_a_model_and_a_plain_x(change: Json, message: str) -> None:
    status, told = await error("new-api", "generations", {**ASK, **change})

    assert status == 400
    assert message in told["message"]


async def test_new_api_fills_absent_fields_with_nothing() -> None:
    [entry] = (await drawn("new-api", ASK))["data"]

    assert entry["url"] == entry["revised_prompt"] == ""
    assert base64.b64decode(entry["b64_json"]).startswith(b"\x89PNG")


async def test_new_api_names_the_events_of_an_edit_like_those_of_a_drawing() -> None:
    offline = server(dialect="new-api")

    reply = await post(offline, "/images/edits", {**EDIT, "stream": True, "n": 2})

    events = events_of(reply.text)
    assert types_of(events) == ["image_generation.completed"] * 2
    assert all(event["usage"]["output_tokens"] for event in events)
    assert reply.text.endswith("data: [DONE]\n\n")


async def test_a_form_that_asks_for_none_gets_one() -> None:
    async with client(server(dialect="new-api")) as http:
        files = {"image": ("a.png", photo((64, 64)), "image/png")}
        reply = await http.post("/images/edits", data={**ASK, "n": "0"}, files=files)

    assert len(reply.json()["data"]) == 1


# ── LiteLLM ──────────────────────────────────────────────────────────────────────────────────


async def test_litellm_draws_a_streamed_edit_and_then_fails() -> None:
    offline = server(dialect="litellm")
    form: dict[str, Any] = {**ASK, "stream": "true"}

    async with client(offline) as http:
        files = {"image": ("a.png", photo((64, 64)), "image/png")}
        reply: httpx2.Response = await http.post("/images/edits", data=form, files=files)

    assert reply.status_code == 500
    assert "b64_json" in reply.json()["error"]["message"]
    assert offline.counters["generations"] == 1


async def test_litellm_fails_a_streamed_drawing_before_it_is_drawn() -> None:
    offline = server(dialect="litellm")

    reply = await post(offline, "/images/generations", {**ASK, "stream": True})

    assert reply.status_code == 500
    assert "generations" not in offline.counters


async def test_litellm_refuses_addresses_and_json_edits_and_drops_the_model() -> None:
    refused = await error("litellm", "generations", {**ASK, "response_format": "url"})
    edit = await error("litellm", "edits", EDIT)

    assert refused[0] == edit[0] == 400
    assert "UnsupportedParamsError" in refused[1]["message"]
    assert "urlencoded" in edit[1]["message"]
    assert "model" not in await drawn("litellm", ASK)


# ── OpenAI ───────────────────────────────────────────────────────────────────────────────────


async def test_openai_knows_no_response_format() -> None:
    status, told = await error("openai", "generations", {**ASK, "response_format": "url"})

    assert (status, told["code"], told["param"]) == (400, "unknown_parameter", "response_format")


async def test_a_size_that_was_lowered_is_told_as_it_is() -> None:
    answer = await drawn("offline", {**ASK, "size": "2048x1280"}, "size-lowered")

    assert answer["size"] == "1024x640"
    assert answer["model"] == "gpt-image-2"
