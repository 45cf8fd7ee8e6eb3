"""Real recordings, read whole where they lie beside the repository. None of them is copied here."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import cast

import pytest
import yaml

from agent.schema import Tokens
from agent.traffic import Ended, Opened, PartialPicture, Picture, ToolStage
from agent.wire.answers import Answer, ItemFault
from agent.wire.faults import Fault, fault_of_body

from .answers_of import chunked, ended, of, pictures, read, read_chunks, terminal, words

RECORDINGS = Path(__file__).parents[3] / "shared" / "wire" / "recordings"
AZURE = "vercel+ai/packages/azure/src/__fixtures__/azure-image-generation-tool.1"
OPENAI = "vercel+ai/packages/openai/src/responses/__fixtures__/openai-image-generation-tool.1"
CASSETTES = "pydantic+pydantic-ai/tests/models/cassettes/test_openai_responses"
STORE_FALSE = (
    "pydantic+pydantic-ai/trimmed/test_openai_responses_image_generation_store_false.TRIMMED.yaml"
)

pytestmark = pytest.mark.skipif(
    not RECORDINGS.is_dir(), reason="the recordings are not beside this repository"
)


def streamed(name: str) -> bytes:
    """The events of a recording, one JSON per line, as the stream they were."""
    lines = (RECORDINGS / f"{name}.chunks.txt").read_text("utf-8").splitlines()
    return "".join(f"data: {line}\n\n" for line in lines if line.strip()).encode()


def whole_image(body: bytes) -> bytes:
    """The authors of some recordings cut the base64 with dots; dots are no base64."""
    return re.sub(rb"\.\.\.", b"", body)


def recorded(path: Path) -> Iterator[tuple[int, bytes]]:
    """(status, body) of each answer of a cassette."""
    loaded = yaml.load(path.read_bytes(), Loader=yaml.CSafeLoader)  # a safe loader, and a fast one
    for interaction in cast("dict[str, list[dict[str, object]]]", loaded)["interactions"]:
        answer = cast("dict[str, object]", interaction["response"])
        said = answer.get("status")
        status = int(str(said["code"] if isinstance(said, dict) else said))
        body = cast("dict[str, object]", answer.get("body", {}))
        content = answer.get("parsed_body", body.get("content"))
        yield status, json.dumps(content).encode() if content else str(body["string"]).encode()


@cache
def cassette(name: str) -> tuple[tuple[int, bytes], ...]:
    path = RECORDINGS / name
    return tuple(recorded(path)) if path.is_file() else ()


def all_cassettes() -> list[str]:
    paths = sorted((RECORDINGS / CASSETTES).glob("*.yaml")) if RECORDINGS.is_dir() else []
    return [str(path.relative_to(RECORDINGS)) for path in paths]


def test_azure_sends_the_picture_although_it_is_still_generating() -> None:
    answers = read(streamed(AZURE))

    (picture,) = of(Picture, answers)
    assert picture.status == "generating"
    assert picture.data.startswith(b"\x89PNG")
    assert dict(picture.actual)["size"] == "1024x1024"
    assert picture.revised_prompt is not None
    assert "raccoon" in picture.revised_prompt
    assert of(ItemFault, answers) == []
    assert ended(answers).status == "completed"


def test_azure_never_says_that_the_call_is_completed() -> None:
    assert of(ToolStage, read(streamed(AZURE))) == [
        ToolStage("in_progress"),
        ToolStage("generating"),
    ]


def test_azure_sends_a_draft_that_is_the_picture() -> None:
    answers = read(streamed(AZURE))

    assert [draft.data for draft in of(PartialPicture, answers)] == pictures(answers)


def test_azure_tells_its_words_once_and_its_tool() -> None:
    answers = read(streamed(AZURE))

    assert words(answers).startswith("Here is an anime-like image")
    assert words(answers).count("Here is an anime") == 1
    assert of(Opened, answers)[0].tools == ("image_generation",)
    assert of(Opened, answers)[0].tool_model == "gpt-image-1"


def test_azure_whole_is_complete() -> None:
    answers = read((RECORDINGS / f"{AZURE}.json").read_bytes())

    assert [picture.status for picture in of(Picture, answers)] == ["completed"]
    assert ended(answers).usage.text is not None
    assert ended(answers).usage.image is None


def test_openai_sends_a_draft_nobody_asked_for_and_it_is_the_picture() -> None:
    answers = read(whole_image(streamed(OPENAI)))

    assert [draft.index for draft in of(PartialPicture, answers)] == [0]
    (picture,) = of(Picture, answers)
    assert picture.data.startswith(b"RIFF")
    assert of(PartialPicture, answers)[0].data[:40] == picture.data[:40]
    assert dict(picture.actual) == {
        "size": "1536x1024",
        "quality": "low",
        "background": "opaque",
        "format": "webp",
    }


def test_openai_says_nothing_beside_the_picture_and_counts_no_image_tokens() -> None:
    answers = read(whole_image(streamed(OPENAI)))

    assert words(answers) == ""
    assert ended(answers).usage.text is not None
    assert ended(answers).usage.image is None


def test_a_picture_cut_by_dots_is_told_as_unreadable() -> None:
    answers = read(streamed(OPENAI))

    assert pictures(answers) == []
    assert [item.fault.code for item in of(ItemFault, answers)] == ["bad_base64"]


def test_openai_whole_holds_reasoning_and_an_empty_message_around_the_picture() -> None:
    answers = read(whole_image((RECORDINGS / f"{OPENAI}.json").read_bytes()))

    assert len(pictures(answers)) == 1
    assert words(answers) == ""


@pytest.mark.parametrize("name", [AZURE, OPENAI])
def test_a_recorded_stream_reads_the_same_however_it_is_cut(name: str) -> None:
    body = streamed(name)

    for size in (1, 5, 1000):
        assert read_chunks(chunked(body, size)) == read(body)


def test_with_store_false_the_image_tokens_stand_apart() -> None:
    usages = [
        answers[-1].usage
        for _, body in cassette(STORE_FALSE)
        if isinstance((answers := read(body))[-1], Ended)
    ]

    assert usages[0].text is not None
    assert (usages[0].text.input, usages[0].text.output) == (2279, 683)
    assert usages[0].image is not None
    assert (usages[0].image.input, usages[0].image.output) == (71, 196)
    assert usages[0].image.output_image == 196


def test_a_function_call_comes_before_the_picture() -> None:
    first, second = (
        read(body)
        for _, body in cassette(
            f"{CASSETTES}/test_openai_responses_image_generation_with_tools.yaml"
        )
    )

    assert pictures(first) == []
    assert ended(first).status == "completed"
    (picture,) = pictures(second)
    assert picture.startswith(b"\x89PNG")
    assert len(picture) > 1_000_000


def test_a_wrong_parameter_is_named() -> None:
    ((status, body),) = cassette(f"{CASSETTES}/test_openai_responses_model_http_error.yaml")

    assert fault_of_body(body, status=status) == Fault(
        status=400,
        code="decimal_below_min_value",
        type="invalid_request_error",
        param="temperature",
        message="Invalid 'temperature': decimal below minimum value. "
        "Expected a value >= 0, but got -1 instead.",
    )


def test_a_blocking_policy_was_recorded_not_blocking() -> None:
    flags = [
        ended(read(body)).moderation_flagged
        for _, body in cassette(f"{CASSETTES}/test_openai_responses_moderation_block_policy.yaml")
    ]

    assert flags == [True]


@pytest.mark.parametrize("name", all_cassettes())
def test_every_recorded_answer_is_read_to_one_end(name: str) -> None:
    answers = cassette(name)
    assert answers

    for status, body in answers:
        if status == 200:
            check(read(body), body)
        else:
            assert fault_of_body(body, status=status).code


def check(answers: list[Answer], body: bytes) -> None:
    end = terminal(answers)
    assert of(ItemFault, answers) == []
    if isinstance(end, Fault):
        said = json.loads(body)
        assert said["status"] in ("queued", "in_progress")
        assert end.kind == "truncated"
    else:
        assert end.status in ("completed", "complete")  # the second was written by hand
        assert isinstance(end.usage.text, Tokens)


def test_the_public_dump_of_a_gateway_holds_generating_and_store_false() -> None:
    raw = (RECORDINGS / "other" / "gateway_public_dump_status_generating.json").read_bytes()
    answers = read(raw.replace(b"...<elided>", b"A"))

    assert [picture.status for picture in of(Picture, answers)] == ["generating"]
    assert ended(answers).usage.image == Tokens(input=49)


def test_quoted_error_bodies_are_read() -> None:
    quoted = json.loads((RECORDINGS / "other" / "live_error_bodies.json").read_bytes())

    seen = {
        name: fault_of_body(json.dumps(each["body"]).encode(), status=each.get("status"))
        for name, each in quoted.items()
        if isinstance(each, dict) and "body" in each
    }
    streams = {
        name: read(b"data: " + json.dumps(each["sse_data"]).encode() + b"\n\n")[-1]
        for name, each in quoted.items()
        if isinstance(each, dict) and "sse_data" in each
    }

    assert seen["images_generations_400_moderation"].stage == "input"
    assert seen["images_generations_400_moderation"].categories == ("other",)
    assert seen["images_generations_400_bad_size"].param == "size"
    assert seen["images_edits_400_bad_image_url"].code == "invalid_image_file"
    assert seen["gateway_500_multipart_refused"].code == "convert_request_failed"
    assert {name: getattr(end, "code", None) for name, end in streams.items()} == {
        "images_stream_error_event": "moderation_blocked",
        "responses_stream_failed_rate_limit": "rate_limit_exceeded",
        "responses_stream_error_event": "invalid_prompt",
    }
