"""``mcp``: the door for agents, started here; everything of weight is loaded when it runs."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Unpack, final

import click

from .flags import ArtistFlags, hidden_artist_flags

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager

    from ... import ImageAgent
    from ..mcp.serving import Address
    from ..mcp.workroom import Options, Workroom
    from .signals import Interruption

DEFAULT_HTTP = "127.0.0.1:8642"


@final
class McpFlags(ArtistFlags):
    http: str | None
    root: tuple[str, ...]
    profile: str | None
    model: str | None
    via: str | None
    max_cost: str | None
    max_images: int | None
    key_file: str | None
    allow_host: tuple[str, ...]


@click.command()
@click.option(
    "--http",
    is_flag=False,
    flag_value=DEFAULT_HTTP,
    metavar="[HOST:PORT]",
    help=f"Listen for HTTP instead of stdin.  [{DEFAULT_HTTP}]",
)
@click.option(
    "--root",
    multiple=True,
    metavar="FOLDER",
    help="A folder that calls may read and write; repeatable.  [default: the client's roots, else "
    "the working directory]",
)
@click.option("-p", "--profile", metavar="NAME", help="Which configured server draws.")
@click.option("-m", "--model", metavar="NAME", help="The model that talks and decides.")
@click.option(
    "--via",
    type=click.Choice(["responses", "images", "auto"]),
    help="Which API draws: a conversation with a tool, or the Images API alone.",
)
@click.option("--max-cost", metavar="AMOUNT", help="The most that this process may spend in all.")
@click.option(
    "--max-images", type=click.IntRange(min=0), help="The most pictures it may draw in all."
)
@click.option("--key-file", metavar="FILE", help="The bearer key of HTTP; needed off loopback.")
@click.option(
    "--allow-host",
    multiple=True,
    metavar="NAME",
    help="Another name that HTTP clients may call this machine by; repeatable.",
)
@hidden_artist_flags
def mcp(**flags: Unpack[McpFlags]) -> int:
    """Serve drawing tools to agents over MCP.

    They are generate_image, edit_image, check_prompt, show_session and get_turn. A host such as
    Codex starts it and talks over stdin and stdout; with --http it listens instead, and prints its
    URL. Without a configured server it needs --profile offline.
    """
    from . import desk

    settings = desk.settings_of({key: flags[key] for key in ("profile", "model", "via")})
    profile = settings.resolve(allow_offline=False)
    artist = desk.artist(flags, profile)
    address, options = _address(flags), _options(flags)

    def opening() -> AbstractAsyncContextManager[ImageAgent]:
        from ...factory import open_agent

        return open_agent(settings, profile=profile.name, offline=artist)

    from ..mcp.workroom import Workroom

    return _serve(Workroom(settings, profile, options, opening=opening), address)


def _address(flags: McpFlags) -> Address | None:
    from ...errors import UsageError

    if flags["http"] is None:
        if flags["key_file"] or flags["allow_host"]:
            raise UsageError("--key-file and --allow-host belong to --http.")
        return None
    from ..mcp.serving import address_of

    key = _key(flags["key_file"]) if flags["key_file"] else None
    return address_of(flags["http"], key=key, names=flags["allow_host"])


def _key(name: str) -> str:
    from ...errors import UsageError

    try:
        return Path(name).read_text("utf-8").strip()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise UsageError(f"--key-file {name}: cannot be read ({reason}).") from error


def _options(flags: McpFlags) -> Options:
    from ..mcp.workroom import Options
    from . import desk

    return Options(
        roots=tuple(map(_root, flags["root"])),
        working=Path.cwd(),
        max_cost=desk.amount(flags["max_cost"]),
        max_images=flags["max_images"],
    )


def _root(name: str) -> Path:
    from ...errors import UsageError

    path = Path(name).expanduser()
    if not path.is_dir():
        raise UsageError(f"--root {name}: is no folder.", hint="Make it, or name another.")
    return path.resolve()


def _serve(room: Workroom, address: Address | None) -> int:
    import anyio

    from ...errors import UsageError
    from ..mcp import serving
    from .signals import Interrupted, interruptible

    async def work(_: Interruption) -> int:
        if address is None:
            await serving.over_stdio(room)
        else:
            await serving.over_http(room, address, ready=click.echo)
        return 0

    async def guarded() -> int:
        return await interruptible(work, say=lambda text: click.echo(text, err=True))

    if address is None and sys.stdin is not None and sys.stdin.isatty():
        click.echo("limner mcp waits for an MCP host on stdin; Ctrl-C ends it.", err=True)
    try:
        return anyio.run(guarded)
    except Interrupted as stopped:
        return stopped.exit_code
    except OSError as error:
        if address is None:
            raise
        raise UsageError(
            f"{address.host}:{address.port}: cannot be listened on ({error.strerror}).",
            hint="Choose another port with --http HOST:PORT, or 0 for a free one.",
        ) from error
