"""The press at a queue: it waits where the store is away, and lets no task fail unseen."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

import anyio

from .. import ImageAgent
from ..errors import LimnerError, StoreError, StoreNewer
from ..poster.records import PictureBought, PictureEnded, PictureStarted, PosterEvent
from ..poster.stopping import Outlook
from ..schema import Failure, FailureCode
from .crew import Place as Listed
from .events import BatchEvent, BatchPicture, BatchPoster, BatchWaits
from .notes import Notes, read_note
from .press import WAITS, Press, Pressed
from .queue import AT_ONCE, Item, Limits, Lost, Named
from .standing import BatchNote, CellState
from .tasks import Task

_UNREACHED: Final = 3
"""Pictures in a row without a connection: a night's work outlasts a moment's outage."""
_PARTING_S: Final = 10.0


@dataclass(slots=True)
class Bench:
    """The press at a queue: waits where the store is away, and lets no task fail unseen."""

    agent: ImageAgent
    notes: Notes
    heard: Callable[[Task, PosterEvent], None]
    tell: Callable[[BatchEvent], None]
    rest: Callable[[Failure], None]
    """To be called when the next picture would meet the same failure."""
    listed: Listed | None = None
    """This worker among others; ``None``: there are no others."""
    resting: Callable[[], bool] = lambda: False
    """Whether nothing more is to be begun."""
    made: int = 0
    outlook: Outlook = field(default_factory=lambda: Outlook(_UNREACHED))
    unread: StoreNewer | None = None
    """What a newer Limner wrote down, and this one cannot read."""
    bug: Exception | None = None
    """What no task should meet; the run ends with it."""
    press: Press = field(init=False)
    _under_way: set[anyio.CancelScope] = field(default_factory=set)
    _ended: anyio.Event = field(default_factory=anyio.Event)

    def __post_init__(self) -> None:
        self.press = Press(
            self.agent,
            self.notes,
            self.heard,
            self.listed,
            waits=self._waits,
            resting=self.resting,
        )

    def _waits(self, task: Task, error: StoreError, delay_s: float) -> None:
        self.tell(BatchWaits(task=task.what, message=str(error), hint=error.hint, delay_s=delay_s))

    async def work(self, item: Item) -> list[Named]:
        scope = anyio.CancelScope()
        self._under_way.add(scope)
        try:
            with scope:
                return await self._work(read_note(Task, item, "a task"))
        except StoreNewer as error:
            self.unread = error
            raise Lost(str(error)) from error  # it is left for whoever can read it
        finally:
            self._under_way.discard(scope)
            self._ended.set()
            self._ended = anyio.Event()
        raise Lost("given up")

    async def give_up(self) -> None:
        """What is under way is cut short and noted; its tasks are left for the next worker."""
        for scope in self._under_way:
            scope.cancel()
        with anyio.CancelScope(shield=True, deadline=anyio.current_time() + _PARTING_S):
            while self._under_way:
                await self._ended.wait()

    async def _work(self, task: Task) -> list[Named]:
        try:
            pressed = await self._patiently(task)
        except (Lost, StoreNewer):
            raise
        except Exception as error:
            self.bug = self.bug or error
            code: FailureCode = "store" if isinstance(error, StoreError) else "interrupted"
            self.rest(Failure(code=code, message=f"{task.what}: {error}"))
            raise
        self._mind(pressed)
        self._told(task, pressed)
        return [named(one) for one in pressed.then]

    async def set_type(self, task: Task) -> None:
        """Of a picture that is there; buys nothing where it is."""
        self._told(task, await self._patiently(task))

    def _told(self, task: Task, pressed: Pressed) -> None:
        self.made += len(pressed.posters)
        for record in pressed.posters:
            self.tell(
                BatchPoster(
                    name=record.name,
                    state=state_of_record(record.status),
                    paths=tuple(f"{task.brief}/{one.path}" for one in record.files),
                    reasons=record.reasons,
                )
            )

    def _mind(self, pressed: Pressed) -> None:
        """A server that is away, or takes no more from us, is not asked for every picture."""
        if pressed.made is None:
            return
        failure = pressed.made.failure
        ends = self.outlook.ends_with(pressed.made)
        if ends is None and failure is not None and failure.code == "store":
            ends = failure
        if ends is not None:
            self.rest(ends)

    async def _patiently(self, task: Task) -> Pressed:
        """A store that is away may come back; what cannot be done at all is told and left."""
        for delay in (*WAITS, None):
            try:
                return await self.press.work(task)
            except StoreNewer:
                raise
            except StoreError as error:
                if delay is None:
                    raise
                self._waits(task, error, delay)
                await anyio.sleep(delay)
            except LimnerError as error:
                failure = Failure(code="usage", message=str(error), hint=error.hint)
                self.tell(_ended(task, failure))
                return Pressed()
        raise AssertionError("the last try raises or returns")


def _ended(task: Task, failure: Failure) -> BatchPicture:
    return BatchPicture(
        brief=task.brief, picture=task.picture, what="ended", status="failed", failure=failure
    )


def named(task: Task) -> Named:
    """As the queue takes it."""
    return Named(task.name, task.model_dump(mode="json"))


def queue_name(head: BatchNote) -> str:
    """One for each server: its limits are for all who draw on it."""
    return queue_of(head.profile)


def queue_of(profile: str) -> str:
    return f"pictures:{profile}"


def limits_of(head: BatchNote, agent: ImageAgent) -> Limits:
    """As asked, else as the profile of the server allows."""
    del agent
    return Limits(at_once=head.options.concurrency or AT_ONCE, rate=head.options.rate)


def state_of_record(status: str) -> CellState:
    """What failed for free is still planned."""
    match status:
        case "proved" | "needs-person" | "parked" | "refused":
            return status
        case _:
            return "planned"


def told_of(task: Task, event: PosterEvent) -> BatchPicture | None:
    """Of an event of one picture, what the whole batch has to know."""
    match event:
        case PictureStarted():
            return BatchPicture(brief=task.brief, picture=task.picture, what="started")
        case PictureBought():
            what = "found" if event.again else "bought"
            return BatchPicture(brief=task.brief, picture=task.picture, what=what, cost=event.cost)
        case PictureEnded():
            return BatchPicture(
                brief=task.brief,
                picture=task.picture,
                what="ended",
                status=event.status,
                failure=event.failure,
            )
        case _:
            return None
