"""The server of tests: over ASGI in this process, or behind a real socket."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import httpx2
import pytest

from agent import Settings
from agent.doors.api.app import create_app
from agent.doors.api.desk import Desk, OpenDesk, ServeOptions, parts_of
from agent.factory import open_kit
from agent.ids import Ulids
from agent.offline import Offline
from agent.tenants import TenantSettings, key_hash
from agent.turn.pricing import load_prices
from agent.turn.prompts import prices_text
from tests.conftest import Serve, Ticking

ORIGIN = "http://127.0.0.1:8000"


@dataclass
class Served:
    """A client, and what stands behind it."""

    client: httpx2.AsyncClient
    desk: Desk
    artist: Offline


OpenServer = Callable[..., AbstractAsyncContextManager[Served]]


@pytest.fixture
def open_server(settings: Settings, clock: Ticking, serve: Serve) -> OpenServer:
    """``open_server(*faults, dialect=…, tenants=…, artist=…, **options)``: the app over ASGI."""
    ids = Ulids(clock)

    @asynccontextmanager
    async def opener(
        *faults: str,
        artist: Offline | None = None,
        dialect: str | None = None,
        paid: bool = False,
        via: str | None = None,
        tenants: dict[str, object] | None = None,
        **options: object,
    ) -> AsyncIterator[Served]:
        told = {"dialect": dialect} if dialect else {}
        server = artist or serve(*faults, **told)
        named = os.environ.get("LIMNER_POLICY")
        policy = Path(named) if named else None
        known = settings.model_copy(update={"tenants": tenants or {}, "policy": policy})
        chosen = known.resolve("offline", allow_offline=False)
        chosen = chosen.model_copy(update={"via": via}) if via else chosen
        kit = await open_kit(known, chosen, offline=server, clock=clock, ids=ids)
        if paid:
            kit = replace(kit, prices=load_prices(prices_text("openai"), name="openai"))
        parts = await parts_of(kit, known, chosen)
        async with OpenDesk(parts, known, ServeOptions(**options)) as desk:  # type: ignore[arg-type]
            transport = httpx2.ASGITransport(app=create_app(desk))
            async with httpx2.AsyncClient(transport=transport, base_url=ORIGIN) as client:
                yield Served(client, desk, server)

    return opener


def tenant(name: str, **options: object) -> tuple[TenantSettings, dict[str, str]]:
    """A tenant and the header of its key."""
    key = f"sk-limner-{name}"
    told = {"name": name, "key_sha256": (key_hash(key),), **options}
    return TenantSettings.model_validate(told), {"authorization": f"Bearer {key}"}
