"""Where real parts are joined into an agent; the only module that knows both network and offline."""

from __future__ import annotations

import os
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import TYPE_CHECKING

import anyio

from .derive import PillowPictures
from .ids import SystemClock, Ulids
from .keys import key_fingerprint
from .kit import Kit
from .protocols import Clock, Ids, Profile, Upstream
from .runner import ImageAgent
from .safety.policy import Policy, load_policy
from .safety.screen import screen
from .schema import Verdict
from .settings import ProfileSettings, Settings, load_settings
from .turn import pricing, prompts
from .upstream.dialects import dialect_for
from .upstream.responses import ResponsesUpstream

if TYPE_CHECKING:
    from .offline import Offline, OfflineOptions
    from .store import DiskStore

_STARTED = SystemClock().now()


@asynccontextmanager
async def open_agent(
    settings: Settings | None = None,
    *,
    profile: str | None = None,
    allow_offline: bool = True,
    offline: Offline | OfflineOptions | None = None,
    clock: Clock | None = None,
    ids: Ids | None = None,
) -> AsyncIterator[ImageAgent]:
    """An agent on the configured server, or with none configured, on the offline artist.

    ``offline`` shapes the offline upstream (faults, dialect, latency), or is one that runs
    already, so that its counters and log can be read and it outlives the agent. Raises ``SettingsError``
    (``KeyMissing`` for a URL without its key) and ``StoreError`` before anything is sent.
    """
    settings = settings or load_settings()
    chosen = settings.resolve(profile, allow_offline=allow_offline)
    clock = clock or SystemClock()
    upstream = open_upstream(chosen, clock=clock, offline=offline)
    try:
        prices = pricing.load_prices(
            prompts.prices_text(upstream.profile.prices), name=upstream.profile.prices
        )
        policy = load_policies(settings)
        store = await open_disk(settings, clock=clock)
    except BaseException:
        with anyio.CancelScope(shield=True):
            await upstream.aclose()
        raise
    kit = Kit(
        upstream=upstream,
        store=store,
        pictures=PillowPictures(),
        policy=policy,
        prices=prices,
        clock=clock,
        ids=ids or Ulids(clock),
        owner=f"{socket.gethostname()}:{os.getpid()}:{_STARTED:%Y%m%dT%H%M%S}",
        key_fingerprint=key_fingerprint(upstream.profile.api_key)
        if upstream.profile.api_key
        else None,
        image_model=settings.image_options(chosen).model,
        caps=_caps(settings, chosen),
    )
    async with ImageAgent(kit) as agent:
        yield agent


async def open_disk(settings: Settings, *, clock: Clock | None = None) -> DiskStore:
    """The store alone, for commands that send nothing."""
    from .store import open_store

    url = settings.database_url.get_secret_value() if settings.database_url else None
    return await open_store(settings.data_dir, clock=clock or SystemClock(), database_url=url)


def load_policies(settings: Settings) -> Policy:
    """The shipped policy, tightened by the user's overlay where one is configured."""
    return load_policy(prompts.folder() / "policy", settings.policy)


def check_text(text: str, settings: Settings) -> Verdict:
    """The screen alone, for a door that only wants to know; nothing is sent or kept."""
    return screen(text, policy=load_policies(settings), subject="check")


def open_upstream(
    chosen: ProfileSettings, *, clock: Clock, offline: Offline | OfflineOptions | None = None
) -> Upstream:
    """The client of one profile; the offline one talks to our own artist in this process."""
    if not chosen.offline:
        return ResponsesUpstream(profile_of(chosen), clock=clock)
    from .offline import Offline, OfflineOptions
    from .store import DiskStore
    from .upstream.inprocess import InProcessTransport

    server = offline if isinstance(offline, Offline) else Offline(offline or OfflineOptions())
    speaks = chosen.model_copy(update={"dialect": server.options.dialect})
    return ResponsesUpstream(
        profile_of(speaks), clock=clock, transport=InProcessTransport(server.handle)
    )


def profile_of(chosen: ProfileSettings) -> Profile:
    """The settings of a server and the facts about its kind, joined."""
    return Profile(
        name=chosen.name,
        base_url=chosen.base_url,
        api_key=chosen.api_key.get_secret_value() if chosen.api_key else "",
        dialect=dialect_for(chosen.base_url, chosen.dialect),
        offline=chosen.offline,
        model=chosen.model,
        prices=chosen.prices or ("offline" if chosen.offline else "openai"),
        connect_s=chosen.connect_s,
        silence_s=chosen.silence_s,
        total_s=chosen.total_s,
    )


def _caps(settings: Settings, chosen: ProfileSettings) -> dict[str, Decimal]:
    """Standing budgets: of the settings and of the profile, the lower one holds."""
    pairs = {
        "turn": (settings.max_cost, chosen.max_cost),
        "session": (settings.session_max_cost, chosen.session_max_cost),
        "day": (settings.day_max_cost, chosen.day_max_cost),
    }
    return {
        scope: min(cap for cap in caps if cap is not None)
        for scope, caps in pairs.items()
        if any(cap is not None for cap in caps)
    }
