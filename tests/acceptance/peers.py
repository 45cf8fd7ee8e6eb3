"""Where other people's programs are, and what runs them; each absent one is a reason to skip."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from .brain import Brain

ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = Path(__file__).parent / "scripts"
CLIENTS = os.environ.get("LIMNER_CLIENTS", "")
"""Read once: every test has a clean environment."""
WITHOUT = "LIMNER_CLIENTS names no folder of clients (tests/acceptance/README.md)"
PLACES = {
    "python": "venv/bin/python",
    "node": "npm-node/node_modules/node/bin/node",
    "npm-oai": "npm-oai/node_modules",
    "codex": "npm-codex/node_modules/.bin/codex",
    "opencode": "npm-opencode/node_modules/.bin/opencode",
    "mcp-inspector": "npm-mcp/node_modules/.bin/mcp-inspector",
    "conformance": "npm-mcp/node_modules/.bin/conformance",
}
Json = dict[str, Any]


def place(name: str) -> Path:
    """Of a client; skips the test where it is not installed."""
    if not CLIENTS:
        pytest.skip(WITHOUT)
    path = Path(CLIENTS).expanduser().absolute() / PLACES[name]
    if not path.exists():
        pytest.skip(f"{name} is not installed: {path} is missing")
    return path


def library(name: str) -> Path:
    """The Python that has it."""
    python = place("python")
    found = subprocess.run(
        [python, "-c", f"import {name}"], capture_output=True, check=False, timeout=120
    )
    if found.returncode:
        pytest.skip(f"{name} is not installed for {python}")
    return python


@dataclass(frozen=True)
class Ran:
    code: int
    out: str
    err: str

    @property
    def events(self) -> list[Json]:
        """Of a program that prints JSON, a line each."""
        return [json.loads(line) for line in self.out.splitlines() if line.startswith("{")]


@dataclass(frozen=True)
class Stage:
    """A home with a configured server, the store in it, and what stands behind the server."""

    home: Path
    brain: Brain
    artist: Any
    url: str = ""
    """Of ``limner serve``, where it runs."""

    @property
    def environment(self) -> dict[str, str]:
        """Nothing of whoever runs the tests."""
        node = Path(CLIENTS).expanduser().absolute() / PLACES["node"]
        return {
            "PATH": os.pathsep.join([str(self.home / "bin"), str(node.parent), "/usr/bin", "/bin"]),
            "HOME": str(self.home),
            "LIMNER_HOME": str(self.home / "data"),
            "LIMNER_POLICY": str(self.home / "policy"),
            "PEER_KEY": "sk-peer",
            "NO_PROXY": "127.0.0.1",
            "NO_COLOR": "1",
            "LANG": "C.UTF-8",
        }

    def run(
        self,
        *command: object,
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
        timeout: float = 180,
    ) -> Ran:
        """To its end; stdin is closed."""
        done = subprocess.run(
            [str(part) for part in command],
            cwd=cwd or self.home,
            env={**self.environment, **(env or {})},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
        return Ran(done.returncode, done.stdout, done.stderr)

    def folder(self, name: str) -> Path:
        """Empty, below the home."""
        path = self.home / name
        shutil.rmtree(path, ignore_errors=True)
        path.mkdir(parents=True)
        return path


POLICY = """
version: house@1
classes: {pineapple: "pineapple[s]"}
rules:
  - {id: no-pineapples, category: fruit, severity: refuse, message: No pineapples here.,
     fix: Draw a pear., all_of: [[pineapple]]}
"""
REFUSED = "a pineapple on a plate"


def furnish(home: Path, server: str, dialect: str) -> None:
    """The profile ``peer``, a rule about pineapples, and the command on the path."""
    for name in ("bin", "policy", ".config/limner"):
        (home / name).mkdir(parents=True)
    (home / "policy" / "house.yaml").write_text(POLICY)
    profile = {"base_url": server, "api_key_env": "PEER_KEY", "dialect": dialect}
    lines = [f"{name} = {json.dumps(value)}" for name, value in profile.items()]
    config = home / ".config" / "limner" / "config.toml"
    config.write_text("\n".join(['profile = "peer"', "[profiles.peer]", *lines, ""]))
    call = shlex.join([sys.executable, "-c", "from agent.doors.cli import main; main()"])
    command = home / "bin" / "limner"
    command.write_text(f'#!/bin/sh\nPYTHONPATH={shlex.quote(str(ROOT))} exec {call} "$@"\n')
    command.chmod(0o755)


def toml(table: Mapping[str, Any], *above: str) -> str:
    """A document of plain values and tables in tables."""
    lines = [f"{json.dumps(k)} = {json.dumps(v)}" for k, v in table.items() if type(v) is not dict]
    head = [f"[{'.'.join(map(json.dumps, above))}]"] if above and lines else []
    inner = [toml(v, *above, k) for k, v in table.items() if type(v) is dict]
    return "\n".join([*head, *lines, *inner])


def block(page: str, kind: str, having: str) -> str:
    """The fenced block of a page of docs/ in which that stands."""
    text = (ROOT / "docs" / page).read_text("utf-8")
    blocks = [part.split("```")[0] for part in text.split(f"```{kind}\n")[1:]]
    return next(one for one in blocks if having in one)
