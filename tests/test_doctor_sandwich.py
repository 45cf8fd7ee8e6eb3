"""The sandwich: what a gateway between our client and our server does, for both APIs."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import httpx2
import pytest

from agent.doctor import sandwich as sandwiches
from agent.doctor.cases import CASES, Order, padded
from agent.doctor.comparison import Understood, bodies, outcomes
from agent.doctor.forms import Posted, image_fields
from agent.doctor.junit import junit, missed, required, sentence
from agent.doctor.report import Case, Difference
from agent.errors import KeyMissing, UsageError

from .conftest import settings_in
from .gateway import Gateway, Habits, Json, served

KEY = "sk-doctor-0123456789abcdef"
KEYS = ("sk-sandwich-key",)


async def sandwiched(habits: Habits, *only: str, by: type[Gateway] = Gateway) -> dict[str, Case]:
    def ready(url: str) -> None:
        habits.upstream = url

    async with served(by(habits)) as url:
        order = Order(model="gpt-5.5", image_model="gpt-image-2", big_bytes=300_000)
        some = tuple(case for case in CASES if not only or case.name in only)
        asked = sandwiches.Sandwich(through=url, key=KEYS[0], order=order, wait_s=20.0, cases=some)
        cases = await sandwiches.run(asked, ready=ready)
    return {case.name: case for case in cases}


def wrong(case: Case) -> set[tuple[str, str]]:
    return {(d.kind, d.where) for d in case.differences if not d.harmless}


async def test_a_gateway_that_passes_everything_on_passes_every_case() -> None:
    cases = await sandwiched(Habits(keys=KEYS))

    assert list(cases) == [case.name for case in CASES]
    assert {name: wrong(case) for name, case in cases.items() if not case.passed} == {}


async def test_what_a_gateway_drops_hides_and_repeats_is_named() -> None:
    def poorer(body: Json) -> Json:
        body.pop("previous_response_id", None)
        body.pop("tool_choice", None)
        body.pop("safety_identifier", None)
        [tool] = body.get("tools", [{}])
        tool.pop("partial_images", None)
        tool.pop("input_image_mask", None)
        return body | {"store": False, "metadata": {"via": "us"}}

    habits = Habits(
        keys=KEYS,
        request=poorer,
        tries=3,
        status=lambda status: 502 if status == 400 else status,
        headers=("content-type",),
        most_bytes=300_000,
    )
    cases = await sandwiched(habits)

    everywhere = {("dropped_field", "safety_identifier")}
    assert wrong(cases["generate"]) == everywhere
    assert wrong(cases["mask"]) >= {
        ("dropped_field", "tools[0].input_image_mask.image_url"),
    }
    assert wrong(cases["stream"]) >= {
        ("dropped_field", "tools[0].partial_images"),
        ("lost_event", "partial_image"),
    }
    assert wrong(cases["tool_choice"]) >= {("dropped_field", "tool_choice.type")}
    assert wrong(cases["previous_response_id"]) >= {
        ("dropped_field", "previous_response_id"),
        ("outcome", "outcome"),
    }
    assert wrong(cases["error_502"]) >= {("calls", "calls")}
    assert cases["error_502"].upstream_calls == 3
    assert ("never_arrived", "request") in wrong(cases["big_body"])
    harmless = {d.where for d in cases["refusal_400"].differences if d.harmless}
    assert {"status", "metadata.via", "headers"} <= harmless
    assert ("error", "retry_at") in {(d.kind, d.where) for d in cases["error_429"].differences}


async def test_a_gateway_that_lets_any_key_through_fails_that_case() -> None:
    cases = await sandwiched(Habits(), "wrong_key")

    assert ("outcome", "outcome") in wrong(cases["wrong_key"])


async def test_events_that_are_lost_on_the_way_are_counted() -> None:
    def chunk(data: bytes) -> bytes:
        return b"" if b"partial_image\n" in data[:80] else data

    cases = await sandwiched(Habits(keys=KEYS, chunk=chunk), "stream")

    assert ("lost_event", "response.image_generation_call.partial_image") in wrong(cases["stream"])


class Turning(Gateway):
    """Has the Images API alone, and draws by a Responses call: the common kind of gateway."""

    def asked(self, body: Json) -> Json:
        pictures = [{"type": "input_image", **one} for one in body.get("images", [])]
        content = [{"type": "input_text", "text": body["prompt"]}, *pictures]
        tool = {"type": "image_generation", "model": body["model"], "size": body["size"]}
        return {
            "model": "gpt-5.5",
            "input": [{"role": "user", "content": content}],
            "tools": [tool],
        }

    async def handle(self, request: Any) -> Any:
        from agent.offline.exchange import json_reply

        if "/images/" not in request.path:
            return json_reply({"error": {"message": "no such route"}}, status=404)
        async with httpx2.AsyncClient(base_url=self.habits.upstream, timeout=30) as client:
            asked = self.asked(json.loads(request.body))
            answer = (await client.post("/responses", json=asked, headers=UPSTREAM)).json()
        drawn = [i["result"] for i in answer["output"] if i["type"] == "image_generation_call"]
        told = answer["tool_usage"]["image_gen"]
        return json_reply(
            {"created": 1, "data": [{"b64_json": one} for one in drawn], "usage": told}
        )


class Forgetful(Turning):
    """Takes the first picture and nobody notices."""

    def asked(self, body: Json) -> Json:
        return super().asked({**body, "images": body.get("images", [])[:1], "prompt": "a kite"})


UPSTREAM = {"authorization": "Bearer sk-upstream"}


async def test_a_gateway_that_draws_by_the_other_api_is_asked_for_the_words_and_the_pictures() -> (
    None
):
    cases = await sandwiched(Habits(), "images_generate", by=Turning)
    poor = await sandwiched(Habits(), "images_edit_json", by=Forgetful)

    assert cases["images_generate"].passed, cases["images_generate"].differences
    assert "path" in {d.where for d in cases["images_generate"].differences}
    assert wrong(poor["images_edit_json"]) == {
        ("dropped_field", "images[1]"),
        ("dropped_field", "mask"),
        ("dropped_field", "prompt"),
    }


async def test_what_is_lost_on_the_way_of_the_images_api_is_named() -> None:
    def poorer(body: Json) -> Json:
        for name in ("mask", "quality", "response_format", "partial_images"):
            body.pop(name, None)
        return body | {"size": "auto", "images": body.get("images", [])[:1], "style": "vivid"}

    def form(body: bytes) -> bytes:
        return body.replace(b'name="image[]"', b'name="image"').replace(b"image/png", b"image/xxx")

    habits = Habits(keys=KEYS, request=poorer, form=form, tries=3)
    cases = await sandwiched(habits, *(case.name for case in CASES if case.api.images))

    assert wrong(cases["images_edit_json"]) >= {
        ("dropped_field", "mask"),
        ("dropped_field", "images[1]"),
        ("dropped_field", "quality"),
        ("changed_field", "size"),
    }
    assert wrong(cases["images_edit_multipart"]) == {
        ("changed_field", f"{name}.type") for name in ("images[0]", "images[1]", "mask")
    }
    assert wrong(cases["images_stream"]) >= {
        ("dropped_field", "partial_images"),
        ("lost_event", "partial_image"),
    }
    assert wrong(cases["images_url"]) >= {("dropped_field", "response_format")}
    assert cases["images_502"].upstream_calls == 3
    assert ("calls", "calls") in wrong(cases["images_502"])
    assert {d.where for d in cases["images_429"].differences if not d.harmless} == {
        *("quality", "size"),
    }


async def test_an_answer_that_lost_its_tokens_or_its_address_is_named() -> None:
    def chunk(data: bytes) -> bytes:
        told = data.replace(b'"usage"', b'"gone0"')
        return told.replace(b'"url":"data:image/png;base64,', b'"b64_json":"')

    cases = await sandwiched(
        Habits(keys=KEYS, chunk=chunk), "images_generate", "images_url", "images_stream"
    )

    assert ("lost_field", "usage") in wrong(cases["images_generate"])
    assert wrong(cases["images_url"]) >= {("lost_field", "data[0].url")}
    assert ("lost_field", "usage") in wrong(cases["images_stream"])


def test_a_picture_that_the_gateway_keeps_at_an_address_of_its_own_is_no_loss() -> None:
    straight = Understood(outcome="image", failure=None, pictures=("ab" * 32,), drafts=0)
    kept = Understood(outcome="failed", failure=None, pictures=(), drafts=0, addresses=1)

    [difference] = outcomes(straight, kept)

    assert (difference.harmless, difference.got) == (True, "an address")


@pytest.mark.parametrize(
    ("kind", "body", "names"),
    [
        ("application/json", b"<html>", {"(no JSON)"}),
        ("application/json", b"[1]", {"(no object)"}),
        ("application/json", b'{"images": [], "n": null}', {"images", "n"}),
        ("application/json", b'{"image": "data:image/png;base64,?"}', {"image"}),
        ("multipart/form-data; boundary=x", b"--x\r\ncut", {"(no form)"}),
    ],
)
def test_what_is_no_request_is_compared_as_what_it_is(
    kind: str, body: bytes, names: set[str]
) -> None:
    posted = Posted(path="/v1/images/edits", content_type=kind, body=body)

    assert set(image_fields(posted)) == names


async def test_a_gateway_that_never_calls_is_said_with_what_to_do() -> None:
    async with served(Gateway(Habits(keys=("another",)))) as url:
        order = Order(model="gpt-5.5", image_model="gpt-image-2")
        asked = sandwiches.Sandwich(through=url, key=KEYS[0], order=order, wait_s=0.2)
        with pytest.raises(UsageError, match="nothing that was sent to") as caught:
            await sandwiches.run(asked, ready=lambda _: None)

    assert "authentication" in str(caught.value)
    assert "upstream of the gateway" in caught.value.hint


async def test_the_key_of_a_sandwich_is_the_one_configured_for_that_origin(tmp_path: Path) -> None:
    env = {"OPENAI_BASE_URL": "https://gateway.example/v1", "OPENAI_API_KEY": KEY}
    settings = settings_in(tmp_path, **env)

    assert sandwiches.key_for(settings, "https://gateway.example/other") == KEY
    with pytest.raises(KeyMissing, match=r"no configured key belongs to https://evil\.example"):
        sandwiches.key_for(settings, "https://evil.example/v1")


def test_an_id_that_the_gateway_rewrote_and_rewrote_back_is_no_change() -> None:
    sent = json.dumps({"previous_response_id": "resp_outside", "a": 1}).encode()
    arrived = json.dumps({"previous_response_id": "resp_inside", "a": 1}).encode()

    assert list(bodies(sent, arrived, known_ids={"resp_outside": "resp_inside"})) == []
    [difference] = bodies(sent, arrived, known_ids={})
    assert sentence(difference) == (
        "changed_field previous_response_id: resp_outside → resp_inside"
    )


def test_a_text_that_became_a_list_of_one_part_is_no_change() -> None:
    sent = json.dumps({"input": [{"role": "user", "content": "a kite"}]}).encode()
    part = {"type": "input_text", "text": "a kite"}
    arrived = json.dumps({"input": [{"role": "user", "content": [part]}]}).encode()

    assert list(bodies(sent, arrived, known_ids={})) == []
    assert next(bodies(sent, b"<html>", known_ids={})).kind == "dropped_field"


def test_a_padded_picture_is_a_whole_one_of_that_weight() -> None:
    from agent.derive import PillowPictures

    data = padded(64, 64, 100_000)

    assert len(data) > 100_000
    facts = PillowPictures().inspect(data, name="padded")
    assert (facts.media_type, facts.width, facts.height) == ("image/png", 64, 64)


CASE = Case(
    name="edit",
    about="",
    passed=False,
    differences=(
        Difference(kind="changed_field", where="a<b", sent='"x"\x00', got="&"),
        Difference(kind="added_field", where="metadata", got="1", harmless=True),
    ),
    elapsed_ms=1500,
)


def test_junit_is_xml_that_names_what_failed() -> None:
    suite = ET.fromstring(junit([CASE, CASE.model_copy(update={"passed": True})]))

    assert (suite.get("tests"), suite.get("failures")) == ("2", "1")
    failure = suite.find("testcase/failure")
    assert failure is not None
    assert "a<b" in str(failure.text)
    output = suite.find("testcase/system-out")
    assert output is not None
    assert "metadata" in str(output.text)


def test_required_cases_are_read_and_checked(tmp_path: Path) -> None:
    path = tmp_path / "required.txt"
    path.write_text("# ours\nedit  # always\n\nmask\n")

    names = required(path)

    assert names == ("edit", "mask")
    assert missed([CASE], names) == ("edit", "mask")
    assert missed([CASE.model_copy(update={"passed": True})], ["edit"]) == ()
    path.write_text("edit\nmaks\n")
    with pytest.raises(UsageError, match=r"required\.txt:2: there is no case 'maks'"):
        required(path)
    with pytest.raises(UsageError, match="cannot be read"):
        required(tmp_path / "absent")


def test_the_dialect_of_a_sandwich_holds_nothing_back() -> None:
    from agent.doctor.through import _EVERYTHING

    assert (_EVERYTHING.tool_choice, _EVERYTHING.safety_identifier) == (True, True)
    assert replace(_EVERYTHING, name="x").body_cap is None
