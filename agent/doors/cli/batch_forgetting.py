"""``batch forget``: the texts of a batch that are to be gone."""

from __future__ import annotations

import sys
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from ...settings import Settings


@click.command()
@click.argument("name", metavar="NAME")
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
def forget(name: str, yes: bool) -> None:
    """Remove a batch for good: its briefs, decisions, kept files, and the sessions of its pictures.

    What was paid stays in the ledger, and the folder of its posters stays where it is. Without a
    terminal it needs --yes.
    """
    import anyio

    from .desk import settings_of

    anyio.run(_forget, settings_of(), name, yes)


async def _forget(settings: Settings, name: str, yes: bool) -> None:
    """The batch goes last, so that what was interrupted can be asked for again."""
    from ...batch.notes import Book
    from ...errors import NotFound
    from ...factory import notes_of, open_disk
    from .wording import count

    disk = await open_disk(settings)
    try:
        notes = notes_of(disk)
        await Book(notes, name).head()
        sessions = await notes.sessions(name)
        _confirm(name, count(len(sessions), "session"), yes=yes)
        for session in sessions:
            with suppress(NotFound):  # somebody else was faster
                await disk.forget_session(session, at=datetime.now(UTC))
        await notes.forget(name)
        await disk.tidy()
    finally:
        await disk.aclose()
    click.echo("Forgotten.", err=True)


def _confirm(name: str, sessions: str, *, yes: bool) -> None:
    from ...errors import UsageError
    from .wording import plain

    told = f"{plain(name)}: its briefs and decisions, and {sessions}"
    click.echo(f"This goes for good: {told} with their pictures.", err=True)
    click.echo("This stays: what was paid, with names; the folder of its posters.", err=True)
    if not yes and not sys.stdin.isatty():
        raise UsageError("Nothing was removed: nobody is here to confirm it.", hint="Add --yes.")
    if not yes and not click.confirm("Forget it?", err=True):
        raise click.Abort
