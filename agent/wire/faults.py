"""Errors as the other side words them: nested, flat, in a 200, in a stream, or as HTML."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace
from typing import Literal

from .values import Json, array, label, number, obj, text

FaultKind = Literal["error", "truncated", "html", "malformed", "empty"]

_LIMIT = 600
_BASE64 = re.compile(r"(?:data:[\w/+.;-]{0,60}base64,)?[A-Za-z0-9+/_-]{120,}={0,2}")
_SECRET = re.compile(r"\b(?:sk|pk|rk)-[A-Za-z0-9_*-]{6,}|\bBearer\s+\S+|\beyJ[\w-]{8,}\.[\w.-]+")
_TAG = re.compile(r"<[^<>]{0,400}>")
_TITLE = re.compile(r"<title[^>]{0,100}>([^<]{1,300})", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """An error before anybody has judged it."""

    kind: FaultKind = "error"
    status: int | None = None
    code: str | None = None
    type: str | None = None
    message: str = ""
    param: str | None = None
    stage: str | None = None
    categories: tuple[str, ...] = ()
    resets_at: float | None = None
    """Unix seconds (D27)."""
    resets_in: float | None = None
    retry_after: float | None = None
    request_id: str | None = None


def fault_of(value: Json, *, status: int | None = None) -> Fault:
    """Read ``{"error": {…}}``, ``{"error": "…"}``, ``{"code", "message"}`` or ``{"detail"}``."""
    error = value.get("error")
    inner = obj(error) or (value if not isinstance(error, str) else {})
    message = text(inner, "message", "detail", "msg") or (error if isinstance(error, str) else "")
    details = obj(inner.get("moderation_details"))
    fault = Fault(
        status=status,
        code=label(inner, "code"),
        type=text(inner, "type") if inner is not value else None,
        message=tidy(message),
        param=text(inner, "param"),
        stage=text(details, "moderation_stage"),
        categories=tuple(c for c in array(details.get("categories")) if isinstance(c, str)),
        resets_at=number(inner, "resets_at"),
        resets_in=number(inner, "resets_in_seconds"),
    )
    return _with_nested(fault, message)


def _with_nested(fault: Fault, message: str) -> Fault:
    """A gateway may quote the upstream's JSON inside its message and lose the code (L3)."""
    start = message.find('{"error"')
    if start < 0:
        start = message.find("{'error'")
    if start < 0:
        return fault
    quoted = message[start : message.rfind("}") + 1]
    try:
        found = json.loads(quoted)
    except ValueError:
        code = re.search(r"""['"]code['"]\s*:\s*['"]([\w.-]{1,80})['"]""", quoted)
        return replace(fault, code=code[1]) if code else fault
    inner = fault_of(obj(found))
    return replace(
        inner,
        status=fault.status,
        message=inner.message or fault.message,
        code=inner.code or fault.code,
        type=inner.type or fault.type,
    )


def fault_of_body(body: bytes, *, status: int | None) -> Fault:
    """Read the body of an answer that is no answer: JSON, HTML, plain text or nothing."""
    stripped = body.strip()
    if not stripped:
        return Fault(kind="empty", status=status, message="The answer was empty.")
    try:
        value = json.loads(stripped)
    except ValueError:
        return _fault_of_text(stripped.decode("utf-8", "replace"), status=status)
    if isinstance(value, dict):
        return fault_of(value, status=status)
    return Fault(kind="malformed", status=status, message=tidy(str(value)))


def _fault_of_text(words: str, *, status: int | None) -> Fault:
    if words[:300].lstrip().startswith("<"):
        title = _TITLE.search(words[:20_000])
        shown = title[1] if title else _TAG.sub(" ", words[:4_000])
        return Fault(kind="html", status=status, message=tidy(f"an HTML page: {shown.strip()}"))
    return Fault(kind="malformed", status=status, message=tidy(words[:4_000]))


def tidy(message: str) -> str:
    """One line without pictures or secrets: gateways put both into error texts (L5)."""
    short = _BASE64.sub("<base64>", message[:20_000])
    short = " ".join(_SECRET.sub("<secret>", short).split())
    return short if len(short) <= _LIMIT else short[: _LIMIT - 1] + "…"
