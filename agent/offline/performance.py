"""Works a plan out, one event at a time, in the order of the real wire (wire.md section 3).

Nothing is drawn before it is asked for: whoever stops reading stops the drawing.
"""

from __future__ import annotations

import re
from binascii import b2a_base64
from collections.abc import Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TypeVar

import anyio
import anyio.to_thread
from pydantic import JsonValue

from ..wire.fields import JsonObject, RequestFault
from .documents import Frame, failed_item, message_item, picture_item, text_part
from .easel import Draw, Drawn, Sheet, draft, finish, lay_out
from .memory import Memory
from .plan import Job, Plan
from .shelf import Journal, NewIds
from .tamper import Events
from .tokens import PARTIAL, Bill, input_picture_tokens, output_picture_tokens, text_tokens
from .words import revised_prompt

T = TypeVar("T")
Change = Callable[[JsonObject], JsonObject]


@dataclass(kw_only=True)
class Workshop:
    """What a performance needs from the server; ``bill`` and what follows grow as it goes."""

    draw: Draw
    ids: NewIds
    journal: Journal
    clock: Callable[[], float]
    memory: Memory
    request_id: str
    changes: Sequence[Change] = ()
    """Faults of finished items."""
    bill: Bill = field(default_factory=Bill)
    pictures: dict[str, bytes] = field(default_factory=dict, repr=False)
    notes: list[str] = field(default_factory=list)
    """What an edit did not understand, for the message after it."""

    async def lay_out(self, job: Job) -> Sheet:
        """Decodes what is edited; raises ``RequestFault`` before anything is promised."""
        return await _in_thread(partial(lay_out, job))

    async def draft(self, sheet: Sheet, step: int) -> bytes:
        self.journal.counts["partials"] += 1
        steps = sheet.job.partials
        return await _in_thread(partial(draft, sheet, step, steps, self.draw))

    async def finish(self, sheet: Sheet) -> Drawn:
        """Draws, counts and bills the picture."""
        drawn = await _in_thread(partial(finish, sheet, self.draw))
        self.journal.drew(self.request_id)
        self.memory.keep(drawn.scene, drawn.size, drawn.thumb)
        self.memory.slipped(sheet.job.meant)
        job = sheet.job
        cost = output_picture_tokens(drawn.size, job.quality) + PARTIAL * job.partials
        read = input_picture_tokens(sheet.base.size) if sheet.base else 0
        self.bill = replace(
            self.bill,
            tool_out=self.bill.tool_out + cost,
            tool_text_in=self.bill.tool_text_in + text_tokens(job.words),
            tool_pictures_in=self.bill.tool_pictures_in + read,
        )
        return drawn

    def changed(self, item: JsonObject) -> JsonObject:
        for change in self.changes:
            item = change(item)
        return item


async def _in_thread(work: Callable[[], T]) -> T:
    """A failure of the artist is a server error, as a model's would be, never a traceback."""
    try:
        return await anyio.to_thread.run_sync(work)
    except RequestFault:
        raise
    except Exception as error:
        raise RequestFault(
            f"The offline artist failed at this picture: {error!r:.200}",
            status=500,
            code="server_error",
            type="server_error",
        ) from error


def base64_text(data: bytes) -> str:
    """As it stands on the wire."""
    return b2a_base64(data, newline=False).decode("ascii")


async def perform(plan: Plan, sheets: Sequence[Sheet], frame: Frame, shop: Workshop) -> Events:
    """Every event of an answer, without sequence numbers; the last one is terminal."""
    opened: JsonValue = frame.document("in_progress", [])
    yield {"type": "response.created", "response": opened}
    yield {"type": "response.in_progress", "response": opened}
    if plan.break_with is not None:
        yield plan.break_with
        return
    output: list[JsonValue] = []
    try:
        for step in _steps(plan, sheets, frame, shop):
            async with aclosing(step(len(output))) as events:
                async for event in events:
                    yield event
                    if event["type"] == "response.output_item.done":
                        output.append(event["item"])
    except RequestFault as fault:
        detail: JsonObject = {"code": "server_error", "message": fault.message}
        plan = replace(plan, end="failed", detail=detail)
    if plan.stalls and not plan.jobs:
        await anyio.sleep_forever()
    closed = frame.closed(plan, output, shop.bill, int(shop.clock()))
    yield {"type": f"response.{plan.end}", "response": closed}


def _steps(
    plan: Plan, sheets: Sequence[Sheet], frame: Frame, shop: Workshop
) -> list[Callable[[int], Events]]:
    """One row of events per output item; each takes the item's index."""
    steps: list[Callable[[int], Events]] = [
        partial(_picture, plan, sheet, frame, shop) for sheet in sheets
    ]
    if plan.text is not None:
        steps.append(partial(_message, plan.text, plan.refusal, shop))
    return steps


async def _picture(plan: Plan, sheet: Sheet, frame: Frame, shop: Workshop, index: int) -> Events:
    item_id = shop.ids.new("ig")
    at: JsonObject = {"output_index": index, "item_id": item_id}
    call = "response.image_generation_call"
    begun: JsonObject = {"id": item_id, "type": "image_generation_call", "status": "in_progress"}
    yield {
        "type": "response.output_item.added",
        "output_index": index,
        "item": {**begun, "result": None},
    }
    yield {"type": f"{call}.in_progress", **at}
    yield {"type": f"{call}.generating", **at}
    if plan.stalls:
        await anyio.sleep_forever()
    if plan.failure is not None:
        item = failed_item(item_id, sheet.job, plan.failure)
        yield {"type": "response.output_item.done", "output_index": index, "item": item}
        return
    for step in range(sheet.job.partials):
        yield _partial(at, step, await shop.draft(sheet, step), sheet)
    drawn = await shop.finish(sheet)
    shop.pictures[item_id] = drawn.data
    shop.notes += [drawn.note] if drawn.note else []
    if sheet.job.partials or frame.dialect.stray_partial:
        yield _partial(at, sheet.job.partials, drawn.data, sheet)
    if frame.dialect.tool_completed_event:
        yield {"type": f"{call}.completed", **at}
    item = picture_item(
        item_id,
        sheet.job,
        result=base64_text(drawn.data),
        size=drawn.size,
        revised=revised_prompt(sheet.job, drawn.scene, drawn.note),
        status=frame.dialect.item_status,
    )
    done = shop.changed(item)
    yield {"type": "response.output_item.done", "output_index": index, "item": done}


def _partial(at: JsonObject, step: int, data: bytes, sheet: Sheet) -> JsonObject:
    """A whole render, not a delta. The last one is the finished picture (wire.md 0.2)."""
    return {
        "type": "response.image_generation_call.partial_image",
        **at,
        "partial_image_index": step,
        "partial_image_b64": base64_text(data),
        "size": f"{sheet.size[0]}x{sheet.size[1]}",
        "quality": sheet.job.quality,
        "background": "transparent" if sheet.job.background == "transparent" else "opaque",
        "output_format": sheet.job.output_format,
    }


_WORDS = re.compile(r"\s*\S+\s*$|\s*\S+|\s+")


async def _message(text: str, refusal: bool, shop: Workshop, index: int) -> Events:
    text = text if refusal else " ".join((text, *shop.notes))
    item_id = shop.ids.new("msg")
    at: JsonObject = {"item_id": item_id, "output_index": index, "content_index": 0}
    kind = "response.refusal" if refusal else "response.output_text"
    extra: JsonObject = {} if refusal else {"logprobs": []}
    added = message_item(item_id, "in_progress", [])
    yield {"type": "response.output_item.added", "output_index": index, "item": added}
    part = text_part("", refusal=refusal)
    yield {"type": "response.content_part.added", **at, "part": part}
    for word in _WORDS.findall(text):
        yield {"type": f"{kind}.delta", **at, "delta": word, **extra}
    whole: JsonObject = {"refusal": text} if refusal else {"text": text}
    yield {"type": f"{kind}.done", **at, **whole, **extra}
    part = text_part(text, refusal=refusal)
    yield {"type": "response.content_part.done", **at, "part": part}
    shop.bill = replace(shop.bill, text_out=shop.bill.text_out + text_tokens(text))
    done = message_item(item_id, "completed", [part])
    yield {"type": "response.output_item.done", "output_index": index, "item": done}
