"""``serve``: the HTTP door, started here; everything of weight is loaded when it runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, Unpack, final
from urllib.parse import urlsplit

import click

from .flags import ArtistFlags, hidden_artist_flags

if TYPE_CHECKING:
    from ...settings import ProfileSettings, Settings
    from ..api.desk import ServeOptions

PORT = 8383


@final
class ServeFlags(ArtistFlags):
    host: str
    port: int
    profile: str | None
    model: str | None
    image_model: str | None
    via: str | None
    max_cost: str | None
    public_url: str | None
    images_only: bool
    screen_output: Literal["hold", "tell"]
    allow_host: tuple[str, ...]
    allow_origin: tuple[str, ...]
    max_body: int
    grace: float


@click.group(invoke_without_command=True)
@click.option("--host", default="127.0.0.1", show_default=True, help="Where to listen.")
@click.option(
    "--port",
    type=click.IntRange(0, 65_535),
    default=PORT,
    show_default=True,
    help="0 takes a free one.",
)
@click.option("-p", "--profile", metavar="NAME", help="Which configured server draws.")
@click.option("-m", "--model", metavar="NAME", help="The model that talks and decides.")
@click.option(
    "--image-model", metavar="NAME", help="The model that draws, unless one is asked for."
)
@click.option(
    "--via",
    type=click.Choice(["responses", "images", "auto"]),
    help="Which API draws: a conversation with a tool, or the Images API alone.",
)
@click.option("--max-cost", metavar="AMOUNT", help="The most that one turn may cost.")
@click.option(
    "--public-url", metavar="URL", help="Where others reach this server; for response_format=url."
)
@click.option(
    "--images-only", is_flag=True, help="Refuse requests on /v1/responses that draw nothing."
)
@click.option(
    "--screen-output",
    type=click.Choice(["hold", "tell"]),
    default="hold",
    show_default=True,
    help="hold: no picture leaves before the model's own wording was checked, so no drafts.",
)
@click.option(
    "--allow-host", multiple=True, metavar="NAME", help="Another name to be called by; repeatable."
)
@click.option(
    "--allow-origin", multiple=True, metavar="ORIGIN", help="A web page that may call; repeatable."
)
@click.option(
    "--max-body",
    type=click.IntRange(1, 1024),
    default=64,
    show_default=True,
    metavar="MB",
    help="The largest request.",
)
@click.option(
    "--grace",
    type=click.FloatRange(0, 3600),
    default=120.0,
    show_default=True,
    metavar="SECONDS",
    help="How long turns in flight are waited for when it is told to stop.",
)
@hidden_artist_flags
@click.pass_context
def serve(ctx: click.Context, **flags: Unpack[ServeFlags]) -> int:
    """Serve OpenAI's Images and Responses APIs to other programs.

    Prints the base URL on stdout once it listens; /docs there describes the routes. On loopback
    anybody may use it until there are keys; elsewhere keys are required: `limner serve key NAME`.
    Without a configured server it needs --profile offline.
    """
    if ctx.invoked_subcommand is not None:
        return 0
    from . import desk

    settings = desk.settings_of(flags)
    profile = settings.resolve(allow_offline=False)
    return _run(settings, profile, _options(flags, settings), flags)


@serve.command()
@click.argument("name")
def key(name: str) -> None:
    """Make a key for the tenant NAME; it is printed this once, and only its hash is kept.

    Limits go under [tenants.NAME] in the user file: max_cost, day_max_cost, total_max_cost,
    requests_per_minute, may_acknowledge.
    """
    from ...tenants import new_key
    from . import desk

    made, path = new_key(name, config_dir=desk.settings_of().config_dir)
    click.echo(made)
    click.echo(f"Only its hash is kept, in {path}. A running server knows it already.", err=True)


def _options(flags: ServeFlags, settings: Settings) -> ServeOptions:
    from ...errors import UsageError
    from ..api.desk import MEGABYTE, ServeOptions

    options = ServeOptions(
        host=flags["host"],
        allow_hosts=tuple(map(_name, flags["allow_host"])),
        allow_origins=frozenset(_origin(text) for text in flags["allow_origin"]),
        public_url=_public(flags["public_url"]),
        images_only=flags["images_only"],
        max_body=flags["max_body"] * MEGABYTE,
        screen_output=flags["screen_output"],
        grace_s=flags["grace"],
    )
    with_keys = any(tenant.key_sha256 for tenant in settings.tenants.values())
    if not options.on_loopback and not with_keys:
        raise UsageError(
            f"--host {options.host} lets others in, and nobody has a key.",
            hint="Make one first: limner serve key NAME",
        )
    return options


def _public(url: str | None) -> str | None:
    """Without a slash at its end; anything but a plain address is exit 2."""
    if url is None:
        return None
    try:
        parts = urlsplit(url)
        plain = parts.port != 0 and not (parts.query or parts.fragment or "@" in parts.netloc)
        plain = plain and parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        plain = False
    if not plain:
        raise click.UsageError(f"--public-url {url!r}: write https://HOST, perhaps with a path.")
    return url.rstrip("/")


def _name(text: str) -> str:
    """``NAME`` or ``NAME:PORT``, as a ``Host`` says it."""
    from ...hosts import Host

    if Host.read(text) is None:
        raise click.UsageError(f"--allow-host {text!r}: write NAME, or NAME:PORT.")
    return text.lower().rstrip(".")


def _origin(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.netloc or parts.path.strip("/"):
        raise click.UsageError(f"--allow-origin {text!r}: write https://HOST, and no path.")
    return f"{parts.scheme}://{parts.netloc}".lower()


def _run(
    settings: Settings, profile: ProfileSettings, options: ServeOptions, flags: ServeFlags
) -> int:
    import anyio

    from ...factory import open_kit
    from ..api.desk import OpenDesk, parts_of
    from ..api.running import serve as serving
    from . import desk

    async def work() -> None:
        kit = await open_kit(settings, profile, offline=desk.artist(flags, profile))
        parts = await parts_of(kit, settings, profile)
        opening = OpenDesk(parts, settings, options)
        await serving(opening, port=flags["port"], ready=_announce, options=options)

    anyio.run(work)
    return 0


def _announce(base_url: str) -> None:
    click.echo(base_url)
