"""Every error has one meaning and one price, and neither is guessed from words."""

from __future__ import annotations

import ssl
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import product

import httpx2
import pytest

from agent.schema import Billed, Failure, FailureCode, Stage
from agent.traffic import Dialect
from agent.upstream.failures import broken, judge, silent
from agent.upstream.retry import delay_before_retry
from agent.wire.faults import Fault, fault_of_body

from .serving import GENERIC, NOW, Standing

CLOCK = Standing()
REQUEST = httpx2.Request("POST", "https://gateway.example/v1/responses")


def judged(fault: Fault, *, streamed: bool = False, dialect: Dialect = GENERIC) -> Failure:
    return judge(fault, dialect, clock=CLOCK, streamed=streamed)


def of_body(status: int, body: bytes) -> Failure:
    return judged(fault_of_body(body, status=status))


def error(
    code: str | int | None = None,
    type_: str | None = None,
    param: str | None = None,
    *,
    message: str = "words",
) -> bytes:
    import json

    fields = {"message": message, "code": code, "type": type_, "param": param}
    return json.dumps({"error": fields}).encode()


def lost(message: str) -> bytes:
    """As LiteLLM tells an error of its Images API: the code is the status (L3)."""
    return error("400", "image_generation_user_error", message=message)


def limited(message: str) -> bytes:
    return error("429", "throttling_error", message=message)


MODERATED = b'{"error":{"message":"m","code":"moderation_blocked","moderation_details":{"moderation_stage":"%s"}}}'
QUOTED = (
    b'{"error":{"message":"litellm.BadRequestError: OpenAIException - {\\n \\"error\\": '
    b'{\\"code\\": \\"moderation_blocked\\", \\"message\\": \\"no\\"}}","code":"400","type":"x"}}'
)
CASES: list[tuple[str, int, bytes, FailureCode, Billed]] = [
    ("R52: not a key of the gateway", 401, b'{"code":"INVALID_API_KEY","message":"x"}', "authentication", "no"),
    ("R53: an illegal parameter", 400, error(None, "invalid_request_error", "size"), "invalid_parameter", "no"),
    ("R54: the usage window is full", 429, error(None, "usage_limit_reached"), "usage_window", "no"),
    ("R55: upstream request failed", 502, error(None, "upstream_error"), "transient", "possibly"),
    ("R57: an unknown code of a 400", 400, error("image_url_not_available"), "invalid_parameter", "no"),
    ("D22: a refusal in words", 400, error("content_policy_violation", "image_generation_user_error"), "moderation_blocked", "no"),
    ("D22: a refusal by type alone", 400, error(None, "content_policy"), "moderation_blocked", "no"),
    ("wire 0.5: with a code of its own", 404, error("item_not_found", "invalid_request_error"), "invalid_parameter", "no"),
    ("a status outranks one in the code", 400, error("502"), "invalid_parameter", "no"),
    ("D23: rate limit by type", 429, error(None, "rate_limit_error"), "rate_limited", "no"),
    ("D24: the upstream's 429 passed on", 429, error(None, "rate_limit_error"), "rate_limited", "no"),
    ("D24: overloaded", 503, error(None, "upstream_error"), "transient", "possibly"),
    ("D25: key required", 401, b'{"code":"API_KEY_REQUIRED","message":"x"}', "authentication", "no"),
    ("D25: key disabled", 401, b'{"code":"API_KEY_DISABLED","message":"x"}', "authentication", "no"),
    ("D25: key expired", 403, b'{"code":"API_KEY_EXPIRED","message":"x"}', "authentication", "no"),
    ("D25: no balance", 403, b'{"code":"INSUFFICIENT_BALANCE","message":"x"}', "quota", "no"),
    ("D25: no subscription", 403, b'{"code":"SUBSCRIPTION_NOT_FOUND","message":"x"}', "authentication", "no"),
    ("D25: a quota is permanent", 429, error("insufficient_quota", "insufficient_quota"), "quota", "no"),
    ("D25: too many bad keys", 429, b'{"code":"INVALID_AUTH_RATE_LIMITED","message":"x"}', "rate_limited", "no"),
    ("D26: images not enabled", 403, error(None, "permission_error"), "authentication", "no"),
    ("D33: no room", 429, b"{}", "rate_limited", "no"),
    ("N1: not implemented", 501, error("api_not_implemented", "new_api_error"), "not_implemented", "no"),
    ("N10: a word list", 400, error("sensitive_words_detected", "new_api_error"), "moderation_blocked", "no"),
    ("N10: a blocked prompt", 400, error("prompt_blocked"), "moderation_blocked", "no"),
    ("N10: the user's quota", 403, error("insufficient_user_quota", "new_api_error"), "quota", "no"),
    ("N10: the request was made", 500, error("do_request_failed", "new_api_error"), "transient", "possibly"),
    ("N10: no such model", 503, error("model_not_found", "new_api_error"), "invalid_parameter", "no"),
    ("N10: the status stands in param", 200, error("bad_response_status_code", "upstream_error", "429"), "rate_limited", "no"),
    ("N11: the code beats a rewritten status", 502, MODERATED % b"unknown", "moderation_blocked", "possibly"),
    ("N11: also where it was stopped going in", 502, MODERATED % b"input", "moderation_blocked", "no"),
    ("L3: the code is quoted in the message", 400, QUOTED, "moderation_blocked", "no"),
    ("L3: rewritten types", 429, error("429", "throttling_error"), "rate_limited", "no"),
    ("L3: a server error", 500, error("500", "internal_server_error"), "transient", "possibly"),
    ("L3: a timeout under a generic type, after it was drawn", 408, error("408", "invalid_request_error"), "transient", "possibly"),
    ("L4: the gateway cools down", 429, error("all_deployments_in_cooldown"), "cooldown", "no"),
    ("L9: no such path", 404, b'{"detail":"Not Found"}', "usage", "no"),
    ("L10: a bad key is a 400", 400, error("no_db_connection"), "authentication", "no"),
    ("wire 4.1: blocked going in", 400, MODERATED % b"input", "moderation_blocked", "no"),
    ("wire 4.1: blocked coming out", 400, MODERATED % b"output", "moderation_blocked", "possibly"),
    ("wire 4.1: one type, three faults", 400, error("invalid_value", "image_generation_user_error", "size"), "invalid_parameter", "no"),
    ("wire 4.1: a bad picture", 400, error("invalid_image_file", "image_generation_user_error"), "invalid_parameter", "no"),
    ("wire 4.1: the account's policy", 400, error("invalid_prompt", "invalid_request_error"), "moderation_blocked", "no"),
    ("wire 4.1: a spend limit", 429, error("project_spend_limit_exceeded"), "quota", "no"),
    ("wire 0.5: an item was not stored", 404, error(None, "invalid_request_error", "input"), "invalid_parameter", "no"),
    ("OpenAI: a wrong URL", 404, error(None, "invalid_request_error"), "usage", "no"),
    ("OpenAI: no access to a model", 403, error("model_not_found", "invalid_request_error"), "invalid_parameter", "no"),
    ("an integer code", 400, error(40003), "invalid_parameter", "no"),
    ("a 401 under a generic type", 401, error(None, "invalid_request_error"), "authentication", "no"),
    ("a 413 under a generic type", 413, error(None, "invalid_request_error"), "too_large", "no"),
    ("a 429 under a generic code", 429, error("upstream_error"), "rate_limited", "no"),
    ("a 402", 402, b"{}", "quota", "no"),
    ("a 413 in HTML", 413, b"<html><title>413 Too Large</title>", "too_large", "no"),
    ("html 502", 502, b"<html><title>502 Bad Gateway</title>", "transient", "possibly"),
    ("html 524", 524, b"<html><title>A timeout occurred</title>", "transient", "possibly"),
    ("html 400: plain HTTP to an HTTPS port", 400, b"<html><title>400</title>", "usage", "no"),
    ("a path that is not there", 404, error("not_found", "invalid_request_error"), "usage", "no"),
    ("html 404", 404, b"<html><title>404</title>", "usage", "no"),
    ("html 405", 405, b"<html>", "usage", "no"),
    ("html 403", 403, b"<html><title>Attention Required</title>", "authentication", "no"),
    ("html 200", 200, b"<html><title>Sign in</title>", "usage", "no"),
    ("plain 503", 503, b"no healthy upstream", "transient", "possibly"),
    ("plain 400", 400, b"Bad Request", "invalid_parameter", "no"),
    ("empty 502", 502, b"", "transient", "possibly"),
    ("empty 401", 401, b"", "authentication", "no"),
    ("empty 200", 200, b"", "empty", "possibly"),
    ("a 408", 408, b"{}", "transient", "possibly"),
    ("a 300", 300, b"{}", "usage", "no"),
    ("a 302", 302, b"<html>Found</html>", "usage", "no"),
    ("a 303: done, look there", 303, b"", "unknown", "possibly"),
    ("html 200 of an error", 200, b"<html><title>502 Bad Gateway</title>", "transient", "possibly"),
    ("html 200 of a year", 200, b"<html><title>Console 2026</title>", "usage", "no"),
    ("L3: a code in a repr", 400, lost("Error code: 400 - {'error': {'message': 'no', 'code': 'moderation_blocked', 'param': None}}"), "moderation_blocked", "no"),
    ("L3: JSON without its wrapper", 400, lost('OpenAIException - {"message": "no", "code": "content_policy_violation"}'), "moderation_blocked", "no"),
    ("L3: the class of LiteLLM's exception", 400, lost("litellm.ContentPolicyViolationError: litellm.BadRequestError: no"), "moderation_blocked", "no"),
    ("L3: words are no class", 400, lost("no ContentPolicyViolationError, only words that were rejected"), "invalid_parameter", "no"),
    ("L3: the code is lost", 400, lost("OpenAIException - rejected by the safety system"), "invalid_parameter", "no"),
    ("L3: a part of the request is no error", 400, lost('Bad tool: {"type": "content_policy", "size": "1x1"}'), "invalid_parameter", "no"),
    ("L3: nor is an example of one", 400, lost('Send {"code": "insufficient_quota"}'), "invalid_parameter", "no"),
    ("L3: a quota in a message", 429, limited('OpenAIException - {"error": {"code": "insufficient_quota", "message": "no"}}'), "quota", "no"),
    ("L3: a quota in a message, cut", 429, limited('OpenAIException - {"error": {"code": "insufficient_quota", "mess'), "quota", "no"),
    ("L3: a usage window in a message", 429, limited('{"error": {"type": "usage_limit_reached", "message": "no"}}'), "usage_window", "no"),
    ("L3: a usage window in a repr", 429, limited("{'error': {'type': 'usage_limit_reached', 'resets_at': 1795000000}}"), "usage_window", "no"),
    ("the exacter of two names", 429, error("rate_limit_exceeded", "insufficient_quota"), "quota", "no"),
    ("also the other way round", 429, error("usage_limit_reached", "rate_limit_error"), "usage_window", "no"),
    ("a 200 with a nameless error", 200, b'{"error":"oh"}', "unknown", "possibly"),
    ("a 200 with text", 200, b"oh", "malformed", "possibly"),
    ("an odd 1xx", 101, b"oh", "unknown", "possibly"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("status", "body", "code", "billed"), [case[1:] for case in CASES], ids=[c[0] for c in CASES]
)
def test_an_error_has_its_meaning_and_its_price(
    status: int, body: bytes, code: FailureCode, billed: Billed
) -> None:
    failure = of_body(status, body)

    assert (failure.code, failure.billed, failure.status) == (code, billed, status)
    assert failure.message.startswith(f"The server answered {status}: ")
    assert (failure.stage is not None) == (code == "moderation_blocked")


@pytest.mark.parametrize("status", [200, 400, 401, 429, 500, 502])
def test_only_what_certainly_cost_nothing_is_ever_sent_again(status: int) -> None:
    for (_, _, body, *_), streamed in product(CASES, (True, False)):
        failure = judged(fault_of_body(body, status=status), streamed=streamed)
        again = delay_before_retry(failure, tries=1, elapsed_s=0, clock=CLOCK)

        assert again is None or (
            failure.billed == "no"
            and failure.stage is None
            and failure.code in ("rate_limited", "cooldown")
        ), body


# ── in a stream, and item by item ────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("fault", "code", "billed"),
    [
        (Fault(code="rate_limit_exceeded"), "rate_limited", "no"),
        (Fault(code="429", type="throttling_error"), "rate_limited", "no"),
        (Fault(code="429", type="x"), "rate_limited", "no"),
        (Fault(code="502", type="x"), "transient", "possibly"),
        (Fault(code="server_error"), "transient", "possibly"),
        (Fault(type="upstream_error"), "transient", "possibly"),
        (Fault(code="failed"), "transient", "possibly"),
        (Fault(code="cancelled"), "transient", "possibly"),
        (Fault(code="moderation_blocked"), "moderation_blocked", "possibly"),
        (Fault(code="moderation_blocked", stage="input"), "moderation_blocked", "no"),
        (Fault(code="image_content_policy_violation"), "moderation_blocked", "possibly"),
        (Fault(stage="unknown"), "moderation_blocked", "possibly"),
        (Fault(code="insufficient_quota"), "quota", "no"),
        (Fault(code="image_too_large"), "too_large", "no"),
        (Fault(code="empty_result"), "no_image", "possibly"),
        (Fault(code="bad_base64"), "malformed", "possibly"),
        (Fault(kind="truncated"), "truncated", "possibly"),
        (Fault(kind="empty"), "empty", "possibly"),
        (Fault(kind="malformed"), "malformed", "possibly"),
        (Fault(code="999"), "unknown", "possibly"),
        (Fault(code="40003"), "unknown", "possibly"),
        (Fault(code="4xx"), "unknown", "possibly"),
        (Fault(code="odd", param="429"), "unknown", "possibly"),
        (Fault(), "unknown", "possibly"),
    ],
)
def test_an_error_in_a_stream_has_its_meaning_and_its_price(
    fault: Fault, code: FailureCode, billed: Billed
) -> None:
    failure = judged(fault, streamed=True)

    assert (failure.code, failure.billed, failure.status) == (code, billed, None)
    assert failure.hint or code == "empty"  # whoever judges the whole answer says what to do
    assert failure.message.startswith("The provider" if failure.stage else "The server failed")


@pytest.mark.parametrize("code", ["rate_limit_exceeded", "insufficient_quota", "invalid_value"])
def test_after_work_no_error_is_free(code: str) -> None:
    fault = Fault(code=code)

    assert judge(fault, GENERIC, clock=CLOCK, streamed=True).billed == "no"
    assert judge(fault, GENERIC, clock=CLOCK, streamed=True, worked=True).billed == "possibly"


@pytest.mark.parametrize(
    ("said", "stage"),
    [
        ("input", "provider_input"),
        ("output", "provider_output"),
        ("unknown", "provider_unknown"),
        ("somewhere", "provider_unknown"),
        (None, "provider_unknown"),
    ],
)
def test_a_refusal_says_at_which_stage(said: str | None, stage: Stage) -> None:
    fault = Fault(status=400, code="moderation_blocked", stage=said, categories=("violence",))

    failure = judged(fault)

    assert (failure.stage, failure.categories) == (stage, ("violence",))
    assert failure.upstream_code == "moderation_blocked"


def test_a_code_that_the_dialect_proved_free_is_free() -> None:
    fault = Fault(status=502, code="upstream_error")
    dialect = replace(GENERIC, free_codes=("upstream_error",))

    assert judged(fault, dialect=dialect).billed == "no"
    assert judged(fault).billed == "possibly"


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (Fault(message="slow down", code="busy"), "slow down (busy)"),
        (Fault(message="you are busy", code="busy"), "you are busy"),
        (Fault(message="slow down"), "slow down"),
        (Fault(message="slow down", status=429), "The server answered 429: slow down"),
    ],
)
def test_the_servers_words_are_told_with_its_code_once(fault: Fault, words: str) -> None:
    assert judged(fault).message == words


def test_a_refusal_without_a_status_is_not_known_to_be_free() -> None:
    assert judged(Fault(code="moderation_blocked")).billed == "possibly"


def test_codes_are_compared_without_regard_to_case() -> None:
    assert judged(Fault(status=400, code="Moderation_Blocked")).stage is not None
    assert judged(Fault(status=400, type="USAGE_LIMIT_REACHED")).code == "usage_window"


# ── when to come back ────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("fault", "at"),
    [
        (
            Fault(resets_at=1_795_000_000.0, resets_in=5.0),
            datetime.fromtimestamp(1_795_000_000, UTC),
        ),
        (Fault(resets_in=5400.0, retry_after=1.0), NOW + timedelta(seconds=5400)),
        (Fault(retry_after=1.5), NOW + timedelta(seconds=1.5)),
        (Fault(retry_after=0.0), NOW),
        (Fault(resets_at=-1.0, retry_after=2.0), NOW + timedelta(seconds=2)),
        (Fault(resets_at=1e18), None),
        (Fault(retry_after=-1.0), None),
        (Fault(retry_after=1e12), NOW + timedelta(days=366)),
        (Fault(retry_after=float("inf")), None),
        (Fault(retry_after=float("nan")), None),
        (Fault(), None),
    ],
)
def test_when_to_come_back_is_a_time_that_exists(fault: Fault, at: datetime | None) -> None:
    assert judged(replace(fault, status=429)).retry_at == at


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (32_400.0, "until 2026-11-20 21:00 UTC, 9 h from now"),
        (200_000.0, "until 2026-11-22 19:33 UTC, 2 d from now"),
        (61.0, "until 2026-11-20 12:01 UTC, 1 min from now"),
        (60.0, "Wait a little"),
        (None, "Wait a little"),
    ],
)
def test_a_wait_that_nobody_sits_through_is_told_by_its_end(
    seconds: float | None, words: str
) -> None:
    assert words in judged(Fault(status=429, retry_after=seconds)).hint


def test_when_a_usage_window_ends_is_found_in_a_message_too() -> None:
    told = judged(fault_of_body(limited("{'error': {'type': 'usage_limit_reached', "
        "'resets_at': 1795000000, 'resets_in_seconds': 9}}"), status=429))  # fmt: skip

    assert told.retry_at == datetime.fromtimestamp(1_795_000_000, UTC)


def test_an_error_without_its_code_is_said_to_be_one_of_several() -> None:
    assert "lost the error's code" in of_body(400, lost("rejected")).hint
    named = error("invalid_value", "image_generation_user_error")
    placed = error(None, "image_generation_user_error", "size")
    assert "Check size" in of_body(400, named).hint
    assert "Check size" in of_body(400, placed).hint


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (Fault(code="bad_base64"), "damaged on its way"),
        (Fault(code="address_not_fetched"), "base64 (b64_json)"),
        (Fault(kind="malformed"), "no answer of an API that draws"),
    ],
)
def test_the_hint_of_what_cannot_be_read_fits_every_api(fault: Fault, words: str) -> None:
    hint = judged(fault, streamed=True).hint

    assert words in hint
    assert "Responses" not in hint


# ── exceptions ───────────────────────────────────────────────────────────────────────────────


def test_a_refusal_on_a_stream_is_not_known_to_be_free() -> None:
    fault = Fault(status=400, code="moderation_blocked")

    assert judged(fault).billed == "no"
    assert judged(fault, streamed=True).billed == "possibly"


@pytest.mark.parametrize(
    ("cause", "code", "billed"),
    [
        (httpx2.ConnectError("x"), "connection", "no"),
        (httpx2.ConnectTimeout("x"), "connection", "no"),
        (httpx2.PoolTimeout("x"), "connection", "no"),
        (httpx2.ProxyError("x"), "connection", "no"),
        (ConnectionRefusedError(), "connection", "no"),
        (ssl.SSLCertVerificationError("x"), "connection", "no"),
        (httpx2.InvalidURL("x"), "usage", "no"),
        (httpx2.UnsupportedProtocol("x"), "usage", "no"),
        (UnicodeEncodeError("ascii", "é", 0, 1, "no"), "usage", "no"),
        (httpx2.ReadTimeout("x"), "truncated", "possibly"),
        (httpx2.WriteTimeout("x"), "truncated", "possibly"),
        (httpx2.RemoteProtocolError("x"), "truncated", "possibly"),
        (ssl.SSLError("x"), "truncated", "possibly"),
        (RuntimeError("x"), "truncated", "possibly"),
    ],
)
def test_a_line_never_made_is_free_and_a_line_lost_is_not(
    cause: Exception, code: FailureCode, billed: Billed
) -> None:
    failure = broken(cause)

    assert (failure.code, failure.billed) == (code, billed)


def test_a_reason_without_words_is_named_by_its_kind_and_shows_no_secret() -> None:
    nameless = broken(httpx2.ReadError(""))
    secret = broken(httpx2.ProxyError("http://user:pass@proxy:1 failed"))

    assert "ReadError" in nameless.message
    assert "pass" not in secret.message


def test_waiting_too_long_is_not_known_to_be_free() -> None:
    assert silent(180.0, total=False).message.startswith("The server was silent for 180 s")
    assert silent(900.0, total=True).message.startswith("The whole turn took 900 s")
    assert silent(1.0, total=True).billed == "possibly"
