"""Which process sent an attempt, and whether it still lives.

An owner is ``host:pid:started-place``. ``started`` is when the process began, so that a pid that was
given out again is somebody else; ``place`` tells machines and containers of one name apart, whose
pids mean nothing to each other. What cannot be told from here is told by signs of life: those of a
server (``presence``), else the heartbeat of an attempt.
"""

from __future__ import annotations

import errno
import hashlib
import os
import re
import shutil
import socket
import subprocess
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Final, Literal
from uuid import getnode

SILENT: Final = timedelta(minutes=10)
"""After so long without a heartbeat, a process that cannot be looked at counts as gone."""
LAPSED: Final = timedelta(minutes=2)
"""The same of one that gives signs of life whatever it does; they are some seconds apart."""

Life = Literal["alive", "gone", "elsewhere"]
"""``elsewhere``: on another machine, or of a kind that cannot be looked at from here."""

_PROC: Final = Path("/proc")
_DEAD_STATES: Final = "ZXx"
"""A zombie answers nobody; only its parent has not noticed yet."""
_PS_S: Final = 5.0


@dataclass(frozen=True, slots=True)
class Owner:
    """The parts of an owner's name; ``pid`` is 0 where the name has none."""

    host: str
    pid: int
    started: str
    place: str


def read_owner(name: str) -> Owner:
    """Any text: what does not fit has neither pid nor place."""
    host, pid, birth = [*name.rsplit(":", 2), "", ""][:3]
    started, _, place = birth.rpartition("-")
    return Owner(host, int(pid) if pid.isdecimal() and len(pid) < 10 else 0, started, place)


def this_process() -> str:
    """The name of this process as an owner."""
    pid = os.getpid()
    return f"{socket.gethostname()}:{pid}:{birth(pid) or 'unknown'}-{place()}"


def life_of(name: str | None) -> Life:
    """What can be seen of an owner from here."""
    owner = read_owner(name or "")
    if not owner.pid or (owner.host, owner.place) != (socket.gethostname(), place()):
        return "elsewhere"
    if _is_gone(owner.pid):
        return "gone"
    now = birth(owner.pid)
    if now is None or owner.started == "unknown":
        return "elsewhere"
    return "alive" if now == owner.started else "gone"


def is_dead(name: str | None, *, seen: datetime, now: datetime) -> bool:
    """Whether nobody waits for it any more; ``seen`` is its last sign of life."""
    return has_ended(life_of(name), quiet=now - seen)


def has_ended(life: Life, *, quiet: timedelta, silent: timedelta | None = None) -> bool:
    """The same of a process that was looked at. ``quiet``: so long ago it did something here.

    ``silent``: for how long it has given no sign of life, where it is one that gives them.
    """
    lapsed = quiet > SILENT if silent is None else silent > LAPSED
    return life == "gone" or (life == "elsewhere" and lapsed)


def birth(pid: int) -> str | None:
    """When a process began: clock ticks since the machine did, else a date; ``None``: unknown."""
    stat = _read(_PROC / str(pid) / "stat")
    if stat:
        return born_by_stat(stat)
    return None if (_PROC / "self").exists() else _born_by_ps(pid)


def born_by_stat(stat: str) -> str | None:
    """Field 22 of ``/proc/PID/stat``; a name in field 2 may hold spaces and brackets (proc(5))."""
    fields = stat.rpartition(")")[2].split()
    return fields[19] if len(fields) > 19 and fields[0] not in _DEAD_STATES else None


def born_by_date(text: str) -> str | None:
    """``ps -o lstart=`` without what an owner's name may not hold."""
    return re.sub(r"[^0-9A-Za-z]+", "", text) or None


@lru_cache(maxsize=1)
def place() -> str:
    """Which kernel, since which start of it, and which space of pids; else which network card."""
    boot = _read(_PROC / "sys/kernel/random/boot_id") or f"{getnode()}"
    try:
        space = str((_PROC / "self/ns/pid").readlink())
    except OSError:
        space = ""
    return hashlib.sha256(f"{boot.strip()} {space}".encode()).hexdigest()[:8]


def _is_gone(pid: int) -> bool:
    """A process of somebody else's is there, even if nothing else may be known of it."""
    stat = _read(_PROC / str(pid) / "stat")
    if stat:
        return born_by_stat(stat) is None
    if os.name == "nt":  # a signal there ends the process
        return False
    try:
        os.kill(pid, 0)
    except OSError as error:
        return error.errno == errno.ESRCH
    return False


def _read(path: Path) -> str | None:
    try:
        return path.read_text("utf-8", "replace")
    except OSError:
        return None


def _born_by_ps(pid: int) -> str | None:
    program = shutil.which("ps")
    if program is None:
        return None
    asked = [program, "-o", "lstart=", "-p", str(pid)]
    try:
        told = subprocess.run(  # noqa: S603  a program found on the PATH and a number
            asked,
            capture_output=True,
            text=True,
            check=False,
            timeout=_PS_S,
            env={**os.environ, "LC_ALL": "C", "TZ": "UTC"},
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return born_by_date(told.stdout)
