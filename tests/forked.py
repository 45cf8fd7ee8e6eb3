"""Processes of their own that start at once: forked from one that has imported everything.

Importing takes a process most of a second, and what most tests want of one is only that it is
another one: to be interrupted, to die, to sit at a terminal. ``python()`` is what to start in
place of ``sys.executable``: a few lines that hand their streams, arguments, environment and folder
to a server, pass signals on, and end as the forked process ends. A test of what is imported, or of
the start itself, starts ``sys.executable``.
"""

from __future__ import annotations

import json
import os
import selectors
import signal
import socket
import sys
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
PASSED_ON = (signal.SIGINT, signal.SIGTERM)
LATE = ("alembic.command", "sqlalchemy.dialects.sqlite", "dbos")
"""What is imported only where there is work for it."""
Job = dict[str, Any]


@cache
def python() -> str:
    """What to put in place of ``sys.executable``; itself where forking this way is not safe."""
    if sys.platform != "linux":
        return sys.executable
    import atexit
    import shlex
    import subprocess
    import tempfile

    folder = tempfile.TemporaryDirectory(prefix="forked")
    shim = Path(folder.name, "python")
    address = f"{shim}-line"
    call = shlex.join([sys.executable, "-E", "-S", __file__, "start", address])
    shim.write_text(f'#!/bin/sh\nexec {call} "$@"\n')
    shim.chmod(0o700)
    paths = os.pathsep.join([str(ROOT), *sys.path])
    server = subprocess.Popen(
        [sys.executable, __file__, "serve", address, str(shim)],
        env={**os.environ, "PYTHONPATH": paths},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        start_new_session=True,
    )
    assert server.stdout is not None
    atexit.register(folder.cleanup)
    atexit.register(server.communicate)
    assert server.stdout.readline() == b"ready\n"
    return str(shim)


# ── what a test starts ───────────────────────────────────────────────────────────────────────


def start(address: str, arguments: list[str]) -> None:
    """Be what the forked process is, to whoever started this one."""
    opened = [fd for fd in (0, 1, 2) if _is_open(fd)]
    job = {"argv": arguments, "cwd": str(Path.cwd()), "env": dict(os.environ), "opened": opened}
    line = socket.socket(socket.AF_UNIX)
    line.connect(address)
    for number in PASSED_ON:
        signal.signal(number, lambda number, _: line.sendall(bytes([number])))
    data = json.dumps(job).encode()
    socket.send_fds(line, [len(data).to_bytes(4, "big")], opened)
    line.sendall(data)
    for fd in opened:
        os.close(fd)
    code = int.from_bytes(line.recv(4), "big", signed=True)
    if code < 0:
        if -code != signal.SIGKILL:
            signal.signal(-code, signal.SIG_DFL)
        os.kill(os.getpid(), -code)
    os._exit(code)


def _is_open(fd: int) -> bool:
    try:
        os.fstat(fd)
    except OSError:
        return False
    return True


# ── the server ───────────────────────────────────────────────────────────────────────────────


class Server:
    """Forks on demand, passes signals in and exit codes out; ends with its stdin."""

    def __init__(self, address: str) -> None:
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(address)
        self.listener.listen()
        self.running: dict[int, socket.socket] = {}
        self.ended, alarm = socket.socketpair()
        alarm.setblocking(False)
        self.alarm = alarm
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(alarm.fileno())
        self.ready = selectors.DefaultSelector()
        for source in (self.listener, self.ended, sys.stdin):
            self.ready.register(source, selectors.EVENT_READ)

    def serve(self) -> Job | None:
        """In the server None, at its end; in a forked process what it is to do."""
        while True:
            for key, _ in self.ready.select():
                if key.fileobj is sys.stdin:
                    self._close()
                    return None
                if key.fileobj is self.ended:
                    self._reap()
                elif key.fileobj is not self.listener:
                    self._signalled(key.data)
                elif job := self._fork():
                    return job

    def _close(self) -> None:
        for pid in self.running:
            os.kill(pid, signal.SIGKILL)

    def _reap(self) -> None:
        self.ended.recv(64)
        for pid, line in list(self.running.items()):
            done, status = os.waitpid(pid, os.WNOHANG)
            if done:
                del self.running[pid]
                self.ready.unregister(line)
                code = os.waitstatus_to_exitcode(status)
                with suppress(BrokenPipeError):
                    line.sendall(code.to_bytes(4, "big", signed=True))
                line.close()

    def _signalled(self, pid: int) -> None:
        """A signal to pass on; nobody there any more is one to end with."""
        if pid in self.running:
            number = self.running[pid].recv(1)
            os.kill(pid, number[0] if number else signal.SIGKILL)

    def _fork(self) -> Job | None:
        line, _ = self.listener.accept()
        size, streams, _, _ = socket.recv_fds(line, 4, 3)
        data = bytearray()
        while len(data) < int.from_bytes(size, "big"):
            data += line.recv(65_536)
        job: Job = json.loads(data)
        if pid := os.fork():
            self.running[pid] = line
            self.ready.register(line, selectors.EVENT_READ, pid)
            for fd in streams:
                os.close(fd)
            return None
        self._forget(line)
        _become(job, streams)
        return job

    def _forget(self, line: socket.socket) -> None:
        """What only the server needs."""
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        self.ready.close()
        for one in (line, self.listener, self.ended, self.alarm, *self.running.values()):
            one.close()


def _become(job: Job, streams: list[int]) -> None:
    """Take over what the process that was started has: streams, environment, folder, arguments."""
    os.setsid()
    moved = dict(zip(job["opened"], streams, strict=True))
    for number in (0, 1, 2):
        if number in moved:
            os.dup2(moved[number], number)
        else:
            os.close(number)
    for fd in streams:
        os.close(fd)
    os.environ.clear()
    os.environ.update(job["env"])
    os.chdir(job["cwd"])
    sys.stdin = sys.__stdin__ = open(0, closefd=False) if 0 in moved else None  # type: ignore[misc]  # noqa: SIM115
    sys.stdout = sys.__stdout__ = _writing(1) if 1 in moved else None  # type: ignore[misc]
    sys.stderr = sys.__stderr__ = _writing(2) if 2 in moved else None  # type: ignore[misc]


def _writing(fd: int) -> Any:
    by_line = fd == 2 or os.isatty(fd)
    errors = "backslashreplace" if fd == 2 else "strict"
    return open(fd, "w", buffering=1 if by_line else -1, errors=errors, closefd=False)


def warm(home: Path) -> None:
    """Import and read what any command does while it works."""
    import gc
    import importlib
    import pkgutil

    import anyio.lowlevel

    gc.disable()
    import agent
    from agent import load_settings
    from agent.factory import load_policies
    from tests.hasty import hasten

    for module in pkgutil.walk_packages(agent.__path__, "agent."):
        if "._data" not in module.name and ".migrations" not in module.name:
            importlib.import_module(module.name)
    for name in LATE:
        importlib.import_module(name)
    hasten(_put)
    load_policies(load_settings(env={"HOME": str(home)}, cwd=home, config_dir=home))
    anyio.run(anyio.lowlevel.checkpoint)
    gc.freeze()
    gc.enable()


def _put(name: str, value: object) -> None:
    import pkgutil

    module, _, attribute = name.rpartition(".")
    setattr(pkgutil.resolve_name(module), attribute, value)


def run(argv: list[str]) -> None:
    """As ``python -c CODE …`` or ``python SCRIPT …`` would."""
    import atexit
    import runpy

    ended: list[object] = []
    atexit.register(_leave, ended)  # the first, so that it is called last
    try:
        if argv[0] == "-c":
            sys.argv = ["-c", *argv[2:]]
            exec(compile(argv[1], "<string>", "exec"), {"__name__": "__main__"})
        else:
            sys.argv = argv
            runpy.run_path(argv[0], run_name="__main__")
        ended.append(0)
    except SystemExit as end:
        ended.append(0 if end.code is None else end.code)
        raise


def _leave(ended: list[object]) -> None:
    """End without taking apart what was imported: that takes longer than what most tests start.

    Threads are joined and exit functions called by now. An exception, or a stream that cannot be
    written to, is left for the interpreter to tell in its own way.
    """
    with suppress(OSError, ValueError):
        for stream in (sys.stdout, sys.stderr):
            if stream is not None:
                stream.flush()
        if ended and isinstance(ended[0], int):
            os._exit(ended[0] & 0xFF)


if __name__ == "__main__":
    if sys.argv[1] == "start":
        start(sys.argv[2], sys.argv[3:])
    warm(Path(sys.argv[2]).parent)
    server = Server(sys.argv[2])
    print("ready", flush=True)
    job = server.serve()
    if job is not None:
        sys.executable = sys.argv[3]  # its own children start like this too
        run(job["argv"])
