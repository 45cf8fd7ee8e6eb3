"""Decides what a conversation asks for: a picture, a change, an answer, or only words.

By rules a reader can predict, never by judging what a text is about: the offline server refuses
nothing of its own accord (only a fault does).
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field, replace

from ..wire.fields import JsonObject
from ..wire.requests import (
    FileImage,
    ImageSource,
    ImageTool,
    InlineImage,
    InputMessage,
    ItemReference,
    PictureCall,
    RequestFault,
    ResponsesRequest,
    ToolOutput,
)
from .dialects import ServerDialect
from .memory import Memory
from .plan import Job, Plan
from .reading import Reader
from .resolve import job_of
from .shelf import Kept, Shelf
from .words import about, answer, closing


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """A request with every id looked up."""

    words: str
    """The newest user text; ``""`` when there is none."""
    texts: tuple[str, ...]
    """Every text that a model would have read, for counting."""
    pictures: tuple[bytes, ...] = field(default=(), repr=False)
    """Of the newest item that has any; the first is the one an edit is about."""
    fresh: bool = False
    """They came with the newest user message, not from earlier in the conversation."""
    mask: bytes | None = field(default=None, repr=False)


def context_of(
    request: ResponsesRequest, shelf: Shelf, dialect: ServerDialect, channel: int
) -> Context:
    """Raises ``RequestFault`` for an id that this server does not hold."""
    earlier = _earlier(request, shelf, dialect, channel)
    messages = [i for i in request.items if isinstance(i, InputMessage)]
    spoken = [m.text for m in messages if m.role == "user" and m.text]
    pictures, fresh = _newest_pictures(request, shelf, channel)
    if not pictures:
        pictures = next((tuple(k.pictures.values())[-1:] for k in earlier if k.pictures), ())
    tool = request.image_tool
    mask = tool.mask if tool else None
    return Context(
        words=spoken[-1] if spoken else next((k.words for k in earlier if k.words), ""),
        texts=(
            request.instructions or "",
            *(m.text for m in messages),
            *(k.words for k in earlier),
        ),
        pictures=pictures,
        fresh=fresh,
        mask=None
        if mask is None
        else _bytes(mask, f"tools[{tool.index if tool else 0}].input_image_mask"),
    )


def _earlier(
    request: ResponsesRequest, shelf: Shelf, dialect: ServerDialect, channel: int
) -> list[Kept]:
    previous = request.previous_response_id
    if previous is None or dialect.previous == "dropped":
        return []
    chain = shelf.chain(previous, channel)
    if not chain:
        raise RequestFault(
            f"Previous response with id {previous[:80]!r} not found.",
            status=dialect.unknown_previous,
            code="previous_response_not_found",
            param="previous_response_id",
        )
    return chain


def _newest_pictures(
    request: ResponsesRequest, shelf: Shelf, channel: int
) -> tuple[tuple[bytes, ...], bool]:
    """Every id is looked up, also of the items that turn out not to matter."""
    found: tuple[bytes, ...] = ()
    fresh = False
    for index, item in enumerate(request.items):
        at = f"input[{index}]"
        if isinstance(item, InputMessage | ToolOutput):
            sources = [p for p in item.parts if isinstance(p, ImageSource)]
            here = tuple(_bytes(source, at) for source in sources)
            user = isinstance(item, InputMessage) and item.role == "user"
            fresh = bool(here) if user else fresh and not here
        elif isinstance(item, PictureCall | ItemReference):
            here = _replayed(item, shelf, channel, at)
            fresh = fresh and not here
        else:
            continue
        found = here or found
    return found, fresh


def _replayed(
    item: PictureCall | ItemReference, shelf: Shelf, channel: int, at: str
) -> tuple[bytes, ...]:
    if isinstance(item, PictureCall) and item.source is not None:
        return (_bytes(item.source, at),)
    if item.id is not None and shelf.knows_item(item.id, channel):
        data = shelf.picture(item.id, channel)
        return () if data is None else (data,)
    raise RequestFault(
        f"Item with id {(item.id or '')[:80]!r} not found. Items are not persisted when `store` is "
        "set to false. Try again with `store` set to true, or remove this item from your input.",
        status=404,
        param="input",
    )


def _bytes(source: ImageSource, param: str) -> bytes:
    """Only what was sent: this server fetches nothing and has no Files API."""
    if isinstance(source, InlineImage):
        return source.data
    what = f"file {source.file_id[:60]!r}" if isinstance(source, FileImage) else "that address"
    raise RequestFault(
        f"The offline server cannot fetch {what}. Send the picture itself as a data URL.",
        code="image_url_not_available",
        param=param,
    )


# ── what to do about it ──────────────────────────────────────────────────────────────────────


def plan_of(request: ResponsesRequest, context: Context, reader: Reader | None = None) -> Plan:
    """Raises ``RequestFault`` for options that no picture can have."""
    tool = request.image_tool
    if tool is None:
        return Plan(
            text=answer(
                context.words,
                context.pictures,
                request.text_format,
                request.answer_schema or _told_schema(request, context),
                reader or Reader(Memory()),
            )
        )
    if request.choice == "none" or (request.choice == "auto" and _only_talk(context, tool)):
        return Plan(text=about(context.pictures))
    job = _job(tool, context)
    return Plan(jobs=(job,), text=closing(job, spare=len(context.pictures) - 1))


def _told_schema(request: ResponsesRequest, context: Context) -> JsonObject | None:
    """A schema that stands in the instructions alone; kept to where there are pictures to read."""
    if not context.pictures:
        return None
    _, said, rest = (request.instructions or "").partition("JSON Schema:")
    if not said:
        return None
    try:
        found: object = json.JSONDecoder().raw_decode(rest.lstrip())[0]
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def _job(tool: ImageTool, context: Context) -> Job:
    job = job_of(tool, words=context.words, at=f"tools[{tool.index}].")
    if not _edits(tool, context):
        return job
    return replace(job, base=context.pictures[0], mask=context.mask)


def _edits(tool: ImageTool, context: Context) -> bool:
    if tool.action == "edit" and not context.pictures:
        raise RequestFault(
            "The action is 'edit', but no picture was found in the context.",
            code="invalid_value",
            param=f"tools[{tool.index}].action",
        )
    if tool.action in ("generate", "edit"):
        return tool.action == "edit"
    return bool(context.pictures) and (context.fresh or not _ANEW.search(context.words))


_ANEW = re.compile(
    r"^\W*(?:please\s+)?(?:now\s+)?(?:draw|paint|generate|create|make)\s+(?:me\s+)?(?:an?|another)\s+"
    r"(?:new\s+|different\s+)?(?:picture|image|poster|drawing|painting|illustration)\b"
    r"|^\W*(?:请)?(?:重新|再)?(?:画|生成)一",
    re.IGNORECASE,
)
_QUESTION = re.compile(
    r"[?？]\s*$|^\W*(?:what|which|who|where|when|why|how|is|are|does|did|describe|tell me|read)\b",
    re.IGNORECASE,
)
_WORK = re.compile(
    r"\b(?:draw|paint|sketch|render|generate|create|make|design|turn|change|add|remove|replace|put|"
    r"edit|crop|give|show me|can you|could you|would you|please)\b|[画绘改加换变删去裁]|生成|制作|设计",
    re.IGNORECASE,
)


def _only_talk(context: Context, tool: ImageTool) -> bool:
    """A plain question, and nothing in it that asks for work."""
    if tool.action == "edit":
        return False
    words = context.words.strip()
    return not words or bool(_QUESTION.search(words) and not _WORK.search(words))
