"""LiteLLM's proxy as a process of its own, between Limner and the offline artist."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import anyio.from_thread
import httpx2
import yaml

from agent.offline import Offline, OfflineOptions
from agent.offline.faults import Schedule, parse_fault

from ..gateway import served

KEY = "sk-proxy-0123456789abcdef"
_NAMES = 100
"""LiteLLM pauses a model after an error (L4), so each case has names of its own for the two."""
_READY_S = 120.0


@dataclass(frozen=True, slots=True)
class Models:
    """What a case calls the two models; LiteLLM turns the names into the real ones."""

    text: str = "gpt-5.5"
    image: str = "gpt-image-2"


@dataclass(kw_only=True)
class Artist:
    """The offline upstream behind the proxy: what reached it, and how it is to behave."""

    server: Offline
    url: str

    def behave(self, *faults: str) -> None:
        """From here on with these faults, and with nothing counted yet."""
        self.server.state.schedule = Schedule(tuple(map(parse_fault, faults)))
        self.server.state.journal.clear()

    @property
    def requests(self) -> int:
        return self.server.state.journal.counts["requests"]

    @property
    def generations(self) -> int:
        """Pictures really finished: what somebody would have paid for."""
        return self.server.state.journal.counts["generations"]

    @property
    def arrived(self) -> list[dict[str, Any]]:
        """The requests since ``behave``, with their bodies; pictures as hash and length."""
        entries: list[Any] = self.server.state.journal.log()
        return entries


@dataclass(kw_only=True)
class Proxy:
    """A running LiteLLM, and what was measured of it."""

    url: str
    version: str
    ready_s: float
    pid: int
    artist: Artist
    facts: list[tuple[str, str]] = field(default_factory=list)
    _used: int = -1

    def note(self, case: str, what: str) -> None:
        """A line for the table at the end of the run."""
        self.facts.append((case, what))

    def fresh(self) -> Models:
        """Names that nobody has used yet."""
        self._used += 1
        assert self._used < _NAMES, "more cases than names"
        return _models(self._used)

    def rss_mb(self) -> int | None:
        """Resident memory, where the system has a /proc."""
        try:
            status = Path(f"/proc/{self.pid}/status").read_text("ascii")
        except OSError:
            return None
        kilobytes = next(line.split()[1] for line in status.splitlines() if "VmRSS" in line)
        return int(kilobytes) // 1024


@contextmanager
def running(executable: Path, folder: Path) -> Iterator[Proxy]:
    """The artist, and LiteLLM in front of it; both are gone afterwards."""
    server = Offline(OfflineOptions(dialect="openai", draw="tiny"))
    with (
        anyio.from_thread.start_blocking_portal() as portal,
        portal.wrap_async_context_manager(served(server)) as url,
        _started(executable, folder, Artist(server=server, url=url)) as proxy,
    ):
        yield proxy


@contextmanager
def _started(executable: Path, folder: Path, artist: Artist) -> Iterator[Proxy]:
    port, log = _free_port(), folder / "litellm.log"
    (folder / "litellm.yaml").write_text(yaml.safe_dump(_config(artist.url)))
    command = [str(executable), "--config", "litellm.yaml", "--host", "127.0.0.1"]
    started = time.monotonic()
    with log.open("wb") as out:
        process = subprocess.Popen(
            [*command, "--port", str(port)],
            cwd=folder,
            env=_environment(folder),
            stdout=out,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
        )
    try:
        _wait(process, f"http://127.0.0.1:{port}/health/liveliness", log)
        yield Proxy(
            url=f"http://127.0.0.1:{port}/v1",
            version=_version(executable),
            ready_s=time.monotonic() - started,
            pid=process.pid,
            artist=artist,
        )
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(10)


def _models(number: int) -> Models:
    return Models(f"case-{number}", f"case-{number}/gpt-image-2")


def _config(upstream: str) -> dict[str, Any]:
    """Its defaults, but for its router's retries; those of the SDK inside it remain (L11)."""

    def entry(name: str, model: str) -> dict[str, Any]:
        params = {"model": f"openai/{model}", "api_base": upstream, "api_key": "sk-upstream"}
        return {"model_name": name, "litellm_params": params}

    real = Models()
    return {
        "model_list": [
            entry(name, model)
            for models in (real, *map(_models, range(_NAMES)))
            for name, model in ((models.text, real.text), (models.image, real.image))
        ],
        "general_settings": {"master_key": KEY},
        "litellm_settings": {"num_retries": 0, "telemetry": False},
        "router_settings": {"num_retries": 0},
    }


def _environment(folder: Path) -> dict[str, str]:
    """Nothing of whoever runs the tests; and it asks the network for nothing."""
    return {
        "PATH": os.environ.get("PATH", ""),
        "HOME": str(folder),
        "LITELLM_LOCAL_MODEL_COST_MAP": "True",
        "NO_PROXY": "127.0.0.1",
        "NO_COLOR": "1",
    }


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def _wait(process: subprocess.Popen[bytes], address: str, log: Path) -> None:
    deadline = time.monotonic() + _READY_S
    while time.monotonic() < deadline and process.poll() is None:
        try:
            if httpx2.get(address, timeout=2, trust_env=False).is_success:
                return
        except httpx2.HTTPError:
            time.sleep(0.2)
    said = log.read_text("utf-8", "replace")[-2000:]
    raise RuntimeError(f"LiteLLM was not ready within {_READY_S:.0f} s. It said:\n{said}")


def _version(executable: Path) -> str:
    """Of the environment that the executable belongs to."""
    code = "import importlib.metadata as m, json; print(json.dumps(m.version('litellm')))"
    python = executable.with_name("python")
    ran = subprocess.run([python, "-c", code], capture_output=True, check=True, text=True)
    return str(json.loads(ran.stdout))
