"""What the runner needs from the network, the disk, Pillow, the clock, and nothing more.

Also the two vocabularies that pass through those seams: ``Outgoing`` (what is to be sent) and
``Received`` (what came back), so that neither the runner nor a door ever holds a wire dict.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Literal, Protocol

from pydantic import JsonValue

from .schema import (
    Action,
    Attempt,
    AttemptId,
    Blob,
    Cost,
    Failure,
    Image,
    ImageId,
    ImageOptions,
    Intent,
    Session,
    SessionId,
    Sha256,
    Turn,
    TurnId,
    Usage,
    Verdict,
)

# ── facts about the other side ───────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """What one kind of server does differently; every fact that is not a default has evidence."""

    name: str
    hosts: tuple[str, ...] = ()
    responses: bool = True
    """``POST /responses`` exists; without it ``via: auto`` takes the Images API."""
    edit_body: Literal["json", "multipart"] = "multipart"
    """How pictures of an Images API edit arrive unharmed; forms are what every client sends."""
    images_stream: bool = False
    """The Images API streams (false until proved: some fail after they have drawn)."""
    part_cap: int | None = None
    """Bytes of one picture in a form; the rest of a larger one is cut off without a word."""
    legacy_models: bool = False
    """Models that OpenAI has shut down may live on here (C7)."""
    image_tool: bool = True
    """The image tool arrives; where it is taken out (D28), ``via: auto`` takes the Images API."""
    streaming: bool = True
    """``stream: true`` is answered with events; where it is not, nothing is streamed."""
    partials: bool = True
    """``partial_images`` brings drafts; where it does not, none are asked for."""
    mask: bool = True
    """A mask arrives; where it does not, an edit with one is refused before sending."""
    stores_responses: bool = False
    """``previous_response_id`` keeps its promise (false until proved)."""
    tool_choice: bool = False
    """``tool_choice: {"type": "image_generation"}`` is accepted (false until proved)."""
    structured_output: bool = False
    """``text.format: json_schema`` is honoured (false until proved)."""
    moderation_param: bool = False
    """``moderation`` is among the documented options."""
    safety_identifier: bool = False
    """The hash of the end user arrives (R27); elsewhere none is sent."""
    body_cap: int | None = None
    """Bytes; a larger request is refused before sending."""
    free_codes: tuple[str, ...] = ()
    """Error codes proved to be raised before any generation."""
    refusal_statuses: tuple[int, ...] = ()
    """A server error that may hide a refusal, so that asking again unchanged helps nobody."""
    keepalives: Literal["none", "comments", "blanks"] = "none"
    """What is sent while drawing to keep a socket open; never taken for an answer."""
    transparency: bool = False
    """Transparent backgrounds where the model has them only in preview (C2)."""
    preamble_words: bool = False
    """A word list may trip on our preamble, so the wording without trigger words is used."""
    evidence: tuple[tuple[str, str], ...] = ()
    """(field, source) pairs: a section of the research notes, a recording, a date."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """One server as configured: where, with which key, speaking what, at which prices."""

    name: str
    base_url: str
    api_key: str = ""
    dialect: Dialect
    offline: bool = False
    model: str = "gpt-5.5"
    prices: str = "openai"
    via: Literal["responses", "images"] = "responses"
    """Which API carries a turn, decided; on ``images`` no text model takes part."""
    fetch_urls: bool = False
    """A picture given as an address is fetched (https, public hosts, no redirect, no key)."""
    fetch_private: bool = False
    """Such an address may also lie in a private network: only for a server of one's own."""
    connect_s: float = 10.0
    silence_s: float | None = None
    """No data event for this long ends the wait; ``None``: 180 s, 300 s for large or slow work."""
    total_s: float = 900.0

    def text_model(self, model: str) -> str | None:
        """The text model that takes part in a turn, and in its price."""
        return None if self.via == "images" else model


# ── what is to be sent ───────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class PictureData:
    """The bytes of a picture on their way out."""

    data: bytes
    media_type: str


@dataclass(frozen=True, slots=True)
class Message:
    """One message of the context; pictures only ever stand in the last user message."""

    role: Literal["user", "assistant", "developer"]
    text: str
    pictures: tuple[PictureData, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    """One request, in the field's terms; ``wire.writer`` turns it into bytes."""

    kind: Intent
    model: str
    instructions: str
    messages: tuple[Message, ...]
    options: ImageOptions | None = None
    """``None`` attaches no image tool (``ask``)."""
    action: Action = "auto"
    mask: PictureData | None = None
    force_tool: bool = False
    answer_schema: dict[str, JsonValue] | None = None
    effort: str | None = None
    stream: bool = True
    user: str | None = None
    previous_response_id: str | None = None
    store: bool = False
    """The server is to keep the answer, so that its id means something later."""


# ── what came back ───────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """The answer has begun. ``tools`` are the types echoed, ``None`` when nothing was echoed."""

    response_id: str | None = None
    model: str | None = None
    tools: tuple[str, ...] | None = None
    tool_model: str | None = None
    previous_response_id: str | None = None
    request_id: str | None = None
    streamed: bool | None = None
    """By its content type: false for a whole answer, ``None`` where it says neither."""
    offline: bool = False


@dataclass(frozen=True, slots=True)
class TextPiece:
    """A piece of the assistant's text; whole texts arrive as one piece when not streamed."""

    text: str


@dataclass(frozen=True, slots=True)
class RefusalText:
    """A typed refusal content part."""

    text: str


@dataclass(frozen=True, slots=True)
class ToolStage:
    """Progress of the image tool."""

    stage: Literal["in_progress", "generating", "completed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PartialPicture:
    """A draft: a full render, not a delta (wire.md 3). Indexes run 0..N, one more than asked."""

    index: int
    data: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """A finished picture, decoded once. ``status`` is told, never trusted (wire.md 0.1)."""

    item_id: str | None
    data: bytes
    revised_prompt: str | None = None
    status: str | None = None
    action: str | None = None
    actual: tuple[tuple[str, str], ...] = ()
    """(size | quality | background | format | model, value) as the item said."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PictureUrl:
    """A picture given as an address; whether to fetch it is not the reader's decision."""

    item_id: str | None
    url: str
    revised_prompt: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PictureFailed:
    """An image item without a picture (also inside a completed answer: wire.md 0.8)."""

    item_id: str | None
    failure: Failure


@dataclass(frozen=True, slots=True)
class Failed:
    """The whole request failed. Pictures received before it still count."""

    failure: Failure


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """The terminal event: the other side says that this was all."""

    status: str
    usage: Usage = Usage()
    reported_cost: Cost | None = None
    incomplete_reason: str | None = None
    response_id: str | None = None
    moderation_flagged: bool | None = None


Received = (
    Opened
    | TextPiece
    | RefusalText
    | ToolStage
    | PartialPicture
    | Picture
    | PictureUrl
    | PictureFailed
    | Failed
    | Ended
)


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

    async def reserve(self, attempt: Attempt, *, caps: dict[str, Decimal]) -> Failure | None:
        """Write the ``intent`` if spent + reserved + possibly billed stays within every cap."""
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
    user: str | None = None
    tenant: str | None = None
    degrade: bool = False
    """After a known failure, go on with lower quality, then a smaller size (R49)."""
    cwd: str | None = None
