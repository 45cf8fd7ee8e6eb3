"""Somebody's answer told on as ours: one id, items with steady ids, numbers without a gap.

Servers leave events out, change ids in mid-stream, answer a stream with one JSON object, or end
without an end (wire.md 3, gateways D17 to D21, L12). A client of ours gets the stream that the
API promises: it begins with ``response.created``, every item is added before it is done, and the
last event is a terminal one. Pictures stay the base64 they came as; nothing is parsed twice.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field

from pydantic import JsonValue

from ..schema import ImageId, Sha256
from . import lift, stories
from .lift import Lifted
from .spliced import dumped, sse, tidied
from .stories import Event, Item
from .values import Json, array, count, obj, text

_TERMINAL = {
    "response.completed": "completed",
    "response.done": "completed",
    "response.incomplete": "incomplete",
    "response.failed": "failed",
    "response.cancelled": "failed",
    "response.canceled": "failed",
}
_OPENINGS = {"response.created", "response.in_progress", "response.queued"}
_PARTIAL = "response.image_generation_call.partial_image"
_OURS = {"image_generation_call": "ig", "message": "msg"}
"""Kinds of items that get an id of ours; others keep theirs, to which their content may be bound."""
_PREFIXES = {"reasoning": "rs", "function_call": "fc", "custom_tool_call": "ctc", "mcp_call": "mcp"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawn:
    """A picture that was kept."""

    image: ImageId
    sha256: Sha256
    data: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """What of a response is ours to say; ``asked`` is echoed where the server does not."""

    id: str
    created: int
    asked: Mapping[str, JsonValue]
    previous: str | None = None
    instructions: str | None = None
    store: bool = True
    background: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One output item as it is kept: a picture is named, and its bytes are elsewhere."""

    id: str
    value: Item
    image: ImageId | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """The last events, and the response object as JSON and as it is kept."""

    document: Item
    """Without ``output``, which ``items`` hold."""
    items: tuple[Told, ...]
    before: tuple[bytes, ...] = field(repr=False)
    whole: Item = field(repr=False)
    cuts: tuple[bytes | memoryview, ...] = field(repr=False)
    number: int

    @property
    def events(self) -> tuple[bytes, ...]:
        """Written when they are asked for: they are as long as the pictures in them."""
        kind = f"response.{self.document['status']}"
        event = {"type": kind, "response": self.whole, "sequence_number": self.number}
        return (*self.before, sse(kind, event, self.cuts))

    @property
    def body(self) -> bytes:
        """The same for a client that does not listen to events."""
        return dumped(self.whole, self.cuts)


@dataclass(slots=True, kw_only=True)
class _Place:
    """One position of the output; ``theirs`` are the ids it went by."""

    id: str
    kind: str
    theirs: set[str]
    value: Item | None = None
    image: ImageId | None = None
    base64: bytes | memoryview | None = None
    checked: bool = False
    """Its drafts wait for nothing any more."""

    @property
    def shown(self) -> Item:
        """As it is told; a picture's place is marked with the number 0."""
        value = dict(self.value or {})
        if self.base64 is not None:
            value["result"] = {"$cut": 0}
        return value


class Retelling:
    """Feed events as they came; get those to send. ``hold``: drafts wait for ``release``."""

    def __init__(self, frame: Frame, *, new_id: Callable[[str], str], hold: bool = True) -> None:
        self._frame = frame
        self._new_id = new_id
        self.holds = hold
        self._number = 0
        self._opened = False
        self._places: dict[int, _Place] = {}
        self._held: list[tuple[int, Event, Lifted]] = []
        self._known: dict[str, ImageId] = {}
        self._response: Json = {}
        self._final: Json | None = None
        self._status = ""
        self.drafted = False
        """Whether a draft was told."""
        self._last: frozenset[int] | None = None

    @property
    def others(self) -> bool:
        """Whether something came that is neither text nor picture: a call of the caller's tool."""
        plain = ("message", "image_generation_call", "reasoning")
        return any(place.kind not in plain for place in self._places.values())

    def hush(self) -> None:
        """From here on nothing is told but the end, and of the answer what was told before."""
        done = frozenset(at for at, place in self._places.items() if place.value is not None)
        self._last = done if self._last is None else self._last

    def withdraw(self, kept: Collection[ImageId]) -> bool:
        """Pictures that are not among ``kept`` any more are told as failed; whether there were any."""
        gone = [p for p in self._places.values() if p.image is not None and p.image not in kept]
        for place in gone:
            place.image, place.base64 = None, None
            place.value = stories.without_picture(place.value or {})
        return bool(gone)

    def release(self, theirs: str | None) -> list[bytes]:
        """The drafts of an item whose wording was checked; those still to come are not held."""
        named = [at for at, p in self._places.items() if theirs in p.theirs and p.value is None]
        if len(named) != 1 or self._last is not None:  # of two with one name, nobody knows which
            return []
        self._places[named[0]].checked = True
        return self._drafts(named[0], wanted=True)

    # ── while it comes ───────────────────────────────────────────────────────────────────────

    def open(self) -> list[bytes]:
        """The first two events, unless they were told."""
        if self._opened:
            return []
        self._opened = True
        document = self._document("in_progress") | {"output": []}
        kinds = ("response.created", "response.in_progress")
        return [self._event({"type": kind, "response": document}) for kind in kinds]

    def tell(self, lifted: Lifted, drawn: Sequence[Drawn] = ()) -> list[bytes]:
        """What is to be sent of one event; ``drawn`` are the pictures that came with it, kept."""
        if self._last is not None:
            return []
        event = dict(obj(lifted.value))
        kind = text(event, "type") or ""
        queue = list(drawn)
        for one in queue:
            self._known[one.sha256] = one.image
        if kind in _OPENINGS:
            self._response = self._response or obj(event.get("response"))
            return self.open()
        if kind in _TERMINAL or not kind:
            response = obj(event.get("response")) if kind else event
            self._status = _TERMINAL.get(kind) or text(response, "status") or "completed"
            self._final = response
            return [*self.open(), *self._rest(lifted.strings, queue)]
        if not kind.startswith("response."):
            return []
        return [*self.open(), *self._passed(kind, event, lifted, queue)]

    def _passed(self, kind: str, event: Event, lifted: Lifted, queue: list[Drawn]) -> list[bytes]:
        item = obj(event.get("item"))
        known = count(event, "output_index") is not None or "item_id" in event or bool(item)
        if not known:  # a picture without a place is nobody's: no check could ever allow it
            shows = kind == _PARTIAL or bool(lifted.strings)
            return [] if shows and self.holds else [self._event(event, lifted.strings)]
        at = self._at(event, item)
        there = at in self._places
        if kind == "response.output_item.added":
            return [] if there else self._added(at, dict(item))
        frames = [] if there else self._added(at, stories.begun(stories.kind_of(kind, item)))
        place = self._places[at]
        if kind == "response.output_item.done":
            return [*frames, *self._done(at, Lifted(dict(item), lifted.strings), queue)]
        event |= {"output_index": at} | ({"item_id": place.id} if "item_id" in event else {})
        waits = any(where == at for where, _, _ in self._held)
        shows = place.kind == "image_generation_call" and bool(lifted.strings)
        if self.holds and (kind == _PARTIAL or shows or waits):
            if place.value is not None:
                return frames
            if not place.checked:  # what comes after a draft stays after it
                self._held.append((at, event, lifted))
                return frames
        return [*frames, self._event(event, lifted.strings)]

    def _at(self, event: Event, item: Json) -> int:
        """The position that an event is about; where it says none, by the id, else a new one."""
        theirs = text(item, "id") or text(event, "item_id")
        said = count(event, "output_index")
        if said is not None:
            return said
        by_id = (at for at, place in self._places.items() if theirs in place.theirs)
        return next(by_id, max(self._places, default=-1) + 1)

    def _added(self, at: int, item: Item) -> list[bytes]:
        place = self._place(at, item)
        shown = item | {"id": place.id} | ({"result": None} if "result" in item else {})
        if self.holds:  # told with the picture, when it was checked
            shown.pop("revised_prompt", None)
        event: Event = {
            "type": "response.output_item.added",
            "output_index": at,
            "item": shown,
        }
        return [self._event(event)]

    def _place(self, at: int, item: Json) -> _Place:
        kind, theirs = text(item, "type") or "message", text(item, "id")
        ours = kind in _OURS or theirs is None
        prefix = _OURS.get(kind) or _PREFIXES.get(kind, "item")
        place = _Place(
            id=self._new_id(prefix) if ours or theirs is None else theirs,
            kind=kind,
            theirs={theirs} if theirs else set(),
        )
        self._places[at] = place
        return place

    def _done(self, at: int, lifted: Lifted, queue: list[Drawn]) -> list[bytes]:
        place = self._places[at]
        if place.value is not None:
            return []
        self._fill(place, lifted, queue)
        frames = self._drafts(at, wanted=place.base64 is not None)
        event: Event = {
            "type": "response.output_item.done",
            "output_index": at,
            "item": place.shown,
        }
        return [*frames, self._event(event, _cuts(place))]

    def _drafts(self, at: int, *, wanted: bool) -> list[bytes]:
        mine = [(event, lifted) for where, event, lifted in self._held if where == at]
        self._held = [held for held in self._held if held[0] != at]
        return [self._event(event, lifted.strings) for event, lifted in mine if wanted]

    # ── an item as it is kept ────────────────────────────────────────────────────────────────

    def _fill(self, place: _Place, lifted: Lifted, queue: list[Drawn]) -> None:
        item = dict(obj(lifted.value))
        place.kind = text(item, "type") or place.kind
        place.theirs |= {theirs} if (theirs := text(item, "id")) else set()
        place.value = item | {"id": place.id, "type": place.kind}
        if place.kind == "image_generation_call":
            self._picture(place, lifted, queue)

    def _picture(self, place: _Place, lifted: Lifted, queue: list[Drawn]) -> None:
        """A picture that was not kept is not told either: nobody could come back to it."""
        assert place.value is not None
        result = obj(lifted.value).get("result")
        raw = lifted.string(result)
        if raw is not None and bytes(raw[:5]).lower() in (b"http:", b"https", b"data:"):
            raw = None
        if queue:
            one = queue.pop(0)
            place.image, place.base64 = one.image, tidied(raw, one.data)
        elif data := lift.decode(raw) if raw is not None else None:
            place.image = self._known.get(hashlib.sha256(data).hexdigest())
            place.base64 = tidied(raw, data) if place.image else None
        place.value["result"] = None
        place.value["status"] = "completed" if place.base64 is not None else "failed"
        if place.base64 is None:
            place.value = stories.without_picture(place.value)

    # ── its end ──────────────────────────────────────────────────────────────────────────────

    def _rest(self, strings: tuple[memoryview, ...], queue: list[Drawn]) -> list[bytes]:
        """Items that only the final answer holds, each told as if it had come by itself."""
        frames: list[bytes] = []
        output = [obj(item) for item in array((self._final or {}).get("output"))]
        known = dict(self._places)
        for index, item in enumerate(output):
            at = _where(known, index, item)
            known.pop(-1 if at is None else at, None)
            lifted = Lifted(dict(item), strings)
            if at is None:
                at = max(self._places, default=-1) + 1
                frames += self._added(at, stories.begun(text(item, "type") or "message"))
            place = self._places[at]
            if place.value is not None:
                if place.image is None and place.kind == "image_generation_call" and queue:
                    self._fill(place, lifted, queue)
                continue
            for event in stories.between(dict(item)):
                frames.append(self._event(event | {"output_index": at, "item_id": place.id}))
            frames += self._done(at, lifted, queue)
        return frames

    def end(self, error: Mapping[str, JsonValue] | None = None) -> Ending:
        """The terminal event; ``error`` (code, message) makes it ``response.failed``."""
        frames = self.open()
        status = "failed" if error else _ended(self._status)
        told = [
            place
            for at, place in sorted(self._places.items())
            if place.value is not None and (self._last is None or at in self._last)
        ]
        document = self._document(status)
        if error:
            document["error"] = dict(error)
        elif not self._status:
            document["incomplete_details"] = {"reason": "upstream_ended"}
        output: list[object] = []
        cuts: list[bytes | memoryview] = []
        for place in told:
            value = place.shown
            if place.base64 is not None:
                value["result"] = {"$cut": len(cuts)}
                cuts.append(place.base64)
            output.append(value)
        return Ending(
            before=tuple(frames),
            whole=document | {"output": output},
            cuts=tuple(cuts),
            number=self._number,
            document=document,
            items=tuple(
                Told(id=place.id, value=dict(place.value or {}), image=place.image)
                for place in told
            ),
        )

    def begun(self) -> Item:
        """The response object while nothing of it is done."""
        return self._document("in_progress")

    def _document(self, status: str) -> Item:
        frame = self._frame
        theirs = dict(self._response if self._final is None else self._final)
        theirs.pop("output", None)
        document: Item = stories.blank(frame.asked) | theirs
        return document | {
            "id": frame.id,
            "object": "response",
            "created_at": frame.created,
            "status": status,
            "background": frame.background,
            "instructions": frame.instructions,
            "previous_response_id": frame.previous,
            "store": frame.store,
        }

    def _event(self, event: Event, cuts: Sequence[bytes | memoryview] = ()) -> bytes:
        self.drafted = self.drafted or event["type"] == _PARTIAL
        numbered = event | {"sequence_number": self._number}
        self._number += 1
        return sse(str(event["type"]), numbered, cuts)


def _where(places: Mapping[int, _Place], index: int, item: Json) -> int | None:
    """The position under which an item of the final answer was told before."""
    theirs = text(item, "id")
    for at, place in places.items():
        if theirs is not None and theirs in place.theirs:
            return at
    there = places.get(index)
    return index if there is not None and there.kind == text(item, "type") else None


def _ended(status: str) -> str:
    """One of the three ends; an answer that says none of them is not complete."""
    return status if status in ("completed", "failed") else "incomplete"


def _cuts(place: _Place) -> tuple[bytes | memoryview, ...]:
    return () if place.base64 is None else (place.base64,)
