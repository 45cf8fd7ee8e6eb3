"""One picture of a batch and the posters on it, by whichever worker takes it.

Everything is looked up before it is done, so that the same task may be given twice: a picture that
is there is not bought, one whose result nobody knows is parked, a poster that is there is left.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Final

import anyio

from .. import ImageAgent
from ..errors import StoreError
from ..poster.brief import Brief
from ..poster.buying import Counter
from ..poster.finishing import Job
from ..poster.layout import layout_for
from ..poster.pictures import Lead, make_picture
from ..poster.plan import Picture
from ..poster.records import Made, PosterEvent, PosterRecord
from ..poster.rereading import finished
from ..poster.screened import refusal
from ..poster.shop import Shop
from ..poster.variants import adapted
from ..poster.wording import change_prompt
from ..schema import Record, Sha256
from . import here
from .crew import Place, fenced
from .notes import Book, NotedSteps, Notes
from .pacing import Turnstile, paced
from .queue import Lost
from .standing import BatchNote, BriefNote, CellNote, PictureNote, Wish
from .tasks import Task, lead_of
from .till import Till
from .wants import Sheet, planned, sheet_of

WAITS: Final = (2.0, 5.0, 10.0, 20.0, 30.0, 30.0, 60.0)
"""Seconds between tries while the store cannot be used."""
_REPEATS: Final = 3
"""How often what ended unknown is sent again, where that is wished for."""
_WHOLE: Final = frozenset({"proved", "needs-person"})


class Pressed(Record):
    """What came of a task. ``then``: what may begin now."""

    made: Made | None = None
    posters: tuple[PosterRecord, ...] = ()
    then: tuple[Task, ...] = ()


Gates = tuple[Turnstile, Till]
"""Where one picture waits: for its turn at the server, and for money."""
Tell = Callable[[Task, PosterEvent], None]
Waits = Callable[[Task, StoreError, float], None]
"""What the store says, and after how many seconds it is tried again."""


class Press:
    """Works through tasks with the parts of one open agent, who stays open as long."""

    def __init__(
        self,
        agent: ImageAgent,
        notes: Notes,
        tell: Tell,
        listed: Place | None = None,
        *,
        waits: Waits = lambda *_: None,
        resting: Callable[[], bool] = lambda: False,
    ) -> None:
        """``listed``: this worker among others, who may be told to take over from it.

        ``waits`` hears how long a picture that has arrived waits for the store to come back.
        ``resting``: whether nothing more is to be begun.
        """
        self._agent = agent
        self._notes = notes
        self._tell = tell
        self._listed = listed
        self._waits = waits
        self._resting = resting
        self._lines: dict[str, anyio.CapacityLimiter] = {}
        """Batch → who waits for money."""

    async def work(self, task: Task) -> Pressed:
        """Raises ``StoreError`` where notes or pictures cannot be read or written.

        Raises ``Lost`` where the task is another worker's by now.
        """
        if self._listed is not None:
            await self._listed.hold()
        book = Book(self._notes, task.batch)
        head, note = await book.head(), await book.brief(task.brief)
        if note is None:
            return Pressed()
        note = await self._with_files(note)
        plan = planned(note, self._agent)
        known = here.still_there(await book.known(tuple(plan.keys)), here.folder_here(head))
        sheet = sheet_of(plan, self._agent, known)
        if all(one.picture != task.picture or one.of != task.of for one in sheet.wants.values()):
            return Pressed()
        caps = _caps(head, note.brief)
        turnstile, till = self._turnstile(task), self._till(task)
        async with self._agent_for(task, caps, (turnstile, till)) as agent:
            shop = self._shop(task, head, sheet, agent, (turnstile, till))
            wish = known.wishes.get(f"{task.brief}/{task.picture}")
            if wish is not None and wish.reach == sheet.reaches[task.picture]:
                shop = replace(shop, wishes=wish.texts)
            sitting = _Sitting(
                task=task,
                head=head,
                sheet=sheet,
                agent=agent,
                book=book,
                shop=shop,
                listed=self._listed,
            )
            try:
                return await sitting.run(known.pictures, known.wishes)
            except anyio.get_cancelled_exc_class():
                with anyio.CancelScope(shield=True), suppress(StoreError, Lost):
                    await sitting.given_up()
                raise
            finally:
                till.leave()

    def _till(self, task: Task) -> Till:
        line = self._lines.setdefault(task.batch, anyio.CapacityLimiter(1))
        return Till(self._notes, task.batch, line, self._resting)

    def _turnstile(self, task: Task) -> Turnstile:
        kit = self._agent.kit
        return Turnstile(self._notes, kit.upstream.profile.name, f"{kit.owner} {task.name}")

    def _agent_for(self, task: Task, caps: Mapping[str, Decimal], gates: Gates) -> ImageAgent:
        """One who buys for this brief, and for nobody once the task is another worker's."""
        lane = ours = self._agent.kit.on_account(
            task.batch, task.brief, caps, waits=WAITS, tell=partial(self._waits, task)
        )
        turnstile, till = gates
        lane = ours = replace(lane, upstream=paced(lane.upstream, turnstile, till.leave))
        if self._listed is None:
            return ImageAgent(ours)
        lanes = [lane]
        while lane.fallback is not None:
            lane = lane.fallback
            lanes.append(lane)
        behind = None
        for lane in reversed(lanes):
            upstream = fenced(lane.upstream, self._listed)
            behind = ours = replace(lane, upstream=upstream, fallback=behind)
        return ImageAgent(ours)

    async def _with_files(self, note: BriefNote) -> BriefNote:
        """The files that it names, as they were when it was given, on this machine."""
        store, places = self._agent.store, {}
        for kept in note.files:
            await store.read_blob(kept.sha256)  # also fetches it from a bucket
            places[kept.path] = store.blob_path(kept.sha256, kept.media_type)
        brief = here.with_paths(note.brief, places)
        files = tuple(
            kept.model_copy(update={"path": str(places[kept.path])}) for kept in note.files
        )
        return note.model_copy(update={"brief": brief, "files": files})

    def _shop(
        self, task: Task, head: BatchNote, sheet: Sheet, agent: ImageAgent, gates: Gates
    ) -> Shop:
        turnstile, purse = gates
        steps = NotedSteps(self._notes, task.batch, task.brief)
        repeats = _REPEATS if head.options.on_unknown == "retry" else 0
        return Shop(
            agent=agent,
            brief=sheet.brief,
            layouts={spec.name: layout_for(sheet.brief, spec) for spec in sheet.brief.sizes},
            journal=steps,
            purse=purse,
            counter=Counter(agent, steps, purse, repeats=repeats, turn=turnstile.enter),
            tell=lambda event: self._tell(task, event),
            acknowledge=head.options.acknowledge,
            acknowledged_by=head.options.acknowledged_by,
            cwd=head.cwd,
            named={task.picture: task.of},
        )


def _caps(head: BatchNote, brief: Brief) -> dict[str, Decimal]:
    pairs = (("batch", head.options.budget), ("brief", brief.budget))
    return {scope: cap for scope, cap in pairs if cap is not None}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sitting:
    """One task being worked on."""

    task: Task
    head: BatchNote
    sheet: Sheet
    agent: ImageAgent
    book: Book
    shop: Shop
    listed: Place | None

    @property
    def picture(self) -> Picture:
        return self.sheet.plan.picture(self.task.picture)

    async def run(self, pictures: Mapping[str, PictureNote], wishes: Mapping[str, Wish]) -> Pressed:
        """The picture, its posters, and what may begin now."""
        made = self._there(pictures)
        if made is None:
            wish = wishes.get(f"{self.task.brief}/{self.task.picture}")
            made = await self._make(lead_of(self.sheet, self.picture, pictures), wish)
            if self.listed is not None:
                self.listed.check()
            await self._keep(made)
        records = await self._posters(self.picture, made)
        then = await self._then(made)
        return Pressed(made=made, posters=records, then=then)

    async def given_up(self) -> None:
        """Nobody waits any more for what was sent: it is parked, and so is what waits for it."""
        bought = await self.shop.counter.given_up(self.picture.key, self.task.of)
        if bought is None:
            return
        if self.listed is not None:
            await self.listed.hold()
        made = Made(
            picture=self.picture.key,
            status="parked",
            session=bought.session,
            attempts=bought.attempts,
            cost=bought.cost,
            failure=bought.failure,
        )
        await self._keep(made)
        await self._posters(self.picture, made)
        await self._then(made)

    def _there(self, pictures: Mapping[str, PictureNote]) -> Made | None:
        before = pictures.get(f"{self.task.brief}/{self.task.picture}")
        there = before is not None and before.of == self.task.of
        whole = before is not None and before.made.status in _WHOLE and not before.made.unread
        return before.made if before and there and whole else None

    async def _make(self, lead: Lead | None, wish: Wish | None) -> Made:
        options = self.head.options
        refused = await refusal(
            self.agent,
            self.sheet.brief,
            acknowledged=options.acknowledge,
            acknowledged_by=options.acknowledged_by,
        )
        if refused is not None:
            return Made(picture=self.picture.key, status="refused", failure=refused)
        asked = adapted(self.shop, self.picture, lead)
        reach = self.sheet.reaches[self.picture.key]
        if wish is not None and wish.reach == reach and wish.image and wish.session:
            lead = Lead(self.picture.key, wish.session, wish.image)
            asked = self._changed(wish)
        return await make_picture(self.shop, asked, lead)

    def _changed(self, wish: Wish) -> Picture:
        """Asked for as an edit of what was there."""
        picture = self.picture
        layout = self.shop.layouts[picture.size]
        prompt, ref = change_prompt(
            self.sheet.brief, layout, picture.buy, picture.locale, wish.texts
        )
        return picture.model_copy(update={"prompt": prompt, "prompt_ref": ref})

    async def _keep(self, made: Made) -> None:
        note = PictureNote(
            of=self.task.of,
            reach=self.sheet.reaches[made.picture],
            making=self.sheet.making(made.picture),
            made=made,
        )
        await self.book.keep_picture(f"{self.task.brief}/{made.picture}", note)

    # ── its posters ──────────────────────────────────────────────────────────────────────────

    async def _posters(self, picture: Picture, made: Made) -> tuple[PosterRecord, ...]:
        """Every one that is made from a picture; none where its folder cannot be reached."""
        data, sha256 = b"", Sha256("")
        if made.image is not None and made.bought is not None:
            if not here.is_here(self.head):
                return ()
            store = self.agent.store
            image, bought = await store.image(made.image), await store.image(made.bought)
            data, sha256 = await store.read_blob(image.sha256), bought.sha256
        records = []
        for name, want in self.sheet.wants.items():
            if want.picture != picture.key or not self._wanted(name, made):
                continue
            job = self._job(name, picture, made, data, sha256)
            record = await finished(self.shop, job)
            note = CellNote(reach=want.reach, making=want.making, picture=want.of, record=record)
            await self.book.keep_cells({name: note})
            records.append(record)
        return tuple(records)

    def _wanted(self, name: str, made: Made) -> bool:
        """A poster that is there stays: only its neighbours may have changed."""
        state = self.sheet.standings[name].state
        return state in ("planned", "bought", "parked") or made.image is None

    def _job(self, name: str, picture: Picture, made: Made, data: bytes, sha256: Sha256) -> Job:
        want = self.sheet.wants[name]
        options = self.head.options
        return Job(
            brief=self.sheet.brief,
            layout=self.shop.layouts[want.cell.size],
            cell=want.cell,
            picture=picture,
            made=made,
            data=data,
            sha256=sha256,
            folder=Path(self.head.out) / self.task.brief,
            offline=self.agent.offline,
            fingerprint=want.reach,
            at=self.agent.kit.clock.now(),
            profile=Path(options.cmyk) if options.cmyk else None,
        )

    # ── what comes after ─────────────────────────────────────────────────────────────────────

    async def _then(self, made: Made) -> tuple[Task, ...]:
        """The others of the variant, once its look is there; the next one where it cannot come."""
        if not self.task.leads:
            return ()
        left = [
            one
            for one in self.sheet.left()
            if one.variant == self.picture.variant and one.key != self.picture.key
        ]
        if made.image is not None:
            return tuple(self._for(one) for one in left)
        if made.status in ("parked", "budget"):
            await self._wait(left, made)
            return ()
        order = [one.key for one in self.sheet.plan.pictures]
        after = [one for one in left if order.index(one.key) > order.index(self.picture.key)]
        return tuple(self._for(one, leads=True) for one in after[:1])

    def _for(self, picture: Picture, *, leads: bool = False) -> Task:
        of = self.sheet.of(picture.key)
        return self.task.model_copy(update={"picture": picture.key, "of": of, "leads": leads})

    async def _wait(self, pictures: Sequence[Picture], first: Made) -> None:
        """Without the look there is nothing to follow, and it may still come."""
        for picture in pictures:
            waits = Made(picture=picture.key, status=first.status, failure=first.failure)
            await self._posters(picture, waits)
