"""A question about pictures, answered as data: asked once, repaired once, never part of a session."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Literal

import anyio
import anyio.lowlevel
import pytest
from pydantic import BaseModel, Field, RootModel

from agent import ImageAgent, NotFound, TurnRequest, UsageError
from agent.offline import Offline, Reply
from agent.offline.exchange import Incoming, json_reply
from agent.schema import Attempt, ImageId
from tests.conftest import Opener, OpenOn, Serve, png, sent_to


class Proof(BaseModel):
    """What can be read on a poster."""

    readable: bool
    lines: list[str]
    notes: str = ""


class Score(BaseModel):
    points: int = Field(ge=0, le=10)
    grade: Literal["good", "bad"] = "good"


class Scripted(Offline):
    """Answers each question with the next of these texts."""

    def __init__(self, like: Offline, answers: Sequence[str]) -> None:
        super().__init__(like.options)
        self._answers = list(answers)

    async def handle(self, request: Incoming) -> Reply:
        reply = await super().handle(request)
        document = json.loads(b"".join([chunk async for chunk in reply.body]))
        if self._answers and document.get("output"):
            document["output"][0]["content"][0]["text"] = self._answers.pop(0)
        return json_reply(document, status=reply.status, headers=reply.headers)


async def ledger(agent: ImageAgent) -> list[Attempt]:
    return [a for a in await agent.store.attempts() if a.kind == "ask"]


async def test_a_question_about_a_stored_picture_is_answered_as_data(
    open_offline: Opener,
) -> None:
    async with open_offline() as agent:
        poster = await agent.run(TurnRequest(text='a poster titled "MARKET" with a kite'))
        answered = await agent.ask(
            "Which lines can be read?", images=[poster.images[0].id], schema=Proof
        )

    assert answered.failure is None
    assert answered.value is not None
    assert answered.value.readable
    assert "MARKET" in " ".join(answered.value.lines)
    assert answered.cost.amount == 0


async def test_a_strangers_picture_is_said_to_be_unreadable(open_offline: Opener) -> None:
    async with open_offline() as agent:
        answered = await agent.ask("Which lines?", images=[png(640, 640)], schema=Proof)

    assert answered.value is not None
    assert not answered.value.readable


async def test_a_question_is_an_attempt_of_its_own_kind_and_no_part_of_a_session(
    serve: Serve, open_on: OpenOn
) -> None:
    server = serve()
    async with open_on(server) as agent:
        await agent.ask("What is drawn?", schema=Proof)

        [attempt] = await ledger(agent)
        assert (attempt.session, attempt.turn, attempt.state) == (None, None, "completed")
        assert attempt.images == 0
        assert await agent.store.sessions() == []
        assert server.counters.get("generations", 0) == 0
        [body] = sent_to(server)
        assert "tools" not in body
        assert body["stream"] is False


async def test_a_proved_server_gets_a_schema_that_strict_output_accepts(
    serve: Serve, open_on: OpenOn
) -> None:
    """Strict output wants every field required and no default (the API refuses others with 400)."""
    server = serve()
    async with open_on(server) as agent:
        await agent.ask("How good is it?", schema=Score)

    schema = sent_to(server)[0]["text"]["format"]["schema"]
    assert schema["required"] == ["points", "grade"]
    assert schema["additionalProperties"] is False
    assert "default" not in schema["properties"]["grade"]
    assert schema["properties"]["points"]["maximum"] == 10


async def test_an_unproved_server_gets_the_schema_in_words(serve: Serve, open_on: OpenOn) -> None:
    server = serve(dialect="generic")
    async with open_on(server) as agent:
        await agent.ask("How good is it?", schema=Score)

    [first, *_] = sent_to(server)
    assert "text" not in first
    assert '"points"' in first["instructions"]


async def test_an_answer_in_talk_and_fences_is_found(serve: Serve, open_on: OpenOn) -> None:
    server = Scripted(serve(), ['Here you are:\n```json\n{"points": 7}\n```\nAnything else?'])
    async with open_on(server) as agent:
        answered = await agent.ask("How good is it?", schema=Score)

    assert answered.value == Score(points=7)


async def test_a_list_at_the_top_is_found_too(serve: Serve, open_on: OpenOn) -> None:
    server = Scripted(serve(dialect="generic"), ['Sure: [{"points": 1}, {"points": 2}]'])
    async with open_on(server) as agent:
        answered = await agent.ask("Which?", schema=RootModel[list[Score]])

    assert answered.value is not None
    assert [score.points for score in answered.value.root] == [1, 2]


async def test_an_answer_that_does_not_fit_is_repaired_once(serve: Serve, open_on: OpenOn) -> None:
    server = Scripted(serve(), ['{"points": 70}', '{"points": 7}'])
    async with open_on(server) as agent:
        answered = await agent.ask("How good is it?", schema=Score)

        assert answered.value == Score(points=7)
        assert len(await ledger(agent)) == 2
        again = sent_to(server)[1]["input"]
        assert [message["role"] for message in again] == ["user", "assistant", "user"]
        assert again[1]["content"] == '{"points": 70}'
        assert "points" in again[2]["content"]


async def test_an_answer_that_never_fits_is_a_failure_that_names_the_field(
    serve: Serve, open_on: OpenOn
) -> None:
    server = Scripted(serve(), ["no idea", '{"points": "many"}'])
    async with open_on(server) as agent:
        answered = await agent.ask("How good is it?", schema=Score)

        assert len(await ledger(agent)) == 2
    assert answered.value is None
    assert answered.failure is not None
    assert (answered.failure.code, answered.failure.billed) == ("malformed", "yes")
    assert "points" in answered.failure.message
    assert answered.text == '{"points": "many"}'


@pytest.mark.parametrize(
    ("fault", "code", "state"),
    [
        ("401", "authentication", "failed"),
        ("500", "transient", "unknown"),
        ("refusal-part", "moderation_blocked", "refused"),
        ("no-image", "empty", "failed"),
        ("truncate", "truncated", "unknown"),
    ],
)
async def test_a_question_that_fails_is_not_asked_again(
    open_offline: Opener, fault: str, code: str, state: str
) -> None:
    async with open_offline(fault) as agent:
        answered = await agent.ask("How good is it?", schema=Score)

        assert answered.failure is not None
        assert (answered.value, answered.failure.code) == (None, code)
        assert [a.state for a in await ledger(agent)] == [state]


async def test_a_free_failure_is_asked_again(serve: Serve, open_on: OpenOn) -> None:
    server = serve("429:first=1")
    async with open_on(server) as agent:
        answered = await agent.ask("How good is it?", schema=Score)

        assert answered.value is not None
        assert [(a.number, a.state) for a in await ledger(agent)] == [
            (1, "failed"),
            (2, "completed"),
        ]


async def test_a_question_given_up_in_flight_is_settled_as_unknown(
    serve: Serve, open_on: OpenOn
) -> None:
    server = serve(latency=(1.0, 1.0), sleep=_for_ever)
    async with open_on(server) as agent:
        with anyio.fail_after(10), anyio.CancelScope() as scope:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(_ask, agent)
                while "requests" not in server.counters:
                    await anyio.lowlevel.checkpoint()
                scope.cancel()

        [attempt] = await ledger(agent)
        assert (attempt.state, attempt.billed) == ("unknown", "possibly")


async def _for_ever(_: float) -> None:
    await anyio.sleep_forever()


async def _ask(agent: ImageAgent) -> None:
    await agent.ask("How good is it?", schema=Score)


async def test_what_cannot_be_asked_is_misuse(open_offline: Opener) -> None:
    async with open_offline() as agent:
        with pytest.raises(UsageError, match="empty"):
            await agent.ask(" ", schema=Score)
        with pytest.raises(UsageError, match="not a picture"):
            await agent.ask("What?", images=[b"hello"], schema=Score)
        with pytest.raises(NotFound):
            await agent.ask("What?", images=[ImageId("img_0")], schema=Score)
        assert await ledger(agent) == []


async def test_the_parts_of_a_cost_are_added_and_one_unknown_part_makes_it_unknown() -> None:
    from decimal import Decimal

    from agent.asking import _sum
    from agent.schema import Cost

    one = Cost(amount=Decimal("0.01"), basis="usage")

    assert _sum(one, one).amount == Decimal("0.02")
    assert _sum(Cost(), one).amount is None
    assert _sum(one, Cost()) == Cost()
