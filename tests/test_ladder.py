"""``degrade``: after a known failure a lower step, each with its own attempt, and all of it told."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from decimal import Decimal
from pathlib import Path

import pytest
from PIL import Image as Canvas

from agent import ImageAgent, ImageOptions, Settings, TurnRequest
from agent.errors import UsageError
from agent.events import TurnCompleted, TurnDegraded, TurnNotice
from agent.offline import Offline, OfflineOptions, Reply
from agent.offline.exchange import Incoming, json_reply
from agent.offline.faults import parse_fault
from agent.schema import SessionId, Sha256
from tests.conftest import OpenOn, Serve, bytes_of
from tests.test_turns_money import paid

LARGE = ImageOptions(size="3840x2160", quality="high")
KITE = TurnRequest(text="a red kite over the sea", options=LARGE, degrade=True)


class Picky(Offline):
    """Draws only what is in ``takes``: size → qualities; all else is a 400 before any work."""

    def __init__(self, takes: Mapping[str, tuple[str, ...]]) -> None:
        super().__init__(OfflineOptions(draw="tiny", salt="test"))
        self._takes = takes
        self.asked: list[str] = []

    async def handle(self, request: Incoming) -> Reply:
        body = json.loads(request.body)
        tool = body["tools"][0]
        self.asked.append(f"{tool['size']} {tool['quality']}")
        if tool["quality"] in self._takes.get(tool["size"], ()):
            return await super().handle(request)
        told = {"code": "invalid_value", "param": "tools[0].size", "message": "Not that large."}
        return json_reply({"error": {**told, "type": "image_generation_user_error"}}, status=400)


@pytest.fixture
def low() -> Picky:
    """A server for which 4K is too much."""
    return Picky({"1536x864": ("medium",), "1024x1024": ("medium",)})


def contents(path: Path) -> bytes | None:
    return path.read_bytes() if path.exists() else None


async def events_of(agent: ImageAgent, request: TurnRequest = KITE) -> list[object]:
    return [event async for event in agent.stream(request)]


async def test_the_steps_are_quality_then_size_and_each_is_an_attempt_of_its_own(
    low: Picky, open_on: OpenOn
) -> None:
    async with open_on(low) as agent:
        ended = await agent.run(KITE)
        attempts = await agent.store.attempts(turn=ended.turn)

    assert low.asked == ["3840x2160 high", "3840x2160 medium", "1536x864 medium"]
    assert [(a.number, a.state, a.billed) for a in attempts] == [
        (1, "failed", "no"),
        (2, "failed", "no"),
        (3, "completed", "yes"),
    ]
    assert [f"{a.requested.size} {a.requested.quality}" for a in attempts] == low.asked
    assert low.counters["generations"] == 1
    assert (ended.outcome, ended.exit_code) == ("image", 0)


async def test_every_step_is_told_before_it_is_sent_with_what_it_reserves(
    low: Picky, open_on: OpenOn
) -> None:
    async with open_on(low) as agent:
        events = await events_of(agent)

    story = [e.type for e in events if e.type in ("attempt.sent", "turn.degraded")]  # type: ignore[attr-defined]
    assert story == ["attempt.sent", "turn.degraded"] * 2 + ["attempt.sent"]
    steps = [event for event in events if isinstance(event, TurnDegraded)]
    assert [step.steps for step in steps] == [
        {"from": "3840x2160 high", "to": "3840x2160 medium"},
        {"from": "3840x2160 medium", "to": "1536x864 medium"},
    ]
    assert all(step.reserved is not None for step in steps)


async def test_the_picture_stays_as_it_came_and_its_enlargement_lies_beside_it(
    low: Picky, open_on: OpenOn
) -> None:
    async with open_on(low) as agent:
        ended = await agent.run(KITE)
        [image] = await agent.store.images(ended.session or SessionId(""))
        [turn] = await agent.store.turns(ended.session or SessionId(""))
        assert image.actual.size == "1536x864"
        assert (image.requested.size, image.requested.quality) == ("3840x2160", "high")
        *steps, last = ended.degraded
        path = Path(last.pop("path"))
        with Canvas.open(path) as large:
            assert (large.size, large.format) == ((3840, 2160), "PNG")
        assert image.sha256 in path.name
        assert contents(path) != bytes_of(image)

    assert [step["to"] for step in steps] == ["3840x2160 medium", "1536x864 medium"]
    assert last == {"from": "1536x864", "to": "3840x2160", "how": "enlarged", "image": image.id}
    assert turn.degraded == (*steps, last)


async def test_forgetting_the_picture_forgets_its_enlargement(low: Picky, open_on: OpenOn) -> None:
    async with open_on(low) as agent:
        ended = await agent.run(KITE)
        path = Path(ended.degraded[-1]["path"])
        assert contents(path)

        await agent.store.forget_session(ended.session or SessionId(""), at=ended.images[0].created)

        assert contents(path) is None


async def test_the_store_has_nothing_to_complain_of_after_an_enlargement(
    low: Picky, open_on: OpenOn
) -> None:
    async with open_on(low) as agent:
        await agent.run(KITE)
        verify = getattr(agent.store, "verify", None)
        assert verify is not None
        assert await verify() == []


async def test_a_step_that_only_lowers_the_quality_enlarges_nothing(open_on: OpenOn) -> None:
    server = Picky({"3840x2160": ("medium",)})
    async with open_on(server) as agent:
        ended = await agent.run(KITE)

    assert ended.degraded == ({"from": "3840x2160 high", "to": "3840x2160 medium"},)
    assert ended.images[0].actual.size == "3840x2160"


async def test_without_the_wish_nothing_is_lowered(low: Picky, open_on: OpenOn) -> None:
    async with open_on(low) as agent:
        ended = await agent.run(TurnRequest(text=KITE.text, options=LARGE))

    assert low.asked == ["3840x2160 high"]
    assert (ended.outcome, ended.degraded) == ("failed", ())
    assert ended.error is not None
    assert ended.error.code == "invalid_parameter"


async def test_at_the_bottom_the_last_failure_is_the_answer(open_on: OpenOn) -> None:
    server = Picky({})
    async with open_on(server) as agent:
        ended = await agent.run(KITE)

    assert len(server.asked) == 3
    assert (ended.outcome, ended.exit_code) == ("failed", 1)
    assert len(ended.degraded) == 2


@pytest.mark.parametrize("fault", ["drop-after", "502", "truncate", "524", "502-after"])
async def test_after_a_result_that_is_not_known_no_step_is_taken(
    serve: Serve, open_on: OpenOn, fault: str
) -> None:
    server = serve(fault)
    async with open_on(server) as agent:
        ended = await agent.run(KITE)

    assert (ended.outcome, ended.degraded) == ("unknown", ())
    assert server.counters["requests"] == 1


@pytest.mark.parametrize("fault", ["moderation-400", "401", "quota", "refusal-text", "429-long"])
async def test_what_a_smaller_picture_cannot_cure_is_not_tried(
    serve: Serve, open_on: OpenOn, fault: str
) -> None:
    server = serve(fault)
    async with open_on(server) as agent:
        ended = await agent.run(KITE)

    assert ended.degraded == ()
    assert server.counters["requests"] == 1


async def test_a_known_failure_that_was_paid_is_stepped_down_from_and_both_are_booked(
    serve: Serve, open_on: OpenOn
) -> None:
    server = serve("empty-result:first=1")
    async with open_on(server) as agent:
        ended = await agent.run(KITE)
        attempts = await agent.store.attempts(turn=ended.turn)

    assert [(a.state, a.billed) for a in attempts] == [("failed", "yes"), ("completed", "yes")]
    assert server.counters["generations"] == 2
    assert ended.degraded == ({"from": "3840x2160 high", "to": "3840x2160 medium"},)


async def test_a_step_that_no_budget_allows_is_not_sent(settings: Settings) -> None:
    """What the first try may have cost counts, so the cap holds over all steps together."""
    server = Offline(OfflineOptions(draw="tiny", faults=(parse_fault("empty-result"),)))
    priced: AbstractAsyncContextManager[ImageAgent] = paid(settings, server)
    async with priced as agent:
        alone = await agent.run(KITE)
        first, *_ = await agent.store.attempts(turn=alone.turn)
        assert first.cost.amount is not None
        assert first.reserved.amount is not None
    server.state.forget()
    cap = max(first.reserved.amount, first.cost.amount) + Decimal("0.000001")
    async with paid(settings, server, turn=str(cap)) as agent:
        ended = await agent.run(KITE)
        attempts = await agent.store.attempts(turn=ended.turn)

    assert ended.error is not None
    assert (ended.error.code, ended.exit_code) == ("budget", 5)
    assert [a.state for a in attempts] == ["failed"]
    assert server.counters["requests"] == 1


async def test_an_edit_steps_down_in_the_shape_of_its_picture(open_on: OpenOn) -> None:
    server = Picky({"2160x3840": ("medium",), "864x1536": ("medium",)})
    async with open_on(server) as agent:
        first = await agent.run(
            TurnRequest(text="a tall tower", options=ImageOptions(size="2160x3840"))
        )
        server._takes = {"864x1536": ("medium",)}
        ended = await agent.run(
            TurnRequest(text="make it night", intent="edit", session=first.session, degrade=True)
        )

    assert server.asked[1:] == ["2160x3840 medium", "864x1536 medium"]
    assert ended.images[0].actual.size == "864x1536"
    assert ended.images[0].parents == (first.images[0].id,)
    assert ended.degraded[-1]["to"] == "2160x3840"


async def test_a_picture_that_cannot_be_enlarged_is_a_result_all_the_same(
    low: Picky, open_on: OpenOn, settings: Settings
) -> None:
    settings.data_dir.joinpath("derived").write_text("no folder")
    async with open_on(low) as agent:
        events = await events_of(agent)

    notices = [e for e in events if isinstance(e, TurnNotice) and e.code == "enlarged"]
    assert "could not be enlarged to 3840x2160" in notices[0].message
    last = events[-1]
    assert isinstance(last, TurnCompleted)
    assert [step["to"] for step in last.degraded] == ["3840x2160 medium", "1536x864 medium"]
    assert last.images[0].actual.size == "1536x864"


async def test_a_derived_file_cannot_leave_its_folder(open_on: OpenOn, low: Picky) -> None:
    async with open_on(low) as agent:
        with pytest.raises(UsageError, match="cannot name a file"):
            await agent.store.save_derived(
                Sha256("0" * 64), "../../x", b"x", media_type="image/png"
            )
