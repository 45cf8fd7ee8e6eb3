"""What another process does to a store; started by tests as ``elsewhere.py MODE ROOT …``."""

from __future__ import annotations

import os
import resource
import sys
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import anyio
from sqlalchemy import Connection, event, update

from agent.errors import StoreError
from agent.protocols import NewImage
from agent.schema import Attempt, AttemptId, Cost, Image, ImageId, SessionId, Turn, TurnId
from agent.store import DiskStore, forget, open_store
from agent.store.tables import session

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
DATABASE = os.environ.get("STORE_TEST_DATABASE_URL")
BUCKET = os.environ.get("STORE_TEST_BLOB_URL")
SESSION = SessionId("ses_night-market")


class Noon:
    def now(self) -> datetime:
        return NOW

    def monotonic(self) -> float:
        return 0.0


def say(*words: object) -> None:
    print(*words, flush=True)


def die_at(event: str) -> None:
    """End this process, with no clean-up at all, the next time Python is about to do ``event``."""

    def hook(name: str, _: tuple[object, ...]) -> None:
        if name == event:
            os._exit(9)

    sys.addaudithook(hook)


def attempt(number: str) -> Attempt:
    return Attempt(
        id=AttemptId(f"att_{number}"),
        kind="generate",
        session=SESSION,
        profile="offline",
        dialect="offline",
        base_url="http://offline.invalid",
        model="gpt-5.5",
        reserved=Cost(amount=Decimal("0.10"), basis="estimate"),
        created=NOW,
    )


def turn(number: str) -> Turn:
    return Turn(
        id=TurnId(f"turn_{number}"), session=SESSION, intent="chat", prompt="a kite", created=NOW
    )


async def picture(store: DiskStore, name: str, data: bytes) -> Image:
    blob = await store.put_blob(data, media_type="image/png", size=None)
    image = Image(
        id=ImageId(f"img_{name}"),
        session=SESSION,
        turn=None,
        number=0,
        operation="import",
        sha256=blob.sha256,
        media_type=blob.media_type,
        bytes=blob.bytes,
        created=NOW,
    )
    return await store.add_image(NewImage(image=image, blob=blob))


async def compete(store: DiskStore, who: str) -> None:
    """Number pictures, spend a budget and move a head against the other process."""
    sys.stdin.readline()
    numbers = [
        (await picture(store, f"{who}_{n}", f"{who}{n % 3}".encode())).number for n in range(12)
    ]
    won = 0
    for n in range(12):
        refused = await store.reserve(attempt(f"{who}_{n}"), caps={"session": Decimal("1.00")})
        won += refused is None
    await store.open_turn(turn(who))
    closed = turn(who).model_copy(update={"outcome": "text"})
    moved = await store.close_turn(closed, expected_head=None)
    say(",".join(map(str, numbers)), won, moved)


async def open_new(root: Path, rounds: int) -> None:
    """Open stores that do not exist yet, each at the same moment as the other process."""
    for number in range(rounds):
        sys.stdin.readline()
        store = await open_store(root / str(number), clock=Noon(), database_url=DATABASE)
        say("opened", len(await store.sessions()))
        await store.aclose()


async def die_before_rename(store: DiskStore) -> None:
    die_at("os.rename")
    await store.put_blob(b"half" * 1000, media_type="image/png", size=None)


async def die_after_rename(store: DiskStore) -> None:
    """The first transaction after the file has its name would have written its row."""
    renamed = False

    def hook(name: str, _: tuple[object, ...]) -> None:
        nonlocal renamed
        renamed = renamed or name == "os.rename"

    def begun(_: Connection) -> None:
        if renamed:
            os._exit(9)

    sys.addaudithook(hook)
    event.listen(store._database._engine, "begin", begun)
    await store.put_blob(b"paid for", media_type="image/png", size=None)


async def die_after_row(store: DiskStore) -> None:
    async def die(path: Path) -> None:
        os._exit(9 if path.name else 1)

    assert store.mirror is not None
    store.mirror.deliver = die  # type: ignore[method-assign]
    await store.put_blob(b"paid for", media_type="image/png", size=None)


async def die_in_upload(store: DiskStore) -> None:
    def die(*_: object, **__: object) -> None:
        os._exit(9)

    assert store.mirror is not None
    store.mirror.bucket.put = die  # type: ignore[method-assign]
    await store.put_blob(b"paid for", media_type="image/png", size=None)


async def same_pictures(store: DiskStore, who: str) -> None:
    """List the very pictures that the other process lists."""
    sys.stdin.readline()
    say(len([await picture(store, f"{who}_{n}", b"picture %d" % n) for n in range(6)]))


async def die_in_transaction(store: DiskStore) -> None:
    def half(connection: Connection) -> None:
        connection.execute(update(session).values(name="half-done"))
        os._exit(9)

    await store._database.write(half)


async def die_mid_turn(store: DiskStore) -> None:
    """One picture is listed, the request is sent, the turn is open: then the power goes."""
    await store.open_turn(turn("cut"))
    await store.reserve(attempt("cut"), caps={})
    await store.mark_sent(AttemptId("att_cut"), at=NOW, bytes_sent=1234)
    await picture(store, "cut", b"paid for")
    os._exit(9)


async def die_while_forgetting(store: DiskStore) -> None:
    await store._database.write(forget.session_by_id, SESSION, at=NOW)
    os._exit(9)


async def run_out_of_space(store: DiskStore) -> None:
    """No file may grow beyond 1 MiB, then beyond nothing at all."""
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, hard))
    try:
        await store.put_blob(bytes(3 << 20), media_type="image/png", size=None)
    except StoreError as error:
        say("picture:", error)
    await picture(store, "small", b"small enough")
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))
    try:
        await store.reserve(attempt("late"), caps={})
    except StoreError as error:
        say("attempt:", error)


async def modules(store: DiskStore) -> None:
    """What opening an existing store did not load."""
    await store.sessions()
    say(*(name in sys.modules for name in ("alembic", "obstore")))


MODES: dict[str, Callable[[DiskStore], Awaitable[None]]] = {
    "die_before_rename": die_before_rename,
    "die_after_rename": die_after_rename,
    "die_after_row": die_after_row,
    "die_in_upload": die_in_upload,
    "die_in_transaction": die_in_transaction,
    "die_mid_turn": die_mid_turn,
    "die_while_forgetting": die_while_forgetting,
    "run_out_of_space": run_out_of_space,
    "modules": modules,
}


CALLED: dict[str, Callable[[DiskStore, str], Awaitable[None]]] = {
    "compete": compete,
    "same_pictures": same_pictures,
}


async def main(mode: str, root: Path, *arguments: str) -> None:
    say("ready")
    if mode == "open_new":
        return await open_new(root, int(arguments[0]))
    store = await open_store(root, clock=Noon(), database_url=DATABASE, blob_url=BUCKET)
    try:
        if mode in CALLED:
            await CALLED[mode](store, arguments[0])
        else:
            await MODES[mode](store)
    finally:
        await store.aclose()


if __name__ == "__main__":
    anyio.run(main, sys.argv[1], Path(sys.argv[2]), *sys.argv[3:])
