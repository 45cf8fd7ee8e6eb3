"""``/v1/models``, ``/health`` and the page that describes the routes."""

from __future__ import annotations

from html import escape

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse
from pydantic import JsonValue

from ... import __version__
from .desk import Desk
from .errors import ApiError, JsonObject
from .tenants import At, Whose

models = APIRouter(tags=["Models"])
router = APIRouter(include_in_schema=False)

_PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>Limner</title>
<style>body{{font:16px/1.5 system-ui;max-width:46rem;margin:2rem auto;padding:0 1rem}}
code{{background:#8882;padding:.1em .3em;border-radius:.2em}}</style>
<h1>Limner {version}</h1><p>{about}</p><p>Base URL for a client: <code>{base}</code>.
The whole description: <a href="openapi.json">openapi.json</a>.</p>{routes}</html>"""


@models.get("/models")
async def listed(desk: At, tenant: Whose) -> JsonObject:
    """The models that this server is set up for; others may work all the same (R10)."""
    del tenant
    data: list[JsonValue] = [_model(name, desk) for name in _names(desk)]
    return {"object": "list", "data": data}


@models.get("/models/{model}")
async def one(model: str, desk: At, tenant: Whose) -> JsonObject:
    """One of them."""
    del tenant
    if model not in _names(desk):
        raise ApiError(
            404,
            f"The model {model[:80]!r} is not among those this server is set up for.",
            code="model_not_found",
            param="model",
        )
    return _model(model, desk)


@router.get("/health")
async def health(desk: At) -> JsonObject:
    """Whether it answers, and what a person should mend; says nothing about anybody."""
    told: JsonObject = {"status": "ok", "version": __version__, "offline": desk.agent.offline}
    problem = desk.register.problem
    return told | ({"problem": problem} if problem else {})


@router.get("/docs")
async def docs(request: Request) -> HTMLResponse:
    """Every route with its fields, on one page that loads nothing from elsewhere."""
    described = request.app.openapi()
    routes = "".join(
        _route(method, path, operation)
        for path, methods in described["paths"].items()
        for method, operation in methods.items()
    )
    base = str(request.base_url).rstrip("/") + "/v1"
    page = _PAGE.format(
        version=escape(__version__),
        about=escape(described["info"]["description"]),
        base=escape(base),
        routes=routes,
    )
    policy = "default-src 'none'; style-src 'unsafe-inline'"
    return HTMLResponse(page, headers={"content-security-policy": policy})


def _route(method: str, path: str, operation: dict[str, object]) -> str:
    about = escape(str(operation.get("description") or operation.get("summary") or ""))
    fields = "".join(
        f"<li><code>{escape(name)}</code> {escape(words)}</li>"
        for name, words in _fields(operation).items()
    )
    return f"<h2><code>{method.upper()} {escape(path)}</code></h2><p>{about}</p><ul>{fields}</ul>"


def _fields(operation: dict[str, object]) -> dict[str, str]:
    body = operation.get("requestBody")
    content = body.get("content", {}) if isinstance(body, dict) else {}
    found: dict[str, str] = {}
    for kind in content.values():
        properties = kind.get("schema", {}).get("properties", {})
        found |= {name: str(field.get("description", "")) for name, field in properties.items()}
    return found


def _names(desk: Desk) -> tuple[str, ...]:
    profile = desk.kit.upstream.profile
    return tuple(dict.fromkeys((desk.kit.image_model, profile.model)))


def _model(name: str, desk: Desk) -> JsonObject:
    owner = "limner-offline" if desk.agent.offline else desk.kit.upstream.profile.name
    return {"id": name, "object": "model", "created": 0, "owned_by": owner}
