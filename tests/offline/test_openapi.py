"""Everything the offline server sends is valid by OpenAI's published schema, where that is at hand.

Known gaps of the schema itself: ``size`` of the Images API is still an enum of three.
"""

from __future__ import annotations

import pytest

from tests.published import at_hand, complaints

from .calling import (
    SMALL,
    TOOL,
    calls_of,
    client,
    data_url,
    events_of,
    get,
    photo,
    post,
    respond,
    server,
    showing,
    stream,
)

KITE = "a red kite over the sea"

pytestmark = at_hand


@pytest.mark.parametrize("dialect", ["offline", "openai", "sub2api", "new-api", "generic"])
async def test_answers_and_their_items_are_valid(dialect: str) -> None:
    offline = server(dialect=dialect)
    drawn = await respond(offline, KITE)
    edited = await respond(offline, showing("make it night", photo()), metadata={"a": "b"})
    told = await respond(offline, "What is on it?", tools=[])

    assert complaints("Response", drawn, edited, told) == []
    assert complaints("OutputItem", *drawn["output"], *edited["output"], *told["output"]) == []


@pytest.mark.parametrize(
    "fault", ["comments", "refusal-part", "response-failed", "incomplete", "flat-error-event"]
)
async def test_every_event_is_valid(fault: str) -> None:
    events = await stream(server(fault), KITE, tools=[{**SMALL, "partial_images": 2}])

    assert len(events) > 2
    assert complaints("ResponseStreamEvent", *events) == []


async def test_a_failed_item_is_valid() -> None:
    answer = await respond(server("failed-item"), KITE)

    assert complaints("OutputItem", *calls_of(answer)) == []


async def test_what_is_kept_is_valid() -> None:
    offline = server()
    answer = await respond(offline, KITE)
    path = f"/responses/{answer['id']}"

    assert complaints("Response", (await get(offline, path)).json()) == []
    assert complaints("ResponseItemList", (await get(offline, f"{path}/input_items")).json()) == []
    assert complaints("ListModelsResponse", (await get(offline, "/models")).json()) == []


async def test_the_images_api_is_valid() -> None:
    offline = server()
    body = {"prompt": KITE, "size": "1024x1024"}
    edit = {**body, "images": [{"image_url": data_url(photo((1024, 1024)))}]}

    made = (await post(offline, "/images/generations", body)).json()
    changed = (await post(offline, "/images/edits", edit)).json()
    streamed = {"stream": True, "partial_images": 1}
    making = await post(offline, "/images/generations", {**body, **streamed})
    changing = await post(offline, "/images/edits", {**edit, **streamed})

    assert complaints("ImagesResponse", made, changed) == []
    assert complaints("ImageGenStreamEvent", *events_of(making.text)) == []
    assert complaints("ImageEditStreamEvent", *events_of(changing.text)) == []


@pytest.mark.parametrize("fault", ["401", "429", "500", "moderation-400", "502"])
async def test_errors_are_valid(fault: str) -> None:
    reply = await post(server(fault), "/responses", {"input": KITE, "tools": [TOOL]})

    assert complaints("ErrorResponse", reply.json()) == []


async def test_requests_that_cannot_be_read_get_a_valid_error() -> None:
    async with client(server()) as http:
        broken = await http.post("/responses", content=b"{")
        nowhere = await http.post("/nothing", json={})

    assert complaints("ErrorResponse", broken.json(), nowhere.json()) == []
