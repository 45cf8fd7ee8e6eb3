from __future__ import annotations

import sqlite3
from collections.abc import Awaitable, Callable
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from agent.errors import NotFound, StoreError
from agent.protocols import Clock
from agent.schema import Attempt, Hit, Image, Session, SessionId, Turn, Verdict
from agent.store import DiskStore, forget

MARKET = SessionId("ses_night-market")
SECRET = b"zanzibar"
MakeSession = Callable[..., Session]
MakeTurn = Callable[..., Turn]
AddPicture = Callable[..., Awaitable[Image]]
Reopen = Callable[..., Awaitable[DiskStore]]


def a_verdict(text: str) -> Verdict:
    return Verdict(
        decision="review",
        rule="people/celebrity",
        message=f"{text} is a person",
        fix=f"leave {text} out",
        hits=(Hit(rule="r", category="c", severity="review", start=0, end=8, text=text),),
        policy="base@1",
        policy_sha256="ab" * 32,
        text_sha256="cd" * 32,
        acknowledged=("people/celebrity",),
        acknowledged_by="ada",
    )


def exists(image: Image) -> bool:
    return Path(image.path).exists()


@pytest.fixture
def fill(
    *,
    store: DiskStore,
    a_session: MakeSession,
    a_turn: MakeTurn,
    an_attempt: Callable[..., Attempt],
    add_picture: AddPicture,
    clock: Clock,
) -> Callable[..., Awaitable[Image]]:
    """A session in which the secret word is everywhere that a text can be."""

    async def make(name: str = "night-market", *, user: str = "ada", turns: int = 1) -> Image:
        word = SECRET.decode()
        await store.create_session(a_session(name, user=user, cwd=f"/home/{word}"))
        for number in range(1, turns + 1):
            turn = a_turn(number, of=name, prompt=f"{word} {number} " * 20, text=word, mask=None)
            await store.open_turn(turn)
        await store.save_partial(a_turn(of=name).id, 0, SECRET, "image/png")
        await store.add_verdict(
            a_verdict(word), at=clock.now(), session=a_turn(of=name).session, turn=None, user=user
        )
        await store.reserve(an_attempt(session=f"ses_{name}", user=user), caps={})
        return await add_picture(SECRET + name.encode(), of=name, revised_prompt=word)

    return make


async def test_forgetting_a_session_removes_every_text_and_byte(
    store: DiskStore, fill: AddPicture, clock: Clock, every_byte: Callable[[], bytes]
) -> None:
    await fill(turns=60)
    assert SECRET in every_byte()

    removed = await store.forget_session(MARKET, at=clock.now())

    assert removed == 1
    assert SECRET not in every_byte()
    assert await store.verify() == []


async def test_forgetting_leaves_tombstones_and_the_record_of_money(
    store: DiskStore, fill: AddPicture, clock: Clock
) -> None:
    image = await fill()

    await store.forget_session(MARKET, at=clock.now())

    assert await store.tombstones() == {MARKET: clock.now(), image.id: clock.now()}
    assert [attempt.session for attempt in await store.attempts()] == [MARKET]
    with pytest.raises(NotFound, match="forgotten on 2026-11-20"):
        await store.session(MARKET)
    with pytest.raises(NotFound, match="forgotten on 2026-11-20"):
        await store.image(image.id)


async def test_a_verdict_stays_without_its_words(
    store: DiskStore, fill: AddPicture, clock: Clock
) -> None:
    await fill()
    assert await store.verdicts(MARKET) == [a_verdict(SECRET.decode())]

    await store.forget_session(MARKET, at=clock.now())

    (verdict,) = await store.verdicts(MARKET)
    assert (verdict.decision, verdict.rule) == ("review", "people/celebrity")
    assert (verdict.hits, verdict.message, verdict.fix, verdict.text_sha256) == ((), "", "", "")


async def test_other_sessions_are_untouched(
    store: DiskStore, fill: AddPicture, clock: Clock
) -> None:
    await fill()
    kept = await fill("kites")
    turns = await store.turns(kept.session)

    await store.forget_session(MARKET, at=clock.now())

    assert await store.turns(kept.session) == turns
    assert await store.images(kept.session) == [kept]
    assert (await store.read_blob(kept.sha256)).startswith(SECRET)


async def test_shared_bytes_stay_until_the_last_picture_goes(
    store: DiskStore, fill: AddPicture, add_picture: AddPicture, clock: Clock
) -> None:
    image = await fill()
    other = await fill("kites")
    shared = await add_picture(SECRET + b"night-market", of="kites")
    assert shared.sha256 == image.sha256

    assert await store.forget_session(MARKET, at=clock.now()) == 0
    assert exists(shared)
    assert await store.forget_session(other.session, at=clock.now()) == 2
    assert not exists(shared)


async def test_a_mask_is_forgotten_with_its_turn_unless_another_uses_it(
    store: DiskStore, a_session: MakeSession, a_turn: MakeTurn, clock: Clock
) -> None:
    mask = await store.put_blob(b"mask", media_type="image/png", size=None)
    path = store.blob_path(mask.sha256, mask.media_type)
    for name in ("one", "two"):
        await store.create_session(a_session(name))
        await store.open_turn(a_turn(of=name, mask=mask.sha256))

    assert await store.forget_session(SessionId("ses_one"), at=clock.now()) == 0
    assert path.exists()
    assert await store.forget_session(SessionId("ses_two"), at=clock.now()) == 1
    assert not path.exists()


async def test_a_forgotten_picture_leaves_its_children_and_its_number(
    store: DiskStore, fill: AddPicture, add_picture: AddPicture, clock: Clock
) -> None:
    image = await fill()
    child = await add_picture(b"child", parents=(image.id,))

    removed = await store.forget_image(child.id, at=clock.now())
    again = await add_picture(b"another child", parents=(image.id,))
    await store.forget_image(image.id, at=clock.now())

    assert removed == 1
    assert [one.number for one in await store.images(MARKET)] == [3]
    assert (await store.image(again.id)).parents == (image.id,)
    assert set(await store.tombstones()) == {image.id, child.id}


async def test_what_is_not_there_cannot_be_forgotten(
    store: DiskStore, fill: AddPicture, clock: Clock
) -> None:
    image = await fill()
    await store.forget_session(MARKET, at=clock.now())

    with pytest.raises(NotFound):
        await store.forget_session(MARKET, at=clock.now())
    with pytest.raises(NotFound):
        await store.forget_image(image.id, at=clock.now())


async def test_forgetting_a_user_keeps_what_was_paid_but_not_by_whom(
    store: DiskStore, fill: AddPicture, clock: Clock
) -> None:
    await fill("one", user="ada")
    await fill("two", user="ada")
    await fill("three", user="grace")

    removed = await store.forget_user("ada", at=clock.now())

    assert removed == 2
    assert [session.name for session in await store.sessions()] == ["three"]
    assert [attempt.user for attempt in await store.attempts()] == [None, None, "grace"]
    assert {v.acknowledged_by for v in await store.verdicts(SessionId("ses_one"))} == {None}


async def test_forgetting_by_age_goes_by_the_last_use(
    store: DiskStore, fill: AddPicture, clock: Clock, later: Callable[[timedelta], None]
) -> None:
    await fill("old")
    later(timedelta(days=40))
    await fill("new")

    removed = await store.forget_older(clock.now() - timedelta(days=30), at=clock.now())

    assert removed == 1
    assert [session.name for session in await store.sessions()] == ["new"]


async def test_bytes_forgotten_by_another_session_can_be_put_again(
    store: DiskStore, fill: AddPicture, add_picture: AddPicture, clock: Clock
) -> None:
    image = await fill()
    await fill("kites")
    data = await store.read_blob(image.sha256)

    await store.forget_session(MARKET, at=clock.now())
    again = await add_picture(data, of="kites")

    assert await store.read_blob(again.sha256) == data


async def test_bytes_forgotten_before_they_were_listed_are_told(
    store: DiskStore, fill: AddPicture, clock: Clock
) -> None:
    from agent.protocols import NewImage

    image = await fill()
    await fill("kites")
    data = await store.read_blob(image.sha256)
    blob = await store.put_blob(data, media_type="image/png", size=None)
    await store.forget_session(MARKET, at=clock.now())
    listed = image.model_copy(
        update={"id": "img_01Jlate", "session": "ses_kites", "turn": "turn_kites_1"}
    )

    with pytest.raises(StoreError, match="not in the store"):
        await store.add_image(NewImage(image=listed, blob=blob))

    assert len(await store.images(SessionId("ses_kites"))) == 1


@pytest.mark.usefixtures("sqlite_only")
async def test_text_is_erased_while_another_process_has_the_store_open(
    *,
    store: DiskStore,
    fill: AddPicture,
    clock: Clock,
    root: Path,
    every_byte: Callable[[], bytes],
) -> None:
    with closing(sqlite3.connect(root / "limner.db")) as idle:
        idle.execute("SELECT count(*) FROM turn").fetchone()
        await fill()
        await store.forget_session(MARKET, at=clock.now())

        assert SECRET not in every_byte()


@pytest.mark.usefixtures("sqlite_only")
async def test_text_is_erased_later_when_another_process_is_reading(
    *,
    reopen: Reopen,
    store: DiskStore,
    fill: AddPicture,
    clock: Clock,
    root: Path,
    every_byte: Callable[[], bytes],
) -> None:
    await fill()
    await store.aclose()
    hasty = await reopen(busy_s=0.01)
    with closing(sqlite3.connect(root / "limner.db", isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM turn").fetchone()
        await hasty.forget_session(MARKET, at=clock.now())
        assert SECRET in every_byte()
    await hasty.aclose()

    await (await reopen()).aclose()

    assert SECRET not in every_byte()


async def test_copies_made_before_a_migration_are_forgotten_too(
    store: DiskStore, fill: AddPicture, clock: Clock, root: Path
) -> None:
    await fill()
    copy = root / "limner.db.before-0002"
    copy.write_bytes(SECRET)

    await store.forget_session(MARKET, at=clock.now())

    assert not copy.exists()


async def test_the_log_of_forgetting_tells_no_text(
    store: DiskStore, fill: AddPicture, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", logger="limner.store")
    await fill()

    await store.forget_session(MARKET, at=clock.now())

    assert "store.forgot" in caplog.text
    assert SECRET.decode() not in caplog.text


@pytest.mark.usefixtures("sqlite_only")
async def test_a_store_opens_when_an_unfinished_forgetting_has_to_wait(
    *, reopen: Reopen, store: DiskStore, fill: AddPicture, clock: Clock, root: Path
) -> None:
    image = await fill()
    await store._database.write(forget.session_by_id, MARKET, at=clock.now())  # and then a crash
    await store.aclose()

    with closing(sqlite3.connect(root / "limner.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        hasty = await reopen(busy_s=0.01)
        assert await hasty.sessions() == []
        assert not await hasty._database.scrub()
        await hasty.aclose()
    assert exists(image)

    await (await reopen()).aclose()

    assert not exists(image)
