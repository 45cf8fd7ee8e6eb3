"""``doctor``: what is configured, whether it works, what a server can do, what a gateway drops."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Unpack

import click

if TYPE_CHECKING:
    from ...doctor import Check, Examination
    from ...settings import Settings
    from .flags import DoctorFlags

AREAS = {
    "program": "Program",
    "settings": "Settings",
    "store": "Store",
    "queue": "Batches",
    "artist": "Offline artist",
    "server": "Server",
}
MARKS = {
    "ok": ("✓", "green"),
    "note": ("·", "cyan"),
    "warning": ("!", "yellow"),
    "wrong": ("✗", "red"),
}


@click.command()
@click.option("-p", "--profile", metavar="NAME", help="Which configured server to look at.")
@click.option("--json", "as_json", is_flag=True, help="One record per line.")
@click.option("--probe", is_flag=True, help="Try what the server can do. Costs money: it asks.")
@click.option("--only", multiple=True, metavar="STEP", help="With --probe: only this; repeatable.")
@click.option("-y", "--yes", is_flag=True, help="With --probe: do not ask.")
@click.option("--save", metavar="NAME", help="With --probe: keep the facts for this profile.")
@click.option("--forget-server", metavar="URL", help="Forget what its answers have shown.")
@click.option("--sandwich", is_flag=True, help="Test a gateway between our client and our server.")
@click.option("--through", metavar="URL", help="With --sandwich: the gateway's base URL.")
@click.option("--key-env", metavar="VARIABLE", help="With --sandwich: holds the gateway's key.")
@click.option("--upstream-host", default="127.0.0.1", show_default=True, metavar="HOST")
@click.option(
    "--upstream-port",
    type=click.IntRange(0, 65_535),
    default=0,
    help="With --sandwich: where our server listens; 0 takes a free port.  [default: 0]",
)
@click.option(
    "--wait",
    type=click.FloatRange(0.1, 3600),
    default=60.0,
    show_default=True,
    help="With --sandwich: seconds until the gateway must have called our server.",
)
@click.option(
    "--big",
    type=click.FloatRange(0.01, 200),
    default=24.0,
    show_default=True,
    help="With --sandwich: MiB of the large picture.",
)
@click.option("--junit", type=click.Path(path_type=Path), help="With --sandwich: a JUnit file.")
@click.option(
    "--require", type=click.Path(path_type=Path), help="With --sandwich: cases that must pass."
)
def doctor(**flags: Unpack[DoctorFlags]) -> int:
    """Look at the configuration, the store and the server, and say what is wrong.

    Free, unless --probe is given. Exits with 0 when nothing is wrong, 4 when the key is missing or
    refused, else 1. With --require it exits with 1 when a required case did not pass.
    """
    _belong_together(flags)
    if flags["forget_server"]:
        return _forget(flags["forget_server"])
    if flags["sandwich"]:
        from .doctor_sandwich import sandwich

        return sandwich(flags)
    if flags["probe"]:
        from .doctor_probe import probe

        return probe(flags)
    return _examine(flags)


_NEEDS = {
    "only": "probe",
    "yes": "probe",
    "save": "probe",
    "through": "sandwich",
    "key_env": "sandwich",
    "junit": "sandwich",
    "require": "sandwich",
}


def _belong_together(flags: DoctorFlags) -> None:
    """A flag that would do nothing is a mistake."""
    given = dict(flags)
    for name, needed in _NEEDS.items():
        if given[name] and not given[needed]:
            raise click.UsageError(f"--{name.replace('_', '-')} needs --{needed}.")
    if flags["sandwich"] and not flags["through"]:
        raise click.UsageError("--sandwich needs --through URL: the gateway to test.")
    tasks = [n for n in ("probe", "forget_server", "sandwich") if given[n]]
    if len(tasks) > 1:
        names = " and ".join(f"--{name.replace('_', '-')}" for name in tasks)
        raise click.UsageError(f"{names}: one at a time.")


def _forget(url: str) -> int:
    from ...doctor.setup import forget_server
    from ...errors import UsageError
    from .desk import settings_of

    base_url = forget_server(settings_of(), url)
    if base_url is None:
        raise UsageError(
            f"Nothing is remembered of {url}.", hint="`limner doctor` lists what is known."
        )
    click.echo(f"What the answers of {base_url} have shown is forgotten.", err=True)
    return 0


def _examine(flags: DoctorFlags) -> int:
    import anyio

    from ...doctor.examination import checks
    from ...doctor.report import Examination
    from .desk import settings_of
    from .stdout import write_json

    settings: Settings = settings_of({"profile": flags["profile"]})
    found: list[Check] = []

    async def look() -> None:
        area = ""
        async for check in checks(settings, profile=None, env=os.environ, here=Path.cwd()):
            found.append(check)
            if flags["as_json"]:
                write_json(check)
            else:
                area = _tell(check, area)

    anyio.run(look)
    examination = Examination(checks=tuple(found))
    if not flags["as_json"]:
        _sum_up(examination)
    return examination.exit_code


def _tell(check: Check, area: str) -> str:
    from .wording import plain

    if check.area != area:
        click.echo(click.style(AREAS[check.area], bold=True))
    mark, colour = MARKS[check.status]
    click.echo(f"  {click.style(mark, fg=colour)} {check.name:<9} {plain(check.text)}")
    if check.hint:
        click.echo(f"    {'':<9} {click.style(plain(check.hint), dim=True)}")
    return check.area


def _sum_up(examination: Examination) -> None:
    count = dict.fromkeys(MARKS, 0)
    for check in examination.checks:
        count[check.status] += 1
    words = [f"{count[s]} {s}" for s in ("wrong", "warning") if count[s]]
    click.echo(", ".join(words) if words else "Nothing is wrong.")
