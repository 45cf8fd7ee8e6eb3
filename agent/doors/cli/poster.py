"""``poster``: briefs in, posters out, every word proved."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Unpack, final

import click

from .flags import ArtistFlags, hidden_artist_flags

if TYPE_CHECKING:
    from ... import ImageAgent
    from ...poster.brief import Brief
    from ...poster.planning import MakeOptions
    from ...settings import ProfileSettings, Settings
    from .poster_telling import PosterTeller
    from .signals import Interruption

ASK_ABOVE_COST = Decimal(5)
"""In the currency of the price table; a plan that may cost more is asked about."""
ASK_ABOVE_POSTERS = 12


@final
class PosterFlags(ArtistFlags):
    briefs: tuple[str, ...]
    out: str
    sizes: str | None
    locales: str | None
    lettering: Literal["painted", "set"] | None
    quality: str | None
    cmyk: str | None
    dry_run: bool
    max_cost: str | None
    profile: str | None
    model: str | None
    via: str | None
    acknowledge: tuple[str, ...]
    yes: bool
    as_json: bool


@click.command()
@click.argument("briefs", nargs=-1, required=True, metavar="BRIEF…")
@click.option(
    "-o",
    "--out",
    default="out",
    show_default=True,
    metavar="FOLDER",
    help="Posters go to FOLDER/<brief>/<locale>/<size>/.",
)
@click.option("--sizes", metavar="A,B", help="Only these sizes of the brief.")
@click.option("--locales", metavar="A,B", help="Only these locales of the brief.")
@click.option(
    "--lettering",
    type=click.Choice(["painted", "set"]),
    help="Display lines by the model, or all by Limner, unless a line says otherwise.",
)
@click.option("--quality", type=click.Choice(["low", "medium", "high", "auto", "xhigh", "max"]))
@click.option("--cmyk", metavar="ICC", help="A colour profile that PDFs are converted to.")
@click.option("--dry-run", is_flag=True, help="Print the plan and its price; buy nothing.")
@click.option("--max-cost", metavar="AMOUNT", help="The most that one brief may cost.")
@click.option("-p", "--profile", metavar="NAME", help="Which configured server to use.")
@click.option("-m", "--model", metavar="NAME", help="The model that talks, and reads.")
@click.option("--via", type=click.Choice(["responses", "images", "auto"]))
@click.option(
    "--acknowledge",
    multiple=True,
    metavar="RULE",
    help="Accept a rule of the safety policy that asked for a second look; repeatable.",
)
@click.option("-y", "--yes", is_flag=True, help="Ask nothing about cost.")
@click.option("--json", "as_json", is_flag=True, help="Events as JSON lines on stdout.")
@hidden_artist_flags
def poster(**flags: Unpack[PosterFlags]) -> int:
    """Make every poster of a brief: all sizes, all languages, every word proved.

    \b
    limner poster examples/briefs/night-market.yaml
    limner poster --dry-run spring-sale.yaml

    What is finished is left alone, and nothing is bought twice: run it again after an interruption
    or a change. Prints the paths of the posters; report.html in the folder of the brief shows all
    of it. Exit code 6: some posters need a person, were refused, or are parked.
    """  # noqa: D301  click takes a backspace for "leave these lines alone"
    from . import desk

    settings = desk.settings_of({key: flags[key] for key in ("profile", "model", "via")})
    profile = desk.chosen(settings)
    desk.accepted(settings, flags["acknowledge"])
    briefs = _briefs(flags)
    options = _options(flags)
    return _run(flags, settings, profile, briefs, options)


# ── what is asked for ────────────────────────────────────────────────────────────────────────


def _briefs(flags: PosterFlags) -> tuple[Brief, ...]:
    """All of them read before anything is bought; ``BriefError`` of the first that is wrong."""
    from ...errors import UsageError
    from ...poster.filling import load_brief

    found: dict[str, Brief] = {}
    for name in flags["briefs"]:
        brief = _changed(load_brief(Path(name)), flags)
        if brief.name in found:
            raise UsageError(
                f"{name}: another brief is called {brief.name!r}, and both would use one folder.",
                hint="Give one of them a name of its own: name: …",
            )
        found[brief.name] = brief
    return tuple(found.values())


def _changed(brief: Brief, flags: PosterFlags) -> Brief:
    """With what the command line says otherwise."""
    if flags["lettering"]:
        brief = brief.model_copy(update={"lettering": flags["lettering"]})
    if flags["quality"]:
        options = brief.options.model_copy(update={"quality": flags["quality"]})
        brief = brief.model_copy(update={"options": options})
    return brief


def _options(flags: PosterFlags) -> MakeOptions:
    from ...errors import UsageError
    from ...poster.planning import MakeOptions
    from . import desk

    out = Path(flags["out"])
    if out.exists() and not out.is_dir():
        raise UsageError(f"--out {out}: is a file.", hint="Name a folder.")
    cmyk = Path(flags["cmyk"]) if flags["cmyk"] else None
    if cmyk is not None and not cmyk.is_file():
        raise UsageError(f"--cmyk {cmyk}: no such file.", hint="Name an ICC profile (.icc).")
    return MakeOptions(
        out=out,
        sizes=_listed(flags["sizes"]),
        locales=_listed(flags["locales"]),
        budget=desk.amount(flags["max_cost"]),
        cmyk=cmyk,
        acknowledge=flags["acknowledge"],
        acknowledged_by=desk.person() if flags["acknowledge"] else None,
        cwd=desk.here(),
    )


def _listed(text: str | None) -> tuple[str, ...]:
    return tuple(part.strip() for part in (text or "").split(",") if part.strip())


# ── the run ──────────────────────────────────────────────────────────────────────────────────


def _run(
    flags: PosterFlags,
    settings: Settings,
    profile: ProfileSettings,
    briefs: tuple[Brief, ...],
    options: MakeOptions,
) -> int:

    from ...factory import open_agent
    from . import desk
    from .outputs import check_room
    from .poster_telling import PosterTeller
    from .signals import carried_out
    from .telling import progress

    check_room(settings.data_dir, hint="Make room, or move the store with LIMNER_HOME.")
    artist = desk.artist(flags, profile)
    teller = PosterTeller(as_json=flags["as_json"], progress=progress())

    async def work(state: Interruption) -> int:
        async with open_agent(settings, offline=artist) as agent:
            return await _made(flags, agent, briefs, options, (teller, state))

    try:
        return carried_out(
            work,
            say=teller.line,
            hint="Run the same command again: it goes on where this stopped, and buys nothing twice.",
        )
    finally:
        teller.close()


async def _made(
    flags: PosterFlags,
    agent: ImageAgent,
    briefs: Sequence[Brief],
    options: MakeOptions,
    ears: tuple[PosterTeller, Interruption],
) -> int:
    """Every plan first, then one brief after the other."""
    from contextlib import aclosing

    from ...poster.make import make_posters
    from ...poster.planning import fitting, plan_for

    teller, state = ears
    plans = [plan_for(brief, agent, options) for brief in briefs]
    for brief in briefs:
        fitting(brief, options.sizes)
    if flags["dry_run"]:
        for plan in plans:
            teller.plan(plan, offline=agent.offline)
        return 0
    if not agent.offline:
        _confirm(flags, teller.question(plans, over=(ASK_ABOVE_COST, ASK_ABOVE_POSTERS)))
    codes = set()
    for brief in briefs:
        async with aclosing(make_posters(brief, agent, options)) as events:
            async for event in events:
                state.sent = teller.tell(event)
                if event.type == "poster.done":
                    codes.add(event.exit_code)
    return codes.pop() if len(codes) == 1 else 5 if 5 in codes else 6


def _confirm(flags: PosterFlags, question: str) -> None:
    """Asked at a terminal; without one it has to be said beforehand."""
    from ...errors import UsageError

    if not question or flags["yes"]:
        return
    if not sys.stdin.isatty():
        raise UsageError(
            f"Nothing was sent: {question}", hint="Add --yes, or lower it with --max-cost."
        )
    if not click.confirm(f"{question} Go on?", err=True):
        raise click.Abort
