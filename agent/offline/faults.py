"""The grammar of ``--fault``: ``NAME[:every=N|rate=P|first=K][,seed=S][,on=KIND]``.

429                      every request
drop-after:every=3       each third
502:rate=0.1,seed=7      a tenth of them, the same tenth each time
truncate:first=1,on=ask  the first question
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from ..errors import UsageError
from .mischief import MISCHIEF, Mischief, Needs

Kind = Literal["responses", "images", "ask", "moderations"]
"""``responses``: with an image tool; ``ask``: without; ``images``: the Images API."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One misbehaviour and when it happens; without a schedule, always."""

    name: str
    every: int | None = None
    rate: float | None = None
    first: int | None = None
    seed: int = 0
    on: Kind | None = None

    def strikes(self, nth: int) -> bool:
        """Whether it hits the nth request (from 1) that it could hit."""
        if self.every is not None:
            return nth % self.every == 0
        if self.first is not None:
            return nth <= self.first
        if self.rate is not None:
            return random.Random(f"{self.seed}:{nth}").random() < self.rate  # noqa: S311
        return True


def parse_fault(spec: str) -> Fault:
    """Raises ``UsageError`` naming what is wrong and what there is."""
    name, _, rest = spec.strip().partition(":")
    if "," in name and not rest:
        name, _, rest = name.partition(",")
    if name not in MISCHIEF:
        raise UsageError(
            f"There is no fault {name!r}.", hint=f"Choose one of: {', '.join(sorted(MISCHIEF))}."
        )
    given: dict[str, str] = {}
    for option in filter(None, rest.split(",")):
        key, equals, value = option.partition("=")
        if not equals or key not in _READERS or key in given:
            raise _wrong(
                spec, f"{option!r} is not one of every=N, rate=P, first=K, seed=S, on=KIND"
            )
        given[key] = value
    if len(given.keys() & {"every", "rate", "first"}) > 1:
        raise _wrong(spec, "every, rate and first exclude each other")
    return _built(spec, name, given)


def _built(spec: str, name: str, given: dict[str, str]) -> Fault:
    try:
        return Fault(
            name=name,
            every=_count(given["every"]) if "every" in given else None,
            rate=_share(given["rate"]) if "rate" in given else None,
            first=_count(given["first"]) if "first" in given else None,
            seed=int(given.get("seed", "0")),
            on=_kind(given["on"]) if "on" in given else None,
        )
    except ValueError as error:
        raise _wrong(spec, str(error)) from None


def _count(value: str) -> int:
    count = int(value)
    if count < 1:
        raise ValueError(f"{value!r} must be 1 or more")
    return count


def _share(value: str) -> float:
    share = float(value)
    if not (math.isfinite(share) and 0 < share <= 1):
        raise ValueError(f"rate {value!r} must be above 0 and at most 1")
    return share


def _kind(value: str) -> Kind:
    for kind in get_args(Kind):
        if kind == value:
            found: Kind = kind
            return found
    raise ValueError(f"on={value!r} must be one of {', '.join(get_args(Kind))}")


_READERS = frozenset({"every", "rate", "first", "seed", "on"})


def _wrong(spec: str, reason: str) -> UsageError:
    return UsageError(
        f"The fault {spec!r} cannot be read: {reason}.",
        hint="Write NAME[:every=N|rate=P|first=K][,seed=S][,on=responses|images|ask|moderations].",
    )


class Schedule:
    """Counts, per fault, the requests it could hit, and says which faults hit this one."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        self._faults = tuple(faults)
        self._seen = [0] * len(self._faults)

    def strike(self, kind: Kind, *, lettered: bool = False) -> list[tuple[str, Mischief]]:
        """The faults of this request, in the order they were given.

        ``lettered``: it asks for words in a picture. A fault of letters counts only those.
        """
        struck: list[tuple[str, Mischief]] = []
        for i, fault in enumerate(self._faults):
            needs = MISCHIEF[fault.name].needs
            if fault.on not in (None, kind) or not _meets(needs, kind, lettered=lettered):
                continue
            self._seen[i] += 1
            if fault.strikes(self._seen[i]):
                struck.append((fault.name, MISCHIEF[fault.name]))
        return struck


def _meets(needs: Needs | None, kind: Kind, *, lettered: bool) -> bool:
    """Whether a request has what a fault bites on."""
    match needs:
        case None:
            return True
        case "letters":
            return lettered
        case "question":
            return kind == "ask"
        case "picture":
            return kind in ("responses", "images")
