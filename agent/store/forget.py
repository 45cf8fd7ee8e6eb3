"""Forgetting: texts and unshared bytes go, a tombstone with an id and a date stays.

Attempts stay, because they are the record of money, but lose the notes that people wrote. Verdicts
stay as a decision without its spans, message or the hash of the text. ``scrub`` in ``meta`` stands
until the file itself was rewritten, so a crash in between only delays it.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, delete, insert, select, update

from ..errors import NotFound
from ..schema import ImageId, SessionId, TurnId
from .find import session_not_found
from .inventory import UNLINK, note, release
from .tables import (
    attempt,
    batch_note,
    image,
    meta,
    response,
    response_item,
    session,
    tombstone,
    turn,
    verdict,
)

SCRUB = "scrub"


def session_by_id(connection: Connection, which: SessionId, *, at: datetime) -> list[TurnId]:
    """Remove one session; the turns whose drafts are to go too. Raises ``NotFound``."""
    known = session.c.id == which
    if connection.execute(select(session.c.id).where(known)).first() is None:
        raise session_not_found(connection, which)
    return _sessions(connection, known, at=at)


def of_user(connection: Connection, user: str, *, at: datetime) -> list[TurnId]:
    """Every session of a user; what they paid stays, but no longer says who it was."""
    gone = _sessions(connection, session.c.user == user, at=at)
    connection.execute(update(attempt).where(attempt.c.user == user).values(user=None))
    settled = update(attempt).where(attempt.c.settled_by == user)
    connection.execute(settled.values(settled_by=None, note=None))
    _blank_verdicts(connection, verdict.c.user == user)
    named = update(verdict).where(verdict.c.acknowledged_by == user)
    connection.execute(named.values(acknowledged_by=None))
    return gone


def of_batch(connection: Connection, batch: str) -> bool:
    """What is written down of a batch; false where there is none.

    What was paid for it is called ``batch~1`` from now on, ``~2`` the next time: a batch that is
    made again under its name begins with nothing spent.
    """
    here = batch_note.c.batch == batch
    head = select(batch_note.c.key).where(here, batch_note.c.kind == "batch")
    if connection.execute(head).first() is None:
        return False
    mine, others = _files_of(connection, here), _files_of(connection, batch_note.c.batch != batch)
    connection.execute(delete(batch_note).where(here))
    release(connection, mine - others)
    earlier = select(attempt.c.batch).where(
        attempt.c.batch.startswith(f"{batch}~", autoescape=True)
    )
    number = len(connection.execute(earlier.distinct()).all()) + 1
    paid = update(attempt).where(attempt.c.batch == batch)
    connection.execute(paid.values(batch=f"{batch}~{number}"))
    note(connection, SCRUB, "needed")
    return True


def _files_of(connection: Connection, which: ColumnElement[bool]) -> set[str]:
    """Hashes of the files that briefs name."""
    query = select(batch_note.c.value).where(which, batch_note.c.kind == "brief")
    return {
        one["sha256"]
        for value in connection.execute(query).scalars()
        for one in value.get("files", ())
    }


def older_than(connection: Connection, before: datetime, *, at: datetime) -> list[TurnId]:
    """Every session in which nothing happened since."""
    return _sessions(connection, session.c.updated < before, at=at)


def _sessions(connection: Connection, which: ColumnElement[bool], *, at: datetime) -> list[TurnId]:
    turns: list[TurnId] = []
    for found in connection.execute(select(session.c.id).where(which)).scalars().all():
        turns += _one_session(connection, found, at=at)
    return turns


def _one_session(connection: Connection, which: str, *, at: datetime) -> list[TurnId]:
    pictures = connection.execute(
        select(image.c.id, image.c.sha256).where(image.c.session == which)
    ).all()
    turns = connection.execute(select(turn.c.id, turn.c.mask).where(turn.c.session == which)).all()
    _responses(connection, which, at=at)
    connection.execute(delete(image).where(image.c.session == which))
    connection.execute(delete(turn).where(turn.c.session == which))
    connection.execute(delete(session).where(session.c.id == which))
    connection.execute(update(attempt).where(attempt.c.session == which).values(note=None))
    _blank_verdicts(connection, verdict.c.session == which)
    release(connection, [row.sha256 for row in pictures] + [row.mask for row in turns if row.mask])
    _bury(connection, "image", [row.id for row in pictures], at=at)
    _bury(connection, "session", [which], at=at)
    return [row.id for row in turns]


def _responses(connection: Connection, which: str, *, at: datetime) -> None:
    """What was answered over HTTP in a session: it repeats the session's texts."""
    ids = select(response.c.id).where(response.c.session == which)
    _bury(connection, "response", connection.execute(ids).scalars().all(), at=at)
    connection.execute(delete(response_item).where(response_item.c.session == which))
    connection.execute(delete(response).where(response.c.session == which))


def response_by_id(connection: Connection, which: str, *, at: datetime) -> None:
    """Remove one response, which must be there; its pictures stay in their session."""
    connection.execute(delete(response_item).where(response_item.c.response == which))
    connection.execute(delete(response).where(response.c.id == which))
    _bury(connection, "response", [which], at=at)


def image_by_id(connection: Connection, which: ImageId, *, at: datetime) -> list[TurnId]:
    """Remove one picture; its turn keeps its text, its children keep its id as a parent."""
    found = connection.execute(select(image.c.sha256).where(image.c.id == which)).scalar()
    if found is None:
        raise NotFound(f"there is no picture {which}", hint="limner tree lists them.")
    connection.execute(delete(image).where(image.c.id == which))
    bare = {"type": "image_generation_call", "status": "completed", "result": None}
    named = update(response_item).where(response_item.c.image == which)
    connection.execute(named.values(value=bare, image=None))
    release(connection, [found])
    _bury(connection, "image", [which], at=at)
    return []


def _blank_verdicts(connection: Connection, which: ColumnElement[bool]) -> None:
    blank: dict[str, object] = {
        "hits": [],
        "message": "",
        "fix": "",
        "text_sha256": "",
        "user": None,
    }
    connection.execute(update(verdict).where(which).values(blank))


def _bury(connection: Connection, kind: str, ids: Iterable[str], *, at: datetime) -> None:
    graves = [{"kind": kind, "id": one, "at": at} for one in ids]
    if graves:
        connection.execute(insert(tombstone), graves)
    note(connection, SCRUB, "needed")


def tombstones(connection: Connection) -> dict[str, datetime]:
    """Forgotten session and picture ids, and when."""
    rows = connection.execute(select(tombstone.c.id, tombstone.c.at)).all()
    return {row.id: row.at for row in rows}


def unfinished(connection: Connection) -> bool:
    """Whether something was forgotten whose traces are still on disk."""
    waiting = (meta.c.key == SCRUB) | meta.c.key.startswith(UNLINK)
    return connection.execute(select(meta.c.key).where(waiting).limit(1)).first() is not None


def unscrubbed(connection: Connection) -> bool:
    """Whether pages of the file may still hold what was removed."""
    return connection.execute(select(meta.c.key).where(meta.c.key == SCRUB)).first() is not None


def scrubbed(connection: Connection) -> None:
    """The file was rewritten."""
    connection.execute(delete(meta).where(meta.c.key == SCRUB))
