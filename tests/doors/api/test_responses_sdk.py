"""OpenAI's own Python SDK against ``/v1/responses``, over a real socket."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openai
import pytest
from openai.types.responses import Response

from tests.conftest import png
from tests.doors.api.test_sdk import process

KITE = "a red kite over the sea"
TOOL: Any = {"type": "image_generation"}


@pytest.fixture(scope="module", params=["openai", "sub2api"])
def served(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    home: Path = tmp_path_factory.mktemp("served") / "home"
    with process(home, "--dialect", request.param) as url:
        yield url


@pytest.fixture
def client(served: str) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(api_key="any", base_url=served, max_retries=2) as made:
        yield made


def drawn(response: Response) -> bytes:
    [item] = [one for one in response.output if one.type == "image_generation_call"]
    assert item.result
    return base64.b64decode(item.result, validate=True)


def test_generate_edit_mask_and_look_back(client: openai.OpenAI) -> None:
    first = client.responses.create(model="gpt-5.5", input=KITE, tools=[TOOL])
    second = client.responses.create(
        model="gpt-5.5", input="at night", previous_response_id=first.id, tools=[TOOL]
    )
    mask = base64.b64encode(png(1024, 1024, mode="RGBA", colour="#00000000")).decode()
    cut: Any = {**TOOL, "input_image_mask": {"image_url": f"data:image/png;base64,{mask}"}}
    third = client.responses.create(
        model="gpt-5.5", input="make it blue", previous_response_id=second.id, tools=[cut]
    )
    again = client.responses.retrieve(third.id)

    assert len({drawn(first), drawn(second), drawn(third)}) == 3
    assert drawn(again) == drawn(third)
    assert again.previous_response_id == second.id
    assert third._request_id


def test_a_stream_through_the_sdks_own_accumulator(client: openai.OpenAI) -> None:
    first = client.responses.create(model="gpt-5.5", input=KITE, tools=[TOOL])
    tool: Any = {**TOOL, "partial_images": 2}
    with client.responses.stream(
        model="gpt-5.5", input="at night", previous_response_id=first.id, tools=[tool]
    ) as stream:
        kinds = [event.type for event in stream]
        final = stream.get_final_response()

    assert kinds.count("response.image_generation_call.partial_image") == 3
    assert kinds[-1] == "response.completed"
    assert drawn(client.responses.retrieve(final.id)) == drawn(final)
    assert "Drawn offline" in final.output_text


def test_items_deleting_and_what_is_not_there(client: openai.OpenAI) -> None:
    first = client.responses.create(model="gpt-5.5", input=KITE, tools=[TOOL])
    items = client.responses.input_items.list(first.id).data
    client.responses.delete(first.id)

    assert [item.type for item in items] == ["message"]
    with pytest.raises(openai.NotFoundError):
        client.responses.retrieve(first.id)
    with pytest.raises(openai.BadRequestError, match="not found") as caught:
        client.responses.create(
            model="gpt-5.5", input="on", previous_response_id=first.id, tools=[TOOL]
        )
    assert caught.value.code == "previous_response_not_found"


def test_in_the_background(client: openai.OpenAI) -> None:
    found = client.responses.create(model="gpt-5.5", input=KITE, tools=[TOOL], background=True)
    while found.status == "in_progress":
        found = client.responses.retrieve(found.id)

    assert drawn(found)


def test_without_the_tool_it_is_passed_on(client: openai.OpenAI) -> None:
    told = client.responses.create(model="gpt-5.5", input="hello")
    with client.responses.stream(model="gpt-5.5", input="hello") as stream:
        kinds = [event.type for event in stream]

    assert told.output_text
    assert kinds[-1] == "response.completed"
