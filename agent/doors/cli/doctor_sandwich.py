"""``doctor --sandwich``: what a gateway does to requests and answers, case by case; free."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from ...doctor.report import Case
    from ...doctor.sandwich import Sandwich
    from ...settings import Settings
    from .flags import DoctorFlags


def sandwich(flags: DoctorFlags) -> int:
    """0; with ``--require`` 1 when one of its cases did not pass."""
    import anyio

    from ...doctor.junit import junit, missed, required
    from .desk import settings_of

    settings = settings_of({"profile": flags["profile"]})
    names = required(flags["require"]) if flags["require"] else ()
    order = _order(settings, flags)
    cases = anyio.run(_run, order, flags)
    if flags["junit"]:
        _write(flags, junit(cases))
    short = missed(cases, names)
    if short:
        click.echo(f"required and not passed: {', '.join(short)}", err=True)
    return 1 if short else 0


def _order(settings: Settings, flags: DoctorFlags) -> Sandwich:
    from ...doctor.cases import Order
    from ...doctor.sandwich import Sandwich, key_for

    through = flags["through"] or ""
    variable = flags["key_env"]
    if variable and not os.environ.get(variable):
        raise click.UsageError(f"--key-env {variable}: that variable is not set.")
    key = os.environ[variable] if variable else key_for(settings, through)
    order = Order(
        model=settings.model or "gpt-5.5",
        image_model=settings.image_model or "gpt-image-2",
        big_bytes=int(flags["big"] * 1024 * 1024),
    )
    return Sandwich(
        through=through,
        key=key,
        order=order,
        host=flags["upstream_host"],
        port=flags["upstream_port"],
        wait_s=flags["wait"],
    )


async def _run(order: Sandwich, flags: DoctorFlags) -> list[Case]:
    from ...doctor.sandwich import run
    from ...errors import UsageError
    from .stdout import write_json

    def ready(url: str) -> None:
        click.echo(f"The gateway's upstream is {url} (any key).", err=True)
        click.echo(f"Waiting up to {order.wait_s:.0f} s for its first call …", err=True)

    tell = write_json if flags["as_json"] else _tell
    try:
        return await run(order, ready=ready, told=tell)
    except OSError as error:
        raise UsageError(
            f"{order.host}:{order.port}: cannot be listened on ({error.strerror}).",
            hint="Choose another --upstream-port, or 0 for a free one.",
        ) from error


def _tell(case: Case) -> None:
    from ...doctor.junit import sentence
    from .wording import plain

    mark, colour = ("✓", "green") if case.passed else ("✗", "red")
    calls = "" if case.upstream_calls == 1 else f"   ({case.upstream_calls} upstream calls)"
    click.echo(f"{click.style(mark, fg=colour)} {case.name:<21} {case.about}{calls}")
    for difference in case.differences:
        line = f"    {plain(sentence(difference))}"
        click.echo(click.style(line, dim=True) if difference.harmless else line)


def _write(flags: DoctorFlags, text: str) -> None:
    from ...errors import UsageError

    path = flags["junit"]
    assert path is not None
    try:
        path.write_text(text, "utf-8")
    except OSError as error:
        raise UsageError(f"{path}: cannot be written ({error.strerror}).") from error
