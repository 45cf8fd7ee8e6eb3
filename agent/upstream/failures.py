"""One place that judges errors: by code, then nested JSON, then type, then status (never by words).

``billed`` is the point: ``no`` where the server refused before any work, ``possibly`` where it may
have drawn. A ``stage`` makes the failure a refusal.
"""

from __future__ import annotations

import math
import re
import ssl
from datetime import UTC, datetime, timedelta

import httpx2

from ..protocols import Clock
from ..schema import Billed, Failure, FailureCode, Stage
from ..traffic import Dialect
from ..wire.faults import Fault, tidy
from .retry import LONGEST_WAIT_S

_POLICY = {
    "moderation_blocked",
    "content_policy",
    "content_policy_violation",
    "image_content_policy_violation",
    "content_filter",
    "policy_violation",
    "safety_violation",
    "prompt_blocked",
    "sensitive_words_detected",
    "invalid_prompt",
}
_CODES: dict[str, FailureCode] = {
    "insufficient_quota": "quota",
    "insufficient_user_quota": "quota",
    "insufficient_balance": "quota",
    "billing_hard_limit_reached": "quota",
    "project_spend_limit_exceeded": "quota",
    "usage_limit_reached": "usage_window",
    "rate_limit_exceeded": "rate_limited",
    "rate_limit_error": "rate_limited",
    "throttling_error": "rate_limited",
    "invalid_auth_rate_limited": "rate_limited",
    "all_deployments_in_cooldown": "cooldown",
    "invalid_api_key": "authentication",
    "api_key_required": "authentication",
    "api_key_disabled": "authentication",
    "api_key_expired": "authentication",
    "user_inactive": "authentication",
    "access_denied": "authentication",
    "subscription_not_found": "authentication",
    "no_db_connection": "authentication",
    "authentication_error": "authentication",
    "permission_error": "authentication",
    "api_not_implemented": "not_implemented",
    "not_implemented": "not_implemented",
    "invalid_value": "invalid_parameter",
    "invalid_image_file": "invalid_parameter",
    "invalid_image": "invalid_parameter",
    "image_too_large": "too_large",
    "image_parse_error": "invalid_parameter",
    "model_not_found": "invalid_parameter",
    "unknown_parameter": "invalid_parameter",
    "invalid_request_error": "invalid_parameter",
    "image_generation_user_error": "invalid_parameter",
    "unsupported_parameter": "invalid_parameter",
    "server_error": "transient",
    "internal_server_error": "transient",
    "upstream_error": "transient",
    "failed": "transient",
    "cancelled": "transient",
    "empty_result": "no_image",
    "bad_base64": "malformed",
    "address_not_fetched": "malformed",
}
_GENERIC = {
    "invalid_request_error",
    "image_generation_user_error",
    "server_error",
    "internal_server_error",
    "upstream_error",
}
"""Types under which gateways pass everything on: a status that says more is believed instead."""
_EXACT: set[FailureCode] = {"quota", "usage_window", "cooldown"}
"""What some name only beside a code that says no more than "too many requests"."""
_STAGES: dict[str | None, Stage] = {"input": "provider_input", "output": "provider_output"}
_FREE: set[FailureCode] = {
    "authentication",
    "quota",
    "usage_window",
    "rate_limited",
    "cooldown",
    "invalid_parameter",
    "not_implemented",
    "too_large",
    "usage",
}
_HINTS: dict[FailureCode, str] = {
    "authentication": "Check the key and that it belongs to this server: `limner config show`.",
    "quota": "The account has no credit left; this is not retried. Top it up or switch profile.",
    "usage_window": "The account's usage window is full: wait, or switch account.",
    "rate_limited": "Wait a little, or lower the concurrency.",
    "cooldown": "The gateway has paused its upstream after an error; wait a minute.",
    "invalid_parameter": "Check size, background, quality and format against the model.",
    "not_implemented": "This server does not offer it; nothing was drawn.",
    "too_large": "Send a smaller picture, or a JPEG or WebP of it.",
    "transient": "The server failed after it had the request, so it may have drawn and billed. "
    "It is not sent again by itself.",
    "truncated": "The answer broke off, so it may be billed. It is not sent again by itself.",
    "connection": "Check the network and the base URL.",
    "usage": "Check the base URL: it should be the API's root, usually ending in /v1.",
    "unknown": "Nobody knows whether it was drawn, so it may be billed. It is not sent again by itself.",
    "no_image": "It may be billed, and is not asked for again by itself. Try it as a new turn, or "
    "look at the gateway: it may hold pictures back.",
    "malformed": "This is no answer of an API that draws; check the base URL and the gateway.",
}
_LOST_CODE = (
    "The gateway has lost the error's code: the provider may have refused the words, or the size, "
    "quality, format or picture may not suit the model. Change the request; it is not repeated."
)
_DAMAGED: dict[str | None, str] = {
    "bad_base64": "The picture was damaged on its way: look at the gateway. It may be billed.",
    "address_not_fetched": "Ask the gateway for base64 (b64_json). It may be billed.",
}
_FAILED_PAGE = re.compile(r"\b5\d\d\b")


def judge(
    fault: Fault, dialect: Dialect, *, clock: Clock, streamed: bool, worked: bool = False
) -> Failure:
    """Turn what a server said into what it means.

    ``streamed``: a 200 had already been given. ``worked``: so had words or a part of a drawing,
    after which no error is free any more.
    """
    if _is_policy(fault):
        return Failure(
            code="moderation_blocked",
            message=_words(fault, "The provider refused the request."),
            hint="Change the wording and send it as a new turn; the same request is never repeated.",
            stage=_STAGES.get(fault.stage, "provider_unknown"),
            categories=fault.categories,
            request_id=fault.request_id,
            status=fault.status,
            billed=_billed_refusal(fault, streamed=streamed),
            upstream_code=fault.code,
        )
    code, retry_at = _code(fault), _retry_at(fault, clock)
    return Failure(
        code=code,
        message=_words(fault, "The server failed without a word."),
        hint=_when(retry_at, clock) if code == "rate_limited" else _hint(code, fault, dialect),
        request_id=fault.request_id,
        retry_at=retry_at,
        status=fault.status,
        billed="possibly" if worked else _billed(code, fault, dialect),
        upstream_code=fault.code,
    )


def broken(cause: Exception) -> Failure:
    """What a transport raised: a line never made is free, one lost afterwards is not known."""
    before = httpx2.ConnectError | httpx2.ConnectTimeout | httpx2.PoolTimeout | httpx2.ProxyError
    if isinstance(cause, before | ssl.SSLCertVerificationError | ConnectionRefusedError):
        return Failure(
            code="connection",
            message=f"No connection to the server: {_reason(cause)}.",
            hint=_HINTS["connection"],
        )
    if isinstance(
        cause,
        httpx2.UnsupportedProtocol | httpx2.InvalidURL | httpx2.LocalProtocolError | UnicodeError,
    ):
        return unsendable(cause)
    return Failure(
        code="truncated",
        message=f"The connection broke after the request was sent: {_reason(cause)}.",
        hint=_HINTS["truncated"],
        billed="possibly",
    )


def unsendable(cause: Exception) -> Failure:
    """Nothing went out: by what we were told of the way, there is none."""
    return Failure(
        code="usage",
        message=f"The request cannot be sent: {_reason(cause)}.",
        hint="Check the base URL and the key (`limner config show`), and what HTTPS_PROXY, "
        "ALL_PROXY and SSL_CERT_FILE say.",
    )


def silent(waited_s: float, *, total: bool) -> Failure:
    """Nothing more came in time; the server may still be drawing."""
    what = "The whole turn took" if total else "The server was silent for"
    return Failure(
        code="truncated",
        message=f"{what} {waited_s:.0f} s; giving up waiting.",
        hint="It may be billed, and is not sent again by itself. Before the next: wait longer "
        "(silence_s, total_s in the profile), stream, or try the prompt small and at low quality "
        "first.",
        billed="possibly",
    )


def too_long(most: int) -> Failure:
    """The answer went past ``most``; what arrived whole before it still counts."""
    return Failure(
        code="malformed",
        message=f"The answer is longer than {most:,} bytes; nothing more of it was read.",
        hint="No answer with a picture is that long: look at the gateway. It may be billed, and is "
        "not sent again by itself.",
        billed="possibly",
    )


def _when(retry_at: datetime | None, clock: Clock) -> str:
    """A wait that nobody sits through is told by its end."""
    wait_s = (retry_at - clock.now()).total_seconds() if retry_at else 0.0
    if retry_at is None or wait_s <= LONGEST_WAIT_S:
        return _HINTS["rate_limited"]
    return (
        f"The server takes no more until {retry_at.astimezone(UTC):%Y-%m-%d %H:%M} UTC, "
        f"{_span(wait_s)} from now: come back then, or switch account or profile."
    )


def _span(seconds: float) -> str:
    """``2 min``, ``9 h``, ``3 d``: rounded to the unit that is read."""
    for unit, size in (("d", 86_400), ("h", 3_600)):
        if seconds >= 1.5 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{max(seconds / 60, 1):.0f} min"


def _hint(code: FailureCode, fault: Fault, dialect: Dialect) -> str:
    if code == "malformed" and fault.code in _DAMAGED:
        return _DAMAGED[fault.code]
    if code == "invalid_parameter" and _lost_its_code(fault):
        return _LOST_CODE
    hidden = code == "transient" and fault.status in dialect.refusal_statuses
    more = (
        " This kind of gateway also hides refusals behind it: change the prompt." if hidden else ""
    )
    return _HINTS.get(code, "") + more


def _lost_its_code(fault: Fault) -> bool:
    """One type stands for refusals, parameters and pictures (wire.md 4.1); only a code parts them."""
    nameless = fault.code is None or fault.code.isdecimal()
    return fault.type == "image_generation_user_error" and nameless and fault.param is None


def _is_policy(fault: Fault) -> bool:
    names = {(fault.code or "").lower(), (fault.type or "").lower()}
    return bool(names & _POLICY) or fault.stage is not None


def _code(fault: Fault) -> FailureCode:
    status = _status(fault)
    says_more = status in (401, 402, 403, 408, 413, 422, 429, 501)
    nameless = status == 404 and fault.code in (None, "", "not_found") and not fault.param
    names = [(said or "").lower() for said in (fault.code, fault.type)]
    vague = _GENERIC if says_more or nameless else set[str]()
    named = [_CODES[name] for name in names if name in _CODES and name not in vague]
    if named and named[0] == "rate_limited":
        return next((code for code in named if code in _EXACT), "rate_limited")
    return named[0] if named else _by_status(fault, status)


def _status(fault: Fault) -> int:
    """The error's status, 0 for none.

    Also where a gateway hides it: in the code (L3), or beside a code that means nothing (N10).
    """
    if fault.status not in (None, 200):
        return fault.status
    for hidden in (fault.code, fault.param if fault.code == "bad_response_status_code" else None):
        if hidden and len(hidden) == 3 and hidden.isdecimal() and hidden[0] in "345":
            return int(hidden)
    return 0


def _by_status(fault: Fault, status: int) -> FailureCode:
    if fault.kind == "truncated":
        return "truncated"
    if fault.kind == "empty":
        return _plain_status(status) if status else "empty"
    if fault.kind == "html" and status in (0, 400, 404, 405, 501):
        return "transient" if _FAILED_PAGE.search(fault.message) else "usage"
    if fault.kind == "malformed" and not status:
        return "malformed"
    return _plain_status(status)


def _plain_status(status: int) -> FailureCode:
    named: dict[int, FailureCode] = {
        401: "authentication",
        402: "quota",
        403: "authentication",
        404: "usage",
        405: "usage",
        413: "too_large",
        429: "rate_limited",
        501: "not_implemented",
    }
    if status in named:
        return named[status]
    if status == 303:
        return "unknown"
    if 300 <= status < 400:
        return "usage"
    if status == 408 or status >= 500:
        return "transient"
    return "invalid_parameter" if 400 <= status < 500 else "unknown"


def _billed(code: FailureCode, fault: Fault, dialect: Dialect) -> Billed:
    """``usage`` is free too: a redirect, or a page where an answer was expected.

    A redirect says that the request was not served here (all but 303, "done, look there"). A page
    under 200 is a web site's own answer to an address that it does not know (C1): an API that has
    begun a drawing and fails answers 5xx, and so does whatever stands before it; a page that names
    such an error is not believed to be free. Both come before any word of an answer.
    """
    if code in _FREE or fault.code in dialect.free_codes:
        return "no"
    return "possibly"


def _billed_refusal(fault: Fault, *, streamed: bool) -> Billed:
    """What was stopped on its way in cost no picture; what was stopped on its way out may have."""
    if fault.stage == "input":
        return "no"
    refused_at_once = not streamed and 400 <= (fault.status or 0) < 500
    return "no" if refused_at_once and fault.stage != "output" else "possibly"


_LONGEST_S = 366 * 86_400
"""Whoever says "in ten years" means "not soon": it is no leave to ask at once."""


def _retry_at(fault: Fault, clock: Clock) -> datetime | None:
    if fault.resets_at is not None and 0 < fault.resets_at < 32_503_680_000:
        return datetime.fromtimestamp(fault.resets_at, UTC)
    seconds = fault.resets_in if fault.resets_in is not None else fault.retry_after
    if seconds is None or not 0 <= seconds < math.inf:
        return None
    return clock.now() + timedelta(seconds=min(seconds, _LONGEST_S))


def _words(fault: Fault, silent_text: str) -> str:
    status = f"The server answered {fault.status}: " if fault.status else ""
    code = f" ({fault.code})" if fault.code and fault.code not in fault.message else ""
    return f"{status}{fault.message or silent_text}{code}"


def _reason(error: BaseException) -> str:
    return tidy(str(error)).rstrip(".") or type(error).__name__
