"""``/v1/images/…``: generations, edits, and what became of variations."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress

import anyio
from anyio import to_thread
from anyio.streams.memory import MemoryObjectReceiveStream
from fastapi import APIRouter, Request, Response

from ...errors import LimnerError
from ...logs import get_logger
from . import describing
from .answers import answer, draft_event, final_events, refusal
from .buying import Replay, buy, key_of
from .desk import Desk
from .drawn import Drawn, drawn_of
from .errors import NO_RETRY, ApiError
from .jobs import Draft, Ended, Job, Sent, Told
from .orders import Order, read_order
from .streaming import KEEPALIVE, EventStream, compact, sse
from .tenants import At, Whose

PATIENCE_S = 5.0
"""A stream of which nothing can be shown for so long begins with its 200 and keepalives."""

log = get_logger("limner.serve")
router = APIRouter(tags=["Images"])


@router.post("/images/generations", openapi_extra=describing.GENERATIONS)
async def generations(request: Request, desk: At, tenant: Whose) -> Response:
    """Draw pictures from a prompt; every one is kept and belongs to a session."""
    return await _drawn(request, desk, await read_order(request, "generations", desk, tenant))


@router.post("/images/edits", openapi_extra=describing.EDITS)
async def edits(request: Request, desk: At, tenant: Whose) -> Response:
    """Change pictures; one that was drawn here goes on in its own session."""
    return await _drawn(request, desk, await read_order(request, "edits", desk, tenant))


@router.post("/images/variations", openapi_extra=describing.VARIATIONS)
async def variations(tenant: Whose) -> Response:
    """Not offered any more, by nobody: edit the picture instead."""
    del tenant
    raise ApiError(
        501,
        "Image variations are not implemented: OpenAI has shut them down. Send the picture to "
        "/v1/images/edits with a prompt that says what should differ.",
        type="server_error",
        code="api_not_implemented",
        headers=NO_RETRY,
    )


async def _drawn(request: Request, desk: Desk, order: Order) -> Response:
    bought = await buy(desk, order, key_of(request))
    if order.asked.stream:
        return await _streamed(bought, order, desk)
    if isinstance(bought, Replay):
        drawn = bought.drawn
    else:
        drawn = tuple(drawn_of(terminal) for terminal in await bought.wait())
    body = await answer(drawn, order, desk)
    return Response(
        await to_thread.run_sync(compact, body),
        media_type="application/json",
        headers=_about(drawn, replayed=isinstance(bought, Replay)),
    )


def _about(drawn: tuple[Drawn, ...], *, replayed: bool) -> dict[str, str]:
    session = next((one.session for one in drawn if one.session), None)
    headers = {"x-limner-session": session} if session else {}
    return headers | ({"x-limner-replayed": "true"} if replayed else {})


# ── a stream ─────────────────────────────────────────────────────────────────────────────────


async def _streamed(bought: Job | Replay, order: Order, desk: Desk) -> Response:
    """Begins with what there is to show, so that what fails soon still has a status of its own."""
    if isinstance(bought, Replay):
        if not any(one.images for one in bought.drawn):
            raise refusal(bought.drawn, desk)
        return EventStream(_repeated(bought, order, desk), {"x-limner-replayed": "true"})
    heard = bought.listen()
    first: Told | None = None
    with anyio.move_on_after(min(PATIENCE_S, desk.options.keepalive_s)):
        with suppress(anyio.EndOfStream):
            while first is None or isinstance(first, Sent):
                first = await heard.receive()
    if isinstance(first, Ended) and not first.terminal.images:
        heard.close()
        raise refusal([drawn_of(one) for one in await bought.wait()], desk)
    return EventStream(_told(bought, heard, first, order, desk))


async def _repeated(replay: Replay, order: Order, desk: Desk) -> AsyncGenerator[bytes, None]:
    for one in replay.drawn:
        for chunk in await _chunks(one, order, desk):
            yield chunk


async def _told(
    job: Job,
    heard: MemoryObjectReceiveStream[Told],
    first: Told | None,
    order: Order,
    desk: Desk,
) -> AsyncGenerator[bytes, None]:
    """Drafts and pictures as they come, and at the end an error if none did."""
    with heard:
        async with aclosing(_listened(heard, first, desk.options.keepalive_s)) as items:
            async for item in items:
                for chunk in await _chunks(item, order, desk):
                    yield chunk
    drawn = [drawn_of(terminal) for terminal in job.terminals]
    if not any(one.images for one in drawn):
        yield _error(refusal(drawn, desk))


async def _listened(
    heard: MemoryObjectReceiveStream[Told], first: Told | None, every_s: float
) -> AsyncGenerator[Told | None, None]:
    """What is told; ``None`` whenever nothing was for a while."""
    if first is not None:
        yield first
    while True:
        item: Told | None = None
        with anyio.move_on_after(every_s):
            try:
                item = await heard.receive()
            except anyio.EndOfStream:
                break
        yield item


async def _chunks(item: Told | Drawn | None, order: Order, desk: Desk) -> list[bytes]:
    """As events; what goes wrong here is an event too, for the status is long sent."""
    if item is None:
        return [KEEPALIVE]
    if isinstance(item, Sent):
        return []
    try:
        if isinstance(item, Draft):
            # some servers send the picture itself as one draft more
            wanted = item.index < (order.asked.partial_images or 0)
            return [sse(*await draft_event(item, order, desk))] if wanted else []
        drawn = drawn_of(item.terminal) if isinstance(item, Ended) else item
        return [sse(name, data) for name, data in await final_events(drawn, order, desk)]
    except ApiError as error:
        return [_error(error)]
    except LimnerError as error:
        log.warning("stream.cut_short", error=str(error))
        words = "A picture is kept, but cannot be read from the server's store right now."
        return [_error(ApiError(500, words, type="server_error", code="store"))]


def _error(error: ApiError) -> bytes:
    return sse("error", {"type": "error", **error.body()})
