"""``demo``: a picture, an edit of it, and a branch from the first."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Final, Unpack

import click

from .flags import TurnFlags, hidden_artist_flags, picture_flags, place_flags, server_flags

if TYPE_CHECKING:
    from rich.table import Table

    from ... import ImageAgent
    from ...events import Terminal
    from ...schema import ImageOptions
    from .signals import Interruption
    from .turns import Job

FIRST: Final = "A lighthouse on a rocky coast at golden hour"
SECOND: Final = "Make it night"
THIRD: Final = "Make it autumn"


class DemoFlags(TurnFlags):
    output: str | None
    force: bool
    as_json: bool


@click.command()
@picture_flags
@server_flags
@place_flags
@hidden_artist_flags
def demo(**flags: Unpack[DemoFlags]) -> int:
    """Three turns: a picture from a sentence, an edit of it, a branch from the first.

    Without configuration they are drawn offline, by no model and for free. With a key configured
    they are drawn, and billed, by that server.
    """
    from . import desk
    from .outputs import read_output
    from .telling import Teller, progress
    from .turns import Job, run

    settings = desk.settings_of(flags)
    profile = desk.chosen(settings)
    outputs = read_output(settings.output, force=flags["force"])
    options = desk.picture_options(
        settings, profile, editing=False, tool_option=flags["tool_option"]
    )
    outputs.check(output_format=options.output_format, count=3)
    if not profile.offline:
        _ask(profile.name, profile.base_url, yes=flags["yes"])
    teller = Teller(
        outputs=outputs,
        as_json=flags["as_json"],
        progress=progress(),
        receipts=False,
        expected=3,
    )
    job = Job(
        settings=settings,
        artist=desk.artist(flags, profile),
        teller=teller,
        as_json=flags["as_json"],
    )
    edits = desk.picture_options(settings, profile, editing=True, tool_option=flags["tool_option"])

    async def work(agent: ImageAgent, state: Interruption) -> int:
        return await _three(agent, job, state, flags, options=(options, edits))

    return run(job, work)


def _ask(profile: str, base_url: str, *, yes: bool) -> None:
    from .wording import plain

    click.echo(f"Three pictures, drawn and billed by {plain(profile)} ({base_url}).", err=True)
    person = sys.stdin.isatty() and sys.stderr.isatty()
    if person and not yes and not click.confirm("Go on?", default=True, err=True):
        raise click.Abort


async def _three(
    agent: ImageAgent,
    job: Job,
    state: Interruption,
    flags: DemoFlags,
    *,
    options: tuple[ImageOptions, ImageOptions],
) -> int:
    from dataclasses import replace

    from ...protocols import TurnRequest
    from . import desk
    from .turns import take

    first = TurnRequest(
        text=FIRST,
        options=options[0],
        effort=job.settings.effort,
        stream=flags["stream"],
        acknowledge=desk.accepted(job.settings, flags["acknowledge"]),
        acknowledged_by=desk.person() if flags["acknowledge"] else None,
        cwd=desk.here(),
    )
    results: list[Terminal] = []
    for number, text in enumerate((FIRST, SECOND, THIRD), start=1):
        job.teller.line(f"{number}/3 {text}")
        request = replace(first, text=text)
        if results:
            made = results[0].images[0]
            request = replace(
                request, intent="edit", session=made.session, edit=(made.id,), options=options[1]
            )
        result = await take(agent, request, job.teller, state)
        if not result.images:
            return result.exit_code
        results.append(result)
    await _receipt(agent, results)
    return int(job.teller.undelivered)


async def _receipt(agent: ImageAgent, results: list[Terminal]) -> None:
    """On stderr, for people: what was asked, what came, from what, and what it cost."""
    from rich.console import Console

    from . import forest
    from .wording import plain

    session = await agent.store.session(results[0].images[0].session)
    turns, images = await agent.store.turns(session.id), await agent.store.images(session.id)
    console = Console(stderr=True, highlight=False)
    console.print()
    console.print(_table(results))
    console.print(f"[bold]{plain(session.name)}[/bold]")
    for line in forest.lines(session, turns, images):
        console.print(line, markup=False)
    console.print()
    console.print(
        'Next: limner edit "add a sailboat"  ·  limner chat  ·  limner show', markup=False
    )


def _table(results: list[Terminal]) -> Table:
    from rich import box
    from rich.table import Table

    from . import wording

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for heading in ("", "asked for", "came as", "outcome", "cost", "time"):
        table.add_column(heading)
    for result in results:
        for image in result.images:
            elapsed = sum(attempt.elapsed_ms or 0 for attempt in result.attempts)
            table.add_row(
                f"@{image.number}",
                wording.asked_line(image).removeprefix("asked "),
                wording.actual_line(image),
                wording.outcome_line(result),
                wording.price(result.cost, offline=result.offline),
                f"{elapsed / 1000:.1f} s",
            )
    return table
