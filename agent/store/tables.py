"""The tables, alike on SQLite and PostgreSQL, and the three column types that stay exact.

``migrations/versions`` builds them; a test keeps the two in step. An id is text, a time is UTC,
money is the text of a Decimal. Attempts and verdicts refer to sessions without a foreign key,
because they outlive them.
"""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Dialect,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.types import TypeDecorator

REVISIONS = ("0001", "0002", "0003", "0004", "0005")
"""Every schema this version can read or bring up to date, oldest first."""

VERSION_TABLE = "alembic_version"


class Utc(TypeDecorator[datetime]):
    """A point in time. Naive values are refused: a guess about a zone cannot be undone."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a stored time needs a zone")
        moment = value.astimezone(UTC)
        return moment.replace(tzinfo=None) if dialect.name == "sqlite" else moment

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if dialect.name == "sqlite" else value.astimezone(UTC)


class Money(TypeDecorator[Decimal]):
    """A Decimal as its own text, because SQLite would make a float of it."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Decimal | None, dialect: Dialect) -> str | None:  # noqa: ARG002
        if value is None:
            return None
        if not value.is_finite():
            raise ValueError("an amount of money must be finite")
        return format(value, "f")

    def process_result_value(self, value: str | None, dialect: Dialect) -> Decimal | None:  # noqa: ARG002
        return None if value is None else Decimal(value)


def storable(text: str) -> str:
    """The text with what no database can hold (NUL, lone surrogates) as U+FFFD."""
    if text.isprintable():
        return text
    return (
        text.replace("\x00", "\ufffd").encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    )


class Words(TypeDecorator[str]):
    """What a person, a model or a file system wrote; stored as ``storable`` makes it."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:  # noqa: ARG002
        return None if value is None else storable(value)


metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)

Json = JSON().with_variant(JSONB(), "postgresql")

TOKEN_KINDS = (
    "input",
    "cached_input",
    "output",
    "input_text",
    "input_image",
    "output_text",
    "output_image",
    "total",
)
"""The fields of ``Tokens``, each a column once for ``text_`` and once for ``image_``."""


def _cost(prefix: str) -> list[Column[object]]:
    return [
        Column(f"{prefix}_amount", Money),
        Column(f"{prefix}_currency", Text, nullable=False),
        Column(f"{prefix}_basis", Text, nullable=False),
    ]


def _tokens(prefix: str) -> list[Column[object]]:
    return [Column(f"{prefix}_{kind}", Integer) for kind in TOKEN_KINDS]


session = Table(
    "session",
    metadata,
    Column("seq", Integer, primary_key=True),
    Column("id", Text, nullable=False),
    Column("name", Words, nullable=False),
    Column("head", Text),
    Column("cwd", Words),
    Column("user", Text),
    Column("tenant", Text),
    Column("last_number", Integer, nullable=False, server_default="0"),
    Column("created", Utc, nullable=False),
    Column("updated", Utc, nullable=False),
    UniqueConstraint("id"),
    UniqueConstraint("name"),
    Index(None, "updated"),
    Index(None, "user"),
)

turn = Table(
    "turn",
    metadata,
    Column("seq", Integer, primary_key=True),
    Column("id", Text, nullable=False),
    Column("session", Text, ForeignKey("session.id"), nullable=False),
    Column("parent", Text),
    Column("intent", Text, nullable=False),
    Column("prompt", Words, nullable=False),
    Column("editing", Json, nullable=False),
    Column("references", Json, nullable=False),
    Column("mask", Text),
    Column("options", Json, nullable=False),
    Column("profile", Text, nullable=False),
    Column("offline", Boolean, nullable=False),
    Column("outcome", Text),
    Column("text", Words, nullable=False),
    Column("failures", Json, nullable=False),
    Column("usage", Json, nullable=False),
    *_cost("cost"),
    Column("prompts", Json, nullable=False),
    Column("degraded", Json, nullable=False),
    Column("response_id", Text),
    Column("created", Utc, nullable=False),
    Column("closed", Utc),
    Column("owner", Text),
    UniqueConstraint("id"),
    Index(None, "session"),
    Index(None, "mask"),
    Index(None, "outcome"),
)

blob = Table(
    "blob",
    metadata,
    Column("sha256", Text, primary_key=True),
    Column("media_type", Text, nullable=False),
    Column("bytes", BigInteger, nullable=False),
    Column("width", Integer),
    Column("height", Integer),
)

image = Table(
    "image",
    metadata,
    Column("seq", Integer, primary_key=True),
    Column("id", Text, nullable=False),
    Column("session", Text, ForeignKey("session.id"), nullable=False),
    Column("turn", Text, ForeignKey("turn.id")),
    Column("number", Integer, nullable=False),
    Column("operation", Text, nullable=False),
    Column("parents", Json, nullable=False),
    Column("sha256", Text, ForeignKey("blob.sha256"), nullable=False),
    Column("requested", Json, nullable=False),
    Column("actual", Json, nullable=False),
    Column("revised_prompt", Words),
    Column("created", Utc, nullable=False),
    UniqueConstraint("id"),
    UniqueConstraint("session", "number"),
    Index(None, "turn"),
    Index(None, "sha256"),
)

attempt = Table(
    "attempt",
    metadata,
    Column("seq", Integer, primary_key=True),
    Column("id", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("session", Text),
    Column("turn", Text),
    Column("number", Integer, nullable=False),
    Column("state", Text, nullable=False),
    Column("billed", Text, nullable=False),
    Column("profile", Text, nullable=False),
    Column("dialect", Text, nullable=False),
    Column("base_url", Text, nullable=False),
    Column("key_fingerprint", Text),
    Column("user", Text),
    Column("tenant", Text),
    Column("model", Text, nullable=False),
    Column("requested", Json, nullable=False),
    Column("actual", Json, nullable=False),
    Column("images", Integer, nullable=False),
    Column("bytes_sent", BigInteger),
    Column("request_id", Text),
    Column("response_id", Text),
    Column("status", Integer),
    Column("failure_code", Text),
    *_tokens("text"),
    *_tokens("image"),
    *_cost("reserved"),
    *_cost("cost"),
    Column("prompts", Json, nullable=False),
    Column("tool_options", Json, nullable=False),
    Column("owner", Text),
    Column("heartbeat", Utc),
    Column("created", Utc, nullable=False),
    Column("sent", Utc),
    Column("settled", Utc),
    Column("elapsed_ms", BigInteger),
    Column("settled_by", Words),
    Column("note", Words),
    Column("batch", Text),
    Column("brief", Text),
    UniqueConstraint("id"),
    Index(None, "session"),
    Index(None, "turn"),
    Index(None, "state"),
    Index(None, "created"),
    Index(None, "key_fingerprint"),
    Index(None, "user"),
    Index(None, "tenant"),
    Index(None, "batch"),
)

verdict = Table(
    "verdict",
    metadata,
    Column("seq", Integer, primary_key=True),
    Column("at", Utc, nullable=False),
    Column("session", Text),
    Column("turn", Text),
    Column("user", Text),
    Column("subject", Text, nullable=False),
    Column("decision", Text, nullable=False),
    Column("rule", Text),
    Column("category", Text),
    Column("message", Words, nullable=False),
    Column("fix", Words, nullable=False),
    Column("hits", Json, nullable=False),
    Column("preamble", Text, nullable=False),
    Column("policy", Text, nullable=False),
    Column("policy_sha256", Text, nullable=False),
    Column("text_sha256", Text, nullable=False),
    Column("acknowledged", Json, nullable=False),
    Column("acknowledged_by", Text),
    Column("overridable", Boolean, nullable=False),
    Column("pictures", Text, nullable=False),
    Index(None, "session"),
    Index(None, "user"),
)

idempotency = Table(
    "idempotency",
    metadata,
    Column("tenant", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("body", Text, nullable=False),
    Column("turns", Json, nullable=False),
    Column("owner", Text, nullable=False),
    Column("created", Utc, nullable=False),
    Column("done", Boolean, nullable=False),
    Index(None, "created"),
)

response = Table(
    "response",
    metadata,
    Column("seq", Integer, primary_key=True),
    Column("id", Text, nullable=False),
    Column("tenant", Text),
    Column("session", Text, nullable=False),
    Column("turn", Text, nullable=False),
    Column("previous", Text),
    Column("status", Text, nullable=False),
    Column("created", Utc, nullable=False),
    Column("document", Json, nullable=False),
    UniqueConstraint("id"),
    Index(None, "session"),
    Index(None, "turn"),
)

response_item = Table(
    "response_item",
    metadata,
    Column("seq", Integer, primary_key=True),
    Column("id", Text, nullable=False),
    Column("tenant", Text),
    Column("response", Text, nullable=False),
    Column("session", Text, nullable=False),
    Column("side", Text, nullable=False),
    Column("image", Text),
    Column("value", Json, nullable=False),
    Index(None, "id"),
    Index(None, "response"),
    Index(None, "session"),
    Index(None, "image"),
)

batch_note = Table(
    "batch_note",
    metadata,
    Column("batch", Text, primary_key=True),
    Column("kind", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("value", Json, nullable=False),
    Column("at", Utc, nullable=False),
)

tombstone = Table(
    "tombstone",
    metadata,
    Column("kind", Text, primary_key=True),
    Column("id", Text, primary_key=True),
    Column("at", Utc, nullable=False),
)

meta = Table(
    "meta",
    metadata,
    Column("key", Text, primary_key=True),
    Column("value", Text, nullable=False),
)

LATER = (turn.c.owner,)
"""Columns added to the last revision: an older release opens the store, and leaves them empty."""
