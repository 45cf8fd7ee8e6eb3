"""What a run of a batch and a worker have in common: where the queue is, and the first Ctrl-C."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import anyio

from ...batch.queue_file import Place

if TYPE_CHECKING:
    from ... import ImageAgent, Settings
    from ...batch.run import Reins
    from .signals import Interruption


def place_of(settings: Settings, agent: ImageAgent) -> Place:
    """On a file there is one worker, on a PostgreSQL each has a name."""
    url = settings.database_url.get_secret_value() if settings.database_url else None
    owner = agent.kit.owner if url else "alone"
    return Place(folder=settings.data_dir, url=url, executor=owner)


async def resting(state: Interruption, reins: Reins, say: Callable[[str], object]) -> None:
    """The first Ctrl-C comes here, the second to whoever waits for all of it."""
    with anyio.CancelScope() as first:
        state.inner = first
        await anyio.sleep_forever()
    state.inner = None
    if first.cancelled_caught:
        say("finishing what is under way; press Ctrl-C again to give that up")
        reins.rest()
