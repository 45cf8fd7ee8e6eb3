"""The Images API: ``/v1/images/generations`` and ``/v1/images/edits``, JSON, form, streamed."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import replace
from functools import partial
from typing import Literal

import anyio
from pydantic import JsonValue

from ..wire.requests import ImagesRequest, InlineImage, JsonObject, RequestFault
from .dialects import ServerDialect
from .documents import picture_item
from .easel import Sheet
from .exchange import Reply, json_reply
from .image_requests import allowed
from .performance import Workshop, base64_text
from .plan import Plan
from .resolve import job_of
from .serving import answer, refused_early
from .shaping import error_reply
from .state import State
from .tamper import Events
from .words import revised_prompt

Route = Literal["generations", "edits"]


async def create(state: State, asked: ImagesRequest, route: Route, request_id: str) -> Reply:
    """Pictures. Errors keep their status here, also where a Responses call would hide it (D23)."""
    frank = replace(state.dialect, hides_errors=False)
    try:
        return await _created(state, asked, route, request_id, frank)
    except RequestFault as fault:
        hidden = state.dialect.hides_errors and fault.status >= 500
        told = RequestFault(fault.message, status=502, type="upstream_error") if hidden else fault
        return error_reply(told, frank, by="upstream", request_id=request_id)


async def _created(
    state: State, asked: ImagesRequest, route: Route, request_id: str, dialect: ServerDialect
) -> Reply:
    faults = state.strike("images", words=asked.prompt)
    if (early := refused_early(faults, dialect, request_id)) is not None:
        return early
    state.next_channel()
    await state.wait()
    allowed(asked, route, dialect)
    plan = _plan(asked, route, dialect)
    for fault in faults:
        plan = fault.plan(plan) if fault.plan else plan
    refusal = _refusal(plan)
    if refusal is not None and not asked.stream:
        raise refusal
    shop = state.workshop(faults, request_id)
    sheets = [await shop.lay_out(job) for job in plan.jobs]
    kind = "image_edit" if asked.images and dialect.images_event == "own" else "image_generation"
    frame = Frame(asked, dialect, kind, shop)
    made = await answer(
        _perform(plan, refusal, sheets, frame),
        stream=asked.stream,
        faults=faults,
        gather=partial(_gathered, frame),
        numbered=False,
        dialect=dialect,
        done_marker=dialect.done_marker,
    )
    return made if dialect.images_stream or not asked.stream else await _unstreamed(made)


class Frame:
    """What every event of one answer shares."""

    def __init__(
        self, asked: ImagesRequest, dialect: ServerDialect, kind: str, shop: Workshop
    ) -> None:
        self.asked = asked
        self.dialect = dialect
        self.kind = kind
        self.shop = shop


def _plan(asked: ImagesRequest, route: Route, dialect: ServerDialect) -> Plan:
    """``generations`` with pictures is an edit (D11)."""
    if route == "edits" and not asked.images:
        raise RequestFault(
            "Missing required parameter: 'image'.", code="missing_required_parameter", param="image"
        )
    job = job_of(asked, words=asked.prompt)
    if asked.images:
        first = _bytes(asked.images[0], "image")
        mask = asked.mask and _bytes(asked.mask, "mask")
        job = replace(job, base=first, mask=mask or None)
    copies = asked.n if dialect.images_copies else 1
    return Plan(jobs=tuple(replace(job, number=n) for n in range(copies)))


def _bytes(source: object, param: str) -> bytes:
    if isinstance(source, InlineImage):
        return source.data
    raise RequestFault(
        "The offline server fetches nothing. Send the picture itself, as a file or a data URL.",
        code="image_url_not_available",
        param=param,
    )


def _refusal(plan: Plan) -> RequestFault | None:
    """What a Responses answer says in its items is a status here, or an error event (D22, D23)."""
    if plan.break_with is not None:
        return None
    if plan.failure is not None:
        text = "Your request was rejected by the safety system."
        return _fault(400, text, "moderation_blocked")
    if plan.end == "incomplete" and plan.detail == {"reason": "content_filter"}:
        text = "The answer was cut off by a content filter."
        return _fault(400, text, "content_policy_violation")
    if plan.end != "completed":
        return _fault(502, "Upstream request failed", "upstream_error")
    if not plan.jobs and plan.text:
        return _fault(400, plan.text[:600], "content_policy_violation")
    if not plan.jobs:
        return _fault(502, "upstream did not return image output", "upstream_error")
    return None


def _fault(status: int, message: str, code: str) -> RequestFault:
    kind = "image_generation_user_error" if status == 400 else "upstream_error"
    return RequestFault(message, status=status, code=code, type=kind)


async def _perform(
    plan: Plan, refusal: RequestFault | None, sheets: Sequence[Sheet], frame: Frame
) -> Events:
    """Partials and a ``completed`` event for each picture, or the error in their place."""
    if plan.break_with is not None:
        yield plan.break_with
        return
    if refusal is not None:
        yield {"type": "error", **refusal.body()}
        return
    if plan.stalls:
        await anyio.sleep_forever()
    for sheet in sheets:
        try:
            async with aclosing(_picture(sheet, frame)) as events:
                async for event in events:
                    yield event
        except RequestFault as fault:
            yield {"type": "error", **fault.body()}
            return


async def _picture(sheet: Sheet, frame: Frame) -> Events:
    shop = frame.shop
    shape = _shape(sheet, int(shop.clock()))
    for step in range(sheet.job.partials):
        yield _partial(frame.kind, shape, step, base64_text(await shop.draft(sheet, step)))
    drawn = await shop.finish(sheet)
    data = base64_text(drawn.data)
    if sheet.job.partials:
        yield _partial(frame.kind, shape, sheet.job.partials, data)
    told = revised_prompt(sheet.job, drawn.scene, drawn.note)
    item = picture_item("", sheet.job, result=data, size=drawn.size, revised=told, status="")
    yield {
        "type": f"{frame.kind}.completed",
        **shape,
        "size": f"{drawn.size[0]}x{drawn.size[1]}",
        **_told(shop.changed(item).get("result"), told, frame),
        "usage": shop.bill.image_usage(),
    }


def _shape(sheet: Sheet, created: int) -> JsonObject:
    job = sheet.job
    return {
        "created_at": created,
        "size": f"{sheet.size[0]}x{sheet.size[1]}",
        "quality": job.quality,
        "background": "transparent" if job.background == "transparent" else "opaque",
        "output_format": job.output_format,
        "offline": True,
    }


def _partial(kind: str, shape: JsonObject, step: int, data: str) -> JsonObject:
    return {
        "type": f"{kind}.partial_image",
        **shape,
        "partial_image_index": step,
        "b64_json": data,
    }


_DATA = ("b64_json", "url", "revised_prompt")


def _told(result: JsonValue, revised: str, frame: Frame) -> JsonObject:
    """The picture as this dialect gives it; a fault may have made an address of it."""
    dialect, told = frame.dialect, JsonObject()
    if isinstance(result, str) and result.startswith(("https://", "data:")):
        told["url"] = result
    elif isinstance(result, str) and _wants_address(frame):
        kind = frame.asked.output_format or "png"
        told["url"] = f"data:image/{kind};base64,{result}"
        told |= {"b64_json": result} if frame.asked.stream else {}
    else:
        told["b64_json"] = result
    if dialect.images_revised:
        told["revised_prompt"] = revised
    return {**dict.fromkeys(_DATA, ""), **told} if dialect.images_blank_fields else told


def _wants_address(frame: Frame) -> bool:
    """D7: an address that holds the picture itself; a stream gives both."""
    return frame.asked.response_format == "url" and frame.dialect.images_address == "data-url"


def _gathered(frame: Frame, row: list[JsonObject]) -> JsonObject | None:
    finals = [e for e in row if str(e["type"]).endswith(".completed")]
    if not finals:
        return None
    shared = {k: finals[0][k] for k in ("background", "output_format", "quality", "size")}
    data: list[JsonValue] = [{k: e[k] for k in _DATA if k in e} for e in finals]
    if frame.dialect.images_told_model:
        shared["model"] = frame.asked.model or "gpt-image-2"
    return {
        "created": int(frame.shop.clock()),
        "data": data,
        **shared,
        "usage": frame.shop.bill.image_usage(),
    }


async def _unstreamed(made: Reply) -> Reply:
    """L5: everything was drawn, and the whole stream ends up in an error's message."""
    async with aclosing(made.body) as body:
        text = b"".join([chunk async for chunk in body]).decode("utf-8", "replace")
    error: JsonObject = {
        "message": f"litellm.APIError: {text}",
        "type": "internal_server_error",
        "param": None,
        "code": "500",
    }
    return json_reply({"error": error}, status=500)
