"""``Offline``: keys, routes, counters and the log around what actually answers."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from contextlib import aclosing
from functools import partial

from pydantic import JsonValue

from ..wire.requests import JsonObject, RequestFault, read_json
from . import image_requests, images, moderations, responses
from .exchange import Body, Drop, Incoming, Reply, json_reply
from .options import OfflineOptions
from .shaping import By, error_reply
from .shelf import Journal, redacted
from .state import State

_MODELS = ("gpt-5.5", "gpt-image-2", "gpt-image-1.5", "gpt-image-1-mini")
_WRONG_KEY = "sk-wrong"
_SHOWN_HEADERS = ("content-type", "user-agent", "openai-organization", "idempotency-key")

Call = Callable[[str], Awaitable[Reply]]
"""The rest of a request once it has been read; takes the request id."""


class Offline:
    """A server without a socket. ``handle`` is all an adapter needs."""

    def __init__(self, options: OfflineOptions | None = None) -> None:
        self.options = options or OfflineOptions()
        self.state = State.of(self.options)

    @property
    def counters(self) -> Mapping[str, JsonValue]:
        """Also at ``/__limner/counters``; ``generations`` are pictures really finished."""
        return self.state.journal.counters()

    async def handle(self, request: Incoming) -> Reply:
        """Raises ``Drop`` where the connection is to be cut before any header."""
        own = _OWN.get((request.method, request.path))
        if own is not None:
            return own(self.state)
        journal, request_id = self.state.journal, self.state.ids.new("req")
        entry = _entry(request, request_id) | {"at": self.state.options.clock()}
        journal.note(entry)
        journal.counts["requests"] += 1
        try:
            reply = await self._answered(request, request_id, entry)
        except Drop:
            journal.counts["drops"] += 1
            raise
        journal.counts[f"status.{reply.status}"] += 1
        entry["status"] = reply.status
        headers = {**reply.headers, self.state.dialect.request_id_header: request_id}
        return Reply(reply.status, headers, _watched(reply.body, journal))

    async def _answered(self, request: Incoming, request_id: str, entry: JsonObject) -> Reply:
        by: By = "gateway"
        try:
            _check_key(request)
            call = _opened(self.state, request, entry)
            by = "upstream"
            return await call(request_id)
        except RequestFault as fault:
            return error_reply(fault, self.state.dialect, by=by, request_id=request_id)


def _entry(request: Incoming, request_id: str) -> JsonObject:
    return {
        "request_id": request_id,
        "method": request.method,
        "path": request.path,
        "headers": {k: request.headers[k] for k in _SHOWN_HEADERS if k in request.headers},
        "bytes": len(request.body),
        "status": None,
        "generations": 0,
    }


async def _watched(body: Body, journal: Journal) -> Body:
    """Counts a connection that is cut in mid-answer."""
    try:
        async with aclosing(body):
            async for chunk in body:
                yield chunk
    except Drop:
        journal.counts["drops"] += 1
        raise


# ── the door ─────────────────────────────────────────────────────────────────────────────────


def _check_key(request: Incoming) -> None:
    scheme, _, key = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not key.strip():
        raise RequestFault(
            "You didn't provide an API key. Send it as: Authorization: Bearer KEY.", status=401
        )
    if key.startswith(_WRONG_KEY):
        raise RequestFault("Incorrect API key provided.", status=401, code="invalid_api_key")


def _opened(state: State, request: Incoming, entry: JsonObject) -> Call:
    """Finds the route and reads the body; what fails here, the gateway itself refuses."""
    path = request.path.removeprefix("/v1").rstrip("/") or "/"
    match (request.method, path.split("/")[1:]):
        case ("POST", ["responses"]):
            payload = read_json(request.body)
            entry["body"] = redacted(payload)
            return partial(responses.create, state, payload)
        case ("POST", ["moderations"]) if state.dialect.moderations:
            payload = read_json(request.body)
            entry["body"] = redacted(payload)
            return partial(moderations.create, state, payload)
        case ("POST", ["images", ("generations" | "edits") as route]):
            asked, shown = image_requests.read(request, state.dialect)
            entry["body"] = redacted(shown)
            return partial(images.create, state, asked, route)
        case ("POST", ["images", "variations"]) if state.dialect.variations == 501:
            return _now(_not_implemented)
        case ("GET", ["models"]):
            return _now(partial(_models, state))
        case (method, ["responses", response_id, *rest]) if state.dialect.retrieve:
            return _now(partial(_stored, state, method, response_id, rest))
        case _:
            raise _no_route(request)


def _now(make: Callable[[], Reply]) -> Call:
    async def call(request_id: str) -> Reply:  # noqa: ARG001 - the shape of every call
        return make()

    return call


def _stored(state: State, method: str, response_id: str, rest: list[str]) -> Reply:
    match (method, rest):
        case ("GET", []):
            return responses.retrieve(state, response_id)
        case ("DELETE", []):
            return responses.delete(state, response_id)
        case ("GET", ["input_items"]):
            return responses.input_items(state, response_id)
        case _:
            raise RequestFault(f"Invalid method for this path: {method}.", status=405)


def _no_route(request: Incoming) -> RequestFault:
    return RequestFault(
        f"Invalid URL ({request.method} {request.path[:100]}).", status=404, code="not_found"
    )


def _not_implemented() -> Reply:
    """N1."""
    error: JsonObject = {
        "message": "API not implemented",
        "type": "new_api_error",
        "param": "",
        "code": "api_not_implemented",
    }
    return json_reply({"error": error}, status=501)


def _models(state: State) -> Reply:
    created = int(state.options.clock())
    models: list[JsonValue] = [
        {"id": name, "object": "model", "created": created, "owned_by": "limner-offline"}
        for name in _MODELS
    ]
    return json_reply({"object": "list", "data": models})


# ── about the server itself ──────────────────────────────────────────────────────────────────


def _index(state: State) -> Reply:
    """What there is below this address, so that nobody has to guess it."""
    about: JsonObject = {
        "server": "limner-offline",
        "dialect": state.dialect.name,
        "models": [*_MODELS],
        "base_url": "/v1",
        "routes": {f"{method} {path}": words for (method, path), words in _ABOUT.items()},
    }
    return json_reply(about)


def _health(state: State) -> Reply:
    return json_reply({"status": "ok", "dialect": state.dialect.name})


def _counters(state: State) -> Reply:
    return json_reply(state.journal.counters())


def _log(state: State) -> Reply:
    return json_reply({"requests": state.journal.log()})


def _reset(state: State) -> Reply:
    state.forget()
    return json_reply({"status": "reset"})


_ABOUT = {
    ("GET", "/__limner/health"): "Whether it answers, and as whom.",
    ("GET", "/__limner/counters"): "Requests, answers, faults, and pictures really finished.",
    ("GET", "/__limner/log"): "What arrived; pictures as hash and length.",
    ("POST", "/__limner/reset"): "As if just started.",
}
_OWN: dict[tuple[str, str], Callable[[State], Reply]] = {
    ("GET", "/__limner"): _index,
    ("GET", "/__limner/"): _index,
    ("GET", "/health"): _health,
    ("GET", "/__limner/health"): _health,
    ("GET", "/__limner/counters"): _counters,
    ("GET", "/__limner/log"): _log,
    ("POST", "/__limner/reset"): _reset,
}
