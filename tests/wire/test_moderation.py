"""Answers of a moderation, shaped as recorded 2026-08-19, and as they should not be."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.traffic import Ended, Message, Outgoing, PictureData, Scored
from agent.wire.answers import Answer
from agent.wire.faults import Fault
from agent.wire.moderation import ModerationReader
from agent.wire.writer import moderation_body


def read(body: bytes, *, piece: int = 7) -> list[Answer]:
    reader = ModerationReader()
    found: list[Answer] = []
    for at in range(0, len(body), piece):
        found += reader.feed(body[at : at + piece])
    return [*found, *reader.close()]


def result(score: float = 0.25, **more: object) -> dict[str, object]:
    return {
        "flagged": False,
        "categories": {"sexual": False, "hate": True},
        "category_scores": {"sexual": score, "hate": 0.75},
        "category_applied_input_types": {"sexual": ["text", "image"], "hate": ["text"]},
    } | more


def answer(*results: object) -> bytes:
    return json.dumps({"id": "modr-1", "model": "m", "results": [*results]}).encode()


def test_scores_flags_and_what_was_looked_at_are_read() -> None:
    scored, ended = read(answer(result()))

    assert scored == Scored(
        scores=(("sexual", 0.25), ("hate", 0.75)),
        flagged=("hate",),
        looked_at=frozenset({"text", "image"}),
    )
    assert ended == Ended(status="completed")


def test_several_results_are_one_by_the_highest_score() -> None:
    [scored, _] = read(answer(result(0.1), result(0.9), result(0.4)))

    assert isinstance(scored, Scored)
    assert dict(scored.scores)["sexual"] == 0.9


def test_a_text_alone_is_not_taken_for_a_picture() -> None:
    [scored, _] = read(answer(result(category_applied_input_types={"sexual": ["text"]})))

    assert isinstance(scored, Scored)
    assert scored.looked_at == frozenset({"text"})


@pytest.mark.parametrize(
    "odd",
    [
        {"category_scores": {"sexual": "high", "hate": 0.5}},
        {"category_scores": {"sexual": True, "hate": 0.5}},
        {"category_scores": {"sexual": float("nan"), "hate": 0.5}},
        {"categories": None, "category_applied_input_types": []},
    ],
)
def test_a_score_of_the_wrong_type_is_no_score(odd: dict[str, object]) -> None:
    [scored, _] = read(answer(result() | odd))

    assert isinstance(scored, Scored)
    assert dict(scored.scores)["hate"] in (0.5, 0.75)
    assert all(isinstance(score, float) for _, score in scored.scores)


@pytest.mark.parametrize(
    ("body", "kind", "words"),
    [
        (b"", "empty", "empty"),
        (b"<html><title>Welcome</title></html>", "html", "Welcome"),
        (b'{"error": {"message": "No.", "code": "invalid_api_key"}}', "error", "No."),
        (answer(), "malformed", ""),
        (answer({"flagged": True}), "malformed", "without scores"),
        (answer("sexual"), "malformed", "without scores"),
        (b"[]", "malformed", ""),
    ],
)
def test_what_holds_no_scores_is_a_fault(body: bytes, kind: str, words: str) -> None:
    [fault] = read(body)

    assert isinstance(fault, Fault)
    assert fault.kind == kind
    assert words in fault.message


@given(st.binary(max_size=200))
def test_no_bytes_ever_raise(body: bytes) -> None:
    found = read(body)

    assert isinstance(found[-1], Ended | Fault)


def test_the_body_holds_one_text_and_one_picture() -> None:
    message = Message("user", "a kite\0\ud800", (PictureData(b"abc", "image/png"),))
    outgoing = Outgoing(
        kind="ask", model="omni", instructions="", messages=(message,), moderation=True
    )

    assert json.loads(moderation_body(outgoing)) == {
        "model": "omni",
        "input": [
            {"type": "text", "text": "a kite?"},
            {"type": "image_url", "image_url": {"url": "data:image/png;base64,YWJj"}},
        ],
    }


def test_a_picture_alone_has_no_empty_text_beside_it() -> None:
    message = Message("user", "", (PictureData(b"abc", "image/png"),))
    outgoing = Outgoing(kind="ask", model="omni", instructions="", messages=(message,))

    [part] = json.loads(moderation_body(outgoing))["input"]
    assert part["type"] == "image_url"
