"""A request carries the words on the way to its picture, the picture, and nothing else."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from agent.schema import Image, ImageId, Turn
from agent.traffic import Message, PictureData
from agent.turn.context import LONGEST_CONTEXT, Context, context_for
from agent.turn.lineage import path_to

from .nouns import image, turn

KITE = PictureData(b"kite", "image/png")


def texts(context: Context) -> list[str]:
    return [message.text for message in context.messages]


def test_the_first_turn_carries_its_prompt_alone() -> None:
    assert context_for((), {}, "a red kite", ()) == Context((Message("user", "a red kite"),))


def test_earlier_turns_are_told_in_order_and_the_picture_stands_last() -> None:
    path = (turn("t1", prompt="a kite", text="Here."), turn("t2", prompt="red", text="Done."))

    context = context_for(path, {}, "at night", (KITE,))

    assert context.messages == (
        Message("user", "a kite"),
        Message("assistant", "Here."),
        Message("user", "red"),
        Message("assistant", "Done."),
        Message("user", "at night", (KITE,)),
    )


def test_a_branch_carries_none_of_its_siblings_words() -> None:
    turns = [
        turn("root", prompt="a kite", text="one"),
        turn("day", "root", prompt="by day", text="two"),
        turn("night", "root", prompt="by night", text="three"),
    ]

    context = context_for(path_to(turns, turns[2].id), {}, "with stars", ())

    assert texts(context) == ["a kite", "one", "by night", "three", "with stars"]


def test_turns_that_brought_nothing_are_left_out() -> None:
    path = (
        turn("refused", text="no", outcome="refused"),
        turn("failed", text="no", outcome="failed"),
        turn("unknown", text="no", outcome="unknown"),
        turn("empty", outcome="empty"),
        turn("open", outcome=None),
        turn("answered", prompt="which?", text="This one.", outcome="text"),
    )

    context = context_for(path, {}, "go on", ())

    assert texts(context) == ["which?", "This one.", "go on"]
    assert context.dropped == 0


def test_a_turn_without_words_is_told_by_its_pictures() -> None:
    images = {
        ImageId("a"): image("a", 4, revised_prompt="A red kite over the sea"),
        ImageId("b"): image("b", 5),
    }
    path = (turn("t1", prompt="a kite", text=" \n", images=("a", "b")),)

    assert texts(context_for(path, images, "go on", ()))[1] == (
        "[picture 4: A red kite over the sea]\n[picture 5: a kite]"
    )


def test_a_turn_whose_pictures_were_forgotten_sends_no_empty_message() -> None:
    path = (turn("t1", prompt="a kite", images=("gone",)),)

    assert texts(context_for(path, {}, "go on", ())) == ["a kite", "go on"]


def test_the_oldest_turns_go_first_and_are_counted() -> None:
    path = tuple(turn(f"t{n}", prompt="p" * 10, text="a" * 10) for n in range(5))

    context = context_for(path, {}, "now", (), limit=3 + 40)

    assert texts(context) == ["p" * 10, "a" * 10, "p" * 10, "a" * 10, "now"]
    assert context.dropped == 3


def test_a_turn_fits_to_the_last_character() -> None:
    path = (turn("t1", prompt="p" * 10, text="a" * 10),)

    assert context_for(path, {}, "now", (), limit=23).dropped == 0
    assert context_for(path, {}, "now", (), limit=22).dropped == 1


def test_nothing_older_than_a_turn_that_did_not_fit_is_sent() -> None:
    path = (turn("t1", prompt="a", text="b"), turn("t2", prompt="p" * 99, text="x"))

    context = context_for(path, {}, "now", (), limit=50)

    assert (texts(context), context.dropped) == (["now"], 2)


def test_a_prompt_is_never_dropped() -> None:
    long = "x" * (LONGEST_CONTEXT + 1)

    context = context_for((turn("t1", text="hello"),), {}, long, (KITE,))

    assert context == Context((Message("user", long, (KITE,)),), dropped=1)


turns = st.lists(
    st.tuples(st.text(min_size=1, max_size=80), st.text(max_size=80), st.booleans()), max_size=12
)


@given(turns, st.integers(0, 400))
def test_what_is_kept_fits_and_what_is_dropped_is_counted(
    said: list[tuple[str, str, bool]], limit: int
) -> None:
    path: list[Turn] = [
        turn(f"t{n}", prompt=prompt, text=text, outcome="image" if told else "failed")
        for n, (prompt, text, told) in enumerate(said)
    ]
    images: dict[ImageId, Image] = {}

    context = context_for(path, images, "now", (KITE,), limit=limit)

    earlier = context.messages[:-1]
    asked = [message.text for message in earlier if message.role == "user"]
    told = [each.prompt for each in path if each.outcome == "image"]
    assert sum(len(message.text) for message in earlier) <= max(limit - len("now"), 0)
    assert asked == told[context.dropped :]
    assert all(message.text and not message.pictures for message in earlier)
