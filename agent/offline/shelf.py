"""What the server remembers while it runs: answers by id, their pictures, and how much it did."""

from __future__ import annotations

import hashlib
import re
from collections import Counter, OrderedDict, deque
from dataclasses import dataclass, field

from pydantic import JsonValue

from ..wire.fields import JsonObject

LOG_LENGTH = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """One stored answer. ``document`` holds no picture; ``pictures`` has them by item id."""

    document: JsonObject
    pictures: dict[str, bytes] = field(repr=False)
    words: str
    previous: str | None
    channel: int
    input_items: tuple[JsonObject, ...] = ()

    @property
    def weight(self) -> int:
        return sum(map(len, self.pictures.values()))


class Shelf:
    """Answers by id, oldest out first when their pictures weigh too much."""

    def __init__(self, keep_bytes: int) -> None:
        self._room = keep_bytes
        self._weight = 0
        self._kept: OrderedDict[str, Kept] = OrderedDict()
        self._owner: dict[str, str] = {}

    def put(self, response_id: str, kept: Kept) -> None:
        self._kept[response_id] = kept
        self._owner.update(dict.fromkeys(_item_ids(kept.document), response_id))
        self._weight += kept.weight
        while self._weight > self._room and len(self._kept) > 1:
            self.remove(next(iter(self._kept)))

    def get(self, response_id: str, channel: int | None = None) -> Kept | None:
        """``None`` also when another channel (account) holds it."""
        kept = self._kept.get(response_id)
        if kept is None or (channel is not None and kept.channel != channel):
            return None
        return kept

    def remove(self, response_id: str) -> None:
        """Raises ``KeyError`` for an answer that is not here."""
        kept = self._kept.pop(response_id)
        self._weight -= kept.weight
        for item_id in _item_ids(kept.document):
            self._owner.pop(item_id, None)

    def knows_item(self, item_id: str, channel: int) -> bool:
        """Whether an item of that id was in an answer that is still here."""
        return self.get(self._owner.get(item_id, ""), channel) is not None

    def picture(self, item_id: str, channel: int) -> bytes | None:
        """The bytes of a picture item."""
        kept = self.get(self._owner.get(item_id, ""), channel)
        return None if kept is None else kept.pictures.get(item_id)

    def chain(self, response_id: str, channel: int) -> list[Kept]:
        """The stored answers before a turn, newest first."""
        found: list[Kept] = []
        current: str | None = response_id
        while current is not None and (kept := self.get(current, channel)) is not None:
            found.append(kept)
            current = kept.previous
        return found

    def clear(self) -> None:
        self._kept.clear()
        self._owner.clear()
        self._weight = 0


def _item_ids(document: JsonObject) -> list[str]:
    output = document.get("output")
    items = output if isinstance(output, list) else []
    return [str(item["id"]) for item in items if isinstance(item, dict) and "id" in item]


class Journal:
    """How often what was done, and the last requests as they came (pictures as hash and length)."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self._log: deque[JsonObject] = deque(maxlen=LOG_LENGTH)

    def note(self, entry: JsonObject) -> None:
        self._log.append(entry)

    def drew(self, request_id: str) -> None:
        """A picture was finished, for that request."""
        self.counts["generations"] += 1
        for entry in reversed(self._log):
            if entry["request_id"] == request_id:
                before = entry["generations"]
                assert isinstance(before, int)
                entry["generations"] = before + 1
                return

    def counters(self) -> JsonObject:
        """Counts by name: requests, generations, partials, asks, drops, fault.NAME, status.NNN."""
        return dict(sorted(self.counts.items()))

    def log(self) -> list[JsonValue]:
        return list(self._log)

    def clear(self) -> None:
        self.counts.clear()
        self._log.clear()


_LONG = 256
_BASE64 = re.compile(r"(?:data:[\w.+/-]*(?:;[\w=.-]+)*;base64,)?[A-Za-z0-9+/_-]+=*\s*")


def redacted(value: JsonValue) -> JsonValue:
    """The same JSON with each long base64 as ``[base64 sha256:… length:N]`` of its characters."""
    if isinstance(value, dict):
        return {key: redacted(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [redacted(inner) for inner in value]
    if isinstance(value, str) and len(value) > _LONG and _BASE64.fullmatch(value):
        return f"[base64 {fingerprint(value.encode())}]"
    return value


def fingerprint(data: bytes) -> str:
    """Enough to compare by: ``sha256:… length:N``."""
    return f"sha256:{hashlib.sha256(data).hexdigest()[:16]} length:{len(data)}"


class NewIds:
    """``ig_…`` and the like: 48 hex digits from a salt and a count."""

    def __init__(self, salt: str) -> None:
        self._salt = salt
        self._count = 0

    def new(self, prefix: str) -> str:
        self._count += 1
        digest = hashlib.sha256(f"{self._salt}:{self._count}".encode()).hexdigest()
        return f"{prefix}_{digest[:48]}"
