"""Errors in every wording that was seen, and nothing in them that must not be shown."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.wire.faults import Fault, fault_of, fault_of_body, tidy

from .answers_of import fixture


def read(value: object, status: int | None = 400) -> Fault:
    return fault_of_body(json.dumps(value).encode(), status=status)


def test_a_nested_error_is_read_whole() -> None:
    details = {"moderation_stage": "input", "categories": ["other", 7, "violence"]}
    body = {
        "error": {
            "message": "Your request was rejected by the safety system.",
            "type": "image_generation_user_error",
            "param": "prompt",
            "code": "moderation_blocked",
            "moderation_details": details,
        }
    }

    assert read(body) == Fault(
        status=400,
        code="moderation_blocked",
        type="image_generation_user_error",
        message="Your request was rejected by the safety system.",
        param="prompt",
        stage="input",
        categories=("other", "violence"),
    )


@pytest.mark.parametrize(
    ("body", "code", "message"),
    [
        ({"code": "INVALID_API_KEY", "message": "Invalid API key"}, "INVALID_API_KEY", "Invalid API key"),
        ({"error": "no such model"}, None, "no such model"),
        ({"error": "quota", "message": "You are out of it"}, "quota", "You are out of it"),
        ({"error": {"message": "x", "code": 40003}}, "40003", "x"),
        ({"error": {"message": "x", "code": ""}}, None, "x"),
        ({"error": {"message": "x", "code": True}}, None, "x"),
        ({"error": {"msg": "x"}}, None, "x"),
        ({"detail": "Not Found"}, None, "Not Found"),
        ({"detail": {"error": "expired", "message": "x"}}, "expired", "x"),
        ({"detail": [{"loc": ["body"], "msg": "field required"}]}, None, "field required"),
        ({"detail": ["and", {"msg": "field required"}]}, None, "field required"),
        ({"code": "\x1b", "message": "x"}, None, "x"),
        ({"error": "invalid_token", "error_description": "x"}, "invalid_token", "x"),
        ([{"error": {"message": "x", "code": 400}}], "400", "x"),
        ({"error": {"message": ["x"], "code": {}, "type": 5, "param": []}}, None, ""),
    ],
)  # fmt: skip
def test_flat_and_foreign_wordings_are_read(body: object, code: str | None, message: str) -> None:
    told = read(body)

    assert told.code == code
    assert told.message == message or not message


@pytest.mark.parametrize("details", [{"categories": ["sexual"]}, {"moderation_stage": "unknown"}])
def test_moderation_details_without_a_stage_are_still_moderation(details: object) -> None:
    assert read({"error": {"message": "x", "moderation_details": details}}).stage == "unknown"


def test_moderation_details_may_stand_beside_the_error() -> None:
    body = {"error": {"message": "x"}, "moderation_details": {"moderation_stage": "output"}}

    assert read(body).stage == "output"


@pytest.mark.parametrize("details", [None, {}, [], "input"])
def test_no_moderation_details_are_no_moderation(details: object) -> None:
    assert read({"error": {"message": "x", "moderation_details": details}}).stage is None


@pytest.mark.parametrize("kind", ["error", "response.failed"])
def test_the_type_of_an_event_is_not_the_type_of_its_error(kind: str) -> None:
    assert fault_of({"type": kind, "code": "c", "message": "m"}).type is None
    assert fault_of({"type": "throttling_error", "message": "m"}).type == "throttling_error"


# ── when to come back ────────────────────────────────────────────────────────────────────────


def test_a_full_usage_window_says_when_it_opens() -> None:
    told = fault_of_body(fixture("usage_limit_reached.json"), status=429)

    assert (told.type, told.code) == ("usage_limit_reached", None)
    assert (told.resets_at, told.resets_in) == (1_795_000_000.0, 5400.0)


@pytest.mark.parametrize(
    ("words", "seconds"),
    [
        ("Please try again in 11.054s. Visit", 11.054),
        ("Please try again in 850ms.", 0.85),
        ("Try again in 2m", 120.0),
        ("try again in a moment", None),
        ("try again in 5 seconds", None),
    ],
)
def test_a_wait_in_words_is_a_wait(words: str, seconds: float | None) -> None:
    assert read({"error": {"message": words}}).resets_in == seconds


def test_a_wait_in_numbers_outranks_one_in_words() -> None:
    told = read({"error": {"message": "try again in 3s", "resets_in_seconds": 9, "retry_after": 4}})

    assert (told.resets_in, told.retry_after) == (9.0, 4.0)


# ── quoted inside a message ──────────────────────────────────────────────────────────────────

UPSTREAM = {"error": {"message": "Rejected.", "type": "image_generation_user_error",
            "code": "moderation_blocked", "moderation_details": {"moderation_stage": "input"}}}  # fmt: skip


@pytest.mark.parametrize(
    "quoted",
    [
        json.dumps(UPSTREAM),
        json.dumps(UPSTREAM, indent=2),
        json.dumps(UPSTREAM) + ". Received Model Group={'a': 'b'}",
        json.dumps(json.dumps(UPSTREAM)),
        repr(UPSTREAM),
        json.dumps(UPSTREAM)[:-2] + "…",
    ],
    ids=["plain", "indented", "with a tail", "escaped", "python", "cut off"],
)
def test_the_code_inside_a_quoted_error_outranks_the_one_outside(quoted: str) -> None:
    told = read({"error": {"message": f"OpenAIException - {quoted}", "code": "400", "type": "x"}})

    assert told.code == "moderation_blocked"
    assert told.type == "image_generation_user_error"
    assert told.stage == "input"
    assert told.status == 400


def test_litellm_quotes_with_line_breaks() -> None:
    told = fault_of_body(fixture("quoted_by_litellm.json"), status=400)

    assert told.code == "moderation_blocked"
    assert told.message == "Your request was rejected by the safety system."


def test_a_quoted_error_without_a_code_keeps_the_outer_one() -> None:
    told = read({"error": {"message": 'upstream said {"error": {"message": "no"}}', "code": "c"}})

    assert (told.code, told.message) == ("c", "no")
    assert read({"error": {"message": "{'error': nothing}", "code": "c"}}).code == "c"


def test_quoted_json_that_is_no_error_leaves_the_message_as_it_is() -> None:
    message = 'expected {"type": "image"} in input[0]'

    told = read({"error": {"message": message, "code": "c"}})

    assert (told.code, told.message, told.type) == ("c", message, None)


def test_what_the_quoted_error_says_outranks_the_outer_one_and_the_rest_is_kept() -> None:
    outer = {
        "code": "c",
        "type": "t",
        "param": "p",
        "moderation_details": {"moderation_stage": "input", "categories": ["a"]},
        "resets_at": 1.0,
        "resets_in_seconds": 2.0,
    }
    inner = {
        "message": "no",
        "code": "C",
        "type": "T",
        "param": "P",
        "moderation_details": {"moderation_stage": "output", "categories": ["b"]},
        "resets_at": 3.0,
        "resets_in_seconds": 4.0,
    }

    silent = read({"error": {**outer, "message": 'said {"error": {"a": 1}}'}})
    spoken = read({"error": {**outer, "message": "said " + json.dumps({"error": inner})}})

    assert silent == Fault(
        status=400, code="c", type="t", message='said {"error": {"a": 1}}', param="p",
        stage="input", categories=("a",), resets_at=1.0, resets_in=2.0,
    )  # fmt: skip
    assert spoken == Fault(
        status=400, code="C", type="T", message="no", param="P",
        stage="output", categories=("b",), resets_at=3.0, resets_in=4.0,
    )  # fmt: skip


def test_a_quoted_error_nested_without_end_is_left_alone() -> None:
    deep = '{"error":' * 50_000

    assert read({"error": {"message": deep, "code": "c"}}).code == "c"


# ── bodies that are no JSON ──────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("body", "kind", "message"),
    [
        (b"", "empty", "The answer was empty."),
        (b" \r\n\xef\xbb\xbf"[:3], "empty", "The answer was empty."),
        (
            b"<html><head><TITLE>502 Bad\nGateway</TITLE><p>nginx",
            "html",
            "an HTML page: 502 Bad Gateway",
        ),
        (b"<h1>Just a moment</h1>", "html", "an HTML page: Just a moment"),
        (b"upstream connect error", "malformed", "upstream connect error"),
        (b'{"unknown": "shape"}', "malformed", '{"unknown": "shape"}'),
        (b"12", "malformed", "12"),
    ],
)
def test_a_body_without_an_error_object_is_described(body: bytes, kind: str, message: str) -> None:
    assert fault_of_body(body, status=502) == Fault(
        kind="html" if kind == "html" else "empty" if kind == "empty" else "malformed",
        status=502,
        message=message,
    )


@pytest.mark.parametrize(
    "body", [{"code": "c"}, {"type": "t"}, {"moderation_details": {"categories": ["a"]}}]
)
def test_any_part_of_an_error_is_an_error(body: object) -> None:
    assert read(body).kind == "error"


def test_an_error_sent_as_a_stream_is_read() -> None:
    body = b': PING\n\ndata: {}\n\ndata: oh\n\nevent: error\ndata: {"type":"error","error":{"code":"c","message":"m"}}\n\n'

    assert fault_of_body(body, status=429).code == "c"


def test_a_byte_order_mark_before_an_error_is_no_matter() -> None:
    assert fault_of_body(b'\xef\xbb\xbf\n{"code":"c","message":"m"}', status=400).code == "c"


# ── what may be shown ────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("key sk-proj-abc123def456 is wrong", "key <secret> is wrong"),
        ("Incorrect API key: sk-abc1****wxyz.", "Incorrect API key: <secret>."),
        ("Authorization: Bearer abc.def-ghi", "Authorization: <secret>"),
        ("token eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIx.x_y", "token <secret>"),
        ("Authorization: Basic dXNlcjpwYXNzd29yZA==", "Authorization: <secret>"),
        (
            "see https://h.example/x?api_key=abcdef1&size=1",
            "see https://h.example/x?api_key=<secret>&size=1",
        ),
        ("/x?X-Amz-Signature=0a1b2c3d&v=2", "/x?X-Amz-Signature=<secret>&v=2"),
        ("max_tokens=1000000, token: expected", "max_tokens=1000000, token: expected"),
        ("proxy http://user:pass@proxy.example/x", "proxy http://<secret>@proxy.example/x"),
        ("image " + "iVBORw0KGgo" * 30 + "==", "image <base64>"),
        ("data:image/png;base64," + "QUJD" * 40, "<base64>"),
        ("two\n  lines\tand\x00 more", "two lines and more"),
        ("\x1b[2J\x1b]0;title\x07cleared", "[2J]0;titlecleared"),
        ("a\ud800b", "a?b"),
        ("turn \u202e around", "turn  around"),
        ("错误：额度不足", "错误：额度不足"),
    ],
)
def test_a_message_is_shown_without_secrets_pictures_and_control_characters(
    said: str, shown: str
) -> None:
    assert tidy(said) == shown


def test_a_long_message_is_cut() -> None:
    assert len(tidy("word " * 10_000)) == 600
    assert tidy("word " * 10_000).endswith("…")


def test_every_text_of_a_fault_is_short_and_clean() -> None:
    long = "sk-abcdefgh12345678 " + "x y" * 3000
    error = {
        "code": long,
        "type": long,
        "param": long,
        "message": long,
        "moderation_details": {"moderation_stage": long, "categories": [long] * 50},
    }

    told = read({"error": error})

    texts = [told.code, told.type, told.param, told.stage, *told.categories]
    assert len(told.categories) == 20
    assert all(text is not None and len(text) <= 120 and "sk-" not in text for text in texts)


@pytest.mark.parametrize("code", ["400", None])
def test_the_class_that_litellm_puts_before_its_message_stands_for_a_lost_code(
    code: str | None,
) -> None:
    message = "litellm.ContentPolicyViolationError: no"

    assert read({"error": {"message": message, "code": code}}).code == "content_policy_violation"
    assert read({"error": {"message": message, "code": "invalid_value"}}).code == "invalid_value"


SENTENCE = "OpenAIException - rejected by the safety system. safety_violations=[sexual, violence]."


def test_where_the_code_is_lost_the_providers_own_list_behind_its_sentence_says_what_it_was() -> (
    None
):
    lost = {"message": SENTENCE, "type": "image_generation_user_error", "code": "400"}
    told = read({"error": lost})

    assert (told.code, told.categories) == ("moderation_blocked", ("sexual", "violence"))
    assert read({"error": lost | {"code": None}}).code == "moderation_blocked"


@pytest.mark.parametrize(
    "change",
    [
        {"type": "invalid_request_error"},
        {"code": "invalid_value"},
        {"message": "Your request was rejected by the safety system."},
        {"message": "safety_violations=[]"},
        {"message": "safety_violations are not told"},
    ],
)
def test_without_that_list_or_under_another_type_nothing_is_guessed(change: dict[str, str]) -> None:
    lost = {"message": SENTENCE, "type": "image_generation_user_error", "code": "400"}

    assert read({"error": lost | change}).code != "moderation_blocked"


@given(st.binary(), st.sampled_from([None, 200, 400, 502]))
def test_no_body_ever_raises(body: bytes, status: int | None) -> None:
    told = fault_of_body(body, status=status)

    assert told.status == status
    told.message.encode()


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(exclude_categories=())),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=5,
)  # fmt: skip
fields = st.fixed_dictionaries(
    {},
    optional=dict.fromkeys(
        ["error", "detail", "message", "code", "type", "param", "moderation_details",
         "moderation_stage", "categories", "resets_at", "resets_in_seconds", "retry_after"],
        values,
    ),
)  # fmt: skip


@given(fields, fields, fields)
def test_no_json_ever_raises(outer: object, inner: dict[str, object], details: object) -> None:
    assert isinstance(outer, dict)
    told = fault_of({**outer, "error": {**inner, "moderation_details": details}})

    str(told).encode()
