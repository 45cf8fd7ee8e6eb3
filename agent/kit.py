"""What every turn works with: the room's parts, joined once by the factory."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from .protocols import Clock, Ids, Pictures, Store, Upstream
from .safety.policy import Policy
from .turn.pricing import Prices


@dataclass(frozen=True, slots=True, kw_only=True)
class Kit:
    """Frozen for the life of an agent; everything that touches the world is behind a protocol."""

    upstream: Upstream
    store: Store
    pictures: Pictures
    policy: Policy
    prices: Prices
    clock: Clock
    ids: Ids
    owner: str = ""
    """``host:pid:started`` of this process, written into every attempt it sends."""
    key_fingerprint: str | None = None
    image_model: str = "gpt-image-2"
    caps: Mapping[str, Decimal] = field(default_factory=dict)
    """Standing budgets by scope (``turn``, ``session``, ``day``, ``key``)."""
