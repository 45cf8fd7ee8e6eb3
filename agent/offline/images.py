"""The Images API: ``/v1/images/generations`` and ``/v1/images/edits``, JSON, form, streamed."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import replace
from functools import partial
from typing import Literal

import anyio
from pydantic import JsonValue

from ..wire.requests import (
    ImagesRequest,
    InlineImage,
    JsonObject,
    RequestFault,
    read_form,
    read_images,
    read_json,
)
from .documents import picture_item
from .easel import Sheet
from .exchange import Incoming, Reply
from .performance import Workshop, base64_text
from .plan import Plan
from .resolve import job_of
from .serving import answer, refused_early
from .shelf import fingerprint
from .state import State
from .tamper import Events
from .words import revised_prompt

Route = Literal["generations", "edits"]


def read(request: Incoming) -> tuple[ImagesRequest, JsonObject]:
    """The request, and what of it the log may show."""
    content_type = request.headers.get("content-type", "application/json")
    if "json" in content_type:
        payload = read_json(request.body)
        return read_images(payload), payload
    fields, files = read_form(request.body, content_type)
    shown: JsonObject = {
        **fields,
        **{name: [fingerprint(f.data) for f in parts] for name, parts in files.items()},
    }
    return read_images(fields, files=files), shown


async def create(state: State, asked: ImagesRequest, route: Route, request_id: str) -> Reply:
    """Pictures; raises ``RequestFault`` for what the server behind the gateway would refuse."""
    faults = state.strike("images")
    if (early := refused_early(faults, state.dialect, request_id)) is not None:
        return early
    state.next_channel()
    await state.wait()
    if asked.stream and not state.dialect.images_stream:
        raise RequestFault(
            "'str' object has no attribute 'model_dump'", status=500, type="server_error"
        )
    plan = _plan(asked, route)
    for fault in faults:
        plan = fault.plan(plan) if fault.plan else plan
    if not asked.stream or not plan.break_with:
        _refused(plan)
    shop = state.workshop(faults)
    sheets = [await shop.lay_out(job) for job in plan.jobs]
    kind = "image_edit" if asked.images else "image_generation"
    events = _perform(plan, sheets, kind, shop)
    return await answer(
        events,
        stream=asked.stream,
        faults=faults,
        gather=partial(_gathered, asked, shop),
        numbered=False,
        dialect=state.dialect,
        done_marker=state.dialect.done_marker,
    )


def _plan(asked: ImagesRequest, route: Route) -> Plan:
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
    return Plan(jobs=tuple(replace(job, number=n) for n in range(asked.n)))


def _bytes(source: object, param: str) -> bytes:
    if isinstance(source, InlineImage):
        return source.data
    raise RequestFault(
        "The offline server fetches nothing. Send the picture itself, as a file or a data URL.",
        code="image_url_not_available",
        param=param,
    )


def _refused(plan: Plan) -> None:
    """What a Responses answer says in its items is a status here (D22, D23)."""
    if plan.failure is not None:
        _raise(400, "Your request was rejected by the safety system.", "moderation_blocked")
    if plan.end == "incomplete" and plan.detail == {"reason": "content_filter"}:
        _raise(400, "The answer was cut off by a content filter.", "content_policy_violation")
    if plan.end != "completed":
        _raise(502, "Upstream request failed", "upstream_error")
    if not plan.jobs and plan.text:
        _raise(400, plan.text, "content_policy_violation")
    if not plan.jobs and plan.break_with is None:
        _raise(502, "upstream did not return image output", "upstream_error")


def _raise(status: int, message: str, code: str) -> None:
    kind = "image_generation_user_error" if status == 400 else "upstream_error"
    raise RequestFault(message, status=status, code=code, type=kind)


async def _perform(plan: Plan, sheets: Sequence[Sheet], kind: str, shop: Workshop) -> Events:
    """Partials and a ``completed`` event for each picture."""
    if plan.break_with is not None:
        yield plan.break_with
        return
    if plan.stalls:
        await anyio.sleep_forever()
    for sheet in sheets:
        try:
            async with aclosing(_picture(kind, sheet, shop)) as events:
                async for event in events:
                    yield event
        except RequestFault as fault:
            yield {"type": "error", **fault.body()}
            return


async def _picture(kind: str, sheet: Sheet, shop: Workshop) -> Events:
    shape = _shape(sheet, int(shop.clock()))
    for step in range(sheet.job.partials):
        yield _partial(kind, shape, step, base64_text(await shop.draft(sheet, step)))
    drawn = await shop.finish(sheet)
    data = base64_text(drawn.data)
    if sheet.job.partials:
        yield _partial(kind, shape, sheet.job.partials, data)
    told = revised_prompt(sheet.job, drawn.scene, drawn.note)
    item = picture_item("", sheet.job, result=data, size=drawn.size, revised=told, status="")
    yield {
        "type": f"{kind}.completed",
        **shape,
        "size": f"{drawn.size[0]}x{drawn.size[1]}",
        **_told(shop.changed(item).get("result")),
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


def _told(result: JsonValue) -> JsonObject:
    """A fault may have made an address of it (D7 sends data URLs that way)."""
    is_url = isinstance(result, str) and result.startswith(("https://", "data:"))
    return {"url": result} if is_url else {"b64_json": result}


def _gathered(asked: ImagesRequest, shop: Workshop, row: list[JsonObject]) -> JsonObject | None:
    finals = [e for e in row if str(e["type"]).endswith(".completed")]
    if not finals:
        return None
    shared = {k: finals[0][k] for k in ("background", "output_format", "quality", "size")}
    data: list[JsonValue] = [{k: e[k] for k in ("b64_json", "url") if k in e} for e in finals]
    return {
        "created": int(shop.clock()),
        "data": data,
        **shared,
        "model": asked.model or "gpt-image-2",
        "usage": shop.bill.image_usage(),
    }
