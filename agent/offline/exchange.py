"""One HTTP exchange without a socket: what comes in, what goes out, and the cut connection."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from pydantic import JsonValue

from ..wire.fields import JsonObject

Body = AsyncGenerator[bytes, None]
"""Pulled step by step; closing it ends the work behind it. Any step may raise ``Drop``."""


class Drop(ConnectionResetError):
    """The connection is cut here. Raised by ``handle`` itself: before any header was sent."""


class Incoming(Protocol):
    """Any HTTP request, whoever carried it; header names are lower case."""

    @property
    def method(self) -> str: ...
    @property
    def path(self) -> str: ...
    @property
    def headers(self) -> Mapping[str, str]: ...
    @property
    def body(self) -> bytes: ...


@dataclass(frozen=True, slots=True)
class Request:
    """An ``Incoming`` of our own; ``path`` carries no query."""

    method: str
    path: str
    query: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True)
class Reply:
    """``body`` is read at most once; close it when it is not read to its end."""

    status: int
    headers: Mapping[str, str]
    body: Body = field(repr=False)


def json_bytes(value: JsonValue) -> bytes:
    """Compact JSON in ASCII, so that no text can break the encoding."""
    return json.dumps(value, separators=(",", ":")).encode("ascii")


def sse(event: JsonObject) -> bytes:
    """One event with both lines that OpenAI sends (wire.md 3)."""
    return f"event: {event['type']}\ndata: ".encode() + json_bytes(event) + b"\n\n"


async def whole(data: bytes) -> Body:
    """A body that is already there."""
    yield data


def reply(status: int, data: bytes, content_type: str, headers: Mapping[str, str] = {}) -> Reply:
    """An answer known whole."""
    return Reply(status, {"content-type": content_type, **headers}, whole(data))


def json_reply(value: JsonObject, *, status: int = 200, headers: Mapping[str, str] = {}) -> Reply:
    """A JSON object, marked as ours: ``offline: true``."""
    marked: JsonObject = {**value, "offline": True}
    return reply(status, json_bytes(marked), "application/json", headers)


def stream_reply(body: Body) -> Reply:
    """Server-sent events."""
    headers = {"content-type": "text/event-stream; charset=utf-8", "cache-control": "no-store"}
    return Reply(200, headers, body)
