"""A provider's refusal, in every shape that was seen or is documented (wire.md 4.1), is one refusal."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from agent import TurnRequest
from agent.schema import Billed, Stage
from agent.upstream.dialects import DIALECTS
from tests.test_bad_answers import Canned, events, item, response
from tests.watched import watched

KITE = TurnRequest(text="a red kite over the sea")
WORDS = "Your request was rejected by the safety system."


def blocked(stage: str | None = "input", *categories: str, **more: object) -> dict[str, Any]:
    details = {"moderation_stage": stage, "categories": list(categories)} if stage else None
    return {
        "code": "moderation_blocked",
        "message": WORDS,
        "type": "image_generation_user_error",
        "param": None,
        "moderation_details": details,
    } | more


@dataclass(frozen=True)
class Shape:
    """How a server says no, and what that comes to."""

    body: bytes | dict[str, Any]
    stage: Stage
    billed: Billed
    categories: tuple[str, ...] = ()
    status: int = 200


def ended(status: str, **fields: object) -> dict[str, Any]:
    told = {"id": "resp_1", "status": status, "output": []} | fields
    return {"type": f"response.{status}", "response": told}


REFUSAL = {"type": "refusal", "refusal": "I cannot help with that."}
QUOTED = f"litellm.BadRequestError: OpenAIException - {json.dumps({'error': blocked()})}"
ANYWHERE = {
    "400 with details": Shape(
        {"error": blocked("input", "other")}, "provider_input", "no", ("other",), 400
    ),
    "400 that saw the result": Shape(
        {"error": blocked("output", "sexual")}, "provider_output", "possibly", ("sexual",), 400
    ),
    "400 without details": Shape({"error": blocked(None)}, "provider_unknown", "no", (), 400),
    "400 of a content policy": Shape(
        {"error": {"code": "content_policy_violation", "message": "No."}},
        *("provider_unknown", "no", (), 400),
    ),
    "400 for the account": Shape(
        {"error": {"code": "invalid_prompt", "message": "Usage policy."}},
        *("provider_unknown", "no", (), 400),
    ),
    "a word list with 400": Shape(
        {"error": {"code": "sensitive_words_detected", "message": "words"}},
        *("provider_unknown", "no", (), 400),
    ),
    "a word list with 500": Shape(
        {"error": {"code": "sensitive_words_detected", "message": "words"}},
        *("provider_unknown", "possibly", (), 500),
    ),
    "quoted by a gateway": Shape(
        {"error": {"message": QUOTED, "type": None, "code": "400"}},
        *("provider_input", "no", (), 400),
    ),
    "an error in a 200": Shape(
        {"error": blocked("input", "violence")}, "provider_input", "no", ("violence",)
    ),
    "an event that nests it": Shape(
        events({"type": "error", "error": blocked("input")}), "provider_input", "no"
    ),
    "an event that is it": Shape(
        events({"type": "error", "code": "moderation_blocked", "message": WORDS}),
        *("provider_unknown", "possibly"),
    ),
}
RESPONSES = ANYWHERE | {
    "a failed item": Shape(
        response(item(None, status="failed", error=blocked("output", "sexual"))),
        *("provider_output", "possibly", ("sexual",)),
    ),
    "a failed item without details": Shape(
        response(item(None, status="failed", error={"code": "moderation_blocked"})),
        *("provider_unknown", "possibly"),
    ),
    "a failed item on a stream": Shape(
        events(
            {
                "type": "response.output_item.done",
                "item": item(None, status="failed", error=blocked("input")),
            },
            ended("completed"),
        ),
        *("provider_input", "no"),
    ),
    "response.failed": Shape(
        events(ended("failed", error={"code": "image_content_policy_violation", "message": "No."})),
        *("provider_unknown", "possibly"),
    ),
    "cut off by a filter": Shape(
        events(ended("incomplete", incomplete_details={"reason": "content_filter"})),
        *("provider_output", "possibly"),
    ),
    "a refusal part": Shape(
        response({"type": "message", "role": "assistant", "content": [REFUSAL]}),
        *("provider_unknown", "yes"),
    ),
    "a refusal in pieces": Shape(
        events(
            {"type": "response.refusal.delta", "delta": "I cannot "},
            {"type": "response.refusal.delta", "delta": "help."},
            ended("completed"),
        ),
        *("provider_unknown", "yes"),
    ),
}
CASES = [("responses", name) for name in RESPONSES] + [("images", name) for name in ANYWHERE]


@pytest.mark.parametrize(("via", "name"), CASES)
async def test_every_shape_is_one_refusal_that_is_never_asked_again(
    tmp_path: Path, via: str, name: str
) -> None:
    shape = RESPONSES[name]
    server = Canned(shape.body, status=shape.status, x_request_id="req_1")
    spare = Canned(response())
    async with watched(tmp_path, server, via=via, fallback=spare) as agent:
        told = await agent.run(KITE)
        [attempt] = await agent.store.attempts(turn=told.turn)

    assert (told.outcome, told.exit_code, told.type) == ("refused", 3, "turn.refused")
    assert told.error is not None
    assert (told.error.stage, told.error.categories) == (shape.stage, shape.categories)
    assert told.error.request_id == "req_1"
    assert (attempt.state, attempt.billed, attempt.request_id) == ("refused", shape.billed, "req_1")
    assert (server.asked, spare.asked) == (1, 0)


# ── whose words it may have been ─────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("dialect", "variant", "switch"),
    [("generic", "preamble/standard@1", "off"), ("new-api", "preamble/standard-plain@1", "on")],
)
async def test_a_refused_input_that_our_screen_passed_may_be_the_preambles_fault(
    tmp_path: Path, dialect: str, variant: str, switch: str
) -> None:
    server = Canned({"error": blocked("input")}, status=400)
    async with watched(tmp_path, server, dialect=DIALECTS[dialect]) as agent:
        told = await agent.run(KITE)
        [turn] = await agent.store.turns(told.session or "")  # type: ignore[arg-type]

    assert told.error is not None
    assert variant in told.error.hint
    assert f"preamble_words {switch}" in told.error.hint
    assert ("preamble_words = true under [facts]" in told.error.hint) == (switch == "off")
    assert turn.failures == (told.error,)


async def test_so_may_a_word_list_be_that_says_no_stage(tmp_path: Path) -> None:
    body = {"error": {"code": "sensitive_words_detected", "message": "words"}}
    async with watched(tmp_path, Canned(body, status=400)) as agent:
        told = await agent.run(KITE)

    assert told.error is not None
    assert "preamble/standard@1" in told.error.hint


@pytest.mark.parametrize("name", ["400 that saw the result", "a refusal part"])
async def test_a_refused_result_is_not_blamed_on_it(tmp_path: Path, name: str) -> None:
    shape = RESPONSES[name]
    async with watched(tmp_path, Canned(shape.body, status=shape.status)) as agent:
        told = await agent.run(KITE)

    assert told.error is not None
    assert "preamble" not in told.error.hint
