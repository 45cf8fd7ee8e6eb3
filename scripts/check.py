"""Format, lint, types, tests and what they cover, in that order; stops at the first that fails.

python scripts/check.py               everything, as CI runs it
python scripts/check.py --fix         let ruff mend what it can first
python scripts/check.py --everywhere  trace every room: what no test reaches (twice as long)
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time

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
    "pure rooms": [*SUITE, *ROOMS, *COVERED, "--cov-report=term-missing:skip-covered"],
    "tests": [*SUITE, *(f"--ignore={room}" for room in ROOMS)],
}
EVERYWHERE = {"tests": [*SUITE, "--cov=agent", "--cov-report=term:skip-covered"]}
MENDING = {"format": ["ruff", "format", "."], "lint": ["ruff", "check", "--fix", "."]}

MEMORY = "/dev/shm"  # noqa: S108
"""A thousand stores wait for a disk at each commit; one kept in memory is gone with the power."""


def _roomy(folder: str) -> bool:
    """A container may have no more than 64 MB of it."""
    return os.access(folder, os.W_OK) and shutil.disk_usage(folder).free > 2 * 1024**3


def main() -> int:
    asked = sys.argv[1:]
    steps = STEPS | (MENDING if "--fix" in asked else {})
    steps |= EVERYWHERE if "--everywhere" in asked else {}
    # Compiled modules are kept: both workers and each process that a test starts read them again.
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    if _roomy(MEMORY):
        environment.setdefault("PYTEST_DEBUG_TEMPROOT", MEMORY)
    for name, command in steps.items():
        started = time.monotonic()
        print(f"── {name}: {' '.join(command)}", flush=True)
        done = subprocess.run([sys.executable, "-m", *command], env=environment, check=False)
        if done.returncode:
            print(f"── {name} failed", flush=True)
            return done.returncode
        print(f"── {name} passed in {time.monotonic() - started:.0f} s", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
