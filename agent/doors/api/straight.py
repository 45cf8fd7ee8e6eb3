"""``POST /v1/responses`` past the router, which every event of a stream would go through as well.

What the router would do with it is said in ``responses``, and documented from there.
"""

from __future__ import annotations

from fastapi import Request, Response
from fastapi.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from ...wire.fields import RequestFault
from .buying import IN_PROGRESS, LATER
from .desk import Desk
from .errors import NO_RETRY, ApiError
from .responses import create
from .tenants import tenant_of

PATH = "/v1/responses"


class Straight:
    """ASGI middleware; the innermost of ours."""

    def __init__(self, app: ASGIApp, desk: Desk) -> None:
        self._app = app
        self._desk = desk

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"] == PATH and scope["method"] == "POST":
            answer = await self._answer(Request(scope, receive))
            await answer(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        try:
            return await create(request, self._desk, tenant_of(request))
        except ApiError as error:
            return error.response()
        except RequestFault as fault:
            return unreadable(fault)


def unreadable(fault: RequestFault) -> JSONResponse:
    """A request that cannot be read, in OpenAI's shape."""
    headers = LATER if fault.code == IN_PROGRESS else NO_RETRY
    return JSONResponse(fault.body(), status_code=fault.status, headers=dict(headers))
