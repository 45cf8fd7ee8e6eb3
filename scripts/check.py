"""Format, lint, types, tests and what they cover; stops at the first that fails.

python scripts/check.py               everything, as CI runs it
python scripts/check.py --fix         let ruff mend what it can first
python scripts/check.py --everywhere  trace every room: what no test reaches (twice as long)
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from itertools import groupby
from typing import IO

ALONE = ["pytest", "-q", "-n", "0"]
SUITE = ["pytest", "-q", "-n", "2", "--dist", "loadfile", "--no-loadscope-reorder"]
"""A file stays on one worker, so that a fixture of a module is made once; in the order that the
tests ask for, which is the longest files first."""
PURE = ("safety", "wire", "turn")
"""Rooms that neither wait nor store: their own tests reach all of them, every branch.

Tracing makes the tests half as slow again, so only these are traced.
"""
ROOMS = [f"tests/{room}" for room in PURE]
COVERED = [*(f"--cov=agent.{room}" for room in PURE), "--cov-fail-under=100"]
STEPS = {
    "format": ["ruff", "format", "--check", "."],
    "lint": ["ruff", "check", "."],
    "types": ["mypy"],
    "pure rooms": [*ALONE, *ROOMS, *COVERED, "--cov-report=term-missing:skip-covered"],
    "tests": [*SUITE, *(f"--ignore={room}" for room in ROOMS)],
}
EVERYWHERE = {"tests": [*SUITE, "--cov=agent", "--cov-report=term:skip-covered"]}
TOGETHER = ("types", "pure rooms")
"""Neither has work for two cores, and they take about as long."""
MENDING = {"format": ["ruff", "format", "."], "lint": ["ruff", "check", "--fix", "."]}

MEMORY = "/dev/shm"  # noqa: S108
"""A thousand stores wait for a disk at each commit; one kept in memory is gone with the power."""


def _roomy(folder: str) -> bool:
    """A container may have no more than 64 MB of it."""
    return os.access(folder, os.W_OK) and shutil.disk_usage(folder).free > 2 * 1024**3


@dataclass
class Step:
    """One of the commands, under way."""

    name: str
    process: subprocess.Popen[bytes]
    log: IO[bytes]
    """What it says, where two would talk at once; else it says so itself."""
    started: float

    def ended(self) -> bool:
        """Waits, and tells; whether all is well."""
        failed = self.process.wait()
        self.log.seek(0)
        sys.stdout.buffer.write(self.log.read())
        took = f"in {time.monotonic() - self.started:.0f} s"
        print(f"── {self.name} {'failed' if failed else 'passed'} {took}", flush=True)
        return not failed


def begun(name: str, command: list[str], environment: dict[str, str]) -> Step:
    print(f"── {name}: {' '.join(command)}", flush=True)
    log = tempfile.TemporaryFile()  # noqa: SIM115
    said = log if name in TOGETHER else None
    call = [sys.executable, "-m", *command]
    process = subprocess.Popen(call, env=environment, stdout=said, stderr=said)
    return Step(name, process, log, time.monotonic())


def main() -> int:
    asked = sys.argv[1:]
    steps = STEPS | (MENDING if "--fix" in asked else {})
    steps |= EVERYWHERE if "--everywhere" in asked else {}
    # Compiled modules are kept: both workers and each process that a test starts read them again.
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    if _roomy(MEMORY):
        environment.setdefault("PYTEST_DEBUG_TEMPROOT", MEMORY)
    for _, names in groupby(steps, lambda name: name in TOGETHER or name):
        under_way = [begun(name, steps[name], environment) for name in names]
        if [step.name for step in under_way if not step.ended()]:
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
