"""What gateways' manuals ask of a client, seen from a turn."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from agent import ImageOptions, TurnRequest, open_agent
from agent.doctor import examine
from agent.keys import key_fingerprint
from agent.offline import Offline, OfflineOptions, Reply
from agent.offline.exchange import Incoming, json_reply

from .conftest import OpenOn, Serve, sent_to, settings_in
from .gateway import served

KITE = "a red kite over the sea"
SMALL = ImageOptions(size="1024x640", quality="low", output_format="jpeg")


class Reticent(Offline):
    """Draws, and lists none of the models that can."""

    async def handle(self, request: Incoming) -> Reply:
        if request.path.endswith("/models"):
            return json_reply({"object": "list", "data": [{"id": "gpt-5.5", "object": "model"}]})
        return await super().handle(request)


async def test_a_server_that_does_not_list_the_image_model_draws_with_it(tmp_path: Path) -> None:
    server = Reticent(OfflineOptions(draw="tiny", salt="test"))

    async with served(server) as url:
        env = {"OPENAI_BASE_URL": url, "OPENAI_API_KEY": "sk-test"}
        settings = settings_in(tmp_path, **env)
        examined = await examine(settings, env=env, here=tmp_path)
        async with open_agent(settings) as agent:
            ended = await agent.run(TurnRequest(text=KITE, options=SMALL))

    assert ended.outcome == "image"
    [found] = [check for check in examined.checks if check.name == "models"]
    assert found.status == "note"
    assert "no failure" in found.text


async def test_a_turn_never_asks_which_models_there_are(serve: Serve, open_on: OpenOn) -> None:
    server = serve()

    async with open_on(server) as agent:
        await agent.run(TurnRequest(text=KITE, options=SMALL))

    entries: list[Any] = server.state.journal.log()
    assert [entry["path"] for entry in entries] == ["/v1/responses"]


async def test_a_snapshot_draws_and_the_conversation_keeps_its_own_model(
    serve: Serve, open_on: OpenOn
) -> None:
    server = serve()
    snapshot = SMALL.model_copy(update={"model": "gpt-image-2-2026-04-21"})

    async with open_on(server) as agent:
        ended = await agent.run(TurnRequest(text=KITE, options=snapshot))

    [body] = sent_to(server)
    assert ended.outcome == "image"
    assert (body["model"], body["tools"][0]["model"]) == ("gpt-5.5", "gpt-image-2-2026-04-21")


@pytest.mark.parametrize(
    ("dialect", "outcome", "exit_code"),
    [("hingnet", "image", 0), ("3hei", "failed", 2), ("sub2api", "failed", 2)],
)
async def test_a_transparent_background_is_asked_for_only_where_the_server_has_it(
    dialect: str, outcome: str, exit_code: int, serve: Serve, open_on: OpenOn
) -> None:
    server = serve(dialect=dialect)
    options = ImageOptions(background="transparent", output_format="png")

    async with open_on(server) as agent:
        ended = await agent.run(TurnRequest(text=KITE, options=options))

    assert (ended.outcome, ended.exit_code) == (outcome, exit_code)
    assert len(sent_to(server)) == (1 if outcome == "image" else 0)


async def test_a_milder_filter_of_theirs_changes_nothing_of_ours(
    serve: Serve, open_on: OpenOn
) -> None:
    server = serve()
    milder = SMALL.model_copy(update={"moderation": "low"})

    async with open_on(server) as agent:
        for options in (SMALL, milder):
            await agent.run(TurnRequest(text=KITE, options=options))

    usual, mild = sent_to(server)
    assert usual["tools"][0] | {"moderation": "low"} == mild["tools"][0]
    assert usual["tools"][0]["moderation"] == "auto"
    assert usual["instructions"] == mild["instructions"]


async def test_the_ledger_keeps_what_a_bill_is_made_of(serve: Serve, tmp_path: Path) -> None:
    async with served(serve()) as url:
        settings = settings_in(tmp_path, OPENAI_BASE_URL=url, OPENAI_API_KEY="sk-test")
        async with open_agent(settings) as agent:
            ended = await agent.run(TurnRequest(text=KITE, options=SMALL, user="ada"))
            [kept] = await agent.store.attempts(turn=ended.turn)

    asked = kept.requested
    assert (asked.model, asked.size, asked.quality, asked.format) == (
        *("gpt-image-2", "1024x640", "low", "jpeg"),
    )
    assert kept.usage.image is not None
    assert kept.usage.image.input is not None
    assert kept.usage.image.output is not None
    assert kept.usage.image.total == kept.usage.image.input + kept.usage.image.output
    assert kept.elapsed_ms is not None
    assert (kept.base_url, kept.user) == (url, "ada")
    assert kept.key_fingerprint == key_fingerprint("sk-test")


async def test_a_key_that_is_none_of_the_gateways_is_told_with_what_to_check(
    serve: Serve, tmp_path: Path
) -> None:
    async with served(serve(dialect="sub2api")) as url:
        env = {"OPENAI_BASE_URL": url, "OPENAI_API_KEY": "sk-wrong-key"}
        async with open_agent(settings_in(tmp_path, **env)) as agent:
            ended = await agent.run(TurnRequest(text=KITE, options=SMALL))

    assert ended.error is not None
    assert (ended.error.upstream_code, ended.exit_code) == ("INVALID_API_KEY", 4)
    assert "Check the key" in ended.error.hint


async def test_a_parameter_that_the_server_refuses_is_told_with_what_to_check(
    serve: Serve, open_on: OpenOn
) -> None:
    copies = SMALL.model_copy(update={"tool_options": {"n": 2}})

    async with open_on(serve(dialect="openai")) as agent:
        ended = await agent.run(TurnRequest(text=KITE, options=copies))

    assert ended.error is not None
    assert (ended.error.code, ended.error.status) == ("invalid_parameter", 400)
    assert "tools[0].n" in ended.error.message
    assert "size, background, quality" in ended.error.hint


@pytest.mark.parametrize(
    ("fault", "code", "exit_code", "next_step"),
    [
        ("usage-limit", "usage_window", 8, "wait, or switch account"),
        ("502", "transient", 7, "not sent again"),
    ],
)
async def test_what_the_account_or_the_upstream_could_not_do_is_told_with_the_next_step(
    fault: str, code: str, exit_code: int, next_step: str, *, serve: Serve, open_on: OpenOn
) -> None:
    server = serve(fault)

    async with open_on(server) as agent:
        ended = await agent.run(TurnRequest(text=KITE, options=SMALL))

    assert ended.error is not None
    assert (ended.error.code, ended.exit_code) == (code, exit_code)
    assert next_step in ended.error.hint
    assert server.counters["requests"] == 1


async def test_an_image_model_may_not_lead_the_conversation(serve: Serve, open_on: OpenOn) -> None:
    server = serve()
    async with open_on(server) as agent:
        ended = await agent.run(TurnRequest(text="a kite", model="gpt-image-2"))

    assert ended.exit_code == 2
    assert ended.error is not None
    assert "--image-model gpt-image-2" in ended.error.hint
    assert server.counters.get("requests", 0) == 0
