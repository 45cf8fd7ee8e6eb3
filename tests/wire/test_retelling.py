"""A server's answer comes out as the stream that the API promises, whatever the server did."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Sequence
from itertools import count
from typing import Any

import pytest

from agent.schema import ImageId, Sha256
from agent.wire import lift
from agent.wire.retelling import Drawn, Ending, Frame, Retelling

ONE, TWO = b"\x89PNG one" * 300, b"\x89PNG two" * 300
Json = dict[str, Any]


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def drawn(data: bytes = ONE, name: str = "img_1") -> Drawn:
    sha256 = Sha256(hashlib.sha256(data).hexdigest())
    return Drawn(image=ImageId(name), sha256=sha256, data=data)


class Teller:
    """A retelling, and what it has said as JSON."""

    def __init__(self, *, hold: bool = True, **frame: Any) -> None:
        numbers = count(1)
        known: Json = {"id": "resp_ours", "created": 7, "asked": {"model": "gpt-5.5"}}
        self.tale = Retelling(
            Frame(**(known | frame)), new_id=lambda p: f"{p}_{next(numbers)}", hold=hold
        )
        self.said: list[Json] = []

    def hear(self, event: Json, *pictures: Drawn) -> list[Json]:
        return self._told(self.tale.tell(lift.parse(json.dumps(event).encode()), pictures))

    def release(self, theirs: str | None) -> list[Json]:
        return self._told(self.tale.release(theirs))

    def end(self, error: Json | None = None) -> tuple[list[Json], Ending]:
        ending = self.tale.end(error)
        return self._told(ending.events), ending

    def _told(self, frames: Sequence[bytes]) -> list[Json]:
        new = []
        for frame in frames:
            name, data, *rest = frame.decode().split("\n")
            event = json.loads(data.removeprefix("data: "))
            assert name == f"event: {event['type']}"
            assert rest == ["", ""]
            new.append(event)
        self.said += new
        return new

    @property
    def kinds(self) -> list[str]:
        assert [event["sequence_number"] for event in self.said] == list(range(len(self.said)))
        return [event["type"].removeprefix("response.") for event in self.said]


def created(**more: Any) -> Json:
    return {"type": "response.created", "response": {"id": "resp_theirs", "output": [], **more}}


def added(at: int = 0, item: Json | None = None) -> Json:
    item = item or {"id": "ig_theirs", "type": "image_generation_call", "status": "in_progress"}
    return {"type": "response.output_item.added", "output_index": at, "item": item}


def picture(data: bytes | None = ONE, **more: Any) -> Json:
    return {
        "id": "ig_theirs",
        "type": "image_generation_call",
        "status": "generating",
        "result": b64(data) if data else None,
        "revised_prompt": "a kite",
        **more,
    }


def done(item: Json, at: int | None = 0) -> Json:
    event = {"type": "response.output_item.done", "output_index": at, "item": item}
    return {key: value for key, value in event.items() if value is not None}


def partial(at: int = 0, data: bytes = TWO) -> Json:
    return {
        "type": "response.image_generation_call.partial_image",
        "item_id": "ig_theirs",
        "output_index": at,
        "partial_image_index": 0,
        "partial_image_b64": b64(data),
    }


def stage(name: str, at: int = 0) -> Json:
    return {
        "type": f"response.image_generation_call.{name}",
        "item_id": "ig_theirs",
        "output_index": at,
    }


def finished(*output: Json, kind: str = "response.completed", **more: Any) -> Json:
    response = {"id": "resp_theirs", "status": "completed", "output": list(output), **more}
    return {"type": kind, "response": response}


def message(text: str = "Done.", **more: Any) -> Json:
    part = {"type": "output_text", "text": text, "annotations": []}
    return {"id": "msg_theirs", "type": "message", "role": "assistant", "content": [part], **more}


# ── ids, numbers, echo ───────────────────────────────────────────────────────────────────────


def test_one_answer_has_one_id_and_its_items_have_ours() -> None:
    teller = Teller(previous="resp_before", instructions="Be brief.")
    for event in (
        created(),
        {"type": "response.in_progress", "response": {"id": "resp_other"}},
        added(),
        stage("generating"),
    ):
        teller.hear(event)
    teller.hear(done(picture()), drawn())
    teller.hear(finished(picture(), instructions="preamble", previous_response_id=None))
    said, ending = teller.end()

    whole = said[-1]["response"]
    assert {event["response"]["id"] for event in teller.said if "response" in event} == {
        "resp_ours"
    }
    assert teller.said[3]["item_id"] == teller.said[4]["item"]["id"] == whole["output"][0]["id"]
    assert whole["output"][0]["id"] == "ig_1"
    assert (whole["instructions"], whole["previous_response_id"]) == ("Be brief.", "resp_before")
    assert (whole["created_at"], whole["store"], whole["background"]) == (7, True, False)
    assert ending.body == json.dumps(whole, separators=(",", ":")).encode()
    assert b"theirs" not in ending.body


def test_a_picture_that_is_there_is_completed_whatever_its_status_says() -> None:
    teller = Teller()
    said = teller.hear(done(picture()), drawn())

    assert said[-1]["item"]["status"] == "completed"
    assert said[-1]["item"]["result"] == b64(ONE)


def test_an_item_is_kept_with_the_picture_it_named_and_without_its_bytes() -> None:
    teller = Teller()
    teller.hear(done(picture()), drawn())
    teller.hear(finished(picture()))
    _, ending = teller.end()

    [told] = ending.items
    assert told.image == "img_1"
    assert told.value["result"] is None
    assert told.value["revised_prompt"] == "a kite"
    assert "output" not in ending.document


def test_calls_of_other_tools_keep_their_ids_and_are_told_apart() -> None:
    teller = Teller()
    call = {"id": "fc_7", "type": "function_call", "call_id": "call_1", "arguments": "{}"}
    assert not teller.tale.others
    teller.hear(added(0, {**call, "arguments": ""}))
    delta = {
        "type": "response.function_call_arguments.delta",
        "item_id": "fc_7",
        "output_index": 0,
        "delta": "{}",
    }
    said = teller.hear(delta)
    teller.hear(done(call))

    assert said[-1]["item_id"] == "fc_7"
    assert teller.said[-1]["item"] == call
    assert teller.tale.others


def test_an_id_that_is_missing_or_changes_is_steady_all_the_same() -> None:
    teller = Teller()
    teller.hear(added(0, {"type": "reasoning", "summary": []}))
    teller.hear(done({"id": "rs_late", "type": "reasoning", "summary": []}))
    teller.hear(added(1, {"id": "msg_a", "type": "message"}))
    teller.hear(done(message() | {"id": "msg_b"}, 1))

    ids = [event["item"]["id"] for event in teller.said if "item" in event]
    assert ids == ["rs_1", "rs_1", "msg_2", "msg_2"]


def test_events_without_a_position_belong_to_the_item_they_name() -> None:
    teller = Teller()
    teller.hear(added(0, {"id": "msg_theirs", "type": "message"}))
    delta = {"type": "response.output_text.delta", "item_id": "msg_theirs", "delta": "D"}
    said = teller.hear(delta)
    teller.hear(done(message(), None))
    teller.hear(done(picture(), None), drawn())

    assert (said[0]["item_id"], said[0]["output_index"]) == ("msg_1", 0)
    assert [e["output_index"] for e in teller.said if e["type"].endswith("done")] == [0, 1]


def test_what_is_about_the_whole_answer_passes_and_pings_do_not() -> None:
    teller = Teller()
    teller.hear(created())

    assert teller.hear({"type": "ping"}) == []
    assert teller.hear({"type": "error", "code": "x"}) == []
    [limits] = teller.hear({"type": "response.rate_limits.updated", "limits": [1]})
    assert limits["limits"] == [1]


# ── what servers leave out ───────────────────────────────────────────────────────────────────


def test_a_missing_beginning_is_made_up_and_a_second_one_left_out() -> None:
    teller = Teller()
    teller.hear(added())
    assert teller.hear(created()) == []
    assert teller.hear(added()) == []

    assert teller.kinds == ["created", "in_progress", "output_item.added"]


@pytest.mark.parametrize(
    ("event", "kind"),
    [
        ("response.reasoning_summary_text.delta", "reasoning"),
        ("response.function_call_arguments.delta", "function_call"),
        ("response.custom_tool_call_input.delta", "custom_tool_call"),
        ("response.mcp_call.in_progress", "mcp_call"),
        ("response.output_text.delta", "message"),
        ("response.image_generation_call.generating", "image_generation_call"),
    ],
)
def test_an_item_that_was_never_added_is_added_before_it_is_spoken_of(
    event: str, kind: str
) -> None:
    teller = Teller()
    teller.hear({"type": event, "output_index": 0, "item_id": "x_1", "delta": "a"})

    assert teller.kinds[2:] == ["output_item.added", event.removeprefix("response.")]
    assert teller.said[2]["item"]["type"] == kind


def test_an_item_told_twice_is_told_once() -> None:
    teller = Teller()
    teller.hear(done(picture()), drawn())
    assert teller.hear(done(picture())) == []


def test_an_empty_final_answer_is_filled_with_what_was_told() -> None:
    teller = Teller()
    teller.hear(done(picture()), drawn())
    teller.hear(done(message(), 1))
    teller.hear(finished())
    said, _ = teller.end()

    kinds = [item["type"] for item in said[-1]["response"]["output"]]
    assert kinds == ["image_generation_call", "message"]


def test_a_whole_answer_to_a_stream_is_told_as_a_stream() -> None:
    teller = Teller()
    call = {"id": "fc_7", "type": "function_call", "name": "f", "arguments": '{"a":1}'}
    refusal = {"type": "message", "content": [{"type": "refusal", "refusal": "No."}]}
    silent = message("")
    custom = {"type": "custom_tool_call", "input": "x"}
    other = {"type": "web_search_call", "id": "ws_1"}
    whole = finished(picture(), message(), call, refusal, silent, custom, other)["response"]
    teller.hear(whole, drawn())
    said, _ = teller.end()

    assert teller.kinds == [
        *("created", "in_progress", "output_item.added", "image_generation_call.in_progress"),
        *("image_generation_call.generating", "image_generation_call.completed"),
        *("output_item.done", "output_item.added", "content_part.added", "output_text.delta"),
        *("output_text.done", "content_part.done", "output_item.done", "output_item.added"),
        *("function_call_arguments.delta", "function_call_arguments.done", "output_item.done"),
        *("output_item.added", "content_part.added", "refusal.delta", "refusal.done"),
        *("content_part.done", "output_item.done", "output_item.added", "content_part.added"),
        *("output_text.done", "content_part.done", "output_item.done", "output_item.added"),
        *("custom_tool_call_input.delta", "custom_tool_call_input.done", "output_item.done"),
        *("output_item.added", "output_item.done", "completed"),
    ]
    assert said[-1]["response"]["output"][0]["result"] == b64(ONE)


def test_a_picture_that_only_the_end_holds_is_told_before_the_end() -> None:
    teller = Teller()
    teller.hear(created())
    teller.hear(done(message()))
    teller.hear(finished(message(), picture()), drawn())
    teller.end()

    assert teller.kinds[-6:] == [
        *("output_item.added", "image_generation_call.in_progress"),
        *("image_generation_call.generating", "image_generation_call.completed"),
        *("output_item.done", "completed"),
    ]


def test_an_item_that_came_empty_and_is_full_at_the_end_is_full_in_the_answer() -> None:
    teller = Teller()
    teller.hear(done(picture(None)))
    teller.hear(finished(picture()), drawn())
    said, ending = teller.end()

    assert said[-1]["response"]["output"][0]["result"] == b64(ONE)
    assert ending.items[0].image == "img_1"


def test_items_of_the_final_answer_are_known_by_their_place_where_their_id_changed() -> None:
    teller = Teller()
    teller.hear(done(picture()), drawn())
    teller.hear(finished(picture(id="ig_again"), {"type": "message", "content": [{}]}))
    _, ending = teller.end()

    assert [told.id for told in ending.items] == ["ig_1", "msg_2"]


@pytest.mark.parametrize(
    ("kind", "status", "told"),
    [
        ("response.done", "completed", "completed"),
        ("response.incomplete", "incomplete", "incomplete"),
        ("response.cancelled", "cancelled", "failed"),
        ("", "in_progress", "incomplete"),
        ("", "completed", "completed"),
    ],
)
def test_every_end_is_one_of_three(kind: str, status: str, told: str) -> None:
    teller = Teller()
    event = finished(message(), kind=kind, status=status)
    teller.hear(event if kind else event["response"] | {"status": status})
    said, ending = teller.end()

    assert said[-1]["type"] == f"response.{told}"
    assert ending.document["status"] == told


def test_an_answer_without_an_end_is_incomplete() -> None:
    teller = Teller()
    teller.hear(done(picture()), drawn())
    said, _ = teller.end()

    assert said[-1]["type"] == "response.incomplete"
    assert said[-1]["response"]["incomplete_details"] == {"reason": "upstream_ended"}


def test_an_error_ends_it_as_failed_with_what_came_before() -> None:
    teller = Teller()
    teller.hear(done(message()))
    said, ending = teller.end({"code": "server_error", "message": "It broke."})

    assert said[-1]["type"] == "response.failed"
    assert said[-1]["response"]["error"] == {"code": "server_error", "message": "It broke."}
    assert ending.document["status"] == "failed"
    assert [told.id for told in ending.items] == ["msg_1"]


def test_an_error_before_anything_still_makes_a_whole_stream() -> None:
    teller = Teller()
    teller.end({"code": "x", "message": "y"})

    assert teller.kinds == ["created", "in_progress", "failed"]


def test_what_nobody_echoes_is_echoed_as_it_was_asked() -> None:
    tool = {"type": "image_generation", "size": "auto", "input_image_mask": {"image_url": "x"}}
    teller = Teller(asked={"model": "m", "tools": [tool], "metadata": {"a": "b"}})
    begun = teller.tale.begun()

    assert begun["tools"] == [{"type": "image_generation", "size": "auto"}]
    assert (begun["model"], begun["metadata"], begun["status"]) == ("m", {"a": "b"}, "in_progress")


def test_hushed_it_tells_nothing_more_and_ends_with_what_was_told() -> None:
    teller = Teller()
    teller.hear(done(message()))
    teller.tale.hush()
    teller.tale.hush()
    assert teller.hear(done(picture(), 1), drawn()) == []
    _, ending = teller.end({"code": "content_policy_violation", "message": "No."})

    assert teller.kinds[-1] == "failed"
    assert [told.id for told in ending.items] == ["msg_1"]


def test_a_picture_that_is_withdrawn_is_in_no_answer() -> None:
    teller = Teller()
    teller.hear(done(picture()), drawn())
    teller.hear(done(picture(TWO, id="ig_two"), 1), drawn(TWO, "img_2"))

    assert not teller.tale.withdraw({ImageId("img_1"), ImageId("img_2")})
    assert teller.tale.withdraw({ImageId("img_2")})
    _, ending = teller.end()
    assert [told.image for told in ending.items] == [None, "img_2"]
    assert b64(ONE).encode() not in ending.body


# ── pictures ─────────────────────────────────────────────────────────────────────────────────


def test_drafts_wait_for_their_picture_and_come_in_order_before_it() -> None:
    teller = Teller()
    for event in (added(), stage("generating"), partial(), partial(), stage("completed")):
        teller.hear(event)
    assert teller.kinds[-1] == "image_generation_call.generating"
    teller.hear(done(picture()), drawn())
    assert teller.hear(partial()) == []

    assert teller.kinds[-4:] == [
        *("image_generation_call.partial_image", "image_generation_call.partial_image"),
        *("image_generation_call.completed", "output_item.done"),
    ]
    assert teller.said[-3]["partial_image_b64"] == b64(TWO)


def test_drafts_come_before_their_picture_once_its_wording_was_checked() -> None:
    teller = Teller()
    for event in (added(), partial(), stage("completed")):
        teller.hear(event)
    told = teller.release("ig_theirs")
    teller.hear(partial())
    teller.hear(done(picture()), drawn())
    assert teller.hear(partial()) == []

    assert [event["type"].rpartition(".")[2] for event in told] == ["partial_image", "completed"]
    assert teller.kinds[-2:] == ["image_generation_call.partial_image", "output_item.done"]


def test_only_the_drafts_of_the_item_that_was_checked_come() -> None:
    teller = Teller()
    for event in (added(), partial()):
        teller.hear(event)

    assert teller.release("ig_another") == []
    assert teller.release(None) == []


def test_of_two_items_by_one_name_neither_is_taken_for_the_one_that_was_checked() -> None:
    teller = Teller()
    for event in (added(0), partial(0), added(1), partial(1)):
        teller.hear(event)

    assert teller.release("ig_theirs") == []
    teller.hear(done(picture(ONE), 0), drawn(ONE))
    assert teller.kinds.count("image_generation_call.partial_image") == 1
    assert len(teller.release("ig_theirs")) == 1


@pytest.mark.parametrize("data", [TWO, b"\x89PNG"])
def test_a_draft_that_says_not_whose_it_is_is_told_only_where_nothing_is_held(data: bytes) -> None:
    kind = "response.image_generation_call.partial_image"
    nobodys = {"type": kind, "partial_image_b64": b64(data), "partial_image_index": 0}
    held, free = Teller(), Teller(hold=False)
    for teller in (held, free):
        teller.hear(added())
        teller.hear(nobodys)
        teller.hear(done(picture()), drawn())

    assert "image_generation_call.partial_image" not in held.kinds
    assert "image_generation_call.partial_image" in free.kinds
    assert held.kinds[-1] == free.kinds[-1] == "output_item.done"


def test_a_picture_in_an_event_of_another_name_waits_as_a_draft_does() -> None:
    teller = Teller()
    teller.hear(added())
    strange = stage("previewed") | {"result": b64(TWO)}
    nobodys = {"type": "response.preview", "b64_json": b64(TWO)}
    assert [teller.hear(strange), teller.hear(nobodys)] == [[], []]

    assert [event["type"] for event in teller.release("ig_theirs")] == [strange["type"]]
    assert "preview" not in teller.kinds


@pytest.mark.parametrize(("hold", "told"), [(True, None), (False, "a kite")])
def test_wording_that_comes_with_the_beginning_is_told_with_its_end(
    hold: bool, told: str | None
) -> None:
    teller = Teller(hold=hold)
    teller.hear(added(item=picture(None)))
    teller.hear(done(picture()), drawn())

    first, last = (event["item"].get("revised_prompt") for event in teller.said[-2:])
    assert (first, last) == (told, "a kite")


def test_no_draft_comes_after_wording_that_may_not_be() -> None:
    teller = Teller()
    for event in (added(), partial()):
        teller.hear(event)
    teller.tale.hush()

    assert teller.release("ig_theirs") == []


def test_drafts_of_a_picture_that_was_not_kept_never_come() -> None:
    teller = Teller()
    teller.hear(partial())
    teller.hear(done(picture()))

    assert not [kind for kind in teller.kinds if "partial" in kind]


def test_drafts_come_at_once_where_nothing_is_held() -> None:
    teller = Teller(hold=False)
    teller.hear(partial())

    assert teller.kinds[-1] == "image_generation_call.partial_image"


def test_a_picture_that_was_not_kept_is_not_told() -> None:
    teller = Teller()
    [*_, told] = teller.hear(done(picture()))

    item = told["item"]
    assert (item["status"], item["result"]) == ("failed", None)
    assert "revised_prompt" not in item
    assert item["error"]["code"] == "no_picture"


def test_a_failed_item_keeps_its_own_reason() -> None:
    error = {"code": "moderation_blocked", "message": "no", "type": "image_generation_user_error"}
    teller = Teller()
    [*_, told] = teller.hear(done(picture(None, error=error)))

    assert told["item"]["error"] == error


def test_the_same_bytes_under_another_id_are_the_same_picture() -> None:
    teller = Teller()
    teller.hear(done(picture()), drawn())
    teller.hear(done(picture(id="ig_twin"), 1))
    _, ending = teller.end()

    assert [told.image for told in ending.items] == ["img_1", "img_1"]


@pytest.mark.parametrize(
    "result",
    [
        "https://example.org/kite.png",
        f"data:image/png;base64,{b64(ONE)}",
        [b64(ONE)],
        base64.urlsafe_b64encode(b"\xff\xfe\xfd" * 700).decode(),
        "\n".join([b64(ONE)[:600], b64(ONE)[600:]]),
        b64(ONE).rstrip("=") + "=" * 4,
    ],
    ids=["address", "data-url", "list", "urlsafe", "wrapped", "padded"],
)
def test_a_result_of_any_form_is_told_as_plain_base64(result: Any) -> None:
    data = b"\xff\xfe\xfd" * 700 if isinstance(result, str) and "_" in result else ONE
    teller = Teller()
    [*_, told] = teller.hear(done(picture() | {"result": result}), drawn(data))

    assert told["item"]["result"] == b64(data)


def test_a_mark_of_ours_in_somebodys_schema_brings_no_picture_to_it() -> None:
    teller = Teller()
    schema = {"$cut": 5}
    teller.hear(done(picture(schema=schema)), drawn())

    assert teller.said[-1]["item"]["schema"] == schema
