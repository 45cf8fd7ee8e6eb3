"""A batch whose worker is killed: every poster once, and what was paid twice is in the ledger.

What a page of 503 hides is known to nobody, so it is possibly billed; a 503 that says that nobody
was called is free.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections import Counter
from pathlib import Path
from typing import Any

import anyio

from agent.factory import open_disk
from agent.settings import load_settings
from tests.batch.held import Held
from tests.conftest import Serve
from tests.forked import python
from tests.gateway import served

CLI = "from agent.doors.cli import main; main()"
POSTERS = 8
ROOT = Path(__file__).resolve().parents[2]


def _briefs(folder: Path) -> Path:
    path = folder / "many.jsonl"
    brief = {"title": "Night Market", "lettering": "set", "motif": "a hill", "sizes": ["320x400"]}
    lines = [json.dumps({"name": f"b{number}", **brief}) for number in range(POSTERS)]
    path.write_text("\n".join(lines))
    return path


async def _run(briefs: Path, url: str, held: Held | None = None) -> int:
    """Until it ends; or until both pictures that it may ask for at once are at the server."""
    env = os.environ | {
        "LIMNER_HOME": str(briefs.parent / "home"),
        "LIMNER_DIALECT": "new-api",
        "OPENAI_API_KEY": "sk-test",
        "OPENAI_BASE_URL": url,
        "PYTHONPATH": str(ROOT),
    }
    how = ("--yes", "--json", "--on-unknown", "retry", "--at-once", "2")
    command = [python(), "-c", CLI, "batch", "run", str(briefs), *how]
    async with await anyio.open_process(
        command, env=env, cwd=briefs.parent, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        if held is not None:
            await held.full()
            process.send_signal(signal.SIGKILL)
        return await process.wait()


async def test_a_killed_worker_loses_nothing_and_pays_twice_only_for_what_the_ledger_names(
    serve: Serve, tmp_path: Path
) -> None:
    held = Held(2)
    on = "on=responses"
    faults = (f"503-html:every=5,{on}", f"503-busy:every=6,{on}", f"drop-after:every=7,{on}")
    how = {"dialect": "new-api", "latency": (0.1, 0.1), "sleep": held.sleep}
    server = serve(*faults, **how)
    briefs = _briefs(tmp_path)
    async with served(server) as url:
        for last in (False, True):
            assert await _run(briefs, url, held) == -signal.SIGKILL
            held.let_go(again=not last)
        assert await _run(briefs, url) == 0

    disk = await open_disk(load_settings(env={"LIMNER_HOME": str(tmp_path / "home")}))
    attempts = [one for one in await disk.attempts() if one.sent and one.kind != "ask"]
    await disk.aclose()
    billed = Counter(one.billed for one in attempts)
    sent: list[Any] = server.state.journal.log()
    log = [entry for entry in sent if entry["body"].get("tools")]
    pages, free = len(log) // 5, len(log) // 6
    drawn = sum(entry["generations"] for entry in log)
    assert len(list((tmp_path / "out" / "many").glob("b*/en/320x400/1.png"))) == POSTERS
    assert len(attempts) == len(log) == drawn + pages + free
    assert billed == {"yes": POSTERS, "possibly": drawn - POSTERS + pages, "no": free}
    assert drawn >= POSTERS + 4
