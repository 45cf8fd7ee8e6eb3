"""How long `limner mcp` takes from its start to the answer of `initialize`, beside the bare SDK.

python bench/mcp_start.py [--runs 9]
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
HELLO = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {
        "protocolVersion": "2025-06-18",
        "capabilities": {},
        "clientInfo": {"name": "bench", "version": "0"},
    },
}


def measured(what: Callable[[], None]) -> tuple[float, float]:
    """(wall, CPU of the process) in seconds."""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    what()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return time.perf_counter() - began, cpu


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--runs", type=int, default=9)
    runs = parser.parse_args().runs
    with tempfile.TemporaryDirectory() as home:
        env = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "HOME": home}

        def served() -> None:
            command = "from agent.doors.cli import main; main()"
            with subprocess.Popen(
                [sys.executable, "-c", command, "mcp", "--profile", "offline"],
                env=env,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
            ) as process:
                process.stdin.write(json.dumps(HELLO).encode() + b"\n")
                process.stdin.flush()
                assert b"serverInfo" in process.stdout.readline()
                process.kill()

        def sdk() -> None:
            subprocess.run([sys.executable, "-c", "import mcp.server.lowlevel"], check=True)

        for name, what in (("import mcp.server.lowlevel", sdk), ("limner mcp", served)):
            figures = [measured(what) for _ in range(runs)]
            wall, cpu = (statistics.median(each) for each in zip(*figures, strict=True))
            print(f"{name:28} wall {wall:.2f} s   CPU {cpu:.2f} s")


if __name__ == "__main__":
    main()
