"""The first schema."""

from __future__ import annotations

from typing import TypeVar

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.schema import SchemaItem

revision = "0001"
down_revision: str | None = None

T = TypeVar("T")

JSON = sa.JSON().with_variant(JSONB(), "postgresql")
TIME = sa.DateTime(timezone=True)
TOKENS = (
    "input",
    "cached_input",
    "output",
    "input_text",
    "input_image",
    "output_text",
    "output_image",
    "total",
)


def _needed(kind: sa.types.TypeEngine[T], *names: str) -> list[sa.Column[T]]:
    return [sa.Column(name, kind, nullable=False) for name in names]


def _optional(kind: sa.types.TypeEngine[T], *names: str) -> list[sa.Column[T]]:
    return [sa.Column(name, kind) for name in names]


def _cost(prefix: str) -> list[sa.Column[str]]:
    return [
        sa.Column(f"{prefix}_amount", sa.Text),
        *_needed(sa.Text(), f"{prefix}_currency", f"{prefix}_basis"),
    ]


def _table(name: str, *columns: SchemaItem, index: tuple[str, ...]) -> None:
    sequence: sa.Column[int] = sa.Column("seq", sa.Integer)
    key = sa.PrimaryKeyConstraint("seq", name=f"pk_{name}")
    op.create_table(name, sequence, *columns, key)
    for column in index:
        op.create_index(f"ix_{name}_{column}", name, [column])


def upgrade() -> None:
    """Everything, in the order in which the tables refer to each other."""
    _blob_tombstone_meta()
    _session()
    _turn()
    _image()
    _attempt()
    _verdict()


def _blob_tombstone_meta() -> None:
    op.create_table(
        "blob",
        *_needed(sa.Text(), "sha256", "media_type"),
        *_needed(sa.BigInteger(), "bytes"),
        *_optional(sa.Integer(), "width", "height"),
        sa.PrimaryKeyConstraint("sha256", name="pk_blob"),
    )
    op.create_table(
        "tombstone",
        *_needed(sa.Text(), "kind", "id"),
        *_needed(TIME, "at"),
        sa.PrimaryKeyConstraint("kind", "id", name="pk_tombstone"),
    )
    op.create_table(
        "meta",
        *_needed(sa.Text(), "key", "value"),
        sa.PrimaryKeyConstraint("key", name="pk_meta"),
    )


def _session() -> None:
    _table(
        "session",
        *_needed(sa.Text(), "id", "name"),
        *_optional(sa.Text(), "head", "cwd", "user", "tenant"),
        sa.Column("last_number", sa.Integer, nullable=False, server_default="0"),
        *_needed(TIME, "created", "updated"),
        sa.UniqueConstraint("id", name="uq_session_id"),
        sa.UniqueConstraint("name", name="uq_session_name"),
        index=("updated", "user"),
    )


def _turn() -> None:
    session = sa.ForeignKey("session.id", name="fk_turn_session_session")
    _table(
        "turn",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("session", sa.Text, session, nullable=False),
        *_optional(sa.Text(), "parent", "mask", "outcome", "response_id"),
        *_needed(sa.Text(), "intent", "prompt", "profile", "text"),
        *_needed(JSON, "editing", "references", "options", "failures", "usage"),
        *_needed(JSON, "prompts", "degraded"),
        *_needed(sa.Boolean(), "offline"),
        *_cost("cost"),
        sa.Column("created", TIME, nullable=False),
        sa.Column("closed", TIME),
        sa.UniqueConstraint("id", name="uq_turn_id"),
        index=("session", "mask"),
    )


def _image() -> None:
    session = sa.ForeignKey("session.id", name="fk_image_session_session")
    blob = sa.ForeignKey("blob.sha256", name="fk_image_sha256_blob")
    _table(
        "image",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("session", sa.Text, session, nullable=False),
        sa.Column("turn", sa.Text, sa.ForeignKey("turn.id", name="fk_image_turn_turn")),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("operation", sa.Text, nullable=False),
        sa.Column("sha256", sa.Text, blob, nullable=False),
        *_needed(JSON, "parents", "requested", "actual"),
        sa.Column("revised_prompt", sa.Text),
        sa.Column("created", TIME, nullable=False),
        sa.UniqueConstraint("id", name="uq_image_id"),
        sa.UniqueConstraint("session", "number", name="uq_image_session_number"),
        index=("turn", "sha256"),
    )


def _attempt() -> None:
    counts = [f"{prefix}_{kind}" for prefix in ("text", "image") for kind in TOKENS]
    _table(
        "attempt",
        *_needed(sa.Text(), "id", "kind", "state", "billed", "profile", "dialect", "base_url"),
        *_needed(sa.Text(), "model"),
        *_optional(sa.Text(), "session", "turn", "key_fingerprint", "user", "tenant"),
        *_optional(sa.Text(), "request_id", "response_id", "failure_code", "owner"),
        *_needed(sa.Integer(), "number", "images"),
        *_optional(sa.Integer(), "status", *counts),
        *_optional(sa.BigInteger(), "bytes_sent", "elapsed_ms"),
        *_needed(JSON, "requested", "actual", "prompts", "tool_options"),
        *_cost("reserved"),
        *_cost("cost"),
        sa.Column("created", TIME, nullable=False),
        *_optional(TIME, "heartbeat", "sent", "settled"),
        sa.UniqueConstraint("id", name="uq_attempt_id"),
        index=("session", "turn", "created", "key_fingerprint", "user"),
    )


def _verdict() -> None:
    _table(
        "verdict",
        *_needed(TIME, "at"),
        *_optional(sa.Text(), "session", "turn", "user", "rule", "category", "acknowledged_by"),
        *_needed(sa.Text(), "subject", "decision", "message", "fix", "preamble"),
        *_needed(sa.Text(), "policy", "policy_sha256", "text_sha256", "pictures"),
        *_needed(JSON, "hits", "acknowledged"),
        *_needed(sa.Boolean(), "overridable"),
        index=("session", "user"),
    )
