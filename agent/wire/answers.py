"""The tolerant reader: raw bytes of an answer in, what it means out (wire.md sections 0 to 5).

One reader serves streamed and whole answers, because servers mix them up: JSON on a stream, SSE on
a plain call, HTML in a 200, white space before a late error. It decides by the first bytes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

from ..traffic import (
    Ended,
    Opened,
    PartialPicture,
    Picture,
    PictureUrl,
    RefusalText,
    Scored,
    TextPiece,
    ToolStage,
    WireEvent,
)
from . import lift, parts
from .faults import Fault, fault_of, fault_of_body
from .framing import Framing
from .lift import Lifted
from .told import Place, Told
from .values import Json, array, clean, count, obj, text

_TERMINAL = {
    "response.completed",
    "response.done",
    "response.incomplete",
    "response.failed",
    "response.cancelled",
    "response.canceled",
}
_UNFINISHED = {"queued", "in_progress"}
_STAGES: dict[str, Literal["in_progress", "generating", "completed"]] = {
    "response.image_generation_call.in_progress": "in_progress",
    "response.image_generation_call.generating": "generating",
    "response.image_generation_call.completed": "completed",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemFault:
    """An image item that holds no picture."""

    item_id: str | None
    fault: Fault


Answer = (
    Opened
    | TextPiece
    | RefusalText
    | ToolStage
    | PartialPicture
    | Picture
    | PictureUrl
    | Scored
    | WireEvent
    | ItemFault
    | Fault
    | Ended
)


class AnswerReader:
    """Reads one answer of the Responses API. ``partials=False`` leaves drafts undecoded.

    ``verbatim``: every event is also told as it came, after what it meant.

    Yields at most one of ``Ended`` and ``Fault``, as the last thing, and one of them by the end of
    ``close``. Never raises, whatever the bytes.
    """

    def __init__(self, *, partials: bool = True, verbatim: bool = False) -> None:
        self.events = 0
        """Events of the Responses API so far: pings and comments are none."""
        self._partials = partials
        self._verbatim = verbatim
        self._current: Lifted | None = None
        self._framing = Framing()
        self._over = False
        self._cut = False
        self._hint = ""
        self._told = Told()
        self._refusals: set[str] = set()
        self._refusal = ""
        self._items: set[str] = set()
        self._drawn = 0
        self._pictureless: list[ItemFault] = []
        self._hashes: set[bytes] = set()
        self._urls: set[str] = set()

    @property
    def arriving(self) -> bool:
        """Whether something long, such as a picture, has begun and not ended."""
        return self._framing.arriving

    def feed(self, chunk: bytes) -> Iterator[Answer]:
        """What this chunk completes."""
        for data in self._framing.feed(chunk):
            yield from self._event(data)

    def close(self) -> Iterator[Answer]:
        """The bytes have ended; says so when the answer had not."""
        for data in self._framing.close():
            yield from self._event(data)
        if self._over:
            return
        if self._framing.streamed:
            yield from self._end(self._broken_off())
        else:
            yield from self._document(self._framing.document())

    def _broken_off(self) -> Fault:
        if self.events or self._cut:
            return Fault(
                kind="truncated",
                message=self._hint or "The stream ended before its terminal event.",
            )
        if self._hint:
            return Fault(kind="malformed", message=self._hint)
        return Fault(kind="empty", message="The stream ended without a single event.")

    # ── whole answers ────────────────────────────────────────────────────────────────────────

    def _document(self, body: bytes) -> Iterator[Answer]:
        try:
            lifted = lift.parse(body)
        except ValueError:
            cut = body.startswith((b"{", b"[")) and not body.rstrip().endswith((b"}", b"]"))
            told = Fault(kind="truncated", message="The JSON of the answer is cut off.")
            yield from self._end(told if cut else fault_of_body(body, status=200))
            return
        value = obj(lifted.value)
        kind = text(value, "type") or ""
        if kind in _TERMINAL:
            self._keep_as_it_came(lifted)
            yield from self._by_type(kind, lifted, value)
        elif parts.is_response(value):
            self._keep_as_it_came(lifted)
            yield from self._response(lifted, value, text(value, "status") or "completed")
        else:
            yield from self._end(fault_of_body(body, status=200))

    # ── streamed answers ─────────────────────────────────────────────────────────────────────

    def _event(self, data: bytes) -> Iterator[Answer]:
        if self._over or data.strip() in (b"", b"[DONE]"):
            return
        try:
            lifted = lift.parse(data)
        except ValueError:
            self._cut = self._cut or data.lstrip().startswith(b"{")
            self._hint = self._hint or ("" if self._cut else _hint(data))
            return
        event = obj(lifted.value)
        kind = text(event, "type") or ""
        if kind.startswith("response."):
            self.events += 1
            self._keep_as_it_came(lifted)
            yield from self._by_type(kind, lifted, event)
            yield from self._as_it_came()
        elif not kind and parts.is_response(event):
            self._keep_as_it_came(lifted)
            yield from self._response(lifted, event, text(event, "status") or "completed")
        elif _is_error(kind, event):
            yield from self._end(fault_of(event))
        elif not kind:
            self._hint = self._hint or _hint(data)

    def _by_type(self, kind: str, lifted: Lifted, event: Json) -> Iterator[Answer]:
        at = count(event, "output_index")
        place = (-1 if at is None else at, count(event, "content_index") or 0)
        if kind in _TERMINAL:
            yield from self._terminal(kind, lifted, event)
        elif kind in ("response.created", "response.in_progress", "response.queued"):
            if kind == "response.created" or self.events == 1:
                yield parts.opened(obj(event.get("response")))
        elif kind in _STAGES:
            yield ToolStage(_STAGES[kind])
        elif kind == "response.image_generation_call.partial_image":
            yield from self._partial(lifted, event)
        elif kind == "response.output_item.done":
            yield from self._item(lifted, obj(event.get("item")), place[0])
        elif kind == "response.output_text.delta":
            yield from self._piece(place, event.get("delta"))
        elif kind == "response.output_text.done":
            yield from self._text(place, event.get("text"))
        elif kind == "response.content_part.done":
            yield from self._part(place, obj(event.get("part")))
        elif kind == "response.refusal.delta":
            self._refusal += text(event, "delta") or ""
        elif kind == "response.refusal.done":
            yield from self._refused(event.get("refusal"))

    def _terminal(self, kind: str, lifted: Lifted, event: Json) -> Iterator[Answer]:
        response = obj(event.get("response"))
        status = kind.removeprefix("response.")
        if status == "done":  # it says nothing; the other names outrank the status inside
            status = text(response, "status") or "completed"
            status = "completed" if status in _UNFINISHED else status
        error = fault_of(event) if _is_error("", event) else None
        yield from self._response(lifted, response, status, error)

    def _partial(self, lifted: Lifted, event: Json) -> Iterator[Answer]:
        raw = lifted.string(event.get("partial_image_b64")) if self._partials else None
        data = lift.decode(raw) if raw is not None else None
        if data:
            yield PartialPicture(index=count(event, "partial_image_index") or 0, data=data)

    # ── what both have in common ─────────────────────────────────────────────────────────────

    def _response(
        self, lifted: Lifted, response: Json, status: str, error: Fault | None = None
    ) -> Iterator[Answer]:
        yield parts.opened(response)
        told = frozenset(self._items)
        output = [obj(item) for item in array(response.get("output"))]
        for at, item in enumerate(output):
            # the final answer repeats what output_item.done already gave
            if text(item, "id") not in told or not parts.is_picture(item):
                yield from self._item(lifted, item, at, final=True)
        pictures = sum(map(parts.is_picture, output))
        missing = max(pictures - self._drawn, 0) if pictures else len(self._pictureless)
        yield from self._end(self._verdict(response, status, error), missing)

    def _verdict(self, response: Json, status: str, error: Fault | None) -> Ended | Fault:
        status = status.replace("canceled", "cancelled")
        error = parts.error_of(response) or error
        if error or status in ("failed", "cancelled"):
            error = error or Fault(code=status)
            return replace(error, message=error.message or f"The response ended as {status}.")
        if status in _UNFINISHED:
            return Fault(kind="truncated", message=f"The answer is not finished: it is {status}.")
        return Ended(
            status=status,
            usage=parts.usage(response),
            reported_cost=parts.reported_cost(obj(response.get("usage"))),
            incomplete_reason=text(obj(response.get("incomplete_details")), "reason"),
            response_id=text(response, "id"),
            moderation_flagged=parts.flagged(obj(response.get("moderation"))),
        )

    def _end(self, verdict: Ended | Fault, missing: int | None = None) -> Iterator[Answer]:
        """What was held back, then the one terminal."""
        self._over = True
        if self._refusal and not self._refusals:
            yield RefusalText(self._refusal)
        held = sorted(self._pictureless, key=lambda item: item.fault.code == "empty_result")
        yield from held[:missing]
        yield from self._as_it_came()
        yield verdict

    def _keep_as_it_came(self, lifted: Lifted) -> None:
        self._current = lifted if self._verbatim else None

    def _as_it_came(self) -> Iterator[WireEvent]:
        """The event that was just read, once."""
        lifted, self._current = self._current, None
        if lifted is not None:
            yield WireEvent(lifted.value, lifted.strings)

    def _item(
        self, lifted: Lifted, item: Json, at: int, *, final: bool = False
    ) -> Iterator[Answer]:
        kind = text(item, "type")
        if kind == "image_generation_call":
            yield from self._image_item(lifted, item)
        elif kind == "message" or (kind is None and item.get("role") == "assistant"):
            for part, content in enumerate(array(item.get("content"))):
                yield from self._part((at, part), obj(content), final=final)

    def _part(self, place: Place, part: Json, *, final: bool = False) -> Iterator[Answer]:
        if text(part, "type") == "refusal":
            yield from self._refused(part.get("refusal"))
        else:
            yield from self._text(place, part.get("text"), final=final)

    def _image_item(self, lifted: Lifted, item: Json) -> Iterator[Answer]:
        """Pictures at once. An item without one is told at the end, which may still bring it."""
        item_id = text(item, "id")
        known = len(self._hashes) + len(self._urls)
        found = lift.payloads(lifted, item.get("result"))
        for payload in found:
            if payload.url:
                yield from self._url(item_id, payload.url, item)
            elif payload.data is not None:
                yield from self._picture(item_id, payload.data, item)
        self._drawn += len(self._hashes) + len(self._urls) > known  # items, not pictures
        if item_id:
            self._pictureless = [held for held in self._pictureless if held.item_id != item_id]
        if not any(payload.url or payload.data for payload in found):
            self._pictureless.append(
                ItemFault(item_id=item_id, fault=parts.no_picture(item, found))
            )
        elif item_id:
            self._items.add(item_id)

    def _picture(self, item_id: str | None, data: bytes, item: Json) -> Iterator[Answer]:
        digest = hashlib.sha256(data).digest()
        if digest in self._hashes:
            return  # the same bytes under another id are the same picture (gateways rewrite ids)
        self._hashes.add(digest)
        yield Picture(
            item_id=item_id,
            data=data,
            revised_prompt=text(item, "revised_prompt", "prompt"),
            status=text(item, "status"),
            action=text(item, "action"),
            actual=parts.actual(item),
        )

    def _url(self, item_id: str | None, url: str, item: Json) -> Iterator[Answer]:
        if url not in self._urls:
            self._urls.add(url)
            yield PictureUrl(
                item_id=item_id, url=url, revised_prompt=text(item, "revised_prompt", "prompt")
            )

    def _piece(self, place: Place, value: object) -> Iterator[Answer]:
        if isinstance(value, str) and (piece := clean(value)):
            yield TextPiece(self._told.piece(place, piece))

    def _text(self, place: Place, value: object, *, final: bool = False) -> Iterator[Answer]:
        """A complete text, told as far as its pieces were not."""
        if isinstance(value, str) and (words := clean(value)):
            moved = final and self._framing.streamed
            if rest := self._told.whole(place, words, anywhere=moved):
                yield TextPiece(rest)

    def _refused(self, value: object) -> Iterator[Answer]:
        words = clean(value).strip() if isinstance(value, str) else ""
        if words and words not in self._refusals:
            self._refusals.add(words)
            yield RefusalText(words)


def _is_error(kind: str, event: Json) -> bool:
    """Nested, flat, and without the type that would say so."""
    if kind == "error" or kind.endswith("_error") or parts.error_of(event) is not None:
        return True
    return not kind and bool(event.get("code"))


def _hint(data: bytes) -> str:
    """What a line says that is no event: perhaps the reason why nothing else came."""
    return fault_of_body(data, status=200).message
