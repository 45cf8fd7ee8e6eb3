"""docs/cli.md shows the help as it is."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_the_page_on_the_command_line_is_current() -> None:
    code = "import sys; sys.path.insert(0, 'docs'); import make_cli; print(make_cli.page(), end='')"
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        encoding="utf-8",
        cwd=ROOT,
        env={"PYTHONUTF8": "1", "HOME": "/nowhere", "PATH": ""},
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert done.stdout == (ROOT / "docs" / "cli.md").read_text("utf-8"), (
        "run: python docs/make_cli.py"
    )
