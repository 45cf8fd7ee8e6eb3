"""Turns and pictures of one session, made with as little as a test has to say."""

from __future__ import annotations

from datetime import UTC, datetime

from agent.schema import Image, ImageId, Outcome, SessionId, Sha256, Turn, TurnId

WHEN = datetime(2026, 11, 20, 12, tzinfo=UTC)
SESSION = SessionId("ses_1")


def turn(
    id_: str,
    parent: str | None = None,
    *,
    prompt: str = "",
    text: str = "",
    images: tuple[str, ...] = (),
    outcome: Outcome | None = "image",
) -> Turn:
    return Turn(
        id=TurnId(id_),
        session=SESSION,
        parent=TurnId(parent) if parent else None,
        intent="chat",
        prompt=prompt or id_,
        outcome=outcome,
        text=text,
        images=tuple(ImageId(each) for each in images),
        created=WHEN,
    )


def image(
    id_: str,
    number: int = 1,
    *,
    of: str | None = None,
    parents: tuple[str, ...] = (),
    revised_prompt: str | None = None,
    imported: bool = False,
) -> Image:
    return Image(
        id=ImageId(id_),
        session=SESSION,
        turn=TurnId(of) if of else None,
        number=number,
        operation="import" if imported else "generate",
        parents=tuple(ImageId(each) for each in parents),
        sha256=Sha256("0" * 64),
        media_type="image/png",
        bytes=1,
        revised_prompt=revised_prompt,
        created=WHEN,
    )
