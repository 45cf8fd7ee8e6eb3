"""The routes together, and everything that FastAPI would say in words of its own."""

from __future__ import annotations

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.middleware.cors import CORSMiddleware
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException
from starlette.routing import Match

from ... import __version__
from ...wire.requests import RequestFault
from . import images, meta, responses, urls
from .desk import Desk
from .errors import NO_RETRY, ApiError
from .gate import Gate
from .straight import Straight, unreadable

ABOUT = "Limner: pictures over OpenAI's APIs, screened, kept, and paid for once."


def create_app(desk: Desk) -> FastAPI:
    """The server on what ``OpenDesk`` opened."""
    app = FastAPI(
        title="Limner",
        version=__version__,
        description=ABOUT,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,  # a client would have to send its body twice
    )
    app.state.desk = desk
    for router in (images.router, responses.router, meta.models):
        app.include_router(router, prefix="/v1")
    app.include_router(meta.router)
    app.include_router(urls.router)
    app.add_middleware(Straight, desk=desk)
    if desk.options.allow_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=sorted(desk.options.allow_origins),
            allow_methods=["GET", "POST", "DELETE"],
            allow_headers=["*"],
            expose_headers=["x-request-id", "retry-after"],
        )
    app.add_middleware(Gate, desk=desk)
    app.add_exception_handler(ApiError, _told)
    app.add_exception_handler(RequestFault, _unreadable)
    app.add_exception_handler(HTTPException, _unknown)
    app.add_exception_handler(RequestValidationError, _invalid)
    return app


async def _told(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, ApiError)
    return error.response()


async def _unreadable(_: Request, fault: Exception) -> JSONResponse:
    assert isinstance(fault, RequestFault)
    return unreadable(fault)


async def _unknown(request: Request, error: Exception) -> Response:
    """An address or a method that is not there."""
    assert isinstance(error, HTTPException)
    if error.status_code == 405:
        words = f"Not allowed to {request.method} on {request.url.path[:200]}."
        headers = {**NO_RETRY, "allow": ", ".join(_methods(request))}
        return ApiError(405, words, code="method_not_allowed", headers=headers).response()
    words = f"Invalid URL ({request.method} {request.url.path[:200]}); /docs lists those there are."
    return ApiError(error.status_code, words, code="unknown_url", headers=NO_RETRY).response()


def _methods(request: Request) -> list[str]:
    """Of every route at this address; the one that was met first knows only its own."""
    tried = ("GET", "POST", "DELETE")
    routes, scope = request.app.router.routes, request.scope
    return [
        method
        for method in tried
        if any(route.matches({**scope, "method": method})[0] is Match.FULL for route in routes)
    ]


async def _invalid(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0] if error.errors() else {"loc": (), "msg": "cannot be read"}
    param = ".".join(str(part) for part in first["loc"][1:]) or None
    return ApiError(400, f"Invalid {param or 'request'}: {first['msg']}.", param=param).response()
