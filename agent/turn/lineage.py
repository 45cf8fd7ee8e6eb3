"""Who descends from whom: references people type, paths to a picture, the tree of a session."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from ..schema import Image, ImageId, Turn, TurnId

_NUMBER = re.compile(r"@(\d{1,9})")
_NAMED = re.compile(r"(?P<session>[^/@][^/]*)/@?(?P<number>\d{1,9})")


@dataclass(frozen=True, slots=True)
class PictureRef:
    """``@4`` has a number, ``night-market/4`` a session and a number, all else is an id."""

    id: str | None = None
    session: str | None = None
    number: int | None = None


def read_ref(ref: str) -> PictureRef:
    """What a person typed to name a picture."""
    if match := _NUMBER.fullmatch(ref.strip()):
        return PictureRef(number=int(match[1]))
    if match := _NAMED.fullmatch(ref.strip()):
        return PictureRef(session=match["session"], number=int(match["number"]))
    return PictureRef(id=ref.strip())


def path_to(turns: Iterable[Turn], end: TurnId | None) -> tuple[Turn, ...]:
    """The turns from the root to ``end``, in order; siblings are not on it."""
    by_id = {turn.id: turn for turn in turns}
    path: dict[TurnId, Turn] = {}
    at = end
    while at is not None and at in by_id and at not in path:
        path[at] = by_id[at]
        at = by_id[at].parent
    return tuple(reversed(path.values()))


def picture_at(turns: Sequence[Turn], images: Sequence[Image], head: TurnId | None) -> Image | None:
    """The picture "it" means: the last one made on the path to the head."""
    made: dict[TurnId | None, Image] = {}
    for image in images:
        if image.operation != "import":
            made[image.turn] = image
    for turn in reversed(path_to(turns, head)):
        if turn.id in made:
            return made[turn.id]
    return None


@dataclass(frozen=True, slots=True)
class Node:
    """One picture in the tree, with what was made from it."""

    image: Image
    children: tuple[Node, ...] = ()


def tree(images: Sequence[Image]) -> tuple[Node, ...]:
    """The pictures of a session as a forest, by first parent; oldest first.

    A picture whose parent was forgotten, or lives in another session, is a root.
    """
    known = {image.id for image in images}
    below: dict[ImageId | None, list[Image]] = {}
    for image in images:
        parent = image.parents[0] if image.parents and image.parents[0] in known else None
        below.setdefault(parent, []).append(image)
    return tuple(_grow(image, below) for image in below.get(None, []))


def _grow(image: Image, below: Mapping[ImageId | None, list[Image]]) -> Node:
    # a stack of our own: a chain of a thousand edits is deeper than Python's
    order: list[Image] = [image]
    for each in order:
        order.extend(below.get(each.id, []))
    grown: dict[ImageId, Node] = {}
    for each in reversed(order):
        grown[each.id] = Node(each, tuple(grown[c.id] for c in below.get(each.id, [])))
    return grown[image.id]
