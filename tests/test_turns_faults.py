"""Whatever a server does: which outcome, which state, who pays, and never drawn twice unasked."""

from __future__ import annotations

import re
from dataclasses import dataclass

import anyio
import pytest

from agent import TurnFailed, TurnRefused, TurnRequest
from agent.offline.mischief import MISCHIEF
from agent.schema import AttemptState, Billed, FailureCode, Outcome, SessionId, Stage
from tests.conftest import Opener, OpenOn, Serve

KITE = "a red kite over the sea"
DRAWN = TurnRequest(text=KITE)


@dataclass(frozen=True)
class Ending:
    """What a fault comes to. ``drawn``: pictures that the server finished."""

    outcome: Outcome
    code: FailureCode | None
    state: AttemptState
    billed: Billed
    drawn: int
    exit: int
    stage: Stage | None = None


def picture(drawn: int = 1) -> Ending:
    return Ending("image", None, "completed", "yes", drawn, 0)


def parked(code: FailureCode, drawn: int) -> Ending:
    return Ending("unknown", code, "unknown", "possibly", drawn, 7)


def free(code: FailureCode, exit_code: int) -> Ending:
    return Ending("failed", code, "failed", "no", 0, exit_code)


def paid(code: FailureCode, outcome: Outcome = "failed", *, drawn: int = 1) -> Ending:
    """Nothing to show for it; known to be billed where the server counted what it drew."""
    return Ending(outcome, code, "failed", "yes" if drawn else "possibly", drawn, 1)


def refused(stage: Stage, billed: Billed) -> Ending:
    return Ending("refused", "moderation_blocked", "refused", billed, 0, 3, stage)


ENDINGS: dict[str, Ending] = {
    "drop": parked("truncated", 0),
    "drop-after": parked("truncated", 1),
    "drop-late": picture(),
    "truncate": parked("truncated", 1),
    "no-terminal": picture(),
    "401": free("authentication", 4),
    "429-long": free("rate_limited", 1),
    "quota": free("quota", 1),
    "usage-limit": free("usage_window", 8),
    "500": parked("transient", 0),
    "502": parked("transient", 0),
    "503-busy": parked("transient", 0),
    "503-html": parked("transient", 0),
    "524": parked("transient", 1),
    "502-after": parked("transient", 1),
    "503-after": parked("transient", 1),
    "moderation-400": refused("provider_input", "no"),
    "moderation-flags": picture(),
    "moderation-doubts": picture(),
    "failed-item": refused("provider_output", "possibly"),
    "item-in-done-only": picture(),
    "generating-status": picture(),
    "duplicate-finals": picture(),
    "empty-result": paid("no_image"),
    "bad-base64": paid("malformed"),
    "no-image": paid("empty", "empty", drawn=0),
    "refusal-text": Ending("text", "no_image", "completed", "yes", 0, 1),
    "refusal-part": refused("provider_unknown", "yes"),
    "html-200": free("usage", 2),
    "json-on-stream": picture(),
    "sse-on-nonstream": picture(),
    "error-in-200": parked("transient", 0),
    "nested-error-event": refused("provider_unknown", "possibly"),
    "flat-error-event": parked("transient", 0),
    "response-failed": parked("transient", 0),
    "incomplete": paid("empty", "empty", drawn=0),
    "incomplete-filter": refused("provider_output", "possibly"),
    "ping-events": picture(),
    "comments": picture(),
    "unknown-events": picture(),
    "misspell": picture(),
    "autocorrecting-reader": picture(),
    "edit-redraws-everything": picture(),
    "stray-lettering": picture(),
    "url-result": paid("malformed"),
    "data-url-result": picture(),
    "list-result": picture(),
    "two-images": picture(2),
    "size-lowered": picture(),
    "tool-stripped": Ending("failed", "capability_missing", "completed", "yes", 0, 1),
    "truncated-picture": paid("malformed"),
}
UNSTREAMED = ENDINGS | {
    "drop-late": parked("truncated", 1),
    "no-terminal": parked("empty", 1),
    "item-in-done-only": paid("empty", "empty"),
    "nested-error-event": refused("provider_unknown", "no"),
}
"""Where a whole JSON answer differs: what was only in the events is nowhere."""
ELSEWHERE = {"429", "slow", "stall", "stall-comments"}


def test_every_fault_has_an_expected_ending() -> None:
    assert set(ENDINGS) | ELSEWHERE == set(MISCHIEF)


WHOLE = {"truncate", "failed-item", "truncated-picture", "sse-on-nonstream", "524", "drop-after"}
"""Faults that a whole answer shows in another place, beside those that end otherwise."""
EVERY = [(fault, True) for fault in ENDINGS] + [
    (fault, False) for fault in ENDINGS if fault in WHOLE or UNSTREAMED[fault] != ENDINGS[fault]
]


@pytest.mark.parametrize(("fault", "streamed"), EVERY)
async def test_a_fault_ends_as_expected_and_is_never_sent_again(
    serve: Serve, open_on: OpenOn, fault: str, *, streamed: bool
) -> None:
    expected = (ENDINGS if streamed else UNSTREAMED)[fault]
    server = serve(fault)
    with anyio.fail_after(10):
        async with open_on(server) as agent:
            ended = await agent.run(TurnRequest(text=KITE, stream=streamed))
            [attempt] = await agent.store.attempts(turn=ended.turn)
            [turn] = await agent.store.turns(attempt.session or SessionId(""))

    error = ended.error
    assert (
        Ending(
            ended.outcome,
            error.code if error else None,
            attempt.state,
            attempt.billed,
            int(str(server.counters.get("generations", 0))),
            ended.exit_code,
            error.stage if error else None,
        )
        == expected
    )
    assert server.counters["requests"] == 1
    assert turn.outcome == ended.outcome
    assert len(turn.images) == (expected.drawn if expected.outcome == "image" else 0)
    assert attempt.settled is not None
    assert turn.closed is not None
    if error:
        assert error.message
        assert error in turn.failures
        assert attempt.failure_code in (None, error.code)


async def test_what_cost_nothing_is_sent_again_and_drawn_once(
    serve: Serve, open_on: OpenOn
) -> None:
    server = serve("429:first=2")
    async with open_on(server) as agent:
        events = [event async for event in agent.stream(DRAWN)]

        assert events[-1].type == "turn.completed"
        retried = [event for event in events if event.type == "attempt.retrying"]
        assert [event.failure.code for event in retried] == ["rate_limited", "rate_limited"]
        assert server.counters["generations"] == 1
        attempts = await agent.store.attempts(turn=events[-1].turn)
        assert [(a.number, a.state, a.billed) for a in attempts] == [
            (1, "failed", "no"),
            (2, "failed", "no"),
            (3, "completed", "yes"),
        ]
        assert [a.id for a in events[-1].attempts] == [a.id for a in attempts]


async def test_a_limit_that_does_not_go_away_is_given_up_after_four_tries(
    serve: Serve, open_on: OpenOn
) -> None:
    server = serve("429")
    async with open_on(server) as agent:
        ended = await agent.run(DRAWN)

    assert isinstance(ended, TurnFailed)
    assert [a.state for a in ended.attempts] == ["failed"] * 4
    assert ended.cost.amount == 0


async def test_a_long_wait_is_told_instead_of_waited_for(open_offline: Opener) -> None:
    async with open_offline("429-long") as agent:
        ended = await agent.run(DRAWN)

    assert ended.error is not None
    assert ended.error.retry_at is not None


async def test_a_refusal_names_its_stage_its_categories_and_the_request(
    open_offline: Opener,
) -> None:
    async with open_offline("moderation-400") as agent:
        ended = await agent.run(DRAWN)

    assert isinstance(ended, TurnRefused)
    assert ended.error is not None
    assert (ended.error.stage, ended.error.categories) == ("provider_input", ("other",))
    assert ended.error.request_id
    assert ended.attempts[0].request_id == ended.error.request_id
    assert ended.error.hint


async def test_a_refused_turn_never_enters_a_later_context(serve: Serve, open_on: OpenOn) -> None:
    server = serve("moderation-400:every=2")
    async with open_on(server) as agent:
        first = await agent.run(DRAWN)
        edit = TurnRequest(text="paint it mauve", intent="edit", session=first.session)
        assert (await agent.run(edit)).outcome == "refused"
        third = await agent.run(
            TurnRequest(text="add a boat", intent="edit", session=first.session)
        )

        assert third.images[0].parents == (first.images[0].id,)
        assert "mauve" not in str(server.state.journal.log()[-1])
        session = await agent.store.session(first.session or "")
        assert (session.head, session.turns) == (third.turn, 3)


async def test_a_failed_turn_does_not_move_the_head(open_offline: Opener) -> None:
    """It would hide the picture of a turn that was in flight beside it."""
    async with open_offline("500:every=2") as agent:
        first = await agent.run(DRAWN)
        await agent.run(TurnRequest(text="add a boat", intent="edit", session=first.session))

        assert (await agent.store.session(first.session or "")).head == first.turn


async def test_a_picture_that_is_not_whole_is_kept_but_never_listed(
    open_offline: Opener,
) -> None:
    async with open_offline("truncated-picture") as agent:
        ended = await agent.run(DRAWN)

        assert ended.error is not None
        found = re.search(r"as they came: (\S+)$", ended.error.message)
        assert found is not None
        assert _size(found[1]) > 100
        assert await agent.store.images(ended.session or SessionId("")) == []


def _size(path: str) -> int:
    with open(path, "rb") as file:  # noqa: PTH123 - a path as a person gets it
        return len(file.read())


async def test_a_picture_before_the_break_is_a_result_and_the_break_is_told(
    open_offline: Opener,
) -> None:
    async with open_offline("no-terminal") as agent:
        ended = await agent.run(DRAWN)

    assert (ended.outcome, ended.exit_code) == ("image", 0)
    assert [failure.code for failure in ended.failures] == ["truncated"]


async def test_an_address_in_place_of_a_picture_is_named_and_not_followed(
    open_offline: Opener,
) -> None:
    async with open_offline("url-result") as agent:
        ended = await agent.run(DRAWN)

    assert ended.error is not None
    assert "pictures.invalid" in ended.error.message


async def test_of_two_damaged_pictures_the_first_is_the_error_and_the_other_beside_it(
    open_offline: Opener,
) -> None:
    async with open_offline("two-images", "truncated-picture") as agent:
        ended = await agent.run(DRAWN)

    assert ended.error is not None
    assert [failure.code for failure in ended.failures] == ["malformed"]
    assert ended.error not in ended.failures


async def test_a_wrong_key_says_what_to_check(open_offline: Opener) -> None:
    async with open_offline("401") as agent:
        ended = await agent.run(DRAWN)

    assert ended.error is not None
    assert (ended.error.status, ended.exit_code) == (401, 4)
    assert "config" in ended.error.hint


async def test_other_dialects_say_the_same_in_their_own_words(
    serve: Serve, open_on: OpenOn
) -> None:
    ended = {}
    for dialect in ("openai", "sub2api", "new-api", "litellm", "generic"):
        async with open_on(serve("401", dialect=dialect)) as agent:
            ended[dialect] = await agent.run(DRAWN)

    codes = {name: end.error.code for name, end in ended.items() if end.error}
    assert codes.pop("sub2api") == "transient"
    assert set(codes.values()) == {"authentication"}
