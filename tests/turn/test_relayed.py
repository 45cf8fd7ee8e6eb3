"""What goes out in place of a client's request, and what is refused before anything does."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from typing import Any

import pytest

from agent.errors import UsageError
from agent.protocols import KeptItem
from agent.schema import ImageId
from agent.traffic import Dialect, PictureData
from agent.turn import relayed
from agent.turn.relayed import Parts, body, check, check_model, hidden_tool, options_of
from agent.turn.talk import unfold
from agent.wire.requests import RequestFault, read_responses

PNG = base64.b64encode(b"\x89PNG picture").decode()
DATA_URL = f"data:image/png;base64,{PNG}"
KITE = PictureData(b"the kite", "image/webp")
KITE_URL = f"data:image/webp;base64,{base64.b64encode(KITE.data).decode()}"
TOOL: Any = {"type": "image_generation"}
PROVED = Dialect(name="proved", tool_choice=True)
STRANGER = Dialect(name="stranger")
PARTS = Parts(
    model="gpt-5.5",
    image_model="gpt-image-2",
    dialect=PROVED,
    preamble="Everyone is an adult.",
    force="Draw it.",
    pictures={},
)
Json = dict[str, Any]


def sent(payload: Json, *chain: KeptItem, parts: Parts = PARTS) -> Json:
    request = read_responses(payload)
    given = payload.get("input")
    raw = given if isinstance(given, list) else [given]
    talk = unfold(request, raw, chain=chain, found={})
    found: Json = json.loads(body(request, payload, talk, parts))
    return found


def asked(text: Any = "a kite", **more: Any) -> Json:
    return {"model": "gpt-5.6", "input": text, "tools": [TOOL], **more}


def drew(image: str | None = "img_1", **value: Any) -> KeptItem:
    item: Json = {"type": "image_generation_call", "id": "ig_1", **value}
    return KeptItem(id="ig_1", value=item, image=ImageId(image) if image else None)


SAID_BEFORE = KeptItem(id="m1", value={"type": "message", "role": "user", "content": "a kite"})


# ── the body ─────────────────────────────────────────────────────────────────────────────────


def test_our_preamble_stands_before_the_callers_instructions() -> None:
    assert sent(asked())["instructions"] == "Everyone is an adult."
    assert sent(asked(instructions="Be brief."))["instructions"] == (
        "Everyone is an adult.\n\nBe brief."
    )


def test_what_we_do_not_know_passes_and_what_we_keep_ourselves_does_not() -> None:
    told = sent(
        asked(
            metadata={"a": "b"},
            prompt_cache_key="k",
            background=True,
            store=True,
            previous_response_id="resp_1",
        )
    )

    assert (told["metadata"], told["prompt_cache_key"]) == ({"a": "b"}, "k")
    assert (told["store"], told["stream"]) == (False, False)
    assert not {"background", "previous_response_id"} & set(told)


def test_models_are_always_said() -> None:
    told = sent(asked() | {"model": None})
    named = sent(asked(tools=[{**TOOL, "model": "gpt-image-1.5"}, {"type": "function"}]))

    assert (told["model"], told["tools"]) == ("gpt-5.5", [{**TOOL, "model": "gpt-image-2"}])
    assert named["tools"] == [{**TOOL, "model": "gpt-image-1.5"}, {"type": "function"}]


def test_without_tools_there_are_none() -> None:
    told = sent({"model": "m", "input": "go on"})

    assert "tools" not in told


@pytest.mark.parametrize(
    ("dialect", "stream", "streams", "partials"),
    [
        (PROVED, True, True, 2),
        (PROVED, False, False, None),
        (replace(PROVED, partials=False), True, True, None),
        (replace(PROVED, streaming=False), True, False, None),
    ],
)
def test_drafts_are_asked_for_only_where_they_can_come(
    dialect: Dialect, stream: bool, streams: bool, partials: int | None
) -> None:
    payload = asked(stream=stream, tools=[{**TOOL, "partial_images": 2}])
    told = sent(payload, parts=replace(PARTS, dialect=dialect))

    assert (told["stream"], told["tools"][0].get("partial_images")) == (streams, partials)


FORCED = {"type": "image_generation"}


@pytest.mark.parametrize(
    ("dialect", "choice", "tools", "passes", "forced"),
    [
        (PROVED, FORCED, [TOOL], FORCED, False),
        (STRANGER, FORCED, [TOOL], None, True),
        (STRANGER, "required", [TOOL], None, True),
        (STRANGER, "required", [TOOL, {"type": "function"}], "required", False),
        (STRANGER, "none", [TOOL], "none", False),
    ],
)
def test_a_forced_picture_is_asked_for_in_words_where_the_choice_is_not_proved(
    dialect: Dialect, choice: Any, tools: list[Json], passes: Any, forced: bool
) -> None:
    told = sent(asked(tools=tools, tool_choice=choice), parts=replace(PARTS, dialect=dialect))

    assert told.get("tool_choice") == passes
    assert told["instructions"].endswith("Draw it.") is forced


def test_the_newest_picture_goes_into_the_newest_message_and_is_a_word_where_it_was() -> None:
    parts = replace(PARTS, pictures={(1, 0): KITE})
    told = sent(
        asked("at night", previous_response_id="resp_1"),
        SAID_BEFORE,
        drew(revised_prompt="a red kite"),
        parts=parts,
    )

    first, word, last = told["input"]
    assert first == {"type": "message", "role": "user", "content": "a kite"}
    assert word["role"] == "assistant"
    assert word["content"] == [{"type": "output_text", "text": "[picture: a red kite]"}]
    assert last["content"] == [
        {"type": "input_text", "text": "at night"},
        {"type": "input_image", "image_url": KITE_URL, "detail": "auto"},
    ]


def test_older_pictures_are_words_alone() -> None:
    chain = (SAID_BEFORE, drew(), SAID_BEFORE, drew(None))
    told = sent(asked("by day", previous_response_id="resp_2"), *chain)

    assert [len(str(item)) < 200 for item in told["input"]] == [True] * 5
    assert told["input"][3]["content"][0]["text"] == "[picture]"


def test_the_drawn_picture_stands_before_the_users_own() -> None:
    logo = PictureData(b"logo", "image/png")
    content = [
        {"type": "input_text", "text": "with this logo"},
        {"type": "input_image", "image_url": DATA_URL, "detail": "high"},
        {"type": "input_image", "image_url": "https://example.org/a.png"},
        {"type": "input_image", "image_url": {"url": "https://example.org/b.png"}},
    ]
    parts = replace(PARTS, pictures={(1, 0): KITE, (2, 0): logo})
    told = sent(
        asked([{"role": "user", "content": content}], previous_response_id="r"),
        SAID_BEFORE,
        drew(),
        parts=parts,
    )

    images = [part for part in told["input"][-1]["content"] if part["type"] == "input_image"]
    assert [image["image_url"] for image in images[:2]] == [
        KITE_URL,
        f"data:image/png;base64,{base64.b64encode(b'logo').decode()}",
    ]
    assert images[1]["detail"] == "high"
    assert images[2:] == content[2:]


def test_an_earlier_picture_of_the_users_is_a_word() -> None:
    before = {"role": "user", "content": [{"type": "input_image", "image_url": DATA_URL}]}
    items = [before, {"type": "image_generation_call", "id": "ig_1", "result": PNG}, "at night"]
    told = sent(asked(items), parts=replace(PARTS, pictures={(1, 0): KITE}))

    assert told["input"][0]["content"] == [{"type": "input_text", "text": "[picture]"}]


def test_where_no_user_speaks_the_picture_stands_in_its_own_place() -> None:
    items = [{"type": "image_generation_call", "id": "ig_1", "result": PNG}]
    told = sent(asked(items), parts=replace(PARTS, pictures={(0, 0): KITE}))

    assert [item["role"] for item in told["input"]] == ["assistant", "user"]
    assert told["input"][1]["content"][0]["image_url"] == KITE_URL


def test_what_the_screen_refused_earlier_does_not_go_along() -> None:
    items = [{"role": "user", "content": "left out"}, {"role": "assistant", "content": "No."}, "go"]
    told = sent(asked(items), parts=replace(PARTS, left_out=frozenset({0})))

    assert "left out" not in json.dumps(told)


def test_half_characters_and_nul_go_nowhere() -> None:
    told = sent(asked("a\0 kite \ud800", metadata={"k\0": ["\0x", 1]}))

    assert told["metadata"] == {"k": ["x", 1]}
    assert told["input"] == [{"role": "user", "content": "a kite ?"}]


def test_a_number_that_json_does_not_have_is_refused() -> None:
    with pytest.raises(UsageError, match="number"):
        sent(asked(temperature=float("inf")))


# ── what is refused ──────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("payload", "dialect", "param"),
    [
        (asked(conversation="conv_1"), PROVED, "conversation"),
        (asked(tools=[TOOL, TOOL]), PROVED, "tools"),
        (asked(tools=[{**TOOL, "n": 3}]), PROVED, "tools[0].n"),
        (asked() | {"model": "gpt-image-2"}, PROVED, "model"),
        (
            asked(tools=[{**TOOL, "input_image_mask": {"image_url": DATA_URL}}]),
            replace(PROVED, mask=False),
            "tools[0].input_image_mask",
        ),
        (
            asked(tools=[{**TOOL, "input_image_mask": {"file_id": "file_1"}}]),
            PROVED,
            "tools[0].input_image_mask",
        ),
    ],
)
def test_what_cannot_be_asked_for_is_refused_by_name(
    payload: Json, dialect: Dialect, param: str
) -> None:
    with pytest.raises(RequestFault) as caught:
        check(read_responses(payload), payload, dialect)

    assert (caught.value.status, caught.value.param) == (400, param)


@pytest.mark.parametrize(
    "payload",
    [
        asked(),
        asked(model=None),
        {"input": "hi"},
        asked(tools=[{**TOOL, "input_image_mask": {"image_url": DATA_URL}}]),
    ],
)
def test_what_can_be_asked_for_passes(payload: Json) -> None:
    check(read_responses(payload), payload, PROVED)


@pytest.mark.parametrize("model", ["gpt-image-2", "dall-e-3", "chatgpt-image-latest"])
def test_a_model_that_draws_leads_no_conversation(model: str) -> None:
    with pytest.raises(RequestFault, match="draws"):
        check_model(model)

    check_model("gpt-5.5")


def test_an_image_tool_is_found_wherever_it_hides() -> None:
    deep: Any = TOOL
    for _ in range(60):
        deep = [deep]

    assert hidden_tool({"input": [{"type": "additional_tools", "tools": [TOOL]}]})
    assert hidden_tool({"input": deep})
    assert not hidden_tool({"input": [{"type": "image_generation_call"}, "image_generation"]})


# ── for the ledger ───────────────────────────────────────────────────────────────────────────


def test_options_are_priced_as_they_were_asked_for() -> None:
    tool: Json = {
        **TOOL,
        "size": "1536x1024",
        "quality": "high",
        "output_format": "heic",
        "partial_images": 2,
        "input_fidelity": "low",
        "svg": {"model": "x"},
    }
    request = read_responses(asked(tools=[tool]))
    options = options_of(request.image_tool, image_model="gpt-image-2", stream=True)

    assert (options.model, options.size, options.quality) == ("gpt-image-2", "1536x1024", "high")
    assert options.partial_images == 2
    assert options.tool_options == {
        "svg": {"model": "x"},
        "input_fidelity": "low",
        "output_format": "heic",
    }


def test_what_was_not_said_is_auto() -> None:
    request = read_responses(asked(tools=[{**TOOL, "partial_images": 3}]))
    options = options_of(request.image_tool, image_model="gpt-image-2", stream=False)

    assert (options.size, options.quality, options.partial_images) == ("auto", "auto", 0)
    assert options_of(None, image_model="m", stream=True).size == "auto"


def test_stored_pictures_are_never_named_to_the_server() -> None:
    content: list[Any] = [{"type": "input_image", "image_url": "limner:img_1"}]
    old = KeptItem(id="m1", value={"role": "user", "content": content})
    parts = replace(PARTS, pictures={(0, 0): KITE})
    told = sent(asked("blue", previous_response_id="r"), old, parts=parts)

    assert "limner:" not in json.dumps(told)
    assert relayed.streams(read_responses(asked(stream=True)), PROVED)
