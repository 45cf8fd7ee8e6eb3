"""Which request of ``limner serve`` bought which turns, so that none is bought twice."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0003"
down_revision: str | None = "0002"

JSON = sa.JSON().with_variant(JSONB(), "postgresql")
TIME = sa.DateTime(timezone=True)


def _text(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text, nullable=False)


def upgrade() -> None:
    """Also an index for the budgets of tenants."""
    turns: sa.Column[object] = sa.Column("turns", JSON, nullable=False)
    created: sa.Column[object] = sa.Column("created", TIME, nullable=False)
    done: sa.Column[bool] = sa.Column("done", sa.Boolean, nullable=False)
    op.create_table(
        "idempotency",
        _text("tenant"),
        _text("key"),
        _text("body"),
        turns,
        _text("owner"),
        created,
        done,
        sa.PrimaryKeyConstraint("tenant", "key", name="pk_idempotency"),
    )
    op.create_index("ix_idempotency_created", "idempotency", ["created"])
    op.create_index("ix_attempt_tenant", "attempt", ["tenant"])
