"""What happens during a turn, as one discriminated union that every door renders.

Names are API: a test pins them. Exactly one terminal event ends a turn. No event holds bytes.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Literal

from pydantic import Field, TypeAdapter

from .results import TurnResult
from .schema import (
    AttemptId,
    Cost,
    Failure,
    Image,
    ImageId,
    Intent,
    Record,
    SessionId,
    TurnId,
)


class TurnStarted(Record):
    """The prompt passed the screen and everything that can be checked before sending was."""

    type: Literal["turn.started"] = "turn.started"
    session: SessionId
    session_name: str
    turn: TurnId
    intent: Intent
    editing: tuple[ImageId, ...] = ()
    editing_numbers: tuple[int, ...] = ()
    profile: str
    offline: bool
    estimate: Cost = Cost()
    """At its dearest: what was reserved."""
    estimate_low: Cost = Cost()
    """At its cheapest; the same where nothing is left to the server (``auto``)."""


class AttemptSent(Record):
    """The request is on its way; from here on it may be billed."""

    type: Literal["attempt.sent"] = "attempt.sent"
    attempt: AttemptId
    number: int
    profile: str
    bytes: int


class AttemptRetrying(Record):
    """A failure that cost nothing; the same request goes again after ``delay_s``."""

    type: Literal["attempt.retrying"] = "attempt.retrying"
    attempt: AttemptId
    delay_s: float
    failure: Failure


class TextDelta(Record):
    """A piece of the model's text."""

    type: Literal["text.delta"] = "text.delta"
    text: str


class ImageProgress(Record):
    """The image tool says where it is."""

    type: Literal["image.progress"] = "image.progress"
    stage: Literal["in_progress", "generating", "completed"]


class ImagePartial(Record):
    """A draft of the picture, full size, at ``path`` until the turn ends."""

    type: Literal["image.partial"] = "image.partial"
    index: int
    path: str
    media_type: str


class ImageCompleted(Record):
    """A picture is stored; its bytes are on disk at ``image.path``."""

    type: Literal["image.completed"] = "image.completed"
    image: Image


class TurnNotice(Record):
    """Something the user should know that is no failure."""

    type: Literal["turn.notice"] = "turn.notice"
    code: Literal[
        "context_trimmed",
        "branched",
        "size_changed",
        "quality_changed",
        "format_changed",
        "model_changed",
        "tool_missing",
        "image_undecodable",
        "acknowledged",
        "offline_range",
        "fewer_images",
        "estimate",
        "detached",
        "revised_prompt",
        "unpriced",
        "server_narrowed",
        "profile_changed",
        "enlarged",
        "output_held",
        "picture_flagged",
        "not_examined",
    ]
    message: str


class TurnDegraded(Record):
    """A step down the ladder, taken only when asked for (R49)."""

    type: Literal["turn.degraded"] = "turn.degraded"
    steps: dict[str, str]
    reserved: Decimal | None = None


class TurnCompleted(TurnResult):
    """At least one picture, or a text where a text is a normal answer."""

    type: Literal["turn.completed"] = "turn.completed"


class TurnRefused(TurnResult):
    """Our policy or the provider refused; ``error`` says who, where and how to fix it."""

    type: Literal["turn.refused"] = "turn.refused"


class TurnFailed(TurnResult):
    """No picture; ``error.code`` says why and ``error.hint`` what to do."""

    type: Literal["turn.failed"] = "turn.failed"


Terminal = TurnCompleted | TurnRefused | TurnFailed
Event = (
    TurnStarted
    | AttemptSent
    | AttemptRetrying
    | TextDelta
    | ImageProgress
    | ImagePartial
    | ImageCompleted
    | TurnNotice
    | TurnDegraded
    | TurnCompleted
    | TurnRefused
    | TurnFailed
)
EVENT: TypeAdapter[Event] = TypeAdapter(Annotated[Event, Field(discriminator="type")])
"""Reads one event back from JSON."""
