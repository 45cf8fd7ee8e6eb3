"""``limner serve`` in front of a scripted model with an artist behind it, and what it kept."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import anyio
from anyio.from_thread import start_blocking_portal

from agent import Image, Turn
from agent.offline import Offline, OfflineOptions
from agent.store import open_store

from ..conftest import Ticking
from ..gateway import served
from .brain import Brain, thinking
from .peers import Stage, furnish


@contextmanager
def staged(home: Path, dialect: str) -> Iterator[Stage]:
    """All of it, in this process but for Limner, which is one of its own."""
    server = Offline(OfflineOptions(dialect=dialect, draw="tiny"))
    with (
        start_blocking_portal() as portal,
        portal.wrap_async_context_manager(served(server)) as url,
        thinking(Brain(behind=url)) as brain,
    ):
        furnish(home, brain.url, dialect)
        stage = Stage(home, brain, server)
        with listening(stage, "serve", "--port", "0", "--screen-output", "tell") as address:
            yield replace(stage, url=address)


@contextmanager
def listening(stage: Stage, *arguments: str, cwd: Path | None = None) -> Iterator[str]:
    """A ``limner`` that prints its address and serves."""
    process = subprocess.Popen(
        [str(stage.home / "bin" / "limner"), *arguments],
        env=stage.environment,
        cwd=cwd or stage.home,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    with process:
        address = process.stdout.readline().strip()
        try:
            assert address.startswith("http://127.0.0.1:")
            yield address
        finally:
            process.terminate()
            process.wait(30)


@dataclass(frozen=True)
class Kept:
    """The newest session of a store."""

    turns: list[Turn]
    images: list[Image]

    @property
    def parents(self) -> list[list[int]]:
        """By number: whose parents are who."""
        numbers = {image.id: image.number for image in self.images}
        return [[numbers[one] for one in image.parents] for image in self.images]

    @property
    def masked(self) -> list[bool]:
        return [turn.mask is not None for turn in self.turns]


def kept(stage: Stage) -> Kept:
    async def read() -> Kept:
        store = await open_store(stage.home / "data", clock=Ticking())
        try:
            [session, *_] = await store.sessions()
            return Kept(await store.turns(session.id), await store.images(session.id))
        finally:
            await store.aclose()

    return anyio.run(read)


def drawn(stage: Stage) -> int:
    """Pictures finished at the artist: what somebody would have paid for."""
    return int(stage.artist.state.journal.counts["generations"])
