"""Limner's client as it is, with a tee in its wire."""

from __future__ import annotations

import json
from contextlib import aclosing
from dataclasses import dataclass, field, replace

from ..keys import normalise_base_url
from ..protocols import Clock, Upstream
from ..traffic import Ended, Failed, Opened, Outgoing, Profile, Received
from ..upstream.dialects import DIALECTS
from ..upstream.images import ImagesUpstream
from ..upstream.responses import ResponsesUpstream
from ..upstream.tee import Tee
from ..wire.image_writer import content_type_of, images_path
from ..wire.sse import EventScanner
from .cases import RESPONSES, Api
from .comparison import Understood, understood
from .forms import Posted

_PATIENCE_S = 120.0
_EVERYTHING = replace(DIALECTS["offline"], name="generic", hosts=(), evidence=(), body_cap=None)
"""Nothing is held back: what a gateway drops is the question."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reached:
    """One exchange: the bytes of both directions, and what Limner made of them."""

    sent: Posted
    came: bytes = field(repr=False)
    understood: Understood
    response_id: str | None
    request_id: str | None


class Through:
    """One way to our server: straight, or through the gateway."""

    def __init__(self, base_url: str, key: str, *, clock: Clock) -> None:
        self._clock = clock
        self._profile = Profile(
            name="sandwich",
            base_url=normalise_base_url(base_url, allow_http=True),
            api_key=key,
            dialect=_EVERYTHING,
            total_s=_PATIENCE_S,
        )
        self._open: dict[tuple[str, Api], tuple[Upstream, Tee]] = {}

    async def send(
        self, outgoing: Outgoing, *, key: str | None = None, api: Api = RESPONSES
    ) -> Reached:
        """Once, without retries: how often the gateway calls on is to be seen."""
        upstream, tee = self._client(key or self._profile.api_key, api)
        tee.last = None
        body = upstream.encode(outgoing)
        async with aclosing(upstream.send(body, outgoing)) as received:
            items = [item async for item in received]
        kept = tee.last
        return Reached(
            sent=_posted(body, outgoing, api),
            came=bytes(kept.answer) if kept else b"",
            understood=understood(items),
            response_id=_response_id(items),
            request_id=_request_id(items),
        )

    def _client(self, key: str, api: Api) -> tuple[Upstream, Tee]:
        if (key, api) not in self._open:
            self._open[key, api] = self._made(replace(self._profile, api_key=key), api)
        return self._open[key, api]

    def _made(self, profile: Profile, api: Api) -> tuple[Upstream, Tee]:
        tee = Tee()
        if not api.images:
            return ResponsesUpstream(profile, clock=self._clock, transport=tee), tee
        dialect = replace(profile.dialect, edit_body=api.edit_body)
        upstream = ImagesUpstream(
            replace(profile, dialect=dialect, via="images"),
            clock=self._clock,
            transport=tee,
            url_wanted=api.url_wanted,
        )
        return upstream, tee

    async def aclose(self) -> None:
        for upstream, _ in self._open.values():
            await upstream.aclose()


def _posted(body: bytes, outgoing: Outgoing, api: Api) -> Posted:
    if not api.images:
        return Posted(path="/responses", content_type="application/json", body=body)
    return Posted(path=images_path(outgoing), content_type=content_type_of(body), body=body)


def _response_id(items: list[Received]) -> str | None:
    told = [item.response_id for item in items if isinstance(item, Opened | Ended)]
    return next((one for one in told if one), None)


def _request_id(items: list[Received]) -> str | None:
    told = [item.request_id for item in items if isinstance(item, Opened)]
    told += [item.failure.request_id for item in items if isinstance(item, Failed)]
    return next((one for one in told if one), None)


def id_of(answer: bytes) -> str | None:
    """The id of an answer as our server gave it, whole or streamed."""
    documents = [answer]
    if not answer.lstrip().startswith(b"{"):
        scanner = EventScanner()
        documents = [*scanner.feed(answer), *scanner.close()]
    for document in documents:
        try:
            value = json.loads(document)
        except ValueError:
            continue
        inner = value.get("response", value) if isinstance(value, dict) else None
        if isinstance(inner, dict) and isinstance(inner.get("id"), str):
            return str(inner["id"])
    return None
