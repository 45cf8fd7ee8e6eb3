"""What belongs to the picture being edited, and nothing else (flat cost; DESIGN section 3).

The text of the turns on the path from the root to that picture, and the bytes of that picture. Old
pictures are never resent; reasoning items never replayed; siblings never seen.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ..schema import Image, ImageId, Turn
from ..traffic import Message, PictureData

LONGEST_CONTEXT = 32_000
"""Characters of earlier text; the oldest go first, and the user is told."""


@dataclass(frozen=True, slots=True)
class Context:
    """The messages of one request and how many earlier turns no longer fitted."""

    messages: tuple[Message, ...]
    dropped: int = 0


def context_for(
    path: Sequence[Turn],
    images: Mapping[ImageId, Image],
    prompt: str,
    pictures: tuple[PictureData, ...],
    *,
    limit: int = LONGEST_CONTEXT,
) -> Context:
    """The earlier texts that fit, then the prompt with the pictures it is about."""
    told = [turn for turn in path if turn.outcome in ("image", "text")]
    room = limit - len(prompt)
    kept: list[tuple[Message, ...]] = []
    for turn in reversed(told):
        spoken = (Message("user", turn.prompt), Message("assistant", _said(turn, images)))
        room -= sum(len(message.text) for message in spoken)
        if room < 0:
            break
        kept.append(tuple(message for message in spoken if message.text))
    earlier = [message for spoken in reversed(kept) for message in spoken]
    return Context(
        messages=(*earlier, Message("user", prompt, pictures)),
        dropped=len(told) - len(kept),
    )


def _said(turn: Turn, images: Mapping[ImageId, Image]) -> str:
    """The assistant's words; gpt-5 models often say nothing beside the picture (wire.md 2).

    Nothing at all where the pictures were forgotten since; an empty message is not sent.
    """
    if turn.text.strip():
        return turn.text
    shown = [images[i] for i in turn.images if i in images]
    return "\n".join(f"[picture {i.number}: {i.revised_prompt or turn.prompt}]" for i in shown)
