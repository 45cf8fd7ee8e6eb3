"""``offline serve``: the artist as a server, for other programs and for trying gateways' habits."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING, TypedDict, Unpack

import click

from .flags import artist_flags

if TYPE_CHECKING:
    from ...offline import OfflineOptions
    from .signals import Interruption


class ServeFlags(TypedDict):
    host: str
    port: int
    fault: tuple[str, ...]
    dialect: str | None
    latency: str | None
    draw: str | None


@click.group()
def offline() -> None:
    """Run the offline artist as a server."""


@offline.command()
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option(
    "--port", type=click.IntRange(0, 65_535), default=0, help="0 takes a free one.  [default: 0]"
)
@artist_flags
def serve(**flags: Unpack[ServeFlags]) -> int:
    """Serve the Responses and Images APIs, drawn by Limner's own artist; no model, no cost.

    Prints the base URL on stdout once it listens. Counters and a log: /__limner/ below its root.
    """
    from .desk import artist_options, settings_of

    settings_of()
    options = artist_options(
        fault=flags["fault"],
        dialect=flags["dialect"],
        latency=flags["latency"],
        draw=flags["draw"] or "full",
    )
    return _serve(options, host=flags["host"], port=flags["port"])


def _serve(options: OfflineOptions, *, host: str, port: int) -> int:
    import anyio

    from ...errors import UsageError
    from ...offline import Offline
    from ...offline.asgi import serve as serving
    from .signals import Interrupted, interruptible

    async def work(_: Interruption) -> int:
        await serving(Offline(options), host=host, port=port, ready=_announce)
        return 0

    async def guarded() -> int:
        return await interruptible(work, say=lambda text: click.echo(text, err=True))

    try:
        return anyio.run(guarded)
    except Interrupted as stopped:
        return 0 if stopped.exit_code == 128 + signal.SIGINT else stopped.exit_code
    except OSError as error:
        raise UsageError(
            f"{host}:{port}: cannot be listened on ({error.strerror}).",
            hint="Choose another --port, or 0 for a free one.",
        ) from error


def _announce(base_url: str) -> None:
    click.echo(base_url)
    click.echo("Another shell talks to it with:", err=True)
    click.echo(f"  export OPENAI_BASE_URL={base_url}", err=True)
    click.echo("  export OPENAI_API_KEY=offline", err=True)
