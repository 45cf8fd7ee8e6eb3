"""The servers that were configured, each with the key that belongs to it.

A profile comes from ``[profiles.NAME]`` in the user file, from a URL and a key in the environment,
or from a key stored for ``openai``. What is wrong with one of them is kept on it and raised when
it is used, so that a bad variable of one server does not stop another, or ``--profile offline``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from pydantic import SecretStr

from .errors import KeyMissing, SettingsError
from .keys import (
    KEYS_FILE,
    PROFILE_NAME,
    KeyFile,
    checked_key,
    normalise_base_url,
    origin_of,
)
from .layers import Environment, ProfileOptions, UserFile, checked, variable
from .toml_file import TomlFile

OFFLINE: Final = "offline"
ENV: Final = "env"
OPENAI: Final = "openai"
OPENAI_URL: Final = "https://api.openai.com/v1"


class ProfileSettings(ProfileOptions):
    """One server as configured. ``problem`` and ``key_problem`` say why it cannot be used."""

    name: str
    api_key: SecretStr | None = None
    key_origin: str = ""
    offline: bool = False
    problem: str = ""
    key_problem: str = ""

    def usable(self) -> ProfileSettings:
        """With its key checked; raises ``KeyMissing``, or ``SettingsError`` for what cannot work."""
        if self.problem:
            raise SettingsError(self.problem)
        if self.api_key is None:
            why = f" ({self.key_problem})" if self.key_problem else ""
            raise KeyMissing(
                f"profile {self.name}: no key for {self.base_url}{why}",
                hint=f"limner keys set {self.name}; to draw without a server: --profile {OFFLINE}",
            )
        key = checked_key(self.api_key.get_secret_value(), where=self.key_origin)
        return self.model_copy(update={"api_key": SecretStr(key)})


def offline_profile() -> ProfileSettings:
    """The artist inside: always there, never configured."""
    return ProfileSettings(name=OFFLINE, base_url="http://offline.invalid/v1", offline=True)


@dataclass(frozen=True, slots=True)
class Found:
    """A profile and who said so: the profile itself (key ``""``) and each field that was set."""

    profile: ProfileSettings
    origins: dict[str, str]


def configured_profiles(
    file: TomlFile, environment: Environment, variables: Mapping[str, str], stored: KeyFile
) -> tuple[dict[str, Found], str | None]:
    """Every profile by name, and the name of the one that the environment makes, if any."""
    pairs = _pairs(environment)
    found = _stored_openai(stored) | _from_file(file)
    for pair in reversed(pairs):
        found[pair.name] = _from_pair(pair, found.get(pair.name))
    found = {name: _on_account(environment, one) for name, one in found.items()}
    if environment.dialect:
        found = {name: _speaking(environment.dialect, one) for name, one in found.items()}
    with_keys = {name: _with_key(one, pairs, stored, variables) for name, one in found.items()}
    return with_keys, pairs[0].name if pairs else None


# ── from the environment ─────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True, kw_only=True)
class _Pair:
    """A URL and a key that the environment gave together, so the key may go there."""

    name: str
    base_url: str
    url_origin: str
    key: str | None
    key_variable: str
    problem: str = ""


def _pairs(environment: Environment) -> tuple[_Pair, ...]:
    """Ours before OpenAI's. Without a URL of its own, ``OPENAI_API_KEY`` is for OpenAI."""
    found = []
    if environment.base_url or environment.api_key:
        found.append(_pair("", environment.base_url, environment.api_key, environment, ENV))
    if environment.openai_base_url or environment.openai_api_key:
        url = environment.openai_base_url
        found.append(_pair("openai_", url, environment.openai_api_key, environment, ""))
    return tuple(found)


def _pair(
    prefix: str, url: str | None, key: str | None, environment: Environment, name: str
) -> _Pair:
    url_variable, key_variable = variable(f"{prefix}base_url"), variable(f"{prefix}api_key")
    base_url, problem = "", ""
    try:
        base_url = normalise_base_url(url or OPENAI_URL, allow_http=environment.allow_http)
    except SettingsError as error:
        problem = f"{url_variable}: {error}" + (f"; {error.hint}" if error.hint else "")
    if name == ENV and not url:
        base_url = ""
        problem = f"{key_variable} needs {url_variable}: a key is only sent where it belongs"
    return _Pair(
        name=name or _host_name(base_url),
        base_url=base_url,
        url_origin=f"env {url_variable}" if url else "default",
        key=key,
        key_variable=key_variable,
        problem=problem,
    )


def _host_name(base_url: str) -> str:
    """A profile name for a server that has none."""
    if not base_url or _same_origin(base_url, OPENAI_URL):
        return OPENAI
    name = re.sub(r"[^A-Za-z0-9.]+", "-", urlsplit(base_url).netloc).strip("-")
    return f"{name}-host" if name in (OFFLINE, ENV, OPENAI) else name


def _from_pair(pair: _Pair, known: Found | None) -> Found:
    """The pair, with what the user file says of the same server under the same name."""
    if known and pair.base_url and _same_origin(known.profile.base_url, pair.base_url):
        if pair.url_origin == "default":
            return known
        return Found(
            known.profile.model_copy(update={"base_url": pair.base_url}),
            known.origins | {"base_url": pair.url_origin},
        )
    profile = ProfileSettings(name=pair.name, base_url=pair.base_url, problem=pair.problem)
    return Found(profile, {"": f"env {pair.key_variable}", "base_url": pair.url_origin})


def _on_account(environment: Environment, found: Found) -> Found:
    """With the variables that OpenAI names for it, which are nobody else's affair."""
    profile = found.profile
    if not _same_origin(profile.base_url, OPENAI_URL):
        return found
    given = {
        "organization": ("openai_org_id", environment.openai_org_id),
        "project": ("openai_project_id", environment.openai_project_id),
    }
    update = {name: value for name, (_, value) in given.items() if value}
    origins = {name: f"env {variable(given[name][0])}" for name in update}
    return Found(profile.model_copy(update=update), found.origins | origins)


def _speaking(dialect: str, found: Found) -> Found:
    return Found(
        found.profile.model_copy(update={"dialect": dialect}),
        found.origins | {"dialect": f"env {variable('dialect')}"},
    )


# ── from files ───────────────────────────────────────────────────────────────────────────────


def _stored_openai(stored: KeyFile) -> dict[str, Found]:
    """``limner keys set openai`` is all the configuration that OpenAI needs."""
    if OPENAI not in stored.keys:
        return {}
    profile = ProfileSettings(name=OPENAI, base_url=OPENAI_URL)
    return {OPENAI: Found(profile, {"": f"user {KEYS_FILE}", "base_url": "default"})}


def _from_file(file: TomlFile) -> dict[str, Found]:
    tables = checked(UserFile, file.values, file.where).profiles
    return {name: _from_table(name, table, file) for name, table in tables.items()}


def _from_table(name: str, table: Mapping[str, object], file: TomlFile) -> Found:
    path = ("profiles", name)
    if name in (OFFLINE, ENV) or not PROFILE_NAME.fullmatch(name):
        raise SettingsError(
            f"{file.where(path)}: {name!r} cannot name a profile: letters, digits, '.', '_', '-', "
            f"and neither {OFFLINE} nor {ENV}, which are always there"
        )
    options = checked(ProfileOptions, table, lambda inner: file.where(path + inner))
    given = {"name": name, "base_url": _table_url(name, options, file)}
    profile = ProfileSettings.model_validate(options.model_dump(exclude_unset=True) | given)
    origins = {key: f"user {file.where((*path, key))}" for key in options.model_fields_set}
    return Found(profile, {"": f"user {file.where(path)}", "base_url": "default"} | origins)


def _table_url(name: str, options: ProfileOptions, file: TomlFile) -> str:
    path = ("profiles", name)
    url = options.base_url.strip() or (OPENAI_URL if name == OPENAI else "")
    if not url:
        raise SettingsError(f"{file.where(path)}: profile {name} needs a base_url")
    try:
        return normalise_base_url(url, allow_http=options.allow_http)
    except SettingsError as error:
        where = file.where((*path, "base_url"))
        raise SettingsError(f"{where}: {error}", hint=error.hint) from None


# ── keys ─────────────────────────────────────────────────────────────────────────────────────


def _with_key(
    found: Found, pairs: tuple[_Pair, ...], stored: KeyFile, variables: Mapping[str, str]
) -> Found:
    profile = found.profile
    key, origin = next(_keys(profile, pairs, stored, variables), (None, ""))
    if key is None:
        problem = _key_problem(profile, stored)
        return Found(profile.model_copy(update={"key_problem": problem}), found.origins)
    update = {"api_key": SecretStr(key), "key_origin": origin}
    return Found(profile.model_copy(update=update), found.origins | {"api_key": origin})


def _keys(
    profile: ProfileSettings,
    pairs: tuple[_Pair, ...],
    stored: KeyFile,
    variables: Mapping[str, str],
) -> Iterator[tuple[str, str]]:
    """Keys that may go to this server, the most particular first, each with its origin."""
    if profile.api_key_env and profile.api_key_env in variables:
        yield variables[profile.api_key_env], f"env {profile.api_key_env}"
    here = [p for p in pairs if p.key and _same_origin(p.base_url, profile.base_url)]
    for pair in (p for p in here if p.name == profile.name):
        yield pair.key or "", f"env {pair.key_variable}"
    kept = stored.keys.get(profile.name)
    if kept and _same_origin(kept.origin, profile.base_url):
        yield kept.api_key.get_secret_value(), f"user {KEYS_FILE}"
    for pair in here:
        yield pair.key or "", f"env {pair.key_variable}"


def _key_problem(profile: ProfileSettings, stored: KeyFile) -> str:
    kept = stored.keys.get(profile.name)
    if kept:
        return f"the stored key was set for {kept.origin} and is sent nowhere else; set it again"
    return f"{profile.api_key_env} is not set" if profile.api_key_env else ""


def _same_origin(one: str, other: str) -> bool:
    return bool(one and other) and origin_of(one) == origin_of(other)
