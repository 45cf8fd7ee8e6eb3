"""Format, lint, types and tests, in that order; stops at the first that fails.

python scripts/check.py            everything, as CI runs it
python scripts/check.py --fix      let ruff mend what it can first
"""

from __future__ import annotations

import subprocess
import sys
import time

STEPS = {
    "format": ["ruff", "format", "--check", "."],
    "lint": ["ruff", "check", "."],
    "types": ["mypy"],
    "tests": ["pytest", "-q", "-n", "2", "--cov", "--cov-report=term:skip-covered"],
}
MENDING = {"format": ["ruff", "format", "."], "lint": ["ruff", "check", "--fix", "."]}


def main() -> int:
    steps = {**STEPS, **MENDING} if "--fix" in sys.argv[1:] else STEPS
    for name, command in steps.items():
        started = time.monotonic()
        print(f"── {name}: {' '.join(command)}", flush=True)
        done = subprocess.run([sys.executable, "-m", *command], check=False)
        if done.returncode:
            print(f"── {name} failed", flush=True)
            return done.returncode
        print(f"── {name} passed in {time.monotonic() - started:.0f} s", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
