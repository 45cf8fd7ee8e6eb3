"""A session or a picture, read whole and told whole."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ...schema import Attempt, Image, ImageId, Session, Turn, Verdict
from ...turn.lineage import picture_at
from . import records, wording

if TYPE_CHECKING:
    from .storing import Disk


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionStory:
    """Everything of a session, oldest first."""

    session: Session
    turns: list[Turn]
    images: list[Image]
    attempts: list[Attempt]

    def records(self) -> Iterator[records.Line]:
        yield records.session_record(self.session)
        for turn in self.turns:
            yield records.turn_record(_with_paths(turn, self.images))
        yield from map(records.image_record, self.images)
        yield from map(records.attempt_record, self.attempts)

    def lines(self) -> Iterator[str]:
        session = self.session
        name = click.style(wording.plain(session.name), bold=True)
        yield f"{name}   {wording.count(session.turns, 'turn')}, {wording.count(session.images, 'picture')}"
        yield f"{session.id}   started {wording.moment(session.created)}" + (
            f" in {wording.plain(session.cwd)}" if session.cwd else ""
        )
        head = picture_at(self.turns, self.images, session.head)
        numbers = {image.id: image.number for image in self.images}
        for image in self.images:
            if image.turn is None:
                yield f"\nyour file\n  {wording.receipt(image, numbers)}\n  {image.path}"
        for turn in self.turns:
            yield ""
            yield from self._turn(turn, head)
        yield ""
        yield f"total {wording.total_line(self.attempts)}"

    def _turn(self, turn: Turn, head: Image | None) -> Iterator[str]:
        numbers = {image.id: image.number for image in self.images}
        cost = wording.cost_line(turn.cost, offline=turn.offline)
        outcome = turn.outcome or "open, or cut off"
        yield click.style(wording.short(turn.prompt, 200), bold=True)
        yield f"  {turn.intent} · {outcome} · {cost} · {wording.plain(turn.profile)}"
        if turn.text:
            yield f"  {wording.short(turn.text, 300)}"
        for failure in turn.failures:
            yield f"  {failure.code}: {wording.short(failure.message, 300)}"
        for image in self.images:
            if image.turn == turn.id:
                here = "   ← here" if head is not None and image.id == head.id else ""
                yield f"  {wording.receipt(image, numbers)}{here}"
                yield f"  {image.path}"
                for size, path in enlarged(image, turn):
                    yield f"  enlarged to {size}\n  {path}"


@dataclass(frozen=True, slots=True, kw_only=True)
class PictureStory:
    """One picture and where it came from."""

    image: Image
    session: Session
    turn: Turn | None
    parents: tuple[Image, ...]
    attempts: list[Attempt]
    verdicts: list[Verdict]

    def records(self) -> Iterator[records.Line]:
        yield records.image_record(self.image)
        if self.turn is not None:
            yield records.turn_record(_with_paths(self.turn, (self.image,)))
        yield from map(records.attempt_record, self.attempts)
        yield from map(records.verdict_record, self.verdicts)

    def lines(self) -> Iterator[str]:
        width = 12
        for label, value in self._facts():
            first, *rest = wording.paragraph(value).splitlines() or [""]
            yield f"{click.style(f'{label:{width}}', dim=True)}{first}"
            yield from (" " * width + line for line in rest)

    def _facts(self) -> Iterator[tuple[str, str]]:
        image, turn = self.image, self.turn
        yield "picture", f"@{image.number} of {self.session.name}   {image.id}"
        yield "file", image.path
        for size, path in enlarged(image, turn):
            yield "enlarged", f"{size}   {path}"
        yield "sha256", image.sha256
        yield "came as", f"{wording.actual_line(image)}   {image.media_type}"
        if image.actual.model:
            yield "drawn by", image.actual.model
        if asked := wording.asked_line(image):
            yield "asked", asked.removeprefix("asked ") + f" of {image.requested.model}"
        yield "made by", image.operation + f"   {wording.moment(image.created)}"
        for parent in self.parents:
            yield "from", f"@{parent.number}   {parent.id}"
        if turn is not None:
            yield "prompt", turn.prompt
            yield "cost", f"{wording.cost_line(turn.cost, offline=turn.offline)}   {turn.profile}"
        if image.revised_prompt:
            yield "revised", image.revised_prompt
        for verdict in self.verdicts:
            yield "screened", verdict_line(verdict)


def enlarged(image: Image, turn: Turn | None) -> Iterator[tuple[str, Path]]:
    """Files that ``--degrade`` made of a picture, each with its size: beside the blob, if there."""
    for step in turn.degraded if turn else ():
        if step.get("how") != "enlarged" or step.get("image") != image.id:
            continue
        kept = Path(image.path)
        path = kept.parents[2] / "derived" / f"{kept.stem}-{step['to']}{kept.suffix}"
        if path.is_file():
            yield step["to"], path


def _with_paths(turn: Turn, images: Sequence[Image]) -> Turn:
    """The steps of the ladder with the file that the last one made."""
    paths = {(i.id, size): str(path) for i in images for size, path in enlarged(i, turn)}
    steps = tuple(_step(step, paths) for step in turn.degraded)
    return turn.model_copy(update={"degraded": steps})


def _step(step: dict[str, str], paths: Mapping[tuple[ImageId, str], str]) -> dict[str, str]:
    path = paths.get((ImageId(step.get("image", "")), step.get("to", "")))
    return step if path is None else {**step, "path": path}


def verdict_line(verdict: Verdict) -> str:
    """As ``prompt: allow, by base@1``."""
    rule = f", rule {verdict.rule}" if verdict.rule else ""
    accepted = ", ".join(verdict.acknowledged)
    more = f"; acknowledged {accepted} by {verdict.acknowledged_by}" if accepted else ""
    return f"{verdict.subject}: {verdict.decision}{rule}, by {verdict.policy}{more}"


async def read_session(disk: Disk, session: Session) -> SessionStory:
    return SessionStory(
        session=session,
        turns=await disk.turns(session.id),
        images=await disk.images(session.id),
        attempts=await disk.attempts(session=session.id),
    )


async def read_picture(disk: Disk, image: Image) -> PictureStory:
    session = await disk.session(image.session)
    turn = next((t for t in await disk.turns(session.id) if t.id == image.turn), None)
    siblings = {i.id: i for i in await disk.images(session.id)}
    texts = {_digest(text) for text in (turn and turn.prompt, image.revised_prompt) if text}
    found = [v for v in await disk.verdicts(session.id) if v.text_sha256 in texts]
    return PictureStory(
        image=image,
        session=session,
        turn=turn,
        parents=tuple(siblings[i] for i in image.parents if i in siblings),
        attempts=await disk.attempts(turn=turn.id) if turn else [],
        verdicts=list({(v.subject, v.text_sha256): v for v in found}.values()),
    )


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
