"""What every odd answer means. Each fixture in ``data/wire`` names the fact that it pins."""

from __future__ import annotations

import itertools
import json
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.schema import Cost, Tokens, Usage
from agent.traffic import Ended, Opened, PartialPicture, Picture, PictureUrl, RefusalText, ToolStage
from agent.wire.answers import Answer, AnswerReader, ItemFault
from agent.wire.faults import Fault

from .answers_of import (
    FIXTURES,
    GREEN,
    RED,
    b64,
    chunked,
    codes,
    completed,
    done,
    ended,
    event,
    fault,
    fixture,
    image,
    message,
    of,
    pictures,
    read,
    read_chunks,
    response,
    sse,
    stream,
    terminal,
    words,
)

CREATED = event("created", response={"id": "resp_1", "status": "in_progress"})

# ── pictures ─────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "name",
    [
        "generating_with_result.sse",
        "only_in_item_done.sse",
        "final_three_times.sse",
        "rewritten_ids.sse",
        "filled_in_by_the_end.sse",
        "pings_and_strangers.sse",
        "ends_with_done.sse",
        "store_false_with_tool_usage.json",
        "xai_prompt.json",
    ],
)
def test_the_picture_comes_out_once_and_nothing_is_missed(name: str) -> None:
    answers = read(fixture(name))

    assert [data[:4] for data in pictures(answers)] == [b"\x89PNG"]
    assert of(ItemFault, answers) == []
    assert ended(answers).status == "completed"


def test_a_picture_is_told_when_it_arrives_and_not_at_the_end() -> None:
    reader = AnswerReader()

    answers = list(reader.feed(sse(CREATED, done(image(b64(RED), status="generating")))))

    assert pictures(answers) == [RED]


def test_a_picture_says_what_its_item_said() -> None:
    told = {
        "revised_prompt": "a red kite",
        "status": "generating",
        "action": "edit",
        "size": "1536x864",
        "quality": "low",
        "background": "opaque",
        "output_format": "webp",
    }

    (picture,) = of(Picture, stream(done(image(b64(RED), "ig_7", **told)), completed()))

    assert picture == Picture(
        item_id="ig_7",
        data=RED,
        revised_prompt="a red kite",
        status="generating",
        action="edit",
        actual=(
            ("size", "1536x864"),
            ("quality", "low"),
            ("background", "opaque"),
            ("format", "webp"),
        ),
    )


def test_xai_calls_the_revised_prompt_prompt() -> None:
    (picture,) = of(Picture, read(fixture("xai_prompt.json")))

    assert picture.revised_prompt == "A red paper kite"
    assert picture.actual == ()


def test_several_pictures_come_in_their_order() -> None:
    answers = read(fixture("several_pictures.json"))

    assert [picture.item_id for picture in of(Picture, answers)] == [
        "ig_limner_1",
        "ig_limner_2",
        "ig_limner_3",
    ]


def test_the_same_id_for_two_pictures_keeps_both() -> None:
    answers = stream(
        done(image(b64(RED)), 0),
        done(image(b64(GREEN)), 1),
        completed(image(b64(RED)), image(b64(GREEN))),
    )

    assert pictures(answers) == [RED, GREEN]
    assert pictures(read(response(image(b64(RED)), image(b64(GREEN))))) == [RED, GREEN]


def test_the_same_bytes_under_two_ids_are_one_picture() -> None:
    answers = read(response(image(b64(RED), "ig_1"), image(b64(RED), "ig_2")))

    assert pictures(answers) == [RED]
    assert of(ItemFault, answers) == []


def test_a_picture_that_only_the_end_holds_is_told() -> None:
    answers = stream(
        CREATED, done(image(b64(RED))), completed(image(b64(RED)), image(b64(GREEN), "ig_2"))
    )

    assert pictures(answers) == [RED, GREEN]


def test_an_address_in_place_of_a_picture_already_told_is_no_second_picture() -> None:
    answers = stream(done(image(b64(RED))), completed(image("https://cdn.example/kite.png")))

    assert pictures(answers) == [RED]
    assert of(PictureUrl, answers) == []


def test_an_address_alone_is_not_an_item_without_a_picture() -> None:
    assert of(ItemFault, stream(done(image("https://cdn.example/kite.png")), completed())) == []


def test_items_without_ids_are_told_apart_by_their_bytes() -> None:
    red, green = image(b64(RED), None), image(b64(GREEN), None)

    assert pictures(stream(done(red), done(green, 1), completed(red, green))) == [RED, GREEN]
    assert pictures(stream(done(red), completed(red, green))) == [RED, GREEN]


def test_an_address_is_passed_on_once() -> None:
    item = image("https://cdn.example/kite.png", revised_prompt="a kite")

    answers = stream(done(item), completed(image("https://cdn.example/kite.png", "ig_2")))

    assert of(PictureUrl, answers) == [
        PictureUrl(item_id="ig_1", url="https://cdn.example/kite.png", revised_prompt="a kite")
    ]
    assert of(ItemFault, answers) == []


@pytest.mark.parametrize(
    "result",
    [[b64(RED)], {"b64_json": b64(RED)}, f"data:image/png;base64,{b64(RED)}"],
    ids=["list", "dict", "data URL"],
)
def test_a_wrapped_result_is_a_picture(result: object) -> None:
    assert pictures(read(response(image(result)))) == [RED]


def test_a_picture_of_28_mebibytes_is_read_from_small_chunks() -> None:
    picture = bytes(28 * 1024 * 1024 // 4 * 3)
    body = sse(done(image(b64(picture))), completed())

    answers = read_chunks(chunked(body, 65_536))

    assert pictures(answers) == [picture]


# ── items without a picture ──────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("result", [None, "", [], {}, 17, {"url": ""}])
def test_an_item_without_a_picture_is_told(result: object) -> None:
    answers = read(response(image(result)))

    assert codes(answers) == ["empty_result"]
    assert ended(answers).status == "completed"


@pytest.mark.parametrize("result", ["iVBOR...", "no picture", ["%%%"]])
def test_base64_that_cannot_be_read_is_told(result: object) -> None:
    assert codes(read(response(image(result)))) == ["bad_base64"]


def test_a_bad_picture_is_forgotten_when_the_end_brings_a_good_one() -> None:
    answers = stream(done(image("cut off!")), completed(image(b64(RED))))

    assert pictures(answers) == [RED]
    assert of(ItemFault, answers) == []


def test_a_failed_item_is_told_once_though_the_end_repeats_it() -> None:
    failed = image(None, status="failed", error={"code": "moderation_blocked"})

    assert codes(stream(done(failed), completed(failed))) == ["moderation_blocked"]


def test_a_failed_item_is_told_although_the_end_leaves_it_out() -> None:
    failed = image(None, status="failed", error={"code": "moderation_blocked"})

    assert codes(stream(done(failed), completed())) == ["moderation_blocked"]
    assert codes(stream(done(failed), completed(message("Sorry.")))) == ["moderation_blocked"]


def test_failed_items_without_ids_are_all_told() -> None:
    failed = image(None, None, error={"code": "moderation_blocked"})

    assert codes(read(response(failed, failed))) == ["moderation_blocked", "moderation_blocked"]


def test_a_second_try_under_the_same_id_makes_up_for_the_first() -> None:
    answers = stream(done(image("cut off!")), done(image(b64(RED))), completed())

    assert pictures(answers) == [RED]
    assert of(ItemFault, answers) == []


def test_a_failed_item_is_told_once_though_its_id_changes() -> None:
    failed = {"status": "failed", "error": {"code": "moderation_blocked"}}

    answers = stream(
        done(image(None, "ig_a", **failed)), completed(image(None, "ig_b", status="failed"))
    )

    assert codes(answers) == ["moderation_blocked"]


def test_a_picture_that_the_end_leaves_out_is_not_missed() -> None:
    answers = stream(done(image(b64(RED), "ig_a")), completed(image(None, "ig_b")))

    assert pictures(answers) == [RED]
    assert of(ItemFault, answers) == []


def test_one_of_two_pictures_may_fail() -> None:
    good, bad = image(b64(RED)), image(None, "ig_2", error={"code": "moderation_blocked"})

    answers = stream(done(bad, 0), done(good, 1), completed(bad, good))

    assert pictures(answers) == [RED]
    assert codes(answers) == ["moderation_blocked"]


def test_a_failed_item_is_told_also_when_the_stream_breaks_off() -> None:
    answers = stream(done(image(None, error={"code": "moderation_blocked"})))

    assert codes(answers) == ["moderation_blocked"]
    assert fault(answers).kind == "truncated"


def test_a_failed_item_says_what_was_found_and_where() -> None:
    answers = read(fixture("failed_item_in_completed.json"))

    (item,) = of(ItemFault, answers)
    assert item.item_id == "ig_limner_1"
    assert item.fault.code == "moderation_blocked"
    assert (item.fault.stage, item.fault.categories) == ("output", ("violence",))
    assert ended(answers).status == "completed"


# ── drafts and progress ──────────────────────────────────────────────────────────────────────


def partial(index: object, data: object) -> dict[str, object]:
    kind = "image_generation_call.partial_image"
    return event(kind, partial_image_index=index, partial_image_b64=data)


def test_drafts_are_told_one_more_than_asked_for_and_are_no_pictures() -> None:
    answers = read(fixture("final_three_times.sse"))

    assert [draft.index for draft in of(PartialPicture, answers)] == [0, 1]
    assert of(PartialPicture, answers)[-1].data == pictures(answers)[0]


def test_drafts_nobody_asked_for_are_not_decoded() -> None:
    answers = read(fixture("final_three_times.sse"), partials=False)

    assert of(PartialPicture, answers) == []
    assert len(pictures(answers)) == 1


@pytest.mark.parametrize("data", [None, "", "%%", 5, ["x"]])
def test_a_draft_that_cannot_be_read_is_passed_over(data: object) -> None:
    answers = stream(partial(0, data), completed())

    assert of(PartialPicture, answers) == []
    assert ended(answers)


def test_a_draft_without_a_number_is_the_first() -> None:
    assert of(PartialPicture, stream(partial(None, b64(RED)), completed())) == [
        PartialPicture(index=0, data=RED)
    ]


def test_the_stages_of_the_tool_are_told() -> None:
    answers = read(fixture("final_three_times.sse"))

    assert of(ToolStage, answers) == [
        ToolStage("in_progress"),
        ToolStage("generating"),
        ToolStage("completed"),
    ]


# ── who answers ──────────────────────────────────────────────────────────────────────────────


def test_the_opening_says_who_answers_with_which_tools() -> None:
    tools = [{"type": "web_search"}, {"type": "image_generation", "model": "gpt-image-2-codex"}]
    body = {"id": "resp_9", "model": "gpt-5.5", "tools": tools, "previous_response_id": "resp_8"}

    opened = of(Opened, stream(event("created", response=body), completed()))[0]

    assert opened == Opened(
        response_id="resp_9",
        model="gpt-5.5",
        tools=("web_search", "image_generation"),
        tool_model="gpt-image-2-codex",
        previous_response_id="resp_8",
    )


@pytest.mark.parametrize(("tools", "echoed"), [([], ()), (None, None), ("x", None), ([7], ("",))])
def test_no_echo_is_not_an_empty_echo(tools: object, echoed: object) -> None:
    assert of(Opened, read(response(tools=tools)))[0].tools == echoed


@pytest.mark.parametrize(("flag", "offline"), [(True, True), ("true", False), (None, False)])
def test_the_built_in_artist_is_recognised(flag: object, offline: bool) -> None:
    assert of(Opened, read(response(offline=flag)))[0].offline is offline


def test_a_stream_may_begin_without_response_created() -> None:
    answers = stream(event("in_progress", response={"id": "resp_3"}), completed())

    assert of(Opened, answers)[0].response_id == "resp_3"


def test_an_opening_after_the_queue_is_told() -> None:
    queued = event("queued", response={"status": "queued"})

    assert [o.response_id for o in of(Opened, stream(queued, CREATED))] == [None, "resp_1"]


def test_a_progress_event_after_the_opening_is_not_a_second_opening() -> None:
    reader = AnswerReader()
    progress = event("in_progress", response={"id": "resp_1"})

    assert len(of(Opened, reader.feed(sse(CREATED, progress)))) == 1


# ── words ────────────────────────────────────────────────────────────────────────────────────


def piece(text: object, **place: object) -> dict[str, object]:
    return event("output_text.delta", delta=text, **place)


def test_words_are_told_once_though_the_stream_repeats_them() -> None:
    assert words(read(fixture("text_only.sse"))) == "Which harbour do you mean?"
    assert words(read(fixture("generating_with_result.sse"))) == "Here is the kite."


@pytest.mark.parametrize(
    "late",
    [
        event("output_text.done", output_index=0, content_index=0, text="A kite."),
        event("content_part.done", output_index=0, part={"type": "output_text", "text": "A kite."}),
        done(message("A kite.")),
        completed(message("A kite.")),
    ],
    ids=["text done", "part done", "item done", "the end"],
)
def test_words_that_came_in_no_pieces_are_told_from_what_holds_them(
    late: dict[str, object],
) -> None:
    assert words(stream(late, completed())) == "A kite."
    assert words(stream(late, completed(message("A kite.")))) == "A kite."


def test_a_lost_last_piece_is_made_up_for() -> None:
    place = {"output_index": 0, "content_index": 0}

    answers = stream(piece("A ki", **place), event("output_text.done", text="A kite.", **place))

    assert words(answers) == "A kite."


def test_words_that_differ_from_their_pieces_are_not_told_twice() -> None:
    assert (
        words(stream(piece("A kite. ", output_index=0), completed(message("A kite!"))))
        == "A kite. "
    )


def test_words_whose_place_moved_are_not_told_twice() -> None:
    answers = stream(
        piece("A kite.", output_index=2), completed(image(b64(RED)), message("A kite."))
    )

    assert words(answers) == "A kite."


def test_words_without_a_place_are_not_told_twice() -> None:
    answers = stream(
        piece("A "), piece("kite."), done(message("A kite.")), completed(message("A kite."))
    )

    assert words(answers) == "A kite."


def test_two_parts_of_a_message_are_told_apart() -> None:
    parts = [
        piece("A", output_index=0, content_index=0),
        piece("B", output_index=0, content_index=1),
    ]

    assert (
        words(stream(*parts, done(message("Ab", "Bb")), completed(message("Ab", "Bb")))) == "ABbb"
    )


def test_two_messages_may_say_the_same() -> None:
    assert words(read(response(message("Yes."), message("Yes.")))) == "Yes.Yes."
    assert (
        words(stream(done(message("Yes."), 0), done(message("Yes."), 1), completed())) == "Yes.Yes."
    )


def test_a_message_without_a_type_is_known_by_its_role() -> None:
    said = {"role": "assistant", "content": [{"text": "A kite."}]}

    assert words(read(response(said))) == "A kite."


@pytest.mark.parametrize(
    "item",
    [
        {"type": "reasoning", "content": [{"type": "reasoning_text", "text": "hm"}]},
        {"type": "web_search_call", "role": "assistant", "content": [{"text": "hm"}]},
        {"role": "user", "content": [{"text": "hm"}]},
        {"content": [{"text": "hm"}]},
    ],
)
def test_only_what_the_assistant_says_is_told(item: dict[str, object]) -> None:
    assert words(read(response(item))) == ""


def test_a_message_with_the_id_of_a_picture_is_still_told() -> None:
    said = {"id": "ig_1", **message("A kite.")}

    assert words(stream(done(image(b64(RED))), completed(image(b64(RED)), said))) == "A kite."


@pytest.mark.parametrize("text", [None, 5, ["a"], "", "\x00"])
def test_what_is_no_text_is_no_piece(text: object) -> None:
    assert words(stream(piece(text), event("output_text.done", text=text), completed())) == ""


def test_words_can_always_be_stored_and_written() -> None:
    answers = read(b'data: {"type":"response.output_text.delta","delta":"a\\ud800\\u0000b"}\n\n')

    assert words(answers) == "a?b"


# ── refusals ─────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("name", ["refusal_streamed.sse", "refusal_whole.json"])
def test_a_refusal_part_is_told_once_and_is_no_text(name: str) -> None:
    answers = read(fixture(name))

    assert of(RefusalText, answers) == [RefusalText("I can't draw that.")]
    assert words(answers) == ""


def test_a_refusal_in_pieces_alone_is_told() -> None:
    pieces = [event("refusal.delta", delta=each) for each in ("No", " thanks", None, 7)]

    assert of(RefusalText, stream(*pieces, completed())) == [RefusalText("No thanks")]


def test_a_refusal_whole_at_once_is_told() -> None:
    answers = stream(event("refusal.done", refusal="No."), completed())

    assert of(RefusalText, answers) == [RefusalText("No.")]


def test_pieces_of_thought_are_no_refusal() -> None:
    thought = event("reasoning_summary_text.delta", delta="hm", refusal="No.")

    assert of(RefusalText, stream(thought, completed())) == []


@pytest.mark.parametrize("refusal", [None, "", "  ", 7, {}])
def test_an_empty_refusal_is_none(refusal: object) -> None:
    said = {"type": "message", "content": [{"type": "refusal", "refusal": refusal}]}

    assert of(RefusalText, read(response(said))) == []


# ── the end ──────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("name", ["completed", "incomplete", "done"])
def test_the_end_has_many_names(name: str) -> None:
    answers = stream(event(name, response=response(image(b64(RED)), status=None)))

    assert pictures(answers) == [RED]
    assert ended(answers).status == ("completed" if name == "done" else name)


@pytest.mark.parametrize("name", ["failed", "cancelled", "canceled"])
def test_a_bad_end_is_a_fault_after_the_pictures(name: str) -> None:
    answers = stream(event(name, response=response(image(b64(RED)))))

    assert pictures(answers) == [RED]
    status = name.replace("canceled", "cancelled")
    assert (fault(answers).code, fault(answers).message) == (
        status,
        f"The response ended as {status}.",
    )


@pytest.mark.parametrize("status", ["failed", "cancelled", "canceled"])
def test_response_done_says_how_it_ended_inside(status: str) -> None:
    said = response(status=status, error={"code": "server_error", "message": "oh"})

    assert fault(stream(event("done", response=said))).code == "server_error"
    assert fault(stream(event("done", response=response(status=status)))).code == (
        status.replace("canceled", "cancelled")
    )


def test_response_done_is_an_end_whatever_is_inside() -> None:
    assert (
        ended(stream(event("done", response=response(status="in_progress")))).status == "completed"
    )


def test_the_name_of_the_end_outranks_the_status_inside() -> None:
    assert ended(stream(event("completed", response=response(status="in_progress")))).status == (
        "completed"
    )


def test_nothing_is_told_after_the_end() -> None:
    late = [
        done(image(b64(GREEN), "ig_2")),
        completed(image(b64(GREEN), "ig_2")),
        {"type": "error"},
    ]

    answers = stream(completed(image(b64(RED))), *late)

    assert pictures(answers) == [RED]
    assert ended(answers)


def test_an_incomplete_answer_says_why() -> None:
    answers = read(response(status="incomplete", incomplete_details={"reason": "content_filter"}))

    assert ended(answers).incomplete_reason == "content_filter"


@pytest.mark.parametrize("status", ["queued", "in_progress"])
def test_an_unfinished_answer_is_no_answer(status: str) -> None:
    answers = read(response(image(b64(RED)), status=status))

    assert pictures(answers) == [RED]
    assert fault(answers).kind == "truncated"


@pytest.mark.parametrize("status", [None, "", 200, {"a": 1}])
def test_a_whole_answer_without_a_status_is_complete(status: object) -> None:
    assert ended(read(response(status=status))).status == "completed"


def test_null_output_is_no_output() -> None:
    answers = read({"id": "resp_1", "status": "completed", "output": None})

    assert ended(answers).response_id == "resp_1"


# ── money ────────────────────────────────────────────────────────────────────────────────────


def test_the_picture_is_counted_apart_from_the_words() -> None:
    answers = read(fixture("store_false_with_tool_usage.json"))

    assert ended(answers).usage == Usage(
        text=Tokens(input=2279, cached_input=1000, output=683, total=2962),
        image=Tokens(
            input=71,
            output=196,
            input_text=71,
            input_image=0,
            output_text=0,
            output_image=196,
            total=267,
        ),
    )


@pytest.mark.parametrize("usage", [None, {}, [], "many", 7])
def test_missing_usage_is_unknown_and_not_zero(usage: object) -> None:
    answers = read(response(usage=usage, tool_usage={"image_gen": usage}))

    assert ended(answers).usage == Usage()
    assert ended(answers).reported_cost is None


@pytest.mark.parametrize("count", [-1, "12", 1.5, True, None, [], 10**30])
def test_a_count_that_is_none_is_left_out(count: object) -> None:
    answers = read(response(usage={"input_tokens": count, "output_tokens": 3}))

    assert ended(answers).usage.text == Tokens(output=3)


@pytest.mark.parametrize(("cost", "amount"), [(0.0421, "0.0421"), (1, "1.0"), (1e-7, "1E-7")])
def test_a_cost_that_the_gateway_reports_is_read(cost: object, amount: str) -> None:
    expected = Cost(amount=Decimal(amount), currency="USD", basis="reported")

    assert ended(read(response(usage={"cost": cost}))).reported_cost == expected


@pytest.mark.parametrize(
    "cost", ["-1", '"1"', "true", "null", "NaN", "Infinity", "1e999", "9" * 400, "1e300", "100001"]
)
def test_a_cost_that_is_no_amount_is_unknown(cost: str) -> None:
    body = b'{"status":"completed","output":[],"usage":{"cost":%s}}' % cost.encode()

    assert ended(read(body)).reported_cost is None


@pytest.mark.parametrize(
    ("moderation", "flagged"),
    [
        ({"input": {"results": [{"flagged": True}]}, "output": {"results": []}}, True),
        ({"input": {"flagged": True}}, True),
        ({"input": {"results": [{"flagged": False}]}}, False),
        ({"input": {"results": [{"flagged": "yes"}]}}, None),
        (None, None),
    ],
)
def test_a_flag_of_the_moderation_is_told_and_blocks_nothing(
    moderation: object, flagged: bool | None
) -> None:
    assert ended(read(response(moderation=moderation))).moderation_flagged is flagged


def test_a_flagged_answer_may_be_complete() -> None:
    answers = read(fixture("flagged_not_blocked.json"))

    assert ended(answers).moderation_flagged is True
    assert words(answers) == "No."


# ── errors ───────────────────────────────────────────────────────────────────────────────────


def test_an_error_event_and_the_failed_end_after_it_are_one_fault() -> None:
    answers = read(fixture("error_then_failed.sse"))

    assert fault(answers).code == "moderation_blocked"
    assert of(Fault, answers) == [fault(answers)]


def test_a_flat_error_event_is_a_fault() -> None:
    told = fault(read(fixture("error_flat.sse")))

    assert (told.kind, told.code, told.message) == (
        "error",
        "server_error",
        "The server had an error.",
    )


def test_a_rate_limit_inside_a_stream_says_when_to_come_back() -> None:
    told = fault(read(fixture("rate_limit_in_stream.sse")))

    assert (told.code, told.resets_in) == ("rate_limit_exceeded", 11.054)


@pytest.mark.parametrize(
    "said",
    [
        {"error": {"code": "server_error", "message": "oh"}},
        {"code": "server_error", "message": "oh"},
        {"type": "server_error", "message": "oh"},
        {"type": "keepalive", "error": {"code": "server_error", "message": "oh"}},
        {"type": "response.failed", "error": {"code": "server_error", "message": "oh"}},
        {"type": "response.failed", "code": "server_error", "message": "oh"},
        {"type": "response.completed", "error": {"code": "server_error", "message": "oh"}},
    ],
)
def test_an_error_is_known_without_the_event_that_would_say_so(said: dict[str, object]) -> None:
    told = fault(stream(CREATED, said))

    assert "server_error" in (told.code, told.type)
    assert told.message == "oh"


def test_an_error_inside_a_completed_answer_is_an_error() -> None:
    said = response(image(b64(RED)), error={"code": "server_error", "message": "oh"})

    for answers in (read(said), stream(event("completed", response=said))):
        assert pictures(answers) == [RED]
        assert fault(answers).code == "server_error"


@pytest.mark.parametrize(
    "error",
    [
        "oh",
        {"message": "oh"},
        {"code": "server_error"},
        {"type": "server_error"},
        {"moderation_details": {"moderation_stage": "input"}},
    ],
)
def test_any_part_of_an_error_is_an_error(error: object) -> None:
    assert fault(read(response(error=error))).kind == "error"
    (item,) = of(ItemFault, read(response(image(None, error=error))))
    assert item.fault.code != "empty_result"


@pytest.mark.parametrize("nothing", [None, {}, "", {"code": "", "message": "", "type": ""}])
def test_an_error_with_nothing_in_it_is_none(nothing: object) -> None:
    assert ended(read(response(error=nothing))).status == "completed"
    assert ended(stream({"type": "response.completed", "error": nothing, "response": response()}))
    assert codes(read(response(image(None, error=nothing)))) == ["empty_result"]


def test_a_late_error_after_white_space_is_a_fault() -> None:
    assert fixture("late_error.json").startswith(b" \n")
    assert fault(read(fixture("late_error.json"))).code == "upstream_error"


def test_a_late_error_after_comments_is_a_fault() -> None:
    body = b': PING\n\n: PING\n\n{"error":{"code":"upstream_error","message":"oh"}}'

    assert fault(read(body)).code == "upstream_error"


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"", "empty"),
        (b" \n \n", "empty"),
        (b"\xef\xbb\xbf", "empty"),
        (b":", "empty"),
        (b": PING\n\n: PING\n\n", "empty"),
        (b"data: [DONE]\n\n", "empty"),
        (b"data:\n\n", "empty"),
        (b"<!DOCTYPE html><html><title>Sign in</title></html>", "html"),
        (b"\n<html><body>504</body></html>", "html"),
        (b"Bad Gateway", "malformed"),
        (b'"a string"', "malformed"),
        (b"null", "malformed"),
        (b"[]", "malformed"),
        (b"{}", "malformed"),
        (b"{'error': 'python'}", "malformed"),
        (b'{"object":"chat.completion","choices":[]}', "malformed"),
        (b'{"object":"list","data":[{"id":"gpt-5.5"}]}', "malformed"),
        (b"\xff\xfe\xfd", "malformed"),
        (b"[" * 100_000 + b"]", "malformed"),
        (b"data: upstream is asleep\n\n", "malformed"),
        (b'data: {"message":"queue is full"}\n\n', "malformed"),
        (b'{"id":"resp_1","output":[', "truncated"),
        (b'data: {"type":"response.crea', "truncated"),
        (sse(CREATED), "truncated"),
        (b'{"error":"no such model"}', "error"),
        (b'{"detail":"Not Found"}', "error"),
        (b'{"status":500,"error":"Internal Server Error","path":"/v1/responses"}', "error"),
        (b'[{"error":{"code":400,"message":"bad"}}]', "error"),
    ],
)
def test_what_is_no_answer_is_one_fault_of_its_kind(body: bytes, kind: str) -> None:
    answers = read(body)

    assert fault(answers).kind == kind
    assert fault(answers).message
    assert of(Fault, answers) == [fault(answers)]


def test_a_page_is_named_by_its_title() -> None:
    assert fault(read(b"<html><head><title>Sign in</title>")).message == "an HTML page: Sign in"


@pytest.mark.parametrize(
    "little", [{"output": []}, {"object": "response"}, {"status": "completed"}]
)
def test_any_part_of_a_response_is_a_response(little: dict[str, object]) -> None:
    assert ended(read(little)).status == "completed"
    assert ended(stream(little)).status == "completed"


def test_a_response_as_the_only_event_says_how_it_ended() -> None:
    assert ended(stream(response(status="incomplete"))).status == "incomplete"


def test_a_sign_of_life_with_a_status_is_no_response() -> None:
    alive = {"type": "keepalive", "status": "in_progress"}

    assert pictures(stream(CREATED, alive, completed(image(b64(RED))))) == [RED]
    assert fault(stream(CREATED, alive, {"type": "notice", "message": "wait"})).message == (
        "The stream ended before its terminal event."
    )


def test_a_broken_event_is_a_cut_whatever_follows_it() -> None:
    told = fault(read(b'data: {"type":"resp\n\ndata: oh\n\n'))

    assert (told.kind, told.message) == ("truncated", "The stream ended before its terminal event.")


def test_the_first_of_several_reasons_is_told() -> None:
    assert fault(read(b"data: first\n\ndata: second\n\n")).message == "first"
    assert fault(stream({"message": "first"}, {"message": "second"})).message == "first"


def test_a_stream_that_breaks_off_quotes_the_last_words_it_had() -> None:
    assert fault(read(sse(CREATED) + b"data: upstream idle\n\n")).message == "upstream idle"


def test_an_unknown_event_with_a_message_ends_nothing() -> None:
    notice = {"type": "notice", "message": "third in the queue", "code": "queued"}

    assert pictures(stream({"message": "queued"}, notice, completed(image(b64(RED))))) == [RED]


# ── streamed where whole was expected, and the other way round ───────────────────────────────


def test_json_where_a_stream_was_expected_is_read() -> None:
    answers = read(response(image(b64(RED)), message("A kite.")))

    assert pictures(answers) == [RED]
    assert words(answers) == "A kite."
    assert ended(answers).response_id == "resp_1"


@pytest.mark.parametrize("first", [b"event: x\n", b"id: 1\n", b"retry: 5\n", b": c\n", b""])
def test_a_stream_is_known_by_its_first_line(first: bytes) -> None:
    assert pictures(read(first + sse(completed(image(b64(RED)))))) == [RED]


@pytest.mark.parametrize("before", [b"\xef\xbb\xbf", b"\n\n", b" \n\xef\xbb\xbf\n", b"\r\n"])
@pytest.mark.parametrize("whole", [True, False])
def test_a_byte_order_mark_and_white_space_come_before_anything(
    before: bytes,
    whole: bool,
) -> None:
    body = (
        json.dumps(response(image(b64(RED)))).encode() if whole else sse(completed(image(b64(RED))))
    )

    assert pictures(read(before + body)) == [RED]


def test_the_last_event_as_plain_json_is_an_answer() -> None:
    assert pictures(read(completed(image(b64(RED))))) == [RED]


def test_a_response_object_as_the_only_event_is_an_answer() -> None:
    assert pictures(stream(response(image(b64(RED))))) == [RED]


def test_the_end_may_come_without_its_blank_line() -> None:
    assert ended(read(sse(completed()).rstrip(b"\n"))).status == "completed"


# ── what the waiting side asks ───────────────────────────────────────────────────────────────


def test_pings_and_comments_are_no_events() -> None:
    reader = AnswerReader()

    list(reader.feed(b': PING\n\ndata: {"type":"ping"}\n\ndata: {"type":"keepalive"}\n\n'))
    assert reader.events == 0
    list(reader.feed(sse(CREATED, event("reasoning_summary_text.delta", delta="hm"))))
    assert reader.events == 2


def test_a_long_event_on_its_way_shows() -> None:
    reader = AnswerReader()

    list(reader.feed(sse(CREATED)))
    assert not reader.arriving
    list(reader.feed(b'data: {"type":"response.output_item.done","item":"' + b"A" * 2000))
    assert reader.arriving
    list(reader.feed(b'"}\n\n: ' + b"PING" * 1000))
    assert not reader.arriving


def test_a_whole_answer_on_its_way_shows_and_white_space_does_not() -> None:
    reader = AnswerReader()

    list(reader.feed(b" \n" * 5000))
    assert not reader.arriving
    list(reader.feed(b'{"id":'))
    assert reader.arriving
    list(reader.close())
    assert not reader.arriving


def test_closing_twice_tells_nothing_new() -> None:
    for body in (b"", b"{}", b"data: x\n\n", sse(completed())):
        reader = AnswerReader()
        answers = [*reader.feed(body), *reader.close()]

        assert len(of(Fault, answers)) + len(of(Ended, answers)) == 1
        assert list(reader.close()) == []


# ── whatever comes ───────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("path", sorted(FIXTURES.iterdir()), ids=lambda path: path.name)
def test_every_fixture_names_its_fact_and_can_be_cut_anywhere(path: Path) -> None:
    body = path.read_bytes()
    assert b"_fact" in body[:40]
    whole = read(body)

    for size in (1, 2, 3, 7, 64):
        assert read_chunks(chunked(body, size)) == whole


@given(
    st.sampled_from(sorted(FIXTURES.glob("*.sse"))),
    st.sampled_from([b"\n", b"\r\n", b"\r"]),
    st.data(),
)
def test_any_cut_and_any_line_end_give_the_same_answer(
    path: Path, end: bytes, data: st.DataObject
) -> None:
    body = path.read_bytes().replace(b"\n", end)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(body)), max_size=5)))
    edges = [0, *cuts, len(body)]

    chunks = [body[a:b] for a, b in itertools.pairwise(edges)]

    assert read_chunks(chunks) == read(path.read_bytes())


@given(st.sampled_from(sorted(FIXTURES.iterdir())), st.data())
def test_an_answer_cut_off_anywhere_ends_in_one_way_and_invents_nothing(
    path: Path, data: st.DataObject
) -> None:
    body = path.read_bytes()
    whole = read(body)
    cut = read(body[: data.draw(st.integers(0, len(body)))])

    assert terminal(cut)
    assert set(pictures(cut)) <= set(pictures(whole))
    assert words(whole).startswith(words(cut))


anything = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters(exclude_categories=()))
    | st.sampled_from(["image_generation_call", "message", "completed", "failed", b64(RED)]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3)
    ),
    max_leaves=6,
)


def some(*names: str) -> st.SearchStrategy[dict[str, object]]:
    """An object with any of these fields holding anything."""
    return st.fixed_dictionaries({}, optional=dict.fromkeys(names, anything))


def with_some(base: dict[str, object], *names: str) -> st.SearchStrategy[dict[str, object]]:
    return some(*names).map(lambda fields: {**base, **fields})


items = with_some(
    {"type": "image_generation_call"}, "id", "result", "error", "status", "size", "revised_prompt"
) | with_some({"type": "message"}, "content", "role")
responses = st.builds(
    lambda output, fields: {"output": output, **fields},
    st.lists(items, max_size=3),
    some(
        "id", "status", "output", "error", "usage", "tool_usage", "tools", "moderation",
        "incomplete_details", "model", "object",
    ),
)  # fmt: skip
events = (
    some("type", "error", "code", "message", "response", "item", "delta")
    | st.builds(lambda r, k: event(k, response=r), responses, st.sampled_from(["created", "completed", "failed", "done"]))
    | st.builds(done, items)
    | with_some(event("image_generation_call.partial_image"), "partial_image_b64", "partial_image_index")
    | with_some(event("output_text.delta"), "delta", "output_index", "content_index")
    | with_some(event("output_text.done"), "text", "output_index", "content_index")
    | with_some(event("refusal.done"), "refusal")
    | with_some({"type": "error"}, "error", "code", "message")
)  # fmt: skip


def check(answers: list[Answer]) -> None:
    """One end, and everything told can be stored."""
    assert terminal(answers)
    for answer in answers:
        assert not isinstance(answer, Picture | PartialPicture) or answer.data
        str(answer).encode()
        if isinstance(answer, Ended):
            Usage.model_validate_json(answer.usage.model_dump_json())


@given(st.binary())
def test_no_bytes_ever_raise(body: bytes) -> None:
    check(read(body))
    check(read(b"data: " + body + b"\n\n"))


@given(responses | anything)
def test_no_whole_answer_ever_raises(body: object) -> None:
    check(read(json.dumps(body).encode()))


@given(st.lists(events, max_size=6))
def test_no_stream_ever_raises(many: list[dict[str, object]]) -> None:
    body = sse(*many)

    check(read(body))
    assert read_chunks(chunked(body, 11)) == read(body)
