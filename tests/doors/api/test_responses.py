"""``/v1/responses`` keeps what servers behind it forget."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable

import pytest
from httpx2 import Response

from agent.schema import ImageId
from tests.conftest import bytes_of as stored_bytes
from tests.conftest import sent_to
from tests.doors.api.conftest import OpenServer, tenant
from tests.doors.api.relaying import (
    KITE,
    TOOL,
    URL,
    Json,
    asked,
    attempts_of,
    bytes_of,
    create,
    kinds,
    newest,
    picture,
    stream,
)

DIALECTS = ["openai", "sub2api", "litellm", "new-api"]


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_a_chain_of_edits_is_one_session_with_parents(
    open_server: OpenServer, dialect: str
) -> None:
    async with open_server(dialect=dialect) as served:
        first = await create(served)
        second = await create(served, "at night", previous_response_id=first["id"])
        await create(served, "in snow", previous_response_id=second["id"])

        session, turns, images = await newest(served.desk)
        assert session.name == "red-kite-over"
        assert [turn.prompt for turn in turns] == [KITE, "at night", "in snow"]
        assert [turn.parent for turn in turns] == [None, turns[0].id, turns[1].id]
        assert [image.parents for image in images] == [(), (images[0].id,), (images[1].id,)]
        assert session.head == turns[2].id
        assert stored_bytes(images[0]) == bytes_of(first)
        assert bytes_of(first) != bytes_of(second)


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_only_the_newest_picture_is_sent_and_the_texts_go_along(
    open_server: OpenServer, dialect: str
) -> None:
    async with open_server(dialect=dialect) as served:
        first = await create(served)
        second = await create(served, "at night", previous_response_id=first["id"])
        await create(served, "in snow", previous_response_id=second["id"])

        body = json.dumps(sent_to(served.artist)[-1])
        assert body.count("input_image") == 1
        assert KITE in body
        assert "at night" in body
        assert "previous_response_id" not in body
        assert "image_generation_call" not in body


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_a_stream_is_whole_and_its_ids_are_those_of_the_answer(
    open_server: OpenServer, dialect: str
) -> None:
    async with open_server(dialect=dialect) as served:
        found = await stream(served, tools=[{**TOOL, "partial_images": 2}])

        last = found[-1]["response"]
        whole = (await served.client.get(f"{URL}/{last['id']}")).json()
        assert kinds(found)[:3] == ["created", "in_progress", "output_item.added"]
        assert kinds(found).count("image_generation_call.partial_image") == 3
        assert kinds(found)[-1] == "completed"
        assert whole == last
        assert {e["item_id"] for e in found if "image_generation_call" in e["type"]} == {
            picture(last)["id"]
        }


async def test_a_kept_response_tells_its_picture_again(open_server: OpenServer) -> None:
    async with open_server(dialect="sub2api") as served:
        first = await create(served)
        again = await served.client.get(f"{URL}/{first['id']}")

        assert again.json() == first
        assert picture(again.json())["status"] == "completed"


async def test_the_callers_own_words_are_echoed_and_our_preamble_is_not(
    open_server: OpenServer,
) -> None:
    async with open_server() as served:
        first = await create(served, instructions="Be brief.")
        second = await create(served, "at night", previous_response_id=first["id"])

        sent = sent_to(served.artist)
        assert (first["instructions"], second["instructions"]) == ("Be brief.", None)
        assert sent[0]["instructions"].startswith("Any person in the picture is an adult.")
        assert sent[0]["instructions"].endswith("Be brief.")
        assert "Be brief." not in sent[1]["instructions"]
        assert second["previous_response_id"] == first["id"]


async def test_a_response_without_the_tool_goes_on_from_one_of_ours(
    open_server: OpenServer,
) -> None:
    async with open_server(dialect="sub2api") as served:
        first = await create(served)
        payload = {"model": "gpt-5.5", "input": "What is it?", "previous_response_id": first["id"]}
        told = await served.client.post(URL, json=payload)

        body = json.dumps(sent_to(served.artist)[-1])
        assert told.json()["output"][0]["type"] == "message"
        assert "input_image" in body
        assert KITE in body
        [drawn, spoken] = await attempts_of(served.desk)
        assert (drawn.requested.model, spoken.requested.model) == ("gpt-image-2", None)


async def test_input_items_are_listed_by_pages(open_server: OpenServer) -> None:
    async with open_server() as served:
        first = await create(served)
        replay = [{"role": "user", "content": KITE}, picture(first), "at night"]
        second = await create(served, replay)
        at = f"{URL}/{second['id']}/input_items"

        page = (await served.client.get(at, params={"limit": 2})).json()
        rest = (await served.client.get(at, params={"after": page["last_id"]})).json()
        ascending = (await served.client.get(at, params={"order": "asc"})).json()

        assert [item["type"] for item in page["data"]] == ["message", "image_generation_call"]
        assert page["has_more"]
        assert page["data"][1]["result"] == picture(first)["result"]
        assert [item["content"][0]["text"] for item in rest["data"]] == [KITE]
        assert [item["id"] for item in ascending["data"]] == [
            item["id"] for item in (page["data"] + rest["data"])[::-1]
        ]


async def test_a_picture_that_was_uploaded_is_kept_and_listed(open_server: OpenServer) -> None:
    async with open_server() as served:
        drawn = await create(served)
        address = f"data:image/png;base64,{picture(drawn)['result']}"
        content = [
            {"type": "input_text", "text": "at night"},
            {"type": "input_image", "image_url": address},
        ]
        second = await create(served, [{"role": "user", "content": content}])

        listed = (await served.client.get(f"{URL}/{second['id']}/input_items")).json()
        _, _, images = await newest(served.desk)
        assert listed["data"][0]["content"][1]["image_url"] == address
        assert images[0].operation == "edit"


async def test_earlier_uploads_are_kept_as_words_and_the_newest_as_it_is(
    open_server: OpenServer,
) -> None:
    async with open_server() as served:
        drawn = await create(served)
        address = f"data:image/png;base64,{picture(drawn)['result']}"
        shown = [{"type": "input_image", "image_url": address}]
        far = {"type": "input_image", "image_url": "https://example.org/a.png"}
        items = [
            {"role": "user", "content": [{"type": "input_text", "text": "a boat"}, *shown]},
            {"role": "assistant", "content": "Go on."},
            {"role": "user", "content": [{"type": "input_text", "text": "a boat"}, *shown]},
        ]
        second = await create(served, items)
        at = f"{URL}/{second['id']}/input_items"
        listed = (await served.client.get(at, params={"order": "asc"})).json()["data"]

        assert listed[0]["content"][1]["text"] == "[picture]"
        assert listed[2]["content"][1]["image_url"] == address
        kept = await served.client.post(URL, json=asked([{"role": "user", "content": [far]}]))
        assert kept.status_code in (200, 400)


@pytest.mark.parametrize(
    ("params", "status"),
    [
        ({"limit": "0"}, 400),
        ({"order": "up"}, 400),
        ({"after": "msg_x"}, 404),
        ({"limit": "a"}, 400),
    ],
)
async def test_a_page_that_cannot_be_is_refused(
    open_server: OpenServer, params: dict[str, str], status: int
) -> None:
    async with open_server() as served:
        first = await create(served)
        told = await served.client.get(f"{URL}/{first['id']}/input_items", params=params)

        assert told.status_code == status
        assert "message" in told.json()["error"]


async def test_a_deleted_response_is_gone_and_its_picture_stays(open_server: OpenServer) -> None:
    async with open_server() as served:
        first = await create(served)
        at = f"{URL}/{first['id']}"
        gone = await served.client.delete(at)
        again = [await served.client.delete(at), await served.client.get(at)]
        on = await served.client.post(URL, json=asked("at night", previous_response_id=first["id"]))

        assert gone.json() == {"id": first["id"], "object": "response", "deleted": True}
        assert [answer.status_code for answer in again] == [404, 404]
        assert on.json()["error"]["code"] == "previous_response_not_found"
        assert len((await newest(served.desk))[2]) == 1


async def test_a_forgotten_session_takes_its_responses_with_it(open_server: OpenServer) -> None:
    async with open_server() as served:
        first = await create(served)
        session, _, _ = await newest(served.desk)
        await served.desk.kit.store.forget_session(session.id, at=served.desk.kit.clock.now())

        assert (await served.client.get(f"{URL}/{first['id']}")).status_code == 404


async def test_a_forgotten_picture_is_null_and_cannot_be_edited(open_server: OpenServer) -> None:
    async with open_server() as served:
        first = await create(served)
        _, _, [image] = await newest(served.desk)
        await served.desk.kit.store.forget_image(ImageId(image.id), at=served.desk.kit.clock.now())

        again = (await served.client.get(f"{URL}/{first['id']}")).json()
        item = picture(again)
        on = await create(served, "a boat", previous_response_id=first["id"])
        assert (item["result"], item.get("revised_prompt")) == (None, None)
        assert "input_image" not in json.dumps(sent_to(served.artist)[-1])
        assert picture(on)["action"] == "generate"


async def test_what_is_not_to_be_stored_leaves_its_picture_alone(open_server: OpenServer) -> None:
    async with open_server() as served:
        first = await create(served, store=False)

        assert (await served.client.get(f"{URL}/{first['id']}")).status_code == 404
        assert first["store"] is False
        assert len((await newest(served.desk))[2]) == 1


async def test_two_turns_on_one_response_both_stay(open_server: OpenServer) -> None:
    async with open_server() as served:
        first = await create(served)
        night = await create(served, "at night", previous_response_id=first["id"])
        snow = await create(served, "in snow", previous_response_id=first["id"])

        session, turns, _ = await newest(served.desk)
        assert [turn.parent for turn in turns[1:]] == [turns[0].id, turns[0].id]
        assert bytes_of(night) != bytes_of(snow)
        assert session.turns == 3


async def test_a_background_response_is_retrieved_when_it_is_done(open_server: OpenServer) -> None:
    async with open_server() as served:
        begun = await create(served, background=True)
        assert (begun["status"], begun["output"], begun["background"]) == ("in_progress", [], True)
        found: Json = begun
        while found["status"] == "in_progress":
            found = (await served.client.get(f"{URL}/{begun['id']}")).json()

        assert found["status"] == "completed"
        assert len(bytes_of(found)) > 100


async def test_a_background_response_that_is_not_stored_is_refused(
    open_server: OpenServer,
) -> None:
    async with open_server() as served:
        told = await served.client.post(URL, json=asked(background=True, store=False))

        assert told.status_code == 400
        assert told.json()["error"]["param"] == "background"


async def test_cancelling_is_told_honestly(open_server: OpenServer) -> None:
    async with open_server() as served:
        first = await create(served)
        told = await served.client.post(f"{URL}/{first['id']}/cancel")
        unknown = await served.client.post(f"{URL}/resp_x/cancel")

        assert told.status_code == 400
        assert "nothing to cancel" in told.json()["error"]["message"]
        assert unknown.status_code == 404


async def test_a_stored_response_is_not_streamed_again(open_server: OpenServer) -> None:
    async with open_server() as served:
        first = await create(served)
        told = await served.client.get(f"{URL}/{first['id']}", params={"stream": "true"})

        assert told.json()["error"]["param"] == "stream"


# ── tenants ──────────────────────────────────────────────────────────────────────────────────


async def test_nothing_of_one_tenant_is_seen_by_another(open_server: OpenServer) -> None:
    (one, mine), (two, yours) = tenant("one"), tenant("two")
    async with open_server(tenants={"one": one, "two": two}) as served:
        first = await create(served, key=mine)
        item = picture(first)["id"]
        ids = (first["id"], "resp_unknown")
        asks: list[Callable[[str], Awaitable[Response]]] = [
            lambda which: served.client.get(f"{URL}/{which}", headers=yours),
            lambda which: served.client.delete(f"{URL}/{which}", headers=yours),
            lambda which: served.client.get(f"{URL}/{which}/input_items", headers=yours),
            lambda which: served.client.post(f"{URL}/{which}/cancel", headers=yours),
            lambda which: served.client.post(
                URL, json=asked("night", previous_response_id=which), headers=yours
            ),
        ]
        for ask in asks:
            foreign, unknown = [await ask(which) for which in ids]
            assert foreign.status_code == unknown.status_code >= 400
            assert foreign.text.replace(ids[0], ids[1]) == unknown.text
        for shape in ({"type": "item_reference"}, {"type": "image_generation_call"}):
            answers = [
                await served.client.post(
                    URL, json=asked([{**shape, "id": which}, "night"]), headers=yours
                )
                for which in (item, "ig_unknown")
            ]
            assert [answer.status_code for answer in answers] == [404, 404]
            assert answers[0].text.replace(item, "ig_unknown") == answers[1].text
        assert len(sent_to(served.artist)) == 1
        assert (await served.client.get(f"{URL}/{first['id']}", headers=mine)).status_code == 200


async def test_the_same_bytes_do_not_lead_into_somebody_elses_session(
    open_server: OpenServer,
) -> None:
    (one, mine), (two, yours) = tenant("one"), tenant("two")
    async with open_server(tenants={"one": one, "two": two}) as served:
        first = await create(served, key=mine)
        replay = [{"role": "user", "content": KITE}, picture(first), "at night"]
        await create(served, replay, key=yours)

        session, [turn], images = await newest(served.desk)
        assert (session.tenant, turn.parent) == ("two", None)
        assert [image.operation for image in images] == ["import", "edit"]


async def test_a_tenants_budget_stops_a_response_before_it_is_sent(
    open_server: OpenServer,
) -> None:
    poor, key = tenant("poor", max_cost="0.01")
    async with open_server(tenants={"poor": poor}, paid=True) as served:
        told = await served.client.post(URL, json=asked(), headers=key)

        assert told.status_code == 429
        assert told.json()["error"]["code"] == "insufficient_quota"
        assert told.headers["x-should-retry"] == "false"
        assert sent_to(served.artist) == []
        assert await served.desk.kit.store.sessions() == []
