"""``batch``: hundreds of briefs, bought once, resumed after anything, with room for a person."""

from __future__ import annotations

import sys
from collections.abc import Collection
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar, Unpack, final

import click

from .batch_deciding import COMMANDS, newest
from .batch_forgetting import forget
from .flags import ArtistFlags, hidden_artist_flags
from .worker import worker

if TYPE_CHECKING:
    from ... import ImageAgent
    from ...batch.drafts import Draft, Order
    from ...batch.notes import Notes
    from ...batch.queue_file import Place
    from ...batch.standing import BatchOptions
    from ...poster.brief import Brief
    from .batch_telling import BatchTeller
    from .signals import Interruption

T = TypeVar("T")

ASK_ABOVE_COST = Decimal(5)
ASK_ABOVE_POSTERS = 12


class Briefly(click.Group):
    """``batch BRIEF…`` is ``batch run BRIEF…``."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        first = args[0] if args else ""
        if first and first not in self.commands and first not in ctx.help_option_names:
            args = ["run", *args]
        return super().parse_args(ctx, args)


@click.group(cls=Briefly, subcommand_metavar="BRIEF… | COMMAND …")
def batch() -> None:
    """Make the posters of many briefs, and decide about them.

    \b
    limner batch briefs/*.yaml
    limner batch status
    limner batch approve 'spring-sale/*'

    A poster is called brief/locale/size/variant. Run the same again after an interruption or a
    change: what is finished stays, nothing is bought twice. Exit code 6 while a poster is parked,
    refused, not made, or needs a person.
    """  # noqa: D301  click takes a backspace for "leave these lines alone"


@final
class RunFlags(ArtistFlags):
    briefs: tuple[str, ...]
    batch_name: str | None
    fields: str | None
    out: str | None
    max_cost: str | None
    on_unknown: Literal["park", "retry"] | None
    refresh: str | None
    at_once: int | None
    rate: str | None
    cmyk: str | None
    dry_run: bool
    profile: str | None
    model: str | None
    via: str | None
    acknowledge: tuple[str, ...]
    yes: bool
    as_json: bool


@batch.command()
@click.argument("briefs", nargs=-1, metavar="[BRIEF…]")
@click.option("-b", "--batch", "batch_name", metavar="NAME", help="What it is called.")
@click.option("--fields", metavar="CSV", help="With one brief: one brief for each row of a table.")
@click.option("-o", "--out", metavar="FOLDER", help="Files go to FOLDER/<batch>/.  [default: out]")
@click.option("--max-cost", metavar="AMOUNT", help="The most that the whole batch may cost.")
@click.option(
    "--on-unknown",
    type=click.Choice(["park", "retry"]),
    help="A request whose result nobody knows: park it, or send it again, maybe paid twice.",
)
@click.option(
    "--refresh",
    type=click.Choice(["stale"]),
    help="Make those anew that an older Limner, prompt, policy or model made.",
)
@click.option(
    "--at-once", type=click.IntRange(1, 500), help="Pictures under way, over all workers."
)
@click.option("--rate", metavar="N/SECONDS", help="Pictures begun in a time, over all workers.")
@click.option("--cmyk", metavar="ICC", help="A colour profile that PDFs are converted to.")
@click.option(
    "--dry-run", is_flag=True, help="Say what would be bought and its price; buy nothing."
)
@click.option("-p", "--profile", metavar="NAME", help="Which configured server to use.")
@click.option("-m", "--model", metavar="NAME", help="The model that talks, and reads.")
@click.option("--via", type=click.Choice(["responses", "images", "auto"]))
@click.option("--acknowledge", multiple=True, metavar="RULE", help="Accept a rule of the policy.")
@click.option("-y", "--yes", is_flag=True, help="Ask nothing about cost or what is replaced.")
@click.option("--json", "as_json", is_flag=True, help="Events as JSON lines on stdout.")
@hidden_artist_flags
def run(**flags: Unpack[RunFlags]) -> int:
    """Make what is left of a batch: new briefs, changed ones, what was interrupted.

    \b
    limner batch run briefs/*.yaml --max-cost 200
    limner batch run more.jsonl --batch spring
    limner batch run tour.yaml --fields cities.csv
    limner batch run --batch spring

    The first Ctrl-C finishes what is under way and begins nothing more; the second gives that up.
    """  # noqa: D301  click takes a backspace for "leave these lines alone"
    from ...factory import open_agent
    from . import desk
    from .batch_queue import place_of
    from .batch_telling import BatchTeller
    from .outputs import check_room
    from .signals import carried_out
    from .telling import progress

    settings = desk.settings_of({key: flags[key] for key in ("profile", "model", "via")})
    profile = desk.chosen(settings, allow_offline=False)
    desk.accepted(settings, flags["acknowledge"])
    check_room(settings.data_dir, hint="Make room, or move the store with LIMNER_HOME.")
    artist = desk.artist(flags, profile)
    teller = BatchTeller(as_json=flags["as_json"], progress=progress())

    async def work(state: Interruption) -> int:
        from ...factory import notes_of

        async with open_agent(settings, offline=artist, allow_offline=False) as agent:
            notes = notes_of(agent.store, agent.kit.clock)
            order = await _order(flags, notes)
            return await _made(
                flags, (agent, notes), order, place_of(settings, agent), (teller, state)
            )

    try:
        return carried_out(
            work,
            say=teller.line,
            hint="Run it again: it goes on where this stopped, and buys nothing twice.",
        )
    finally:
        teller.close()


async def _order(flags: RunFlags, notes: Notes) -> Order:
    from ...batch.drafts import Order
    from ...batch.intake import briefs_of, checked_name, name_of
    from ...batch.notes import Book
    from . import desk

    fields = Path(flags["fields"]) if flags["fields"] else None
    if flags["batch_name"] is not None and flags["briefs"]:
        checked_name(flags["batch_name"])
    briefs: Collection[Brief] = ()
    if flags["briefs"]:
        briefs = briefs_of(flags["briefs"], fields=fields)
    name = flags["batch_name"] or (
        name_of(flags["briefs"]) if briefs else await newest(notes, desk.here())
    )
    before = await Book(notes, name).begun()
    if not briefs and before is None:
        await Book(notes, name).head()
    out = Path(flags["out"] or (Path(before.out).parent if before else "out"))
    return Order(
        name=name,
        out=out,
        briefs=briefs,
        options=_options(flags, before.options if before else None),
        refresh=flags["refresh"] == "stale",
        cwd=desk.here(),
    )


def _options(flags: RunFlags, before: BatchOptions | None) -> BatchOptions:
    """What was said now, else as the batch was begun."""
    from ...batch.standing import BatchOptions
    from ...errors import UsageError
    from . import desk

    changed: dict[str, Any] = {}
    if flags["max_cost"] is not None:
        changed["budget"] = desk.amount(flags["max_cost"])
    if flags["on_unknown"] is not None:
        changed["on_unknown"] = flags["on_unknown"]
    if flags["at_once"] is not None:
        changed["concurrency"] = flags["at_once"]
    if flags["rate"] is not None:
        changed["rate"] = _rate(flags["rate"])
    if flags["cmyk"] is not None:
        path = Path(flags["cmyk"])
        if not path.is_file():
            raise UsageError(f"--cmyk {path}: no such file.", hint="Name an ICC profile (.icc).")
        changed["cmyk"] = str(path.resolve())
    if flags["acknowledge"]:
        changed["acknowledge"] = flags["acknowledge"]
        changed["acknowledged_by"] = desk.person()
    return (before or BatchOptions()).model_copy(update=changed)


def _rate(text: str) -> tuple[int, float]:
    from ...errors import UsageError

    number, _, seconds = text.partition("/")
    try:
        found = int(number), float(seconds or 60)
    except ValueError:
        found = 0, 0.0
    if not (found[0] >= 1 and 0 < found[1] <= 86_400):
        raise UsageError(f"--rate {text!r}: write so many in so many seconds, as 20/60.")
    return found


async def _made(
    flags: RunFlags,
    parts: tuple[ImageAgent, Notes],
    order: Order,
    place: Place,
    ears: tuple[BatchTeller, Interruption],
) -> int:
    """The plan first, and somebody's yes; then the run."""
    import anyio

    from ...batch.drafts import drafted, planned
    from ...batch.run import Reins, run_batch
    from .batch_queue import resting

    (agent, notes), (teller, state) = parts, ears
    draft = await drafted(order, agent, notes)
    if flags["dry_run"]:
        teller.tell(planned(draft, offline=agent.offline))
        return 0
    _confirm(flags, draft, offline=agent.offline, question=teller.question(draft))
    reins, code = Reins(), 1
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(resting, state, reins, teller.line)
        async for event in run_batch(draft, agent, notes, place, reins):
            teller.tell(event)
            if event.type == "batch.done":
                code = event.exit_code
                if event.stopped and code and event.error is None:
                    code = 130
        tasks.cancel_scope.cancel()
    return code


def _confirm(flags: RunFlags, draft: Draft, *, offline: bool, question: str) -> None:
    """What replaces something, or costs much, is asked; without a terminal it is said beforehand."""
    from ...errors import UsageError

    bill = draft.bill
    dear = bill.dearest.amount is None or bill.dearest.amount > ASK_ABOVE_COST
    many = not offline and (dear or bill.posters > ASK_ABOVE_POSTERS)
    if flags["yes"] or not (bill.replaced or (many and bill.pictures)):
        return
    if not sys.stdin.isatty():
        raise UsageError(f"Nothing was sent: {question}", hint="Add --yes.")
    if not click.confirm(f"{question} Go on?", err=True):
        raise click.Abort


for _command in (*COMMANDS, forget, worker):
    batch.add_command(_command)
