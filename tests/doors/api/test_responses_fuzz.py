"""Whatever a client sends, it gets an answer of the API's shape, and nothing is sent half read."""

from __future__ import annotations

import copy
import json
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.doors.api.conftest import OpenServer
from tests.doors.api.relaying import KITE, TOOL, URL, Json, create, picture

_TEXTS = st.text(max_size=20)
_LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | _TEXTS
_ANY = st.recursive(
    _LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_TEXTS, inner, max_size=3),
    max_leaves=6,
)
_GONE = object()


def _requests(first: Json) -> list[Json]:
    """One of each shape that clients send."""
    drawn = picture(first)
    address = f"data:image/png;base64,{drawn['result']}"
    tool = {**TOOL, "size": "1024x1024", "quality": "low", "partial_images": 1}
    shared = {"model": "gpt-5.5", "tools": [tool], "stream": True, "store": True}
    return [
        {**shared, "input": KITE, "instructions": "Be brief.", "metadata": {"a": "b"}},
        {**shared, "input": "at night", "previous_response_id": first["id"], "user": "u"},
        {
            **shared,
            "stream": False,
            "tool_choice": {"type": "image_generation"},
            "input": [
                {"role": "user", "content": [{"type": "input_text", "text": KITE}]},
                {k: drawn[k] for k in ("type", "id", "result", "revised_prompt", "status")},
                {"type": "reasoning", "encrypted_content": "x", "summary": []},
                {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"},
                {"type": "function_call_output", "call_id": "c", "output": "4"},
                {
                    "role": "user",
                    "content": [
                        {"type": "input_text", "text": "at night"},
                        {"type": "input_image", "image_url": address, "detail": "auto"},
                    ],
                },
            ],
        },
        {
            **shared,
            "input": [
                {"type": "item_reference", "id": first["output"][-1]["id"]},
                {"type": "image_generation_call", "id": drawn["id"]},
                {"type": "message", "role": "user", "content": "at night"},
            ],
        },
    ]


def _places(value: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The way to every field and entry."""
    inner = list(value.items()) if isinstance(value, dict) else []
    inner += list(enumerate(value)) if isinstance(value, list) else []
    return [at, *(place for key, one in inner for place in _places(one, (*at, key)))]


def _changed(payload: Json, at: tuple[Any, ...], new: Any) -> Any:
    if not at:
        return None if new is _GONE else new
    changed = copy.deepcopy(payload)
    inside: Any = changed
    for key in at[:-1]:
        inside = inside[key]
    if new is _GONE:
        del inside[at[-1]]
    else:
        inside[at[-1]] = new
    return changed


async def test_whatever_is_wrong_in_a_request_no_answer_is_a_500(open_server: OpenServer) -> None:
    async with open_server() as served:
        first = await create(served)
        shapes, bodies = _requests(first), []

        @settings(max_examples=150, suppress_health_check=list(HealthCheck))
        @given(st.data())
        def gather(data: st.DataObject) -> None:
            payload = data.draw(st.sampled_from(shapes))
            at = data.draw(st.sampled_from(_places(payload)))
            new = data.draw(st.just(_GONE) | _ANY)
            bodies.append(json.dumps(_changed(payload, at, new)).encode())

        gather()
        statuses = set()
        for body in bodies:
            told = await served.client.post(URL, content=body)
            assert told.status_code in (200, 400, 404, 429, 501, 502), (body[:2000], told.text)
            statuses.add(told.status_code)
            if told.status_code != 200:
                assert told.json()["error"]["message"]
        assert {200, 400} <= statuses


async def test_whatever_id_is_asked_for_it_is_not_there(open_server: OpenServer) -> None:
    async with open_server() as served:
        for which in ("resp_x", "%00", "%F0%9F%98%80", "..%2f..", "x" * 5000, "a'--", "%ff"):
            for method, path in (
                ("GET", which),
                ("DELETE", which),
                ("GET", f"{which}/input_items"),
                ("POST", f"{which}/cancel"),
            ):
                told = await served.client.request(method, f"{URL}/{path}")
                assert told.status_code == 404, (method, path, told.text)
                assert told.json()["error"]["message"]
