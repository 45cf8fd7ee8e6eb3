"""Where time and identity come from; tests inject their own ``Clock`` and entropy."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from threading import Lock
from typing import Final

from .protocols import Clock

CROCKFORD: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class SystemClock:
    """The machine's clock, always in UTC."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic()


class Ulids:
    """``new("img")`` gives ``img_01J…``: 48 bits of milliseconds, 80 bits of entropy.

    Ids of one instance sort in the order they were made, also within a millisecond and when the
    clock is set back; safe to share between threads.
    """

    def __init__(self, clock: Clock, entropy: Callable[[int], bytes] = os.urandom) -> None:
        self._clock = clock
        self._entropy = entropy
        self._last = -1
        self._lock = Lock()

    def new(self, prefix: str) -> str:
        with self._lock:
            self._last = self._next()
            return f"{prefix}_{_encoded(self._last)}"

    def _next(self) -> int:
        milliseconds = (self._clock.now() - _EPOCH) // timedelta(milliseconds=1)
        if milliseconds > self._last >> 80:
            return milliseconds << 80 | int.from_bytes(self._entropy(10))
        # A random step: after a fork, two processes continue from the same last id.
        return self._last + 1 + int.from_bytes(self._entropy(8))


_PAIRS: Final = [high + low for high in CROCKFORD for low in CROCKFORD]
"""Two letters for each ten bits: an id is written many times in a turn."""


def _encoded(value: int) -> str:
    return "".join([_PAIRS[value >> shift & 1023] for shift in range(120, -1, -10)])
