"""One ``Outgoing`` from a turn's parts: instructions, action, and what the dialect has proved."""

from __future__ import annotations

from dataclasses import dataclass

from ..schema import Action, ImageOptions, Intent, Preamble, PromptRef
from ..traffic import Dialect, Message, Outgoing, PictureData
from . import capabilities, prompts


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What a turn has gathered before it may be sent."""

    intent: Intent
    model: str
    dialect: Dialect
    options: ImageOptions
    preamble: Preamble
    messages: tuple[Message, ...]
    editing: int = 0
    references: int = 0
    mask: PictureData | None = None
    effort: str | None = None
    stream: bool = True
    address: bool = False
    user: str | None = None


def build(parts: Parts) -> tuple[Outgoing, tuple[PromptRef, ...]]:
    """The request and the versioned texts that went into it."""
    forced = parts.intent in ("generate", "edit")
    texts = [preamble(parts.preamble, parts.dialect), prompts.text("edit/instructions")]
    if parts.references:
        numbers = {"editing": str(parts.editing), "total": str(parts.editing + parts.references)}
        name = "edit/references" if parts.editing else "edit/references-only"
        texts.append(prompts.text(name, values=numbers))
    if forced and not parts.dialect.tool_choice:
        texts.append(prompts.text("edit/force"))
    outgoing = Outgoing(
        kind=parts.intent,
        model=parts.model,
        instructions="\n\n".join(words.strip() for words, _ in texts),
        messages=parts.messages,
        options=parts.options if parts.dialect.partials else _without_drafts(parts.options),
        action=action_for(parts.intent, parts.editing, parts.references),
        mask=parts.mask,
        force_tool=forced and parts.dialect.tool_choice,
        effort=parts.effort,
        stream=parts.stream and parts.dialect.streaming,
        address=parts.address,
        user=parts.user,
    )
    return outgoing, tuple(ref for _, ref in texts)


def _without_drafts(options: ImageOptions) -> ImageOptions:
    """Drafts cost tokens and do not come where a server was shown not to send them."""
    return options.model_copy(update={"partial_images": 0})


def notices(options: ImageOptions, dialect: Dialect) -> tuple[str, ...]:
    """What is legal and yet worth saying before money is spent."""
    return (*capabilities.notices(options), *left_out(options, dialect))


def left_out(options: ImageOptions, dialect: Dialect) -> tuple[str, ...]:
    """What was asked for and is not known to be taken by this kind of server (R26)."""
    if options.moderation == "auto" or dialect.moderation_param:
        return ()
    told = (
        f"moderation {options.moderation} was left out: nothing shows that a {dialect.name} server "
        "takes it, so its own standard holds (dialect = … in the profile, if you know its kind)"
    )
    return (told,)


def action_for(intent: Intent, editing: int, references: int) -> Action:
    """Always said: a server's default may move, and ``edit`` without a picture is an error."""
    if editing:
        return "auto" if intent == "chat" else "edit"
    if references or intent == "chat":
        return "auto"
    return "generate"


def preamble(variant: Preamble, dialect: Dialect) -> tuple[str, PromptRef]:
    """The safety preamble (R59), worded without trigger words where a word list may trip on it."""
    return prompts.text(f"preamble/{variant}{'-plain' if dialect.preamble_words else ''}")
