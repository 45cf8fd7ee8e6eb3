"""Every fault and every recorded oddity, in this process and over a real socket: a typed outcome."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final, Literal

import anyio
import pytest

from agent import ImageAgent, TurnRequest
from agent.derive import PillowPictures
from agent.ids import Ulids
from agent.kit import Kit
from agent.offline import Offline, OfflineOptions, Reply
from agent.offline.exchange import Incoming
from agent.offline.faults import parse_fault
from agent.offline.mischief import MISCHIEF
from agent.safety.policy import load_policy
from agent.schema import AttemptState, Billed, FailureCode, Outcome
from agent.store import open_store
from agent.traffic import Profile
from agent.turn import pricing, prompts
from agent.upstream.dialects import DIALECTS
from agent.upstream.inprocess import InProcessTransport
from agent.upstream.responses import ResponsesUpstream
from tests.conftest import Ticking
from tests.gateway import served
from tests.test_bad_answers import Canned
from tests.test_turns_faults import ENDINGS

Adapter = Literal["in process", "over a socket"]
RECORDED: Final = Path(__file__).parent / "data" / "wire"
SILENT: Final = ("stall", "stall-comments", "slow")
"""Faults that would take longer than the silence they are given here."""
SILENCE_S: Final = 0.05


@dataclass(frozen=True)
class Came:
    """What a turn came to."""

    outcome: Outcome
    code: FailureCode | None
    state: AttemptState
    billed: Billed
    kept: int


class Hurrying(Ticking):
    """A minute at each look: what is worth waiting for has come by the time it is waited for."""

    def now(self) -> datetime:
        self.at += timedelta(minutes=1)
        return self.at


class Stage(Offline):
    """Whoever acts on it answers."""

    acting: Offline

    async def handle(self, request: Incoming) -> Reply:
        return await self.acting.handle(request)


def parked(code: FailureCode) -> Came:
    return Came("unknown", code, "unknown", "possibly", 0)


FAULTS: dict[str, Came] = {
    name: Came(e.outcome, e.code, e.state, e.billed, e.drawn if e.outcome == "image" else 0)
    for name, e in ENDINGS.items()
}
FAULTS["429"] = FAULTS["429-long"]
FAULTS |= dict.fromkeys(SILENT, parked("truncated"))


def drawn(kept: int = 1) -> Came:
    return Came("image", None, "completed", "yes", kept)


def refused(billed: Billed) -> Came:
    return Came("refused", "moderation_blocked", "refused", billed, 0)


def free(code: FailureCode) -> Came:
    return Came("failed", code, "failed", "no", 0)


TALK = Came("text", "no_image", "completed", "yes", 0)
ANSWERS: dict[str, Came] = {
    "ends_with_done.sse": drawn(),
    "error_flat.sse": parked("transient"),
    "error_then_failed.sse": refused("possibly"),
    "failed_item_in_completed.json": refused("possibly"),
    "filled_in_by_the_end.sse": drawn(),
    "final_three_times.sse": drawn(),
    "flagged_not_blocked.json": TALK,
    "generating_with_result.sse": drawn(),
    "late_error.json": parked("transient"),
    "not_implemented.json": free("not_implemented"),
    "only_in_item_done.sse": drawn(),
    "pings_and_strangers.sse": drawn(),
    "quoted_by_litellm.json": refused("possibly"),
    "rate_limit_in_stream.sse": free("rate_limited"),
    "refusal_streamed.sse": refused("yes"),
    "refusal_whole.json": refused("yes"),
    "rewritten_ids.sse": drawn(),
    "several_pictures.json": drawn(3),
    "store_false_with_tool_usage.json": drawn(),
    "text_only.sse": TALK,
    "tool_taken_out.json": Came("failed", "capability_missing", "completed", "yes", 0),
    "unwrapped_key_error.json": free("authentication"),
    "usage_limit_reached.json": free("usage_window"),
    "xai_prompt.json": drawn(),
}
BARE: dict[str, tuple[bytes, Came]] = {
    "nothing": (b"", parked("empty")),
    "white space": (b" \n" * 9, parked("empty")),
    "only pings": (b'data: {"type": "ping"}\n\n', parked("empty")),
    "only the marker": (b"data: [DONE]\n\n", parked("empty")),
    "a line that is no JSON": (b"data: upstream is busy\n\n", parked("malformed")),
    "still queued": (b'{"object": "response", "status": "queued"}', parked("truncated")),
    "cut JSON": (b'{"object": "response", "output": [{"ty', parked("truncated")),
}
"""Beside the recordings: as little as a 200 can hold (wire.md 3, 4.1, 5)."""


@asynccontextmanager
async def opened(profile: Profile, stage: Stage | None, folder: Path) -> AsyncIterator[ImageAgent]:
    clock = Hurrying()
    transport = None if stage is None else InProcessTransport(stage.handle)
    kit = Kit(
        upstream=ResponsesUpstream(profile, clock=clock, transport=transport),
        store=await open_store(folder, clock=clock),
        pictures=PillowPictures(),
        policy=load_policy(prompts.folder() / "policy"),
        prices=pricing.load_prices(prompts.prices_text("offline"), name="offline"),
        clock=clock,
        ids=Ulids(clock),
    )
    async with ImageAgent(kit) as agent:
        yield agent


async def come(agent: ImageAgent) -> Came:
    with anyio.fail_after(20):
        told = await agent.run(TurnRequest(text="a red kite over the sea"))
    attempts = await agent.store.attempts(turn=told.turn)
    last = attempts[-1]
    assert last.settled is not None
    assert all(a.billed == "no" for a in attempts[:-1])
    code = told.error.code if told.error else None
    return Came(told.outcome, code, last.state, last.billed, len(told.images))


async def come_to(
    profile: Profile, stage: Stage, near: Stage | None, folder: Path
) -> dict[str, Came]:
    """Every fault, then every recorded answer; the same store for all of them."""
    found: dict[str, Came] = {}
    hurried = replace(profile, silence_s=SILENCE_S)
    async with opened(profile, near, folder) as agent:
        for name in sorted(set(MISCHIEF) - set(SILENT)):
            stage.acting = acting(name)
            found[name] = await come(agent)
        for path in sorted(RECORDED.iterdir()):
            stage.acting = Canned(path.read_bytes())
            found[path.name] = await come(agent)
        for name, (body, _) in BARE.items():
            stage.acting = Canned(body)
            found[name] = await come(agent)
    async with opened(hurried, near, folder) as agent:
        for name in SILENT:
            stage.acting = acting(name)
            found[name] = await come(agent)
    return found


def acting(fault: str) -> Offline:
    faults = (parse_fault(fault),)
    return Offline(OfflineOptions(draw="tiny", salt="test", faults=faults))


async def run_all(adapter: Adapter, folder: Path) -> dict[str, Came]:
    stage = Stage()
    profile = Profile(
        name="test",
        base_url="http://offline.invalid/v1",
        api_key="sk-offline",
        dialect=DIALECTS["offline"],
        prices="offline",
    )
    if adapter == "in process":
        return await come_to(profile, stage, stage, folder)
    async with served(stage) as url:
        return await come_to(replace(profile, base_url=url), stage, None, folder)


@pytest.fixture(scope="module", params=["in process", "over a socket"])
def came(
    request: pytest.FixtureRequest, empty_store: Path, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Came]:
    folder = tmp_path_factory.mktemp("every") / "data"
    shutil.copytree(empty_store, folder)
    return anyio.run(run_all, request.param, folder)


def test_no_fault_and_no_recording_is_left_out(came: dict[str, Came]) -> None:
    assert set(FAULTS) == set(MISCHIEF)
    assert set(ANSWERS) == {path.name for path in RECORDED.iterdir()}
    assert set(came) == set(FAULTS) | set(ANSWERS) | set(BARE)


@pytest.mark.parametrize("fault", sorted(MISCHIEF))
def test_every_fault_has_one_typed_outcome_over_both_adapters(
    came: dict[str, Came], fault: str
) -> None:
    assert came[fault] == FAULTS[fault]


@pytest.mark.parametrize("answer", sorted(ANSWERS))
def test_every_odd_answer_has_one_typed_outcome_over_both_adapters(
    came: dict[str, Came], answer: str
) -> None:
    assert came[answer] == ANSWERS[answer]


@pytest.mark.parametrize("answer", BARE)
def test_a_200_with_nothing_in_it_has_one_typed_outcome_over_both_adapters(
    came: dict[str, Came], answer: str
) -> None:
    assert came[answer] == BARE[answer][1]
