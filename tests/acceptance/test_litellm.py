"""LiteLLM's proxy, as it comes from PyPI, between Limner and the offline artist.

L1 to L13 are what was once measured of that proxy; here each is a promise of Limner's. Its own
faults are in ``test_litellm_faults.py``.
"""

from __future__ import annotations

import json
import re
from contextlib import aclosing
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import httpx2
import pytest
from pydantic import BaseModel

from agent import ImageOptions, TurnRequest
from agent.addresses import address_of
from agent.events import AttemptRetrying, ImagePartial, TurnNotice
from agent.ids import SystemClock
from agent.offline.shelf import redacted
from agent.schema import Via
from agent.traffic import Message, Opened, Outgoing, Picture, PictureData, Profile, Received
from agent.upstream.dialects import DIALECTS
from agent.upstream.failures import judge
from agent.upstream.images import ImagesUpstream
from agent.upstream.responses import ResponsesUpstream
from agent.wire.faults import fault_of_body

from ..conftest import png
from .conftest import LITELLM, WITHOUT, Through, the_attempt, turn
from .peer import KEY, Models, Proxy

if not LITELLM:
    pytest.skip(WITHOUT, allow_module_level=True)

UNKNOWN_HOST = None
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
SMALL = ImageOptions(size="1024x640", quality="low")
KITE = TurnRequest(text="a red kite over the sea", options=SMALL)
DRAWN_TOKENS_PER_DOLLAR = Decimal(1_000_000) / 30
"""R47: 30 dollars for a million of what the image model wrote."""


@pytest.fixture
def plain(tmp_path: Path) -> Path:
    """A picture of somebody's own."""
    path = tmp_path / "plain.png"
    path.write_bytes(png(1024, 640))
    return path


@pytest.mark.parametrize("dialect", ["litellm", UNKNOWN_HOST])
@pytest.mark.parametrize(("stream", "partials"), [(False, 0), (True, 0), (True, 2)])
async def test_a_sentence_becomes_one_picture(
    dialect: str | None, stream: bool, partials: int, proxy: Proxy, through: Through
) -> None:
    options = SMALL.model_copy(update={"partial_images": partials})

    async with through(dialect) as agent:
        ended, events = await turn(agent, replace(KITE, options=options, stream=stream))
        attempt = await the_attempt(agent, ended)

    assert (ended.outcome, ended.exit_code, len(ended.images)) == ("image", 0, 1)
    assert (attempt.state, attempt.billed, attempt.images) == ("completed", "yes", 1)
    assert (proxy.artist.requests, proxy.artist.generations) == (1, 1)
    drafts = [event for event in events if isinstance(event, ImagePartial)]
    assert bool(drafts) == bool(partials)
    kind = "streamed" if stream else "whole"
    proxy.note(f"{dialect or 'generic'}, {kind}, {partials} partials", f"{len(drafts)} drafts")


@pytest.mark.parametrize("dialect", ["litellm", UNKNOWN_HOST])
async def test_the_images_api_draws_too(
    dialect: str | None, proxy: Proxy, through: Through
) -> None:
    async with through(dialect, via="images") as agent:
        ended, _ = await turn(agent, KITE)
        attempt = await the_attempt(agent, ended)

    assert (ended.outcome, attempt.state, attempt.billed) == ("image", "completed", "yes")
    assert [entry["path"] for entry in proxy.artist.arrived] == ["/v1/images/generations"]
    assert "stream" not in proxy.artist.arrived[0]["body"], "L5"
    assert proxy.artist.generations == 1


@pytest.mark.parametrize("dialect", ["litellm", UNKNOWN_HOST])
@pytest.mark.parametrize("via", ["responses", "images"])
async def test_ten_edits_are_ten_generations_with_ten_right_parents(
    via: Via, dialect: str | None, proxy: Proxy, through: Through
) -> None:
    async with through(dialect, via=via) as agent:
        first, _ = await turn(agent, KITE)
        edit = replace(KITE, intent="edit", session=first.session)
        for number in range(10):
            source = ("@1",) if number % 3 == 2 else None
            request = replace(edit, text=f"make it version {number}", edit=source)
            ended, _ = await turn(agent, request)
            assert (ended.outcome, len(ended.attempts)) == ("image", 1), ended.error
        assert first.session is not None
        images = await agent.store.images(first.session)

    ids = [image.id for image in images]
    heads = [None, 0, 1, 0, 3, 4, 0, 6, 7, 0, 9]
    assert [image.parents for image in images] == [
        () if head is None else (ids[head],) for head in heads
    ]
    assert (proxy.artist.requests, proxy.artist.generations) == (11, 11)
    proxy.note(f"{dialect or 'generic'}, ten edits via {via}", "10 generations, parents right")


@pytest.mark.parametrize("via", ["responses", "images"])
async def test_a_mask_arrives(via: Via, proxy: Proxy, through: Through, plain: Path) -> None:
    """L8: as a file of a form; over Responses inside the tool."""
    request = replace(KITE, intent="edit", edit=(plain,), mask_box=(0, 0, 200, 200))

    async with through("litellm", via=via) as agent:
        ended, _ = await turn(agent, request)

    assert ended.outcome == "image", ended.error
    [sent] = [entry["body"] for entry in proxy.artist.arrived]
    mask = sent["tools"][0]["input_image_mask"] if via == "responses" else sent["mask"]
    assert "sha256:" in json.dumps(mask)
    proxy.note(f"a mask via {via} (L1, L8)", "arrived")


class Colour(BaseModel):
    """What a question is to bring."""

    colour: str


async def test_a_question_is_answered_as_data(proxy: Proxy, through: Through) -> None:
    async with through("litellm") as agent:
        answered = await agent.ask("Which colour?", images=[png(1024, 640)], schema=Colour)

    assert answered.value is not None, answered.failure
    assert proxy.artist.generations == 0
    assert "json_schema" in json.dumps(proxy.artist.arrived[0]["body"]["text"])


# ── what is sent and what comes back ─────────────────────────────────────────────────────────


def profile_of(proxy: Proxy) -> Profile:
    return Profile(name="peer", base_url=proxy.url, api_key=KEY, dialect=DIALECTS["litellm"])


OUTGOING = Outgoing(
    kind="edit",
    model="gpt-5.5",
    instructions="Draw what is asked for.",
    messages=(Message("user", "make it night", (PictureData(png(1024, 640), "image/png"),)),),
    options=SMALL,
    action="edit",
    mask=PictureData(png(1024, 640, mode="RGBA"), "image/png"),
    force_tool=True,
    user="0123456789abcdef",
    store=True,
)


async def exchanged(
    upstream: ResponsesUpstream | ImagesUpstream, outgoing: Outgoing
) -> list[Received]:
    async with aclosing(upstream.send(upstream.encode(outgoing), outgoing)) as received:
        items = [item async for item in received]
    await upstream.aclose()
    return items


async def test_the_body_passes_unchanged(proxy: Proxy) -> None:
    """L1."""
    upstream = ResponsesUpstream(profile_of(proxy), clock=SystemClock())
    proxy.artist.behave()
    await exchanged(upstream, OUTGOING)

    [entry] = proxy.artist.arrived
    assert entry["body"] == redacted(json.loads(upstream.encode(OUTGOING)))


async def test_its_ids_lead_back_to_the_answer_that_they_stand_for(proxy: Proxy) -> None:
    """L2: an answer is known here by a token of hundreds of letters."""
    told: list[str | None] = []
    inside: list[str | None] = []
    proxy.artist.behave()
    for previous in range(2):
        outgoing = replace(OUTGOING, previous_response_id=told[0] if previous else None)
        upstream = ResponsesUpstream(profile_of(proxy), clock=SystemClock())
        items = await exchanged(upstream, outgoing)
        told.append(next(i.response_id for i in items if isinstance(i, Opened) and i.response_id))
        inside.append(proxy.artist.arrived[previous]["body"].get("previous_response_id"))

    assert len(told[0] or "") > 200
    assert inside[0] is None
    assert inside[1]
    assert inside[1] != told[0]
    assert proxy.artist.generations == 2, "the artist knew the id, else it had refused it"


async def test_the_request_is_known_by_litellms_id_and_the_answers_id_is_kept_whole(
    proxy: Proxy, through: Through
) -> None:
    """L2, L13: ``x-request-id`` is dropped."""
    async with through("litellm") as agent:
        ended, _ = await turn(agent, KITE)
        attempt = await the_attempt(agent, ended)

    assert UUID.fullmatch(attempt.request_id or ""), "x-litellm-call-id"
    assert ended.attempts[0].request_id == attempt.request_id
    assert attempt.response_id is not None
    assert attempt.response_id.startswith("resp_")
    assert len(attempt.response_id) > 200
    proxy.note("id of an answer (L2)", f"{len(attempt.response_id)} letters")


@pytest.mark.parametrize("via", ["responses", "images"])
@pytest.mark.parametrize("stream", [False, True])
async def test_a_reported_price_without_the_picture_in_it_is_said_to_be_one(
    via: Via, stream: bool, proxy: Proxy, through: Through
) -> None:
    """L13. Over Responses, LiteLLM prices the words and nothing of what the image tool counted."""
    async with through("litellm", via=via) as agent:
        ended, events = await turn(agent, replace(KITE, options=ImageOptions(), stream=stream))

    assert ended.cost.amount is not None
    assert ended.usage.image is not None
    drawn = Decimal(ended.usage.image.output or 0) / DRAWN_TOKENS_PER_DOLLAR
    told = [e.message for e in events if isinstance(e, TurnNotice) and e.code == "unpriced"]
    assert drawn > 0
    assert ended.cost.amount > 0
    assert ended.cost.amount >= drawn or any("reported" in message for message in told)
    case = f"price via {via}, {'streamed' if stream else 'whole'} (L13)"
    proxy.note(case, f"{ended.cost.amount} {ended.cost.basis}; the picture alone {drawn:.5f}")


# ── keys and pauses ──────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("via", ["responses", "images"])
async def test_a_wrong_key_is_said_to_be_one(via: Via, proxy: Proxy, through: Through) -> None:
    """L10: without a database LiteLLM answers 400 ``no_db_connection``."""
    async with through("litellm", via=via, key="sk-nobody-0123456789") as agent:
        ended, _ = await turn(agent, KITE)
        attempt = await the_attempt(agent, ended)

    assert ended.error is not None
    assert (ended.outcome, ended.exit_code, ended.error.code) == ("failed", 4, "authentication")
    assert attempt.billed == "no"
    assert attempt.cost.amount == 0
    assert proxy.artist.requests == 0
    proxy.note(f"a wrong key via {via} (L10)", f"{ended.error.status} → {ended.error.code}")


async def test_a_pause_after_a_401_of_the_upstreams_is_waited_out(
    proxy: Proxy, through: Through, fresh: Models
) -> None:
    """L4: the next good request is answered 429 "No deployments available … in cooldown"."""
    async with through("litellm", models=fresh) as agent:
        proxy.artist.behave("401:first=1")
        refused, _ = await turn(agent, KITE)
        drawn, events = await turn(agent, KITE)

    waited = [event for event in events if isinstance(event, AttemptRetrying)]
    assert refused.exit_code == 4
    assert (drawn.outcome, drawn.exit_code) == ("image", 0)
    assert [event.failure.code for event in waited] == ["cooldown"]
    assert (proxy.artist.requests, proxy.artist.generations) == (2, 1)
    proxy.note("the turn after a 401 (L4)", f"drawn after {waited[0].delay_s:.1f} s of cooldown")


# ── what LiteLLM cannot do ───────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("intent", ["generate", "edit"])
async def test_a_streamed_picture_that_breaks_litellm_is_unknown_and_never_bought_again(
    intent: str, proxy: Proxy, through: Through, fresh: Models, plain: Path
) -> None:
    """L5: a 500 although the picture was drawn; its text may hold all of the picture."""
    request = replace(KITE, intent="edit", edit=(plain,)) if intent == "edit" else KITE

    async with through("openai", via="images", models=fresh) as agent:
        ended, _ = await turn(agent, request)
        attempt = await the_attempt(agent, ended)

    assert ended.error is not None
    assert (ended.outcome, ended.exit_code, ended.error.status) == ("unknown", 7, 500)
    assert (attempt.state, attempt.billed) == ("unknown", "possibly")
    assert len(ended.error.message) < 800
    assert not re.search(r"[A-Za-z0-9+/]{100}", ended.error.message)
    assert (proxy.artist.requests, proxy.artist.generations) == (1, 1)
    proxy.note(f"a streamed {intent} via images (L5)", "500 → unknown, 1 generation, not repeated")


async def test_where_addresses_are_refused_the_picture_itself_is_asked_for_once(
    proxy: Proxy,
) -> None:
    """L6: ``response_format`` is refused before anything is sent on."""
    upstream = ImagesUpstream(profile_of(proxy), clock=SystemClock(), url_wanted=True)
    words = Message("user", "a red kite")
    proxy.artist.behave()
    items = await exchanged(
        upstream, replace(OUTGOING, kind="generate", messages=(words,), mask=None, stream=False)
    )

    [picture] = [item for item in items if isinstance(item, Picture)]
    given = await address_of(picture)
    assert getattr(given, "upstream_code", None) == "image_url_not_available"
    assert (proxy.artist.requests, proxy.artist.generations) == (1, 1)
    proxy.note("response_format=url (L6)", "400, asked again without, 1 generation")


async def test_an_edit_in_json_is_refused_for_nothing(
    proxy: Proxy, through: Through, fresh: Models, plain: Path
) -> None:
    """L7: it goes on urlencoded. A dialect of LiteLLM's own sends forms; this one does not."""
    async with through("hingnet", via="images", models=fresh) as agent:
        ended, _ = await turn(agent, replace(KITE, intent="edit", edit=(plain,)))
        attempt = await the_attempt(agent, ended)

    assert ended.error is not None
    assert (ended.outcome, ended.error.code) == ("failed", "invalid_parameter")
    assert "urlencoded" in ended.error.message
    assert attempt.billed == "no"
    assert attempt.cost.amount == 0
    assert (proxy.artist.requests, proxy.artist.generations) == (1, 0)
    proxy.note("an edit in JSON (L7)", "400 → invalid_parameter, free")


async def test_a_path_that_it_does_not_have_is_a_wrong_address(proxy: Proxy) -> None:
    """L9: no error object, only ``{"detail": "Not Found"}``."""
    headers = {"authorization": f"Bearer {KEY}"}
    async with httpx2.AsyncClient(trust_env=False) as client:
        answer = await client.post(f"{proxy.url}/images/variations", headers=headers, json={})

    fault = fault_of_body(answer.content, status=answer.status_code)
    failure = judge(fault, DIALECTS["litellm"], clock=SystemClock(), streamed=False)
    assert (failure.status, failure.code, failure.billed) == (404, "usage", "no")
