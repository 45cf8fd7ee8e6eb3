"""Callers who leave, agents that are given up, turns beside each other: nothing paid is lost."""

from __future__ import annotations

from contextlib import aclosing
from dataclasses import dataclass, field

import anyio
import anyio.lowlevel
import pytest

from agent import Event, ImageAgent, NotFound, TurnCompleted, TurnFailed, TurnRequest, UsageError
from agent.offline import Offline, Reply
from agent.offline.exchange import Incoming
from agent.schema import Attempt, SessionId, Turn
from tests.conftest import Opener, OpenOn, Serve

KITE = TurnRequest(text="a red kite over the sea")


@dataclass
class Gate:
    """Holds every answer of a server until it is opened."""

    opened: anyio.Event = field(default_factory=anyio.Event)
    reached: anyio.Event = field(default_factory=anyio.Event)

    async def wait(self, _: float) -> None:
        self.reached.set()
        await self.opened.wait()


@pytest.fixture
async def gate() -> Gate:
    return Gate()


@pytest.fixture
def held(serve: Serve, gate: Gate) -> Offline:
    """A server that answers when the gate opens."""
    return serve(latency=(1.0, 1.0), sleep=gate.wait)


async def until(agent: ImageAgent, request: TurnRequest, kind: str) -> list[Event]:
    """Listen to a turn up to the first event of that kind, then leave."""
    seen: list[Event] = []
    async with aclosing(agent.stream(request)) as events:
        async for event in events:
            seen.append(event)
            if event.type == kind:
                break
    return seen


async def ledger(open_on: OpenOn, server: Offline) -> tuple[list[Attempt], list[Turn]]:
    """What a new agent on the same store finds."""
    async with open_on(server) as agent:
        turns = [t for s in await agent.store.sessions() for t in await agent.store.turns(s.id)]
        return await agent.store.attempts(), turns


async def test_leaving_before_the_request_was_sent_sends_nothing(
    serve: Serve, open_on: OpenOn
) -> None:
    server = serve()
    async with open_on(server) as agent:
        await until(agent, KITE, "turn.started")

    attempts, [turn] = await ledger(open_on, server)
    assert dict(server.counters) == {}
    assert [(a.state, a.billed) for a in attempts] in ([], [("failed", "no")])
    assert turn.outcome == "failed"
    assert turn.closed is not None


async def test_leaving_after_it_was_sent_loses_no_picture(
    held: Offline, gate: Gate, open_on: OpenOn
) -> None:
    with anyio.fail_after(10):
        async with open_on(held) as agent:
            seen = await until(agent, KITE, "attempt.sent")
            gate.opened.set()

    assert not [event for event in seen if event.type == "image.completed"]
    [attempt], [turn] = await ledger(open_on, held)
    assert (attempt.state, attempt.billed, attempt.images) == ("completed", "yes", 1)
    assert (turn.outcome, len(turn.images)) == ("image", 1)


async def test_a_deadline_of_the_caller_loses_no_picture(
    held: Offline, gate: Gate, open_on: OpenOn
) -> None:
    with anyio.fail_after(10):
        async with open_on(held) as agent:
            with anyio.CancelScope() as deadline:
                async for event in agent.stream(KITE):
                    if event.type == "attempt.sent":
                        deadline.cancel()
            gate.opened.set()

    [attempt], [turn] = await ledger(open_on, held)
    assert (attempt.state, turn.outcome) == ("completed", "image")


async def test_an_error_of_the_caller_comes_out_as_it_went_in_and_loses_no_picture(
    held: Offline, gate: Gate, open_on: OpenOn
) -> None:
    """A task group would wrap it, and cancel the turn that is in flight."""

    async def trip() -> None:
        async with open_on(held) as agent:
            await until(agent, KITE, "attempt.sent")
            gate.opened.set()
            raise ZeroDivisionError

    with anyio.fail_after(10), pytest.raises(ZeroDivisionError):
        await trip()

    [attempt], _ = await ledger(open_on, held)
    assert attempt.state == "completed"


async def test_misuse_inside_the_agent_is_not_wrapped_in_a_group(open_offline: Opener) -> None:
    with pytest.raises(NotFound):
        async with open_offline() as agent:
            await agent.store.session("nowhere")


async def test_giving_up_the_agent_in_flight_leaves_an_unknown_attempt_and_a_closed_turn(
    serve: Serve, open_on: OpenOn
) -> None:
    server = serve("stall")
    with anyio.fail_after(10):
        with anyio.CancelScope() as giving_up:
            async with open_on(server) as agent:
                async for event in agent.stream(KITE):
                    if event.type == "image.progress":
                        giving_up.cancel()

    [attempt], [turn] = await ledger(open_on, server)
    assert (attempt.state, attempt.billed, attempt.failure_code) == (
        "unknown",
        "possibly",
        "interrupted",
    )
    assert attempt.settled is not None
    assert (turn.outcome, turn.closed is not None) == ("unknown", True)
    assert [failure.billed for failure in turn.failures] == ["possibly"]


async def test_who_still_listens_to_an_agent_given_up_gets_the_terminal_event(
    serve: Serve, open_on: OpenOn
) -> None:
    server = serve("stall")
    ended: list[object] = []

    async def listen(agent: ImageAgent) -> None:
        ended.append(await agent.run(KITE))

    with anyio.fail_after(10):
        async with anyio.create_task_group() as others:
            with anyio.CancelScope() as giving_up:
                async with open_on(server) as agent:
                    others.start_soon(listen, agent)
                    await _sent(server)
                    giving_up.cancel()
                    await anyio.sleep_forever()

    [event] = ended
    assert isinstance(event, TurnFailed)
    assert (event.outcome, event.exit_code) == ("unknown", 7)
    assert event.error is not None
    assert event.error.code == "interrupted"


async def _sent(server: Offline) -> None:
    while "requests" not in server.counters:
        await anyio.lowlevel.checkpoint()


async def test_leaving_between_two_tries_stops_for_free(serve: Serve, open_on: OpenOn) -> None:
    server = serve("429")
    with anyio.fail_after(10):
        async with open_on(server) as agent:
            await until(agent, KITE, "attempt.retrying")

    attempts, [turn] = await ledger(open_on, server)
    assert {(a.state, a.billed) for a in attempts} == {("failed", "no")}
    assert turn.outcome == "failed"
    assert [failure.billed for failure in turn.failures] == ["no"]


async def test_a_stream_that_nobody_reads_is_finished_when_the_agent_is_left(
    serve: Serve, open_on: OpenOn
) -> None:
    server = serve()
    with anyio.fail_after(10):
        async with open_on(server) as agent:
            events = agent.stream(KITE)
            await anext(events)
        await events.aclose()

    [attempt], _ = await ledger(open_on, server)
    assert attempt.state == "completed"


async def test_two_turns_at_once_on_one_session_both_stay_and_one_is_a_branch(
    serve: Serve, open_on: OpenOn
) -> None:
    server = serve()
    events: dict[str, list[Event]] = {}

    async def turn(agent: ImageAgent, text: str, session: SessionId | None) -> None:
        request = TurnRequest(text=text, intent="edit", session=session)
        events[text] = [event async for event in agent.stream(request)]

    with anyio.fail_after(10):
        async with open_on(server) as agent:
            first = await agent.run(KITE)
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(turn, agent, "make it night", first.session)
                tasks.start_soon(turn, agent, "make it autumn", first.session)
            assert first.session is not None
            session = await agent.store.session(first.session)
            images = await agent.store.images(first.session)

    assert [image.parents for image in images[1:]] == [(first.images[0].id,)] * 2
    assert [image.number for image in images] == [1, 2, 3]
    branched = {
        text: [e.code for e in told if e.type == "turn.notice"] for text, told in events.items()
    }
    assert sorted(branched.values()) == [[], ["branched"]]
    ends = {text: told[-1] for text, told in events.items()}
    assert all(isinstance(end, TurnCompleted) for end in ends.values())
    [winner] = [text for text, codes in branched.items() if not codes]
    end = ends[winner]
    assert isinstance(end, TurnCompleted)
    assert session.head == end.turn


async def test_an_agent_that_is_not_open_says_how_to_open_it(open_offline: Opener) -> None:
    async with open_offline() as agent:
        pass

    with pytest.raises(UsageError, match="not open") as caught:
        await agent.run(KITE)
    assert "async with" in caught.value.hint


async def test_a_bug_of_ours_reaches_the_caller_and_closes_what_was_open(
    serve: Serve, open_on: OpenOn
) -> None:
    class Broken(Offline):
        async def handle(self, request: Incoming) -> Reply:
            raise LookupError(f"no drawer for {request.path}")

    server = Broken(serve().options)
    with pytest.raises(LookupError, match="drawer"):
        async with open_on(server) as agent:
            await agent.run(KITE)

    [attempt], [turn] = await ledger(open_on, server)
    assert (attempt.state, turn.outcome) == ("unknown", "unknown")
