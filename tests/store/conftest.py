"""A store on a fresh folder, a clock that stands still, and makers of nouns.

``STORE_TEST_DATABASE_URL`` (an empty PostgreSQL database, dropped and made again for each test)
runs the same tests there; what only SQLite has is skipped.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import count
from pathlib import Path

import pytest

from agent.protocols import Clock, NewImage
from agent.schema import (
    Attempt,
    AttemptId,
    Cost,
    Image,
    ImageId,
    Session,
    SessionId,
    Turn,
    TurnId,
)
from agent.store import DiskStore, open_store
from tests.forked import python

POSTGRES = os.environ.get("STORE_TEST_DATABASE_URL")
REPOSITORY = Path(__file__).parents[2]


@dataclass
class Standing:
    """Time passes only when a test says so."""

    at: datetime = datetime(2026, 11, 20, 12, tzinfo=UTC)

    def now(self) -> datetime:
        return self.at

    def monotonic(self) -> float:
        return self.at.timestamp()


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def clock() -> Standing:
    return Standing()


@pytest.fixture
def later(clock: Standing) -> Callable[[timedelta], None]:
    """Let time pass."""

    def pass_by(span: timedelta) -> None:
        clock.at += span

    return pass_by


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One migrated SQLite store, copied for every test: a migration costs 90 ms."""
    import anyio

    root = tmp_path_factory.mktemp("template") / "root"

    async def create() -> None:
        await (await open_store(root, clock=Standing())).aclose()

    anyio.run(create)
    return root


@pytest.fixture
def database_url() -> str | None:
    if POSTGRES is not None:
        _empty(POSTGRES)
    return POSTGRES


def _empty(url: str) -> None:
    from sqlalchemy import create_engine, text

    engine = create_engine(url.replace("postgresql:", "postgresql+psycopg:"))
    with engine.begin() as connection:
        connection.execute(text("DROP SCHEMA public CASCADE"))
        connection.execute(text("CREATE SCHEMA public"))
    engine.dispose()


@pytest.fixture
def sqlite_only() -> None:
    if POSTGRES is not None:
        pytest.skip("about the SQLite file")


@pytest.fixture
def root(tmp_path: Path, template: Path) -> Path:
    return Path(shutil.copytree(template, tmp_path / "root"))


@pytest.fixture
def reopen(
    root: Path, clock: Clock, database_url: str | None
) -> Callable[..., Awaitable[DiskStore]]:
    """Open the test's store once more, as another process would."""

    async def again(*, busy_s: float = 5, owner: str | None = None) -> DiskStore:
        return await open_store(
            root, clock=clock, database_url=database_url, busy_s=busy_s, owner=owner
        )

    return again


@pytest.fixture
async def store(reopen: Callable[..., Awaitable[DiskStore]]) -> AsyncIterator[DiskStore]:
    opened = await reopen()
    yield opened
    await opened.aclose()


@pytest.fixture
def a_session(clock: Clock) -> Callable[..., Session]:
    def make(name: str = "night-market", **more: object) -> Session:
        values = {"id": f"ses_{name}", "name": name, "created": clock.now(), "updated": clock.now()}
        return Session.model_validate(values | more)

    return make


@pytest.fixture
def a_turn(clock: Clock) -> Callable[..., Turn]:
    def make(number: int = 1, *, of: str = "night-market", **more: object) -> Turn:
        values: dict[str, object] = {
            "id": f"turn_{of}_{number}",
            "session": f"ses_{of}",
            "intent": "generate",
            "prompt": "a red kite",
            "created": clock.now(),
        }
        return Turn.model_validate(values | more)

    return make


@pytest.fixture
def an_attempt(clock: Clock) -> Callable[..., Attempt]:
    numbers = count(1)

    def make(price: str | None = "0.10", *, currency: str = "USD", **more: object) -> Attempt:
        amount = None if price is None else Decimal(price)
        values: dict[str, object] = {
            "id": AttemptId(f"att_{next(numbers)}"),
            "kind": "generate",
            "session": "ses_night-market",
            "turn": "turn_night-market_1",
            "profile": "offline",
            "dialect": "offline",
            "base_url": "http://offline.invalid",
            "key_fingerprint": "sk-…1234",
            "user": "ada",
            "model": "gpt-5.5",
            "reserved": Cost(amount=amount, currency=currency, basis="estimate"),
            "created": clock.now(),
        }
        return Attempt.model_validate(values | more)

    return make


@pytest.fixture
def add_picture(store: DiskStore, clock: Clock) -> Callable[..., Awaitable[Image]]:
    """Put bytes into the store and list them."""
    numbers = count(1)

    async def add(data: bytes, *, of: str = "night-market", **more: object) -> Image:
        blob = await store.put_blob(data, media_type="image/png", size=(8, 6))
        values: dict[str, object] = {
            "id": ImageId(f"img_01J{next(numbers):04}{of}"),
            "session": SessionId(f"ses_{of}"),
            "turn": TurnId(f"turn_{of}_1"),
            "number": 0,
            "operation": "generate",
            "sha256": blob.sha256,
            "media_type": blob.media_type,
            "bytes": blob.bytes,
            "created": clock.now(),
        }
        image = Image.model_validate(values | more)
        return await store.add_image(NewImage(image=image, blob=blob))

    return add


@pytest.fixture
def other_process(root: Path) -> Callable[..., subprocess.Popen[str]]:
    """``other_process("mode", …)`` runs that mode of ``elsewhere.py`` on the same store.

    ``cold``: in a process in which nothing is imported yet.
    """

    def start(
        mode: str, *arguments: str, at: Path = root, cold: bool = False
    ) -> subprocess.Popen[str]:
        started = sys.executable if cold else python()
        script = Path(__file__).with_name("elsewhere.py")
        return subprocess.Popen(
            [started, str(script), mode, str(at), *arguments],
            cwd=REPOSITORY,
            env={**os.environ, "PYTHONPATH": os.pathsep.join([str(REPOSITORY), *sys.path])},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    return start


@pytest.fixture
def names(root: Path) -> Callable[[], list[str]]:
    """Of every file and folder in the store."""
    return lambda: [path.name for path in root.rglob("*")]


@pytest.fixture
def every_byte(root: Path) -> Callable[[], bytes]:
    """All that the folder holds, names included."""

    def read() -> bytes:
        paths = sorted(path for path in root.rglob("*") if path.is_file())
        return b"".join(path.name.encode() + path.read_bytes() for path in paths)

    return read


@pytest.fixture
def blob_files(root: Path) -> Callable[[], list[Path]]:
    """What is in the blob folders, finished or not."""
    return lambda: sorted(root.glob("blobs/*/*"))


@pytest.fixture
def sql(root: Path, request: pytest.FixtureRequest) -> Callable[..., list[tuple[object, ...]]]:
    """Ask the SQLite file without going through the store."""

    request.getfixturevalue("sqlite_only")

    def ask(statement: str, *parameters: object) -> list[tuple[object, ...]]:
        with closing(sqlite3.connect(root / "limner.db")) as connection, connection:
            return connection.execute(statement, parameters).fetchall()

    return ask
