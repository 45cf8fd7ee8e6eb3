"""A client's request is one conversation, and what it is about is found in it."""

from __future__ import annotations

import base64
from typing import Any, ClassVar

import pytest

from agent.protocols import KeptItem
from agent.schema import ImageId
from agent.turn.talk import Entry, Talk, unfold, wanted_ids
from agent.wire.requests import RequestFault, read_responses

PNG = base64.b64encode(b"\x89PNG picture").decode()
OTHER = base64.b64encode(b"\x89PNG another").decode()
DATA_URL = f"data:image/png;base64,{PNG}"
Json = dict[str, Any]


def user(text: str, *pictures: str) -> Json:
    parts: list[Json] = [{"type": "input_text", "text": text}] if text else []
    parts += [{"type": "input_image", "image_url": address} for address in pictures]
    return {"role": "user", "content": parts}


def said(text: str = "Done.") -> Json:
    return {"type": "message", "role": "assistant", "content": text}


def call(which: str = "ig_1", result: str | None = PNG, **more: Any) -> Json:
    item = {"type": "image_generation_call", "id": which, "result": result, **more}
    return {key: value for key, value in item.items() if value is not None}


def kept(value: Json, which: str = "x", image: str | None = None) -> KeptItem:
    return KeptItem(id=which, value=value | {"id": which}, image=ImageId(image) if image else None)


def drew(which: str, image: str, prompt: str = "a kite") -> KeptItem:
    value = {"type": "image_generation_call", "revised_prompt": prompt}
    return kept(value, which, image)


def talk(
    items: Any, *chain: KeptItem, previous: str | None = None, found: tuple[KeptItem, ...] = ()
) -> Talk:
    payload: Json = {"input": items, "previous_response_id": previous}
    raw = items if isinstance(items, list) else [items]
    return unfold(
        read_responses(payload), raw, chain=chain, found={item.id: item for item in found}
    )


def shown(of: Talk) -> list[bytes | str | None]:
    return [shot.image or shot.data for shot in of.shots]


# ── what it is about ─────────────────────────────────────────────────────────────────────────


def test_a_sentence_alone_is_about_no_picture() -> None:
    found = talk("a red kite")

    assert (found.said, found.before, found.shots) == ("a red kite", (), ())


def test_after_a_response_it_is_the_picture_which_that_one_drew() -> None:
    chain = (kept(user("a kite"), "m1"), drew("ig_1", "img_1"), kept(said(), "m2"))
    found = talk("at night", *chain, previous="resp_1")

    assert (found.said, shown(found)) == ("at night", ["img_1"])
    assert found.before == ((0, "a kite", False),)


def test_only_the_newest_picture_of_a_chain_goes_along() -> None:
    chain = (
        *(kept(user("a kite"), "m1"), drew("ig_1", "img_1")),
        *(kept(user("at night"), "m2"), drew("ig_2", "img_2")),
    )

    assert shown(talk("by day", *chain, previous="resp_2")) == ["img_2"]


def test_all_that_the_last_answer_drew_goes_along() -> None:
    chain = (kept(user("two kites"), "m1"), drew("ig_1", "img_1"), drew("ig_2", "img_2"))

    assert shown(talk("join them", *chain, previous="resp_1")) == ["img_1", "img_2"]


def test_an_older_picture_named_now_goes_along_and_the_newest_does_not() -> None:
    first, second = drew("ig_1", "img_1"), drew("ig_2", "img_2")
    chain = (kept(user("a kite"), "m1"), first, kept(user("at night"), "m2"), second)
    items = [call("ig_1", None), user("this one, in snow")]

    assert shown(talk(items, *chain, previous="resp_2", found=(first,))) == ["img_1"]


def test_pictures_named_after_the_sentence_are_what_it_is_about() -> None:
    items = [user("a kite"), call("ig_1"), user("in snow"), call("ig_2", OTHER)]

    assert shown(talk(items)) == [base64.b64decode(OTHER)]


def test_a_replayed_conversation_is_about_its_last_picture() -> None:
    items = [user("a kite"), call("ig_1"), said(), user("at night"), call("ig_2", OTHER), said()]

    found = talk([*items, user("in snow")])

    assert shown(found) == [base64.b64decode(OTHER)]
    assert [text for _, text, _ in found.before] == ["a kite", "at night"]
    assert all(brought for _, _, brought in found.before)


def test_an_answer_in_words_in_between_does_not_lose_the_picture() -> None:
    items = [user("a kite"), call("ig_1"), user("what is it?"), said("A kite."), user("in snow")]

    assert shown(talk(items)) == [base64.b64decode(PNG)]


def test_a_picture_sent_along_goes_with_the_one_that_was_drawn() -> None:
    items = [user("a kite"), call("ig_1"), user("with this logo", DATA_URL)]

    assert [shot.at for shot in talk(items).shots] == ["input[1].result", "input[2].content"]


def test_a_picture_sent_earlier_counts_while_nothing_is_drawn() -> None:
    items = [user("look", DATA_URL), said("Nice."), user("make it blue")]

    assert shown(talk(items)) == [base64.b64decode(PNG)]


def test_two_new_messages_are_both_new() -> None:
    found = talk([user("a kite"), said(), user("in snow"), user("at night")])

    assert found.said == "in snow\nat night"


def test_a_tools_output_alone_is_about_the_picture_at_hand() -> None:
    output = {"type": "function_call_output", "call_id": "c", "output": "4"}
    chain = (
        *(kept(user("a kite"), "m1"), drew("ig_1", "img_1")),
        kept({"type": "function_call", "call_id": "c"}, "fc_1"),
    )
    found = talk([output], *chain, previous="resp_1")

    assert (shown(found), found.said) == (["img_1"], "a kite")


def test_without_any_user_there_is_nothing_new() -> None:
    found = talk([call("ig_1")])

    assert (found.newest, found.said) == ((), "")
    assert shown(found) == [base64.b64decode(PNG)]


# ── ids ──────────────────────────────────────────────────────────────────────────────────────


def test_the_ids_to_look_up_are_those_without_content() -> None:
    items: list[Any] = [call("ig_1", None), call("ig_2"), {"type": "item_reference", "id": "msg_3"}]

    assert wanted_ids(read_responses({"input": items})) == {"ig_1", "msg_3"}


def test_a_reference_to_any_kept_item_becomes_that_item() -> None:
    old = kept(said("Here it is."), "msg_3")
    found = talk([{"type": "item_reference", "id": "msg_3"}, user("go on")], found=(old,))

    assert found.entries[0].value == said("Here it is.")


def test_a_reference_to_what_the_chain_holds_is_not_said_twice() -> None:
    old = kept(said(), "msg_3")
    items = [{"type": "item_reference", "id": "msg_3"}, user("go on")]

    assert len(talk(items, old, previous="resp_1", found=(old,)).entries) == 2


@pytest.mark.parametrize(
    "item",
    [
        call("ig_9", None),
        {"type": "item_reference", "id": "msg_9"},
        {"type": "image_generation_call"},
    ],
)
def test_an_unknown_item_is_not_found(item: Json) -> None:
    with pytest.raises(RequestFault, match="not found") as caught:
        talk([item, user("go on")])

    assert (caught.value.status, caught.value.param) == (404, "input")


def test_a_kept_picture_that_was_deleted_is_a_word_in_the_conversation() -> None:
    bare = kept({"type": "image_generation_call"}, "ig_1")
    found = talk("go on", kept(user("a kite"), "m1"), bare, previous="resp_1")

    assert (found.shots, found.entries[1].kind) == ((), "picture")


@pytest.mark.parametrize(
    "item",
    [
        {"role": "user", "content": [{"type": "input_image", "file_id": "file_1"}]},
        {"type": "image_generation_call", "id": "ig_1", "result": "https://example.org/a.png"},
    ],
)
def test_what_would_have_to_be_fetched_is_refused_by_name(item: Json) -> None:
    with pytest.raises(RequestFault) as caught:
        talk([item])

    assert caught.value.code == "unsupported_parameter"
    assert str(caught.value.param).startswith("input[0].")


def test_an_address_is_left_for_the_server_to_fetch() -> None:
    assert talk([user("look", "https://example.org/a.png")]).shots == ()


# ── what passes ──────────────────────────────────────────────────────────────────────────────


def test_items_of_others_pass_as_they_are_and_in_order() -> None:
    items: list[Any] = [
        user("add two and two"),
        {"type": "reasoning", "id": "rs_1", "encrypted_content": "abc", "summary": []},
        {"type": "function_call", "id": "fc_1", "call_id": "c", "name": "add", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "c", "output": "4"},
        {"type": "custom_tool_call", "call_id": "d", "input": "x"},
        {"role": "developer", "content": "Be brief."},
        said("Four."),
        "and now draw it",
    ]
    found = talk(items)

    assert [entry.value for entry in found.entries[1:-1]] == items[1:-1]
    assert found.said == "and now draw it"


def test_reasoning_that_is_an_id_alone_and_empty_words_go_nowhere() -> None:
    items = [{"type": "reasoning", "id": "rs_1", "summary": []}, said(""), user("go on")]

    assert [entry.kind for entry in talk(items).entries] == ["user"]


def test_kept_user_messages_name_their_pictures() -> None:
    parts = [{"type": "input_text", "text": "look"}, {"image_url": "limner:img_7"}, "and here", {}]
    old = kept({"role": "user", "content": parts}, "m1")
    empty = kept({"role": "user", "content": None}, "m2")
    found = talk("go on", old, empty, kept(said(), "m3"), previous="resp_1")

    assert found.before[0][1] == "look\nand here"
    assert [shot.image for shot in found.entries[0].shots] == ["img_7"]


class _Sought(tuple[int, ...]):
    """Counts how often something is looked for in it."""

    __slots__ = ()
    looks: ClassVar[int] = 0

    def __contains__(self, one: object) -> bool:
        type(self).looks += 1
        return super().__contains__(one)


def test_what_was_said_before_is_not_sought_among_the_new_for_every_entry() -> None:
    """Of 500,000 messages of a request that took a server minutes."""
    entries = tuple(Entry(kind="user", value={}, text=f"kite {number}") for number in range(100))
    talk = Talk(entries=entries, newest=_Sought(range(50, 100)), about=(), uploads=())

    assert [at for at, _, _ in talk.before] == list(range(50))
    assert _Sought.looks == 0
