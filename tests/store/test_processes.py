"""Two real processes on one store, and processes that end at the worst moment."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path

import pytest

from agent.schema import Image, Session, SessionId, Turn
from agent.store import DiskStore
from tests.forked import python

MARKET = SessionId("ses_night-market")
OtherProcess = Callable[..., subprocess.Popen[str]]
BlobFiles = Callable[[], list[Path]]
Reopen = Callable[..., Awaitable[DiskStore]]

on_sqlite = pytest.mark.usefixtures("sqlite_only")


def finished(process: subprocess.Popen[str]) -> tuple[int, str]:
    output, _ = process.communicate(timeout=60)
    return process.returncode, output


def let_go(*processes: subprocess.Popen[str]) -> None:
    """Both have said that they wait; release them together."""
    for process in processes:
        assert process.stdout is not None
        process.stdout.readline()
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()


async def test_two_processes_never_share_a_number_a_budget_or_a_head(
    store: DiskStore, a_session: Callable[..., Session], other_process: OtherProcess
) -> None:
    await store.create_session(a_session())
    both = [other_process("compete", who) for who in ("a", "b")]

    let_go(*both)
    (_, one), (_, two) = map(finished, both)

    numbers, won, moved = zip(one.split(), two.split(), strict=True)
    assert sorted(int(n) for part in numbers for n in part.split(",")) == list(range(1, 25))
    assert sum(map(int, won)) == 10
    assert sorted(moved) == ["False", "True"]
    assert len(await store.attempts()) == 10
    assert len(await store.turns(MARKET)) == 2
    assert await store.verify() == []


@pytest.mark.usefixtures("database_url")
async def test_two_processes_can_open_a_new_store_at_the_same_moment(
    tmp_path: Path, other_process: OtherProcess
) -> None:
    both = [other_process("open_new", "6", at=tmp_path) for _ in range(2)]

    for _ in range(6):
        let_go(*both)

    assert [finished(process) for process in both] == [(0, "opened 0\n")] * 2


@on_sqlite
async def test_a_crash_before_the_rename_leaves_only_a_scratch_file(
    reopen: Reopen,
    blob_files: BlobFiles,
    other_process: OtherProcess,
    later: Callable[[timedelta], None],
) -> None:
    assert finished(other_process("die_before_rename"))[0] == 9
    assert [path.suffix for path in blob_files()] == [".tmp"]

    store = await reopen()
    assert await store.verify() == []
    await store.aclose()
    later(timedelta(days=400))
    await (await reopen()).aclose()

    assert blob_files() == []


@on_sqlite
async def test_a_crash_between_the_file_and_its_row_is_told_and_healed(
    reopen: Reopen, blob_files: BlobFiles, other_process: OtherProcess
) -> None:
    assert finished(other_process("die_after_rename"))[0] == 9
    (file,) = blob_files()

    store = await reopen()

    assert await store.verify() == [f"{file} is not in the database"]
    blob = await store.put_blob(b"paid for", media_type="image/png", size=None)
    assert await store.read_blob(blob.sha256) == b"paid for"
    await store.aclose()


async def test_a_crash_inside_a_transaction_undoes_it_and_frees_the_lock(
    store: DiskStore, a_session: Callable[..., Session], other_process: OtherProcess
) -> None:
    await store.create_session(a_session())

    assert finished(other_process("die_in_transaction"))[0] == 9

    assert [session.name for session in await store.sessions()] == ["night-market"]
    await store.create_session(a_session("next"))


async def test_a_crash_after_sending_loses_neither_the_picture_nor_the_bill(
    store: DiskStore, a_session: Callable[..., Session], other_process: OtherProcess
) -> None:
    await store.create_session(a_session())

    assert finished(other_process("die_mid_turn"))[0] == 9

    (attempt,) = await store.attempts(unsettled=True)
    assert (attempt.state, attempt.billed, attempt.bytes_sent) == ("sent", "possibly", 1234)
    (image,) = await store.images(MARKET)
    assert await store.read_blob(image.sha256) == b"paid for"
    assert [turn.outcome for turn in await store.turns(MARKET)] == [None]


@on_sqlite
async def test_a_crash_while_forgetting_is_finished_by_the_next_start(
    *,
    reopen: Reopen,
    store: DiskStore,
    a_session: Callable[..., Session],
    a_turn: Callable[..., Turn],
    add_picture: Callable[..., Awaitable[Image]],
    other_process: OtherProcess,
    every_byte: Callable[[], bytes],
) -> None:
    await store.create_session(a_session())
    await store.open_turn(a_turn(prompt="zanzibar"))
    await add_picture(b"zanzibar")
    await store.aclose()
    assert finished(other_process("die_while_forgetting"))[0] == 9
    assert b"zanzibar" in every_byte()

    again = await reopen()

    assert await again.sessions() == []
    await again.aclose()
    assert b"zanzibar" not in every_byte()


@on_sqlite
async def test_a_full_disk_is_told_and_lists_no_half_file(
    store: DiskStore,
    blob_files: BlobFiles,
    a_session: Callable[..., Session],
    other_process: OtherProcess,
) -> None:
    await store.create_session(a_session())

    code, output = finished(other_process("run_out_of_space"))

    _, picture, attempt = output.splitlines()
    assert code == 0
    assert picture.startswith("picture: no space left")
    assert attempt.startswith("attempt: ")
    (image,) = await store.images(MARKET)
    assert [str(path) for path in blob_files()] == [image.path]
    assert await store.attempts() == []
    assert await store.verify() == []


@on_sqlite
async def test_opening_an_existing_store_loads_neither_migrations_nor_obstore(
    other_process: OtherProcess,
) -> None:
    assert finished(other_process("modules", cold=True)) == (0, "ready\nFalse False\n")


def test_the_room_itself_loads_no_database() -> None:
    look = "import sys, agent.store; print('sqlalchemy' in sys.modules)"

    run = subprocess.run([sys.executable, "-c", look], capture_output=True, text=True, check=True)

    assert run.stdout == "False\n"


def test_parallel_turns_of_two_processes_never_exceed_a_cap() -> None:
    """The whole way: agents, prices of a profile, a server that counts (``bench/cap_race.py``)."""
    script = Path(__file__).parents[2] / "bench" / "cap_race.py"

    run = subprocess.run(
        [python(), str(script), "--json"], capture_output=True, text=True, check=True
    )

    told = json.loads(run.stdout)
    assert (told["turns"], told["sent"], told["pictures"]) == (16, 10, 10)
    assert (told["refused_by_budget"], told["other_ends"]) == (6, [])
    assert (told["spent"], told["reserved"], told["currency"]) == ("1.00", "0", "CNY")
