"""``retry``: a turn that brought nothing is sent again, because a person says so."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Unpack, final

import click

from .flags import ArtistFlags, hidden_artist_flags, place_flags

if TYPE_CHECKING:
    from ... import ImageAgent
    from ...protocols import TurnRequest
    from ...schema import Attempt
    from ...settings import ProfileSettings
    from .signals import Interruption


@final
class RetryFlags(ArtistFlags):
    attempt: str
    profile: str | None
    max_cost: str | None
    stream: bool
    yes: bool
    output: str | None
    force: bool
    as_json: bool


@click.command()
@click.argument("attempt")
@click.option(
    "-p", "--profile", metavar="NAME", help="Another server.  [default: the one it was sent to]"
)
@click.option("--max-cost", metavar="AMOUNT", help="The most that it may cost.")
@click.option(
    "--stream/--no-stream", default=True, show_default=True, help="Receive as it is made."
)
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@place_flags
@hidden_artist_flags
def retry(**flags: Unpack[RetryFlags]) -> int:
    """Send a turn again that failed or whose result is unknown: the same words, pictures, options.

    The first one may have been billed, so this says first what both may cost, and asks. Without a
    terminal it needs --yes. A refused turn, and one that is still under way, is not sent again.
    """
    from dataclasses import replace

    import anyio

    from ...factory import turn_again
    from . import desk
    from .outputs import read_output
    from .telling import Teller, progress
    from .turns import Job, run, take

    settings = desk.settings_of({"max_cost": flags["max_cost"]})
    if not flags["attempt"].strip():
        raise click.UsageError("Which attempt? limner ledger lists them.")
    found = anyio.run(turn_again, settings, flags["attempt"])
    request, attempt = found.request, found.attempt
    settings = settings.model_copy(update={"profile": flags["profile"] or attempt.profile})
    profile = settings.resolve(allow_offline=True)
    outputs = read_output(flags["output"] or settings.output, force=flags["force"])
    outputs.check(output_format=request.options.output_format, count=1)
    artist = desk.artist(flags, profile)
    _confirm(request, attempt, profile, yes=flags["yes"])
    request = replace(
        request,
        model=request.model if profile.name == attempt.profile else None,
        effort=settings.effort,
        stream=flags["stream"],
    )
    job = Job(
        settings=settings,
        artist=artist,
        teller=Teller(outputs=outputs, as_json=flags["as_json"], progress=progress()),
        as_json=flags["as_json"],
    )

    async def work(agent: ImageAgent, state: Interruption) -> int:
        result = await take(agent, request, job.teller, state)
        return max(result.exit_code, int(job.teller.undelivered))

    return run(job, work)


def _confirm(
    request: TurnRequest, attempt: Attempt, profile: ProfileSettings, *, yes: bool
) -> None:
    from ...errors import UsageError

    for line in warning(request, attempt, profile):
        click.echo(line, err=True)
    if yes:
        return
    if not sys.stdin.isatty():
        raise UsageError("Nothing was sent: nobody is here to confirm it.", hint="Add --yes.")
    if not click.confirm("Send it again?", err=True):
        raise click.Abort


def warning(request: TurnRequest, attempt: Attempt, profile: ProfileSettings) -> Iterator[str]:
    """What the first one may have cost, and what this one may."""
    from .wording import money, short

    reserved = attempt.reserved
    yield f"again: {short(request.text, 100)}"
    if attempt.billed == "no":
        yield f"{attempt.id} was not billed."
    elif attempt.billed == "yes":
        yield f"{attempt.id} was billed: {money(attempt.cost)}."
    elif reserved.amount is None:
        yield f"{attempt.id} may have been billed, at a price that is not known."
    else:
        yield f"{attempt.id} may have been billed: up to {money(reserved)}."
    if profile.offline:
        yield "This one is drawn offline and costs nothing."
    elif profile.name != attempt.profile or reserved.amount is None:
        yield f"What this one costs is told by the prices of {profile.name}, not by the first."
    else:
        yield f"This one may cost up to {money(reserved)} more."
