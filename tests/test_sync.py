"""The agent for code without a loop: the same turns, the same ends, nothing left running."""

from __future__ import annotations

import gc
import sqlite3
from contextlib import closing
from pathlib import Path
from threading import active_count
from threading import enumerate as threads

import pytest
from pydantic import BaseModel

from agent import Settings, SyncImageAgent, TurnCompleted, TurnRequest, UsageError
from agent.offline import Offline, Reply
from agent.offline.exchange import Incoming
from tests.conftest import Serve

KITE = TurnRequest(text="a red kite over the sea")


class Proof(BaseModel):
    readable: bool


def open_sync(settings: Settings, server: Offline) -> SyncImageAgent:
    return SyncImageAgent(settings, profile="offline", offline=server)


def ledger(folder: Path) -> list[tuple[str, str]]:
    with closing(sqlite3.connect(folder / "home" / "data" / "limner.db")) as database:
        return database.execute("SELECT state, billed FROM attempt").fetchall()


def test_a_turn_runs_without_a_loop(settings: Settings, serve: Serve) -> None:
    with open_sync(settings, serve()) as agent:
        ended = agent.run(KITE)
        events = [e.type for e in agent.stream(TurnRequest(text="night", session=ended.session))]

    assert isinstance(ended, TurnCompleted)
    assert (events[0], events[-1]) == ("turn.started", "turn.completed")


async def test_it_works_inside_a_running_loop(settings: Settings, serve: Serve) -> None:
    with open_sync(settings, serve()) as agent:
        assert agent.run(KITE).outcome == "image"


def test_it_answers_questions(settings: Settings, serve: Serve) -> None:
    with open_sync(settings, serve()) as agent:
        answered = agent.ask("Can it be read?", schema=Proof)

    assert isinstance(answered.value, Proof)


def test_leaving_a_stream_early_keeps_the_picture_and_leaves_no_warning(
    settings: Settings, serve: Serve, tmp_path: Path
) -> None:
    with open_sync(settings, serve()) as agent:
        for event in agent.stream(KITE):
            if event.type == "attempt.sent":
                break
    gc.collect()

    assert ledger(tmp_path) == [("completed", "yes")]


def test_a_stream_still_open_does_not_keep_the_agent_from_closing(
    settings: Settings, serve: Serve, tmp_path: Path
) -> None:
    """Its pump waits for a reader that is not coming; leaving must not wait for the pump."""
    with open_sync(settings, serve()) as agent:
        events = agent.stream(KITE)
        first = next(events)

    with pytest.raises(UsageError, match="not open"):
        next(events)
    del events
    gc.collect()
    assert first.type == "turn.started"
    assert [billed for _, billed in ledger(tmp_path)] in ([], ["no"], ["yes"])


def test_a_stream_that_was_never_read_costs_nothing(settings: Settings, serve: Serve) -> None:
    server = serve()
    with open_sync(settings, server) as agent:
        agent.stream(KITE)

    assert dict(server.counters) == {}


class Broken(Offline):
    async def handle(self, request: Incoming) -> Reply:
        raise LookupError(f"no drawer for {request.path}")


def test_an_exception_passes_through(settings: Settings, serve: Serve) -> None:
    with open_sync(settings, Broken(serve().options)) as agent:
        with pytest.raises(LookupError, match="drawer"):
            agent.run(KITE)
        with pytest.raises(LookupError, match="drawer"):
            list(agent.stream(KITE))


def test_an_error_of_the_caller_comes_out_as_it_went_in(settings: Settings, serve: Serve) -> None:
    with pytest.raises(ZeroDivisionError), open_sync(settings, serve()):
        raise ZeroDivisionError


def test_after_closing_every_call_says_that_it_is_not_open(
    settings: Settings, serve: Serve
) -> None:
    agent = open_sync(settings, serve())
    with agent:
        pass

    for call in (agent.run, agent.stream):
        with pytest.raises(UsageError, match="not open") as caught:
            call(KITE)
        assert "with SyncImageAgent" in caught.value.hint
    with pytest.raises(UsageError, match="not open"):
        agent.ask("?", schema=Proof)


def test_it_can_be_opened_again_and_leaves_no_thread_of_its_own(
    settings: Settings, serve: Serve
) -> None:
    agent = open_sync(settings, serve())
    before = active_count()
    for _ in range(2):
        with agent:
            assert agent.run(KITE).outcome == "image"

    assert not [t.name for t in threads() if "portal" in t.name]
    assert active_count() <= before + 1


def test_a_profile_that_cannot_be_used_fails_at_the_door(settings: Settings) -> None:
    from agent import SettingsError

    with pytest.raises(SettingsError, match="no profile"), SyncImageAgent(settings, profile="x"):
        raise AssertionError("it opened")
