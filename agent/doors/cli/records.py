"""One record per line of a listing's ``--json``: our nouns with their type written on them."""

from __future__ import annotations

from typing import Literal

from ...schema import Attempt, Image, ImageId, Record, Session, Turn, Verdict


class SessionRecord(Session):
    """A line of ``sessions`` and the first line of ``show SESSION``."""

    type: Literal["session"] = "session"


class TurnRecord(Turn):
    """A line of ``show``."""

    type: Literal["turn"] = "turn"


class ImageRecord(Image):
    """A line of ``show``."""

    type: Literal["image"] = "image"


class AttemptRecord(Attempt):
    """A line of ``show``: one request to a server and what it cost."""

    type: Literal["attempt"] = "attempt"


class VerdictRecord(Verdict):
    """The line of ``check``, and one of ``show IMAGE``."""

    type: Literal["verdict"] = "verdict"
    source: str | None = None
    """Of ``check``: the file or line that was judged."""


class NodeRecord(Record):
    """A line of ``tree``: one picture, under its first parent."""

    type: Literal["node"] = "node"
    id: ImageId
    number: int
    parent: ImageId | None
    """The picture above it in the tree; ``None`` for a root."""
    parents: tuple[ImageId, ...]
    depth: int
    head: bool
    """Whether the session's next edit starts here."""
    operation: Literal["generate", "edit", "import"]
    prompt: str
    path: str


class SettingRecord(Record):
    """A line of ``config show``: secrets are masked."""

    type: Literal["setting"] = "setting"
    key: str
    value: str
    origin: str


Line = SessionRecord | TurnRecord | ImageRecord | AttemptRecord | VerdictRecord | NodeRecord


def session_record(session: Session) -> SessionRecord:
    return SessionRecord.model_validate(dict(session))


def turn_record(turn: Turn) -> TurnRecord:
    return TurnRecord.model_validate(dict(turn))


def image_record(image: Image) -> ImageRecord:
    return ImageRecord.model_validate(dict(image))


def attempt_record(attempt: Attempt) -> AttemptRecord:
    return AttemptRecord.model_validate(dict(attempt))


def verdict_record(verdict: Verdict, source: str | None = None) -> VerdictRecord:
    return VerdictRecord.model_validate({**dict(verdict), "source": source})
