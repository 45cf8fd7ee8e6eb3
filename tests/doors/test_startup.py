"""``--help`` and completion stay quick because they import next to nothing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PROBE = """
import json, sys
before = {name.partition(".")[0] for name in sys.modules}
from agent.doors.cli import main
try:
    main()
finally:
    loaded = sorted({name.partition(".")[0] for name in sys.modules} - before)
    ours = sorted(name for name in sys.modules if name.split(".")[0] == "agent")
    print("\\n" + json.dumps([loaded, ours]), file=sys.stderr)
"""


def modules_after(*args: str, **env: str) -> tuple[set[str], set[str]]:
    """(top-level packages that are not part of Python, modules of ours) after a command."""
    done = subprocess.run(
        [
            sys.executable,
            "-I",
            "-c",
            f"import sys; sys.path.insert(0, {str(ROOT)!r})\n{PROBE}",
            *args,
        ],
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": os.environ["PATH"], **env},
    )
    loaded, ours = json.loads(done.stderr.splitlines()[-1])
    return {name for name in loaded if name not in sys.stdlib_module_names}, set(ours)


@pytest.mark.parametrize(
    "args",
    [
        ("--help",),
        ("--version",),
        *((command, "--help") for command in ("generate", "edit", "chat", "demo", "show")),
        *((command, "--help") for command in ("forget", "export", "check", "config", "keys")),
        ("offline", "serve", "--help"),
        ("policy", "test", "--help"),
        ("completion", "bash"),
    ],
    ids=" ".join,
)
def test_help_version_and_completion_import_click_and_nothing_else(args: tuple[str, ...]) -> None:
    packages, ours = modules_after(*args)

    assert packages == {"agent", "click"}
    assert all(n in ("agent", "agent.doors") or n.startswith("agent.doors.cli") for n in ours)


def test_completing_a_flag_imports_click_and_nothing_else() -> None:
    packages, _ = modules_after(
        _LIMNER_COMPLETE="bash_complete", COMP_WORDS="limner generate --qu", COMP_CWORD="2"
    )

    assert packages == {"agent", "click"}
