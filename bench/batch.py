"""A batch of many cells: what each costs besides its picture, and what kill -9 leaves of it.

    python bench/batch.py [--cells 1000] [--kills 10] [--seed 1] [--memory 100,1000] [--json]
                          [--database URL]

Three parts. **overhead**: cells without any latency, the CPU and the wall time per cell. **memory**:
the peak of the process at so many cells. **kills**: a server that takes 0.05 to 0.3 s, answers 503 to
one in twenty and drops one in fifty; the worker is killed at random moments and started again, and
every unknown result is sent again. Then the pictures, the server's count and the ledger are compared.
"""

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import anyio
from cap_race import LIMNER, configure, counters, environment, server

BRIEF = {"title": "Night Market", "lettering": "set", "motif": "a hill", "sizes": ["320x400"]}


def briefs(folder: Path, cells: int) -> str:
    lines = [json.dumps({"name": f"b{number}", **BRIEF}) for number in range(cells)]
    (folder / "many.jsonl").write_text("\n".join(lines))
    return "many.jsonl"


def begun(folder: Path, database: str | None, *args: str) -> subprocess.Popen:
    more = {"LIMNER_DATABASE_URL": database} if database else {}
    return subprocess.Popen(
        [*LIMNER, "batch", "run", *args, "-p", "shop", "--yes", "--json", "--at-once", "8"],
        env=environment(folder, **more),
        cwd=folder,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def ended(process: subprocess.Popen) -> tuple[int, float, float]:
    """(exit code, CPU seconds, peak in MiB)"""
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    cpu = usage.ru_utime + usage.ru_stime
    return process.returncode, cpu, usage.ru_maxrss / 1024


def plain(folder: Path, cells: int, database: str | None) -> dict:
    with server(folder) as base_url:
        configure(folder, base_url)
        started = time.perf_counter()
        code, cpu, peak = ended(begun(folder, database, briefs(folder, cells)))
        wall = time.perf_counter() - started
    return {
        "cells": cells,
        "exit code": code,
        "wall ms per cell": round(wall / cells * 1000, 1),
        "CPU ms per cell": round(cpu / cells * 1000, 1),
        "cells per minute": round(cells / wall * 60),
        "peak MiB": round(peak, 1),
    }


async def attempts_of(folder: Path, database: str | None) -> list:
    from agent.ids import SystemClock
    from agent.store import open_store

    store = await open_store(folder / "data", clock=SystemClock(), database_url=database)
    try:
        return await store.attempts()
    finally:
        await store.aclose()


def killed(folder: Path, cells: int, kills: int, seed: int, database: str | None) -> dict:
    chance = random.Random(seed)
    faults = (
        "--latency",
        "0.05-0.3",
        "--fault",
        "503-html:rate=0.05",
        "--fault",
        "drop-after:rate=0.02",
    )
    with server(folder, *faults) as base_url:
        configure(folder, base_url)
        given = (briefs(folder, cells), "--on-unknown", "retry")
        for _ in range(kills):
            process = begun(folder, database, *given)
            time.sleep(chance.uniform(2.5, 6.0))
            process.kill()
            process.wait()
        runs, code = 0, 1
        while code and runs < 5:
            runs, (code, *_) = runs + 1, ended(begun(folder, database, *given))
        time.sleep(0.5)  # the server finishes what the dead had asked for
        drawn = counters(base_url).get("generations", 0)
    attempts = anyio.run(attempts_of, folder, database)
    pictures = list((folder / "out" / "many").glob("b*/en/320x400/1.png"))
    possibly = sum(one.billed == "possibly" for one in attempts)
    return {
        "cells": cells,
        "kills": kills,
        "runs after the last kill": runs,
        "exit code": code,
        "posters": len(pictures),
        "generations at the server": drawn,
        "attempts possibly billed": possibly,
        "generations that no attempt tells of": max(0, drawn - cells - possibly),
        "states": dict(Counter(one.state for one in attempts)),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cells", type=int, default=1000)
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--memory", default="100,1000", help="cells, with commas; empty: not")
    parser.add_argument("--database", help="an empty PostgreSQL, instead of files")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    found = {}
    for cells in [int(one) for one in asked.memory.split(",") if one]:
        with tempfile.TemporaryDirectory() as folder:
            found[f"plain, {cells}"] = plain(Path(folder), cells, asked.database)
    if asked.kills:
        with tempfile.TemporaryDirectory() as folder:
            place, cells = Path(folder), asked.cells
            found["kills"] = killed(place, cells, asked.kills, asked.seed, asked.database)
    if asked.json:
        print(json.dumps(found))
        return
    for name, told in found.items():
        print(name)
        for what, value in told.items():
            print(f"  {what:38} {value}")


if __name__ == "__main__":
    sys.exit(main())
