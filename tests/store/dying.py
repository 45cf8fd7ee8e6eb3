"""A turn in a process that ends at one moment, without any clean-up: ``dying.py MOMENT HOME``."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import NoReturn

import anyio

from agent import TurnRequest, load_settings, open_agent
from agent.offline import OfflineOptions
from agent.store import DiskStore

MOMENTS = {
    "intended": "mark_sent",
    "received": "put_blob",
    "saved": "add_image",
    "stored": "settle",
    "settled": "close_turn",
}
"""What is about to be done when the process ends; besides these: ``written``, ``named``."""


def die_at(moment: str, store: DiskStore) -> None:
    """``written``: under a scratch name. ``named``: under its own, with no row yet."""

    async def die(*_: object, **__: object) -> NoReturn:
        os._exit(9)

    def die_at_rename(event: str, _: tuple[object, ...]) -> None:
        if event == "os.rename":
            os._exit(9)

    def die_after(path: Path, data: bytes) -> None:
        keep(path, data)
        os._exit(9)

    keep = store._folder.keep
    if moment == "written":
        sys.addaudithook(die_at_rename)
    elif moment == "named":
        store._folder.keep = die_after  # type: ignore[method-assign]
    else:
        setattr(store, MOMENTS[moment], die)


async def main(moment: str, home: Path) -> None:
    settings = load_settings(
        env={"HOME": str(home), "LIMNER_HOME": str(home / "data")},
        cwd=home,
        config_dir=home / "config",
    )
    async with open_agent(settings, offline=OfflineOptions(draw="tiny")) as agent:
        assert isinstance(agent.store, DiskStore)
        die_at(moment, agent.store)
        await agent.run(TurnRequest(text="a red kite"))


if __name__ == "__main__":
    anyio.run(main, sys.argv[1], Path(sys.argv[2]))
