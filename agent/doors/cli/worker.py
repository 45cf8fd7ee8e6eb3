"""``worker``: makes pictures of whatever batch is in the queue of a PostgreSQL."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Unpack, final

import click

from .flags import ArtistFlags, hidden_artist_flags

if TYPE_CHECKING:
    from ...batch.events import BatchEvent
    from ...batch.queue_file import Place
    from ...offline import OfflineOptions
    from ...settings import Settings
    from .signals import Interruption
    from .telling import Progress


@final
class WorkerFlags(ArtistFlags):
    profile: str | None
    until_done: bool
    as_json: bool


@click.command()
@click.option("-p", "--profile", metavar="NAME", help="Which configured server to buy from.")
@click.option("--until-done", is_flag=True, help="End when nothing is left to do.")
@click.option("--json", "as_json", is_flag=True, help="Events as JSON lines on stdout.")
@hidden_artist_flags
def worker(**flags: Unpack[WorkerFlags]) -> int:
    """Work for the batches of other machines, which share a PostgreSQL with this one.

    \b
    LIMNER_DATABASE_URL=postgresql://limner@db/limner limner worker

    It takes what limner batch run has put in the queue of its server, within the limits of that
    run. When a worker dies, the others take over what it had begun. The first Ctrl-C finishes what
    is under way, the second gives that up.
    """  # noqa: D301  click takes a backspace for "leave these lines alone"
    from ...errors import UsageError
    from . import desk
    from .outputs import check_room
    from .signals import carried_out
    from .telling import progress

    settings = desk.settings_of({"profile": flags["profile"]})
    if settings.database_url is None:
        raise UsageError(
            "A worker needs a queue that machines can share; here it is a file, for one.",
            hint="Set LIMNER_DATABASE_URL=postgresql://USER:PASSWORD@HOST/NAME on every machine.",
        )
    profile = desk.chosen(settings, allow_offline=False)
    check_room(settings.data_dir, hint="Make room, or move the store with LIMNER_HOME.")
    artist, log = desk.artist(flags, profile), progress()

    async def work(state: Interruption) -> int:
        return await _work(flags, settings, artist, log, state)

    try:
        return carried_out(
            work,
            say=log.line,
            hint="What was under way is another worker's now, or parked.",
        )
    finally:
        log.rest()


async def _work(
    flags: WorkerFlags,
    settings: Settings,
    artist: OfflineOptions | None,
    log: Progress,
    state: Interruption,
) -> int:
    import anyio

    from ...batch.bench import Bench, queue_of
    from ...batch.run import Reins
    from ...batch.shift import Shift, listed_at, work_on
    from ...factory import notes_of, open_agent
    from ...schema import Failure
    from .batch_queue import place_of, resting

    reins, why = Reins(), list[Failure]()

    def give_up(failure: Failure) -> None:
        why.append(failure)
        reins.rest()

    async with open_agent(settings, offline=artist, allow_offline=False) as agent:
        notes = notes_of(agent.store, agent.kit.clock)
        place = place_of(settings, agent)
        server = agent.kit.upstream.profile.name
        bench = Bench(
            agent=agent,
            notes=notes,
            heard=lambda *_: None,
            tell=_Teller(flags["as_json"], log),
            rest=give_up,
            resting=lambda: reins.resting,
            listed=listed_at(place, notes, server),
        )
        shift = Shift(bench, place, queue_of(server), None)
        log.line(f"{place.executor} works for {shift.name}")
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(resting, state, reins, log.line)
            await work_on(
                shift,
                resting=lambda: reins.resting,
                idle_ends=flags["until_done"],
                begun=reins.hold,
            )
            tasks.cancel_scope.cancel()
        await _tell_left(place, server, log)
    if why:
        log.line(f"stopped: {why[0].message}")
    return 8 if why else 130 if reins.resting else 0


async def _tell_left(place: Place, server: str, log: Progress) -> None:
    """Whoever waits for those tasks looks here first."""
    import anyio.to_thread

    from ...batch.queue_state import left_to_others
    from ...errors import StoreError
    from .wording import count, plain

    with suppress(StoreError):
        left = await anyio.to_thread.run_sync(left_to_others, place, server)
        for other, number in left.items():
            wait = "waits" if number == 1 else "wait"
            log.line(
                f"{count(number, 'task')} {wait} for another server: "
                f"limner worker --profile {plain(other)}"
            )


class _Teller:
    """Events as they come, for a log."""

    def __init__(self, as_json: bool, log: Progress) -> None:
        self._json = as_json
        self._log = log

    def __call__(self, event: BatchEvent) -> None:
        from ...batch.shift import said
        from .stdout import write_json
        from .wording import plain

        if self._json:
            write_json(event)
        if line := said(event):
            self._log.line(plain(line))
