"""Verdicts as a record: what was decided by which rule, never a word of the text."""

from __future__ import annotations

from datetime import datetime
from typing import Final, Literal

from sqlalchemy import Connection, select

from ..schema import Decision, Record, SessionId, TurnId
from .tables import verdict


class Screened(Record):
    """One screened text, without it. ``text_sha256`` is empty once the session was forgotten."""

    at: datetime
    session: SessionId | None
    turn: TurnId | None
    subject: str
    decision: Decision
    rule: str | None
    category: str | None
    policy: str
    policy_sha256: str
    text_sha256: str
    acknowledged: tuple[str, ...]
    acknowledged_by: str | None
    pictures: Literal["not examined", "examined"]


_COLUMNS: Final = tuple(verdict.c[name] for name in Screened.model_fields)


def screened(
    connection: Connection,
    *,
    session: SessionId | None = None,
    turn: TurnId | None = None,
    limit: int | None = None,
) -> list[Screened]:
    """Newest first."""
    query = select(*_COLUMNS).order_by(verdict.c.seq.desc())
    if session is not None:
        query = query.where(verdict.c.session == session)
    if turn is not None:
        query = query.where(verdict.c.turn == turn)
    found = connection.execute(query if limit is None else query.limit(limit)).mappings()
    return [Screened.model_validate(dict(row)) for row in found]
