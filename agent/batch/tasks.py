"""One picture to make, as the queue takes it; and what of a brief can begin at once. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from ..poster.pictures import Lead
from ..poster.plan import Picture
from ..poster.records import Made
from ..schema import Record
from .standing import BatchNote, PictureNote
from .wants import Sheet


class Task(Record):
    """One picture to make. ``of``: what for; when that has changed since, there is nothing to do."""

    batch: str
    brief: str
    picture: str
    of: str
    run: int = 1
    """Which run of the batch asked for it: what came to nothing may be asked for again."""
    leads: bool = False
    """It sets the look of its variant, and the others wait for it."""

    @property
    def name(self) -> str:
        """Two tasks of one name are one."""
        return f"{self.what}.{self.run}"

    @property
    def what(self) -> str:
        """The same picture for the same purpose, in whichever run."""
        return f"{self.batch}/{self.brief}/{self.picture}@{self.of[:16]}"


def lead_of(sheet: Sheet, picture: Picture, pictures: Mapping[str, PictureNote]) -> Lead | None:
    """The picture of the same variant that sets the look: the first one bought as it is wanted."""
    found: list[Made] = []
    for one in sheet.plan.pictures:
        note = pictures.get(f"{sheet.brief.name}/{one.key}")
        if one.variant != picture.variant or one.key == picture.key or note is None:
            continue
        if note.of == sheet.of(one.key) and note.made.bought and note.made.session:
            found.append(note.made)
    first = next((made for made in found if made.lead is None), None) or next(iter(found), None)
    if first is None or first.bought is None or first.session is None:
        return None
    return Lead(first.picture, first.session, first.bought)


def tasks_of(
    head: BatchNote, sheet: Sheet, pictures: Mapping[str, PictureNote]
) -> tuple[Task, ...]:
    """What of a brief can begin at once: all of a variant whose look is there, else its first."""
    tasks: list[Task] = []
    waiting: set[int] = set()
    for picture in sheet.left():
        if picture.variant in waiting:
            continue
        leads = lead_of(sheet, picture, pictures) is None
        if leads:
            waiting.add(picture.variant)
        tasks.append(
            Task(
                batch=head.name,
                run=head.runs,
                brief=sheet.brief.name,
                picture=picture.key,
                of=sheet.of(picture.key),
                leads=leads,
            )
        )
    return tuple(tasks)
