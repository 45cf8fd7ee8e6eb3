"""The offline server answers as the real wire does, over a socket or without one."""

from __future__ import annotations

import base64
import json
from contextlib import suppress

import anyio
import httpx2
import pytest

from agent.offline import Offline, OfflineOptions
from agent.offline.art.encode import scene_in
from agent.offline.asgi import app, serve

from .calling import (
    SMALL,
    TOOL,
    calls_of,
    client,
    data_url,
    events_of,
    get,
    live,
    opened,
    photo,
    picture_of,
    post,
    respond,
    server,
    showing,
    stream,
    types_of,
)

KITE = "a red kite over the sea"
CALL = "response.image_generation_call"

# ── the wire ─────────────────────────────────────────────────────────────────────────────────────


async def test_a_stream_has_the_order_of_the_real_wire() -> None:
    events = await stream(server(), KITE, tools=[{**SMALL, "partial_images": 1}])

    kinds = types_of(events)
    words = [k for k in kinds if k == "response.output_text.delta"]
    assert [k for k in kinds if k != "response.output_text.delta"] == [
        "response.created",
        "response.in_progress",
        "response.output_item.added",
        f"{CALL}.in_progress",
        f"{CALL}.generating",
        f"{CALL}.partial_image",
        f"{CALL}.partial_image",
        f"{CALL}.completed",
        "response.output_item.done",
        "response.output_item.added",
        "response.content_part.added",
        "response.output_text.done",
        "response.content_part.done",
        "response.output_item.done",
        "response.completed",
    ]
    assert len(words) > 1
    assert [e["sequence_number"] for e in events] == list(range(len(events)))


async def test_one_partial_more_than_asked_for_and_the_last_is_the_picture() -> None:
    events = await stream(server(), KITE, tools=[{**SMALL, "partial_images": 3}])

    partials = [e for e in events if e["type"].endswith("partial_image")]
    done = next(e["item"] for e in events if e["type"] == "response.output_item.done")
    assert [e["partial_image_index"] for e in partials] == [0, 1, 2, 3]
    assert partials[3]["partial_image_b64"] == done["result"]
    assert calls_of(events[-1]["response"])[0]["result"] == done["result"]
    assert len({e["partial_image_b64"] for e in partials}) == 4
    assert all(
        opened(base64.b64decode(e["partial_image_b64"])).size == (1024, 640) for e in partials
    )


async def test_the_first_partial_is_delivered_before_the_last_is_drawn() -> None:
    offline = server()
    drawn: list[tuple[object, object]] = []

    async for event in live(offline, KITE, tools=[{**SMALL, "partial_images": 2}]):
        if event["type"].endswith("partial_image"):
            counts = offline.counters
            drawn.append((counts.get("partials", 0), counts.get("generations", 0)))

    assert drawn == [(1, 0), (2, 0), (2, 1)]


async def test_whoever_stops_reading_stops_the_drawing() -> None:
    offline = server()
    events = live(offline, KITE, tools=[{**SMALL, "partial_images": 3}])

    async for event in events:
        if event["type"].endswith("partial_image"):
            break
    await events.aclose()

    assert offline.counters["partials"] == 1
    assert "generations" not in offline.counters


async def test_partials_of_an_edit_are_drawn_one_by_one_at_full_size() -> None:
    offline = server(draw="full")
    day = picture_of(await respond(offline, KITE))

    events = await stream(
        offline, showing("make it night", day), tools=[{**SMALL, "partial_images": 1}]
    )

    partials = [
        base64.b64decode(e["partial_image_b64"])
        for e in events
        if e["type"].endswith("partial_image")
    ]
    assert [opened(p).size for p in partials] == [(1024, 640)] * 2
    assert scene_in(partials[0]) is None
    assert scene_in(partials[1]) is not None


async def test_an_unstreamed_answer_is_the_last_event_of_the_streamed_one() -> None:
    whole = await respond(server(), KITE)
    last = (await stream(server(), KITE))[-1]["response"]

    assert whole == last
    assert whole["offline"] is True
    assert whole["status"] == "completed"


async def test_the_echo_fills_defaults_in_and_leaves_partials_out() -> None:
    tool = {"type": "image_generation", "size": "1024x1024", "partial_images": 2}
    answer = await respond(
        server(), KITE, tools=[tool], instructions="Be kind.", metadata={"a": "b"}, user="u7"
    )

    assert answer["tools"] == [
        {
            "type": "image_generation",
            "background": "auto",
            "model": "gpt-image-2",
            "moderation": "auto",
            "n": 1,
            "output_compression": 100,
            "output_format": "png",
            "quality": "auto",
            "size": "1024x1024",
        }
    ]
    assert answer["instructions"] == "Be kind."
    assert (answer["metadata"], answer["user"]) == ({"a": "b"}, "u7")


@pytest.mark.parametrize(
    ("quality", "size", "partials", "tokens"),
    [
        ("low", "1024x1024", 0, 196),
        ("medium", "1024x1024", 0, 1756),
        ("high", "1024x1024", 0, 7024),
        ("low", "1024x1536", 0, 158),
        ("low", "1024x1024", 2, 396),
        ("auto", "auto", 0, 1756),
    ],
)
async def test_image_tokens_are_counted_apart_from_the_conversation(
    quality: str, size: str, partials: int, tokens: int
) -> None:
    tool = {**TOOL, "quality": quality, "size": size, "partial_images": partials}

    answer = await respond(server(), KITE, tools=[tool])

    image = answer["tool_usage"]["image_gen"]
    assert image["output_tokens"] == tokens
    assert image["total_tokens"] == tokens + image["input_tokens"]
    assert 0 < answer["usage"]["total_tokens"] < 100


async def test_an_edited_picture_costs_input_tokens() -> None:
    answer = await respond(server(), showing("make it night", photo((300, 250))))

    details = answer["tool_usage"]["image_gen"]["input_tokens_details"]
    assert details["image_tokens"] == 300 * 250 // 750


# ── the door ─────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("key", ["", "sk-wrong-one"])
async def test_a_request_needs_a_key_that_is_not_wrong(key: str) -> None:
    reply = await post(server(), "/responses", {"input": KITE}, key=key)

    assert reply.status_code == 401
    assert reply.json()["error"]["type"] == "invalid_request_error"


async def test_paths_work_with_and_without_the_version() -> None:
    offline = server()

    assert (await get(offline, "/models", base="")).status_code == 200
    assert (await get(offline, "/models", base="/v1")).json()["object"] == "list"
    assert (await get(offline, "/nothing")).status_code == 404
    assert (await post(offline, "/images/variations", {})).status_code == 404


async def test_every_answer_has_a_request_id_of_its_own() -> None:
    offline = server()

    ids = [(await get(offline, "/models")).headers["x-request-id"] for _ in range(2)]

    assert ids[0].startswith("req_")
    assert ids[0] != ids[1]


async def test_ids_of_one_run_mean_nothing_to_another() -> None:
    first = await respond(Offline(OfflineOptions(draw="tiny")), KITE)
    reply = await post(
        Offline(OfflineOptions(draw="tiny")),
        "/responses",
        {"input": "night", "previous_response_id": first["id"]},
    )

    assert reply.status_code == 400


async def test_the_log_shows_requests_with_pictures_as_hash_and_length() -> None:
    offline = server()
    picture = photo((200, 200), "RGB", "red") * 2
    await post(
        offline, "/responses", {"input": showing("make it night", picture), "tools": [SMALL]}
    )
    async with client(offline) as http:
        await http.post("/images/edits", data={"prompt": "x"}, files={"image": ("a.png", picture)})

    log = (await get(offline, "/__limner/log", base="", key="")).json()["requests"]

    assert [(e["method"], e["path"]) for e in log] == [
        ("POST", "/v1/responses"),
        ("POST", "/v1/images/edits"),
    ]
    shown = json.dumps(log)
    assert "make it night" in shown
    assert "sha256:" in shown
    assert f"length:{len(picture)}" in shown
    assert base64.b64encode(picture).decode() not in shown
    assert "sk-test" not in shown


async def test_the_log_tells_what_was_drawn_for_each_request_also_where_nobody_got_it() -> None:
    offline = server("503-html:first=1", "drop-after:every=2")
    for _ in range(2):
        with suppress(httpx2.TransportError):
            await post(offline, "/responses", {"input": KITE, "tools": [SMALL]})
    await respond(offline, KITE)

    log = (await get(offline, "/__limner/log", base="", key="")).json()["requests"]

    told = [(entry["status"], entry["generations"]) for entry in log]
    assert told == [(503, 0), (None, 1), (200, 1)]


async def test_reset_forgets_everything() -> None:
    offline = server("500:first=1")
    await post(offline, "/responses", {"input": KITE, "tools": [SMALL]})
    first = await respond(offline, KITE)
    async with client(offline, base="", key="") as http:
        assert (await http.post("/__limner/reset")).status_code == 200
        assert (await http.get("/__limner/counters")).json() == {"offline": True}
        assert (await http.get("/health")).json()["dialect"] == "offline"

    again = await post(offline, "/responses", {"input": KITE, "tools": [SMALL]})
    gone = await post(offline, "/responses", {"input": "x", "previous_response_id": first["id"]})
    assert (again.status_code, gone.status_code) == (500, 400)


@pytest.mark.parametrize("path", ["/__limner", "/__limner/"])
async def test_the_index_names_what_is_there_and_all_of_it_answers(path: str) -> None:
    offline = server()
    index = (await get(offline, path, base="", key="")).json()

    assert "GET /__limner/log" in index["routes"]
    async with client(offline, base="", key="") as http:
        for route in index["routes"]:
            method, _, place = route.partition(" ")
            assert (await http.request(method, place)).status_code == 200


async def test_latency_is_waited_for_and_the_same_each_run() -> None:
    waited: list[float] = []

    async def note(seconds: float) -> None:
        waited.append(seconds)

    for _ in range(2):
        offline = server(latency=(0.5, 2.0), sleep=note)
        for _ in range(2):
            await respond(offline, KITE)

    assert waited[:2] == waited[2:]
    assert waited[0] != waited[1]
    assert all(0.5 <= seconds <= 2.0 for seconds in waited)


# ── the Images API ───────────────────────────────────────────────────────────────────────────────


async def test_images_generations_gives_as_many_pictures_as_asked_for() -> None:
    body = {"prompt": KITE, "model": "gpt-image-2", "n": 2, "size": "1536x1024", "quality": "low"}

    answer = (await post(server(), "/images/generations", body)).json()

    data = [base64.b64decode(d["b64_json"]) for d in answer["data"]]
    assert len(set(data)) == 2
    assert opened(data[0]).size == (1536, 1024)
    assert (answer["size"], answer["quality"], answer["offline"]) == ("1536x1024", "low", True)
    assert answer["usage"]["output_tokens"] == 2 * 158


async def test_images_edits_takes_json_and_forms_alike() -> None:
    offline, picture = server(), photo()
    body = {"prompt": "make it night", "images": [{"image_url": data_url(picture)}]}
    as_json = await post(offline, "/images/edits", body)
    async with client(offline) as http:
        as_form = await http.post(
            "/images/edits",
            data={"prompt": "make it night"},
            files={"image[]": ("a.png", picture, "image/png")},
        )

    assert as_json.json()["data"] == as_form.json()["data"]
    assert as_json.json()["size"] == "320x240"


async def test_images_stream_partials_then_the_picture() -> None:
    body = {"prompt": KITE, "stream": True, "partial_images": 1}

    events = events_of((await post(server(), "/images/generations", body)).text)

    assert types_of(events) == [
        "image_generation.partial_image",
        "image_generation.partial_image",
        "image_generation.completed",
    ]
    assert events[1]["b64_json"] == events[2]["b64_json"]
    assert events[2]["usage"]["output_tokens"] == 1756 + 100


async def test_edits_need_a_picture_and_fetch_none() -> None:
    bare = await post(server(), "/images/edits", {"prompt": "x"})
    named = await post(server(), "/images/edits", {"prompt": "x", "images": [{"file_id": "f"}]})

    assert bare.json()["error"]["param"] == "image"
    assert named.json()["error"]["code"] == "image_url_not_available"


# ── over a socket ────────────────────────────────────────────────────────────────────────────────


async def test_over_a_socket_it_answers_streams_and_cuts_connections() -> None:
    offline = server("drop:first=1", "drop-after:first=1")
    urls: list[str] = []
    started = anyio.Event()

    def ready(url: str) -> None:
        urls.append(url)
        started.set()

    headers = {"authorization": "Bearer sk-test"}
    body = {"input": KITE, "tools": [{**SMALL, "partial_images": 1}], "stream": True}
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(lambda: serve(offline, ready=ready))
        await started.wait()
        async with httpx2.AsyncClient(
            base_url=urls[0], headers=headers, trust_env=False, timeout=None
        ) as http:
            with pytest.raises(httpx2.RemoteProtocolError, match="without sending"):
                await http.post("/responses", json=body)
            models = (await http.get("/models")).json()
            text = (await http.post("/responses", json=body)).text
        tasks.cancel_scope.cancel()

    assert models["offline"] is True
    kinds = types_of(events_of(text))
    assert kinds[0] == "response.created"
    assert kinds[-1] == "response.completed"


async def test_over_a_socket_a_stream_can_be_cut_in_the_middle() -> None:
    offline = server("drop-after")
    urls: list[str] = []
    started = anyio.Event()
    got: list[bytes] = []

    def ready(url: str) -> None:
        urls.append(url)
        started.set()

    async def read(http: httpx2.AsyncClient) -> None:
        body = {"input": KITE, "tools": [SMALL], "stream": True}
        async with http.stream("POST", "/responses", json=body) as reply:
            got.extend([piece async for piece in reply.aiter_raw()])

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(lambda: serve(offline, ready=ready))
        await started.wait()
        headers = {"authorization": "Bearer sk-test"}
        async with httpx2.AsyncClient(
            base_url=urls[0], headers=headers, trust_env=False, timeout=None
        ) as http:
            with pytest.raises(httpx2.RemoteProtocolError, match="incomplete chunked read"):
                await read(http)
        tasks.cancel_scope.cancel()

    assert offline.counters["generations"] == 1
    assert offline.counters["drops"] == 1


async def test_over_asgi_only_http_is_answered() -> None:
    async def receive() -> dict[str, object]:
        raise AssertionError("nothing is read of another protocol")

    async def send(message: object) -> None:
        raise AssertionError(message)

    await app(server())({"type": "lifespan"}, receive, send)
