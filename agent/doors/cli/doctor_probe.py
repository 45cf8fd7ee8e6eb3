"""``doctor --probe``: the price first, then a table of yes, no and unknown with its evidence."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from ...doctor.probe import Plan, Probe
    from ...doctor.report import Probed
    from ...settings import Settings
    from .flags import DoctorFlags

_COLOUR = {"yes": "green", "no": "red", "unknown": "yellow"}


def probe(flags: DoctorFlags) -> int:
    """0 when every step was decided, 1 when something stayed unknown."""
    import anyio

    from .desk import settings_of

    settings = settings_of({"profile": flags["profile"]})
    if flags["save"]:
        _check_name(settings, flags)
    rows = anyio.run(_run, settings, flags)
    return 1 if any(row.supported == "unknown" for row in rows) else 0


def _check_name(settings: Settings, flags: DoctorFlags) -> None:
    from ...errors import UsageError

    name, probed = flags["save"] or "", settings.resolve(allow_offline=True)
    if probed.offline:
        raise UsageError("The offline artist has nothing to save: its dialect is known.")
    known = settings.profiles.get(name)
    if known is None or known.base_url != probed.base_url:
        raise UsageError(
            f"--save {name}: that is no profile of {probed.base_url}.",
            hint=f"Use --save {probed.name}, or add [profiles.{name}] to the user file first.",
        )


async def _run(settings: Settings, flags: DoctorFlags) -> list[Probed]:
    from ...doctor.probe import open_probe
    from .stdout import write_json

    rows: list[Probed] = []
    async with open_probe(settings, None) as opened:
        _confirm(opened, opened.plan(flags["only"]), yes=flags["yes"])
        async for row in opened.run(flags["only"]):
            rows.append(row)
            if flags["as_json"]:
                write_json(row)
            else:
                _tell(row)
        if flags["save"]:
            _save(settings, flags["save"], opened, rows)
    return rows


def _confirm(opened: Probe, plan: Plan, *, yes: bool) -> None:
    from ...errors import UsageError
    from .wording import count, money

    profile = opened.bench.profile
    cost = "free" if profile.offline else f"at most about {money(plan.cost)}"
    click.echo(
        f"{count(len(plan.steps), 'step')}, {count(plan.pictures, 'small picture')} of low quality "
        f"on profile "
        f"{profile.name} ({profile.base_url}): {cost}. Each request is in the ledger.",
        err=True,
    )
    if yes or profile.offline:
        return
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise UsageError("Nothing was sent: nobody is here to say yes.", hint="Add --yes.")
    if not click.confirm("Go on?", default=False, err=True):
        raise click.Abort


def _tell(row: Probed) -> None:
    from .wording import plain

    answer = click.style(f"{row.supported:<7}", fg=_COLOUR[row.supported])
    click.echo(f"{row.fact:<18} {answer} {plain(row.evidence)}")


def _save(settings: Settings, name: str, opened: Probe, rows: list[Probed]) -> None:
    from ...doctor.findings import proved, save

    now = opened.bench.kit.clock.now()
    facts = proved(rows, base_url=opened.bench.profile.base_url, date=f"{now:%Y-%m-%d}")
    click.echo(f"saved: {save(settings, name, facts)}", err=True)
