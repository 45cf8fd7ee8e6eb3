"""What a moderation answers, read: ``{"results": [{category_scores, categories, …}]}``.

As tolerant as ``answers``: an error inside a 200, HTML or nothing at all is a ``Fault``.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from ..traffic import Ended, Scored
from . import lift
from .answers import Answer
from .faults import Fault, fault_of_body
from .values import Json, array, clean, number, obj

_LONGEST = 80
"""Characters of a category's name that are kept; the set is open."""
_MOST = 100
"""Categories that are read; the newest model has 13."""


class ModerationReader:
    """Reads one answer of ``POST /moderations``. Never raises, whatever the bytes."""

    events = 0
    arriving = False

    def __init__(self) -> None:
        self._body = bytearray()

    def feed(self, chunk: bytes) -> Iterator[Answer]:
        """Nothing yet: the answer is one document."""
        self._body += chunk
        return iter(())

    def close(self) -> Iterator[Answer]:
        """``Scored`` and ``Ended``, or a ``Fault``."""
        body = bytes(self._body)
        try:
            value = obj(lift.loads(body))
        except ValueError:
            value = {}
        found = _scored([obj(result) for result in array(value.get("results"))])
        if found is None:
            yield _fault(body, scoreless=bool(value.get("results")))
        else:
            yield found
            yield Ended(status="completed")


def _fault(body: bytes, *, scoreless: bool) -> Fault:
    if scoreless:
        return Fault(kind="malformed", message="The moderation answered without scores.")
    return fault_of_body(body, status=200)


def _scored(results: list[Json]) -> Scored | None:
    """Several results as one: the highest score of each category."""
    scores: dict[str, float] = {}
    flagged: dict[str, None] = {}
    for result in results:
        told = obj(result.get("category_scores"))
        for name in list(told)[:_MOST]:
            score = number(told, name)
            if score is not None:
                scores[_name(name)] = max(score, scores.get(_name(name), score))
        categories = obj(result.get("categories"))
        flagged |= dict.fromkeys(
            _name(n) for n in list(categories)[:_MOST] if categories[n] is True
        )
    if not scores:
        return None
    return Scored(scores=tuple(scores.items()), flagged=tuple(flagged), looked_at=_seen(results))


def _name(category: str) -> str:
    return clean(category)[:_LONGEST]


def _seen(results: list[Json]) -> frozenset[Literal["text", "image"]]:
    kinds: tuple[Literal["text", "image"], ...] = ("text", "image")
    told = [
        array(seen)
        for result in results
        for seen in obj(result.get("category_applied_input_types")).values()
    ]
    return frozenset(kind for kind in kinds if any(kind in seen for seen in told))
