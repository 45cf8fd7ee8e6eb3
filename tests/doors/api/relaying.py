"""What the tests of ``/v1/responses`` say and look at."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from agent import Session, Turn
from agent.doors.api.desk import Desk
from agent.schema import Attempt, Image
from tests.doors.api.conftest import Served
from tests.house_policy import HOUSE

URL = "/v1/responses"
TOOL = {"type": "image_generation"}
KITE = "a red kite over the sea"
Json = dict[str, Any]

OWN_WORDS = """
  - {id: house-words, category: house, severity: refuse, message: Not these words.,
     fix: None., all_of: [[own-words]]}
"""


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rules about words that mean nothing."""
    _overlay(tmp_path, HOUSE, monkeypatch)


@pytest.fixture
def strict_output(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The artist's own wording is among what may not be."""
    _overlay(tmp_path, HOUSE + OWN_WORDS, monkeypatch)


def _overlay(tmp_path: Path, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "policy"
    folder.mkdir()
    (folder / "house.yaml").write_text(text, "utf-8")
    monkeypatch.setenv("LIMNER_POLICY", str(folder))


def asked(text: Any = KITE, **more: Any) -> Json:
    return {"model": "gpt-5.5", "input": text, "tools": [TOOL], **more}


async def create(served: Served, text: Any = KITE, *, key: Any = None, **more: Any) -> Json:
    """The response object of a request that must succeed."""
    answer = await served.client.post(URL, json=asked(text, **more), headers=key)
    assert answer.status_code == 200, answer.text
    found: Json = answer.json()
    return found


async def stream(served: Served, text: Any = KITE, **more: Any) -> list[Json]:
    answer = await served.client.post(URL, json=asked(text, stream=True, **more))
    assert answer.status_code == 200, answer.text
    return events(answer.text)


def events(text: str) -> list[Json]:
    """The events of a stream, which must be numbered without a gap."""
    found: list[Json] = [
        json.loads(line.removeprefix("data: "))
        for line in text.splitlines()
        if line.startswith("data: ")
    ]
    assert [event["sequence_number"] for event in found] == list(range(len(found)))
    return found


def kinds(found: list[Json]) -> list[str]:
    return [event["type"].removeprefix("response.") for event in found]


def picture(response: Json) -> Json:
    """Its one picture."""
    [item] = [one for one in response["output"] if one["type"] == "image_generation_call"]
    found: Json = item
    return found


def bytes_of(response: Json) -> bytes:
    return base64.b64decode(picture(response)["result"], validate=True)


async def newest(desk: Desk) -> tuple[Session, list[Turn], list[Image]]:
    """The session in which something happened last."""
    store = desk.kit.store
    [session, *_] = await store.sessions()
    return session, await store.turns(session.id), await store.images(session.id)


async def attempts_of(desk: Desk) -> list[Attempt]:
    return await desk.kit.store.attempts()
