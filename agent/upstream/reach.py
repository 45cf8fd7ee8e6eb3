"""Is anybody there: one free ``GET``, read without trust and without following anything."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Literal

import anyio
import httpx2

from ..protocols import Clock
from ..traffic import Profile
from ..wire.faults import tidy

_PATIENCE_S = 20.0
_MOST = 1024 * 1024

Kind = Literal["models", "json", "page", "redirect", "nothing", "silence", "unusable"]
"""``nothing``: no connection. ``silence``: a connection and no answer. ``unusable``: no URL."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What stood at an address."""

    url: str
    kind: Kind
    status: int | None = None
    models: tuple[str, ...] = ()
    detail: str = ""
    """An error's words, a page's title, where a redirect leads, why there is no connection."""
    skew_s: float | None = None
    """How far the server's clock is ahead of ours, from its ``Date``."""
    elapsed_ms: int = 0


async def look(
    profile: Profile, *, clock: Clock, transport: httpx2.AsyncBaseTransport | None = None
) -> Seen:
    """``GET /models`` with the profile's key; never raises for what a server does."""
    url = f"{profile.base_url.rstrip('/')}/models"
    started = clock.monotonic()
    timeout = httpx2.Timeout(_PATIENCE_S, connect=profile.connect_s)
    headers = {"authorization": f"Bearer {profile.api_key or 'none'}"}
    try:
        async with httpx2.AsyncClient(
            transport=transport, timeout=timeout, follow_redirects=False, headers=headers
        ) as http:
            with anyio.fail_after(_PATIENCE_S):
                async with http.stream("GET", url) as response:
                    seen = _judged(url, response, await _head(response), clock)
    except (httpx2.InvalidURL, httpx2.UnsupportedProtocol, UnicodeError) as error:
        return Seen(url=url, kind="unusable", detail=_reason(error))
    except (TimeoutError, httpx2.ReadTimeout):
        return Seen(url=url, kind="silence", detail=f"no answer in {_PATIENCE_S:.0f} s")
    except (httpx2.HTTPError, ImportError, OSError, ValueError) as error:
        return Seen(url=url, kind="nothing", detail=_reason(error))
    except ExceptionGroup as several:  # a proxy's port that is none
        return Seen(url=url, kind="nothing", detail=_reason(several.exceptions[0]))
    return replace(seen, elapsed_ms=round((clock.monotonic() - started) * 1000))


async def _head(response: httpx2.Response) -> bytes:
    """At most a megabyte: a list of models is smaller, and nothing else is wanted."""
    body = bytearray()
    async for chunk in response.aiter_bytes():
        body += chunk
        if len(body) > _MOST:
            break
    return bytes(body[:_MOST])


def _judged(url: str, response: httpx2.Response, body: bytes, clock: Clock) -> Seen:
    status, skew = response.status_code, _skew(response.headers.get("date", ""), clock)
    if 300 <= status < 400:
        where = tidy(response.headers.get("location", "elsewhere"))
        return Seen(url=url, kind="redirect", status=status, detail=where, skew_s=skew)
    document = _json(body)
    if document is None:
        return Seen(url=url, kind="page", status=status, detail=_title(body), skew_s=skew)
    models = _models(document) if status == 200 else None
    return Seen(
        url=url,
        kind="json" if models is None else "models",
        status=status,
        models=models or (),
        detail="" if models is not None else _words(document),
        skew_s=skew,
    )


def _json(body: bytes) -> object:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def _models(document: object) -> tuple[str, ...] | None:
    listed = document.get("data") if isinstance(document, dict) else None
    if not isinstance(listed, list):
        return None
    names = (entry.get("id") for entry in listed if isinstance(entry, dict))
    return tuple(sorted(name[:200] for name in names if isinstance(name, str)))


def _words(document: object) -> str:
    """An error's own words wherever the gateway puts them (D25, N10, L9)."""
    inner = document.get("error", document) if isinstance(document, dict) else document
    if isinstance(inner, dict):
        said = [inner.get(key) for key in ("message", "detail", "code")]
        inner = next((text for text in said if isinstance(text, str) and text), inner)
    return tidy(str(inner))[:300]


def _title(body: bytes) -> str:
    text = body.decode("utf-8", "replace")
    _, opened, rest = text.partition("<title>")
    title = rest.partition("</title>")[0] if opened else text[:120]
    return tidy(title)[:120] or "an empty answer"


def _skew(date: str, clock: Clock) -> float | None:
    try:
        when = parsedate_to_datetime(date)
    except ValueError:
        return None
    there = when if when.tzinfo else when.replace(tzinfo=UTC)
    here: datetime = clock.now()
    return (there - here).total_seconds()


def _reason(error: BaseException) -> str:
    return tidy(str(error)).rstrip(".") or type(error).__name__
