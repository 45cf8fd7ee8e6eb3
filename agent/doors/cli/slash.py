"""The commands of a chat: ``/undo``, ``/from @2`` and the rest."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from difflib import get_close_matches
from pathlib import Path
from typing import Final, get_args

import click

from ...errors import UsageError
from ...protocols import Source
from ...schema import Quality
from . import desk, forest, masking, wording
from .conversation import Conversation, Draft
from .flags import MaskMode
from .outputs import read_output
from .stdout import write_path

_SIZE = re.compile(r"\d{2,5}x\d{2,5}|auto")
_BOX = re.compile(r"\d+,\d+,\d+,\d+")


class Quit(Exception):
    """The conversation is over."""


@dataclass(frozen=True, slots=True)
class Again:
    """Say this once more; the draft is set."""

    text: str


Handler = Callable[[Conversation, str], Awaitable[Again | None]]


@dataclass(frozen=True, slots=True)
class Slash:
    """``usage`` without the name; ``path``: its argument is a file, so Tab completes one."""

    run: Handler
    usage: str
    about: str
    path: bool = False


async def run(conversation: Conversation, line: str) -> Again | None:
    """Do what a line that begins with ``/`` says; raises ``UsageError`` and ``Quit``."""
    name, _, argument = line.strip().partition(" ")
    command = COMMANDS.get(name)
    if command is None:
        near = get_close_matches(name, COMMANDS, n=1)
        raise UsageError(
            f"There is no command {name}.",
            hint=f"Did you mean {near[0]}?" if near else "/help lists them.",
        )
    return await command.run(conversation, argument.strip())


async def _new(conversation: Conversation, argument: str) -> None:
    conversation.begin(argument or None)


async def _from(conversation: Conversation, argument: str) -> None:
    if not argument:
        raise UsageError("Which picture? /from @2")
    if (path := _file(argument)) is not None:
        _edit(conversation, path, path.name)
        return
    image = await conversation.picture(argument)
    _edit(conversation, image.id, f"@{image.number}")


def _file(text: str) -> Path | None:
    """The file of that name, if there is one."""
    path = Path(text).expanduser()
    return path if path.is_file() else None


def _edit(conversation: Conversation, source: str | Path | bytes, label: str) -> None:
    conversation.draft = replace(conversation.draft, edit=(source,), label=label)


async def _mask(conversation: Conversation, argument: str) -> None:
    """A file, a file and what marks the part to change, a box, or nothing: no mask."""
    draft = replace(conversation.draft, mask=None, mask_box=None, mask_mode="alpha")
    size = await _size_of_edited(conversation) if argument else None
    if _BOX.fullmatch(argument):
        box = desk.box_of(argument)
        assert box is not None
        masking.check_box(box, of=size)
        draft = replace(draft, mask_box=box)
    elif argument:
        name, _, last = argument.rpartition(" ")
        mode: MaskMode = next((m for m in get_args(MaskMode) if m == last and name), "alpha")
        asked = name if last == mode and name else argument
        path = _file(asked)
        if path is None:
            raise UsageError(f"{asked}: no such file.", hint="/mask FILE, or /mask X,Y,W,H")
        masking.check_mask(path, mode, of=size)
        draft = replace(draft, mask=path, mask_mode=mode)
    conversation.draft = draft


async def _size_of_edited(conversation: Conversation) -> masking.Size | None:
    """Of the picture that the next sentence changes, where there is one yet."""
    source = next(iter(conversation.draft.edit or ()), None)
    if isinstance(source, Path):
        return masking.size_of(source)
    if isinstance(source, bytes):
        return None
    image = await conversation.picture(source) if source else conversation.current
    return masking.size_in(image.actual.size) if image else None


async def _ref(conversation: Conversation, argument: str) -> None:
    draft = conversation.draft
    if not argument:
        conversation.draft = replace(draft, references=())
        return
    source: Source | None = _file(argument)
    if source is None:
        source = (await conversation.picture(argument)).id
    conversation.draft = replace(draft, references=(*draft.references, source))


async def _undo(conversation: Conversation, _: str) -> None:
    conversation.draft = Draft()
    await conversation.undo()


async def _tree(conversation: Conversation, _: str) -> None:
    if conversation.session is None:
        raise UsageError("There is no picture yet.")
    turns, images = await conversation.turns(), await conversation.images()
    for line in forest.lines(conversation.session, turns, images):
        _say(line)


async def _again(conversation: Conversation, _: str) -> Again:
    return Again((await conversation.again()).text)


async def _size(conversation: Conversation, argument: str) -> None:
    if argument and not _SIZE.fullmatch(argument):
        raise UsageError(f"/size {argument}: write WIDTHxHEIGHT or auto, as /size 1536x1024.")
    _pick(conversation, "size", argument)


async def _quality(conversation: Conversation, argument: str) -> None:
    if argument and argument not in get_args(Quality):
        raise UsageError(f"/quality {argument}: one of {', '.join(get_args(Quality))}.")
    _pick(conversation, "quality", argument)


def _pick(conversation: Conversation, key: str, value: str) -> None:
    if value:
        conversation.picked[key] = value
    else:
        conversation.picked.pop(key, None)
    _say(f"{key}: {value or 'as configured; an edit keeps its picture’s size'}")


async def _cost(conversation: Conversation, _: str) -> None:
    attempts = await conversation.attempts()
    _say(f"{wording.count(len(attempts), 'request')}, {wording.total_line(attempts)}")


async def _save(conversation: Conversation, argument: str) -> None:
    if not argument:
        raise UsageError("Where to? /save FILE or FOLDER/")
    image = await conversation.picture("")
    session = conversation.session.name if conversation.session else "picture"
    outputs = read_output(argument, force=False)
    outputs.check(output_format=image.actual.format or "png", count=1)
    write_path(outputs.deliver(image, session=session).path)


async def _open(conversation: Conversation, argument: str) -> None:
    image = await conversation.picture(argument)
    click.launch(str(conversation.teller.copy_of(image, conversation.session)))


async def _paste(conversation: Conversation, _: str) -> None:
    from .clipboard import picture

    _edit(conversation, picture(), "the picture pasted")


async def _help(_: Conversation, __: str) -> None:
    width = max(len(f"{name} {slash.usage}") for name, slash in COMMANDS.items())
    for name, slash in COMMANDS.items():
        _say(f"{f'{name} {slash.usage}':{width}}  {slash.about}")
    _say("Anything else is said to the model. Ctrl-D or /quit leaves.")


async def _quit(_: Conversation, __: str) -> None:
    raise Quit


def _say(text: str) -> None:
    click.echo(text, err=True)


COMMANDS: Final[dict[str, Slash]] = {
    "/new": Slash(_new, "[NAME]", "begin a new session"),
    "/from": Slash(_from, "@2|FILE", "edit that picture next", path=True),
    "/mask": Slash(_mask, "[FILE|X,Y,W,H]", "change only there; without: anywhere", path=True),
    "/ref": Slash(_ref, "[FILE|@2]", "look at that too; without: at nothing", path=True),
    "/undo": Slash(_undo, "", "step back before the last turn"),
    "/tree": Slash(_tree, "", "which picture came from which"),
    "/again": Slash(_again, "", "the last turn once more, from the same picture"),
    "/size": Slash(_size, "[WxH]", "from now on"),
    "/quality": Slash(_quality, "[LEVEL]", "from now on"),
    "/cost": Slash(_cost, "", "what this session came to"),
    "/save": Slash(_save, "FILE", "copy the picture there", path=True),
    "/open": Slash(_open, "[@2]", "open it in another program"),
    "/paste": Slash(_paste, "", "edit the picture in the clipboard"),
    "/help": Slash(_help, "", "this list"),
    "/quit": Slash(_quit, "", "leave"),
}
