"""What every picture of a brief is made with, and where one of them stands."""

from __future__ import annotations

from collections import Counter as Counts
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from .. import ImageAgent
from ..schema import Cost, Image, ImageId, SessionId
from .brief import Brief
from .buying import Counter
from .journal import Steps
from .layout import Layout
from .proof import Proof
from .purse import Purse
from .records import PosterEvent


@dataclass(frozen=True, slots=True, kw_only=True)
class Shop:
    """What every picture of a brief is made with."""

    agent: ImageAgent
    brief: Brief
    layouts: dict[str, Layout]
    journal: Steps
    purse: Purse
    counter: Counter
    tell: Callable[[PosterEvent], None]
    acknowledge: tuple[str, ...] = ()
    acknowledged_by: str | None = None
    user: str | None = None
    cwd: str | None = None
    wishes: tuple[str, ...] = ()
    """What a person wants of the picture beyond the brief; what they got is theirs to look at."""
    named: Mapping[str, str] = field(default_factory=dict)
    """Picture → what is told apart from other wishes for it; else by all that it is asked with."""


@dataclass(slots=True)
class State:
    """Where a picture stands."""

    bought: Image
    """As it came, without anything of ours."""
    image: Image
    data: bytes
    session: SessionId
    history: list[ImageId]
    costs: list[Cost]
    attempts: list[str]
    tries: Counts[tuple[str, int]] = field(default_factory=Counts)
    instead: dict[str, str] = field(default_factory=dict)
    """Line id → why it is set."""
    proofs: list[Proof] = field(default_factory=list)
    repairs: int = 0
    cleared: bool = False
    """It was asked for once more without the lettering that nobody had asked for."""
    notes: list[str] = field(default_factory=list)

    @property
    def proof(self) -> Proof | None:
        """The newest."""
        return self.proofs[-1] if self.proofs else None
