"""Who settled an attempt by hand and why; and what the reaper looks for, indexed."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision: str | None = "0001"


def upgrade() -> None:
    """Columns are added at the end, so that no row is rewritten."""
    settled_by: sa.Column[str] = sa.Column("settled_by", sa.Text)
    note: sa.Column[str] = sa.Column("note", sa.Text)
    op.add_column("attempt", settled_by)
    op.add_column("attempt", note)
    op.create_index("ix_attempt_state", "attempt", ["state"])
    op.create_index("ix_turn_outcome", "turn", ["outcome"])
