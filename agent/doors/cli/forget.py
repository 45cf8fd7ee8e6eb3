"""``forget``: texts and pictures that are to be gone."""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from ...schema import Image, Session
    from .storing import Disk

_AGE = re.compile(r"(\d{1,5})([hdw])")
_HOURS = {"h": 1, "d": 24, "w": 168}
_EVERY = 1_000_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Doomed:
    """What would go."""

    sessions: list[Session]
    image: Image | None = None
    user: str | None = None


@click.command()
@click.argument("which", metavar="[SESSION|IMAGE]", required=False)
@click.option("--user", metavar="NAME", help="Everything of this user.")
@click.option("--older-than", metavar="30d", help="Every session untouched for so long: h, d, w.")
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
def forget(which: str | None, user: str | None, older_than: str | None, yes: bool) -> None:
    """Remove a session, a picture (@4, NAME/4, img_…), a user's sessions, or old ones, for good.

    Says first what goes and what stays. Without a terminal it needs --yes.
    """
    from .storing import on_disk

    if sum(given is not None for given in (which, user, older_than)) != 1:
        raise click.UsageError("Name one thing: SESSION, IMAGE, --user or --older-than.")
    before = _before(older_than) if older_than is not None else None

    async def found(disk: Disk) -> Doomed:
        return await _find(disk, which, user, before)

    doomed = on_disk(found)
    if not doomed.sessions and doomed.image is None and user is None:
        click.echo("Nothing is that old.", err=True)
        return
    for line in _warning(doomed):
        click.echo(line, err=True)
    _confirm(yes=yes)

    async def removed(disk: Disk) -> int:
        return await _remove(disk, doomed)

    files = on_disk(removed)
    click.echo(f"Forgotten. {files} files were removed.", err=True)


def _before(text: str) -> datetime:
    match = _AGE.fullmatch(text.strip())
    if match is None:
        raise click.UsageError(f"--older-than {text!r}: write a number and h, d or w, as 30d.")
    return datetime.now(UTC) - timedelta(hours=int(match[1]) * _HOURS[match[2]])


async def _find(disk: Disk, which: str | None, user: str | None, before: datetime | None) -> Doomed:
    from ...schema import Session
    from .finding import session_or_picture

    if which is not None:
        found = await session_or_picture(disk, which)
        if isinstance(found, Session):
            return Doomed(sessions=[found])
        return Doomed(sessions=[], image=found)
    every = await disk.sessions(limit=_EVERY)
    if user is not None:
        return Doomed(sessions=[s for s in every if s.user == user], user=user)
    assert before is not None
    return Doomed(sessions=[s for s in every if s.updated < before])


def _warning(doomed: Doomed) -> list[str]:
    """What goes, what stays."""
    from .wording import ago, count, plain, size_of

    lines = ["This goes for good:"]
    if doomed.image is not None:
        image = doomed.image
        lines.append(f"  picture @{image.number}   {image.id}   {size_of(image.bytes)}")
    for session in doomed.sessions[:20]:
        counts = f"{count(session.turns, 'turn')}, {count(session.images, 'picture')}"
        lines.append(f"  {plain(session.name)}   {counts}   {ago(session.updated)}")
    if len(doomed.sessions) > 20:
        lines.append(f"  and {len(doomed.sessions) - 20} more sessions")
    if doomed.user is not None:
        lines.append(f"  the name of {plain(doomed.user)} in the ledger")
    lines.append(
        "This stays: what was paid, without any text; the ids, with the date; pictures that other "
        "sessions hold too; copies outside of the store, as in limner-out; and what you typed in "
        "chat, in the file chat_history beside the store."
    )
    return lines


def _confirm(*, yes: bool) -> None:
    from ...errors import UsageError

    if yes:
        return
    if not sys.stdin.isatty():
        raise UsageError("Nothing was removed: nobody is here to confirm it.", hint="Add --yes.")
    if not click.confirm("Forget it?", err=True):
        raise click.Abort


async def _remove(disk: Disk, doomed: Doomed) -> int:
    now = datetime.now(UTC)
    if doomed.image is not None:
        return await disk.forget_image(doomed.image.id, at=now)
    files = 0
    for session in doomed.sessions:
        files += await disk.forget_session(session.id, at=now)
    if doomed.user is not None:
        files += await disk.forget_user(doomed.user, at=now)
    return files
