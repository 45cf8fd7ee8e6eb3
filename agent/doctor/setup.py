"""What is configured, by whom: settings, the profile that would be used, its key, its dialect."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields

from ..errors import KeyMissing, SettingsError
from ..factory import Known, known_of, profile_of
from ..keys import key_fingerprint, masked, normalise_base_url
from ..layers import USER_FILE
from ..settings import ProfileSettings, Settings, describe
from ..toml_file import read_toml
from ..traffic import Dialect, Profile
from ..turn.pricing import prices_for
from ..upstream.narrowing import MEMORY_FILE, ServerMemory, narrowed
from ..upstream.proved import path_of
from .report import Check

_TOLD = ("name", "hosts", "evidence")


def settings_checks(settings: Settings) -> Iterator[Check]:
    """Every setting that somebody made, with who; then what is wrong with a profile."""
    for key, value, origin in describe(settings):
        if origin != "default":
            text = f"{key} = {value}   ({origin})"
            yield Check(area="settings", name="setting", status="ok", text=text)
    for notice in settings.notices:
        yield Check(area="settings", name="notice", status="warning", text=notice)
    for name, profile in sorted(settings.profiles.items()):
        if profile.problem:
            text = f"profile {name}: {profile.problem}"
            yield Check(area="settings", name="profile", status="warning", text=text)


def chosen(settings: Settings, name: str | None) -> ProfileSettings | Check:
    """The profile as it would be used, or why there is none."""
    try:
        found = settings.resolve(name, allow_offline=True)
    except KeyMissing as error:
        return Check(
            area="settings", name="key", status="wrong", text=str(error), hint=error.hint, key=True
        )
    except SettingsError as error:
        return Check(
            area="settings", name="profile", status="wrong", text=str(error), hint=error.hint
        )
    return _unspoken(settings, found) or found


def _unspoken(settings: Settings, profile: ProfileSettings) -> Check | None:
    """What no layer checks: whether there is a dialect of that name."""
    try:
        profile_of(profile)
    except SettingsError as error:
        where = settings.origins.get(f"profiles.{profile.name}.dialect", "default")
        text = f"profile {profile.name}: {error}   ({where})"
        return Check(area="settings", name="profile", status="wrong", text=text, hint=error.hint)
    return None


def profile_checks(
    settings: Settings, profile: ProfileSettings, env: Mapping[str, str]
) -> Iterator[Check]:
    """The chosen profile: where it goes, with which key, at which prices."""
    if profile.offline:
        text = "no server: Limner's own artist draws, which is no model and costs nothing"
        yield Check(area="settings", name="profile", status="ok", text=text)
        return
    yield Check(area="settings", name="profile", status="ok", text=f"profile {profile.name}")
    yield _url(settings, profile, env)
    assert profile.api_key is not None
    key = profile.api_key.get_secret_value()
    text = f"{masked(key)}, fingerprint {key_fingerprint(key)}   ({profile.key_origin})"
    yield Check(area="settings", name="key", status="ok", text=text)
    yield _prices(settings, profile)


def _url(settings: Settings, profile: ProfileSettings, env: Mapping[str, str]) -> Check:
    written = _as_written(settings, profile, env)
    text = profile.base_url
    if written and written != profile.base_url:
        text = f"{written} is taken as {profile.base_url}"
    return Check(area="settings", name="url", status="ok", text=text)


def _as_written(settings: Settings, profile: ProfileSettings, env: Mapping[str, str]) -> str:
    """The address before it was normalised; without what might be a secret in it."""
    origin = settings.origins.get(f"profiles.{profile.name}.base_url", "")
    if origin.startswith("env "):
        return _safe(env.get(origin.removeprefix("env "), ""))
    if not origin.startswith("user "):
        return ""
    tables = read_toml(settings.config_dir / USER_FILE, USER_FILE).values.get("profiles")
    table = tables.get(profile.name) if isinstance(tables, dict) else None
    url = table.get("base_url") if isinstance(table, dict) else None
    return _safe(url) if isinstance(url, str) else ""


def _safe(url: str) -> str:
    return url.strip().partition("?")[0].rpartition("@")[2]


def _prices(settings: Settings, profile: ProfileSettings) -> Check:
    try:
        prices = prices_for(profile_of(profile), folder=settings.config_dir)
    except SettingsError as error:
        return Check(
            area="settings", name="prices", status="wrong", text=str(error), hint=error.hint
        )
    name = profile.prices or "openai"
    return Check(
        area="settings", name="prices", status="ok", text=f"table {name}, in {prices.currency}"
    )


# ── what is known of the server ──────────────────────────────────────────────────────────────


def dialect_checks(settings: Settings, profile: ProfileSettings) -> Iterator[Check]:
    """Which facts hold, what they rest on, and what answers and a probe added."""
    try:
        known = known_of(settings, profile)
    except SettingsError as error:
        yield Check(area="server", name="saved", status="wrong", text=str(error), hint=error.hint)
        known = Known()
    spoken = profile_of(profile, known.proved)
    shown = narrowed(spoken.dialect, known.memory.facts(profile.base_url))
    yield Check(
        area="server", name="dialect", status="ok", text=_dialect(settings, profile, spoken)
    )
    for name, value, why in facts(shown):
        text = f"{name} = {value}" + (f"   ({why})" if why else "")
        yield Check(area="server", name="fact", status="ok", text=text)
    if known.proved is not None:
        yield _saved(settings, profile, known.proved.base_url, known.proved.probed)
    for fact, since in known.memory.facts(profile.base_url).items():
        yield Check(
            area="server",
            name="learned",
            status="note",
            text=f"{fact.replace('_', ' ')}, shown by an answer at {since}",
            hint=f"If that has changed: limner doctor --forget-server {profile.base_url}",
        )


def _dialect(settings: Settings, profile: ProfileSettings, spoken: Profile) -> str:
    origin = settings.origins.get(f"profiles.{profile.name}.dialect")
    if profile.dialect and origin:
        return f"{spoken.dialect.name}, as set ({origin})"
    if spoken.dialect.hosts:
        return f"{spoken.dialect.name}, by its host"
    return f"{spoken.dialect.name}: an unknown host, so nothing optional is tried"


def _saved(settings: Settings, profile: ProfileSettings, base_url: str, probed: str) -> Check:
    path = path_of(settings.config_dir, profile.name)
    if base_url == profile.base_url:
        text = f"{path} holds what was probed on {probed}"
        return Check(area="server", name="saved", status="ok", text=text)
    return Check(
        area="server",
        name="saved",
        status="warning",
        text=f"{path} is about {base_url}, so it does not count here.",
        hint=f"Probe this server: limner doctor --profile {profile.name} --probe "
        f"--save {profile.name}",
    )


def forget_server(settings: Settings, url: str) -> str | None:
    """Forget what answers showed; the base URL it was known under, ``None`` when nothing was.

    Raises ``SettingsError`` for what is no address.
    """
    base_url = normalise_base_url(url, allow_http=True)
    memory = ServerMemory(settings.data_dir / MEMORY_FILE)
    return base_url if memory.forget(base_url) else None


def facts(dialect: Dialect) -> Iterator[tuple[str, str, str]]:
    """(field, value, evidence) of everything that has evidence or is no default."""
    careful = Dialect(name="generic")
    evidence: dict[str, list[str]] = {}
    for name, source in dialect.evidence:
        evidence.setdefault(name, []).append(source)
    for field in fields(Dialect):
        value = getattr(dialect, field.name)
        if field.name in _TOLD:
            continue
        if field.name in evidence or value != getattr(careful, field.name):
            yield field.name, _shown(value), "; ".join(evidence.get(field.name, []))


def _shown(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, tuple):
        return ", ".join(map(str, value)) or "none"
    return f"{value:,}" if isinstance(value, int) else str(value)
