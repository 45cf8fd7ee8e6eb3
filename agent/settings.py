"""What was configured, by whom, and which server that comes to.

    flag  >  environment  >  project limner.toml  >  user config.toml  >  default

``load_settings`` reads all of it once and remembers where each value came from; nothing here
opens a connection. ``Settings.resolve`` picks the server of a turn. A key is only ever paired with
the origin it was configured for (``keys.py``); what can be said at all is in ``layers.py``.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from difflib import get_close_matches
from pathlib import Path
from types import MappingProxyType

from platformdirs import user_config_path, user_data_path
from pydantic import Field, SecretStr

from .errors import KeyMissing, SettingsError
from .keys import key_fingerprint, masked, normalise_base_url, read_keys
from .layers import (
    BUDGETS,
    USER_FILE,
    Environment,
    Layer,
    Options,
    Place,
    ProfileOptions,
    environment_layer,
    flag_layer,
    project_layer,
    user_layer,
    variable,
)
from .profiles import (
    ENV,
    OFFLINE,
    OPENAI,
    OPENAI_URL,
    Found,
    ProfileSettings,
    configured_profiles,
    offline_profile,
)
from .schema import ImageOptions
from .tenants import TenantSettings, read_tenants
from .toml_file import read_toml

__all__ = [
    "OFFLINE",
    "OPENAI_URL",
    "Options",
    "ProfileOptions",
    "ProfileSettings",
    "Settings",
    "describe",
    "key_fingerprint",
    "load_settings",
    "normalise_base_url",
]


class Settings(Options):
    """Everything that was configured. ``origins`` maps a dotted key to who said so."""

    data_dir: Path
    config_dir: Path
    profiles: dict[str, ProfileSettings] = Field(default_factory=dict)
    env_profile: str | None = None
    """The profile that the environment makes of a URL and a key."""
    tenants: dict[str, TenantSettings] = Field(default_factory=dict)
    """Who may use ``limner serve``; none: whoever reaches it."""
    orphan_keys: tuple[str, ...] = ()
    """Profiles that have a stored key and nothing else."""
    origins: dict[str, str] = Field(default_factory=dict)
    notices: tuple[str, ...] = ()
    """What a person should be told, once, on stderr."""

    def resolve(self, name: str | None = None, *, allow_offline: bool) -> ProfileSettings:
        """The server to use: the one named, else chosen, else the only one, else offline.

        Raises ``KeyMissing`` for a URL without its key, and when nothing is configured and
        offline was not allowed; ``SettingsError`` for an unknown or unusable profile.
        """
        chosen = name or self.profile or self._unchosen(allow_offline=allow_offline)
        if chosen == OFFLINE:
            return self._with_choices(offline_profile())
        profile = self.profiles.get(chosen)
        if profile is None:
            known = ", ".join([*sorted(self.profiles), OFFLINE])
            raise SettingsError(f"no profile {chosen!r}; there are: {known}")
        return self._with_choices(profile.usable())

    def base_url_of(self, name: str) -> str:
        """Where a key stored for this profile would go; ``openai`` needs no configuration."""
        profile = self.profiles.get(name)
        if profile and profile.base_url:
            return profile.base_url
        if name == OPENAI:
            return OPENAI_URL
        raise SettingsError(f"no profile {name!r} to hold a key", hint=self._add(name))

    def image_options(self, profile: ProfileSettings) -> ImageOptions:
        """The configured defaults of a picture; ``profile`` comes from ``resolve``."""
        shared = ImageOptions.model_fields.keys() & Options.model_fields.keys() - {"model"}
        values = {key: getattr(self, key) for key in shared}
        if profile.image_model:
            values["model"] = profile.image_model
        return ImageOptions.model_validate(values)

    def _unchosen(self, *, allow_offline: bool) -> str:
        files = sorted(
            name
            for name in self.profiles
            if not self.origins[f"profiles.{name}"].startswith("env ")
        )
        if self.env_profile == ENV:
            return ENV
        if len(files) == 1:
            return files[0]
        if self.env_profile:
            return self.env_profile
        if files:
            raise SettingsError(
                f"several profiles and none chosen: {', '.join(files)}",
                hint='--profile NAME, LIMNER_PROFILE, or profile = "NAME" in the user file',
            )
        if self.orphan_keys:
            name = self.orphan_keys[0]
            raise SettingsError(
                f"there is a key for profile {name}, but no such profile",
                hint=f"{self._add(name)}; to draw without a server: --profile {OFFLINE}",
            )
        if allow_offline:
            return OFFLINE
        raise KeyMissing(
            "no server is configured; to draw without one: --profile offline",
            hint="set OPENAI_API_KEY (and OPENAI_BASE_URL for another server than OpenAI's)",
        )

    def _add(self, name: str) -> str:
        path = self.config_dir / USER_FILE
        return f'add [profiles.{name}] with base_url = "https://…" to {path}'

    def _with_choices(self, profile: ProfileSettings) -> ProfileSettings:
        """A flag, the environment and the project outrank the profile, the user file does not."""
        update = {
            key: value
            for key in ("model", "image_model", "via")
            if (value := getattr(self, key)) is not None
            and not (
                key in profile.model_fields_set and self.origins.get(key, "").startswith("user ")
            )
        }
        return profile.model_copy(update=update)


def load_settings(
    *,
    flags: Mapping[str, object] = MappingProxyType({}),
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    config_dir: Path | None = None,
) -> Settings:
    """Read every layer. A flag that is ``None`` and a variable that is empty were not given.

    Raises ``SettingsError`` naming the file and line, or the variable. What is wrong with one
    server only is kept on its profile: ``--profile offline`` works all the same.
    """
    given = os.environ if env is None else env
    variables = {name: text for name, value in given.items() if (text := value.strip())}
    place = Place(
        here=_current_folder() if cwd is None else cwd.resolve(),
        home=Path(variables.get("HOME") or Path.home()).resolve(),
    )
    environment = Environment.read(variables)
    folder = place.absolute(
        config_dir or environment.config_dir or user_config_path("limner", appauthor=False),
        place.here,
    )
    file = read_toml(folder / USER_FILE, place.short(folder / USER_FILE))
    values, origins = _merged(
        flag_layer(flags, place),
        environment_layer(environment, place),
        project_layer(place),
        user_layer(file, place),
    )
    stored = read_keys(folder)
    profiles, env_profile = configured_profiles(file, environment, variables, stored)
    return Settings.model_validate(
        {
            "data_dir": user_data_path("limner", appauthor=False),
            **values,
            "config_dir": folder,
            "profiles": {name: found.profile for name, found in profiles.items()},
            "env_profile": env_profile,
            "tenants": read_tenants(file, folder),
            "orphan_keys": tuple(sorted(stored.keys.keys() - profiles.keys())),
            "origins": origins | _profile_origins(profiles),
            "notices": (*stored.notices, *_misspelt(variables)),
        }
    )


def describe(settings: Settings) -> list[tuple[str, str, str]]:
    """(key, value, origin) of everything, for ``limner config show``; secrets are masked."""
    rows = [
        (key, _shown(getattr(settings, key)), settings.origins.get(key, "default"))
        for key in Options.model_fields
    ]
    for name, profile in sorted(settings.profiles.items()):
        state = profile.problem or profile.key_problem or ("ready" if profile.api_key else "no key")
        rows.append((f"profiles.{name}", state, settings.origins[f"profiles.{name}"]))
        rows += [
            (f"profiles.{name}.{key}", _shown(getattr(profile, key)), origin)
            for key in ("api_key", *ProfileOptions.model_fields)
            if (origin := settings.origins.get(f"profiles.{name}.{key}"))
        ]
    for name, tenant in sorted(settings.tenants.items()):
        keys = len(tenant.key_sha256)
        rows.append((f"tenants.{name}", f"{keys} key{'s' * (keys != 1)}", "user"))
    return rows


def _shown(value: object) -> str:
    if value is None:
        return "not set"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return ", ".join(map(str, value))
    if not isinstance(value, SecretStr):
        return str(value)
    secret = value.get_secret_value()
    address = re.match(r"[\w+.-]+://", secret)
    if address is None:
        return masked(secret)
    rest = secret[address.end() :].rpartition("@")[2].partition("?")[0]
    return f"{address[0]}…@{rest}" if "@" in secret else f"{address[0]}{rest}"


def _current_folder() -> Path:
    try:
        return Path.cwd().resolve()
    except FileNotFoundError:
        raise SettingsError("the current folder is gone", hint="cd to one that exists") from None


# ── putting the layers together ──────────────────────────────────────────────────────────────


def _merged(*layers: Layer) -> tuple[dict[str, object], dict[str, str]]:
    """Values and origins; ``layers`` stand highest first."""
    winners = {
        key: _winner(key, said)
        for key in Options.model_fields
        if (said := [layer for layer in layers if key in layer.origins])
    }
    values = {key: getattr(layer.values, key) for key, layer in winners.items()}
    return values, {key: layer.origins[key] for key, layer in winners.items()}


def _winner(key: str, said: Sequence[Layer]) -> Layer:
    """The highest layer; but a project can only lower what the user file allows to be spent."""
    if key in BUDGETS and said[0].origins[key].startswith("project "):
        return min(said, key=lambda layer: Decimal(getattr(layer.values, key)))
    return said[0]


def _misspelt(variables: Mapping[str, str]) -> tuple[str, ...]:
    known = {variable(field) for field in Environment.model_fields}
    strangers = (name for name in variables if name.startswith("LIMNER_") and name not in known)
    return tuple(
        f"{name} is not a setting and was ignored; did you mean {near[0]}?"
        for name in sorted(strangers)
        if (near := get_close_matches(name, known, n=1, cutoff=0.8))
    )


def _profile_origins(profiles: Mapping[str, Found]) -> dict[str, str]:
    return {
        ".".join(part for part in ("profiles", name, key) if part): origin
        for name, found in profiles.items()
        for key, origin in found.origins.items()
    }
