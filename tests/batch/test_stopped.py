"""A batch that somebody stops, or that runs out of money: what is under way, what is not begun."""

from __future__ import annotations

import json
import os
import signal
from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import Any

import anyio

from agent.batch.notes import Book
from agent.factory import notes_of, open_disk
from agent.schema import Attempt
from agent.settings import load_settings
from tests.batch.held import Held
from tests.conftest import Serve
from tests.forked import python
from tests.gateway import served

CLI = "from agent.doors.cli import main; main()"
ROOT = Path(__file__).resolve().parents[2]


def _briefs(folder: Path, count: int) -> Path:
    brief = {"title": "Night Market", "lettering": "set", "motif": "a hill", "sizes": ["320x400"]}
    path = folder / "many.jsonl"
    path.write_text("\n".join(json.dumps({"name": f"b{n}", **brief}) for n in range(count)))
    return path


async def _run(
    folder: Path,
    url: str,
    *args: str,
    after: bytes = b"",
    signals: int = 0,
    held: Held | None = None,
) -> tuple[int, list[dict[str, Any]]]:
    """Its exit code and its events; ``signals`` times SIGINT, once it said ``after``.

    With ``held``, once its requests are at the server, too.
    """
    env = os.environ | {
        "LIMNER_HOME": str(folder / "home"),
        "OPENAI_API_KEY": "sk-test",
        "OPENAI_BASE_URL": url,
        "PYTHONPATH": str(ROOT),
    }
    command = [python(), "-c", CLI, "batch", "run", *args, "--yes", "--json"]
    async with await anyio.open_process(command, env=env, cwd=folder) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        told, said, left = b"", b"", signals
        async for data in process.stdout:
            told += data
            if left and after in told:
                if held is not None:
                    await held.full()
                process.send_signal(signal.SIGINT)
                while left > 1:
                    while b"again to give" not in said:
                        said += await process.stderr.receive()
                    left -= 1
                    process.send_signal(signal.SIGINT)
                left = 0
        code = await process.wait()
    return code, [json.loads(line) for line in told.splitlines()]


async def _attempts(folder: Path) -> list[Attempt]:
    disk = await open_disk(load_settings(env={"LIMNER_HOME": str(folder / "home")}))
    try:
        return await disk.attempts()
    finally:
        await disk.aclose()


async def _statuses(folder: Path) -> dict[str, str]:
    """What is written down of each poster."""
    disk = await open_disk(load_settings(env={"LIMNER_HOME": str(folder / "home")}))
    try:
        return await Book(notes_of(disk), "many").statuses()
    finally:
        await disk.aclose()


async def test_the_first_interrupt_finishes_what_is_under_way_and_begins_nothing_more(
    serve: Serve, tmp_path: Path
) -> None:
    server = serve(draw="tiny", latency=(0.5, 0.5))
    briefs = str(_briefs(tmp_path, 6))
    async with served(server) as url:
        how = (briefs, "--at-once", "2")
        code, _ = await _run(tmp_path, url, *how, after=b'"started"', signals=1)
        bought = server.state.journal.counts["generations"]
        again, _ = await _run(tmp_path, url, briefs)

    assert (code, again) == (130, 0)
    assert 1 <= bought <= 3
    assert server.state.journal.counts["generations"] == 6
    assert {one.state for one in await _attempts(tmp_path)} == {"completed"}


async def test_the_second_interrupt_gives_up_what_was_sent_and_it_is_parked(
    serve: Serve, tmp_path: Path
) -> None:
    held = Held(1)
    server = serve(draw="tiny", latency=(0.1, 0.1), sleep=held.sleep)
    briefs = str(_briefs(tmp_path, 3))
    async with served(server) as url:
        how = (briefs, "--at-once", "1")
        code, _ = await _run(tmp_path, url, *how, after=b'"started"', signals=2, held=held)
        held.let_go()
        left = await _statuses(tmp_path)
        again, events = await _run(tmp_path, url, briefs)

    assert (code, again) == (130, 6)
    assert left == {"b0/en/320x400/1": "parked"}
    assert events[-1]["states"] == {"proved": 2, "parked": 1}
    unknown = [one for one in await _attempts(tmp_path) if one.billed == "possibly"]
    assert len(unknown) == 1


async def test_a_budget_for_ten_of_forty_buys_ten_and_no_more(serve: Serve, tmp_path: Path) -> None:
    server, cells = serve(draw="tiny"), 40
    briefs = str(_briefs(tmp_path, cells))
    async with served(server) as url:
        _, planned = await _run(tmp_path, url, briefs, "--dry-run")
        each = Decimal(planned[0]["dearest"]["amount"]) / cells
        cap = each * 10
        code, events = await _run(tmp_path, url, briefs, "--max-cost", str(cap))

    attempts = [one for one in await _attempts(tmp_path) if one.kind != "ask"]
    done, states = events[-1], Counter(events[-1]["states"])
    assert each > 0
    assert code == 5
    assert Decimal(done["spent"]) + Decimal(done["reserved"]) <= cap
    drawn = server.state.journal.counts["generations"]
    assert drawn == len(attempts) == states["proved"] + states["bought"]
    assert len(attempts) >= 10
