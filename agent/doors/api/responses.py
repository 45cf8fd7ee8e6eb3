"""``/v1/responses``: the relay as routes.

With the image tool a request is a turn of ours, kept and screened; without it, it is somebody
else's affair and passes untouched, byte for byte, under our key.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import aclosing
from functools import partial
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse, StreamingResponse

from ...errors import UsageError
from ...relay.entry import Accepted, Relay
from ...relay.line import Declined, Head, Line
from ...relay.prepare import Caller, Shop
from ...relay.reading import no_picture
from ...schema import ImageId
from .buying import key_of
from .desk import Desk
from .errors import NO_RETRY, ApiError, JsonObject, sentences
from .limits import body_of
from .outcomes import told
from .params import in_response, param_of
from .streaming import LineStream
from .tenants import At, Tenant, Whose
from .urls import is_own, own_picture

router = APIRouter(tags=["Responses"])
_PATIENCE_S = 5.0
"""A stream whose server has said nothing for so long begins with its 200 and a keepalive."""
_LAST_STATUS = 599
"""Some gateways have statuses of their own beyond it, which no server of ours can say."""
_REQUEST: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": {
                    "type": "object",
                    "description": "As OpenAI describes POST /v1/responses.",
                    "properties": {
                        "model": {"type": "string"},
                        "input": {"type": ["string", "array"]},
                        "tools": {"type": "array", "items": {"type": "object"}},
                        "previous_response_id": {"type": "string"},
                        "stream": {"type": "boolean"},
                        "background": {"type": "boolean"},
                    },
                }
            }
        },
    }
}


@router.post("/responses", openapi_extra=_REQUEST)
async def create(request: Request, desk: At, tenant: Whose) -> Response:
    """A response: drawn, kept and screened with the image tool, passed on untouched without it."""
    options = desk.options
    body = await body_of(request, at_most=options.max_body, idle_s=options.body_idle_s)
    try:
        accepted = await _relay(desk).respond(body, _caller(tenant), key=key_of(request))
        return await _answer(accepted, desk)
    except Declined as declined:
        raise _declined(declined, desk, body) from declined
    except UsageError as error:
        raise ApiError(
            400,
            sentences(str(error), error.hint),
            code="invalid_value",
            param=in_response(param_of(str(error)), body),
            headers=NO_RETRY,
        ) from error


@router.get("/responses/{response_id}")
async def retrieve(response_id: str, request: Request, desk: At, tenant: Whose) -> Response:
    """The response as it is now, its pictures as base64."""
    if request.query_params.get("stream", "false").lower() not in ("", "false", "0"):
        raise ApiError(
            400,
            "A response cannot be streamed again: retrieve it without stream.",
            code="unsupported_parameter",
            param="stream",
        )
    pieces = await _relay(desk).retrieve(response_id, _caller(tenant))
    return StreamingResponse(pieces, media_type="application/json")


@router.delete("/responses/{response_id}")
async def delete(response_id: str, desk: At, tenant: Whose) -> JsonObject:
    """Forget the texts of a response; its pictures stay in their session."""
    return await _relay(desk).delete(response_id, _caller(tenant))


@router.post("/responses/{response_id}/cancel")
async def cancel(response_id: str, desk: At, tenant: Whose) -> JsonObject:
    """Told honestly: what was sent is drawn and billed, and cannot be taken back."""
    return await _relay(desk).cancel(response_id, _caller(tenant))


@router.get("/responses/{response_id}/input_items")
async def input_items(  # noqa: PLR0917 - the query of the API
    response_id: str,
    desk: At,
    tenant: Whose,
    limit: int = 20,
    order: str = "desc",
    after: str | None = None,
) -> JsonObject:
    """What went into a response, newest first."""
    relay = _relay(desk)
    return await relay.input_items(
        response_id, _caller(tenant), limit=limit, order=order, after=after
    )


def _relay(desk: Desk) -> Relay:
    shop = Shop(
        kit=desk.kit,
        answers=desk.answers,
        tenancy=desk.tenancy,
        own_picture=partial(_own, desk),
    )
    options = desk.options
    return Relay(
        shop,
        desk.tasks,
        screen_output=options.screen_output,
        images_only=options.images_only,
        pace=desk.pace,
    )


def _own(desk: Desk, url: str) -> ImageId | None:
    """What an address of this server names; raises ``RequestFault`` for one that is over."""
    if not is_own(url, desk):
        return None
    found = own_picture(url, desk)
    if found is None:
        raise no_picture()
    return found


def _caller(tenant: Tenant) -> Caller:
    return Caller(
        tenant=tenant.name,
        caps=tenant.caps,
        acknowledge=tenant.acknowledge,
        acknowledged_by=tenant.acknowledged_by,
    )


async def _answer(accepted: Accepted, desk: Desk) -> Response:
    line = accepted.line
    if accepted.passed:
        head = await line.opening(None) or Head()
        status = head.status if head.status <= _LAST_STATUS else 502
        return StreamingResponse(_chunks(line), status, headers=dict(head.headers))
    headers = {"x-limner-replayed": "true"} if accepted.replayed else {}
    if accepted.stream:
        if await line.opening(_PATIENCE_S) is None:
            line.begin(Head())
        return LineStream(line, headers, every_s=desk.options.keepalive_s)
    if accepted.document is not None:
        await line.aclose()
        return JSONResponse(accepted.document)
    await line.opening(None)
    return StreamingResponse(_chunks(line), media_type="application/json", headers=headers)


async def _chunks(line: Line) -> AsyncIterator[bytes]:
    async with aclosing(line):
        async for chunk in line:
            yield chunk


def _declined(declined: Declined, desk: Desk, body: bytes) -> ApiError:
    turns = () if declined.turn is None else (declined.turn,)
    error = told(declined.failure, declined.outcome, now=desk.kit.clock.now(), turns=turns)
    error.param = in_response(error.param, body)
    return error
