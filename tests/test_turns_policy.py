"""What the policy stops, what a person may acknowledge, and what is written down either way."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from pydantic import BaseModel

from agent import ImageAgent, TurnCompleted, TurnRefused, TurnRequest, open_agent
from agent.ids import Ulids
from agent.offline import Offline
from agent.schema import Verdict
from agent.store import DiskStore
from tests.conftest import Opener, Serve, Ticking, sent_to, settings_in
from tests.house_policy import HOUSE


@pytest.fixture
def server(serve: Serve) -> Offline:
    return serve()


@asynccontextmanager
async def strict(folder: Path, server: Offline) -> AsyncIterator[ImageAgent]:
    """An agent whose user added rules of their own, about words that mean nothing."""
    overlay = folder / "policy"
    overlay.mkdir()
    (overlay / "house.yaml").write_text(HOUSE, "utf-8")
    settings = settings_in(folder, LIMNER_POLICY=str(overlay))
    clock = Ticking()
    async with open_agent(
        settings, profile="offline", offline=server, clock=clock, ids=Ulids(clock)
    ) as agent:
        yield agent


async def verdicts(agent: ImageAgent, session: str | None) -> list[Verdict]:
    assert isinstance(agent.store, DiskStore)
    found = await agent.store.session(session or "")
    return await agent.store.verdicts(found.id)


async def test_a_refused_prompt_sends_nothing_and_leaves_neither_turn_nor_session(
    tmp_path: Path, server: Offline
) -> None:
    async with strict(tmp_path, server) as agent:
        ended = await agent.run(TurnRequest(text="a plumbus on a table", acknowledge=("house-no",)))

        assert isinstance(ended, TurnRefused)
        assert (ended.outcome, ended.exit_code) == ("refused", 3)
        assert ended.error is not None
        assert (ended.error.code, ended.error.stage) == ("policy", "policy")
        assert (ended.error.rule, ended.error.categories) == ("house-no", ("house",))
        assert "Nothing was sent, nothing was charged." in ended.error.message
        assert "dinglebop" in ended.error.hint
        assert ended.attempts == ()
        assert ended.cost.amount == 0
        assert await agent.store.sessions() == []
        assert await agent.store.attempts() == []
        assert dict(server.counters) == {}


async def test_a_refusal_in_a_session_is_written_down_there(
    tmp_path: Path, server: Offline
) -> None:
    async with strict(tmp_path, server) as agent:
        first = await agent.run(TurnRequest(text="a red kite over the sea"))
        again = TurnRequest(text="add a plumbus", intent="edit", session=first.session)
        refused = await agent.run(again)

        assert (refused.session, refused.turn) == (first.session, None)
        assert [v.decision for v in await verdicts(agent, first.session)] == [
            "allow",
            "allow",
            "refuse",
        ]
        session = await agent.store.session(first.session or "")
        assert (session.turns, session.head) == (1, first.turn)


async def test_an_allowed_prompt_is_written_down_with_its_session(
    tmp_path: Path, server: Offline
) -> None:
    """Without it, `forget` would leave the words of an acknowledged prompt behind."""
    async with strict(tmp_path, server) as agent:
        request = TurnRequest(
            text="a gromlet on a table", acknowledge=("house-ask",), acknowledged_by="ada"
        )
        ended = await agent.run(request)

        prompt, revised = await verdicts(agent, ended.session)
        assert (prompt.subject, prompt.decision) == ("prompt", "allow")
        assert (prompt.acknowledged, prompt.acknowledged_by) == (("house-ask",), "ada")
        assert [hit.text for hit in prompt.hits] == ["gromlet"]
        assert revised.subject == "revised_prompt"


async def test_a_prompt_under_review_stops_until_it_is_acknowledged_by_rule(
    tmp_path: Path, server: Offline
) -> None:
    async with strict(tmp_path, server) as agent:
        stopped = await agent.run(TurnRequest(text="a gromlet", acknowledge=("other-rule",)))
        passed = await agent.run(TurnRequest(text="a gromlet", acknowledge=("house-ask",)))

    assert stopped.error is not None
    assert (stopped.exit_code, stopped.error.code, stopped.error.rule) == (3, "review", "house-ask")
    assert "--acknowledge house-ask" in stopped.error.hint
    assert isinstance(passed, TurnCompleted)
    assert server.counters["requests"] == 1


async def test_an_acknowledgement_is_told_as_it_is_used(tmp_path: Path, server: Offline) -> None:
    async with strict(tmp_path, server) as agent:
        request = TurnRequest(text="a gromlet", acknowledge=("house-ask",))
        notices = [e async for e in agent.stream(request) if e.type == "turn.notice"]

    assert [n.message for n in notices if n.code == "acknowledged"] == ["acknowledged: house-ask"]


async def test_two_harmless_halves_are_judged_together_with_the_turns_they_go_out_with(
    tmp_path: Path, server: Offline
) -> None:
    async with strict(tmp_path, server) as agent:
        first = await agent.run(TurnRequest(text="a leftish kite"))
        joined = await agent.run(
            TurnRequest(text="make it rightish", intent="edit", session=first.session)
        )
        alone = await agent.run(TurnRequest(text="a rightish kite", session=first.session))

    assert joined.error is not None
    assert (joined.error.rule, joined.outcome) == ("house-halves", "refused")
    assert alone.outcome == "image"
    assert len(sent_to(server)) == 2


async def test_words_of_the_model_that_break_a_rule_are_told(
    tmp_path: Path, server: Offline
) -> None:
    """The offline artist repeats the prompt, so an acknowledged word comes back unacknowledged."""
    async with strict(tmp_path, server) as agent:
        request = TurnRequest(text="a gromlet", acknowledge=("house-ask",))
        events = [event async for event in agent.stream(request)]

    notices = [e for e in events if e.type == "turn.notice" and e.code == "revised_prompt"]
    assert [n.message for n in notices] == ["the model's own wording: A gromlet needs a nod."]
    assert events[-1].type == "turn.completed"


async def test_the_preamble_follows_what_the_screen_found(tmp_path: Path, server: Offline) -> None:
    async with strict(tmp_path, server) as agent:
        plain = await agent.run(TurnRequest(text="a kite over the sea"))
        family = await agent.run(TurnRequest(text="children flying a kite on a beach"))
        turns = [(await agent.store.turns(e.session or ""))[0] for e in (plain, family)]  # type: ignore[arg-type]

    assert [turn.prompts[0].id for turn in turns] == ["preamble/standard", "preamble/family"]


async def test_a_server_with_a_word_list_gets_the_plain_wording(
    serve: Serve, open_offline: Opener
) -> None:
    from agent.upstream.dialects import DIALECTS

    for name, dialect in DIALECTS.items():
        server = serve(dialect=name)
        async with open_offline(dialect=name) as agent:
            ended = await agent.run(TurnRequest(text="a kite over the sea"))
            [turn] = await agent.store.turns(ended.session or "")  # type: ignore[arg-type]
        assert server.options.dialect == name
        assert turn.prompts[0].id.endswith("-plain") == dialect.preamble_words


async def test_neither_ledger_nor_request_log_holds_words_of_a_refused_prompt(
    tmp_path: Path, server: Offline
) -> None:
    async with strict(tmp_path, server) as agent:
        await agent.run(TurnRequest(text="a plumbus beside the zanzibar"))

    assert "zanzibar" not in json.dumps(server.state.journal.log())
    database = (tmp_path / "home" / "data" / "limner.db").read_bytes()
    assert b"zanzibar" not in database


class Colour(BaseModel):
    name: str


async def test_a_question_is_screened_too_but_may_be_about_a_doubtful_thing(
    tmp_path: Path, server: Offline
) -> None:
    async with strict(tmp_path, server) as agent:
        stopped = await agent.ask("Draft a brief about a plumbus.", schema=Colour)
        passed = await agent.ask("Is there a gromlet in it?", schema=Colour)

        assert stopped.failure is not None
        assert (stopped.value, stopped.failure.code, stopped.failure.rule) == (
            None,
            "policy",
            "house-no",
        )
        assert passed.value is not None
        assert len(await agent.store.attempts()) == 1
    assert server.counters["requests"] == 1
