"""What can be configured, and the layers that say it: flags, environment, project, user file.

Each layer is checked on its own, so that a mistake is blamed on its file and line or its variable.
``settings.py`` puts the layers on top of each other.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Final, Literal, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, StringConstraints
from pydantic import ValidationError as Invalid

from .buckets import BucketOptions
from .errors import SettingsError
from .schema import Background, ImageOptions, OutputFormat, Quality, Record, Via
from .toml_file import TomlFile, read_toml

PROJECT_FILE: Final = "limner.toml"
USER_FILE: Final = "config.toml"
BUDGETS: Final = frozenset({"max_cost", "session_max_cost", "day_max_cost", "key_max_cost"})
PROJECT_KEYS: Final = BUDGETS | {
    *("profile", "model", "image_model", "effort", "via", "size", "quality", "output_format"),
    *("output_compression", "background", "partial_images", "output"),
}
"""What a checkout may decide for whoever works in it: never where money and pictures go."""

_PATHS: Final = ("data_dir", "policy")
_SPEAKING: Final = ("--", "LIMNER_", "OPENAI_")
"""Places that are the name of the key themselves."""
_DEFAULTS: Final = ImageOptions()
_MOST: Final = 1_000_000_000
_DECIMALS: Final = 12
"""Of an amount of money; smaller than any price."""


def amount_of(value: object) -> Decimal:
    """A budget, exact; raises ``ValueError`` for what is none, or what no ledger could add up."""
    try:
        amount = Decimal(str(value)) if not isinstance(value, bool) else Decimal("nan")
    except InvalidOperation:
        amount = Decimal("nan")
    exponent = amount.as_tuple().exponent
    if isinstance(exponent, str) or exponent < -_DECIMALS or not 0 <= amount <= _MOST:
        raise ValueError(f"write an amount from 0 to {_MOST:,}, as 0.50")
    return amount


_Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
_Money = Annotated[Decimal, BeforeValidator(amount_of)]
_Seconds = Annotated[float, Field(gt=0, le=86_400, allow_inf_nan=False)]
_Level = Annotated[
    Literal["debug", "info", "warning", "error"],
    BeforeValidator(lambda value: value.lower() if isinstance(value, str) else value),
]
_M = TypeVar("_M", bound=BaseModel)
Where = Callable[[tuple[str, ...]], str]
"""Names the place of a key: ``./limner.toml:4``, ``LIMNER_SIZE``."""


class Options(BucketOptions):
    """The choices that every layer shares; ``model_fields_set`` tells which were made."""

    profile: _Text | None = None
    model: _Text | None = None
    image_model: _Text | None = None
    effort: _Text | None = None
    via: Via | None = None
    size: _Text = _DEFAULTS.size
    quality: Quality = _DEFAULTS.quality
    output_format: OutputFormat = _DEFAULTS.output_format
    output_compression: int | None = Field(default=None, ge=0, le=100)
    background: Background = _DEFAULTS.background
    moderation: Literal["auto", "low"] = _DEFAULTS.moderation
    partial_images: int = Field(default=_DEFAULTS.partial_images, ge=0, le=3)
    output: _Text = "./limner-out/{session}-{n}.{ext}"
    max_cost: _Money | None = None
    """For one turn; like every budget in the currency of the profile's prices."""
    session_max_cost: _Money | None = None
    day_max_cost: _Money | None = None
    """For one day in UTC, over every process on the store."""
    key_max_cost: _Money | None = None
    """For everything that one key ever paid, as far as this store knows."""
    data_dir: Path | None = None
    database_url: SecretStr | None = None
    policy: Path | None = None
    """An overlay on the shipped policy."""
    screen_output: Literal["hold", "tell"] = "tell"
    """Whether a picture waits until the model's own wording of it was checked."""
    second_screen: Literal["off", "text", "pictures"] = "off"
    """What the server's moderation is asked about before anything is drawn."""
    log_level: _Level = "warning"
    log_content: bool = False


class ProfileOptions(Record):
    """What ``[profiles.NAME]`` in the user file may say."""

    base_url: str = ""
    api_key_env: _Text | None = None
    """The variable that holds this profile's key."""
    organization: _Text | None = None
    project: _Text | None = None
    """Whose account of the key's is billed, as OpenAI counts them."""
    allow_http: bool = False
    dialect: _Text | None = None
    prices: _Text | None = None
    """A shipped table by name, or a file of one's own (``….toml``, docs/prices.md)."""
    model: _Text = "gpt-5.5"
    image_model: _Text | None = None
    via: Via = "auto"
    fetch_urls: bool = False
    """Fetch a picture that the server names by address: https, public hosts, never with the key."""
    fetch_private: bool = False
    """The same for addresses of private networks."""
    fallback: tuple[_Text, ...] = ()
    """Profiles to go on with, in this order, after a failure that is known and drew nothing."""
    concurrency: int = Field(default=4, ge=0, le=1000)
    """Requests under way at once in one process (R46); 0 sets no limit."""
    concurrency_large: int = Field(default=1, ge=0, le=1000)
    """The same for pictures above 2560x1440."""
    connect_s: _Seconds = 10.0
    silence_s: _Seconds | None = None
    total_s: _Seconds = 900.0
    max_cost: _Money | None = None
    """On top of the budgets of ``Options``: the lower one holds."""
    session_max_cost: _Money | None = None
    day_max_cost: _Money | None = None
    key_max_cost: _Money | None = None


class UserFile(Options):
    """``config.toml``, whole; profiles and tenants are checked one by one."""

    profiles: dict[str, dict[str, object]] = Field(default_factory=dict)
    tenants: dict[str, dict[str, object]] = Field(default_factory=dict)


class Environment(Options):
    """Every variable that is read, besides the ones profiles name with ``api_key_env``."""

    model_config = ConfigDict(extra="ignore")

    openai_api_key: str | None = Field(default=None, validation_alias="OPENAI_API_KEY", repr=False)
    openai_base_url: str | None = Field(default=None, validation_alias="OPENAI_BASE_URL")
    openai_org_id: str | None = Field(default=None, validation_alias="OPENAI_ORG_ID")
    openai_project_id: str | None = Field(default=None, validation_alias="OPENAI_PROJECT_ID")
    api_key: str | None = Field(default=None, repr=False)
    base_url: str | None = None
    allow_http: bool = False
    dialect: _Text | None = None
    config_dir: Path | None = None
    data_dir: Path | None = Field(default=None, validation_alias="LIMNER_HOME")

    @classmethod
    def read(cls, variables: Mapping[str, str]) -> Environment:
        """From any mapping, so that a test or an embedding program can bring its own."""
        given = {name.lower(): value for name, value in variables.items()}
        said = {
            key: given[name]
            for field, about in cls.model_fields.items()
            if (name := variable(field).lower()) in given
            for key in [str(about.validation_alias or field)]
        }
        return checked(cls, said, lambda path: variable(path[0]))


def variable(field: str) -> str:
    """The name of the variable behind a field (or alias) of ``Environment``."""
    alias = Environment.model_fields[field].validation_alias if not field.isupper() else field
    return alias if isinstance(alias, str) else f"LIMNER_{field.upper()}"


# ── checking ─────────────────────────────────────────────────────────────────────────────────


def checked(kind: type[_M], values: Mapping[str, object], where: Where) -> _M:
    """The values as ``kind``; raises ``SettingsError`` that says where and why, never the value."""
    try:
        return kind(**values)
    except Invalid as invalid:
        first = invalid.errors(include_input=False, include_url=False)[0]
        path = tuple(str(part) for part in first["loc"])
        place = where(path)
        if first["type"] == "extra_forbidden":
            raise SettingsError(f"{place}: {_unknown(path[-1], kind.model_fields)}") from None
        key = "" if place.startswith(_SPEAKING) else f"{'.'.join(path)}: "
        reason = first["msg"].removeprefix("Value error, ")
        raise SettingsError(f"{place}: {key}{reason}") from None


def _unknown(key: str, known: Iterable[str]) -> str:
    if key in ("api_key", "key", "token"):
        return (
            f"{key} does not belong into this file: limner keys set PROFILE keeps it apart, "
            "api_key_env names a variable"
        )
    near = get_close_matches(key, list(known), n=1)
    return f"unknown key {key!r}; " + (
        f"did you mean {near[0]!r}?" if near else f"known are: {', '.join(sorted(known))}"
    )


# ── layers ───────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Layer:
    """One voice. ``origins`` has an entry for each option that this layer sets."""

    values: Options
    origins: dict[str, str]


@dataclass(frozen=True, slots=True)
class Place:
    """Where we stand: both absolute, links followed."""

    here: Path
    home: Path

    def short(self, path: Path) -> str:
        """With ``~`` for the home folder."""
        return f"~/{path.relative_to(self.home)}" if path.is_relative_to(self.home) else str(path)

    def absolute(self, path: Path, base: Path) -> Path:
        """``~/`` is home; anything else relative is relative to ``base``."""
        parts = path.parts
        return self.home.joinpath(*parts[1:]) if parts[:1] == ("~",) else base / path


def flag_layer(flags: Mapping[str, object], place: Place) -> Layer:
    """``None`` means that the flag was not given."""
    given = {key.replace("-", "_"): value for key, value in flags.items() if value is not None}
    values = checked(Options, given, lambda path: f"--{path[0].replace('_', '-')}")
    return _layer(values, place, place.here, lambda _: "flag")


def environment_layer(environment: Environment, place: Place) -> Layer:
    return _layer(environment, place, place.here, lambda path: f"env {variable(path[0])}")


def user_layer(file: TomlFile, place: Place) -> Layer:
    values = checked(UserFile, file.values, file.where)
    return _layer(values, place, file.path.parent, lambda path: f"user {file.where(path)}")


def project_layer(place: Place) -> Layer:
    """The nearest ``limner.toml``, which is trusted only with ``PROJECT_KEYS``."""
    folder = next((f for f in project_folders(place) if (f / PROJECT_FILE).is_file()), place.here)
    shown = os.path.relpath(folder / PROJECT_FILE, place.here)
    file = read_toml(folder / PROJECT_FILE, shown if shown.startswith("..") else f"./{shown}")
    for key in file.values:
        if key not in PROJECT_KEYS:
            raise SettingsError(f"{file.where((key,))}: {_not_for_projects(key)}")
    values = checked(Options, file.values, file.where)
    if "output" in values.model_fields_set:
        output = _inside(values.output, folder, place, file.where(("output",)))
        values = values.model_copy(update={"output": output})
    return _layer(values, place, folder, lambda path: f"project {file.where(path)}")


def project_folders(place: Place) -> tuple[Path, ...]:
    """Here and upwards to the first folder with ``.git``, or home; with neither above, only here.

    So nobody can leave a file in a shared folder such as ``/tmp`` for others to pick up below it.
    """
    folders = (place.here, *place.here.parents)
    for index, folder in enumerate(folders):
        if folder == place.home or (folder / ".git").exists():
            return folders[: index + 1]
    return folders[:1]


def _layer(values: Options, place: Place, base: Path, origin: Where) -> Layer:
    made = [key for key in Options.model_fields if key in values.model_fields_set]
    paths: dict[str, Path] = {
        key: place.absolute(path, base)
        for key in _PATHS
        if key in made and isinstance(path := getattr(values, key), Path)
    }
    return Layer(values.model_copy(update=paths), {key: origin((key,)) for key in made})


def _not_for_projects(key: str) -> str:
    known = {*UserFile.model_fields, *ProfileOptions.model_fields, "api_key", "keys"}
    if key not in known:
        return _unknown(key, PROJECT_KEYS)
    return (
        f"{key} may not be set by a project file; put it into the user file "
        f"({USER_FILE} in the folder that `limner config show` names) or the environment"
    )


def _inside(output: str, folder: Path, place: Place, where: str) -> str:
    """The output as seen from here; raises ``SettingsError`` when it leaves the project."""
    target = Path(os.path.normpath(folder / output))
    if output.startswith("~") or not target.is_relative_to(folder):
        raise SettingsError(
            f"{where}: output may not lead out of the project's folder",
            hint="choose another place with --output, LIMNER_OUTPUT or the user file",
        )
    return os.path.relpath(target, place.here) + ("/" if output.endswith("/") else "")
