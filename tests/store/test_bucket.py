"""Pictures in a bucket: what goes up, what comes back, and what a bad day costs."""

from __future__ import annotations

import hashlib
import logging
import shutil
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from datetime import timedelta
from pathlib import Path

import httpx2
import pytest

from agent.errors import CorruptBlob, SettingsError, StoreError
from agent.protocols import Clock
from agent.schema import Image, Session, SessionId, Sha256, Turn
from agent.store import DiskStore, open_store
from agent.store.bucket import Bucket
from agent.store.publishing import BucketPublisher

from .s3 import BUCKET, KEY_ID, S3, SECRET, s3_server

MARKET = SessionId("ses_night-market")
URL = f"s3://{BUCKET}/limner"
PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 40
Open = Callable[..., Awaitable[DiskStore]]
Add = Callable[..., Awaitable[Image]]


def key_of(data: bytes, extension: str = "png") -> str:
    name = hashlib.sha256(data).hexdigest()
    return f"limner/{name[:2]}/{name}.{extension}"


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[S3]:
    with s3_server() as server:
        for name, value in server.environment().items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("STORE_TEST_BLOB_URL", URL)
        yield server


@pytest.fixture
async def open_in(
    s3: S3, root: Path, clock: Clock, database_url: str | None
) -> AsyncIterator[Open]:
    """Open the test's store with a bucket, as often as a test likes; closed after it."""
    assert s3.endpoint
    opened: list[DiskStore] = []

    async def opener(url: str | None = URL) -> DiskStore:
        store = await open_store(root, clock=clock, database_url=database_url, blob_url=url)
        opened.append(store)
        return store

    yield opener
    for store in opened:
        await store.aclose()


@pytest.fixture
async def store(
    open_in: Open, a_session: Callable[..., Session], a_turn: Callable[..., Turn]
) -> DiskStore:
    """With a session and an open turn, so that ``add_picture`` can list pictures."""
    opened = await open_in()
    await opened.create_session(a_session())
    await opened.open_turn(a_turn())
    return opened


def content(image: Image) -> bytes:
    return Path(image.path).read_bytes()


def overwrite(image: Image, data: bytes) -> None:
    Path(image.path).write_bytes(data)


def remove(image: Image) -> None:
    Path(image.path).unlink()


def here(image: Image) -> bool:
    return Path(image.path).exists()


def waiting(store: DiskStore) -> list[str]:
    assert store.mirror is not None
    return store.mirror.waiting.names()


# ── the good day ─────────────────────────────────────────────────────────────────────────────


async def test_a_picture_is_on_this_disk_and_in_the_bucket(
    store: DiskStore, s3: S3, add_picture: Add
) -> None:
    image = await add_picture(PNG)

    assert s3.objects == {key_of(PNG): PNG}
    assert s3.types == {key_of(PNG): "image/png"}
    assert content(image) == PNG
    assert (waiting(store), await store.verify()) == ([], [])


async def test_the_same_picture_twice_is_one_object(
    store: DiskStore, s3: S3, add_picture: Add
) -> None:
    await add_picture(PNG)
    await add_picture(PNG)

    assert s3.objects == {key_of(PNG): PNG}
    assert waiting(store) == []


async def test_a_server_that_does_not_know_create_only_serves_as_well(
    store: DiskStore, s3: S3, add_picture: Add
) -> None:
    s3.created_only = False

    await add_picture(PNG)
    await add_picture(PNG)

    assert (s3.objects, await store.verify()) == ({key_of(PNG): PNG}, [])


async def test_conditional_puts_can_be_switched_off(
    monkeypatch: pytest.MonkeyPatch, s3: S3, open_in: Open
) -> None:
    monkeypatch.setenv("AWS_CONDITIONAL_PUT", "disabled")
    store = await open_in()

    await store.put_blob(PNG, media_type="image/png", size=None)

    assert s3.objects == {key_of(PNG): PNG}


async def test_an_object_of_another_length_is_written_anew(
    store: DiskStore, s3: S3, add_picture: Add
) -> None:
    s3.objects[key_of(PNG)], s3.types[key_of(PNG)] = b"half", ""

    await add_picture(PNG)

    assert s3.objects == {key_of(PNG): PNG}
    assert await store.verify() == []


async def test_a_removed_cache_is_filled_again_from_the_bucket(
    store: DiskStore, root: Path, add_picture: Add
) -> None:
    image = await add_picture(PNG)
    shutil.rmtree(root / "blobs")

    (listed,) = await store.images(MARKET)
    assert content(listed) == PNG
    remove(image)
    assert await store.read_blob(image.sha256) == PNG
    remove(image)
    assert content(await store.image(image.id)) == PNG
    assert await store.verify() == []


async def test_a_damaged_file_of_the_cache_is_replaced(store: DiskStore, add_picture: Add) -> None:
    image = await add_picture(PNG)
    overwrite(image, b"scratched")

    assert await store.read_blob(image.sha256) == PNG
    assert content(image) == PNG


async def test_what_was_here_before_the_bucket_goes_up_too(
    open_in: Open, s3: S3, root: Path
) -> None:
    before = await open_in(url=None)
    for number in range(20):
        await before.put_blob(b"picture %d" % number, media_type="image/png", size=None)
    await before.aclose()

    after = await open_in()
    assert (len(s3.objects), len(waiting(after))) == (16, 4)
    await after.put_blob(PNG, media_type="image/png", size=None)

    assert (len(s3.objects), waiting(after)) == (21, [])
    assert (root / "waiting" / ".bucket").read_text() == URL


async def test_what_is_made_while_no_bucket_is_configured_goes_up_when_one_is_again(
    open_in: Open, s3: S3
) -> None:
    for url in (URL, None):
        store = await open_in(url=url)
        await store.aclose()
    store = await open_in(url=None)
    await store.put_blob(PNG, media_type="image/png", size=None)
    await store.aclose()
    assert s3.objects == {}

    await open_in()

    assert s3.objects == {key_of(PNG): PNG}


# ── the bad day ──────────────────────────────────────────────────────────────────────────────


async def test_a_bucket_that_is_away_costs_no_picture_and_gets_it_later(
    store: DiskStore,
    s3: S3,
    add_picture: Add,
    later: Callable[[timedelta], None],
    caplog: pytest.LogCaptureFixture,
) -> None:
    s3.down = True

    image = await add_picture(PNG)

    assert content(image) == PNG
    assert await store.read_blob(image.sha256) == PNG
    assert waiting(store) == [Path(image.path).name]
    (told,) = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert "cannot be reached" in told.getMessage()
    assert URL in told.getMessage()

    s3.down = False
    later(timedelta(minutes=2))
    await store.tidy()
    assert (s3.objects, waiting(store)) == ({key_of(PNG): PNG}, [])


async def test_a_waiting_room_that_somebody_removed_costs_nothing(
    s3: S3, add_picture: Add, root: Path
) -> None:
    shutil.rmtree(root / "waiting")

    await add_picture(b"one")
    s3.down = True
    shutil.rmtree(root / "waiting")
    image = await add_picture(b"two")

    assert content(image) == b"two"
    assert s3.objects == {key_of(b"one"): b"one"}


async def test_a_failure_after_some_went_up_lets_the_bucket_rest(
    store: DiskStore, s3: S3, add_picture: Add, later: Callable[[timedelta], None]
) -> None:
    s3.down = True
    for number in range(3):
        await add_picture(b"picture %d" % number)
    s3.down = False
    later(timedelta(minutes=2))

    def tired(_: str) -> None:
        s3.down = True

    s3.on_put = tired
    await store.tidy()

    assert (len(s3.objects), len(waiting(store))) == (1, 2)
    assert store.mirror is not None
    assert store.mirror.rests()


async def test_a_bucket_that_failed_is_left_alone_for_a_minute(
    store: DiskStore, s3: S3, add_picture: Add, later: Callable[[timedelta], None]
) -> None:
    s3.status = 503
    await add_picture(b"one")
    asked = len(s3.asked)

    await add_picture(b"two")
    await store.tidy()
    assert len(s3.asked) == asked

    s3.status = None
    later(timedelta(minutes=1))
    await add_picture(b"three")
    assert (len(s3.objects), waiting(store)) == (3, [])


@pytest.mark.parametrize(
    ("status", "code", "reason"),
    [
        (403, "AccessDenied", "access is denied (403 AccessDenied)"),
        (404, "NoSuchBucket", "there is no such bucket (404 NoSuchBucket)"),
        (507, "Full", "507 Full"),
        (400, "EntityTooLarge", "400 EntityTooLarge"),
    ],
)
async def test_a_refusing_bucket_is_named_with_its_reason_and_never_the_key(
    *,
    store: DiskStore,
    s3: S3,
    add_picture: Add,
    caplog: pytest.LogCaptureFixture,
    status: int,
    code: str,
    reason: str,
) -> None:
    s3.status, s3.code = status, code

    image = await add_picture(PNG)

    assert content(image) == PNG
    assert len(waiting(store)) == 1
    assert reason in caplog.text
    assert KEY_ID not in caplog.text
    assert SECRET not in caplog.text


async def test_a_wrong_bucket_is_told_and_the_picture_waits(
    open_in: Open, caplog: pytest.LogCaptureFixture
) -> None:
    store = await open_in(url="s3://nowhere/limner")

    await store.put_blob(PNG, media_type="image/png", size=None)

    assert "s3://nowhere/limner cannot be written: there is no such bucket" in caplog.text
    assert len(waiting(store)) == 1


async def test_a_read_that_breaks_off_is_an_error_and_no_picture(
    store: DiskStore, s3: S3, add_picture: Add
) -> None:
    image = await add_picture(PNG)
    remove(image)
    s3.cut = True

    with pytest.raises(StoreError, match="cannot be read"):
        await store.read_blob(image.sha256)
    assert not here(image)

    s3.cut = False
    assert await store.read_blob(image.sha256) == PNG


@pytest.mark.parametrize("damage", [b"", PNG[:-1], PNG[:-1] + b"!"])
async def test_a_damaged_object_is_never_handed_out(
    store: DiskStore, s3: S3, add_picture: Add, damage: bytes
) -> None:
    image = await add_picture(PNG)
    remove(image)
    s3.objects[key_of(PNG)] = damage

    with pytest.raises(CorruptBlob, match=f"s3://{BUCKET}/{key_of(PNG)} is damaged"):
        await store.read_blob(image.sha256)
    assert not here(image)


async def test_a_picture_that_is_nowhere_is_told(
    store: DiskStore, s3: S3, add_picture: Add
) -> None:
    image = await add_picture(PNG)
    remove(image)
    s3.objects.clear()

    with pytest.raises(CorruptBlob, match="is missing, and so is"):
        await store.read_blob(image.sha256)
    assert await store.verify() == [f"s3://{BUCKET}/{key_of(PNG)} is missing"]


async def test_listing_goes_on_when_neither_file_nor_bucket_is_there(
    *, store: DiskStore, s3: S3, add_picture: Add, caplog: pytest.LogCaptureFixture
) -> None:
    image = await add_picture(PNG)
    remove(image)
    s3.down = True

    assert await store.images(MARKET) == [image]
    assert "store.not_fetched" in caplog.text


async def test_a_cut_or_unknown_object_is_found_by_verify(
    store: DiskStore, s3: S3, add_picture: Add
) -> None:
    await add_picture(PNG)
    s3.objects[key_of(PNG)] = PNG[:10]
    s3.objects["limner/00/stray.png"] = b"stray"

    assert await store.verify() == [
        f"s3://{BUCKET}/{key_of(PNG)} is damaged",
        f"{URL}/00/stray.png is not in the database",
    ]


async def test_a_file_that_was_damaged_before_it_went_up_stays_where_it_is(
    *,
    store: DiskStore,
    s3: S3,
    add_picture: Add,
    later: Callable[[timedelta], None],
    caplog: pytest.LogCaptureFixture,
) -> None:
    s3.down = True
    image = await add_picture(PNG)
    overwrite(image, b"scratched")
    s3.down = False
    later(timedelta(minutes=2))

    await store.tidy()

    assert (s3.objects, waiting(store)) == ({}, [])
    assert "store.not_uploaded" in caplog.text


# ── forgetting ───────────────────────────────────────────────────────────────────────────────


async def test_forgetting_removes_the_object_too(
    store: DiskStore, s3: S3, add_picture: Add, clock: Clock
) -> None:
    image = await add_picture(PNG)
    other = await add_picture(b"another")

    assert await store.forget_image(image.id, at=clock.now()) == 1

    assert s3.objects == {key_of(b"another"): b"another"}
    assert (here(image), here(other)) == (False, True)


async def test_forgetting_reaches_an_object_that_is_not_in_the_cache(
    store: DiskStore, s3: S3, add_picture: Add, clock: Clock
) -> None:
    image = await add_picture(PNG)
    remove(image)

    assert await store.forget_session(MARKET, at=clock.now()) == 1

    assert s3.objects == {}


async def test_what_could_not_be_forgotten_in_the_bucket_is_said_and_done_later(
    *,
    store: DiskStore,
    s3: S3,
    add_picture: Add,
    clock: Clock,
    later: Callable[[timedelta], None],
) -> None:
    images = [await add_picture(data) for data in (b"one", b"two")]
    s3.down = True

    with pytest.raises(StoreError, match="left in the bucket"):
        await store.forget_session(MARKET, at=clock.now())
    assert not [image for image in images if here(image)]
    assert len(s3.objects) == 2

    s3.down = False
    await store.tidy()
    assert len(s3.objects) == 2
    later(timedelta(minutes=2))
    await store.tidy()
    assert s3.objects == {}


async def test_a_picture_that_waits_and_is_forgotten_never_goes_up(
    *,
    store: DiskStore,
    s3: S3,
    add_picture: Add,
    clock: Clock,
    later: Callable[[timedelta], None],
) -> None:
    s3.down = True
    image = await add_picture(PNG)
    s3.down = False
    later(timedelta(minutes=2))

    await store.forget_image(image.id, at=clock.now())
    await store.tidy()

    assert (s3.objects, waiting(store)) == ({}, [])


async def test_a_picture_that_is_forgotten_while_it_goes_up_does_not_stay_there(
    store: DiskStore, s3: S3, sql: Callable[..., object]
) -> None:
    def forgotten(_: str) -> None:
        s3.on_put = None
        sql("DELETE FROM blob")

    s3.on_put = forgotten
    await store.put_blob(PNG, media_type="image/png", size=None)

    assert s3.objects == {}


# ── several processes and machines ───────────────────────────────────────────────────────────


async def test_two_processes_that_store_the_same_pictures_agree(
    store: DiskStore, s3: S3, other_process: Callable[..., subprocess.Popen[str]]
) -> None:
    both = [other_process("same_pictures", who) for who in ("a", "b")]
    for process in both:
        assert process.stdout is not None
        process.stdout.readline()
    for process in both:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    said = [process.communicate(timeout=60)[0] for process in both]

    assert said == ["6\n", "6\n"]
    assert sorted(s3.objects) == sorted(key_of(b"picture %d" % n) for n in range(6))
    assert (waiting(store), await store.verify()) == ([], [])


@pytest.mark.usefixtures("sqlite_only")
@pytest.mark.parametrize("mode", ["die_after_row", "die_in_upload"])
async def test_a_crash_between_the_row_and_the_bucket_is_made_good_by_the_next_start(
    *,
    store: DiskStore,
    s3: S3,
    open_in: Open,
    other_process: Callable[..., subprocess.Popen[str]],
    mode: str,
) -> None:
    process = other_process(mode)
    process.communicate(timeout=60)
    assert process.returncode == 9
    assert s3.objects == {}
    assert len(waiting(store)) == 1

    again = await open_in()

    assert s3.objects == {key_of(b"paid for"): b"paid for"}
    assert (waiting(again), await again.verify()) == (
        [],
        [f"{again.blob_path(sha_of(b'paid for'), 'image/png')} is no picture of any session"],
    )


@pytest.mark.usefixtures("sqlite_only")
async def test_a_crash_before_the_row_uploads_nothing_until_there_is_one(
    *,
    store: DiskStore,
    s3: S3,
    open_in: Open,
    other_process: Callable[..., subprocess.Popen[str]],
) -> None:
    process = other_process("die_after_rename")
    process.communicate(timeout=60)
    assert process.returncode == 9

    again = await open_in()
    assert (s3.objects, len(waiting(again))) == ({}, 1)
    await again.put_blob(b"paid for", media_type="image/png", size=None)

    assert (s3.objects, waiting(again)) == ({key_of(b"paid for"): b"paid for"}, [])
    assert waiting(store) == []


def sha_of(data: bytes) -> Sha256:
    return Sha256(hashlib.sha256(data).hexdigest())


# ── addresses ────────────────────────────────────────────────────────────────────────────────


def publisher(store: DiskStore, base: str | None = None) -> BucketPublisher:
    assert store.mirror is not None
    return BucketPublisher(store.mirror, store.database, base=base)


def fetched(url: str) -> tuple[int, bytes, str]:
    with httpx2.Client(trust_env=False) as client:
        answer = client.get(url)
    return answer.status_code, answer.content, answer.headers.get("content-type", "")


async def test_a_signed_address_serves_the_picture_until_it_is_forgotten(
    store: DiskStore, add_picture: Add, clock: Clock
) -> None:
    image = await add_picture(PNG)

    url = await publisher(store).publish(PNG, "image/png")

    assert "X-Amz-Expires=3600" in url
    assert SECRET not in url
    assert fetched(url) == (200, PNG, "image/png")
    assert fetched(url.partition("?")[0])[0] == 403
    await store.forget_image(image.id, at=clock.now())
    assert fetched(url)[0] == 404


async def test_a_public_bucket_gives_plain_addresses(store: DiskStore, add_picture: Add) -> None:
    await add_picture(PNG)

    url = await publisher(store, "https://cdn.example/limner/").publish(PNG, "image/jpeg")

    assert url == f"https://cdn.example/{key_of(PNG)}"


async def test_publishing_brings_up_what_still_waits(
    store: DiskStore, s3: S3, add_picture: Add
) -> None:
    s3.down = True
    await add_picture(PNG)
    s3.down = False

    await publisher(store).publish(PNG, "image/png")

    assert s3.objects == {key_of(PNG): PNG}


async def test_only_what_the_store_lists_is_published(store: DiskStore, s3: S3) -> None:
    with pytest.raises(StoreError, match="no picture of this store"):
        await publisher(store).publish(PNG, "image/png")

    assert s3.objects == {}


async def test_a_bucket_that_is_away_publishes_nothing(
    store: DiskStore, s3: S3, add_picture: Add
) -> None:
    await add_picture(PNG)
    s3.down = True

    with pytest.raises(StoreError, match="cannot be reached"):
        await publisher(store).publish(PNG, "image/png")


# ── the bucket alone ─────────────────────────────────────────────────────────────────────────


def test_a_bucket_can_be_tried_out_and_is_left_empty(s3: S3) -> None:
    Bucket(URL).try_out()

    assert s3.objects == {}
    assert [line.partition(" ")[0] for line in s3.asked] == ["PUT", "GET", "POST"]


def test_credentials_that_there_are_not_are_what_is_told(
    s3: S3, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    # where a machine of Amazon's would ask for its own: here nobody answers
    monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", f"{s3.endpoint}/169.254.0.1")

    with pytest.raises(StoreError, match="no credentials were found"):
        Bucket(URL).try_out()


def test_an_endpoint_in_the_clear_must_be_allowed(s3: S3, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ALLOW_HTTP")

    with pytest.raises(StoreError, match="in the clear") as caught:
        Bucket(URL).try_out()

    assert "AWS_ALLOW_HTTP" in caught.value.hint
    assert s3.asked == []


@pytest.mark.usefixtures("s3")
def test_a_port_where_nobody_listens_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")

    with pytest.raises(StoreError, match="cannot be reached"):
        Bucket(URL).try_out()


def test_a_bucket_that_changes_what_it_is_given_is_told(s3: S3) -> None:
    def changed(key: str) -> None:
        s3.objects[key] = b"something else"

    s3.on_put = changed

    with pytest.raises(StoreError, match="does not give back"):
        Bucket(URL).try_out()


@pytest.mark.parametrize("url", ["ftp://x/y", "az://container/prefix"])
def test_an_address_that_no_store_can_be_made_of_is_a_mistake_in_the_settings(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AZURE_STORAGE_ACCOUNT_NAME", raising=False)

    with pytest.raises(SettingsError, match=url) as caught:
        Bucket(url)

    assert "s3://BUCKET/PREFIX" in caught.value.hint


async def test_a_bad_bucket_keeps_the_store_closed(
    open_in: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AZURE_STORAGE_ACCOUNT_NAME", raising=False)

    with pytest.raises(SettingsError):
        await open_in(url="az://container/prefix")
