"""The second screen: the server's own moderation, asked before and after, where it is switched on."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from agent import ImageOptions, TurnRequest
from agent.schema import SecondScreen
from agent.upstream.dialects import DIALECTS
from tests.conftest import Serve, png
from tests.watched import asked_of, blobs, notices, story, verdicts, watched, written

KITE = TurnRequest(text="a red kite over the sea", options=ImageOptions(quality="low"))
MODERATIONS = "on=moderations"


def parts(body: Any) -> list[str]:
    return [part["type"] for part in body["input"]]


async def test_it_is_off_unless_somebody_switches_it_on(tmp_path: Path, serve: Serve) -> None:
    server = serve()
    async with watched(tmp_path, server) as agent:
        ended = await agent.run(KITE)
        found = await verdicts(agent, ended.session)

    assert asked_of(server) == []
    assert {v.pictures for v in found} == {"not examined"}


@pytest.mark.parametrize("via", ["responses", "images"])
async def test_the_text_is_asked_about_before_anything_is_drawn_and_it_costs_nothing(
    tmp_path: Path, serve: Serve, via: str
) -> None:
    server = serve()
    async with watched(tmp_path, server, second_screen="text", via=via) as agent:
        ended = await agent.run(KITE)
        attempts = await agent.store.attempts()
        found = await verdicts(agent, ended.session)

    assert ended.outcome == "image"
    [body] = asked_of(server)
    assert body == {
        "model": "omni-moderation-latest",
        "input": [{"type": "text", "text": KITE.text}],
    }
    paths = [str(entry["path"]) for entry in server.state.journal.log()]  # type: ignore[index, call-overload]
    assert paths[0].endswith("/moderations")
    question = next(a for a in attempts if a.model == "omni-moderation-latest")
    assert (question.kind, question.state, question.billed) == ("ask", "completed", "no")
    assert question.cost.amount == question.reserved.amount == 0
    second = next(v for v in found if v.policy.startswith("moderation@"))
    assert (second.subject, second.decision, second.pictures) == ("prompt", "allow", "not examined")
    assert second.text_sha256 == found[0].text_sha256


async def test_each_picture_is_asked_about_once_and_the_text_with_the_first(
    tmp_path: Path, serve: Serve
) -> None:
    server = serve()
    request = TurnRequest(
        text="make it night",
        intent="edit",
        edit=(png(1024, 1024),),
        references=(png(1024, 1024, colour="red"),),
        options=ImageOptions(quality="low"),
    )
    async with watched(tmp_path, server, second_screen="pictures") as agent:
        ended = await agent.run(request)
        found = await verdicts(agent, ended.session)

    assert ended.outcome == "image"
    assert [parts(body) for body in asked_of(server)] == [
        ["text", "image_url"],
        ["image_url"],
        ["image_url"],
    ]
    seen = [(v.subject, v.pictures) for v in found if v.policy.startswith("moderation@")]
    assert seen == [("prompt", "examined"), ("picture", "examined")]
    assert next(v for v in found if v.subject == "picture").text_sha256 == ended.images[0].sha256


async def test_the_turns_it_goes_out_with_are_asked_about_too(tmp_path: Path, serve: Serve) -> None:
    server = serve()
    async with watched(tmp_path, server, second_screen="text") as agent:
        first = await agent.run(KITE)
        await agent.run(TurnRequest(text="make it night", intent="edit", session=first.session))

    assert asked_of(server)[1]["input"][0]["text"] == f"{KITE.text}\nmake it night"


@pytest.mark.parametrize("via", ["responses", "images"])
async def test_what_it_refuses_is_not_drawn(tmp_path: Path, serve: Serve, via: str) -> None:
    server = serve("moderation-flags")
    async with watched(tmp_path, server, second_screen="text", via=via) as agent:
        ended = await agent.run(replace(KITE, acknowledge=("moderation-explicit",)))
        found = await written(agent)
        sessions = await agent.store.sessions()

    assert (ended.outcome, ended.exit_code) == ("refused", 3)
    assert ended.error is not None
    assert (ended.error.code, ended.error.rule) == ("policy", "moderation-explicit")
    assert (ended.error.stage, ended.error.categories) == ("policy", ("sexual",))
    assert (
        "Only the moderation of paid saw it; nothing was drawn or charged." in ended.error.message
    )
    assert "Nothing was sent" not in ended.error.message
    assert sessions == []
    assert "generations" not in server.counters
    assert [(v.decision, v.rule) for v in reversed(found)] == [
        ("allow", None),
        ("refuse", "moderation-explicit"),
    ]


async def test_what_it_doubts_waits_for_a_person(tmp_path: Path, serve: Serve) -> None:
    server = serve("moderation-doubts")
    async with watched(tmp_path, server, second_screen="text") as agent:
        stopped = await agent.run(KITE)
        accepted = replace(KITE, acknowledge=("moderation-violence",), acknowledged_by="ada")
        events, passed = await story(agent, accepted)
        found = await verdicts(agent, passed.session)

    assert stopped.error is not None
    assert (stopped.error.code, stopped.error.rule) == ("review", "moderation-violence")
    assert "--acknowledge moderation-violence" in stopped.error.hint
    assert passed.outcome == "image"
    assert notices(events, "acknowledged") == ["acknowledged: moderation-violence"]
    second = next(v for v in found if v.policy.startswith("moderation@"))
    assert (second.acknowledged, second.acknowledged_by) == (("moderation-violence",), "ada")
    assert [hit.view for hit in second.hits] == ["violence 0.90"]


async def test_what_our_own_screen_stops_never_gets_there(tmp_path: Path, serve: Serve) -> None:
    server = serve()
    async with watched(tmp_path, server, second_screen="pictures") as agent:
        await agent.run(replace(KITE, text="a plumbus"))
        await agent.run(replace(KITE, text="a gromlet"))

    assert server.counters == {}


async def test_what_the_rules_on_minors_caught_never_gets_there_not_even_accepted(
    tmp_path: Path, serve: Serve
) -> None:
    server = serve()
    async with watched(tmp_path, server, second_screen="pictures") as agent:
        ended = await agent.run(replace(KITE, text="a leftish kite", acknowledge=("house-quiet",)))
        found = await verdicts(agent, ended.session)

    assert ended.outcome == "image"
    assert all("leftish" not in json.dumps(body) for body in asked_of(server))
    assert found[0].pictures == "not examined"


@pytest.mark.parametrize("stage", ["text", "pictures"])
async def test_a_server_that_has_not_proved_it_is_an_error_before_anything_is_sent(
    tmp_path: Path, serve: Serve, stage: SecondScreen
) -> None:
    server = serve()
    bare = DIALECTS["generic"]
    async with watched(tmp_path, server, second_screen=stage, dialect=bare) as agent:
        ended = await agent.run(KITE)
        found = await written(agent)

    assert ended.error is not None
    assert (ended.outcome, ended.error.code, ended.exit_code) == ("failed", "capability_missing", 1)
    assert "Nothing was sent, nothing was charged." in ended.error.message
    assert 'second_screen = "off"' in ended.error.hint
    assert server.counters == {}
    assert [v.subject for v in found] == ["prompt"]


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        ("401", "authentication"),
        ("quota", "quota"),
        ("html-200", "usage"),
        ("moderation-400", "moderation_blocked"),
        ("drop", "truncated"),
    ],
)
async def test_nothing_is_drawn_unexamined_when_it_does_not_answer(
    tmp_path: Path, serve: Serve, fault: str, code: str
) -> None:
    server = serve(f"{fault}:{MODERATIONS}")
    async with watched(tmp_path, server, second_screen="text") as agent:
        ended = await agent.run(KITE)
        attempts = await agent.store.attempts()

    assert ended.error is not None
    assert (ended.outcome, ended.error.code, ended.error.stage) == ("failed", code, None)
    assert "The second screen could not be asked" in ended.error.message
    assert "Nothing was drawn, nothing was charged." in ended.error.message
    assert ended.error.billed == "no"
    assert ended.cost.amount == 0
    assert {a.billed for a in attempts} == {"no"}
    assert "generations" not in server.counters


async def test_a_picture_too_large_for_it_is_said_and_not_sent(
    tmp_path: Path, serve: Serve
) -> None:
    from PIL import Image

    whole = io.BytesIO()
    Image.new("RGB", (2704, 2704)).save(whole, "PNG", compress_level=0)
    server = serve()
    request = TurnRequest(text="make it night", intent="edit", edit=(whole.getvalue(),))
    async with watched(tmp_path, server, second_screen="pictures") as agent:
        ended = await agent.run(request)

    assert ended.error is not None
    assert ended.error.code == "too_large"
    assert "20,000,000" in ended.error.message
    assert server.counters == {}


# ── what was drawn ───────────────────────────────────────────────────────────────────────────


async def test_a_drawn_picture_that_it_refuses_is_removed_where_pictures_are_held(
    tmp_path: Path, serve: Serve
) -> None:
    server = serve(f"moderation-flags:every=2,{MODERATIONS}")
    async with watched(tmp_path, server, second_screen="pictures", screen_output="hold") as agent:
        events, ended = await story(agent, KITE)
        found = await verdicts(agent, ended.session)
        images = await agent.store.images(ended.session or "")  # type: ignore[arg-type]
        attempts = await agent.store.attempts(turn=ended.turn)

    assert (ended.outcome, ended.images, images) == ("refused", (), [])
    assert ended.error is not None
    assert (ended.error.rule, ended.error.billed) == ("moderation-explicit", "yes")
    assert "What was drawn was stopped" in ended.error.message
    assert blobs(tmp_path) == []
    assert not [e for e in events if e.type == "image.completed"]
    assert (found[-1].subject, found[-1].decision) == ("picture", "refuse")
    assert [a.billed for a in attempts] == ["yes"]
    assert ended.cost.amount
    assert server.counters["generations"] == 1


async def test_a_drawn_picture_that_it_passes_is_shown_once_when_it_was_looked_at(
    tmp_path: Path, serve: Serve
) -> None:
    server = serve()
    async with watched(tmp_path, server, second_screen="pictures", screen_output="hold") as agent:
        events, ended = await story(agent, KITE)

    assert ended.outcome == "image"
    assert [e.type for e in events if e.type.startswith("image.completed")] == ["image.completed"]
    assert [parts(body) for body in asked_of(server)] == [["text"], ["image_url"]]


async def test_a_drawn_picture_that_it_refuses_is_told_of_where_nothing_is_held(
    tmp_path: Path, serve: Serve
) -> None:
    server = serve(f"moderation-flags:every=2,{MODERATIONS}")
    async with watched(tmp_path, server, second_screen="pictures") as agent:
        events, ended = await story(agent, KITE)

    assert (ended.outcome, len(ended.images)) == ("image", 1)
    [told] = notices(events, "picture_flagged")
    assert "@1" in told
    assert "moderation-explicit" in told


async def test_a_drawn_picture_is_never_lost_because_it_could_not_be_looked_at(
    tmp_path: Path, serve: Serve
) -> None:
    server = serve(f"quota:every=2,{MODERATIONS}")
    async with watched(tmp_path, server, second_screen="pictures", screen_output="hold") as agent:
        events, ended = await story(agent, KITE)
        found = await verdicts(agent, ended.session)

    assert (ended.outcome, len(ended.images)) == ("image", 1)
    assert [e.type for e in events if e.type == "image.completed"] == ["image.completed"]
    [told] = notices(events, "not_examined")
    assert "@1 was not examined" in told
    assert "picture" not in [v.subject for v in found]


async def test_a_drawn_picture_that_does_not_fit_a_request_is_shown_and_said_unexamined(
    tmp_path: Path, serve: Serve
) -> None:
    narrow = replace(DIALECTS["offline"], body_cap=6_000)
    async with watched(tmp_path, serve(), second_screen="pictures", dialect=narrow) as agent:
        events, ended = await story(agent, KITE)

    assert ended.outcome == "image"
    assert len(notices(events, "not_examined")) == 1


async def test_the_profile_that_a_turn_went_on_with_looks_at_what_it_drew(
    tmp_path: Path, serve: Serve
) -> None:
    down, other = serve("401:on=responses"), serve()
    async with watched(
        tmp_path, down, second_screen="pictures", fallback=other, dialect=DIALECTS["offline"]
    ) as agent:
        _, ended = await story(agent, KITE)

    assert ended.outcome == "image"
    assert len(asked_of(down)) == 1
    assert len(asked_of(other)) == 1


async def test_a_profile_the_turn_went_on_with_may_not_be_able_to_look(
    tmp_path: Path, serve: Serve
) -> None:
    down, other = serve("401:on=responses"), serve()
    async with watched(
        tmp_path,
        down,
        second_screen="pictures",
        fallback=other,
        fallback_dialect=DIALECTS["generic"],
    ) as agent:
        events, ended = await story(agent, KITE)

    assert ended.outcome == "image"
    assert asked_of(other) == []
    assert len(notices(events, "not_examined")) == 1


async def test_a_limit_that_costs_nothing_is_waited_for(tmp_path: Path, serve: Serve) -> None:
    server = serve(f"429:first=1,{MODERATIONS}")
    async with watched(tmp_path, server, second_screen="text") as agent:
        ended = await agent.run(KITE)

    assert ended.outcome == "image"
    assert len(asked_of(server)) == 2


# ── thresholds ───────────────────────────────────────────────────────────────────────────────


async def test_an_overlay_may_ask_sooner_and_its_hash_is_in_the_verdict(
    tmp_path: Path, serve: Serve
) -> None:
    tuning = """
version = "house@2"
[[tune]]
id = "moderation-violence"
severity = "refuse"
at = 0.5
[[tune]]
id = "moderation-gore"
severity = "off"
"""
    server = serve("moderation-doubts")
    async with watched(tmp_path, server, second_screen="text", tuning=tuning) as agent:
        ended = await agent.run(replace(KITE, acknowledge=("moderation-violence",)))
        [second, _] = await written(agent)
    plain = tmp_path / "plain"
    plain.mkdir()
    async with watched(plain, serve(), second_screen="text") as agent:
        await agent.run(KITE)
        shipped = next(v for v in await written(agent) if v.policy == "moderation@1")

    assert ended.error is not None
    assert (ended.error.code, ended.error.rule) == ("policy", "moderation-violence")
    assert second.policy == "moderation@1+house@2"
    assert second.policy_sha256 != shipped.policy_sha256
