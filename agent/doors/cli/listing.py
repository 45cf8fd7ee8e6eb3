"""``sessions``, ``show`` and ``tree``: what was kept, for people and, with ``--json``, for scripts."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from ...protocols import Store
    from ...schema import Image, Session, Turn
    from .records import Line
    from .storing import Disk

JSON = click.option("--json", "as_json", is_flag=True, help="One record per line.")


@click.command()
@click.option("--here", is_flag=True, help="Only those started in this directory.")
@click.option("--limit", type=click.IntRange(1), default=100, show_default=True)
@JSON
def sessions(here: bool, limit: int, as_json: bool) -> None:
    """List sessions, the newest first."""
    from . import desk
    from .records import session_record
    from .storing import on_disk
    from .wording import ago, count, plain

    async def listed(store: Store) -> list[Session]:
        return await store.sessions(cwd=desk.here() if here else None, limit=limit)

    found = on_disk(listed)
    if as_json:
        _write(session_record(session) for session in found)
        return
    if not found:
        click.echo("No sessions yet: limner generate PROMPT starts one.", err=True)
    width = max((len(session.name) for session in found), default=0)
    for session in found:
        counts = f"{count(session.images, 'picture'):>13}{count(session.turns, 'turn'):>11}"
        click.echo(f"{plain(session.name):{width}}{counts}   {ago(session.updated)}")


@click.command()
@click.argument("which", metavar="[SESSION|IMAGE]", required=False)
@JSON
def show(which: str | None, as_json: bool) -> None:
    """Show a session, or one picture (@4, NAME/4, img_…), with all that is known of it.

    Without a name: the newest session that was started in this directory.
    """
    from ...schema import Session
    from . import showing
    from .finding import session_or_picture
    from .storing import on_disk

    async def shown(disk: Disk) -> None:
        found = await session_or_picture(disk, which)
        told: showing.SessionStory | showing.PictureStory
        if isinstance(found, Session):
            told = await showing.read_session(disk, found)
        else:
            told = await showing.read_picture(disk, found)
        if as_json:
            _write(told.records())
        else:
            for line in told.lines():
                click.echo(line)

    on_disk(shown)


@click.command()
@click.argument("session", required=False)
@JSON
def tree(session: str | None, as_json: bool) -> None:
    """Draw which picture came from which; the next edit starts at the one marked."""
    from . import forest
    from .finding import session_named
    from .storing import on_disk
    from .wording import plain

    async def read(store: Store) -> tuple[Session, list[Turn], list[Image]]:
        found = await session_named(store, session)
        return found, await store.turns(found.id), await store.images(found.id)

    found, turns, images = on_disk(read)
    if as_json:
        _write(forest.records(found, turns, images))
        return
    click.echo(click.style(plain(found.name), bold=True))
    for line in forest.lines(found, turns, images):
        click.echo(line)


def _write(records: Iterable[Line]) -> None:
    from .stdout import write_json

    for record in records:
        write_json(record)
