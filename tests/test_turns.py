"""A turn as a whole: what comes back, what is kept, and what the next turn is told."""

from __future__ import annotations

import base64
import json
import re
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

from agent import ImageAgent, ImageOptions, TurnCompleted, TurnFailed, TurnRequest
from agent.events import Terminal
from agent.offline import Offline, Reply
from agent.offline.exchange import Incoming, json_reply
from agent.protocols import NewImage
from agent.schema import Image, Rendering, Session, SessionId
from agent.turn.lineage import tree
from tests.conftest import Opener, OpenOn, Serve, bytes_of, png, sent_to

KITE = "a red kite over the sea"


async def edit(
    agent: ImageAgent, text: str, session: SessionId | None, source: str | None = None
) -> Terminal:
    edited = None if source is None else (source,)
    return await agent.run(TurnRequest(text=text, intent="edit", session=session, edit=edited))


async def pictures(agent: ImageAgent, session: SessionId | None) -> list[Image]:
    assert session is not None
    return await agent.store.images(session)


def spoken(body: dict[str, object]) -> list[tuple[str, str]]:
    """(role, text) of every message that arrived."""
    items = body["input"]
    assert isinstance(items, list)
    return [
        (item["role"], text if isinstance(text := item["content"], str) else text[0]["text"])
        for item in items
    ]


async def test_a_sentence_becomes_a_picture_on_disk(open_offline: Opener) -> None:
    async with open_offline() as agent:
        ended = await agent.run(TurnRequest(text=KITE))

        assert isinstance(ended, TurnCompleted)
        assert (ended.outcome, ended.exit_code, ended.error) == ("image", 0, None)
        [image] = ended.images
        assert bytes_of(image).startswith(b"\x89PNG")
        assert Path(image.path).stem == image.sha256
        assert (image.number, image.operation, image.parents) == (1, "generate", ())
        assert ended.session_name == "red-kite-over"
        assert ended.offline
        assert ended.cost_usd == Decimal(0)
        assert [(a.state, a.billed) for a in ended.attempts] == [("completed", "yes")]
        session = await agent.store.session("red-kite-over")
        assert session.head == ended.turn


async def test_the_stored_turn_says_what_the_terminal_event_said(open_offline: Opener) -> None:
    async with open_offline() as agent:
        ended = await agent.run(TurnRequest(text=KITE, user="ada", tenant="isles"))

        assert ended.session is not None
        [turn] = await agent.store.turns(ended.session)
        assert (turn.outcome, turn.text, turn.usage, turn.cost) == (
            "image",
            ended.text,
            ended.usage,
            ended.cost,
        )
        assert turn.images == (ended.images[0].id,)
        assert [ref.id for ref in turn.prompts][:2] == ["preamble/standard", "edit/instructions"]
        [attempt] = await agent.store.attempts(turn=turn.id)
        assert (attempt.user, attempt.tenant, attempt.images) == ("ada", "isles", 1)
        assert attempt.request_id
        assert attempt.prompts == turn.prompts


async def test_day_night_day_is_three_pictures_in_one_line(open_offline: Opener) -> None:
    async with open_offline() as agent:
        first = await agent.run(TurnRequest(text="a lighthouse by day"))
        await edit(agent, "make it night", first.session)
        last = await edit(agent, "make it day again", first.session)

        day, night, day_again = await pictures(agent, first.session)
        assert (night.parents, day_again.parents) == ((day.id,), (night.id,))
        assert [image.number for image in (day, night, day_again)] == [1, 2, 3]
        [root] = tree([day, night, day_again])
        assert root.children[0].children[0].image == day_again
        assert last.images == (day_again,)


async def test_identical_bytes_from_two_turns_stay_two_images_of_one_blob(
    open_offline: Opener,
) -> None:
    async with open_offline() as agent:
        first = await agent.run(TurnRequest(text=KITE))
        again = await agent.run(TurnRequest(text=KITE, session=first.session))

        one, two = await pictures(agent, first.session)
        assert one.id != two.id
        assert (one.sha256, one.path) == (two.sha256, two.path)
        assert (one.turn, two.turn) == (first.turn, again.turn)
        assert two.parents == ()


async def test_a_branch_carries_none_of_its_siblings_text(serve: Serve, open_on: OpenOn) -> None:
    server = serve()
    async with open_on(server) as agent:
        first = await agent.run(TurnRequest(text="a lighthouse by day"))
        await edit(agent, "make it night", first.session)
        branch = await edit(agent, "make it autumn", first.session, "@1")

        _, sibling, told = sent_to(server)
        assert "make it night" in json.dumps(sibling)
        assert "night" not in json.dumps(told["input"])
        assert [role for role, _ in spoken(told)] == ["user", "assistant", "user"]
        assert branch.images[0].parents == (first.images[0].id,)


async def test_the_edited_picture_is_sent_once_and_the_older_ones_never(
    serve: Serve, open_on: OpenOn
) -> None:
    server = serve()
    async with open_on(server) as agent:
        first = await agent.run(TurnRequest(text=KITE))
        second = await edit(agent, "make it night", first.session)
        await edit(agent, "add a boat", first.session)

        last = sent_to(server)[-1]
        assert json.dumps(last).count("input_image") == 1
        sent = last["input"][-1]["content"][1]["image_url"]
        length = len("data:image/png;base64,") + -(-second.images[0].bytes // 3) * 4
        assert f"length:{length}]" in sent
        assert last["tools"][0]["action"] == "edit"
        assert last["store"] is False
        assert "previous_response_id" not in last


async def test_every_turn_is_sent_with_the_preamble_first_and_explicit_models(
    serve: Serve, open_on: OpenOn
) -> None:
    server = serve()
    async with open_on(server) as agent:
        first = await agent.run(TurnRequest(text=KITE))
        await edit(agent, "make it night", first.session)

        one, two = sent_to(server)
        assert one["instructions"] == two["instructions"]
        assert (one["model"], one["tools"][0]["model"]) == ("gpt-5.5", "gpt-image-2")
        assert (one["tools"][0]["action"], two["tools"][0]["action"]) == ("generate", "edit")
        assert one["tool_choice"] == {"type": "image_generation"}


async def test_a_server_that_has_not_proved_tool_choice_is_told_in_words(
    serve: Serve, open_on: OpenOn
) -> None:
    server = serve(dialect="generic")
    async with open_on(server) as agent:
        ended = await agent.run(TurnRequest(text=KITE))

        [body] = sent_to(server)
        assert "tool_choice" not in body
        [turn] = await agent.store.turns(ended.session or SessionId(""))
        assert "edit/force" in [ref.id for ref in turn.prompts]


async def test_requested_and_actual_are_kept_apart_and_a_difference_is_told(
    open_offline: Opener,
) -> None:
    async with open_offline("size-lowered") as agent:
        request = TurnRequest(text=KITE, options=ImageOptions(size="1536x1024", quality="high"))
        events = [event async for event in agent.stream(request)]

        ended = events[-1]
        assert isinstance(ended, TurnCompleted)
        [image] = ended.images
        assert (image.requested.size, image.actual.size) == ("1536x1024", "768x512")
        assert (image.requested.quality, image.actual.quality) == ("high", "high")
        notices = [event for event in events if event.type == "turn.notice"]
        assert [(n.code, n.message) for n in notices] == [
            ("size_changed", "asked for 1536x1024, got 768x512")
        ]


async def test_the_true_format_is_told_by_the_bytes(open_offline: Opener) -> None:
    async with open_offline() as agent:
        options = ImageOptions(output_format="webp", output_compression=40)
        ended = await agent.run(TurnRequest(text=KITE, options=options))

        [image] = ended.images
        assert (image.media_type, image.actual.format) == ("image/webp", "webp")
        assert Path(image.path).suffix == ".webp"


async def test_two_pictures_in_one_answer_are_both_kept(open_offline: Opener) -> None:
    async with open_offline("two-images") as agent:
        ended = await agent.run(TurnRequest(text=KITE))

        one, two = ended.images
        assert one.sha256 != two.sha256
        assert [one.number, two.number] == [1, 2]
        [attempt] = await agent.store.attempts(turn=ended.turn)
        assert attempt.images == 2


class Wordless(Offline):
    """As gpt-5 models often are: a picture, and not a word beside it (wire.md 2)."""

    async def handle(self, request: Incoming) -> Reply:
        reply = await super().handle(request)
        document = json.loads(b"".join([chunk async for chunk in reply.body]))
        calls = [i for i in document["output"] if i["type"] == "image_generation_call"]
        return json_reply({**document, "output": calls})


async def test_a_picture_without_words_is_told_to_the_next_turn_by_its_revised_prompt(
    serve: Serve, open_on: OpenOn
) -> None:
    server = Wordless(serve().options)
    async with open_on(server) as agent:
        first = await agent.run(TurnRequest(text=KITE, stream=False))
        second = TurnRequest(text="make it night", intent="edit", session=first.session)
        await agent.run(replace(second, stream=False))

        assert first.text == ""
        assert spoken(sent_to(server)[-1]) == [
            ("user", KITE),
            ("assistant", f"[picture 1: {first.images[0].revised_prompt}]"),
            ("user", "make it night"),
        ]


async def test_an_answer_in_words_is_a_normal_turn_of_a_chat(open_offline: Opener) -> None:
    async with open_offline() as agent:
        first = await agent.run(TurnRequest(text=KITE))
        question = TurnRequest(text="What is on it?", intent="chat", session=first.session)
        answered = await agent.run(question)

        assert isinstance(answered, TurnCompleted)
        assert (answered.outcome, answered.exit_code) == ("text", 0)
        assert "kite" in answered.text
        assert answered.cost.amount == 0
        session = await agent.store.session(first.session or "")
        assert session.head == answered.turn


async def test_a_chat_goes_on_from_a_text_with_the_picture_it_is_about(
    serve: Serve, open_on: OpenOn
) -> None:
    server = serve()
    async with open_on(server) as agent:
        first = await agent.run(TurnRequest(text=KITE, intent="chat"))
        question = TurnRequest(text="What is on it?", intent="chat", session=first.session)
        await agent.run(question)
        last = await agent.run(replace(question, text="Make it night, please."))

        assert last.images[0].parents == (first.images[0].id,)
        assert [text for role, text in spoken(sent_to(server)[-1]) if role == "user"] == [
            KITE,
            "What is on it?",
            "Make it night, please.",
        ]


async def test_only_words_where_a_picture_was_asked_for_is_a_failure_that_shows_them(
    open_offline: Opener,
) -> None:
    async with open_offline("refusal-text") as agent:
        ended = await agent.run(TurnRequest(text=KITE))

        assert isinstance(ended, TurnFailed)
        assert (ended.outcome, ended.exit_code) == ("text", 1)
        assert ended.error is not None
        assert ended.error.code == "no_image"
        assert ended.text.startswith("I'm sorry")
        [turn] = await agent.store.turns(ended.session or SessionId(""))
        assert [failure.code for failure in turn.failures] == ["no_image"]


async def test_the_offline_artist_is_named_as_what_it_is(open_offline: Opener) -> None:
    async with open_offline() as agent:
        ended = await agent.run(TurnRequest(text=KITE))

        assert agent.offline
        assert (ended.offline, ended.profile) == (True, "offline")
        assert "no model" in ended.text


async def test_a_user_reaches_the_provider_only_as_a_hash(serve: Serve, open_on: OpenOn) -> None:
    server = serve()
    async with open_on(server) as agent:
        await agent.run(TurnRequest(text=KITE, user="ada@example.org"))

        [body] = sent_to(server)
        assert len(body["safety_identifier"]) == 32
        assert "ada" not in json.dumps(body)


async def test_an_unstreamed_turn_ends_in_the_same_picture(open_offline: Opener) -> None:
    async with open_offline() as agent:
        streamed = await agent.run(TurnRequest(text=KITE))
        whole = await agent.run(TurnRequest(text=KITE, stream=False))

        assert whole.images[0].sha256 == streamed.images[0].sha256
        assert whole.text == streamed.text


async def test_sessions_of_the_same_words_get_numbered_names(open_offline: Opener) -> None:
    async with open_offline() as agent:
        names = [(await agent.run(TurnRequest(text="夜市 in the rain"))).session_name]
        names += [(await agent.run(TurnRequest(text=KITE))).session_name for _ in range(3)]

        assert names == ["夜市", "red-kite-over", "red-kite-over-2", "red-kite-over-3"]


class Changing(Offline):
    """A gateway that draws something else than was asked for and says so."""

    async def handle(self, request: Incoming) -> Reply:
        reply = await super().handle(request)
        document = json.loads(b"".join([chunk async for chunk in reply.body]))
        document["tools"][0]["model"] = "dream-1"
        document["output"][0]["quality"] = "low"
        document["output"][0]["result"] = base64.b64encode(png(768, 768)).decode()
        return json_reply(document)


async def test_every_silent_change_of_a_gateway_is_told(serve: Serve, open_on: OpenOn) -> None:
    async with open_on(Changing(serve().options)) as agent:
        options = ImageOptions(output_format="jpeg")
        request = TurnRequest(text=KITE, stream=False, options=options)
        events = [event async for event in agent.stream(request)]

    assert [(e.code, e.message) for e in events if e.type == "turn.notice"] == [
        ("size_changed", "asked for 1024x1024, got 768x768"),
        ("format_changed", "asked for jpeg, got png"),
        ("quality_changed", "asked for quality medium, got low"),
        ("model_changed", "asked for gpt-image-2, the server says dream-1"),
    ]


async def test_a_popular_name_stays_cheap_to_make_unique(open_offline: Opener) -> None:
    async with open_offline() as agent:
        for number in range(1, 20):
            name = "kite" if number == 1 else f"kite-{number}"
            now = datetime(2026, 1, 2, tzinfo=UTC)
            new = Session(id=SessionId(f"ses_{number}"), name=name, created=now, updated=now)
            await agent.store.create_session(new)
        ended = await agent.run(TurnRequest(text="kite"))

    assert ended.session_name is not None
    assert re.fullmatch(r"kite-[0-9a-z]{8}", ended.session_name)


async def test_a_picture_whose_size_nobody_wrote_down_is_measured(
    serve: Serve, open_on: OpenOn
) -> None:
    server = serve()
    async with open_on(server) as agent:
        first = await agent.run(TurnRequest(text=KITE))
        data = png(1536, 1024)
        blob = await agent.store.put_blob(data, media_type="image/png", size=None)
        older = first.images[0].model_copy(update={"id": "img_older", "actual": Rendering()})
        await agent.store.add_image(NewImage(image=older, blob=blob))
        await edit(agent, "make it night", None, "img_older")

    assert sent_to(server)[-1]["tools"][0]["size"] == "1536x1024"
