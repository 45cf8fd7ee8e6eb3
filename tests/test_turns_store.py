"""Restarts, other upstreams, other processes, undone turns, and a disk that will not."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import anyio.to_thread
import pytest
from PIL import Image as Canvas

from agent import ImageAgent, ImageOptions, TurnCompleted, TurnFailed, TurnRequest
from agent.schema import Attempt, Session, SessionId
from tests.conftest import Opener, OpenOn, Serve, sent_to
from tests.forked import python

KITE = TurnRequest(text="a red kite over the sea")
REPOSITORY = Path(__file__).parents[1]


def edit(text: str, session: str | None, source: str | None = None) -> TurnRequest:
    edited = None if source is None else (source,)
    return TurnRequest(text=text, intent="edit", session=session, edit=edited)


async def of(agent: ImageAgent, session: SessionId | None) -> Session:
    return await agent.store.session(session or "")


async def test_a_session_goes_on_after_a_restart_and_on_another_upstream(
    serve: Serve, open_on: OpenOn
) -> None:
    """The other server knows no id of the first: everything it needs is sent."""
    async with open_on(serve(dialect="openai")) as agent:
        first = await agent.run(KITE)
    other = serve(dialect="sub2api", salt="other")
    async with open_on(other) as agent:
        second = await agent.run(edit("make it night", "red-kite-over"))
    async with open_on(serve(dialect="generic")) as agent:
        third = await agent.run(edit("make it autumn", first.session))

        [begin, *_] = sent_to(other)[0]["input"]
        assert begin["content"] == KITE.text
        assert second.images[0].parents == (first.images[0].id,)
        assert third.images[0].parents == (second.images[0].id,)
        assert first.session is not None
        attempts = await agent.store.attempts(session=first.session)
        assert [a.dialect for a in attempts] == ["openai", "sub2api", "generic"]


async def test_a_session_goes_on_from_any_picture_by_number_name_or_id(
    open_offline: Opener,
) -> None:
    async with open_offline() as agent:
        first = await agent.run(KITE)
        await agent.run(edit("make it night", first.session))
        image = first.images[0]
        for source in ("@1", "red-kite-over/1", "red-kite-over/@1", image.id, image.id[:-2]):
            session = first.session if source == "@1" else None
            ended = await agent.run(edit("add a boat", session, source))

            assert (ended.session, ended.images[0].parents) == (first.session, (image.id,))


async def test_undoing_moves_the_head_and_the_next_edit_starts_from_there(
    serve: Serve, open_on: OpenOn
) -> None:
    server = serve()
    async with open_on(server) as agent:
        first = await agent.run(KITE)
        second = await agent.run(edit("paint it mauve", first.session))
        assert first.session is not None
        assert await agent.store.move_head(first.session, expected=second.turn, to=first.turn)

        third = await agent.run(edit("add a boat", first.session))

        assert third.images[0].parents == (first.images[0].id,)
        assert "mauve" not in str(sent_to(server)[-1]["input"])
        assert (await of(agent, first.session)).head == third.turn


async def test_a_fresh_picture_in_a_session_starts_a_tree_of_its_own(
    serve: Serve, open_on: OpenOn
) -> None:
    server = serve()
    async with open_on(server) as agent:
        first = await agent.run(KITE)
        fresh = await agent.run(TurnRequest(text="a teapot", session=first.session))
        last = await agent.run(edit("make it blue", first.session))

        assert fresh.images[0].parents == ()
        assert last.images[0].parents == (fresh.images[0].id,)
        assert "kite" not in str([body["input"] for body in sent_to(server)[1:]])


async def test_the_newest_picture_started_in_this_directory_is_what_edit_means(
    open_offline: Opener,
) -> None:
    async with open_offline() as agent:
        here = await agent.run(TurnRequest(text="a red kite", cwd="/srv/posters/"))
        await agent.run(TurnRequest(text="a teapot", cwd="/elsewhere"))
        ended = await agent.run(TurnRequest(text="bigger", intent="edit", cwd="/srv/posters"))
        nowhere = await agent.run(TurnRequest(text="bigger", intent="edit", cwd="/new"))
        unplaced = await agent.run(TurnRequest(text="bigger", intent="edit"))

    assert ended.images[0].parents == (here.images[0].id,)
    for failed in (nowhere, unplaced):
        assert isinstance(failed, TurnFailed)
        assert failed.exit_code == 2
        assert failed.error is not None
        assert set(failed.error.candidates) == {"teapot", "red-kite"}


ELSEWHERE = """
import sys, anyio
from agent import TurnRequest, load_settings, open_agent
from agent.offline import OfflineOptions

async def main(number):
    async with open_agent(load_settings(), profile="offline",
                          offline=OfflineOptions(draw="tiny")) as agent:
        await agent.run(TurnRequest(text=f"a kite with {number} tails", session="shared"))

anyio.run(main, sys.argv[1])
"""


def elsewhere(number: int) -> list[tuple[int, str]]:
    """So many processes at once: how each ended, and what it complained about."""
    running = [
        subprocess.Popen(
            [python(), "-c", ELSEWHERE, str(each)],
            cwd=REPOSITORY,
            env={**os.environ, "PYTHONPATH": os.pathsep.join([str(REPOSITORY), *sys.path])},
            stderr=subprocess.PIPE,
            text=True,
        )
        for each in range(number)
    ]
    said = [process.communicate(timeout=60)[1] for process in running]
    return [(process.returncode, errors) for process, errors in zip(running, said, strict=True)]


async def test_several_processes_draw_into_one_session(open_offline: Opener) -> None:
    async with open_offline() as agent:
        await agent.run(TurnRequest(text="a kite", session_name="shared"))
        assert await anyio.to_thread.run_sync(elsewhere, 2) == [(0, "")] * 2

        shared = await agent.store.session("shared")
        images = await agent.store.images(shared.id)
        assert [image.number for image in images] == [1, 2, 3]
        assert shared.head in {image.turn for image in images[1:]}
        assert len({a.owner for a in await agent.store.attempts()}) == 3


# ── a disk that will not ─────────────────────────────────────────────────────────────────────

Refuse = Callable[[str], None]


@pytest.fixture
def refuse(tmp_path: Path) -> Refuse:
    """Make SQLite itself refuse a kind of write, as a full disk would: ``UPDATE OF x ON t WHEN …``."""

    def install(when: str) -> None:
        with closing(sqlite3.connect(tmp_path / "home" / "data" / "limner.db")) as database:
            body = "BEGIN SELECT RAISE(ABORT, 'the disk is full'); END"
            database.execute(f"CREATE TRIGGER refusal BEFORE {when} {body}")
            database.commit()

    return install


async def the_attempt(agent: ImageAgent, ended: TurnFailed | TurnCompleted) -> Attempt:
    [attempt] = await agent.store.attempts(turn=ended.turn)
    return attempt


async def test_what_cannot_be_marked_as_sent_is_not_sent(
    serve: Serve, open_on: OpenOn, refuse: Refuse
) -> None:
    server = serve()
    async with open_on(server) as agent:
        refuse("UPDATE ON attempt WHEN NEW.state = 'sent'")
        ended = await agent.run(KITE)

        assert isinstance(ended, TurnFailed)
        assert ended.error is not None
        assert (ended.outcome, ended.error.code, ended.error.billed) == ("failed", "store", "no")
        attempt = await the_attempt(agent, ended)
        assert (attempt.state, attempt.billed) == ("failed", "no")
        assert dict(server.counters) == {}


@pytest.fixture
def aside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], list[Path]]:
    """Pictures in the folder for temporary files, which is a new one."""
    folder = tmp_path / "aside"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return lambda: list(folder.glob("limner-*.png"))


async def test_a_picture_that_the_store_cannot_take_is_put_aside_and_named(
    open_offline: Opener, refuse: Refuse, aside: Callable[[], list[Path]], tmp_path: Path
) -> None:
    async with open_offline() as agent:
        blobs = tmp_path / "home" / "data" / "blobs"
        shutil.rmtree(blobs)
        blobs.write_text("not a folder", "utf-8")
        refuse("UPDATE ON attempt WHEN NEW.state = 'unknown'")
        ended = await agent.run(KITE)

        assert isinstance(ended, TurnFailed)
        assert (ended.outcome, ended.exit_code) == ("unknown", 7)
        assert ended.error is not None
        [kept] = aside()
        assert str(kept) in ended.error.hint
        with Canvas.open(kept) as picture:
            picture.load()
        assert (await the_attempt(agent, ended)).state == "sent"


async def test_a_picture_that_nothing_can_take_is_told_all_the_same(
    open_offline: Opener, refuse: Refuse, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "there is none"))
    async with open_offline() as agent:
        refuse("INSERT ON image")
        ended = await agent.run(KITE)

        assert isinstance(ended, TurnFailed)
        assert ended.error is not None
        assert (ended.outcome, ended.error.code) == ("unknown", "store")
        assert "put into" not in ended.error.hint


async def test_a_picture_that_cannot_be_listed_leaves_the_turn_unknown_and_maybe_billed(
    open_offline: Opener, refuse: Refuse, aside: Callable[[], list[Path]]
) -> None:
    async with open_offline() as agent:
        refuse("INSERT ON image")
        ended = await agent.run(KITE)

        assert isinstance(ended, TurnFailed)
        assert (ended.outcome, ended.exit_code) == ("unknown", 7)
        assert ended.error is not None
        assert (ended.error.code, ended.error.billed) == ("store", "possibly")
        attempt = await the_attempt(agent, ended)
        assert (attempt.state, attempt.failure_code) == ("unknown", "store")
        assert ended.session is not None
        [turn] = await agent.store.turns(ended.session)
        assert turn.outcome == "unknown"
    assert len(aside()) == 1


async def test_an_attempt_that_cannot_be_settled_is_told_as_sent(
    open_offline: Opener, refuse: Refuse
) -> None:
    async with open_offline("no-image") as agent:
        refuse("UPDATE ON attempt WHEN NEW.state = 'failed'")
        ended = await agent.run(KITE)

        assert isinstance(ended, TurnFailed)
        assert [(a.state, a.billed) for a in ended.attempts] == [("sent", "possibly")]
        assert (ended.outcome, ended.cost.amount) == ("unknown", None)


async def test_a_turn_that_cannot_be_closed_still_hands_its_picture_over(
    open_offline: Opener, refuse: Refuse
) -> None:
    async with open_offline() as agent:
        refuse("UPDATE ON turn")
        ended = await agent.run(KITE)

        assert isinstance(ended, TurnCompleted)
        assert (ended.exit_code, len(ended.images)) == (0, 1)
        assert [failure.code for failure in ended.failures] == ["store"]
        assert ended.session is not None
        [turn] = await agent.store.turns(ended.session)
        assert (turn.outcome, turn.images) == (None, (ended.images[0].id,))


async def test_a_draft_that_cannot_be_saved_costs_nothing_but_the_draft(
    open_offline: Opener, tmp_path: Path
) -> None:
    async with open_offline() as agent:
        drafts = tmp_path / "home" / "data" / "partials"
        drafts.rmdir()
        drafts.write_text("not a folder", "utf-8")
        request = TurnRequest(text=KITE.text, options=ImageOptions(partial_images=1))
        events = [event async for event in agent.stream(request)]

    assert not [event for event in events if event.type == "image.partial"]
    assert any(event.type == "image.completed" for event in events)


async def test_damaged_bytes_are_found_before_they_are_sent(serve: Serve, open_on: OpenOn) -> None:
    server = serve()
    async with open_on(server) as agent:
        first = await agent.run(KITE)
        _damage(Path(first.images[0].path))
        ended = await agent.run(edit("make it night", first.session))

        assert ended.error is not None
        assert (ended.error.code, ended.error.billed) == ("store", "no")
        assert "damaged" in ended.error.message
        assert server.counters["requests"] == 1


def _damage(path: Path) -> None:
    path.chmod(0o600)
    path.write_bytes(path.read_bytes()[:-1] + b"?")
