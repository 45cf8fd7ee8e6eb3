"""kill -9 at random moments: is every picture that arrived kept, every request accounted for?

    python bench/kill9.py [--rounds 100] [--seed 1] [--parallel 2] [--json]

A worker draws in a loop (a session for each picture, no two alike) on an offline server in
another process; it is killed at a random moment, and the store is opened again, which settles for
the dead. Then the server's count, the ledger and the folder are compared. After every round, or it
stops: no attempt is open, no turn that was sent is open, no file under a picture's name is damaged,
and no picture is on disk without being listed. At the end, over all: what the server drew is in the
ledger as completed or unknown.
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
from cap_race import configure, counters, environment, server

HERE = Path(__file__).resolve().parent


def worker(parallel: int) -> None:
    """Draws until it is killed."""
    from agent import TurnRequest, open_agent

    async def drawing(agent, number: int) -> None:
        count = 0
        while True:
            count += 1
            text = f"a kite, {os.getpid()} {number} {count} {time.monotonic_ns()}"
            await agent.run(TurnRequest(text=text))

    async def main() -> None:
        async with open_agent(profile="shop") as agent:
            print("ready", flush=True)
            async with anyio.create_task_group() as tasks:
                for number in range(parallel):
                    tasks.start_soon(drawing, agent, number)

    anyio.run(main)


async def opened(folder: Path) -> dict:
    """What the next process finds: opening the store settles for the dead."""
    from PIL import Image as Canvas

    from agent.ids import SystemClock
    from agent.store import open_store

    began = time.perf_counter()
    store = await open_store(folder / "data", clock=SystemClock())
    open_ms = (time.perf_counter() - began) * 1000
    problems, listed = await store.verify(), 0
    attempts = await store.attempts()
    tried = {attempt.turn for attempt in attempts}
    still_open = []
    for session in await store.sessions(limit=1_000_000):
        still_open += [t.id for t in await store.turns(session.id) if t.outcome is None]
        for image in await store.images(session.id):
            listed += 1
            with Canvas.open(image.path) as canvas:
                canvas.load()
    await store.aclose()
    return {
        "open_ms": open_ms,
        "listed": listed,
        "files": len([p for p in (folder / "data" / "blobs").glob("*/*") if p.suffix != ".tmp"]),
        "half": sum(p.endswith(("is damaged", "is missing")) for p in problems),
        "unlisted": sum("is not in the database" in p or "no picture of" in p for p in problems),
        "open_turns": len(set(still_open) & tried),
        "not_sent_turns": len(set(still_open) - tried),
        "states": dict(Counter(attempt.state for attempt in attempts)),
        "unknown_with_picture": sum(a.state == "unknown" and a.images for a in attempts),
    }


def rounds(folder: Path, *, count: int, seed: int, parallel: int, quiet: bool) -> dict:
    chance = random.Random(seed)
    slowest = 0.0
    found: dict = {}
    with server(folder, "--latency", "0.01-0.06") as base_url:
        configure(folder, base_url)
        for number in range(1, count + 1):
            process = subprocess.Popen(
                [sys.executable, str(HERE / "kill9.py"), "--worker", "--parallel", str(parallel)],
                env=environment(folder),
                cwd=folder,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
            )
            process.stdout.readline()
            time.sleep(chance.uniform(0.0, 0.8))
            process.kill()
            process.wait()
            process.stdout.close()
            found = anyio.run(opened, folder)
            slowest = max(slowest, found["open_ms"])
            if not quiet and (number % 10 == 0 or number == count):
                print(f"{number:4} {json.dumps(found)}", flush=True)
            bad = set(found["states"]) & {"intent", "sent"}
            if bad or found["half"] or found["unlisted"] or found["open_turns"]:
                sys.exit(f"round {number}: {found}")
        time.sleep(0.5)  # the server finishes what the dead had asked for
        counted = counters(base_url)
    return report(found, counted, rounds=count, slowest=slowest)


def report(found: dict, counted: dict[str, int], *, rounds: int, slowest: float) -> dict:
    states = found["states"]
    known = sum(states.get(name, 0) for name in ("completed", "unknown", "refused"))
    return {
        "rounds": rounds,
        "requests at the server": counted.get("requests", 0),
        "generations at the server": counted.get("generations", 0),
        "attempts completed": states.get("completed", 0),
        "attempts unknown": states.get("unknown", 0),
        "attempts failed for free": states.get("failed", 0),
        "attempts still open": states.get("intent", 0) + states.get("sent", 0),
        "turns sent and still open": found["open_turns"],
        "turns never sent, open for 10 min": found["not_sent_turns"],
        "pictures on disk": found["files"],
        "pictures listed, that open": found["listed"],
        "pictures on disk and not listed": found["unlisted"],
        "half files": found["half"],
        "sent and never at the server": known - counted.get("requests", 0),
        "generations not in the ledger": max(0, counted.get("generations", 0) - known),
        "slowest open, ms": round(slowest),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--parallel", type=int, default=2)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.worker:
        return worker(asked.parallel)
    with tempfile.TemporaryDirectory() as folder:
        told = rounds(
            Path(folder),
            count=asked.rounds,
            seed=asked.seed,
            parallel=asked.parallel,
            quiet=asked.json,
        )
    if asked.json:
        print(json.dumps(told))
    else:
        for name, value in told.items():
            print(f"{name:34} {value}")


if __name__ == "__main__":
    main()
