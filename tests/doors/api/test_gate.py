"""Who may call, what every answer has in common, and what nobody may reach."""

from __future__ import annotations

from functools import partial

import anyio
import anyio.lowlevel
import pytest

from agent.doors.api.limits import Rates
from agent.hosts import Host
from tests.conftest import Serve
from tests.doors.api.conftest import OpenServer, tenant

KITE = {"prompt": "a red kite over the sea"}
GENERATIONS = "/v1/images/generations"


@pytest.mark.parametrize("path", ["/v1/nothing", "/", "/v1/images", "/v1/../etc/passwd", "/v1/%00"])
async def test_an_unknown_address_is_a_404_in_openais_shape(
    open_server: OpenServer, path: str
) -> None:
    async with open_server() as served:
        answer = await served.client.get(path)

        assert answer.status_code == 404
        assert set(answer.json()["error"]) == {"message", "type", "param", "code"}
        assert answer.headers["x-request-id"].startswith("req_")


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("GET", GENERATIONS, "POST"),
        ("PATCH", "/v1/responses", "POST"),
        ("PUT", "/v1/responses/resp_1", "GET, DELETE"),
        ("POST", "/health", "GET"),
        ("OPTIONS", "/v1/models", "GET"),
    ],
)
async def test_a_wrong_method_is_a_405_in_openais_shape_that_names_every_right_one(
    open_server: OpenServer, method: str, path: str, allowed: str
) -> None:
    async with open_server() as served:
        answer = await served.client.request(method, path)

        assert (answer.status_code, answer.json()["error"]["code"]) == (405, "method_not_allowed")
        assert answer.headers["allow"] == allowed


@pytest.mark.parametrize(
    "host",
    [
        *("evil.example", "127.0.0.1.evil.example", "localhost@evil.example", "", "a b"),
        *("x:99999", "localhost.evil.example", "localhost:80.evil.example", "[::1].evil.example"),
        *("localhost:evil.example", "evil.example:localhost", "127.0.0.1:80@evil.example"),
        *("localhost/", "localhost#", "localhost, evil.example", "localhost..", "box.lan:445"),
    ],
)
async def test_a_name_that_is_not_ours_is_turned_away(open_server: OpenServer, host: str) -> None:
    async with open_server(allow_hosts=("box.lan:444",)) as served:
        answer = await served.client.get("/v1/models", headers={"host": host})

        assert (answer.status_code, answer.json()["error"]["code"]) == (421, "wrong_host")


async def test_of_two_names_neither_is_believed(open_server: OpenServer) -> None:
    ours, theirs = ("host", "127.0.0.1:8000"), ("host", "evil.example")
    async with open_server() as served:
        for headers in ([ours, theirs], [theirs, ours], [ours, ours]):
            answer = await served.client.get("/v1/models", headers=headers)

            assert (answer.status_code, answer.json()["error"]["code"]) == (421, "wrong_host")


@pytest.mark.parametrize(
    "host",
    ["localhost:9", "127.0.0.1", "[::1]:80", "LOCALHOST.", "box.lan", "Box.lan:9", "nas.lan:444"],
)
async def test_our_own_names_and_those_allowed_are_ours(open_server: OpenServer, host: str) -> None:
    async with open_server(allow_hosts=("box.lan", "nas.lan:444")) as served:
        answer = await served.client.get("/v1/models", headers={"host": host})

        assert answer.status_code == 200


@pytest.mark.parametrize(
    ("origin", "status"),
    [
        ("https://evil.example", 403),
        ("null", 403),
        ("http://127.0.0.1:8000.evil.example", 403),
        ("http://127.0.0.1:8000@evil.example", 403),
        ("http://127.0.0.1:3000", 403),
        ("http://127.0.0.1", 403),
        ("https://studio.example.evil.example", 403),
        ("https://studio.example:8443", 403),
        ("http://127.0.0.1:8000", 200),
        ("https://studio.example", 200),
    ],
)
async def test_pages_of_others_may_not_call(
    open_server: OpenServer, origin: str, status: int
) -> None:
    async with open_server(allow_origins=frozenset({"https://studio.example"})) as served:
        answer = await served.client.get("/v1/models", headers={"origin": origin})

        assert answer.status_code == status


async def test_one_good_origin_among_several_lets_nobody_in(open_server: OpenServer) -> None:
    ours, theirs = ("origin", "http://127.0.0.1:8000"), ("origin", "https://evil.example")
    async with open_server() as served:
        for headers in ([ours, theirs], [theirs, ours]):
            answer = await served.client.get("/v1/models", headers=headers)

            assert (answer.status_code, answer.json()["error"]["code"]) == (403, "wrong_origin")


async def test_a_slash_too_many_is_an_unknown_address_and_no_redirect(
    open_server: OpenServer,
) -> None:
    async with open_server() as served:
        for path in ("/v1/responses/", "/v1/images/generations/", "/v1/models/"):
            answer = await served.client.post(path, json=KITE)

            assert (answer.status_code, answer.json()["error"]["code"]) == (404, "unknown_url")


async def test_reasons_and_hints_are_told_in_sentences(open_server: OpenServer) -> None:
    async with open_server() as served:
        answer = await served.client.post(GENERATIONS, json={**KITE, "size": "1x1"})
        message = answer.json()["error"]["message"]

        assert "are needed. nearest legal size: 816x816." in message


async def test_that_nothing_is_sent_again_is_said_once_and_where_to_look(
    open_server: OpenServer,
) -> None:
    async with open_server("502-after", dialect="openai") as served:
        message = (await served.client.post(GENERATIONS, json=KITE)).json()["error"]["message"]

        assert message.count("not sent again by itself") == 1
        assert "turn turn_" in message


async def test_a_page_that_was_let_in_may_ask_first(open_server: OpenServer) -> None:
    page = "https://studio.example"
    async with open_server(allow_origins=frozenset({page})) as served:
        answer = await served.client.options(
            GENERATIONS,
            headers={
                "origin": page,
                "access-control-request-method": "POST",
                "access-control-request-headers": "authorization,idempotency-key",
            },
        )

        assert answer.status_code == 200
        assert answer.headers["access-control-allow-origin"] == page


async def test_off_loopback_any_name_will_do_for_who_has_a_key(open_server: OpenServer) -> None:
    studio, key = tenant("studio")
    async with open_server(tenants={"studio": studio}, host="0.0.0.0") as served:
        headers = {"host": "box.example", **key}
        answer = await served.client.get("/v1/models", headers=headers)

        assert answer.status_code == 200


def test_a_host_is_read_as_a_browser_reads_it() -> None:
    assert Host.read("127.0.0.1:80") == Host("127.0.0.1", 80)
    assert Host.read("[::1]:80") == Host("::1", 80)
    assert Host.read("a@b") is None
    assert Host.read("[::1") is None
    assert Host.read("a:70000") is None


async def test_models_and_health_answer(open_server: OpenServer) -> None:
    async with open_server() as served:
        listed = (await served.client.get("/v1/models")).json()
        names = [model["id"] for model in listed["data"]]
        one = await served.client.get(f"/v1/models/{names[0]}")
        none = await served.client.get("/v1/models/dall-e-9")
        health = await served.client.get("/health")

        assert names == ["gpt-image-2", "gpt-5.5"]
        assert one.json()["id"] == names[0]
        assert (none.status_code, none.json()["error"]["code"]) == (404, "model_not_found")
        assert health.json()["status"] == "ok"


async def test_the_page_about_the_routes_loads_nothing_from_elsewhere(
    open_server: OpenServer,
) -> None:
    async with open_server() as served:
        page = await served.client.get("/docs")
        described = (await served.client.get("/openapi.json")).json()

        assert "default-src 'none'" in page.headers["content-security-policy"]
        assert GENERATIONS in page.text
        assert "src=" not in page.text
        assert {GENERATIONS, "/v1/images/edits", "/v1/models"} <= set(described["paths"])


async def test_a_bug_is_a_500_without_a_traceback(
    open_server: OpenServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_server() as served:
        monkeypatch.setattr(type(served.desk.tenancy), "picture_of_bytes", None)
        answer = await served.client.post(
            "/v1/images/edits", data={"prompt": "x"}, files={"image": ("a.png", b"x")}
        )

        assert (answer.status_code, answer.json()["error"]["code"]) == (500, "internal_error")
        assert "Traceback" not in answer.text
        assert answer.headers["x-request-id"] in answer.json()["error"]["message"]
        assert answer.headers["x-should-retry"] == "false"


# ── keys ─────────────────────────────────────────────────────────────────────────────────────


async def test_without_keys_any_key_will_do(open_server: OpenServer) -> None:
    async with open_server() as served:
        answer = await served.client.get("/v1/models", headers={"authorization": "Bearer x"})

        assert answer.status_code == 200


@pytest.mark.parametrize(
    "header", [None, "", "Bearer", "Bearer wrong", "Basic sk-limner-studio", "sk-limner-studio"]
)
async def test_with_keys_none_other_will_do(open_server: OpenServer, header: str | None) -> None:
    studio, key = tenant("studio")
    async with open_server(tenants={"studio": studio}) as served:
        headers = {} if header is None else {"authorization": header}
        refused = await served.client.post(GENERATIONS, json=KITE, headers=headers)
        allowed = await served.client.post(GENERATIONS, json=KITE, headers=key)

        assert (refused.status_code, refused.json()["error"]["code"]) == (401, "invalid_api_key")
        assert allowed.status_code == 200
        [session] = await served.desk.agent.store.sessions()
        assert session.tenant == "studio"


async def test_of_two_keys_neither_is_believed(open_server: OpenServer) -> None:
    (one, key), (other, others) = tenant("one"), tenant("other")
    async with open_server(tenants={"one": one, "other": other}) as served:
        for both in ((key, others), (others, key), (key, key)):
            headers = [pair for which in both for pair in which.items()]
            refused = await served.client.post(GENERATIONS, json=KITE, headers=headers)

            assert (refused.status_code, refused.json()["error"]["code"]) == (
                401,
                "invalid_api_key",
            )


async def test_what_one_tenant_drew_is_unknown_to_the_other(open_server: OpenServer) -> None:
    (one, key), (other, others) = tenant("one"), tenant("other")
    async with open_server(
        tenants={"one": one, "other": other}, public_url="http://127.0.0.1:8000"
    ) as served:
        drawn = await served.client.post(
            GENERATIONS, json={**KITE, "response_format": "url"}, headers=key
        )
        [mine] = drawn.json()["limner"]["images"]
        url = drawn.json()["data"][0]["url"]
        data = (await served.client.get(url)).content

        async def edit(**image: str) -> tuple[int, dict[str, object]]:
            answer = await served.client.post(
                "/v1/images/edits",
                json={"prompt": "make it blue", "images": [image]},
                headers=others,
            )
            return answer.status_code, answer.json()

        foreign, unknown = await edit(file_id=mine), await edit(file_id="img_0000000000")
        signed = await edit(image_url=url)
        sent = await served.client.post(
            "/v1/images/edits",
            data={"prompt": "make it blue"},
            files={"image": ("a.png", data)},
            headers=others,
        )

        assert foreign[0] == unknown[0] == signed[0] == 404
        blanked = [str(body).replace(mine, "ID") for _, body in (foreign, signed)]
        assert blanked == [str(unknown[1]).replace("img_0000000000", "ID")] * 2
        assert sent.status_code == 200, sent.text
        session = await served.desk.agent.store.session(sent.json()["limner"]["session"])
        assert session.tenant == "other"
        assert session.id != drawn.json()["limner"]["session"]


@pytest.mark.parametrize("option", ["max_cost", "day_max_cost", "total_max_cost"])
async def test_a_tenants_budget_is_its_own(open_server: OpenServer, option: str) -> None:
    (poor, key), (rich, others) = tenant("poor", **{option: "0.01"}), tenant("rich")
    async with open_server(tenants={"poor": poor, "rich": rich}, paid=True) as served:
        refused = await served.client.post(GENERATIONS, json=KITE, headers=key)
        drawn = await served.client.post(GENERATIONS, json=KITE, headers=others)

        assert (refused.status_code, refused.json()["error"]["code"]) == (429, "insufficient_quota")
        assert refused.headers["x-should-retry"] == "false"
        assert drawn.status_code == 200


async def test_a_key_may_ask_so_often_and_then_is_told_when(open_server: OpenServer) -> None:
    hasty, key = tenant("hasty", requests_per_minute=2)
    async with open_server(tenants={"hasty": hasty}) as served:
        answers = [await served.client.get("/v1/models", headers=key) for _ in range(3)]

        assert [answer.status_code for answer in answers] == [200, 200, 429]
        assert 1 <= int(answers[2].headers["retry-after"]) <= 30


def test_a_bucket_fills_while_nobody_asks() -> None:
    now = 0.0
    rates = Rates(lambda: now)
    waits = [rates.take("a", 60) for _ in range(61)]
    assert waits[:60] == [0.0] * 60
    assert waits[60] == pytest.approx(1.0)
    now = 2.0
    assert [rates.take("a", 60) for _ in range(3)][:2] == [0.0, 0.0]


@pytest.mark.usefixtures("house_policy")
async def test_only_a_key_that_may_sets_a_rule_aside(open_server: OpenServer) -> None:
    (may, key), (not_, others) = tenant("may", may_acknowledge=True), tenant("not")
    async with open_server(tenants={"may": may, "not": not_}) as served:
        asked = {"prompt": "an umbrella"}
        rule = {"x-limner-acknowledge": "umbrellas"}
        stopped = await served.client.post(GENERATIONS, json=asked, headers=key)
        forbidden = await served.client.post(GENERATIONS, json=asked, headers=others | rule)
        drawn = await served.client.post(GENERATIONS, json=asked, headers=key | rule)

        assert stopped.status_code == 400
        assert "x-limner-acknowledge: umbrellas" in stopped.json()["error"]["message"]
        assert (forbidden.status_code, forbidden.json()["error"]["param"]) == (
            403,
            "x-limner-acknowledge",
        )
        assert drawn.status_code == 200


@pytest.mark.usefixtures("house_policy")
async def test_without_keys_nobody_sets_a_rule_aside(open_server: OpenServer) -> None:
    async with open_server() as served:
        answer = await served.client.post(
            GENERATIONS,
            json={"prompt": "an umbrella"},
            headers={"x-limner-acknowledge": "umbrellas"},
        )

        assert (answer.status_code, answer.json()["error"]["code"]) == (403, "may_not_acknowledge")
        assert served.artist.state.journal.log() == []


async def test_a_turn_goes_on_when_its_client_has_left(
    open_server: OpenServer, serve: Serve
) -> None:
    artist = serve(latency=(0.2, 0.2))
    async with open_server(artist=artist) as served:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(partial(served.client.post, GENERATIONS, json=KITE))
            while not artist.counters.get("requests"):
                await anyio.lowlevel.checkpoint()
            tasks.cancel_scope.cancel()
        store = served.desk.agent.store
        assert [session.images for session in await store.sessions()] == [0]
    async with open_server() as served:
        [session] = await served.desk.agent.store.sessions()
        assert session.images == 1
