"""Turns as results that a model reads: the path first, then what is worth knowing, then the receipt.

An error is a result too (``is_error``), so that the model sees what to change; whether anything
was charged is always said.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final

import anyio.to_thread
from mcp_types import CallToolResult, ContentBlock, ImageContent, ResourceLink, TextContent

from ...errors import KeyMissing, LimnerError, NotFound, SettingsError, StoreError
from ...schema import Billed, Failure, FailureCode, Record
from .previews import ALL_BYTES, MOST_BYTES, Preview, preview
from .receipts import in_arguments, problem_of
from .schemas import Drawn, Picture

OFFLINE: Final = "drawn offline by Limner's own artist, not by a model"
_CHARGED: Final[dict[Billed, str]] = {
    "no": "Nothing was charged.",
    "yes": "It was charged.",
    "possibly": "It was sent and may be charged: do not repeat it by yourself.",
}


def result(
    structured: Record, lines: Iterable[str], *more: ContentBlock, error: bool = False
) -> CallToolResult:
    """The lines as one text; the receipt as structured content."""
    text = "\n".join(line for line in lines if line)
    return CallToolResult(
        content=[TextContent(type="text", text=text), *more],
        structured_content=structured.model_dump(mode="json"),
        is_error=error,
    )


async def drawn(receipt: Drawn) -> CallToolResult:
    """A receipt with paths, previews and links; an error where there is none to show."""
    if receipt.status in ("refused", "failed", "unknown"):
        return result(receipt, _problem_lines(receipt), error=True)
    previews = await anyio.to_thread.run_sync(_previews, receipt.images)
    blocks: list[ContentBlock] = []
    for picture in receipt.images:
        if (small := previews.get(picture.id)) is not None:
            blocks.append(_shown(small))
        blocks.append(_link(picture))
    return result(receipt, _lines(receipt), *blocks)


def _lines(receipt: Drawn) -> Iterable[str]:
    for picture in receipt.images:
        yield picture.path or picture.original
    if receipt.status == "pending":
        yield from _pending_lines(receipt)
    for picture in receipt.images:
        facts = " ".join(filter(None, (picture.size, picture.quality, _bytes(picture.bytes))))
        made = f", made from {', '.join(picture.parents)}" if picture.parents else ""
        yield f"{picture.ref} ({picture.id}): {facts}{made}"
        if picture.path is None:
            yield "That is the store's own file: copy it, and never move or change it."
    if receipt.text:
        yield receipt.text
    if receipt.status == "text":
        yield "The model answered in words and drew nothing; answer it in the next prompt."
    if receipt.images:
        yield f"Change it with edit_image(image={receipt.images[-1].id!r}, prompt=...)."
    if receipt.status != "pending":
        yield _cost_line(receipt)
    yield from (f"note: {warning}" for warning in receipt.warnings)
    if receipt.offline and receipt.images and not receipt.text:  # where it says so itself
        yield f"note: {OFFLINE}"


def _pending_lines(receipt: Drawn) -> Iterable[str]:
    if receipt.turn is None:
        yield "pending: nothing was sent yet. Make the same call again to go on waiting."
    else:
        yield f"pending: {receipt.turn} of session {receipt.session_name}. It goes on by itself."
        yield f"Wait for it with get_turn(turn={receipt.turn!r}); asking anew would not be faster."


def _problem_lines(receipt: Drawn) -> Iterable[str]:
    problem = receipt.error
    assert problem is not None
    yield f"{receipt.status} ({problem.code}): {problem.message}"
    yield problem.hint
    if problem.candidates:
        yield f"There are: {', '.join(problem.candidates)}"
    if "charged" not in problem.message:
        yield _CHARGED[problem.charged]
    for attempt in problem.attempts:
        yield f"A person can find out and settle it: limner ledger, limner retry {attempt}"
    if problem.retry_at:
        yield f"Try again after {problem.retry_at:%Y-%m-%d %H:%M} UTC."
    if receipt.text:
        yield receipt.text
    yield from (f"note: {warning}" for warning in receipt.warnings)


def _cost_line(receipt: Drawn) -> str:
    cost, where = receipt.cost, f"session {receipt.session_name}, {receipt.turn}"
    if cost is None:
        return where
    amount = "unknown" if cost.amount is None else f"{cost.amount} {cost.currency} ({cost.basis})"
    free = receipt.offline and cost.amount is not None and float(cost.amount) == 0
    return f"{where}, cost {'nothing' if free else amount}"


def _bytes(count: int) -> str:
    return f"{count / 1000:.0f} kB" if count < 1_000_000 else f"{count / 1e6:.1f} MB"


def _previews(pictures: Sequence[Picture]) -> Mapping[str, Preview]:
    most = min(MOST_BYTES, ALL_BYTES // max(len(pictures), 1))
    made = {one.id: preview(Path(one.original), most=most) for one in pictures}
    return {which: small for which, small in made.items() if small is not None}


def _shown(small: Preview) -> ImageContent:
    data = base64.b64encode(small.data).decode("ascii")
    return ImageContent(type="image", data=data, mime_type=small.media_type)


def _link(picture: Picture) -> ResourceLink:
    return ResourceLink(
        type="resource_link",
        uri=picture.uri,
        name=Path(picture.path or picture.original).name,
        title=f"The original of {picture.ref}",
        mime_type=picture.media_type,
        size=picture.bytes,
    )


def failed(failure: Failure) -> CallToolResult:
    """A call that came to nothing before a turn began."""
    receipt = Drawn(
        status="refused" if failure.stage else "failed",
        session=None,
        session_name=None,
        turn=None,
        turns=(),
        images=(),
        text="",
        cost=None,
        offline=False,
        profile="",
        warnings=(),
        error=problem_of(failure),
    )
    return result(receipt, _problem_lines(receipt), error=True)


def failure_of(error: LimnerError) -> Failure:
    """What was raised before a turn began, and so cost nothing."""
    code: FailureCode = "store" if isinstance(error, StoreError) else "usage"
    hint = error.hint
    if isinstance(error, SettingsError):
        code = "authentication" if isinstance(error, KeyMissing) else code
        hint = f"{hint} Only a person can mend the configuration of this server.".strip()
    return Failure(
        code=code,
        message=str(error),
        hint=hint,
        candidates=error.candidates if isinstance(error, NotFound) else (),
    )


def told(error: LimnerError) -> CallToolResult:
    """The same for tools whose receipt is another: words alone."""
    candidates = error.candidates if isinstance(error, NotFound) else ()
    lines = [in_arguments(str(error)), in_arguments(error.hint)]
    lines.append(f"There are: {', '.join(candidates)}" if candidates else "")
    text = "\n".join(line for line in lines if line)
    return CallToolResult(content=[TextContent(type="text", text=text)], is_error=True)
