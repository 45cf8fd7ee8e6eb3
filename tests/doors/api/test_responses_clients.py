"""Each client goes on from a picture in its own way (clients.md section 5), over any server."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.conftest import png, sent_to
from tests.doors.api.conftest import OpenServer
from tests.doors.api.relaying import (
    KITE,
    TOOL,
    URL,
    Json,
    asked,
    create,
    newest,
    picture,
)

pytestmark = pytest.mark.parametrize("dialect", ["openai", "sub2api"])


def openai_sdk(first: Json) -> Json:
    """openai py and node, openai-agents, LangChain: the id of the answer."""
    return {"text": "make it night", "previous_response_id": first["id"]}


def full_replay(first: Json) -> Json:
    """openai-agents sessions, LangChain with ``store=False``: every item as it came."""
    return {
        "text": [
            {"role": "user", "content": KITE},
            *first["output"],
            {"role": "user", "content": "make it night"},
        ],
        "store": False,
    }


def langchain(first: Json) -> Json:
    """Assistant messages without id or status."""
    said = [item for item in first["output"] if item["type"] == "message"]
    parts = [part for item in said for part in item["content"]]
    return {
        "text": [
            {"role": "user", "content": [{"type": "input_text", "text": KITE}]},
            picture(first),
            {"type": "message", "role": "assistant", "content": parts},
            {"role": "user", "content": [{"type": "input_text", "text": "make it night"}]},
        ]
    }


def pydantic_ai(first: Json) -> Json:
    """The id of the picture, and nothing else of it."""
    tool = {
        **TOOL,
        "action": "auto",
        "background": "auto",
        "moderation": "auto",
        "output_compression": 100,
        "partial_images": 0,
    }
    return {
        "text": [
            {"role": "user", "content": KITE},
            {"id": picture(first)["id"], "type": "image_generation_call"},
            {"role": "user", "content": "make it night"},
        ],
        "tools": [tool],
    }


def vercel(first: Json) -> Json:
    """References to items, and parts without detail."""
    return {
        "text": [
            {"role": "user", "content": [{"type": "input_text", "text": KITE}]},
            *({"type": "item_reference", "id": item["id"]} for item in first["output"]),
            {"role": "user", "content": [{"type": "input_text", "text": "make it night"}]},
        ]
    }


def codex(first: Json) -> Json:
    """The picture whole among developer messages, calls and sealed reasoning; nothing stored."""
    drawn = {k: picture(first)[k] for k in ("type", "id", "status", "revised_prompt", "result")}
    return {
        "text": [
            {"type": "message", "role": "developer", "content": [_text("You are an agent.")]},
            {"type": "message", "role": "user", "content": [_text(KITE)]},
            {"type": "reasoning", "summary": [], "encrypted_content": "c2VhbGVk"},
            {"type": "function_call", "name": "ls", "arguments": "{}", "call_id": "call_1"},
            {"type": "function_call_output", "call_id": "call_1", "output": "kite.md"},
            drawn,
            {"type": "message", "role": "user", "content": [_text("make it night")]},
        ],
        "store": False,
        "tools": [{"type": "function", "name": "ls", "parameters": {}}, TOOL],
        "include": ["reasoning.encrypted_content"],
        "prompt_cache_key": "key",
        "parallel_tool_calls": False,
    }


def _text(words: str) -> Json:
    return {"type": "input_text", "text": words}


def documented(first: Json) -> Json:
    """As OpenAI's guide shows it: the sentence, then the picture it is about."""
    return {
        "text": [
            {"role": "user", "content": [_text("make it night")]},
            {"type": "image_generation_call", "id": picture(first)["id"]},
        ]
    }


WAYS = [openai_sdk, full_replay, langchain, pydantic_ai, vercel, codex, documented]


@pytest.mark.parametrize("way", WAYS)
async def test_an_edit_is_an_edit_of_that_very_picture(
    open_server: OpenServer, dialect: str, way: Callable[[Json], Json]
) -> None:
    async with open_server(dialect=dialect) as served:
        first = await create(served)
        second = await create(served, **way(first))

        _, turns, images = await newest(served.desk)
        assert picture(second)["action"] == "edit"
        assert [image.parents for image in images] == [(), (images[0].id,)]
        assert [turn.prompt for turn in turns] == [KITE, "make it night"]
        assert turns[1].parent == turns[0].id
        assert "Offline" not in str(second["output"][-1].get("refusal"))


@pytest.mark.parametrize("way", WAYS)
async def test_the_server_is_sent_the_picture_once_and_nothing_it_would_have_to_know(
    open_server: OpenServer, dialect: str, way: Callable[[Json], Json]
) -> None:
    async with open_server(dialect=dialect) as served:
        first = await create(served)
        await create(served, **way(first))

        sent = sent_to(served.artist)[-1]
        whole = json.dumps(sent)
        assert whole.count('"input_image"') == 1
        assert "image_generation_call" not in whole
        assert "item_reference" not in whole
        assert first["id"] not in whole
        assert (sent["store"], "previous_response_id" in sent) == (False, False)


async def test_what_codex_sends_besides_passes_in_its_order(
    open_server: OpenServer, dialect: str
) -> None:
    async with open_server(dialect=dialect) as served:
        first = await create(served)
        told = codex(first)
        await create(served, **told)

        sent = sent_to(served.artist)[-1]
        assert sent["input"][:5] == told["text"][:5]
        assert (sent["prompt_cache_key"], sent["include"]) == ("key", told["include"])
        assert sent["tools"][0] == told["tools"][0]


async def test_an_older_picture_can_be_named(open_server: OpenServer, dialect: str) -> None:
    async with open_server(dialect=dialect) as served:
        first = await create(served)
        second = await create(served, "make it night", previous_response_id=first["id"])
        named = [{"type": "item_reference", "id": picture(first)["id"]}, "in snow"]
        await create(served, named, previous_response_id=second["id"])

        _, _, images = await newest(served.desk)
        assert images[2].parents == (images[0].id,)


async def test_a_mask_goes_with_the_picture_of_the_chain(
    open_server: OpenServer, dialect: str
) -> None:
    async with open_server(dialect=dialect) as served:
        first = await create(served)
        cut = base64.b64encode(png(1024, 1024, mode="RGBA", colour="#00000000")).decode()
        mask = {"image_url": f"data:image/png;base64,{cut}"}
        tool = {**TOOL, "action": "edit", "input_image_mask": mask}
        second = await create(
            served, "make it blue", previous_response_id=first["id"], tools=[tool]
        )

        _, turns, _ = await newest(served.desk)
        assert turns[1].mask is not None
        assert "input_image_mask" in sent_to(served.artist)[-1]["tools"][0]
        assert "input_image_mask" not in json.dumps(second["tools"])


async def test_a_forced_picture_is_drawn_whatever_the_server_takes(
    open_server: OpenServer, dialect: str
) -> None:
    async with open_server(dialect=dialect) as served:
        told = await create(served, "hello", tool_choice={"type": "image_generation"})

        assert picture(told)["result"]
        sent = sent_to(served.artist)[-1]
        assert ("tool_choice" in sent) is (dialect == "openai")


@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
async def test_a_mask_that_does_not_fit_is_refused_before_it_is_sent(
    open_server: OpenServer, dialect: str, mode: str
) -> None:
    async with open_server(dialect=dialect) as served:
        first = await create(served)
        cut = base64.b64encode(png(1024 if mode == "RGB" else 512, 1024, mode=mode)).decode()
        tool = {**TOOL, "input_image_mask": {"image_url": f"data:image/png;base64,{cut}"}}
        told = await served.client.post(
            URL, json=asked("blue", previous_response_id=first["id"], tools=[tool])
        )

        error = told.json()["error"]
        assert (told.status_code, error["code"]) == (400, "invalid_mask")
        assert error["param"] == "tools[0].input_image_mask"
        assert len(sent_to(served.artist)) == 1


@pytest.mark.parametrize("shape", ["id", "broken", "empty"])
async def test_a_replayed_picture_that_is_none_is_refused_by_its_place(
    open_server: OpenServer, dialect: str, shape: str
) -> None:
    results: dict[str, Any] = {"id": None, "broken": "@@@not base64@@@", "empty": "AAAA"}
    item = {"type": "image_generation_call", "id": "ig_x", "result": results[shape]}
    async with open_server(dialect=dialect) as served:
        payload = {"model": "gpt-5.5", "input": [KITE, item], "tools": [TOOL]}
        told = await served.client.post(URL, json=payload)

        error = told.json()["error"]
        assert told.status_code == (404 if shape == "id" else 400)
        assert "ig_x" in error["message"] or "input[1]" in f"{error['param']}{error['message']}"
        assert sent_to(served.artist) == []
