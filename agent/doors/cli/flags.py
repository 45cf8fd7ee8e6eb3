"""What can be asked for on the command line; click only, so that ``--help`` stays quick.

Values are checked where they are used: a size by the rules of its model, a budget by the settings.
``None`` always means that the flag was not given.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal, TypedDict, TypeVar, final

import click

F = TypeVar("F", bound=Callable[..., Any])
MaskMode = Literal["alpha", "white", "black"]


class ArtistFlags(TypedDict):
    """How the offline artist is to behave; hidden, for tests and demonstrations."""

    fault: tuple[str, ...]
    dialect: str | None
    latency: str | None
    draw: Literal["full", "tiny"] | None


class TurnFlags(ArtistFlags):
    """Every flag of a command that takes turns."""

    profile: str | None
    model: str | None
    via: str | None
    effort: str | None
    max_cost: str | None
    stream: bool
    acknowledge: tuple[str, ...]
    screen_output: str | None
    image_model: str | None
    size: str | None
    quality: str | None
    output_format: str | None
    output_compression: int | None
    background: str | None
    moderation: str | None
    partial_images: int | None
    tool_option: tuple[str, ...]
    yes: bool


class ChatFlags(TurnFlags):
    """Flags of ``chat``."""

    session: str | None
    continue_: bool
    images: str
    output: str | None


@final
class DoctorFlags(TypedDict):
    """Flags of ``doctor``; its probe and its sandwich read theirs from it."""

    profile: str | None
    as_json: bool
    probe: bool
    only: tuple[str, ...]
    yes: bool
    save: str | None
    forget_server: str | None
    sandwich: bool
    through: str | None
    key_env: str | None
    upstream_host: str
    upstream_port: int
    wait: float
    big: float
    junit: Path | None
    require: Path | None


class DrawFlags(TurnFlags):
    """Flags of ``generate`` and ``edit``."""

    prompt: tuple[str, ...]
    session: str | None
    ref: tuple[str, ...]
    count: int
    draft: bool
    degrade: bool
    output: str | None
    force: bool
    as_json: bool


@final
class GenerateFlags(DrawFlags):
    continue_: bool
    name: str | None


@final
class EditFlags(DrawFlags):
    from_: tuple[str, ...]
    image: tuple[str, ...]
    mask: str | None
    mask_box: str | None
    mask_mode: MaskMode


def _all(*options: Callable[[F], F]) -> Callable[[F], F]:
    """Decorators as one; ``--help`` lists them in this order."""

    def decorate(command: F) -> F:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate


def server_flags(command: F) -> F:
    """Which server, which model, how long and for how much."""
    return _all(
        click.option("-p", "--profile", metavar="NAME", help="Which configured server to use."),
        click.option("-m", "--model", metavar="NAME", help="The model that talks and decides."),
        click.option(
            "--via",
            type=click.Choice(["responses", "images", "auto"]),
            help="Which API draws: a conversation with a tool, or the Images API alone.",
        ),
        click.option("--effort", metavar="LEVEL", help="How long the model may think."),
        click.option("--max-cost", metavar="AMOUNT", help="The most that one turn may cost."),
        click.option(
            "--stream/--no-stream", default=True, show_default=True, help="Receive as it is made."
        ),
        click.option(
            "--acknowledge",
            multiple=True,
            metavar="RULE",
            help="Accept a rule of the safety policy that asked for a second look; repeatable.",
        ),
        click.option(
            "--screen-output",
            type=click.Choice(["hold", "tell"]),
            help="hold: no picture until the model's own wording of it was checked.",
        ),
        click.option("-y", "--yes", is_flag=True, help="Ask nothing about cost."),
    )(command)


def picture_flags(command: F) -> F:
    """What the picture should be."""
    return _all(
        click.option("--image-model", metavar="NAME", help="The model that draws."),
        click.option("--size", metavar="WxH|auto", help="An edit keeps the size of its picture."),
        click.option(
            "--quality", type=click.Choice(["low", "medium", "high", "auto", "xhigh", "max"])
        ),
        click.option("--output-format", type=click.Choice(["png", "jpeg", "webp", "gif", "svg"])),
        click.option(
            "--output-compression", type=click.IntRange(0, 100), help="For jpeg and webp."
        ),
        click.option("--background", type=click.Choice(["auto", "opaque", "transparent"])),
        click.option("--moderation", type=click.Choice(["auto", "low"])),
        click.option("--partial-images", type=click.IntRange(0, 3), help="Drafts on the way."),
        click.option(
            "--tool-option",
            multiple=True,
            metavar="KEY=VALUE",
            help="An option of the image tool that is newer than this program; repeatable.",
        ),
    )(command)


def place_flags(command: F) -> F:
    """Where pictures and words go."""
    return _all(
        click.option(
            "-o",
            "--output",
            metavar="FILE|FOLDER/|TEMPLATE",
            help="Fields: {session} {n} {ext} {turn} {id}."
            "  [default: ./limner-out/{session}-{n}.{ext}]",
        ),
        click.option("--force", is_flag=True, help="Overwrite existing files."),
        click.option("--json", "as_json", is_flag=True, help="Events as JSON lines on stdout."),
    )(command)


def draw_flags(command: F) -> F:
    """What ``generate`` and ``edit`` share."""
    return _all(
        click.argument("prompt", nargs=-1, metavar="PROMPT|-"),
        click.option("-s", "--session", metavar="SESSION", help="Go on in this session."),
        click.option(
            "--ref", multiple=True, metavar="FILE|IMAGE", help="A picture to look at; repeatable."
        ),
        click.option(
            "-n",
            "count",
            type=click.IntRange(1, 64),
            default=1,
            help="How many, each a turn of its own, drawn one after another.",
        ),
        click.option(
            "--draft", is_flag=True, help="Quick and cheap: low quality and jpeg, unless said."
        ),
        click.option(
            "--degrade",
            is_flag=True,
            help="If it is known to have failed, go on at medium quality, then smaller and enlarged.",
        ),
    )(command)


def mask_flags(command: F) -> F:
    """Which part of the picture may change."""
    return _all(
        click.option("--mask", metavar="FILE", help="Where to change: the transparent part."),
        click.option("--mask-box", metavar="X,Y,W,H", help="Where to change: a rectangle."),
        click.option(
            "--mask-mode",
            type=click.Choice(["alpha", "white", "black"]),
            default="alpha",
            show_default=True,
            help="What marks the part to change in the mask file.",
        ),
    )(command)


def artist_flags(command: F) -> F:
    """How the offline artist behaves."""
    return _artist(command, hidden=False)


def hidden_artist_flags(command: F) -> F:
    """The same on commands that take turns: for tests and for trying, so not listed there."""
    return _artist(command, hidden=True)


def _artist(command: F, *, hidden: bool) -> F:
    return _all(
        click.option(
            "--fault",
            multiple=True,
            hidden=hidden,
            metavar="NAME[:every=N|rate=P|first=K]",
            help="Misbehave: for example 429, drop-after, truncate; repeatable.",
        ),
        click.option("--dialect", hidden=hidden, metavar="NAME", help="Imitate a kind of server."),
        click.option("--latency", hidden=hidden, metavar="A-B", help="Seconds before an answer."),
        click.option(
            "--draw",
            type=click.Choice(["full", "tiny"]),
            hidden=hidden,
            help="tiny: flat colours of the right size, at once.",
        ),
    )(command)
