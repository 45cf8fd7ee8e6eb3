"""A batch of many cells: what each costs besides its picture, and what kill -9 leaves of it.

    python bench/batch.py [--cells 1000] [--kills 10] [--seed 1] [--memory 100,1000] [--json]
                          [--pages] [--database URL]

Three parts. **overhead**: cells without any latency, the CPU and the wall time per cell. **memory**:
the peak of the process at so many cells. **kills**: a server that takes 0.05 to 0.3 s, answers 503 to
one in twenty and drops one in fifty when it is drawn; the worker is killed at random moments, spread
over the batch, and started again, and every unknown result is sent again. Then the pictures, the
server's log and the ledger are compared, request by request (``accounts.py``). The 503 says that
nobody was called, in the words of new-api; with ``--pages`` it is a page, of which nobody knows what
is behind it.
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
from collections.abc import Callable
from pathlib import Path

import anyio
from accounts import Witness, settled
from cap_race import LIMNER, configure, environment, server

BRIEF = {"title": "Night Market", "lettering": "set", "sizes": ["320x400"]}


def briefs(folder: Path, cells: int) -> str:
    lines = [
        json.dumps({"name": f"b{number}", "motif": f"hill number {number} at night", **BRIEF})
        for number in range(cells)
    ]
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


def later(folder: Path, database: str | None) -> dict:
    """What a batch that is done costs to look at: wall, CPU and peak of a command."""
    more = {"LIMNER_DATABASE_URL": database} if database else {}
    told = {}
    for name, args in {
        "status": ("status",),
        "report": ("report",),
        "run, nothing to do": ("run", "many.jsonl", "-p", "shop", "--yes"),
    }.items():
        started = time.perf_counter()
        process = subprocess.Popen(
            [*LIMNER, "batch", *args],
            env=environment(folder, **more),
            cwd=folder,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        _, cpu, peak = ended(process)
        wall = time.perf_counter() - started
        told[name] = f"{wall:.1f} s, {cpu:.1f} s CPU, {peak:.0f} MiB"
    told["report.html"] = f"{(folder / 'out/many/report.html').stat().st_size / 1e6:.1f} MB"
    return told


def plain(folder: Path, cells: int, database: str | None, *, after: bool = False) -> dict:
    with server(folder) as base_url:
        configure(folder, base_url)
        started = time.perf_counter()
        code, cpu, peak = ended(begun(folder, database, briefs(folder, cells)))
        wall = time.perf_counter() - started
    return {
        **(later(folder, database) if after else {}),
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


def killed(
    folder: Path, cells: int, kills: int, seed: int, *, pages: bool, database: str | None
) -> dict:
    chance = random.Random(seed)
    refusal = "503-html" if pages else "503-busy"
    faults = ("--fault", f"{refusal}:rate=0.05", "--fault", "drop-after:rate=0.02,seed=1")
    how = ("--latency", "0.05-0.3", "--dialect", "new-api", *faults)
    with server(folder, *how) as base_url:
        configure(folder, base_url)
        with (folder / "config.toml").open("a") as config:
            config.write('dialect = "new-api"\n')
        witness = Witness(base_url)
        witness.start()
        given = (briefs(folder, cells), "--on-unknown", "retry")
        killed_at = []
        for place in sorted(chance.sample(range(cells * 9 // 10), kills)):
            process = begun(folder, database, *given)
            wait_for(lambda place=place: posters(folder) >= place)
            time.sleep(chance.uniform(0.0, 0.5))
            process.kill()
            process.wait()
            killed_at.append(posters(folder))
        runs, code = 0, 1
        while code and runs < 5:
            runs, (code, *_) = runs + 1, ended(begun(folder, database, *given))
        time.sleep(0.5)  # the server finishes what the dead had asked for
        log = witness.end()
    attempts = anyio.run(attempts_of, folder, database)
    return {
        "cells": cells,
        "kills": kills,
        "posters at each kill": killed_at,
        "runs after the last kill": runs,
        "exit code": code,
        "posters": posters(folder),
        **settled(log, attempts, cells),
        "states": dict(Counter(one.state for one in attempts)),
    }


def wait_for(done: Callable[[], bool]) -> None:
    """Or 10 minutes."""
    for _ in range(6000):
        if done():
            return
        time.sleep(0.1)


def posters(folder: Path) -> int:
    return len(list((folder / "out" / "many").glob("b*/en/320x400/1.png")))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cells", type=int, default=1000)
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--memory", default="100,1000", help="cells, with commas; empty: not")
    parser.add_argument("--pages", action="store_true", help="503 as a page")
    parser.add_argument("--database", help="an empty PostgreSQL, instead of files")
    parser.add_argument("--later", action="store_true", help="with memory: status, report, rerun")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    found = {}
    for cells in [int(one) for one in asked.memory.split(",") if one]:
        with tempfile.TemporaryDirectory() as folder:
            found[f"plain, {cells}"] = plain(Path(folder), cells, asked.database, after=asked.later)
    if asked.kills:
        with tempfile.TemporaryDirectory() as folder:
            found["kills"] = killed(
                Path(folder),
                asked.cells,
                asked.kills,
                asked.seed,
                pages=asked.pages,
                database=asked.database,
            )
    if asked.json:
        print(json.dumps(found))
        return
    for name, told in found.items():
        print(name)
        for what, value in told.items():
            print(f"  {what:38} {value}")


if __name__ == "__main__":
    sys.exit(main())
