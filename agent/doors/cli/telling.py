"""A turn's events as a person or a script gets them: paths or JSON on stdout, the rest on stderr."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import click

from ...errors import StoreError
from ...events import (
    AttemptRetrying,
    AttemptSent,
    Event,
    ImageCompleted,
    ImagePartial,
    ImageProgress,
    Terminal,
    TurnCompleted,
    TurnDegraded,
    TurnFailed,
    TurnNotice,
    TurnRefused,
    TurnStarted,
)
from ...schema import Image, ImageId, Session
from . import wording
from .problems import say_problem
from .stdout import write_json, write_path

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.status import Status

    from .outputs import Outputs


# ── stderr ───────────────────────────────────────────────────────────────────────────────────


class Progress(Protocol):
    """Where a turn stands."""

    def stage(self, text: str) -> None: ...

    def line(self, text: str) -> None: ...

    def rest(self) -> None:
        """Nothing is under way."""
        ...

    def aside(self) -> AbstractContextManager[None]:
        """What moves steps out of the way of what is written, on stdout too."""
        ...


class PlainProgress:
    """For logs and pipes: few lines, no control characters. The same stage is told once."""

    def __init__(self) -> None:
        self._told: set[str] = set()

    def stage(self, text: str) -> None:
        if not any(told.startswith(text) for told in self._told):
            self.line(text)

    def line(self, text: str) -> None:
        self._told.add(text)
        with suppress(OSError):  # nobody can read it, which does not stop a turn
            click.echo(text, err=True)

    def rest(self) -> None:
        self._told.clear()

    def aside(self) -> AbstractContextManager[None]:
        return nullcontext()


class LiveProgress:
    """For people: one line that moves, with the seconds, and what is to stand under it."""

    def __init__(self) -> None:
        from rich.console import Console

        self._console: Console = Console(stderr=True, highlight=False)
        self._status: Status | None = None
        self._ticking: _Ticking | None = None

    def stage(self, text: str, under: RenderableType | None = None) -> None:
        self._ticking = self._ticking or _Ticking()
        self._ticking.text = text
        self._ticking.under = under
        self._start()

    def line(self, text: str) -> None:
        with self.aside():
            click.echo(text, err=True)

    def rest(self) -> None:
        self._ticking = None
        self._stop()

    @contextmanager
    def aside(self) -> Iterator[None]:
        self._stop()
        yield
        self._start()

    def _start(self) -> None:
        """Each time anew: one that was stopped would wipe out the lines written since."""
        if self._status is None and self._ticking is not None:
            self._status = self._console.status(self._ticking)
            self._status.start()

    def _stop(self) -> None:
        if self._status is not None:
            self._status.stop()
            self._status = None


class _Ticking:
    """A text and the seconds since it was made; rich asks it again for every frame."""

    def __init__(self) -> None:
        from time import monotonic

        self.text = ""
        self.under: RenderableType | None = None
        self._clock = monotonic
        self._since = monotonic()

    def __rich__(self) -> RenderableType:
        from rich.console import Group
        from rich.markup import escape
        from rich.text import Text

        line = f"{escape(self.text)} [dim]{self._clock() - self._since:.0f} s[/dim]"
        return Group(Text.from_markup(line), self.under) if self.under else line


def progress() -> Progress:
    """Moving at a terminal, plain elsewhere."""
    return LiveProgress() if sys.stderr.isatty() else PlainProgress()


# ── a turn ───────────────────────────────────────────────────────────────────────────────────


class Teller:
    """Renders the events of the turns of one command and delivers their pictures."""

    def __init__(
        self,
        *,
        outputs: Outputs,
        as_json: bool,
        progress: Progress,
        shower: Callable[[Path], None] | None = None,
        receipts: bool = True,
        expected: int = 1,
    ) -> None:
        self._outputs = outputs
        self._json = as_json
        self._progress = progress
        self._shower = shower
        self._receipts = receipts
        self._expected = expected
        self._session = ""
        self._paths: dict[ImageId, Path] = {}
        self._numbers: dict[ImageId, int] = {}
        self._drafts = 0
        self._said_offline = False
        self.started: TurnStarted | None = None
        self.sent: AttemptSent | None = None
        self.undelivered = False
        """A picture is in the store and could not be copied to where it was wanted."""

    def tell(self, event: Event) -> None:
        """Everything there is to say about one event."""
        if isinstance(event, ImageCompleted):
            self._deliver(event.image)
        if isinstance(event, Terminal):
            enlarged = tuple(map(self._deliver_enlarged, event.degraded))
            event = event.model_copy(update={"degraded": enlarged})
        if self._json:
            told = self._with_paths(event)
            with self._progress.aside():
                write_json(told)
        match event:
            case TurnStarted():
                self._begin(event)
            case AttemptSent():
                self.sent = event
                self._progress.stage(self._doing())
            case AttemptRetrying():
                self._progress.line(
                    f"{wording.plain(event.failure.message)} "
                    f"Nothing was billed; trying again {wording.delay(event.delay_s)}"
                )
            case ImageProgress(stage="generating"):
                self._progress.stage(self._doing())
            case ImagePartial():
                self._drafts += 1
                self._progress.stage(f"{self._doing()}, draft {self._drafts}")
                self._show(Path(event.path))
            case TurnNotice() | TurnDegraded():
                self._progress.line(_remark(event))
            case TurnCompleted() | TurnRefused() | TurnFailed():
                self.sent = None
                self._end(event)
            case _:
                pass

    def close(self) -> None:
        """Whatever happened, the terminal is left as it was."""
        self._progress.rest()

    def line(self, text: str) -> None:
        self._progress.line(text)

    def _begin(self, event: TurnStarted) -> None:
        self.started, self.sent, self._drafts = event, None, 0
        self._session = event.session_name
        self._numbers |= dict(zip(event.editing, event.editing_numbers, strict=True))
        if event.editing_numbers:
            names = " and ".join(f"@{number}" for number in event.editing_numbers)
            self._progress.line(f"editing {names} of {wording.plain(event.session_name)}")
        if not event.offline and event.estimate.amount is not None:
            low, high = event.estimate_low, event.estimate
            self._progress.line(wording.estimate_line(high, self._expected, low=low))
        self._expected = 1

    def _doing(self) -> str:
        return "editing" if self.started and self.started.editing else "drawing"

    def _deliver(self, image: Image) -> None:
        self._numbers[image.id] = image.number
        try:
            place = len(self._paths) + 1
            delivered = self._outputs.deliver(image, session=self._session, place=place)
        except StoreError as error:
            self.undelivered = True
            self._paths[image.id] = Path(image.path)
            say_problem(str(error), hint=error.hint)
            return
        self._paths[image.id] = delivered.path
        if delivered.remark:
            self._progress.line(delivered.remark)
        self._show(Path(image.path))
        if not self._json:
            self._progress.rest()
            write_path(delivered.path)

    def _deliver_enlarged(self, step: dict[str, str]) -> dict[str, str]:
        """The step with the path of what was asked for, where something was enlarged."""
        picture, made = self._paths.get(ImageId(step.get("image", ""))), step.get("path")
        if picture is None or made is None:
            return step
        try:
            path = self._outputs.beside(picture, Path(made), label=step["to"])
        except StoreError as error:
            self.undelivered = True
            say_problem(str(error), hint=error.hint)
            return step
        if not self._json:
            self._progress.rest()
            write_path(path)
        return {**step, "path": str(path.absolute())}

    def _show(self, path: Path) -> None:
        if self._shower is not None:
            self._progress.rest()
            self._shower(path)

    def copy_of(self, image: Image, session: Session | None) -> Path:
        """The copy outside of the store, made now if there is none yet."""
        if image.id not in self._paths:
            name = session.name if session else "picture"
            self._paths[image.id] = self._outputs.deliver(image, session=name).path
        return self._paths[image.id]

    def _with_paths(self, event: Event) -> Event:
        """A script gets the file that was asked for, absolute, not the one in the store."""
        if isinstance(event, ImageCompleted):
            return event.model_copy(update={"image": self._placed(event.image)})
        if isinstance(event, Terminal):
            return event.model_copy(update={"images": tuple(map(self._placed, event.images))})
        return event

    def _placed(self, image: Image) -> Image:
        path = self._paths.get(image.id)
        return image.model_copy(update={"path": str(path.absolute())}) if path else image

    def _end(self, event: Terminal) -> None:
        self._progress.rest()
        say = self._progress.line
        cost = wording.cost_line(event.cost, offline=event.offline)
        for image in event.images if self._receipts else ():
            say(f"{wording.receipt(image, self._numbers, session=self._session)}   {cost}")
            cost = "same turn"
        if text := wording.answer(event.text):
            say(text)
        for failure in (*event.failures, *((event.error,) if event.error else ())):
            first, *rest = wording.failure_lines(failure)
            say_problem(first)
            for line in rest:
                say(f"  {line}")
        for attempt in event.attempts:
            if attempt.state == "unknown":
                say(f"  limner ledger unsettled lists it; limner retry {attempt.id} sends it anew")
        if event.offline and event.images and not self._said_offline:
            self._said_offline = True
            say(wording.OFFLINE)


def _remark(event: TurnNotice | TurnDegraded) -> str:
    if isinstance(event, TurnNotice):
        return f"note: {wording.plain(event.message)}"
    above, now = event.steps.get("from", ""), event.steps.get("to", "")
    return f"note: {wording.plain(f'going on with {now} in place of {above}')}"
