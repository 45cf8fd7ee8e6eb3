"""The Images API for servers without the Responses API: the same sessions, lineage and ledger.

Each turn stands alone there: the safety preamble and this turn's prompt in one text, and the
pictures it is about. Questions cannot be asked of it.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import replace

import httpx2

from ..errors import UsageError
from ..protocols import Clock
from ..schema import Failure, ImageOptions, Tokens
from ..traffic import Dialect, Ended, Failed, Outgoing, Picture, PictureUrl, Profile, Received
from ..turn import capabilities
from ..wire.image_answers import ImageAnswerReader
from ..wire.image_writer import (
    UrlOrBytes,
    content_type_of,
    images_body,
    images_path,
    pictures_of,
    preamble_of,
    prompt_of,
)
from ..wire.writer import moderation_body
from .carrier import Carrier
from .connection import Connection, Dispatch
from .fetch import PictureFetcher
from .moderation import scored

_NO_TEXT = Tokens(input=0, output=0, total=0)
"""No text model takes part, which is a known nothing and no missing count."""

NO_QUESTIONS = Failure(
    code="not_implemented",
    message="The Images API draws and edits; it cannot answer a question.",
    hint="Use a profile with the Responses API (--via responses). Nothing was sent.",
)
NO_VARIATIONS = Failure(
    code="not_implemented",
    message="Variations of a picture are no longer offered by any known server (C7).",
    hint="Edit the picture, with a prompt that says what may differ. Nothing was sent.",
)


class ImagesUpstream:
    """One profile's Images API. ``transport`` replaces the network (offline, tests).

    ``url_wanted`` asks for addresses instead of bytes, as far as the server goes along (R32);
    a turn that wants one says so itself (``Outgoing.address``).
    """

    def __init__(
        self,
        profile: Profile,
        *,
        clock: Clock,
        transport: httpx2.AsyncBaseTransport | None = None,
        fetcher: PictureFetcher | None = None,
        url_wanted: bool = False,
    ) -> None:
        self._connection = Connection(profile, clock=clock, transport=transport)
        self._carrier = Carrier(self._connection, fetcher=fetcher)
        self._url_wanted = url_wanted

    @property
    def profile(self) -> Profile:
        return self._carrier.profile

    def encode(self, outgoing: Outgoing) -> bytes:
        """The body for this dialect, empty for a question; ``UsageError`` for what cannot work."""
        if outgoing.moderation:
            return self._carrier.within_cap(moderation_body(outgoing))
        if outgoing.options is None:
            return b""
        dialect = self.profile.dialect
        pictures = pictures_of(outgoing)
        capabilities.check(
            outgoing.options,
            editing=len(pictures),
            has_mask=outgoing.mask is not None,
            transparency=dialect.transparency,
            legacy=dialect.legacy_models,
        )
        capabilities.check_prompt(outgoing.options.model, prompt_of(outgoing))
        capabilities.check_inputs(outgoing.options.model, pictures, outgoing.mask)
        self._carrier.check_mask(outgoing)
        _check_parts(outgoing, dialect)
        return self._carrier.within_cap(self._body(outgoing, url=self._asks_for_url(outgoing)))

    def retry_delay(self, failure: Failure, *, tries: int, elapsed_s: float) -> float | None:
        return self._carrier.retry_delay(failure, tries=tries, elapsed_s=elapsed_s)

    async def aclose(self) -> None:
        await self._connection.aclose()

    async def send(self, body: bytes, outgoing: Outgoing) -> AsyncGenerator[Received, None]:
        """Send; yield what comes back, ending with one ``Ended`` or ``Failed``.

        Once, with one exception that costs nothing: where ``response_format`` was refused, the
        same request goes again without it (R32, C4).
        """
        if outgoing.moderation:
            async with aclosing(scored(self._carrier, body)) as received:
                async for item in received:
                    yield item
            return
        if outgoing.options is None:
            yield Failed(NO_QUESTIONS)
            return
        refused = False
        async with aclosing(self._once(body, outgoing)) as received:
            async for item in received:
                refused = self._asks_for_url(outgoing) and refuses_response_format(item)
                if not refused:
                    yield item
        if refused:
            body = self._body(outgoing, url=False)
            async with aclosing(self._once(body, outgoing)) as received:
                async for item in received:
                    yield item

    async def _once(self, body: bytes, outgoing: Outgoing) -> AsyncGenerator[Received, None]:
        options = outgoing.options
        assert options is not None
        dispatch = Dispatch(
            path=images_path(outgoing),
            body=body,
            content_type=content_type_of(body),
            silence_s=self._carrier.silence(outgoing, streamed=self._streams(outgoing)),
            total_s=self.profile.total_s,
        )
        reader = ImageAnswerReader(partials=options.partial_images > 0)
        preamble = preamble_of(outgoing)
        async with aclosing(self._carrier.carry(dispatch, reader)) as received:
            async for item in received:
                yield _tidied(item, preamble)

    def _body(self, outgoing: Outgoing, *, url: bool) -> bytes:
        options, dialect = outgoing.options, self.profile.dialect
        assert options is not None
        if not dialect.safety_identifier:
            outgoing = replace(outgoing, user=None)
        old = capabilities.legacy_facts(options.model)
        form: UrlOrBytes | None = "b64_json" if old and old.asks_for_bytes else None
        return images_body(
            outgoing,
            edit_body=dialect.edit_body,
            stream=self._streams(outgoing),
            leave_out=capabilities.leave_out(options) | _unproved(dialect, options),
            response_format="url" if url else form,
        )

    def _asks_for_url(self, outgoing: Outgoing) -> bool:
        """A turn keeps the bytes, so it asks for an address only where that may be fetched."""
        return self._url_wanted or (outgoing.address and self.profile.fetch_urls)

    def _streams(self, outgoing: Outgoing) -> bool:
        dialect = self.profile.dialect
        return outgoing.stream and dialect.streaming and dialect.images_stream


def _unproved(dialect: Dialect, options: ImageOptions) -> frozenset[str]:
    """Ours alone: what was passed through as a tool option goes out as it was given."""
    fields = {"partial_images": dialect.partials, "moderation": dialect.moderation_param}
    return frozenset(
        n for n, proved in fields.items() if not proved and n not in options.tool_options
    )


def _check_parts(outgoing: Outgoing, dialect: Dialect) -> None:
    """A picture that would be cut off without a word must not be paid for."""
    cap = dialect.part_cap
    if cap is None or dialect.edit_body == "json":
        return
    mask = () if outgoing.mask is None else (outgoing.mask,)
    largest = max((len(p.data) for p in (*pictures_of(outgoing), *mask)), default=0)
    if largest > cap:
        raise UsageError(
            f"A picture has {largest:,} bytes; {dialect.name} cuts each off at {cap:,}.",
            hint="Edit a smaller picture, or a JPEG or WebP of it; nothing was sent.",
        )


def _tidied(item: Received, preamble: str) -> Received:
    """Our own preamble is no part of what was drawn; and the text model's bill is nothing."""
    if isinstance(item, Ended) and item.usage.text is None:
        return replace(item, usage=item.usage.model_copy(update={"text": _NO_TEXT}))
    if isinstance(item, Picture | PictureUrl) and item.revised_prompt and preamble:
        told = item.revised_prompt.removeprefix(preamble).lstrip()
        return replace(item, revised_prompt=told or None)
    return item


# ── addresses (R32) ──────────────────────────────────────────────────────────────────────────


def refuses_response_format(item: Received) -> bool:
    """Whether the server took offence at that one parameter, before it did any work (C4, L6)."""
    if not isinstance(item, Failed):
        return False
    failure = item.failure
    named = "response_format" in failure.message or "UnsupportedParams" in failure.message
    free = failure.billed == "no" and failure.status in (None, 200, 400, 422)
    return named and free and failure.code == "invalid_parameter"
