"""Code written for OpenAI's own SDK runs against the artist with another address and key."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx2
import pytest
from openai import AsyncOpenAI
from openai.types.responses.response_output_item import ImageGenerationCall

from agent.derive.sniff import measure
from agent.offline import Offline
from agent.upstream.inprocess import InProcessTransport
from tests.conftest import Serve, png

KITE = "a red kite over the sea"
BASES = ("http://offline.invalid/v1", "http://offline.invalid")


@asynccontextmanager
async def sdk(server: Offline, base_url: str) -> AsyncIterator[AsyncOpenAI]:
    """The client as a manual shows it: nothing but the base URL and the key is ours."""
    wire = httpx2.AsyncClient(transport=InProcessTransport(server.handle))
    async with AsyncOpenAI(base_url=base_url, api_key="sk-test", http_client=wire) as client:
        yield client


@pytest.mark.parametrize("base_url", BASES)
async def test_a_sentence_becomes_base64(serve: Serve, base_url: str) -> None:
    server = serve()

    async with sdk(server, base_url) as client:
        result = await client.images.generate(
            model="gpt-image-2", prompt=KITE, size="1024x1024", quality="medium"
        )

    assert result.data
    [image] = result.data
    assert measure(base64.b64decode(image.b64_json or "")) == (1024, 1024)
    assert result.usage is not None
    assert result.usage.total_tokens == result.usage.input_tokens + result.usage.output_tokens
    assert server.counters["generations"] == 1


async def test_several_pictures_and_a_mask_become_one(serve: Serve) -> None:
    mask = png(640, 640, mode="RGBA", colour="#00000000")

    async with sdk(serve(), BASES[0]) as client:
        result = await client.images.edit(
            model="gpt-image-2",
            image=[("one.png", png(640, 640)), ("two.png", png(64, 64, colour="red"))],
            mask=("mask.png", mask),
            prompt="make it night",
            size="1024x1024",
        )

    assert result.data
    assert len(result.data) == 1
    assert base64.b64decode(result.data[0].b64_json or "").startswith(b"\x89PNG")


async def test_an_agent_draws_with_the_tool_it_attached(serve: Serve) -> None:
    async with sdk(serve(), BASES[0]) as client:
        response = await client.responses.create(
            model="gpt-5.5",
            input=KITE,
            tools=[{"type": "image_generation", "model": "gpt-image-2", "size": "1536x1024"}],
        )

    [call] = [item for item in response.output if isinstance(item, ImageGenerationCall)]
    assert response.model == "gpt-5.5"
    assert measure(base64.b64decode(call.result or "")) == (1536, 1024)


async def test_a_stream_of_images_has_the_events_of_the_manual(serve: Serve) -> None:
    async with sdk(serve(), BASES[0]) as client:
        stream = await client.images.generate(
            model="gpt-image-2", prompt=KITE, stream=True, partial_images=2, size="1024x1024"
        )
        kinds = [event.type async for event in stream]

    assert kinds[-1] == "image_generation.completed"
    assert set(kinds[:-1]) == {"image_generation.partial_image"}
