"""The wire as it was recorded, replayed through the stock transport of the SDK."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from vcr.errors import CannotOverwriteExistingCassetteException

from agent import ImageOptions, TurnCompleted, TurnFailed, TurnRefused, TurnRequest
from tests.cassette import FOLDER, LIVE_KEY, ONE_PIXEL, Mode, OpenTape, Scrubber, opener

CHEAP = ImageOptions(size="1024x1024", quality="low")
KITE = TurnRequest(text="a red kite over the sea", options=CHEAP)
SCENARIOS = {
    "generate_streamed",
    "generate_whole",
    "edit_two_turns",
    "text_answer",
    "wrong_key",
    "refused",
}


@pytest.fixture
def mode(request: pytest.FixtureRequest) -> Mode:
    if request.config.getoption("--record-live"):
        if LIVE_KEY is None:
            pytest.fail("--record-live needs OPENAI_API_KEY")
        return "live"
    return "offline" if request.config.getoption("--record") else "replay"


@pytest.fixture
def tape(mode: Mode, tmp_path: Path) -> OpenTape:
    return opener(mode, tmp_path)


async def test_a_streamed_picture_with_its_drafts(tape: OpenTape) -> None:
    options = CHEAP.model_copy(update={"partial_images": 2})
    async with tape("generate_streamed") as agent:
        request = TurnRequest(text=KITE.text, options=options)
        events = [event async for event in agent.stream(request)]

    ended = events[-1]
    assert isinstance(ended, TurnCompleted)
    kinds = {event.type for event in events}
    assert {"image.progress", "image.partial", "image.completed"} <= kinds
    [image] = ended.images
    assert image.revised_prompt
    assert ended.usage.image is not None
    assert ended.usage.image.output_image
    assert ended.cost.basis == "usage"
    assert ended.cost.amount
    assert ended.attempts[0].request_id


async def test_a_picture_in_one_piece(tape: OpenTape) -> None:
    async with tape("generate_whole") as agent:
        ended = await agent.run(TurnRequest(text=KITE.text, options=CHEAP, stream=False))

    assert isinstance(ended, TurnCompleted)
    assert len(ended.images) == 1
    assert ended.cost.amount


async def test_an_edit_that_sends_the_picture_of_the_turn_before(tape: OpenTape) -> None:
    async with tape("edit_two_turns") as agent:
        first = await agent.run(KITE)
        second = await agent.run(
            TurnRequest(text="make it night", intent="edit", session=first.session, options=CHEAP)
        )

    assert isinstance(second, TurnCompleted)
    assert second.images[0].parents == (first.images[0].id,)


async def test_an_answer_in_words(tape: OpenTape) -> None:
    async with tape("text_answer") as agent:
        request = TurnRequest(text="What is a lighthouse?", intent="chat", options=CHEAP)
        ended = await agent.run(request)

    assert isinstance(ended, TurnCompleted)
    assert ended.outcome == "text"
    assert ended.text


async def test_a_key_that_is_wrong(tape: OpenTape) -> None:
    async with tape("wrong_key", key="sk-wrong-0000000000000000") as agent:
        ended = await agent.run(KITE)

    assert isinstance(ended, TurnFailed)
    assert (ended.exit_code, [a.billed for a in ended.attempts]) == (4, ["no"])


async def test_a_prompt_that_the_provider_refuses(tape: OpenTape) -> None:
    async with tape("refused", faults=("moderation-400",)) as agent:
        ended = await agent.run(KITE)

    assert isinstance(ended, TurnRefused)
    assert ended.error is not None
    assert ended.error.stage == "provider_input"


# ── the tape ─────────────────────────────────────────────────────────────────────────────────


async def test_a_tape_that_is_not_played_to_its_end_fails_the_test(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match=r"edit_two_turns.yaml was not played .* --record"):
        async with opener("replay", tmp_path)("edit_two_turns") as agent:
            await agent.run(KITE)


async def test_an_empty_tape_fails_the_test(tmp_path: Path) -> None:
    (tmp_path / "nothing.yaml").write_text("interactions: []\nversion: 1\n", "utf-8")

    with pytest.raises(AssertionError, match=r"nothing.yaml holds nothing"):
        async with opener("replay", tmp_path, tmp_path)("nothing"):
            pass


async def test_a_request_that_was_never_recorded_does_not_reach_the_network(
    tmp_path: Path,
) -> None:
    with pytest.raises(CannotOverwriteExistingCassetteException, match="wrong_key"):
        async with opener("replay", tmp_path)("wrong_key") as agent:
            await agent.run(TurnRequest(text="something else"))


# ── the recordings themselves ────────────────────────────────────────────────────────────────


def recordings() -> dict[str, str]:
    return {path.stem: path.read_text("utf-8") for path in sorted(FOLDER.glob("*.yaml"))}


def test_there_is_one_cassette_for_each_scenario() -> None:
    assert set(recordings()) == SCENARIOS


@pytest.mark.parametrize("name", sorted(SCENARIOS))
def test_a_cassette_says_first_what_it_was_recorded_against(name: str) -> None:
    first = recordings()[name].splitlines()[0]

    assert re.match(r"# Recorded against (the offline upstream|a real server)", first)


@pytest.mark.parametrize("name", sorted(SCENARIOS))
def test_a_cassette_holds_no_key_no_cookie_and_no_picture(name: str) -> None:
    text = recordings()[name]

    assert not re.findall(r"(?i)authorization|bearer |cookie|sk-(?!gone)\w|org-|openai-org", text)
    assert not re.findall(r"[A-Za-z0-9+/_-]{2048,}", text)
    assert not re.findall(r"20\d\d-\d\d-\d\dT|GMT", text)
    assert len(text) < 60_000


@pytest.mark.parametrize("name", sorted(SCENARIOS))
def test_a_cassette_holds_what_went_over_the_wire(name: str) -> None:
    exchanges = yaml.safe_load(recordings()[name])["interactions"]

    assert exchanges
    for exchange in exchanges:
        body = json.loads(exchange["request"]["body"])
        assert body["tools"][0]["type"] == "image_generation"
        assert exchange["response"]["body"]["string"]


def test_only_headers_that_matter_are_kept() -> None:
    exchanges = [e for text in recordings().values() for e in yaml.safe_load(text)["interactions"]]

    assert {name for e in exchanges for name in e["request"]["headers"]} == {"content-type"}
    kept = {name.lower() for e in exchanges for name in e["response"]["headers"]}
    assert kept <= {"content-type", "x-request-id", "retry-after"}


class Sent:
    """A request as vcrpy hands it over."""

    path = "/v1/images/edits"

    def __init__(self, body: bytes, headers: dict[str, str]) -> None:
        self.body = body
        self.headers = headers


def test_boundaries_pictures_ids_and_secrets_are_the_same_in_every_recording() -> None:
    scrub = Scrubber()
    sent: Any = Sent(
        b"--4f2e\r\n{data:image/webp;base64,UklGRg==} by sk-proj-abcdefgh of org-12345678",
        {"Content-Type": "multipart/form-data; boundary=4f2e", "Cookie": "a=b", "Date": "now"},
    )

    kept = scrub.request(sent)

    assert kept.headers == {"content-type": "multipart/form-data; boundary=BOUNDARY"}
    assert kept.body == (
        b"--BOUNDARY\r\n{data:image/png;base64,%s} by sk-gone of sk-gone" % ONE_PIXEL.encode()
    )
    assert kept.uri == "http://recorded.invalid/v1/images/edits"
    assert sent.headers["Cookie"] == "a=b"
    ids = scrub.text(b'resp_0123456789 ig_0123456789 resp_0123456789 "created_at": 123')
    assert ids == b'resp_1 ig_2 resp_1 "created_at":1800000000'
