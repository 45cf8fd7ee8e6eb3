"""Errors as the other side words them: nested, flat, in a 200, in a stream, or as HTML."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace
from typing import Literal

from . import lift
from .sse import EventScanner
from .values import Json, array, clean, label, number, obj, text

FaultKind = Literal["error", "truncated", "html", "malformed", "empty"]

_LIMIT = 600
_SHORT = 120
_BASE64 = re.compile(r"(?:data:[\w/+.;-]{0,60}base64,)?[A-Za-z0-9+/_-]{120,}={0,2}")
_SECRET = re.compile(
    r"\b(?:sk|pk|rk)-[A-Za-z0-9_*-]{6,}|\bBearer\s+\S+|\beyJ[\w-]{8,}\.[\w.-]+"
    r"|(?<=://)[^/\s@]{1,200}(?=@)|\bBasic\s+[A-Za-z0-9+/_-]{8,}={0,2}"
)
_NAMED_SECRET = re.compile(
    r"(\b(?:[\w-]{0,40}[_-])?(?:api-?_?key|key|token|secret|password|sig|signature)=)"
    r"[^\s&\"'<>,;)}\]]{6,}",
    re.IGNORECASE,
)
"""As they stand in the query of an address; behind a colon stand plain words too."""
_TAG = re.compile(r"<[^<>]{0,400}>")
_TITLE = re.compile(r"<title[^>]{0,100}>([^<]{1,300})", re.IGNORECASE)
_QUOTED = re.compile(r"""\{\s*\\*["'](error|detail|code|type|message|param)\\*["']\s*:""")
_NAMED = re.compile(r"litellm\.(ContentPolicyViolationError)\b")
_CLASSES = {"ContentPolicyViolationError": "content_policy_violation"}
"""LiteLLM puts the class of its exception before the message: a type, not the provider's words."""
_VIOLATIONS = re.compile(r"\bsafety_violations=\[([\w/, -]{0,200})\]")
"""OpenAI's own list behind its sentence (2026-08): a field, and of a refusal over Images the only one
that LiteLLM leaves beside the type (L3)."""
_REFUSED_BY_TYPE = "image_generation_user_error"
_AGAIN = re.compile(r"try again in (\d{1,6}(?:\.\d{1,6})?)\s?(ms|s|m)\b", re.IGNORECASE)
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0}
_WORD = re.compile(r"[\w.:-]{1,80}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """An error before anybody has judged it. Its texts are tidy: see ``tidy``."""

    kind: FaultKind = "error"
    status: int | None = None
    code: str | None = None
    type: str | None = None
    message: str = ""
    param: str | None = None
    stage: str | None = None
    """Of moderation: ``input``, ``output``, ``unknown``; ``None`` when it was none."""
    categories: tuple[str, ...] = ()
    resets_at: float | None = None
    """Unix seconds (D27)."""
    resets_in: float | None = None
    retry_after: float | None = None
    request_id: str | None = None


def fault_of(value: Json, *, status: int | None = None) -> Fault:
    """Read ``{"error": {…}}``, ``{"error": "…"}``, ``{"code", "message"}`` or ``{"detail"}``."""
    inner = _inner(value)
    message = text(inner, "message", "detail", "msg", "error_description", "error") or ""
    details = obj(inner.get("moderation_details")) or obj(value.get("moderation_details"))
    again = _AGAIN.search(message[:20_000])
    resets_in = number(inner, "resets_in_seconds")
    if resets_in is None and again:
        resets_in = float(again[1]) * _SECONDS[again[2].lower()]
    fault = Fault(
        status=status,
        code=_code_of(inner, message),
        type=_short(_type(inner)),
        message=tidy(message),
        param=_short(text(inner, "param")),
        stage=_short(text(details, "moderation_stage")) or ("unknown" if details else None),
        categories=_categories(details) or _violations(inner, message),
        resets_at=number(inner, "resets_at"),
        resets_in=resets_in,
        retry_after=number(inner, "retry_after"),
    )
    return _with_quoted(fault, message)


def _inner(value: Json) -> Json:
    """Where the error's own fields stand; FastAPI wraps in ``detail``, also in a list."""
    for name in ("error", "detail"):
        found = value.get(name)
        if isinstance(found, list):
            found = next((entry for entry in found if isinstance(entry, dict)), None)
        if inner := obj(found):
            return inner
    return value


def _type(inner: Json) -> str | None:
    """The error's type, where the field is not the type of the event that carries it."""
    found = text(inner, "type")
    return None if found == "error" or (found or "").startswith("response.") else found


def _code_of(inner: Json, message: str) -> str | None:
    """The error's own code; a status in its place says less than the class before the message."""
    code = _short(label(inner, "code") or _word(inner.get("error")))
    if code is not None and not code.isdecimal():
        return code
    if named := _NAMED.match(message):
        return _CLASSES[named[1]]
    return "moderation_blocked" if _violations(inner, message) else code


def _violations(inner: Json, message: str) -> tuple[str, ...]:
    """What was violated, where the error's type says that the request was at fault."""
    if _type(inner) != _REFUSED_BY_TYPE:
        return ()
    found = _VIOLATIONS.search(message[:20_000])
    return tuple(name.strip() for name in found[1].split(",") if name.strip()) if found else ()


def _word(error: object) -> str | None:
    """``{"error": "insufficient_quota", "message": …}``: a bare word is a code."""
    return error if isinstance(error, str) and _WORD.fullmatch(error) else None


def _categories(details: Json) -> tuple[str, ...]:
    said = [c for c in array(details.get("categories"))[:20] if isinstance(c, str)]
    return tuple(found for c in said if (found := _short(c)))


def _short(words: str | None) -> str | None:
    return tidy(words)[:_SHORT] or None if words else None


def _with_quoted(fault: Fault, message: str) -> Fault:
    """A gateway may quote the upstream's JSON inside its message and lose the code (L3)."""
    message = message[:200_000]
    start = _QUOTED.search(message)
    if start is None:
        return fault
    quoted = message[start.start() :]
    try:
        found, _ = json.JSONDecoder(strict=False).raw_decode(quoted)
    except (ValueError, RecursionError):
        inner = _picked(quoted)
    else:
        inner = fault_of(obj(found))
    wrapped = start[1] in ("error", "detail")
    if not wrapped and not (inner.code and inner.message):
        return fault  # an example or a part of the request, and no error
    return replace(
        fault,
        code=inner.code or fault.code,
        type=inner.type or fault.type,
        message=inner.message or fault.message,
        param=inner.param or fault.param,
        stage=inner.stage or fault.stage,
        categories=inner.categories or fault.categories,
        resets_at=fault.resets_at if inner.resets_at is None else inner.resets_at,
        resets_in=fault.resets_in if inner.resets_in is None else inner.resets_in,
    )


def _picked(quoted: str) -> Fault:
    """What can be picked out of JSON that has been through a ``repr``, was escaped twice or cut."""
    return Fault(
        code=_field(quoted, "code"),
        type=_field(quoted, "type"),
        param=_field(quoted, "param"),
        stage=_field(quoted, "moderation_stage"),
        resets_at=_count(_field(quoted, "resets_at")),
        resets_in=_count(_field(quoted, "resets_in_seconds")),
    )


def _field(quoted: str, name: str) -> str | None:
    pattern = rf"""\\*["']{name}\\*["']\s*:\s*(?:\\*["']([\w.-]{{1,80}})\\*["']|(\d{{1,12}})\b)"""
    found = re.search(pattern, quoted)
    return found[1] or found[2] if found else None


def _count(told: str | None) -> float | None:
    return float(told) if told and told.isascii() and told.isdecimal() else None


def fault_of_body(body: bytes, *, status: int | None) -> Fault:
    """Read the body of an answer that is no answer: JSON, SSE, HTML, plain text or nothing."""
    stripped = body.removeprefix(b"\xef\xbb\xbf").strip()
    if not stripped:
        return Fault(kind="empty", status=status, message="The answer was empty.")
    value = _decoded(stripped)
    if value is None:
        value = next((v for v in map(_decoded, _events(stripped)) if v), None)
    fault = fault_of(value or {}, status=status)
    if fault.message or fault.code or fault.type or fault.stage:
        return fault
    return _fault_of_text(stripped[:80_000].decode("utf-8", "replace"), status=status)


def _decoded(data: bytes) -> Json | None:
    """An object, or the first of a list; ``None`` for what is no JSON."""
    try:
        value = lift.loads(data)
    except ValueError:
        return None
    first = next(iter(value), None) if isinstance(value, list) else value
    return obj(first)


def _events(body: bytes) -> list[bytes]:
    scanner = EventScanner()
    return [*scanner.feed(body), *scanner.close()]


def _fault_of_text(words: str, *, status: int | None) -> Fault:
    if words.startswith("<"):
        title = _TITLE.search(words[:20_000])
        shown = title[1] if title else _TAG.sub(" ", words[:4_000])
        return Fault(kind="html", status=status, message=tidy(f"an HTML page: {shown.strip()}"))
    return Fault(kind="malformed", status=status, message=tidy(words[:4_000]))


def tidy(message: str) -> str:
    """One short line that may be shown and logged.

    Without pictures or secrets, which gateways put into error texts (L5), and without control
    characters, which would speak to the terminal.
    """
    short = _BASE64.sub("<base64>", clean(message[:20_000]))
    short = _NAMED_SECRET.sub(r"\1<secret>", _SECRET.sub("<secret>", short))
    short = " ".join(short.split())
    short = "".join(c for c in short if c.isprintable())
    return short if len(short) <= _LIMIT else short[: _LIMIT - 1] + "…"
