"""A batch whose worker is killed: every poster once, and what was paid twice is in the ledger."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import anyio

from agent.factory import open_disk
from agent.settings import load_settings
from tests.conftest import Serve
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


async def _run(briefs: Path, url: str, *, kill: bool) -> int:
    """Until it ends; or until the second picture is on its way, and then no further."""
    env = os.environ | {
        "LIMNER_HOME": str(briefs.parent / "home"),
        "OPENAI_API_KEY": "sk-test",
        "OPENAI_BASE_URL": url,
        "PYTHONPATH": str(ROOT),
    }
    how = ("--yes", "--json", "--on-unknown", "retry", "--at-once", "2")
    command = [sys.executable, "-c", CLI, "batch", "run", str(briefs), *how]
    async with await anyio.open_process(
        command, env=env, cwd=briefs.parent, stderr=subprocess.DEVNULL
    ) as process:
        assert process.stdout is not None
        started = 0
        async for data in process.stdout:
            started += data.count(b'"started"')
            if kill and started >= 2:
                process.send_signal(signal.SIGKILL)
                break
        return await process.wait()


async def test_a_killed_worker_loses_nothing_and_pays_twice_only_for_what_the_ledger_names(
    serve: Serve, tmp_path: Path
) -> None:
    server = serve(draw="tiny", latency=(0.2, 0.4))
    briefs = _briefs(tmp_path)
    async with served(server) as url:
        for _ in range(2):
            assert await _run(briefs, url, kill=True) == -signal.SIGKILL
        assert await _run(briefs, url, kill=False) == 0

    settings = load_settings(env={"LIMNER_HOME": str(tmp_path / "home")})
    disk = await open_disk(settings)
    attempts = await disk.attempts()
    await disk.aclose()
    pictures = list((tmp_path / "out" / "many").glob("b*/en/320x400/1.png"))
    unknown = [one for one in attempts if one.billed == "possibly"]
    assert len(pictures) == POSTERS
    assert server.state.journal.counts["generations"] == POSTERS + len(unknown)
