"""Who may use ``limner serve``: names, limits, and hashes of keys; never a key itself.

[tenants.studio]                 in config.toml, written by a person
day_max_cost = 5.00
requests_per_minute = 60

[studio]                         in tenants.toml, written by ``limner serve key studio``
key_sha256 = ["9f86d081…"]
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable, Mapping
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Annotated, Final

from pydantic import Field, StringConstraints

from .errors import SettingsError
from .files import write_private
from .keys import PROFILE_NAME
from .layers import UserFile, checked
from .schema import Record
from .toml_file import TomlFile, read_toml

TENANTS_FILE: Final = "tenants.toml"
MOST_KEYS: Final = 20
_Hash = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
_Money = Annotated[Decimal, Field(ge=0)]


class TenantOptions(Record):
    """What ``[tenants.NAME]`` in the user file may say."""

    key_sha256: tuple[_Hash, ...] = ()
    """Any of these keys; on top of those in ``tenants.toml``."""
    max_cost: _Money | None = None
    """For one turn; like every budget in the currency of the profile's prices."""
    day_max_cost: _Money | None = None
    """For one day in UTC, over every process on the store."""
    total_max_cost: _Money | None = None
    """For everything this tenant ever had drawn, as far as this store knows."""
    requests_per_minute: int | None = Field(default=None, ge=1, le=1_000_000)
    may_acknowledge: bool = False
    """May set a rule aside that asked for a second look (``x-limner-acknowledge``)."""


class TenantSettings(TenantOptions):
    """One tenant, named."""

    name: str


class _StoredKeys(Record):
    key_sha256: tuple[_Hash, ...] = ()


def key_hash(key: str) -> str:
    """The sha256 of a key as hex; a key has 256 bits of its own, so no salt is needed."""
    return hashlib.sha256(key.encode("utf-8", "replace")).hexdigest()


def read_tenants(file: TomlFile, config_dir: Path) -> dict[str, TenantSettings]:
    """The tenants of the user file with the keys made for them; raises ``SettingsError``."""
    tables = checked(UserFile, file.values, file.where).tenants
    made = _made_keys(config_dir)
    found = {}
    for name in sorted({*tables, *made}):
        path = ("tenants", name)
        _check_name(name, file.where(path) or TENANTS_FILE)
        options = checked(TenantOptions, tables.get(name, {}), partial(_place, file, path))
        keys = (*options.key_sha256, *made.get(name, ()))
        values = options.model_dump() | {"name": name, "key_sha256": tuple(dict.fromkeys(keys))}
        found[name] = TenantSettings.model_validate(values)
    _check_distinct(found.values())
    return found


def new_key(tenant: str, *, config_dir: Path) -> tuple[str, Path]:
    """A new key for a tenant, told this once, and the file that keeps its hash."""
    _check_name(tenant, "tenant")
    key = f"sk-limner-{secrets.token_urlsafe(32)}"
    made = _made_keys(config_dir)
    if len(made.get(tenant, ())) >= MOST_KEYS:
        raise SettingsError(
            f"tenant {tenant} has {MOST_KEYS} keys already",
            hint=f"remove one that is not used any more from {config_dir / TENANTS_FILE}",
        )
    return key, _write(config_dir, made | {tenant: (*made.get(tenant, ()), key_hash(key))})


def _made_keys(config_dir: Path) -> dict[str, tuple[str, ...]]:
    path = config_dir / TENANTS_FILE
    file = read_toml(path, str(path))
    return {
        name: checked(
            _StoredKeys,
            table if isinstance(table, dict) else {"?": table},
            partial(_place, file, (name,)),
        ).key_sha256
        for name, table in file.values.items()
    }


def _place(file: TomlFile, at: tuple[str, ...], inner: tuple[str, ...]) -> str:
    return file.where(at + inner)


def _check_name(name: str, where: str) -> None:
    if not PROFILE_NAME.fullmatch(name):
        raise SettingsError(
            f"{where}: {name!r} cannot name a tenant: letters, digits, '.', '_', '-'"
        )


def _check_distinct(tenants: Iterable[TenantSettings]) -> None:
    owner: dict[str, str] = {}
    for tenant in tenants:
        for key in tenant.key_sha256:
            other = owner.setdefault(key, tenant.name)
            if other != tenant.name:
                raise SettingsError(
                    f"tenants {other} and {tenant.name} have the same key",
                    hint=f"limner serve key {tenant.name} makes one of its own",
                )


def _write(config_dir: Path, made: Mapping[str, tuple[str, ...]]) -> Path:
    """0600 from its first byte, and replaced in one step."""
    path = config_dir / TENANTS_FILE
    text = "".join(
        f'["{name}"]\nkey_sha256 = [' + ", ".join(f'"{one}"' for one in keys) + "]\n\n"
        for name, keys in sorted(made.items())
    )
    try:
        config_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_private(path.resolve(), text)
    except OSError as error:
        raise SettingsError(f"{path}: cannot be written ({error.strerror})") from error
    return path
