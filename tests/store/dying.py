"""A turn in a process that ends at one moment, without any clean-up: ``dying.py MOMENT HOME``."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import NoReturn

import anyio

from agent import TurnRequest, load_settings, open_agent
from agent.offline import OfflineOptions

MOMENTS = {
    "intended": "mark_sent",
    "received": "put_blob",
    "stored": "settle",
    "settled": "close_turn",
}
"""What is about to be done when the process ends."""


async def main(moment: str, home: Path) -> None:
    async def die(*_: object, **__: object) -> NoReturn:
        os._exit(9)

    settings = load_settings(
        env={"HOME": str(home), "LIMNER_HOME": str(home / "data")},
        cwd=home,
        config_dir=home / "config",
    )
    async with open_agent(settings, offline=OfflineOptions(draw="tiny")) as agent:
        setattr(agent.store, MOMENTS[moment], die)
        await agent.run(TurnRequest(text="a red kite"))


if __name__ == "__main__":
    anyio.run(main, sys.argv[1], Path(sys.argv[2]))
