"""The MCP server in this process, on an artist whose counters can be read, and clients of it."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, cast

import anyio
import pytest
from jsonschema import Draft202012Validator
from mcp import Client
from mcp_types import CallToolResult, ImageContent, ResourceLink, TextContent

from agent import ImageAgent, Settings
from agent.doors.mcp.server import server
from agent.doors.mcp.workroom import Options, Workroom
from agent.factory import open_kit
from agent.offline import Offline
from agent.turn.pricing import load_prices
from tests.conftest import OpenOn, Serve, sent_to

Era = Literal["legacy", "auto"]
Opened = Callable[..., AbstractAsyncContextManager["Hand"]]


@pytest.fixture(scope="session", autouse=True)
def schemas_checked_once() -> Iterator[None]:
    """Every client checks the schema of every tool before its first answer; ours are the same."""
    check, checked = Draft202012Validator.check_schema, set[str]()

    def once(schema: Any) -> None:
        if (text := json.dumps(schema, sort_keys=True)) not in checked:
            check(schema)
            checked.add(text)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Draft202012Validator, "check_schema", once)
        yield


@dataclass
class Gate:
    """Holds every answer of the artist until it is opened."""

    opened: anyio.Event = field(default_factory=anyio.Event)
    reached: anyio.Event = field(default_factory=anyio.Event)

    async def wait(self, _: float) -> None:
        self.reached.set()
        await self.opened.wait()


@dataclass
class Hand:
    """A client and what stands behind it."""

    client: Client
    room: Workroom
    artist: Offline
    work: Path

    async def call(self, tool: str, **arguments: object) -> Answer:
        return Answer(await self.client.call_tool(tool, arguments))

    @property
    def requests(self) -> int:
        """How many requests the artist got."""
        return len(sent_to(self.artist))


@dataclass
class Answer:
    """A tool's result, taken apart."""

    raw: CallToolResult

    @property
    def lines(self) -> list[str]:
        first = self.raw.content[0]
        assert isinstance(first, TextContent)
        return first.text.splitlines()

    @property
    def text(self) -> str:
        return "\n".join(self.lines)

    @property
    def path(self) -> Path:
        return Path(self.lines[0])

    @property
    def receipt(self) -> dict[str, Any]:
        return cast("dict[str, Any]", self.raw.structured_content)

    @property
    def image(self) -> dict[str, Any]:
        [image] = self.receipt["images"]
        return cast("dict[str, Any]", image)

    @property
    def original(self) -> Path:
        """The store's own file."""
        return Path(self.image["original"])

    @property
    def problem(self) -> dict[str, Any]:
        assert self.raw.is_error
        return cast("dict[str, Any]", self.receipt["error"])

    @property
    def previews(self) -> list[ImageContent]:
        return [block for block in self.raw.content if isinstance(block, ImageContent)]

    @property
    def links(self) -> list[ResourceLink]:
        return [block for block in self.raw.content if isinstance(block, ResourceLink)]


@pytest.fixture
async def gate() -> Gate:
    return Gate()


@pytest.fixture
def held(serve: Serve, gate: Gate) -> Offline:
    """An artist that answers when the gate opens."""
    return serve(latency=(1.0, 1.0), sleep=gate.wait)


@pytest.fixture
def work(tmp_path: Path) -> Path:
    """The working directory of the server."""
    folder = tmp_path / "work"
    folder.mkdir()
    return folder


PRICES = """
kind = "per_image"
currency = "USD"
[per_image."*"]
"*" = 0.30
"""


@asynccontextmanager
async def asking(settings: Settings, artist: Offline) -> AsyncIterator[ImageAgent]:
    """An agent on an artist that takes 0.30 a picture."""
    profile = settings.resolve("offline", allow_offline=True)
    kit = await open_kit(settings, profile, offline=artist)
    async with ImageAgent(replace(kit, prices=load_prices(PRICES, name="shop"))) as agent:
        yield agent


@pytest.fixture
def opened(settings: Settings, open_on: OpenOn, serve: Serve, work: Path) -> Opened:
    """``opened(artist, era=…, limits…, client=…)``: a server, and a client that speaks to it."""

    @asynccontextmanager
    async def opener(
        artist: Offline | None = None,
        *,
        era: Era = "legacy",
        client: dict[str, Any] | None = None,
        paid: bool = False,
        **limits: Any,
    ) -> AsyncIterator[Hand]:
        drawing = artist or serve()
        options = Options(**({"working": work} | limits))
        profile = settings.resolve("offline", allow_offline=True)

        def opening() -> AbstractAsyncContextManager[ImageAgent]:
            return asking(settings, drawing) if paid else open_on(drawing)

        async with (
            Workroom(settings, profile, options, opening=opening) as room,
            Client(server(room), mode=era, **(client or {})) as made,
        ):
            yield Hand(made, room, drawing, work)

    return opener
