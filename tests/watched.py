"""Agents in a house with rules of its own, about words that mean nothing, on a server of our making."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from agent import Event, ImageAgent, TurnRequest
from agent.derive import PillowPictures
from agent.events import Terminal
from agent.factory import load_policies, open_disk
from agent.ids import Ulids
from agent.kit import Kit
from agent.offline import Offline
from agent.runner import ImageAgent as Agent
from agent.schema import ScreenOutput, SecondScreen, Verdict
from agent.store import DiskStore
from agent.traffic import Dialect, Profile
from agent.turn import pricing, prompts
from agent.turn.scores import load_thresholds
from agent.upstream.dialects import DIALECTS
from agent.upstream.images import ImagesUpstream
from agent.upstream.inprocess import InProcessTransport
from agent.upstream.responses import ResponsesUpstream
from tests.conftest import Ticking, settings_in
from tests.house_policy import HOUSE

OVERLAY = (
    HOUSE
    + """
  - {id: house-quiet, category: minors, severity: review, message: This is told to nobody.,
     all_of: [[left-half]], echo: false}
"""
)


@asynccontextmanager
async def watched(
    folder: Path,
    server: Offline,
    *,
    second_screen: SecondScreen = "off",
    screen_output: ScreenOutput = "tell",
    via: str = "responses",
    dialect: Dialect = DIALECTS["offline"],
    prices: str | None = None,
    fallback: Offline | None = None,
    fallback_dialect: Dialect | None = None,
    tuning: str | None = None,
) -> AsyncIterator[ImageAgent]:
    """``prices``: a table of one's own, else OpenAI's; ``tuning``: the overlay's moderation.toml."""
    overlay = folder / "policy"
    overlay.mkdir(exist_ok=True)
    (overlay / "house.yaml").write_text(OVERLAY, "utf-8")
    if tuning is not None:
        (overlay / "moderation.toml").write_text(tuning, "utf-8")
    settings = settings_in(folder, LIMNER_POLICY=str(overlay))
    clock = Ticking()

    def upstream(
        name: str, behind: Offline, dialect: Dialect
    ) -> ResponsesUpstream | ImagesUpstream:
        profile = Profile(
            name=name,
            base_url=f"http://{name}.invalid/v1",
            api_key="k",
            dialect=dialect,
            via="images" if via == "images" else "responses",
        )
        made = ImagesUpstream if via == "images" else ResponsesUpstream
        return made(profile, clock=clock, transport=InProcessTransport(behind.handle))

    kit = Kit(
        upstream=upstream("paid", server, dialect),
        store=await open_disk(settings, clock=clock),
        pictures=PillowPictures(),
        policy=load_policies(settings),
        thresholds=load_thresholds(overlay),
        prices=pricing.load_prices(prices or prompts.prices_text("openai"), name="table"),
        clock=clock,
        ids=Ulids(clock),
        second_screen=second_screen,
        screen_output=screen_output,
    )
    if fallback is not None:
        other = upstream("second", fallback, fallback_dialect or dialect)
        kit = replace(kit, fallback=replace(kit, upstream=other))
    async with Agent(kit) as agent:
        yield agent


async def story(agent: ImageAgent, request: TurnRequest) -> tuple[list[Event], Terminal]:
    """All events, and the last one."""
    events = [event async for event in agent.stream(request)]
    last = events[-1]
    assert isinstance(last, Terminal)
    return events, last


async def verdicts(agent: ImageAgent, session: str | None) -> list[Verdict]:
    """Oldest first."""
    assert isinstance(agent.store, DiskStore)
    found = await agent.store.session(session or "")
    return await agent.store.verdicts(found.id)


async def written(agent: ImageAgent) -> list[Any]:
    """Every verdict of the store, also of turns that were never begun; newest first."""
    assert isinstance(agent.store, DiskStore)
    return await agent.store.screened()


def notices(events: list[Event], code: str) -> list[str]:
    """What was told under that code."""
    return [e.message for e in events if e.type == "turn.notice" and e.code == code]


def blobs(folder: Path) -> list[Path]:
    """Every picture file of the store, whoever it belongs to."""
    data = folder / "home" / "data"
    kinds = (".png", ".jpg", ".jpeg", ".webp", ".bin")
    return [path for path in data.rglob("*") if path.suffix in kinds]


def asked_of(server: Offline) -> list[Mapping[str, Any]]:
    """The bodies of moderations, oldest first."""
    entries: list[Any] = server.state.journal.log()
    return [entry["body"] for entry in entries if entry["path"].endswith("/moderations")]
