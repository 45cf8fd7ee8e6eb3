"""Install the clients that are missing into a folder, and run everything here with them.

python tests/acceptance/run.py --install DIR     # about 2 GB, from PyPI and npm
python tests/acceptance/run.py DIR -k codex      # run only; what follows goes to pytest

Nothing is asked of the network afterwards: no key, no login, loopback only.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
NPM = {
    "npm-node": ["node@24.21.0"],
    "npm-oai": ["openai@7.55.0", "ai@7.0.173", "@ai-sdk/openai@4.0.118", "zod@4"],
    "npm-mcp": [
        "@modelcontextprotocol/inspector@2.12.0",
        "@modelcontextprotocol/conformance@0.1.16",
    ],
    "npm-codex": ["@openai/codex@0.169.0"],
    "npm-opencode": ["opencode-ai@1.18.33"],
}
PYTHON = [
    "openai==3.51.0",
    "openai-agents==0.24.0",
    "pydantic-ai-slim[openai]==2.68.0",
    "langchain-openai==1.7.3",
    "pytest>=9",
]


def install(folder: Path) -> list[str]:
    """What is missing; the names of what could not be installed."""
    folder.mkdir(parents=True, exist_ok=True)
    failed = [name for name, wanted in NPM.items() if not _npm(folder / name, wanted)]
    return failed + ([] if _venv(folder / "venv") else ["venv"])


def _npm(folder: Path, wanted: list[str]) -> bool:
    if (folder / "node_modules").is_dir():
        print(f"── {folder.name}: is there", flush=True)
        return True
    npm = shutil.which("npm")
    if npm is None:
        print(f"── {folder.name}: needs npm, which is not on the path", flush=True)
        return False
    folder.mkdir(exist_ok=True)
    (folder / "package.json").write_text("{}\n")
    print(f"── {folder.name}: {' '.join(wanted)}", flush=True)
    call = [npm, "install", "--no-audit", "--no-fund", *wanted]
    return subprocess.run(call, cwd=folder, check=False).returncode == 0


def _venv(folder: Path) -> bool:
    """Clients in Python, and Limner among them for the examples."""
    python = folder / "bin" / "python"
    if python.is_file() and _has(python):
        print("── venv: is there", flush=True)
        return True
    print(f"── venv: {' '.join(PYTHON)}", flush=True)
    if not python.is_file():
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    constraints = ["-c", str(ROOT / "constraints.txt")]
    call = [str(python), "-m", "pip", "install", "-q", *constraints, f"{ROOT}[dev]", *PYTHON]
    return subprocess.run(call, check=False).returncode == 0


def _has(python: Path) -> bool:
    code = "import agents, pydantic_ai, langchain_openai, pytest, hypothesis, sqlalchemy"
    return subprocess.run([python, "-c", code], check=False, capture_output=True).returncode == 0


def run(folder: Path, more: list[str]) -> int:
    """All of it, and the examples, by the Python that has their libraries."""
    python = folder.absolute() / "venv" / "bin" / "python"
    env = {**os.environ, "LIMNER_CLIENTS": str(folder.resolve())}
    tests = ["-m", "pytest", "-q", "tests/acceptance", "tests/test_examples.py", *more]
    call = [str(python) if python.is_file() else sys.executable, *tests]
    return subprocess.run(call, cwd=ROOT, env=env, check=False).returncode


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("folder", type=Path, metavar="DIR")
    parser.add_argument("--install", action="store_true", help="install what is missing first")
    chosen, more = parser.parse_known_args()
    failed = install(chosen.folder) if chosen.install else []
    code = run(chosen.folder, more)
    for name in failed:
        print(f"── {name} could not be installed; its tests were skipped", flush=True)
    return code or bool(failed)


if __name__ == "__main__":
    sys.exit(main())
