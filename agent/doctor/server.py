"""What it means that a server answers as it does. The request is free: a list of models."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final
from urllib.parse import urljoin, urlsplit

from ..upstream.reach import Seen
from .report import Check

_TOLERATED_S: Final = 60.0
"""Beyond it a ``Retry-After`` date, a signature or a certificate may be read wrongly."""
_SHOWN: Final = 6


def checks(seen: Seen, *, image_model: str) -> Iterator[Check]:
    """Reachability first, then what the headers tell."""
    yield _reached(seen)
    if seen.kind == "models":
        yield _models(seen, image_model)
    if seen.skew_s is not None:
        yield _clock(seen.skew_s)


def _check(status: str, text: str, hint: str = "", *, key: bool = False) -> Check:
    return Check.model_validate(
        {
            "area": "server",
            "name": "reachable",
            "status": status,
            "text": text,
            "hint": hint,
            "key": key,
        }
    )


def _reached(seen: Seen) -> Check:
    if seen.status in (401, 403):
        text = f"The server refuses the key ({seen.status}): {seen.detail}"
        hint = "Check that the key belongs to this server and is still valid (R52)."
        return _check("wrong", text, hint, key=True)
    match seen.kind:
        case "models":
            return _check("ok", f"GET {seen.url}: {_count(seen.models)}, {seen.elapsed_ms} ms")
        case "nothing":
            hint = "Check the address, the network, a proxy and whether the server runs."
            return _check("wrong", f"No connection to {seen.url}: {seen.detail}.", hint)
        case "silence":
            hint = "Something listens there and does not answer: a proxy, or the wrong port."
            return _check("wrong", f"{seen.url}: {seen.detail}.", hint)
        case "unusable":
            return _check("wrong", f"{seen.url} is no address: {seen.detail}.", "Set base_url.")
        case "redirect":
            return _redirect(seen)
        case "page":
            return _page(seen)
        case "json":
            return _error(seen)


def _count(models: tuple[str, ...]) -> str:
    return "1 model" if len(models) == 1 else f"{len(models)} models"


def _redirect(seen: Seen) -> Check:
    """Advice only for the same host: the key would go wherever somebody else points."""
    text = f"GET {seen.url} leads to {seen.detail} ({seen.status})."
    never = "Redirects are never followed with a key."
    here, there = urlsplit(seen.url), urlsplit(urljoin(seen.url, seen.detail))
    if there.scheme not in ("http", "https") or not there.hostname:
        return _check("wrong", text, f"{never} That is no address of a server.")
    if there.hostname != here.hostname:
        hint = (
            f"{never} {there.hostname} is another host than {here.hostname}: ask whoever runs "
            "this server which address is right, before a key of yours goes there."
        )
        return _check("wrong", text, hint)
    if (here.scheme, there.scheme) == ("https", "http"):
        hint = f"{never} That address is not encrypted; do not send a key there."
        return _check("wrong", text, hint)
    base = f"{there.scheme}://{there.netloc}{there.path.removesuffix('/models')}"
    return _check("wrong", text, f"{never} It is the same host: set base_url to {base}")


def _page(seen: Seen) -> Check:
    what = f"GET {seen.url} gives a web page ({seen.status}: {seen.detail})."
    if seen.status is not None and seen.status >= 500:
        return _check("wrong", what, "A proxy in front of the server answers in its place.")
    hint = "base_url is not the API's root; it usually ends in /v1 (R2, C1)."
    return _check("wrong", what, hint)


def _error(seen: Seen) -> Check:
    what = f"GET {seen.url}: {seen.status}, {seen.detail}"
    if seen.status in (404, 405):
        hint = (
            "Some gateways list no models, which is no failure (R10). If drawing fails too, "
            "base_url may lack its /v1 (C1)."
        )
        return _check("warning", what, hint)
    if seen.status == 429:
        return _check("warning", what, "The server is there and asks for patience.")
    if seen.status is not None and seen.status >= 500:
        return _check("wrong", what, "The server is in trouble; try again later.")
    return _check("note", what, "It answers, but with no list of models; that decides nothing.")


def _models(seen: Seen, image_model: str) -> Check:
    if image_model in seen.models:
        return Check(
            area="server", name="models", status="ok", text=f"{image_model} is among the models"
        )
    others = ", ".join(seen.models[:_SHOWN]) or "none"
    more = ", …" if len(seen.models) > _SHOWN else ""
    return Check(
        area="server",
        name="models",
        status="note",
        text=f"{image_model} is not listed (listed: {others}{more}), which is no failure: "
        "many gateways draw with it and do not list it (R10).",
        hint="limner doctor --probe finds out, for the price of a few small pictures.",
    )


def _clock(skew_s: float) -> Check:
    if abs(skew_s) <= _TOLERATED_S:
        return Check(
            area="server",
            name="clock",
            status="ok",
            text=f"clocks agree within {abs(skew_s):.0f} s",
        )
    return Check(
        area="server",
        name="clock",
        status="warning",
        text=f"The server's clock is {abs(skew_s):.0f} s {'ahead' if skew_s > 0 else 'behind'}.",
        hint="Set this machine's clock: waits until a given time are computed with it.",
    )
