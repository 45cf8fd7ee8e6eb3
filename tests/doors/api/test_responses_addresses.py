"""A picture may be named in a conversation by the address that this server gave out for it."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from tests.conftest import sent_to
from tests.doors.api.conftest import ORIGIN, OpenServer, Served, tenant
from tests.doors.api.relaying import KITE, TOOL, URL, Json, asked, create

GENERATIONS = "/v1/images/generations"


async def given_out(served: Served, who: dict[str, str] | None = None) -> tuple[str, str]:
    """An address of a picture, and how its bytes are noted in the log of what was sent."""
    told = await served.client.post(
        GENERATIONS, json={"prompt": "a pear", "response_format": "url"}, headers=who
    )
    address: str = told.json()["data"][0]["url"]
    return address, (await served.client.get(address)).content.hex()


def shown(address: Any) -> list[Json]:
    picture = {"type": "input_image", "image_url": address}
    return [{"role": "user", "content": [{"type": "input_text", "text": KITE}, picture]}]


@pytest.mark.parametrize("nested", [False, True])
async def test_it_goes_on_as_the_picture_and_never_as_the_address(
    open_server: OpenServer, nested: bool
) -> None:
    async with open_server(public_url=ORIGIN) as served:
        address, data = await given_out(served)
        first = await create(served, shown({"url": address} if nested else address))
        items = (await served.client.get(f"{URL}/{first['id']}/input_items")).json()["data"]

        [picture] = [p for p in items[0]["content"] if p["type"] == "input_image"]
        encoded = base64.b64encode(bytes.fromhex(data)).decode()
        assert picture["image_url"] == f"data:image/png;base64,{encoded}"
        assert ORIGIN not in json.dumps(sent_to(served.artist))


async def test_a_tools_output_may_name_it_too(open_server: OpenServer) -> None:
    call: Json = {"type": "function_call", "call_id": "c1", "name": "look", "arguments": "{}"}
    async with open_server(public_url=ORIGIN) as served:
        address, _ = await given_out(served)
        output = [{"type": "input_image", "image_url": address}]
        seen = {"type": "function_call_output", "call_id": "c1", "output": output}
        await create(served, [{"role": "user", "content": KITE}, call, seen])

        assert ORIGIN not in json.dumps(sent_to(served.artist))
        assert "function_call_output" in json.dumps(sent_to(served.artist))


async def test_one_that_is_over_or_forged_or_somebody_elses_is_a_404_before_anything_is_sent(
    open_server: OpenServer,
) -> None:
    (one, mine), (two, yours) = tenant("one"), tenant("two")
    async with open_server(tenants={"one": one, "two": two}, public_url=ORIGIN) as served:
        address, _ = await given_out(served, mine)
        before = len(sent_to(served.artist))
        answers = [
            await served.client.post(URL, json=asked(shown(which)), headers=who)
            for who, which in ((yours, address), (mine, address[:-4] + "0000"))
        ]

        assert [answer.status_code for answer in answers] == [404, 404]
        assert answers[0].json() == answers[1].json()
        assert len(sent_to(served.artist)) == before


async def test_an_address_elsewhere_is_the_servers_to_fetch(open_server: OpenServer) -> None:
    elsewhere = "https://pictures.example/pear.png"
    async with open_server(public_url=ORIGIN) as served:
        await served.client.post(URL, json=asked(shown(elsewhere)))

        assert elsewhere in json.dumps(sent_to(served.artist))


async def test_what_is_passed_on_untouched_is_passed_on_untouched(open_server: OpenServer) -> None:
    async with open_server(public_url=ORIGIN) as served:
        address, _ = await given_out(served)
        body = {"model": "gpt-5.5", "input": shown(address)}
        await served.client.post(URL, json=body)

        assert address in json.dumps(sent_to(served.artist)[-1])
        assert TOOL not in sent_to(served.artist)[-1].get("tools", [])
