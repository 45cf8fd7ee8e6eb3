"""One request goes out once, to one place; what comes back is read, waited for and let go of."""

from __future__ import annotations

import gc
import json
import ssl
from contextlib import aclosing
from dataclasses import replace
from decimal import Decimal

import anyio
import httpx2
import pytest

from agent.errors import UsageError
from agent.schema import Cost, Failure, FailureCode, ImageOptions
from agent.traffic import Ended, Failed, Opened, PartialPicture, Picture, PictureFailed, TextPiece
from agent.upstream.responses import ResponsesUpstream

from .serving import (
    COMPLETED,
    CREATED,
    FOREVER,
    KEY,
    OUTGOING,
    PROFILE,
    Server,
    Standing,
    ask,
    done,
    event,
    failure_of,
    image,
    upstream_on,
    with_dialect,
)

DELTA = event("output_text.delta", delta="hm")
SHORT = replace(PROFILE, silence_s=0.02)
JSON = {"content-type": "application/json"}


def pictures(received: list[object]) -> list[bytes]:
    return [item.data for item in received if isinstance(item, Picture)]


# ── the request ──────────────────────────────────────────────────────────────────────────────


async def test_one_request_goes_out_with_our_bytes() -> None:
    server = Server((CREATED, COMPLETED))
    upstream = upstream_on(server)

    await ask(server)

    (request,) = server.requests
    assert (request.method, str(request.url)) == ("POST", "https://gateway.example/v1/responses")
    assert request.content == upstream.encode(OUTGOING)
    assert request.headers["content-type"] == "application/json"
    assert request.headers["authorization"] == f"Bearer {KEY}"


async def test_the_key_stands_in_one_header_and_nowhere_else() -> None:
    server = Server((COMPLETED,))

    await ask(server)

    (request,) = server.requests
    others = [v for k, v in request.headers.items() if k != "authorization"]
    assert KEY not in str(request.url) + str(request.content) + "".join(others)


async def test_the_environment_adds_nothing_to_a_request(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_CUSTOM_HEADERS", "Authorization: Bearer sk-other\nX-Secret: abc")
    monkeypatch.setenv("OPENAI_ORG_ID", "org-private")
    monkeypatch.setenv("OPENAI_PROJECT_ID", "proj-private")
    monkeypatch.setenv("OPENAI_API_KEY", "sk-openai")
    monkeypatch.setenv("OPENAI_BASE_URL", "https://elsewhere.example/v1")
    server = Server((COMPLETED,))

    await ask(server)

    (request,) = server.requests
    assert request.url.host == "gateway.example"
    assert request.headers["authorization"] == f"Bearer {KEY}"
    sent = " ".join(f"{k}: {v}" for k, v in request.headers.items())
    assert not [word for word in ("sk-other", "abc", "private", "sk-openai") if word in sent]


async def test_a_profile_of_an_organization_and_a_project_says_so() -> None:
    server = Server((COMPLETED,))

    await ask(server, replace(PROFILE, organization="org-mine", project="proj-mine"))

    headers = server.requests[0].headers
    assert headers["openai-organization"] == "org-mine"
    assert headers["openai-project"] == "proj-mine"


async def test_a_server_without_a_key_still_gets_a_bearer() -> None:
    server = Server((COMPLETED,))

    await ask(server, replace(PROFILE, api_key=""))

    assert server.requests[0].headers["authorization"] == "Bearer none"


async def test_a_key_that_no_header_can_carry_is_said_before_anything_is_sent() -> None:
    server = Server((COMPLETED,))

    failure = await failure_of(server, replace(PROFILE, api_key="clé-privée"))

    assert (failure.code, failure.billed) == ("usage", "no")
    assert "privée" not in failure.message
    assert server.requests == []


def test_a_user_is_named_only_where_the_dialect_takes_it() -> None:
    outgoing = replace(OUTGOING, user="9f86d081")

    plain = upstream_on(Server()).encode(outgoing)
    taken = upstream_on(Server(), with_dialect(safety_identifier=True)).encode(outgoing)

    assert "safety_identifier" not in json.loads(plain)
    assert json.loads(taken)["safety_identifier"] == "9f86d081"


def test_a_body_over_the_cap_is_refused_before_sending() -> None:
    size = len(upstream_on(Server()).encode(OUTGOING))

    assert upstream_on(Server(), with_dialect(body_cap=size)).encode(OUTGOING)
    with pytest.raises(UsageError, match=f"is {size:,} bytes; generic takes {size - 1:,}"):
        upstream_on(Server(), with_dialect(body_cap=size - 1)).encode(OUTGOING)


@pytest.mark.parametrize("status", [301, 302, 307, 308])
async def test_a_redirect_is_named_and_never_followed(status: int) -> None:
    elsewhere = "https://evil.example/v1/responses?key=sk-abcdefghijkl"
    server = Server((), status=status, headers={"location": elsewhere})

    failure = await failure_of(server)

    assert len(server.requests) == 1
    assert (failure.code, failure.billed, failure.status) == ("usage", "no", status)
    assert "a redirect to https://evil.example/v1/responses" in failure.message
    assert "sk-abc" not in failure.message


async def test_a_redirect_to_the_result_of_what_was_done_is_not_known_to_be_free() -> None:
    """303 means: done, look there."""
    failure = await failure_of(Server((), status=303, headers={"location": "/drawn/1"}))

    assert (failure.code, failure.billed) == ("unknown", "possibly")
    assert "not sent again" in failure.hint


# ── the answer ───────────────────────────────────────────────────────────────────────────────


async def test_what_comes_back_is_told_in_order_with_the_request_id() -> None:
    draft = event(
        "image_generation_call.partial_image", partial_image_index=0, partial_image_b64="ZHJhZnQ="
    )
    server = Server(
        (CREATED, draft, DELTA, done(b"kite"), COMPLETED), headers={"x-request-id": "req_1"}
    )

    received = await ask(server)

    assert received == [
        Opened(request_id="req_1"),
        Opened(request_id="req_1", response_id="resp_1"),
        PartialPicture(index=0, data=b"draft"),
        TextPiece("hm"),
        Picture(item_id="ig_1", data=b"kite", status="generating"),
        Opened(request_id="req_1", response_id="resp_1"),
        Ended(status="completed", response_id="resp_1"),
    ]


async def test_drafts_are_decoded_only_when_asked_for() -> None:
    draft = event("image_generation_call.partial_image", partial_image_b64="ZHJhZnQ=")
    plain = replace(OUTGOING, options=ImageOptions())

    received = await ask(Server((draft, COMPLETED)), outgoing=plain)

    assert not [item for item in received if isinstance(item, PartialPicture)]


@pytest.mark.parametrize("name", ["x-request-id", "x-litellm-call-id", "x-oai-request-id"])
async def test_the_request_id_has_several_names(name: str) -> None:
    received = await ask(Server((COMPLETED,), headers={name: "id-1"}))

    assert received[0] == Opened(request_id="id-1")


async def test_a_request_id_that_is_a_key_is_not_shown() -> None:
    received = await ask(Server((COMPLETED,), headers={"x-request-id": "sk-abcdefgh12345678"}))

    assert received[0] == Opened(request_id="<secret>")


async def test_failures_carry_the_request_id() -> None:
    headers = {"x-request-id": "req_9"}
    bad = event("output_item.done", item={"type": "image_generation_call", "result": None})

    item, end = (await ask(Server((bad, CREATED), headers=headers)))[-2:]

    assert isinstance(item, PictureFailed)
    assert isinstance(end, Failed)
    assert item.failure.request_id == end.failure.request_id == "req_9"


@pytest.mark.parametrize(
    ("header", "amount"),
    [
        ("0.0421", "0.0421"),
        ("0", None),
        ("-1", None),
        ("nan", None),
        ("inf", None),
        ("1e300", None),
        ("x", None),
        ("", None),
    ],
)
async def test_a_cost_in_a_header_is_read(header: str, amount: str | None) -> None:
    end = (await ask(Server((COMPLETED,), headers={"x-litellm-response-cost": header})))[-1]

    assert isinstance(end, Ended)
    assert end.reported_cost == (
        None if amount is None else Cost(amount=Decimal(amount), basis="reported")
    )


async def test_a_cost_in_the_answer_outranks_the_header() -> None:
    said = event("completed", response={"output": [], "usage": {"cost": 0.5}})

    end = (await ask(Server((said,), headers={"x-litellm-response-cost": "0.1"})))[-1]

    assert isinstance(end, Ended)
    assert end.reported_cost == Cost(amount=Decimal("0.5"), basis="reported")


async def test_json_on_a_stream_is_read() -> None:
    body = json.dumps({"id": "resp_1", "status": "completed", "output": [image(b"kite")]})

    assert pictures([*await ask(Server((body.encode(),), headers=JSON))]) == [b"kite"]


@pytest.mark.parametrize(
    ("body", "code", "billed"),
    [
        (b"<html><title>Sign in</title></html>", "usage", "no"),
        (b"", "empty", "possibly"),
        (b"hello", "malformed", "possibly"),
        (b' \n \n{"error":{"code":"moderation_blocked","message":"no"}}', "moderation_blocked", "possibly"),
        (b'{"error":{"code":"insufficient_quota","message":"no"}}', "quota", "no"),
        (CREATED, "truncated", "possibly"),
        (b"data: not json\n\n", "malformed", "possibly"),
    ],
)  # fmt: skip
async def test_a_200_that_is_no_answer_is_a_failure(body: bytes, code: str, billed: str) -> None:
    failure = await failure_of(Server((body,)))

    assert (failure.code, failure.billed) == (code, billed)


# ── statuses ─────────────────────────────────────────────────────────────────────────────────


async def test_an_error_status_is_judged_by_its_body_and_headers() -> None:
    body = b'{"error":{"code":"rate_limit_exceeded","message":"slow down"}}'
    headers = {"retry-after": "7", "x-request-id": "req_2"}

    failure = await failure_of(Server((body,), status=429, headers=headers))

    assert failure == Failure(
        code="rate_limited",
        message="The server answered 429: slow down (rate_limit_exceeded)",
        hint=failure.hint,
        request_id="req_2",
        retry_at=failure.retry_at,
        status=429,
        billed="no",
        upstream_code="rate_limit_exceeded",
    )
    assert failure.retry_at is not None
    assert (failure.retry_at - Standing().now()).total_seconds() == 7


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after-ms": "1500", "retry-after": "9"}, 1.5),
        ({"retry-after": "0.5"}, 0.5),
        ({"retry-after": "Fri, 20 Nov 2026 12:00:30 GMT"}, 30.0),
        ({"retry-after": "Fri, 20 Nov 2026 11:00:00 GMT"}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "inf"}, None),
        ({"retry-after": "-3"}, None),
        ({"retry-after-ms": "x", "retry-after": "2"}, 2.0),
        ({"llm_provider-retry-after": "3600"}, 3600.0),
        ({"llm_provider-retry-after": "9", "retry-after": "2"}, 2.0),
        ({}, None),
    ],
)
async def test_when_to_come_back_is_read_from_seconds_and_dates(
    headers: dict[str, str], seconds: float | None
) -> None:
    failure = await failure_of(Server((b"{}",), status=429, headers=headers))

    wait = failure.retry_at and (failure.retry_at - Standing().now()).total_seconds()
    assert wait == seconds


async def test_a_wait_in_the_body_counts_when_no_header_says_one() -> None:
    body = b'{"error":{"message":"busy","retry_after":4}}'

    failure = await failure_of(Server((body,), status=429))

    assert failure.retry_at is not None
    assert (failure.retry_at - Standing().now()).total_seconds() == 4


async def test_a_key_that_a_server_repeats_is_not_shown() -> None:
    profile = replace(PROFILE, api_key="hunter2-hunter2")
    body = b'{"code":"INVALID_API_KEY","message":"no user hunter2-hunter2 here"}'

    failure = await failure_of(Server((body,), status=401), profile)

    assert failure.code == "authentication"
    assert "hunter2" not in failure.message


async def test_a_status_counts_although_its_body_broke_off() -> None:
    steps = (b'{"error":', httpx2.ReadError("reset"))

    failure = await failure_of(Server(steps, status=401, headers={"x-request-id": "req_3"}))

    assert (failure.code, failure.status, failure.billed) == ("authentication", 401, "no")
    assert failure.request_id == "req_3"


# ── broken lines ─────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("error", "code", "billed"),
    [
        (httpx2.ConnectError("refused"), "connection", "no"),
        (httpx2.ConnectTimeout("slow"), "connection", "no"),
        (httpx2.ProxyError("403 Forbidden"), "connection", "no"),
        (httpx2.UnsupportedProtocol("ftp"), "usage", "no"),
        (httpx2.LocalProtocolError("bad header"), "usage", "no"),
        (httpx2.RemoteProtocolError("Server disconnected"), "truncated", "possibly"),
        (httpx2.ReadError("reset"), "truncated", "possibly"),
        (httpx2.ReadTimeout("slow"), "truncated", "possibly"),
        (httpx2.WriteError("reset"), "truncated", "possibly"),
        (ssl.SSLError("decryption failed"), "truncated", "possibly"),
        (ssl.SSLCertVerificationError("self-signed"), "connection", "no"),
        (anyio.EndOfStream(), "truncated", "possibly"),
        (ConnectionResetError("reset"), "truncated", "possibly"),
    ],
)
async def test_a_line_that_breaks_before_the_headers(
    error: Exception, code: FailureCode, billed: str
) -> None:
    failure = await failure_of(Server(at_once=error))

    assert (failure.code, failure.billed) == (code, billed)


@pytest.mark.parametrize(
    "error",
    [
        httpx2.ReadError("reset"),
        httpx2.RemoteProtocolError("incomplete chunked read"),
        httpx2.DecodingError("bad gzip"),
        ssl.SSLError("decryption failed"),
        anyio.EndOfStream(),
        ConnectionResetError("reset"),
    ],
)
async def test_what_arrived_whole_before_a_cut_is_told(error: Exception) -> None:
    received = await ask(Server((CREATED, done(b"kite"), b'data: {"type":"resp', error)))

    assert pictures([*received]) == [b"kite"]
    assert isinstance(received[-1], Failed)
    assert received[-1].failure.code == "truncated"
    assert received[-1].failure.billed == "possibly"


async def test_an_event_without_its_blank_line_before_a_cut_is_told() -> None:
    received = await ask(Server((done(b"kite").rstrip(), httpx2.ReadError("reset"))))

    assert pictures([*received]) == [b"kite"]


async def test_an_end_that_arrived_before_a_cut_is_the_end() -> None:
    received = await ask(Server((done(b"kite"), COMPLETED.rstrip(), httpx2.ReadError("reset"))))

    assert isinstance(received[-1], Ended)


async def test_an_error_that_arrived_before_a_cut_is_the_reason() -> None:
    said = event("failed", response={"error": {"code": "insufficient_quota", "message": "no"}})

    failure = await failure_of(Server((said.rstrip(), httpx2.ReadError("reset"))))

    assert failure.code == "quota"


async def test_nothing_after_the_end_matters() -> None:
    received = await ask(Server((COMPLETED, httpx2.ReadError("reset"))))

    assert isinstance(received[-1], Ended)


# ── what a late error costs ──────────────────────────────────────────────────────────────────

LIMITED = event("failed", response={"error": {"code": "rate_limit_exceeded", "message": "slow"}})


async def test_a_rate_limit_before_any_work_is_free() -> None:
    failure = await failure_of(Server((CREATED, LIMITED)))

    assert (failure.code, failure.billed) == ("rate_limited", "no")


@pytest.mark.parametrize(
    "work",
    [
        DELTA,
        event("image_generation_call.generating"),
        event("image_generation_call.partial_image", partial_image_b64="ZHJhZnQ="),
        done(b"kite"),
    ],
)
async def test_a_rate_limit_after_work_may_be_billed(work: bytes) -> None:
    failure = await failure_of(Server((CREATED, work, LIMITED)))

    assert (failure.code, failure.billed) == ("rate_limited", "possibly")


# ── waiting ──────────────────────────────────────────────────────────────────────────────────


async def test_silence_before_the_headers_ends_the_wait() -> None:
    failure = await failure_of(Server((FOREVER,)), SHORT)

    assert (failure.code, failure.billed) == ("truncated", "possibly")
    assert "silent" in failure.message


async def test_silence_in_the_answer_ends_the_wait_and_closes_it() -> None:
    server = Server((CREATED, done(b"kite"), FOREVER))

    received = await ask(server, SHORT)

    assert pictures([*received]) == [b"kite"]
    assert isinstance(received[-1], Failed)
    assert received[-1].failure.code == "truncated"
    assert server.closed == 1


async def test_the_whole_turn_has_an_end_also_before_the_headers() -> None:
    failure = await failure_of(Server((FOREVER,)), replace(PROFILE, total_s=0.02))

    assert (failure.code, failure.billed) == ("truncated", "possibly")
    assert "whole turn" in failure.message


async def test_the_whole_turn_has_an_end_although_events_come() -> None:
    server = Server((CREATED, 50.0, DELTA, 50.0, DELTA, FOREVER))

    failure = await failure_of(server, replace(PROFILE, total_s=100.0))

    assert "The whole turn took 100 s" in failure.message


@pytest.mark.parametrize(
    "noise",
    [b": PING\n\n", b":\n\n", b'data: {"type":"ping"}\n\n', b'data: {"type":"keepalive"}\n\n'],
)
async def test_comments_and_pings_do_not_break_the_silence(noise: bytes) -> None:
    server = Server((CREATED, 35.0, noise, 35.0, noise, FOREVER))

    failure = await failure_of(server)

    assert "silent for 60 s" in failure.message


async def test_white_space_before_a_late_answer_does_not_break_the_silence() -> None:
    failure = await failure_of(Server((b" \n", 35.0, b" \n", 35.0, b" \n", FOREVER)))

    assert "silent for 60 s" in failure.message


@pytest.mark.parametrize(
    "sign",
    [
        DELTA,
        event("reasoning_summary_text.delta", delta="thinking"),
        event("output_item.added", item={}),
        event("image_generation_call.partial_image", partial_image_b64="%"),
        b'data: {"type":"response.output_item.done","item":"' + b"A" * 2000,
    ],
    ids=["words", "reasoning", "item", "draft", "a long event on its way"],
)
async def test_any_event_breaks_the_silence(sign: bytes) -> None:
    steps = (CREATED, 35.0, sign, 35.0, b'"}\n\n', 35.0, COMPLETED)

    received = await ask(Server(steps))

    assert isinstance(received[-1], Ended)


async def test_a_large_whole_answer_may_arrive_slowly() -> None:
    body = json.dumps({"status": "completed", "output": [image(b"kite" * 9000)]}).encode()
    half = len(body) // 3

    received = await ask(Server((body[:half], 50.0, body[half:-half], 50.0, body[-half:])))

    assert pictures([*received]) == [b"kite" * 9000]


@pytest.mark.parametrize(
    ("options", "stream", "seconds"),
    [
        (ImageOptions(), True, 180),
        (ImageOptions(), False, 300),
        (ImageOptions(quality="high"), True, 300),
        (ImageOptions(quality="max"), True, 300),
        (ImageOptions(size="2560x1440"), True, 180),
        (ImageOptions(size="3840x2160"), True, 300),
        (ImageOptions(size="auto"), True, 180),
        (ImageOptions(size="²x²"), True, 180),
        (None, False, 180),
    ],
)
async def test_how_long_silence_may_be_depends_on_the_work(
    options: ImageOptions | None,
    stream: bool,
    seconds: int,
) -> None:
    outgoing = replace(OUTGOING, options=options, stream=stream)
    profile = replace(PROFILE, silence_s=None)
    patient = Server((CREATED, seconds - 1.0, COMPLETED))

    assert isinstance((await ask(patient, profile, outgoing))[-1], Ended)

    server = Server((CREATED, seconds + 1.0, b": PING\n\n", FOREVER))
    failure = await failure_of(server, profile, outgoing)
    assert f"silent for {seconds} s" in failure.message


# ── letting go ───────────────────────────────────────────────────────────────────────────────


async def test_leaving_early_closes_the_answer() -> None:
    for taken in (1, 2, 3):
        server = Server((CREATED, DELTA, DELTA, FOREVER))
        upstream = upstream_on(server)

        with anyio.fail_after(5):
            async with aclosing(upstream.send(b"{}", OUTGOING)) as items:
                for _ in range(taken):
                    await anext(items)
            await upstream.aclose()

        assert server.closed == 1
        assert server.sent <= taken
    gc.collect()


async def test_cancelling_closes_the_answer() -> None:
    server = Server((CREATED, FOREVER))
    upstream = upstream_on(server)

    async def read() -> None:
        async with aclosing(upstream.send(b"{}", OUTGOING)) as items:
            async for item in items:
                if isinstance(item, Opened) and item.response_id:
                    group.cancel_scope.cancel()

    with anyio.fail_after(5):
        async with anyio.create_task_group() as group:
            group.start_soon(read)

    assert server.closed == 1


async def test_the_first_events_are_told_before_the_last_are_there() -> None:
    server = Server((CREATED, done(b"kite"), FOREVER))

    with anyio.fail_after(5):
        async with aclosing(upstream_on(server).send(b"{}", OUTGOING)) as items:
            seen = [await anext(items) for _ in range(3)]

    assert pictures([*seen]) == [b"kite"]


async def test_an_upstream_knows_its_profile_and_when_to_try_again() -> None:
    upstream: ResponsesUpstream = upstream_on(Server())
    free = Failure(code="connection", message="no")

    assert upstream.profile is PROFILE
    assert upstream.retry_delay(free, tries=1, elapsed_s=0) is not None
    assert upstream.retry_delay(free, tries=9, elapsed_s=0) is None
