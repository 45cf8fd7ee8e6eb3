"""Two tenants: on every route that takes an id, no byte of one reaches the other.

Routes are read from the OpenAPI page, so that a new one is tried too, or fails here.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx2
import pytest

from tests.conftest import png, sent_to
from tests.doors.api.conftest import ORIGIN, OpenServer, Served, tenant
from tests.doors.api.relaying import TOOL, URL, Json, asked, create, picture

SECRET = "the harbour of Quandrifax at dawn"
OPERATIONS = ("get", "post", "put", "patch", "delete")
NO_ID = {
    *(f"POST /v1/images/{what}" for what in ("generations", "edits", "variations")),
    "POST /v1/responses",
    "GET /v1/models",
    "GET /v1/models/{model}",
}
"""Routes whose path names nothing that anybody owns; what their bodies name is below."""
BY_PATH = {
    "GET /v1/responses/{response_id}",
    "DELETE /v1/responses/{response_id}",
    "POST /v1/responses/{response_id}/cancel",
    "GET /v1/responses/{response_id}/input_items",
}
EDITS = "/v1/images/edits"


@dataclass
class Town:
    """One tenant has drawn; the other one asks."""

    served: Served
    owner: dict[str, str]
    stranger: dict[str, str]
    ids: dict[str, str]
    """What the owner could let slip, by its kind."""
    pixels: bytes
    answers: list[httpx2.Response] = field(default_factory=list)

    @property
    def pixels_in_log(self) -> list[str]:
        """How the artist's log would show the picture, bare or as a data URL."""
        bare = base64.b64encode(self.pixels)
        forms = (bare, b"data:image/png;base64," + bare)
        return [hashlib.sha256(form).hexdigest()[:16] for form in forms]

    async def ask(self, method: str, path: str, body: Json | None = None) -> httpx2.Response:
        """As the stranger; every answer is looked through at the end."""
        told = await self.served.client.request(method, path, json=body, headers=self.stranger)
        self.answers.append(told)
        return told

    def leaks(self) -> list[str]:
        """Answers with a word or a byte of the owner's."""
        marks = [SECRET, "Quandrifax", base64.b64encode(self.pixels).decode()[200:400]]
        return [
            f"{one.request.method} {one.request.url}: {mark[:20]}"
            for one in self.answers
            for mark in marks
            if mark in one.text or self.pixels in one.content
        ]


def unknown(which: str) -> str:
    """An id of the same kind and length that nobody has."""
    kind, _, rest = which.rpartition("_")
    return f"{kind}_{'0' * len(rest)}" if kind else "0" * len(rest)


def routes(page: Json) -> Iterator[str]:
    for path, operations in page["paths"].items():
        yield from (f"{name.upper()} {path}" for name in operations if name in OPERATIONS)


async def town(served: Served, owner: dict[str, str], stranger: dict[str, str]) -> Town:
    """With a picture, an answer, and a signed address of it."""
    first = await create(served, SECRET, key=owner)
    pixels = base64.b64decode(picture(first)["result"])
    order = {"prompt": SECRET, "model": "gpt-image-2", "response_format": "url"}
    signed = await served.client.post("/v1/images/generations", json=order, headers=owner)
    ids = {
        "response": first["id"],
        "call": picture(first)["id"],
        "message": next(one["id"] for one in first["output"] if one["type"] == "message"),
        "image": signed.json()["limner"]["images"][0],
        "session": signed.json()["limner"]["session"],
        "turn": signed.json()["limner"]["turns"][0],
        "url": signed.json()["data"][0]["url"],
    }
    return Town(served, owner, stranger, ids, pixels)


@pytest.fixture
def tenants() -> tuple[dict[str, Any], dict[str, str], dict[str, str]]:
    (one, mine), (two, yours) = tenant("one"), tenant("two")
    return {"one": one, "two": two}, mine, yours


Tenants = tuple[dict[str, Any], dict[str, str], dict[str, str]]


async def test_every_route_of_the_page_is_tried_here(open_server: OpenServer) -> None:
    async with open_server() as served:
        page = (await served.client.get("/openapi.json")).json()
    found = set(routes(page))

    assert found == NO_ID | BY_PATH
    assert {one for one in found if "{" in one} - {"GET /v1/models/{model}"} == BY_PATH


async def test_no_path_tells_a_foreign_id_from_an_unknown_one(
    open_server: OpenServer, tenants: Tenants
) -> None:
    known, mine, yours = tenants
    async with open_server(tenants=known, public_url=ORIGIN) as served:
        here = await town(served, mine, yours)
        before = len(sent_to(served.artist))
        for route in sorted(BY_PATH):
            method, path = route.split(" ")
            for which in (v for k, v in here.ids.items() if k != "url"):
                foreign, none = [
                    await here.ask(method, re.sub(r"\{.*?\}", one, path))
                    for one in (which, unknown(which))
                ]
                assert foreign.status_code == none.status_code == 404, route
                assert foreign.text.replace(which, unknown(which)) == none.text

        assert here.leaks() == []
        assert len(sent_to(served.artist)) == before
        for name in ("", "/input_items"):
            told = await served.client.get(f"{URL}/{here.ids['response']}{name}", headers=mine)
            assert (told.status_code, SECRET in told.text) == (200, True)


def bodies(ids: Json) -> list[tuple[str, Json]]:
    """Every place of a body that takes an id or an address, filled with these."""
    inline = {"image_url": f"data:image/png;base64,{base64.b64encode(png(64, 64)).decode()}"}

    def edit(*images: Json, **more: object) -> tuple[str, Json]:
        return EDITS, {"prompt": "blue", "model": "gpt-image-2", "images": list(images), **more}

    def said(*items: Json, **more: object) -> tuple[str, Json]:
        told = [*items, {"role": "user", "content": "make it blue"}]
        return URL, asked(told, **more)

    def shown(**image: str) -> Json:
        return {"role": "user", "content": [{"type": "input_image", **image}]}

    return [
        (URL, asked("blue", previous_response_id=ids["response"])),
        *(said({"type": "item_reference", "id": ids[one]}) for one in ("call", "message", "image")),
        *(said({"type": "image_generation_call", "id": ids[one]}) for one in ("call", "image")),
        said(shown(file_id=ids["image"])),
        said(shown(image_url=ids["url"])),
        said(tools=[{**TOOL, "input_image_mask": {"file_id": ids["image"]}}]),
        said(tools=[{**TOOL, "input_image_mask": {"image_url": ids["url"]}}]),
        said(conversation=ids["session"]),
        edit({"file_id": ids["image"]}),
        edit({"image_url": ids["url"]}),
        edit(inline, mask={"file_id": ids["image"]}),
        edit(inline, mask={"image_url": ids["url"]}),
    ]


async def test_no_place_of_a_body_tells_a_foreign_id_from_an_unknown_one(
    open_server: OpenServer, tenants: Tenants
) -> None:
    known, mine, yours = tenants
    async with open_server(tenants=known, public_url=ORIGIN) as served:
        here = await town(served, mine, yours)
        before = len(sent_to(served.artist))
        nobodys = {k: unknown(v) for k, v in here.ids.items()}
        nobodys["url"] = here.ids["url"].replace(here.ids["image"], nobodys["image"])
        for (path, foreign), (_, none) in zip(bodies(here.ids), bodies(nobodys), strict=True):
            answers = [await here.ask("POST", path, body) for body in (foreign, none)]
            statuses = [answer.status_code for answer in answers]
            assert 400 <= statuses[0] < 500, json.dumps(foreign)[:300]
            if here.ids["url"] not in json.dumps(foreign):  # a forged signature differs by itself
                assert statuses[0] == statuses[1]
                told = answers[0].text
                for kind, which in here.ids.items():
                    told = told.replace(which, nobodys[kind])
                assert told == answers[1].text

        sent = [json.dumps(one) for one in sent_to(served.artist)[before:]]
        assert here.leaks() == []
        assert sent == []


async def test_each_of_those_places_works_for_the_owner(
    open_server: OpenServer, tenants: Tenants
) -> None:
    known, mine, yours = tenants
    async with open_server(tenants=known, public_url=ORIGIN) as served:
        here = await town(served, mine, yours)
        codes = []
        for path, body in bodies(here.ids):
            told = await served.client.post(path, json=body, headers=mine)
            codes.append((told.status_code, (told.json().get("error") or {}).get("code")))

        shown = json.dumps(sent_to(served.artist))
        assert any(form in shown for form in here.pixels_in_log)
    found = [status for status, _ in codes]
    assert found == [200, 200, 200, 404, 200, 404, 400, 200, 400, 400, 400, 200, 200, 400, 400]
    assert codes[9][1] == "invalid_mask"  # found, but no mask
    assert [code for _, code in codes[-2:]] == ["invalid_value"] * 2


async def test_the_same_idempotency_key_is_two_purchases(
    open_server: OpenServer, tenants: Tenants
) -> None:
    known, mine, yours = tenants
    order = {"prompt": "a red kite", "model": "gpt-image-2"}
    once = {"idempotency-key": "the very same"}
    async with open_server(tenants=known) as served:
        told = [
            await served.client.post("/v1/images/generations", json=order, headers={**who, **once})
            for who in (mine, yours, mine)
        ]
        sessions = [one.json()["limner"]["session"] for one in told]

    assert ["x-limner-replayed" in one.headers for one in told] == [False, False, True]
    assert sessions[0] == sessions[2] != sessions[1]


async def test_a_signed_address_is_worth_nothing_changed(
    open_server: OpenServer, tenants: Tenants
) -> None:
    known, mine, yours = tenants
    async with open_server(tenants=known, public_url=ORIGIN) as served:
        here = await town(served, mine, yours)
        url = here.ids["url"]
        own = await served.client.post(
            "/v1/images/generations",
            json={"prompt": "a pear", "model": "gpt-image-2", "response_format": "url"},
            headers=yours,
        )
        others = own.json()["limner"]["images"][0]
        forged = [
            url.split("?")[0],
            re.sub(r"signature=.{8}", "signature=00000000", url),
            re.sub(r"until=\d+", "until=99999999999", url),
            own.json()["data"][0]["url"].replace(others, here.ids["image"]),
        ]
        statuses = [(await here.ask("GET", one)).status_code for one in forged]

        assert statuses == [404] * 4
        assert here.leaks() == []
        assert (await served.client.get(url)).status_code == 200
