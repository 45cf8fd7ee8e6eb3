"""``/v1/images/…`` as a client sees it: pictures, edits, streams, and every kind of no."""

from __future__ import annotations

import base64
import gzip
import json
from dataclasses import replace
from typing import Any

import httpx2
import pytest

from agent import ImageAgent
from agent.doors.api import images
from agent.doors.api.app import create_app
from agent.doors.api.jobs import Jobs
from agent.errors import StoreError, UsageError
from agent.upstream.fetch import PictureFetcher
from agent.upstream.images import ImagesUpstream
from tests.conftest import png
from tests.doors.api.conftest import ORIGIN, OpenServer, Served
from tests.upstream.test_fetch import Body

KITE = "a red kite over the sea"
GENERATIONS = "/v1/images/generations"
EDITS = "/v1/images/edits"


def data_url(data: bytes, kind: str = "image/png") -> str:
    return f"data:{kind};base64,{base64.b64encode(data).decode()}"


def events_of(text: str) -> list[tuple[str, dict[str, Any]]]:
    """(name, data) of every event of a stream; comments are left out."""
    found = []
    for block in text.split("\n\n"):
        lines = [line for line in block.splitlines() if line and not line.startswith(":")]
        if lines:
            assert lines[0].startswith("event: ")
            found.append((lines[0][7:], json.loads(lines[1].removeprefix("data: "))))
    return found


async def drawn(served: Served, prompt: str = KITE, **more: Any) -> dict[str, Any]:
    answer = await served.client.post(GENERATIONS, json={"prompt": prompt, **more})
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


def picture(body: dict[str, Any], place: int = 0) -> bytes:
    return base64.b64decode(body["data"][place]["b64_json"])


async def test_a_prompt_becomes_a_picture_in_openais_shape(open_server: OpenServer) -> None:
    async with open_server() as served:
        body = await drawn(served, quality="low")

        assert picture(body).startswith(b"\x89PNG")
        assert (body["size"], body["quality"], body["output_format"]) == ("1024x1024", "low", "png")
        assert body["usage"]["total_tokens"] == (
            body["usage"]["input_tokens"] + body["usage"]["output_tokens"]
        )
        assert body["limner"]["offline"] is True


async def test_the_picture_belongs_to_a_session_like_any_other(open_server: OpenServer) -> None:
    async with open_server() as served:
        body = await drawn(served, user="ada")

        store = served.desk.agent.store
        [session] = await store.sessions()
        assert session.id == body["limner"]["session"]
        [image] = await store.images(session.id)
        assert [image.id] == body["limner"]["images"]
        assert await store.read_blob(image.sha256) == picture(body)
        [attempt] = await store.attempts(session=session.id)
        assert (attempt.state, attempt.user) == ("completed", "ada")


@pytest.mark.parametrize("form", ["json", "multipart"])
async def test_an_edit_of_that_picture_goes_on_in_its_session(
    open_server: OpenServer, form: str
) -> None:
    async with open_server() as served:
        first = await drawn(served)
        if form == "json":
            answer = await served.client.post(
                EDITS,
                json={
                    "prompt": "make it blue",
                    "images": [{"image_url": data_url(picture(first))}],
                },
            )
        else:
            answer = await served.client.post(
                EDITS, data={"prompt": "make it blue"}, files={"image": ("a.png", picture(first))}
            )

        assert answer.status_code == 200, answer.text
        told = answer.json()["limner"]
        assert told["session"] == first["limner"]["session"]
        image = await served.desk.agent.store.image(told["images"][0])
        assert list(image.parents) == first["limner"]["images"]
        assert (image.operation, image.number) == ("edit", 2)


async def test_several_pictures_and_a_mask_come_by_form(open_server: OpenServer) -> None:
    async with open_server() as served:
        one, other = png(64, 64), png(64, 64, colour="red")
        mask = png(64, 64, mode="RGBA", colour="#00000000")
        answer = await served.client.post(
            EDITS,
            data={"prompt": "put them together", "size": "1024x1024"},
            files=[
                ("image[]", ("a.png", one)),
                ("image[]", ("b.png", other)),
                ("mask", ("m.png", mask)),
            ],
        )

        assert answer.status_code == 200, answer.text
        image = await served.desk.agent.store.image(answer.json()["limner"]["images"][0])
        assert len(image.parents) == 2
        [turn] = await served.desk.agent.store.turns(image.session)
        assert turn.mask is not None


async def test_n_pictures_are_n_turns_of_one_session(open_server: OpenServer) -> None:
    async with open_server() as served:
        body = await drawn(served, n=3)

        assert len(body["data"]) == len(set(body["limner"]["turns"])) == 3
        [session] = await served.desk.agent.store.sessions()
        assert (session.turns, session.images) == (3, 3)


async def test_n_edits_import_what_was_sent_once(open_server: OpenServer) -> None:
    async with open_server() as served:
        answer = await served.client.post(
            EDITS,
            data={"prompt": "make it blue", "n": "2"},
            files={"image": ("a.png", png(64, 64))},
        )

        assert answer.status_code == 200, answer.text
        [session] = await served.desk.agent.store.sessions()
        images = await served.desk.agent.store.images(session.id)
        assert [image.operation for image in images] == ["import", "edit", "edit"]


async def test_what_came_is_given_when_a_later_one_failed(open_server: OpenServer) -> None:
    async with open_server("moderation-400:every=2") as served:
        body = await drawn(served, n=2)

        assert len(body["data"]) == 1
        [failure] = body["limner"]["failures"]
        assert failure["code"] == "moderation_blocked"


async def test_a_stream_has_drafts_and_then_the_picture(open_server: OpenServer) -> None:
    async with open_server(screen_output="tell") as served:
        answer = await served.client.post(
            GENERATIONS, json={"prompt": KITE, "stream": True, "partial_images": 2}
        )

        assert answer.headers["content-type"].startswith("text/event-stream")
        events = events_of(answer.text)
        assert [name for name, _ in events] == [
            "image_generation.partial_image",
            "image_generation.partial_image",
            "image_generation.completed",
        ]
        assert [data["partial_image_index"] for _, data in events[:-1]] == [0, 1]
        last = events[-1][1]
        assert base64.b64decode(last["b64_json"]).startswith(b"\x89PNG")
        assert last["usage"]["output_tokens"] > 0


async def test_an_edit_streams_events_of_its_own(open_server: OpenServer) -> None:
    async with open_server(screen_output="tell") as served:
        answer = await served.client.post(
            EDITS,
            json={
                "prompt": "make it blue",
                "images": [{"image_url": data_url(png(64, 64))}],
                "stream": True,
                "partial_images": 1,
            },
        )

        assert [name for name, _ in events_of(answer.text)] == [
            "image_edit.partial_image",
            "image_edit.completed",
        ]


async def test_held_output_streams_the_checked_picture_alone(open_server: OpenServer) -> None:
    async with open_server() as served:
        answer = await served.client.post(
            GENERATIONS, json={"prompt": KITE, "stream": True, "partial_images": 2}
        )

        assert [name for name, _ in events_of(answer.text)] == ["image_generation.completed"]


@pytest.mark.parametrize(
    ("fault", "status", "code"),
    [("truncate", 502, "outcome_unknown"), ("quota", 429, "insufficient_quota")],
)
async def test_what_fails_before_a_stream_has_begun_is_a_status(
    open_server: OpenServer, fault: str, status: int, code: str
) -> None:
    async with open_server(fault) as served:
        answer = await served.client.post(GENERATIONS, json={"prompt": KITE, "stream": True})

        assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)
        assert answer.headers["x-should-retry"] == "false"


async def test_what_goes_wrong_after_a_stream_has_begun_is_an_event_of_it(
    open_server: OpenServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(images, "PATIENCE_S", 0.0)
    async with open_server("truncate") as served:
        answer = await served.client.post(GENERATIONS, json={"prompt": KITE, "stream": True})

        assert answer.status_code == 200
        [(name, data)] = events_of(answer.text)
        assert (name, data["error"]["code"]) == ("error", "outcome_unknown")


async def test_bad_input_of_a_stream_has_a_status_of_its_own(open_server: OpenServer) -> None:
    async with open_server() as served:
        answer = await served.client.post(
            GENERATIONS, json={"prompt": KITE, "stream": True, "size": "17x19"}
        )

        assert answer.status_code == 400
        assert answer.json()["error"]["type"] == "invalid_request_error"


# ── pictures by name ─────────────────────────────────────────────────────────────────────────


async def test_a_kept_picture_can_be_edited_by_its_id(open_server: OpenServer) -> None:
    async with open_server() as served:
        [first] = (await drawn(served))["limner"]["images"]
        answer = await served.client.post(
            EDITS, json={"prompt": "make it blue", "images": [{"file_id": first}]}
        )

        assert answer.status_code == 200, answer.text
        image = await served.desk.agent.store.image(answer.json()["limner"]["images"][0])
        assert list(image.parents) == [first]


async def test_an_address_is_not_fetched_unless_the_profile_says_so(
    open_server: OpenServer,
) -> None:
    async with open_server() as served:
        answer = await served.client.post(
            EDITS,
            json={"prompt": "blue", "images": [{"image_url": "http://169.254.169.254/latest"}]},
        )

        assert answer.status_code == 400
        assert answer.json()["error"]["code"] == "image_url_not_fetched"
        assert await served.desk.agent.store.sessions() == []


async def test_url_answers_need_an_address_and_say_so_before_drawing(
    open_server: OpenServer,
) -> None:
    async with open_server() as served:
        answer = await served.client.post(
            GENERATIONS, json={"prompt": KITE, "response_format": "url"}
        )

        assert answer.status_code == 400
        assert answer.json()["error"]["code"] == "image_url_not_available"
        assert served.artist.state.journal.log() == []


async def test_a_signed_address_gives_the_picture_without_a_key(open_server: OpenServer) -> None:
    async with open_server(public_url=ORIGIN) as served:
        body = await drawn(served, response_format="url")
        [entry] = body["data"]
        assert "b64_json" not in entry
        answer = await served.client.get(entry["url"])

        assert answer.status_code == 200
        assert answer.headers["content-type"] == "image/png"
        assert answer.headers["x-content-type-options"] == "nosniff"
        [image] = await served.desk.agent.store.images(body["limner"]["session"])
        assert answer.content == await served.desk.agent.store.read_blob(image.sha256)


async def test_an_address_of_ours_is_looked_up_for_an_edit(open_server: OpenServer) -> None:
    async with open_server(public_url=ORIGIN) as served:
        first = await drawn(served, response_format="url")
        answer = await served.client.post(
            EDITS,
            json={"prompt": "make it blue", "images": [{"image_url": first["data"][0]["url"]}]},
        )

        assert answer.status_code == 200, answer.text
        assert answer.json()["limner"]["session"] == first["limner"]["session"]


async def test_a_forged_or_stale_address_is_one_and_the_same_404(open_server: OpenServer) -> None:
    async with open_server(public_url=ORIGIN, url_valid_s=-60) as served:
        stale = (await drawn(served, response_format="url"))["data"][0]["url"]
        forged = stale.replace("until=", "until=9")
        unknown = f"{ORIGIN}/pictures/img_0000000000.png?until=99999999999&signature=00"
        odd = f"{ORIGIN}/pictures/..%2f..%2fetc%2fpasswd?until=1&signature=é"
        answers = [await served.client.get(url) for url in (stale, forged, unknown, odd)]

        assert {answer.status_code for answer in answers} == {404}
        bodies = [answer.json()["error"] for answer in answers[:3]]
        assert bodies[0] == bodies[1] == bodies[2]


async def test_the_secret_is_for_its_owner_alone(open_server: OpenServer) -> None:
    async with open_server() as served:
        path = served.desk.settings.data_dir / "serve.secret"

        assert path.stat().st_mode & 0o777 == 0o600
        assert len(path.read_bytes()) == 32


# ── no ───────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.usefixtures("house_policy")
async def test_our_policy_is_a_400_with_the_rule_and_nothing_sent(
    open_server: OpenServer,
) -> None:
    async with open_server() as served:
        answer = await served.client.post(GENERATIONS, json={"prompt": "a pineapple"})

        error = answer.json()["error"]
        assert (answer.status_code, error["code"]) == (400, "content_policy_violation")
        assert error["type"] == "image_generation_user_error"
        assert "no-pineapples" in error["message"]
        assert "Nothing was sent" in error["message"]
        assert answer.headers["x-should-retry"] == "false"
        assert served.artist.state.journal.log() == []


@pytest.mark.parametrize(
    ("fault", "status", "code", "again"),
    [
        ("drop", 502, "outcome_unknown", "false"),
        ("429-long", 429, "rate_limit_exceeded", "false"),
        ("usage-limit", 429, "usage_limit_reached", "false"),
        ("401", 502, "upstream_authentication", "false"),
        ("html-200", 502, "upstream_error", "false"),
        ("no-image", 502, "no_image", "false"),
        ("moderation-400", 400, "moderation_blocked", "false"),
        ("quota", 429, "insufficient_quota", "false"),
        ("truncate", 502, "outcome_unknown", "false"),
        ("drop-after", 502, "outcome_unknown", "false"),
    ],
)
async def test_a_failure_of_the_server_behind_is_told_so_that_nothing_is_bought_twice(
    open_server: OpenServer, fault: str, status: int, code: str, again: str
) -> None:
    async with open_server(fault) as served:
        answer = await served.client.post(GENERATIONS, json={"prompt": KITE})

        assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)
        assert answer.headers["x-should-retry"] == again


@pytest.mark.parametrize(
    ("sent", "param"),
    [
        (b"{", None),
        (b"[]", None),
        (b"\xff\xfe", None),
        (b"{}", "prompt"),
        (b'{"prompt": 7}', "prompt"),
        (b'{"prompt": "x", "n": 11}', "n"),
        (b'{"prompt": "x", "n": "many"}', "n"),
        (b'{"prompt": "x", "n": "2"}', "n"),
        (b'{"prompt": "x", "n": 2.0}', "n"),
        (b'{"prompt": "x", "n": true}', "n"),
        (b'{"prompt": "x", "stream": "true"}', "stream"),
        (b'{"prompt": "x", "quality": "best"}', "quality"),
        (b'{"prompt": "x", "style": "vivid"}', "style"),
        (b'{"prompt": "x", "response_format": "gif"}', "response_format"),
        (b'{"prompt": "x", "output_compression": 101}', "output_compression"),
        (b'{"prompt": "x", "image": "no base64 at all!"}', "image[0]"),
        (b'{"prompt": "x", "size": "17x19"}', "size"),
        (b'{"prompt": "x", "size": "huge"}', "size"),
        (b'{"prompt": "x", "size": ""}', "size"),
        (b'{"prompt": "x", "output_compression": 50}', "output_compression"),
        (b'{"prompt": "x", "model": "dall-e-3"}', "model"),
        (b'{"prompt": "x", "input_fidelity": "high"}', "input_fidelity"),
        (b'{"prompt": " "}', "prompt"),
    ],
)
async def test_malformed_requests_name_the_parameter(
    open_server: OpenServer, sent: bytes, param: str | None
) -> None:
    async with open_server() as served:
        answer = await served.client.post(
            GENERATIONS, content=sent, headers={"content-type": "application/json"}
        )

        assert answer.status_code == 400, answer.text
        error = answer.json()["error"]
        assert set(error) == {"message", "type", "param", "code"}
        assert error["param"] == param
        assert await served.desk.agent.store.sessions() == []


async def test_a_form_that_is_cut_off_is_a_400(open_server: OpenServer) -> None:
    async with open_server() as served:
        answer = await served.client.post(
            EDITS,
            content=b'--x\r\nContent-Disposition: form-data; name="prompt"\r\n\r\nblue',
            headers={"content-type": "multipart/form-data; boundary=x"},
        )

        assert answer.status_code == 400
        assert "cut off" in answer.json()["error"]["message"]


@pytest.mark.parametrize("path", [GENERATIONS, "/v1/responses"])
async def test_a_packed_body_is_a_415_that_names_the_encoding(
    open_server: OpenServer, path: str
) -> None:
    """Regression: it was read as broken JSON, which said nothing of what to change."""
    async with open_server() as served:
        answer = await served.client.post(
            path, content=gzip.compress(b"{}"), headers={"content-encoding": "gzip"}
        )

    assert answer.status_code == 415
    assert answer.json()["error"]["code"] == "unsupported_content_encoding"
    assert "gzip" in answer.json()["error"]["message"]


async def test_a_body_over_the_limit_is_a_413(open_server: OpenServer) -> None:
    async with open_server(max_body=1000) as served:

        async def chunks() -> Any:
            for _ in range(10):
                yield b"x" * 500

        told = await served.client.post(GENERATIONS, content=b"x" * 1001)
        untold = await served.client.post(GENERATIONS, content=chunks())

        assert [told.status_code, untold.status_code] == [413, 413]
        assert told.json()["error"]["code"] == "request_too_large"


async def test_variations_are_not_implemented_by_name(open_server: OpenServer) -> None:
    async with open_server() as served:
        answer = await served.client.post("/v1/images/variations")

        assert (answer.status_code, answer.json()["error"]["code"]) == (501, "api_not_implemented")
        assert answer.headers["x-should-retry"] == "false"


async def test_a_picture_that_is_none_is_a_400(open_server: OpenServer) -> None:
    async with open_server() as served:
        answer = await served.client.post(
            EDITS, data={"prompt": "blue"}, files={"image": ("a.png", b"no picture")}
        )

        assert answer.status_code == 400, answer.text
        assert served.artist.state.journal.log() == []


# ── seams: a bucket, and the network ─────────────────────────────────────────────────────────


class Bucket:
    """Has an address for everything, or none for anything."""

    def __init__(self, *, full: bool = False) -> None:
        self.full = full

    async def publish(self, data: bytes, media_type: str) -> str:
        if self.full:
            raise StoreError("the bucket is full")
        return f"https://bucket.example/{len(data)}.{media_type.removeprefix('image/')}"


def with_parts(served: Served, **parts: Any) -> Served:
    """The same server on other parts."""
    desk = replace(served.desk, **parts)
    desk = replace(desk, jobs=Jobs(desk.agent, desk.tenancy, desk.tasks))
    transport = httpx2.ASGITransport(app=create_app(desk))
    return replace(
        served, desk=desk, client=httpx2.AsyncClient(transport=transport, base_url=ORIGIN)
    )


async def test_a_bucket_gives_the_address_where_there_is_one(open_server: OpenServer) -> None:
    async with open_server() as served:
        body = await drawn(with_parts(served, publisher=Bucket()), response_format="url")

        assert body["data"][0]["url"].startswith("https://bucket.example/")


async def test_a_bucket_that_fails_is_stood_in_for_by_the_server_itself(
    open_server: OpenServer,
) -> None:
    async with open_server(public_url=ORIGIN) as served:
        body = await drawn(with_parts(served, publisher=Bucket(full=True)), response_format="url")

        assert body["data"][0]["url"].startswith(f"{ORIGIN}/pictures/img_")


async def test_a_bucket_that_fails_alone_loses_no_picture(open_server: OpenServer) -> None:
    async with open_server() as served:
        answer = await with_parts(served, publisher=Bucket(full=True)).client.post(
            GENERATIONS, json={"prompt": KITE, "response_format": "url"}
        )

        error = answer.json()["error"]
        assert (answer.status_code, error["code"]) == (502, "image_url_not_available")
        assert answer.headers["x-should-retry"] == "false"
        [session] = await served.desk.agent.store.sessions()
        [image] = await served.desk.agent.store.images(session.id)
        assert image.id in error["message"]


async def test_an_address_is_fetched_where_the_profile_says_so(open_server: OpenServer) -> None:
    async def fetch(url: str) -> bytes:
        if url != "https://pictures.example/a.png":
            raise UsageError("A picture could not be fetched.", hint="Send it.")
        return png(64, 64)

    async with open_server() as served:
        client = with_parts(served, fetch=fetch).client
        answers = [
            await client.post(EDITS, json={"prompt": "blue", "images": [{"image_url": url}]})
            for url in ("https://pictures.example/a.png", "https://pictures.example/b.png")
        ]

        assert [answer.status_code for answer in answers] == [200, 400]
        assert answers[1].json()["error"]["code"] == "image_url_not_fetched"


async def test_a_mask_may_be_a_picture_kept_here(open_server: OpenServer) -> None:
    async with open_server() as served:
        [kept] = (await drawn(served))["limner"]["images"]

        async def edit(mask: dict[str, str]) -> Any:
            body = {"prompt": "blue", "images": [{"file_id": kept}], "mask": mask}
            return await served.client.post(EDITS, json=body)

        sent = await edit({"image_url": data_url(png(1024, 1024, mode="RGBA", colour="#0000"))})
        opaque, unknown = await edit({"file_id": kept}), await edit({"file_id": "img_none"})

        assert sent.status_code == 200, sent.text
        assert (opaque.status_code, unknown.status_code) == (400, 404)
        assert unknown.json()["error"]["param"] == "mask"


class Far(httpx2.AsyncBaseTransport):
    """An Images API that answers with an address, and the place that it points to."""

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        if request.method == "GET":
            return httpx2.Response(200, stream=Body((png(1024, 1024),), None))
        self.asked.append(json.loads(await request.aread()))
        body = {"created": 1, "data": [{"url": "https://cdn.example/a.png"}]}
        return httpx2.Response(200, json=body)


@pytest.mark.parametrize("fetches", [True, False])
async def test_the_servers_own_address_is_asked_for_where_the_picture_can_be_fetched(
    open_server: OpenServer, fetches: bool
) -> None:
    async def resolve(_host: str, _port: int) -> list[str]:
        return ["93.184.216.34"]

    far = Far()
    async with open_server() as served:
        known = served.desk.kit
        profile = replace(known.upstream.profile, via="images", fetch_urls=fetches, offline=False)
        upstream = ImagesUpstream(
            profile,
            clock=known.clock,
            transport=far,
            fetcher=PictureFetcher(transport=far, resolve=resolve),
        )
        kit = replace(known, upstream=upstream)
        async with ImageAgent(kit) as agent:
            answer = await with_parts(served, kit=kit, agent=agent).client.post(
                GENERATIONS, json={"prompt": KITE, "response_format": "url"}
            )

            if not fetches:
                assert answer.json()["error"]["code"] == "image_url_not_available"
                assert far.asked == []
                return
            assert answer.status_code == 200, answer.text
            assert [entry["url"] for entry in answer.json()["data"]] == [
                "https://cdn.example/a.png"
            ]
            assert far.asked[0]["response_format"] == "url"
            [image] = answer.json()["limner"]["images"]
            assert (await agent.store.image(image)).media_type == "image/png"
