"""The Images API: what goes out to each kind of server, and what its answers come to."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import replace
from typing import Any

import anyio
import httpx2
import pytest

from agent.errors import UsageError
from agent.schema import Failure, ImageOptions, Tokens
from agent.traffic import (
    Ended,
    Failed,
    Message,
    Opened,
    Outgoing,
    PartialPicture,
    Picture,
    PictureData,
    PictureFailed,
    PictureUrl,
    Profile,
    Received,
)
from agent.upstream.dialects import DIALECTS
from agent.upstream.fetch import PictureFetcher
from agent.upstream.images import (
    NO_VARIATIONS,
    ImagesUpstream,
    refuses_response_format,
)
from agent.upstream.inprocess import InProcessTransport
from agent.wire.image_writer import content_type_of
from agent.wire.requests import read_form
from tests.conftest import png
from tests.offline.calling import post, server

from .serving import KEY, OUTGOING, PROFILE, Server, Standing, with_dialect

RED = png(16, 16, colour="red")
SQUARE = PictureData(png(1024, 1024), "image/png")
B64 = base64.b64encode(RED).decode()
WHOLE = json.dumps({"created": 1, "data": [{"b64_json": B64}], "model": "gpt-image-2"}).encode()
ASK = replace(OUTGOING, kind="ask", options=None)
STREAMING = with_dialect(images_stream=True)


def edit(*pictures: PictureData, mask: PictureData | None = None, **options: Any) -> Outgoing:
    return replace(
        OUTGOING,
        kind="edit",
        messages=(Message("user", "make it night", pictures or (SQUARE,)),),
        options=ImageOptions.model_validate(options),
        mask=mask,
    )


def generate(**options: Any) -> Outgoing:
    return replace(OUTGOING, options=ImageOptions.model_validate(options))


async def draw(
    transport: httpx2.AsyncBaseTransport,
    outgoing: Outgoing = OUTGOING,
    profile: Profile = PROFILE,
    **how: Any,
) -> list[Received]:
    """Everything that comes back; one end, and it stands last."""
    upstream = ImagesUpstream(profile, clock=Standing(), transport=transport, **how)
    with anyio.fail_after(30):
        async with aclosing(upstream.send(upstream.encode(outgoing), outgoing)) as items:
            received = [item async for item in items]
        await upstream.aclose()
    assert [i for i in received if isinstance(i, Ended | Failed)] == received[-1:]
    return received


def encoded(outgoing: Outgoing, profile: Profile = PROFILE) -> bytes:
    return ImagesUpstream(profile, clock=Standing()).encode(outgoing)


def dialect(name: str) -> Profile:
    return replace(PROFILE, dialect=DIALECTS[name])


def pictures(received: Sequence[Received]) -> list[bytes]:
    return [item.data for item in received if isinstance(item, Picture)]


def failure(received: Sequence[Received]) -> Failure:
    last = received[-1]
    assert isinstance(last, Failed), last
    return last.failure


def ended(received: Sequence[Received]) -> Ended:
    last = received[-1]
    assert isinstance(last, Ended), last
    return last


def refused(outgoing: Outgoing, profile: Profile = PROFILE) -> str:
    with pytest.raises(UsageError) as caught:
        encoded(outgoing, profile)
    return str(caught.value)


# ── what goes out ────────────────────────────────────────────────────────────────────────────


async def test_a_sentence_goes_to_generations_and_a_picture_to_edits() -> None:
    far = Server((WHOLE,))

    await draw(far)
    await draw(far, edit())
    await draw(far, edit(), dialect("hingnet"))

    made, form, as_json = far.requests
    assert [str(r.url).rpartition("/v1")[2] for r in far.requests] == [
        "/images/generations",
        "/images/edits",
        "/images/edits",
    ]
    assert made.headers["content-type"] == "application/json"
    assert as_json.headers["content-type"] == "application/json"
    assert form.headers["content-type"] == content_type_of(form.content)
    assert read_form(form.content, form.headers["content-type"])[1]["image"][0].data == SQUARE.data
    assert not [name for r in far.requests for name in r.headers if "limner" in name]
    assert {r.headers["authorization"] for r in far.requests} == {f"Bearer {KEY}"}


@pytest.mark.parametrize(
    ("name", "form", "streams"),
    [
        ("openai", True, True),
        ("sub2api", True, True),
        ("new-api", True, True),
        ("3hei", True, False),
        ("hingnet", False, False),
        ("litellm", True, False),
        ("generic", True, False),
        ("offline", True, True),
    ],
)
def test_each_dialect_gets_the_body_and_the_stream_that_it_proved(
    name: str, form: bool, streams: bool
) -> None:
    made = json.loads(encoded(replace(generate(partial_images=2), stream=True), dialect(name)))

    assert encoded(edit(), dialect(name)).startswith(b"--limner-") is form
    assert (made.get("stream"), made.get("partial_images")) == (
        (True, 2) if streams else (None,) * 2
    )
    assert "stream" not in json.loads(encoded(replace(generate(), stream=False), dialect(name)))


def test_drafts_are_asked_for_only_where_they_come() -> None:
    sent = json.loads(encoded(generate(partial_images=2), with_dialect(images_stream=True)))
    none = json.loads(
        encoded(generate(partial_images=2), with_dialect(images_stream=True, partials=False))
    )

    assert sent["partial_images"] == 2
    assert (none["stream"], "partial_images" in none) == (True, False)


def test_a_user_is_named_only_where_the_dialect_takes_it() -> None:
    named = replace(generate(), user="0123abcd")

    assert json.loads(encoded(named, with_dialect(safety_identifier=True)))["user"] == "0123abcd"
    assert "user" not in json.loads(encoded(named))


def test_input_fidelity_never_reaches_gpt_image_2() -> None:
    kept = generate(model="gpt-image-1.5", tool_options={"input_fidelity": "high"})

    assert "input_fidelity" not in json.loads(
        encoded(generate(tool_options={"input_fidelity": None}))
    )
    assert "does not take it" in refused(generate(tool_options={"input_fidelity": "high"}))
    assert json.loads(encoded(kept))["input_fidelity"] == "high"


def test_a_body_over_the_cap_is_refused_before_sending() -> None:
    assert "takes 100" in refused(generate(), with_dialect(body_cap=100))


def test_a_picture_that_would_be_cut_off_is_refused_before_sending() -> None:
    cut = with_dialect(part_cap=100)

    assert "cuts each off at 100" in refused(edit(), cut)
    assert "cuts each off" in refused(edit(PictureData(b"x" * 50, "image/png"), mask=SQUARE), cut)
    assert encoded(edit(PictureData(b"x" * 50, "image/png")), cut)
    assert encoded(edit(), with_dialect(part_cap=100, edit_body="json"))
    assert encoded(generate(), cut)


def test_a_mask_that_would_not_arrive_is_refused_before_sending() -> None:
    assert "Masks do not arrive" in refused(edit(mask=SQUARE), with_dialect(mask=False))


def test_a_prompt_longer_than_the_model_reads_is_refused_before_sending() -> None:
    long = replace(OUTGOING, messages=(Message("user", "x" * 32_000),))

    assert "reads 32,000" in refused(long)


# ── what comes back ──────────────────────────────────────────────────────────────────────────


async def test_a_picture_comes_back_and_no_text_model_is_billed() -> None:
    received = await draw(Server((WHOLE,), headers={"x-request-id": "req_1"}))

    assert received[0] == Opened(request_id="req_1")
    assert received[1] == Opened(request_id="req_1", tool_model="gpt-image-2")
    assert pictures(received) == [RED]
    assert ended(received).usage.text == Tokens(input=0, output=0, total=0)
    assert ended(received).usage.image is None


async def test_our_own_preamble_is_taken_out_of_the_revised_prompt() -> None:
    row = [
        {"b64_json": B64, "revised_prompt": "Draw.\n\na red kite"},
        {"url": "https://cdn.example/a.png", "revised_prompt": "another kite"},
        {"b64_json": base64.b64encode(SQUARE.data).decode(), "revised_prompt": "Draw."},
    ]
    received = await draw(Server((json.dumps({"created": 1, "data": row}).encode(),)))

    told = [i.revised_prompt for i in received if isinstance(i, Picture | PictureUrl)]
    assert told == ["a red kite", "another kite", None]


async def test_a_question_is_refused_and_nothing_is_sent() -> None:
    far = Server((WHOLE,))

    [only] = await draw(far, ASK)

    assert isinstance(only, Failed)
    assert (only.failure.code, only.failure.billed) == ("not_implemented", "no")
    assert far.requests == []


def test_variations_are_told_as_not_implemented() -> None:
    assert (NO_VARIATIONS.code, NO_VARIATIONS.billed) == ("not_implemented", "no")


async def test_a_refused_key_is_not_asked_for_again() -> None:
    body = json.dumps({"code": "INVALID_API_KEY", "message": "Invalid API key"}).encode()
    far = Server((body,), status=401)

    told = failure(await draw(far))

    assert (told.code, told.billed, len(far.requests)) == ("authentication", "no", 1)


async def test_a_parameter_that_was_refused_is_named() -> None:
    body = json.dumps({"error": {"message": "Bad.", "code": "invalid_value", "param": "size"}})

    assert "(parameter size)" in failure(await draw(Server((body.encode(),), status=400))).message


def test_an_upstream_knows_its_profile_and_when_to_try_again() -> None:
    upstream = ImagesUpstream(PROFILE, clock=Standing())
    told = Failure(code="rate_limited", message="slow down")

    assert upstream.profile is PROFILE
    assert upstream.retry_delay(told, tries=1, elapsed_s=0) is not None
    assert upstream.retry_delay(told, tries=9, elapsed_s=0) is None


# ── each kind of server, with our own artist behind it ───────────────────────────────────────


@pytest.mark.parametrize("name", ["offline", "openai", "sub2api", "new-api", "litellm", "hingnet"])
@pytest.mark.parametrize("stream", [True, False])
async def test_every_kind_of_server_draws_and_edits(name: str, stream: bool) -> None:
    offline = server(dialect=name)
    near = InProcessTransport(offline.handle)
    made = await draw(near, replace(generate(size="1024x640"), stream=stream), dialect(name))
    drawn = PictureData(pictures(made)[0], "image/png")
    mask = PictureData(png(1024, 640, mode="RGBA", colour="#00000000"), "image/png")

    edited = await draw(
        near, replace(edit(drawn, SQUARE, mask=mask, size="1024x640"), stream=stream), dialect(name)
    )

    assert len(pictures(edited)) == 1
    assert ended(edited).usage.image is not None
    assert offline.counters["generations"] == 2
    assert [i.revised_prompt for i in made if isinstance(i, Picture)] in ([None], [told(made)])


def told(received: Sequence[Received]) -> str | None:
    """A revised prompt, which only some gateways give, begins with what was asked for."""
    said = next((i.revised_prompt for i in received if isinstance(i, Picture)), None)
    assert said is None or said.startswith("a red kite (")
    return said


async def test_drafts_arrive_before_the_picture() -> None:
    near = InProcessTransport(server().handle)

    received = await draw(near, generate(partial_images=2), STREAMING)

    kinds = [type(item) for item in received if isinstance(item, PartialPicture | Picture)]
    assert kinds == [PartialPicture] * 3 + [Picture]


@pytest.mark.parametrize(
    ("fault", "code", "billed"),
    [
        ("401", "authentication", "no"),
        ("429", "rate_limited", "no"),
        ("quota", "quota", "no"),
        ("usage-limit", "usage_window", "no"),
        ("500", "transient", "possibly"),
        ("502", "transient", "possibly"),
        ("503-html", "transient", "possibly"),
        ("524", "transient", "possibly"),
        ("drop", "truncated", "possibly"),
        ("drop-after", "truncated", "possibly"),
        ("truncate", "truncated", "possibly"),
        ("html-200", "usage", "no"),
        ("error-in-200", "transient", "possibly"),
        ("moderation-400", "moderation_blocked", "no"),
        ("failed-item", "moderation_blocked", "no"),
        ("refusal-text", "moderation_blocked", "no"),
        ("no-image", "transient", "possibly"),
        ("response-failed", "transient", "possibly"),
        ("flat-error-event", "transient", "possibly"),
        ("nested-error-event", "moderation_blocked", "no"),
    ],
)
@pytest.mark.parametrize("stream", [True, False])
async def test_every_fault_is_a_typed_failure(
    fault: str, code: str, billed: str, stream: bool
) -> None:
    offline = server(fault)
    received = await draw(
        InProcessTransport(offline.handle), replace(generate(), stream=stream), STREAMING
    )

    told = failure(received)
    assert (told.code, pictures(received)) == (code, [])
    # a refusal that comes as an event comes after the 200, so its price is not known
    late = stream and code == "moderation_blocked" and fault != "moderation-400"
    assert told.billed == ("possibly" if late else billed)
    assert offline.counters["requests"] == 1


@pytest.mark.parametrize(
    "fault",
    [
        "comments",
        "ping-events",
        "unknown-events",
        "json-on-stream",
        "sse-on-nonstream",
        "duplicate-finals",
        "data-url-result",
        "list-result",
        "generating-status",
        "item-in-done-only",
        "size-lowered",
    ],
)
@pytest.mark.parametrize("stream", [True, False])
async def test_every_oddity_still_brings_its_one_picture(fault: str, stream: bool) -> None:
    near = InProcessTransport(server(fault).handle)

    received = await draw(near, replace(generate(), stream=stream), STREAMING)

    assert len(pictures(received)) == 1
    assert ended(received)


@pytest.mark.parametrize(
    ("fault", "kind", "count"),
    [
        ("two-images", Picture, 2),
        ("empty-result", PictureFailed, 1),
        ("bad-base64", PictureFailed, 1),
        ("url-result", PictureUrl, 1),
    ],
)
@pytest.mark.parametrize("stream", [True, False])
async def test_what_is_not_one_picture_is_told_as_it_is(
    fault: str, kind: type[Received], count: int, stream: bool
) -> None:
    near = InProcessTransport(server(fault).handle)

    received = await draw(near, replace(generate(), stream=stream), STREAMING)

    assert len([item for item in received if isinstance(item, kind)]) == count
    assert ended(received)


@pytest.mark.parametrize("stream", [True, False])
async def test_a_stream_without_its_end_may_be_billed(stream: bool) -> None:
    near = InProcessTransport(server("no-terminal").handle)

    received = await draw(near, replace(generate(), stream=stream), STREAMING)

    assert (failure(received).code, failure(received).billed) == ("empty", "possibly")


@pytest.mark.parametrize(
    ("name", "outgoing", "told"),
    [
        ("litellm", edit(), "litellm.APIError"),
        ("litellm", generate(), "model_dump"),
    ],
)
async def test_streaming_where_it_fails_is_an_error_without_its_base64(
    name: str, outgoing: Outgoing, told: str
) -> None:
    """L5: what the client would get if its dialect did not know better."""
    offline = server(dialect=name)

    received = await draw(InProcessTransport(offline.handle), outgoing, STREAMING)

    assert failure(received).billed == "possibly"
    assert told in failure(received).message
    assert len(failure(received).message) < 700


async def test_a_json_edit_where_it_does_not_arrive_is_refused() -> None:
    """L7: why forms are the default."""
    near = InProcessTransport(server(dialect="litellm").handle)

    told = failure(await draw(near, edit(), with_dialect(edit_body="json")))

    assert (told.code, told.billed) == ("invalid_parameter", "no")


@pytest.mark.parametrize(
    ("name", "code"),
    [("new-api", "not_implemented"), ("litellm", "usage"), ("openai", "usage")],
)
async def test_variations_do_not_exist_anywhere(name: str, code: str) -> None:
    offline = server(dialect=name)
    reply = await post(offline, "/images/variations", {})
    far = Server((reply.content,), status=reply.status_code)

    told = failure(await draw(far))

    assert (told.code, told.billed) == (code, "no")
    upstream = ImagesUpstream(PROFILE, clock=Standing())
    assert upstream.retry_delay(told, tries=1, elapsed_s=0) is None


# ── addresses (R32) ──────────────────────────────────────────────────────────────────────────


class Answers(httpx2.AsyncBaseTransport):
    """One answer after the other; writes down what it was asked."""

    def __init__(self, *answers: tuple[int, bytes]) -> None:
        self.answers = list(answers)
        self.asked: list[dict[str, Any]] = []

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        self.asked.append(json.loads(await request.aread()))
        status, body = self.answers.pop(0)
        return httpx2.Response(status, content=body)


def error(message: str, **fields: object) -> bytes:
    kind = {"type": "invalid_request_error", "message": message, **fields}
    return json.dumps({"error": kind}).encode()


ADDRESS = json.dumps({"created": 1, "data": [{"url": "https://cdn.example/a.png"}]}).encode()
UNKNOWN = error("Unknown parameter: 'response_format'.", code="unknown_parameter")
NAMELESS = error("Unknown parameter.", code="unknown_parameter", param="response_format")
UNSUPPORTED = error("litellm.UnsupportedParamsError: not supported by gpt-image-2", code="400")


async def test_an_address_is_asked_for_first_and_passed_on() -> None:
    far = Answers((200, ADDRESS))

    received = await draw(far, generate(), url_wanted=True)

    assert [i.url for i in received if isinstance(i, PictureUrl)] == ["https://cdn.example/a.png"]
    assert [asked.get("response_format") for asked in far.asked] == ["url"]


@pytest.mark.parametrize("refusal", [UNKNOWN, NAMELESS, UNSUPPORTED])
async def test_a_refused_response_format_is_left_out_once(refusal: bytes) -> None:
    far = Answers((400, refusal), (200, WHOLE))

    received = await draw(far, generate(), url_wanted=True)

    assert pictures(received) == [RED]
    assert [asked.get("response_format") for asked in far.asked] == ["url", None]


async def test_a_second_refusal_is_final() -> None:
    far = Answers((400, UNKNOWN), (400, UNKNOWN))

    assert failure(await draw(far, generate(), url_wanted=True)).code == "invalid_parameter"
    assert len(far.asked) == 2


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (400, error("Invalid size.", code="invalid_value", param="size")),
        (400, error("Rejected.", code="moderation_blocked")),
        (500, error("response_format broke us")),
        (502, b"<html>response_format</html>"),
        (401, error("response_format", code="invalid_api_key")),
    ],
)
async def test_any_other_failure_is_not_sent_again(status: int, body: bytes) -> None:
    far = Answers((status, body))

    assert failure(await draw(far, generate(), url_wanted=True))
    assert len(far.asked) == 1


async def test_without_a_wish_for_addresses_nothing_is_sent_twice() -> None:
    far = Answers((400, UNKNOWN))

    assert failure(await draw(far, generate())).code == "invalid_parameter"
    assert "response_format" not in far.asked[0]


def test_only_a_failure_refuses_a_parameter() -> None:
    assert not refuses_response_format(Ended(status="completed"))


@pytest.mark.parametrize(
    ("name", "requests"), [("openai", 2), ("litellm", 2), ("sub2api", 1), ("hingnet", 1)]
)
@pytest.mark.parametrize("stream", [True, False])
async def test_asking_for_addresses_costs_one_picture_anywhere(
    name: str, requests: int, stream: bool
) -> None:
    """C4, D7, L6: refused, answered with a data URL, or not heeded: bytes each time, never twice."""
    offline = server(dialect=name)
    outgoing = replace(generate(), stream=stream)

    received = await draw(
        InProcessTransport(offline.handle), outgoing, dialect(name), url_wanted=True
    )

    assert len(pictures(received)) == 1
    assert not [item for item in received if isinstance(item, PictureUrl)]
    assert (offline.counters["requests"], offline.counters["generations"]) == (requests, 1)


# ── addresses that were not asked for ────────────────────────────────────────────────────────


async def nowhere(host: str, port: int) -> Sequence[str]:  # noqa: ARG001 - the shape of a resolver
    return ["93.184.215.14"]


def web(status: int = 200) -> PictureFetcher:
    def answer(request: httpx2.Request) -> httpx2.Response:
        assert "authorization" not in request.headers
        return httpx2.Response(status, stream=httpx2.ByteStream(RED))

    return PictureFetcher(transport=httpx2.MockTransport(answer), resolve=nowhere)


async def test_an_address_is_fetched_where_the_profile_allows_it() -> None:
    allowed = replace(PROFILE, fetch_urls=True)

    received = await draw(Answers((200, ADDRESS)), generate(), allowed, fetcher=web())

    assert pictures(received) == [RED]
    assert not [item for item in received if isinstance(item, PictureUrl)]


async def test_an_address_that_gives_nothing_is_a_failed_picture() -> None:
    allowed = replace(PROFILE, fetch_urls=True)

    received = await draw(Answers((200, ADDRESS)), generate(), allowed, fetcher=web(404))

    [failed] = [item for item in received if isinstance(item, PictureFailed)]
    assert "cdn.example answered 404" in failed.failure.message
    assert failed.failure.billed == "possibly"


async def test_an_address_is_only_told_where_the_profile_does_not_allow_it() -> None:
    received = await draw(Answers((200, ADDRESS)), generate(), fetcher=web())

    assert [i.url for i in received if isinstance(i, PictureUrl)] == ["https://cdn.example/a.png"]
    assert pictures(received) == []


# ── models that were shut down (C7) ──────────────────────────────────────────────────────────

OLD = with_dialect(legacy_models=True)


def old_fields(model: str, **options: Any) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(encoded(generate(model=model, **options), OLD))
    return found


def test_a_model_that_was_shut_down_is_refused_where_nobody_still_has_it() -> None:
    assert "shut down on 2026-05-12" in refused(generate(model="dall-e-3"))


def test_an_old_model_gets_only_the_fields_it_knows_and_is_asked_for_bytes() -> None:
    plain = old_fields("dall-e-3", size="1792x1024")
    fine = old_fields("dall-e-3", tool_options={"quality": "hd", "style": "natural"})

    assert plain.keys() == {"model", "prompt", "n", "size", "response_format"}
    assert (plain["size"], plain["response_format"]) == ("1792x1024", "b64_json")
    assert (fine["quality"], fine["style"]) == ("hd", "natural")


def test_a_size_left_to_an_old_model_is_left_out() -> None:
    assert "size" not in old_fields("dall-e-2", size="auto")
    assert old_fields("gpt-image-1", size="auto")["size"] == "auto"


def test_the_first_gpt_image_model_is_written_to_like_its_successors() -> None:
    sent = old_fields("gpt-image-1", quality="high", output_format="webp", output_compression=50)

    assert (sent["quality"], sent["output_format"], sent["output_compression"]) == (
        "high",
        "webp",
        50,
    )
    assert "response_format" not in sent


def test_an_old_models_edit_is_a_form_with_its_fields() -> None:
    small = PictureData(png(256, 256), "image/png")
    body = encoded(edit(small, model="dall-e-2", size="256x256"), OLD)
    fields, files = read_form(body, content_type_of(body))

    assert files["image"][0].data == small.data
    assert fields.keys() == {"model", "prompt", "n", "size", "response_format"}
