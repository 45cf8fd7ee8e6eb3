from __future__ import annotations

import hashlib
import os
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path

import anyio
import pytest

from agent.errors import CorruptBlob, NotFound, UsageError
from agent.protocols import Clock
from agent.schema import Image, Rendering, Session, SessionId, Sha256, Turn, TurnId
from agent.store import DiskStore

MARKET = SessionId("ses_night-market")
MakeSession = Callable[..., Session]
MakeTurn = Callable[..., Turn]
AddPicture = Callable[..., Awaitable[Image]]
Reopen = Callable[..., Awaitable[DiskStore]]

PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 40


def content(image: Image) -> bytes:
    return Path(image.path).read_bytes()


def overwrite(image: Image, data: bytes) -> None:
    Path(image.path).write_bytes(data)


def remove(image: Image) -> None:
    Path(image.path).unlink()


@pytest.fixture
async def market(store: DiskStore, a_session: MakeSession, a_turn: MakeTurn) -> SessionId:
    """A session with one open turn."""
    await store.create_session(a_session())
    await store.open_turn(a_turn())
    return MARKET


async def test_bytes_come_back_exactly_as_received(store: DiskStore, root: Path) -> None:
    blob = await store.put_blob(PNG, media_type="image/png", size=(640, 480))

    assert await store.read_blob(blob.sha256) == PNG
    assert (blob.bytes, blob.width, blob.height) == (len(PNG), 640, 480)
    name = hashlib.sha256(PNG).hexdigest()
    path = root / "blobs" / name[:2] / f"{name}.png"
    assert store.blob_path(blob.sha256, "image/png") == path
    assert path.read_bytes() == PNG


async def test_the_same_bytes_are_stored_once(
    store: DiskStore, blob_files: Callable[[], list[Path]]
) -> None:
    first = await store.put_blob(PNG, media_type="image/png", size=(640, 480))
    again = await store.put_blob(PNG, media_type="image/jpeg", size=None)

    assert again == first
    assert len(blob_files()) == 1


async def test_many_writers_of_the_same_bytes_agree(
    store: DiskStore, blob_files: Callable[[], list[Path]]
) -> None:
    async def put() -> None:
        await store.put_blob(PNG, media_type="image/png", size=None)

    async with anyio.create_task_group() as group:
        for _ in range(8):
            group.start_soon(put)

    assert [path.suffix for path in blob_files()] == [".png"]
    assert await store.verify() == [f"{path} is no picture of any session" for path in blob_files()]


@pytest.mark.parametrize(
    ("media_type", "suffix"),
    [
        ("image/png", "png"),
        ("image/jpeg", "jpg"),
        ("image/webp", "webp"),
        ("image/svg+xml", "svg"),
        ("text/html", "bin"),
    ],
)
async def test_the_name_of_a_file_follows_its_type(
    store: DiskStore, media_type: str, suffix: str
) -> None:
    path = store.blob_path(Sha256("ab" * 32), media_type)

    assert path.name == f"{'ab' * 32}.{suffix}"
    assert path.parent.name == "ab"


@pytest.mark.parametrize("name", ["", "../../etc/passwd", "AB" * 32, "ab" * 31, "ab" * 32 + "/x"])
async def test_only_a_hash_names_bytes(store: DiskStore, name: str) -> None:
    with pytest.raises(UsageError):
        store.blob_path(Sha256(name), "image/png")


@pytest.mark.usefixtures("market")
async def test_a_damaged_blob_is_told_and_never_returned(
    store: DiskStore, add_picture: AddPicture
) -> None:
    image = await add_picture(PNG)
    overwrite(image, PNG[:-1] + b"!")

    with pytest.raises(CorruptBlob, match="do not hash"):
        await store.read_blob(image.sha256)
    assert await store.verify() == [f"{image.path} is damaged"]


@pytest.mark.usefixtures("market")
async def test_a_missing_blob_is_told(store: DiskStore, add_picture: AddPicture) -> None:
    image = await add_picture(PNG)
    remove(image)

    with pytest.raises(CorruptBlob, match="missing"):
        await store.read_blob(image.sha256)
    assert await store.verify() == [f"{image.path} is missing"]


@pytest.mark.usefixtures("market")
@pytest.mark.parametrize("damage", [b"", b"other bytes"])
async def test_putting_the_bytes_again_heals_a_damaged_file(
    store: DiskStore, add_picture: AddPicture, damage: bytes
) -> None:
    image = await add_picture(PNG)
    overwrite(image, damage)

    await store.put_blob(PNG, media_type="image/png", size=None)

    assert await store.read_blob(image.sha256) == PNG
    assert await store.verify() == []


async def test_bytes_that_were_never_stored_are_not_found(store: DiskStore) -> None:
    with pytest.raises(NotFound, match="abab"):
        await store.read_blob(Sha256("ab" * 32))


async def test_a_picture_comes_back_as_it_was_with_its_number_and_path(
    store: DiskStore, market: SessionId, add_picture: AddPicture
) -> None:
    listed = await add_picture(
        PNG,
        parents=("img_before", "img_elsewhere"),
        operation="edit",
        requested=Rendering(size="1024x1024", quality="high"),
        actual=Rendering(size="1024x1536", model="gpt-image-2"),
        revised_prompt="a red kite over rooftops",
    )

    assert listed.number == 1
    assert content(listed) == PNG
    assert await store.images(market) == [listed]
    assert await store.image(listed.id) == listed


async def test_the_same_bytes_can_be_several_pictures(
    store: DiskStore, market: SessionId, add_picture: AddPicture
) -> None:
    day = await add_picture(b"day")
    night = await add_picture(b"night", parents=(day.id,))
    day_again = await add_picture(b"day", parents=(night.id,))

    assert [image.number for image in await store.images(market)] == [1, 2, 3]
    assert day_again.sha256 == day.sha256
    assert day_again.id != day.id


async def test_numbers_are_unique_when_pictures_arrive_together(
    store: DiskStore, market: SessionId, add_picture: AddPicture
) -> None:
    async def add(number: int) -> None:
        await add_picture(f"picture {number}".encode())

    async with anyio.create_task_group() as group:
        for number in range(10):
            group.start_soon(add, number)

    assert [image.number for image in await store.images(market)] == list(range(1, 11))


async def test_a_picture_is_listed_while_its_turn_is_open(
    store: DiskStore, market: SessionId, add_picture: AddPicture
) -> None:
    image = await add_picture(PNG)

    (turn,) = await store.turns(market)

    assert turn.outcome is None
    assert turn.images == (image.id,)


async def test_a_picture_needs_its_session(add_picture: AddPicture) -> None:
    with pytest.raises(NotFound, match="ses_nowhere"):
        await add_picture(PNG, of="nowhere", turn=None)


@pytest.mark.usefixtures("market")
async def test_a_beginning_of_an_id_is_enough_when_it_is_unambiguous(
    store: DiskStore, add_picture: AddPicture
) -> None:
    first = await add_picture(b"one", id="img_01JAAAA")
    await add_picture(b"two", id="img_01JBBBB")

    assert await store.image("img_01JA") == first
    with pytest.raises(NotFound) as caught:
        await store.image("img_01J")
    assert "4 more characters" in caught.value.hint


@pytest.mark.usefixtures("market")
async def test_an_ambiguous_picture_lists_what_it_could_mean(
    store: DiskStore, add_picture: AddPicture
) -> None:
    await add_picture(b"one", id="img_01JAAAA")
    await add_picture(b"two", id="img_01JAAAB")

    with pytest.raises(NotFound) as caught:
        await store.image("img_01JAAA")

    assert caught.value.candidates == ("img_01JAAAA", "img_01JAAAB")


@pytest.mark.usefixtures("market")
async def test_a_whole_id_wins_over_a_longer_one(store: DiskStore, add_picture: AddPicture) -> None:
    await add_picture(b"two", id="img_01JAAAAB")
    short = await add_picture(b"one", id="img_01JAAAA")

    assert await store.image("img_01JAAAA") == short


@pytest.mark.usefixtures("market")
async def test_a_misspelt_picture_is_answered_with_the_closest(
    store: DiskStore, add_picture: AddPicture
) -> None:
    await add_picture(b"one", id="img_01JABCDEFGH")

    with pytest.raises(NotFound) as caught:
        await store.image("img_01JABCDEFGX")

    assert caught.value.candidates == ("img_01JABCDEFGH",)


@pytest.mark.usefixtures("market")
async def test_drafts_are_kept_until_their_turn_closes(
    store: DiskStore, a_turn: MakeTurn, root: Path
) -> None:
    await store.open_turn(a_turn(2))
    other = await store.save_partial(a_turn(2).id, 0, b"draft of another", "image/png")
    drafts = [await store.save_partial(a_turn().id, n, b"draft", "image/png") for n in (0, 1, 1)]
    assert all(draft.read_bytes() == b"draft" for draft in drafts)

    await store.close_turn(a_turn(outcome="image"), expected_head=None)

    assert [*(root / "partials").iterdir()] == [other]


async def test_a_draft_cannot_leave_its_folder(store: DiskStore) -> None:
    with pytest.raises(UsageError, match="turn id"):
        await store.save_partial(TurnId("../blobs/x"), 0, b"draft", "image/png")


async def test_stale_scratch_files_and_drafts_are_swept_once_a_day(
    reopen: Reopen,
    root: Path,
    clock: Clock,
    later: Callable[[timedelta], None],
) -> None:
    old, fresh = root / "blobs" / "ab" / "x.png.1.tmp", root / "blobs" / "ab" / "x.png.2.tmp"
    draft = root / "partials" / "turn_gone-0.png"
    old.parent.mkdir()
    later(timedelta(days=3))
    for path, age in ((old, 30), (draft, 30), (fresh, 1)):
        path.write_bytes(b"half")
        written = (clock.now() - timedelta(hours=age)).timestamp()
        os.utime(path, (written, written))

    await (await reopen()).aclose()

    assert [path for path in (old, draft, fresh) if path.exists()] == [fresh]


async def test_a_file_nobody_knows_is_told(store: DiskStore, root: Path) -> None:
    stray = root / "blobs" / "00" / f"{'0' * 64}.png"
    stray.parent.mkdir()
    stray.write_bytes(b"stray")

    assert await store.verify() == [f"{stray} is damaged", f"{stray} is not in the database"]


@pytest.mark.usefixtures("market")
async def test_no_name_holds_a_colon(
    store: DiskStore, add_picture: AddPicture, names: Callable[[], list[str]]
) -> None:
    await add_picture(PNG)
    await store.save_partial(TurnId("turn_1"), 0, b"draft", "image/png")

    assert not [name for name in names() if ":" in name]
