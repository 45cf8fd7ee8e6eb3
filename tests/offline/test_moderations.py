"""The offline moderation reads as strictly as the real one, and finds nothing by itself."""

from __future__ import annotations

from typing import Any

import pytest

from tests.published import at_hand, complaints

from .calling import data_url, photo, post, server

PICTURE = {"type": "image_url", "image_url": {"url": data_url(photo())}}
TEXT = {"type": "text", "text": "a red kite"}


async def asked(offline: Any, said: Any, status: int = 200) -> Any:
    reply = await post(offline, "/moderations", {"model": "omni-moderation-latest", "input": said})
    assert reply.status_code == status, reply.text
    return reply.json()


@pytest.mark.parametrize("said", ["a red kite", ["a red kite"], [TEXT], [TEXT, PICTURE]])
async def test_it_finds_nothing_by_itself(said: Any) -> None:
    offline = server()
    answer = await asked(offline, said)

    [result] = answer["results"]
    assert result["flagged"] is False
    assert max(result["category_scores"].values()) < 0.01
    assert offline.counters["moderations"] == 1


async def test_it_says_what_it_looked_at() -> None:
    [both] = (await asked(server(), [TEXT, PICTURE]))["results"]
    [alone] = (await asked(server(), [PICTURE]))["results"]

    assert both["category_applied_input_types"]["sexual"] == ["text", "image"]
    assert both["category_applied_input_types"]["hate"] == ["text"]
    assert alone["category_applied_input_types"]["hate"] == []
    assert alone["category_scores"]["hate"] == 0.0


async def test_each_of_several_texts_has_a_result() -> None:
    assert len((await asked(server(), ["a kite", "a boat"]))["results"]) == 2


@pytest.mark.parametrize(
    ("fault", "category"), [("moderation-flags", "sexual"), ("moderation-doubts", "violence")]
)
async def test_a_fault_finds_something(fault: str, category: str) -> None:
    [result] = (await asked(server(fault), [TEXT, PICTURE]))["results"]

    assert result["flagged"] is True
    assert result["categories"][category] is True


@pytest.mark.parametrize(
    ("said", "code", "param"),
    [
        (None, None, "input"),
        ([], None, "input"),
        (7, None, "input"),
        ([TEXT, PICTURE, PICTURE], "too_many_images", "input"),
        ([{"type": "audio"}], None, "input[0]"),
        ([{"type": "text"}], None, "input[0].text"),
        ([{"type": "image_url"}], None, "input[0].image_url"),
        (
            [{"type": "image_url", "image_url": {"url": "data:image/png;base64,aGVsbG8="}}],
            "invalid_image",
            "input[0]",
        ),
    ],
)
async def test_what_openai_refuses_is_refused(said: Any, code: str | None, param: str) -> None:
    error = (await asked(server(), said, 400))["error"]

    assert error["param"] is None or error["param"].startswith(param)
    assert code in (None, error["code"])


async def test_faults_of_the_line_strike_it_too() -> None:
    assert (await asked(server("quota:on=moderations"), "a", 429))["error"]["code"]
    late = await post(server("502-after"), "/moderations", {"input": "a"})
    assert late.status_code == 502


@pytest.mark.parametrize("dialect", ["generic", "sub2api", "new-api", "litellm"])
async def test_it_is_not_there_where_nobody_has_seen_it(dialect: str) -> None:
    reply = await post(server(dialect=dialect), "/moderations", {"input": "a"})

    assert reply.status_code in (404, 502)


@at_hand
async def test_its_answers_are_valid_by_the_published_schema() -> None:
    answers = [await asked(server("moderation-flags"), said) for said in ("a", [TEXT, PICTURE])]

    assert complaints("CreateModerationResponse", *answers) == []
