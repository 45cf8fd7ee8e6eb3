"""The moderation of a server: asked once, free of charge, on whichever API the turn takes."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import replace

from ..traffic import Failed, Received
from ..wire.moderation import ModerationReader
from .carrier import Carrier
from .connection import Dispatch

_SILENCE_S = 60.0
"""Recorded answers took under a second."""


async def scored(carrier: Carrier, body: bytes) -> AsyncGenerator[Received, None]:
    """Ask; yield ``Scored`` and ``Ended``, or one ``Failed``, which cost nothing either."""
    total_s = carrier.profile.total_s
    dispatch = Dispatch(path="/moderations", body=body, silence_s=_SILENCE_S, total_s=total_s)
    async with aclosing(carrier.carry(dispatch, ModerationReader())) as received:
        async for item in received:
            yield _free(item)


def _free(item: Received) -> Received:
    """Nothing is drawn by it, so that no end of it leaves a doubt about money."""
    if not isinstance(item, Failed):
        return item
    return replace(item, failure=item.failure.model_copy(update={"billed": "no"}))
