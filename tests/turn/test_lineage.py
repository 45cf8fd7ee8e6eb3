"""What people type to name a picture, and who descends from whom."""

from __future__ import annotations

from typing import ClassVar

import pytest

from agent.schema import Image, Turn, TurnId
from agent.turn.lineage import Node, PictureRef, path_to, picture_at, read_ref, tree

from .nouns import image, turn


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("@4", PictureRef(number=4)),
        (" @12 ", PictureRef(number=12)),
        ("night-market/4", PictureRef(session="night-market", number=4)),
        ("night-market/@4", PictureRef(session="night-market", number=4)),
        ("夜市/7", PictureRef(session="夜市", number=7)),
        ("my session/1", PictureRef(session="my session", number=1)),
        ("img_01J8", PictureRef(id="img_01J8")),
        ("01J8", PictureRef(id="01J8")),
        ("4", PictureRef(id="4")),
        ("@", PictureRef(id="@")),
        ("@four", PictureRef(id="@four")),
        ("@1234567890", PictureRef(id="@1234567890")),
        ("a/b/4", PictureRef(id="a/b/4")),
        ("/4", PictureRef(id="/4")),
        ("photos/kite.png", PictureRef(id="photos/kite.png")),
        ("", PictureRef(id="")),
    ],
)
def test_a_reference_is_a_number_a_session_with_a_number_or_an_id(
    typed: str, meant: PictureRef
) -> None:
    assert read_ref(typed) == meant


ROOT = turn("root", images=("a",))
DAY = turn("day", "root", images=("b",))
NIGHT = turn("night", "root", images=("c",))
STARS = turn("stars", "night")
TURNS = [ROOT, DAY, NIGHT, STARS]
IMAGES = [image("a", 1, of="root"), image("b", 2, of="day"), image("c", 3, of="night")]


def ids(images: object) -> object:
    return images.id if isinstance(images, Image) else images


def test_a_path_leads_from_the_root_and_leaves_siblings_out() -> None:
    assert path_to(TURNS, STARS.id) == (ROOT, NIGHT, STARS)
    assert path_to(TURNS, DAY.id) == (ROOT, DAY)
    assert path_to(reversed(TURNS), STARS.id) == (ROOT, NIGHT, STARS)


def test_a_path_to_nowhere_is_empty() -> None:
    assert path_to(TURNS, None) == path_to(TURNS, TurnId("gone")) == path_to([], ROOT.id) == ()


def test_a_path_begins_after_a_forgotten_turn() -> None:
    assert path_to([NIGHT, STARS], STARS.id) == (NIGHT, STARS)


def test_a_path_that_leads_back_to_itself_ends() -> None:
    one, two = turn("one", "two"), turn("two", "one")

    assert path_to([one, two], one.id) == (two, one)


class Compared(Turn):
    """A turn that counts how often it is compared with another, which reads every field."""

    times: ClassVar[int] = 0

    def __eq__(self, other: object) -> bool:
        Compared.times += 1
        return super().__eq__(other)

    __hash__ = None  # type: ignore[assignment]


def test_a_path_of_many_turns_compares_no_turn_with_another() -> None:
    plain = [turn("t0"), *(turn(f"t{n}", f"t{n - 1}") for n in range(1, 500))]
    many = [Compared.model_validate(each.model_dump()) for each in plain]

    assert len(path_to(many, many[-1].id)) == 500
    assert Compared.times == 0


def test_the_picture_meant_is_the_last_one_on_the_path_to_the_head() -> None:
    assert ids(picture_at(TURNS, IMAGES, DAY.id)) == "b"
    assert ids(picture_at(TURNS, IMAGES, NIGHT.id)) == "c"
    assert ids(picture_at(TURNS, IMAGES, STARS.id)) == "c"
    assert ids(picture_at(TURNS, IMAGES, None)) is None
    assert ids(picture_at([STARS], IMAGES, STARS.id)) is None


def test_of_several_pictures_of_a_turn_the_last_is_meant() -> None:
    two = [image("a", 1, of="root"), image("b", 2, of="root")]

    assert ids(picture_at([ROOT], two, ROOT.id)) == "b"


def test_an_imported_picture_is_not_the_one_that_was_made() -> None:
    pictures = [image("a", 1, of="root"), image("x", 2, of="root", imported=True)]

    assert ids(picture_at([ROOT], pictures, ROOT.id)) == "a"


def test_day_night_day_is_three_pictures_in_a_row() -> None:
    day, night, again = image("a"), image("b", 2, parents=("a",)), image("c", 3, parents=("b",))

    assert tree([day, night, again]) == (Node(day, (Node(night, (Node(again),)),)),)


def test_a_picture_hangs_below_its_first_parent_and_branches_stay_in_order() -> None:
    a, b = image("a"), image("b", 2)
    c, d = image("c", 3, parents=("a", "b")), image("d", 4, parents=("a",))

    assert tree([a, b, c, d]) == (Node(a, (Node(c), Node(d))), Node(b))


def test_a_picture_whose_parent_is_elsewhere_is_a_root() -> None:
    orphan = image("b", 2, parents=("gone", "a"))

    assert tree([image("a"), orphan]) == (Node(image("a")), Node(orphan))
    assert tree([]) == ()


def test_a_thousand_edits_in_a_row_are_a_tree() -> None:
    chain = [image("i0"), *(image(f"i{n}", n + 1, parents=(f"i{n - 1}",)) for n in range(1, 3000))]

    (node,) = tree(chain)

    depth = 1
    while node.children:
        (node,) = node.children
        depth += 1
    assert depth == 3000
