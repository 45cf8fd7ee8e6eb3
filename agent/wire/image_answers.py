"""The tolerant reader of the Images API: raw bytes of an answer in, what it means out.

As tolerant as ``answers`` (SSE or whole by the first bytes, cut-off ends, errors in a 200), with
another vocabulary (wire.md 5; gateways.md D7, D12-D18, N5, N8).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

from ..schema import Cost, Usage
from ..traffic import Ended, Opened, PartialPicture, Picture, PictureUrl
from . import lift, parts
from .answers import Answer, ItemFault
from .faults import Fault, fault_of, fault_of_body
from .framing import Framing
from .lift import Lifted, Payload
from .values import Json, array, count, obj, text

_STEMS = ("image_generation.", "image_edit.")
"""A gateway may name the events of an edit by the other word (N8)."""
_SHARED = ("size", "quality", "background", "output_format", "model")


class ImageAnswerReader:
    """Reads one answer of the Images API. ``partials=False`` leaves drafts undecoded.

    Several pictures are several ``completed`` events, so only ``[DONE]``, an error or the end of
    the bytes ends a stream. Usage that stands in each event is one usage, not a sum (N8). Yields
    one ``Ended`` or ``Fault``, as the last thing. Never raises, whatever the bytes.
    """

    def __init__(self, *, partials: bool = True) -> None:
        self.events = 0
        """Events of the Images API so far: pings and comments are none."""
        self._partials = partials
        self._framing = Framing()
        self._over = False
        self._cut = False
        self._hint = ""
        self._opened = False
        self._finished = 0
        self._hashes: set[bytes] = set()
        self._urls: set[str] = set()
        self._usage = Usage()
        self._cost: Cost | None = None

    @property
    def arriving(self) -> bool:
        """Whether something long, such as a picture, has begun and not ended."""
        return not self._over and self._framing.arriving

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
            yield self._end(self._stopped())
        else:
            yield from self._document(self._framing.document())

    # ── whole answers ────────────────────────────────────────────────────────────────────────

    def _document(self, body: bytes) -> Iterator[Answer]:
        try:
            lifted = lift.parse(body)
        except ValueError:
            cut = body.startswith((b"{", b"[")) and not body.rstrip().endswith((b"}", b"]"))
            told = Fault(kind="truncated", message="The JSON of the answer is cut off.")
            yield self._end(told if cut else fault_of_body(body, status=200))
            return
        value = obj(lifted.value)
        if _is_answer(value) or _is_completed(text(value, "type")):
            yield from self._answer(lifted, value)
        else:
            yield self._end(fault_of_body(body, status=200))

    def _answer(self, lifted: Lifted, value: Json) -> Iterator[Answer]:
        """``{created, data: [{b64_json | url}]}``, or the one event that is all of it."""
        yield from self._opening(value)
        data = value if _is_completed(text(value, "type")) else value.get("data")
        for entry in array(data) or ([data] if data else []):
            yield from self._finished_one(lifted, entry, value)
        yield self._end(parts.error_of(value) or self._ended())

    # ── streamed answers ─────────────────────────────────────────────────────────────────────

    def _event(self, data: bytes) -> Iterator[Answer]:
        if self._over or not data.strip():
            return
        if data.strip() == b"[DONE]":
            yield self._end(self._stopped())
            return
        try:
            lifted = lift.parse(data)
        except ValueError:
            self._cut = self._cut or data.lstrip().startswith(b"{")
            self._hint = self._hint or (
                "" if self._cut else fault_of_body(data, status=200).message
            )
            return
        event = obj(lifted.value)
        kind = text(event, "type") or ""
        if _is_error(kind, event):
            yield self._end(fault_of(event))
        elif kind.startswith(_STEMS):
            self.events += 1
            yield from self._by_kind(kind.partition(".")[2], lifted, event)
        elif not kind and _is_answer(event):
            yield from self._answer(lifted, event)
        elif not kind:
            self._hint = self._hint or fault_of_body(data, status=200).message

    def _by_kind(self, kind: str, lifted: Lifted, event: Json) -> Iterator[Answer]:
        yield from self._opening(event)
        if kind == "completed":
            yield from self._finished_one(lifted, event, event)
        elif kind == "partial_image" and self._partials:
            raw = lifted.string(event.get("b64_json"))
            drawn = lift.decode(raw) if raw is not None else None
            if drawn:
                yield PartialPicture(index=count(event, "partial_image_index") or 0, data=drawn)

    def _stopped(self) -> Ended | Fault:
        """The stream is over; whether that was its end."""
        if self._cut or (self.events and not self._finished):
            told = self._hint or "The stream ended before its picture was finished."
            return Fault(kind="truncated", message=told)
        if self._finished:
            return self._ended()
        if self._hint:
            return Fault(kind="malformed", message=self._hint)
        return Fault(kind="empty", message="The stream ended without a single event.")

    # ── what both have in common ─────────────────────────────────────────────────────────────

    def _opening(self, value: Json) -> Iterator[Answer]:
        """Once; and the newest usage, wherever it stands."""
        if usage := obj(value.get("usage")):
            self._usage = parts.usage({"tool_usage": {"image_gen": usage}})
            self._cost = parts.reported_cost(usage) or self._cost
        if not self._opened:
            self._opened = True
            yield Opened(tool_model=text(value, "model"), offline=value.get("offline") is True)

    def _finished_one(self, lifted: Lifted, entry: object, around: Json) -> Iterator[Answer]:
        self._finished += 1
        payload = _payload(lifted, entry)
        item = obj(entry)
        if payload is None or not (payload.url or payload.data):
            fault = parts.no_picture(item, [] if payload is None else [payload])
            yield ItemFault(item_id=None, fault=fault)
        elif payload.data is not None:
            yield from self._picture(payload.data, item, around)
        elif payload.url is not None and payload.url not in self._urls:
            self._urls.add(payload.url)
            yield PictureUrl(item_id=None, url=payload.url, revised_prompt=_revised(item))

    def _picture(self, data: bytes, item: Json, around: Json) -> Iterator[Answer]:
        digest = hashlib.sha256(data).digest()
        if digest in self._hashes:
            return
        self._hashes.add(digest)
        said = {name: text(item, name) or text(around, name) for name in _SHARED}
        actual = (*parts.actual(said), *((("model", said["model"]),) if said["model"] else ()))
        yield Picture(item_id=None, data=data, revised_prompt=_revised(item), actual=actual)

    def _ended(self) -> Ended:
        return Ended(status="completed", usage=self._usage, reported_cost=self._cost)

    def _end(self, verdict: Ended | Fault) -> Ended | Fault:
        self._over = True
        return verdict


def _payload(lifted: Lifted, entry: object) -> Payload | None:
    """Bytes before an address: a stream may hold both (D7). ``None``: neither stands there."""
    item = obj(entry)
    given = [item.get("b64_json"), item.get("url")] if item and "$cut" not in item else [entry]
    found = [payload for value in given for payload in lift.payloads(lifted, value)]
    useful = [payload for payload in found if payload.data or payload.url]
    return next(iter(useful or found), None)


def _revised(item: Json) -> str | None:
    return text(item, "revised_prompt", "prompt")


def _is_completed(kind: str | None) -> bool:
    return kind in {f"{stem}completed" for stem in _STEMS}


def _is_answer(value: Json) -> bool:
    """Whether this is an answer of the Images API at all; ``created`` is all it must have."""
    return "data" in value or (count(value, "created") is not None and "error" not in value)


def _is_error(kind: str, event: Json) -> bool:
    """Nested, flat, and without the type that would say so; what brings a picture is none."""
    if _is_completed(kind):
        return False
    if kind.endswith(("error", ".failed")) or parts.error_of(event) is not None:
        return True
    return not kind and bool(event.get("code"))
