"""Each dialect has its own habits, and bad requests are refused by name."""

from __future__ import annotations

import pytest

from agent.errors import UsageError
from agent.offline.dialects import DIALECTS
from agent.upstream.dialects import DIALECTS as CLIENT_DIALECTS

from .calling import (
    SMALL,
    TOOL,
    Json,
    calls_of,
    client,
    data_url,
    events_of,
    get,
    photo,
    post,
    respond,
    server,
    showing,
    stream,
    types_of,
)

KITE = "a red kite over the sea"
CALL = "response.image_generation_call"

# ── bad requests ─────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("change", "param"),
    [
        ({"size": "1000x1000"}, "tools[0].size"),
        ({"size": "5120x5120"}, "tools[0].size"),
        ({"size": "3840x1024"}, "tools[0].size"),
        ({"size": "256x256"}, "tools[0].size"),
        ({"size": "big"}, "tools[0].size"),
        ({"quality": "best"}, "tools[0].quality"),
        ({"output_format": "gif"}, "tools[0].output_format"),
        ({"background": "transparent", "output_format": "jpeg"}, "tools[0].background"),
        ({"model": "dall-e-3"}, "tools[0].model"),
        ({"action": "edit"}, "tools[0].action"),
        ({"action": "erase"}, "tools[0].action"),
    ],
)
async def test_an_option_that_cannot_be_is_refused_by_name_and_nothing_is_drawn(
    change: Json, param: str
) -> None:
    offline = server()

    reply = await post(offline, "/responses", {"input": KITE, "tools": [{**TOOL, **change}]})

    assert reply.status_code == 400
    assert reply.json()["error"]["param"] == param
    assert "generations" not in offline.counters


@pytest.mark.parametrize(
    ("picture", "code"),
    [
        (b"not a picture", "invalid_image_file"),
        (photo()[:-40], "invalid_image_file"),
        (photo((8000, 7000)), "invalid_image_file"),
    ],
    ids=["text", "truncated", "too large"],
)
async def test_a_picture_that_cannot_be_read_is_a_400(picture: bytes, code: str) -> None:
    reply = await post(
        server(), "/responses", {"input": showing("make it night", picture), "tools": [SMALL]}
    )

    assert (reply.status_code, reply.json()["error"]["code"]) == (400, code)


@pytest.mark.parametrize(
    ("mask", "reason"),
    [(photo((64, 64), "RGBA"), "64x64"), (photo((320, 240), "RGB"), "no alpha")],
)
async def test_a_mask_that_does_not_fit_is_a_400(mask: bytes, reason: str) -> None:
    tool = {**TOOL, "size": "auto", "input_image_mask": {"image_url": data_url(mask)}}

    reply = await post(server(), "/responses", {"input": showing("red", photo()), "tools": [tool]})

    assert reply.status_code == 400
    assert reason in reply.json()["error"]["message"]


@pytest.mark.parametrize(
    "part", [{"image_url": "https://example.com/a.png"}, {"file_id": "file-1"}]
)
async def test_it_fetches_nothing(part: Json) -> None:
    content = [{"type": "input_image", **part}]

    reply = await post(
        server(), "/responses", {"input": [{"role": "user", "content": content}], "tools": [SMALL]}
    )

    assert reply.json()["error"]["code"] == "image_url_not_available"


async def test_an_unknown_previous_response_is_told_by_its_code() -> None:
    reply = await post(server(), "/responses", {"input": "x", "previous_response_id": "resp_nope"})

    assert reply.status_code == 400
    assert reply.json()["error"]["code"] == "previous_response_not_found"


@pytest.mark.parametrize("words", ["", "\x00", "🪁🪁🪁", "x" * 40_000, "\ud800 kite"])
async def test_odd_prompts_are_drawn_or_answered_never_a_crash(words: str) -> None:
    answer = await respond(server(), words)

    assert answer["status"] == "completed"


async def test_a_failure_of_the_artist_is_a_server_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise MemoryError("no canvas")

    monkeypatch.setattr("agent.offline.performance.finish", broken)

    events = await stream(server(), KITE)
    answer = await respond(server(), KITE)
    image = await post(server(), "/images/generations", {"prompt": KITE})
    streamed = await post(server(), "/images/generations", {"prompt": KITE, "stream": True})

    assert events[-1]["type"] == "response.failed"
    assert answer["error"]["code"] == "server_error"
    assert image.status_code == 500
    assert events_of(streamed.text)[-1]["error"]["code"] == "server_error"


# ── dialects ─────────────────────────────────────────────────────────────────────────────────────


def test_both_sides_know_the_same_dialects() -> None:
    assert DIALECTS.keys() == CLIENT_DIALECTS.keys()


def test_an_unknown_dialect_lists_the_known() -> None:
    with pytest.raises(UsageError) as caught:
        server(dialect="nowhere")

    assert "sub2api" in caught.value.hint


async def test_openai_says_generating_and_sends_a_stray_partial() -> None:
    events = await stream(server(dialect="openai"), KITE)

    assert calls_of(events[-1]["response"])[0]["status"] == "generating"
    assert types_of(events).count(f"{CALL}.partial_image") == 1


async def test_openai_refuses_a_field_the_tool_does_not_have() -> None:
    reply = await post(
        server(dialect="openai"), "/responses", {"input": KITE, "tools": [{**TOOL, "n": 2}]}
    )

    assert reply.json()["error"]["param"] == "tools[0].n"


async def test_sub2api_forgets_without_a_word() -> None:
    offline = server(dialect="sub2api")
    first = await respond(offline, KITE, safety_identifier="s")

    second = await respond(offline, "make it night", previous_response_id=first["id"])

    assert calls_of(second)[0]["action"] == "generate"
    assert second["previous_response_id"] is None
    assert (first["store"], first["safety_identifier"]) == (False, None)
    assert first["instructions"] == "You are a helpful coding assistant."
    assert first["tools"][0]["model"] == "gpt-image-2-codex"
    assert (await get(offline, f"/responses/{first['id']}")).status_code == 404


async def test_sub2api_hides_refusals_behind_a_502_and_wraps_no_key_error() -> None:
    offline = server(dialect="sub2api")

    hidden = await post(offline, "/responses", {"input": KITE, "tools": [{**TOOL, "size": "big"}]})
    key = await post(offline, "/responses", {"input": KITE}, key="sk-wrong")
    none = await post(offline, "/responses", {"input": KITE}, key="")

    assert (hidden.status_code, hidden.json()["error"]["type"]) == (502, "upstream_error")
    assert (key.status_code, key.json()) == (
        401,
        {"code": "INVALID_API_KEY", "message": "Invalid API key"},
    )
    assert none.json()["code"] == "API_KEY_REQUIRED"


async def test_sub2api_begins_with_a_comment_and_never_says_completed_of_the_tool() -> None:
    async with client(server(dialect="sub2api")) as http:
        reply = await http.post(
            "/responses", json={"input": KITE, "tools": [SMALL], "stream": True}
        )

    assert reply.text.startswith(":\n\n")
    assert f"{CALL}.completed" not in types_of(events_of(reply.text))


async def test_new_api_serves_each_request_from_another_account() -> None:
    offline = server(dialect="new-api")
    first = await respond(offline, KITE)
    follow = {"input": "make it night", "previous_response_id": first["id"], "tools": [SMALL]}

    second = await post(offline, "/responses", follow)
    third = await post(offline, "/responses", follow)

    assert (second.status_code, third.status_code) == (400, 200)
    error = second.json()["error"]
    assert error["type"] == "new_api_error"
    assert "(request id: req_" in error["message"]


async def test_new_api_has_no_variations_and_ends_image_streams_with_a_marker() -> None:
    offline = server(dialect="new-api")

    variations = await post(offline, "/images/variations", {})
    streamed = await post(
        offline, "/images/generations", {"model": "gpt-image-2", "prompt": KITE, "stream": True}
    )

    assert variations.status_code == 501
    assert variations.json()["error"]["code"] == "api_not_implemented"
    assert streamed.text.startswith(": PING\n\n")
    assert streamed.text.endswith("data: [DONE]\n\n")


async def test_litellm_tells_a_long_id_that_is_another_each_time() -> None:
    offline = server(dialect="litellm")
    first = await respond(offline, KITE)
    path = f"/responses/{first['id']}"

    again = (await get(offline, path)).json()
    second = await respond(offline, "make it night", previous_response_id=again["id"])

    assert len(first["id"]) > 300
    assert again["id"] != first["id"]
    assert again["output"] == first["output"]
    assert calls_of(second)[0]["action"] == "edit"
    assert first["usage"]["cost"] > 0


async def test_litellm_quotes_errors_and_has_another_request_id() -> None:
    offline = server(dialect="litellm")

    refused = await post(offline, "/responses", {"input": KITE, "tools": [{**TOOL, "size": "big"}]})
    streamed = await post(offline, "/images/generations", {"prompt": KITE, "stream": True})
    nowhere = await post(offline, "/images/variations", {})

    error = refused.json()["error"]
    assert error["code"] == "400"
    assert '"code": "invalid_value"' in error["message"]
    assert "x-litellm-call-id" in refused.headers
    assert "x-request-id" not in refused.headers
    assert streamed.status_code == 500
    assert nowhere.json()["detail"] == "Not Found"


async def test_a_generic_server_keeps_nothing() -> None:
    offline = server(dialect="generic")
    first = await respond(offline, KITE)

    reply = await post(offline, "/responses", {"input": "x", "previous_response_id": first["id"]})

    assert first["store"] is False
    assert (reply.status_code, reply.json()["error"]["code"]) == (
        404,
        "previous_response_not_found",
    )


async def test_openai_retrieves_an_answer_without_its_picture() -> None:
    offline = server(dialect="openai")
    first = await respond(offline, KITE)

    again = (await get(offline, f"/responses/{first['id']}")).json()

    assert calls_of(again)[0]["result"] is None
