"""What is written down of batches, and which attempts were bought for them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0005"
down_revision: str | None = "0004"

JSON = sa.JSON().with_variant(JSONB(), "postgresql")
TIME = sa.DateTime(timezone=True)


def _text(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text, nullable=False)


def upgrade() -> None:
    """Columns are added at the end, so that no row is rewritten."""
    batch: sa.Column[str] = sa.Column("batch", sa.Text)
    brief: sa.Column[str] = sa.Column("brief", sa.Text)
    op.add_column("attempt", batch)
    op.add_column("attempt", brief)
    op.create_index("ix_attempt_batch", "attempt", ["batch"])
    value: sa.Column[object] = sa.Column("value", JSON, nullable=False)
    at: sa.Column[object] = sa.Column("at", TIME, nullable=False)
    op.create_table(
        "batch_note",
        _text("batch"),
        _text("kind"),
        _text("key"),
        value,
        at,
        sa.PrimaryKeyConstraint("batch", "kind", "key", name="pk_batch_note"),
    )
