"""Where real parts are joined into an agent; the only module that knows both network and offline."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from decimal import Decimal
from functools import lru_cache
from typing import TYPE_CHECKING

import anyio

from . import policies
from .again import Again, again
from .derive import PillowPictures
from .errors import SettingsError, UsageError
from .ids import SystemClock, Ulids
from .keys import key_fingerprint
from .kit import Kit, Room
from .protocols import Answers, Clock, Ids, Publisher, Store, Tenancy, Upstream
from .runner import ImageAgent
from .safety.policy import Policy, load_policy
from .safety.screen import screen
from .schema import Verdict
from .settings import OFFLINE, ProfileSettings, Settings, load_settings
from .store.owners import this_process
from .traffic import Profile
from .turn import pricing, prompts
from .turn.pricing import Prices
from .turn.scores import load_thresholds
from .upstream import proved
from .upstream.dialects import dialect_for
from .upstream.images import ImagesUpstream
from .upstream.narrowing import MEMORY_FILE, Narrowing, ServerMemory, narrowed
from .upstream.proved import Proved
from .upstream.responses import ResponsesUpstream

if TYPE_CHECKING:
    from .offline import Offline, OfflineOptions
    from .store import DiskStore
    from .store.batches import DiskNotes
    from .upstream.inprocess import InProcessTransport


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
    already, so that its counters and log can be read and it outlives the agent. Raises
    ``SettingsError`` (``KeyMissing`` for a URL without its key) and ``StoreError``.
    """
    settings = settings or load_settings()
    chosen = settings.resolve(profile, allow_offline=allow_offline)
    async with ImageAgent(
        await open_kit(settings, chosen, offline=offline, clock=clock, ids=ids)
    ) as agent:
        yield agent


async def open_kit(
    settings: Settings,
    chosen: ProfileSettings,
    *,
    offline: Offline | OfflineOptions | None = None,
    clock: Clock | None = None,
    ids: Ids | None = None,
) -> Kit:
    """What turns work with, on the server of ``Settings.resolve``; its upstream and store are open."""
    clock = clock or SystemClock()
    lanes = (chosen, *_fallbacks(settings, chosen))
    upstreams: list[Upstream] = []
    try:
        for lane in lanes:
            known = known_of(settings, lane)
            upstreams.append(open_upstream(lane, clock=clock, offline=offline, known=known))
        prices = [pricing.prices_for(u.profile, folder=settings.config_dir) for u in upstreams]
        policy, thresholds = load_policies(settings), load_thresholds(settings.policy)
        owner = this_process()
        store = await open_disk(settings, clock=clock, owner=owner)
    except BaseException:
        with anyio.CancelScope(shield=True):
            for upstream in upstreams:
                await upstream.aclose()
        raise
    first = Kit(
        upstream=upstreams[0],
        store=store,
        pictures=PillowPictures(),
        policy=policy,
        thresholds=thresholds,
        screen_output=settings.screen_output,
        second_screen=settings.second_screen,
        prices=prices[0],
        clock=clock,
        ids=ids or Ulids(clock),
        owner=owner,
    )
    return _chained(settings, first, list(zip(lanes, upstreams, prices, strict=True)))


def _chained(
    settings: Settings, first: Kit, lanes: list[tuple[ProfileSettings, Upstream, Prices]]
) -> Kit:
    """One kit per profile, each with the next as its fallback; store, clock and ids are shared."""
    kit: Kit | None = None
    for chosen, upstream, prices in reversed(lanes):
        key = upstream.profile.api_key
        kit = replace(
            first,
            upstream=upstream,
            prices=prices,
            key_fingerprint=key_fingerprint(key) if key else None,
            image_model=settings.image_options(chosen).model,
            caps=_caps(settings, chosen),
            room=Room()
            if chosen.offline
            else Room(chosen.concurrency, large=chosen.concurrency_large),
            fallback=kit,
        )
    return kit or first


def _fallbacks(settings: Settings, chosen: ProfileSettings) -> list[ProfileSettings]:
    """The profiles to go on with, each usable; raises ``SettingsError`` for one that is not.

    The fallbacks of a fallback do not count: the order is the one that was written down once.
    """
    found = []
    for name in dict.fromkeys(chosen.fallback):
        if name in (OFFLINE, chosen.name):
            why = "is the profile itself" if name == chosen.name else "draws with no model"
            raise SettingsError(
                f"profile {chosen.name}: fallback {name!r} {why}",
                hint="name other configured profiles, in the order they are to be tried",
            )
        found.append(settings.resolve(name, allow_offline=False))
    return found


async def open_disk(
    settings: Settings, *, clock: Clock | None = None, owner: str | None = None
) -> DiskStore:
    """The store alone, for commands that send nothing. ``owner``: this process, by name."""
    from .store import open_store

    url = settings.database_url.get_secret_value() if settings.database_url else None
    return await open_store(
        settings.data_dir,
        clock=clock or SystemClock(),
        database_url=url,
        blob_url=settings.blob_url,
        owner=owner,
    )


def publisher_of(settings: Settings, store: Store) -> Publisher | None:
    """Gives out addresses of stored pictures; ``None`` where no bucket is configured (R32)."""
    from .store import DiskStore

    if not isinstance(store, DiskStore) or store.mirror is None:
        return None
    from .store.publishing import BucketPublisher

    return BucketPublisher(
        store.mirror,
        store.database,
        base=settings.blob_public_url,
        lives=timedelta(minutes=settings.blob_url_minutes),
    )


def answers_of(store: Store) -> Answers:
    """Responses over HTTP as the store keeps them."""
    from .store import DiskStore
    from .store.responses import DiskAnswers

    assert isinstance(store, DiskStore)
    return DiskAnswers(store)


def notes_of(store: Store, clock: Clock | None = None) -> DiskNotes:
    """What batches write down."""
    from .store import DiskStore
    from .store.batches import DiskNotes

    assert isinstance(store, DiskStore)
    return DiskNotes(store.database, clock or SystemClock())


def tenancy_of(store: Store) -> Tenancy:
    """What tenants of a server may see of a store that ``open_kit`` opened."""
    from .store import DiskStore
    from .store.tenancy import DiskTenancy

    assert isinstance(store, DiskStore)
    return DiskTenancy(store)


def living(store: Store) -> AbstractAsyncContextManager[None]:
    """Others on this store hear that this process lives, and what the dead left open is settled."""
    from .store import DiskStore
    from .store.settling import Living

    assert isinstance(store, DiskStore)
    return Living(store.settling)


def fetcher_of(chosen: ProfileSettings) -> Callable[[str], Awaitable[bytes]] | None:
    """Fetches a picture by its address, where the profile allows it; raises ``UsageError``."""
    if not chosen.fetch_urls:
        return None
    from .upstream.fetch import NotFetched, PictureFetcher

    fetcher = PictureFetcher(allow_private=chosen.fetch_private)

    async def fetch(url: str) -> bytes:
        try:
            return await fetcher.fetch(url)
        except NotFetched as error:
            raise UsageError(
                f"A picture could not be fetched: {error}.",
                hint="Send the picture itself, as a file or a data URL.",
            ) from error

    return fetch


async def turn_again(settings: Settings, attempt: str) -> Again:
    """What is to be asked for once more; raises ``UsageError`` for what may not be (``again``)."""
    store = await open_disk(settings)
    try:
        return await again(store, attempt)
    finally:
        await store.aclose()


def load_policies(settings: Settings) -> Policy:
    """The shipped policy, tightened by the user's overlay where one is configured."""
    if settings.policy is None:
        return _shipped_policy()
    return load_policy(prompts.folder() / "policy", settings.policy)


@lru_cache(maxsize=1)
def _shipped_policy() -> Policy:
    """Read and compiled once: it does not change under a running process, and takes 30 ms."""
    return load_policy(prompts.folder() / "policy")


def policy_rules(settings: Settings) -> tuple[policies.RuleRecord, ...]:
    """Every rule as it holds, and what the user's overlay made of it."""
    return policies.explained(
        load_policies(settings),
        load_thresholds(settings.policy),
        shipped=_shipped_policy(),
        shipped_thresholds=load_thresholds(),
    )


def try_policy(
    lines: Sequence[policies.Expected], settings: Settings
) -> tuple[list[policies.Mismatch], policies.Tried]:
    """Lines of ``policies.read_lines`` against the policy as it is configured."""
    policy = load_policies(settings)
    found = list(policies.mismatches(lines, policy))
    return found, policies.tried(lines, len(found), policy)


def check_text(text: str, settings: Settings) -> Verdict:
    """The screen alone, for a door that only wants to know; nothing is sent or kept."""
    return check_texts([text], settings)[0]


def check_texts(texts: Sequence[str], settings: Settings) -> list[Verdict]:
    """Several, by a policy that is read once."""
    policy = load_policies(settings)
    return [screen(text, policy=policy, subject="check") for text in texts]


@dataclass(frozen=True, slots=True)
class Known:
    """What was found out about a server: by answers, and by a probe."""

    memory: ServerMemory = field(default_factory=lambda: ServerMemory(None))
    proved: Proved | None = None


def known_of(settings: Settings, chosen: ProfileSettings) -> Known:
    """Raises ``SettingsError`` for a probe's file that cannot be used."""
    if chosen.offline:
        return Known()
    memory = ServerMemory(settings.data_dir / MEMORY_FILE)
    return Known(memory, proved.read(settings.config_dir, chosen.name))


def open_upstream(
    chosen: ProfileSettings,
    *,
    clock: Clock,
    offline: Offline | OfflineOptions | None = None,
    known: Known | None = None,
) -> Upstream:
    """The client of one profile; the offline one talks to our own artist in this process."""
    known = known or Known()
    if not chosen.offline:
        return _client(chosen, known, clock=clock)
    from .offline import Offline, OfflineOptions
    from .upstream.inprocess import InProcessTransport

    server = offline if isinstance(offline, Offline) else Offline(offline or OfflineOptions())
    speaks = chosen.model_copy(update={"dialect": server.options.dialect})
    return _client(speaks, known, clock=clock, transport=InProcessTransport(server.handle))


def _client(
    chosen: ProfileSettings,
    known: Known,
    *,
    clock: Clock,
    transport: InProcessTransport | None = None,
) -> Upstream:
    """Over the API that was asked for; on ``auto`` over Responses wherever it draws."""
    profile = profile_of(chosen, known.proved)
    shown = narrowed(profile.dialect, known.memory.facts(profile.base_url))
    draws = shown.responses and shown.image_tool
    if chosen.via == "images" or (chosen.via == "auto" and not draws):
        return ImagesUpstream(replace(profile, via="images"), clock=clock, transport=transport)
    inner = ResponsesUpstream(profile, clock=clock, transport=transport)
    return Narrowing(inner, memory=known.memory, clock=clock)


def profile_of(chosen: ProfileSettings, found: Proved | None = None) -> Profile:
    """The settings of a server and the facts about its kind, joined."""
    return Profile(
        name=chosen.name,
        base_url=chosen.base_url,
        api_key=chosen.api_key.get_secret_value() if chosen.api_key else "",
        organization=chosen.organization,
        project=chosen.project,
        dialect=proved.applied(
            dialect_for(chosen.base_url, chosen.dialect), found, base_url=chosen.base_url
        ),
        offline=chosen.offline,
        model=chosen.model,
        prices=chosen.prices or ("offline" if chosen.offline else "openai"),
        connect_s=chosen.connect_s,
        silence_s=chosen.silence_s,
        total_s=chosen.total_s,
        fetch_urls=chosen.fetch_urls,
        fetch_private=chosen.fetch_private,
    )


def _caps(settings: Settings, chosen: ProfileSettings) -> dict[str, Decimal]:
    """Standing budgets: of the settings and of the profile, the lower one holds."""
    pairs = {
        "turn": (settings.max_cost, chosen.max_cost),
        "session": (settings.session_max_cost, chosen.session_max_cost),
        "day": (settings.day_max_cost, chosen.day_max_cost),
        "key": (settings.key_max_cost, chosen.key_max_cost),
    }
    return {
        scope: min(cap for cap in caps if cap is not None)
        for scope, caps in pairs.items()
        if any(cap is not None for cap in caps)
    }
