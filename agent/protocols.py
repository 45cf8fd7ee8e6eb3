"""What the runner needs from the network, the disk, Pillow, the clock, and nothing more."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Literal, Protocol

from pydantic import JsonValue

from .schema import (
    Attempt,
    AttemptId,
    Blob,
    Failure,
    Image,
    ImageId,
    ImageOptions,
    Intent,
    ScreenOutput,
    Session,
    SessionId,
    Sha256,
    Turn,
    TurnId,
    Verdict,
)
from .traffic import Outgoing, Profile, Received


class Upstream(Protocol):
    """One configured server. Sends exactly one request per call; never retries, never stores."""

    @property
    def profile(self) -> Profile: ...

    def encode(self, outgoing: Outgoing) -> bytes:
        """The body as it will go out; raises ``UsageError`` when it exceeds the dialect's cap."""
        ...

    def send(self, body: bytes, outgoing: Outgoing) -> AsyncGenerator[Received, None]:
        """Yield what comes back; the last item is ``Ended`` or ``Failed``, and there is one."""
        ...

    def retry_delay(self, failure: Failure, *, tries: int, elapsed_s: float) -> float | None:
        """Seconds to wait before the same request may go again for free; ``None``: it may not."""
        ...

    async def aclose(self) -> None: ...


class Publisher(Protocol):
    """Puts a picture where anybody can fetch it, such as a bucket; a local file is no such place."""

    async def publish(self, data: bytes, media_type: str) -> str:
        """The https address; raises ``StoreError`` when it cannot be put there."""
        ...


# ── the disk ─────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True, kw_only=True)
class NewImage:
    """A picture about to be listed; the store gives it its number."""

    image: Image
    """``number`` is ignored."""
    blob: Blob


class Store(Protocol):
    """Sessions, turns, images, attempts, verdicts and the bytes. Every write is one transaction."""

    async def create_session(self, session: Session) -> Session:
        """Raises ``UsageError`` when the name is taken."""
        ...

    async def session(self, ref: str) -> Session:
        """By id, name or unambiguous prefix; raises ``NotFound`` with candidates."""
        ...

    async def sessions(self, *, cwd: str | None = None, limit: int = 100) -> list[Session]:
        """Newest first."""
        ...

    async def turns(self, session: SessionId) -> list[Turn]: ...

    async def images(self, session: SessionId) -> list[Image]: ...

    async def image(self, ref: str) -> Image:
        """By id or unambiguous prefix (``@4`` and ``name/4`` are resolved by ``turn.lineage``)."""
        ...

    async def open_turn(self, turn: Turn) -> None: ...

    async def close_turn(self, turn: Turn, *, expected_head: TurnId | None) -> bool:
        """Close the turn and move the head; false when the head had moved (a branch)."""
        ...

    async def move_head(
        self, session: SessionId, *, expected: TurnId | None, to: TurnId | None
    ) -> bool: ...

    async def put_blob(self, data: bytes, *, media_type: str, size: tuple[int, int] | None) -> Blob:
        """On disk and synced before this returns; the same bytes are kept once."""
        ...

    async def read_blob(self, sha256: Sha256) -> bytes:
        """Raises ``CorruptBlob`` when the bytes do not hash to their name."""
        ...

    def blob_path(self, sha256: Sha256, media_type: str) -> Path: ...

    async def save_derived(self, of: Sha256, label: str, data: bytes, *, media_type: str) -> Path:
        """A file made from a blob, beside it and never instead; it goes when the blob goes."""
        ...

    async def add_image(self, new: NewImage) -> Image:
        """Lists the picture under the next number of its session."""
        ...

    async def save_partial(self, turn: TurnId, index: int, data: bytes, media_type: str) -> Path:
        """A draft, dropped by ``close_turn``."""
        ...

    async def reserve(
        self, attempt: Attempt, *, caps: Mapping[str, Decimal], dry: bool = False
    ) -> Failure | None:
        """Write the ``intent`` if every cap covers it and what is owed; ``dry``: only ask."""
        ...

    async def mark_sent(self, attempt: AttemptId, *, at: datetime, bytes_sent: int) -> None: ...

    async def settle(self, attempt: Attempt) -> None:
        """The attempt as it ended; states only move forward."""
        ...

    async def attempts(
        self, *, session: SessionId | None = None, turn: TurnId | None = None
    ) -> list[Attempt]: ...

    async def add_verdict(
        self,
        verdict: Verdict,
        *,
        at: datetime,
        session: SessionId | None,
        turn: TurnId | None,
        user: str | None,
    ) -> None: ...

    async def forget_session(self, session: SessionId, *, at: datetime) -> int:
        """Texts and unshared blobs go, a tombstone stays; the number of files removed."""
        ...

    async def forget_image(self, image: ImageId, *, at: datetime) -> int: ...

    async def aclose(self) -> None: ...


# ── the disk as one tenant of a server sees it ───────────────────────────────────────────────


@dataclass(frozen=True, slots=True, kw_only=True)
class Purchase:
    """A request with an ``Idempotency-Key``, as written down before anything is sent."""

    tenant: str | None
    key: str
    """sha256 of what the client called it."""
    body: str
    """sha256 of what was asked for."""
    turns: tuple[TurnId, ...]
    """The turns that it is to become, one per picture."""
    owner: str
    created: datetime
    done: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Bought:
    """What is known of a purchase now."""

    turns: tuple[Turn, ...]
    """Those that were begun and are not forgotten."""
    attempts: tuple[Attempt, ...]
    alive: bool
    """Whether the process that made it may still be at work on it."""


class Tenancy(Protocol):
    """``tenant=None`` are the pictures of nobody: made where no keys are required."""

    async def picture(self, which: ImageId, *, tenant: str | None) -> Image | None:
        """By its whole id; ``None`` also for somebody else's."""
        ...

    async def picture_of_bytes(self, sha256: Sha256, *, tenant: str | None) -> Image | None:
        """The newest that has these bytes."""
        ...

    async def claim(self, new: Purchase) -> Purchase | None:
        """Write it down; or, where the key is taken, the purchase that has it."""
        ...

    async def take_over(self, before: Purchase, new: Purchase) -> bool:
        """``new`` in place of one that came to nothing; false when somebody was faster."""
        ...

    async def finish(self, which: Purchase) -> None:
        """Its turns are closed."""
        ...

    async def standing(self, which: Purchase) -> Purchase | None: ...

    async def release(self, which: Purchase) -> None:
        """It cost nothing: the key is free again."""
        ...

    async def bought(self, which: Purchase, *, now: datetime) -> Bought: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptItem:
    """One item that went into a response or came out of it, as JSON that names pictures by id."""

    id: str
    value: dict[str, JsonValue]
    image: ImageId | None = None
    """The picture that an ``image_generation_call`` drew."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptResponse:
    """What ``GET /v1/responses/{id}`` answers from. ``document`` is the object without ``output``."""

    id: str
    tenant: str | None
    session: SessionId
    turn: TurnId
    previous: str | None
    status: str
    created: datetime
    document: dict[str, JsonValue]
    input: tuple[KeptItem, ...] = ()
    output: tuple[KeptItem, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Beginning:
    """What of a relayed turn is on disk before anything is sent."""

    session: Session
    other_name: str | None
    """Of a new session whose name may be taken; ``None``: the session is there already."""
    turn: Turn
    verdicts: tuple[Verdict, ...]
    user: str | None
    response: KeptResponse | None
    sending: tuple[Attempt, Mapping[str, Decimal]] | None = None
    """Its first attempt, sent as soon as this is on disk, and the caps that must cover it."""


class Answers(Protocol):
    """Responses over HTTP and their items; ``tenant=None`` are those of nobody.

    Somebody else's id is the same ``None`` as one that there is not.
    """

    async def begin(self, new: Beginning) -> Session | Failure:
        """All in one transaction, or nothing: the session as named now, or the cap that forbids."""
        ...

    async def close_response(self, ended: KeptResponse) -> bool:
        """Status, document and output; false when it is closed, was deleted or forgotten meanwhile."""
        ...

    async def response(self, which: str, *, tenant: str | None) -> KeptResponse | None: ...

    async def response_of_turn(
        self, which: TurnId, *, tenant: str | None
    ) -> KeptResponse | None: ...

    async def chain(self, which: str, *, tenant: str | None) -> list[KeptResponse] | None:
        """From the first response to this one; it begins after one that was deleted."""
        ...

    async def items(self, ids: Collection[str], *, tenant: str | None) -> dict[str, KeptItem]:
        """Those that there are."""
        ...

    async def delete_response(self, which: str, *, tenant: str | None, at: datetime) -> bool:
        """Its texts go, its pictures stay in their session; false when there is none."""
        ...


# ── Pillow, behind a seam so that the runner imports without it ──────────────────────────────


@dataclass(frozen=True, slots=True)
class PictureFacts:
    """What the bytes themselves say."""

    media_type: str
    width: int
    height: int
    has_alpha: bool


class Pictures(Protocol):
    """Looks at bytes we hold."""

    def inspect(self, data: bytes, *, name: str) -> PictureFacts:
        """Raises ``UsageError`` naming ``name`` for anything that is not a whole, sane picture."""
        ...

    def received(self, data: bytes) -> PictureFacts | None:
        """Facts of a picture that came off the wire; ``None`` unless it is one, whole.

        By structure (checksums, end marks), not by decoding: it runs for every picture.
        """
        ...

    def enlarged(self, data: bytes, size: tuple[int, int]) -> bytes:
        """A copy of that size (width, height), resampled; raises ``UsageError`` if not larger."""
        ...

    def load(self, path: Path) -> bytes:
        """Read a file for sending: size cap before reading, no directory, whole picture."""
        ...

    def mask_from_file(
        self, data: bytes, *, name: str, mode: Literal["alpha", "white", "black"], of: PictureFacts
    ) -> bytes:
        """A PNG whose alpha is 0 where the edit may change pixels (R36)."""
        ...

    def mask_from_box(self, box: tuple[int, int, int, int], *, of: PictureFacts) -> bytes: ...


class Clock(Protocol):
    """The only source of time."""

    def now(self) -> datetime: ...

    def monotonic(self) -> float: ...


class Ids(Protocol):
    """The only source of identity: ``new("img")`` gives ``img_01J…`` (ULID)."""

    def new(self, prefix: str) -> str: ...


# ── what a caller asks for ───────────────────────────────────────────────────────────────────

Source = str | Path | bytes
"""A picture: a reference (``img_…``, ``@4``, ``night-market/4``), a file, or its bytes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnRequest:
    """One sentence and what it is about."""

    text: str
    intent: Intent = "generate"
    session: str | None = None
    """Id, name or prefix; ``None`` opens a new one."""
    session_name: str | None = None
    edit: Sequence[Source] | None = None
    """Pictures to change. ``None`` with intent ``edit`` or ``chat``: the picture at the head."""
    references: Sequence[Source] = ()
    mask: Path | bytes | None = None
    mask_box: tuple[int, int, int, int] | None = None
    mask_mode: Literal["alpha", "white", "black"] = "alpha"
    options: ImageOptions = ImageOptions()
    model: str | None = None
    effort: str | None = None
    stream: bool = True
    acknowledge: tuple[str, ...] = ()
    acknowledged_by: str | None = None
    max_cost: Decimal | None = None
    session_max_cost: Decimal | None = None
    caps: Mapping[str, Decimal] = field(default_factory=dict)
    """Further budgets by scope of the ledger, such as ``tenant_day``."""
    user: str | None = None
    tenant: str | None = None
    screen_output: ScreenOutput | None = None
    """``None``: as the agent was opened (the setting, ``tell`` by default)."""
    turn: TurnId | None = None
    """The id that the turn is to have; ``None``: a new one. For who must find it after a crash."""
    address: bool = False
    """An address that others can fetch the picture from is wanted too, where a server gives one."""
    degrade: bool = False
    """After a known failure, go on with lower quality, then a smaller size (R49)."""
    cwd: str | None = None
