"""What one client listens to: chunks of an answer, buffered, for as long as somebody listens."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field

import anyio
from anyio.abc import ObjectReceiveStream

from ..schema import Failure, Outcome, TurnId

MOST_UNREAD = 64 * 1024 * 1024
"""Bytes that wait for a client; one that reads more slowly is let go, and can retrieve."""
_ONE_PIECE = 64 * 1024
"""Bytes up to which chunks that wait are told as one."""


class Declined(Exception):
    """Why there is no answer, told before any of it was: a door makes a status of it."""

    def __init__(self, failure: Failure, outcome: Outcome, turn: TurnId | None = None) -> None:
        super().__init__(failure.message)
        self.failure = failure
        self.outcome = outcome
        self.turn = turn


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """How an answer begins."""

    status: int = 200
    headers: tuple[tuple[str, str], ...] = field(default=())


class Line(ObjectReceiveStream[bytes]):
    """One writer, one reader. The writer never waits, and never fails because the reader left."""

    def __init__(self) -> None:
        self.head: Head | None = None
        self.declined: Declined | Exception | None = None
        self._chunks: deque[bytes] = deque()
        self._unread = 0
        self._over = False
        self._left = False
        self._news: anyio.Event | None = None
        """Of whoever waits."""

    @property
    def begun(self) -> bool:
        """Whether the client has been told anything, after which no status can change."""
        return self.head is not None

    @property
    def left(self) -> bool:
        """Whether nobody listens any more."""
        return self._left

    # ── the writer ───────────────────────────────────────────────────────────────────────────

    def begin(self, head: Head) -> None:
        """Status and headers; the first ones count."""
        self.head = self.head or head
        self._wake()

    def put(self, chunks: Iterable[bytes]) -> None:
        """More of the answer."""
        for chunk in chunks:
            if self._left:
                return
            self.head = self.head or Head()
            self._chunks.append(chunk)
            self._unread += len(chunk)
            if self._unread > MOST_UNREAD and len(self._chunks) > 1:
                self._let_go()
        self._wake()

    def end(self, declined: Declined | Exception | None = None) -> None:
        """No more comes; ``declined`` where nothing came at all."""
        self.declined = None if self.begun else declined
        self._over = True
        self._wake()

    def _let_go(self) -> None:
        self._left = self._over = True
        self._chunks.clear()

    def _wake(self) -> None:
        news, self._news = self._news, None
        if news is not None:
            news.set()

    # ── the reader ───────────────────────────────────────────────────────────────────────────

    async def opening(self, wait_s: float | None) -> Head | None:
        """How it begins; ``None`` when nothing is known after ``wait_s``. Raises ``Declined``."""
        with anyio.move_on_after(wait_s):
            while not self.begun and not self._over:
                await self._wait()
        if self.declined is not None:
            raise self.declined
        return self.head

    @property
    def waits(self) -> bool:
        """Whether there is nothing to be told now, and more may come."""
        return not self._chunks and not self._over

    async def more(self) -> None:
        """Until something can be told, or nothing will."""
        while self.waits:
            await self._wait()

    async def _wait(self) -> None:
        self._news = self._news or anyio.Event()
        await self._news.wait()

    def take(self) -> bytes | None:
        """What can be told now, small chunks together; ``None`` at the end, or when it ``waits``."""
        if not self._chunks:
            return None
        taken = [self._chunks.popleft()]
        size = len(taken[0])
        while self._chunks and size + len(self._chunks[0]) <= _ONE_PIECE:
            taken.append(self._chunks.popleft())
            size += len(taken[-1])
        self._unread -= size
        return taken[0] if len(taken) == 1 else b"".join(taken)

    async def receive(self) -> bytes:
        await self.more()
        chunk = self.take()
        if chunk is None:
            raise anyio.EndOfStream
        return chunk

    async def aclose(self) -> None:
        """Nobody listens any more; the work behind it goes on."""
        self._let_go()
