"""A clean environment for every test, and agents on the offline upstream (the double of all tests)."""

from __future__ import annotations

import gc
import io
import logging
import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import anyio
import httpcore2
import hypothesis
import pytest
import structlog
from sqlalchemy import URL, Engine, create_engine

from agent import Image, ImageAgent, Settings, factory, load_settings, logs, open_agent
from agent.batch import queue
from agent.ids import Ulids
from agent.offline import Offline, OfflineOptions
from agent.offline.faults import parse_fault
from agent.safety import Policy, load_policy
from agent.store import bucket, database, migrate, open_store
from tests.hasty import hasten

gc.disable()  # until the tests begin: whatever is imported and parsed by then stays
# The same examples each time, as long as they take: a test that passes here passes on a busy machine.
hypothesis.settings.register_profile(
    "repeatable",
    max_examples=40,
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
)
hypothesis.settings.register_profile("searching", max_examples=2000, deadline=None)
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "repeatable"))

LONGEST = (
    *("test_crew", "test_make", "test_run", "test_art", "test_releases", "test_lettering"),
    *("test_stopped", "test_printing", "test_batch", "test_reader", "test_lost", "test_examples"),
    *("test_budget", "test_layout", "test_pace", "test_every", "test_transports"),
)
"""How the names of the files begin that take longest, by turns one that waits for other processes
and one that computes: two workers take two that stand together."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--record", action="store_true", help="record the cassettes anew, offline")
    parser.addoption(
        "--record-live", action="store_true", help="record them from OPENAI_API_KEY's server, paid"
    )


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest files first: at the end one worker would be at work alone."""

    def place(item: pytest.Item) -> int:
        name = item.path.name
        return next((i for i, long in enumerate(LONGEST) if name.startswith(long)), len(LONGEST))

    items.sort(key=place)


def pytest_collection_finish() -> None:
    """What is imported by now stays: each collection of garbage looked through it all again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 20, 50)
    gc.enable()


@pytest.fixture(scope="session")
def nowhere(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file where a home would be: what a test writes there by mistake fails the test."""
    path = tmp_path_factory.mktemp("nobody") / "home"
    path.touch()
    return path


@pytest.fixture(autouse=True)
def clean_environment(
    request: pytest.FixtureRequest, nowhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No key, no proxy, no configuration and no home of whoever runs the tests.

    Most tests touch no disk, and making a folder for each of those took seconds.
    """
    folder: Path = nowhere
    if "tmp_path" in request.fixturenames:
        folder = request.getfixturevalue("tmp_path")
    for name in list(os.environ):
        if name.startswith(("OPENAI_", "LIMNER_", "XDG_")) or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(folder / "home"))
    monkeypatch.setenv("LIMNER_HOME", str(folder / "home" / "data"))


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    """Logging as it was, whatever a test or a door that it ran configures."""
    chain, level = list(logs._chain), logging.getLogger("limner").level
    handlers = list(logging.getLogger().handlers)
    yield
    logs._chain[:] = chain
    logging.getLogger("limner").setLevel(level)
    logging.getLogger().handlers[:] = handlers
    structlog.reset_defaults()


@pytest.fixture(scope="session", autouse=True)
def compiled_once() -> Iterator[None]:
    """SQL is compiled once per run, not once per store: a process has one store, a run a thousand.

    SQLAlchemy keeps what it compiled per engine and dialect.
    """
    first: list[Engine] = []

    def sharing(url: URL, **options: object) -> Engine:
        engine = create_engine(url, **options)
        if engine.dialect.name == "sqlite":
            first.append(engine)
            engine.dialect, engine._compiled_cache = first[0].dialect, first[0]._compiled_cache
            del first[1:]
        return engine

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(database, "create_engine", sharing)
        yield


@pytest.fixture(scope="session", autouse=True)
def policies_once() -> Iterator[None]:
    """A house's policy is compiled once per run for the same words; it is a frozen value."""
    made: dict[tuple[tuple[str, bytes], ...], Policy] = {}

    def kept(folder: Path, overlay: Path | None = None) -> Policy:
        if overlay is None or not overlay.is_dir():
            return load_policy(folder, overlay)
        words = tuple((file.name, file.read_bytes()) for file in sorted(overlay.glob("*.yaml")))
        if not words or words not in made:
            made[words] = load_policy(folder, overlay)
        return made[words]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(factory, "load_policy", kept)
        yield


@pytest.fixture(scope="session", autouse=True)
def migrated_once() -> Iterator[None]:
    """A new SQLite store is migrated once per run; the next ones begin with a copy of that file."""
    made: list[bytes] = []

    def copying(url: URL, root: Path, *, busy_s: float) -> None:
        path = Path(url.database or "")
        taken = path.exists() or (root / "migrate.lock").exists()
        fresh = url.get_backend_name() == "sqlite" and not taken
        if fresh and made:
            path.write_bytes(made[0])
        migrate.bring_up_to_date(url, root, busy_s=busy_s)
        if fresh:
            made[:] = [path.read_bytes()]  # whole: whoever leaves last writes the WAL back

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("agent.store.open.bring_up_to_date", copying)
        yield


@pytest.fixture(scope="session", autouse=True)
def hurried() -> Iterator[None]:
    """Nobody waits for whoever looks only every half second, nor to ask a bucket again."""
    launch, soon = queue._launch, timedelta(milliseconds=1)

    async def hurrying(*args: Any) -> None:
        hasten(patch.setattr)
        patch.setattr(queue, "_launch", launch)
        await launch(*args)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(queue, "_launch", hurrying)
        again = {"init_backoff": soon, "max_backoff": soon, "base": 2}
        patch.setitem(bucket._RETRY, "backoff", again)
        yield


@pytest.fixture(scope="session", autouse=True)
def trusted_once() -> Iterator[None]:
    """The certificates of the machine are read once per run: each client of a server reads them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(httpcore2, "default_ssl_context", cache(httpcore2.default_ssl_context))
        yield


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@dataclass
class Ticking:
    """A clock that moves a second each time it is looked at; waiting is the loop's business."""

    at: datetime = field(default=datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC))
    seconds: float = 0.0

    def now(self) -> datetime:
        self.at += timedelta(seconds=1)
        return self.at

    def monotonic(self) -> float:
        return time.monotonic()


Opener = Callable[..., AbstractAsyncContextManager[ImageAgent]]
Serve = Callable[..., Offline]
OpenOn = Callable[[Offline], AbstractAsyncContextManager[ImageAgent]]


@pytest.fixture
def clock() -> Ticking:
    return Ticking()


@pytest.fixture(scope="session")
def empty_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Migrated once and copied for every test."""
    root = tmp_path_factory.mktemp("empty") / "data"

    async def create() -> None:
        await (await open_store(root, clock=Ticking())).aclose()

    anyio.run(create)
    return root


@pytest.fixture
def settings(tmp_path: Path, empty_store: Path) -> Settings:
    """Nothing configured but a place for the store."""
    shutil.copytree(empty_store, tmp_path / "home" / "data")
    return settings_in(tmp_path)


def settings_in(folder: Path, **env: str) -> Settings:
    """Settings of a machine on which only ``env`` was set."""
    home = folder / "home"
    home.mkdir(exist_ok=True)
    return load_settings(
        env={"HOME": str(home), "LIMNER_HOME": str(home / "data"), **env},
        cwd=home,
        config_dir=home / "config",
    )


@pytest.fixture
def serve() -> Serve:
    """``serve(*faults, dialect=…, draw=…)``: an artist whose counters and log can be read."""

    def start(*faults: str, **options: object) -> Offline:
        told = {"draw": "tiny", "salt": "test", "faults": tuple(map(parse_fault, faults))}
        return Offline(OfflineOptions(**(told | options)))  # type: ignore[arg-type]

    return start


@pytest.fixture
def open_on(settings: Settings, clock: Ticking) -> OpenOn:
    """An agent on that artist; every agent of a test shares one store, one clock, one id source."""
    ids = Ulids(clock, entropy=lambda n: b"\0" * n)

    def opener(server: Offline) -> AbstractAsyncContextManager[ImageAgent]:
        return open_agent(settings, profile="offline", offline=server, clock=clock, ids=ids)

    return opener


@pytest.fixture
def open_offline(serve: Serve, open_on: OpenOn) -> Opener:
    """``open_offline(*faults, dialect=…, draw=…)``: an agent on an artist of its own."""

    def opener(*faults: str, **options: object) -> AbstractAsyncContextManager[ImageAgent]:
        return open_on(serve(*faults, **options))

    return opener


def sent_to(server: Offline) -> list[dict[str, Any]]:
    """The bodies that arrived, oldest first; pictures as hash and length."""
    entries: list[Any] = server.state.journal.log()
    return [entry["body"] for entry in entries if "body" in entry]


def bytes_of(image: Image) -> bytes:
    """What a listed picture points to."""
    return Path(image.path).read_bytes()


def png(width: int, height: int, *, colour: str = "teal", mode: str = "RGB") -> bytes:
    """A plain picture."""
    from PIL import Image as Canvas

    buffer = io.BytesIO()
    Canvas.new(mode, (width, height), colour).save(buffer, "PNG")
    return buffer.getvalue()
