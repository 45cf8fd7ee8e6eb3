"""How a turn that gave no picture is told: the status and code that clients act on rightly.

Clients repeat what looks temporary. Only what is known to have cost nothing may look so.
"""

from __future__ import annotations

import math
from datetime import datetime

from ...schema import Failure, FailureCode, Outcome, TurnId
from .errors import NO_RETRY, ApiError, sentences
from .params import param_of
from .tenants import ACKNOWLEDGE

USER_ERROR = "image_generation_user_error"
SERVER_ERROR = "server_error"
UNKNOWN = "outcome_unknown"
_THEIRS = (400, 413)
"""What a client can mend by changing a field."""
LONGEST_WAIT_S = 60
"""A client that would wait longer is told not to repeat at all."""

_TOLD: dict[FailureCode, tuple[int, str, str | None]] = {
    "usage": (400, "invalid_request_error", "invalid_value"),
    "invalid_parameter": (400, "invalid_request_error", "invalid_value"),
    "policy": (400, USER_ERROR, "content_policy_violation"),
    "review": (400, USER_ERROR, "content_policy_violation"),
    "moderation_blocked": (400, USER_ERROR, "moderation_blocked"),
    "too_large": (413, "invalid_request_error", "request_too_large"),
    "budget": (429, "insufficient_quota", "insufficient_quota"),
    "quota": (429, "insufficient_quota", "insufficient_quota"),
    "usage_window": (429, "usage_limit_reached", "usage_limit_reached"),
    "pending": (429, "usage_limit_reached", "usage_limit_reached"),
    "rate_limited": (429, "requests", "rate_limit_exceeded"),
    "cooldown": (429, "requests", "rate_limit_exceeded"),
    "not_implemented": (501, SERVER_ERROR, "api_not_implemented"),
    "capability_missing": (502, SERVER_ERROR, "capability_missing"),
    "authentication": (502, SERVER_ERROR, "upstream_authentication"),
    "connection": (503, SERVER_ERROR, "upstream_unreachable"),
    "transient": (502, SERVER_ERROR, "upstream_error"),
    "truncated": (502, SERVER_ERROR, "upstream_truncated"),
    "malformed": (502, SERVER_ERROR, "upstream_malformed"),
    "no_image": (502, SERVER_ERROR, "no_image"),
    "empty": (502, SERVER_ERROR, "no_image"),
    "store": (500, SERVER_ERROR, "store"),
    "interrupted": (503, SERVER_ERROR, "interrupted"),
    "unknown": (502, SERVER_ERROR, UNKNOWN),
}
"""Failure code → (status, type, code)."""
_REPEATABLE: frozenset[FailureCode] = frozenset(
    {"connection", "transient", "rate_limited", "cooldown", "interrupted", "usage_window"}
)
"""Where they cost nothing, and may be over the next time."""


def told(
    failure: Failure, outcome: Outcome, *, now: datetime, turns: tuple[TurnId, ...] = ()
) -> ApiError:
    """The error that a client sees; ``turns`` are named so that a person can look them up."""
    lost = failure.code in _REPEATABLE and failure.billed != "no"
    unknown = outcome == "unknown" or failure.code == "unknown" or lost
    status, kind, code = (502, SERVER_ERROR, UNKNOWN) if unknown else _TOLD[failure.code]
    if failure.code == "usage" and failure.status is not None:
        # the server behind is set up wrongly, which is no mistake of this client
        status, kind, code = 502, SERVER_ERROR, "upstream_error"
    wait_s = math.ceil((failure.retry_at - now).total_seconds()) if failure.retry_at else None
    free = failure.billed == "no" and not unknown and failure.code in _REPEATABLE
    again = free and (wait_s is None or wait_s <= LONGEST_WAIT_S)
    headers = {"x-should-retry": "true"} if again else dict(NO_RETRY)
    if wait_s is not None and status in (429, 503):
        headers["retry-after"] = str(max(1, wait_s))
    return ApiError(
        status,
        words(failure, turns if unknown else ()),
        type=kind,
        code=code,
        param=param_of(failure.message) if status in _THEIRS else None,
        headers=headers,
    )


def words(failure: Failure, turns: tuple[TurnId, ...] = ()) -> str:
    """What happened, why, and what to do; nothing of this machine, and of nobody else's pictures."""
    if failure.code == "store":
        return "The server's store cannot be used right now. " + (
            "Nothing was sent." if failure.billed == "no" else "What was sent may be billed."
        )
    hint = "" if failure.candidates else failure.hint
    if failure.code == "review" and failure.rule:
        # the flag of the command line is no use to who speaks HTTP
        hint = hint.partition("Or acknowledge it:")[0].strip()
        hint = f"{hint} Or, with a key that may: {ACKNOWLEDGE}: {failure.rule}".strip()
    parts = [failure.message, hint]
    if failure.rule and failure.rule not in " ".join(parts):
        parts.append(f"Rule: {failure.rule}.")
    if turns:
        said = "not sent again by itself" in failure.hint
        told = "Look at turn" if said else "It is not sent again by itself: look at turn"
        parts.append(f"{told} {', '.join(turns)} (limner ledger).")
    return sentences(*parts)
