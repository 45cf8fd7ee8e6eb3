"""What was begun for a folder of posters, so that no run buys anything a second time.

One line is on disk before a request is sent and one after each result; a later run asks the store
what became of it. A line that a crash cut in half is left out.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Literal, Protocol

import anyio.to_thread
from pydantic import ValidationError

from ..errors import StoreError, UsageError
from ..schema import Cost, ImageId, Record, TurnId
from .proof import Proof

NAME: Final = "journal.jsonl"
_LOCK: Final = ".lock"

StepKind = Literal["turn", "patch", "proof", "lead"]


class Step(Record):
    """One thing that was done. ``of`` is what it was done with: another one is another step."""

    kind: StepKind
    key: str
    """Which picture, and which try of what."""
    of: str
    turn: TurnId | None = None
    """The turn that was about to be sent."""
    image: ImageId | None = None
    proof: Proof | None = None
    cost: Cost = Cost()
    """Of the questions behind a proof; what a turn cost is in the ledger."""


class Steps(Protocol):
    """What was done for one brief, wherever it is written down."""

    async def find(self, kind: StepKind, key: str, of: str) -> Step | None:
        """The newest such step."""
        ...

    async def lead(self, variant: int) -> Step | None:
        """The picture that set the look of a variant; ``of`` is its key in the plan."""
        ...

    async def add(self, step: Step) -> None:
        """Safe from a crash before this returns; raises ``StoreError`` where it cannot be."""
        ...


class Journal:
    """The steps of one folder; :func:`kept` opens it."""

    def __init__(self, path: Path, steps: list[Step]) -> None:
        self._path = path
        self._steps = steps

    def find(self, kind: str, key: str, of: str) -> Step | None:
        """The newest such step."""
        return next(
            (s for s in reversed(self._steps) if (s.kind, s.key, s.of) == (kind, key, of)), None
        )

    def lead(self, variant: int) -> Step | None:
        """The picture that set the look of a variant; ``of`` is its key in the plan."""
        key = str(variant)
        return next((s for s in reversed(self._steps) if (s.kind, s.key) == ("lead", key)), None)

    def all(self) -> tuple[Step, ...]:
        """In the order in which they were done."""
        return tuple(self._steps)

    def add(self, step: Step) -> None:
        """On disk before this returns; raises ``StoreError`` where it cannot be."""
        line = step.model_dump_json(exclude_defaults=True).encode() + b"\n"
        try:
            with self._path.open("ab") as file:
                if file.tell() and not _ends_whole(self._path):
                    file.write(b"\n")
                file.write(line)
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise StoreError(
                f"{self._path}: cannot be written ({error.strerror}); nothing was sent.",
                hint="make room, or choose another folder with --out",
            ) from error
        self._steps.append(step)


class Filed:
    """The journal of a folder as ``Steps``."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._turn = anyio.Lock()

    async def find(self, kind: StepKind, key: str, of: str) -> Step | None:
        return self._journal.find(kind, key, of)

    async def lead(self, variant: int) -> Step | None:
        return self._journal.lead(variant)

    async def add(self, step: Step) -> None:
        """One line after the other, while other pictures go on."""
        with anyio.CancelScope(shield=True):
            async with self._turn:
                await anyio.to_thread.run_sync(self._journal.add, step)


def _ends_whole(path: Path) -> bool:
    with path.open("rb") as file:
        file.seek(-1, os.SEEK_END)
        return file.read(1) == b"\n"


@contextmanager
def kept(folder: Path) -> Iterator[Journal]:
    """The journal of a folder, for one process at a time; ``UsageError`` for a second one."""
    from filelock import FileLock, Timeout

    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder / _LOCK, timeout=0)
        lock.acquire()
    except Timeout as error:
        raise UsageError(
            f"{folder}: another process makes this brief.", hint="wait for it, or use another --out"
        ) from error
    except OSError as error:
        raise UsageError(
            f"{folder}: cannot be used as a folder ({error.strerror}).", hint="name another --out"
        ) from error
    try:
        path = folder / NAME
        yield Journal(path, list(_read(path)))
    finally:
        lock.release()


def _read(path: Path) -> Iterator[Step]:
    try:
        lines = path.read_bytes().splitlines()
    except FileNotFoundError:
        return
    except OSError as error:  # without it, everything would be bought anew
        raise StoreError(
            f"{path}: cannot be read ({error.strerror}), and it says what was bought.",
            hint="mend it, or choose another folder with --out",
        ) from error
    for line in lines:
        try:
            yield Step.model_validate_json(line)
        except ValidationError:
            continue  # the end of a line that a crash cut off
