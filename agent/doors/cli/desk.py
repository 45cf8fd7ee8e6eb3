"""From flags to what a turn needs: settings, picture options, the artist's manners."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from .flags import ArtistFlags

if TYPE_CHECKING:
    from decimal import Decimal

    from pydantic import JsonValue

    from ...offline import OfflineOptions
    from ...protocols import Source
    from ...schema import ImageOptions
    from ...settings import ProfileSettings, Settings

SHARED = (
    *("profile", "model", "via", "effort", "max_cost", "image_model", "size", "quality"),
    *("output_format", "output_compression", "background", "moderation", "partial_images"),
    "screen_output",
)
"""Flags that are settings too."""
SECOND_STAGE = "moderation-"
"""How rules begin that are no part of the policy's files: the server's own scores."""
MOST_STDIN = 50_000_001
"""Bytes; one more than the largest picture that can be sent."""


def settings_of(flags: Mapping[str, object] | None = None) -> Settings:
    """Every layer, with notices told and the log set up. Raises ``SettingsError``."""
    from ...settings import load_settings

    top = click.get_current_context().find_root().obj or {}
    given = {key: value for key, value in (flags or {}).items() if key in (*SHARED, "output")}
    settings = load_settings(flags={**given, "log_level": top.get("log_level")})
    _logs(settings, debug=bool(top.get("debug")))
    for notice in settings.notices:
        click.echo(f"limner: {notice}", err=True)
    return settings


def _logs(settings: Settings, *, debug: bool) -> None:
    import logging

    from ... import logs

    # what goes wrong is told in words, so the log stays out of the way until somebody asks for it
    level = settings.log_level if "log_level" in settings.origins else "error"
    logs.configure(level, log_content=settings.log_content)
    if not debug:
        ours = [h for h in logging.getLogger().handlers if h.get_name() == logs.NAME]
        for handler in ours:
            handler.addFilter(_without_traceback)


def _without_traceback(record: object) -> bool:
    """A person sees what went wrong, not where; ``--debug`` shows where."""
    event = getattr(record, "msg", None)
    if isinstance(event, dict):
        event.pop("exception", None)
    return True


def chosen(settings: Settings, *, allow_offline: bool = True) -> ProfileSettings:
    """The server of this command. Raises ``SettingsError`` and, for what is not there, says so."""
    return settings.resolve(allow_offline=allow_offline)


def picture_options(
    settings: Settings, profile: ProfileSettings, *, editing: bool, tool_option: tuple[str, ...]
) -> ImageOptions:
    """What somebody asked for, and only that: an edit keeps the rest of its picture."""
    from ...schema import ImageOptions

    full = settings.image_options(profile)
    said = {key for key in ImageOptions.model_fields if key in settings.origins} - {"model"}
    if editing and settings.origins.get("size") != "flag":
        said -= {"size"}
    values: dict[str, object] = {key: getattr(full, key) for key in said}
    if profile.image_model:
        values["model"] = profile.image_model
    if tool_option:
        values["tool_options"] = dict(_tool_option(text) for text in tool_option)
    return ImageOptions.model_validate(values)


def _tool_option(text: str) -> tuple[str, JsonValue]:
    from ...errors import UsageError

    key, equals, value = text.partition("=")
    if not equals or not key.strip():
        raise UsageError(f"--tool-option {text!r}: write KEY=VALUE.")
    try:
        parsed: JsonValue = json.loads(value, parse_constant=str)
    except (ValueError, RecursionError):
        parsed = value
    return key.strip(), parsed


def amount(text: str | None, *, flag: str = "--max-cost") -> Decimal | None:
    """A budget that is no setting of a turn. Raises ``UsageError`` naming the flag."""
    from ...errors import UsageError
    from ...layers import amount_of

    try:
        return None if text is None else amount_of(text)
    except ValueError as error:
        raise UsageError(f"{flag} {text!r}: {error}.") from None


def artist(flags: ArtistFlags, profile: ProfileSettings) -> OfflineOptions | None:
    """How the offline artist is to behave; ``None``: as it does. Raises ``UsageError``."""
    from ...errors import UsageError

    given = [f"--{k}" for k in ("fault", "dialect", "latency", "draw") if dict(flags).get(k)]
    if not given:
        return None
    if not profile.offline:
        raise UsageError(
            f"{' and '.join(given)} shape the offline artist, and the server is {profile.name}.",
            hint="Add --profile offline.",
        )
    return artist_options(
        fault=flags["fault"],
        dialect=flags["dialect"],
        latency=flags["latency"],
        draw=flags["draw"] or "full",
    )


def artist_options(
    *, fault: tuple[str, ...], dialect: str | None, latency: str | None, draw: str
) -> OfflineOptions:
    """Also for ``offline serve``."""
    from ...offline import OfflineOptions
    from ...offline.dialects import dialect_named
    from ...offline.faults import parse_fault

    return OfflineOptions(
        dialect=dialect_named(dialect or "offline").name,
        faults=tuple(parse_fault(spec) for spec in fault),
        latency=_latency(latency) if latency else (0.0, 0.0),
        draw="tiny" if draw == "tiny" else "full",
    )


def _latency(text: str) -> tuple[float, float]:
    from ...errors import UsageError

    first, _, last = text.partition("-")
    try:
        low, high = float(first), float(last or first)
    except ValueError:
        low, high = -1.0, -1.0
    if not 0 <= low <= high <= 3600:
        raise UsageError(f"--latency {text!r}: write seconds, as 0.5 or 0.2-1.5.")
    return low, high


# ── what people type ─────────────────────────────────────────────────────────────────────────


def prompt_of(words: tuple[str, ...]) -> str:
    """The words as one text; a lone ``-`` reads stdin."""
    if words == ("-",):
        return stdin_bytes().decode("utf-8-sig", "replace")
    if not words:
        raise click.UsageError("Missing the prompt: say in a sentence what to draw.")
    return " ".join(words)


def stdin_bytes() -> bytes:
    """At most as much as could be sent; the checks behind it name what is too long."""
    stream = getattr(sys.stdin, "buffer", None)
    if stream is None:
        raise click.UsageError("There is no standard input to read.")
    data = stream.read(MOST_STDIN)
    assert isinstance(data, bytes)
    return data


def file_of(text: str) -> Source:
    """A file named on the command line; ``-`` is a picture on stdin."""
    return stdin_bytes() if text == "-" else Path(text)


def picture_of(text: str) -> Source:
    """A file where there is one of that name, else a reference such as ``@4`` or ``name/4``."""
    from ...turn.lineage import read_ref

    if text == "-" or Path(text).exists():
        return file_of(text)
    ref = read_ref(text)
    named = ref.number is not None or text.startswith("img_")
    return text if named else Path(text)


def reference_of(text: str) -> str:
    """A picture Limner holds. Raises ``UsageError`` that says where a file would belong."""
    from ...errors import UsageError

    if not text.startswith(("@", "img_")) and Path(text).is_file():
        raise UsageError(f"{text} is a file.", hint=f"Use --image {text}")
    return text


def box_of(text: str | None) -> tuple[int, int, int, int] | None:
    """``X,Y,W,H`` in pixels from the top left."""
    from ...errors import UsageError

    if text is None:
        return None
    try:
        x, y, width, height = (int(part) for part in text.split(","))
    except ValueError:
        raise UsageError(
            f"--mask-box {text!r}: write X,Y,W,H in pixels from the top left.",
            hint="For example --mask-box 0,0,512,512",
        ) from None
    return x, y, width, height


def here() -> str:
    """The directory whose newest picture "it" means."""
    return str(Path.cwd())


def accepted(settings: Settings, rules: tuple[str, ...]) -> tuple[str, ...]:
    """Rules as acknowledged by a person; raises ``UsageError`` for one that the policy has not."""
    if not rules:
        return ()
    from difflib import get_close_matches

    from ...errors import UsageError
    from ...factory import load_policies

    known = [rule.id for rule in load_policies(settings).rules]
    for name in rules:
        if name not in known and not name.startswith(SECOND_STAGE):
            near = get_close_matches(name, known, n=1, cutoff=0.4)
            raise UsageError(
                f"--acknowledge {name!r}: the policy has no such rule; nothing was sent.",
                hint=f"Did you mean {near[0]}?" if near else "A refusal names its rule.",
            )
    return rules


def person() -> str:
    """Who acknowledges a rule at this terminal."""
    import getpass

    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return "someone"
