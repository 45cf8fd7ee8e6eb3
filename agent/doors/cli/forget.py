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
    batches: tuple[str, ...] = ()
    """With their briefs, decisions and kept files."""
    staying: int = 0
    """Old sessions of batches that are not old."""
    briefs_in: str = ""
    """The batch that a named session is of."""


@click.command()
@click.argument("which", metavar="[SESSION|IMAGE]", required=False)
@click.option("--user", metavar="NAME", help="Everything of this user.")
@click.option(
    "--older-than", metavar="30d", help="Every session and batch untouched for so long: h, d, w."
)
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
    if not (doomed.sessions or doomed.batches or doomed.image or user):
        of_batches = " but what batches in use hold" if doomed.staying else ""
        click.echo(f"Nothing is that old{of_batches}.", err=True)
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
            held = await _by_batch(disk)
            return Doomed(sessions=[found], briefs_in=held.get(found.id, ""))
        return Doomed(sessions=[], image=found)
    every = await disk.sessions(limit=_EVERY)
    if user is not None:
        return Doomed(sessions=[s for s in every if s.user == user], user=user)
    assert before is not None
    return await _old(disk, every, before)


async def _old(disk: Disk, every: list[Session], before: datetime) -> Doomed:
    """A batch goes whole, by what was written down of it last; until then its pictures stay."""
    from ...factory import notes_of

    touched = await notes_of(disk).touched()
    batches = tuple(sorted(name for name, at in touched.items() if at < before))
    held = await _by_batch(disk)
    young = {session for session, batch in held.items() if batch not in batches}
    going = {session for session, batch in held.items() if batch in batches}
    old = [s for s in every if s.updated < before or s.id in going]
    return Doomed(
        sessions=[s for s in old if s.id not in young],
        batches=batches,
        staying=sum(s.id in young for s in old),
    )


async def _by_batch(disk: Disk) -> dict[str, str]:
    """Session → the batch whose picture was bought in it; the youngest, where there are two."""
    from ...factory import notes_of

    notes = notes_of(disk)
    touched = await notes.touched()
    return {
        session: batch
        for batch in sorted(touched, key=touched.__getitem__)
        for session in await notes.sessions(batch)
    }


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
    lines += [f"  batch {plain(name)}: its briefs and decisions" for name in doomed.batches]
    if doomed.user is not None:
        lines.append(f"  the name of {plain(doomed.user)} in the ledger")
    if doomed.staying:
        lines.append(
            f"{count(doomed.staying, 'old session')} of batches in use: they go with those."
        )
    if doomed.briefs_in:
        lines.append(
            f"Its brief stays in the batch {plain(doomed.briefs_in)}: "
            f"limner batch forget {plain(doomed.briefs_in)} removes all of that."
        )
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
    if doomed.batches:
        from ...factory import notes_of

        for name in doomed.batches:
            await notes_of(disk).forget(name)
        await disk.tidy()
    return files
