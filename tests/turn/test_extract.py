"""The one table of outcomes, row by row, and what an attempt cost."""

from __future__ import annotations

from decimal import Decimal
from functools import reduce

import pytest

from agent.results import exit_code
from agent.schema import (
    AttemptState,
    Billed,
    Cost,
    Failure,
    FailureCode,
    Intent,
    Outcome,
    Stage,
    Tokens,
    Usage,
)
from agent.traffic import (
    Ended,
    Failed,
    Opened,
    PartialPicture,
    Picture,
    PictureFailed,
    PictureUrl,
    Received,
    RefusalText,
    Scored,
    TextPiece,
    ToolStage,
    WireBytes,
)
from agent.turn.extract import Gathered, attempt_state, fold, judge


def failure(
    code: FailureCode = "transient", billed: Billed = "possibly", stage: Stage | None = None
) -> Failure:
    return Failure(code=code, message="m", billed=billed, stage=stage)


def gathered(*items: Received) -> Gathered:
    return reduce(fold, items, Gathered())


# ── gathering ────────────────────────────────────────────────────────────────────────────────


def test_words_and_refusals_add_up() -> None:
    found = gathered(TextPiece("a "), TextPiece("kite"), RefusalText("I "), RefusalText("won't"))

    assert (found.text, found.refusal) == ("a kite", "I won't")


def test_pictures_drafts_and_stages_leave_no_bytes_behind() -> None:
    items = (
        Picture(item_id=None, data=b"x"),
        PartialPicture(index=0, data=b"x"),
        ToolStage("generating"),
    )

    assert gathered(*items) == Gathered()


def test_the_end_says_what_it_cost_and_how_it_ended() -> None:
    usage = Usage(text=Tokens(total=7))
    cost = Cost(amount=Decimal(1), basis="reported")
    end = Ended(
        status="incomplete",
        usage=usage,
        reported_cost=cost,
        incomplete_reason="max_output_tokens",
        response_id="resp_1",
    )

    assert gathered(end) == Gathered(
        ended=True,
        status="incomplete",
        incomplete_reason="max_output_tokens",
        usage=usage,
        reported_cost=cost,
        response_id="resp_1",
    )


def test_what_was_opened_is_kept_when_later_events_say_less() -> None:
    first = Opened(
        response_id="resp_1",
        tools=("image_generation",),
        tool_model="gpt-image-2",
        request_id="req_1",
    )

    found = gathered(first, Opened(offline=True), Opened(), Ended(status="completed"))

    assert found.response_id == "resp_1"
    assert found.request_id == "req_1"
    assert found.tools == ("image_generation",)
    assert found.tool_model == "gpt-image-2"
    assert found.offline is True


@pytest.mark.parametrize(
    ("echoes", "tools"),
    [
        ((None, None), None),
        ((None, ()), ()),
        ((("a",), None), ("a",)),
        ((("a",), ()), ("a",)),
        (((), ("a",)), ("a",)),
        ((("a",), ("a", "b")), ("a", "b")),
    ],
)
def test_a_tool_echoed_once_was_there(
    echoes: tuple[tuple[str, ...] | None, ...], tools: tuple[str, ...] | None
) -> None:
    assert gathered(*(Opened(tools=echo) for echo in echoes)).tools == tools


def test_the_last_failure_of_the_whole_and_every_failure_of_an_item_are_kept() -> None:
    one, two = failure("no_image"), failure("malformed")

    found = gathered(
        PictureFailed(item_id=None, failure=one),
        PictureFailed(item_id=None, failure=two),
        Failed(failure()),
    )

    assert (found.failures, found.failed) == ((one, two), failure())


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://cdn.example/kite.png?token=abc", "cdn.example"),
        ("https://user:pass@cdn.example/kite.png", "cdn.example"),
        ("http://", ""),
    ],
)
def test_an_address_is_told_by_its_host_and_shows_no_secret(url: str, host: str) -> None:
    (told,) = gathered(PictureUrl(item_id="ig_1", url=url)).failures

    assert (told.code, told.billed) == ("malformed", "possibly")
    assert f"(on {host})" in told.message
    assert "abc" not in told.message
    assert "pass" not in told.message


# ── the table ────────────────────────────────────────────────────────────────────────────────

POLICY = failure("moderation_blocked", "no", "provider_input")
TOOL = Opened(tools=("image_generation",))
SCORED = Scored(scores=(("violence", 0.1),))
ROWS: list[tuple[str, list[Received], int, Intent, Outcome, FailureCode | None, int]] = [
    ("a picture stored", [TOOL, Ended(status="completed")], 1, "generate", "image", None, 0),
    ("a picture stored, another failed", [PictureFailed(item_id=None, failure=POLICY)], 1, "edit", "image", None, 0),
    ("a picture stored, then a cut", [Failed(failure("truncated"))], 1, "generate", "image", None, 0),
    ("a picture stored beside a refusal", [RefusalText("no")], 1, "chat", "image", None, 0),
    ("a provider's policy code", [Failed(POLICY)], 0, "generate", "refused", "moderation_blocked", 3),
    ("a failed item with moderation details", [PictureFailed(item_id=None, failure=POLICY), Ended(status="completed")], 0, "generate", "refused", "moderation_blocked", 3),
    ("a refused item, then a cut", [PictureFailed(item_id=None, failure=POLICY), Failed(failure("truncated"))], 0, "generate", "refused", "moderation_blocked", 3),
    ("a refusal content part", [RefusalText("I can't."), Ended(status="completed")], 0, "chat", "refused", "moderation_blocked", 3),
    ("a content filter", [Ended(status="incomplete", incomplete_reason="content_filter")], 0, "generate", "refused", "moderation_blocked", 3),
    ("a moderation filter (D23)", [TextPiece("a"), Ended(status="incomplete", incomplete_reason="moderation")], 0, "chat", "refused", "moderation_blocked", 3),
    ("a question back in chat", [TOOL, TextPiece("Which?"), Ended(status="completed")], 0, "chat", "text", None, 0),
    ("words where a picture was wanted", [TOOL, TextPiece("Which?"), Ended(status="completed")], 0, "generate", "text", "no_image", 1),
    ("words, nothing echoed", [TextPiece("Which?"), Ended(status="completed")], 0, "edit", "text", "no_image", 1),
    ("words, the tool taken out", [Opened(tools=()), TextPiece("A kite."), Ended(status="completed")], 0, "generate", "failed", "capability_missing", 1),
    ("words in chat, the tool taken out", [Opened(tools=("web_search",)), TextPiece("A kite.")], 0, "chat", "failed", "capability_missing", 1),
    ("neither text nor picture", [TOOL, Ended(status="completed")], 0, "generate", "empty", "empty", 1),
    ("white space only", [TextPiece(" \n"), RefusalText("  "), Ended(status="completed")], 0, "chat", "empty", "empty", 1),
    ("a wrong key", [Failed(failure("authentication", "no"))], 0, "generate", "failed", "authentication", 4),
    ("a budget", [Failed(failure("budget", "no"))], 0, "generate", "failed", "budget", 5),
    ("a full window", [Failed(failure("usage_window", "no"))], 0, "generate", "failed", "usage_window", 8),
    ("something pending", [Failed(failure("pending", "no"))], 0, "generate", "failed", "pending", 8),
    ("a wrong URL", [Failed(failure("usage", "no"))], 0, "generate", "failed", "usage", 2),
    ("no credit", [Failed(failure("quota", "no"))], 0, "generate", "failed", "quota", 1),
    ("sent, result not known", [TextPiece("a"), Failed(failure("truncated"))], 0, "generate", "unknown", "truncated", 7),
    ("an item without a picture", [PictureFailed(item_id=None, failure=failure("no_image"))], 0, "generate", "failed", "no_image", 1),
    ("an address only", [PictureUrl(item_id=None, url="https://a.example/b")], 0, "generate", "failed", "malformed", 1),
    ("scores of a moderation", [SCORED], 0, "generate", "text", None, 0),
    ("bytes that were passed on", [WireBytes(data=b"{"), WireBytes(data=b"}"), Ended(status="completed")], 0, "generate", "text", None, 0),
]  # fmt: skip


@pytest.mark.parametrize(
    ("items", "stored", "intent", "end"),
    [(*row[1:4], row[4:]) for row in ROWS],
    ids=[row[0] for row in ROWS],
)
def test_a_turn_ends_by_the_table(
    items: list[Received],
    stored: int,
    intent: Intent,
    end: tuple[Outcome, FailureCode | None, int],
) -> None:
    outcome, error = judge(gathered(*items), stored=stored, intent=intent)
    code = error.code if error else None

    assert (outcome, code, exit_code(outcome, code)) == end
    assert (error is not None and error.stage is not None) == (outcome == "refused")


@pytest.mark.parametrize(
    "words", ["I can't draw that.", "I'm sorry, this violates our policy.", "不能画"]
)
def test_words_alone_are_never_taken_for_a_refusal(words: str) -> None:
    found, error = judge(gathered(TextPiece(words)), stored=0, intent="generate")

    assert found == "text"
    assert error is not None
    assert error.stage is None


def test_what_a_refusal_said_is_its_message() -> None:
    _, error = judge(
        gathered(Opened(request_id="req_1"), RefusalText(" I can't.\n")), stored=0, intent="chat"
    )

    assert error is not None
    assert (error.message, error.request_id) == ("I can't.", "req_1")
    assert (error.stage, error.billed) == ("provider_unknown", "yes")


def test_why_an_answer_stopped_is_told_with_the_failure() -> None:
    end = Ended(status="incomplete", incomplete_reason="max_output_tokens")

    for items in ([end], [TextPiece("A ki"), end]):
        _, error = judge(gathered(*items), stored=0, intent="generate")
        assert error is not None
        assert error.upstream_code == "max_output_tokens"


# ── what it cost ─────────────────────────────────────────────────────────────────────────────

TEXT_USAGE = Ended(status="completed", usage=Usage(text=Tokens(input=40, output=9, total=49)))
IMAGE_USAGE = Ended(status="completed", usage=Usage(image=Tokens(output=196)))
NO_USAGE = Ended(status="completed", usage=Usage(text=Tokens(), image=Tokens(total=0)))
STATES: list[tuple[str, list[Received], int, AttemptState, Billed]] = [
    ("a picture stored", [NO_USAGE], 1, "completed", "yes"),
    ("a picture stored, then a cut", [Failed(failure("truncated"))], 1, "completed", "yes"),
    ("refused before any work", [Failed(POLICY)], 0, "refused", "no"),
    ("refused coming out", [Failed(failure("moderation_blocked", "possibly", "provider_output"))], 0, "refused", "possibly"),
    ("an item refused, the words counted", [PictureFailed(item_id=None, failure=POLICY), TEXT_USAGE], 0, "refused", "yes"),
    ("an item refused, nothing counted", [PictureFailed(item_id=None, failure=POLICY), NO_USAGE], 0, "refused", "no"),
    ("refused coming out, the words counted", [PictureFailed(item_id=None, failure=failure("moderation_blocked", "possibly", "provider_output")), TEXT_USAGE], 0, "refused", "possibly"),
    ("refused coming out, the picture counted", [PictureFailed(item_id=None, failure=failure("moderation_blocked", "possibly", "provider_output")), IMAGE_USAGE], 0, "refused", "yes"),
    ("a refusal in words", [RefusalText("no"), NO_USAGE], 0, "refused", "yes"),
    ("a wrong key", [Failed(failure("authentication", "no"))], 0, "failed", "no"),
    ("a cut", [Failed(failure("truncated"))], 0, "unknown", "possibly"),
    ("an item without a picture", [PictureFailed(item_id=None, failure=failure("no_image")), TEXT_USAGE], 0, "failed", "possibly"),
    ("the same, the picture counted", [PictureFailed(item_id=None, failure=failure("no_image")), IMAGE_USAGE], 0, "failed", "yes"),
    ("nothing at all", [NO_USAGE], 0, "failed", "possibly"),
    ("only a total", [Ended(status="completed", usage=Usage(image=Tokens(total=5)))], 0, "failed", "yes"),
    ("only an input", [Ended(status="completed", usage=Usage(image=Tokens(input=5)))], 0, "failed", "yes"),
    ("words", [TextPiece("Which?"), NO_USAGE], 0, "completed", "yes"),
    ("an address only", [TextPiece("Here."), PictureUrl(item_id=None, url="https://a.example/b"), TEXT_USAGE], 0, "failed", "possibly"),
    ("scores of a moderation", [SCORED], 0, "completed", "no"),
    ("bytes that were passed on", [WireBytes(data=b"{"), WireBytes(data=b"}")], 0, "completed", "yes"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("items", "stored", "state", "billed"), [s[1:] for s in STATES], ids=[s[0] for s in STATES]
)
def test_an_attempt_ends_in_a_state_and_with_a_bill(
    items: list[Received], stored: int, state: AttemptState, billed: Billed
) -> None:
    assert attempt_state(gathered(*items), stored=stored) == (state, billed)


@pytest.mark.parametrize("items", [row[1] for row in ROWS], ids=[row[0] for row in ROWS])
@pytest.mark.parametrize("stored", [0, 1])
def test_outcome_and_state_never_contradict_each_other(items: list[Received], stored: int) -> None:
    outcome, _ = judge(gathered(*items), stored=stored, intent="generate")
    state, billed = attempt_state(gathered(*items), stored=stored)

    expected: dict[Outcome, set[AttemptState]] = {
        "image": {"completed"},
        "text": {"completed"},
        "refused": {"refused"},
        "unknown": {"unknown"},
        "empty": {"failed"},
        "failed": {"failed", "completed"},
    }
    assert state in expected[outcome]
    assert state != "unknown" or billed == "possibly"


def test_a_server_that_babbles_on_fills_no_memory() -> None:
    gathered = Gathered()
    for _ in range(5):
        gathered = fold(gathered, TextPiece("x" * 100_000))
        gathered = fold(gathered, RefusalText("y" * 100_000))

    assert (len(gathered.text), len(gathered.refusal)) == (400_000, 400_000)
