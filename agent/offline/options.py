"""What can be chosen of the offline server."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Literal

import anyio

from .faults import Fault


@dataclass(frozen=True, slots=True, kw_only=True)
class OfflineOptions:
    """The defaults answer as well and as fast as they can."""

    dialect: str = "offline"
    faults: tuple[Fault, ...] = ()
    latency: tuple[float, float] = (0.0, 0.0)
    """Seconds before each answer, evenly spread between the two, the same ones each run."""
    draw: Literal["full", "tiny"] = "full"
    """``tiny``: flat colours of the right size, for tests and load."""
    salt: str | None = None
    """Ids are derived from it; ``None`` takes a fresh one, so that no run knows another's ids."""
    keep_bytes: int = 128 * 1024 * 1024
    """Pictures remembered for later turns; the oldest answers are forgotten first."""
    clock: Callable[[], float] = field(default=time.time, repr=False)
    sleep: Callable[[float], Awaitable[None]] = field(default=anyio.sleep, repr=False)
