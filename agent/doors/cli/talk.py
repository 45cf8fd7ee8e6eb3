"""The loop of a chat: read a line, take a turn, show what came."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import anyio
import click

from ... import ImageAgent
from ...errors import LimnerError, NotFound
from . import desk, slash
from .conversation import Conversation, Manner
from .finding import newest_here
from .outputs import read_output
from .problems import say_problem
from .reading import Lines, lines
from .signals import Interruption
from .telling import Teller, progress
from .turns import Job, run

if TYPE_CHECKING:
    from ...events import Terminal
    from ...settings import ProfileSettings, Settings
    from .flags import ChatFlags

LEFT = (
    "It was sent and goes on by itself: if the picture still comes, /tree shows it. "
    "Leaving waits for it."
)
WAITING = "Waiting for what was sent; Ctrl-C abandons it."


def talk(flags: ChatFlags) -> int:
    """Until the lines end; the worst exit code of a pipe, 0 for a person."""
    settings = desk.settings_of(flags)
    profile = desk.chosen(settings)
    outputs = read_output(settings.output, force=False)
    if outputs.fixed:
        raise click.UsageError("--output: a chat makes many pictures; name a folder or use {n}.")
    outputs.check(output_format=settings.output_format, count=1)
    shower = _shower(flags["images"])
    manner = _manner(flags, settings, profile, drafts=shower is not None)
    teller = Teller(outputs=outputs, as_json=False, progress=progress(), shower=shower)
    job = Job(settings=settings, artist=desk.artist(flags, profile), teller=teller, as_json=False)
    source = lines(lambda: settings.data_dir / "chat_history")

    async def work(agent: ImageAgent, state: Interruption) -> int:
        conversation = Conversation(agent, manner, teller)
        if flags["session"] is not None:
            await conversation.resume(await agent.store.session(flags["session"]))
        elif flags["continue_"]:
            await conversation.resume(await newest_here(agent.store))
        return await _loop(conversation, source, state)

    return run(job, work)


def _manner(
    flags: ChatFlags, settings: Settings, profile: ProfileSettings, *, drafts: bool
) -> Manner:
    options = [
        desk.picture_options(settings, profile, editing=editing, tool_option=flags["tool_option"])
        for editing in (False, True)
    ]
    if drafts and "partial_images" not in settings.origins and settings.output_format != "gif":
        options = [each.model_copy(update={"partial_images": 1}) for each in options]
    return Manner(
        fresh=options[0],
        edits=options[1],
        effort=settings.effort,
        stream=flags["stream"],
        acknowledge=desk.accepted(settings, flags["acknowledge"]),
    )


def _shower(wanted: str) -> Callable[[Path], None] | None:
    """Pillow is not loaded for a pipe."""
    if not sys.stdout.isatty():
        return None
    from .show import shower

    return shower(wanted)


async def _loop(conversation: Conversation, source: Lines, state: Interruption) -> int:
    worst = 0
    while (line := await source.next(conversation.label)) is not None:
        if not line.strip():
            continue
        try:
            worst = max(worst, await _line(conversation, line, source, state))
        except slash.Quit:
            break
        except LimnerError as error:
            candidates = error.candidates if isinstance(error, NotFound) else ()
            say_problem(str(error), hint=error.hint, candidates=candidates)
            worst = max(worst, 2)
    if conversation.left:
        conversation.teller.line(WAITING)
    return 0 if source.person else worst


async def _line(conversation: Conversation, line: str, source: Lines, state: Interruption) -> int:
    text = line
    if line.startswith("/"):
        again = await slash.run(conversation, line)
        if again is None:
            return 0
        text = again.text
    accepted: tuple[str, ...] = ()
    while True:
        result = await _turn(conversation, text, accepted, state)
        if result is None:
            return 130
        error = result.error
        if error is None or error.code != "review" or not error.rule or not source.person:
            return result.exit_code
        if not await source.agrees(f"Acknowledge {error.rule} and go on?"):
            return result.exit_code
        accepted = (*accepted, error.rule)


async def _turn(
    conversation: Conversation, text: str, acknowledge: tuple[str, ...], state: Interruption
) -> Terminal | None:
    """``None``: Ctrl-C. What was sent by then is still read and kept."""
    teller = conversation.teller
    state.sent = state.warned = False
    result: Terminal | None = None
    with anyio.CancelScope() as state.inner:
        result = await conversation.say(text, state, acknowledge=acknowledge)
    state.inner, state.sent = None, False
    if result is None:
        teller.close()
        conversation.left |= teller.sent is not None
        teller.line(LEFT if teller.sent else "Stopped before anything was sent.")
        await conversation.refresh()
    return result
