"""Calls to an offline server without a socket, and what tests like to know of the answers."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import AsyncGenerator
from typing import Any

import httpx2
from PIL import Image

from agent.offline import Offline, OfflineOptions
from agent.offline.faults import parse_fault
from agent.upstream.inprocess import InProcessTransport

Json = dict[str, Any]
TOOL: Json = {"type": "image_generation", "model": "gpt-image-2", "size": "1024x1024"}
SMALL: Json = {**TOOL, "size": "1024x640", "quality": "low"}
TERMINALS = ("response.completed", "response.failed", "response.incomplete")


def server(*faults: str, **options: Any) -> Offline:
    """Draws cheaply; ids are the same each time."""
    chosen = {"draw": "tiny", "salt": "test", "clock": lambda: 1_800_000_000.0, **options}
    return Offline(OfflineOptions(faults=tuple(map(parse_fault, faults)), **chosen))


def client(offline: Offline, *, key: str = "sk-test", base: str = "/v1") -> httpx2.AsyncClient:
    return httpx2.AsyncClient(
        transport=InProcessTransport(offline.handle),
        base_url=f"http://offline.invalid{base}",
        headers={"authorization": f"Bearer {key}"} if key else {},
        timeout=None,  # a busy machine draws for longer than the library's 5 s
    )


async def post(offline: Offline, path: str, body: Json, **how: Any) -> httpx2.Response:
    async with client(offline, **how) as http:
        return await http.post(path, content=json.dumps(body).encode("ascii"))


async def get(offline: Offline, path: str, **how: Any) -> httpx2.Response:
    async with client(offline, **how) as http:
        return await http.get(path)


async def respond(offline: Offline, said: str | list[Json], /, **fields: Any) -> Json:
    """A whole answer of ``/v1/responses``, which must be a 200."""
    body = {"model": "gpt-5.5", "input": said, "tools": [SMALL], **fields}
    reply = await post(offline, "/responses", body)
    assert reply.status_code == 200, reply.text
    answer: Json = reply.json()
    return answer


async def stream(offline: Offline, said: str | list[Json], /, **fields: Any) -> list[Json]:
    """Every event of a streamed answer."""
    body = {"model": "gpt-5.5", "input": said, "tools": [SMALL], "stream": True, **fields}
    reply = await post(offline, "/responses", body)
    return events_of(reply.text)


async def live(
    offline: Offline, said: str | list[Json], /, **fields: Any
) -> AsyncGenerator[Json, None]:
    """The same, event by event, so that a test can look at the server in between."""
    body = {"model": "gpt-5.5", "input": said, "tools": [SMALL], "stream": True, **fields}
    async with client(offline) as http, http.stream("POST", "/responses", json=body) as reply:
        async for piece in reply.aiter_raw():
            for event in events_of(piece.decode()):
                yield event


def events_of(text: str) -> list[Json]:
    lines = [line for line in text.splitlines() if line.startswith("data: {")]
    return [json.loads(line.removeprefix("data: ")) for line in lines]


def types_of(events: list[Json]) -> list[str]:
    return [event["type"] for event in events]


def picture_of(answer: Json) -> bytes:
    """The first picture of a whole answer."""
    return pictures_of(answer)[0]


def pictures_of(answer: Json) -> list[bytes]:
    return [base64.b64decode(item["result"]) for item in calls_of(answer) if item["result"]]


def calls_of(answer: Json) -> list[Json]:
    return [item for item in answer["output"] if item["type"] == "image_generation_call"]


def text_of(answer: Json) -> str:
    return "".join(
        part.get("text", "")
        for item in answer["output"]
        if item["type"] == "message"
        for part in item["content"]
    )


def opened(data: bytes) -> Image.Image:
    with Image.open(io.BytesIO(data)) as image:
        image.load()
        return image


def photo(size: tuple[int, int] = (320, 240), mode: str = "RGB", colour: str = "teal") -> bytes:
    """A stranger's picture: no scene in it."""
    out = io.BytesIO()
    Image.new(mode, size, colour).save(out, "PNG")
    return out.getvalue()


def data_url(data: bytes, kind: str = "image/png") -> str:
    return f"data:{kind};base64,{base64.b64encode(data).decode()}"


def showing(text: str, *pictures: bytes) -> list[Json]:
    """One user message with pictures."""
    shown: list[Json] = [{"type": "input_image", "image_url": data_url(p)} for p in pictures]
    return [{"role": "user", "content": [{"type": "input_text", "text": text}, *shown]}]
