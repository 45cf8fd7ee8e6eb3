"""What is known of the other side, what is to be sent, and what came back.

``Outgoing`` and ``Received`` are the two vocabularies that pass through the seam to a server, so that
neither the runner nor a door ever holds a wire dict.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from pydantic import JsonValue

from .schema import Action, Cost, Failure, ImageOptions, Intent, Usage

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
    """``previous_response_id`` keeps its promise (false until proved); told, and not used (0002)."""
    tool_choice: bool = False
    """``tool_choice: {"type": "image_generation"}`` is accepted (false until proved)."""
    structured_output: bool = False
    """``text.format: json_schema`` is honoured (false until proved)."""
    moderation_param: bool = False
    """``moderation`` is among the documented options (R26); elsewhere it is not sent."""
    safety_identifier: bool = False
    """The hash of the end user arrives (R27); elsewhere none is sent."""
    body_cap: int | None = None
    """Bytes; a larger request is refused before sending."""
    free_codes: tuple[str, ...] = ()
    """Error codes proved to be raised before any generation."""
    refusal_statuses: tuple[int, ...] = ()
    """A server error that may hide a refusal, so that asking again unchanged helps nobody."""
    transparency: bool = False
    """Transparent backgrounds where the model has them only in preview (C2)."""
    moderations: bool = False
    """``POST /moderations`` answers with scores (false until proved)."""
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
    organization: str | None = None
    project: str | None = None
    """Whose account of the key's is billed, as OpenAI counts them."""
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
    address: bool = False
    """An address is wanted beside the bytes, where the server gives one (R32)."""
    store: bool = False
    """The server is to keep the answer, so that its id means something later."""
    moderation: bool = False
    """Its message is to be scored by the server's moderation, and not to be answered."""
    relayed: bytes | None = None
    """A body made ready by the relay; its answer is told with its own events (``WireEvent``)."""
    untouched: bool = False
    """Somebody else's request: its answer is told as bytes (``WireHead``, ``WireBytes``)."""


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
    address: str | None = None
    """Where the server keeps it, when that is how it came."""
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Scored:
    """What a moderation found; 0 to 1 per category of its own (an open set)."""

    scores: tuple[tuple[str, float], ...]
    flagged: tuple[str, ...] = ()
    """Categories that it calls exceeded by its own measure."""
    looked_at: frozenset[Literal["text", "image"]] = frozenset()
    """What the scores rest on: not every category is looked for in a picture."""


@dataclass(frozen=True, slots=True)
class WireEvent:
    """An event as it came, after everything that was read out of it; of a relayed request only.

    A whole answer is one such event, its response object.
    """

    value: object
    """Its JSON, in which ``{"$cut": n}`` stands for the n-th of ``strings``."""
    strings: tuple[memoryview, ...] = field(default=(), repr=False)
    """Pictures, as the characters that came."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WireHead:
    """The answer to an untouched request begins; header names are lower case."""

    status: int
    headers: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class WireBytes:
    """The next bytes of the answer to an untouched request."""

    data: bytes


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
    | Scored
    | WireEvent
    | WireHead
    | WireBytes
    | Failed
    | Ended
)
