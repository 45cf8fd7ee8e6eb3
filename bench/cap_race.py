"""Parallel turns in several processes under one budget: how many are sent, and what stays free.

    python bench/cap_race.py [--processes 2] [--turns 8] [--cap 10] [--json] [--database URL]

One price per picture (0.10 CNY), a budget of the day for `--cap` pictures, an offline server that
counts. Every process holds an agent of its own on the same store; all start at the same moment.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.request
from contextlib import contextmanager
from pathlib import Path

HERE = Path(__file__).resolve().parent
PRICE = 10  # hundredths
LIMNER = [sys.executable, "-c", "from agent.doors.cli import main; main()"]
TABLE = 'kind = "per_image"\ncurrency = "CNY"\n[per_image."*"]\n"*" = 0.10\n'


def environment(folder: Path, **more: str) -> dict[str, str]:
    kept = {name: os.environ[name] for name in ("PATH", "LANG", "TMPDIR") if name in os.environ}
    paths = os.pathsep.join([str(HERE.parent), os.environ.get("PYTHONPATH", "")])
    ours = {
        "HOME": str(folder),
        "LIMNER_HOME": str(folder / "data"),
        "LIMNER_CONFIG_DIR": str(folder),
        "SHOP_KEY": "sk-shop",
    }
    return {**kept, "PYTHONPATH": paths, **ours, **more}


def configure(folder: Path, base_url: str, *, day_max_cost: str | None = None) -> None:
    budget = f"day_max_cost = {day_max_cost}\n" if day_max_cost else ""
    shop = f'[profiles.shop]\nbase_url = "{base_url}"\napi_key_env = "SHOP_KEY"\n'
    folder.joinpath("config.toml").write_text(f'{budget}{shop}prices = "shop.toml"\n')
    folder.joinpath("shop.toml").write_text(TABLE)


@contextmanager
def server(folder: Path, *args: str):
    """An offline server in a process of its own; gives its base URL."""
    command = [*LIMNER, "offline", "serve", "--draw", "tiny", *args]
    process = subprocess.Popen(
        command,
        env=environment(folder),
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        yield process.stdout.readline().strip()
    finally:
        process.terminate()
        process.wait()
        process.stdout.close()


def counters(base_url: str) -> dict[str, int]:
    with urllib.request.urlopen(f"{base_url.removesuffix('/v1')}/__limner/counters") as answer:
        return json.load(answer)


def worker(turns: int) -> None:
    """Waits for a line on stdin, then runs all turns at once; prints their exit codes."""
    import anyio

    from agent import TurnRequest, open_agent

    async def main() -> None:
        codes = []

        async def one(number: int) -> None:
            ended = await agent.run(TurnRequest(text=f"kite number {os.getpid()} {number}"))
            codes.append(ended.exit_code)

        async with open_agent(profile="shop") as agent:
            print("ready", flush=True)
            sys.stdin.readline()
            async with anyio.create_task_group() as tasks:
                for number in range(turns):
                    tasks.start_soon(one, number)
        print(json.dumps(codes), flush=True)

    anyio.run(main)


def race(folder: Path, *, processes: int, turns: int, cap: int, database: str | None) -> dict:
    more = {"LIMNER_DATABASE_URL": database} if database else {}
    with server(folder, "--latency", "0.02-0.1") as base_url:
        configure(folder, base_url, day_max_cost=f"{cap * PRICE / 100:.2f}")
        workers = [
            subprocess.Popen(
                [sys.executable, str(HERE / "cap_race.py"), "--worker", "--turns", str(turns)],
                env=environment(folder, **more),
                cwd=folder,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
            for _ in range(processes)
        ]
        for each in workers:
            each.stdout.readline()
        started = time.monotonic()
        for each in workers:
            each.stdin.write("go\n")
            each.stdin.flush()
        codes = [code for each in workers for code in json.loads(each.communicate()[0])]
        seconds = time.monotonic() - started
        counted = counters(base_url)
    sums = subprocess.run(
        [*LIMNER, "ledger", "--by", "profile", "--json"],
        env=environment(folder, **more),
        cwd=folder,
        capture_output=True,
        check=True,
    ).stdout
    ledger = json.loads(sums)
    return {
        "turns": processes * turns,
        "cap": cap,
        "sent": counted.get("requests", 0),
        "generations": counted.get("generations", 0),
        "pictures": codes.count(0),
        "refused_by_budget": codes.count(5),
        "other_ends": [code for code in codes if code not in (0, 5)],
        "spent": ledger["spent"],
        "reserved": ledger["reserved"],
        "currency": ledger["currency"],
        "seconds": round(seconds, 2),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--turns", type=int, default=8)
    parser.add_argument("--cap", type=int, default=10)
    parser.add_argument("--database")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.worker:
        return worker(asked.turns)
    with tempfile.TemporaryDirectory() as folder:
        found = race(
            Path(folder),
            processes=asked.processes,
            turns=asked.turns,
            cap=asked.cap,
            database=asked.database,
        )
    if asked.json:
        print(json.dumps(found))
    else:
        for name, value in found.items():
            print(f"{name:18} {value}")
    sys.exit(0 if found["sent"] == found["generations"] == min(asked.cap, found["turns"]) else 1)


if __name__ == "__main__":
    main()
