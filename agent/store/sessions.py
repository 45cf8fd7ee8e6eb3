"""Sessions, turns, pictures and verdicts as rows; every function runs inside one transaction."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, Select, bindparam, exists, func, insert, or_, select, update

from ..errors import NotFound, StoreError, UsageError
from ..protocols import NewImage
from ..schema import Image, ImageId, Session, SessionId, Turn, TurnId, Verdict
from . import rows
from .find import PathOf, images_with_bytes, session_not_found
from .inventory import ensure
from .tables import attempt, image, response, session, turn, verdict

# Built once: what a statement says is put together anew by each call of ``update``.
_ADD_SESSION, _ADD_TURN = insert(session), insert(turn)
_ADD_IMAGE, _ADD_VERDICT = insert(image), insert(verdict)
_WHICH = session.c.id == bindparam("which")
_SESSION = select(session.c.id).where(_WHICH)
_TAKEN = select(session.c.id).where(or_(session.c.name == bindparam("named"), _WHICH))
_UPDATE = update(session).where(_WHICH)
_SWAP = _UPDATE.where(session.c.head.is_not_distinct_from(bindparam("expected")))
_COUNT = _UPDATE.values(last_number=session.c.last_number + 1).returning(session.c.last_number)
_CLOSE = update(turn).where(
    turn.c.id == bindparam("which"), or_(turn.c.outcome.is_(None), turn.c.outcome == "unknown")
)
_UNTRIED = update(turn).where(
    turn.c.id == bindparam("which"),
    turn.c.outcome == "failed",
    ~exists().where(attempt.c.turn == turn.c.id),
)
_FAILED = select(response.c.id, response.c.document).where(
    response.c.turn == bindparam("which"), response.c.status == "failed"
)


def create(connection: Connection, new: Session) -> Session:
    """Raises ``UsageError`` when the name or the id is taken."""
    if connection.execute(_TAKEN, {"named": new.name, "which": new.id}).first() is not None:
        raise UsageError(
            f"there is a session {new.name!r} already",
            hint=f"Choose another name, or continue it with --session {new.name}.",
        )
    connection.execute(_ADD_SESSION, rows.session_row(new))
    return new.model_copy(update={"turns": 0, "images": 0})


def taken(connection: Connection, names: Sequence[str]) -> set[str]:
    """Those of ``names`` that a session has."""
    if not names:
        return set()
    query = select(session.c.name).where(session.c.name.in_(names))
    return set(connection.execute(query).scalars())


def _with_counts() -> Select[tuple[object, ...]]:
    turns = select(func.count()).where(turn.c.session == session.c.id).scalar_subquery()
    images = select(func.count()).where(image.c.session == session.c.id).scalar_subquery()
    return select(session, turns.label("turns"), images.label("images"))


def by_reference(connection: Connection, ref: str) -> Session:
    """Id, then exact name, then unambiguous beginning of either."""
    if not ref:
        raise session_not_found(connection, ref)
    for match in (
        session.c.id == ref,
        session.c.name == ref,
        or_(
            func.substr(session.c.id, 1, len(ref)) == ref,
            func.substr(session.c.name, 1, len(ref)) == ref,
        ),
    ):
        found = connection.execute(_with_counts().where(match).limit(11)).mappings().all()
        if len(found) == 1:
            return rows.session_of(found[0])
        if found:
            names = tuple(row["name"] for row in found[:10])
            raise NotFound(
                f"{ref!r} is the beginning of more than one session: {', '.join(names)}",
                candidates=names,
                hint="Write more of the name.",
            )
    raise session_not_found(connection, ref)


def newest_first(connection: Connection, *, cwd: str | None, limit: int) -> list[Session]:
    """By when something last happened in them."""
    query = _with_counts().order_by(session.c.updated.desc(), session.c.seq.desc()).limit(limit)
    if cwd is not None:
        query = query.where(session.c.cwd == cwd)
    return [rows.session_of(row) for row in connection.execute(query).mappings()]


def turns(connection: Connection, of: SessionId) -> list[Turn]:
    """Oldest first, open ones too."""
    made: dict[str, list[ImageId]] = defaultdict(list)
    pictures = select(image.c.turn, image.c.id).where(image.c.session == of)
    for turn_id, image_id in connection.execute(pictures.order_by(image.c.number)):
        made[turn_id].append(image_id)
    query = select(turn).where(turn.c.session == of).order_by(turn.c.seq)
    found = connection.execute(query).mappings()
    return [rows.turn_of(row, made.get(row["id"], ())) for row in found]


def turn_by_id(connection: Connection, which: TurnId) -> Turn:
    """Raises ``NotFound``, also for one that was forgotten."""
    row = connection.execute(select(turn).where(turn.c.id == which)).mappings().first()
    if row is None:
        raise NotFound(
            f"there is no turn {which}", hint="Its session may be forgotten, and its text with it."
        )
    made = select(image.c.id).where(image.c.turn == which).order_by(image.c.number)
    return rows.turn_of(row, connection.execute(made).scalars())


def open_turn(connection: Connection, new: Turn, *, owner: str | None = None) -> None:
    """With outcome NULL, whatever ``new`` says."""
    touch(connection, new.session, new.created)
    connection.execute(_ADD_TURN, open_row(new, owner=owner))


def open_row(new: Turn, *, owner: str | None) -> rows.Row:
    """Of a turn that has just begun."""
    begun = new.model_copy(update={"outcome": None, "closed": None})
    return rows.turn_row(begun) | {"owner": owner}


def close_turn(
    connection: Connection, ended: Turn, *, expected_head: TurnId | None, at: datetime
) -> bool:
    """Once, and once more when the result was ``unknown`` and is now known."""
    if ended.outcome is None:
        raise UsageError(f"turn {ended.id} cannot be closed without an outcome")
    values = rows.turn_row(ended) | {"closed": ended.closed or at}
    for fixed in ("id", "session", "created"):
        del values[fixed]
    if connection.execute(_CLOSE, values | {"which": ended.id}).rowcount != 1:
        raise StoreError(
            f"turn {ended.id} is closed already, or was forgotten",
            hint="Its pictures, if any, are listed in the session.",
        )
    return _swap_head(connection, ended.session, expected_head, ended.id, at)


def reopen(connection: Connection, which: TurnId) -> bool:
    """Before its first attempt: it was not given up, as others thought, but waited for its turn.

    False where it is open.
    """
    found = connection.execute(
        _UNTRIED, {"which": which, "outcome": None, "closed": None, "failures": []}
    )
    reopened = found.rowcount == 1
    if reopened:
        for row in connection.execute(_FAILED, {"which": which}).all():
            document = {**row.document, "status": "in_progress", "error": None}
            again = update(response).where(response.c.id == row.id)
            connection.execute(again.values(status="in_progress", document=document))
    return reopened


def move_head(
    connection: Connection,
    of: SessionId,
    *,
    expected: TurnId | None,
    to: TurnId | None,
    at: datetime,
) -> bool:
    """Raises ``NotFound`` for a turn of another session."""
    _require(connection, of)
    if to is not None:
        known = select(turn.c.id).where(turn.c.id == to, turn.c.session == of)
        if connection.execute(known).first() is None:
            raise NotFound(f"there is no turn {to} in session {of}")
    return _swap_head(connection, of, expected, to, at)


def _swap_head(
    connection: Connection,
    of: SessionId,
    expected: TurnId | None,
    to: TurnId | None,
    at: datetime,
) -> bool:
    swap = {"which": of, "expected": expected, "head": to, "updated": at}
    return connection.execute(_SWAP, swap).rowcount == 1


def _require(connection: Connection, of: SessionId) -> None:
    if connection.execute(_SESSION, {"which": of}).first() is None:
        raise session_not_found(connection, of)


def touch(connection: Connection, of: SessionId, at: datetime) -> None:
    """Something happened in it; raises ``NotFound`` for one that was forgotten."""
    if connection.execute(_UPDATE, {"which": of, "updated": at}).rowcount != 1:
        raise session_not_found(connection, of)


def add_image(connection: Connection, new: NewImage, *, path: PathOf) -> Image:
    """Under the number after the last one ever given, so that a forgotten ``@4`` stays free."""
    of = new.image.session
    ensure(connection, new.blob, file=path(new.blob.sha256, new.blob.media_type))
    number = connection.execute(_COUNT, {"which": of}).scalar()
    if number is None:
        raise session_not_found(connection, of)
    listed = new.image.model_copy(
        update={
            "number": number,
            "sha256": new.blob.sha256,
            "media_type": new.blob.media_type,
            "bytes": new.blob.bytes,
            "path": path(new.blob.sha256, new.blob.media_type),
        }
    )
    connection.execute(_ADD_IMAGE, rows.image_row(listed))
    touch(connection, of, listed.created)
    return listed


def images(connection: Connection, of: SessionId, *, path: PathOf) -> list[Image]:
    """By number, of open turns too."""
    query = images_with_bytes().where(image.c.session == of).order_by(image.c.number)
    found = connection.execute(query).mappings()
    return [rows.image_of(row, path(row["sha256"], row["media_type"])) for row in found]


def add_verdict(
    connection: Connection,
    new: Verdict,
    *,
    at: datetime,
    session: SessionId | None,
    turn: TurnId | None,
    user: str | None,
) -> None:
    """Needs no session: a refusal can come before there is one."""
    row = rows.verdict_row(new, at=at, session=session, turn=turn, user=user)
    connection.execute(_ADD_VERDICT, row)


def verdicts(connection: Connection, of: SessionId) -> list[Verdict]:
    """Oldest first."""
    query = select(verdict).where(verdict.c.session == of).order_by(verdict.c.seq)
    return [rows.verdict_of(row) for row in connection.execute(query).mappings()]
