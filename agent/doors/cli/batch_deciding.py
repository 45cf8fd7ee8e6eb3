"""``batch status``, ``report``, ``approve`` …: what a person sees and says of a batch."""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeVar

import click

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from ...batch.deciding import Desk
    from ...batch.notes import Notes
    from ...settings import Settings

T = TypeVar("T")

JSON = click.option("--json", "as_json", is_flag=True, help="One record per line.")
WHICH = click.option(
    "-b",
    "--batch",
    "batch_name",
    metavar="NAME",
    help="Which batch.  [default: the newest of this directory]",
)
POSTERS = click.argument("posters", nargs=-1, required=True, metavar="POSTER…")


async def newest(notes: Notes, here: str) -> str:
    """The batch that was run last in this directory, else the newest of all."""
    from ...batch.notes import Book
    from ...errors import UsageError

    found = await notes.batches()
    ordered = sorted(found, key=lambda name: found[name], reverse=True)
    for name in ordered:
        if (await Book(notes, name).head()).cwd == here:
            return name
    if not ordered:
        raise UsageError("There is no batch yet.", hint="limner batch run briefs/*.yaml")
    return ordered[0]


@asynccontextmanager
async def _desk(settings: Settings, name: str | None) -> AsyncIterator[tuple[Desk, Notes]]:
    """A batch as it stands, by the prices and the policy of the server it was begun with."""
    from ...batch.deciding import desk_of
    from ...batch.notes import Book
    from ...factory import notes_of, open_agent, open_disk
    from . import desk

    disk = await open_disk(settings)
    try:
        notes = notes_of(disk)
        which = name or await newest(notes, desk.here())
        profile = (await Book(notes, which).head()).profile
    finally:
        await disk.aclose()
    async with open_agent(settings, profile=profile) as agent:
        notes = notes_of(agent.store, agent.kit.clock)
        yield await desk_of(agent, notes, which), notes


def _at_desk(name: str | None, work: Callable[[Desk, Notes], Awaitable[T]]) -> T:
    import anyio

    from . import desk

    settings = desk.settings_of()

    async def opened() -> T:
        async with _desk(settings, name) as (found, notes):
            return await work(found, notes)

    return anyio.run(opened)


@click.command()
@click.argument("posters", nargs=-1, metavar="[POSTER…]")
@WHICH
@JSON
def status(posters: tuple[str, ...], batch_name: str | None, as_json: bool) -> int:
    """How every poster stands, and what it cost. Exit code 6 while somebody has to do something."""
    from ...batch.standing import exit_of
    from .batch_telling import status_lines
    from .stdout import write_json

    async def work(desk: Desk, notes: Notes) -> int:
        found = list((await desk.standings(posters)).values())
        if as_json:
            for one in found:
                write_json(one)
        else:
            for line in status_lines(desk.head, found, await notes.spent(desk.head.name)):
                click.echo(line)
        return exit_of(one.state for one in found)

    return _at_desk(batch_name, work)


@click.command()
@WHICH
def report(batch_name: str | None) -> None:
    """Write report.html, decisions.csv and print/ anew, and print where the report is."""
    from .stdout import write_path

    async def work(desk: Desk, notes: Notes) -> None:
        write_path(await desk.written(notes))

    _at_desk(batch_name, work)


@click.command()
@POSTERS
@WHICH
def approve(posters: tuple[str, ...], batch_name: str | None) -> None:
    """Say that posters may be used; print/ then has their files."""
    _decide(posters, batch_name, "approved", "")


@click.command()
@POSTERS
@click.option("--reason", required=True, metavar="TEXT", help="Why; it stands in the report.")
@WHICH
def reject(posters: tuple[str, ...], reason: str, batch_name: str | None) -> None:
    """Say that posters may not be used, and why."""
    if not reason.strip():
        raise click.UsageError("--reason is empty: say why.")
    _decide(posters, batch_name, "rejected", reason.strip())


def _decide(
    posters: tuple[str, ...],
    batch_name: str | None,
    verdict: Literal["approved", "rejected"],
    reason: str,
) -> None:
    from .desk import person

    async def work(desk: Desk, notes: Notes) -> None:
        names = await desk.chosen(posters)
        done = await desk.decide(names, verdict, by=person(), reason=reason)
        await desk.written(notes)
        for name in done:
            click.echo(name)
        _left_out(names, done)

    _at_desk(batch_name, work)


def _left_out(names: tuple[str, ...], done: tuple[str, ...]) -> None:
    left = len(names) - len(done)
    if left:
        click.echo(f"{left} more have no poster yet", err=True)


@click.command()
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@WHICH
def decide(file: Path, batch_name: str | None) -> None:
    """Read a decisions.csv that a reviewer filled in: approved or rejected, and a reason."""
    from ...batch.folder import judged, read_decisions
    from ...batch.table import text_of
    from .desk import person

    filled = read_decisions(text_of(file), name=str(file))

    async def work(desk: Desk, notes: Notes) -> None:
        # before the first is written down
        meant = judged(filled, await desk.every([one.name for one in filled]), name=str(file))
        for (verdict, reason), names in meant.items():
            done = await desk.decide(names, verdict, by=person(), reason=reason)
            click.echo(f"{len(done)} {verdict}" + (f": {reason}" if reason else ""), err=True)
        await desk.written(notes)

    _at_desk(batch_name, work)


@click.command()
@click.argument("poster", metavar="POSTER")
@click.argument("change", metavar="CHANGE")
@click.option(
    "--spread",
    type=click.Choice(["sizes", "locales", "all"]),
    help="The same change for the other sizes, the other locales, or both.",
)
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@WHICH
def redo(
    poster: str,
    change: str,
    spread: Literal["sizes", "locales", "all"] | None,
    yes: bool,
    batch_name: str | None,
) -> None:
    """Ask for a change of a poster's picture ("warmer"); limner batch run then buys it.

    A picture serves every locale of its size: those posters change with it, and are counted.
    """
    from ...errors import UsageError
    from .wording import count, money

    async def work(desk: Desk, notes: Notes) -> None:
        wanted = await desk.redone(await desk.chosen([poster]), change.strip(), spread)
        told = f"{count(len(wanted.wishes), 'picture')} to buy anew for {count(len(wanted.posters), 'poster')}"
        price = money(wanted.dearest)
        question = f"{told}, up to {price}."
        if not yes and not sys.stdin.isatty():
            raise UsageError(f"Nothing was written down: {question}", hint="Add --yes.")
        if not yes and not click.confirm(f"{question} Go on?", err=True):
            raise click.Abort
        await desk.wish(wanted)
        await desk.written(notes)  # print/ has no poster that is to be another
        for name in wanted.posters:
            click.echo(name)
        click.echo(f"{question} limner batch run -b {desk.head.name} makes them.", err=True)

    if not change.strip():
        raise click.UsageError("CHANGE is empty: say what is to be otherwise.")
    _at_desk(batch_name, work)


@click.command()
@click.argument("poster", metavar="POSTER")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@WHICH
def accept(poster: str, file: Path, batch_name: str | None) -> None:
    """Put a retouched file in the place of a poster, approved; what it came from is kept."""
    from ...errors import UsageError
    from .desk import person

    async def work(desk: Desk, notes: Notes) -> None:
        names = await desk.chosen([poster])
        if len(names) != 1:
            raise UsageError(f"{poster} names {len(names)} posters.", hint="Name exactly one.")
        image = await desk.accept(names[0], file, by=person())
        await desk.written(notes)
        click.echo(image.id)

    _at_desk(batch_name, work)


COMMANDS = (status, report, approve, reject, decide, redo, accept)
