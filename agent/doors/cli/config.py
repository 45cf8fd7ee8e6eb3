"""``config`` and ``keys``: what is configured, by whom, and the keys, kept apart."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ...settings import Settings


@click.group()
def config() -> None:
    """Show the configuration and where it comes from.

    A flag outranks the environment, then the project's limner.toml, the user file, the default.
    """


@config.command()
@click.option("--origin", is_flag=True, help="Also who said so: a file and line, a variable.")
@click.option("--json", "as_json", is_flag=True, help="One record per line.")
def show(origin: bool, as_json: bool) -> None:
    """Show every setting; keys are masked."""
    from .desk import settings_of
    from .records import SettingRecord
    from .stdout import write_json
    from .wording import plain

    rows = list(_rows(settings_of()))
    if as_json:
        for key, value, said in rows:
            write_json(SettingRecord(key=key, value=value, origin=said))
        return
    width = max(len(key) for key, _, _ in rows)
    for key, value, said in rows:
        blamed = click.style(f"   ({plain(said)})", dim=True) if origin else ""
        click.echo(f"{key:{width}}  {plain(value)}{blamed}")


def _rows(settings: Settings) -> Iterator[tuple[str, str, str]]:
    from ...errors import SettingsError
    from ...settings import describe

    try:
        profile = settings.resolve(allow_offline=True)
        name = f"{profile.name} ({'no server' if profile.offline else profile.base_url})"
    except SettingsError as error:
        name = f"none: {error}"
    yield "server", name, "worked out from what follows"
    yield "user file", str(settings.config_dir / "config.toml"), "place"
    yield "keys file", str(settings.config_dir / "keys.toml"), "place"
    yield from describe(settings)


@click.group()
def keys() -> None:
    """Store or remove a server's key; it is only ever sent to that server."""


@keys.command("set")
@click.argument("profile")
def set_(profile: str) -> None:
    """Store the key of PROFILE, typed unseen or piped in. `openai` needs no configuration."""
    from ...keys import write_key
    from ...profiles import OFFLINE
    from .desk import settings_of

    settings = settings_of()
    if profile == OFFLINE:
        raise click.UsageError("The offline artist needs no key.")
    base_url = settings.base_url_of(profile)
    path = write_key(
        profile, _key(profile, base_url), base_url=base_url, config_dir=settings.config_dir
    )
    click.echo(f"The key of {profile} is in {path}; it is sent to {base_url} alone.", err=True)


def _key(profile: str, base_url: str) -> str:
    if sys.stdin.isatty():
        key = click.prompt(f"Key of {profile} for {base_url}", hide_input=True, err=True)
        assert isinstance(key, str)
        return key
    return sys.stdin.readline(20_000).strip()


@keys.command()
@click.argument("profile")
def remove(profile: str) -> None:
    """Remove the stored key of PROFILE; keys in the environment are not touched."""
    from ...errors import UsageError
    from ...keys import delete_key, read_keys
    from .desk import settings_of

    folder = settings_of().config_dir
    if not delete_key(profile, config_dir=folder):
        known = ", ".join(sorted(read_keys(folder).keys)) or "none"
        raise UsageError(f"There is no stored key of {profile}.", hint=f"Stored are: {known}.")
    click.echo(f"The key of {profile} was removed.", err=True)
