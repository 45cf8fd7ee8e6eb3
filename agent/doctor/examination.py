"""The free examination, start to end."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from pathlib import Path

import anyio.to_thread

from ..factory import profile_of
from ..ids import SystemClock
from ..protocols import Clock
from ..settings import Settings
from ..upstream.reach import look
from . import local, program, queue, server, setup
from .report import Check, Examination


async def checks(
    settings: Settings,
    *,
    profile: str | None,
    env: Mapping[str, str],
    here: Path,
    clock: Clock | None = None,
) -> AsyncGenerator[Check, None]:
    """One after another, so that a slow server does not keep the rest waiting."""
    clock = clock or SystemClock()
    for check in program.checks(here):
        yield check
    for check in setup.settings_checks(settings):
        yield check
    found = setup.chosen(settings, profile)
    if isinstance(found, Check):
        yield found
    else:
        for check in setup.profile_checks(settings, found, env):
            yield check
    yield await local.store_check(settings, clock=clock)
    if bucket := await local.bucket_check(settings):
        yield bucket
    async for check in queue.checks(settings, clock=clock):
        yield check
    yield await anyio.to_thread.run_sync(local.fonts_check)
    if isinstance(found, Check) or found.offline:
        return
    for check in setup.dialect_checks(settings, found):
        yield check
    seen = await look(profile_of(found), clock=clock)
    for check in server.checks(seen, image_model=settings.image_options(found).model):
        yield check


async def examine(
    settings: Settings,
    *,
    profile: str | None = None,
    env: Mapping[str, str],
    here: Path,
    clock: Clock | None = None,
) -> Examination:
    """All of it at once."""
    found = checks(settings, profile=profile, env=env, here=here, clock=clock)
    return Examination(checks=tuple([check async for check in found]))
