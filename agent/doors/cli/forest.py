"""The pictures of a session as a tree of text lines."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ...schema import Image, ImageId, Session, Turn, TurnId
from ...turn.lineage import Node, picture_at, tree
from .records import NodeRecord
from .wording import short


@dataclass(frozen=True, slots=True)
class Placed:
    """A picture of the tree, its parent in it, and what stands before it on its line."""

    image: Image
    parent: ImageId | None
    depth: int
    stem: str


def placed(images: Sequence[Image]) -> Iterator[Placed]:
    """Depth first. A chain does not move to the right, or thirty edits would leave the screen.

    A stack of our own: a chain of a thousand edits is deeper than Python's.
    """
    stack = [(root, Placed(root.image, None, 0, ""), "") for root in reversed(tree(images))]
    while stack:
        node, place, margin = stack.pop()
        yield place
        stack += reversed(list(_children(node, place, margin)))


def _children(node: Node, place: Placed, margin: str) -> Iterator[tuple[Node, Placed, str]]:
    """An only child follows below its parent (``↓``); only branches take room."""
    only = len(node.children) == 1
    for child in node.children:
        last = child is node.children[-1]
        below = margin if only else margin + ("   " if last else "│  ")
        stem = margin + ("↓  " if only else "└─ " if last else "├─ ")
        yield child, Placed(child.image, place.image.id, place.depth + 1, stem), below


def lines(session: Session, turns: Sequence[Turn], images: Sequence[Image]) -> Iterator[str]:
    """``├─ @2  make it night``; the head is marked."""
    head = picture_at(turns, images, session.head)
    prompts = {turn.id: turn.prompt for turn in turns}
    for place in placed(images):
        here = "  ← here" if head is not None and place.image.id == head.id else ""
        words = short(_said(place.image, prompts), 60)
        yield f"{place.stem}@{place.image.number}  {words}{here}"


def records(
    session: Session, turns: Sequence[Turn], images: Sequence[Image]
) -> Iterator[NodeRecord]:
    """The same for scripts."""
    head = picture_at(turns, images, session.head)
    prompts = {turn.id: turn.prompt for turn in turns}
    for place in placed(images):
        image = place.image
        yield NodeRecord(
            id=image.id,
            number=image.number,
            parent=place.parent,
            parents=image.parents,
            depth=place.depth,
            head=head is not None and head.id == image.id,
            operation=image.operation,
            prompt=_said(image, prompts),
            path=image.path,
        )


def _said(image: Image, prompts: dict[TurnId, str]) -> str:
    if image.turn is None:
        return "a file of yours"
    return prompts.get(image.turn, "")
