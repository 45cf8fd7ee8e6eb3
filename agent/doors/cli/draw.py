"""`generate` and `edit`: a sentence in, paths out."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Unpack

import click

from .flags import (
    DrawFlags,
    EditFlags,
    GenerateFlags,
    draw_flags,
    hidden_artist_flags,
    mask_flags,
    picture_flags,
    place_flags,
    server_flags,
)

if TYPE_CHECKING:
    from ... import ImageAgent
    from ...protocols import Source, TurnRequest
    from ...schema import ImageOptions
    from .signals import Interruption
    from .turns import Job, Work

ASK_ABOVE = 4
"""More pictures than this on a server that bills, and a person at a terminal is asked."""


@click.command()
@draw_flags
@click.option("-c", "--continue", "continue_", is_flag=True, help="Go on in the newest session.")
@click.option("--name", metavar="NAME", help="Name the new session.")
@picture_flags
@server_flags
@place_flags
@hidden_artist_flags
def generate(**flags: Unpack[GenerateFlags]) -> int:
    """Draw a picture from a sentence; - reads it from stdin.

    Opens a session, in which limner edit goes on. Prints the path of the picture.
    """
    if sum((flags["session"] is not None, flags["continue_"], flags["name"] is not None)) > 1:
        raise click.UsageError("--session, --continue and --name exclude each other.")
    return _draw(flags, editing=False)


@click.command()
@draw_flags
@click.option("--from", "from_", multiple=True, metavar="IMAGE", help="@4, NAME/4 or an id.")
@click.option("-i", "--image", multiple=True, metavar="FILE", help="A file to change.")
@mask_flags
@picture_flags
@server_flags
@place_flags
@hidden_artist_flags
def edit(**flags: Unpack[EditFlags]) -> int:
    """Change a picture; - reads the sentence from stdin.

    Without --from and --image: the newest picture of the newest session that was started in this
    directory. The picture that was changed stays as it is.
    """
    return _draw(flags, editing=True)


def _draw(flags: GenerateFlags | EditFlags, *, editing: bool) -> int:
    from . import desk
    from .outputs import read_output
    from .telling import Teller, progress
    from .turns import Job, run

    text = desk.prompt_of(flags["prompt"])
    output = flags["output"]
    named = None if output is None else read_output(output, force=flags["force"])
    wanted = flags["output_format"] or (named and named.asked_format)
    wanted = wanted or ("jpeg" if flags["draft"] else None)
    settings = desk.settings_of({**flags, **_drafting(flags), "output_format": wanted})
    outputs = named or read_output(settings.output, force=flags["force"])
    profile = desk.chosen(settings)
    options = desk.picture_options(
        settings, profile, editing=editing, tool_option=flags["tool_option"]
    )
    request = _request(flags, text, options, effort=settings.effort)
    desk.accepted(settings, flags["acknowledge"])
    outputs.check(output_format=options.output_format, count=flags["count"])
    if not profile.offline:
        _ask(flags, profile.name)
    job = Job(
        settings=settings,
        artist=desk.artist(flags, profile),
        teller=Teller(
            outputs=outputs,
            as_json=flags["as_json"],
            progress=progress(),
            expected=flags["count"],
        ),
        as_json=flags["as_json"],
    )
    return run(job, _work(flags, request, job))


def _drafting(flags: DrawFlags) -> dict[str, str]:
    """What a draft lowers where nothing was said (R48)."""
    return {"quality": "low"} if flags["draft"] and flags["quality"] is None else {}


def _work(flags: DrawFlags, request: TurnRequest, job: Job) -> Work:
    from dataclasses import replace

    from .finding import newest_here
    from .turns import siblings

    async def work(agent: ImageAgent, state: Interruption) -> int:
        asked = request
        if dict(flags).get("continue_"):
            asked = replace(request, session=(await newest_here(agent.store)).id)
        return await siblings(agent, asked, job, state, count=flags["count"])

    return work


def _request(
    flags: GenerateFlags | EditFlags, text: str, options: ImageOptions, *, effort: str | None
) -> TurnRequest:
    from dataclasses import replace

    from ...protocols import TurnRequest
    from . import desk

    shared = TurnRequest(
        text=text,
        session=flags["session"],
        references=[desk.picture_of(ref) for ref in flags["ref"]],
        options=options,
        effort=effort,
        stream=flags["stream"],
        acknowledge=flags["acknowledge"],
        acknowledged_by=desk.person() if flags["acknowledge"] else None,
        degrade=flags["degrade"],
        cwd=desk.here(),
    )
    if "name" in flags:
        return replace(shared, intent="generate", session_name=flags["name"])
    return _editing(shared, flags)


def _editing(shared: TurnRequest, flags: EditFlags) -> TurnRequest:
    from dataclasses import replace

    from . import desk

    sources: list[Source] = [desk.reference_of(ref) for ref in flags["from_"]]
    sources += [desk.file_of(name) for name in flags["image"]]
    return replace(
        shared,
        intent="edit",
        edit=sources or None,
        mask=Path(flags["mask"]) if flags["mask"] else None,
        mask_box=desk.box_of(flags["mask_box"]),
        mask_mode=flags["mask_mode"],
    )


def _ask(flags: DrawFlags, profile: str) -> None:
    """A person who asks for many at once on a server that bills is asked once."""
    if flags["yes"] or flags["count"] <= ASK_ABOVE or not sys.stdin.isatty():
        return
    question = f"{flags['count']} pictures, each billed by {profile}. Go on?"
    if not click.confirm(question, err=True):
        raise click.Abort
