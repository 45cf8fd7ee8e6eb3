"""The tolerant reader: raw bytes of an answer in, what it means out (wire.md sections 0 to 5).

One reader serves streamed and whole answers, because servers mix them up: JSON on a stream, SSE on
a plain call, HTML in a 200, white space before a late error. It decides by the first bytes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from ..protocols import (
    Ended,
    Opened,
    PartialPicture,
    Picture,
    PictureUrl,
    RefusalText,
    TextPiece,
    ToolStage,
)
from ..schema import Cost, Tokens, Usage
from . import lift
from .faults import Fault, fault_of, fault_of_body
from .values import Json, array, count, number, obj, text
from .lift import Lifted
from .sse import EventScanner

_WHITE = b" \t\r\n"
_BOM = b"\xef\xbb\xbf"
_TERMINAL = {
    "response.completed",
    "response.done",
    "response.incomplete",
    "response.failed",
    "response.cancelled",
    "response.canceled",
}
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
    | ItemFault
    | Fault
    | Ended
)


class AnswerReader:
    """Reads one answer of the Responses API. ``partials=False`` leaves drafts undecoded.

    Yields at most one of ``Ended`` and ``Fault``, and one of them by the end of ``close``.
    """

    def __init__(self, *, partials: bool = True) -> None:
        self._partials = partials
        self._mode: Literal["unknown", "sse", "whole"] = "unknown"
        self._whole: list[bytes] = []
        self._scanner = EventScanner()
        self._over = False
        self._events = 0
        self._garbled = ""
        self._text = ""
        self._refusals: set[str] = set()
        self._items: set[str] = set()
        self._hashes: set[bytes] = set()
        self._urls: set[str] = set()

    def feed(self, chunk: bytes) -> Iterator[Answer]:
        """What this chunk completes."""
        if self._mode == "unknown":
            self._whole.append(chunk)
            start = b"".join(self._whole).removeprefix(_BOM).lstrip(_WHITE)
            if len(start) < len("retry:") and not start.startswith((b"{", b"[", b"<")):
                return
            self._whole = [start]
            self._mode = "sse" if _looks_like_sse(start) else "whole"
            if self._mode == "sse":
                self._whole, chunk = [], start
            else:
                return
        if self._mode == "sse":
            for data in self._scanner.feed(chunk):
                yield from self._event(data)
        else:
            self._whole.append(chunk)

    def close(self) -> Iterator[Answer]:
        """The bytes have ended; says so when the answer had not."""
        if self._mode == "sse":
            for data in self._scanner.close():
                yield from self._event(data)
            if not self._over:
                self._over = True
                yield self._cut_off()
            return
        body = b"".join(self._whole)
        self._whole = []
        yield from self._document(body)

    def _cut_off(self) -> Fault:
        if self._events:
            return Fault(kind="truncated", message="The stream ended before its terminal event.")
        if self._garbled:
            return Fault(kind="malformed", message=self._garbled)
        return Fault(kind="empty", message="The stream ended without a single event.")

    # ── whole answers ────────────────────────────────────────────────────────────────────────

    def _document(self, body: bytes) -> Iterator[Answer]:
        self._over = True
        try:
            lifted = lift.parse(body)
        except ValueError:
            fault = fault_of_body(body, status=200)
            if body.startswith((b"{", b"[")):
                fault = Fault(kind="truncated", message="The JSON of the answer is cut off.")
            yield fault
            return
        value = obj(lifted.value)
        if not value:
            yield fault_of_body(body, status=200)
        elif "output" not in value and (value.get("error") or "status" not in value):
            yield fault_of(value, status=200)
        else:
            yield from self._response(lifted, value, str(value.get("status") or "completed"))

    # ── streamed answers ─────────────────────────────────────────────────────────────────────

    def _event(self, data: bytes) -> Iterator[Answer]:
        if self._over or data.strip() == b"[DONE]":
            return
        try:
            lifted = lift.parse(data)
        except ValueError:
            self._garbled = self._garbled or fault_of_body(data, status=200).message
            return
        event = obj(lifted.value)
        kind = text(event, "type") or ""
        if kind == "error" or (not kind and ("error" in event or "code" in event)):
            self._over = True
            yield fault_of(event)
            return
        if kind.startswith("response."):
            self._events += 1
        yield from self._by_type(kind, lifted, event)

    def _by_type(self, kind: str, lifted: Lifted, event: Json) -> Iterator[Answer]:
        if kind in _TERMINAL:
            self._over = True
            response = obj(event.get("response"))
            named = kind.removeprefix("response.").replace("canceled", "cancelled")
            # the event's name outranks the status inside, except for "done", which says nothing
            status = text(response, "status") or "completed" if named == "done" else named
            yield from self._response(lifted, response, status)
        elif kind in ("response.created", "response.in_progress", "response.queued"):
            if kind == "response.created" or self._events == 1:
                yield _opened(obj(event.get("response")))
        elif kind in _STAGES:
            yield ToolStage(_STAGES[kind])
        elif kind == "response.image_generation_call.partial_image":
            yield from self._partial(lifted, event)
        elif kind == "response.output_item.done":
            yield from self._item(lifted, obj(event.get("item")))
        elif kind == "response.output_text.delta":
            yield from self._piece(event.get("delta"))
        elif kind == "response.output_text.done":
            yield from self._whole_text(event.get("text"))
        elif kind == "response.refusal.done":
            yield from self._refusal(event.get("refusal"))

    def _partial(self, lifted: Lifted, event: Json) -> Iterator[Answer]:
        raw = lifted.string(event.get("partial_image_b64")) if self._partials else None
        data = lift.decode(raw) if raw is not None else None
        if data:
            yield PartialPicture(index=count(event, "partial_image_index") or 0, data=data)

    # ── what both have in common ─────────────────────────────────────────────────────────────

    def _response(self, lifted: Lifted, response: Json, status: str) -> Iterator[Answer]:
        yield _opened(response)
        for item in array(response.get("output")):
            yield from self._item(lifted, obj(item))
        if status in ("failed", "cancelled"):
            fault = fault_of({"error": response.get("error") or {}})
            yield Fault(
                code=fault.code or status,
                type=fault.type,
                message=fault.message or f"The response ended as {status}.",
                param=fault.param,
                stage=fault.stage,
                categories=fault.categories,
                resets_at=fault.resets_at,
                resets_in=fault.resets_in,
            )
            return
        yield Ended(
            status=status,
            usage=_usage(response),
            reported_cost=_reported_cost(obj(response.get("usage"))),
            incomplete_reason=text(obj(response.get("incomplete_details")), "reason"),
            response_id=text(response, "id"),
            moderation_flagged=_flagged(obj(response.get("moderation"))),
        )

    def _item(self, lifted: Lifted, item: Json) -> Iterator[Answer]:
        kind = text(item, "type")
        if kind == "image_generation_call":
            yield from self._image_item(lifted, item)
        elif kind == "message" or (kind is None and item.get("role") == "assistant"):
            for part in array(item.get("content")):
                content = obj(part)
                if text(content, "type") == "refusal":
                    yield from self._refusal(content.get("refusal"))
                else:
                    yield from self._whole_text(content.get("text"))

    def _image_item(self, lifted: Lifted, item: Json) -> Iterator[Answer]:
        item_id = text(item, "id")
        if item_id in self._items:
            return  # the final answer repeats what output_item.done already gave
        if item_id:
            self._items.add(item_id)
        found = lift.payloads(lifted, item.get("result"))
        if not found:
            fault = fault_of({"error": item.get("error") or {}})
            if not (fault.code or fault.message):
                fault = Fault(code="empty_result", message="The image item holds no picture.")
            yield ItemFault(item_id=item_id, fault=fault)
        for payload in found:
            if payload.url:
                yield from self._url(item_id, payload.url, item)
            elif payload.data is None:
                message = "The picture's base64 cannot be decoded."
                yield ItemFault(item_id=item_id, fault=Fault(code="bad_base64", message=message))
            else:
                yield from self._picture(item_id, payload.data, item)

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
            actual=_actual(item),
        )

    def _url(self, item_id: str | None, url: str, item: Json) -> Iterator[Answer]:
        if url not in self._urls:
            self._urls.add(url)
            yield PictureUrl(
                item_id=item_id, url=url, revised_prompt=text(item, "revised_prompt", "prompt")
            )

    def _piece(self, value: object) -> Iterator[Answer]:
        if isinstance(value, str) and value:
            self._text += value
            yield TextPiece(value)

    def _whole_text(self, value: object) -> Iterator[Answer]:
        """A complete text, told only when its pieces were not."""
        if isinstance(value, str) and value and value not in self._text:
            yield from self._piece(value)

    def _refusal(self, value: object) -> Iterator[Answer]:
        if isinstance(value, str) and value and value not in self._refusals:
            self._refusals.add(value)
            yield RefusalText(value)


def _looks_like_sse(start: bytes) -> bool:
    return start.startswith((b"data:", b"event:", b":", b"id:", b"retry:"))


def _opened(response: Json) -> Opened:
    tools = response.get("tools")
    echoed = [obj(tool) for tool in array(tools)]
    image: Json = next((t for t in echoed if t.get("type") == "image_generation"), {})
    return Opened(
        response_id=text(response, "id"),
        model=text(response, "model"),
        tools=tuple(text(t, "type") or "" for t in echoed) if isinstance(tools, list) else None,
        tool_model=text(image, "model"),
        previous_response_id=text(response, "previous_response_id"),
        offline=response.get("offline") is True,
    )


def _actual(item: Json) -> tuple[tuple[str, str], ...]:
    names = {
        "size": "size",
        "quality": "quality",
        "background": "background",
        "output_format": "format",
    }
    said = ((ours, text(item, theirs)) for theirs, ours in names.items())
    return tuple((name, value) for name, value in said if value)


def _usage(response: Json) -> Usage:
    return Usage(
        text=_tokens(obj(response.get("usage"))),
        image=_tokens(obj(obj(response.get("tool_usage")).get("image_gen"))),
    )


def _tokens(usage: Json) -> Tokens | None:
    if not usage:
        return None
    into, out = obj(usage.get("input_tokens_details")), obj(usage.get("output_tokens_details"))
    return Tokens(
        input=count(usage, "input_tokens"),
        cached_input=count(into, "cached_tokens"),
        output=count(usage, "output_tokens"),
        input_text=count(into, "text_tokens"),
        input_image=count(into, "image_tokens"),
        output_text=count(out, "text_tokens"),
        output_image=count(out, "image_tokens"),
        total=count(usage, "total_tokens"),
    )


def _reported_cost(usage: Json) -> Cost | None:
    """LiteLLM's ``usage.cost``, in dollars (L13)."""
    cost = number(usage, "cost")
    if cost is None or cost < 0:
        return None
    return Cost(amount=Decimal(str(cost)), currency="USD", basis="reported")


def _flagged(moderation: Json) -> bool | None:
    """Request-level moderation scores; ``mode=block`` was recorded not blocking (wire.md 1.1)."""
    sides = [obj(moderation.get("input")), obj(moderation.get("output"))]
    results = [obj(r) for side in sides for r in array(side.get("results"))] + sides
    said = [r["flagged"] for r in results if isinstance(r.get("flagged"), bool)]
    return any(said) if said else None
