"""Responses of ``limner serve`` and the items that went in and came out."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0004"
down_revision: str | None = "0003"

JSON = sa.JSON().with_variant(JSONB(), "postgresql")
TIME = sa.DateTime(timezone=True)


def _text(name: str, *, nullable: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.Text, nullable=nullable)


def upgrade() -> None:
    """Pictures stay where they are: an item names them."""
    created: sa.Column[object] = sa.Column("created", TIME, nullable=False)
    document: sa.Column[object] = sa.Column("document", JSON, nullable=False)
    op.create_table(
        "response",
        sa.Column("seq", sa.Integer, nullable=False),
        _text("id"),
        _text("tenant", nullable=True),
        _text("session"),
        _text("turn"),
        _text("previous", nullable=True),
        _text("status"),
        created,
        document,
        sa.PrimaryKeyConstraint("seq", name="pk_response"),
        sa.UniqueConstraint("id", name="uq_response_id"),
    )
    op.create_index("ix_response_session", "response", ["session"])
    op.create_index("ix_response_turn", "response", ["turn"])
    value: sa.Column[object] = sa.Column("value", JSON, nullable=False)
    op.create_table(
        "response_item",
        sa.Column("seq", sa.Integer, nullable=False),
        _text("id"),
        _text("tenant", nullable=True),
        _text("response"),
        _text("session"),
        _text("side"),
        _text("image", nullable=True),
        value,
        sa.PrimaryKeyConstraint("seq", name="pk_response_item"),
    )
    for column in ("id", "response", "session", "image"):
        op.create_index(f"ix_response_item_{column}", "response_item", [column])
