"""Pictures in what a client's own tools gave back: kept, and given again with the chain."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from sqlalchemy import select

from agent.relay import outputs
from agent.store.tables import response_item
from tests.conftest import png, sent_to
from tests.doors.api.conftest import OpenServer, Served, tenant
from tests.doors.api.relaying import URL, Json, asked, create, newest, picture

CALL = {"type": "function_call", "call_id": "c", "name": "look", "arguments": "{}"}


def looked_at(*pictures: bytes, **more: Any) -> Json:
    urls = [f"data:image/png;base64,{base64.b64encode(data).decode()}" for data in pictures]
    parts = [{"type": "input_image", "image_url": url} for url in urls]
    return {"type": "function_call_output", "call_id": "c", "output": parts, **more}


async def inputs_of(served: Served, response: Json) -> list[Json]:
    at = f"{URL}/{response['id']}/input_items"
    answer = await served.client.get(at, params={"order": "asc", "limit": "100"})
    found: list[Json] = answer.json()["data"]
    return found


def arrived(served: Served) -> list[Any]:
    """What the newest request had as outputs of tools; pictures as hash and length."""
    items = sent_to(served.artist)[-1]["input"]
    return [one["output"] for one in items if one.get("type", "").endswith("_output")]


async def test_pictures_of_a_tools_output_come_back_with_the_chain(open_server: OpenServer) -> None:
    chart, map_ = png(64, 64, colour="red"), png(80, 80, colour="blue")
    async with open_server() as served:
        first = await create(
            served, [CALL, looked_at(chart, map_), {"role": "user", "content": "a boat"}]
        )
        given = arrived(served)
        second = await create(served, "make it blue", previous_response_id=first["id"])
        third = await create(served, "and green", previous_response_id=second["id"])

        assert arrived(served) == given
        assert [len(one) for one in given] == [2]
        assert (await inputs_of(served, first))[1]["output"] == looked_at(chart, map_)["output"]
        assert picture(third)["result"]
        _, turns, images = await newest(served.desk)
        assert [one.operation for one in images] == ["import", "import", "generate", "edit", "edit"]
        assert turns[0].references == ()  # looked at by the caller's tool, and no parent
        rows = await served.desk.kit.store.database.read(all_items)  # type: ignore[attr-defined]
        assert "base64" not in json.dumps(rows)


def all_items(connection: Any) -> list[Any]:
    return list(connection.execute(select(response_item.c.value)).scalars())


async def test_a_picture_that_comes_with_every_request_is_kept_once(
    open_server: OpenServer,
) -> None:
    items: list[Json] = [CALL, looked_at(png(64, 64))]
    async with open_server() as served:
        for words in ("a boat", "a kite"):
            items += [{"role": "user", "content": words}]
            items += (await create(served, items))["output"]

        _, _, images = await newest(served.desk)
        assert [one.operation for one in images].count("import") == 1


async def test_what_is_no_picture_is_for_the_server_behind_to_judge_and_is_not_kept(
    open_server: OpenServer,
) -> None:
    broken = looked_at(b"no picture at all")
    async with open_server() as served:
        told = await served.client.post(
            URL, json=asked([CALL, broken, {"role": "user", "content": "a boat"}])
        )

        assert told.status_code == 400
        assert arrived(served)[0][0]["type"] == "input_image"
        rows = await served.desk.kit.store.database.read(all_items)  # type: ignore[attr-defined]
        assert rows[1]["output"] == [{"type": "input_text", "text": "[picture]"}]
        assert (await newest(served.desk))[2] == []


async def test_a_screenshot_is_kept_as_well(open_server: OpenServer) -> None:
    [part] = looked_at(png(64, 64))["output"]
    shot = {"type": "computer_screenshot", "image_url": part["image_url"]}
    items = [
        {"type": "computer_call_output", "call_id": "c", "output": shot},
        {"role": "user", "content": "a boat"},
    ]
    async with open_server() as served:
        first = await create(served, items)
        given = arrived(served)
        await create(served, "make it blue", previous_response_id=first["id"])

        assert arrived(served) == given
        assert given[0]["type"] == "computer_screenshot"


async def test_a_forgotten_picture_of_a_tool_is_a_word(open_server: OpenServer) -> None:
    async with open_server() as served:
        items = [CALL, looked_at(png(64, 64)), {"role": "user", "content": "a boat"}]
        first = await create(served, items)
        _, _, images = await newest(served.desk)
        await served.desk.kit.store.forget_image(images[0].id, at=served.desk.kit.clock.now())
        await create(served, "make it blue", previous_response_id=first["id"])

        assert arrived(served) == [[{"type": "input_text", "text": "[picture]"}]]


async def test_no_more_of_them_go_along_than_fit(
    open_server: OpenServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = [png(16, 16 + n) for n in range(3)]
    async with open_server() as served:
        items = [CALL, looked_at(*small[:2]), CALL, looked_at(small[2])]
        first = await create(served, [*items, {"role": "user", "content": "a boat"}])
        monkeypatch.setattr(outputs, "MOST_BYTES", len(small[2]) + len(small[0]))
        await create(served, "make it blue", previous_response_id=first["id"])

        kinds = [[part["type"] for part in parts] for parts in arrived(served)]
        assert kinds == [["input_image", "input_text"], ["input_image"]]


async def test_another_tenant_does_not_see_them(open_server: OpenServer) -> None:
    (one, mine), (two, yours) = tenant("one"), tenant("two")
    async with open_server(tenants={"one": one, "two": two}) as served:
        items = [CALL, looked_at(png(64, 64)), {"role": "user", "content": "a boat"}]
        first = await create(served, items, key=mine)
        told = await served.client.post(
            URL, json=asked("x", previous_response_id=first["id"]), headers=yours
        )
        again = await create(served, items, key=yours)

        assert told.status_code == 400
        assert picture(again)["result"]
