"""The pictures of one variant: the first that comes sets the look, the others are edits of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import anyio

from ..errors import NotFound, StoreError
from ..schema import Failure, Sha256
from .finishing import Job, held
from .journal import Step
from .pictures import Lead, make_picture
from .plan import Cell, Picture
from .records import Made, PosterEvent, PosterMade, PosterRecord, Status
from .rereading import finished
from .shop import Shop
from .stopping import Outlook
from .wording import picture_prompt


class Board:
    """What has been made of a brief so far. ``stop``: why nothing more is sent."""

    def __init__(self, folder: Path, tell: Callable[[PosterEvent], None]) -> None:
        self.folder = folder
        self.tell = tell
        self.records: dict[str, PosterRecord] = {}
        self.stop: Failure | None = None
        self._outlook = Outlook()

    def look_ahead(self, made: Made) -> None:
        """Nothing more is sent where the next picture would meet what this one met."""
        self.stop = self._outlook.ends_with(made) or self.stop

    def keep(self, record: PosterRecord, *, skipped: bool = False) -> None:
        """A poster is made, or known not to come."""
        self.records[record.name] = record
        paths = tuple(str(self.folder / one.path) for one in record.files)
        self.tell(
            PosterMade(
                name=record.name,
                status=record.status,
                paths=paths,
                reasons=record.reasons,
                skipped=skipped,
            )
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """Makes the pictures of one variant, and the posters of each."""

    shop: Shop
    board: Board
    cells: Sequence[Cell]
    prints: Mapping[str, str]
    room: anyio.CapacityLimiter
    cmyk: Path | None

    async def run(self, variant: int, pictures: list[Picture]) -> None:
        """The look first, unless an earlier run has it; then the rest at once."""
        left = list(pictures)
        lead = await self._earlier(variant)
        while lead is None and left:
            first = left.pop(0)
            made = await self._one(first, None)
            if made.bought is not None and made.session is not None:
                lead = Lead(first.key, made.session, made.bought)
                step = Step(kind="lead", key=str(variant), of=first.key, image=made.bought)
                await self.shop.journal.add(step)
            elif made.status in ("parked", "budget", "planned"):
                await self._wait(left, made)
                return
        async with anyio.create_task_group() as tasks:
            for picture in left:
                tasks.start_soon(self._one, picture, lead)

    async def _earlier(self, variant: int) -> Lead | None:
        """The picture that set the look in an earlier run, unless it was forgotten."""
        step = await self.shop.journal.lead(variant)
        if step is None or step.image is None:
            return None
        try:
            image = await self.shop.agent.store.image(step.image)
        except NotFound:
            return None
        return Lead(step.of, image.session, image.id)

    async def _wait(self, pictures: Sequence[Picture], first: Made) -> None:
        """Without the look there is nothing to follow, and it may still come."""
        for picture in pictures:
            waits = Made(picture=picture.key, status=first.status, failure=first.failure)
            await self._posters(picture, waits)

    async def _one(self, picture: Picture, lead: Lead | None) -> Made:
        follows = lead if lead is not None and lead.key != picture.key else None
        async with self.room:
            stop = self.board.stop
            if stop is not None:
                made = Made(picture=picture.key, status=status_of(stop), failure=stop)
            else:
                asked = adapted(self.shop, picture, follows)
                made = await make_picture(self.shop, asked, follows)
                self.board.look_ahead(made)
            await self._posters(picture, made)
        return made

    async def _posters(self, picture: Picture, made: Made) -> None:
        """Every poster that is made from one picture."""
        store = self.shop.agent.store
        data, sha256 = b"", Sha256("")
        if made.image is not None and made.bought is not None:
            image, bought = await store.image(made.image), await store.image(made.bought)
            data, sha256 = await store.read_blob(image.sha256), bought.sha256
        for cell in self.cells:
            if cell.picture != picture.key or cell.name in self.board.records:
                continue
            job = self._job(cell, picture, made, data, sha256)
            try:
                record = await finished(self.shop, job)
            except StoreError as error:
                record = held(job, error)
            if record.picture is not made:
                self.board.look_ahead(record.picture)
            self.board.keep(record)

    def _job(self, cell: Cell, picture: Picture, made: Made, data: bytes, sha256: Sha256) -> Job:
        return Job(
            brief=self.shop.brief,
            layout=self.shop.layouts[cell.size],
            cell=cell,
            picture=picture,
            made=made,
            data=data,
            sha256=sha256,
            folder=self.board.folder,
            offline=self.shop.agent.offline,
            fingerprint=self.prints[cell.name],
            at=self.shop.agent.kit.clock.now(),
            profile=self.cmyk,
        )


def adapted(shop: Shop, picture: Picture, follows: Lead | None) -> Picture:
    """In words for its part: the one that was to set the look may not have come."""
    key = follows.key if follows else None
    if (picture.lead is None) == (key is None):
        return picture.model_copy(update={"lead": key})
    layout = shop.layouts[picture.size]
    prompt, ref = picture_prompt(
        shop.brief,
        layout,
        picture.buy,
        picture.locale,
        follows=key is not None,
        variant=picture.variant,
    )
    return picture.model_copy(update={"lead": key, "prompt": prompt, "prompt_ref": ref})


def status_of(failure: Failure) -> Status:
    """Of a picture that is not asked for because of what happened to another."""
    if failure.code == "connection":
        return "planned"
    return "refused" if failure.stage == "policy" else "failed"
