"""Pure: how an exchange through a gateway differs from the same exchange without it."""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from pydantic import JsonValue

from ..schema import Failure, Outcome
from ..traffic import PartialPicture, Picture, PictureUrl, Received
from ..turn.extract import Gathered, fold, judge
from ..wire.sse import EventScanner
from .forms import Posted, document_of, image_fields, pictures_within, texts
from .report import Difference

_IMAGE_EVENTS: Final = ("partial_image", "completed")
_MARKS: Final = frozenset(
    {
        "response.image_generation_call.partial_image",
        "response.output_item.done",
        "response.output_text.delta",
        "response.completed",
        "response.failed",
        "response.incomplete",
        *(f"image_{kind}.{what}" for kind in ("generation", "edit") for what in _IMAGE_EVENTS),
        "error",
    }
)
"""Events that a turn is read from; the others are told."""
_OWN_AFFAIR: Final = frozenset({"stream", "store", "model"})
"""A gateway may change these on its way: the answer is compared anyway (D1, D29)."""
_LONG: Final = 120
_BASE64: Final = re.compile(r"[A-Za-z0-9+/_=,:;.-]{200,}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Understood:
    """What Limner made of an answer: the only thing that finally counts."""

    outcome: Outcome
    failure: Failure | None
    pictures: tuple[str, ...]
    """SHA-256 of each, in order."""
    drafts: int
    addresses: int = 0
    """Pictures that came as an address that the gateway, or somebody, keeps them at."""
    counted: bool = False
    """Whether it told its tokens, which is how a cost is known."""

    @property
    def words(self) -> str:
        """``image``, or ``failed: transient, billed possibly``."""
        if self.failure is None:
            return self.outcome
        return f"{self.outcome}: {self.failure.code}, billed {self.failure.billed}"


def understood(items: Iterable[Received]) -> Understood:
    """The fold over an answer."""
    gathered, pictures, drafts, addresses = Gathered(), [], 0, 0
    for item in items:
        gathered = fold(gathered, item)
        if isinstance(item, Picture):
            pictures.append(hashlib.sha256(item.data).hexdigest())
        drafts += isinstance(item, PartialPicture)
        addresses += isinstance(item, PictureUrl)
    outcome, failure = judge(gathered, stored=len(pictures), intent="generate")
    return Understood(
        outcome=outcome,
        failure=failure,
        pictures=tuple(pictures),
        drafts=drafts,
        addresses=addresses,
        counted=gathered.usage.image is not None,
    )


# ── what Limner understood ───────────────────────────────────────────────────────────────────


def outcomes(direct: Understood, through: Understood) -> Iterator[Difference]:
    """Direct against through."""
    if _kept_elsewhere(direct, through):
        sent = _pictures(direct.pictures)
        yield Difference(
            kind="picture", where="picture", sent=sent, got="an address", harmless=True
        )
        return
    if direct.words != through.words:
        yield Difference(kind="outcome", where="outcome", sent=direct.words, got=through.words)
    if direct.pictures != through.pictures:
        yield Difference(
            kind="picture",
            where="picture",
            sent=_pictures(direct.pictures),
            got=_pictures(through.pictures),
        )
    if direct.drafts != through.drafts:
        sent, got = f"{direct.drafts} drafts", f"{through.drafts} drafts"
        yield Difference(kind="lost_event", where="partial_image", sent=sent, got=got)
    if direct.counted and not through.counted and through.pictures:
        yield Difference(kind="lost_field", where="usage")
    yield from _failures(direct.failure, through.failure)


def of_another_api(
    found: Iterable[Difference], direct: Understood, through: Understood
) -> Iterator[Difference]:
    """Other words make another picture: that there are as many is all that can be asked."""
    as_many = len(direct.pictures) == len(through.pictures)
    for one in found:
        other = one.kind == "picture" and as_many
        yield one.model_copy(update={"harmless": True}) if other else one


def _kept_elsewhere(direct: Understood, through: Understood) -> bool:
    """As many pictures, each at an address in place of its bytes."""
    return through.addresses > 0 and through.addresses == len(direct.pictures)


def _pictures(hashes: tuple[str, ...]) -> str:
    return ", ".join(one[:12] for one in hashes) or "none"


def _failures(direct: Failure | None, through: Failure | None) -> Iterator[Difference]:
    if direct is None or through is None:
        return
    pairs = {
        "status": (direct.status, through.status),
        "code": (direct.upstream_code, through.upstream_code),
        "categories": (", ".join(direct.categories), ", ".join(through.categories)),
        "retry_at": (direct.retry_at is not None, through.retry_at is not None),
    }
    for name, (sent, got) in pairs.items():
        if sent != got:
            kind = "status" if name == "status" else "error"
            yield Difference.model_validate(
                {"kind": kind, "where": name, "sent": str(sent), "got": str(got), "harmless": True}
            )


# ── what was sent and what arrived ───────────────────────────────────────────────────────────


def bodies(sent: bytes, arrived: bytes, *, known_ids: Mapping[str, str]) -> Iterator[Difference]:
    """Field by field. ``known_ids`` maps an id as we were told it to the one behind it."""
    one, other = _fields(document_of(sent)), _fields(document_of(arrived))
    for path, value in one.items():
        if path not in other:
            yield Difference(kind="dropped_field", where=path, sent=_short(value))
        elif other[path] != value and known_ids.get(str(value)) != other[path]:
            yield Difference(
                kind="changed_field",
                where=path,
                sent=_short(value),
                got=_short(other[path]),
                harmless=path in _OWN_AFFAIR,
            )
    for path, value in other.items():
        if path not in one:
            yield Difference(kind="added_field", where=path, got=_short(value), harmless=True)


def image_bodies(sent: Posted, arrived: Posted) -> Iterator[Difference]:
    """The same for the Images API. A gateway that draws in another way is asked for less."""
    if sent.endpoint != arrived.endpoint:
        where = {"sent": sent.endpoint, "got": arrived.endpoint}
        yield Difference(kind="changed_field", where="path", harmless=True, **where)
        yield from _turned(sent, arrived)
        return
    one, other = image_fields(sent), image_fields(arrived)
    for name, value in one.items():
        got = other.get(name)
        if got is None:
            yield Difference(kind="dropped_field", where=name, sent=_short(value))
        elif got != value:
            yield Difference(
                kind="changed_field",
                where=name,
                sent=_short(value),
                got=_short(got),
                harmless=name in _OWN_AFFAIR,
            )
    for name in other.keys() - one.keys():
        got = _short(other[name])
        yield Difference(kind="added_field", where=name, got=got, harmless=True)


def _turned(sent: Posted, arrived: Posted) -> Iterator[Difference]:
    """Asked for by another API: the words and every picture must still be in it."""
    here, there = image_fields(sent), pictures_within(arrived)
    for name, value in here.items():
        is_picture = f"{name}.type" in here
        if is_picture and value not in there:
            yield Difference(kind="dropped_field", where=name, sent=value)
    prompt = here.get("prompt", "")
    if not any(prompt in text for text in texts(document_of(arrived.body))):
        yield Difference(kind="dropped_field", where="prompt", sent=_short(prompt))


def _fields(value: JsonValue, path: str = "") -> dict[str, JsonValue]:
    """Path → leaf; a text stands for the list of one part that some gateways make of it."""
    if isinstance(value, dict):
        found: dict[str, JsonValue] = {}
        for key, inner in value.items():
            told = key == "content" and isinstance(inner, str)
            parts: JsonValue = [{"type": "input_text", "text": inner}] if told else inner
            found |= _fields(parts, f"{path}.{key}" if path else key)
        return found or {path: {}}
    if isinstance(value, list):
        entries = [_fields(inner, f"{path}[{at}]") for at, inner in enumerate(value)]
        return {key: leaf for entry in entries for key, leaf in entry.items()} or {path: []}
    return {path: value}


def _short(value: JsonValue) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    text = _BASE64.sub(lambda long: f"<{len(long[0]):,} characters>", text)
    return text if len(text) <= _LONG else f"{text[:_LONG]}…"


# ── what was answered and what came back ─────────────────────────────────────────────────────


def events(answered: bytes, came: bytes) -> Iterator[Difference]:
    """Two streams, by how often each kind of event is in them."""
    here, there = _kinds(answered), _kinds(came)
    if not here or not there:
        return
    for kind in sorted(here.keys() | there.keys()):
        sent, got = here[kind], there[kind]
        if sent != got:
            yield Difference(
                kind="lost_event" if got < sent else "added_event",
                where=kind,
                sent=str(sent),
                got=str(got),
                harmless=got > sent or kind not in _MARKS,
            )


def addresses(answered: bytes, came: bytes) -> Iterator[Difference]:
    """Whether a picture that was given as an address (R32) still is one."""
    if _addresses(answered) > _addresses(came):
        yield Difference(kind="lost_field", where="data[0].url", got="b64_json")


def _addresses(answer: bytes) -> int:
    document = document_of(answer)
    data = document.get("data") if isinstance(document, dict) else None
    entries = data if isinstance(data, list) else []
    return sum(bool(isinstance(entry, dict) and entry.get("url")) for entry in entries)


def _kinds(stream: bytes) -> Counter[str]:
    if not stream.lstrip().startswith((b"data:", b"event:", b":", b"id:", b"retry:")):
        return Counter()
    scanner = EventScanner()
    found: Counter[str] = Counter()
    for data in (*scanner.feed(stream), *scanner.close()):
        try:
            event = json.loads(data)
        except ValueError:
            continue
        if isinstance(event, dict):
            found[str(event.get("type"))] += 1
    return found
