"""A PostgreSQL of a test's own, from Debian's package; the test is skipped where there is none."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest


@dataclass(frozen=True)
class Postgres:
    programs: Path
    folder: Path
    port: int

    @property
    def url(self) -> str:
        return f"postgresql://limner@127.0.0.1:{self.port}/limner"

    def start(self) -> None:
        options = f"-p {self.port} -k {self.folder} -c listen_addresses=127.0.0.1 -c fsync=off"
        self.run("pg_ctl", "-D", f"{self.folder}/data", "-o", options, "-w", "-s", "start")

    def stop(self) -> None:
        self.run("pg_ctl", "-D", f"{self.folder}/data", "-w", "-s", "-m", "fast", "stop")

    def run(self, program: str, *args: str) -> None:
        """PostgreSQL refuses to run as root."""
        as_whom = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
        command = [*as_whom, str(self.programs / program), *args]
        with (self.folder / "log").open("a") as log:
            subprocess.run(command, check=True, cwd=self.folder, stdout=log, stderr=log)


@contextmanager
def postgres() -> Iterator[Postgres]:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if not found:
        pytest.skip("no PostgreSQL here: apt-get install postgresql-15")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    folder = Path(tempfile.mkdtemp(prefix="limner-pg-"))
    (folder / "log").touch()
    if os.geteuid() == 0:
        shutil.chown(folder, "postgres")
    server = Postgres(found[-1].parent, folder, port)
    try:
        server.run("initdb", "-D", f"{folder}/data", "-A", "trust", "-U", "limner", "-N")
        server.start()
        try:
            server.run("createdb", "-h", "127.0.0.1", "-p", str(port), "-U", "limner", "limner")
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(folder)
