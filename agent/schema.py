"""The nouns: frozen values that every room may hold.

A **blob** is bytes named by their hash. An **image** is one *occurrence* of a blob: delivered or
imported once, with parents, so day → night → day is three images even when two share a blob.
A **turn** is a node in a tree; a **session** is a name and a head in that tree. An **attempt** is
one request to an upstream, written before it is sent. A **verdict** is one screened text.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Literal, NewType

from pydantic import BaseModel, ConfigDict, Field, JsonValue

ImageId = NewType("ImageId", str)
TurnId = NewType("TurnId", str)
SessionId = NewType("SessionId", str)
AttemptId = NewType("AttemptId", str)
Sha256 = NewType("Sha256", str)

Intent = Literal["generate", "edit", "chat", "ask"]
Action = Literal["generate", "edit", "auto"]
Operation = Literal["generate", "edit", "import"]
Outcome = Literal["image", "refused", "text", "empty", "failed", "unknown"]
AttemptState = Literal["intent", "sent", "completed", "refused", "failed", "unknown"]
Billed = Literal["yes", "no", "possibly"]
Basis = Literal["reported", "usage", "per_image", "estimate", "unknown"]
Stage = Literal["policy", "provider_input", "provider_output", "provider_unknown"]
Decision = Literal["allow", "review", "refuse"]
Preamble = Literal["standard", "family", "no-people"]
Quality = Literal["low", "medium", "high", "auto", "xhigh", "max"]
OutputFormat = Literal["png", "jpeg", "webp", "gif", "svg"]
Background = Literal["auto", "opaque", "transparent"]
Via = Literal["responses", "images", "auto"]
Subject = Literal["prompt", "merged", "revised_prompt", "brief", "file_name", "picture", "check"]
"""What a verdict is about; of a ``picture`` the hash is that of its bytes."""
ScreenOutput = Literal["hold", "tell"]
"""``hold``: no picture leaves before its ``revised_prompt`` was checked."""
SecondScreen = Literal["off", "text", "pictures"]
"""What the server's own moderation is asked about; ``pictures`` are asked about with the text."""
FailureCode = Literal[
    "usage",
    "authentication",
    "budget",
    "quota",
    "usage_window",
    "pending",
    "rate_limited",
    "cooldown",
    "policy",
    "review",
    "moderation_blocked",
    "invalid_parameter",
    "capability_missing",
    "not_implemented",
    "too_large",
    "connection",
    "transient",
    "truncated",
    "malformed",
    "no_image",
    "empty",
    "store",
    "interrupted",
    "unknown",
]


class Record(BaseModel):
    """A frozen value of ours; an unknown field is an error (the wire has its own, tolerant reader)."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class ImageOptions(Record):
    """What is asked of the image tool; legality per model is checked by ``turn.capabilities``."""

    model: str = "gpt-image-2"
    size: str = "1024x1024"
    quality: Quality = "medium"
    output_format: OutputFormat = "png"
    output_compression: int | None = Field(default=None, ge=0, le=100)
    background: Background = "auto"
    moderation: Literal["auto", "low"] = "auto"
    partial_images: int = Field(default=0, ge=0, le=3)
    tool_options: dict[str, JsonValue] = {}
    """Options newer than this version, passed through as given and recorded (``--tool-option``)."""


class Rendering(Record):
    """One side of requested against actual. ``None`` means nobody said."""

    model: str | None = None
    size: str | None = None
    quality: str | None = None
    format: str | None = None
    background: str | None = None


class Blob(Record):
    """Bytes as received. ``media_type`` comes from the magic bytes, never from a name or header."""

    sha256: Sha256
    media_type: str
    bytes: int
    width: int | None = None
    height: int | None = None


class Image(Record):
    """One picture, delivered or imported once."""

    id: ImageId
    session: SessionId
    turn: TurnId | None
    number: int
    """Within the session, from 1: people write ``@4``."""
    operation: Operation
    parents: tuple[ImageId, ...] = ()
    sha256: Sha256
    media_type: str
    bytes: int
    path: str = ""
    """Where the bytes can be read now; filled when read, not part of the record."""
    address: str | None = None
    """The https address that its server gave of itself (R32), told once: such addresses end."""
    requested: Rendering = Rendering()
    actual: Rendering = Rendering()
    revised_prompt: str | None = None
    created: datetime


class Tokens(Record):
    """Counts of one bill; a gateway may leave any of them out (D18)."""

    input: int | None = None
    cached_input: int | None = None
    output: int | None = None
    input_text: int | None = None
    input_image: int | None = None
    output_text: int | None = None
    output_image: int | None = None
    total: int | None = None


class Usage(Record):
    """``image`` comes from ``tool_usage.image_gen`` and is not part of ``text`` (wire.md 0.6)."""

    text: Tokens | None = None
    image: Tokens | None = None


class Cost(Record):
    """Unknown is ``amount: null``, never 0."""

    amount: Decimal | None = None
    currency: str = "USD"
    basis: Basis = "unknown"


class PromptRef(Record):
    """Which versioned text went to the model."""

    id: str
    version: int
    sha256: Sha256


class Hit(Record):
    """One finding in a screened text. ``start``/``end`` index the text as the user wrote it."""

    rule: str
    category: str
    severity: Decision
    start: int
    end: int
    text: str = ""
    """Empty where the rule must not echo (minors)."""
    view: str = "plain"


class Verdict(Record):
    """What the screen says about one text; written also when nothing is sent."""

    subject: Subject = "prompt"
    decision: Decision
    rule: str | None = None
    category: str | None = None
    message: str = ""
    fix: str = ""
    hits: tuple[Hit, ...] = ()
    preamble: Preamble = "standard"
    policy: str
    """Policy version, e.g. ``base@1``."""
    policy_sha256: Sha256
    text_sha256: Sha256
    acknowledged: tuple[str, ...] = ()
    acknowledged_by: str | None = None
    overridable: bool = False
    pictures: Literal["not examined", "examined"] = "not examined"


class Failure(Record):
    """Why there is no picture, in words a person can act on."""

    code: FailureCode
    message: str
    hint: str = ""
    stage: Stage | None = None
    categories: tuple[str, ...] = ()
    rule: str | None = None
    request_id: str | None = None
    retry_at: datetime | None = None
    status: int | None = None
    billed: Billed = "no"
    upstream_code: str | None = None
    candidates: tuple[str, ...] = ()


class Attempt(Record):
    """One request to an upstream, written before it is sent. Never holds prompt text (section 4)."""

    id: AttemptId
    kind: Intent
    session: SessionId | None = None
    turn: TurnId | None = None
    number: int = 1
    state: AttemptState = "intent"
    billed: Billed = "no"
    profile: str
    dialect: str
    base_url: str
    key_fingerprint: str | None = None
    user: str | None = None
    tenant: str | None = None
    batch: str | None = None
    """The batch it was bought for, and the brief in it."""
    brief: str | None = None
    model: str
    requested: Rendering = Rendering()
    actual: Rendering = Rendering()
    images: int = 0
    bytes_sent: int | None = None
    request_id: str | None = None
    response_id: str | None = None
    status: int | None = None
    failure_code: str | None = None
    usage: Usage = Usage()
    reserved: Cost = Cost()
    cost: Cost = Cost()
    prompts: tuple[PromptRef, ...] = ()
    tool_options: dict[str, JsonValue] = {}
    owner: str | None = None
    """``host:pid:started`` of the process that sent it, so that a dead owner can be told."""
    heartbeat: datetime | None = None
    created: datetime
    sent: datetime | None = None
    settled: datetime | None = None
    elapsed_ms: int | None = None


class Turn(Record):
    """One node of the conversation tree. ``outcome`` is ``None`` while it is open or was cut off."""

    id: TurnId
    session: SessionId
    parent: TurnId | None = None
    intent: Intent
    prompt: str
    editing: tuple[ImageId, ...] = ()
    references: tuple[ImageId, ...] = ()
    mask: Sha256 | None = None
    options: ImageOptions = ImageOptions()
    profile: str = ""
    offline: bool = False
    outcome: Outcome | None = None
    text: str = ""
    images: tuple[ImageId, ...] = ()
    failures: tuple[Failure, ...] = ()
    usage: Usage = Usage()
    cost: Cost = Cost()
    prompts: tuple[PromptRef, ...] = ()
    degraded: tuple[dict[str, str], ...] = ()
    response_id: str | None = None
    created: datetime
    closed: datetime | None = None


class Session(Record):
    """A name and a head. ``cwd`` is where it was started, for "the newest picture here"."""

    id: SessionId
    name: str
    head: TurnId | None = None
    cwd: str | None = None
    user: str | None = None
    tenant: str | None = None
    created: datetime
    updated: datetime
    turns: int = 0
    images: int = 0


class AttemptSummary(Record):
    """What a receipt says of an attempt."""

    id: AttemptId
    state: AttemptState
    billed: Billed
    request_id: str | None = None
    elapsed_ms: int | None = None
