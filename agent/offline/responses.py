"""``/v1/responses``: create, retrieve, delete, list what went in."""

from __future__ import annotations

from binascii import a2b_base64
from contextlib import aclosing
from dataclasses import replace

from pydantic import JsonValue

from ..wire.requests import (
    InputMessage,
    JsonObject,
    RequestFault,
    ResponsesRequest,
    read_responses,
)
from .brain import Context, context_of, plan_of
from .dialects import ServerDialect
from .documents import Frame
from .easel import Sheet
from .exchange import Reply, json_reply
from .mischief import Mischief
from .performance import Workshop, base64_text, perform
from .plan import Plan
from .reading import Reader
from .serving import answer, refused_early
from .shelf import Kept
from .state import State
from .tamper import TERMINAL, Events
from .tokens import Bill, text_tokens


async def create(state: State, payload: JsonObject, request_id: str) -> Reply:
    """One answer; raises ``RequestFault`` for what the server behind the gateway would refuse."""
    request = read_responses(payload)
    _only_known_fields(request, state.dialect)
    faults = state.strike("responses" if request.image_tool else "ask", words=_said(request))
    if (early := refused_early(faults, state.dialect, request_id)) is not None:
        return early
    channel = state.next_channel()
    await state.wait()
    context = context_of(_inside(request), state.shelf, state.dialect, channel)
    reader = Reader(state.memory, corrects=any(fault.autocorrects for fault in faults))
    plan = _twisted(plan_of(request, context, reader), faults)
    shop = state.workshop(faults, request_id)
    sheets = [await shop.lay_out(job) for job in plan.jobs]
    shop.bill = _read(context, sheets)
    frame = Frame(
        id=state.ids.new("resp"),
        created=int(state.options.clock()),
        request=request,
        dialect=state.dialect,
        stripped=plan.stripped,
        channel=channel,
    )
    if request.image_tool is None:
        state.journal.counts["asks"] += 1
    events = perform(plan, sheets, _told(frame, state), shop)
    return await answer(
        _stored(events, frame, context, shop, state),
        stream=request.stream,
        faults=faults,
        gather=_terminal,
        numbered=True,
        dialect=state.dialect,
    )


def _said(request: ResponsesRequest) -> str:
    """The newest user text."""
    spoken = (i.text for i in reversed(request.items) if isinstance(i, InputMessage))
    return next((text for text in spoken if text), "")


def _twisted(plan: Plan, faults: list[Mischief]) -> Plan:
    for fault in faults:
        plan = fault.plan(plan) if fault.plan else plan
    return plan


def _read(context: Context, sheets: list[Sheet]) -> Bill:
    """What the conversation's model would have read."""
    sizes = [s.base.size for s in sheets if s.base is not None]
    pictures = sum(w * h // 750 for w, h in sizes)
    return Bill(text_in=sum(map(text_tokens, context.texts)), pictures_in=pictures)


def _only_known_fields(request: ResponsesRequest, dialect: ServerDialect) -> None:
    tool = request.image_tool
    if tool and "n" in tool.extra and dialect.rejects_unknown_tool_fields:
        param = f"tools[{tool.index}].n"
        raise RequestFault(f"Unknown parameter: {param!r}.", code="unknown_parameter", param=param)


def _terminal(row: list[JsonObject]) -> JsonObject | None:
    for event in reversed(row):
        response = event.get("response")
        if event["type"] in TERMINAL and isinstance(response, dict):
            return response
    return None


# ── what is kept ─────────────────────────────────────────────────────────────────────────────


async def _stored(
    events: Events, frame: Frame, context: Context, shop: Workshop, state: State
) -> Events:
    """Keeps the answer before its terminal event is told, so that the next turn finds it."""
    async with aclosing(events):
        async for event in events:
            response = event.get("response")
            if event["type"] in TERMINAL and frame.stored and isinstance(response, dict):
                kept = Kept(
                    document=_without_pictures(response),
                    pictures=shop.pictures,
                    words=context.words,
                    previous=_inside(frame.request).previous_response_id,
                    channel=frame.channel,
                    input_items=_told_items(frame.request, state),
                )
                state.shelf.put(frame.id, kept)
            yield event


def _without_pictures(document: JsonObject) -> JsonObject:
    output = document["output"]
    assert isinstance(output, list)
    bare = [{**i, "result": None} if isinstance(i, dict) and "result" in i else i for i in output]
    return {**document, "output": bare}


def _told_items(request: ResponsesRequest, state: State) -> tuple[JsonObject, ...]:
    """The messages of a request as ``input_items`` lists them; their pictures are not kept."""
    return tuple(
        {
            "id": item.id or state.ids.new("msg"),
            "type": "message",
            "role": item.role,
            "status": "completed",
            "content": [{"type": "input_text", "text": item.text}],
        }
        for item in request.items
        if isinstance(item, InputMessage)
    )


def retrieve(state: State, response_id: str) -> Reply:
    """The stored answer, with its pictures where the dialect still tells them."""
    kept = _found(state, response_id)
    output = kept.document["output"]
    assert isinstance(output, list)
    whole = [
        _with_picture(item, kept) if state.dialect.retrieve_result else item for item in output
    ]
    document = {**kept.document, "output": whole}
    return json_reply({**document, "id": outside_id(inside_id(response_id), state)})


def _with_picture(item: JsonValue, kept: Kept) -> JsonValue:
    if not isinstance(item, dict) or str(item.get("id")) not in kept.pictures:
        return item
    return {**item, "result": base64_text(kept.pictures[str(item["id"])])}


def delete(state: State, response_id: str) -> Reply:
    """Forgets the answer and its pictures."""
    _found(state, response_id)
    state.shelf.remove(inside_id(response_id))
    return json_reply({"id": response_id, "object": "response", "deleted": True})


def input_items(state: State, response_id: str) -> Reply:
    """What was sent to get the answer: texts only."""
    items = _found(state, response_id).input_items
    return json_reply(
        {
            "object": "list",
            "data": [*items],
            "has_more": False,
            "first_id": items[0]["id"] if items else "",
            "last_id": items[-1]["id"] if items else "",
        }
    )


def _found(state: State, response_id: str) -> Kept:
    kept = state.shelf.get(inside_id(response_id)) if state.dialect.stores else None
    if kept is None:
        raise RequestFault(
            f"Response with id {response_id[:80]!r} not found.", status=404, param="id"
        )
    return kept


# ── ids ──────────────────────────────────────────────────────────────────────────────────────


def _told(frame: Frame, state: State) -> Frame:
    return replace(frame, id=outside_id(frame.id, state))


def outside_id(response_id: str, state: State) -> str:
    """The id as a client sees it: itself, or a long token that is new each time (L2)."""
    if not state.dialect.opaque_ids:
        return response_id
    token = f"litellm:custom_llm_provider:openai;model_id:{state.ids.new('n') * 5};response_id:"
    return "resp_" + base64_text((token + response_id).encode())


def inside_id(told: str) -> str:
    """The id behind a token; anything else is taken as it is."""
    try:
        text = a2b_base64(told.removeprefix("resp_"), strict_mode=True).decode("ascii")
    except ValueError:
        return told
    return text.rpartition("response_id:")[2] if text.startswith("litellm:") else told


def _inside(request: ResponsesRequest) -> ResponsesRequest:
    told = request.previous_response_id
    return replace(request, previous_response_id=None if told is None else inside_id(told))
